"""Amounts as a person reads them, where the exact figure would be in the way."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from .language import N_, _, ngettext
from .slurm.grammar import format_memory

MONTHS = (
    N_("January"),
    N_("February"),
    N_("March"),
    N_("April"),
    N_("May"),
    N_("June"),
    N_("July"),
    N_("August"),
    N_("September"),
    N_("October"),
    N_("November"),
    N_("December"),
)


def clock_time(moment: float) -> str:
    """``hh:mm:ss`` in the Hub's own time zone; the script on the page puts it into the user's."""
    return datetime.datetime.fromtimestamp(moment).astimezone().strftime("%H:%M:%S")


def moment_in_words(moment: float, now: float) -> str:
    """``at 14:00``, as :func:`day_and_time`."""
    return _("at {moment}").format(moment=day_and_time(moment, now))


def day_and_time(moment: float, now: float) -> str:
    """``14:00``, with the day where it is not today, in the Hub's own time zone; both in seconds since the epoch."""
    then, today = (datetime.datetime.fromtimestamp(value).astimezone() for value in (moment, now))
    time = then.strftime("%H:%M")
    if then.date() == today.date():
        return time
    return _("{time} on {day} {month}").format(time=time, day=f"{then.day:02}", month=_(MONTHS[then.month - 1]))


def joined(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(parts) < 2:
        return "".join(parts)
    return _("{first} and {last}").format(first=", ".join(parts[:-1]), last=parts[-1])


def cores_in_words(number: int) -> str:
    """``1 core``, ``48 cores``."""
    return ngettext("{number} core", "{number} cores", number).format(number=number)


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
        return _minutes(minutes)
    parts = []
    if days:
        parts.append(ngettext("{number} day", "{number} days", days).format(number=days))
    if hours:
        parts.append(ngettext("{number} hour", "{number} hours", hours).format(number=hours))
    if rest or not parts:
        parts.append(_minutes(rest))
    return " ".join(parts)


def _minutes(number: int) -> str:
    return ngettext("{number} minute", "{number} minutes", number).format(number=number)
