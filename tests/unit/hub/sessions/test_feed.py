"""The answer about sessions, and the stream of it: said whenever something has changed, never because time passes, with heartbeats."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jupyterhub.scopes import Scope
from tornado import web

from spawner.hub.apihandlers.sessions import sessions_for
from spawner.hub.sessions import feed as module
from spawner.hub.sessions.feed import HEARTBEAT_SECONDS, Sessions
from spawner.session.record import End, Record
from tests.support.fake_slurm import FakeSlurm
from tests.support.session_pages import FakeSpawner, sessions_of
from tests.support.session_rig import Server, make_cluster, virtually


class Rig:
    """One user's server whose job waits, behind two of somebody else."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.slurm = FakeSlurm(loop)
        self.cluster = make_cluster(self.slurm)
        self.others = [self.slurm.make_job("eve") for _ in range(2)]
        self.server = Server(self.slurm, self.cluster, "ada")
        self.spawner = FakeSpawner(server=self.server)
        self.sessions = sessions_of(self.cluster, self.spawner)
        self.closed: asyncio.Future[None] = loop.create_future()

    async def wait_in_queue(self) -> None:
        """The job is in the queue and has been seen there."""
        self.start = asyncio.ensure_future(self.server.start())
        await asyncio.sleep(5)

    async def become_ready(self) -> None:
        """The job runs and its server listens."""
        assert self.server.session is not None
        self.slurm.run_job(self.slurm.jobs[self.server.session.record.job_id])
        self.server.session.report.accept(40000)
        await asyncio.wait_for(self.start, 60)

    async def give_up(self) -> None:
        """The user cancels the start."""
        self.start.cancel()
        await asyncio.gather(self.start, return_exceptions=True)

    async def one(self) -> dict[str, Any]:
        """The one session of the answer."""
        (session,) = json.loads((await self.sessions.answer()).text)["sessions"]
        return dict(session)


def payload(event: str) -> tuple[str, dict[str, Any]]:
    """The id and the answer of an event."""
    first, second = event.strip().split("\n")
    return first.removeprefix("id: "), json.loads(second.removeprefix("data: "))


async def next_answer(stream: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    """The next event of the stream that is no comment."""
    async for event in stream:
        if not event.startswith(":"):
            return payload(event)
    raise AssertionError("the stream ended")


# --- the answer ----------------------------------------------------------------------------------------------------------------


def test_a_session_that_waits() -> None:
    """Why, at which place, and what the user asked for, without what may be secret in it."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        session = await rig.one()
        assert (session["user"], session["state"], session["stage"], session["kind"]) == ("ada", "waiting", "queue", "running")
        assert (session["reason"], session["sentence"]) == ("Priority", "Other jobs are ahead of yours.")
        assert session["position"] == {"place": 3, "of": 3}
        assert session["summary"] == "no GPU, 4 cores, 8 GB, 1 h on g100_int"
        assert (session["display_name"], session["url"], session["spawn_url"]) == ("JupyterLab · 4 cores · g100_int", "", "/hub/spawn/ada")
        assert session["log_url"] == f"/hub/resource-form/log?user=ada&job={session['job_id']}"
        assert session["request"]["cores"] == 4
        assert "canary" not in json.dumps(session)
        await rig.give_up()

    virtually(scenario)


def test_where_others_are_not_seen() -> None:
    """With PrivateData=jobs nobody knows the place."""

    async def scenario() -> None:
        rig = Rig()
        rig.slurm.private_data = "jobs"
        rig.cluster.visibility.sees_all_jobs = _no  # type: ignore[method-assign]
        await rig.wait_in_queue()
        assert (await rig.one())["position"] is None
        await rig.give_up()

    virtually(scenario)


async def _no() -> bool:
    return False


def test_a_session_that_runs() -> None:
    """Where, since when, its address."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        await rig.become_ready()
        session = await rig.one()
        assert (session["state"], session["stage"], session["node"], session["progress"]) == ("running", "connected", "g001", 100)
        assert (session["url"], session["held_text"]) == ("/user/ada/", "1 core, 4 GB")
        assert session["started"]

    virtually(scenario)


def test_no_session() -> None:
    """Nothing, or how the last one ended; Slurm is not asked for either."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        cluster = make_cluster(slurm)
        ended = FakeSpawner(last_end=End("OUT_OF_MEMORY", "No memory.", slurm.now()))
        sessions = sessions_of(cluster, FakeSpawner(), ended)
        await sessions.refresh()
        answer = json.loads((await sessions.answer()).text)
        (session,) = answer["sessions"]
        assert (session["kind"], session["state"], session["sentence"], session["slurm_state"]) == (
            "others",
            "ended",
            "No memory.",
            "OUT_OF_MEMORY",
        )
        assert answer["as_of"] is None
        assert slurm.commands == []

    virtually(scenario)


def test_nobody_has_asked() -> None:
    """Where no session lives an old list is no sign that Slurm does not answer; neither is one that is asked for just now."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        await rig.give_up()
        await asyncio.sleep(7200)
        await rig.sessions.refresh()
        assert json.loads((await rig.sessions.answer()).text)["stale"] is False
        rig.slurm.delay = 2.0
        starting = asyncio.ensure_future(rig.server.start())
        await asyncio.sleep(1)
        await rig.sessions.refresh(1.0)
        assert json.loads((await rig.sessions.answer()).text)["stale"] is False
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)

    virtually(scenario)


