"""The session's life as a model: any order of starts, stops, crashes, losses, delays and reorderings, and the invariant after each.

Invariant at every step: no nonce has two jobs, and no job is cancelled that is not the session's own.
Once Slurm answers and time has passed: the active jobs with our tag are exactly the sessions that the Hub knows.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from spawner.job.sbatch import Tag
from tests.support.fake_slurm import FakeJob, FakeSlurm, VirtualTimeLoop
from tests.support.session_rig import Server, make_cluster

SETTLED_SECONDS = 400.0
SERVERS = st.integers(min_value=0, max_value=2)


class SessionLife(RuleBasedStateMachine):
    """Three servers of two users, one controller, one Hub."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        asyncio.set_event_loop(self.loop)
        self.slurm = FakeSlurm(self.loop)
        self.servers: list[Server] = []
        self.decoys: list[FakeJob] = []
        self.background: set[asyncio.Task[Any]] = set()
        self.reported: set[int] = set()

    def teardown(self) -> None:
        try:
            self.reconcile()
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()
            asyncio.set_event_loop(None)

    def pass_time(self, seconds: float) -> None:
        """Let everything that is under way go on for so long."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @initialize()
    def begin(self) -> None:
        """A Hub with nothing on it, beside jobs of the same users that are none of its own."""
        cluster = make_cluster(self.slurm)
        self.servers = [Server(self.slurm, cluster, user, name) for user, name in (("ada", ""), ("ada", "second"), ("grace", ""))]
        self.decoys = [self.slurm.make_job(user, state="RUNNING") for user in ("ada", "grace")]
        self.decoys.append(self.slurm.make_job("ada", Tag("jupyterhub", "ada", "", "of another life").comment, "RUNNING"))
        for decoy in self.decoys:
            decoy.script = "#!/bin/sh\nsleep 600\n"

    # --- what users do ------------------------------------------------------------------------------------------------------

    def _task(self, server: Server, coroutine: Any) -> None:
        server.task = asyncio.ensure_future(coroutine, loop=self.loop)
        server.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    def _background(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine, loop=self.loop)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        task.add_done_callback(lambda task: task.cancelled() or task.exception())

    @rule(number=SERVERS)
    def start(self, number: int) -> None:
        """Press Start; the Hub lets nobody start what is under way."""
        server = self.servers[number]
        if server.session is None and (server.task is None or server.task.done()):
            self._task(server, server.start())

    @rule(number=SERVERS)
    def stop(self, number: int) -> None:
        """Press Stop: on a start that is under way it cancels that first; not on one that a new Hub takes up, which JupyterHub cannot."""
        server = self.servers[number]
        if server.task is not None and not server.task.done():
            if server.taken_up:
                self._background(server.stop())
            elif not server.ready and server.session is not None and not server.session.record.stopping:
                server.task.cancel()
            return
        if server.session is not None:
            self._task(server, server.stop())

    @rule(number=SERVERS)
    def poll(self, number: int) -> None:
        """The Hub's own poller."""
        server = self.servers[number]
        if server.task is None or server.task.done():
            self.loop.run_until_complete(asyncio.wait_for(server.poll(), 300))

    # --- what Slurm does ----------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.04, 1.0, 5.0, 20.0, 90.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.pass_time(seconds)

    @rule(answers=st.booleans())
    def controller(self, answers: bool) -> None:
        """The controller goes away or comes back."""
        self.slurm.answers = answers

    @rule(delay=st.sampled_from([0.01, 0.5, 8.0]))
    def latency(self, delay: float) -> None:
        """The controller becomes slower or quicker."""
        self.slurm.delay = delay

    @rule(what=st.sampled_from(["lose_replies", "late_orders", "drop_orders", "refuse"]))
    def trouble(self, what: str) -> None:
        """The next sbatch gets no answer: its job exists, will exist, or never does."""
        setattr(self.slurm, what, 1)

    @rule(number=SERVERS)
    def run_and_listen(self, number: int) -> None:
        """The session's job runs and its launcher reports."""
        server = self.servers[number]
        for job in self.jobs_of(server):
            self.slurm.run_job(job)
            waits = server.session is not None and job.state == "RUNNING" and self.nonce_of(job) == server.nonce
            # A launcher that got its answer does not report again, whatever becomes of the Hub.
            if waits and job.job_id not in self.reported and server.session.listens_on(40000):
                self.reported.add(job.job_id)

    @rule(number=SERVERS, state=st.sampled_from(["TIMEOUT", "NODE_FAIL", "FAILED", "OUT_OF_MEMORY", "CANCELLED"]))
    def end(self, number: int, state: str) -> None:
        """The session's job ends, for whatever reason."""
        for job in self.jobs_of(self.servers[number]):
            self.slurm.end_job(job, state)

    @rule(number=SERVERS)
    def requeue(self, number: int) -> None:
        """An admin puts the session's job back into the queue."""
        for job in self.jobs_of(self.servers[number]):
            if job.state == "RUNNING":
                job.state, job.host, job.reason = "PENDING", "n/a", "BeginTime"
                self.reported.discard(job.job_id)

    @rule(number=SERVERS)
    def old_jobs_are_forgotten(self, number: int) -> None:
        """The controller forgets ended jobs (MinJobAge)."""
        for job in [job for job in self.slurm.jobs.values() if not job.active]:
            del self.slurm.jobs[job.job_id]

    # --- what happens to the Hub --------------------------------------------------------------------------------------------

    @rule()
    @precondition(lambda self: self.servers)
    def hub_is_killed(self) -> None:
        """SIGKILL, and a new Hub with what the database has."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        cluster = make_cluster(self.slurm)
        for server in self.servers:
            server.hub_dies()
            server.cluster = cluster
            self._task(server, server.hub_comes_back())

    # --- what must hold -----------------------------------------------------------------------------------------------------

    @staticmethod
    def nonce_of(job: FakeJob) -> str:
        tag = Tag.parse(job.comment)
        return tag.nonce if tag else ""

    def jobs_of(self, server: Server) -> list[FakeJob]:
        found = []
        for job in self.slurm.jobs.values():
            tag = Tag.parse(job.comment)
            if job.active and tag and (tag.user, tag.server) == (server.user, server.name) and job not in self.decoys:
                found.append(job)
        return found

    @invariant()
    def nothing_is_doubled_and_nobody_else_is_hurt(self) -> None:
        nonces = [self.nonce_of(job) for job in self.slurm.jobs.values() if self.nonce_of(job)]
        assert len(nonces) == len(set(nonces)), "a nonce has two jobs"
        assert all(job.state == "RUNNING" for job in self.decoys), "a job was cancelled that is not ours"

    def reconcile(self) -> None:
        """Slurm answers, time passes, the Hub polls: then jobs and sessions are the same."""
        if not self.servers:
            return
        self.slurm.answers, self.slurm.delay = True, 0.01
        self.pass_time(SETTLED_SECONDS)
        for server in self.servers:
            # What still waits in the queue may wait; what runs gets its report, as its launcher keeps trying.
            self.run_and_listen(self.servers.index(server))
        self.pass_time(SETTLED_SECONDS)
        for _ in range(4):
            for server in self.servers:
                self.loop.run_until_complete(server.poll())
            self.pass_time(60)
        for server in self.servers:
            jobs = self.jobs_of(server)
            known = [] if server.session is None else [server.nonce]
            assert [self.nonce_of(job) for job in jobs] == known, (
                f"{server.user}/{server.name}: jobs {jobs}, session {server.session and server.session.record}, ready {server.ready}"
            )
            assert server.ready == bool(jobs)
        self.nothing_is_doubled_and_nobody_else_is_hurt()


TestSessionLife = pytest.mark.thorough(SessionLife.TestCase)
TestSessionLife.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
