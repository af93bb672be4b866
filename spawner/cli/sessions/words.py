"""How a session stands, in words for a terminal. Sentences are the Hub's own; moments are in the one format."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from typing import Any

from ...humanize import day_and_time, duration
from ...i18n import N_, _
from ..exit_codes import ENDED, READY, UNREACHABLE, WAITS
from ..table import Tone

STATES: Mapping[str, str] = {
    "waiting": N_("Waiting"),
    "starting": N_("Starting"),
    "running": N_("Running"),
    "stopping": N_("Stopping"),
    "ended": N_("Ended"),
    "failed": N_("Failed"),
    "unknown": N_("Not known now"),
}
TONES: Mapping[str, Tone] = {"waiting": "warn", "starting": "warn", "running": "good", "failed": "bad", "unknown": "bad"}
CODES: Mapping[str, int] = {"running": READY, "waiting": WAITS, "starting": WAITS, "unknown": UNREACHABLE}
"""Exit codes by state; all others are :data:`ENDED`."""


def title_of(session: Mapping[str, Any]) -> str:
    """Return what a session is called: by its user, else by its server's name."""
    if session.get("named") and session.get("display_name"):
        return str(session["display_name"])
    return str(session.get("name") or _("(without a name)"))


def state_of(session: Mapping[str, Any]) -> str:
    """Return the state, a key of :data:`STATES`: one that has ended by itself or by others has failed."""
    state = str(session.get("state") or "unknown")
    return "failed" if state == "ended" and session.get("kind") == "others" else state


def state_in_words(session: Mapping[str, Any]) -> str:
    """Return the state as the Hub's pages call it."""
    state = state_of(session)
    return _(STATES.get(state, state))


def code_of(session: Mapping[str, Any]) -> int:
    """Return the exit code that says how a session stands: ready, waits, over; or that nobody knows."""
    return CODES.get(state_of(session), ENDED)


def moment_of(text: object) -> float | None:
    """Return a moment of the Hub's in seconds since the epoch; None where there is none."""
    try:
        return datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError):
        return None


def time_in_words(moment: float) -> str:
    """Return a moment in this machine's time zone."""
    return str(day_and_time(moment, time.time()))


def when_in_words(session: Mapping[str, Any]) -> str:
    """Return until when a session runs and how long that is, when it is to start, or when it ended; empty where nobody knows."""
    ends, ended, estimate = (moment_of(session.get(name)) for name in ("ends", "ended", "estimate"))
    if ended is not None:
        return _("ended at {time}").format(time=time_in_words(ended))
    if ends is not None:
        left = duration(max(0, int(ends - time.time()) // 60))
        return _("until {time}, {duration} left").format(time=time_in_words(ends), duration=left)
    if estimate is not None:
        return _("to start at {time}").format(time=time_in_words(estimate))
    return ""


def place_in_words(session: Mapping[str, Any]) -> str:
    """Return where the job stands, ``job 812 on g001``, and what it has; empty where there is no job."""
    job, node = session.get("job_id"), session.get("node")
    if not job:
        return ""
    words = _("job {job} on {node}").format(job=job, node=node) if node else _("job {job}").format(job=job)
    return ", ".join(part for part in (words, str(session.get("held_text") or session.get("summary") or "")) if part)


def lines_of(session: Mapping[str, Any]) -> list[str]:
    """Return how a session stands, in lines."""
    first = _("{name}: {state}").format(name=title_of(session), state=state_in_words(session))
    return [
        line for line in (first, session.get("sentence"), place_in_words(session), when_in_words(session), used_in_words(session)) if line
    ]


def used_in_words(session: Mapping[str, Any]) -> str:
    """Return what a session that is over used of what it had, as the Hub says it; empty where that is not known."""
    used = session.get("used")
    return str(used.get("sentence") or "") if isinstance(used, Mapping) else ""
