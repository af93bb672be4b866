"""Jobs with this Hub's tag and no session: found after a time of grace, and only those."""

from __future__ import annotations

import asyncio

import pytest

from spawner.errors import SlurmOutputError, SlurmUnavailable
from spawner.job.sbatch import Tag, new_tag, signing_key
from spawner.session.orphans import SUBMITTED_WITHIN_SECONDS, SUSPECTED_SECONDS, Sweep
from spawner.session.record import Record
from tests.support.fake_slurm import EPOCH, FakeSlurm
from tests.support.session_rig import KEY, make_cluster, virtually


def make_sweep() -> tuple[FakeSlurm, Sweep]:
    """A sweep over a fake controller."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    return slurm, Sweep(make_cluster(slurm), KEY)


def tag(user: str = "ada", server: str = "", hub: str = "jupyterhub", began: float = EPOCH, key: bytes = KEY) -> Tag:
    """A tag that the Hub has made."""
    return new_tag(hub, user, server, token="a token", key=key, now=began)


def nobody() -> set[str]:
    """No session at all."""
    return set()


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUSPENDED", "CONFIGURING"])
def test_a_job_without_a_session(state: str) -> None:
    """It is an orphan once it was seen for as long as a start or a stop may take; then all that is needed to take it up is known."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        own = tag(server="second")
        job = slurm.make_job("ada", own.comment, state)
        assert await sweep.look(nobody) == ()
        assert sweep.suspects
        await asyncio.sleep(SUSPECTED_SECONDS / 2)
        assert await sweep.look(nobody) == ()
        await asyncio.sleep(SUSPECTED_SECONDS / 2)
        (orphan,) = await sweep.look(nobody)
        assert orphan.record == Record(nonce=own.nonce, job_id=job.job_id, submitted=float(job.submit), queued_at=job.submit)
        assert str(orphan) == f"job {job.job_id} of ada:second"

    virtually(scenario)


OWN = tag()


@pytest.mark.parametrize(
    ("user", "comment", "state"),
    [
        ("ada", tag().comment, "COMPLETED"),
        ("ada", tag().comment, "CANCELLED"),
        ("ada", tag().comment, "COMPLETING"),
        ("ada", "", "RUNNING"),
        ("ada", "train the model", "RUNNING"),
        ("ada", tag(hub="another").comment, "RUNNING"),
        ("mallory", tag(user="ada").comment, "RUNNING"),
        ("mallory", Tag("jupyterhub", "mallory", "", tag(user="ada").nonce).comment, "RUNNING"),
        ("ada", Tag("jupyterhub", "ada", "", "0123456789abcdef").comment, "RUNNING"),
        ("ada", Tag("jupyterhub", "ada", "evil", tag().nonce).comment, "RUNNING"),
        ("ada", tag(key=signing_key(b"of the user's own making")).comment, "RUNNING"),
        ("ada", tag(began=EPOCH - 3600).comment, "RUNNING"),
        ("ada", OWN.comment, "RUNNING"),
    ],
    ids=[
        "completed",
        "cancelled",
        "ending",
        "no comment",
        "another comment",
        "another Hub's",
        "somebody else's",
        "somebody else's, in one's own name",
        "not signed",
        "for another server",
        "signed by somebody else",
        "of an old start",
        "a session's",
    ],
)
def test_what_is_no_orphan(user: str, comment: str, state: str) -> None:
    """Ended jobs, jobs of sessions, and jobs on which somebody has written a tag that the Hub did not make for them."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job(user, comment, state)
        for _ in range(3):
            assert await sweep.look(lambda: {OWN.nonce}) == ()
            assert not sweep.suspects
            await asyncio.sleep(SUSPECTED_SECONDS)

    virtually(scenario)


def test_a_copied_tag_is_not_the_job() -> None:
    """A user who writes the session's tag on another job of theirs does not make it the session: the first job is."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        own = tag()
        job = slurm.make_job("ada", own.comment, "RUNNING")
        slurm.make_job("ada", own.comment, "RUNNING")
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        (orphan,) = await sweep.look(nobody)
        assert orphan.job.job_id == job.job_id

    virtually(scenario)


