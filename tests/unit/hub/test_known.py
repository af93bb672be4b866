"""Tests for spawner.hub.known: what JupyterHub has let go of is not read again by a look of ours."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from jupyterhub import orm
from sqlalchemy.exc import OperationalError

from spawner.hub.database import Patience
from spawner.hub.known import are_read, can_be_read, name_at_hand, name_of, value_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the Hub's database lies."""
    return tmp_path / "jupyterhub.sqlite"


@pytest.fixture
def db(path: Path) -> Iterator[Any]:
    """The Hub's database session, which waits for the lock for no longer than 10 ms, with a user and their server."""
    session = orm.new_session_factory(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 0.01})()
    user = orm.User(name="ada")
    session.add(user)
    session.add(orm.Spawner(name="one", user=user))
    session.commit()
    yield session
    session.close()


@contextmanager
def lost(db: Any, path: Path) -> Iterator[None]:
    """JupyterHub could not write, has taken its session back, and the lock is held still."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        db.execute(sa.select(1))
        other.execute("BEGIN EXCLUSIVE")
        db.rollback()
        yield
        other.execute("ROLLBACK")


def user_in(db: Any) -> Any:
    """As JupyterHub's ``User``: the row is one thing, its wrapper another."""
    row = orm.User.find(db, "ada")
    assert row is not None
    (server,) = row._orm_spawners
    assert (server.server, server.user_options) == (None, None)
    return SimpleNamespace(orm_user=row, spawners={"one": SimpleNamespace(orm_spawner=server)})


def test_a_name_is_known(db: Any, path: Path) -> None:
    """It is as it was when we looked last, and another one once JupyterHub has read another one."""
    user = user_in(db)
    assert name_of(user) == "ada"
    with lost(db, path):
        assert name_of(user) == "ada"
        with pytest.raises(OperationalError):
            _ = user.orm_user.name
    user.orm_user.name = "grace"
    assert name_of(user) == "grace"
    db.commit()
    with lost(db, path):
        assert name_of(user) == "grace"


def test_what_was_never_looked_at_is_read(db: Any, path: Path) -> None:
    """There is nothing else to be had; an object that is no row has what it has."""
    (server,) = user_in(db).orm_user._orm_spawners
    db.expire(server)
    assert value_of(server, "name") == "one"
    assert value_of(SimpleNamespace(name="plain"), "name") == "plain"


def test_nobody_is_learnt_of_by_asking(db: Any, path: Path) -> None:
    """Whoever JupyterHub has let go of has no name, a service neither."""
    user, service = user_in(db), orm.Service(name="tests")
    db.add(service)
    db.commit()
    assert name_at_hand(user) == "ada"
    assert name_at_hand(service) == "tests"
    assert name_at_hand(SimpleNamespace(name="plain")) == "plain"
    with lost(db, path):
        assert name_at_hand(user) == ""
        assert name_at_hand(service) == ""


def test_a_look_waits_until_the_database_answers(db: Any, path: Path) -> None:
    """All that is looked at has to be there, or to be had at once. Nothing is asked where it is there."""
    user, patience = user_in(db), Patience()
    statements: list[str] = []
    sa.event.listen(db.get_bind(), "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert are_read([user])
    assert can_be_read([user], db, patience)
    assert not statements
    with lost(db, path):
        assert not can_be_read([user], db, patience)
        assert patience.is_resting
        began = time.monotonic()
        for _ in range(50):
            assert not can_be_read([user], db, patience)
        assert time.monotonic() - began < 0.5
    assert can_be_read([user], db, patience)
    assert user.orm_user.name == "ada"
    assert not are_read([user])  # the server's row is still to be read
    (server,) = user.orm_user._orm_spawners
    assert (server.name, server.server, server.user_options) == ("one", None, None)
    assert are_read([user])
    db.delete(server)
    db.commit()
    assert can_be_read([user], db, patience)
