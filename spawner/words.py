"""Amounts as a person reads them, where the exact figure would be in the way."""

from __future__ import annotations

import datetime

from .slurm.grammar import format_memory


def clock_time(moment: float) -> str:
    """``hh:mm:ss`` in the Hub's own time zone; the script on the page puts it into the user's."""
    return datetime.datetime.fromtimestamp(moment).astimezone().strftime("%H:%M:%S")


def moment_in_words(moment: float, now: float) -> str:
    """``at 14:00``, with the day where it is not today, in the Hub's own time zone; both in seconds since the epoch."""
    then, today = (datetime.datetime.fromtimestamp(value).astimezone() for value in (moment, now))
    return then.strftime("at %H:%M" if then.date() == today.date() else "at %H:%M on %d %B")


def limit_of_memory(megabytes: int) -> str:
    """MB as a limit in words: exact where that is short, else GB rounded down to a tenth, so that what is said can be had.

    ``375300`` is ``366.5 GB``; ``1536`` is ``1.5 GB``; ``500`` is ``500 MB``.
    """
    exact = format_memory(megabytes)
    if megabytes < 10 * 1024 or exact.endswith("GB"):
        return exact
    return f"{megabytes * 10 // 1024 / 10:g} GB"


def duration(minutes: int) -> str:
    """Minutes in words: ``8 hours``, ``1 day 12 hours``, ``90 minutes``."""
    days, rest = divmod(minutes, 24 * 60)
    hours, rest = divmod(rest, 60)
    if rest and not days:
        return _counted(minutes, "minute")
    parts = [_counted(number, unit) for number, unit in ((days, "day"), (hours, "hour"), (rest, "minute")) if number]
    return " ".join(parts) or "0 minutes"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
