"""A session of an earlier run of the Hub, as JupyterHub asks about it after a restart: gone on with, or over."""

from __future__ import annotations

import asyncio
from typing import Any

from ...session.session import Session
from ..protocol import StartingSpawner
from .ended import record_end
from .storage import store_address


async def is_taken_up(spawner: StartingSpawner, session: Session) -> bool:
    """Go on where the earlier run left off; return False if the session is over.

    What the earlier run knew of the address may not have reached JupyterHub's own tables.
    """
    endpoint = session.endpoint or await _take_up(spawner, session)
    if endpoint is None or spawner.server is None:
        record_end(spawner, session)
        return False
    spawner.ip, spawner.port = endpoint
    if (spawner.server.ip, spawner.server.port) != endpoint:
        store_address(spawner, *endpoint)
    return True


async def _take_up(spawner: StartingSpawner, session: Session) -> tuple[str, int] | None:
    """As :meth:`Session.take_up`; meanwhile JupyterHub finds a start under way that its Stop can interrupt, and that pages follow."""
    # spawner._spawn_future and _check_pending are JupyterHub's own, which its handlers and its start set as well.
    under_way: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def interrupted(under_way: asyncio.Future[None]) -> None:
        if under_way.cancelled():
            spawner._check_pending = False  # noqa: SLF001
            spawner._spawn_future = None  # noqa: SLF001

    under_way.add_done_callback(interrupted)
    spawner._spawn_future = under_way  # noqa: SLF001
    taken_up = asyncio.ensure_future(session.take_up())
    either: set[asyncio.Future[Any]] = {taken_up, under_way}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not under_way.cancelled():
            return await taken_up
    finally:
        taken_up.cancel()
        if not under_way.done():
            under_way.set_result(None)
        if spawner._spawn_future is under_way:  # noqa: SLF001
            spawner._spawn_future = None  # noqa: SLF001
    # An answer before the stop is over makes JupyterHub stop a second time; one long after it, what was started since.
    await spawner.is_stopped.wait()
    return None
