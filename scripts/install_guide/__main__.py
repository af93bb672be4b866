"""The command line: bootstrap, the site, the guide's commands, a session, and the same as root."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from private_slurm.checkout import copy_of_checkout, wheel_of

from install_guide import site
from install_guide.guide import GuideError, Step, steps_of, values_of, with_values
from install_guide.machine import MIRROR, Machine, MachineError, bootstrap
from install_guide.visit import VisitError, Visitor, check_open, start_session, stop_session

CHECKOUT = Path(__file__).resolve().parents[2]
GUIDE = CHECKOUT / "docs" / "install.md"
INSIDE = "INSTALL_GUIDE_INSIDE"
PORTS = (443, 8000, 8001, 8081)
SHARED, FROM = "/srv/jupyter", "/root/from-the-cluster"
VALUES = {
    "SITE": "localhost",
    "HUB_ADDRESS": "127.0.0.1",
    "GROUP": site.GROUP,
    "ADMIN": site.ADMIN,
    "SOMEBODY": site.USER,
    "SHARED": SHARED,
    "FROM": FROM,
}
FIRST_SESSION, AS_ROOT = "The first session", "A Hub that is root"
"""Headings: once the commands below have run, somebody logs in and starts a session."""


def main() -> int:
    """Run all of it; the exit status is 0 where a session answered both times."""
    parser = argparse.ArgumentParser(prog="install_guide", description="Run docs/install.md from nothing, up to a session.")
    parser.add_argument("--base", type=Path, help="a Debian that was bootstrapped before (made there if it is not there)")
    parser.add_argument("--mirror", default=MIRROR, help="where Debian comes from (%(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave the machines' folders behind")
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("install_guide: only root can do this.", file=sys.stderr)
        return 2
    if INSIDE not in os.environ:
        # All processes and mounts of the machines end with this command, however it ends.
        spaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        again = [*spaces, sys.executable, "-m", "install_guide", *sys.argv[1:]]
        return subprocess.run(again, env={**os.environ, INSIDE: "1"}, check=False).returncode
    os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="install-guide-", dir=options.base.parent if options.base else None))
    folder.chmod(0o755)
    begun = time.monotonic()
    try:
        _run(folder, options.base or folder / "base", options.mirror)
    except (MachineError, VisitError, GuideError) as error:
        print(f"install_guide: {error}", file=sys.stderr)
        return 1
    finally:
        if not options.keep:
            _remove(folder)
    say(f"The guide leads from nothing to a session, in {time.monotonic() - begun:.0f} s.")
    return 0


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, flush=True)


def _remove(folder: Path) -> None:
    """Remove the machines, and nothing that is mounted in them: first the mounts go, with what lies on them."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for path in reversed([each for each in mounted if each.startswith(f"{folder}/")]):
        subprocess.run(["umount", "--lazy", path], check=False)
    if not any(line.split()[1].startswith(f"{folder}/") for line in Path("/proc/mounts").read_text().splitlines()):
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, base: Path, mirror: str) -> None:
    first, *steps = steps_of(GUIDE.read_text())
    values = with_values(values_of(first), VALUES)
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise MachineError(f"Port {port} of this machine is taken.") from None
    wheel = _wheel(folder)
    if not base.is_dir():
        say(f"== a Debian from nothing, in {base}")
        bootstrap(base, mirror)
    shared = {"/home": folder / "home", SHARED: folder / "shared"}
    say("== the site: its accounts, and a Slurm cluster")
    cluster = Machine(folder / "site", base, shared, say)
    site.add_people(cluster)
    site.start_cluster(cluster)
    hub = Machine(folder / "hub", base, shared, say)
    site.add_people(hub)
    site.hand_over(cluster, hub, FROM)
    hub.path("/root/wheel").mkdir()
    shutil.copy(wheel, hub.path("/root/wheel"))
    stand_in = hub.path("/usr/local/bin/systemctl")
    shutil.copyfile(Path(__file__).with_name("systemctl.py"), stand_in)
    stand_in.chmod(0o755)
    _follow(hub, steps, values)


def _wheel(folder: Path) -> Path:
    say("== the wheel of this checkout")
    return wheel_of(copy_of_checkout(CHECKOUT, folder / "source"), folder)


def _follow(hub: Machine, steps: list[Step], values: str) -> None:
    headings = list(dict.fromkeys(step.heading for step in steps))
    if not {FIRST_SESSION, AS_ROOT} <= set(headings):
        raise GuideError(f"The guide has no commands below {FIRST_SESSION!r} and {AS_ROOT!r}.")
    for heading in headings:
        say(f"== {heading}")
        for step in (each for each in steps if each.heading == heading):
            say("".join(f"  # {line}\n" for line in step.commands.splitlines()).rstrip())
            try:
                hub.run(values + step.commands, show=True)
            except MachineError as error:
                raise MachineError(f"line {step.line} of {GUIDE.name}, {heading!r}: {error}\n{_logs(hub)}") from None
        if heading in (FIRST_SESSION, AS_ROOT):
            _session(hub)


def _session(hub: Machine) -> None:
    visitor = Visitor(VALUES["SITE"], hub.path(f"/etc/ssl/certs/{VALUES['SITE']}.pem"))
    try:
        visitor.log_in(site.USER, site.PASSWORD)
        say(f"  a session answers: {start_session(visitor, site.USER)}")
        hub.run("systemctl stop jupyterhub")
        check_open(visitor, site.USER)
        say("  it is open while the Hub is away")
        hub.run("systemctl start jupyterhub")
        visitor.log_in(site.USER, site.PASSWORD)
        stop_session(visitor, site.USER)
        say("  it is stopped")
    except VisitError as error:
        raise VisitError(f"{error}\n{_logs(hub)}") from None


def _logs(hub: Machine) -> str:
    """What the services have said last."""
    logs = {path.name: path.read_text(errors="replace").splitlines() for path in sorted(hub.path("/run/systemctl").glob("*.log"))}
    return "\n".join("\n".join([f"--- {name}", *lines[-40:]]) for name, lines in logs.items())


if __name__ == "__main__":
    sys.exit(main())
