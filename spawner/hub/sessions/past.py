"""The sessions that are over, as the answer about sessions lists them: from our own record of them, and how each server's last one ended.

The record is asked once for each change, whatever the number of pages; each session's JSON is made once, and shared as well.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from jupyterhub import orm
from jupyterhub.scopes import Scope
from jupyterhub.utils import url_escape_path, url_path_join

from ...errors import RequestRejected
from ...i18n import in_use
from ...session.record import End, Record
from ...session.status import Server, SessionStatus, kind_of_end
from ...session.status_json import as_json, without_clock
from ...session.status_text import charge_in_all
from ...site.catalogue import BUILT_IN_LABELS, Labels
from ..class_settings import class_settings
from ..labels import labels_of
from ..own_spawner import own_spawner
from ..protocol import HubHandler
from ..state import HubState
from .ended import history_of
from .history import History, HistoryMemory, PastSession, Rows
from .options import had_in_words, read_again, shown_name, veiled_request
from .storage import Storage
from .tables import session_key

SHOWN = 100
MAX_LISTED = 500
"""Past sessions in one answer: where nothing else is asked for, and at most."""


AT_ONCE = 20
"""After so many others get their turn on the Hub's loop."""


# --- whose -----------------------------------------------------------------------------------------------------------------------


def reaches_others(allowed: Any, user: str) -> bool:
    """Tell whether a filter of JupyterHub's for a scope goes beyond the user's own servers."""
    if allowed is None or allowed is Scope.ALL:
        return allowed is not None
    others = [name for name in allowed.get("user", ()) if name != user]
    servers = [name for name in allowed.get("server", ()) if not name.startswith(f"{user}/")]
    return bool(others or servers or allowed.get("group"))


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose past sessions a caller may see, by names, for their servers may be gone.

    ``users`` is None for everybody. ``servers`` are those, as ``USER/NAME``, of users of whom the caller may not see all.
    """

    users: frozenset[str] | None = frozenset()
    servers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, allowed: Any, db: Any) -> Reach:
        """Return the reach of a filter of JupyterHub's for a scope: what :meth:`get_scope_filter` says of a server that still is."""
        if allowed is None or allowed is Scope.ALL:
            return cls(None if allowed is not None else frozenset())
        users = set(allowed.get("user", ()))
        for name in allowed.get("group", ()):
            group = orm.Group.find(db, name)
            users |= {user.name for user in group.users} if group is not None else set()
        return cls(frozenset(users), frozenset(name for name in allowed.get("server", ()) if name.partition("/")[0] not in users))

    def only(self, user: str) -> Reach:
        """Return as much of it as is this user's own."""
        own = frozenset({user} if self.users is None or user in self.users else ())
        return Reach(own, frozenset(name for name in self.servers if name.startswith(f"{user}/")))

    @property
    def names(self) -> frozenset[str] | None:
        """Return all users of whom the caller may see anything; None for everybody."""
        return None if self.users is None else self.users | {name.partition("/")[0] for name in self.servers}

    def has(self, past: PastSession) -> bool:
        """Tell whether the caller may see this session."""
        return self.of_server(past.user, past.name)

    def of_server(self, user: str, name: str) -> bool:
        """Tell whether it reaches a server."""
        return self.users is None or user in self.users or f"{user}/{name}" in self.servers

    def as_json(self) -> dict[str, list[str] | None]:
        """Return it for a page's script: ``users`` is None for everybody, ``servers`` are those of others as ``USER/NAME``."""
        return {"users": sorted(self.users) if self.users is not None else None, "servers": sorted(self.servers)}


# --- one session -----------------------------------------------------------------------------------------------------------------


def summary_of(options: Mapping[str, Any]) -> str:
    """Return a request in words, for the lists."""
    try:
        return read_again(options).in_words
    except RequestRejected:
        return str(options.get("profile") or "")


def log_link(hub_url: str, user: str, job_id: int) -> str:
    """Return the address of the page of a session's log; empty where it had no job."""
    return str(url_path_join(hub_url, f"resource-form/log?{urlencode({'user': user, 'job': job_id})}")) if job_id else ""


def kind_of(over: PastSession | End) -> Literal["finished", "others"]:
    """Return the list in which a session stands that is over."""
    return "finished" if (over.kind or kind_of_end(over.state)) == "finished" else "others"


