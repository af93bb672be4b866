"""Homes in which no server can run: the user is told why, though the log would lie in that very home."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.users import ensure_system_users

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for

USER = "demo-edsger"
"""Whose home is spoiled: nobody else's test starts sessions of theirs."""

SMALL = {"gpus": 0, "cores": 1, "memory": "1G", "walltime": "10m", "account": "cin_train"}
OLD_WORDS = "ModuleNotFoundError: of a job of long ago"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a user whose home can be spoiled, and mounts")


@pytest.fixture(scope="module")
def member(cluster: PrivateCluster) -> Iterator[str]:
    """A user of the cluster of whom nothing is left there afterwards."""
    ensure_system_users([USER])
    cluster.run("sacctmgr", "--immediate", "add", "user", f"name={USER}", "account=cin_train")
    yield USER
    cluster.run("sacctmgr", "--immediate", "delete", "user", f"name={USER}")


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, member: str) -> Iterator[Site]:
    """A Hub with this user."""
    with open_site("hub-broken-homes", environments, cluster, (member,), "c.SlurmCluster.starting_interval = 2\n") as site:
        yield site


@pytest.fixture
def home(running_site: Site) -> Iterator[Path]:
    """The user's home, empty and in order; and in order again afterwards."""
    entry = pwd.getpwnam(USER)
    home = Path(entry.pw_dir)
    put_in_order(home, entry.pw_uid, entry.pw_gid)
    yield home
    running_site.clean()
    put_in_order(home, entry.pw_uid, entry.pw_gid)


def put_in_order(home: Path, uid: int, gid: int) -> None:
    """Make it a folder of the user's with nothing in it, whatever it was."""
    while os.path.ismount(home):
        subprocess.run(["umount", "--lazy", str(home)], check=True)
    if home.is_dir():
        shutil.rmtree(home)
    home.unlink(missing_ok=True)
    home.mkdir(mode=0o755)
    os.chown(home, uid, gid)


def mounted(home: Path, options: str) -> None:
    """Mount a small file system of the user's in its place."""
    entry = pwd.getpwnam(USER)
    own = f"uid={entry.pw_uid},gid={entry.pw_gid},mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{own},{options}", "tmpfs", str(home)], check=True)


def gone(home: Path) -> None:
    """It does not exist."""
    home.rmdir()


def file(home: Path) -> None:
    """There is a file in its place."""
    home.rmdir()
    home.touch()


def closed(home: Path) -> None:
    """Its owner has taken their own rights away."""
    home.chmod(0)


def read_only(home: Path) -> None:
    """The file system is mounted read-only."""
    mounted(home, "ro")


def full(home: Path) -> None:
    """The file system has no room left."""
    mounted(home, "size=1m")
    with contextlib.suppress(OSError), (home / "large").open("wb", buffering=0) as large:
        while True:
            large.write(bytes(4096))


def not_theirs(home: Path) -> None:
    """It belongs to somebody else."""
    os.chown(home, 0, 0)


def local_not_theirs(home: Path) -> None:
    """A folder in it belongs to somebody else, as after a careless sudo."""
    (home / ".local").mkdir()


def failed_start(site: Site) -> dict[str, Any]:
    """Start a session that cannot run; how it ended, as programs get it."""
    before = {session["job_id"] for session in sessions(site)}
    site.call("POST", f"/users/{USER}/server", SMALL)

    def ended() -> list[dict[str, Any]]:
        return [session for session in sessions(site) if session["category"] and session["job_id"] not in before]

    return wait_for(ended, f"the start to fail\n{site.logs()}", 90)[0]


def sessions(site: Site) -> list[dict[str, Any]]:
    """The user's sessions."""
    found: list[dict[str, Any]] = site.visitor(USER).api("GET", "resource-form/sessions").json()["sessions"]
    return found


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (gone, 81, "Your home directory does not exist on the node."),
        (file, 82, "In the place of your home directory there is a file."),
        (closed, 83, "You may not enter your own home directory."),
        (read_only, 84, "Your home directory is read-only on the node."),
        (not_theirs, 85, "You may not write into your home directory, or into a folder in it that the server needs."),
        (local_not_theirs, 85, "You may not write into your home directory, or into a folder in it that the server needs."),
        (full, 86, "Your home directory is full, or what you may store there is used up."),
    ],
)
def test_the_cause_is_told(running_site: Site, home: Path, spoil: Callable[[Path], None], code: int, words: str) -> None:
    """In the list of sessions, and on the page of the server that does not run; the next start, with the home in order, is as any other."""
    spoil(home)
    session = failed_start(running_site)
    assert (session["category"], session["exit_code"], session["sentence"]) == ("home", code, words)
    assert session["what_to_do"]
    page = running_site.visitor(USER).get(f"hub/user/{USER}/")
    assert words in page.text
    assert "Traceback" not in running_site.hub.log()


