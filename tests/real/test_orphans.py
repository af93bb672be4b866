"""A Hub that has lost its database: the jobs of its sessions are found, and adopted, cancelled or reported as configured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in
from tests.support.invariant import assert_consistent, assert_kept, kernels, tagged_jobs
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, Visitor, wait_for

SWEEP = "c.SlurmCluster.sweep_interval = 2\n"


@pytest.fixture(scope="module")
def own_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub that sweeps every two seconds."""
    needs_users(users, 2)
    with open_site("hub-orphans", environments, cluster, users, SWEEP) as site:
        yield site


@pytest.fixture
def site(own_site: Site) -> Iterator[Site]:
    """The same with nothing running on it."""
    own_site.clean()
    yield own_site
    own_site.clean()


def lose_the_database(site: Site, policy: str) -> None:
    """The Hub is killed, its database deleted, and a new one started; it knows its users from its configuration."""
    site.hub.kill()
    for path in Path(site.hub.folder).glob("jupyterhub.sqlite*"):
        path.unlink()
    config = "".join(line for line in site.hub.config.splitlines(keepends=True) if "orphaned_jobs" not in line)
    site.hub.restart(kill=True, config=f"{config}c.SlurmCluster.orphaned_jobs = {policy!r}\n")


def test_running_sessions_are_adopted(site: Site) -> None:
    """The launchers report again with the tokens that they have: the same jobs, the same kernels; a log-in leads into the session, and
    Stop ends it.
    """
    for user in site.users[:2]:
        site.start(user=user)
    kernel_of, jobs = kernels(site), tagged_jobs(site)
    lose_the_database(site, "adopt")
    for user in site.users[:2]:
        wait_for(lambda user=user: site.server(user).get("ready"), f"{user}'s session to be adopted\n{site.logs()}", 60)
    assert_kept(site, kernel_of, jobs)
    assert f"Job {jobs[0][2]} of {jobs[0][0]} is a session again" in site.hub.log()
    page = site.visitor().get(f"user/{site.users[0]}/lab")
    assert (page.status, page.url) == (200, f"{site.hub.url}user/{site.users[0]}/lab")
    site.stop()
    assert_consistent(site)
    assert tagged_jobs(site) == [job for job in jobs if job[0] == site.users[1]]


def test_a_job_in_the_queue_is_adopted(site: Site) -> None:
    """It is a pending session again, and becomes ready when its turn comes."""
    site.start(user=site.users[1])
    fillers = [
        site.cluster.submit(
            f"--nodelist={node}", "--gres=gpu:2", "--mem=1G", "--account=cin_train", "--partition=g100_int", user=site.users[0]
        )
        for node in ("g001", "g002", "g003")
    ]
    for filler in fillers:
        site.cluster.wait_for_job_state(filler, "RUNNING")
    status, answer = site.call("POST", f"/users/{site.users[0]}/server", {"gpus": 2})
    assert status == 202, answer
    wait_for(lambda: len(tagged_jobs(site)) == 2, "the job to be submitted", 30)
    jobs = tagged_jobs(site)
    lose_the_database(site, "adopt")
    wait_for(lambda: site.server(site.users[0]).get("pending") == "spawn", f"the job to be adopted\n{site.logs()}", 60)
    wait_for(lambda: site.server(site.users[1]).get("ready"), "the running session to be adopted", 60)
    assert_consistent(site)
    site.cluster.run("scancel", *map(str, fillers))
    wait_for(lambda: site.server(site.users[0]).get("ready"), f"the session to be ready\n{site.logs()}", 90)
    assert tagged_jobs(site) == jobs


def test_orphans_are_cancelled(site: Site) -> None:
    """By configuration: the jobs are given back, and the log says which; a job without our tag is left alone."""
    for user in site.users[:2]:
        site.start(user=user)
    other = site.cluster.submit("--mem=1G", "--account=cin_train", "--partition=g100_int", user=site.users[0])
    jobs = tagged_jobs(site)
    lose_the_database(site, "cancel")
    wait_for(lambda: not tagged_jobs(site), f"the jobs to be cancelled\n{site.logs()}", 60)
    for user, _, number in jobs:
        assert f"Job {number} of {user} belongs to no session; it is cancelled" in site.hub.log()
    assert_consistent(site)
    assert site.cluster.job_state(other) in ("RUNNING", "PENDING")


