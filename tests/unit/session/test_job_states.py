"""Each state that squeue can print, and what it means for a session that waits, for one that runs, and for Stop.

The words are those of docs/slurm-facts.md#job-states (job_state_string, 21.08 to 25.11). A flag is printed in place of
the base state, so that RUNNING is not the only word for a job that runs.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

import pytest

from spawner.errors import SessionFailed
from spawner.session.record import Limits
from spawner.slurm import states
from tests.support.fake_slurm import FakeJob, FakeSlurm, Trouble
from tests.support.session_rig import Server, make_cluster, virtually

FLAGS = (
    "COMPLETING",
    "STAGE_OUT",
    "CONFIGURING",
    "EXPEDITING",
    "RESIZING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "STOPPED",
    "REVOKED",
    "RESV_DEL_HOLD",
    "SIGNALING",
)
BASES = (
    "PENDING",
    "RUNNING",
    "SUSPENDED",
    "COMPLETED",
    "CANCELLED",
    "FAILED",
    "TIMEOUT",
    "NODE_FAIL",
    "PREEMPTED",
    "BOOT_FAIL",
    "DEADLINE",
    "OUT_OF_MEMORY",
)
NEVER_PRINTED = ("LAUNCH_FAILED", "POWER_UP_NODE", "RECONFIG_FAIL", "UPDATE_DB")
NO_WORDS_OF_SLURM = ("NEWSTATE", "")
KINDS = {
    "pending": states.PENDING,
    "starting": states.STARTING,
    "running": states.RUNNING,
    "ending": states.ENDING,
    "ended": states.ENDED,
}
HOST = "g001"
STAYS_SECONDS = 20
QUEUE_SECONDS = 3600


@dataclass(frozen=True)
class Row:
    """``kind``: which of Slurm's kinds it is; empty: none. ``reason``: squeue's for such a job.

    ``waiting`` and ``running``: what becomes of a session that waits, and of one that runs: the state it ends with, or None if it goes
    on. ``says``: words of the last message, or of the sentence with which it ends.
    """

    state: str
    kind: str
    reason: str
    waiting: str | None
    says: str
    running: str | None

    @property
    def on_a_node(self) -> bool:
        return self.kind != "pending"


ROWS = [
    Row("PENDING", "pending", "Priority", None, "waits in the queue. Other jobs are ahead of yours.", "REQUEUED"),
    Row("REQUEUED", "pending", "BeginTime", None, "waits in the queue. The job is set to begin later.", "REQUEUED"),
    Row("REQUEUE_FED", "pending", "None", None, "waits in the queue. Slurm has not looked", "REQUEUED"),
    Row("EXPEDITING", "pending", "None", None, "waits in the queue. Slurm has not looked", "REQUEUED"),
    Row("REQUEUE_HOLD", "pending", "job requeued in held state", "NEVER_STARTS", "can never start: It is on hold.", "REQUEUED"),
    Row("SPECIAL_EXIT", "pending", "job requeued in special exit state", "NEVER_STARTS", "can never start: It is on hold.", "REQUEUED"),
    Row("RESV_DEL_HOLD", "pending", "ReservationDeleted", "NEVER_STARTS", "can never start: The reservation was removed.", "REQUEUED"),
    Row("CONFIGURING", "starting", "None", None, "The node is being made ready", None),
    Row("RUNNING", "running", "None", None, "runs on g001. The server is starting.", None),
    Row("SUSPENDED", "running", "None", None, "The session is suspended.", None),
    Row("STOPPED", "running", "None", None, "The session is suspended.", None),
    Row("SIGNALING", "running", "None", None, "runs on g001. The server is starting.", None),
    Row("RESIZING", "running", "None", None, "runs on g001. The server is starting.", None),
    Row("COMPLETING", "ending", "None", None, "is ending", None),
    Row("STAGE_OUT", "ending", "None", None, "is ending", None),
    Row("COMPLETED", "ended", "None", "COMPLETED", "The server ended by itself.", "COMPLETED"),
    Row("CANCELLED", "ended", "None", "CANCELLED", "The job was cancelled.", "CANCELLED"),
    Row("FAILED", "ended", "NonZeroExitCode", "FAILED", "its job failed", "FAILED"),
    Row("TIMEOUT", "ended", "TimeLimit", "TIMEOUT", "time limit of the session was reached", "TIMEOUT"),
    Row("NODE_FAIL", "ended", "NodeDown", "NODE_FAIL", "compute node failed", "NODE_FAIL"),
    Row("PREEMPTED", "ended", "None", "PREEMPTED", "higher priority", "PREEMPTED"),
    Row("BOOT_FAIL", "ended", "None", "BOOT_FAIL", "did not start", "BOOT_FAIL"),
    Row("DEADLINE", "ended", "DeadLine", "DEADLINE", "before its deadline", "DEADLINE"),
    Row("OUT_OF_MEMORY", "ended", "OutOfMemory", "OUT_OF_MEMORY", "ran out of memory", "OUT_OF_MEMORY"),
    Row("REVOKED", "ended", "None", "REVOKED", "another cluster", "REVOKED"),
    Row("NEWSTATE", "", "None", None, "Job 101", None),
    Row("", "", "None", None, "The session is kept", None),
]
RUNS = next(row for row in ROWS if row.state == "RUNNING")
ALL = [pytest.param(row, id=row.state or "empty") for row in ROWS]
GOES_ON = [row for row in ALL if row.values[0].waiting is None]
NOT_OVER = [row for row in ALL if row.values[0].kind != "ended"]


def make_server() -> Server:
    """A user's server on a fresh controller, beside a job of the same user that is none of its own."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    slurm.make_job("ada", state="RUNNING", job_id=1)
    return Server(slurm, make_cluster(slurm), "ada", limits=Limits(queue=QUEUE_SECONDS))


