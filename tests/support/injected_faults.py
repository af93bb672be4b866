"""Faults that a Hub does to itself on order: killed at a line of its log or a statement to its database, a full
disk, a locked database, other limits.

The test writes orders into a folder; the Hub's configuration calls :func:`obey`, which carries each out at the very moment it names.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import Pool

NONCE_IS_STORED = r'^UPDATE spawners .*"session": .*"job_id": 0\b.*"stopping": false'
JOB_ID_IS_STORED = r'^UPDATE spawners .*"session": .*"job_id": [1-9]'
STOP_IS_STORED = r'^UPDATE spawners .*"session": .*"stopping": true'
ANY_CHANGE = r"^(INSERT|UPDATE|DELETE)\b"


class Orders:
    """What the Hub of ``folder`` is to do to itself. Patterns are searched in a log line, or in a statement and its parameters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kill_at_line(self, pattern: str) -> None:
        """End the Hub with SIGKILL when it logs this."""
        self._order("kill_at_line", pattern)

    def kill_at_statement(self, pattern: str) -> None:
        """End the Hub with SIGKILL when its database is about to be told this."""
        self._order("kill_at_statement", pattern)

    def kill_once_stored(self, pattern: str) -> None:
        """End the Hub with SIGKILL when its database has taken this for good."""
        self._order("kill_once_stored", pattern)

    def fail_at(self, pattern: str) -> None:
        """The database's disk is full at this statement, and has room again for the next one."""
        self._order("fail_at", pattern)

    def disk_full_at(self, pattern: str) -> None:
        """The database's disk is full from this statement on, until :meth:`disk_has_room`."""
        self._order("disk_full_at", pattern)

    def disk_has_room(self) -> None:
        """The disk is not full any more."""
        self._take_back("disk_full_at")
        self._take_back("disk_is_full")

    def lock_after(self, pattern: str, seconds: float) -> None:
        """Another program takes the database's lock right after the transaction with this statement, and keeps it for so long."""
        self._order("lock_seconds", str(seconds))
        self._order("lock_after", pattern)

    def set_for_new_starts(self, **traits: object) -> None:
        """Give the spawner these values whenever a session starts, by a hook as an admin may write it."""
        self._order("spawner", json.dumps(traits))

    def take_all_back(self) -> None:
        """No orders."""
        for path in self.folder.glob("*"):
            path.unlink(missing_ok=True)

    def pending(self, name: str) -> bool:
        """Whether the order was not carried out yet."""
        return (self.folder / name).exists()

    def read(self, name: str) -> str:
        """The text of an order, empty if there is none."""
        try:
            return (self.folder / name).read_text()
        except FileNotFoundError:
            return ""

    def _order(self, name: str, text: str) -> None:
        scratch = self.folder / f".{name}.new"
        scratch.write_text(text)
        scratch.replace(self.folder / name)

    def _take_back(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def matches(self, name: str, text: str) -> bool:
        """In the Hub: whether the order is about ``text``; it is given once."""
        pattern = self.read(name)
        if not pattern or not re.search(pattern, text, re.DOTALL):
            return False
        self._take_back(name)
        return True

    def check_lock(self, statement: str, parameters: object, database: str) -> None:
        """In the Hub, before each statement: have another program wait for the lock, which is free once this transaction is over."""
        if self.matches("lock_after", f"{statement} {parameters}"):
            threading.Thread(target=self._lock, args=(database, float(self.read("lock_seconds"))), daemon=True).start()

    def _lock(self, database: str, seconds: float) -> None:
        with contextlib.closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as other:
            while not self.pending("locked"):
                with contextlib.suppress(sqlite3.OperationalError):
                    other.execute("BEGIN EXCLUSIVE")
                    self._order("locked", "yes")
            time.sleep(seconds)
            other.execute("ROLLBACK")
        self._take_back("locked")

    def check_disk(self, statement: str, parameters: object) -> None:
        """In the Hub, before each statement: fail as SQLite does on a disk without room."""
        if not re.search(ANY_CHANGE, statement):
            return
        if self.matches("disk_full_at", f"{statement} {parameters}"):
            self._order("disk_is_full", "yes")
        if self.pending("disk_is_full") or self.matches("fail_at", f"{statement} {parameters}"):
            raise OperationalError(statement, parameters, sqlite3.OperationalError("database or disk is full"))


class _KillAtLine(logging.Handler):
    def __init__(self, orders: Orders) -> None:
        super().__init__()
        self.orders = orders

    def __deepcopy__(self, _memo: object) -> _KillAtLine:
        """Configuration is copied, and a handler's lock cannot be."""
        return self

    def emit(self, record: logging.LogRecord) -> None:
        if self.orders.matches("kill_at_line", record.getMessage()):
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def obey(c: Any, folder: Path) -> None:
    """In the Hub's configuration: carry out the orders in ``folder``."""
    orders = Orders(folder)
    c.JupyterHub.extra_log_handlers = [_KillAtLine(orders)]

    def before_statement(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if orders.matches("kill_at_statement", f"{statement} {parameters}"):
            _die()
        if orders.matches("kill_once_stored", f"{statement} {parameters}"):
            # Whose connection it is: it is given back once the transaction is over.
            event.listen(Pool, "checkin", lambda _connection, _record: _die())
        orders.check_lock(statement, parameters, connection.engine.url.database)
        orders.check_disk(statement, parameters)

    event.listen(Engine, "before_cursor_execute", before_statement)

    def set_traits(spawner: Any) -> None:
        for name, value in json.loads(orders.read("spawner") or "{}").items():
            setattr(spawner, name, value)

    c.Spawner.pre_spawn_hook = set_traits