def test_orphans_are_reported(site: Site) -> None:
    """By configuration: the log says how to end them, once, and nothing is done; the user can start another session meanwhile."""
    site.start()
    ((user, _, number),) = tagged_jobs(site)
    lose_the_database(site, "report")
    words = f"To end it: scancel --user={user} {number}"
    before = site.hub.log().count(words)
    wait_for(lambda: site.hub.log().count(words) > before, f"the report\n{site.logs()}", 60)
    site.start()
    assert len(tagged_jobs(site)) == 2
    assert site.hub.log().count(words) == before + 1
    site.cluster.run("scancel", str(number))
    assert_consistent(site)


def test_its_owner_sees_an_orphan_and_ends_it(site: Site, browser: Browser) -> None:
    """Home and the list of sessions name it, nobody else's do; its page ends it, and no job that is a session's."""
    site.start()
    ((user, _, number),) = tagged_jobs(site)
    lose_the_database(site, "report")
    owner, other = site.visitor(user), site.visitor(site.users[1])
    path = f"hub/resource-form/job?job={number}"

    def named(visitor: Visitor, page: str) -> list[str]:
        """The jobs that a page says to be left over."""
        return [str(link["href"]) for link in visitor.get(page).soup.select(".resource-form-left-over-job a")]

    wait_for(lambda: named(owner, "hub/home"), f"home to name the job\n{site.logs()}", 60)
    site.start()
    assert named(owner, "hub/home") == named(owner, "hub/resource-form/sessions") == [f"/{path}"]
    assert named(other, "hub/home") == []
    assert other.get(path).status == 404
    (session,) = [job for _user, _server, job in tagged_jobs(site) if job != number]
    assert owner.get(f"hub/resource-form/job?job={session}").status == 404
    phone = log_in(site, browser, user, width=320, height=640, path=path, shows="main")
    assert phone.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), "the page scrolls sideways"
    page = owner.get(path)
    assert "carries the mark of a session, and belongs to none" in page.text
    assert "g00" in page.text
    form = page.soup.select_one("#resource-form-job form")
    assert form is not None
    address, token = f"{site.hub.url}{path}", str(form.select("[name=_xsrf]")[0]["value"])
    assert other.session.post(address, data={"_xsrf": other.session.cookies.get("_xsrf", path="/hub/")}, timeout=30).status_code == 404
    assert owner.session.post(address, data={"_xsrf": "forged"}, timeout=30).status_code == 403
    assert len(tagged_jobs(site)) == 2
    assert "Slurm ends the job." in owner.session.post(address, data={"_xsrf": token}, timeout=30).text
    wait_for(lambda: [job for _user, _server, job in tagged_jobs(site)] == [session], "the job to be ended", 30)
    wait_for(lambda: named(owner, "hub/home") == [], "home to name it no more", 60)
    assert site.server(user).get("ready")


def test_the_session_in_its_place_is_kept(site: Site) -> None:
    """A user who has started another session before the sweep keeps it; the old job is reported."""
    site.start()
    ((user, _, number),) = tagged_jobs(site)
    lose_the_database(site, "report")
    site.start()
    wait_for(lambda: f"scancel --user={user} {number}" in site.hub.log(), "the report", 60)
    site.hub.restart(kill=True, config=site.hub.config.replace("'report'", "'adopt'"))
    wait_for(lambda: "the user has another session in its place" in site.hub.log(), f"the report\n{site.logs()}", 60)
    assert site.server(user).get("ready")
    assert len(tagged_jobs(site)) == 2
    site.cluster.run("scancel", str(number))
    assert_consistent(site)


def test_where_the_admins_own_options_have_jobs_run(site: Site) -> None:
    """Sessions may be asked for in one partition, and all jobs run in another by the admin's own options: they are adopted there."""
    config = site.hub.config
    more = "c.SlurmCluster.partitions = ['g100_int']\nc.ResourceFormSpawner.sbatch_options.append('--partition=g100_cpu')\n"
    site.hub.restart(kill=True, config=config + more)
    try:
        site.start({"gpus": 0})
        jobs = tagged_jobs(site)
        ((user, _, number),) = jobs
        assert site.cluster.job(number)["Partition"] == "g100_cpu"
        lose_the_database(site, "adopt")
        wait_for(lambda: site.server(user).get("ready"), f"the session to be adopted\n{site.logs()}", 60)
        assert tagged_jobs(site) == jobs
        site.stop()
    finally:
        site.hub.restart(kill=True, config=config)
