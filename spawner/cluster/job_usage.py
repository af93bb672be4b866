"""What sessions use of CPU and memory while somebody looks at them: one sstat for all of them, once a minute at most, else none.

For each job sstat speaks to the controller and to a node, so only those are asked about whose own users have a page open, and a limited
number at once. Who may not ask (only root and SlurmUser may, about other people's jobs) asks rarely, and nobody is shown anything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from ..cache import CachedQuery
from ..errors import ResourceFormError, SlurmUnavailable
from ..i18n import N_
from ..slurm.runner import Runner, last_line
from ..slurm.sstat import MAX_AT_ONCE, REFUSALS, StepUsage, parse_usage, show_usage
from .readings import Readings

REFUSED_SECONDS = 3600.0
"""Where the Hub may not ask, or Slurm does not measure, it is tried again after so long."""

FAILED_SECONDS = 600.0
"""Where sstat does not answer."""

STRETCH_WHILE_STARTING = 2.0
"""While sessions start, Slurm is asked for the list of jobs more often."""

BUSY_SECONDS = 60.0

FRESH_INTERVALS = 3.0
"""What is older says nothing about now."""


@dataclass(frozen=True, slots=True)
class Usage:
    """The resources that a running session uses.

    ``cores`` is the number of cores that were busy, on average since it was measured before; the first time, since the job started.
    ``memory_mb`` is what its processes have in memory at the moment of the question (no peak), in MB. None for what is not known.
    """

    cores: float | None
    memory_mb: int | None


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a job's steps had used at a moment, and what that was since the moment before."""

    at: float
    steps: Mapping[str, StepUsage]
    usage: Usage


def usage_between(
    steps: Mapping[str, StepUsage], at: float, before: Mapping[str, StepUsage], since: float | None, *, resolution: float = 1.0
) -> Usage:
    """Return what a job used from ``since`` to ``at`` (seconds since the epoch; None if its beginning is not known).

    Parameters
    ----------
    before
        The steps as they were at ``since``; empty where that is the job's start.
    resolution
        Seconds: no average is taken over less than five times that, for Slurm counts whole seconds.
    """
    memory = [step.memory_mb for step in steps.values() if step.memory_mb is not None]
    cores = None
    if since is not None and at - since >= 5 * resolution:
        used = [
            max(0, step.cpu_seconds - (before[name].cpu_seconds or 0 if name in before else 0))
            for name, step in steps.items()
            if step.cpu_seconds is not None
        ]
        cores = round(sum(used) / (at - since), 1) if used else None
    return Usage(cores, sum(memory) if memory else None)


class UsageOfSessions:
    """The resources that those sessions use which somebody looks at.

    Parameters
    ----------
    interval
        Seconds between two questions at least; 0 asks none.
    is_starting
        Whether a session starts: then there is more time between them.
    started
        When a job started, in seconds since the epoch; None where nobody knows, or it does not run.
    readings
        Reads the answers.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        interval: Callable[[], float],
        started: Callable[[int], float | None],
        is_starting: Callable[[], bool] = lambda: False,
        timeout: Callable[[], float] = lambda: 60.0,
        clock: Callable[[], float] = time.time,
        jitter: float = 0.0,
        readings: Readings | None = None,
    ) -> None:
        self._runner = runner
        self._log = log
        self._readings = readings or Readings(log=log, clock=clock)
        self._interval = interval
        self._started = started
        self._is_starting = is_starting
        self._timeout = timeout
        self._clock = clock
        self._looked_at: dict[int, float] = {}
        self._measured: dict[int, _Measured] = {}
        self._pause: float | None = None
        self._query: CachedQuery[float] = CachedQuery(
            "what sessions use", self._ask, self._interval_now, log=log, clock=clock, jitter=jitter
        )

    @property
    def asked(self) -> int:
        """The number of questions that Slurm got."""
        return self._query.fetches

    @property
    def is_busy(self) -> bool:
        """Whether Slurm has been asked within the last minute."""
        return 0 <= self._clock() - self._query.as_of < BUSY_SECONDS

    def _interval_now(self) -> float:
        if self._pause is not None:
            return max(self._pause, self._interval())
        return self._interval() * (STRETCH_WHILE_STARTING if self._is_starting() else 1.0)

    async def look(self, job_ids: Iterable[int], patience: float = 0.0) -> None:
        """Have Slurm asked about these running jobs, at which somebody looks, if that is due; wait so many seconds for what it says."""
        if self._interval() <= 0:
            return
        running = [job_id for job_id in job_ids if self._started(job_id) is not None]
        self._looked_at.update(dict.fromkeys(running, self._clock()))
        if running:
            with suppress(ResourceFormError):
                await self._query.get(patience)

    def of(self, job_id: int) -> Usage | None:
        """Return what the job uses, as it was measured last; None where that is not known, or too long ago."""
        measured = self._measured.get(job_id)
        oldest = self._clock() - FRESH_INTERVALS * self._interval() * STRETCH_WHILE_STARTING
        return measured.usage if measured is not None and measured.at >= oldest else None

    async def _ask(self) -> float:
        """One question about those that are looked at, the longest unasked first; when that was."""
        now = self._clock()
        # A stream looks each second; what nobody has looked at since the last question is not asked about.
        recently = now - max(self._interval(), 5.0)
        self._looked_at = {number: at for number, at in self._looked_at.items() if at >= recently}
        wanted = [number for number in self._looked_at if self._started(number) is not None]
        wanted.sort(key=lambda number: self._measured[number].at if number in self._measured else 0.0)
        if not wanted:
            return now
        pause: float | None = None
        try:
            self._take(*await self._answer(wanted[:MAX_AT_ONCE]))
        except SlurmUnavailable as error:
            pause = REFUSED_SECONDS if any(words in error.stderr for words in REFUSALS) else FAILED_SECONDS
            self._say(pause, error)
        except ResourceFormError as error:
            pause = FAILED_SECONDS
            self._say(pause, error)
        self._pause = pause
        return now

    async def _answer(self, wanted: list[int]) -> tuple[float, dict[int, dict[str, StepUsage]]]:
        result = await self._runner.run(show_usage(wanted), timeout=self._timeout())
        refused = any(words in result.stderr for words in REFUSALS)
        if not result.stdout.strip() and (refused or not result.ok):
            raise SlurmUnavailable(
                N_("Slurm does not answer at the moment."),
                log=f"sstat exited with {result.returncode}: {last_line(result.stderr)}",
                stderr=result.stderr,
            )
        answer, _reading = await self._readings.parse("what jobs use", result.stdout, parse_usage)
        return self._clock(), answer

    def _say(self, pause: float, error: ResourceFormError) -> None:
        if self._pause is None:
            self._log.warning("What sessions use of CPU and memory is not shown, and asked for every %.0f min: %s", pause / 60, error.log)

    def _take(self, at: float, answer: Mapping[int, Mapping[str, StepUsage]]) -> None:
        measured = {number: known for number, known in self._measured.items() if self._started(number) is not None}
        for number, steps in answer.items():
            started = self._started(number)
            if started is None:
                continue
            known = measured.get(number)
            before = known if known is not None and known.at > started else None
            usage = usage_between(steps, at, before.steps if before else {}, before.at if before else started)
            measured[number] = _Measured(at, steps, usage)
        self._measured = measured
