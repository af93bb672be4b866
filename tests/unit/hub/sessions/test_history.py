"""Tests for spawner.hub.sessions.history: past sessions in the Hub's own database, bounded, and never at the cost of a session."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from jupyterhub import orm
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from spawner.hub.sessions.history import History, HistoryMemory, PastSession
from spawner.hub.sessions.storage import Storage, StorageMemory
from spawner.hub.sessions.tables import SESSIONS, session_key
from spawner.session.record import End
from tests.support.past_sessions import past_sessions

LOG = logging.getLogger("tests.history")
NOW = 1_800_000_000.0
DAY = 86_400


def past(number: int, user: str = "ada", **more: Any) -> PastSession:
    """The session of this number, which ended so many seconds before NOW."""
    values = {"kind": "finished", "category": "stopped", "sentence": "The session was stopped.", **more}
    return PastSession(session=session_key(f"nonce {user} {number}"), user=user, name="", ended=NOW - number, job_id=number, **values)


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database as a Hub has it."""
    return "sqlite:///:memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'jupyterhub.sqlite'}"


@pytest.fixture
def db(url: str) -> Iterator[Any]:
    """The Hub's database session, with two users."""
    session = orm.new_session_factory(url)()
    session.add_all([orm.User(name=name, created=datetime(2020, 1, 1)) for name in ("ada", "grace")])
    session.commit()
    yield session
    session.close()


def of(db: Any, **more: Any) -> History:
    """The record, at NOW."""
    storage = Storage(db, log=LOG, clock=lambda: NOW, memory=db.info.setdefault("storage", StorageMemory()))
    return History(storage, memory=db.info.setdefault("memory", HistoryMemory()), **more)


def ids(sessions: tuple[PastSession, ...]) -> list[int]:
    """Their jobs."""
    return [entry.job_id for entry in sessions]


def test_round_trip(db: Any) -> None:
    """All that is known of a session comes back, to another run of the Hub as well."""
    whole = PastSession(
        session=session_key("n"),
        user="ada",
        name="gpu",
        ended=NOW - 1.5,
        kind="others",
        category="out_of_memory",
        state="OUT_OF_MEMORY",
        sentence="“8.0 of 8 GB” – è finita",
        what_to_do="Start again.",
        change={"memory": "16G"},
        display_name="Träining <b>",
        color="#1f77b4",
        job_id=77,
        node="g001",
        request={"cores": 4, "memory": "8G"},
        submitted=NOW - 100,
        started=NOW - 90.5,
        exit_code=137,
        used_mb=8000,
        asked_mb=8192,
        cost=12.5,
    )
    assert of(db).add(whole)
    assert past_sessions(of(db), "ada") == (whole,)
    assert past_sessions(of(db), "grace") == past_sessions(of(db), "Ada") == ()
    assert past_sessions(of(db)) == (whole,)


def test_never_twice(db: Any) -> None:
    """The same session, noted again by this Hub or the next: one row, the first one's."""
    assert of(db).add(past(1))
    assert not of(db).add(past(1, sentence="Another one."))
    assert [entry.sentence for entry in past_sessions(of(db), "ada")] == ["The session was stopped."]


def test_keys() -> None:
    """By the nonce; where a session came to none, by whose it was and when it ended."""
    assert session_key("a") != session_key("b")
    assert session_key("", user="ada", server="", at=1.0) == session_key("", user="ada", server="", at=1.0)
    assert len({session_key("", user="ada", server=server, at=at) for server in ("", "x") for at in (1.0, 2.0)}) == 4
    assert "nonce" not in session_key("nonce")


def test_more_is_known_later(db: Any) -> None:
    """sacct's answer takes the place of what was said; of what is not there, nothing is made."""
    of(db).add(past(1))
    end = End("OUT_OF_MEMORY", "No memory.", NOW, "out_of_memory", "others", "Ask for more.", {"memory": "8G"}, 1, "g001", None, 4000, 4096)
    better = past(1).with_end(end)
    assert of(db).update(better)
    assert past_sessions(of(db), "ada") == (better,)
    assert (better.kind, better.change, better.used_mb, better.node) == ("others", {"memory": "8G"}, 4000, "g001")
    assert not of(db).update(past(2))
    assert ids(past_sessions(of(db), "ada")) == [1]


def test_so_many_of_each_user(db: Any) -> None:
    """The newest stay, of each user; the latest stand first."""
    for number in (5, 3, 1, 4, 2):
        of(db, length=3).add(past(number))
        of(db, length=3).add(past(number, "grace"))
    assert ids(past_sessions(of(db), "ada")) == ids(past_sessions(of(db), "grace")) == [1, 2, 3]
    assert ids(past_sessions(of(db), "ada", limit=2)) == [1, 2]
    assert len(past_sessions(of(db))) == 6
    assert len(past_sessions(of(db), limit=4)) == 4
    assert {entry.user for entry in past_sessions(of(db), "grace")} == {"grace"}
    assert of(db).rows(frozenset(), 5).sessions == ()


