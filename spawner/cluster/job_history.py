"""What slurmdbd knows of jobs that are over, asked afterwards: one sacct for all that wait, seldom, and only when something has ended.

slurmdbd hears of an end seconds after squeue shows it, or minutes where it is busy; so the same jobs are asked for a few times, with
growing pauses, and then no more. Where it is away, or there is none, what squeue said stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import ResourceFormError, SlurmUnavailable
from ..slurm.runner import Runner, read
from ..slurm.sacct import MAX_AT_ONCE, FinishedJob, parse_finished, show_finished
from ..slurm.sacctmgr import has_no_accounting
from .readings import Readings

FIRST_SECONDS = 3.0
"""slurmctld hands its news to slurmdbd well within this time where nothing is in the way (measured on 22.05.8: below a second)."""

PAUSES_SECONDS = (20.0, 40.0, 80.0, 160.0, 320.0)
"""After an answer that does not have the job's end yet; after the last of them it is given up."""

IDLE_SECONDS = 300.0
"""What nobody waits for is asked for after so long, with what is asked for anyway."""

MIN_INTERVAL_SECONDS = 20.0
"""Questions are so far apart at least, however many sessions end."""

MIN_INTERVAL_WHILE_STARTING_SECONDS = 40.0
"""As :data:`MIN_INTERVAL_SECONDS` while sessions start: then Slurm is asked for the list of jobs more often."""

BUSY_SECONDS = 60.0

WITHOUT_SECONDS = 3600.0
"""Where there is no accounting, nothing is asked for so long."""

MAX_WAITING = 5_000
"""A Hub that loses all of its sessions at once is told of this many."""


@dataclass(slots=True)
class _Waiting:
    """A job that is asked for: when next (in the loop's time), how often it was, and who is told."""

    due: float
    is_it: Callable[[FinishedJob], bool]
    then: Callable[[FinishedJob], None]
    asked: int = 0


class JobHistory:
    """The questions to slurmdbd about ended jobs, on behalf of all sessions.

    Parameters
    ----------
    min_interval
        Seconds between two questions at least.
    timeout
        Seconds after which a question is given up.
    readings
        Reads the answers.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], float] = time.time,
        min_interval: Callable[[], float] = lambda: MIN_INTERVAL_SECONDS,
        timeout: Callable[[], float] = lambda: 60.0,
        readings: Readings | None = None,
    ) -> None:
        self.asked = 0
        """The number of questions that slurmdbd got."""
        self._runner = runner
        self._log = log
        self._clock = clock
        self._min_interval = min_interval
        self._timeout = timeout
        self._readings = readings or Readings(log=log, clock=clock)
        self._waiting: dict[int, _Waiting] = {}
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._not_before = 0.0
        self._asked_at: float | None = None
        self._without_since: float | None = None

    @property
    def waiting(self) -> frozenset[int]:
        """The ids of the jobs whose ends slurmdbd has not told yet."""
        return frozenset(self._waiting)

    @property
    def is_busy(self) -> bool:
        """Whether slurmdbd has been asked within the last minute."""
        return self._asked_at is not None and 0 <= self._clock() - self._asked_at < BUSY_SECONDS

    def expect(
        self,
        job_id: int,
        then: Callable[[FinishedJob], None],
        *,
        is_it: Callable[[FinishedJob], bool] = lambda _job: True,
        soon: bool = True,
    ) -> None:
        """Call ``then`` once slurmdbd tells of the job's end, if it does. Returns at once; a second call for a job replaces the first.

        Parameters
        ----------
        is_it
            Whether a job of this id is the one that is meant: ids are used again after a controller lost its state.
        soon
            Somebody wants to know. Else it is asked for when others are, or some minutes later.
        """
        if job_id < 1 or self._has_no_accounting() or (job_id not in self._waiting and len(self._waiting) >= MAX_WAITING):
            return
        loop = asyncio.get_running_loop()
        self._waiting[job_id] = _Waiting(loop.time() + (FIRST_SECONDS if soon else IDLE_SECONDS), is_it, then)
        self._changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._ask_until_told())

    def _has_no_accounting(self) -> bool:
        return self._without_since is not None and 0 <= self._clock() - self._without_since < WITHOUT_SECONDS

    async def _ask_until_told(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            self._changed.clear()
            pause = max(self._not_before, min(entry.due for entry in self._waiting.values())) - loop.time()
            if pause > 0:
                # An end that is wanted soon comes before those that are not.
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), pause)
                continue
            await self._ask()

    async def _ask(self) -> None:
        """One question, for all whose turn it is and for as many of the others as there is room for."""
        loop = asyncio.get_running_loop()
        batch = sorted(self._waiting, key=lambda number: self._waiting[number].due)[:MAX_AT_ONCE]
        meant = {number: self._waiting[number] for number in batch}
        self.asked += 1
        self._asked_at = self._clock()
        answer: Mapping[int, FinishedJob] = {}
        try:
            text = await read(self._runner, show_finished(batch), timeout=self._timeout())
            answer, _reading = await self._readings.parse("ended jobs", text, parse_finished)
        except SlurmUnavailable as error:
            if has_no_accounting(error.stderr):
                self._log.info("Slurm keeps no accounts here: why sessions end is told from squeue alone")
                self._without_since = self._clock()
                self._waiting.clear()
                return
            self._log.info("slurmdbd was asked about %d ended jobs and does not answer: %s", len(batch), error.log)
        except ResourceFormError as error:
            self._log.warning("What slurmdbd says of ended jobs cannot be used: %s", error.log)
        except Exception:  # noqa: BLE001 - whatever it is, squeue's word stands and the log has it
            self._log.exception("Asking slurmdbd about ended jobs failed unexpectedly")
        finally:
            self._not_before = loop.time() + self._min_interval()
        for number, entry in meant.items():
            if self._waiting.get(number) is entry:
                self._take(number, entry, answer.get(number))

    def _take(self, number: int, entry: _Waiting, job: FinishedJob | None) -> None:
        if job is not None and job.is_over and entry.is_it(job):
            del self._waiting[number]
            try:
                entry.then(job)
            except Exception:  # noqa: BLE001 - one session's end must not cost the others theirs
                self._log.exception("What slurmdbd says of job %s could not be taken down", number)
        elif entry.due > asyncio.get_running_loop().time():
            return  # it was asked for before its turn, along with others
        elif entry.asked >= len(PAUSES_SECONDS):
            del self._waiting[number]
            self._log.info("slurmdbd has told nothing of the end of job %s; it is not asked any more", number)
        else:
            entry.due = asyncio.get_running_loop().time() + PAUSES_SECONDS[entry.asked]
            entry.asked += 1
