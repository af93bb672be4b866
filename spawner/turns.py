"""Turns: what not everybody can have at once is had by users in turns, one after the other, however often each of them asks."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """So many places, ``in_all`` and of each user. Who finds none waits; the users in line have the next ones in rotation."""

    def __init__(self, in_all: int, of_a_user: int | None = None) -> None:
        self._in_all = in_all
        self._of_a_user = of_a_user or in_all
        self._taken: Counter[str] = Counter()
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(len(line) for line in self._lines.values())

    def is_free(self, user: str) -> bool:
        """Tell whether a user would have a place at once."""
        return self._has_room(user) and not any(self._has_room(other) for other in self._lines)

    def _has_room(self, user: str) -> bool:
        return self._taken.total() < self._in_all and self._taken[user] < self._of_a_user

    @asynccontextmanager
    async def turn(self, user: str, *, at_most: float | None = None) -> AsyncIterator[None]:
        """Wait for a place, and have it for as long as the context lasts.

        After ``at_most`` seconds somebody else may have it too.
        """
        loop = asyncio.get_running_loop()
        place = loop.create_future()
        self._lines.setdefault(user, deque()).append(place)
        self._go_on()
        try:
            await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._go_on()
            else:
                self._give_back(user)
            raise
        is_back = False

        def give_back() -> None:
            nonlocal is_back
            if not is_back:
                is_back = True
                self._give_back(user)

        timer = loop.call_later(at_most, give_back) if at_most is not None else None
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
            give_back()

    def _give_back(self, user: str) -> None:
        self._taken[user] -= 1
        if not self._taken[user]:
            del self._taken[user]
        self._go_on()

    def _go_on(self) -> None:
        for user in list(self._lines):
            line = self._lines[user]
            while line and line[0].done():  # whoever waited has gone
                line.popleft()
            if line and self._has_room(user):
                self._taken[user] += 1
                line.popleft().set_result(None)
                self._lines.move_to_end(user)
            if not line:
                del self._lines[user]
