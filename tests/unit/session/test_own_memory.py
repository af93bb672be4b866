"""What a launcher says of processes that were killed for want of memory, and of the most memory that there was."""

from __future__ import annotations

import asyncio
import logging

import pytest

from spawner.session.own_memory import take_killed, take_peak
from spawner.session.record import Record
from spawner.session.session import Session
from spawner.session.status_text import killed_in_words
from tests.support.fake_slurm import FakeSlurm
from tests.support.session_rig import make_cluster

UP = Record(nonce="n", job_id=7, node="g001", address="10.0.0.1", port=40000)


def session_of(record: Record, kept: list[int]) -> Session:
    """A session with this record, and how often it was stored."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    return Session(make_cluster(slurm), "ada", keep=lambda: kept.append(1), name="ada", log=logging.getLogger("test"), record=record)


async def test_the_number_is_kept() -> None:
    """The greatest number so far is stored; one that comes late, or again, changes nothing."""
    kept: list[int] = []
    session = session_of(UP, kept)
    assert [take_killed(session, number) for number in (1, 3, 3, 2)] == [True] * 4
    assert session.record.killed == 3
    assert len(kept) == 2


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(Record(nonce="n", job_id=7), id="its server has not reported"),
        pytest.param(Record(nonce="n", job_id=7, port=40000, stopping=True), id="it is being stopped"),
    ],
)
async def test_none_is_waited_for(record: Record) -> None:
    """A session that has not come up, or is being stopped, has nothing to say."""
    session = session_of(record, [])
    assert not take_killed(session, 1)
    assert session.record.killed == 0


async def test_a_session_that_is_over() -> None:
    """What comes after the end is refused."""
    session = session_of(UP, [])
    session.set_end("COMPLETED", "over")
    assert not take_killed(session, 1)


async def test_the_peak_is_kept() -> None:
    """The greatest so far is stored; it is taken while the session is stopped too, for then the last report comes."""
    kept: list[int] = []
    session = session_of(UP, kept)
    assert [take_peak(session, number) for number in (100, 300, 300, 200)] == [True] * 4
    assert (session.record.peak_mb, len(kept)) == (300, 2)
    session.remember(stopping=True)
    assert take_peak(session, 400)
    assert session.record.peak_mb == 400
    assert not take_peak(session_of(Record(nonce="n", job_id=7), []), 100)


async def test_a_peak_just_after_the_end() -> None:
    """It is known to what records the end, and no session is stored any more."""
    kept: list[int] = []
    session = session_of(UP, kept)
    session.set_end("CANCELLED", "over")
    assert take_peak(session, 400)
    assert (session.record.peak_mb, kept) == (400, [])


@pytest.mark.parametrize(
    ("number", "held", "sentence"),
    [
        pytest.param(0, (("memory", 8192),), "", id="none"),
        pytest.param(1, (("cores", 2),), "", id="memory-not-known"),
        pytest.param(
            2, (("cores", 2), ("memory", 8192)), "because the memory of 8 GB was used up. Ask for more memory next time.", id="two"
        ),
    ],
)
def test_in_words(number: int, held: tuple[tuple[str, int], ...], sentence: str) -> None:
    """With the memory that the session has, and what to do."""
    assert killed_in_words(number, held).endswith(sentence)
    assert bool(killed_in_words(number, held)) == bool(sentence)
