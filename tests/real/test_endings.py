"""Every way in which a session ends, brought about for real, all in one run: what Slurm says of it, and what the user reads.

The cluster's Slurm kills jobs that use more memory than they asked for (JobAcctGatherParams=OverMemoryKill): there are no control groups
of jobs where these tests run.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster
from websocket import WebSocketException

from spawner.slurm.sacct import FinishedJob, parse_finished, show_finished
from tests.support.browsing import log_in, serious_findings
from tests.support.invariant import tagged_jobs
from tests.support.real_hub import Environments, cluster_spec, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

SMALL = {"gpus": 0, "cores": 1, "memory": "2G", "walltime": "30m"}
EXIT_3 = """
import os, signal
signal.signal(signal.SIGUSR2, lambda *_: os._exit(3))
"""
"""Configuration of a server that ends with exit code 3 when it is told to."""

TELL_IT = "import os, signal, threading; threading.Timer(1, os.kill, (os.getppid(), signal.SIGUSR2)).start()"
HOG = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; kept = []\\nfor _ in range(200): kept.append(b'x' * 2**24); time.sleep(0.1)"])
"""
"""Takes 16 MB ten times a second, until somebody objects."""

SETTINGS = {"JobAcctGatherFrequency": "task=1", "JobAcctGatherParams": "OverMemoryKill", "OverTimeLimit": "0"}
MORE = """
c.SlurmCluster.jobs_interval = 5
c.SlurmCluster.starting_interval = 5
c.Spawner.poll_interval = 3
import spawner.cluster.job_history
spawner.cluster.job_history.IDLE_SECONDS = 10
"""


@dataclass(frozen=True)
class Case:
    """One session and its end: the server's name, what is asked for, and what is to be known of it in the end."""

    name: str
    category: str
    kind: str
    state: str
    words: str
    options: Mapping[str, Any] = field(default_factory=dict)
    change: Mapping[str, str] = field(default_factory=dict)
    exit_code: int | None = None


CASES = (
    Case("time", "time_limit", "finished", "TIMEOUT", "it had 1 min", {"walltime": "1m"}, {"walltime": "00:02:00"}),
    Case("hog", "out_of_memory", "others", "FAILED", "it used ", {"memory": "1G"}, {"memory": "2G"}),
    Case("admin", "cancelled", "others", "CANCELLED", "An administrator cancelled the job."),
    Case("scancel", "stopped", "finished", "CANCELLED", "You cancelled the session's job yourself."),
    Case("stop", "stopped", "finished", "STOPPED", "The session was stopped from JupyterHub."),
    Case("node", "node_failure", "others", "NODE_FAIL", "The compute node failed.", {"partition": "g100_cpu"}),
    Case("exit", "server_exit", "others", "FAILED", "The server ended with exit code 3.", exit_code=3),
    Case("shutdown", "server_exit", "finished", "COMPLETED", "The server ended by itself.", exit_code=0),
)
BY_NAME = {case.name: case for case in CASES}


@pytest.fixture(scope="module")
def running_site(environments: Environments, users: tuple[str, ...]) -> Iterator[Site]:
    """A cluster of these tests' own, and a Hub on it."""
    spec = replace(cluster_spec(users, environments.slurm), name="endings", slurm_conf=SETTINGS)
    cluster = PrivateCluster(spec, environments.folder / "slurm-endings")
    with cluster, open_site("hub-endings", environments, cluster, users, MORE) as site:
        yield site


@dataclass
class Ended:
    """All sessions, over, and what is known of them: by the name of the server."""

    site: Site
    jobs: dict[str, int]
    sacct: dict[int, FinishedJob]
    printed: str

    @property
    def user(self) -> str:
        """Whose they are."""
        return self.site.users[0]

    @property
    def sessions(self) -> dict[str, dict[str, Any]]:
        """As programs get them."""
        answer = self.site.visitor(self.user).api("GET", "resource-form/sessions").json()
        latest: dict[str, dict[str, Any]] = {}
        for session in answer["sessions"]:
            latest.setdefault(session["name"], session)
        return latest

    @property
    def past(self) -> dict[str, dict[str, Any]]:
        """As our own table has them."""
        return rows_of(self.site)


