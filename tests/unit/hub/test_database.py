"""Tests for spawner.hub.database: our own transactions are short, touch nothing of JupyterHub's, and are made up for later."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import sqlalchemy as sa
from jupyterhub import orm

from spawner.hub.database import LOCK_PATIENCE_MS, LONGEST_PAUSE_SECONDS, MAX_LATE, REST_FACTOR, LateWrites, Patience, transaction
from tests.support.session_rig import virtually

STALL_SECONDS = 0.1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the Hub's database lies."""
    return tmp_path / "jupyterhub.sqlite"


@pytest.fixture
def db(path: Path) -> Iterator[Any]:
    """The Hub's database session, with a user."""
    session = orm.new_session_factory(f"sqlite:///{path}")()
    session.add(orm.User(name="ada"))
    session.commit()
    yield session
    session.close()


@contextmanager
def locked(path: Path, how: str) -> Iterator[None]:
    """Another program holds the database's lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        yield
        other.execute("ROLLBACK")


def write(db: Any, name: str) -> None:
    """A transaction of ours that writes."""
    with transaction(db) as own:
        own.execute(sa.insert(orm.Group.__table__).values(name=name))


def groups(path: Path) -> set[str]:
    """What another program finds there."""
    with closing(sqlite3.connect(path)) as other:
        return {name for (name,) in other.execute("select name from groups")}


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_locked_database_keeps_nobody_waiting(db: Any, path: Path, how: str) -> None:
    """It is said at once that it may work in a moment; what JupyterHub has in its own session stays there, not even read anew."""
    user = orm.User.find(db, "ada")
    assert user is not None
    db.commit()
    user.admin = True
    with locked(path, how):
        stalls = []
        for _ in range(5):
            began = time.monotonic()
            with pytest.raises(TimeoutError, match="locked"):
                write(db, "ours")
            stalls.append(time.monotonic() - began)
        assert median(stalls) < STALL_SECONDS
        assert user in db.dirty
        assert not sa.inspect(user).expired_attributes
    db.commit()
    write(db, "ours")
    assert groups(path) == {"ours"}
    assert db.execute(sa.select(orm.User.admin)).scalar() is True


def test_jupyterhub_waits_as_long_as_before(db: Any) -> None:
    """Our patience is ours alone: JupyterHub gets the same connections."""
    write(db, "ours")
    with db.get_bind().connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000


def test_what_fails_is_taken_back(db: Any, path: Path) -> None:
    """All of it, and what was to follow does not."""
    called: list[str] = []

    def fails() -> None:
        with transaction(db) as own:
            own.execute(sa.insert(orm.Group.__table__).values(name="ours"))
            own.afterwards(lambda: called.append("committed"))
            own.execute(sa.text("insert into nowhere values (1)"))

    with pytest.raises(sa.exc.OperationalError):
        fails()
    assert (groups(path), called) == (set(), [])


def test_what_jupyterhub_has_not_committed(db: Any, path: Path) -> None:
    """Where it holds the lock itself, ours waits for it, and its part is not committed with ours."""
    db.add(orm.User(name="grace"))
    db.flush()
    with pytest.raises(TimeoutError):
        write(db, "ours")
    db.commit()
    write(db, "ours")
    assert groups(path) == {"ours"}
    assert orm.User.find(db, "grace") is not None


def test_in_memory() -> None:
    """One connection for all: nothing locks it."""
    db = orm.new_session_factory("sqlite:///:memory:")()
    write(db, "ours")
    assert orm.Group.find(db, "ours") is not None


# --- later ----------------------------------------------------------------------------------------------------------------------


class Database:
    """Takes a write or not, and counts the tries."""

    def __init__(self) -> None:
        self.takes = False
        self.tries = 0
        self.has: list[str] = []

    def write(self, what: str) -> None:
        """Write something."""
        self.tries += 1
        if not self.takes:
            raise TimeoutError
        self.has.append(what)


def test_what_was_not_written_is_written_later() -> None:
    """Each once, as soon as the database is back; while it is away there is one try at a time, less and less often."""

    async def scenario() -> None:
        late, database = LateWrites(), Database()
        for name in ("a", "b"):
            late.add(name, lambda name=name: database.write(name))
        await asyncio.sleep(600)
        assert database.tries <= 600 / LONGEST_PAUSE_SECONDS + 10
        assert (database.has, len(late)) == ([], 2)
        database.takes = True
        await asyncio.sleep(LONGEST_PAUSE_SECONDS + 1)
        assert (sorted(database.has), len(late)) == (["a", "b"], 0)
        tries = database.tries
        await asyncio.sleep(600)
        assert database.tries == tries

    virtually(scenario)


def test_one_that_never_can_be_written() -> None:
    """It holds up no other."""

    async def scenario() -> None:
        late, database = LateWrites(), Database()
        database.takes = True

        def fails() -> None:
            raise ZeroDivisionError

        late.add("bad", fails)
        late.add("good", lambda: database.write("good"))
        await asyncio.sleep(30)
        assert (database.has, len(late)) == (["good"], 1)

    virtually(scenario)


def test_the_latest_of_a_name_counts() -> None:
    """What it says is true by then; what was written meanwhile is not written again."""

    async def scenario() -> None:
        late, database = LateWrites(), Database()
        for text in ("old", "new"):
            late.add("a", lambda text=text: database.write(text))
        late.add("b", lambda: database.write("b"))
        late.forget("b")
        database.takes = True
        await asyncio.sleep(30)
        assert database.has == ["new"]

    virtually(scenario)


def test_so_many_are_kept() -> None:
    """The latest."""
    late = LateWrites()
    for number in range(MAX_LATE + 5):
        late.add(number, lambda: None)
    assert len(late) == MAX_LATE


def test_many_that_wait_in_vain(db: Any, path: Path) -> None:
    """After one that waited the next ones do not, for ten times as long: fifty sessions' ends keep nobody waiting."""
    now = [0.0]
    patience = Patience(lambda: now[0])
    with locked(path, "EXCLUSIVE"):
        began = time.monotonic()
        for _ in range(50):
            with pytest.raises(TimeoutError), transaction(db, patience) as own:
                own.execute(sa.insert(orm.Group.__table__).values(name="ours"))
        assert time.monotonic() - began < 50 * LOCK_PATIENCE_MS / 1000 / 2
        assert patience.milliseconds == 0
        now[0] += REST_FACTOR * LOCK_PATIENCE_MS / 1000
        assert patience.milliseconds == LOCK_PATIENCE_MS
        patience.was_in_vain(now[0] - 3.0)
        now[0] += 29.0
        assert patience.is_resting
    with transaction(db, patience) as own:
        own.execute(sa.insert(orm.Group.__table__).values(name="ours"))
    assert groups(path) == {"ours"}
