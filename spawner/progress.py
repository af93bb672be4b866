"""What happens while a session starts: the port that the launcher reports, and the messages for the waiting page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One line of the waiting page; ``progress`` is 0 to 100 and never goes back."""

    progress: int
    text: str


class StartProgress:
    """The messages of one start, kept so that a second page or a reload sees all of them; each is said once."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._changed = asyncio.Event()
        self._closed = False

    def say(self, progress: int, text: str) -> None:
        """Add a message unless it is what was said last."""
        latest = self.messages[-1] if self.messages else Message(0, "")
        if text != latest.text:
            self.messages.append(Message(max(progress, latest.progress), text))
            self._wake()

    def close(self) -> None:
        """No more messages will come."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self) -> AsyncIterator[Message]:
        """All messages from the first, then each new one, until the start is over."""
        shown = 0
        while True:
            changed = self._changed
            while shown < len(self.messages):
                yield self.messages[shown]
                shown += 1
            if self._closed:
                return
            await changed.wait()


class PortReport:
    """Where the launcher's report of the port arrives. Takes one report, while somebody waits for it."""

    def __init__(self) -> None:
        self.port: int | None = None
        self._closed = False
        self._arrived = asyncio.Event()

    def accept(self, port: int) -> bool:
        """Take the port; False if there was one already or nobody waits any more."""
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
        """The port as soon as it is there; None after ``seconds``."""
        # Not wait_for: up to Python 3.11 it may swallow the cancellation of a start whose report arrives in the same moment.
        waiter = asyncio.ensure_future(self._arrived.wait())
        try:
            await asyncio.wait({waiter}, timeout=seconds)
        finally:
            waiter.cancel()
        return self.port
