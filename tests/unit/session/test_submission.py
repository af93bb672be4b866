"""Asking for a job against a controller that loses replies and comes late: one job, or none and shown to be none."""

from __future__ import annotations

import asyncio
import json

import pytest

from spawner.cluster.job_commands import SUBMIT_TIMEOUT_SECONDS
from spawner.errors import NotStored, SlurmRefused, SlurmUnavailable
from spawner.job.sbatch import Tag
from spawner.session.submission import STORE_PATIENCE_SECONDS
from tests.support.fake_slurm import Trouble
from tests.support.session_rig import jobs_of, make_server, run_and_listen, virtually


def test_nonce_is_durable_before_sbatch_and_the_id_before_anything_else() -> None:
    """What the database has at the moment of sbatch, and right after it, finds the job again."""

    async def scenario() -> None:
        server = make_server()
        seen = []
        run = server.slurm.run

        async def watched(argv: tuple[str, ...], **options: object) -> object:
            seen.append((argv[0], server.database))
            return await run(argv, **options)  # type: ignore[arg-type]

        server.slurm.run = watched  # type: ignore[method-assign,assignment]
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        first = next(database for command, database in seen if command == "sbatch")
        assert server.nonce in first
        assert '"job_id": 0' in first
        after = [database for command, database in seen if command != "sbatch"]
        assert all('"job_id": 100' in database for database in after)

    virtually(scenario)


def test_lost_reply_is_adopted() -> None:
    """sbatch times out and the job exists: it is found by its nonce and used, and no second one is made."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.lose_replies = 1
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        assert server.ready
        assert len(server.slurm.jobs) == 1

    virtually(scenario)


def test_late_order_is_adopted() -> None:
    """sbatch times out and the job appears 40 s later: it is waited for and used."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.late_orders = 1
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        assert server.ready
        assert len(server.slurm.jobs) == 1

    virtually(scenario)


def test_lost_order_is_shown_not_to_exist() -> None:
    """sbatch times out and there is no job: said after MessageTimeout and a minute, on two answers at least; nothing is retried."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.drop_orders = 1
        await server.start()
        assert isinstance(server.error, SlurmUnavailable)
        assert "Nothing was submitted" in server.error.sentence
        assert server.slurm.jobs == {}
        assert asyncio.get_running_loop().time() >= 70
        assert [name for _, name in server.slurm.commands].count("sbatch") == 1
        assert [name for _, name in server.slurm.commands].count("squeue") >= 2

    virtually(scenario)


def test_refusal_is_final() -> None:
    """What Slurm refused was not submitted: nobody looks for a job, and the next start may follow at once."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.refuse = 1
        await server.start()
        assert isinstance(server.error, SlurmRefused)
        assert asyncio.get_running_loop().time() < 1
        assert "squeue" not in [name for _, name in server.slurm.commands]
        assert server.session is None

    virtually(scenario)


@pytest.mark.parametrize("trouble", ["lose_replies", "late_orders", "drop_orders"])
@pytest.mark.parametrize("after", [0.0, 0.01, 0.05, 2.0, 30.0, 65.0])
def test_cancelled_while_it_is_not_known_whether_there_is_a_job(trouble: str, after: float) -> None:
    """Whenever the start is cancelled after an ambiguous sbatch, no job is left."""

    async def scenario() -> None:
        server = make_server()
        setattr(server.slurm, trouble, 1)
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(after)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        await asyncio.sleep(300)
        assert jobs_of(server) == []

    virtually(scenario)


def test_full_disk_costs_no_job() -> None:
    """If the nonce cannot be stored nothing is submitted; if later states cannot, the session goes on and can be stopped."""

    async def scenario() -> None:
        server = make_server()
        server.database_fails = True
        await server.start()
        assert isinstance(server.error, NotStored)
        assert server.slurm.jobs == {}
        server.database_fails = False
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.01)
        server.database_fails = True
        job = await run_and_listen(server)
        await start
        assert server.ready
        await server.stop()
        assert not job.active

    virtually(scenario)


def test_an_sbatch_that_ran_long() -> None:
    """The time for which an order may linger counts from sbatch's end: the job that appears 40 s after our time limit is found."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.troubles.append(Trouble("sbatch", hangs=True))
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.01)
        nonce = server.nonce
        await asyncio.sleep(SUBMIT_TIMEOUT_SECONDS + 40)
        job = server.slurm.make_job("ada", Tag("jupyterhub", "ada", "", nonce).comment)
        await asyncio.sleep(20)
        assert server.session is not None
        assert server.session.record.job_id == job.job_id
        await run_and_listen(server)
        await start
        assert server.ready

    virtually(scenario)


@pytest.mark.parametrize(("seconds", "submitted"), [(STORE_PATIENCE_SECONDS / 2, True), (STORE_PATIENCE_SECONDS * 2, False)])
def test_a_database_that_somebody_has_locked(seconds: float, *, submitted: bool) -> None:
    """The start waits for it, without keeping anybody; not for ever, and Slurm is not asked before the nonce is durable."""

    async def scenario() -> None:
        server = make_server()
        server.database_is_locked = True
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(seconds)
        assert server.slurm.commands == []
        assert start.done() is not submitted
        server.database_is_locked = False
        if submitted:
            await run_and_listen(server)
        await start
        assert server.ready is submitted
        assert submitted or isinstance(server.error, NotStored)

    virtually(scenario)


def test_a_start_that_is_given_up_while_the_database_is_locked() -> None:
    """There is nothing to look for, and Stop is over at once."""

    async def scenario() -> None:
        server = make_server()
        server.database_is_locked = True
        server.task = asyncio.ensure_future(server.start())
        await asyncio.sleep(5)
        began = server.slurm.now()
        server.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await server.task
        assert server.slurm.now() - began < 1
        assert server.slurm.commands == []

    virtually(scenario)


def test_how_often_a_session_is_stored() -> None:
    """Once for each thing that happens: asked for, has an id, has reported, listens, is stopped. Looking at it stores nothing."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        for _ in range(20):
            await asyncio.sleep(5)
        assert server.stored == 2
        await run_and_listen(server)
        await start
        assert server.session is not None
        assert server.session.record.queued_at
        assert json.loads(server.database)["queued_at"] == server.session.record.queued_at
        for _ in range(20):
            await asyncio.sleep(30)
            await server.poll()
        assert server.stored == 4
        await server.stop()
        assert server.stored == 5

    virtually(scenario)
