"""How often each of many may do something, and what the log tells of those who do it more often."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..cache import BoundedDict
from .protocol import Log

MAX_CALLERS = 50_000

REPEAT_LOG_SECONDS = 600.0
MAX_LINES = 60
"""Lines in the log about what was refused, in as many seconds."""


class Pace:
    """How often each caller may do something: ``number`` times at once, and ``number`` times in ``seconds`` in the long run."""

    def __init__(self, number: int, seconds: float, clock: Callable[[], float] = time.monotonic, max_callers: int = MAX_CALLERS) -> None:
        self._clock = clock
        self._interval = seconds / number
        self._ahead = seconds - self._interval
        self._due: BoundedDict[str, float] = BoundedDict(max_callers)

    def wait(self, caller: str) -> float:
        """Return the seconds until the caller may; 0 if it may now, which then counts."""
        now = self._clock()
        due = max(self._due.get(caller, now), now)
        early = due - now - self._ahead
        # Sums of many intervals are not exact.
        if early > 1e-6:
            return early
        self._due[caller] = due + self._interval
        return 0.0


class RefusalLog:
    """The log's lines about what was refused: of each caller and reason once in ten minutes, and never more than :data:`MAX_LINES`.

    ``what`` was refused, as the subject of a sentence.
    """

    def __init__(self, log: Log, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._what = what
        self._clock = clock
        self._told: set[tuple[str, str]] = set()
        self._since = clock()

    def tell(self, who: str, reason: str) -> bool:
        """Log a refusal, if it is due; tell whether it was.

        ``reason`` is ours, and ``who`` a name or an address: nothing of what was sent."""
        if self._clock() - self._since >= REPEAT_LOG_SECONDS:
            self._told.clear()
            self._since = self._clock()
        if (who, reason) in self._told or len(self._told) >= MAX_LINES:
            return False
        self._told.add((who, reason))
        self._log.warning("%s from %s was refused: %s", self._what, who, reason)
        if len(self._told) == MAX_LINES:
            self._log.warning("%s: more refusals are not logged for some minutes", self._what)
        return True
