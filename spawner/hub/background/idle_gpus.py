"""Sessions whose GPUs do nothing: their users are told, and where the admin wants it they are stopped. One look a minute, for all of them;
and what the GPUs of all sessions do is added up, to be told in the end.

What is known is the nodes' reports (``spawner.gpu.store``) and which GPUs are a session's own. Without either nothing happens, and a
session is stopped only on a report that came after all else was decided and says that the GPUs still do nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from ...cluster.cluster import SlurmCluster
from ...errors import ResourceFormError
from ...gpu.idle import Notice, Rules, Seen, idle_minutes, next_step
from ...session.matching import is_own
from ...session.session import Session
from ...slurm.model import Job
from ..common import cluster_of, spawners_of
from ..protocol import HubApplication, HubSpawner, Log, Proxy
from ..sessions.gpus import GpusOfSessions
from ..sessions.storage import Storage
from ..sessions.tell import tell_idle
from ..state import HubState

LOOK_SECONDS = 60.0
CONFIRM_SECONDS = 1.0
"""So often it is looked for the report on which a session is stopped."""

AT_ONCE = 50
"""After so many sessions others get their turn on the Hub's loop."""

PATIENCE_SECONDS = 5.0


async def watch_idle_gpus(app: HubApplication) -> None:
    """Watch the sessions of this Hub until it ends."""
    cluster = cluster_of(app)

    async def stop(spawner: HubSpawner) -> None:
        await stop_as_ordered(app.proxy, spawner)

    gpus = HubState.of(app).part(GpusOfSessions)
    storage = Storage.in_hub(HubState.of(app), app.db, cluster, app.log)

    def can_look() -> bool:
        return storage.can_look_at(list(app.users.values()))

    await IdleGpuWatch(cluster, lambda: spawners_of(app), stop, log=app.log, gpus=gpus, can_look=can_look).run()


async def stop_as_ordered(proxy: Proxy, spawner: HubSpawner) -> None:
    """Stop a server as JupyterHub does for a user's Stop, without the request (``BaseHandler.stop_single_user``)."""
    user, server = spawner.user, spawner.name

    async def stop() -> None:
        try:
            await proxy.delete_user(user, server)
            await user.stop(server)
        finally:
            spawner._stop_future, spawner._stop_pending = None, False  # noqa: SLF001 - as JupyterHub's own handler does

    # Before anything is awaited, so that nobody stops it a second time.
    spawner._stop_pending = True  # noqa: SLF001
    future = spawner._stop_future = asyncio.ensure_future(stop())  # noqa: SLF001
    await future