@pytest.mark.parametrize(("pending", "state"), [("spawn", "starting"), ("stop", "stopping")])
def test_a_hook_of_the_sites_is_at_work(pending: str, state: str) -> None:
    """Before the session is ours, and after, the server stands there as JupyterHub has it; what is known of the session stays."""

    async def scenario() -> None:
        cluster = make_cluster(FakeSlurm(asyncio.get_running_loop()))
        end = End("STOPPED", "Stopped.", 7200.0, job_id=7, submitted=1800.0, started=3600.0, cost=5.0)
        spawner = FakeSpawner(pending_now=pending, last_end=end)
        answer = json.loads((await sessions_of(cluster, spawner).answer()).text)
        (session,) = answer["sessions"]
        assert (session["kind"], session["state"], answer["stale"]) == ("running", state, False)
        is_known = pending == "stop"
        assert (session["started"], session["job_id"]) == (("1970-01-01T01:00:00Z", 7) if is_known else (None, None))
        assert bool(session["cost"]) == is_known

    virtually(scenario)


def test_the_card_of_one_that_is_over() -> None:
    """When it began and what it used is there without the record of past sessions."""

    async def scenario() -> None:
        cluster = make_cluster(FakeSlurm(asyncio.get_running_loop()))
        end = End("STOPPED", "Stopped.", 7200.0, category="stopped", submitted=1800.0, started=3600.0, cost=5.0)
        (session,) = json.loads((await sessions_of(cluster, FakeSpawner(last_end=end)).answer()).text)["sessions"]
        assert (session["submitted"], session["started"]) == ("1970-01-01T00:30:00Z", "1970-01-01T01:00:00Z")
        assert session["cost"] == {"per_hour": 5.0, "used": 5.0, "unit": "units"}

    virtually(scenario)


def test_slurm_has_forgotten_the_job() -> None:
    """A session that is being stopped, whose job is not in the list any more, keeps when it began."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        await rig.become_ready()
        before = await rig.one()
        assert rig.server.session is not None
        rig.slurm.jobs.clear()
        rig.server.session.remember(stopping=True)
        rig.cluster.jobs.expire()
        await rig.sessions.refresh()
        after = await rig.one()
        assert (after["state"], after["started"]) == ("stopping", before["started"])
        assert before["started"]

    virtually(scenario)


def test_the_hub_was_restarted() -> None:
    """When a session began, and what it is charged by, is in its record: Slurm may say nothing of the job any more."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        await rig.become_ready()
        before = await rig.one()
        rig.slurm.jobs.clear()
        rig.cluster.jobs.expire()
        stored = Record.from_state(json.loads(rig.server.database))
        rig.server.session = rig.server._session(replace(stored, stopping=True, usage_factor=2.0, is_priced=True))
        await rig.sessions.refresh()
        after = await rig.one()
        assert (after["state"], after["started"]) == ("stopping", before["started"])
        assert before["started"]
        assert (rig.server.session.is_priced, rig.server.session.usage_factor) == (True, 2.0)

    virtually(scenario)


@pytest.mark.parametrize("is_priced", [True, False])
def test_the_price_is_asked_for_before_the_answer(monkeypatch: pytest.MonkeyPatch, is_priced: bool) -> None:
    """Where the record has none, with patience: the first answer has what was used, and no other is needed for it."""

    async def scenario() -> None:
        rig = Rig()
        asked: list[float | None] = []

        async def choices(*, patience: float | None = None) -> Any:
            asked.append(patience)
            return SimpleNamespace(entitlement=SimpleNamespace(partition=lambda _name: None))

        async def terms() -> Any:
            return SimpleNamespace(not_charged=())

        spawner = cast(Any, rig.spawner)
        spawner.choices, spawner.terms = choices, terms
        monkeypatch.setattr(module, "own_spawner", lambda spawner: spawner)
        await rig.wait_in_queue()
        await rig.become_ready()
        assert rig.server.session is not None
        rig.server.session.is_priced = is_priced
        await rig.sessions.refresh(3.0)
        assert asked == ([] if is_priced else [3.0])
        assert bool((await rig.one())["cost"]) is not is_priced

    virtually(scenario)


