"""Giving a job back: until Slurm takes the order and has let go, and only the session's own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from tests.support.fake_slurm import FakeSlurm
from tests.support.session_rig import Server, make_cluster, make_server, run_and_listen, virtually


def test_stop_keeps_at_it_while_the_controller_is_away() -> None:
    """Stop during an outage of ten minutes ends the job once the controller is back, and not before does it say so."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        server.slurm.answers = False
        stop = asyncio.ensure_future(server.stop())
        await asyncio.sleep(600)
        assert not stop.done()
        assert job.active
        server.slurm.answers = True
        back = asyncio.get_running_loop().time()
        await stop
        assert job.state == "CANCELLED"
        assert asyncio.get_running_loop().time() - back < 10

    virtually(scenario)


def test_stop_returns_soon_after_slurm_has_let_go() -> None:
    """A job that takes 20 s to end: Stop returns within a few seconds of that; a quick one within one second."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await server.stop()
        assert loop.time() - begun < 1

    virtually(scenario)


@pytest.mark.parametrize("comment", ["", "mine", "jupyterhub:jupyterhub:ada::0000000000000000"])
def test_another_comment_does_not_hide_the_job(comment: str) -> None:
    """The owner may write another comment on the job; Stop ends it all the same, and no other job of theirs."""

    async def scenario() -> None:
        server = make_server()
        decoy = server.slurm.make_job("ada", state="RUNNING")
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        job.comment = comment
        await server.stop()
        assert server.slurm.cancelled == [job.job_id]
        assert decoy.active

    virtually(scenario)


def test_a_recycled_id_is_not_cancelled() -> None:
    """Another job of the same user that has the id of ours by now, without our nonce, is not ours to cancel."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        await asyncio.sleep(60)
        del server.slurm.jobs[job.job_id]
        other = server.slurm.make_job("ada", "mine", "RUNNING", job.job_id)
        await server.stop()
        assert other.active
        assert server.slurm.cancelled == []

    virtually(scenario)


@pytest.mark.parametrize("number", [1, 50])
def test_commands_of_stops_that_slurm_does_not_hear(number: int) -> None:
    """Many who stop while Slurm is away ask no more often than one does."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        cluster = make_cluster(slurm)
        servers = [Server(slurm, cluster, f"user{index}") for index in range(number)]
        starts = [asyncio.ensure_future(server.start()) for server in servers]
        for server in servers:
            await run_and_listen(server, 0.5)
        await asyncio.gather(*starts)
        slurm.answers = False
        stops = [asyncio.ensure_future(server.stop()) for server in servers]
        await asyncio.sleep(60)
        asked = len(slurm.commands)
        await asyncio.sleep(600)
        assert len(slurm.commands) - asked <= 12 * 10
        slurm.answers = True
        await asyncio.gather(*stops)
        assert not [job for job in slurm.jobs.values() if job.active]

    virtually(scenario)


async def a_stop_that_takes(seconds: float, heard: str = "COMPLETING", let_go: str = "CANCELLED") -> tuple[Server, list[float], float]:
    """A stop of a job that Slurm lets go so long after the first order; when it was ordered, and how long the stop took."""
    server = make_server()
    start = asyncio.ensure_future(server.start())
    job = await run_and_listen(server)
    await start
    loop = asyncio.get_running_loop()
    begun = loop.time()
    orders: list[float] = []

    def scancel(_argv: Sequence[str]) -> tuple[int, str, str]:
        orders.append(loop.time() - begun)
        if len(orders) == 1:
            job.state = heard
            loop.call_later(seconds, setattr, job, "state", let_go)
        return 0, "", ""

    server.slurm._scancel = scancel  # type: ignore[method-assign]
    await server.stop()
    assert job.state == let_go
    return server, orders, loop.time() - begun


@pytest.mark.parametrize("heard", ["COMPLETING", "RUNNING", "STAGE_OUT"])
def test_an_order_that_does_not_work_is_given_again(heard: str) -> None:
    """Every half minute, not more often, and no more once Slurm has let go of the job; the stop waits for that."""

    async def scenario() -> None:
        _server, orders, took = await a_stop_that_takes(100, heard)
        assert len(orders) == 4
        assert all(30 < later - earlier < 37 for earlier, later in itertools.pairwise(orders))
        assert 100 < took < 107

    virtually(scenario)


def test_a_stop_waits_while_nobody_knows() -> None:
    """An old list, or none, does not say that Slurm has let go of the job; a list in which its id is another job's does."""

    async def scenario(*, recycled: bool) -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        loop = asyncio.get_running_loop()

        def scancel(_argv: Sequence[str]) -> tuple[int, str, str]:
            job.state = "COMPLETING"
            server.slurm.answers = False
            return 0, "", ""

        server.slurm._scancel = scancel  # type: ignore[method-assign]
        stop = asyncio.ensure_future(server.stop())
        await asyncio.sleep(400)
        assert not stop.done()
        if recycled:
            await asyncio.sleep(1)
            del server.slurm.jobs[job.job_id]
            server.slurm.make_job("grace", state="RUNNING", job_id=job.job_id)
        else:
            job.state = "CANCELLED"
        server.slurm.answers = True
        back = loop.time()
        await stop
        assert loop.time() - back < 40

    for recycled in (False, True):
        virtually(lambda recycled=recycled: scenario(recycled=recycled))


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.9, 4.0])
def test_a_quick_end_is_noticed_quickly(seconds: float) -> None:
    """The first looks are close together: a job that ends at once costs the user no pause, and every look asks Slurm anew."""

    async def scenario() -> None:
        _server, orders, took = await a_stop_that_takes(seconds)
        assert len(orders) == 1
        assert seconds < took < 2 * seconds + 1

    virtually(scenario)


def test_the_nodes_are_asked_for_anew_after_a_stop() -> None:
    """What the session held is free now: the form does not go on showing it as taken."""

    async def scenario() -> None:
        server, _orders, _took = await a_stop_that_takes(0.0)
        last = server.cluster.nodes.last
        assert last is not None
        asked = [name for _, name in server.slurm.commands].count("scontrol")
        await server.cluster.nodes.get()
        assert [name for _, name in server.slurm.commands].count("scontrol") == asked + 1

    virtually(scenario)


def test_a_stop_that_only_orders() -> None:
    """With ``now`` the order is given, once, and nobody waits for its end."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        loop = asyncio.get_running_loop()
        begun = loop.time()
        orders: list[int] = []
        server.slurm._scancel = lambda _argv: (orders.append(job.job_id), (0, "", ""))[1]  # type: ignore[method-assign]
        assert server.session is not None
        await server.session.stop(now=True)
        assert orders == [job.job_id]
        assert loop.time() - begun < 1
        assert job.state == "RUNNING"

    virtually(scenario)


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "TIMEOUT"])
def test_a_job_that_is_over_is_not_cancelled(state: str) -> None:
    """There is nothing to order, and the stop returns at once."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        server.slurm.end_job(job, state)
        assert server.session is not None
        asked = len(server.slurm.commands)
        await server.session.stop()
        assert "scancel" not in [name for _, name in server.slurm.commands[asked:]]

    virtually(scenario)
