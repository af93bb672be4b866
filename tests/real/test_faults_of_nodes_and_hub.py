"""Faults of compute nodes, of the proxy, of the database's disk, and of the Hub at named stages, with sessions of two users in flight.

After each the same holds as in test_faults.py: the active jobs with our tag are exactly the sessions that the Hub knows.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.processes import marked_pids
from websocket import WebSocketException

from tests.support.injected_faults import JOB_ID_IS_STORED, NONCE_IS_STORED, STOP_IS_STORED, Orders
from tests.support.invariant import (
    Job,
    ask_to_start,
    ask_to_stop,
    assert_consistent,
    assert_kept,
    consistent,
    kernels,
    sessions,
    tagged_jobs,
)
from tests.support.real_hub import CHECKOUT, Environments, needs_users, open_site
from tests.support.site_under_test import Page, Site, Visitor, run_in_kernel, wait_for

GPU_NODES = ("g001", "g002", "g003")
"""The nodes of the default partition that anybody may use."""

PLAIN = {"gpus": 0}
"""What is started, whatever the user's last session was."""

WORDS_OF_A_DATABASE = ("sqlite", "SQL", "UPDATE", "nonce")


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub of these tests' own, which does to itself what it is ordered to. Its orders lie beside its folder.

    It is also surer than the real one that a job which does not show up does not exist: sbatch never lingers here.
    """
    folder = environments.folder / "hub-faults-orders"
    folder.mkdir(exist_ok=True)
    Orders(folder).take_all_back()
    cluster.bring_nodes_back()
    more = f"""
import pathlib, sys
sys.path.insert(0, {str(CHECKOUT)!r})
from tests.support import injected_faults
injected_faults.obey(c, pathlib.Path({str(folder)!r}))
c.SlurmCluster.hub_name = "faults"
c.SlurmCluster.jobs_interval = 5
c.Spawner.poll_interval = 3
import spawner.session.recovery
spawner.session.recovery.SBATCH_LINGERS_SECONDS = 2
"""
    with open_site("hub-faults", environments, cluster, users, more) as site:
        yield site


@dataclass(frozen=True)
class Running:
    """A session that runs: its user, a kernel of it that remembers something, and its job."""

    site: Site
    user: str
    kernel: str
    job: Job

    @classmethod
    def start(cls, site: Site, user: str) -> Running:
        """Start one."""
        site.start(PLAIN, user=user)
        (job,) = [entry for entry in tagged_jobs(site) if entry[0] == user]
        return cls(site, user, kernels(site, user)[user], job)

    @property
    def number(self) -> int:
        """The job's id."""
        return self.job[2]

    @property
    def node(self) -> str:
        """Where it runs."""
        return self.site.cluster.job(self.number)["BatchHost"]

    def is_kept(self) -> bool:
        """Whether it is still the same."""
        with contextlib.suppress(AssertionError, OSError, WebSocketException):
            printed, _ = run_in_kernel(self.site, "print(kept)", user=self.user, kernel=self.kernel)
            return printed.strip() == self.user and self.job in tagged_jobs(self.site)
        return False


def assert_only(*kept: Running, also: Iterable[Job] = ()) -> None:
    """These sessions are the same as before, kernels included, and besides these jobs there is nothing, in Slurm and in the Hub."""
    assert_consistent(kept[0].site)
    assert_kept(kept[0].site, {session.user: session.kernel for session in kept}, sorted([*(session.job for session in kept), *also]))


@pytest.fixture(scope="module")
def kept() -> list[Running]:
    """The second user's session, once there is one: the same throughout these tests."""
    return []


@pytest.fixture
def site(running_site: Site, kept: list[Running]) -> Iterator[Site]:
    """The site with nothing on it but the second user's session. What a failed test has done to that is put right."""
    needs_users(running_site.users, 2)
    if not all(session.is_kept() for session in kept):
        kept.clear()
    clear(running_site, kept)
    yield running_site
    if not stands(running_site):
        running_site.hub.restart(kill=True)
    clear(running_site, kept)


def stands(site: Site) -> bool:
    """Whether the Hub answers and knows what there is."""
    with contextlib.suppress(OSError):
        return site.hub.is_running() and consistent(site)
    return False


