"""What a terminal shows of a start: a line for each thing that happens, and on a terminal one that moves while nothing does."""

from __future__ import annotations

import shutil
import threading
import time
from typing import IO

from .hub_client import plain

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
FRAME_SECONDS = 0.1


class Progress:
    """Lines on a stream. On a terminal the last one has a spinner and the time in front, and is written over by what comes next.

    Elsewhere there are whole lines and no control characters. To be used as a context: afterwards the terminal is as it was.
    """

    def __init__(self, stream: IO[str], *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._moves = not quiet and stream.isatty()
        self._begun = time.monotonic()
        self._line = ""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Progress:
        if self._moves:
            self._thread = threading.Thread(target=self._spin, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            with self._lock:
                self._wipe()

    def say(self, text: str) -> None:
        """Tell of something, once for as long as it is the same."""
        line = plain(text).strip()
        if not line or line == self._line or self._quiet:
            return
        with self._lock:
            if not self._moves:
                self._stream.write(f"{line}\n")
            elif self._line:
                self._wipe()
                self._stream.write(f"  {self._line}\n")
            self._line = line
            self._stream.flush()

    def pause(self) -> None:
        """Leave the terminal to a question; the line that moves stands still."""
        with self._lock:
            self._wipe()
            self._moves = False

    def _wipe(self) -> None:
        if self._moves:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _spin(self) -> None:
        number = 0
        while not self._over.wait(FRAME_SECONDS):
            number += 1
            minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
            with self._lock:
                if not self._moves or not self._line:
                    continue
                width = shutil.get_terminal_size().columns - 1
                self._stream.write(f"\r\x1b[K{FRAMES[number % len(FRAMES)]} {minutes}:{seconds:02d} {self._line}"[: width + 4])
                self._stream.flush()
