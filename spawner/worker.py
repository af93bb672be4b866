"""The one thread beside the Hub's loop, and whose turn it is in it.

What takes long is worked out there: more threads would only take Python from the loop in turns. Users take turns, one piece of work
each, so that whoever asks for much waits for themselves.
"""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .turns import Turns

Value = TypeVar("Value")

FOR_ALL = ""
"""Whose work is for everybody: it has a turn of its own among the users'."""

working_for: contextvars.ContextVar[str] = contextvars.ContextVar("working_for", default=FOR_ALL)
"""The user for whom the Hub works now; each task has it from the one that began it."""

_thread = ThreadPoolExecutor(1, "resource-form")
_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = weakref.WeakKeyDictionary()


async def run_in_worker(compute: Callable[[], Value], *, user: str | None = None) -> Value:
    """Run ``compute`` in the thread, in the language of whoever asks, and return its result.

    It waits for the turn of ``user``, by default the one for whom the Hub works now (:data:`working_for`).
    """
    loop = asyncio.get_running_loop()
    turns = _turns.setdefault(loop, Turns(1))
    async with turns.turn(working_for.get() if user is None else user):
        return await loop.run_in_executor(_thread, contextvars.copy_context().run, compute)
