"""An admin's file that may change while the Hub runs: one way to read it again, and to say what is wrong with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from ..errors import ResourceFormError

Found = TypeVar("Found")


class WatchedFile(Generic[Found]):
    """A file that is read again when it has changed; while it is broken, what it said last counts.

    Parameters
    ----------
    read
        Reads it; raises ResourceFormError, whose log names the file, the line and what is wrong.
    gone
        What holds once the file is taken away; None: as where it is broken.
    on_broken
        Told once of each mistake that leaves what it said last, whoever looks first.
    """

    def __init__(
        self,
        path: str | Path,
        read: Callable[[Path], Found],
        *,
        gone: Found | None = None,
        on_broken: Callable[[ResourceFormError], object] = lambda _error: None,
    ) -> None:
        self.path = Path(path)
        self.error: ResourceFormError | None = None
        self._read = read
        self._gone = gone
        self._on_broken = on_broken
        self._found: Found | None = None
        self._stamp: tuple[int, int, int, int] | None = None

    def reload(self) -> None:
        """Read the file at the next look, whether it has changed or not."""
        self._stamp = None

    def latest(self) -> Found | None:
        """Return what the file says now, or said last; None where it never said anything. ``error`` is what is wrong with it."""
        stamp = None
        try:
            status = self.path.stat()
            # The moment of the last change of anything, rights too, besides the content's: it cannot be set back.
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        except FileNotFoundError:
            self._found = self._gone if self._gone is not None else self._found
        except OSError:
            pass  # reading it says what is wrong
        if stamp != self._stamp or stamp is None:
            self._stamp = stamp
            try:
                self._found, self.error = self._read(self.path), None
            except ResourceFormError as error:
                if self.error is None or self.error.log != error.log:
                    self.error = error
                    if self._found is not None:
                        self._on_broken(error)
        return self._found


class ToldFile(Generic[Found]):
    """A watched file that is read off the Hub's loop, and whose mistakes are told in the log, once each.

    Parameters
    ----------
    what
        What is in it, for the log: ``notices``.
    """

    def __init__(self, file: WatchedFile[Found], what: str, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        self.file = file
        self._what = what
        self._log = log
        self._reading = asyncio.Lock()

    async def latest(self) -> Found | None:
        """Return what the file says now, or said last; None where it never said anything."""
        async with self._reading:
            before = self.file.error
            # It may lie on a disk that hangs, and YAML takes its time.
            found = await asyncio.to_thread(self.file.latest)
            error = self.file.error
        if error is not None and error is not before:
            self._log.error("The %s cannot be read; those of a broken file stay as they were: %s", self._what, error.log)
        elif error is None and before is not None:
            self._log.warning("The %s can be read again: %s", self._what, self.file.path)
        return found