def own(server: Server) -> FakeJob:
    """The session's one job."""
    (job,) = (job for job in server.slurm.jobs.values() if job.job_id != 1)
    return job


def put(job: FakeJob, row: Row) -> None:
    """Slurm has the job in this state from now on."""
    job.state, job.reason, job.host = row.state, row.reason, HOST if row.on_a_node else "n/a"


def nothing_else_was_touched(server: Server) -> bool:
    return server.slurm.jobs[1].state == "RUNNING" and set(server.slurm.cancelled) <= {own(server).job_id}


async def waiting(server: Server) -> tuple[asyncio.Task[None], FakeJob]:
    """A start whose job has been seen in the queue."""
    start = asyncio.ensure_future(server.start())
    await asyncio.sleep(3)
    return start, own(server)


async def ready(server: Server) -> FakeJob:
    """A session that runs and has been polled."""
    start, job = await waiting(server)
    put(job, RUNS)
    assert server.session is not None
    server.session.report.accept(40000)
    await asyncio.wait_for(start, 60)
    assert await server.session.poll() is None
    assert server.ready
    assert server.session.record.node == HOST
    return job


# --- the words ------------------------------------------------------------------------------------------------------------------


def test_a_row_for_every_word() -> None:
    """The table has one row for each word that squeue prints, for one that no Slurm prints yet, and for none at all."""
    assert [row.state for row in ROWS if row.state not in (*FLAGS, *BASES)] == list(NO_WORDS_OF_SLURM)
    assert sorted(row.state for row in ROWS) == sorted((*FLAGS, *BASES, *NO_WORDS_OF_SLURM))


@pytest.mark.parametrize("row", ALL)
def test_every_word_is_of_one_kind(row: Row) -> None:
    """The word is in the set of its kind and in no other; what Slurm does not know is in none."""
    assert [name for name, states in KINDS.items() if row.state in states] == ([row.kind] if row.kind else [])


def test_no_kind_has_a_word_that_squeue_does_not_print() -> None:
    """The kinds share no word, and hold nothing beside the words of the table; those for the REST interface alone are unknown."""
    words = [word for states in KINDS.values() for word in states]
    assert len(words) == len(set(words))
    assert set(words) == {*FLAGS, *BASES}
    assert not set(words) & set(NEVER_PRINTED)


# --- a session that waits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ALL)
def test_a_start(row: Row) -> None:
    """It waits on and says how the job stands, or ends at the next look with its sentence; then no job is left."""

    async def scenario() -> None:
        server = make_server()
        start, job = await waiting(server)
        session = server.session
        assert session is not None
        put(job, row)
        await asyncio.sleep(30)
        assert start.done() == (row.waiting is not None)
        if row.waiting is None:
            assert row.says in session.progress.messages[-1].text
            assert session.end is None
            assert await session.poll() is None
            assert server.slurm.cancelled == []
        else:
            assert isinstance(server.error, SessionFailed)
            assert row.says in server.error.sentence
            assert session.end is not None
            assert (session.end.state, session.end.sentence) == (row.waiting, server.error.sentence)
            assert not job.active
            assert server.slurm.cancelled == ([job.job_id] if row.kind == "pending" else [])
            assert server.session is None
        assert nothing_else_was_touched(server)
        put(job, RUNS if job.active else row)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)

    virtually(scenario)


@pytest.mark.parametrize("row", GOES_ON)
def test_a_start_that_goes_on_becomes_a_session(row: Row) -> None:
    """Whatever word was printed on the way: once the job runs and its server reports, the session is ready."""

    async def scenario() -> None:
        server = make_server()
        start, job = await waiting(server)
        put(job, row)
        await asyncio.sleep(120)
        put(job, RUNS)
        assert server.session is not None
        server.session.report.accept(40000)
        await asyncio.wait_for(start, 60)
        assert server.ready
        assert server.session.unknown_since is None
        assert nothing_else_was_touched(server)

    virtually(scenario)