def clear(site: Site, kept: list[Running]) -> None:
    """End everything else."""
    if not kept:
        site.clean()
        return
    for user, server in sessions(site):
        if user != kept[0].user:
            site.call("DELETE", f"/users/{user}/servers/{server}" if server else f"/users/{user}/server")
    others = [number for number in site.cluster.active_jobs() if number != kept[0].number]
    if others:
        site.cluster.run("scancel", *map(str, others), check=False)
    wait_for(
        lambda: site.cluster.active_jobs() == [kept[0].number] and sessions(site) == [kept[0].job[:2]],
        f"nothing but {kept[0].job} to run\n{site.logs()}",
        every=0.3,
    )


@pytest.fixture
def orders(environments: Environments, site: Site) -> Iterator[Orders]:
    """The orders to the Hub; in the end there are none."""
    orders = Orders(environments.folder / "hub-faults-orders")
    orders.take_all_back()
    yield orders
    orders.take_all_back()


@pytest.fixture
def bystander(site: Site, kept: list[Running]) -> Running:
    """The second user's session, which is to notice nothing."""
    if not kept:
        kept.append(Running.start(site, site.users[1]))
    return kept[0]


@pytest.fixture
def victim(site: Site, bystander: Running) -> Running:
    """The first user's session."""
    return Running.start(site, site.users[0])


@pytest.fixture
def victim_elsewhere(site: Site, bystander: Running) -> Iterator[Running]:
    """The first user's session, on another node than the second one's; in the end all nodes are in service."""
    site.cluster.drain(bystander.node)
    session = Running.start(site, site.users[0])
    site.cluster.resume(bystander.node)
    assert session.node != bystander.node
    yield session
    site.cluster.bring_nodes_back()
    site.cluster.reconfigure()


@pytest.fixture
def no_free_gpu(site: Site) -> Iterator[list[int]]:
    """Jobs that hold all GPUs which anybody may use: who asks for one waits in the queue."""
    options = ("--gres=gpu:2", "--mem=1G", "--account=cin_train", "--partition=g100_int")
    fillers = [site.cluster.submit(f"--nodelist={node}", *options, user=site.users[0]) for node in GPU_NODES]
    for filler in fillers:
        site.cluster.wait_for_job_state(filler, "RUNNING")
    return fillers


def wait_in_queue(site: Site, user: str) -> int:
    """Wait until the user's session has a job in the queue that the Hub knows; the job's id."""

    def number() -> int:
        return next((number for name, _, number in tagged_jobs(site) if name == user), 0)

    found = wait_for(number, "the job to be submitted", 60)
    wait_for(lambda: re.search(rf"session submitted .*\bjob_id={found} ", site.hub.log()), "the Hub to have its id", 30)
    assert site.cluster.job_state(found) == "PENDING"
    return found


def jobs_ever(site: Site, user: str) -> set[str]:
    """The ids of all jobs of the user that Slurm remembers, ended ones too."""
    return set(site.cluster.run("squeue", "--noheader", "--states=all", f"--user={user}", "--format=%A").stdout.split())


def processes_of(site: Site, job: int) -> list[int]:
    """The processes of a job, wherever they run."""
    return marked_pids(f"SLURM_CONF={site.cluster.slurm_conf}", f"SLURM_JOB_ID={job}")


def failure(user: Visitor) -> Page | None:
    """The waiting page, once it says that the start failed."""
    page = user.get(f"hub/spawn-pending/{user.name}")
    return page if "The session could not start." in page.text else None


def start_at_once(site: Site) -> Job:
    """The first user presses Start, and the test goes on once the job is submitted."""
    ask_to_start(site, site.users[0], PLAIN)
    return wait_for(lambda: next((job for job in tagged_jobs(site) if job[0] == site.users[0]), None), "the job to be submitted")


def wait_until_killed(site: Site) -> list[Job]:
    """The Hub has carried out its order; what there is in Slurm then."""
    wait_for(lambda: not site.hub.is_running(), "the Hub to be killed")
    return tagged_jobs(site)


def wait_until_usable(site: Site, user: str) -> None:
    """The session is ready, and a kernel runs in it."""
    wait_for(lambda: site.server(user).get("ready"), f"the session of {user} to be ready\n{site.logs()}", every=0.3)
    assert run_in_kernel(site, "print(6 * 7)", user=user)[0].strip() == "42"


