"""Reads Slurm's answers, and tells the log once in a while how much of them could not be read."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from ..bounds import DEFAULTS, NO_COUNTS, Bounds, Counts
from ..slurm.reading import Reading

Parsed = TypeVar("Parsed")

LARGE_OUTPUT = 200_000
"""Characters; what is longer is parsed off the Hub's loop."""

TOLD_EVERY_SECONDS = 600.0


class Readings:
    """The reading of all answers to one cluster's questions."""

    def __init__(
        self,
        *,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], float] = time.time,
        bounds: Bounds = DEFAULTS,
        counts: Counts = NO_COUNTS,
    ) -> None:
        self.rows_left_out: Counter[str] = Counter()
        """By the name of the list, since the Hub has begun."""
        self.values_unknown: Counter[str] = Counter()
        self._log = log
        self._clock = clock
        self._bounds = bounds
        self._counts = counts
        self._told: dict[str, tuple[float, int, int]] = {}
        """By the name of the list: when the log was told, and the numbers then."""

    async def parse(self, name: str, text: str, parser: Callable[[str, Reading], Parsed]) -> tuple[Parsed, Reading]:
        """Return what the parser makes of an answer, and what it could not read of it. ``name`` is the list's, for the log.

        Raises
        ------
        SlurmOutputError
            As the parser.
        """
        reading = Reading(self._bounds)
        try:
            if len(text) > LARGE_OUTPUT:
                parsed = await asyncio.to_thread(parser, text, reading)
            else:
                parsed = parser(text, reading)
        finally:
            for bound in reading.over:
                self._counts.over(bound)
        if reading.first:
            self._note(name, reading)
        return parsed, reading

    def _note(self, name: str, reading: Reading) -> None:
        self.rows_left_out[name] += reading.rows_left_out
        self.values_unknown[name] += reading.values_unknown
        self._counts.unread(name, reading.rows_left_out, reading.values_unknown)
        rows, values, now = self.rows_left_out[name], self.values_unknown[name], self._clock()
        at, rows_told, values_told = self._told.get(name, (None, 0, 0))
        if at is not None and 0 <= now - at < TOLD_EVERY_SECONDS:
            return
        self._told[name] = (now, rows, values)
        since = "" if at is None else f" in the last {(now - at) / 60:.0f} min"
        counts = f"{rows - rows_told} rows and {values - values_told} values of Slurm's answers about {name} could not be read{since}"
        self._log.warning("%s, one of them: %s. They count as unknown", counts, reading.first)
