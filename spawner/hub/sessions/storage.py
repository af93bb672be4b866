"""Our writes about sessions: one transaction an event, in which goes what has ended meanwhile, and later where it cannot be now."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable, Iterable
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from jupyterhub import orm
from jupyterhub.utils import compare_token
from sqlalchemy.orm import Session as DatabaseSession
from sqlalchemy.orm import object_session
from sqlalchemy.orm.attributes import set_committed_value

from ...bounds import DEFAULTS, Bounds
from ...cluster.ended import EndedSessions
from ..database import LateWrites, Patience, Transaction, transaction
from ..known import can_be_read, name_of
from ..protocol import HubSpawner, HubUser, Log, StartingSpawner
from ..state import HubState
from .over import SessionsOver
from .tables import SESSIONS, TABLES

Answer = TypeVar("Answer")
Otherwise = TypeVar("Otherwise")
Work = Callable[[Transaction], Answer]

REPEAT_LOG_SECONDS = 600.0
"""After so long the log says again that the database does not take what we write."""


class StorageMemory:
    """What one Hub knows of its database without asking: it is the only one that writes there."""

    def __init__(self) -> None:
        self.has_tables = False
        self.patience = Patience()
        self.told: dict[str, float] = {}
        """When the log was last told of each kind of error."""


class Storage:
    """The database of ``db``, which is the Hub's own database session.

    Parameters
    ----------
    ended
        The sessions that have ended and are not stored yet: each transaction of ours stores them.
    late
        Takes what the database did not.
    """

    def __init__(
        self,
        db: DatabaseSession,
        *,
        log: Log,
        clock: Callable[[], float] = time.time,
        bounds: Bounds = DEFAULTS,
        ended: EndedSessions | None = None,
        memory: StorageMemory | None = None,
        late: LateWrites | None = None,
    ) -> None:
        self.clock = clock
        self._db = db
        self._log = log
        self._memory = memory if memory is not None else StorageMemory()
        self._late = late if late is not None else LateWrites()
        ended = ended if ended is not None else EndedSessions()
        self.over = SessionsOver(db, ended, bounds=bounds, clock=clock, patience=self._memory.patience)

    @classmethod
    def of(cls, spawner: HubSpawner) -> Storage:
        """Return the storage of the Hub that a spawner belongs to."""
        # Spawner.db is deprecated, and says so in the log.
        return cls.in_hub(HubState.of(spawner), object_session(spawner.user.orm_user) or spawner.db, spawner.cluster, spawner.log)

    @classmethod
    def in_hub(cls, state: HubState, db: DatabaseSession, cluster: Any, log: Log) -> Storage:
        """Return the storage of a Hub."""
        memory, late = state.part(StorageMemory), state.part(LateWrites)
        return cls(db, log=log, clock=cluster.clock, bounds=cluster.bounds, ended=cluster.ended, memory=memory, late=late)

    def write(self, work: Work[Answer]) -> Answer:
        """Do ``work`` in a transaction, with what has ended meanwhile.

        Raises
        ------
        TimeoutError
            Somebody holds the database's lock: it may work in a moment.
        """
        try:
            with transaction(self._db, self._memory.patience) as own:
                if not self._memory.has_tables:
                    TABLES.create_all(own.connection, checkfirst=True)
                self.over.put(own)
                answer = work(own)
        except BaseException:
            self._memory.has_tables = False
            raise
        self._memory.has_tables = True
        if self.over.has_more:
            self.later("over", self._write_what_ended)
        return answer

    def _write_what_ended(self) -> None:
        self.write(lambda _own: None)

    def store_what_ended(self) -> None:
        """Store the sessions that have ended and are not stored yet, if there are any; where that fails it is done later."""
        if self.over.has_more:
            self.write_or_later("over", lambda _own: None, None)

    def write_or_later(self, name: Hashable, work: Work[Answer], otherwise: Otherwise) -> Answer | Otherwise:
        """Do ``work`` as :meth:`write`. Where that fails the log says so once a while, and it is done later, under this name."""
        try:
            answer = self.write(work)
        except Exception as error:  # noqa: BLE001 - whatever the database says, the session that has ended must be over
            self._failed(error)
            self.later(name, lambda: self.write(work))
            return otherwise
        self._late.forget(name)
        return answer

    def later(self, name: Hashable, write: Callable[[], Any]) -> None:
        """Have this written once the database takes it; nothing else of that name any more."""
        self._late.add(name, write)

    def is_written(self, name: Hashable) -> None:
        """Note that nothing of that name has to be written any more."""
        self._late.forget(name)

    def read(self, work: Work[Answer], *, empty: Answer, otherwise: Otherwise) -> Answer | Otherwise:
        """Ask something, and write nothing: ``empty`` where there are no tables of ours yet, ``otherwise`` where there is no answer."""
        try:
            with transaction(self._db, self._memory.patience) as own:
                if not self._memory.has_tables and not sa.inspect(own.connection).has_table(SESSIONS.name):
                    return empty
                return work(own)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(error)
            return otherwise

    def can_look_at(self, users: Iterable[HubUser]) -> bool:
        """Tell whether a look at what JupyterHub has of these users and their servers keeps nobody waiting (:mod:`..known`)."""
        return can_be_read(users, self._db, self._memory.patience)

    def _failed(self, error: Exception) -> None:
        kind, now = type(error).__name__, self.clock()
        if not 0 <= now - self._memory.told.get(kind, -REPEAT_LOG_SECONDS) < REPEAT_LOG_SECONDS:
            self._memory.told[kind] = now
            self._log.error("The record of past sessions cannot be read or written: %s", str(error).partition("\n")[0])


def identity_of(row: Any) -> Any:
    """Return the id of a row that JupyterHub has an object of; the database is not asked."""
    return sa.inspect(row).identity[0]


def stored_state(own: Transaction, server: Any) -> Any:
    """Read what is stored of the state of a server that JupyterHub has an object of, in a transaction of ours; None where it is no more."""
    table = type(server).__table__
    # As text: SQLAlchemy warns of queries for a type like JupyterHub's that it cannot keep compiled.
    column = sa.literal_column("state", sa.Text)
    text = own.execute(sa.select(column).select_from(table).where(table.c.id == identity_of(server))).scalar_one_or_none()
    return table.c.state.type.process_result_value(text, None)


def put_into_row(own: Transaction, row: Any, **values: Any) -> None:
    """Write columns of a row that JupyterHub has an object of, in a transaction of ours; afterwards the object has them as read."""
    table = type(row).__table__
    own.execute(sa.update(table).where(table.c.id == identity_of(row)).values(**values))
    for name, value in values.items():
        own.afterwards(partial(set_committed_value, row, name, value))


def store_state(spawner: StartingSpawner) -> None:
    """Make a spawner's state durable now, and what is to stand for its request; where that fails it is done later.

    Raises
    ------
    TimeoutError
        Somebody holds the database's lock: it may work in a moment.
    """
    if object_session(spawner.orm_spawner) is None:
        return
    storage, name = Storage.of(spawner), ("state", name_of(spawner.user), spawner.name)

    def put(own: Transaction) -> None:
        # By the time of a later try another spawner may have taken this one's place, or the server be no more.
        if object_session(spawner.orm_spawner) is not None and spawner.user.spawners.get(spawner.name, spawner) is spawner:
            options = {} if spawner.kept_options is None else {"user_options": spawner.kept_options}
            put_into_row(own, spawner.orm_spawner, state=spawner.get_state(), **options)

    try:
        storage.write(put)
    except Exception:
        storage.later(name, lambda: storage.write(put))
        raise
    storage.is_written(name)


def store_address(spawner: StartingSpawner, ip: str, port: int) -> None:
    """Have JupyterHub know where a server listens, durably; where that fails it is done later."""
    server, proto = spawner.server, "https" if spawner.internal_ssl else "http"

    def put(own: Transaction) -> None:
        if object_session(server.orm_server) is not None:
            put_into_row(own, server.orm_server, proto=proto, ip=ip, port=port)

    Storage.of(spawner).write_or_later(("address", name_of(spawner.user), spawner.name), put, None)
    # JupyterHub's object has them as read by now: nothing is left to write. Where that failed, it writes them with what comes next.
    server.proto, server.ip, server.port = proto, ip, port


def revoke_tokens(spawner: StartingSpawner, notes: Collection[str]) -> None:
    """Revoke the tokens of a spawner's user that have one of these notes; where that fails it is done later.

    By then a new session may have a token of the same note, which stays.
    """
    user: Any = spawner.user.orm_user
    table, owner, stopped = orm.APIToken.__table__, identity_of(user), spawner.api_token

    def put(own: Transaction) -> None:
        query = sa.select(table.c.id, table.c.hashed).where(table.c.user_id == owner, table.c.note.in_(notes))
        current = getattr(spawner.user.spawners.get(spawner.name), "api_token", "")
        kept = current if current != stopped else ""
        found = [row.id for row in own.execute(query).all() if not (kept and compare_token(row.hashed, kept))]
        if found:
            own.execute(sa.delete(table).where(table.c.id.in_(found)))
            own.afterwards(partial(_read_anew, user, "api_tokens"))

    Storage.of(spawner).write_or_later(("tokens", owner, *notes), put, None)


def _read_anew(row: Any, name: str) -> None:
    if (session := object_session(row)) is not None:
        session.expire(row, [name])
