"""Who keeps a Hub's loop waiting: what each call of the loop's that takes long is doing meanwhile, and in whose code.

A Hub's configuration calls :func:`watch`; the test reads :func:`stalls_in`. A thread looks at the loop's thread every few milliseconds, so
what waits in a library's C code (SQLite's lock, a socket of PostgreSQL's) is seen as well.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

LOOK_SECONDS = 0.01
NOTED_SECONDS = 0.05
"""What takes less than this is not noted."""

_NAME = "stalls"
_OWN, _HUB = "/spawner/", "/jupyterhub/"
_OBJECTS = ("user.py", "spawner.py", "orm.py", "objects.py")
"""Whoever asks JupyterHub's objects for a value has it read from the database; what their coroutines do is JupyterHub's own."""


@dataclass(frozen=True)
class Stall:
    """One call of the loop's that took long: ``places`` has the seconds in each stack, from the loop's call to the innermost."""

    at: float
    seconds: float
    places: dict[str, float]

    def of(self, whose: str) -> float:
        """The seconds of it in stacks that :func:`whose_is` so."""
        return sum(seconds for stack, seconds in self.places.items() if whose_is(stack) == whose)

    def __str__(self) -> str:
        worst = sorted(self.places.items(), key=lambda item: -item[1])
        return f"{self.seconds:.2f} s: " + "; ".join(f"{seconds:.2f} s {whose_is(stack)}: {stack}" for stack, seconds in worst[:4])


def whose_is(stack: str) -> str:
    """Whose doing a stack is: ``"ours"``, ``"jupyterhub"`` or ``"other"``."""
    for line in reversed(stack.split(" > ")):
        if line.startswith("ours "):
            return "ours"
        if line.startswith("jupyterhub "):
            return "jupyterhub"
    return "other"


def stalls_in(folder: Path) -> list[Stall]:
    """What a Hub of this folder has noted so far."""
    path = folder / _NAME
    return [Stall(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


class _Watch:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = threading.get_ident()
        self._since: float | None = None
        self._places: Counter[str] = Counter()
        threading.Thread(target=self._look, daemon=True).start()

    def run(self, run: Any, handle: asyncio.Handle) -> None:
        if threading.get_ident() != self._thread:
            return run(handle)
        self._places = Counter()
        began = self._since = time.monotonic()
        try:
            run(handle)
        finally:
            self._since = None
            if (took := time.monotonic() - began) > NOTED_SECONDS:
                with self._path.open("a") as file:
                    file.write(json.dumps({"at": time.time() - took, "seconds": took, "places": self._places}) + "\n")
        return None

    def _look(self) -> None:
        before = time.monotonic()
        while True:
            time.sleep(LOOK_SECONDS)
            now, since = time.monotonic(), self._since
            if since is not None and now - since > NOTED_SECONDS / 2 and (frame := sys._current_frames().get(self._thread)):
                # A look that comes late stands for all the time since the last one, or since the call began.
                self._places[stack_of(frame)] += now - max(before, since)
            before = now


def stack_of(frame: FrameType | None) -> str:
    """Return where a thread is, of our code and JupyterHub's, from the outermost call on, as :func:`whose_is` reads it."""
    lines: list[str] = []
    while frame is not None:
        name = frame.f_code.co_filename
        for part, word in ((_OWN, "ours"), (_HUB, "jupyterhub")):
            if part in name:
                where = name.rpartition(part)[2]
                if part is _HUB and where in _OBJECTS and not frame.f_code.co_flags & inspect.CO_COROUTINE:
                    word = "object"
                lines.append(f"{word} {where}:{frame.f_lineno} {frame.f_code.co_name}")
                break
        else:
            if not lines:
                lines.append(f"{Path(name).name}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return " > ".join(reversed(lines))


def watch(folder: Path) -> None:
    """In the Hub's configuration, in the thread that will run its loop: note from now on what takes long."""
    (folder / _NAME).unlink(missing_ok=True)
    found, run = _Watch(folder / _NAME), asyncio.Handle._run
    asyncio.Handle._run = lambda handle: found.run(run, handle)  # type: ignore[method-assign]
