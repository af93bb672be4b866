"""What is known once for everybody: one kind of data from Slurm, with its age (:class:`CachedQuery`), and what is worked out of it
(:class:`AsyncMemo`).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import UserDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .errors import ResourceFormError, SlurmUnavailable
from .i18n import N_
from .worker import FOR_ALL, run_in_worker

Data = TypeVar("Data")
Key = TypeVar("Key")
Value = TypeVar("Value")

STALE_AFTER_INTERVALS = 2.0
LONGEST_BACK_OFF_SECONDS = 300.0
LONGEST_SPACING_SECONDS = 5.0
SHORTEST_SPACING_SECONDS = 0.2
EXPIRED_RETRY_SECONDS = 10.0
SILENT_AFTER_SECONDS = 3.0
"""A question that has waited for so long has no answer: more than Slurm takes that is well, less than a page waits for it."""
BURST = 15
REFILL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[Data]):
    """Data as Slurm had it at ``as_of``, in seconds since the epoch.

    ``stale``: it is older than it should be, or Slurm does not answer now. ``error``: the sentence for the user then. ``silent``: Slurm
    was asked for newer data and has not given any. Data that nobody has asked for lately are stale only.
    """

    value: Data
    as_of: float
    stale: bool = False
    error: str = ""
    silent: bool = False


def countdown(patience: float | None) -> Callable[[], float | None]:
    """Return what tells how much of a patience is left, so that several questions one after the other take no longer than one."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    return lambda: None if patience is None else max(0.0, patience - (clock() - begun))


class BoundedDict(UserDict[Key, Value]):
    """A dictionary of at most ``max_entries``, for what users make grow: setting one more drops the one that was set the longest ago."""

    def __init__(self, max_entries: int) -> None:
        self.max_entries = max_entries
        super().__init__()

    def __setitem__(self, key: Key, value: Value) -> None:
        self.data.pop(key, None)
        self.data[key] = value
        while len(self.data) > self.max_entries:
            del self.data[next(iter(self.data))]


