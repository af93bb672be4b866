"""What is worked out of Slurm's answers: once for each answer, off the Hub's loop, for everybody who asks meanwhile."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Value = TypeVar("Value")

_worker = ThreadPoolExecutor(1, "resource-form")


async def off_loop(compute: Callable[[], Value]) -> Value:
    """``compute`` in a thread, in the language of whoever asks. One thread for all: more would only take Python from the loop in turns."""
    return await asyncio.get_running_loop().run_in_executor(_worker, contextvars.copy_context().run, compute)


class Derived(Generic[Value]):
    """The latest ``most`` results, each with what it was worked out of."""

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self._kept: dict[Hashable, asyncio.Future[Value]] = {}

    async def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """The result for ``key``, by ``compute`` in a thread if there is none yet. What it raises is raised, and not kept."""
        found = self._kept.get(key)
        if found is None or found.cancelled():
            found = asyncio.ensure_future(off_loop(compute))
            self._kept[key] = found
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
        try:
            return await asyncio.shield(found)
        except Exception:
            self._kept.pop(key, None)
            raise