def test_so_many_days(db: Any) -> None:
    """What is older is not shown, and goes with the next that comes."""
    of(db).add(past(2 * DAY))
    of(db).add(past(20 * DAY, "grace"))
    assert ids(past_sessions(of(db, days=10))) == [2 * DAY]
    of(db, days=10).add(past(1))
    assert ids(past_sessions(of(db))) == [1, 2 * DAY]


@pytest.mark.parametrize("bound", [{"length": 0}, {"days": 0}])
def test_none_is_kept(db: Any, bound: dict[str, int]) -> None:
    """Where the admin wants none; nothing is made in the database."""
    assert not of(db, **bound).add(past(1))
    assert not sa.inspect(db.get_bind()).has_table("resource_form_sessions")


def test_users_who_are_gone(db: Any) -> None:
    """What is of a user whom the Hub does not have any more goes."""
    of(db).add(past(1))
    of(db).add(past(2, "grace"))
    of(db).add(past(3, "grace"))
    db.delete(orm.User.find(db, "grace"))
    db.commit()
    of(db).add(past(4))
    assert {entry.user for entry in past_sessions(of(db))} == {"ada"}


def test_what_the_hub_has_not_committed_is_kept(db: Any) -> None:
    """A failure of ours takes nothing back that JupyterHub was about to store."""
    db.add(orm.User(name="alan"))
    db.execute(sa.text("create table resource_form_sessions (odd integer)"))
    assert not of(db).add(past(1))
    assert orm.User.find(db, "alan") is not None
    db.commit()
    db.expire_all()
    assert orm.User.find(db, "alan") is not None


def test_the_table_is_made_again(db: Any) -> None:
    """Somebody has dropped it: the next but one is taken down."""
    of(db).add(past(1))
    db.execute(sa.text("drop table resource_form_sessions"))
    db.commit()
    assert not of(db).add(past(2))
    assert of(db).add(past(3))
    assert ids(past_sessions(of(db), "ada")) == [3]


def test_rows_that_cannot_be_read(db: Any) -> None:
    """Those of a later version, as far as it goes; broken ones are left out."""
    of(db).add(past(1))
    of(db).add(past(2))
    db.execute(sa.update(SESSIONS).where(SESSIONS.c.ended == NOW - 1).values(record='{"job_id": 1, "later": true}'))
    db.execute(sa.update(SESSIONS).where(SESSIONS.c.ended == NOW - 2).values(record="not JSON"))
    db.commit()
    assert ids(past_sessions(of(db), "ada")) == [1]


class Said(logging.Handler):
    """What the log says; that of pytest hears nothing once alembic has set up its own."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_a_database_that_cannot_be_written(tmp_path: Path) -> None:
    """It is said once in ten minutes, and the Hub's session can be used as before."""
    log, said = logging.Logger("tests.history"), Said()
    log.addHandler(said)
    path = tmp_path / "jupyterhub.sqlite"
    orm.new_session_factory(f"sqlite:///{path}")().close()
    engine = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true", future=True)
    with sa.orm.Session(engine) as db:
        history = History(Storage(db, log=log, clock=lambda: NOW))
        for number in range(5):
            assert not history.add(past(number))
        assert past_sessions(history, "ada") == ()
        assert db.execute(sa.text("select count(*) from users")).scalar() == 0
    assert len(said.lines) == 1
    assert "readonly" in said.lines[0]


def test_a_database_that_is_gone(tmp_path: Path) -> None:
    """No connection at all."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.sqlite'}", future=True)
    with sa.orm.Session(engine) as db:
        assert not of(db).add(past(1))
        assert not of(db).update(past(1))
        assert past_sessions(of(db)) == ()


@pytest.mark.parametrize("dialect", [postgresql.dialect(), mysql.dialect()])
def test_other_databases(dialect: Any) -> None:
    """The statements that PostgreSQL and MySQL would get for the table: doubles, for moments in seconds, and no type that only one has."""
    text = str(CreateTable(SESSIONS).compile(dialect=dialect))
    assert "resource_form_sessions" in text
    assert "session VARCHAR(64) NOT NULL" in text
    assert "FLOAT(53)" in text
    assert all("INDEX" in str(CreateIndex(index).compile(dialect=dialect)) for index in SESSIONS.indexes)


def test_a_hub_that_starts_again_takes_no_offence(tmp_path: Path) -> None:
    """JupyterHub's own look at its tables, with ours among them; and the next Hub reads what this one wrote."""
    url = f"sqlite:///{tmp_path / 'jupyterhub.sqlite'}"
    first = orm.new_session_factory(url)()
    first.add(orm.User(name="ada"))
    first.commit()
    of(first).add(past(1))
    first.close()
    assert ids(past_sessions(of(orm.new_session_factory(url)()), "ada")) == [1]
