"""What the Hub does about jobs without a session, from its start on: adopts, cancels or reports them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub

from ...cluster.cluster import SlurmCluster
from ...errors import ResourceFormError
from ...job.sbatch import signing_key
from ...session.orphans import Orphan, Sweep
from ...session.session import Session

_adopting: dict[str, Any] = {}
"""The spawners that wait for an adopted job to report, by the job's nonce."""

_tasks: set[asyncio.Task[None]] = set()


def adopting_spawner(token: str) -> Any | None:
    """The spawner that waits for a report with ``token``, which JupyterHub may have forgotten."""
    return next((spawner for spawner in _adopting.values() if spawner.owns_token(token)), None)


def sweep_with_the_hub(*others: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Let the Hub begin to sweep when it has started: by then it has loaded every session from its database. ``others`` begin with it.

    JupyterHub has no hook for that moment, so its ``start`` is wrapped, once.
    """
    begin = JupyterHub.start
    if hasattr(begin, "__wrapped__"):
        return

    @functools.wraps(begin)
    async def start(app: Any) -> None:
        await begin(app)
        if hasattr(app.spawner_class, "adopt"):
            for begun in (Sweeper(app).run(), *(other(app) for other in others)):
                _keep(asyncio.ensure_future(begun))

    JupyterHub.start = start


def _keep(task: asyncio.Task[None]) -> None:
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


class Sweeper:
    """The Hub's own sweep."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.log = app.log
        self.cluster = SlurmCluster.instance(config=app.config, log=app.log)
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
        """One look, and what follows from it.

        Raises
        ------
        ResourceFormError
            Slurm does not answer.
        """
        orphans = await self._sweep.look(lambda: set(self._owned()))
        self._settled &= {orphan.tag.nonce for orphan in orphans}
        for orphan in orphans:
            if self.cluster.orphaned_jobs == "cancel":
                _keep(asyncio.ensure_future(self._cancel(orphan)))
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
        _adopting[tag.nonce] = spawner
        spawner._spawn_pending = True  # noqa: SLF001 - as JupyterHub's own handler of a start does
        future = spawner._spawn_future = asyncio.ensure_future(self._start(user, spawner, orphan))  # noqa: SLF001
        future.add_done_callback(lambda _: self._started(spawner, orphan))
        return ""

    async def _start(self, user: Any, spawner: Any, orphan: Orphan) -> None:
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

    def _started(self, spawner: Any, orphan: Orphan) -> None:
        _adopting.pop(orphan.tag.nonce, None)
        future, spawner._spawn_pending = spawner._spawn_future, False  # noqa: SLF001
        if future.cancelled() or future.exception() is None:
            spawner._spawn_future = None  # noqa: SLF001
        else:
            with contextlib.suppress(Exception):
                self._report(orphan, f"it could not be adopted: {future.exception()}")

    async def _stopped(self, user: Any, server: str) -> None:
        self.log.warning("The adopted session of %s%s is over", user.name, f":{server}" if server else "")
        await self.app.proxy.delete_user(user, server)
        await user.stop(server)