def rows_of(site: Site) -> dict[str, dict[str, Any]]:
    """The table in the Hub's database, by the server's name; each is there once."""
    with contextlib.closing(sqlite3.connect(f"file:{site.hub.folder / 'jupyterhub.sqlite'}?mode=ro", uri=True)) as database:
        rows = database.execute("select server_name, kind, ended, record from resource_form_sessions").fetchall()
    assert len({row[0] for row in rows}) == len(rows)
    return {name: {"kind": kind, "ended": ended, **json.loads(record)} for name, kind, ended, record in rows}


def sacct_of(site: Site, jobs: dict[str, int]) -> str:
    """What sacct prints of them."""
    return site.cluster.run(*show_finished(jobs.values()), env={"SLURM_TIME_FORMAT": "%s", "LC_ALL": "C"}).stdout


@pytest.fixture(scope="module")
def ended(running_site: Site, environments: Environments) -> Ended:
    """One session a case, each ended in its own way."""
    site, user = running_site, running_site.users[0]
    configuration = environments.folder / "endings-configuration"  # where every user can read
    configuration.mkdir(exist_ok=True)
    (configuration / "jupyter_server_config.py").write_text(EXIT_3)
    jobs: dict[str, int] = {}
    for case in CASES:
        own = {"environment": {"JUPYTER_CONFIG_PATH": str(configuration)}} if case.name == "exit" else {}
        site.start({**SMALL, **case.options, **own}, user=user, server=case.name)
        jobs[case.name] = next(number for name, server, number in tagged_jobs(site) if (name, server) == (user, case.name))
        end_it(site, user, case.name, jobs[case.name])
    wait_for(lambda: set(rows_of(site)) == set(jobs), "all sessions to be over", 180, every=1)
    # The time is up last of all; the rest has been told by then, at the latest in the second question.
    wait_for(lambda: rows_of(site)["time"]["used_mb"], f"slurmdbd to be asked\n{site.logs()}", 60, every=1)
    printed = sacct_of(site, jobs)
    return Ended(site, jobs, parse_finished(printed), printed)


def end_it(site: Site, user: str, server: str, job: int) -> None:
    """What ends the session of this name; the time goes by itself."""
    if server == "admin":
        site.cluster.run("scancel", str(job))
    elif server == "scancel":
        site.cluster.run("scancel", str(job), user=user)
    elif server == "stop":
        site.stop(user=user, server=server)
    elif server == "node":
        node = site.cluster.job(job)["BatchHost"]
        site.cluster.kill_slurmd(node)
        site.cluster.set_down(node)
    elif server == "exit":
        run_in_kernel(site, TELL_IT, user=user, server=server)
    elif server == "hog":
        with contextlib.suppress(WebSocketException):
            run_in_kernel(site, HOG, user=user, server=server)
    elif server == "shutdown":
        run_in_kernel(site, TELL_IT.replace("SIGUSR2", "SIGTERM"), user=user, server=server)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_reason(ended: Ended, case: Case) -> None:
    """In our own table, with what Slurm's accounting said."""
    past = ended.past[case.name]
    known = (past["category"], past["kind"], past["state"], past["exit_code"])
    assert known == (case.category, case.kind, case.state, case.exit_code), f"{past}\n{ended.printed}"
    assert case.words in past["sentence"], ended.printed
    assert past["change"] == case.change
    assert past["job_id"] == ended.jobs[case.name]
    assert past["node"]
    assert past["submitted"] <= past["started"] < past["ended"] + 1