# --- compute nodes and the proxy ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["set down", "power cut"])
def test_node_fails(site: Site, victim_elsewhere: Running, bystander: Running, fault: str) -> None:
    """The session on a node that fails is over, with its route, and the next form says why; the one on another node does not notice."""
    victim, node = victim_elsewhere, victim_elsewhere.node
    if fault == "set down":
        site.cluster.kill_slurmd(node)
        assert processes_of(site, victim.number), "its steps live on without slurmd"
        site.cluster.set_down(node)
    else:
        site.cluster.reconfigure(SlurmdTimeout="5")
        site.cluster.stop_node(node, hard=True)
    site.cluster.wait_for_job_state(victim.number, "NODE_FAIL", deadline_s=120)
    wait_for(lambda: not site.server(victim.user), "the Hub to notice", every=0.3)
    assert_only(bystander)
    user = site.visitor(victim.user)
    assert "/hub/" in user.get(f"user/{victim.user}/lab").url
    assert "The compute node failed." in user.form().text
    site.cluster.start_node(node)
    wait_for(lambda: not processes_of(site, victim.number), "what ran on the node to be gone")
    again = Running.start(site, victim.user)
    assert_only(bystander, again)


def test_slurmd_killed_and_back(site: Site, victim_elsewhere: Running, bystander: Running) -> None:
    """slurmd is killed and comes back within seconds: the session on its node is kept, and can still be stopped."""
    victim, node = victim_elsewhere, victim_elsewhere.node
    site.cluster.kill_slurmd(node)
    assert_only(bystander, victim)
    site.cluster.start_node(node)
    assert_only(bystander, victim)
    site.stop(user=victim.user)
    assert_only(bystander)
    wait_for(lambda: not processes_of(site, victim.number), "what ran in the job to be gone")


@pytest.mark.parametrize("killed", ["alone", "with the Hub"])
def test_proxy_killed(site: Site, victim: Running, bystander: Running, killed: str) -> None:
    """The proxy is killed: it comes back with the routes of all sessions, which are the same."""
    if killed == "with the Hub":
        site.hub.kill()
        site.hub.kill_proxy()
        site.hub.start()
    else:
        pid = site.hub.pid
        site.hub.kill_proxy()
        wait_for(lambda: answers(site), "the proxy to be back")
        assert site.hub.pid == pid
    assert_only(bystander, victim)


def test_proxy_killed_during_a_start(site: Site, bystander: Running) -> None:
    """The proxy is killed while a session starts: it comes up, or is over with its job; the running one is the same."""
    job = start_at_once(site)
    site.hub.kill_proxy()
    wait_for(lambda: answers(site), "the proxy to be back")
    wait_for(lambda: not site.server(job[0]).get("pending"), "the start to be over", every=0.3)
    assert_only(bystander, also=[job] if site.server(job[0]) else [])


def answers(site: Site) -> bool:
    """Whether the Hub answers through its proxy."""
    with contextlib.suppress(OSError):
        return site.call("GET", "/")[0] == 200
    return False


# --- reports, limits, and orders that cross ---------------------------------------------------------------------------------------


def test_a_report_that_never_comes(site: Site, orders: Orders, bystander: Running, tmp_path: Path) -> None:
    """A job whose server never listens: the start ends with a sentence, and nothing is left of it."""
    script = tmp_path / "resource_form" / "job_script.sh"
    script.parent.mkdir()
    script.write_text("#!/bin/bash\nexec sleep 3600\n")
    orders.set_for_new_starts(listen_timeout=4, template_paths=[str(tmp_path)])
    user = site.visitor(site.users[0])
    assert user.start({"gpus": "0"}).status == 302
    # The answer comes after a second, whether or not the job is there by then.
    (job,) = wait_for(lambda: [entry[2] for entry in tagged_jobs(site) if entry != bystander.job], "the job to be submitted")
    page = wait_for(lambda: failure(user), "the start to be given up", every=0.3)
    assert "The server did not come up in time." in page.text
    assert_only(bystander)
    assert site.cluster.job_state(job) == "CANCELLED"
    wait_for(lambda: not processes_of(site, job), "what ran in the job to be gone")


