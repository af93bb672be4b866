"""Waiting for a server to listen: what is said meanwhile, and when waiting is given up."""

from __future__ import annotations

import asyncio

import pytest

from spawner.errors import SessionFailed
from spawner.humanize import iso_time
from spawner.session.record import Limits
from tests.support.fake_slurm import Trouble
from tests.support.session_rig import jobs_of, make_server, run_and_listen, virtually


@pytest.mark.parametrize(
    "reason",
    ["PartitionConfig", "PartitionTimeLimit", "BadConstraints", "AssocGrpBillingMinutes", "AssocGrpCPUMinutesLimit", "InvalidAccount"],
)
def test_a_request_that_can_never_start_is_cancelled_at_once(reason: str) -> None:
    """It does not wait for ever: the first look cancels it, with the sentence."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.5)
        (job,) = jobs_of(server)
        job.reason = reason
        await asyncio.sleep(4)
        await start
        assert isinstance(server.error, SessionFailed)
        assert "never start" in server.error.sentence
        assert job.state == "CANCELLED"

    virtually(scenario)


def test_what_slurm_expected_stands_until_it_has_a_plan() -> None:
    """The estimate of before the submission is shown with the first reason; it goes when the job's turn has passed it by."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.5)
        assert server.session is not None
        server.session.expected = server.slurm.now() + 600
        await asyncio.sleep(4)
        details = server.session.progress.latest.details
        assert (details["stage"], details["estimate"]) == ("queue", iso_time(server.session.expected))
        await asyncio.sleep(700)
        assert server.session.progress.latest.details["estimate"] is None
        start.cancel()
        await asyncio.wait({start})

    virtually(scenario)


def test_queue_time_is_not_start_time() -> None:
    """A job may wait for the whole queue time and then has the whole listen time; each ends with its own sentence."""

    async def scenario(runs_after: float | None) -> tuple[str, float]:
        server = make_server(Limits(queue=600, listen=60))
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(1)
        (job,) = jobs_of(server)
        if runs_after is not None:
            await asyncio.sleep(runs_after)
            server.slurm.run_job(job)
        await start
        assert server.error is not None
        assert jobs_of(server) == []
        return server.error.label, asyncio.get_running_loop().time()

    label, seconds = virtually(lambda: scenario(None))
    assert label == "queue_timeout"
    assert 600 < seconds < 620
    label, seconds = virtually(lambda: scenario(500))
    assert label == "listen_timeout"
    assert 560 < seconds < 585


@pytest.mark.parametrize("restarted", [False, True])
def test_nodes_that_cannot_be_read_when_the_server_listens(restarted: bool) -> None:
    """Where the node's address is not known yet, the start goes on until it is; the healthy job is kept."""

    async def scenario() -> None:
        server = make_server()
        server.task = start = asyncio.ensure_future(server.start())
        await asyncio.sleep(2)
        if restarted:
            server.hub_dies()
            await asyncio.sleep(2)
            start = asyncio.ensure_future(server.hub_comes_back())
            await asyncio.sleep(2)
        server.slurm.troubles.append(Trouble("scontrol", "slurm_load_node error: Socket timed out", times=10))
        job = await run_and_listen(server)
        await asyncio.sleep(20)
        assert not start.done()
        assert server.session is not None
        assert server.session.unknown_since is not None
        server.slurm.troubles.clear()
        await start
        assert server.ready
        assert job.active

    virtually(scenario)


@pytest.mark.parametrize("answers", [True, False])
def test_a_report_before_slurm_says_that_the_job_runs(answers: bool) -> None:
    """The port is known and the job not seen to run: Slurm is asked as often as before, not all the time."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(30)
        assert server.session is not None
        server.slurm.answers = answers
        assert server.session.listens_on(40000)
        asked = len(server.slurm.commands)
        await asyncio.sleep(60)
        assert len(server.slurm.commands) - asked <= 12
        server.slurm.answers = True
        (job,) = jobs_of(server)
        server.slurm.run_job(job)
        await start
        assert server.ready

    virtually(scenario)