class IdleGpuWatch:
    """The look after the GPUs of all sessions.

    Parameters
    ----------
    spawners
        All of the Hub's, as they are at the moment of the call.
    stop
        Stops one's session as its user would; may raise anything.
    gpus
        What is said of GPUs, one for all of a Hub.
    can_look
        Whether a look at the spawners keeps nobody waiting.
    """

    def __init__(
        self,
        cluster: SlurmCluster,
        spawners: Callable[[], Iterable[HubSpawner]],
        stop: Callable[[HubSpawner], Awaitable[None]],
        *,
        log: Log,
        gpus: GpusOfSessions | None = None,
        can_look: Callable[[], bool] = lambda: True,
    ) -> None:
        self._can_look = can_look
        self._gpus = gpus if gpus is not None else GpusOfSessions()
        self._cluster = cluster
        self._spawners = spawners
        self._stop = stop
        self.log = log
        self._counts_from: dict[str, float] = {}
        """By the nonce of each session that nothing was known of at some look: when that was last."""
        self._stopping: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look until the Hub ends."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if self._can_look():
                    await self.look()
            except Exception:  # the next look may do better, and the Hub must not go without any
                self.log.exception("The look for GPUs that do nothing failed")

    async def look(self) -> None:
        """Look at all sessions once, and do what follows from it."""
        running = [(spawner, session) for spawner in self._spawners() if (session := _running_of(spawner)) is not None]
        watched = [(spawner, session) for spawner, session in running if _session_of(spawner) is session]
        # For what is only added up Slurm is asked nothing: its last answers do, as far as there are any.
        if watched:
            await self._ask([session for _spawner, session in watched])
        for number, (spawner, session) in enumerate(running, 1):
            if session is _session_of(spawner):
                self._look_at(spawner, session)
            elif session is _running_of(spawner):
                self._seen(session)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        nonces = {session.record.nonce for _spawner, session in watched}
        self._counts_from = {nonce: moment for nonce, moment in self._counts_from.items() if nonce in nonces}

    async def _ask(self, sessions: Sequence[Session]) -> None:
        """Have what all share asked for anew if that is due; the nodes only where nothing can be said of GPUs without them."""
        if not self._cluster.gpu_reports.any_fresh():
            return
        try:
            await self._cluster.jobs.get(PATIENCE_SECONDS)
            for number, session in enumerate(sessions, 1):
                job = self._job_of(session)
                if job is not None and self._gpus.needs_nodes(session, job):
                    await self._cluster.nodes.get(PATIENCE_SECONDS)
                    return
                if number % AT_ONCE == 0:
                    await asyncio.sleep(0)
        except ResourceFormError as error:
            self.log.warning("Whether GPUs do nothing cannot be known now: %s", error.log)

    def _look_at(self, spawner: HubSpawner, session: Session) -> None:
        seen, nonce = self._seen(session), session.record.nonce
        now = self._cluster.clock()
        if seen is None:
            self._counts_from[nonce] = now
        session.idle_gpus, step = next_step(session.idle_gpus, seen, _rules_of(spawner), now)
        if seen is None or session.idle_gpus is None:
            return
        if step == "tell":
            self.log.info("The GPUs of %s have done nothing for %d minutes; its user is told", *_said(spawner, session.idle_gpus, seen))
            tell_idle(spawner, session, session.idle_gpus, seen.received)
        elif step == "stop" and nonce not in self._stopping:
            task = self._stopping[nonce] = asyncio.ensure_future(self._stop_on_evidence(spawner, session, now))
            task.add_done_callback(lambda done: self._stop_is_over(nonce, spawner, done))

    # --- what is known ------------------------------------------------------------------------------------------------------

    def _job_of(self, session: Session) -> Job | None:
        """The session's job, if Slurm says now that it runs on one node; a job that was suspended does nothing, and is not to blame."""
        listed = self._cluster.jobs.last
        job = listed.value.get(session.record.job_id) if listed is not None and not listed.stale else None
        if job is None or job.state != "RUNNING" or len(job.nodes) > 1 or not is_own(job, session.record, user=session.owner):
            return None
        return job if job.batch_host == session.record.node else None

    def _seen(self, session: Session) -> Seen | None:
        """What the reports say of the session's GPUs, which is added to what they did before; None if that is not all of them."""
        job, reports = self._job_of(session), self._cluster.gpu_reports
        latest = reports.latest(session.record.node)
        if job is None or job.start is None or latest is None:
            return None
        gpus = self._gpus.gpus_of(session, job)
        if gpus is None or not gpus.devices:
            return None
        session.gpu_use.take(gpus)
        since = tuple(reports.idle_since(session.record.node, view.key) for view in gpus.devices)
        return Seen(since, latest.received, max(session.record.by_hubs_clock(job.start), self._counts_from.get(session.record.nonce, 0.0)))

    # --- what follows -------------------------------------------------------------------------------------------------------

    async def _stop_on_evidence(self, spawner: HubSpawner, session: Session, decided: float) -> None:
        """Stop it, if the first report from now on still says that the GPUs do nothing."""
        reports, node = self._cluster.gpu_reports, session.record.node
        while (latest := reports.latest(node)) is None or latest.received <= decided:
            if latest is None or _session_of(spawner) is not session:
                return
            await asyncio.sleep(CONFIRM_SECONDS)
        if _session_of(spawner) is not session:
            return
        seen = self._seen(session)
        session.idle_gpus, step = next_step(session.idle_gpus, seen, _rules_of(spawner), self._cluster.clock())
        notice = session.idle_gpus
        if step != "stop" or seen is None or notice is None:
            return
        self.log.warning("The GPUs of %s have done nothing for %d minutes; it is stopped", *_said(spawner, notice, seen))
        session.stops_because_of_idle_gpus(idle_minutes(notice, seen.received))
        try:
            await self._stop(spawner)
        except BaseException:
            if not session.record.stopping:
                # Whoever stops it next has another reason.
                session.stops_because_of_idle_gpus(0)
            raise

    def _stop_is_over(self, nonce: str, spawner: HubSpawner, done: asyncio.Task[None]) -> None:
        self._stopping.pop(nonce, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            self.log.error("%s could not be stopped, whose GPUs do nothing: %s", spawner.log_name, error)


def _rules_of(spawner: HubSpawner) -> Rules:
    return Rules(spawner.idle_gpu_minutes, spawner.idle_gpu_stop_minutes)


def _running_of(spawner: HubSpawner) -> Session | None:
    """The session, if it is one of ours, goes on, and is neither starting nor stopping."""
    session: Session | None = getattr(spawner, "session", None)
    return session if session is not None and spawner.ready and session.endpoint is not None else None


def _session_of(spawner: HubSpawner) -> Session | None:
    """The session that is to be watched: it runs, and the admin wants it."""
    return _running_of(spawner) if getattr(spawner, "idle_gpu_minutes", 0) else None


def _said(spawner: HubSpawner, notice: Notice, seen: Seen) -> tuple[str, int]:
    return spawner.log_name, idle_minutes(notice, seen.received)
