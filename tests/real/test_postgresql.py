"""A Hub whose database is PostgreSQL: our tables are made and read there, and nobody waits for us while it is locked or away."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.processes import wait_until

from spawner.hub.database import LOCK_PATIENCE_MS
from tests.support.invariant import ask_to_start, ask_to_stop, assert_consistent, tagged_jobs
from tests.support.lock_waits import asked_in
from tests.support.private_postgresql import PrivatePostgresql
from tests.support.real_hub import CHECKOUT, Environments, needs_users, open_site
from tests.support.site_under_test import Site, wait_for

PLAIN = {"gpus": 0}
AWAY_SECONDS = 5.0


@pytest.fixture(scope="module")
def database(environments: Environments) -> Iterator[PrivatePostgresql]:
    """PostgreSQL, running."""
    database = PrivatePostgresql(environments.folder / "postgresql")
    database.start()
    yield database
    database.stop()


@pytest.fixture(scope="module")
def running_site(
    environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], database: PrivatePostgresql
) -> Iterator[Site]:
    """A Hub on it, which notes what keeps its loop waiting."""
    more = f"""
import pathlib, sys
sys.path.insert(0, {str(CHECKOUT)!r})
from tests.support import lock_waits
lock_waits.watch(pathlib.Path({str(environments.folder)!r}))
c.JupyterHub.db_url = {database.url!r}
c.SlurmCluster.jobs_interval = 2
c.Spawner.poll_interval = 3
"""
    with open_site("hub-postgresql", environments, cluster, users, more) as site:
        yield site


def past(site: Site, user: str) -> list[str]:
    """The states of the user's sessions that are over, the latest first, as the page tells."""
    answer = site.visitor(user).api("GET", "resource-form/sessions")
    assert answer.status_code == 200, answer.text
    return [session["slurm_state"] for session in answer.json()["sessions"] if session["state"] == "ended"]


def assert_nothing_of_ours_waits(environments: Environments, since: float) -> None:
    """Whatever of ours asked the database since then may wait for a lock for a moment only."""
    asked = [asked for asked in asked_in(environments.folder) if asked.at >= since]
    assert asked, "nothing of ours was asked: nothing was tried"
    longer = [one for one in asked if one.most_ms > LOCK_PATIENCE_MS]
    assert not longer, "\n".join(map(str, longer))


def test_the_database_is_locked_and_away(site: Site, environments: Environments, database: PrivatePostgresql) -> None:
    """A session ends while another program locks our table, and is stopped while the server is away for 5 s: nobody waits for us, the
    jobs are given back, and in the end both are in the record. A third session starts.
    """
    user = site.users[0]
    site.start(PLAIN)
    ((_, _, number),) = tagged_jobs(site)
    began = time.time()
    with database.connect() as other:
        # The table is made with the first session.
        other.execute("LOCK TABLE resource_form_sessions IN ACCESS EXCLUSIVE MODE")
        site.cluster.run("scancel", str(number))
        wait_for(lambda: site.server(user) == {}, f"the server to be stopped\n{site.logs()}", 30)
        wait_for(lambda: "cannot be read or written" in site.hub.log(), "our table to be found locked", 30)
    wait_for(lambda: len(past(site, user)) == 1, f"the first session in the record\n{site.logs()}", 30)
    assert_nothing_of_ours_waits(environments, began)

    site.start(PLAIN)
    ((_, _, number),) = tagged_jobs(site)
    began = time.time()
    database.stop()
    away = time.monotonic()
    ask_to_stop(site, user).join(60)
    site.cluster.run("scancel", str(number))
    wait_until(lambda: time.monotonic() - away >= AWAY_SECONDS, "it to have been away for some time", 30)
    database.start()
    wait_for(lambda: site.server(user) == {}, f"the server to be stopped\n{site.logs()}", 60)
    assert_nothing_of_ours_waits(environments, began)
    wait_for(lambda: len(past(site, user)) == 2, f"the second session in the record\n{site.logs()}", 30)
    site.start(PLAIN)
    assert_consistent(site)


def test_the_database_is_away_while_sessions_start(site: Site, database: PrivatePostgresql) -> None:
    """The launchers report while the Hub knows nobody, and go on: once the database is back the sessions are ready, with the same jobs."""
    needs_users(site.users, 2)
    users = site.users[:2]
    starts = [ask_to_start(site, user, PLAIN) for user in users]
    wait_for(lambda: len(tagged_jobs(site)) == len(users) and site.hub.log().count('text="no GPU, ') >= len(users), "both jobs", 60)
    jobs = tagged_jobs(site)
    before = site.hub.log().count(" 403 POST /hub/api/batchspawner")
    database.stop()
    away = time.monotonic()
    try:
        wait_for(lambda: site.hub.log().count(" 403 POST /hub/api/batchspawner") >= before + len(users), f"403 for both\n{site.logs()}", 60)
        wait_until(lambda: time.monotonic() - away >= AWAY_SECONDS, "it to have been away for some time", 30)
    finally:
        database.start()
    for user in users:
        wait_for(lambda name=user: site.server(name).get("ready"), f"the session of {user} to be ready\n{site.logs()}", 90)
    for start in starts:
        start.join(60)
    assert tagged_jobs(site) == jobs
    assert_consistent(site)
