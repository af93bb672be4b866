"""``GET /hub/api/resource-form/sessions``: how sessions stand, once, and as a stream that says so whenever something has changed.

However many pages are open, Slurm is asked no more often: all of them look at the one list of jobs that the sessions share, and at
nothing where nobody has a session. The same holds for the record of past sessions, which is in the Hub's database.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jupyterhub.apihandlers import APIHandler
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web
from tornado.iostream import StreamClosedError

from ...accounting.budget_policy import is_charged
from ...advice.service import Terms
from ...availability.queue_position import Place
from ...cache import Snapshot
from ...cluster.cluster import Cluster
from ...errors import ResourceFormError
from ...i18n import _, using
from ...request.choices import Choices
from ...session.matching import is_own
from ...session.record import End, Record
from ...session.session import Session
from ...session.status import Server, SessionStatus, as_json, idle_in_words, status_of, without_clock
from ...slurm.model import Job
from ...slurm.reasons import RUNNING
from ..apihandlers.cluster import cluster_of
from ..form.render import iso_time
from ..locale import language_of
from .gpus import GpuNews, WithGpus, can_be_told, gpus_of, needs_nodes
from .history import PastSession
from .past import MOST, SHOWN, Listed, Past, Reach, has_end, history_for, key_of, log_link, reaches_others, summary_of

PATIENCE_SECONDS = 5.0
HEARTBEAT_SECONDS = 15.0
"""So often a stream says that it lives: proxies close connections on which nothing is said, often after a minute."""

USAGE_PATIENCE_SECONDS = 1.0
"""What sessions use is worth no longer wait."""

LOOK_SECONDS = 1.0
"""So often a stream looks whether anything has changed; it compares a few values and asks nobody."""

LONGEST_STREAM_SECONDS = 900.0
"""Then it ends, and the page's browser asks for it again: with the rights that its user has by then."""

AT_ONCE = 50
"""After so many sessions others get their turn on the Hub's loop."""

SECRET_OPTIONS = frozenset({"environment"})
"""What a user has typed there may be a password."""


# --- what one session costs --------------------------------------------------------------------------------------------------------


def usage_factor_of(choices: Choices, partition: str, account: str, terms: Terms) -> float | None:
    """UsageFactor of a job of this user in the partition, for the account; None where it is not charged."""
    if not is_charged(terms.not_charged, partition, account):
        return None
    limits = choices.entitlement.partition(partition)
    return limits.rules_for(account).usage_factor if limits is not None else 1.0


async def _price(spawner: Any, session: Session) -> None:
    """Find out again what an earlier run of the Hub knew of the session's price."""
    options = spawner.orm_spawner.user_options or {}
    try:
        choices = await spawner.choices(patience=0)
    except ResourceFormError:
        return
    partition, account = str(options.get("partition", "")), str(options.get("account", ""))
    session.usage_factor = usage_factor_of(choices, partition, account, await spawner.terms())
    session.is_priced = True


# --- one spawner -------------------------------------------------------------------------------------------------------------------


def server_of(spawner: Any, hub_url: str, job_id: int = 0) -> Server:
    """What the Hub knows of the spawner's server; ``job_id`` is that of the session whose log is to be shown, 0 for none."""
    user, name = spawner.user, spawner.name
    options = dict(spawner.orm_spawner.user_options or {})
    return Server(
        user=user.name,
        name=name,
        display_name=str(options.get("name") or getattr(spawner.orm_spawner, "display_name", "") or name or _("Default server")),
        color=str(options.get("color") or ""),
        request={key: value for key, value in options.items() if key not in SECRET_OPTIONS},
        summary=summary_of(options),
        url=user.server_url(name) if spawner.ready else "",
        progress_url=user.progress_url(name),
        spawn_url=url_path_join(hub_url, "spawn", user.escaped_name, url_escape_path(name)),
        log_url=log_link(hub_url, user.name, job_id),
        warn_minutes=tuple(spawner.warn_minutes),
    )


def _live_session(spawner: Any) -> Session | None:
    session: Session | None = getattr(spawner, "session", None)
    return session if session is not None and spawner.active else None


def _last_end(spawner: Any) -> End | None:
    """How the server's session ended, while it has no other."""
    end: End | None = getattr(spawner, "last_end", None)
    return end if _live_session(spawner) is None else None


