#!/usr/bin/python3
"""Stands in for systemctl(1) where no systemd runs: starts what units say, as whom they say, with the rights that they leave.

Of a unit it reads what decides whether a program works: the command, the account, variables, folders, capabilities, new rights, files. What
only systemd can do (name spaces, bounds of memory, starting again) it does not; tests/package/test_units.py has systemd check those lines.
"""

import os
import pwd
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDERS = (Path("/etc/systemd/system"), Path("/lib/systemd/system"))
STATE = Path("/run/systemctl")
NOBODY = 64999
"""Whom DynamicUser= means here."""


def settings_of(name):
    """The keys of [Service], each with its values, with those of its drop-ins behind."""
    path = next((folder / f"{name}.service" for folder in FOLDERS if (folder / f"{name}.service").is_file()), None)
    if path is None:
        sys.exit(f"Failed: Unit {name}.service not found.")
    found = {}
    for file in [path, *sorted(Path(f"/etc/systemd/system/{name}.service.d").glob("*.conf"))]:
        section = ""
        for line in file.read_text().replace("\\\n", " ").splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
                key, _, value = line.partition("=")
                found.setdefault(key.strip(), []).append(value.strip())
    return found


def last(unit, key, otherwise=""):
    """The value of a key that counts."""
    return unit.get(key, [otherwise])[-1]


def environment_of(unit, account):
    """The variables of the unit's processes."""
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LANG": "C.UTF-8",
    }
    for text in unit.get("Environment", ()):
        environment.update(word.split("=", 1) for word in shlex.split(text))
    for text in unit.get("EnvironmentFile", ()):
        file = Path(text.lstrip("-"))
        if file.is_file() or not text.startswith("-"):
            lines = file.read_text().splitlines()
            environment.update(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return environment


def make_folders(unit, account):
    """Make what RuntimeDirectory= and StateDirectory= name."""
    for key, above in (("RuntimeDirectory", "/run"), ("StateDirectory", "/var/lib")):
        for folder in last(unit, key).split():
            path = Path(above) / folder
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(int(last(unit, f"{key}Mode", "0755"), 8))
            os.chown(path, account.pw_uid, account.pw_gid)


def rights_of(unit, account):
    """argv in front of the command, which takes the rights that the unit takes."""
    words = []
    if last(unit, "DynamicUser") in ("yes", "true"):
        words = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    elif account.pw_uid:
        words = [f"--reuid={account.pw_name}", f"--regid={last(unit, 'Group', str(account.pw_gid))}", "--init-groups"]
    if "CapabilityBoundingSet" in unit:
        kept = [f"+{each.removeprefix('CAP_').lower()}" for each in last(unit, "CapabilityBoundingSet").split()]
        words.append("--bounding-set=" + ",".join(["-all", *kept]))
    if last(unit, "NoNewPrivileges") in ("yes", "true"):
        words.append("--no-new-privs")
    return ["setpriv", *words] if words else []


def start(name):
    """Start the unit, and return once its first process is there (Type=simple) or has detached itself (Type=forking)."""
    unit = settings_of(name)
    account = pwd.getpwnam(last(unit, "User", "root"))
    make_folders(unit, account)
    limits = f"ulimit -n {last(unit, 'LimitNOFILE')}; " if "LimitNOFILE" in unit else ""
    STATE.mkdir(exist_ok=True)
    with (STATE / f"{name}.log").open("ab") as log:

        def run(command, wait):
            words = [word for word in shlex.split(command.lstrip("-@+!:")) if not word.startswith("$")]
            shell = ["bash", "-c", f'{limits}umask {last(unit, "UMask", "0022")}; exec "$@"', "bash"]
            process = subprocess.Popen(
                [*shell, *rights_of(unit, account), *words],
                env=environment_of(unit, account),
                cwd=last(unit, "WorkingDirectory", "/"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            if wait and process.wait() != 0 and not command.startswith("-"):
                sys.exit(f"Job for {name}.service failed: {command} exited with {process.returncode}.")
            return process.pid

        for command in unit.get("ExecStartPre", ()):
            run(command, wait=True)
        pid = run(last(unit, "ExecStart"), wait=last(unit, "Type") == "forking")
    if last(unit, "PIDFile"):
        pid = pid_in(Path(last(unit, "PIDFile")), name)
    (STATE / f"{name}.pid").write_text(str(pid))


def pid_in(file, name):
    """The number that a daemon writes down, once it has."""
    deadline = time.monotonic() + 10
    while not file.is_file() or not file.read_text().strip():
        if time.monotonic() > deadline:
            sys.exit(f"Job for {name}.service failed: there is no {file}.")
        time.sleep(0.05)
    return int(file.read_text())


def is_active(name):
    """Whether its first process is there."""
    try:
        return Path(f"/proc/{int((STATE / f'{name}.pid').read_text())}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, ValueError):
        return False


def stop(name):
    """End its first process, and return once it is gone."""
    if is_active(name):
        pid = int((STATE / f"{name}.pid").read_text())
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while is_active(name):
            if time.monotonic() > deadline:
                sys.exit(f"{name}.service does not end.")
            time.sleep(0.05)
    (STATE / f"{name}.pid").unlink(missing_ok=True)


def main(words):
    """Do as systemctl would."""
    names = [word.removesuffix(".service") for word in words[1:] if not word.startswith("-")]
    match words[:1]:
        case ["daemon-reload"]:
            return 0
        case ["enable"] if "--now" not in words:
            return 0
        case ["enable" | "start"]:
            for name in names:
                if not is_active(name):
                    start(name)
            return 0
        case ["restart" | "reload-or-restart"]:
            for name in names:
                stop(name)
                start(name)
            return 0
        case ["stop"]:
            for name in names:
                stop(name)
            return 0
        case ["is-active"]:
            return 0 if all(map(is_active, names)) else 3
    return f"This stand-in for systemctl does not know {' '.join(words)!r}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