def test_in_order_again(running_site: Site, home: Path) -> None:
    """A session starts in a home that nothing is wrong with."""
    running_site.start(SMALL, user=USER)
    running_site.stop(user=USER)


def test_a_session_that_can_write_no_log(running_site: Site, home: Path) -> None:
    """Where only the folder of logs cannot be made the session runs, and nobody is told to wait for a log that will not come."""
    (home / ".local" / "state").mkdir(parents=True)  # root's own
    os.chown(home / ".local", home.stat().st_uid, home.stat().st_gid)
    running_site.start(SMALL, user=USER)
    job = running_site.job_of(USER)["JobId"]
    answer = running_site.visitor(USER).api("GET", f"resource-form/log?job={job}")
    assert (answer.status_code, answer.json()["live"], answer.json()["reason"]) == (404, True, "log_gone")
    assert "The job never ran, or could not write it, or it was deleted" in answer.json()["message"]
    running_site.stop(user=USER)


def test_the_log_of_an_earlier_job_of_the_same_number(running_site: Site, home: Path) -> None:
    """Where the job could write no log, that of an earlier one of its number is not taken for it: in no message, on no page."""
    site, entry = running_site, pwd.getpwnam(USER)
    probe = failed_start_in(site, home, lambda: home.chmod(0))["job_id"]
    home.chmod(0o755)
    mounted(home, "size=4m")
    folder = home / ".local" / "state" / "jupyterhub-resource-form"
    folder.mkdir(parents=True)
    long_ago = time.time() - 86_400
    for number in range(probe, probe + 50):
        log = folder / f"{number}.log"
        log.write_text(f"{OLD_WORDS}\n")
        os.utime(log, (long_ago, long_ago))
        os.chown(log, entry.pw_uid, entry.pw_gid)
    for path in (folder, folder.parent, folder.parent.parent):
        os.chown(path, entry.pw_uid, entry.pw_gid)
    session = failed_start_in(site, home, lambda: subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True))
    assert probe < session["job_id"] < probe + 50
    assert (session["category"], session["exit_code"]) == ("home", 84), session
    visitor = site.visitor(USER)
    page = visitor.get(f"hub/user/{USER}/")
    assert OLD_WORDS not in page.text
    answer = visitor.api("GET", f"resource-form/log?job={session['job_id']}")
    assert answer.status_code == 404
    assert answer.json()["reason"] == "log_gone"
    assert "the log of an earlier job of the same number" in answer.json()["message"]
    assert OLD_WORDS not in answer.text
    download = visitor.api("GET", f"resource-form/log/download?job={session['job_id']}")
    assert (download.status_code, OLD_WORDS in download.text) == (404, False)
    # Of a job that the Hub does not know nothing can be said, and the log is the user's own.
    unknown = visitor.api("GET", f"resource-form/log?job={probe + 49}").json()
    assert unknown["text"] == f"{OLD_WORDS}\n"


def failed_start_in(site: Site, home: Path, spoil: Callable[[], object]) -> dict[str, Any]:
    """Spoil the home, and start a session in it."""
    spoil()
    assert home.parent.exists()
    return failed_start(site)


def test_slurm_cannot_open_the_output(environments: Environments, cluster: PrivateCluster, member: str) -> None:
    """Where an admin's option sends the output to a place that is not there, the job fails before it begins, and that is said."""
    more = "c.ResourceFormSpawner.sbatch_options = ['--output=/nowhere/at/all/%j.log']\nc.SlurmCluster.starting_interval = 2\n"
    with open_site("hub-no-output", environments, cluster, (member,), more) as site:
        session = failed_start(site)
        assert (session["category"], session["slurm_state"]) == ("never_started", "FAILED")
        assert session["sentence"].startswith("Slurm could not begin the job: as a rule because the file for its output")