def test_slurm_is_away() -> None:
    """What was known is shown as old, and since when."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        await rig.become_ready()
        rig.slurm.answers = False
        await asyncio.sleep(60)
        await rig.sessions.refresh()
        answer = json.loads((await rig.sessions.answer()).text)
        assert answer["stale"] is True
        (session,) = answer["sessions"]
        assert (session["state"], session["unknown_since"], session["node"]) == ("unknown", answer["as_of"], "g001")

    virtually(scenario)


def test_an_id_that_is_somebody_elses_by_now() -> None:
    """A job of another user under the session's id says nothing about the session."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        await rig.become_ready()
        assert rig.server.session is not None
        job = rig.slurm.jobs[rig.server.session.record.job_id]
        job.user, job.state, job.reason = "eve", "PENDING", "Priority"
        await asyncio.sleep(60)
        await rig.sessions.refresh()
        session = await rig.one()
        assert (session["state"], session["slurm_state"], session["held_text"]) == ("running", "", "")

    virtually(scenario)


def test_thousands_of_sessions_let_others_have_their_turn() -> None:
    """An admin's answer gives the loop back again and again."""

    async def scenario() -> None:
        cluster = make_cluster(FakeSlurm(asyncio.get_running_loop()))
        many = [FakeSpawner(f"user{number}", last_end=End("FAILED", "It failed.", 0.0)) for number in range(500)]
        answer, turns = asyncio.ensure_future(sessions_of(cluster, *many).answer()), 0
        while not answer.done():
            await asyncio.sleep(0)
            turns += 1
        assert len(json.loads(answer.result().text)["sessions"]) == 500
        assert turns >= 500 / module.AT_ONCE

    virtually(scenario)


# --- the stream ----------------------------------------------------------------------------------------------------------------


def test_the_stream_says_what_has_changed() -> None:
    """The answer at once; then nothing but heartbeats while nothing happens; the next one when the job runs."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        loop = asyncio.get_running_loop()
        async with aclosing(rig.sessions.stream(rig.closed)) as stream:
            first_id, first = await next_answer(stream)
            assert first["sessions"][0]["state"] == "waiting"
            begun = loop.time()
            beats = []
            async for event in stream:
                assert event.startswith(":")
                beats.append(loop.time() - begun)
                if len(beats) == 10:
                    break
            gaps = [later - earlier for earlier, later in zip([0.0, *beats], beats, strict=False)]
            assert all(HEARTBEAT_SECONDS <= gap <= HEARTBEAT_SECONDS + 2 for gap in gaps), gaps
            begun = loop.time()
            rig.slurm.end_job(rig.others[0], "COMPLETED")
            second_id, second = await next_answer(stream)
            assert second["sessions"][0]["position"] == {"place": 2, "of": 2}
            assert loop.time() - begun <= rig.cluster.jobs_interval + 2
            assert second_id != first_id
            running = asyncio.ensure_future(rig.become_ready())
            states = [(await next_answer(stream))[1]["sessions"][0]["state"]]
            while states[-1] != "running":
                states.append((await next_answer(stream))[1]["sessions"][0]["state"])
            await running
            assert states[0] in ("starting", "running")

    virtually(scenario)


def test_a_stream_goes_on_where_it_was() -> None:
    """A browser that comes back with the id of what it had is told nothing until something changes; with another one, all of it."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        async with aclosing(rig.sessions.stream(rig.closed)) as stream:
            last_id, _answer = await next_answer(stream)
        async with aclosing(rig.sessions.stream(rig.closed, last_id)) as stream:
            said = [await anext(stream) for _ in range(4)]
            assert all(event.startswith(":") for event in said)
        async with aclosing(rig.sessions.stream(rig.closed, "something else")) as stream:
            assert (await next_answer(stream))[0] == last_id
        await rig.give_up()

    virtually(scenario)


def test_a_stream_ends_with_its_page() -> None:
    """The client goes: the stream is over within a moment."""

    async def scenario() -> None:
        rig = Rig()
        stream = rig.sessions.stream(rig.closed)
        await anext(stream)
        rest = asyncio.ensure_future(_all(stream))
        await asyncio.sleep(5.5)
        assert not rest.done()
        rig.closed.set_result(None)
        await asyncio.wait_for(rest, 0.1)

    virtually(scenario)


