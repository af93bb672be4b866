"""Jobs with this Hub's tag and no session: found after a time of grace, and only those."""

from __future__ import annotations

import asyncio

import pytest
from fake_slurm import FakeSlurm
from session_rig import make_cluster, virtually

from spawner.errors import SlurmOutputError, SlurmUnavailable
from spawner.job import Tag
from spawner.record import Record
from spawner.sweep import SUSPECTED_SECONDS, Sweep

NONCE = "0123456789abcdef.0123456789abcdef0123456789abcdef"


def make_sweep() -> tuple[FakeSlurm, Sweep]:
    """A sweep over a fake controller."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    return slurm, Sweep(make_cluster(slurm))


def tag(user: str = "ada", server: str = "", nonce: str = NONCE, hub: str = "jupyterhub") -> str:
    """A job's comment."""
    return Tag(hub, user, server, nonce).comment


def nobody() -> set[str]:
    """No session at all."""
    return set()


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUSPENDED", "CONFIGURING"])
def test_a_job_without_a_session(state: str) -> None:
    """It is an orphan once it was seen for as long as a start or a stop may take; then all that is needed to take it up is known."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        job = slurm.make_job("ada", tag(server="second"), state)
        assert await sweep.look(nobody) == ()
        assert sweep.suspects
        await asyncio.sleep(SUSPECTED_SECONDS / 2)
        assert await sweep.look(nobody) == ()
        await asyncio.sleep(SUSPECTED_SECONDS / 2)
        (orphan,) = await sweep.look(nobody)
        assert orphan.record == Record(nonce=NONCE, job_id=job.job_id, submitted=float(job.submit), queued_at=job.submit)
        assert str(orphan) == f"job {job.job_id} of ada:second"

    virtually(scenario)


@pytest.mark.parametrize(
    ("user", "comment", "state"),
    [
        ("ada", tag(), "COMPLETED"),
        ("ada", tag(), "CANCELLED"),
        ("ada", tag(), "COMPLETING"),
        ("ada", "", "RUNNING"),
        ("ada", "train the model", "RUNNING"),
        ("ada", tag(hub="another"), "RUNNING"),
        ("mallory", tag(user="ada"), "RUNNING"),
        ("ada", tag(nonce="of a session"), "RUNNING"),
    ],
    ids=["completed", "cancelled", "ending", "no comment", "another comment", "another Hub's", "somebody else's", "a session's"],
)
def test_what_is_no_orphan(user: str, comment: str, state: str) -> None:
    """Ended jobs, jobs of others, jobs that say they are somebody else's, and those of sessions."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job(user, comment, state)
        for _ in range(3):
            assert await sweep.look(lambda: {"of a session"}) == ()
            assert not sweep.suspects
            await asyncio.sleep(SUSPECTED_SECONDS)

    virtually(scenario)


def test_a_session_that_comes_to_be_while_slurm_answers() -> None:
    """The sessions are asked for after Slurm answered: a start meanwhile is not taken for an orphan."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", tag(), "RUNNING")
        known: set[str] = set()
        asyncio.get_running_loop().call_later(slurm.delay / 2, known.add, NONCE)
        assert await sweep.look(lambda: known) == ()
        assert not sweep.suspects

    virtually(scenario)


def test_a_job_that_has_a_session_again() -> None:
    """The time of grace begins anew where a job was a session's in between."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", tag(), "RUNNING")
        await sweep.look(nobody)
        await asyncio.sleep(SUSPECTED_SECONDS)
        assert await sweep.look(lambda: {NONCE}) == ()
        assert await sweep.look(nobody) == ()

    virtually(scenario)


def test_slurm_away() -> None:
    """No answer is not "no orphans": the suspicion stays as it was."""

    async def scenario() -> None:
        slurm, sweep = make_sweep()
        slurm.make_job("ada", tag(), "RUNNING")
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
        victim = slurm.make_job("grace", tag(user="grace", nonce="of a session"), "RUNNING")
        mallory = slurm.make_job("mallory", "", "RUNNING")
        ask = slurm.run

        async def run(argv, **arguments):  # type: ignore[no-untyped-def]
            mark = next(option for option in argv if option.startswith("--Format=")).split("|")[1]
            forged = tag(user="grace", nonce="forged")
            mallory.comment = f"x\n{victim.job_id}|{mark}|grace|RUNNING|{victim.submit}|{forged}"
            return await ask(argv, **arguments)

        slurm.run = run  # type: ignore[method-assign]
        with pytest.raises(SlurmOutputError):
            await sweep.look(lambda: {"of a session"})
        assert not sweep.suspects

    virtually(scenario)
