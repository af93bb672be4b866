"""How often each caller may, and what the log tells of those who do more."""

from __future__ import annotations

import logging

import pytest

from spawner.hub.pace import MAX_LINES, Pace, RefusalLog


class Moment:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_few_at_once_then_evenly() -> None:
    """So many at once, then one for each share of the time; who waits as long as was said may again, and others have paces of their own."""
    clock = Moment()
    pace = Pace(30, 10.0, clock)
    assert [pace.wait("ada") for _turn in range(30)] == [0.0] * 30
    wait = pace.wait("ada")
    assert wait == pytest.approx(1 / 3)
    assert pace.wait("ben") == 0.0
    clock.now += wait
    assert pace.wait("ada") == 0.0
    assert pace.wait("ada") == pytest.approx(1 / 3)


def test_what_was_refused_does_not_count() -> None:
    """Whoever goes on asking does not wait the longer for it."""
    clock = Moment()
    pace = Pace(1, 10.0, clock)
    pace.wait("ada")
    assert [pace.wait("ada") for _turn in range(100)] == [10.0] * 100
    clock.now += 10
    assert pace.wait("ada") == 0.0


def test_no_more_in_the_long_run() -> None:
    """Whoever asks without end is let through so many times and no more."""
    clock = Moment()
    pace = Pace(30, 10.0, clock)
    allowed = 0
    for _turn in range(10_000):
        allowed += pace.wait("ada") == 0.0
        clock.now += 0.01
    assert allowed == pytest.approx(30 + 300, abs=1)


def test_pace_remembers_no_more_than_it_has_to() -> None:
    clock = Moment()
    pace = Pace(3, 3.0, clock, max_callers=10)
    for number in range(100):
        clock.now += 2
        assert pace.wait(f"g{number}") == 0.0
    assert len(pace._due) <= 10


def test_the_log_has_room_for_so_many(caplog: pytest.LogCaptureFixture) -> None:
    """Of each caller and reason one line, of all together so many in ten minutes."""
    clock = Moment()
    refusals = RefusalLog(logging.getLogger("tests.pace"), "A report", clock)
    assert [refusals.tell("10.0.0.0", "no"), refusals.tell("10.0.0.0", "no")] == [True, False]
    for number in range(500):
        refusals.tell(f"10.0.0.{number}", "no")
    assert len(caplog.records) == MAX_LINES + 1

    clock.now += 601
    refusals.tell("10.0.0.499", "no")
    assert caplog.records[-1].getMessage() == "A report from 10.0.0.499 was refused: no"
    assert len(caplog.records) == MAX_LINES + 2