def test_a_stream_does_not_last_for_ever() -> None:
    """After a while the browser has to come back, with the rights that its user has then."""

    async def scenario() -> None:
        rig = Rig()
        begun = asyncio.get_running_loop().time()
        await _all(rig.sessions.stream(rig.closed))
        took = asyncio.get_running_loop().time() - begun
        assert module.LONGEST_STREAM_SECONDS <= took <= module.LONGEST_STREAM_SECONDS + 10

    virtually(scenario)


async def _all(stream: AsyncIterator[str]) -> list[str]:
    return [event async for event in stream]


def test_slurm_hangs_and_the_stream_beats() -> None:
    """Heartbeats come while every command hangs, and the page is told that what it shows is old."""

    async def scenario() -> None:
        rig = Rig()
        await rig.wait_in_queue()
        loop = asyncio.get_running_loop()
        async with aclosing(rig.sessions.stream(rig.closed)) as stream:
            await next_answer(stream)
            rig.slurm.hang = True
            said, gaps = loop.time(), []
            stale = False
            while not stale:
                event = await anext(stream)
                gaps.append(loop.time() - said)
                said = loop.time()
                stale = not event.startswith(":") and payload(event)[1]["stale"]
            assert max(gaps) <= HEARTBEAT_SECONDS + 3
        rig.slurm.hang = False
        await rig.give_up()

    virtually(scenario)


# --- who may ask ---------------------------------------------------------------------------------------------------------------


def handler(scopes: dict[str, Any], *, user: str = "ada", kind: str = "user", everything: str = "") -> Any:
    """A request of somebody with these scopes, on a Hub with a server each of ada's and grace's."""
    spawners = {name: FakeSpawner(name) for name in ("ada", "grace")}
    people = {
        name: SimpleNamespace(name=name, kind="user", spawners={"": spawner}, orm_user=SimpleNamespace(orm_spawners={"": spawner}))
        for name, spawner in spawners.items()
    }
    for name, spawner in spawners.items():
        spawner.own = SimpleNamespace(of=name)  # type: ignore[assignment]

    def scope_filter(scope: str) -> Any:
        allowed = scopes.get(scope, {})
        names = {id(spawner.orm_spawner.user_options): name for name, spawner in spawners.items()}
        return lambda orm, _kind: allowed is Scope.ALL or names[id(orm.user_options)] in allowed.get("user", ())

    caller = people.get(user) if kind == "user" else SimpleNamespace(name=user, kind=kind)
    return SimpleNamespace(
        current_user=caller if user else None,
        parsed_scopes=scopes,
        get_scope_filter=scope_filter,
        get_argument=lambda name, default="": {"all": everything}.get(name, "") or default,
        users=people,
        request=SimpleNamespace(headers={}, host="hub.example"),
        hub=SimpleNamespace(base_url="/hub/"),
        config={},
        db=None,
        log=None,
        settings={},
    )


OWN = {"read:servers": {"user": {"ada"}}}
ALL = {"read:servers": Scope.ALL}
BOTH = {"read:servers": {"user": {"ada", "grace"}}}


@pytest.mark.parametrize(
    ("asking", "expected"),
    [
        pytest.param(handler({}, user=""), None, id="nobody"),
        pytest.param(handler(OWN), ["ada"], id="own"),
        pytest.param(handler({}), None, id="a-token-without-the-scope"),
        pytest.param(handler(ALL), ["ada"], id="an-admins-own"),
        pytest.param(handler(ALL, everything="1"), ["ada", "grace"], id="an-admins-all"),
        pytest.param(handler(OWN, everything="1"), None, id="all-without-the-right"),
        pytest.param(handler({}, everything="1"), None, id="all-without-any-scope"),
        pytest.param(handler({"read:servers": {"user": {"ada"}, "server": {"ada/x"}}}, everything="1"), None, id="all-with-own-servers"),
        pytest.param(handler(BOTH, everything="1"), ["ada", "grace"], id="all-of-some-users"),
        pytest.param(handler(ALL, kind="service", user="reporter", everything="1"), ["ada", "grace"], id="a-services-all"),
        pytest.param(handler(ALL, kind="service", user="reporter"), None, id="a-service-has-none"),
        pytest.param(handler({}, kind="service", user="reporter", everything="1"), None, id="a-service-without-scopes"),
    ],
)
def test_who_sees_what(asking: Any, expected: list[str] | None) -> None:
    """One's own; everybody's only with the scope for it; of those, the ones that the scope reaches. None: HTTP 403."""
    if expected is None:
        with pytest.raises(web.HTTPError) as refused:
            sessions_for(asking)
        assert refused.value.status_code == 403
    else:
        found = sessions_for(asking)
        assert isinstance(found, Sessions)
        assert [spawner.user_name for spawner in found._spawners()] == expected
