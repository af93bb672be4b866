"""What the Hub does about jobs without a session, from its start on: adopts, cancels or reports them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from jupyterhub import orm

from ...errors import ResourceFormError
from ...job.sbatch import signing_key
from ...session.orphans import Orphan, Sweep
from ...session.session import Session
from ..common import cluster_of
from ..protocol import HubApplication, HubSpawner, HubUser
from ..state import HubState
from .startup import BackgroundTasks


class AdoptingSpawners:
    """The spawners of one Hub that wait for an adopted job to report, by the job's nonce."""

    def __init__(self) -> None:
        self.by_nonce: dict[str, HubSpawner] = {}

    def of_token(self, token: str) -> HubSpawner | None:
        """Return the spawner that waits for a report with ``token``, which JupyterHub may have forgotten; None where none does."""
        return next((spawner for spawner in self.by_nonce.values() if spawner.owns_token(token)), None)


async def sweep_orphans(app: HubApplication) -> None:
    """Look for jobs without a session until the Hub ends."""
    await Sweeper(app).run()


class Sweeper:
    """The Hub's own sweep."""

    def __init__(self, app: HubApplication) -> None:
        self.app = app
        self.log = app.log
        self.cluster = cluster_of(app)
        self._adopting = HubState.of(app).part(AdoptingSpawners).by_nonce
        self._tasks = HubState.of(app).part(BackgroundTasks)
        self._sweep = Sweep(self.cluster, signing_key(app.cookie_secret))
        self._settled: set[str] = set()

    async def run(self) -> None:
        """Sweep until the Hub ends."""
        while True:
            try:
                await self.sweep()
            except ResourceFormError as error:
                self.log.warning("Jobs without a session cannot be looked for now: %s", error.log)
            except Exception:  # the next sweep may do better, and the Hub must not go without any
                self.log.exception("The sweep for jobs without a session failed")
            await asyncio.sleep(self._sweep.grace if self._sweep.suspects else self.cluster.sweep_interval)

    async def sweep(self) -> None:
        """Look once for jobs without a session, and do what follows from it.

        Raises
        ------
        ResourceFormError
            Slurm does not answer.
        """
        orphans = await self._sweep.look(lambda: set(self._owned()))
        self._settled &= {orphan.tag.nonce for orphan in orphans}
        for orphan in orphans:
            if self.cluster.orphaned_jobs == "cancel":
                self._tasks.begin(self._cancel(orphan))
            elif orphan.tag.nonce not in self._settled:
                obstacle = self._adopt(orphan) if self.cluster.orphaned_jobs == "adopt" else "SlurmCluster.orphaned_jobs says so"
                if obstacle:
                    self._report(orphan, obstacle)

    def _owned(self) -> Iterator[str]:
        for user in self.app.users.values():
            for spawner in user.spawners.values():
                session = getattr(spawner, "session", None)
                if session is not None and spawner.active:
                    yield session.record.nonce

    def _report(self, orphan: Orphan, obstacle: str) -> None:
        self._settled.add(orphan.tag.nonce)
        self.log.warning(
            "%s carries this Hub's name and belongs to no session; it is left alone (%s). To end it: scancel --user=%s %s",
            str(orphan).capitalize(),
            obstacle,
            orphan.tag.user,
            orphan.job.job_id,
        )

    async def _cancel(self, orphan: Orphan) -> None:
        self.log.warning("%s belongs to no session; it is cancelled (SlurmCluster.orphaned_jobs)", str(orphan).capitalize())
        session = Session(self.cluster, orphan.tag.user, keep=lambda: None, name=f"{orphan}, an orphan", log=self.log, record=orphan.record)
        try:
            await asyncio.wait_for(session.stop(), self.cluster.sweep_interval)
        except (ResourceFormError, asyncio.TimeoutError) as error:
            self.log.warning("%s could not be cancelled: %s. The next sweep tries again.", str(orphan).capitalize(), error)

    def _adopt(self, orphan: Orphan) -> str:
        """Begin to make it a session again; or why that cannot be, for the log."""
        tag = orphan.tag
        orm_user = orm.User.find(self.app.db, tag.user)
        if orm_user is None:
            return "the Hub knows no such user yet"
        if tag.server and not self.app.allow_named_servers:
            return "named servers are not allowed"
        user = self.app.users[orm_user]
        spawner = user.spawners[tag.server]
        if tag.nonce in self.cluster.ended:
            return "its session has ended"
        if spawner.active:
            return "the user has another session in its place"
        self.log.warning("%s belongs to no session; it is adopted", str(orphan).capitalize())
        self._settled.add(tag.nonce)
        spawner.adopt(orphan.record)
        self._adopting[tag.nonce] = spawner
        spawner._spawn_pending = True  # noqa: SLF001 - as JupyterHub's own handler of a start does
        future = spawner._spawn_future = asyncio.ensure_future(self._start(user, spawner, orphan))  # noqa: SLF001
        future.add_done_callback(lambda _done: self._started(spawner, orphan))
        return ""

    async def _start(self, user: HubUser, spawner: HubSpawner, orphan: Orphan) -> None:
        """What JupyterHub does for a start that a user asked for, without the request."""
        await user.spawn(orphan.tag.server)
        spawner._proxy_pending = True  # noqa: SLF001
        try:
            await self.app.proxy.add_user(user, orphan.tag.server)
        except Exception:
            await user.stop(orphan.tag.server)
            raise
        finally:
            spawner._proxy_pending = False  # noqa: SLF001
        spawner.add_poll_callback(self._stopped, user, orphan.tag.server)
        self.log.info("%s is a session again", str(orphan).capitalize())

    def _started(self, spawner: HubSpawner, orphan: Orphan) -> None:
        self._adopting.pop(orphan.tag.nonce, None)
        future, spawner._spawn_pending = spawner._spawn_future, False  # noqa: SLF001
        if future.cancelled() or future.exception() is None:
            spawner._spawn_future = None  # noqa: SLF001
        else:
            with contextlib.suppress(Exception):
                self._report(orphan, f"it could not be adopted: {future.exception()}")

    async def _stopped(self, user: HubUser, server: str) -> None:
        self.log.warning("The adopted session of %s%s is over", user.name, f":{server}" if server else "")
        await self.app.proxy.delete_user(user, server)
        await user.stop(server)
