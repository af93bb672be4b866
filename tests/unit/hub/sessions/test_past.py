"""Past sessions in the answer, in its stream and on the page: whose, how many, each once, and at what cost."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from jupyterhub import orm
from jupyterhub.scopes import Scope
from traitlets.config import Config

from spawner.cluster.cluster import SlurmCluster
from spawner.hub.apihandlers.sessions import limit_of
from spawner.hub.handlers.sessions import SHOWN_AT_FIRST, form_link, newest_first
from spawner.hub.sessions import history as table
from spawner.hub.sessions.days import by_day
from spawner.hub.sessions.feed import LISTS, Sessions
from spawner.hub.sessions.history import History, HistoryMemory, PastSession
from spawner.hub.sessions.past import MAX_LISTED, SHOWN, Past, Reach, history_for, key_of, reaches_others, status_of_past
from spawner.hub.sessions.storage import Storage, StorageMemory
from spawner.hub.sessions.tables import SESSIONS, session_key
from spawner.i18n import using
from spawner.session.record import End, Record
from spawner.session.session import Session
from spawner.session.status_json import as_json
from spawner.session.used import Used
from tests.support.fake_slurm import EPOCH, FakeSlurm
from tests.support.hub_pages import page
from tests.support.session_pages import OPTIONS, FakeSpawner
from tests.support.session_rig import make_cluster, virtually

LOG = logging.getLogger("tests.past")
REQUEST = {name: value for name, value in OPTIONS.items() if name != "environment"}
MAX_PAGE_BYTES = 250_000
EVERYBODY = Reach(None)


@pytest.fixture
def db() -> Iterator[Any]:
    """The Hub's database, with users who have been there for long."""
    session = orm.new_session_factory("sqlite:///:memory:")()
    names = ("ada", "grace", "eve", *(f"user{number}" for number in range(50)))
    session.add_all([orm.User(name=name, created=datetime(2020, 1, 1)) for name in names])
    session.commit()
    yield session
    session.close()


def past(job: int, user: str = "ada", name: str = "", ago: float | None = None, **more: Any) -> PastSession:
    """The session of this job, which ended so many seconds (by default as many as its number) before the test began."""
    values = {"kind": "finished", "category": "stopped", "state": "CANCELLED", "sentence": "It was stopped.", "request": REQUEST, **more}
    return PastSession(session_key(f"nonce {user} {job}"), user, name, EPOCH - float(job if ago is None else ago), job_id=job, **values)


def record_of(db: Any, **more: Any) -> History:
    """The record as the Hub opens it."""
    storage = Storage(db, log=LOG, clock=lambda: float(EPOCH), memory=db.info.setdefault("storage", StorageMemory()))
    return History(storage, memory=db.info.setdefault("memory", HistoryMemory()), **more)


def of(db: Any, cluster: SlurmCluster, *spawners: FakeSpawner, reach: Reach | None = None, limit: int = SHOWN, **more: Any) -> Sessions:
    """What a caller is told who may see these."""
    own = reach if reach is not None else Reach(frozenset({"ada"}))
    listed = Past(lambda: record_of(db, **more), own, limit=limit, own=reach is None)
    return Sessions(cluster, lambda: spawners, hub_url="/hub/", own=reach is None, past=listed)


async def entries(sessions: Sessions) -> list[dict[str, Any]]:
    """The sessions of the answer."""
    return list(json.loads((await sessions.answer()).text)["sessions"])


def answered(db: Any, *spawners: FakeSpawner, **more: Any) -> list[dict[str, Any]]:
    """The sessions of one answer."""

    async def scenario() -> list[dict[str, Any]]:
        return await entries(of(db, make_cluster(FakeSlurm(asyncio.get_running_loop())), *spawners, **more))

    return virtually(scenario)


def jobs(found: list[dict[str, Any]]) -> list[int | None]:
    """Their jobs."""
    return [entry["job_id"] for entry in found]


# --- what is listed --------------------------------------------------------------------------------------------------------------


