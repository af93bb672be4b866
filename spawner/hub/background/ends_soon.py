"""Who is told that the time of their session is up soon: one look every half minute at what the Hub knows, which costs Slurm nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ...session.session import Session
from ...slurm.states import RUNNING
from ..common import cluster_of, spawners_of
from ..own_spawner import own_spawner
from ..protocol import FormSpawner, HubApplication, HubSpawner, Log
from ..sessions.storage import Storage
from ..sessions.tell import channels_of, tell_ends_soon
from ..state import HubState

LOOK_SECONDS = 30.0
AT_ONCE = 50
"""After so many sessions others get their turn on the Hub's loop."""

SAME_END_SECONDS = 60
"""Limits are whole minutes: what differs by less is no other end."""


async def watch_ends(app: HubApplication) -> None:
    """Watch the sessions of this Hub until it ends."""
    storage = Storage.in_hub(HubState.of(app), app.db, cluster_of(app), app.log)

    def spawners() -> Iterable[HubSpawner]:
        return spawners_of(app) if storage.can_look_at(list(app.users.values())) else []

    await watch(spawners, app.log)


async def watch(spawners: Callable[[], Iterable[HubSpawner]], log: Log) -> None:
    """Look until the Hub ends. ``spawners`` are all of the Hub's, as they are at the moment of the call."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await look(spawners())
        except Exception:  # the next look may do better
            log.exception("The look for sessions that end soon failed")


async def look(spawners: Iterable[HubSpawner]) -> None:
    """Tell the users of all sessions that end soon and that have not been told of this end."""
    for number, spawner in enumerate(spawners, 1):
        own = own_spawner(spawner)
        if own is not None and own.session is not None and spawner.ready and channels_of(spawner) is not None:
            _look_at(own, own.session)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)


def _look_at(spawner: FormSpawner, session: Session) -> None:
    if session.end is not None:
        return
    record, job = session.record, session.listed_job()
    if job is None or job.state not in RUNNING or not (job.start and job.end):
        return
    soon, now = spawner.message_end_minutes * 60, session.cluster.clock()
    ends = record.by_hubs_clock(job.end)
    if not 0 < ends - now <= soon or job.end - job.start <= soon or abs(job.end - record.told_end) < SAME_END_SECONDS:
        return
    session.remember(told_end=job.end)
    tell_ends_soon(spawner, session, ends)
