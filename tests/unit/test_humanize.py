"""Amounts in words."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.humanize import duration, limit_of_memory, moment_in_words
from spawner.units import parse_memory_mb


@pytest.mark.parametrize(
    ("megabytes", "words"),
    [(375300, "366.5 GB"), (1536, "1.5 GB"), (500, "500 MB"), (8192, "8 GB"), (10239, "10239 MB"), (102400, "100 GB")],
)
def test_limit_of_memory(megabytes: int, words: str) -> None:
    """Long figures are rounded down to a tenth of a GB, short ones stay exact."""
    assert limit_of_memory(megabytes) == words


@given(st.integers(min_value=1, max_value=10_000_000))
def test_what_is_said_can_be_had(megabytes: int) -> None:
    """The limit in words, typed into the form, is never more than the limit."""
    text = limit_of_memory(megabytes)
    number, unit = text.split()
    if unit == "GB" and "." in number:
        assert float(number) * 1024 <= megabytes
    else:
        assert parse_memory_mb(text) <= megabytes


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (480, "8 h"),
        (60, "1 h"),
        (1440, "1 day"),
        (2160, "1 day 12 h"),
        (90, "1 h 30 min"),
        (1, "1 min"),
        (1501, "1 day 1 h 1 min"),
    ],
)
def test_duration(minutes: int, words: str) -> None:
    """Whole hours and days are named as such, odd times below a day in minutes."""
    assert duration(minutes) == words


@pytest.mark.parametrize(("seconds", "words"), [(0, "at 10:00"), (3600, "at 11:00"), (86400, "at 10:00 on 02 March")])
def test_moment_in_words(seconds: int, words: str) -> None:
    """The day is named where it is another one than today's."""
    now = datetime.datetime(2026, 3, 1, 10, 0).astimezone().timestamp()
    assert moment_in_words(now + seconds, now) == words