def status_of_past(past: PastSession, hub_url: str, labels: Labels = BUILT_IN_LABELS, *, own: bool = True) -> SessionStatus:
    """Return how a session stands that is in the record; ``labels`` are what the catalogue calls its release and interface.

    Without ``own`` it is for somebody else than its user.
    """
    server = Server(
        user=past.user,
        name=past.name,
        display_name=shown_name(past.display_name, past.request, past.name, labels),
        named=bool(past.display_name),
        color=past.color,
        request=past.request if own else veiled_request(past.request),
        summary=summary_of(past.request),
        release_text=labels.release(past.request.get("release")),
        interface_text=labels.interface(past.request.get("interface")),
        spawn_url=url_path_join(hub_url, "spawn", url_escape_path(past.user), url_escape_path(past.name)),
        log_url=log_link(hub_url, past.user, past.job_id),
    )
    ran = past.ended - past.started if past.started is not None else 0.0
    waited = (past.started or past.ended) - past.submitted if past.submitted is not None else None
    return SessionStatus(
        server=server,
        kind=kind_of(past),
        state="ended",
        stage="",
        sentence=past.sentence,
        slurm_state=past.state,
        job_id=past.job_id or None,
        node=past.node,
        held_text=had_in_words(past.request),
        submitted=past.submitted,
        started=past.started,
        ended=past.ended,
        what_to_do=past.what_to_do,
        seconds_waited=max(0, int(waited)) if waited is not None else None,
        cost=charge_in_all(past.cost, ran),
        progress=100,
        change=dict(past.change),
        category=past.category,
        exit_code=past.exit_code,
        used_memory_mb=past.used_mb,
        asked_memory_mb=past.asked_mb,
        use=past.use if own or past.use is None else past.use.for_others(),
        reference=past.reference,
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A past session with its JSON; ``still`` is that without what changes by time passing alone."""

    past: PastSession
    text: str
    still: bytes


async def _listed(rows: Rows, hub_url: str, labels: Labels, *, own: bool) -> tuple[Listed, ...]:
    """In the language of the page: made once for all who hold on to these rows."""
    key = in_use(), hub_url, labels, own
    if key not in rows.made:
        made = []
        for number, past in enumerate(rows.sessions):
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)
            full = as_json(status_of_past(past, hub_url, labels, own=own))
            made.append(Listed(past, json.dumps(full), json.dumps(without_clock(full)).encode()))
        rows.made[key] = tuple(made)
    listed: tuple[Listed, ...] = rows.made[key]
    return listed


# --- all that a caller may see ---------------------------------------------------------------------------------------------------


class Past:
    """The past sessions of one caller's answers, the latest first.

    Parameters
    ----------
    history
        The record, made anew for each question as the admin's settings may say.
    limit
        So many at most; 0: none of the record.
    own
        They are the caller's own: of others' variables only the names are told.
    """

    def __init__(self, history: Callable[[], History | None], reach: Reach, *, limit: int = SHOWN, own: bool = True) -> None:
        self._history = history
        self._reach = reach
        self.limit = limit
        self._own = own
        self._rows: Rows | None = None
        self._labels = BUILT_IN_LABELS

    def changes(self) -> int:
        """Return another number once there is something new. It is cheap."""
        history = self._history() if self.limit else None
        return history.changes(self._reach.names) if history is not None else 0

    async def listed(self, hub_url: str, going_on: Collection[str]) -> list[Listed]:
        """Return all but those whose keys (:func:`.history.session_key`) are still among the ones that go on."""
        rows = self._known()
        found = await _listed(rows, hub_url, self._labels, own=self._own) if rows is not None else ()
        return [entry for entry in found if self._reach.has(entry.past) and entry.past.session not in going_on]

    def sessions(self, going_on: Collection[str]) -> list[PastSession]:
        """Return the same sessions, without their JSON."""
        rows = self._known()
        return [past for past in rows.sessions if self._reach.has(past) and past.session not in going_on] if rows is not None else []

    def _known(self) -> Rows | None:
        history = self._history() if self.limit else None
        if history is not None:
            self._rows = history.rows(self._reach.names, self.limit, self._rows)
            self._labels = history.labels
        return self._rows


def key_of(user: str, name: str, record: Record, end: End | None) -> str:
    """Return the key of a session that is not forgotten yet, as the record has it once it is over."""
    return session_key(record.nonce, user=user, server=name, at=end.at if end is not None else 0.0)


def has_end(sessions: Iterable[PastSession], end: End) -> bool:
    """Tell whether the last end of a server is the end of one of these sessions of that server."""
    if end.job_id:
        return any(past.job_id == end.job_id for past in sessions)
    return any(not past.job_id and abs(past.ended - end.at) < 1 for past in sessions)


def history_for(handler: HubHandler, spawner: object) -> History:
    """Return the record with the admin's settings: those of a spawner of ours where there is one, else those of the Hub's class."""
    own = own_spawner(spawner)
    if own is not None:
        return history_of(own)
    state, settings = HubState.of(handler), class_settings(handler)
    storage = Storage.in_hub(state, handler.db, state.cluster, handler.log)
    return History(
        storage, length=settings.history_length, days=settings.history_days, memory=state.part(HistoryMemory), labels=labels_of(state)
    )
