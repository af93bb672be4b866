"""Stops that JupyterHub could not bring to their end, for its database took nothing: made up for once it does.

What JupyterHub could not store of a stop it takes back: the server is "ready" again, without a job, or goes on stopping for ever
(docs/jupyterhub-facts.md#stops-that-cannot-be-stored).
"""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from jupyterhub import orm
from sqlalchemy.orm import object_session

from ..database import Transaction
from ..protocol import StartingSpawner
from ..sessions.storage import Storage
from ..state import HubState

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 10.0
"""So long JupyterHub may take from the end of a session until it has stored it: it takes the server's address away meanwhile."""


class UnfinishedStops:
    """The servers of one Hub whose sessions are over, until JupyterHub has stored that."""

    def __init__(self) -> None:
        self._over_since: dict[StartingSpawner, float] = {}
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, spawner: StartingSpawner) -> UnfinishedStops:
        """Return those of the Hub that a spawner belongs to."""
        return HubState.of(spawner).part(cls)

    def watch(self, spawner: StartingSpawner) -> None:
        """See to it that JupyterHub stores that this server is stopped: its session is over."""
        self._over_since[spawner] = asyncio.get_running_loop().time()
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._over_since:
            await asyncio.sleep(LOOK_SECONDS)
            for spawner, since in list(self._over_since.items()):
                if spawner.is_stopped.is_set():
                    self._over_since.pop(spawner)
                # JupyterHub's handler has put its own future there while it stops the server.
                elif loop.time() - since >= PATIENCE_SECONDS and getattr(spawner, "_stop_future", None) is None:
                    try:
                        await self._finish(spawner)
                    except Exception:  # whatever it was, it is tried again
                        spawner.log.exception("The end of a session could not be stored")

    async def _finish(self, spawner: StartingSpawner) -> None:
        db = object_session(spawner.orm_spawner)
        if db is None:
            self._over_since.pop(spawner)
            return
        if not db.is_active:
            db.rollback()  # as JupyterHub does it with the next request
        try:
            Storage.of(spawner).write(lambda own: _touch(own, spawner))
        except Exception:  # noqa: BLE001 - the next look tries again; nothing is read through JupyterHub's session before it is back
            return
        user, name = spawner.user, spawner.name
        if spawner.server is None or user.spawners.get(name) is not spawner:
            self._over_since.pop(spawner)
            return
        spawner.log.warning("That %s is stopped could not be stored before; it is now", spawner.log_name)
        self.watch(spawner)
        await HubState.of(spawner).settings["proxy"].delete_user(user, name)
        await user.stop(name)


def _touch(own: Transaction, spawner: StartingSpawner) -> None:
    """Write what is there: only a database that takes this takes what JupyterHub has to store."""
    table, identity = orm.Spawner.__table__, sa.inspect(spawner.orm_spawner).identity
    if identity is not None:
        own.execute(sa.update(table).where(table.c.id == identity[0]).values(name=table.c.name))