def test_reports_of_others_while_a_session_waits(site: Site, victim: Running, bystander: Running, no_free_gpu: list[int]) -> None:
    """Tokens of an earlier session, of the user's own and of somebody else's session change nothing for one that starts: it comes up
    on its own port.
    """
    old, other = (
        run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", user=session.user, kernel=session.kernel)[0].strip()
        for session in (victim, bystander)
    )
    site.hub.restart()
    site.stop(user=victim.user)
    start = ask_to_start(site, victim.user, {"gpus": 2})
    job = wait_in_queue(site, victim.user)
    own = site.visitor(victim.user).api("POST", f"users/{victim.user}/tokens", json={}).json()["token"]
    for token in (other, own):
        assert site.hub.api("GET", "/user", token)[0] == 200, "JupyterHub itself takes the token"
    for token in (old, other, own):
        status, answer = site.hub.api("POST", "/batchspawner", token, {"port": 12345})
        assert 400 <= status < 500, answer
    site.cluster.run("scancel", *map(str, no_free_gpu))
    start.join(60)
    wait_until_usable(site, victim.user)
    listening = re.findall(rf"session ready user={victim.user} .*\blog=(\S+)", site.hub.log())[-1]
    assert urlsplit(f"//{listening}").port != 12345
    assert_only(bystander, also=[(victim.user, "", job)])


def test_start_timeout_while_the_job_waits(site: Site, orders: Orders, bystander: Running, no_free_gpu: list[int]) -> None:
    """JupyterHub's own limit ends a start while its job is in the queue: the job is cancelled."""
    orders.set_for_new_starts(start_timeout=8)
    user = site.visitor(site.users[0])
    ask_to_start(site, user.name, {"gpus": 2})
    job = wait_in_queue(site, user.name)
    wait_for(lambda: failure(user), "the start to be given up", every=0.3)
    assert site.cluster.wait_for_job_state(job) == "CANCELLED"
    assert_only(bystander)


@pytest.mark.parametrize(
    "restarted",
    [
        pytest.param(False, id="in the Hub that began it"),
        pytest.param(True, id="in the next Hub"),
    ],
)
def test_start_and_stop_while_the_job_waits(
    site: Site, orders: Orders, bystander: Running, no_free_gpu: list[int], restarted: bool
) -> None:
    """A second Start makes no second job; Stop takes the waiting job back; a Start right after it is not ended with it."""
    starting = site.users[0]
    ask_to_start(site, starting, {"gpus": 2})
    job = wait_in_queue(site, starting)
    if restarted:
        site.hub.restart(kill=True)
    assert site.call("POST", f"/users/{starting}/server", {"gpus": 1})[0] in (202, 400)
    assert_only(bystander, also=[(starting, "", job)])
    site.stop(user=starting)
    ask_to_start(site, starting, PLAIN)
    wait_until_usable(site, starting)
    assert site.cluster.wait_for_job_state(job) == "CANCELLED"
    (other,) = (number for user, _, number in tagged_jobs(site) if user == starting)
    assert_only(bystander, also=[(starting, "", other)])


# --- the Hub is killed at a named stage --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "at"),
    [
        pytest.param("kill_at_statement", JOB_ID_IS_STORED, id="sbatch gave an id"),
        pytest.param("kill_at_line", r"^session submitted ", id="the id is stored"),
        pytest.param("kill_at_line", r"^201 POST /hub/api/batchspawner", id="the port was reported"),
        pytest.param("kill_at_line", r"^session ready ", id="the server listens"),
        pytest.param("kill_at_line", r"^User \S+ took \S+ seconds to start", id="the server answered"),
    ],
)
def test_hub_killed_at_a_stage_of_a_start(site: Site, orders: Orders, bystander: Running, order: str, at: str) -> None:
    """SIGKILL at a named stage of a start: the next Hub has the same job ready, and the running session is kept."""
    getattr(orders, order)(at)
    ask_to_start(site, site.users[0], PLAIN)
    job, other = wait_until_killed(site)
    assert (job[0], other) == (site.users[0], bystander.job)
    site.hub.start()
    wait_until_usable(site, site.users[0])
    assert_only(bystander, also=[job])


def test_hub_killed_before_the_job_is_submitted(site: Site, orders: Orders, bystander: Running) -> None:
    """SIGKILL once the nonce is stored: the next Hub shows that there is no job, and submits none."""
    starting = site.users[0]
    before = jobs_ever(site, starting)
    orders.kill_once_stored(NONCE_IS_STORED)
    ask_to_start(site, starting, PLAIN)
    wait_until_killed(site)
    site.hub.start()
    wait_for(lambda: not site.server(starting), "the start to be shown to be none", 120, every=0.3)
    assert jobs_ever(site, starting) <= before
    assert_only(bystander)
    assert "Start again." in site.visitor(starting).form().text


