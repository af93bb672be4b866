"""A Hub that is not root: it submits and cancels as its users through sudo, with the rule that we ship and nothing else."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
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
from spawner.slurm.sudo import INSTALLED_SUBMITTER, packed, through_sudo
from spawner.slurm.test_only import parse_estimate
from tests.support.invariant import assert_consistent, assert_kept, kernels, tagged_jobs
from tests.support.real_hub import CHECKOUT, Environments, make_hub, running
from tests.support.site_under_test import Site, run_in_kernel, wait_for
from tests.support.sudo_rules import HUB_USER, SHARED, Rules

ODD = 'a,b "c" $HOME `id`\nend'

SBATCH = ("/usr/bin/sbatch", "--parsable", "--nodes=1", "--ntasks=1", "--mem=10M")

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: makes the user that the Hub runs as, and a name space in which sudo knows the rule"
)


OLDER_RULE = """
Cmnd_Alias RESOURCE_FORM_OLDER = /usr/bin/sbatch ^(--test-only )?--parsable --nodes=1 --ntasks=1( --[a-z-]+(=[^ ]+)?)+$, \\
    /usr/bin/scancel ^(--batch --signal=USR1 )?--user=[^ ]+ [0-9]+$
jupyterhub ALL = (%hpc-users) NOPASSWD:SETENV: RESOURCE_FORM_OLDER
"""
"""As the package had it before there was a submitter."""

FAKE_DEV = """
new=$(mktemp -d) && mount -t tmpfs tmpfs $new
for name in null zero full random urandom tty; do touch $new/$name; mount --bind /dev/$name $new/$name; done
ln -s /proc/self/fd $new/fd
ln -s {socket} $new/log
mount --rbind $new /dev
"""
"""A /dev in which the log of the system is a socket of the test's."""


@pytest.fixture(scope="module")
def rules(test_folder: Path, users: tuple[str, ...], cluster: PrivateCluster) -> Rules:
    """Our rule; slurm.conf is where the administrator's file says."""
    packages.ensure_debian_packages(["sudo"])
    ensure_system_users([HUB_USER])
    rules = Rules(test_folder / "sudo", users, cluster.bin_dir)
    rules.write((SHARED / "sudoers").read_text())
    (rules.folder / "environment").write_text(f"SLURM_CONF={cluster.slurm_conf}\n")
    return rules


@pytest.fixture(scope="module")
def wrapper(rules: Rules) -> tuple[str, ...]:
    """Runs a command as the Hub's user, where all is installed as the rule's comment says."""
    return rules.wrapper(INSTALLED_SUBMITTER, INSTALLED_READER)


@contextmanager
def hub_that_is_not_root(
    name: str, environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], wrapper: tuple[str, ...]
) -> Iterator[Site]:
    """A whole Hub that is an ordinary user, in a folder of this name."""
    environment = packages.ensure_venv(environments.installed / "hub-environment", [f"jupyterhub=={JUPYTERHUB_VERSION}"])
    packages.ensure_checkout(environment, CHECKOUT)
    token = secrets.token_hex(16)
    # In the name space the commands are on the PATH, and the rule knows them by their usual place.
    hub = make_hub(environments.folder / name, environments, cluster, users, token, "c.SlurmCluster.bin_dir = ''\n")
    hub.bin_dir, hub.owner, hub.wrapper = environment, HUB_USER, wrapper
    with running(hub, cluster, users, token) as site:
        yield site


@pytest.fixture(scope="module")
def site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], wrapper: tuple[str, ...]) -> Iterator[Site]:
    """The Hub that most tests here need."""
    with hub_that_is_not_root("hub-sudo", environments, cluster, users, wrapper) as site:
        yield site


SCRIPT = b"#!/bin/sh\n"


