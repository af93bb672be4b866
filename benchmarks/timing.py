"""Times and stalls: how long a coroutine takes, and how long it keeps everybody else from the event loop."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

TICK_SECONDS = 0.001


@dataclass
class Samples:
    """What was measured of one question, in milliseconds.

    ``limit`` is for the median, None where there is none; ``may_stall`` takes the limit for stalls away.
    """

    name: str
    limit: float | None = None
    times: list[float] = field(default_factory=list)
    stalls: list[float] = field(default_factory=list)
    note: str = ""
    may_stall: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def stall(self) -> float:
        """The longest one."""
        return max(self.stalls, default=0.0)


class LoopWatch:
    """A task that wants to run every millisecond, and how long it had to wait.

    Time in which the machine did not run this process at all is not counted: that is somebody else's stall.
    """

    def __init__(self) -> None:
        self._longest = 0.0
        self._task = asyncio.ensure_future(self._tick())

    async def _tick(self) -> None:
        while True:
            moment, worked = time.perf_counter(), time.process_time()
            await asyncio.sleep(TICK_SECONDS)
            late = time.perf_counter() - moment - TICK_SECONDS
            self._longest = max(self._longest, min(late, time.process_time() - worked))

    async def measure(self, samples: Samples, question: Callable[[], Awaitable[object]]) -> None:
        """Ask once; the time and the longest stall meanwhile go into ``samples``."""
        await asyncio.sleep(2 * TICK_SECONDS)
        self._longest = 0.0
        begun = time.perf_counter()
        await question()
        samples.times.append(1000 * (time.perf_counter() - begun))
        await asyncio.sleep(2 * TICK_SECONDS)
        samples.stalls.append(1000 * self._longest)

    def close(self) -> None:
        self._task.cancel()


def table(rows: Sequence[Samples], stall_limit: float) -> tuple[str, bool]:
    """The rows as text, and whether all limits are kept."""
    lines, kept = [f"{'':42} {'median':>8} {'limit':>6} {'longest':>8} {'stall':>7} {'limit':>6}  calls"], True
    for row in rows:
        over = row.limit is not None and row.median > row.limit
        stalled = not row.may_stall and row.stall > stall_limit
        kept = kept and not over and not stalled
        limit = "" if row.limit is None else f"{row.limit:.0f}"
        marks = " ".join(text for text, is_so in (("TOO SLOW", over), ("STALLS", stalled)) if is_so)
        most_stall = "" if row.may_stall else f"{stall_limit:.0f}"
        lines.append(
            f"{row.name:42} {row.median:8.1f} {limit:>6} {max(row.times):8.1f} {row.stall:7.1f} {most_stall:>6}  "
            f"{len(row.times):<5} {row.note} {marks}".rstrip()
        )
    return "\n".join(lines), kept