def test_one_of_the_record(db: Any) -> None:
    """The same keys as of any other session, and all that is known."""
    known = past(
        7, name="gpu & co", display_name="My GPU", color="#1f77b4", node="g001", used_mb=900, cost=28.0, submitted=EPOCH - 5000,
        started=EPOCH - 3607, change={"memory": "16G"}, what_to_do="Ask for more.", kind="others", state="OUT_OF_MEMORY",
    )  # fmt: skip
    record_of(db).add(known)
    (found,) = answered(db)
    assert set(found) == set(as_json(status_of_past(known, "/hub/")))
    assert (found["kind"], found["state"], found["slurm_state"], found["node"]) == ("others", "ended", "OUT_OF_MEMORY", "g001")
    assert (found["display_name"], found["color"], found["change"]) == ("My GPU", "#1f77b4", {"memory": "16G"})
    assert found["spawn_url"] == "/hub/spawn/ada/gpu%20%26%20co"
    assert found["log_url"] == "/hub/resource-form/log?user=ada&job=7"
    assert found["summary"] == "no GPU, 4 cores, 8 GB, 1 h on g100_int"
    assert (found["used"]["memory_mb"], found["cost"]) == (900, {"per_hour": 28.0, "used": 28.0, "unit": "units"})
    assert (found["submitted"], found["started"], found["ended"]) == (
        "2027-01-15T06:36:40Z",
        "2027-01-15T06:59:53Z",
        "2027-01-15T07:59:53Z",
    )
    assert (found["url"], found["usage"], found["seconds_waited"]) == ("", None, 1393)


def test_what_is_not_known(db: Any) -> None:
    """A session that never had a job."""
    record_of(db).add(PastSession("key", "ada", "", EPOCH - 1.0, sentence="Slurm said no."))
    (found,) = answered(db)
    assert (found["kind"], found["display_name"], found["id"], found["log_url"]) == ("others", "Default server", "", "")
    assert [found[name] for name in ("job_id", "submitted", "started", "cost", "used", "seconds_waited")] == [None] * 6


def test_those_that_go_on_come_first(db: Any) -> None:
    """Then the others, the latest first; the one that goes on is no past one, even while it is being taken down."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        cluster = make_cluster(slurm)
        job = slurm.make_job("ada", job_id=50)
        slurm.run_job(job)
        state = Record(nonce="nonce ada 50", job_id=50, submitted=slurm.now(), node="g001", port=5)
        session = Session(cluster, "ada", keep=lambda: None, name="ada", log=LOG, record=state)
        for number in (20, 10, 30):
            record_of(db).add(past(number))
        spawner = FakeSpawner(own=session)
        assert jobs(await entries(of(db, cluster, spawner))) == [50, 10, 20, 30]
        session.end = End("CANCELLED", "It was stopped.", slurm.now(), job_id=50, kind="finished")
        record_of(db).add(past(50, ago=0))
        found = await entries(of(db, cluster, spawner))
        assert jobs(found) == [50, 10, 20, 30]
        assert [entry["kind"] for entry in found] == ["finished"] * 4
        spawner.own, spawner.last_end = None, session.end
        assert jobs(await entries(of(db, cluster, spawner))) == [50, 10, 20, 30]

    virtually(scenario)


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        pytest.param(End("CANCELLED", "It was stopped.", EPOCH - 9.0, job_id=10), [10, 20], id="the-same-job"),
        pytest.param(End("CANCELLED", "It was stopped.", EPOCH - 15.0, job_id=15), [10, 15, 20], id="not-in-the-record"),
        pytest.param(End("NOT_SUBMITTED", "Slurm said no.", EPOCH - 5.0), [None, 10, 20], id="no-job"),
    ],
)
def test_the_last_end_of_a_server(db: Any, end: End, expected: list[int | None]) -> None:
    """It is there once, at its place, whether the record has it or not."""
    for number in (10, 20):
        record_of(db).add(past(number))
    assert jobs(answered(db, FakeSpawner(last_end=end))) == expected
    # The same job on another server is another session.
    assert len(answered(db, FakeSpawner(last_end=end, name="other"))) == 3


@pytest.mark.parametrize("off", [{}, {"length": 0}])
def test_what_a_session_says_of_itself_is_its_users(db: Any, off: dict[str, int]) -> None:
    """In the record and without one: its own number for them, Slurm's for others."""
    end = End("TIMEOUT", "Its time was up.", EPOCH - 15.0, job_id=15, kind="finished", used_mb=900, use=Used(peak_mb=1300))
    record_of(db).add(past(15).with_end(end))
    for reach, expected in ((None, (1300, "session")), (EVERYBODY, (900, "slurm"))):
        (found,) = answered(db, FakeSpawner(last_end=end), reach=reach, **off)
        assert (found["used"]["memory_mb"], found["used"]["memory_by"]) == expected


def test_an_end_without_a_job_is_there_once(db: Any) -> None:
    """By its moment."""
    record_of(db).add(PastSession("key", "ada", "", EPOCH - 5.0, sentence="Slurm said no."))
    assert len(answered(db, FakeSpawner(last_end=End("NOT_SUBMITTED", "Slurm said no.", EPOCH - 5.0)))) == 1


