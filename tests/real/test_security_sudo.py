"""The user's variables on their way through sudo with an older rule, one with SETENV: they act on nothing there, and come out unchanged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from private_slurm import packages
from private_slurm.releases import JUPYTERHUB_VERSION
from private_slurm.users import ensure_system_users

from spawner.errors import RequestRejected
from spawner.job.sbatch import job_environment, job_script
from spawner.request.model import parse_request
from spawner.site.interfaces import Interface
from spawner.site.release import Release
from tests.support.real_hub import CHECKOUT

HUB_USER, USER = "demo-hub", "demo-ada"

OF_GLIBC = (
    *("GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOSTALIASES", "LD_AUDIT", "LD_BIND_NOW", "LD_DEBUG", "LD_LIBRARY_PATH"),
    *("LD_ORIGIN_PATH", "LD_PRELOAD", "LD_PROFILE", "LD_SHOW_AUXV", "LOCALDOMAIN", "LOCPATH", "MALLOC_ARENA_MAX", "MALLOC_TRACE"),
    *("MALLOC_MMAP_THRESHOLD_", "MALLOC_PERTURB_", "NIS_PATH", "NLSPATH", "RESOLV_HOST_CONF", "RES_OPTIONS", "TMPDIR", "TZDIR"),
)
"""Variables that act on the C library of any program; it takes most of them out of the environment of sudo (ld.so(8), secure execution)."""

OF_SUDO = ("SUDO_ASKPASS", "SUDO_COMMAND", "SUDO_EDITOR", "SUDO_GID", "SUDO_HOME", "SUDO_PROMPT", "SUDO_PS1", "SUDO_UID", "SUDO_USER")
"""sudo(8), "ENVIRONMENT": what it is told by, and what it tells the command about its caller."""

OTHERS = (
    "TZ",
    "LANG",
    "LC_ALL",
    "LANGUAGE",
    "TERM",
    "TERMINFO",
    "DISPLAY",
    "XAUTHORITY",
    "MAIL",
    "KRB5CCNAME",
    "PERL5LIB",
    "EDITOR",
    "MINE",
)
VALUES = ("x", "() { :; }; id", "/etc/../%n %s", "a,b=c\nSUDO_USER=root", "")

SERVER = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"

PROGRAM = """
import asyncio, json, sys
from spawner.slurm.runner import Identity, SlurmRunner

async def main():
    given = json.loads(sys.stdin.read())
    runner = SlurmRunner(bin_dir="/usr/bin")
    identity = Identity.of(given["user"])
    for environment in given["environments"]:
        await runner.run(["bash"], stdin=given["script"], environment=environment, identity=identity)

asyncio.run(main())
"""


def accepted(variables: dict[str, str]) -> dict[str, str]:
    """Those that a request may have."""
    kept = {}
    for name, value in variables.items():
        try:
            kept.update(parse_request({"environment": {name: value}}).environment)
        except RequestRejected:
            continue
    return kept


def test_what_is_accepted_passes_through_sudo(installed: Path, test_folder: Path, tmp_path: Path) -> None:
    """Run by a Hub that is not root, with the real sudo: every variable that a request may have reaches the server byte for byte, whatever
    its value, and what sudo tells the job about its caller is sudo's own.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root: makes the user that the Hub runs as, and a name space in which sudo knows the rule")
    packages.ensure_debian_packages(["sudo"])
    ensure_system_users([HUB_USER, USER])
    environment = packages.ensure_venv(installed / "hub-environment", [f"jupyterhub=={JUPYTERHUB_VERSION}"])
    packages.ensure_checkout(environment, CHECKOUT)
    rules = tmp_path / "sudoers.d"
    rules.mkdir()
    (rules / "test").write_text(f"{HUB_USER} ALL = ({USER}) NOPASSWD:SETENV: /usr/bin/bash\n")
    (rules / "test").chmod(0o440)
    drop = test_folder / "sudo-drop"
    shutil.rmtree(drop, ignore_errors=True)
    drop.mkdir()
    drop.chmod(0o1777)
    sent, environments = [], []
    for number, value in enumerate(VALUES):
        sent.append(accepted(dict.fromkeys((*OF_GLIBC, *OF_SUDO, *OTHERS), value)))
        request = parse_request({"environment": sent[-1], "release": "a", "interface": "lab"})
        of_the_hub = {"HOME": f"/home/{USER}", "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0/", "JUPYTERHUB_API_TOKEN": "x"}
        command = ["/usr/bin/python3", "-I", "-c", SERVER, str(drop / f"{number}.json")]
        variables = job_environment(request, of_the_hub, command=command, interface=Interface(name="lab", label="Lab", url="/lab"))
        environments.append({**variables, "SLURM_JOB_ID": f"sudo-{number}", "SLURM_CPUS_PER_TASK": "1"})
    prologue = f'printf %s "$SUDO_USER $SUDO_UID" >{drop}/"$SLURM_JOB_ID"'
    script = job_script(Release.model_validate({"tag": "a", "date": "2026-01-01", "prologue": prologue}))
    become = f"setpriv --reuid={HUB_USER} --regid={HUB_USER} --init-groups"
    done = subprocess.run(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            f'mount --bind {rules} /etc/sudoers.d && exec {become} {environment}/python -I -c "$0"',
            PROGRAM,
        ],
        input=json.dumps({"user": USER, "environments": environments, "script": script}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    uid = subprocess.run(["id", "-u", HUB_USER], capture_output=True, text=True, check=True).stdout.strip()
    for number, given in enumerate(sent):
        assert "MINE" in given
        arrived = json.loads((drop / f"{number}.json").read_text())
        assert {name: value for name, value in given.items() if arrived.get(name) != value} == {}
        assert (drop / f"sudo-{number}").read_text() == f"{HUB_USER} {uid}"
