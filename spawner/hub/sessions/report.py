"""What was used in a month, by account, release and partition: from our own record of the sessions that ended in it. No user is named."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...errors import NotStored, RequestRejected
from ...i18n import N_, _
from ...request.gpus import parse_gpus
from ...worker import run_in_worker
from .history import History, PastSession
from .options import read_again

AT_ONCE = 1000
"""Sessions that are read at a time; what they come to is worked out off the Hub's loop."""

_NO_ANSWER = N_("The Hub's record of past sessions cannot be read now.")

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(slots=True)
class Used:
    """What the sessions of one account, release and partition come to, in hours."""

    sessions: int = 0
    hours: float = 0.0
    gpu_hours: float = 0.0


Usage = dict[tuple[str, str, str], Used]


def month_of(text: str) -> tuple[float, float]:
    """Return the beginning and the end of a month (``2026-11``) in the Hub's own time zone, in seconds since the epoch.

    Raises
    ------
    ValueError
        It is no month.
    """
    found = _MONTH.fullmatch(text)
    if found is None:
        raise ValueError(text[:20])
    year, month = int(found[1]), int(found[2])
    days = datetime.datetime(year, month, 1), datetime.datetime(year + month // 12, month % 12 + 1, 1)
    return days[0].timestamp(), days[1].timestamp()


def add(usage: Usage, sessions: Iterable[PastSession]) -> None:
    """Add sessions to what there is."""
    for past in sessions:
        account, release, partition = (str(past.request.get(name) or "") for name in ("account", "release", "partition"))
        used = usage.setdefault((account, release, partition), Used())
        hours = max(0.0, past.ended - past.started) / 3600 if past.started is not None else 0.0
        used.sessions += 1
        used.hours += hours
        used.gpu_hours += hours * _gpus_of(past)


def _gpus_of(past: PastSession) -> float:
    try:
        return read_again(past.request).gpus.amount
    except RequestRejected:
        pass
    try:
        return parse_gpus(past.request.get("gpus", 0)).amount
    except ValueError:
        return 0.0


async def report_of(history: History, month: str) -> dict[str, Any]:
    """Return the report of a month, as programs get it. ``note`` says, in the language in use, what is missing of it; empty for nothing.

    Raises
    ------
    ValueError
        It is no month.
    NotStored
        The Hub's database does not answer.
    """
    begin, end = month_of(month)
    usage: Usage = {}
    behind: PastSession | None = None
    while True:
        page = history.ended_between(begin, end, behind, AT_ONCE)
        if page is None:
            raise NotStored(_NO_ANSWER)
        await run_in_worker(lambda page=page: add(usage, page))  # type: ignore[misc]
        if len(page) < AT_ONCE:
            break
        behind = page[-1]
    note = _what_is_missing(history, begin)
    rows = [
        {
            "account": account,
            "release": release,
            "partition": partition,
            "sessions": used.sessions,
            "hours": round(used.hours, 2),
            "gpu_hours": round(used.gpu_hours, 2),
        }
        for (account, release, partition), used in sorted(usage.items())
    ]
    return {"month": month, "complete": not note, "note": note, "rows": rows}


def _what_is_missing(history: History, begin: float) -> str:
    if not history.is_kept:
        return _("This Hub keeps no record of past sessions (history_length, history_days).")
    if not history.reaches_back_to(begin):
        return _("The record does not reach back to the beginning of the month (history_days).")
    number = history.users_cut_off(begin)
    if number is None:
        raise NotStored(_NO_ANSWER)
    if number:
        return _(
            "Of {number} users the record has as many sessions as it takes, so that earlier ones may be missing (history_length)."
        ).format(number=number)
    return ""