@pytest.mark.parametrize("off", [{"length": 0}, {"days": 0}])
def test_without_a_record(db: Any, off: dict[str, int]) -> None:
    """Where the admin wants none, how the last session ended is there, and what was kept before is not."""
    record_of(db).add(past(10))
    end = End("OUT_OF_MEMORY", "No memory.", EPOCH - 5.0, job_id=15, kind="others")
    found = answered(db, FakeSpawner(last_end=end), **off)
    assert [(entry["job_id"], entry["kind"]) for entry in found] == [(15, "others")]


def test_limits(db: Any) -> None:
    """So many, the latest; 0: none but the last one of each server."""
    for number in range(1, 121):
        record_of(db, length=500).add(past(number))
    spawner = FakeSpawner(last_end=End("CANCELLED", "It was stopped.", EPOCH - 1.0, job_id=1))
    assert jobs(answered(db, spawner)) == list(range(1, SHOWN + 1))
    assert jobs(answered(db, spawner, limit=MAX_LISTED)) == list(range(1, 121))
    assert jobs(answered(db, spawner, limit=0)) == [1]
    ends = [FakeSpawner(f"user{number}", last_end=End("FAILED", "It failed.", EPOCH - 1.0, job_id=900)) for number in range(20)]
    assert len(answered(db, *ends, reach=EVERYBODY, limit=10)) == 10


@pytest.mark.parametrize(("text", "expected"), [("", 7), ("0", 0), ("500", 500), ("501", None), ("-1", None), ("²", None), ("many", None)])
def test_what_may_be_asked_for(text: str, expected: int | None) -> None:
    """A number up to 500; None: HTTP 400."""
    handler = SimpleNamespace(get_argument=lambda _name, default="": text or default)
    if expected is not None:
        assert limit_of(handler, 7) == expected
        return
    with pytest.raises(Exception, match="400"):
        limit_of(handler)


# --- whose -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        pytest.param(None, set(), id="nothing"),
        pytest.param(Scope.ALL, {1, 2, 3, 4}, id="all"),
        pytest.param({"user": {"ada"}}, {1, 2}, id="a-user"),
        pytest.param({"server": {"ada/x", "eve/"}}, {2, 4}, id="servers"),
        pytest.param({"user": {"eve"}, "server": {"eve/", "ada/x"}}, {2, 4}, id="a-user-and-servers"),
        pytest.param({"group": {"lab"}}, {3}, id="a-group"),
        pytest.param({"group": {"nobody"}}, set(), id="no-such-group"),
    ],
)
def test_whose(db: Any, allowed: Any, expected: set[int]) -> None:
    """As JupyterHub's own filter for the scope says, for users whom the Hub has not loaded and servers that are gone."""
    db.add(orm.Group(name="lab", users=[orm.User.find(db, "grace")]))
    db.commit()
    for one in (past(1), past(2, name="x"), past(3, "grace"), past(4, "eve")):
        record_of(db).add(one)
    reach = Reach.of(allowed, db)
    assert set(jobs(answered(db, reach=reach))) == expected
    assert set(jobs(answered(db, reach=reach.only("ada")))) == expected & {1, 2}
    assert set(jobs(answered(db, reach=reach.only("nobody")))) == set()


def test_who_reaches_others() -> None:
    """More than one's own servers."""
    others = [Scope.ALL, {"user": {"eve"}}, {"server": {"eve/"}}, {"group": {"lab"}}]
    own = [None, {}, {"user": {"ada"}}, {"server": {"ada/x"}}]
    assert [reaches_others(allowed, "ada") for allowed in (*others, *own)] == [True] * 4 + [False] * 4


def test_somebody_else_of_the_same_name(db: Any) -> None:
    """Who is new on the Hub is shown nothing of a user before them."""
    record_of(db).add(past(10))
    user = orm.User.find(db, "ada")
    user.created = datetime.fromisoformat("2027-01-15T07:59:55")
    db.commit()
    record_of(db).add(past(3))
    assert jobs(answered(db)) == jobs(answered(db, reach=EVERYBODY)) == [3]


def test_keys() -> None:
    """The key of a session that still is, as the record has it later."""
    assert key_of("ada", "", Record(nonce="nonce ada 7"), None) == past(7).session
    end = End("NOT_SUBMITTED", "", 5.0)
    assert key_of("ada", "x", Record(), end) == session_key("", user="ada", server="x", at=5.0)


