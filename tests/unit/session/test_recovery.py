"""What an earlier run of the Hub left: a start, a stop, a running session, an sbatch that outlives it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from spawner.job.sbatch import Tag
from spawner.session.record import Record
from spawner.session.recovery import find_job
from tests.support.session_rig import jobs_of, make_server, run_and_listen, virtually


@pytest.mark.parametrize("stage", [0.0, 0.01, 0.05, 1.0, 3.0])
@pytest.mark.parametrize("trouble", ["", "lose_replies", "late_orders", "drop_orders"])
def test_hub_killed_while_starting(stage: float, trouble: str) -> None:
    """Killed at any stage of a start, the new Hub takes the job up and becomes ready with it, or shows that there is none."""

    async def scenario() -> None:
        server = make_server()
        if trouble:
            setattr(server.slurm, trouble, 1)
        server.task = asyncio.ensure_future(server.start())
        await asyncio.sleep(stage)
        submission = server.session.submission_task if server.session else None
        server.hub_dies()
        await asyncio.sleep(5)
        # The dead Hub's own follow-up is not heard of again; sbatch itself, a process of its own, has gone on.
        if submission is not None:
            submission.cancel()
        back = asyncio.ensure_future(server.hub_comes_back())
        await asyncio.sleep(60)
        for job in jobs_of(server):
            server.slurm.run_job(job)
        await asyncio.sleep(10)
        if server.session is not None:
            server.session.listens_on(40000)
        await back
        await asyncio.sleep(200)
        assert len(jobs_of(server)) == int(server.ready)
        assert len(server.slurm.jobs) <= 1

    virtually(scenario)


def test_a_job_that_is_found() -> None:
    """Among its user's jobs alone; the second of its submission is known with it, and that Slurm answers again."""

    async def scenario() -> None:
        server = make_server()
        session = server._session(Record(nonce="n"))
        session.unknown_since = 1.0
        server.slurm.make_job("ada", Tag("jupyterhub", "ada", "", "of another start").comment)
        await asyncio.sleep(100)
        job = server.slurm.make_job("ada", Tag("jupyterhub", "ada", "", "n").comment)
        asked, ask = [], server.cluster.tagged_jobs

        async def tagged_jobs(user: str | None = None) -> Any:
            asked.append(user)
            return await ask(user)

        server.cluster.tagged_jobs = tagged_jobs  # type: ignore[method-assign]
        assert await find_job(session) == job.job_id
        assert (session.record.queued_at, session.unknown_since, asked) == (job.submit, None, ["ada"])

    virtually(scenario)


@pytest.mark.parametrize("slurm_is_away", [False, True])
def test_hub_killed_while_stopping(slurm_is_away: bool) -> None:
    """A stop that the Hub did not finish is finished by the next one."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        server.slurm.answers = False
        server.task = asyncio.ensure_future(server.stop())
        await asyncio.sleep(30)
        server.hub_dies()
        server.slurm.answers = not slurm_is_away
        back = asyncio.ensure_future(server.hub_comes_back())
        await asyncio.sleep(30)
        server.slurm.answers = True
        await back
        assert job.state == "CANCELLED"
        assert not server.ready
        assert server.database == "{}"

    virtually(scenario)


@pytest.mark.parametrize("slurm_is_away", [False, True])
def test_hub_restarted_with_a_running_session(slurm_is_away: bool) -> None:
    """A ready session is kept, with Slurm away as well."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        server.hub_dies()
        server.slurm.answers = not slurm_is_away
        await server.hub_comes_back()
        assert server.ready
        assert job.active

    virtually(scenario)


def test_an_sbatch_that_outlives_the_hub() -> None:
    """The Hub is killed, its sbatch tries on for two minutes: the next Hub waits for its end before it says that there is no job."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.delay = 120
        server.task = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.01)
        server.hub_dies()
        await asyncio.sleep(1)
        come_back = asyncio.ensure_future(server.hub_comes_back())
        await asyncio.sleep(110)
        server.slurm.delay = 0.03
        assert not come_back.done()
        await asyncio.sleep(30)
        (job,) = jobs_of(server)
        assert server.session is not None
        assert server.session.record.job_id == job.job_id
        server.slurm.run_job(job)
        assert server.session.listens_on(40000)
        await come_back
        assert server.ready

    virtually(scenario)
