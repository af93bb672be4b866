"""The admin's notices for all users: a file read again when it changes, a command run once per interval at most."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from ..cache import CachedQuery
from ..errors import ResourceFormError, SlurmUnavailable
from ..i18n import N_
from ..slurm.runner import Runner, last_line
from .notices import EMPTY_BOARD, Board, NoticesFile, parse_notices
from .watched_file import ToldFile

TIMEOUT_SECONDS = 10.0
PATIENCE_SECONDS = 0.5


class NoticeBoard:
    """The announcements of ``notices_file`` and ``notices_command``, together.

    Parameters
    ----------
    path
        The file; empty for none.
    command
        argv, its first word an absolute path; empty for none. Its output is what could stand in the file.
    runner
        Starts it, as the Hub's own user.
    interval
        Seconds for which its answer is fresh.
    """

    def __init__(
        self,
        path: str,
        command: Sequence[str],
        *,
        runner: Runner,
        interval: Callable[[], float],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], float] = time.time,
        jitter: float = 0.0,
    ) -> None:
        self.command = tuple(command)
        self._file = ToldFile(NoticesFile(path), "notices", log) if path else None
        self._runner = runner
        self._told: CachedQuery[Board] = CachedQuery("notices", self._ask, interval, log=log, clock=clock, jitter=jitter, sparing=True)

    async def current(self, patience: float | None = PATIENCE_SECONDS) -> Board:
        """Return what is to be said; from the last good answer where there is none within ``patience`` seconds. Never raises."""
        board = await self._of_file()
        if not self.command:
            return board
        try:
            told = (await self._told.get(patience)).value
        except ResourceFormError:
            return board
        return board.with_more(told)

    async def _of_file(self) -> Board:
        return (await self._file.latest() if self._file is not None else None) or EMPTY_BOARD

    async def _ask(self) -> Board:
        result = await self._runner.run(self.command, timeout=TIMEOUT_SECONDS)
        if not result.ok:
            raise SlurmUnavailable(
                N_("The announcements of this service cannot be read at the moment."),
                log=f"notices_command exited with {result.returncode}: {last_line(result.stderr)}",
                stderr=result.stderr,
            )
        return await asyncio.to_thread(parse_notices, result.stdout, source="the answer of notices_command")
