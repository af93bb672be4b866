"""What was used in a month, from the record of past sessions in the Hub's own database, and what is missing of it."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyterhub import orm

from spawner.errors import NotStored
from spawner.hub.sessions import report
from spawner.hub.sessions.history import History, PastSession
from spawner.hub.sessions.report import month_of, report_of
from spawner.hub.sessions.storage import Storage, StorageMemory
from tests.support.session_rig import LOG

NOW = datetime.datetime(2026, 12, 5).timestamp()
NOVEMBER = month_of("2026-11")[0]
HOUR = 3600.0
REQUEST = {"account": "cin_staff", "release": "2026.10", "partition": "g100_int", "cores": 1, "memory": "1G", "gpus": "2"}


@pytest.fixture
def db() -> Iterator[Any]:
    """The Hub's database session, with two users."""
    session = orm.new_session_factory("sqlite:///:memory:")()
    session.add_all([orm.User(name=name) for name in ("ada", "grace")])
    session.commit()
    yield session
    session.close()


def of(db: Any, **more: Any) -> History:
    """The record, as the Hub opens it now."""
    return History(Storage(db, log=LOG, clock=lambda: NOW, memory=StorageMemory()), **more)


def ended(number: int, at: float, *, ran: float | None = HOUR, user: str = "ada", **request: Any) -> PastSession:
    """A session that ended at a moment, after so many seconds."""
    return PastSession(
        session=f"{number:064}", user=user, name="", ended=at, request={**REQUEST, **request}, started=None if ran is None else at - ran
    )


def test_months() -> None:
    """In the Hub's own zone, each from the first of it to the first of the next."""
    begin, end = month_of("2026-12")
    assert time.localtime(begin)[:6] == (2026, 12, 1, 0, 0, 0)
    assert time.localtime(end)[:6] == (2027, 1, 1, 0, 0, 0)
    assert month_of("2026-11")[1] == begin


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-1", "2026-11-01", "٢026-11", "2026-11\n"])
def test_no_month(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        month_of(text or "x")


async def test_what_was_used(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions that ended in the month, however many pages they take; hours as they ran, GPU hours with parts of GPUs as parts."""
    monkeypatch.setattr(report, "AT_ONCE", 2)
    history = of(db)
    for past in (
        ended(1, NOVEMBER - 1),
        ended(2, NOVEMBER),
        ended(3, NOVEMBER, ran=HOUR / 2, user="grace"),
        ended(4, NOVEMBER, ran=None),
        ended(5, NOVEMBER + 9 * HOUR, gpus="0", partition="g100_cpu"),
        ended(6, NOVEMBER + 10 * HOUR, ran=2 * HOUR, gpus="shard:1", gpu_card="v100/5", partition="g100_part"),
        ended(7, month_of("2026-12")[0]),
    ):
        assert history.add(past)
    answer = await report_of(history, "2026-11")
    known = {"account": "cin_staff", "release": "2026.10"}
    assert answer == {
        "month": "2026-11",
        "complete": True,
        "note": "",
        "rows": [
            {**known, "partition": "g100_cpu", "sessions": 1, "hours": 1.0, "gpu_hours": 0.0},
            {**known, "partition": "g100_int", "sessions": 3, "hours": 1.5, "gpu_hours": 3.0},
            {**known, "partition": "g100_part", "sessions": 1, "hours": 2.0, "gpu_hours": 0.4},
        ],
    }
    assert (await report_of(history, "2025-01"))["rows"] == []


async def test_what_cannot_be_read_has_no_gpus(db: Any) -> None:
    """A request of another version counts as it can; its session is there."""
    history = of(db)
    history.add(ended(1, NOVEMBER, gpus="v100:1", something="new"))
    history.add(ended(2, NOVEMBER, gpus=["what?"]))
    (row,) = (await report_of(history, "2026-11"))["rows"]
    assert (row["sessions"], row["hours"], row["gpu_hours"]) == (2, 2.0, 1.0)


@pytest.mark.parametrize(
    ("kept", "word"),
    [({"length": 0}, "keeps no record"), ({"days": 20}, "history_days"), ({"length": 2}, "Of 1 users"), ({"length": 3}, "")],
)
async def test_what_is_missing(db: Any, kept: dict[str, Any], word: str) -> None:
    """It says so where the record does not reach back, or has as many sessions of a user as it takes, none of them from before."""
    history = of(db)
    for number in range(2):
        history.add(ended(number, NOVEMBER + number))
    history.add(ended(5, NOVEMBER - HOUR, user="grace"))
    history.add(ended(6, NOVEMBER + HOUR, user="grace"))
    answer = await report_of(of(db, **kept), "2026-11")
    assert answer["complete"] is not bool(word)
    assert word in answer["note"]


async def test_no_answer(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no report of nothing."""
    history = of(db)
    monkeypatch.setattr(Storage, "read", lambda *_arguments, otherwise, **_more: otherwise)
    with pytest.raises(NotStored):
        await report_of(history, "2026-11")


async def test_no_answer_in_the_end(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one complete of which nobody knows whether it is."""
    monkeypatch.setattr(History, "users_cut_off", lambda *_arguments: None)
    with pytest.raises(NotStored):
        await report_of(of(db), "2026-11")
