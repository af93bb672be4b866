"""What happens while a session starts: the port that the launcher reports, and the messages for the waiting page."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_MESSAGES = 200
"""So many are kept of one start, which may wait for days."""


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the waiting page; ``progress`` is 0 to 100 and never goes back. ``details`` are for the page's script, as JSON."""

    progress: int
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)
    at: float = field(default_factory=time.time, compare=False)
    """When it was said, in seconds since the epoch."""


class StartProgress:
    """The messages of one start, kept so that a second page or a reload sees all of them; each is said once."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, Message]] = []
        """Each with its number; one that was dropped leaves a gap."""
        self._said = 0
        self._changed = asyncio.Event()
        self._closed = False
        self._followers = 0
        self._is_watched = asyncio.Event()

    @property
    def messages(self) -> list[Message]:
        """What a page that comes now is told."""
        return [message for _number, message in self._kept]

    @property
    def latest(self) -> Message:
        """What was said last."""
        return self._kept[-1][1] if self._kept else Message(0, "")

    def say(self, progress: int, text: str, **details: Any) -> None:
        """Add a message, unless neither the text nor one of the details differs from what was said last."""
        latest = self.latest
        if text != latest.text or details != latest.details:
            self._said += 1
            self._kept.append((self._said, Message(max(progress, latest.progress), text, details)))
            if len(self._kept) > MAX_MESSAGES:
                del self._kept[self._least_missed()]
            self._wake()

    def _least_missed(self) -> int:
        """Where the oldest message stands that repeats the text before it, with other details; without one, the second oldest."""
        texts = [message.text for _number, message in self._kept]
        return next((place for place in range(1, len(texts) - 1) if texts[place] == texts[place - 1]), 1)

    def look(self) -> None:
        """Note that somebody looks at the page now, who may not follow the messages."""
        self._is_watched.set()

    async def until_watched(self) -> None:
        """Wait until somebody follows the messages, or has looked since this was asked the last time."""
        await self._is_watched.wait()
        if not self._followers:
            self._is_watched.clear()

    def close(self) -> None:
        """End the messages: no more will come."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self) -> AsyncIterator[Message]:
        """Yield all messages from the first, then each new one, until the start is over."""
        shown = 0
        self._followers += 1
        self.look()
        try:
            while True:
                changed = self._changed
                for number, message in [entry for entry in self._kept if entry[0] > shown]:
                    yield message
                    shown = number
                if shown < self._said:
                    continue
                if self._closed:
                    return
                await changed.wait()
        finally:
            self._followers -= 1


class PortReport:
    """The place where the launcher's report of the port arrives: one report, while somebody waits for it."""

    def __init__(self) -> None:
        self.port: int | None = None
        self._closed = False
        self._arrived = asyncio.Event()

    def accept(self, port: int) -> bool:
        """Take the port; return False if there was one already or nobody waits any more."""
        if self._closed or self.port is not None:
            return False
        self.port = port
        self._arrived.set()
        return True

    def close(self) -> None:
        """Take no report any more, and let go whoever waits for one."""
        self._closed = True
        self._arrived.set()

    async def wait(self, seconds: float) -> int | None:
        """Wait for the port and return it as soon as it is there; None after ``seconds``."""
        # Not wait_for: up to Python 3.11 it may swallow the cancellation of a start whose report arrives in the same moment.
        waiter = asyncio.ensure_future(self._arrived.wait())
        try:
            await asyncio.wait({waiter}, timeout=seconds)
        finally:
            waiter.cancel()
        return self.port
