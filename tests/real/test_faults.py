"""Faults on the real cluster, with sessions of two users in flight, and the same invariant after each:

the active jobs with our tag are exactly the sessions that the Hub knows; none doubled, none lost, none orphaned.
"""

from __future__ import annotations

import re
import time

import pytest
import requests

from tests.support.invariant import ask_to_start, ask_to_stop, assert_consistent, assert_kept, consistent, kernels, tagged_jobs
from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site, run_in_kernel, wait_for

OUTAGE_SECONDS = 60.0


def test_controller_away_for_a_minute(two_running: Site) -> None:
    """slurmctld is stopped for a minute: no session is lost, and a stop asked for meanwhile is carried out once it is back."""
    site = two_running
    kernel_of, jobs = kernels(site), tagged_jobs(site)
    site.cluster.stop_controller()
    try:
        deadline = time.monotonic() + OUTAGE_SECONDS
        ask_to_stop(site, site.users[1])
        while time.monotonic() < deadline:
            assert site.server(site.users[0]).get("ready"), site.logs()
            time.sleep(2)
    finally:
        site.cluster.start_controller()
    wait_for(lambda: not site.server(site.users[1]), "the second user's session to be gone", 60, every=0.5)
    assert_consistent(site)
    assert_kept(site, {site.users[0]: kernel_of[site.users[0]]}, [job for job in jobs if job[0] == site.users[0]])


def test_controller_killed_and_restarted(two_running: Site) -> None:
    """slurmctld is killed and comes back with what it had saved: the sessions are the same."""
    site = two_running
    kernel_of, jobs = kernels(site), tagged_jobs(site)
    site.cluster.kill_controller()
    site.cluster.start_controller()
    assert_consistent(site)
    assert_kept(site, kernel_of, jobs)


def test_controller_frozen_during_sbatch(site: Site) -> None:
    """sbatch times out though the job will exist: it is found by its nonce and used; no second one, no orphan."""
    needs_users(site.users, 2)
    site.start(user=site.users[1])
    site.visitor().form()
    site.cluster.pause_controller()
    try:
        start = ask_to_start(site, site.users[0])
        wait_for(lambda: "did not confirm the job" in site.hub.log(), "sbatch to give up", 90, every=0.5)
    finally:
        site.cluster.resume_controller()
    start.join(120)
    wait_for(lambda: site.server(site.users[0]).get("ready"), "the session to be ready", 120, every=1)
    assert_consistent(site)
    assert len(tagged_jobs(site)) == 2


def test_slurmdbd_away(two_running: Site) -> None:
    """Without slurmdbd sessions run, stop and start."""
    site = two_running
    jobs = tagged_jobs(site)
    accounts = site.visitor(site.users[1]).form("another").choices("account")
    site.cluster.stop_accounting()
    try:
        assert_kept(site, {}, jobs)
        site.stop(user=site.users[1])
        site.start(user=site.users[1])
        assert_consistent(site)
        site.hub.restart()
        page = site.visitor(site.users[1]).form("another")
        assert page.choices("account") == accounts != [], "a Hub that starts meanwhile knows the accounts from slurmctld"
        assert "Slurm's accounting does not answer" in page.text
        assert_kept(site, {}, tagged_jobs(site))
    finally:
        site.cluster.start_accounting()
    assert_consistent(site)


def test_munged_away(two_running: Site) -> None:
    """Without munged no Slurm command works: the sessions stay, and what was asked is done when it is back."""
    site = two_running
    kernel_of, jobs = kernels(site), tagged_jobs(site)
    refused = site.hub.log().count("No answer from Slurm about jobs")
    site.cluster.stop_munge()
    try:
        wait_for(lambda: site.hub.log().count("No answer from Slurm about jobs") > refused, "the Hub to notice", 120, every=1)
        for user in site.users[:2]:
            assert site.server(user).get("ready")
    finally:
        site.cluster.start_munge()
    assert_consistent(site)
    assert_kept(site, kernel_of, jobs)
    site.cluster.bring_nodes_back()


def test_node_drained(two_running: Site) -> None:
    """A node that is drained keeps what runs on it."""
    site = two_running
    kernel_of, jobs = kernels(site), tagged_jobs(site)
    nodes = {site.cluster.job(number)["BatchHost"] for _, _, number in jobs}
    for node in nodes:
        site.cluster.drain(node)
    try:
        site.cluster.run("squeue")
        assert_kept(site, kernel_of, jobs)
    finally:
        for node in nodes:
            site.cluster.resume(node)