def test_the_admins_settings(db: Any) -> None:
    """By a spawner of ours, else by the configuration."""
    config = Config({"ResourceFormSpawner": {"history_length": 0}})
    handler = SimpleNamespace(db=db, log=LOG, settings={"config": config})
    assert not history_for(handler, None).is_kept
    assert history_for(SimpleNamespace(db=db, log=LOG, settings={}), SimpleNamespace()).is_kept
    user = SimpleNamespace(orm_user=orm.User(name="ada"), settings={})
    known = SimpleNamespace(
        last_end=None, history_length=5, history_days=1, user=user, db=db, log=LOG, cluster=SlurmCluster(clock=lambda: 0.0)
    )
    assert history_for(handler, known).is_kept


# --- what it costs ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def selects(db: Any) -> Iterator[list[str]]:
    """What the table is asked for."""
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "SELECT" in statement and SESSIONS.name in statement and "record" in statement:
            said.append(statement)

    sa.event.listen(db.get_bind(), "before_cursor_execute", note)
    yield said
    sa.event.remove(db.get_bind(), "before_cursor_execute", note)


async def follow(sessions: Sessions, closed: asyncio.Future[None], told: Callable[[list[dict[str, Any]]], None]) -> None:
    """A page that is open."""
    async with aclosing(sessions.stream(closed)) as stream:
        async for event in stream:
            if event.startswith("id: "):
                told(json.loads(event.split("data: ")[1])["sessions"])


def test_streams_of_one_user(db: Any, selects: list[str]) -> None:
    """Fifty open pages: one question for each change, none while nothing changes; each of them is told."""

    async def scenario() -> None:
        cluster = make_cluster(FakeSlurm(asyncio.get_running_loop()))
        record_of(db).add(past(10))
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        seen: dict[int, list[int | None]] = {}
        pages = [
            asyncio.ensure_future(follow(of(db, cluster), closed, lambda found, page=page: seen.update({page: jobs(found)})))
            for page in range(50)
        ]
        await asyncio.sleep(60)
        assert len(selects) == 1
        record_of(db).add(past(5))
        await asyncio.sleep(60)
        assert len(selects) == 2
        record_of(db).update(past(5, sentence="More is known."))
        record_of(db).add(past(7, "grace"))  # which is nothing to ada
        await asyncio.sleep(60)
        assert len(selects) == 3
        assert seen == {page: [5, 10] for page in range(50)}
        closed.set_result(None)
        await asyncio.gather(*pages)

    virtually(scenario)


def test_streams_of_many_users(db: Any, selects: list[str]) -> None:
    """A session that ends is looked up for its own user, and not for the other forty-nine."""

    async def scenario() -> None:
        cluster = make_cluster(FakeSlurm(asyncio.get_running_loop()))
        record_of(db).add(past(10, "user50"))
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        seen: dict[int, list[int | None]] = {}
        pages = [
            asyncio.ensure_future(
                follow(
                    of(db, cluster, reach=Reach(frozenset({f"user{page}"}))),
                    closed,
                    lambda found, page=page: seen.update({page: jobs(found)}),
                )
            )
            for page in range(50)
        ]
        await asyncio.sleep(5)
        assert len(selects) == 50
        record_of(db).add(past(5, "user7"))
        await asyncio.sleep(5)
        assert len(selects) == 51
        assert {page: found for page, found in seen.items() if found} == {7: [5]}
        closed.set_result(None)
        await asyncio.gather(*pages)

    virtually(scenario)


