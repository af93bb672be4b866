"""Our own transactions in the Hub's database: short, on a connection of their own, and written later where they cannot be written now.

JupyterHub has one database session for all that it does, on the Hub's loop. A failure of ours in it would take back what JupyterHub is
about to store, and a wait of ours would keep everybody waiting; so we take another connection of the same engine and wait for a moment
only. In ``:memory:`` there is one connection for all, and nobody else who could lock it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session as DatabaseSession

from ..cache import BoundedDict

LOCK_PATIENCE_MS = 25
"""So long one statement of ours waits for SQLite's lock. Nobody else is served meanwhile: JupyterHub's own statements wait for 5 s."""

REST_FACTOR = 10
"""After one that waited in vain the next ones do not wait for so many times as long: together they take a tenth of the loop's time."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 10.0
"""Between two tries to write what the database did not take."""

MAX_LATE = 10_000
"""So many writes are kept at most that the database did not take, the latest."""


class Patience:
    """How long the statements of one Hub's own transactions wait for a lock, or for a database that is away.

    Parameters
    ----------
    clock
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._rests_until = 0.0

    @property
    def is_resting(self) -> bool:
        """Whether the database was found locked or away just now."""
        return self.clock() < self._rests_until

    @property
    def milliseconds(self) -> int:
        """So long the next statement may wait."""
        return 0 if self.is_resting else LOCK_PATIENCE_MS

    def was_in_vain(self, since: float) -> None:
        """Note that the database was waited for since a moment, in vain. Those that do not wait put no later end to the rest."""
        if not self.is_resting:
            self._rests_until = self.clock() + REST_FACTOR * max(self.clock() - since, LOCK_PATIENCE_MS / 1000)


class Transaction:
    """One transaction of ours, on a connection of its own."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._afterwards: list[Callable[[], object]] = []

    def execute(self, statement: Executable) -> CursorResult[Any]:
        """Execute a statement."""
        return self.connection.execute(statement)

    def afterwards(self, call: Callable[[], object]) -> None:
        """Have something called once the transaction is committed; not at all if it is taken back."""
        self._afterwards.append(call)

    def commit(self) -> None:
        """Commit it."""
        self.connection.commit()
        for call in self._afterwards:
            call()


@contextlib.contextmanager
def transaction(db: DatabaseSession, patience: Patience | None = None) -> Iterator[Transaction]:
    """Begin a transaction of our own in the database of ``db``; in the end it is committed, or taken back.

    Raises
    ------
    TimeoutError
        Somebody holds a lock, of SQLite's or on rows or tables of PostgreSQL's, or it was so just now: it may work in a moment.
    """
    patience = patience if patience is not None else Patience()
    if patience.is_resting and db.get_bind().dialect.name != "sqlite":
        raise TimeoutError("the database did not answer just now")  # a connection may take long to fail
    since = patience.clock()
    try:
        with db.get_bind().connect() as connection, _short_patience(connection, patience.milliseconds):  # type: ignore[union-attr]
            own = Transaction(connection)
            try:
                yield own
                own.commit()
            except BaseException:
                connection.rollback()
                raise
    except OperationalError as error:
        patience.was_in_vain(since)
        if _is_locked(error):
            raise TimeoutError(str(error.orig)) from error
        raise


def _is_locked(error: OperationalError) -> bool:
    # 55P03 is lock_not_available (PostgreSQL's manual, appendix A).
    return "locked" in str(error.orig) or getattr(error.orig, "sqlstate", getattr(error.orig, "pgcode", "")) == "55P03"


@contextlib.contextmanager
def _short_patience(connection: Connection, milliseconds: int) -> Iterator[None]:
    if connection.dialect.name == "postgresql":
        # Until this transaction is over. 0 would be no limit.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{milliseconds or 1}ms'")
    if connection.dialect.name != "sqlite":
        yield
        return
    # Not through the connection: that would begin a transaction, and this is to hold until one is over.
    driver: Any = connection.connection.dbapi_connection
    ((patience,),) = driver.execute("PRAGMA busy_timeout").fetchall()
    driver.execute(f"PRAGMA busy_timeout = {milliseconds}")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout = {int(patience)}")


class LateWrites:
    """What the database of one Hub did not take: tried again until it does. A later write of the same name takes an earlier one's place."""

    def __init__(self) -> None:
        self._writes: BoundedDict[Hashable, Callable[[], None]] = BoundedDict(MAX_LATE)
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._writes)

    def add(self, name: Hashable, write: Callable[[], None]) -> None:
        """Have ``write`` called until it raises nothing. It must say what is true by then, not what was when it failed first."""
        self._writes[name] = write
        if self._task is None or self._task.done():
            with contextlib.suppress(RuntimeError):  # no loop runs: the next one begins it
                self._task = asyncio.get_running_loop().create_task(self._run())

    def forget(self, name: Hashable) -> None:
        """Give a write up: it was made, or is not true any more."""
        self._writes.pop(name, None)

    async def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while self._writes:
            await asyncio.sleep(pause)
            pause = FIRST_PAUSE_SECONDS if await self._write() else min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _write(self) -> bool:
        """Once each, until one fails; that one comes last the next time."""
        for name, write in list(self._writes.items()):
            try:
                write()
            except Exception:  # noqa: BLE001 - whoever failed first has said so in the log
                self._writes[name] = self._writes.get(name, write)
                return False
            if self._writes.get(name) is write:
                del self._writes[name]
            await asyncio.sleep(0)
        return True
