"""When a session whose GPUs do nothing is told of, and when it is stopped: only on evidence, and never a busy one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.gpu.idle import Notice, Rules, Seen, idle_minutes, next_step

TELL_AND_STOP = Rules(minutes=60, stop_minutes=30)
START = 1_800_000_000.0
HOUR = 3600.0
NOTICE = Notice(START, 1, START + HOUR + 1800)


def idle(*since: float | None, received: float, counts_from: float = START) -> Seen:
    return Seen(since, received, counts_from)


def test_told_after_the_whole_time() -> None:
    """By the time of the latest report, and the stop is so many minutes after the telling."""
    too_early = idle(START, received=START + HOUR - 1)
    assert next_step(None, too_early, TELL_AND_STOP, START + HOUR + 50) == (None, "nothing")

    told, step = next_step(None, idle(START, received=START + HOUR), TELL_AND_STOP, START + HOUR + 10)
    assert step == "tell"
    assert told == Notice(START, 1, START + HOUR + 10 + 1800)


def test_told_once_and_kept() -> None:
    assert next_step(NOTICE, idle(START, received=START + HOUR + 60), TELL_AND_STOP, START + HOUR + 61) == (NOTICE, "nothing")


def test_only_told_where_nothing_is_stopped() -> None:
    told, step = next_step(None, idle(START, received=START + HOUR), Rules(minutes=60), START + HOUR)
    assert (told, step) == (Notice(START, 1, None), "tell")
    assert next_step(told, idle(START, received=START + 100 * HOUR), Rules(minutes=60), START + 100 * HOUR) == (told, "nothing")


def test_stopped_when_it_is_still_idle() -> None:
    """Not before a report that came after the moment that was named."""
    assert NOTICE.stops_at is not None
    assert next_step(NOTICE, idle(START, received=NOTICE.stops_at - 1), TELL_AND_STOP, NOTICE.stops_at + 60) == (NOTICE, "nothing")
    assert next_step(NOTICE, idle(START, received=NOTICE.stops_at), TELL_AND_STOP, NOTICE.stops_at) == (NOTICE, "stop")


@pytest.mark.parametrize(
    "seen", [None, idle(None, received=START + 9 * HOUR), idle(START, None, received=START + 9 * HOUR), idle(received=0)]
)
def test_busy_or_unknown(seen: Seen | None) -> None:
    """One device of two is enough; a session without a known device is never idle. What was told is taken back."""
    for notice in (None, NOTICE):
        assert next_step(notice, seen, TELL_AND_STOP, START + 9 * HOUR) == (None, "nothing")


def test_busy_between_two_looks() -> None:
    """The notice is of an earlier time: it goes, nothing is stopped, and the time begins anew."""
    again = START + HOUR + 600
    assert NOTICE.stops_at is not None
    assert next_step(NOTICE, idle(again, received=NOTICE.stops_at + 60), TELL_AND_STOP, NOTICE.stops_at + 60) == (None, "nothing")
    told, step = next_step(NOTICE, idle(again, received=again + HOUR), TELL_AND_STOP, again + HOUR)
    assert (told, step) == (Notice(again, 1, again + HOUR + 1800), "tell")


def test_the_session_counts_from_its_start() -> None:
    """What the device did not do before is not the session's fault."""
    early = idle(START - 5 * HOUR, received=START + HOUR - 1)
    assert next_step(None, early, TELL_AND_STOP, START + HOUR) == (None, "nothing")
    told, _step = next_step(None, idle(START - 5 * HOUR, START + 60, received=START + 2 * HOUR), TELL_AND_STOP, START + 2 * HOUR)
    assert told is not None
    assert (told.since, told.gpus) == (START + 60, 2)


def test_off() -> None:
    assert next_step(None, idle(START, received=START + 99 * HOUR), Rules(), START + 99 * HOUR) == (None, "nothing")
    assert next_step(NOTICE, idle(START, received=START + 99 * HOUR), Rules(stop_minutes=5), START + 99 * HOUR) == (None, "nothing")


@pytest.mark.parametrize(("seconds", "minutes"), [(3, 1), (3600, 60), (3659, 60), (5400, 90)])
def test_minutes(seconds: float, minutes: int) -> None:
    assert idle_minutes(NOTICE, START + seconds) == minutes


reports = st.lists(st.sampled_from(["idle", "busy", "silent"]), min_size=1, max_size=120)


@given(reports, st.integers(1, 20), st.integers(1, 20))
def test_never_stopped_without_reason(story: list[str], minutes: int, more: int) -> None:
    """Whatever happens minute by minute: at a stop the device has been idle, by reports without a gap, for both times together."""
    rules = Rules(minutes, more)
    notice: Notice | None = None
    since: float | None = None
    for minute, word in enumerate(story):
        now = START + 60.0 * minute
        since = (now if since is None else since) if word == "idle" else None
        notice, step = next_step(notice, idle(since, received=now) if word != "silent" else None, rules, now)
        assert (notice is None) or word == "idle"
        if step == "stop":
            assert story[minute - minutes - more : minute + 1] == ["idle"] * (minutes + more + 1)
            return