def test_out_of_memory_says_how_much(ended: Ended) -> None:
    """What was used and what was asked for, as sacct has it."""
    past, job = ended.past["hog"], ended.sacct[ended.jobs["hog"]]
    assert (past["used_mb"], past["asked_mb"]) == (job.used_mb, 1024)
    assert job.used_mb is not None
    assert job.used_mb >= 1024
    assert past["sentence"] == f"The session ran out of memory: it used {round(job.used_mb / 1024, 1):g} of 1 GB. Ask for more."


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_programs_are_told(ended: Ended, case: Case) -> None:
    """The same in the list of sessions."""
    session = ended.sessions[case.name]
    assert (session["state"], session["kind"], session["change"]) == ("ended", case.kind, dict(case.change))
    assert session["sentence"] == ended.past[case.name]["sentence"]


@pytest.mark.usefixtures("pages_are_closed")
def test_they_are_seen_on_the_page(ended: Ended, browser: Browser, screenshots: Path) -> None:
    """Each in its list, with its reason; "Edit and start again" has the change filled in: twice the memory after the hog."""
    page = log_in(ended.site, browser, ended.user, path="hub/home", shows=".sessions-tabs")
    for kind in ("finished", "others"):
        page.goto(f"{ended.site.hub.url}hub/resource-form/sessions?list={kind}")
        for case in (case for case in CASES if case.kind == kind):
            row = page.locator(f"#sessions-{kind} .sessions-row", has_text=ended.past[case.name]["sentence"])
            expect(row.filter(has=page.locator(f'a[href$="job={ended.jobs[case.name]}"]'))).to_have_count(1)
        assert serious_findings(page, "#resource-form-sessions") == []
        page.screenshot(path=screenshots / f"sessions-{kind}.png", full_page=True)
    row = page.locator(".sessions-row", has_text=ended.past["hog"]["sentence"])
    row.locator("summary").click()
    row.get_by_text("Edit and start again").click()
    page.wait_for_selector("#resource-form")
    assert page.input_value("[name=memory]") == "2"


@pytest.mark.parametrize("name", ["hog", "admin", "time", "exit", "node"])
def test_the_next_form_says_it(ended: Ended, name: str) -> None:
    """On the form for another try; of a session that was stopped it says nothing."""
    assert ended.past[name]["sentence"] in ended.site.visitor(ended.user).form(name).text
    assert "Your last session ended" not in ended.site.visitor(ended.user).form("stop").text


def test_what_slurm_printed(ended: Ended) -> None:
    """The states that the table of ends is made from: sacct's word of each, and who cancelled it."""
    jobs = {name: ended.sacct[number] for name, number in ended.jobs.items()}
    assert {name: job.state for name, job in jobs.items()} == {
        **dict.fromkeys(("admin", "scancel", "stop"), "CANCELLED"),
        **dict.fromkeys(("hog", "exit"), "FAILED"),
        "time": "TIMEOUT",
        "node": "NODE_FAIL",
        "shutdown": "COMPLETED",
    }, ended.printed
    owner = jobs["stop"].uid
    assert {name: job.cancelled_by for name, job in jobs.items() if job.cancelled_by is not None} == {
        "admin": 0,
        "scancel": owner,
        "stop": owner,
    }
    assert (jobs["hog"].signal, jobs["exit"].exit_code) == (9, 3)


def test_the_next_hub_knows(ended: Ended) -> None:
    """After a restart nothing is there twice, and the sentences are the same."""
    before, sentences = ended.past, {name: session["sentence"] for name, session in ended.sessions.items()}
    ended.site.hub.restart(kill=True)
    assert {name: ended.sessions[name]["sentence"] for name in sentences} == sentences
    assert ended.past == before


def test_a_table_that_is_gone(ended: Ended) -> None:
    """Somebody's hand in the database costs nobody a session."""
    path: Path = ended.site.hub.folder / "jupyterhub.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("drop table resource_form_sessions")
        database.execute("create table resource_form_sessions (odd integer)")
        database.commit()
    ended.site.start(SMALL, user=ended.user, server="after")
    ended.site.stop(user=ended.user, server="after")
    assert ended.sessions["after"]["sentence"] == "The session was stopped from JupyterHub."
    assert "past sessions cannot be read or written" in ended.site.hub.log()
