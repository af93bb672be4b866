"""T65: what a launcher says of the set-up of a first session."""

from __future__ import annotations

import asyncio
import logging

import pytest

from spawner.i18n import using
from spawner.session.own_setup import FOLDER_TROUBLES, SETUP_STATES, take_folder, take_setup
from spawner.session.record import End, Record
from spawner.session.session import Session
from spawner.session.status_text import folder_in_words, setup_in_words
from tests.support.fake_slurm import FakeSlurm
from tests.support.session_rig import make_cluster

UP = Record(nonce="n", job_id=7, node="g001", address="10.0.0.1", port=40000)


def session_of(record: Record, kept: list[int]) -> Session:
    """A session with this record, and how often it was stored."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    return Session(make_cluster(slurm), "ada", keep=lambda: kept.append(1), name="ada", log=logging.getLogger("test"), record=record)


@pytest.mark.parametrize(
    ("told", "last"),
    [
        (["running", "done"], "done"),
        (["running", "failed"], "failed"),
        # A report may overtake another one.
        (["done", "running"], "done"),
        (["failed", "running", "running"], "failed"),
        (["running", "running"], "running"),
    ],
)
async def test_the_last_word_is_kept(told: list[str], last: str) -> None:
    """Each is taken; what is over does not begin again."""
    kept: list[int] = []
    session = session_of(UP, kept)
    assert [take_setup(session, state) for state in told] == [True] * len(told)
    assert session.record.setup == last
    assert len(kept) == len(dict.fromkeys(told)) - (told[-1] != last)


@pytest.mark.parametrize("record", [Record(nonce="n", job_id=7), Record(nonce="n", job_id=7, port=40000, stopping=True)])
async def test_none_is_waited_for(record: Record) -> None:
    """A session that has not come up, or is being stopped, has nothing to say; nor has one that is over."""
    session = session_of(record, [])
    assert not take_setup(session, "running")
    over = session_of(UP, [])
    over.end = End("COMPLETED", "It is over.", 1.0)
    assert not take_setup(over, "running")
    assert session.record.setup == over.record.setup == ""


def test_in_words() -> None:
    """The admin's label while it goes on, what to do where it failed; nothing is said of what is done."""
    assert setup_in_words("running", "Julia is being installed") == (
        "Julia is being installed, in the background, this once. Some minutes later load the page of the session again."
    )
    assert setup_in_words("running", "").startswith("The software of this release is being set up for you, in the background")
    assert "the log of the session says why" in setup_in_words("failed", "Julia")
    assert setup_in_words("done", "Julia") == setup_in_words("", "Julia") == ""
    assert SETUP_STATES == ("running", "done", "failed")
    with using("it"):
        assert setup_in_words("failed", "") != setup_in_words("running", "")


async def test_a_folder_that_cannot_be_had() -> None:
    """It is kept, once; a session that has not come up has nothing to say."""
    kept: list[int] = []
    session = session_of(UP, kept)
    assert [take_folder(session, word) for word in ("missing", "missing")] == [True, True]
    assert (session.record.folder, kept) == ("missing", [1])
    assert take_folder(session_of(Record(nonce="n", job_id=7), []), "missing") is False


def test_the_folder_in_words() -> None:
    """Each trouble has a sentence that names the folder; without one, what is lost with the session is said."""
    assert all("work/thesis" in folder_in_words(word, "work/thesis", "") for word in FOLDER_TROUBLES)
    assert folder_in_words("", "scratch", "Scratch").startswith("Scratch is on the node itself")
    assert folder_in_words("missing", "scratch", "Scratch").startswith("The folder scratch is not there")
    assert folder_in_words("", "work", "") == folder_in_words("", "", "") == ""