def as_user(
    wrapper: tuple[str, ...],
    user: str,
    *command: str,
    options: tuple[str, ...] = (),
    around: dict[str, str] | None = None,
    given: bytes = b"",
) -> subprocess.CompletedProcess[str]:
    """What the Hub's user gets who runs a command as another through sudo, with ``options`` of sudo's and variables ``around`` it."""
    variables = [f"{name}={value}" for name, value in {"LC_ALL": "C", **(around or {})}.items()]
    argv = [*wrapper, "env", *variables, "sudo", "-n", *options, "-u", user, *command]
    done = subprocess.run(argv, input=given, capture_output=True, timeout=60, check=False, cwd="/")
    return subprocess.CompletedProcess(argv, done.returncode, done.stdout.decode(), done.stderr.decode())


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
        ["/usr/bin/sbatch", "--parsable", "--nodes=1", "--ntasks=1", "--mem=1M"],
        ["/usr/bin/python3", INSTALLED_SUBMITTER, *SBATCH],
        [INSTALLED_SUBMITTER],
        [INSTALLED_SUBMITTER, "/usr/bin/id"],
        [INSTALLED_SUBMITTER, "/tmp/sbatch", *SBATCH[1:]],
        [INSTALLED_SUBMITTER, "/usr/bin/sbatch", "/etc/passwd"],
        [INSTALLED_SUBMITTER, *SBATCH, "/etc/passwd"],
        [INSTALLED_SUBMITTER, *SBATCH, "--chdir", "/etc"],
        [INSTALLED_SUBMITTER, *SBATCH, "-D/etc"],
        [INSTALLED_SUBMITTER, "/usr/bin/sbatch", "--test-only"],
        [INSTALLED_SUBMITTER, "/usr/bin/sbatch", "--test-only", "/etc/passwd"],
        [INSTALLED_SUBMITTER, "/usr/bin/sbatch", "--test-only", *SBATCH[1:], "/etc/passwd"],
        [INSTALLED_READER],
        [INSTALLED_READER, "../7", "tail", "9"],
        [INSTALLED_READER, "7", "search", "token"],
        ["/usr/bin/python3", INSTALLED_READER, "7", "tail", "9"],
    ],
    ids=" ".join,
)
def test_what_the_rule_does_not_allow(site: Site, wrapper: tuple[str, ...], command: list[str]) -> None:
    """Any other command, and other arguments of the three, are refused by sudo itself."""
    done = as_user(wrapper, site.users[0], *command)
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
    done = as_user(wrapper, site.users[0], INSTALLED_SUBMITTER, "/usr/bin/sbatch", *question_of(argv)[1:], given=packed({}) + SCRIPT)
    assert done.returncode == 0, done.stderr
    assert parse_estimate(done.stderr).partition == "g100_int"
    assert site.cluster.active_jobs() == []


def test_a_blank_in_an_option(site: Site, wrapper: tuple[str, ...]) -> None:
    """It passes the rule, and the job has it."""
    argv = (*SBATCH, "--output=/dev/null", "--chdir=/tmp", "--comment=two words")
    started = through_sudo((), site.users[0], argv, base={}, own={}, stdin=SCRIPT, has_submitter=True)
    done = as_user(wrapper, site.users[0], *started.argv[started.argv.index("--") + 1 :], given=started.stdin)
    assert done.returncode == 0, done.stderr
    assert site.cluster.run("squeue", "--noheader", f"--jobs={done.stdout.strip()}", "--Format=Comment:40").stdout.strip() == "two words"
    site.cluster.run("scancel", done.stdout.strip())


def test_nobody_but_the_users_of_the_service(site: Site, wrapper: tuple[str, ...]) -> None:
    """The commands are not allowed as root, nor as a user whom the rule does not name."""
    for user in ("root", site.users[2]):
        for command in (["/usr/bin/scancel", f"--user={user}", "1"], [INSTALLED_SUBMITTER, *SBATCH], [INSTALLED_READER, "7", "tail", "9"]):
            done = as_user(wrapper, user, *command)
            assert done.returncode != 0
            assert re.search("not allowed|password is required", done.stderr), done.stderr


