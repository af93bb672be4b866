"""Our own record of sessions that are over: a table of ours in the Hub's own database.

A database that is broken or cannot be written costs nobody their session: the log says so, once a while.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timezone
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import sqlalchemy as sa
from jupyterhub import orm

from ...session.record import End
from ...session.used import Used
from ...site.catalogue import BUILT_IN_LABELS, Labels
from ..database import Transaction
from .storage import Storage
from .tables import SESSIONS, has_row, keep_newest

HISTORY_LENGTH = 100
HISTORY_DAYS = 90
MAX_FORGOTTEN = 500
"""So many of a user's sessions are forgotten at a time."""

REREAD_SECONDS = 3600
"""So often the database is asked although nothing has changed: sessions become too old."""

FEW = 10
"""Of more users than these it is not counted whose sessions have changed."""

_users: sa.TableClause = orm.User.__table__


class Rows:
    """The answer to one question, kept for as long as somebody holds on to it. ``made`` has what was made of it, by whoever did."""

    __slots__ = ("__weakref__", "changes", "made", "sessions")

    def __init__(self, sessions: tuple[PastSession, ...], changes: int) -> None:
        self.sessions = sessions
        self.changes = changes
        self.made: dict[Any, Any] = {}


class HistoryMemory:
    """What a Hub knows of its database without asking: the Hub is the only one that writes there."""

    def __init__(self) -> None:
        self.changes: Counter[str | None] = Counter()
        """How often each user's sessions were changed, and (None) all together."""
        self.rows: WeakValueDictionary[Any, Rows] = WeakValueDictionary()
        """The answers that are in use."""

    def changed(self, user: str) -> None:
        """Count a change of a user's sessions."""
        self.changes[user] += 1
        self.changes[None] += 1


@dataclass(frozen=True, slots=True)
class PastSession:
    """A session that is over.

    ``session`` tells it from all others (:func:`session_key`). Moments are seconds since the epoch, None where it did not come to that.
    ``request`` are the options without the values of variables. ``cost`` is what it used, in billing units; None where it is not charged or
    nobody knows. The rest is as in :class:`.record.End`.
    """

    session: str
    user: str
    name: str
    ended: float
    kind: str = "others"
    category: str = "unknown"
    state: str = ""
    sentence: str = ""
    what_to_do: str = ""
    change: Mapping[str, str] = field(default_factory=dict)
    display_name: str = ""
    color: str = ""
    job_id: int = 0
    node: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    submitted: float | None = None
    started: float | None = None
    exit_code: int | None = None
    used_mb: int | None = None
    asked_mb: int | None = None
    cost: float | None = None
    reference: str = ""
    use: Used | None = None

    def with_end(self, end: End) -> PastSession:
        """Return the same session, of whose end more is known."""
        return replace(
            self,
            kind=end.kind or "others",
            category=end.category or "unknown",
            state=end.state,
            sentence=end.sentence,
            what_to_do=end.what_to_do,
            change=dict(end.change),
            job_id=end.job_id,
            node=end.node or self.node,
            exit_code=end.exit_code,
            used_mb=end.used_mb,
            asked_mb=end.asked_mb,
            reference=end.reference,
            use=end.use,
        )


_COLUMNS = ("session", "user", "name", "kind", "ended")


def _row(past: PastSession) -> dict[str, Any]:
    record = {name: value for name, value in asdict(past).items() if name not in _COLUMNS}
    return {
        "session": past.session,
        "user_name": past.user,
        "server_name": past.name,
        "kind": past.kind,
        "ended": past.ended,
        "record": json.dumps(record),
    }


def _past(row: Any) -> PastSession | None:
    """None for what cannot be read."""
    try:
        record = json.loads(row.record)
        known = {name: record[name] for name in PastSession.__slots__ if name in record and name not in _COLUMNS}
        known["use"] = Used.from_state(known.get("use"))
        return PastSession(session=row.session, user=row.user_name, name=row.server_name, kind=row.kind, ended=float(row.ended), **known)
    except (TypeError, ValueError, AttributeError):
        return None


def _is_of_an_earlier_user(row: Any) -> bool:
    """Whether the session ended before the Hub had this user: then it was somebody else's, of the same name."""
    created = getattr(row, "user_created", None)
    return created is not None and row.ended < created.replace(tzinfo=created.tzinfo or timezone.utc).timestamp()


