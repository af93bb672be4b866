"""GPUs that a session holds and does not use: when its user is told, and when it is stopped. Pure: decided here, done in ``hub.idle_gpus``.

Only evidence counts. What counts as "until now" is the latest report, not the clock; a device that is busy or that nobody knows anything
of makes all that was known worthless, and the time begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Step = Literal["nothing", "tell", "stop"]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the admin for GPUs without work.

    After ``minutes`` without work the user is told, ``stop_minutes`` later the session is stopped; 0 is never.
    """

    minutes: float = 0.0
    stop_minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The reports of one session's GPUs at one moment, in seconds since the epoch.

    ``idle_since`` has one entry for each of its GPUs: since when every report without a gap has said that it did nothing; None where it is
    busy, or nobody knows. ``received`` is when the latest report came, ``counts_from`` from when on the session is to be looked at.
    """

    idle_since: Sequence[float | None]
    received: float
    counts_from: float

    @property
    def since(self) -> float | None:
        """Since when none of them has done anything; None: one has, or nobody knows."""
        known = [moment for moment in self.idle_since if moment is not None]
        return max(*known, self.counts_from) if known and len(known) == len(self.idle_since) else None


@dataclass(frozen=True, slots=True)
class Notice:
    """The notice that the user has got: ``gpus`` GPUs have done nothing ``since``, and the session ends at ``stops_at``; None: it does not.

    Moments are seconds since the epoch.
    """

    since: float
    gpus: int
    stops_at: float | None = None


def next_step(notice: Notice | None, seen: Seen | None, rules: Rules, now: float) -> tuple[Notice | None, Step]:
    """Return what the user is to be told from now on, None for nothing, and what is to be done.

    Parameters
    ----------
    notice
        What they have been told already.
    seen
        None where nobody knows what the GPUs do.
    """
    since = seen.since if seen is not None else None
    if seen is None or since is None or rules.minutes <= 0:
        return None, "nothing"
    if notice is not None and notice.since == since:
        is_due = notice.stops_at is not None and seen.received >= notice.stops_at
        return notice, "stop" if is_due else "nothing"
    # A notice with another beginning is of an earlier time: the GPUs have done something since.
    if seen.received - since < rules.minutes * 60:
        return None, "nothing"
    return Notice(since, len(seen.idle_since), now + rules.stop_minutes * 60 if rules.stop_minutes > 0 else None), "tell"


def idle_minutes(notice: Notice, received: float) -> int:
    """Return for how many whole minutes they have done nothing, by the latest report; 1 at least."""
    return max(1, int((received - notice.since) // 60))
