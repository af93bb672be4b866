"""A Hub that is not root: it submits and cancels as its users through sudo, with the rule that we ship and nothing else."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.releases import JUPYTERHUB_VERSION
from private_slurm.users import ensure_system_users

from spawner.cluster.estimator import question_of
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.model import parse_request
from spawner.session.log_reader import INSTALLED_READER
from spawner.slurm.test_only import parse_estimate
from tests.support.invariant import assert_consistent, assert_kept, kernels, tagged_jobs
from tests.support.real_hub import CHECKOUT, Environments, make_hub, running
from tests.support.site_under_test import Site, run_in_kernel, wait_for

HUB_USER = "demo-hub"
ODD = 'a,b "c" $HOME `id`\nend'

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: makes the user that the Hub runs as, and a name space in which sudo knows the rule"
)


@pytest.fixture(scope="module")
def wrapper(test_folder: Path, users: tuple[str, ...]) -> tuple[str, ...]:
    """argv that makes a command run as the Hub's user where our rule, and no other, lies over /etc/sudoers.d, and the reader of logs is
    installed: a mount name space of its own, so the machine's rules and programs are not touched.
    """
    packages.ensure_debian_packages(["sudo"])
    ensure_system_users([HUB_USER])
    rules = test_folder / "sudoers.d"
    rules.mkdir(exist_ok=True)
    rule = (CHECKOUT / "share" / "resource_form" / "sudoers").read_text()
    rule = re.sub(r"^jupyterhub ", f"{HUB_USER} ", rule, flags=re.MULTILINE).replace("%hpc-users", ", ".join(users[:2]))
    path = rules / "resource-form"
    path.write_text(rule)
    path.chmod(0o440)
    subprocess.run(["visudo", "--check", "--strict", "--file", str(path)], check=True, capture_output=True)
    become = f"setpriv --reuid={HUB_USER} --regid={HUB_USER} --init-groups"
    above = Path(INSTALLED_READER).parent.parent
    above.mkdir(exist_ok=True)
    reader = CHECKOUT / "share" / "resource_form" / "session_log.py"
    install = f"mount -t tmpfs tmpfs {above} && install -D --mode=0755 {reader} {INSTALLED_READER}"
    return ("unshare", "--mount", "sh", "-c", f'mount --bind {rules} /etc/sudoers.d && {install} && exec {become} "$@"', "sh")


@pytest.fixture(scope="module")
def site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], wrapper: tuple[str, ...]) -> Iterator[Site]:
    """A whole Hub that is an ordinary user."""
    environment = packages.ensure_venv(environments.installed / "hub-environment", [f"jupyterhub=={JUPYTERHUB_VERSION}"])
    packages.ensure_checkout(environment, CHECKOUT)
    token = secrets.token_hex(16)
    hub = make_hub(environments.folder / "hub-sudo", environments, cluster, users, token)
    hub.bin_dir, hub.owner, hub.wrapper = environment, HUB_USER, wrapper
    with running(hub, cluster, users, token) as site:
        yield site


def test_a_whole_hub_that_is_not_root(site: Site) -> None:
    """Two users start, work, keep their sessions over a restart of the Hub, and stop; each job is its user's own,
    and variables pass through sudo byte for byte."""
    status = Path(f"/proc/{site.hub.pid}/status").read_text()
    assert re.search(r"^Uid:\s+(\d+)\s+\1\s+\1\s+\1$", status, re.MULTILINE)
    assert not re.search(r"^Uid:\s+0\s", status, re.MULTILINE)
    for user in site.users[:2]:
        site.start({"environment": {"MINE": ODD}}, user=user)
        told = run_in_kernel(site, "import getpass, json, os; print(json.dumps([getpass.getuser(), os.environ['MINE']]))", user=user)[0]
        assert json.loads(told) == [user, ODD]
        assert site.job_of(user)["UserId"].startswith(f"{user}(")
    kernel_of, jobs = kernels(site), tagged_jobs(site)
    site.hub.restart(kill=True)
    wait_for(lambda: all(site.server(user).get("ready") for user in site.users[:2]), f"both to be ready\n{site.logs()}", 60)
    assert_kept(site, kernel_of, jobs)
    for user in site.users[:2]:
        site.stop(user=user)
    assert_consistent(site)
    assert tagged_jobs(site) == []


def test_the_log_of_a_session(site: Site) -> None:
    """It is read through sudo, whole, in part and by a search; where the rule does not allow it, the answer says in words where it is."""
    user = site.users[0]
    site.start(user=user)
    job = site.job_of(user)["JobId"]
    status, answer = site.call("GET", f"/resource-form/log?job={job}&user={user}")
    assert status == 200, answer
    assert "resource-form launcher: the server listens" in answer["text"]
    status, answer = site.call("GET", f"/resource-form/log?job={job}&user={user}&search=server%20LISTENS")
    assert (status, answer["number"]) == (200, 1)
    assert site.call("GET", f"/resource-form/log?job={job}&user={user}&offset=0")[1]["from"] == 0
    status, answer = site.call("GET", f"/resource-form/log?job={job}&user={site.users[2]}")
    assert (status, answer["reason"]) == (503, "log_unreadable")
    assert answer["message"].endswith(f"It is in a file on the cluster: ~/.local/state/jupyterhub-resource-form/{job}.log")
    assert "Traceback" not in site.hub.log()
    site.stop(user=user)


@pytest.mark.parametrize(
    "command",
    [
        ["/usr/bin/scontrol", "ping"],
        ["/usr/bin/id"],
        ["/usr/bin/scancel", "1"],
        ["/usr/bin/scancel", "--user=demo-grace", "--state=PENDING"],
        ["/usr/bin/scancel", "--signal=KILL", "--user=demo-grace", "1"],
        ["/usr/bin/sbatch"],
        ["/usr/bin/sbatch", "/etc/passwd"],
        ["/usr/bin/sbatch", "--parsable", "--nodes=1", "--ntasks=1", "--mem=1M", "/etc/passwd"],
        ["/usr/bin/sbatch", "--parsable", "--nodes=1", "--ntasks=1", "--mem=1M", "--chdir", "/etc"],
        ["/usr/bin/sbatch", "--test-only"],
        ["/usr/bin/sbatch", "--test-only", "/etc/passwd"],
        ["/usr/bin/sbatch", "--test-only", "--parsable", "--nodes=1", "--ntasks=1", "--mem=1M", "/etc/passwd"],
        [INSTALLED_READER],
        [INSTALLED_READER, "../7", "tail", "9"],
        [INSTALLED_READER, "7", "search", "token"],
        ["/usr/bin/python3", INSTALLED_READER, "7", "tail", "9"],
    ],
    ids=" ".join,
)
def test_what_the_rule_does_not_allow(site: Site, wrapper: tuple[str, ...], command: list[str]) -> None:
    """Any other command, and other arguments of the two, are refused by sudo itself."""
    done = subprocess.run(
        [*wrapper, "sudo", "-n", "-u", site.users[0], "--", *command], capture_output=True, text=True, timeout=30, check=False, cwd="/"
    )
    assert done.returncode != 0
    assert re.search("not allowed|password is required", done.stderr), done.stderr


def test_the_rule_lets_the_hub_ask_for_an_estimate(site: Site, wrapper: tuple[str, ...]) -> None:
    """``--test-only`` in front of a submission's own arguments passes, and the user is told when it would start."""
    argv = sbatch_arguments(
        parse_request(
            {"cores": 1, "memory": "1G", "gpus": "0", "walltime": 10, "partition": "g100_int", "release": "a", "interface": "lab"}
        ),
        Tag("tests", site.users[0], "", "0"),
        home="/tmp",
    )
    variables = ["SLURM_TIME_FORMAT=%s", f"SLURM_CONF={site.cluster.slurm_conf}"]
    keep = "--preserve-env=SLURM_CONF,SLURM_TIME_FORMAT"
    done = subprocess.run(
        [*wrapper, "env", *variables, "sudo", "-n", keep, "-u", site.users[0], "--", "/usr/bin/sbatch", *question_of(argv)[1:]],
        input="#!/bin/sh\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr
    assert parse_estimate(done.stderr).partition == "g100_int"
    assert site.cluster.active_jobs() == []


def test_nobody_but_the_users_of_the_service(site: Site, wrapper: tuple[str, ...]) -> None:
    """The two commands are not allowed as root, nor as a user whom the rule does not name."""
    for user in ("root", site.users[2]):
        done = subprocess.run(
            [*wrapper, "sudo", "-n", "-u", user, "--", "/usr/bin/scancel", f"--user={user}", "1"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd="/",
        )
        assert done.returncode != 0
        assert re.search("not allowed|password is required", done.stderr), done.stderr
