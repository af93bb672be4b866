"""Sessions by the day of their end, as people speak of days: for pages without JavaScript."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...humanize import MONTHS, duration
from ...i18n import N_, _

WEEKDAYS = (N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"))


@dataclass(frozen=True, slots=True)
class Row:
    """A session as programs get it, with the time of day and how long it ran, in words; both empty where nobody knows."""

    session: Mapping[str, Any]
    time: str
    ran: str


@dataclass(slots=True)
class Day:
    """A day in words, with its sessions."""

    words: str
    rows: list[Row] = field(default_factory=list)


def day_in_words(day: datetime.date, today: datetime.date) -> str:
    """Return ``Today``, ``Yesterday``, ``Thursday 26 November``, with the year where it is another one."""
    if day == today:
        return _("Today")
    if day == today - datetime.timedelta(days=1):
        return _("Yesterday")
    # Translators: a day: "Thursday 26 November"
    words = _("{weekday} {day} {month}").format(weekday=_(WEEKDAYS[day.weekday()]), day=day.day, month=_(MONTHS[day.month - 1]))
    words = words[:1].upper() + words[1:]
    return words if day.year == today.year else f"{words} {day.year}"


def by_day(sessions: Iterable[Mapping[str, Any]], now: float) -> list[Day]:
    """Group sessions, in their order, by the day of what happened last, in the Hub's own time zone; ``now`` in seconds since the epoch."""
    today = datetime.datetime.fromtimestamp(now).astimezone().date()
    days: list[Day] = []
    for session in sessions:
        moment = _moment(session.get("ended") or session.get("submitted"))
        words = day_in_words(moment.date(), today) if moment is not None else ""
        if not days or days[-1].words != words:
            days.append(Day(words))
        days[-1].rows.append(Row(session, moment.strftime("%H:%M") if moment is not None else "", _ran(session)))
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
