"""How long requests like this one have waited: shares of a site's own past jobs, by partition, shape and hours. Pure.

Nothing is fitted but counts, so an admin can check each number against sacct. Jobs that had not begun when they were last seen (cancelled
while they waited, or waiting still) count as "longer than that": the product-limit estimate of Kaplan and Meier (1958), which holds where
they did not leave because they would have waited long. A share is taken from n jobs as n + 1 would have it (split conformal prediction:
Vovk, Gammerman and Shafer, 2005), so that it holds for the next job and not only for those that were counted.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..slurm.waits import PastWait

HALF, NINE_OF_TEN = 0.5, 0.9
"""The shares of requests for which a time is told."""

FEWEST = 30
"""Jobs that must have begun in a group before anything is said of it."""

STEP_SECONDS = 60
"""Times are told in whole minutes, rounded up; the share is that of the rounded time, at most 1 of the group's jobs too low."""

SMALL_CORES = 8
"""A request with no more cores is small."""

SHORT_MINUTES = 4 * 60
"""A request for no longer is short: what fits into gaps between planned jobs."""

HOURS_OF_BAND = 6

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Within:
    """Of so large a ``share`` (0 to 1) of requests it was seen that they began within ``seconds``."""

    seconds: int
    share: float


@dataclass(frozen=True, slots=True)
class WaitForecast:
    """What is known of a group of past requests.

    ``group`` is its partition, shape and hours, as far as there were enough jobs for it; ``jobs`` were counted, of which ``began`` did
    begin. ``half`` and ``nine_of_ten`` are None where too many had not begun yet for that to be told.
    """

    group: Key
    jobs: int
    began: int
    half: Within | None
    nine_of_ten: Within | None


def local_time(moment: float) -> datetime.datetime:
    """Return the time of day at the Hub's place, of seconds since the epoch."""
    return datetime.datetime.fromtimestamp(moment).astimezone()


def shape(cores: int, gpus: int, minutes: int | None) -> str:
    """Return the words for the shape of a request: what it asks for of cores, GPUs and time, in few classes."""
    size = ("1 GPU" if gpus == 1 else "2+ GPUs") if gpus else "small" if cores <= SMALL_CORES else "large"
    return f"{size}, {'short' if minutes is not None and minutes <= SHORT_MINUTES else 'long'}"


def hours(moment: datetime.datetime) -> str:
    """Return the band of hours that the moment lies in, apart for workdays and weekends."""
    first = moment.hour // HOURS_OF_BAND * HOURS_OF_BAND
    return f"{'weekend' if moment.weekday() >= 5 else 'workday'} {first:02}-{first + HOURS_OF_BAND:02}"


def _keys(partition: str, its_shape: str, its_hours: str) -> tuple[Key, ...]:
    """The groups that a request belongs to, the finest first."""
    return (partition, its_shape, its_hours), (partition, its_shape), (partition,)


class PastWaits:
    """The waits of a site's past jobs in groups.

    Parameters
    ----------
    waits
        As slurmdbd has them.
    place
        The time of day of a moment in seconds since the epoch.
    fewest
        Jobs that must have begun in a group.
    """

    def __init__(
        self, waits: Iterable[PastWait], *, place: Callable[[float], datetime.datetime] = local_time, fewest: int = FEWEST
    ) -> None:
        self._place = place
        members: dict[Key, list[PastWait]] = {}
        for wait in waits:
            of_hours = hours(place(wait.eligible))
            for key in _keys(wait.partition, shape(wait.cores, wait.gpus, wait.minutes), of_hours):
                members.setdefault(key, []).append(wait)
        self._groups: Mapping[Key, WaitForecast] = {
            key: found for key, group in sorted(members.items()) if (found := _forecast(key, group)).began >= fewest
        }

    def __iter__(self) -> Iterator[WaitForecast]:
        """Iterate over all groups of which something is said, in the order of their names: the table that an admin reads."""
        return iter(self._groups.values())

    def of(self, partition: str, *, cores: int, gpus: int = 0, minutes: int | None, now: float) -> WaitForecast | None:
        """Return what became of such requests, of the finest group that has enough of them; None where there are too few.

        Parameters
        ----------
        minutes
            What is asked for; None for no limit.
        now
            When it would be submitted, in seconds since the epoch.
        """
        keys = _keys(partition, shape(cores, gpus, minutes), hours(self._place(now)))
        return next((self._groups[key] for key in keys if key in self._groups), None)


def _forecast(key: Key, group: list[PastWait]) -> WaitForecast:
    curve = _shares(group)
    began = sum(wait.began for wait in group)
    return WaitForecast(key, len(group), began, _within(curve, HALF), _within(curve, NINE_OF_TEN))


def _shares(group: list[PastWait]) -> list[tuple[int, float]]:
    """Moments in seconds, each with the share that began until then, out of one more than were counted; in order."""
    events: dict[int, list[int]] = {}
    for wait in group:
        events.setdefault(wait.seconds, [0, 0])[wait.began] += 1
    curve, waiting, remaining = [], len(group), 1.0
    for seconds, (left, began) in sorted(events.items()):
        if began:
            remaining *= 1 - began / waiting
            curve.append((seconds, (1 - remaining) * len(group) / (len(group) + 1)))
        waiting -= left + began
    return curve


def _within(curve: list[tuple[int, float]], share: float) -> Within | None:
    reached = next((seconds for seconds, so_far in curve if so_far >= share - 1e-9), None)
    if reached is None:
        return None
    told = max(STEP_SECONDS, -(-reached // STEP_SECONDS) * STEP_SECONDS)
    return Within(told, [so_far for seconds, so_far in curve if seconds <= told][-1])