class History:
    """The past sessions in the Hub's own database.

    Parameters
    ----------
    length, days
        So many sessions of each user are kept, for so many days; 0 of either keeps none.
    memory
        What is known of this database, shared by all who open it.
    labels
        What the catalogue calls the releases and interfaces of these sessions now.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        length: int = HISTORY_LENGTH,
        days: float = HISTORY_DAYS,
        memory: HistoryMemory | None = None,
        labels: Labels = BUILT_IN_LABELS,
    ) -> None:
        self.labels = labels
        self._storage = storage
        self._memory = memory if memory is not None else HistoryMemory()
        self._length = length
        self._days = days
        self._clock = storage.clock

    # --- write ------------------------------------------------------------------------------------------------------------------

    def add(self, past: PastSession) -> bool:
        """Record the session, and forget what is beyond the bounds. Return False if it is there already, or could not be recorded yet.

        That it is over is stored also where the admin wants no past sessions to be kept.
        """
        if not self.is_kept:
            self._storage.store_what_ended()
            return False

        def write(own: Transaction) -> bool:
            if has_row(own, SESSIONS, past.session):
                return False
            own.execute(sa.insert(SESSIONS).values(_row(past)))
            self._forget_what_is_beyond(own, past.user)
            own.afterwards(partial(self._memory.changed, past.user))
            return True

        return self._storage.write_or_later(("past", past.session), write, otherwise=False)

    def update(self, past: PastSession, *also: Callable[[Transaction], None]) -> bool:
        """Record what more is known of a session, and do in the same transaction what belongs to it.

        Return False if the session is not there, or not any more, or if it could not be recorded yet.
        """

        def write(own: Transaction) -> bool:
            row = _row(past)
            result: Any = own.execute(sa.update(SESSIONS).where(SESSIONS.c.session == past.session).values(row))
            for work in also:
                work(own)
            own.afterwards(partial(self._memory.changed, past.user))
            return bool(result.rowcount)

        return self._storage.write_or_later(("more of", past.session), write, otherwise=False)

    def _forget_what_is_beyond(self, own: Transaction, user: str) -> None:
        """What is too old, what a user has too many of, and what is of users that the Hub does not have any more."""
        oldest = self._clock() - self._days * 86_400
        own.execute(sa.delete(SESSIONS).where(SESSIONS.c.ended < oldest))
        own.execute(sa.delete(SESSIONS).where(SESSIONS.c.user_name.not_in(sa.select(_users.c.name))))
        keep_newest(own, SESSIONS, user, SESSIONS.c.ended, self._length, at_once=MAX_FORGOTTEN)

    # --- read -------------------------------------------------------------------------------------------------------------------

    @property
    def is_kept(self) -> bool:
        """Tell whether the admin wants any past sessions to be kept."""
        return self._length > 0 and self._days > 0

    def changes(self, users: frozenset[str] | None = None) -> int:
        """Return another number once the sessions of these users, or of anybody (None), have changed. The database is not asked."""
        of = self._memory.changes
        return of[None] if users is None or len(users) > FEW else sum(of[user] for user in users)

    def rows(self, users: frozenset[str] | None, limit: int, held: Rows | None = None) -> Rows:
        """Return the past sessions of users, the latest first, without those of an earlier user of the same name.

        The database is asked once for each change.

        Parameters
        ----------
        users
            Of these; None: of all whom the Hub has.
        held
            What the caller had the last time: it is kept where the database does not answer. Callers who hold on to their answer share
            it with all who ask the same.
        """
        known, changes = self._memory.rows, self.changes(users)
        key = (users, limit, self.is_kept, self._days, int(self._clock()) // REREAD_SECONDS)
        rows = known.get(key)
        if rows is not None and rows.changes == changes:
            return rows
        joined = sa.select(SESSIONS, _users.c.created.label("user_created")).join(_users, _users.c.name == SESSIONS.c.user_name)
        query = joined if users is None else joined.where(SESSIONS.c.user_name.in_(sorted(users)))
        found = self._read(query, limit) if self.is_kept and limit and users != frozenset() else ()
        if found is None:
            return held or Rows((), -1)
        rows = known[key] = Rows(found, changes)
        return rows

    def ended_between(self, begin: float, end: float, behind: PastSession | None, limit: int) -> tuple[PastSession, ...] | None:
        """Return the sessions of all users that ended in a time (seconds since the epoch), the first first, behind one of them.

        ``limit`` at most; None where the database does not answer.
        """
        query = sa.select(SESSIONS).where(SESSIONS.c.ended >= begin, SESSIONS.c.ended < end).order_by(SESSIONS.c.ended, SESSIONS.c.session)
        if behind is not None:
            later = sa.and_(SESSIONS.c.ended == behind.ended, SESSIONS.c.session > behind.session)
            query = query.where(sa.or_(SESSIONS.c.ended > behind.ended, later))

        def read(own: Transaction) -> tuple[PastSession, ...]:
            return tuple(past for row in own.execute(query.limit(limit)) if (past := _past(row)) is not None)

        nothing: tuple[PastSession, ...] = ()
        return self._storage.read(read, empty=nothing, otherwise=None)

    def users_cut_off(self, since: float) -> int | None:
        """Return of how many users the record has as many sessions as it takes, and none from before a moment: they may have had more.

        None where the database does not answer.
        """
        of_user = sa.select(SESSIONS.c.user_name).group_by(SESSIONS.c.user_name)
        full = of_user.having(sa.func.count() >= self._length, sa.func.min(SESSIONS.c.ended) >= since).subquery()

        def read(own: Transaction) -> int:
            return int(own.execute(sa.select(sa.func.count()).select_from(full)).scalar_one())

        return self._storage.read(read, empty=0, otherwise=None)

    def reaches_back_to(self, moment: float) -> bool:
        """Tell whether sessions that ended at a moment would still be kept today."""
        return self.is_kept and moment >= self._clock() - self._days * 86_400

    def _read(self, query: sa.Select[Any], limit: int) -> tuple[PastSession, ...] | None:
        """None where the database does not answer."""

        def read(own: Transaction) -> tuple[PastSession, ...]:
            newest_first = query.where(SESSIONS.c.ended >= self._clock() - self._days * 86_400).order_by(SESSIONS.c.ended.desc())
            rows = own.execute(newest_first.limit(max(0, limit))).all()
            return tuple(past for row in rows if not _is_of_an_earlier_user(row) and (past := _past(row)) is not None)

        nothing: tuple[PastSession, ...] = ()
        return self._storage.read(read, empty=nothing, otherwise=None)