class CachedQuery(Generic[Data]):
    """The latest answer to one question, shared by everybody: fetched once per interval at most, by one caller at a time, with its age.

    Parameters
    ----------
    name
        For the log.
    fetch
        Asks Slurm. Raises a :class:`ResourceFormError` if there is no answer; then the last good data stays.
    interval
        Seconds for which an answer is fresh; a callable where configuration may change it.
    jitter
        The share of an interval by which it is made longer at random, so that Hubs and questions do not fall into step.
    sparing
        However often the data expire, fetches are some time apart: a few may follow each other quickly, as one Stop needs it, then one
        every :data:`REFILL_SECONDS`; and where one takes long, Slurm is busy with this question for a third of the time at most.
    """

    def __init__(
        self,
        name: str,
        fetch: Callable[[], Awaitable[Data]],
        interval: Callable[[], float],
        *,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], float] = time.time,
        jitter: float = 0.0,
        sparing: bool = False,
    ) -> None:
        self.name = name
        self.fetches = 0
        self.error: ResourceFormError | None = None
        self.failing_since: float | None = None
        self._fetch = fetch
        self._interval = interval
        self._log = log
        self._clock = clock
        self._jitter = jitter
        self._sparing = sparing
        self._quick_ones_left = float(BURST)
        self._counted_at = clock()
        self._stretch = 1.0
        self._value: tuple[Data] | None = None
        self._as_of = 0.0
        self._generation = 0
        self._generation_of_value = -1
        self._generation_of_task = -1
        self._failures = 0
        self._retry_at = 0.0
        self._failed_at = 0.0
        self._not_before = 0.0
        self._asked_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def last(self) -> Snapshot[Data] | None:
        """The last good data, whatever its age; None if there never was any."""
        if self._value is None:
            return None
        too_old = self._clock() - self._as_of > STALE_AFTER_INTERVALS * self._interval()
        silent = self.error is not None or (too_old and self._waited() >= SILENT_AFTER_SECONDS)
        return Snapshot(self._value[0], self._as_of, too_old or silent, self.error.sentence if self.error else "", silent)

    @property
    def as_of(self) -> float:
        """When the last good data were asked for, in seconds since the epoch; 0 if there are none."""
        return self._as_of

    @property
    def last_value(self) -> Data | None:
        """The value of :attr:`last`, whose age depends on the interval, and may not be asked for where the interval is worked out."""
        return self._value[0] if self._value is not None else None

    @property
    def failing_for(self) -> float:
        """For how many seconds there has been no answer; 0 where there is one, or where nobody has asked for longer than any back-off."""
        if self.failing_since is None or self._clock() - self._failed_at > 2 * LONGEST_BACK_OFF_SECONDS:
            return 0.0
        return max(0.0, self._clock() - self.failing_since)

    def expire(self) -> None:
        """Make the next caller get data that is fetched from now on. Shortens a back-off, and does not end it."""
        self._generation += 1
        self._retry_at = min(self._retry_at, self._failed_at + EXPIRED_RETRY_SECONDS)

    def _is_fresh(self) -> bool:
        # A clock that was set back must not make old data fresh for as long as it was set back.
        age = self._clock() - self._as_of
        return self._generation_of_value == self._generation and 0 <= age < self._interval() * self._stretch

    def _waited(self) -> float:
        """For how many seconds a question has been under way; 0 where none is."""
        return self._clock() - self._asked_at if self._asked_at is not None else 0.0

    def _backs_off(self) -> bool:
        return 0 < self._retry_at - self._clock() <= LONGEST_BACK_OFF_SECONDS * (1 + self._jitter)

    async def get(self, patience: float | None = None) -> Snapshot[Data]:
        """Return fresh data; failing that, the last good data, marked stale.

        Parameters
        ----------
        patience
            The most seconds to wait for Slurm where there is older data to show, or none; None: as long as the command may take. Of a
            question that is under way already, what it has waited counts where there is older data: a Slurm that hangs is waited for once.

        Raises
        ------
        ResourceFormError
            There is no data at all, and why.
        """
        if not self._is_fresh() and not self._backs_off():
            await self._refresh(patience)
        snapshot = self.last
        if snapshot is None:
            raise self.error or SlurmUnavailable(N_("Slurm has not answered yet."), log=f"{self.name}: no answer yet")
        return snapshot

    async def _refresh(self, patience: float | None) -> None:
        if patience is not None and self._value is not None:
            patience = max(0.0, patience - max(0.0, self._waited()))
        give_up = None if patience is None else time.monotonic() + patience
        running = self._task
        if running is not None and not running.done() and self._generation_of_task < self._generation:
            # It began before the data expired; of those who wait for its end, the first to go on asks anew for all.
            await asyncio.wait({running}, timeout=patience)
            if not running.done():
                return
        if self._task is None or self._task.done():
            if self._is_fresh():
                return
            self._generation_of_task = self._generation
            self._task = asyncio.ensure_future(self._run())
        await asyncio.wait({self._task}, timeout=None if give_up is None else max(0.0, give_up - time.monotonic()))

    def _pause(self) -> float:
        """Seconds until the next fetch may begin."""
        if not self._sparing:
            return 0.0
        now = self._clock()
        self._quick_ones_left = min(BURST, self._quick_ones_left + max(0.0, now - self._counted_at) / REFILL_SECONDS)
        self._counted_at = now
        pause = max(self._not_before - now, (1 - self._quick_ones_left) * REFILL_SECONDS)
        return min(max(0.0, pause), LONGEST_SPACING_SECONDS)

    async def _run(self) -> None:
        if pause := self._pause():
            await asyncio.sleep(pause)
            self._pause()
        self._quick_ones_left -= 1
        started = self._asked_at = self._clock()
        self._generation_of_task = self._generation
        self.fetches += 1
        try:
            value = await self._fetch()
        except ResourceFormError as error:
            self._fail(error, started)
        except Exception as error:  # noqa: BLE001 - whatever it is, the last good data stays and the log has it
            self._log.exception("Reading %s from Slurm failed unexpectedly", self.name)
            self._fail(SlurmUnavailable(N_("Slurm's answer could not be read."), log=f"{self.name}: {error!r}"), started)
        else:
            if self.failing_since is not None:
                self._log.warning("Slurm answers again about %s, after %.0f s", self.name, self._clock() - self.failing_since)
            self._value = (value,)
            self._as_of = started
            self._generation_of_value = self._generation_of_task
            self.error = None
            self.failing_since = None
            self._failures = 0
            self._retry_at = 0.0
        finally:
            self._asked_at = None
            self._stretch = 1 + self._jitter * random.random()  # noqa: S311 - nobody gains from guessing it # nosec B311
            took = max(0.0, self._clock() - started)
            self._not_before = self._clock() + max(SHORTEST_SPACING_SECONDS, 2 * took)

    def _fail(self, error: ResourceFormError, started: float) -> None:
        if self.failing_since is None:
            self.failing_since = started
            self._log.warning("No answer from Slurm about %s: %s", self.name, error.log)
        self.error = error
        self._failures += 1
        self._failed_at = self._clock()
        back_off = min(LONGEST_BACK_OFF_SECONDS, min(self._interval(), 5.0) * 2 ** min(self._failures - 1, 6)) * self._stretch
        self._retry_at = self._clock() + back_off


class AsyncMemo(Generic[Value]):
    """Results of Slurm's answers, each worked out once for an answer, off the Hub's loop, for everybody who asks meanwhile.

    The latest ``max_entries`` results are kept, each with what it was worked out of.
    """

    def __init__(self, max_entries: int = 1) -> None:
        self._kept: BoundedDict[Hashable, asyncio.Future[Value]] = BoundedDict(max_entries)

    async def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """Return the result for ``key``, by ``compute`` in a thread if there is none yet. What it raises is raised, and not kept."""
        found = self._kept.get(key)
        if found is None or found.cancelled():
            found = asyncio.ensure_future(run_in_worker(compute, user=FOR_ALL))
            self._kept[key] = found
        try:
            return await asyncio.shield(found)
        except Exception:
            self._kept.pop(key, None)
            raise


class CachedQueries(Generic[Data]):
    """A question for each user, ``make(user)``; of at most ``max_entries``, those that nobody has looked at for longest are forgotten."""

    def __init__(self, max_entries: int, make: Callable[[str], CachedQuery[Data]]) -> None:
        self._make = make
        self._queries: BoundedDict[str, CachedQuery[Data]] = BoundedDict(max_entries)

    def of(self, user: str) -> CachedQuery[Data]:
        """Return the user's question, whose answers stay."""
        query = self._queries.get(user)
        if query is None:
            query = self._make(user)
        # Set each time: who has looked the longest ago is forgotten first.
        self._queries[user] = query
        return query

    def __len__(self) -> int:
        return len(self._queries)