def test_a_database_that_fails(db: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is open keeps what it has; a new one has what the Hub itself knows."""
    record_of(db).add(past(10))

    async def scenario() -> None:
        cluster = make_cluster(FakeSlurm(asyncio.get_running_loop()))
        open_page = of(db, cluster)
        assert jobs(await entries(open_page)) == [10]
        record_of(db).add(past(5))
        monkeypatch.setattr(table, "_past", lambda _row: 1 / 0)
        assert jobs(await entries(open_page)) == [10]
        end = End("FAILED", "It failed.", EPOCH - 1.0, job_id=5)
        assert jobs(await entries(of(db, cluster, FakeSpawner(last_end=end)))) == [5]
        monkeypatch.undo()
        assert jobs(await entries(open_page)) == [5, 10]

    virtually(scenario)


def test_many_let_others_have_their_turn(db: Any) -> None:
    """The first answer of five hundred gives the loop back again and again."""
    db.execute(sa.insert(orm.User.__table__).values(name="many", created=datetime(2020, 1, 1)))
    record = record_of(db, length=MAX_LISTED)
    record.add(past(1, "many"))
    rows = [table._row(past(number, "many")) for number in range(2, MAX_LISTED + 1)]
    db.execute(sa.insert(SESSIONS), rows)
    db.commit()

    async def scenario() -> None:
        cluster = make_cluster(FakeSlurm(asyncio.get_running_loop()))
        answer = asyncio.ensure_future(entries(of(db, cluster, reach=Reach(frozenset({"many"})), limit=MAX_LISTED)))
        turns = 0
        while not answer.done():
            await asyncio.sleep(0)
            turns += 1
        assert len(answer.result()) == MAX_LISTED
        assert turns >= 20

    virtually(scenario)


def test_languages(db: Any) -> None:
    """What is made once for all is made in each one's language."""
    record_of(db).add(past(10, request={}))

    async def scenario() -> None:
        sessions = of(db, make_cluster(FakeSlurm(asyncio.get_running_loop())))
        names = []
        for code in ("en", "it", "en"):
            with using(code):
                names += [entry["display_name"] for entry in await entries(sessions)]
        assert names[0] == names[2] == "Default server"
        assert names[1] != names[0]

    virtually(scenario)


# --- the page --------------------------------------------------------------------------------------------------------------------


def page_of(found: list[dict[str, Any]], kind: str, *, everybodys: bool) -> str:
    """The page of one of the lists, as the Hub makes it."""
    user = SimpleNamespace(name="ada", escaped_name="ada", json_escaped_name="ada", settings={})
    user.spawner = SimpleNamespace(options_form=True, user=user)
    ordered = newest_first(found)
    given = {
        "base_url": "/hub/",
        "user": user,
        "gettext": str,
        "language": "en",
        "kind": kind,
        "days": by_day([entry for entry in ordered if entry["kind"] == kind][:SHOWN_AT_FIRST], 0.0),
        "numbers": {each: sum(1 for entry in ordered if entry["kind"] == each) for each in LISTS},
        "form_link": form_link,
        "everybodys": everybodys,
        "may_see_everybodys": True,
        "may": dict.fromkeys(("open", "stop", "log"), Reach(None)),
        "stale": False,
    }
    return page("sessions.html", **given)


@pytest.mark.parametrize(("everybodys", "row", "name"), [(False, ".sessions-row", ".sessions-name"), (True, ".sessions-table-row", "th")])
@pytest.mark.parametrize("kinds", [("finished",), ("finished", "others")])
def test_five_hundred_rows(kinds: tuple[str, ...], everybodys: bool, row: str, name: str) -> None:
    """The page says how many there are, has the first of its list, and does not grow with the others."""
    hostile = '"><img src=x onerror=alert(1)>'
    found = [
        as_json(status_of_past(past(number, kind=kinds[number % len(kinds)], display_name=hostile), "/hub/"))
        for number in range(1, MAX_LISTED + 1)
    ]
    for kind in kinds:
        html = page_of(found, kind, everybodys=everybodys)
        assert len(html.encode()) < MAX_PAGE_BYTES
        found_page = BeautifulSoup(html, "html.parser")
        rows = found_page.select(f"#sessions-{kind} {row}")
        assert len(rows) == SHOWN_AT_FIRST
        assert rows[0].select_one(name).get_text().startswith(hostile)  # type: ignore[union-attr]
        for each in kinds:
            assert found_page.select_one(f'[data-number="{each}"]').get_text() == str(MAX_LISTED // len(kinds))  # type: ignore[union-attr]
        assert found_page.select("img[src=x]") == []
        fewer = page_of(found[: SHOWN_AT_FIRST * len(kinds)], kind, everybodys=everybodys)
        assert len(html.encode()) - len(fewer.encode()) < 100


def test_the_numbers_of_the_tabs(db: Any) -> None:
    """They are those of the answer, without its being made: what goes on, the record, and each server's last end that is not in it."""

    async def scenario() -> None:
        for number, kind in enumerate(("finished", "finished", "others"), start=1):
            record_of(db).add(past(number, kind=kind))
        end = End("FAILED", "It failed.", 9999.0, category="server_exit", kind="others", job_id=99)
        sessions = of(db, make_cluster(FakeSlurm(asyncio.get_running_loop())), FakeSpawner(name="other", last_end=end))
        kinds = Counter(entry["kind"] for entry in await entries(sessions))
        assert sessions.numbers() == {"running": 0, "finished": 2, "others": 2}
        assert {kind: kinds[kind] for kind in LISTS} == sessions.numbers()

    virtually(scenario)
