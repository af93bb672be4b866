"""What the Hub does about jobs without a session, from its start on: adopts, cancels or reports them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from jupyterhub import orm

from ...cache import BoundedDict
from ...errors import NotStored, ResourceFormError
from ...job.sbatch import forced_partitions, signing_key
from ...session.orphans import Orphan, Sweep, why_not_ours
from ...session.session import Session
from ..common import cluster_of
from ..own_spawner import own_spawner
from ..protocol import HubApplication, HubSpawner, HubUser
from ..sessions.left_over import LeftOver
from ..sessions.storage import Storage
from ..state import HubState
from .startup import BackgroundTasks

MAX_GIVEN_UP = 1000
"""So many jobs that did not answer are remembered, with why they were not adopted."""


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
        self._storage = Storage.in_hub(HubState.of(app), app.db, self.cluster, app.log)
        self._settled: set[str] = set()
        self._given_up: BoundedDict[str, str] = BoundedDict(MAX_GIVEN_UP)
        self._told: set[int] = set()
        self._seen_over: set[str] = set()
        self._left_over = HubState.of(app).part(LeftOver)

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
        self._left_over.keep((found.job for found in self._sweep.refused), (orphan.tag.nonce for orphan in orphans))
        self._tell_of_refused()
        self._store_what_is_over()
        if orphans:
            self.cluster.jobs.expire()
        for orphan in orphans:
            if self.cluster.orphaned_jobs == "cancel":
                self._tasks.begin(self._cancel(orphan))
            elif orphan.tag.nonce not in self._settled:
                await self._settle(orphan)

    async def _settle(self, orphan: Orphan) -> None:
        """Adopt it, or report why not; where nobody can say, the next sweep sees to it."""
        obstacle = "SlurmCluster.orphaned_jobs says so"
        if self.cluster.orphaned_jobs == "adopt":
            try:
                obstacle = self._given_up.get(orphan.tag.nonce, "") or self._storage.over.why_over(orphan.tag)
                obstacle = (
                    obstacle or await why_not_ours(self.cluster, orphan, own_partitions=self._own_partitions()) or self._adopt(orphan)
                )
            except Exception as error:  # noqa: BLE001 - Slurm or the database; what cannot be judged is not adopted
                words = getattr(error, "log", "") or str(error).partition("\n")[0]
                self.log.warning("Whether %s is a session cannot be told now: %s", orphan, words)
                return
        if obstacle:
            self._report(orphan, obstacle)

    def _own_partitions(self) -> frozenset[str]:
        """Where the admin's options have jobs run. Not of a spawner: there is to be none for a server that only a comment names."""
        options: Any = ()
        for kind in reversed(self.app.spawner_class.mro()):
            options = self.app.config.get(kind.__name__, {}).get("sbatch_options", options)
        # With append() in the configuration it is a promise of a list.
        return forced_partitions(options.get_value([]) if hasattr(options, "get_value") else options)

    def _tell_of_refused(self) -> None:
        """Say of each job once, while it goes on, why its tag counts for nothing."""
        refused = {found.job.job_id: found for found in self._sweep.refused}
        for number in refused.keys() - self._told:
            found = refused[number]
            self.log.warning("Job %s of %s carries a tag of this Hub's and is no session: %s", number, found.job.user, found.why)
        self._told = set(refused)

    def _store_what_is_over(self) -> None:
        """Slurm forgets a job minutes after its end; a copy of its tag would be the first one then."""
        for tag in self._sweep.over:
            if tag.nonce not in self._seen_over:
                self.cluster.ended.add(tag.nonce, tag.user)
        self._seen_over = {tag.nonce for tag in self._sweep.over}
        self._storage.store_what_ended()

    def _owned(self) -> Iterator[str]:
        if not self._storage.can_look_at(list(self.app.users.values())):
            raise NotStored("The Hub's database does not answer.")
        for user in self.app.users.values():
            for spawner in user.spawners.values():
                own = own_spawner(spawner)
                if own is not None and own.session is not None and spawner.active:
                    yield own.session.record.nonce

    def _report(self, orphan: Orphan, obstacle: str) -> None:
        self._settled.add(orphan.tag.nonce)
        self._left_over.reported[orphan.tag.nonce] = orphan.job
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
            obstacle = self._given_up[orphan.tag.nonce] = f"it could not be adopted: {future.exception()}"
            self._report(orphan, obstacle)

    async def _stopped(self, user: HubUser, server: str) -> None:
        self.log.warning("The adopted session of %s%s is over", user.name, f":{server}" if server else "")
        await self.app.proxy.delete_user(user, server)
        await user.stop(server)
