"""A Hub of this version on the database that an older one left (``tests/fixtures/hub_state``), whose jobs run on: nobody notices."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.invariant import assert_consistent, tagged_jobs
from tests.support.older_state import ENDED, FIXTURES, HUB, RUNNING, WAITING, OlderDatabase, take_the_rest
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

UPGRADED = f"""{HUB}
# The older database is of one day, and must not become too old.
c.ResourceFormSpawner.history_days = 36500
c.JupyterHub.upgrade_db = True
# A session that is not known any more must not come back by the tag of its job.
c.SlurmCluster.orphaned_jobs = "report"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
"""


@dataclass(frozen=True)
class TakenUp:
    """The Hub on the older database: kernels and tokens of the running sessions, and all jobs, by server."""

    site: Site
    older: OlderDatabase
    jobs: dict[str, int]
    kernels: dict[str, str]
    tokens: dict[str, str]
    fillers: list[int]

    @property
    def user(self) -> str:
        """Whose sessions they are."""
        return self.site.users[0]

    def sessions(self, kind: str) -> list[dict[str, Any]]:
        """What their user is told of those of this kind."""
        answer = self.site.visitor().api("GET", "resource-form/sessions")
        assert answer.status_code == 200, answer.text
        return [session for session in answer.json()["sessions"] if session["kind"] == kind]


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub of these tests' own, whose database they replace."""
    cluster.bring_nodes_back()
    with open_site("hub-older", environments, cluster, users[:1], UPGRADED) as site:
        yield site


@pytest.fixture(scope="module", params=FIXTURES)
def taken_up(running_site: Site, request: pytest.FixtureRequest) -> TakenUp:
    """Jobs as the older Hub had them, and a Hub that has only what the older one stored to know them by.

    Beside it: what this version stores of a job that waits has its request among the last ones, so that no restart loses it.
    """
    site, (user,) = running_site, running_site.users
    older = OlderDatabase.of(request.param, user)
    kernels, tokens = {}, {}
    for server in ("", RUNNING):
        site.start(older.options(server), server=server)
        code = "import os; kept = 'still here'; print(os.environ['JUPYTERHUB_API_TOKEN'])"
        printed, kernels[server] = run_in_kernel(site, code, server=server)
        tokens[server] = printed.strip()
    fillers = take_the_rest(site)
    status, answer = site.call("POST", f"/users/{user}/servers/{WAITING}", older.options(WAITING))
    assert status in (201, 202), answer
    wait_for(lambda: len(tagged_jobs(site)) == 3, "the job that waits to be submitted", 30)
    site.hub.kill()
    database = site.hub.folder / "jupyterhub.sqlite"
    jobs = {server: number for _, server, number in tagged_jobs(site)}
    with contextlib.closing(sqlite3.connect(database)) as present:
        ((state,),) = present.execute("SELECT state FROM spawners WHERE name = ?", (WAITING,))
    assert [one["options"]["cores"] for one in json.loads(state)["recent"]] == [older.options(WAITING)["cores"]]
    for server, number in jobs.items():
        older.speaks_of(server, site.cluster.job(number), database)
    older.replace(database)
    site.hub.start()
    return TakenUp(site, older, jobs, kernels, tokens, fillers)


def test_the_running_sessions_are_the_same(taken_up: TakenUp) -> None:
    """Ready, with the same jobs and kernels, at their addresses, and with tokens that the Hub takes."""
    site = taken_up.site
    assert_consistent(site)
    assert {server: number for _, server, number in tagged_jobs(site)} == taken_up.jobs
    for server, kernel in taken_up.kernels.items():
        assert site.server(taken_up.user, server)["ready"]
        assert run_in_kernel(site, "print(kept)", server=server, kernel=kernel)[0].strip() == "still here"
        status, answer = site.hub.api("GET", "/user", taken_up.tokens[server])
        assert (status, answer["name"]) == (200, taken_up.user)


def test_programs_are_told_of_them(taken_up: TakenUp) -> None:
    """The requests, names and colours that the older Hub has stored; of the sessions that are over, how they ended."""
    current = {session["name"]: session for session in taken_up.sessions("running")}
    assert {name: session["job_id"] for name, session in current.items()} == taken_up.jobs
    for name, session in current.items():
        asked = taken_up.older.options(name)
        asked.pop("environment", None)
        assert asked.items() <= session["request"].items()
        assert session["state"] == ("waiting" if name == WAITING else "running")
    assert (current[""]["display_name"], current[""]["color"]) == ("Fit of July", "#168fa3")
    past = {record["job_id"]: record for record in taken_up.older.past()}
    over = {session["job_id"]: session for session in [*taken_up.sessions("finished"), *taken_up.sessions("others")]}
    assert over.keys() == past.keys()
    for number, session in over.items():
        for name in ("sentence", "what_to_do", "display_name", "node", "request"):
            assert session[name] == past[number][name]


def test_the_session_that_waited_comes_up(taken_up: TakenUp) -> None:
    """It waits as before, and becomes ready when its turn comes."""
    site = taken_up.site
    assert site.cluster.job_state(taken_up.jobs[WAITING]) == "PENDING"
    assert site.server(taken_up.user, WAITING)["pending"]
    site.cluster.run("scancel", *map(str, taken_up.fillers))
    wait_for(lambda: site.server(taken_up.user, WAITING).get("ready"), "the session to be ready", 60)
    assert {server: number for _, server, number in tagged_jobs(site)} == taken_up.jobs
    assert_consistent(site)


@pytest.mark.parametrize("server", ["", RUNNING, WAITING], ids=["default", "named", "that waited"])
def test_stop_gives_the_job_back(taken_up: TakenUp, server: str) -> None:
    """And takes the end down in the language that the user was last known to read."""
    site, number = taken_up.site, taken_up.jobs[server]
    site.stop(server=server)
    assert site.cluster.job_state(number) == "CANCELLED"
    if server in taken_up.tokens:
        assert site.hub.api("GET", "/user", taken_up.tokens[server])[0] in (401, 403)
    over = taken_up.sessions("finished")[0]
    assert over["job_id"] == number
    assert over["sentence"] == "La sessione è stata fermata tramite JupyterHub."
    assert over["request"]["cores"] == taken_up.older.options(server)["cores"]
    assert_consistent(site)


@pytest.mark.parametrize("server", ["", ENDED], ids=["default", "named"])
def test_the_form_has_the_last_request(taken_up: TakenUp, server: str) -> None:
    """In its fields; those of all servers are offered, and it says how the last session ended."""
    site = taken_up.site
    if site.server(taken_up.user, server):
        site.stop(server=server)
    page = site.visitor().form(server)
    asked = taken_up.older.options(server)
    values = page.values()
    for name in ("account", "partition", "gpus", "release", "interface"):
        assert values[name] == asked[name]
    assert (values["cores"], values["memory"]) == (str(asked["cores"]), asked["memory"].removesuffix("G"))
    requests = [entry["options"] for name in ("", ENDED, RUNNING, WAITING) for entry in taken_up.older.state(name).get("recent", [])]
    offered = [parse_qs(urlsplit(str(link["href"])).query) for link in page.soup.select(".resource-form-recent a")]
    assert len(offered) == len(requests)
    assert {entry["opt-cores"][0] for entry in offered} == {str(options["cores"]) for options in requests}
    assert ("Your last session ended" in page.text) == (server == ENDED)
    assert ("An administrator cancelled the job." in page.text) == (server == ENDED)
