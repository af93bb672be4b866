"""For how long each statement of ours may wait for a lock, as the database was told: what does not depend on how busy the machine is.

A Hub's configuration calls :func:`watch`; the test reads :func:`asked_in`. A statement of ours on JupyterHub's connection, as by a value of
one of its objects that has to be read again, may wait as long as JupyterHub's own: 5 s with SQLite, for ever with PostgreSQL.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.support.stalls import stack_of, whose_is

FOR_EVER_MS = 10**9

NEED_NO_LOCK = ("SELECT 1", "SET LOCAL lock_timeout")
"""What touches no table: JupyterHub tries each connection with the first, we say with the second how long we wait."""

_NAME = "lock-waits"


@dataclass(frozen=True)
class Asked:
    """One statement on the Hub's loop: when, whose, for how many milliseconds it may wait for a lock, and what it was."""

    at: float
    whose: str
    most_ms: int
    statement: str
    stack: str

    def __str__(self) -> str:
        return f"{self.most_ms} ms: {self.statement[:80]!r} in {self.stack}"


def asked_in(folder: Path, whose: str = "ours") -> list[Asked]:
    """What a Hub of this folder has asked its database so far, of what was watched."""
    path = folder / _NAME
    found = [Asked(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
    return [asked for asked in found if asked.whose == whose]


def _most_ms(connection: Any) -> int:
    """How long this connection waits for a lock."""
    driver = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        return int(driver.execute("PRAGMA busy_timeout").fetchone()[0])
    ((value,),) = driver.execute("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'").fetchall()
    return int(value) or FOR_EVER_MS


def watch(folder: Path, when: Callable[[], bool] = lambda: True) -> None:
    """In the Hub's configuration, in the thread that will run its loop: note from now on what is asked, while ``when()``."""
    path, loop = folder / _NAME, threading.get_ident()
    path.unlink(missing_ok=True)

    @event.listens_for(Engine, "before_cursor_execute")
    def note(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if threading.get_ident() != loop or statement.startswith(NEED_NO_LOCK) or not when():
            return
        stack = stack_of(sys._getframe())
        asked = Asked(time.time(), whose_is(stack), _most_ms(connection), statement, stack)
        with path.open("a") as file:
            file.write(json.dumps(asdict(asked)) + "\n")
