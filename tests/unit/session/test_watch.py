"""Looking at a session's job: only a terminal state, or repeated answers without the job, end a session."""

from __future__ import annotations

import asyncio

import pytest

from spawner.session.record import End
from tests.support.fake_slurm import EPOCH
from tests.support.session_rig import make_server, run_and_listen, virtually


def test_recycled_id_is_not_ours() -> None:
    """A controller that lost its state gives our id to somebody else, or to another job of the same user: it is not polled as ours,
    and Stop does not touch it."""

    async def scenario(owner: str) -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        await asyncio.sleep(3600)
        del server.slurm.jobs[job.job_id]
        other = server.slurm.make_job(owner, state="RUNNING", job_id=job.job_id)
        other.submit = int(server.slurm.now())
        assert server.session is not None
        await server.stop()
        assert other.state == "RUNNING"
        assert server.slurm.cancelled == []

    for owner in ("ada", "grace"):
        virtually(lambda owner=owner: scenario(owner))


@pytest.mark.parametrize(
    ("private_data", "hub_runs_as", "is_over"),
    [
        ("none", "hub", True),
        ("accounts,jobs", "hub", False),
        ("accounts,jobs", "ada", False),
        pytest.param("accounts,jobs", "grace", True, id="operator"),
        pytest.param("accounts,jobs", "slurm", True, id="SlurmUser"),
    ],
)
def test_absence_counts_only_where_the_hub_sees_all(
    private_data: str, hub_runs_as: str, *, is_over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that is in no list any more is over after two lists; not where PrivateData may hide it from us."""
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    monkeypatch.setattr("pwd.getpwuid", lambda _: type("Entry", (), {"pw_name": hub_runs_as}))

    async def scenario() -> None:
        server = make_server()
        server.slurm.private_data = private_data
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        del server.slurm.jobs[job.job_id]
        await asyncio.sleep(20)
        await server.poll()
        assert server.ready, "one list is not enough"
        for _ in range(6):
            await asyncio.sleep(20)
            await server.poll()
        assert server.ready != is_over

    virtually(scenario)


@pytest.mark.parametrize("trouble", ["answers", "hang"])
def test_a_slurm_that_does_not_answer_ends_no_session(trouble: str) -> None:
    """An hour without an answer leaves the session as it is; it is known since when."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        setattr(server.slurm, trouble, trouble == "hang")
        for _ in range(60):
            await asyncio.sleep(60)
            await server.poll()
        assert server.ready
        assert server.session is not None
        assert server.session.unknown_since is not None
        assert server.session.unknown_since < EPOCH + 300
        setattr(server.slurm, trouble, trouble != "hang")
        await asyncio.sleep(400)
        await server.poll()
        assert server.ready
        assert server.session.unknown_since is None

    virtually(scenario)


@pytest.mark.parametrize("state", ["TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY", "CANCELLED", "FAILED", "COMPLETED"])
def test_an_ended_job_is_noticed_with_its_reason(state: str) -> None:
    """Whatever ends a running job, the session is over within an interval, and why is kept."""

    async def scenario() -> End | None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        session = server.session
        server.slurm.end_job(job, state)
        await asyncio.sleep(server.cluster.jobs_interval + 1)
        await server.poll()
        assert not server.ready
        assert session is not None
        return session.end

    end = virtually(scenario)
    assert end is not None
    assert end.state == state
    assert end.sentence


def test_two_looks_in_a_row_are_one_absence() -> None:
    """Two lists without the job that are hardly apart are no more evidence than one."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        session = server.session
        assert session is not None
        del server.slurm.jobs[job.job_id]
        for _ in range(3):
            server.cluster.jobs.expire()
            assert await session.poll() is None
        server.slurm.jobs[job.job_id] = job
        server.cluster.jobs.expire()
        assert await session.poll() is None
        assert server.ready

    virtually(scenario)