@pytest.mark.parametrize("order", ["requeue", "scancel"])
def test_an_admin_ends_a_job(two_running: Site, order: str) -> None:
    """Requeued or cancelled from outside: that session is over within an interval, its route gone, the other one untouched."""
    site = two_running
    jobs = tagged_jobs(site)
    (victim,) = [number for user, _, number in jobs if user == site.users[0]]
    if order == "requeue":
        site.cluster.run("scontrol", "update", f"JobId={victim}", "Requeue=1")
        site.cluster.run("scontrol", "requeue", str(victim))
    else:
        site.cluster.run("scancel", str(victim))
    wait_for(lambda: not site.server(site.users[0]), "the Hub to notice", 60, every=0.5)
    assert_consistent(site)
    assert tagged_jobs(site) == [job for job in jobs if job[0] == site.users[1]]
    assert "/hub/" in site.visitor().get(f"user/{site.users[0]}/lab").url


def test_the_server_exits_by_itself(two_running: Site) -> None:
    """A user shuts the server down from within: the session is over, with the job."""
    site = two_running
    base = f"{site.hub.url}user/{site.users[0]}"
    requests.post(f"{base}/api/shutdown", headers={"Authorization": f"token {site.token}"}, timeout=30)
    wait_for(lambda: not site.server(site.users[0]), "the Hub to notice", 60, every=0.5)
    assert_consistent(site)
    assert [user for user, _, _ in tagged_jobs(site)] == [site.users[1]]


@pytest.mark.parametrize("after", [0.05, 0.15, 0.5, 1.5, 3.0])
def test_hub_killed_during_a_start(site: Site, after: float) -> None:
    """SIGKILL at some stage of a start: the next Hub takes the job up or shows that there is none; the running session is kept."""
    needs_users(site.users, 2)
    site.start(user=site.users[1])
    (running,) = tagged_jobs(site)
    ask_to_start(site, site.users[0])
    time.sleep(after)
    site.hub.kill()
    begun = [job for job in tagged_jobs(site) if job[0] == site.users[0]]
    site.hub.start()

    def settled() -> bool:
        model = site.server(site.users[0])
        return consistent(site) and (bool(model.get("ready")) or (not model and not begun))

    wait_for(settled, "the start to be finished or to be none", 120, every=1)
    assert running in tagged_jobs(site)
    assert site.server(site.users[1]).get("ready")


def test_hub_killed_while_a_session_waits_in_the_queue(site: Site) -> None:
    """The job that waits is taken up: same job, which becomes ready when its turn comes."""
    fillers = [
        site.cluster.submit(
            f"--nodelist={node}", "--gres=gpu:2", "--mem=1G", "--account=cin_train", "--partition=g100_int", user=site.users[0]
        )
        for node in ("g001", "g002", "g003")
    ]
    for filler in fillers:
        site.cluster.wait_for_job_state(filler, "RUNNING")
    ask_to_start(site, site.users[0], {"gpus": 2})
    wait_for(lambda: len(tagged_jobs(site)) == 1, "the job to be submitted", 30)
    ((_, _, number),) = tagged_jobs(site)
    wait_for(lambda: re.search(rf"session submitted .*\bjob_id={number} ", site.hub.log()), "the Hub to have its id", 30)
    site.hub.restart(kill=True)
    assert site.server(site.users[0]).get("pending")
    assert site.cluster.job_state(number) == "PENDING"
    site.cluster.run("scancel", *map(str, fillers))
    wait_for(lambda: site.server(site.users[0]).get("ready"), "the session to be ready", 120, every=1)
    assert [job[2] for job in tagged_jobs(site)] == [number]
    assert_consistent(site)
    site.stop()
    assert tagged_jobs(site) == []


@pytest.mark.parametrize("after", [0.02, 0.1, 0.4])
def test_hub_killed_during_a_stop(two_running: Site, after: float) -> None:
    """SIGKILL at some stage of a stop: the next Hub finishes it, or, if it was not heard, still has the session."""
    site = two_running
    ask_to_stop(site, site.users[0])
    time.sleep(after)
    site.hub.restart(kill=True)
    assert_consistent(site)
    assert site.server(site.users[1]).get("ready")


def test_hub_restarted_while_slurm_is_away(two_running: Site) -> None:
    """A Hub that starts while the controller is away keeps the running sessions."""
    site = two_running
    kernel_of, jobs = kernels(site), tagged_jobs(site)
    site.cluster.stop_controller()
    try:
        site.hub.restart()
        wait_for(lambda: all(site.server(user).get("ready") for user in site.users[:2]), "both sessions to be ready", 60, every=1)
    finally:
        site.cluster.start_controller()
    assert_kept(site, kernel_of, jobs)


def test_callback_twice_or_from_an_old_job(two_running: Site) -> None:
    """Once a session is ready its own token cannot change the port any more; a stopped session's token is worth nothing."""
    site = two_running
    token, _ = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])")
    token = token.strip()
    url = site.server(site.users[0])["url"]
    assert site.hub.api("POST", "/batchspawner", token, {"port": 12345})[0] == 409
    assert site.hub.api("POST", "/batchspawner", token, {"port": 12345, "exec_prefix": "id"})[0] in (400, 409)
    assert site.server(site.users[0])["url"] == url
    site.stop()
    assert site.hub.api("POST", "/batchspawner", token, {"port": 12345})[0] in (401, 403)
    assert_consistent(site)
