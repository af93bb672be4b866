"""``GET /hub/api/resource-form/sessions``: how sessions stand, once, and as a stream that says so whenever something has changed.

However many pages are open, Slurm is asked no more often: all of them look at the one list of jobs that the sessions share, and at
nothing where nobody has a session. The same holds for the record of past sessions, which is in the Hub's database.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...availability.queue_position import QueuePosition
from ...cache import Snapshot
from ...cluster.cluster import SlurmCluster
from ...errors import ResourceFormError
from ...humanize import iso_time
from ...session.matching import is_own
from ...session.record import End, Record
from ...session.session import Session
from ...session.status import SessionStatus, status_of
from ...session.status_json import as_json, without_clock
from ...session.status_text import idle_in_words
from ...slurm.model import Job
from ...slurm.states import RUNNING
from ..known import name_of
from ..own_spawner import own_spawner
from ..protocol import HubSpawner
from .gpus import GpuNews, GpusOfSessions, WithGpus
from .history import PastSession
from .options import had_in_words, veiled_request
from .past import Listed, Past, has_end, key_of, kind_of
from .view import server_of, status_of_other, usage_factor_of

PATIENCE_SECONDS = 5.0
HEARTBEAT_SECONDS = 15.0
"""So often a stream says that it lives: proxies close connections on which nothing is said, often after a minute."""

USAGE_PATIENCE_SECONDS = 1.0
"""What sessions use is worth no longer wait."""

LOOK_SECONDS = 1.0
"""So often a stream looks whether anything has changed; it compares a few values and asks nobody."""

LONGEST_STREAM_SECONDS = 900.0
"""Then it ends, and the page's browser asks for it again: with the rights that its user has by then."""

LISTS = ("running", "finished", "others")
"""Each session stands in one of them, its ``kind``."""

AT_ONCE = 50
"""After so many sessions others get their turn on the Hub's loop."""


# --- what one session costs --------------------------------------------------------------------------------------------------------


async def _price(spawner: HubSpawner, session: Session, patience: float) -> None:
    """Find out what the session is charged by, where the record does not say: an older version wrote it, or the job was found again."""
    options = spawner.orm_spawner.user_options or {}
    own = own_spawner(spawner)
    if own is None:
        return
    try:
        choices = await own.choices(patience=patience)
    except ResourceFormError:
        return
    partition, account = str(options.get("partition", "")), str(options.get("account", ""))
    session.usage_factor = usage_factor_of(choices, partition, account, await own.terms())
    session.is_priced = True


# --- one spawner -------------------------------------------------------------------------------------------------------------------


def _live_session(spawner: HubSpawner) -> Session | None:
    own = own_spawner(spawner)
    return own.session if own is not None and spawner.active else None


def _last_end(spawner: HubSpawner) -> End | None:
    """How the server's session ended, while there is no other."""
    own = own_spawner(spawner)
    return own.last_end if own is not None and not spawner.active else None


def _is_the_hubs(spawner: HubSpawner) -> bool:
    """Whether only JupyterHub knows of the server: it runs it without us, or a hook of the site's is at work before or after our part."""
    return bool(spawner.active) and _live_session(spawner) is None


