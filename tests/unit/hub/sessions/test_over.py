"""Tests for spawner.hub.sessions.over: that a session is over is known to every later run of the Hub, bounded in time and number."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from jupyterhub import orm
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateTable

from spawner.bounds import Bounds
from spawner.cluster.ended import MAX_REMEMBERED, EndedSessions
from spawner.hub.sessions.history import History, PastSession
from spawner.hub.sessions.over import AT_ONCE
from spawner.hub.sessions.storage import Storage
from spawner.hub.sessions.tables import OVER, SESSIONS, session_key
from spawner.job.sbatch import Tag, new_tag
from tests.support.session_rig import KEY

LOG = logging.getLogger("tests.over")
NOW = 1_800_000_000.0
DAY = 86_400
Run = Callable[..., "tuple[Storage, EndedSessions]"]


def tag(began: float = NOW - 60, user: str = "ada") -> Tag:
    """The tag of a start that began then."""
    return new_tag("hub", user, "", "a script", token="a token", key=KEY, clock=lambda: began)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Another run of the Hub on the same database, and what it has seen end."""

    def make(**bounds: int) -> tuple[Storage, EndedSessions]:
        db = orm.new_session_factory(f"sqlite:///{tmp_path / 'jupyterhub.sqlite'}")()
        logging.getLogger().setLevel(logging.WARNING)
        if orm.User.find(db, "ada") is None:
            db.add(orm.User(name="ada"))
            db.commit()
        ended = EndedSessions()
        return Storage(db, log=LOG, clock=lambda: NOW, bounds=Bounds(**bounds), ended=ended), ended

    return make


def rows(storage: Storage) -> int:
    """How many are remembered."""
    nothing: list[Any] = []
    return len(storage.read(lambda own: own.execute(sa.select(OVER)).all(), empty=nothing, otherwise=nothing))


def test_what_has_ended_is_over_for_every_later_run(run: Run) -> None:
    """It is from the moment that it is seen, and stays so once it is stored; another start of the same user is not."""
    storage, ended = run()
    over, other = tag(), tag()
    assert storage.over.why_over(over) == ""
    ended.add(over.nonce, "ada")
    assert storage.over.why_over(over) == "its session has ended"
    storage.store_what_ended()
    assert over.nonce not in ended
    for later in (storage, run()[0]):
        assert later.over.why_over(over) == "its session has ended"
        assert later.over.why_over(other) == ""


def test_any_write_of_ours_stores_what_has_ended(run: Run) -> None:
    """In the same transaction; and none of it where that is taken back."""
    storage, ended = run()
    first = tag()
    ended.add(first.nonce, "ada")

    def fails(_own: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        storage.write(fails)
    assert rows(storage) == 0
    assert first.nonce in ended
    storage.write(lambda _own: None)
    assert rows(storage) == 1


def test_an_older_record_of_past_sessions_counts(run: Run) -> None:
    """A version that had no table for this took the ends down in the record of past sessions."""
    storage, _ = run()
    over = tag()
    assert History(storage).add(PastSession(session=session_key(over.nonce), user="ada", name="", ended=NOW))
    storage.write(lambda own: OVER.drop(own.connection))
    assert run()[0].over.why_over(over) == "its session has ended"
    assert run()[0].over.why_over(tag()) == ""


def test_a_record_that_is_not_kept(run: Run) -> None:
    """Where the admin keeps no past sessions, that one is over is stored all the same."""
    storage, ended = run()
    over = tag()
    ended.add(over.nonce, "ada")
    assert not History(storage, length=0).add(PastSession(session=session_key(over.nonce), user="ada", name="", ended=NOW))
    assert storage.read(lambda own: own.execute(sa.select(SESSIONS)).all(), empty=[], otherwise=None) == []
    assert run()[0].over.why_over(over) == "its session has ended"


def test_so_many_days(run: Run) -> None:
    """What is longer ago is forgotten; so a start from before may be over, whether it is known or not."""
    storage, ended = run(ended_days=10)
    for days in (9, 11):
        ended.add(tag(NOW - days * DAY).nonce, "ada")
    storage.store_what_ended()
    assert rows(storage) == 1
    assert storage.over.why_over(tag(NOW - 9.5 * DAY)) == ""
    assert "longer ago" in storage.over.why_over(tag(NOW - 10.5 * DAY))


def test_so_many_of_each_user(run: Run) -> None:
    """The latest stay; a start of this user from before the first of them may be over. Another user's sessions are not touched."""
    storage, ended = run(ended_sessions=3)
    tags = [tag(NOW - minute * 60) for minute in (50, 20, 40, 10, 30)]
    for over in [*tags, tag(NOW - 55 * 60, "grace")]:
        ended.add(over.nonce, over.user)
    storage.store_what_ended()
    assert rows(storage) == 4
    assert {storage.over.why_over(over) for over in (tags[1], tags[3], tags[4])} == {"its session has ended"}
    assert "more sessions" in storage.over.why_over(tags[0])
    assert "more sessions" in storage.over.why_over(tag(NOW - 45 * 60))
    assert storage.over.why_over(tag(NOW - 25 * 60)) == storage.over.why_over(tag(NOW - 50 * 60, "grace")) == ""


def test_many_at_a_time(run: Run) -> None:
    """What has piled up while the database was away is stored in portions."""
    storage, ended = run()
    for _ in range(AT_ONCE + 1):
        ended.add(tag().nonce, "ada")
    storage.store_what_ended()
    assert (rows(storage), storage.over.has_more) == (AT_ONCE, True)
    storage.store_what_ended()
    assert (rows(storage), storage.over.has_more) == (AT_ONCE + 1, False)


def test_what_no_database_takes_is_bounded() -> None:
    """The latest are remembered; no session has no nonce."""
    ended = EndedSessions()
    for number in range(MAX_REMEMBERED + 1):
        ended.add(str(number), "ada")
    ended.add("", "ada")
    assert len(ended.to_store) == MAX_REMEMBERED
    assert ("0" in ended, "1" in ended, "" in ended) == (False, True, False)


def test_never_twice(run: Run) -> None:
    """Seen again by the next run: one row."""
    over = tag()
    for _ in range(2):
        storage, ended = run()
        ended.add(over.nonce, "ada")
        storage.store_what_ended()
    assert rows(storage) == 1


def test_a_nonce_of_an_early_version(run: Run) -> None:
    """It says nothing of its start: no job with it is adopted anyway, and it hinders nothing else."""
    storage, ended = run()
    ended.add("no time in it", "ada")
    ended.add(tag().nonce, "ada")
    storage.store_what_ended()
    assert (rows(storage), storage.over.has_more) == (1, False)


def test_a_database_that_does_not_say(run: Run) -> None:
    """That is no "it goes on"."""
    storage, _ = run()
    storage.write(lambda own: OVER.drop(own.connection))
    storage.write(lambda own: own.execute(sa.text("create table resource_form_over (odd integer)")))
    with pytest.raises(sa.exc.OperationalError):
        storage.over.why_over(tag())


@pytest.mark.parametrize("dialect", [postgresql.dialect(), mysql.dialect()])
def test_other_databases(dialect: Any) -> None:
    """No type that only one has."""
    text = str(CreateTable(OVER).compile(dialect=dialect))
    assert "session VARCHAR(64) NOT NULL" in text
    assert "FLOAT(53)" in text
