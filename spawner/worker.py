"""The one thread beside the Hub's loop, and whose turn it is in it.

What takes long is worked out there: more threads would only take Python from the loop in turns. Users take turns, one piece of work
each, so that whoever asks for much waits for themselves.
"""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Value = TypeVar("Value")

FOR_ALL = ""
"""Whose work is for everybody: it has a turn of its own among the users'."""

working_for: contextvars.ContextVar[str] = contextvars.ContextVar("working_for", default=FOR_ALL)
"""The user for whom the Hub works now; each task has it from the one that began it."""

_thread = ThreadPoolExecutor(1, "resource-form")


class FairWorker:
    """The work that one event loop has given to the thread: a line for each user, served in turns."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lines: OrderedDict[str, deque[tuple[asyncio.Future[Any], Callable[[], Any]]]] = OrderedDict()
        self._is_busy = False

    def line_up(self, user: str, compute: Callable[[], Value]) -> asyncio.Future[Value]:
        """Have ``compute`` run in the thread once it is this user's turn; return its future result."""
        result: asyncio.Future[Value] = self._loop.create_future()
        self._lines.setdefault(user, deque()).append((result, compute))
        self._go_on()
        return result

    def _go_on(self) -> None:
        while self._lines and not self._is_busy:
            user, line = self._lines.popitem(last=False)
            result, compute = line.popleft()
            if line:
                self._lines[user] = line  # at the end: the others come first
            if not result.done():
                self._is_busy = True
                _thread.submit(compute).add_done_callback(lambda done, result=result: self._hand_over(done, result))  # type: ignore[misc]

    def _hand_over(self, done: Future[Any], result: asyncio.Future[Any]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish, done, result)

    def _finish(self, done: Future[Any], result: asyncio.Future[Any]) -> None:
        self._is_busy = False
        if not result.done():
            error = done.exception()
            if error is None:
                result.set_result(done.result())
            else:
                result.set_exception(error)
        self._go_on()


_workers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, FairWorker] = weakref.WeakKeyDictionary()


async def run_in_worker(compute: Callable[[], Value], *, user: str | None = None) -> Value:
    """Run ``compute`` in the thread, in the language of whoever asks, and return its result.

    It waits for the turn of ``user``, by default the one for whom the Hub works now (:data:`working_for`).
    """
    loop = asyncio.get_running_loop()
    worker = _workers.get(loop)
    if worker is None:
        worker = _workers[loop] = FairWorker(loop)
    context = contextvars.copy_context()
    return await worker.line_up(working_for.get() if user is None else user, lambda: context.run(compute))