def test_a_session_that_comes_to_be_while_slurm_answers() -> None:
    """The sessions are asked for after Slurm answered: a start meanwhile is not taken for an orphan."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", OWN.comment, "RUNNING")
        known: set[str] = set()
        asyncio.get_running_loop().call_later(slurm.delay / 2, known.add, OWN.nonce)
        assert await sweep.look(lambda: known) == ()
        assert not sweep.suspects

    virtually(scenario)


def test_a_job_that_has_a_session_again() -> None:
    """The time of grace begins anew where a job was a session's in between."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", OWN.comment, "RUNNING")
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        assert await sweep.look(lambda: {OWN.nonce}) == ()
        assert await sweep.look(nobody) == ()

    virtually(scenario)


def test_slurm_away() -> None:
    """No answer is not "no orphans": the suspicion stays as it was."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", OWN.comment, "RUNNING")
        await sweep.look(nobody)
        slurm.answers = False
        with pytest.raises(SlurmUnavailable):
            await sweep.look(nobody)
        slurm.answers = True
        await asyncio.sleep(SUSPECTED_SECONDS)
        assert len(await sweep.look(nobody)) == 1

    virtually(scenario)


def test_a_comment_that_forges_a_row() -> None:
    """Whoever has seen the mark could write a row about somebody else's job: then the job is there twice, and nothing is believed."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        victim = slurm.make_job("grace", Tag("jupyterhub", "grace", "", "of a session").comment, "RUNNING")
        mallory = slurm.make_job("mallory", "", "RUNNING")
        ask = slurm.run

        async def run(argv, **arguments):  # type: ignore[no-untyped-def]
            mark = next(option for option in argv if option.startswith("--Format=")).split("|")[1]
            forged = tag(user="grace").comment
            mallory.comment = f"x\n{victim.job_id}|{mark}|grace|RUNNING|{victim.submit}|{forged}"
            return await ask(argv, **arguments)

        slurm.run = run  # type: ignore[method-assign]
        with pytest.raises(SlurmOutputError):
            await sweep.look(lambda: {"of a session"})
        assert not sweep.suspects

    virtually(scenario)


def test_every_job_is_looked_at() -> None:
    """No job that is none of ours, forged, copied or over hides an orphan that comes after it."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        first, second = tag(), tag("grace")
        slurm.make_job("ada", "train the model", "RUNNING")
        slurm.make_job("ada", Tag("jupyterhub", "ada", "", "0123456789abcdef").comment, "RUNNING")
        slurm.make_job("ada", tag().comment, "COMPLETED")
        orphans = [slurm.make_job("ada", first.comment, "RUNNING")]
        slurm.make_job("ada", first.comment, "RUNNING")
        orphans.append(slurm.make_job("grace", second.comment, "RUNNING"))
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        found = await sweep.look(nobody)
        assert [orphan.job.job_id for orphan in found] == [job.job_id for job in orphans]
        assert [str(orphan) for orphan in found] == [f"job {orphans[0].job_id} of ada", f"job {orphans[1].job_id} of grace"]

    virtually(scenario)


@pytest.mark.parametrize(
    ("seconds", "ours"),
    [
        (SUBMITTED_WITHIN_SECONDS, True),
        (SUBMITTED_WITHIN_SECONDS + 1, False),
        (-SUBMITTED_WITHIN_SECONDS, True),
        (-SUBMITTED_WITHIN_SECONDS - 1, False),
    ],
)
def test_how_old_a_tag_may_be(seconds: float, *, ours: bool) -> None:
    """The job was submitted about when its start began, by either clock; a tag of another time was written on it by somebody."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", tag(began=EPOCH - seconds).comment, "RUNNING")
        await sweep.look(nobody)
        assert sweep.suspects is ours

    virtually(scenario)