@pytest.mark.parametrize("row", [row for row in GOES_ON if row.values[0].kind in ("pending", "ending")])
def test_a_report_from_a_job_that_does_not_run(row: Row) -> None:
    """Where no server can be, none is reported to the Hub as ready: not before the job runs."""

    async def scenario() -> None:
        server = make_server()
        start, job = await waiting(server)
        put(job, row)
        assert server.session is not None
        server.session.report.accept(40000)
        await asyncio.sleep(30)
        assert not start.done()
        assert server.session.record.node == ""
        put(job, RUNS)
        await asyncio.wait_for(start, 10)
        assert server.ready
        assert server.session.record.node == HOST

    virtually(scenario)


@pytest.mark.parametrize("row", [row for row in GOES_ON if row.values[0].kind == "pending"])
def test_the_queue_has_its_own_limit(row: Row) -> None:
    """A word for waiting counts as waiting: the start ends after the time for the queue, not after that for the server."""

    async def scenario() -> None:
        server = make_server()
        start, job = await waiting(server)
        put(job, row)
        await asyncio.wait_for(start, QUEUE_SECONDS + 60)
        assert server.error is not None
        assert server.error.label == "queue_timeout"
        assert asyncio.get_running_loop().time() >= QUEUE_SECONDS
        assert not job.active

    virtually(scenario)


# --- a session that runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ALL)
def test_a_running_session(row: Row) -> None:
    """It lives on, or is over with the word as its reason; put back into the queue, it has lost its kernels and is given up."""

    async def scenario() -> None:
        server = make_server()
        job = await ready(server)
        session = server.session
        assert session is not None
        put(job, row)
        for _ in range(6):
            await asyncio.sleep(10)
            status = await session.poll()
        if row.running is None:
            assert status is None
            assert session.end is None
            assert (session.unknown_since is None) == bool(row.state)
            assert job.state == row.state
            assert server.slurm.cancelled == []
        else:
            assert status == (0 if row.running == "COMPLETED" else 1)
            assert session.end is not None
            assert session.end.state == row.running
            assert row.kind == "pending" or row.says in session.end.sentence
            assert not job.active
            assert server.slurm.cancelled == ([job.job_id] if row.kind == "pending" else [])
        assert nothing_else_was_touched(server)

    virtually(scenario)


@pytest.mark.parametrize("row", [row for row in NOT_OVER if row.values[0].running is None])
def test_a_running_session_that_comes_back_to_running(row: Row) -> None:
    """Ten minutes of the word cost a session nothing."""

    async def scenario() -> None:
        server = make_server()
        job = await ready(server)
        put(job, row)
        for _ in range(60):
            await asyncio.sleep(10)
            await server.poll()
        put(job, RUNS)
        for _ in range(40):
            await asyncio.sleep(10)
            await server.poll()
        assert server.ready
        assert server.session is not None
        assert server.session.unknown_since is None
        assert server.slurm.cancelled == []

    virtually(scenario)


# --- Stop -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ALL)
def test_stop(row: Row) -> None:
    """A job that is over is not cancelled, any other is, whatever its word; where there is none to read, once it can be read."""

    async def scenario() -> None:
        server = make_server()
        job = await ready(server)
        session = server.session
        assert session is not None
        put(job, row)
        stop = asyncio.ensure_future(session.stop())
        await asyncio.sleep(30)
        assert stop.done() == bool(row.state)
        if not row.state:
            assert server.slurm.cancelled == []
            job.state = "RUNNING"
        await asyncio.wait_for(stop, 400)
        assert server.slurm.cancelled == ([] if row.kind == "ended" else [job.job_id])
        assert job.state == (row.state if row.kind == "ended" else "CANCELLED")
        assert nothing_else_was_touched(server)

    virtually(scenario)


@pytest.mark.parametrize("row", [row for row in NOT_OVER if row.values[0].state])
def test_stop_waits_until_slurm_has_let_go(row: Row) -> None:
    """The order is taken and the job stays in the state for a while: Stop is over when the job is, and soon after."""

    async def scenario() -> None:
        server = make_server()
        job = await ready(server)
        session = server.session
        assert session is not None
        put(job, row)
        server.slurm.troubles = [Trouble("scancel", returncode=0, times=math.inf)]
        stop = asyncio.ensure_future(session.stop())
        await asyncio.sleep(STAYS_SECONDS)
        assert not stop.done()
        job.state = "CANCELLED"
        await asyncio.wait_for(stop, 10)
        assert [name for _, name in server.slurm.commands].count("scancel") == 1

    virtually(scenario)


@pytest.mark.parametrize("row", [row for row in ALL if row.values[0].kind == "ended"])
def test_a_start_that_is_cancelled_when_its_job_is_over(row: Row) -> None:
    """Cancelled between the job's end and the next look, the start gives no order about a job that is over."""

    async def scenario() -> None:
        server = make_server()
        start, job = await waiting(server)
        put(job, row)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        await asyncio.sleep(60)
        assert server.session is None
        assert job.state == row.state
        assert [name for _, name in server.slurm.commands].count("scancel") == 0

    virtually(scenario)
