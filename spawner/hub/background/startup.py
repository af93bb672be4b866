"""What begins with the Hub: JupyterHub has no hook for that moment."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from jupyterhub.app import JupyterHub

from ..protocol import HubApplication
from ..state import HubState


class BackgroundTasks:
    """The tasks that one Hub has begun and nobody waits for; asyncio itself holds on to none."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin a task, and hold on to it until it is done."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def begin_with_the_hub(
    preparations: Iterable[Callable[[HubApplication], None]], *works: Callable[[HubApplication], Coroutine[Any, Any, None]]
) -> None:
    """Have the Hub call ``preparations`` before it starts, and begin ``works`` once it has: by then it has every session from its database.

    JupyterHub's ``start`` is wrapped, once. ``works`` begin only in a Hub with a spawner of ours.
    """
    begin = JupyterHub.start
    if hasattr(begin, "__wrapped__"):
        return

    @functools.wraps(begin)
    async def start(app: Any) -> None:
        if app.generate_config or app.generate_certs or app.subapp:
            # It writes a file, or does another command's work, and ends; nothing of a Hub has been set up.
            await begin(app)
            return
        for prepare in preparations:
            prepare(app)
        await begin(app)
        if hasattr(app.spawner_class, "adopt"):
            for work in works:
                HubState.of(app).part(BackgroundTasks).begin(work(app))

    JupyterHub.start = start