@dataclass(frozen=True, slots=True)
class _Queue:
    """The list of jobs as all sessions of one answer are told of it."""

    listed: Snapshot[dict[int, Job]] | None
    places: Mapping[int, Place]
    unknown_since: float | None

    def job_of(self, session: Session) -> Job | None:
        """The session's own job."""
        job = self.listed.value.get(session.record.job_id) if self.listed is not None else None
        return job if job is not None and is_own(job, session.record, user=session.user) else None


def _status_of_live(spawner: Any, session: Session, queue: _Queue, hub_url: str, *, history: bool) -> SessionStatus:
    server, job = server_of(spawner, hub_url, session.record.job_id), queue.job_of(session)
    status = session.status(job, queue.places, server=server, silent_since=queue.unknown_since)
    runs = job is not None and status.state == "running"
    if job is None or not runs:
        return status
    status = replace(status, usage=session.cluster.usage.of(job.job_id), gpus=gpus_of(session, job, history=history))
    notice = session.idle_gpus
    return replace(status, idle_gpus=notice, idle_sentence=idle_in_words(notice, session.cluster.clock())) if notice is not None else status


# --- the answer --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """The contract's JSON as text; ``digest`` is another one whenever something has happened, and not because time passes."""

    text: str
    digest: str


class Sessions:
    """The sessions that one caller may see.

    Parameters
    ----------
    spawners
        Their spawners, as they are at the moment of the call.
    own
        They are the caller's own; of an admin's thousands, prices that the Hub forgot in a restart are left out, Slurm is not asked what
        they use, and what their GPUs did in the last hour is not said.
    past
        The record of the sessions that are over; None where there is none.
    """

    def __init__(
        self,
        cluster: Cluster,
        spawners: Callable[[], Iterable[Any]],
        *,
        hub_url: str,
        own: bool = True,
        past: Past | None = None,
    ) -> None:
        self._cluster = cluster
        self._spawners = spawners
        self._hub_url = hub_url
        self._own = own
        self._past = past

    async def refresh(self, patience: float = PATIENCE_SECONDS, *, usage_patience: float = USAGE_PATIENCE_SECONDS) -> None:
        """Have the shared list of jobs, and what those of one's own use, asked for anew if that is due, and if there is a session.

        The nodes only where nothing could be said of GPUs without them.
        """
        live = [session for spawner in self._spawners() if (session := _live_session(spawner)) is not None]
        if not live:
            return
        try:
            listed = await self._cluster.jobs.get(patience)
        except ResourceFormError:
            return
        if self._own:
            running = _running(live, _Queue(listed, {}, None))
            await self._cluster.usage.look([job.job_id for _session, job in running], usage_patience)
            if any(needs_nodes(session, job) for session, job in running):
                with contextlib.suppress(ResourceFormError):
                    await self._cluster.nodes.get(patience)

    def state(self) -> object:
        """Equal to that of a moment ago if the answer is: made of what the Hub has in memory, and cheap."""
        listed = self._cluster.jobs.last
        changes = self._past.changes() if self._past is not None else 0
        return listed and (listed.as_of, listed.stale), changes, [_state(spawner) for spawner in self._spawners()]

    def _with_gpus(self) -> list[WithGpus]:
        """One's own sessions whose GPUs can be told of."""
        listed = self._cluster.jobs.last
        if not self._own or listed is None or listed.stale:
            return []
        queue, found = _Queue(listed, {}, None), []
        for spawner in self._spawners():
            session = _live_session(spawner)
            if session is None or session.endpoint is None:
                continue
            job = queue.job_of(session)
            if job is not None and job.state in RUNNING and can_be_told(session, job):
                found.append(WithGpus(spawner.user.name, spawner.name, session, job))
        return found

    async def answer(self) -> Answer:
        """How all of them stand, from what is known already: those that go on, then those that are over, the latest first."""
        queue, spawners = await self._queue(), list(self._spawners())
        texts: list[str] = []
        digest = hashlib.sha256()
        going_on: set[str] = set()
        for spawner in spawners:
            session = _live_session(spawner)
            if session is None:
                continue
            going_on.add(key_of(spawner.user.name, spawner.name, session.record, session.end))
            if self._own and not session.is_priced:
                await _price(spawner, session)
            full = as_json(_status_of_live(spawner, session, queue, self._hub_url, history=self._own))
            texts.append(json.dumps(full))
            digest.update(json.dumps(without_clock(full)).encode())
            if len(texts) % AT_ONCE == 0:
                await asyncio.sleep(0)
        for text, still in await self._over(spawners, going_on):
            texts.append(text)
            digest.update(still)
        stale = queue.unknown_since is not None
        digest.update(b"stale" if stale else b"")
        head = json.dumps({"as_of": iso_time(queue.listed.as_of) if queue.listed is not None else None, "stale": stale})
        return Answer(f'{head[:-1]}, "sessions": [{", ".join(texts)}]}}', digest.hexdigest()[:32])

    async def _over(self, spawners: Iterable[Any], going_on: set[str]) -> list[tuple[str, bytes]]:
        """The sessions that are over, the latest first: those of the record, and each server's last one if that is not among them."""
        listed: list[Listed] = await self._past.listed(self._hub_url, going_on) if self._past is not None else []
        of_server: dict[tuple[str, str], list[PastSession]] = defaultdict(list)
        for entry in listed:
            of_server[entry.past.user, entry.past.name].append(entry.past)
        over = [(entry.past.ended, entry.text, entry.still) for entry in listed]
        now = self._cluster.clock()
        for number, spawner in enumerate(spawners):
            end = _last_end(spawner)
            if end is None or has_end(of_server.get((spawner.user.name, spawner.name), ()), end):
                continue
            full = as_json(status_of(server_of(spawner, self._hub_url, end.job_id), Record(), now=now, end=end))
            over.append((end.at, json.dumps(full), json.dumps(without_clock(full)).encode()))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        over.sort(key=lambda entry: entry[0], reverse=True)
        # One's own servers are few; of everybody's, only as many are shown as were asked for.
        most = None if self._own or self._past is None else self._past.limit
        return [(text, still) for _ended, text, still in over[:most]]

    async def _queue(self) -> _Queue:
        listed = self._cluster.jobs.last
        if listed is None:
            return _Queue(None, {}, self._cluster.jobs.failing_since)
        if listed.stale:
            return _Queue(listed, {}, listed.as_of)
        return _Queue(listed, await self._cluster.places(), None)

    async def stream(self, closed: asyncio.Future[None], last_id: str = "", *, heartbeat: float = HEARTBEAT_SECONDS) -> AsyncIterator[str]:
        """Server-sent events: the answer now, unless ``last_id`` is its digest, and again whenever it has changed; and heartbeats.

        What GPUs do is an event of its own, ``gpus``, after a node's report: with the last hour once a minute, else without.
        Ends when ``closed`` is done, at the latest after :data:`LONGEST_STREAM_SECONDS`.
        """
        loop = asyncio.get_running_loop()
        begun = said = loop.time()
        seen: object = None
        news = GpuNews(self._cluster.clock, loop.time)
        yield ": sessions\n\n"  # so that the browser has the headers at once
        while not closed.done() and loop.time() - begun < LONGEST_STREAM_SECONDS:
            await self.refresh(LOOK_SECONDS, usage_patience=0.0)
            state = self.state()
            if state != seen:
                seen, answer = state, await self.answer()
                if answer.digest != last_id:
                    last_id, said = answer.digest, loop.time()
                    news.told(self._with_gpus())
                    yield f"id: {answer.digest}\ndata: {answer.text}\n\n"
            if event := news.event(self._with_gpus):
                said = loop.time()
                yield event
            if loop.time() - said >= heartbeat:
                said = loop.time()
                yield ": still here\n\n"
            await asyncio.wait({closed}, timeout=LOOK_SECONDS)


