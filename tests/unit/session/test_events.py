"""A line of the log for an event of a session: greppable, on one line whatever a user has typed, with the same facts for programs."""

from __future__ import annotations

import logging
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.session.events import SessionEvent, new_reference, note


def test_what_is_not_known_is_left_out() -> None:
    """The facts in one order; a word as it is, anything else quoted."""
    event = SessionEvent("ended", "ada", "fit-2", 4711, "3f9a1c0e", node="g001", category="time_limit", text='It had "1 h".')
    assert str(event) == (
        'session ended user=ada server=fit-2 job_id=4711 reference=3f9a1c0e node=g001 category=time_limit text="It had \\"1 h\\"."'
    )
    assert str(SessionEvent("refused", "ada")) == "session refused user=ada"
    assert SessionEvent("refused", "ada").facts() == {"event": "refused", "user": "ada"}


@given(st.text(min_size=1), st.text())
def test_nothing_typed_makes_a_second_line_or_another_fact(user: str, text: str) -> None:
    """Whatever a name or a sentence has in it."""
    line = str(SessionEvent("failed", user, job_id=7, text=text))
    assert line.splitlines() == [line]
    assert line.isprintable()
    assert line.startswith("session failed user=")
    if user.isascii() and user.isalnum() and text.isascii() and text.replace(" ", "").isalnum():
        words = shlex.split(line)
        assert words[:4] == ["session", "failed", f"user={user}", "job_id=7"]
        assert words[4:] == ([f"text={text}"] if text else [])


def test_the_record_has_the_facts(caplog: pytest.LogCaptureFixture) -> None:
    """For a log of JSON lines."""
    with caplog.at_level(logging.INFO):
        note(logging.getLogger("tests.events"), SessionEvent("ready", "ada", job_id=7, node="g001"), logging.WARNING)
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("WARNING", "session ready user=ada job_id=7 node=g001")
    assert record.session_event == {"event": "ready", "user": "ada", "job_id": 7, "node": "g001"}


def test_references() -> None:
    """They can be read out on the telephone, and are not the same."""
    made = {new_reference() for _number in range(100)}
    assert len(made) == 100
    assert all(len(reference) == 8 and int(reference, 16) >= 0 for reference in made)
