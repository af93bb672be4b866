"""What an earlier run of the Hub left: a start, a stop, a running session, an sbatch that outlives it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from spawner.job.sbatch import Tag, new_tag
from spawner.session.record import Record
from spawner.session.recovery import find_job
from tests.support.fake_slurm import FakeJob
from tests.support.session_rig import KEY, SCRIPT, Server, jobs_of, make_server, run_and_listen, virtually


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
        await asyncio.sleep(5)
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


# --- a site's plugin puts its own comment in the place of ours -----------------------------------------------------------------------


def untagged(comments: str = "charged to project 7") -> Server:
    """A server where no job carries our tag."""
    server = make_server()
    server.slurm.comments = comments
    return server


async def until(condition: Callable[[], object], every: float = 0.01) -> None:
    """Let time go by until it is so."""
    for _ in range(20000):
        if condition():
            return
        await asyncio.sleep(every)
    raise AssertionError("it never was")


async def started(server: Server) -> FakeJob:
    """Let the server's start come to its end, whose job carries no tag, and return that."""
    start = asyncio.ensure_future(server.start())
    await until(lambda: (server.session is not None and server.session.record.job_id) or start.done())
    assert server.session is not None, server.error
    job = server.slurm.jobs[server.session.record.job_id]
    server.slurm.run_job(job)
    server.session.listens_on(40000)
    await start
    assert server.ready, server.error
    return job


@pytest.mark.parametrize("says", ["{id}\nYou have 3 jobs.\n", "7\n{id}\n", "{id}\n2026\n", "Thank you.\n", ""])
@pytest.mark.parametrize("reply_is_lost", [False, True])
def test_a_job_without_its_comment(says: str, reply_is_lost: bool) -> None:
    """It is known by the number that sbatch has printed, or by its script; Stop ends it, and no other job of the user's."""

    async def scenario() -> None:
        server = untagged()
        before = server.slurm.make_job("ada", "", "RUNNING", job_id=7)
        before.submit -= 3600
        server.slurm.says, server.slurm.lose_replies = says, int(reply_is_lost)
        mine = server.slurm.make_job("ada", "mine", "RUNNING")
        mine.script = "#!/bin/sh\nmy own\n"
        job = await started(server)
        assert job not in (before, mine)
        await server.stop()
        assert [number for number, each in server.slurm.jobs.items() if not each.active] == [job.job_id]

    virtually(scenario)


def test_two_jobs_without_their_comments() -> None:
    """One that a session has already is not another's, however alike they are."""

    async def scenario() -> None:
        server = untagged()
        second = Server(server.slurm, server.cluster, server.user, "second")
        first_job = await started(server)
        server.slurm.lose_replies = 1
        second_job = await started(second)
        assert first_job is not second_job
        await second.stop()
        assert (first_job.active, second_job.active) == (True, False)

    virtually(scenario)


def test_jobs_that_nobody_can_tell_apart() -> None:
    """Where two could be ours, or the script may not be read, none is taken."""

    async def scenario(scripts: tuple[str | None, ...], printed: tuple[int, ...]) -> int:
        server = untagged()
        jobs = [server.slurm.make_job("ada", "mine") for _ in scripts]
        for job, script in zip(jobs, scripts, strict=True):
            job.script = SCRIPT if script == "over" else script
            job.state = "COMPLETED" if script == "over" else "PENDING"
        tag = new_tag("jupyterhub", "ada", "", SCRIPT, token="t", key=KEY, clock=server.slurm.now)
        return await find_job(server._session(Record(nonce=tag.nonce, submitted=server.slurm.now())), printed)

    for scripts, printed, found in (
        ((SCRIPT, SCRIPT), (), 0),
        ((SCRIPT, SCRIPT), (101,), 101),
        ((SCRIPT, SCRIPT), (100, 101), 0),
        ((SCRIPT, "#!/bin/sh\nother\n"), (100, 101), 100),
        ((None,), (), 0),
        (("",), (), 0),
        ((None,), (100,), 100),
        ((SCRIPT,), (99,), 100),
        (("over", SCRIPT), (), 101),
        (("over", SCRIPT), (100, 101), 101),
        (("over",), (), 100),
    ):
        assert virtually(lambda scripts=scripts, printed=printed: scenario(scripts, printed)) == found, (scripts, printed)


def test_stop_before_the_job_was_seen() -> None:
    """A job whose comment is a plugin's is given back as well in the second after its submission."""

    async def scenario() -> None:
        server = untagged()
        start = asyncio.ensure_future(server.start())
        await until(lambda: server.session is not None and server.session.record.job_id)
        assert server.session is not None
        assert server.session.record.queued_at == 0
        await server.session.stop()
        await start
        assert [job.state for job in server.slurm.jobs.values()] == ["CANCELLED"]

    virtually(scenario)


def test_hub_killed_before_the_id_was_stored() -> None:
    """The next Hub knows the job by its script."""

    async def scenario() -> None:
        server = untagged()
        server.task = asyncio.ensure_future(server.start())
        await until(lambda: server.slurm.jobs)
        (job,) = server.slurm.jobs.values()
        assert server.session is not None
        assert server.session.submission_task is not None
        submission = server.session.submission_task
        server.hub_dies()
        submission.cancel()
        await asyncio.sleep(5)
        back = asyncio.ensure_future(server.hub_comes_back())
        await asyncio.sleep(20)
        server.slurm.run_job(job)
        assert server.session is not None
        assert server.session.record.job_id == job.job_id
        server.session.listens_on(40000)
        await back
        assert server.ready

    virtually(scenario)


@pytest.mark.parametrize("comment", ["site=7;{tag}", "{tag};site=7", "a b {tag} c", '{{"tag":"{tag}"}}'])
def test_a_plugin_that_adds_to_our_comment(comment: str) -> None:
    """The tag is read wherever it stands."""
    tag = Tag("jupyterhub", "user@campus.it", "a b", "1f.2e")
    assert Tag.parse(comment.format(tag=tag.comment)) == tag
    assert Tag.parse(comment.format(tag=f"x{tag.comment}")) is None