@dataclass(frozen=True, slots=True)
class _Queue:
    """The list of jobs as all sessions of one answer are told of it."""

    listed: Snapshot[dict[int, Job]] | None
    places: Mapping[int, QueuePosition]
    unknown_since: float | None

    def job_of(self, session: Session) -> Job | None:
        """Return the session's own job; None where the list does not have it."""
        job = self.listed.value.get(session.record.job_id) if self.listed is not None else None
        return job if job is not None and is_own(job, session.record, user=session.owner) else None


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
    gpus
        What is said of GPUs, one for all callers of a Hub.
    can_look
        Whether a look at the spawners keeps nobody waiting. Until it does a stream says nothing.
    """

    def __init__(
        self,
        cluster: SlurmCluster,
        spawners: Callable[[], Iterable[HubSpawner]],
        *,
        hub_url: str,
        own: bool = True,
        past: Past | None = None,
        gpus: GpusOfSessions | None = None,
        can_look: Callable[[], bool] = lambda: True,
    ) -> None:
        self._cluster = cluster
        self._spawners = spawners
        self._hub_url = hub_url
        self._own = own
        self._past = past
        self._can_look = can_look
        self._gpus = gpus if gpus is not None else GpusOfSessions()

    async def refresh(self, patience: float = PATIENCE_SECONDS, *, usage_patience: float = USAGE_PATIENCE_SECONDS) -> None:
        """Have the shared list of jobs, and what those of one's own use, asked for anew if that is due, and if there is a session.

        What one's own are charged by as well, where that is not known. The nodes only where nothing could be said of GPUs without them.
        """
        found = [(spawner, session) for spawner in self._spawners() if (session := _live_session(spawner)) is not None]
        live = [session for _spawner, session in found]
        if not live:
            return
        try:
            listed = await self._cluster.jobs.get(patience)
        except ResourceFormError:
            return
        if self._own:
            await asyncio.gather(*(_price(spawner, session, patience) for spawner, session in found if not session.is_priced))
            running = _running(live, _Queue(listed, {}, None))
            await self._cluster.usage.look([job.job_id for _session, job in running], usage_patience)
            if any(self._gpus.needs_nodes(session, job) for session, job in running):
                with contextlib.suppress(ResourceFormError):
                    await self._cluster.nodes.get(patience)

    def state(self) -> object:
        """Return what is equal to that of a moment ago if the answer is. It is made of what the Hub has in memory, and cheap."""
        listed = self._cluster.jobs.last
        changes = self._past.changes() if self._past is not None else 0
        return listed and (listed.as_of, listed.stale, listed.silent), changes, [_state(spawner) for spawner in self._spawners()]

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
            if job is not None and job.state in RUNNING and self._gpus.can_be_told(session, job):
                found.append(WithGpus(name_of(spawner.user), spawner.name, session, job))
        return found

    async def answer(self) -> Answer:
        """Return how all of them stand, from what is known already: those that go on, then those that are over, the latest first."""
        queue, spawners = await self._queue(), list(self._spawners())
        texts: list[str] = []
        digest = hashlib.sha256()
        going_on: set[str] = set()
        for spawner in spawners:
            session = _live_session(spawner)
            if session is None:
                if _is_the_hubs(spawner):
                    full = self._told(status_of_other(spawner, self._hub_url))
                    texts.append(json.dumps(full))
                    digest.update(json.dumps(full).encode())
                continue
            going_on.add(key_of(name_of(spawner.user), spawner.name, session.record, session.end))
            full = self._told(self._status_of_live(spawner, session, queue))
            texts.append(json.dumps(full))
            digest.update(json.dumps(without_clock(full)).encode())
            if len(texts) % AT_ONCE == 0:
                await asyncio.sleep(0)
        for text, still in await self._over(spawners, going_on):
            texts.append(text)
            digest.update(still)
        # Where there is no session nothing hangs on Slurm, and it was not asked.
        stale = queue.unknown_since is not None and bool(going_on)
        digest.update(b"stale" if stale else b"")
        head = json.dumps({"as_of": iso_time(queue.listed.as_of) if queue.listed is not None else None, "stale": stale})
        return Answer(f'{head[:-1]}, "sessions": [{", ".join(texts)}]}}', digest.hexdigest()[:32])

    def _told(self, status: SessionStatus) -> dict[str, Any]:
        """As JSON; of others' variables the names only, and nothing that a session says of itself."""
        if self._own:
            return as_json(status)
        full = as_json(status.for_others())
        return {**full, "request": veiled_request(full["request"])}

    def _status_of_live(self, spawner: HubSpawner, session: Session, queue: _Queue) -> SessionStatus:
        server, job = server_of(spawner, self._hub_url, session.record.job_id), queue.job_of(session)
        status = session.status(job, queue.places, server=server, silent_since=queue.unknown_since)
        runs = job is not None and status.state == "running"
        if job is None or not runs:
            return status
        gpus = self._gpus.gpus_of(session, job, history=self._own)
        status = replace(status, usage=session.cluster.usage.of(job.job_id), gpus=gpus)
        notice = session.idle_gpus
        if notice is None:
            return status
        return replace(status, idle_gpus=notice, idle_sentence=idle_in_words(notice, session.cluster.clock()))

    async def _over(self, spawners: Iterable[HubSpawner], going_on: set[str]) -> list[tuple[str, bytes]]:
        """The sessions that are over, the latest first: those of the record, and each server's last one if that is not among them."""
        listed: list[Listed] = await self._past.listed(self._hub_url, going_on) if self._past is not None else []
        of_server: dict[tuple[str, str], list[PastSession]] = defaultdict(list)
        for entry in listed:
            of_server[entry.past.user, entry.past.name].append(entry.past)
        over = [(entry.past.ended, entry.text, entry.still) for entry in listed]
        now = self._cluster.clock()
        for number, spawner in enumerate(spawners):
            end = _last_end(spawner)
            if end is None or has_end(of_server.get((name_of(spawner.user), spawner.name), ()), end):
                continue
            server = server_of(spawner, self._hub_url, end.job_id)
            full = self._told(replace(status_of(server, Record(), now=now, end=end), held_text=had_in_words(server.request)))
            over.append((end.at, json.dumps(full), json.dumps(without_clock(full)).encode()))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        over.sort(key=lambda entry: entry[0], reverse=True)
        # One's own servers are few; of everybody's, only as many are shown as were asked for.
        most = None if self._own or self._past is None else self._past.limit
        return [(text, still) for _ended, text, still in over[:most]]

    def numbers(self) -> dict[str, int]:
        """Return how many sessions stand in each list, by what is known already, and without making the answer."""
        spawners = list(self._spawners())
        live = {key_of(name_of(each.user), each.name, found.record, found.end) for each in spawners if (found := _live_session(each))}
        past = self._past.sessions(live) if self._past is not None else []
        ends = [
            end
            for spawner in spawners
            if (end := _last_end(spawner)) is not None
            and not has_end((each for each in past if (each.user, each.name) == (name_of(spawner.user), spawner.name)), end)
        ]
        kinds = Counter([*map(kind_of, past), *map(kind_of, ends)])
        running = len(live) + sum(_is_the_hubs(spawner) for spawner in spawners)
        return {"running": running, "finished": kinds["finished"], "others": kinds["others"]}

    async def _queue(self) -> _Queue:
        listed = self._cluster.jobs.last
        if listed is None:
            return _Queue(None, {}, self._cluster.jobs.failing_since)
        if listed.silent:
            return _Queue(listed, {}, listed.as_of)
        return _Queue(listed, await self._cluster.queue_positions(), None)

    async def stream(self, closed: asyncio.Future[None], last_id: str = "", *, heartbeat: float = HEARTBEAT_SECONDS) -> AsyncIterator[str]:
        """Yield server-sent events: the answer now, unless ``last_id`` is its digest, and again whenever it has changed; and heartbeats.

        What GPUs do is an event of its own, ``gpus``, after a node's report: with the last hour once a minute, else without.
        Ends when ``closed`` is done, at the latest after :data:`LONGEST_STREAM_SECONDS`.
        """
        loop = asyncio.get_running_loop()
        begun = said = loop.time()
        seen: object = None
        news = GpuNews(self._gpus, self._cluster.clock, loop.time)
        yield ": sessions\n\n"  # so that the browser has the headers at once
        while not closed.done() and loop.time() - begun < LONGEST_STREAM_SECONDS:
            if self._can_look():
                await self.refresh(LOOK_SECONDS, usage_patience=0.0)
            if self._can_look():
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


def _state(spawner: HubSpawner) -> object:
    """All that the answer about a server is made of, but the list of jobs."""
    session = _live_session(spawner)
    if session is None:
        return spawner.name, spawner.pending, spawner.ready, _last_end(spawner)
    usage = session.cluster.usage.of(session.record.job_id)
    known = (session.record, session.end, session.unknown_since, session.is_priced, usage, session.idle_gpus)
    return spawner.name, spawner.pending, spawner.ready, known
