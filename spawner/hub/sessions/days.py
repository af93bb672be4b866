"""Sessions by the day of their end, as people speak of days: for pages without JavaScript."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...humanize import day_and_time, day_in_words, duration, time_of_day
from ...i18n import _


@dataclass(frozen=True, slots=True)
class Row:
    """A session as programs get it; the time of day, that with its day, and how long it ran, in words: empty where nobody knows."""

    session: Mapping[str, Any]
    time: str
    moment: str
    ran: str


@dataclass(slots=True)
class Day:
    """A day in words, with its sessions."""

    words: str
    rows: list[Row] = field(default_factory=list)


def by_day(sessions: Iterable[Mapping[str, Any]], now: float) -> list[Day]:
    """Group sessions, in their order, by the day of what happened last, in the Hub's own time zone; ``now`` in seconds since the epoch."""
    today = datetime.datetime.fromtimestamp(now).astimezone().date()
    days: list[Day] = []
    for session in sessions:
        moment = _moment(session.get("ended") or session.get("submitted"))
        words = day_in_words(moment.date(), today) if moment is not None else ""
        if not days or days[-1].words != words:
            days.append(Day(words))
        time, dated = ("", "") if moment is None else (time_of_day(moment), day_and_time(moment.timestamp(), now))
        days[-1].rows.append(Row(session, time, dated, _ran(session)))
    return days


def _ran(session: Mapping[str, Any]) -> str:
    begun, over = _moment(session.get("started")), _moment(session.get("ended"))
    if over is None:
        return ""
    seconds = (over - begun).total_seconds() if begun is not None else 0
    if seconds <= 0:
        return _("did not run")
    return duration(int(seconds) // 60) if seconds >= 60 else _("{number} s").format(number=int(seconds))


def _moment(text: str | None) -> datetime.datetime | None:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone() if text else None