ATTACKS = {
    "LD_PRELOAD": "/tmp/attack.so",
    "LD_LIBRARY_PATH": "/tmp",
    "SLURM_CONF": "/tmp/attack.conf",
    "SLURM_CONF_SERVER": "attack.example",
    "SLURM_TIME_FORMAT": "attack",
    "SBATCH_PARTITION": "g100_cpu",
    "PYTHONPATH": "/tmp",
    "PYTHONSTARTUP": "/tmp/attack.py",
    "BASH_ENV": "/tmp/attack.sh",
    "GCONV_PATH": "/tmp",
    "LOCPATH": "/tmp",
}
"""Variables that would act on sbatch, on its libraries, or on what runs it."""

NEVER_REACH_SUDO = ("LD_PRELOAD", "LD_LIBRARY_PATH", "GCONV_PATH", "LOCPATH")
"""Taken out of sudo's own environment before it begins (ld.so(8), secure execution): it can be asked to set them, not to keep them."""


@pytest.mark.parametrize("name", ATTACKS)
def test_no_variable_of_the_hubs_is_taken(site: Site, wrapper: tuple[str, ...], name: str) -> None:
    """sudo refuses a variable that it is asked to set or to keep, for each of the three programs."""
    submit, cancel = (INSTALLED_SUBMITTER, *SBATCH), ("/usr/bin/scancel", f"--user={site.users[0]}", "1")
    for command in (submit, cancel, (INSTALLED_READER, "7", "tail", "9")):
        for options in (("-E",), *([] if name in NEVER_REACH_SUDO else [(f"--preserve-env={name}",)])):
            done = as_user(wrapper, site.users[0], *command, options=options, around={name: ATTACKS[name]}, given=packed({}) + SCRIPT)
            assert done.returncode != 0
            assert "you are not allowed to" in done.stderr
        done = as_user(wrapper, site.users[0], f"{name}={ATTACKS[name]}", *command, given=packed({}) + SCRIPT)
        assert done.returncode != 0
        assert "you are not allowed to set" in done.stderr
    assert site.cluster.active_jobs() == []


def test_what_lies_around_sudo_does_not_act(site: Site, wrapper: tuple[str, ...]) -> None:
    """Variables of the Hub's own process reach none of its users' commands: slurm.conf is the administrator's, the answer sbatch's."""
    user = site.users[0]
    given = packed({}) + SCRIPT
    asked = as_user(wrapper, user, INSTALLED_SUBMITTER, SBATCH[0], "--test-only", *SBATCH[1:], around=ATTACKS, given=given)
    assert asked.returncode == 0, asked.stderr
    assert parse_estimate(asked.stderr).partition == "g100_int"
    assert len(asked.stderr.splitlines()) == 1
    ended = as_user(wrapper, user, "/usr/bin/scancel", f"--user={user}", "999999", around=ATTACKS)
    assert "attack" not in ended.stderr
    assert "Invalid job id specified" in ended.stderr


def test_variables_of_the_job_act_on_the_node_only(site: Site, wrapper: tuple[str, ...], test_folder: Path) -> None:
    """Whatever a job is to have, sbatch does not: it finds the cluster, loads no library of theirs, and the job has them all."""
    drop = test_folder / "sudo-drop"
    drop.mkdir(exist_ok=True)
    drop.chmod(0o1777)
    path = drop / secrets.token_hex(8)
    # LD_PRELOAD of a file that is not there is told of by each program that starts; on the node too.
    job = {**ATTACKS, "PATH": "/usr/bin:/bin", "JUPYTERHUB_API_TOKEN": "a secret", "FUNCTION": "() { :; }; id"}
    script = f"#!/bin/sh\ncat /proc/self/environ >{path}.new\nmv {path}.new {path}\n".encode()
    given = packed(job) + script
    done = as_user(wrapper, site.users[0], INSTALLED_SUBMITTER, *SBATCH, "--export=ALL", "--output=/dev/null", "--chdir=/", given=given)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    wait_for(path.exists, "the job to run", 30)
    arrived = dict(entry.split("=", 1) for entry in path.read_text().split("\0") if entry)
    own = {name: value for name, value in job.items() if not name.startswith("SLURM_CONF")}
    assert {name: arrived.get(name) for name in own} == own
    assert arrived["SLURM_CONF"] == str(site.cluster.slurm_conf)
    assert not {name for name in arrived if name.startswith("SUDO_")}
    assert arrived["SLURM_JOB_PARTITION"] == "g100_int"
    wait_for(lambda: site.cluster.active_jobs() == [], "the job to end", 30)