def _running(sessions: Iterable[Session], queue: _Queue) -> list[tuple[Session, Job]]:
    return [(session, job) for session in sessions if (job := queue.job_of(session)) is not None and job.state in RUNNING]


def _state(spawner: Any) -> object:
    """All that the answer about a server is made of, but the list of jobs."""
    session = _live_session(spawner)
    if session is None:
        return spawner.name, spawner.pending, spawner.ready, spawner.last_end
    usage = session.cluster.usage.of(session.record.job_id)
    known = (session.record, session.end, session.unknown_since, session.is_priced, usage, session.idle_gpus)
    return spawner.name, spawner.pending, spawner.ready, known


# --- who may ask -------------------------------------------------------------------------------------------------------------------


def limit_of(handler: Any, otherwise: int = SHOWN) -> int:
    """How many past sessions the caller asks for with ``?limit=``.

    Raises
    ------
    HTTPError
        400: that is no number from 0 to :data:`.past.MOST`.
    """
    text = handler.get_argument("limit", "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MOST):
        raise web.HTTPError(400, f"limit: expected 0 to {MOST}.")
    return int(text)


def sessions_for(handler: Any, *, limit: int = SHOWN) -> Sessions:
    """The sessions that the caller asks for: their own, with ``?all=1`` those of everybody whose servers they may read.

    That is JupyterHub's own scope ``read:servers``, of which ``admin:servers`` is the larger one. Of those that are over, ``limit`` of
    the record, or ``?limit=``.

    Raises
    ------
    HTTPError
        403: without a log-in, or for what the caller may not see. 400: :func:`limit_of`.
    """
    caller = handler.current_user
    if caller is None:
        raise web.HTTPError(403, "Log in, or send a token.")
    may_read = handler.get_scope_filter("read:servers")
    is_user = getattr(caller, "kind", "user") == "user"
    asks_for_all = handler.get_argument("all", "") not in ("", "0")
    if asks_for_all and not reaches_others(handler.parsed_scopes.get("read:servers"), caller.name if is_user else ""):
        raise web.HTTPError(403, "Other people's sessions take the scope read:servers for them.")
    if not asks_for_all and not is_user:
        raise web.HTTPError(403, "A service has no sessions of its own; ?all=1 asks for those of all users.")

    def spawners() -> Iterable[Any]:
        if asks_for_all:
            known = [spawner for user in list(handler.users.values()) for spawner in list(user.spawners.values())]
        else:
            known = [caller.spawners[name] for name in sorted(caller.orm_user.orm_spawners)]
        return [spawner for spawner in known if hasattr(spawner, "session") and may_read(spawner.orm_spawner, "server")]

    reach = Reach.of(handler.parsed_scopes.get("read:servers"), handler.db)
    own_spawner = caller.spawners.get("") if is_user else None
    past = Past(
        lambda: history_for(handler, own_spawner),
        reach if asks_for_all else reach.only(caller.name),
        limit=limit_of(handler, limit),
    )
    return Sessions(cluster_of(handler), spawners, hub_url=handler.hub.base_url, own=not asks_for_all, past=past)


class SessionsHandler(APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/sessions``: how the caller's sessions stand; with ``?all=1`` everybody's, for who may see them.

    All that go on, and of those that are over the latest 100, or ``?limit=`` (0 to 500; 0: no more than the last one of each server).
    """

    async def get(self) -> None:
        sessions = sessions_for(self)
        with using(language_of(self)):
            await sessions.refresh()
            answer = await sessions.answer()
        self.set_header("Cache-Control", "no-store")
        self.finish(answer.text)


class SessionEventsHandler(APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/sessions/events``: the same answer as server-sent events, one whenever something has changed.

    The id of an event is a digest of it. A browser that comes back says which it had last, and is not told the same again.
    """

    def initialize(self) -> None:
        super().initialize()
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def get_content_type(self) -> str:
        """Not JSON, as of other handlers of the API."""
        return "text/event-stream"

    def on_connection_close(self) -> None:
        """The page is gone."""
        super().on_connection_close()
        self._close()

    def on_finish(self) -> None:
        """The answer is complete."""
        super().on_finish()
        self._close()

    def _close(self) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    async def get(self) -> None:
        sessions = sessions_for(self)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        with using(language_of(self)):
            try:
                async for event in sessions.stream(self._closed, self.request.headers.get("Last-Event-ID", "")):
                    self.write(event)
                    await self.flush()
            except StreamClosedError:
                return


API_HANDLERS = [
    (r"/api/resource-form/sessions", SessionsHandler),
    (r"/api/resource-form/sessions/events", SessionEventsHandler),
]
