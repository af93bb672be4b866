"""What the log of a session says while its server takes long to start, and why it did not: for the waiting page, and for the refusal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import SessionFailed
from ..slurm.runner import Identity
from .log_reader import SessionLogs
from .progress import StartProgress

SLOW_SECONDS = 20.0
"""Most servers listen by then; the user of one that does not is shown the end of its log."""

RETRY_SECONDS = 10.0
LOOK_SECONDS = 2.0
LINES_OF_A_SLOW_START = 5
LINES_OF_A_FAILURE = 3
PATIENCE_SECONDS = 3.0
NEVER_RAN = frozenset({"NOT_SUBMITTED", "NEVER_STARTS", "QUEUE_TIMEOUT"})
"""Ends of sessions whose jobs have no log."""


@dataclass(frozen=True, slots=True)
class StartupLog:
    """The end of the log of ``identity``'s job, in so far as it tells something. No start waits long for it, and none fails by it."""

    logs: SessionLogs
    identity: Identity
    job_id: int
    state_home: str = ""

    @contextlib.contextmanager
    def shown_if_slow(self, progress: StartProgress, runs: Callable[[], bool]) -> Iterator[None]:
        """Give messages of the start the lines as ``log``, within, once the job runs and does not listen for :data:`SLOW_SECONDS`.

        Parameters
        ----------
        runs
            Whether the job runs, as far as is known now; it is called often.
        """
        showing = asyncio.ensure_future(self._show(progress, runs))
        try:
            yield
        finally:
            showing.cancel()

    async def _show(self, progress: StartProgress, runs: Callable[[], bool]) -> None:
        clock = asyncio.get_running_loop().time
        since: float | None = None
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not runs():
                since = None
            elif since is None:
                since = clock()
            elif clock() - since >= SLOW_SECONDS:
                lines = await self._lines(LINES_OF_A_SLOW_START)
                if lines:
                    latest = progress.latest
                    progress.say(latest.progress, latest.text, **{**latest.details, "log": list(lines)})
                await asyncio.sleep(RETRY_SECONDS)

    async def explained(self, failure: SessionFailed, end: str) -> SessionFailed:
        """Return ``failure`` with the lines that say why as its details, where the job may have run before this ``end``."""
        if end in NEVER_RAN or failure.details:
            return failure
        lines = await self._lines(LINES_OF_A_FAILURE)
        return SessionFailed(failure.sentence, details=lines, log=failure.log, label=failure.label) if lines else failure

    async def _lines(self, max_lines: int) -> tuple[str, ...]:
        return await self.logs.telling_lines(
            self.identity, self.job_id, max_lines=max_lines, state_home=self.state_home, patience=PATIENCE_SECONDS
        )
