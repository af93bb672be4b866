"""What a Hub of an older version has stored (``tests/fixtures/hub_state``) is data, and every word of it is read."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jupyterhub
import pytest
from jupyterhub import orm

from spawner.hub.sessions.history import History
from spawner.hub.sessions.storage import Storage
from spawner.request.recent import as_state, recent_of
from spawner.session.record import End, Record
from tests.support.older_state import FIXTURES, fixture
from tests.support.past_sessions import past_sessions

OURS = {"spawners": ("state", "user_options"), "resource_form_sessions": ("record",)}
"""The columns whose JSON is our own."""

OF_THE_CODE = re.compile(r"\bspawner[.:/]|\w+Spawner\b|__\w+__|py/|!!python|<\w+ object|\bgAS|\.py\b")
"""Traces of modules, classes, objects and pickles."""


@pytest.fixture(params=FIXTURES)
def dump(request: pytest.FixtureRequest) -> str:
    """The name of an older database."""
    return str(request.param)


@pytest.fixture
def database(tmp_path: Path, dump: str) -> Iterator[sqlite3.Connection]:
    """An older database, in a file."""
    connection = sqlite3.connect(tmp_path / "jupyterhub.sqlite")
    connection.executescript(fixture(dump).read_text())
    yield connection
    connection.close()


def states(dump: str) -> list[dict[str, Any]]:
    """What was kept of each server."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(fixture(dump).read_text())
        rows = connection.execute("SELECT state FROM spawners WHERE user_id NOTNULL ORDER BY id").fetchall()
    return [json.loads(state) for (state,) in rows]


def sessions(dump: str) -> list[dict[str, Any]]:
    """The records of sessions that were not over."""
    return [state["session"] for state in states(dump) if "session" in state]


def ends(dump: str) -> list[dict[str, Any]]:
    """How the last sessions ended."""
    return [state["last_end"] for state in states(dump) if "last_end" in state]


def fields(kept: Callable[[str], list[dict[str, Any]]], *but: str) -> list[tuple[str, str]]:
    """Each database with each field of the first one that it keeps, but for those that were always there."""
    return [(dump, name) for dump in FIXTURES for name in kept(dump)[0] if name not in but]


@pytest.mark.parametrize(("dump", "recent"), list(zip(FIXTURES, ([2, 1, 1, 1], [2, 1, 1, 0]), strict=True)))
def test_it_has_what_it_is_kept_for(dump: str, recent: list[int]) -> None:
    """Sessions that ran and one that waited, an end, last requests, a language."""
    assert [bool(session["port"]) for session in sessions(dump)] == [True, True, False]
    assert len(ends(dump)) == 1
    assert [len(state.get("recent", [])) for state in states(dump)] == recent
    assert [state.get("language") for state in states(dump)] == [None, None, None, "it"]


def test_nothing_depends_on_where_the_code_is(database: sqlite3.Connection) -> None:
    """No value in the whole database is bytes or names a module or a class; what is ours is JSON."""
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert set(OURS) <= set(tables)
    for table in tables:
        rows = database.execute(f"SELECT * FROM {table}")
        columns = [column[0] for column in rows.description]
        for row in rows:
            for column, value in zip(columns, row, strict=True):
                assert isinstance(value, (str, int, float, type(None))), (table, column)
                assert not OF_THE_CODE.search(str(value)), (table, column, value)
                if column in OURS.get(table, ()):
                    assert isinstance(json.loads(value), dict)


@pytest.mark.skipif(jupyterhub.version_info[0] < 6, reason="the database is one of JupyterHub 6, which an older one does not open")
def test_every_word_is_read(database: sqlite3.Connection, tmp_path: Path, dump: str) -> None:
    """Records, ends, last requests and past sessions are what they were."""
    for session in sessions(dump):
        assert session.items() <= as_json(Record.from_state(session).as_state()).items()
    for kept in ends(dump):
        end = End.from_state(kept)
        assert end is not None
        assert kept.items() <= as_json(asdict(end)).items()
    for state in states(dump):
        assert as_json(as_state(recent_of([state]))) == state.get("recent", [])
    rows = database.execute("SELECT session, user_name, server_name, kind, ended, record FROM resource_form_sessions ORDER BY ended DESC")
    stored = [
        {"session": session, "user": user, "name": server, "kind": kind, "ended": ended, **json.loads(record)}
        for session, user, server, kind, ended, record in rows
    ]
    assert len(stored) == 2
    with orm.new_session_factory(f"sqlite:///{tmp_path / 'jupyterhub.sqlite'}")() as db:
        past = past_sessions(History(Storage(db, log=logging.getLogger("tests.older"), clock=lambda: stored[0]["ended"])), "demo-ada")
    for kept, entry in zip(stored, past, strict=True):
        assert kept.items() <= as_json(asdict(entry)).items()


def as_json(value: Any) -> Any:
    """As the database has it."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(("dump", "missing"), fields(sessions, "nonce"))
def test_a_record_from_before_a_field_was_there(dump: str, missing: str) -> None:
    """It is read without it; and what a later version has added costs nothing."""
    kept = sessions(dump)[0]
    without = {name: value for name, value in kept.items() if name != missing}
    read = as_json(Record.from_state({**without, "of a later version": ["x"]}).as_state())
    assert without.items() <= read.items()
    assert read[missing] == as_json(Record(nonce="n").as_state())[missing]
    assert "of a later version" not in read


@pytest.mark.parametrize(("dump", "missing"), fields(ends, "state", "sentence", "at"))
def test_an_end_from_before_a_field_was_there(dump: str, missing: str) -> None:
    """The same of how a session ended."""
    without = {name: value for name, value in ends(dump)[0].items() if name != missing}
    end = End.from_state({**without, "of a later version": ["x"]})
    assert end is not None
    assert without.items() <= as_json(asdict(end)).items()
    assert getattr(end, missing) == getattr(End("", "", 0.0), missing)
