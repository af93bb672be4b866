"""One session's life against a controller that loses replies, comes late, goes away, and uses ids again."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.support.session_rig import jobs_of, make_server, run_and_listen, virtually


def test_start_and_stop() -> None:
    """A start that nothing disturbs makes one job, is ready once the server listens, and Stop ends just that job."""

    async def scenario() -> None:
        server = make_server()
        decoy = server.slurm.make_job("ada", state="RUNNING")
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        assert server.ready
        assert server.session is not None
        assert server.session.record.job_id == job.job_id
        assert server.session.record.node == "g001"
        await server.stop()
        assert server.slurm.cancelled == [job.job_id]
        assert decoy.state == "RUNNING"
        assert server.database == "{}"

    virtually(scenario)


@pytest.mark.parametrize("after", [0.0, 0.001, 0.02, 0.031, 0.05, 1.0, 3.0, 6.0])
def test_cancelled_at_any_point_of_the_start(after: float) -> None:
    """Cancel before sbatch has returned, after it, in the queue, while the server comes up: the job is given back."""

    async def scenario() -> None:
        server = make_server()
        decoy = server.slurm.make_job("ada", state="RUNNING")
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(after)
        for job in jobs_of(server):
            if after > 2:
                server.slurm.run_job(job)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        await asyncio.sleep(60)
        assert jobs_of(server) == []
        assert decoy.state == "RUNNING"
        assert server.session is None

    virtually(scenario)


def test_requeued_job_is_cancelled() -> None:
    """A job that an admin puts back into the queue has lost its kernels: it is cancelled, and the session is over."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        session = server.session
        job.state, job.host, job.reason = "PENDING", "n/a", "BeginTime"
        await asyncio.sleep(30)
        await server.poll()
        assert not server.ready
        assert job.state == "CANCELLED"
        assert session is not None
        assert session.end is not None
        assert session.end.state == "REQUEUED"

    virtually(scenario)


def test_a_job_that_runs_again_on_the_same_node() -> None:
    """Requeued and started again between two looks: its kernels are lost, so the session is over and the job given back."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        await asyncio.sleep(100)
        job.submit = int(server.slurm.now())
        await asyncio.sleep(20)
        await server.poll()
        assert not server.ready
        assert not job.active

    virtually(scenario)


# --- the launcher's report ----------------------------------------------------------------------------------------------------


def test_the_same_port_again() -> None:
    """The answer to a report may be lost: the same port again is taken, before and after the session is ready; another one is not."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        assert server.session is not None
        assert server.session.listens_on(40000)
        assert not server.session.listens_on(40001)
        await start
        assert server.ready
        assert server.session.listens_on(40000)
        assert not server.session.listens_on(40001)
        assert server.session.endpoint == ("127.0.1.1", 40000)

    virtually(scenario)


def test_a_report_that_was_answered_is_not_needed_again() -> None:
    """The Hub is killed right after it answered the launcher, which will not report again: the next Hub knows the port."""

    async def scenario() -> None:
        server = make_server()
        server.task = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        server.hub_dies()
        await asyncio.sleep(5)
        assert json.loads(server.database)["port"] == 40000
        assert json.loads(server.database)["node"] == ""
        await server.hub_comes_back()
        assert server.ready
        assert server.session is not None
        assert server.session.endpoint == ("127.0.1.1", 40000)
        assert jobs_of(server) == [job]

    virtually(scenario)


def test_no_report_without_a_start() -> None:
    """A session that waits for no report takes none."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        session = server.session
        assert session is not None
        await server.stop()
        assert session.endpoint is None
        assert not session.listens_on(40001)

    virtually(scenario)
