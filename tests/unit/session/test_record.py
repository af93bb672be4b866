"""What the Hub's database has of a session: read whatever it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spawner.session.record import End, Record


@pytest.mark.parametrize(
    "state", [{}, {"nonce": "a" * 16}, {"nonce": 3, "job_id": "x"}, None, [], "text", {"job_id": 5}, {"nonce": "n", "submitted": None}]
)
def test_whatever_the_database_has_is_read(state: object) -> None:
    """A record of an older version, or a broken one, is read as far as it goes and never an error."""
    record = Record.from_state(state)
    assert isinstance(record.job_id, int)
    assert Record.from_state(record.as_state()) == record or not record.nonce


@pytest.mark.parametrize("wanted", [lambda state: state, lambda _: None])
def test_end_round_trip(wanted: Callable[[object], object]) -> None:
    """How a session ended survives the database; nothing is made of nothing."""
    end = End("TIMEOUT", "The time limit of the session was reached.", 5.0)
    state = wanted({"state": end.state, "sentence": end.sentence, "at": end.at})
    assert End.from_state(state) == (end if state else None)
