"""The sessions that are given up for another request, each by one order at a time, and what its user is told where that cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ...cache import BoundedDict
from ..known import name_of
from ..protocol import HubSpawner

MAX_NOTES = 1000
"""So many sentences wait for the page that shows them, the latest."""


class Switching:
    """The orders of one Hub that are under way, and sentences for the waiting page, each of which is shown once."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._notes: BoundedDict[tuple[str, str], str] = BoundedDict(MAX_NOTES)

    def is_under_way(self, spawner: HubSpawner) -> bool:
        """Tell whether a server is being given up for another request."""
        return _key(spawner) in self._orders

    def begin(self, spawner: HubSpawner, order: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Carry an order out to its end, whoever still waits for the answer."""
        key, task = _key(spawner), asyncio.ensure_future(order)
        self._orders[key] = task
        task.add_done_callback(lambda _done: self._orders.pop(key, None))
        return task

    def note(self, spawner: HubSpawner, sentence: str) -> None:
        """Keep what the next waiting page of a server is to say."""
        self._notes[_key(spawner)] = sentence

    def take_note(self, spawner: HubSpawner) -> str:
        """Return what the waiting page is to say; once."""
        return self._notes.pop(_key(spawner), "")


def _key(spawner: HubSpawner) -> tuple[str, str]:
    return name_of(spawner.user), spawner.name