@pytest.mark.parametrize(
    ("order", "at"),
    [
        pytest.param("kill_once_stored", STOP_IS_STORED, id="the order is stored"),
        pytest.param("kill_at_line", r"^session cancelled ", id="the order was given"),
    ],
)
def test_hub_killed_at_a_stage_of_a_stop(site: Site, orders: Orders, victim: Running, bystander: Running, order: str, at: str) -> None:
    """SIGKILL at a named stage of a stop: the next Hub finishes it, and the other session is kept."""
    getattr(orders, order)(at)
    ask_to_stop(site, victim.user)
    wait_until_killed(site)
    site.hub.start()
    wait_for(lambda: not site.server(victim.user), "the session to be gone", every=0.3)
    assert_only(bystander)


# --- the database's disk is full ----------------------------------------------------------------------------------------------------
#
# What JupyterHub cannot store of its own part either is made up for once there is room again, without a restart.


@pytest.mark.parametrize(
    "order",
    [
        "fail_at",
        "disk_full_at",
    ],
)
def test_disk_full_before_the_job_is_submitted(site: Site, orders: Orders, bystander: Running, order: str) -> None:
    """A nonce that cannot be stored is not submitted; the user reads a sentence, and a start works once there is room again."""
    user = site.visitor(site.users[0])
    before = jobs_ever(site, user.name)
    page = user.form()
    getattr(orders, order)(NONCE_IS_STORED)
    answer = user.start({"gpus": "0"}, page=page)
    assert not orders.pending(order), "the disk was full"
    orders.disk_has_room()
    assert jobs_ever(site, user.name) <= before
    assert answer.status >= 400
    assert not any(word in answer.text for word in WORDS_OF_A_DATABASE), answer.text
    if order == "fail_at":
        assert "Nothing was submitted" in answer.alert, answer.text
    assert_only(bystander)
    again = Running.start(site, user.name)
    assert_only(bystander, again)


def test_disk_full_when_the_job_has_an_id(site: Site, orders: Orders, bystander: Running) -> None:
    """An id that cannot be stored, and the Hub killed upon it: the next Hub finds the job by its nonce."""
    orders.disk_full_at(JOB_ID_IS_STORED)
    orders.kill_at_line("could not be stored")
    ask_to_start(site, site.users[0], PLAIN)
    job, _ = wait_until_killed(site)
    orders.disk_has_room()
    site.hub.start()
    wait_until_usable(site, site.users[0])
    assert_only(bystander, also=[job])


def test_disk_full_for_a_moment_during_a_start(site: Site, orders: Orders, bystander: Running) -> None:
    """An id that cannot be stored is stored later: the session comes up, and the next Hub knows it."""
    orders.fail_at(JOB_ID_IS_STORED)
    job = start_at_once(site)
    wait_until_usable(site, job[0])
    assert not orders.pending("fail_at"), "the disk was full"
    site.hub.restart(kill=True)
    assert_only(bystander, also=[job])


def test_disk_full_to_the_end_of_a_start(site: Site, orders: Orders, bystander: Running) -> None:
    """The disk is full from sbatch to the end of the start: in the next run of the Hub the session is there, or over without a job."""
    orders.disk_full_at(JOB_ID_IS_STORED)
    ask_to_start(site, site.users[0], PLAIN).join(120)
    assert not orders.pending("disk_full_at"), "the disk was full"
    orders.disk_has_room()
    site.hub.restart(kill=True)
    assert_consistent(site)
    assert_only(bystander, also=[job for job in tagged_jobs(site) if job != bystander.job])


@pytest.mark.parametrize("until", ["the next statement", "the job is given back", "the stop is over"])
def test_disk_full_at_a_stop(site: Site, orders: Orders, victim: Running, bystander: Running, until: str) -> None:
    """A stop that cannot be stored gives the job back all the same, and is stored by itself once there is room."""
    order = "fail_at" if until == "the next statement" else "disk_full_at"
    getattr(orders, order)(STOP_IS_STORED)
    stop = ask_to_stop(site, victim.user)
    if until == "the stop is over":
        stop.join(60)
    site.cluster.wait_for_job_state(victim.number, "CANCELLED", deadline_s=60)
    assert not orders.pending(order), "the disk was full"
    orders.disk_has_room()
    assert_only(bystander)