def test_what_sudo_writes_into_the_log_of_the_system(site: Site, rules: Rules) -> None:
    """Each use of the rule is logged with its arguments, reading a log at the lowest priority, and a variable that is refused as an alert;
    no line has a variable of the job in it.
    """
    path = rules.folder / "log"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(path))
        path.chmod(0o666)
        log.settimeout(10)
        wrapper = rules.wrapper(INSTALLED_SUBMITTER, INSTALLED_READER, before=FAKE_DEV.format(socket=path))
        given = packed({"JUPYTERHUB_API_TOKEN": "a secret of the job"}) + SCRIPT
        user = site.users[0]

        def logged(*command: str) -> tuple[int, str]:
            done = as_user(wrapper, user, *command, given=given)
            assert "unable to" not in done.stderr
            lines = []
            while True:
                lines.append(log.recv(65536).decode())
                assert "a secret of the job" not in lines[-1]
                if "COMMAND=" in lines[-1]:
                    number, _, text = lines[-1].removeprefix("<").partition(">")
                    return int(number) % 8, text

        level, text = logged(INSTALLED_SUBMITTER, SBATCH[0], "--test-only", *SBATCH[1:])
        assert (level, f"COMMAND={INSTALLED_SUBMITTER} /usr/bin/sbatch --test-only --parsable" in text) == (5, True)
        assert f"USER={user}" in text
        level, text = logged("/usr/bin/scancel", f"--user={user}", "999999")
        assert (level, f"COMMAND=/usr/bin/scancel --user={user} 999999" in text) == (5, True)
        level, text = logged(INSTALLED_READER, "7", "tail", "9")
        assert (level, f"COMMAND={INSTALLED_READER} 7 tail 9" in text) == (7, True)
        level, text = logged(f"LD_PRELOAD={ATTACKS['LD_PRELOAD']}", INSTALLED_READER, "7", "tail", "9")
        assert (level, "not allowed to set the following environment variables: LD_PRELOAD" in text) == (1, True)


def test_what_is_searched_for_passes(site: Site, wrapper: tuple[str, ...]) -> None:
    """It is the one variable that the reader of logs gets from the Hub, whatever its text; of folders it takes whole paths only."""
    user = site.users[0]
    site.start(user=user)
    job = site.job_of(user)["JobId"]
    for text, number in (("server listens", 1), ("() {", 0), ("nowhere", 0)):
        done = as_user(wrapper, user, INSTALLED_READER, job, "search", around={"RESOURCE_FORM_SEARCH": text})
        assert json.loads(done.stdout.splitlines()[0])["number"] == number
    elsewhere = as_user(wrapper, user, INSTALLED_READER, job, "tail", "9", around={"XDG_STATE_HOME": "/nowhere"})
    assert json.loads(elsewhere.stdout.splitlines()[0]) == {"error": "missing"}
    site.stop(user=user)


def test_the_admin_is_told_nothing_where_all_is_well(site: Site) -> None:
    """With our rule, and the programs of which it speaks, the Hub's log has no warning about sudo."""
    assert "rule for sudo" not in site.hub.log()


def test_an_older_rule_goes_on_working(
    environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], test_folder: Path
) -> None:
    """With the rule of before and without the submitter sessions start and stop as they did, and the Hub's log says what to change."""
    older = Rules(test_folder / "sudo-older", users, cluster.bin_dir)
    older.write(OLDER_RULE)
    with hub_that_is_not_root("hub-sudo-older", environments, cluster, users, older.wrapper()) as site:
        user = site.users[0]
        site.start({"environment": {"MINE": ODD}}, user=user)
        assert run_in_kernel(site, "import os; print(os.environ['MINE'])", user=user)[0] == ODD + "\n"
        wait_for(lambda: "The rule for sudo lets the Hub's user set any variable (SETENV)" in site.hub.log(), "the warning", 30)
        site.stop(user=user)
        assert tagged_jobs(site) == []
