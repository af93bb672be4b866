"""The gate in front of the Hub's addresses: what is over a bound is refused before a handler is made, and nobody else's requests are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from traitlets.config import Config

from spawner.hub.admission import MOST_DROPPED_BYTES, PAUSE_SECONDS, Admission
from spawner.hub.gate import install_gate
from spawner.hub.start_line import StartLine
from spawner.hub.state import HubState
from spawner.worker import working_for

SMALL = {
    "requests": 20,
    "requests_of_strangers": 6,
    "pages": 4,
    "checks": 3,
    "start_requests": 5,
    "refusals": 10,
    "streams": 2,
    "streams_in_all": 5,
    "body_bytes": 1000,
}
USERS = {"ada-token": ("ada", "user"), "ada-other": ("ada", "user"), "ben-token": ("ben", "user"), "cull": ("cull-idle", "service")}


class Page(web.RequestHandler):
    """A handler that knows its caller as JupyterHub's do: by a token, else by a cookie."""

    def prepare(self) -> None:
        self.settings["reached"].append(self.request.path)
        token = self.request.headers.get("Authorization", "").removeprefix("token ") or self.get_argument("token", "")
        found, self._token_authenticated = USERS.get(token), token in USERS
        if found is None:
            found = USERS.get(self.get_cookie("jupyterhub-hub-login", "") or "")
        self._jupyterhub_user = SimpleNamespace(name=found[0], kind=found[1]) if found else None

    def check_xsrf_cookie(self) -> None:
        pass

    def get(self) -> None:
        self.finish({"for": working_for.get()})

    def post(self) -> None:
        self.finish({"bytes": len(self.request.body)})


class Stream(Page):
    """A stream that goes on until whoever listens has gone, or it is told to end."""

    async def get(self) -> None:
        self.settings["app"].admission.callers.learn(self)
        self.write("data: 1\n\n")
        await self.flush()
        await self.settings["end"].wait()


class Start(Page):
    """A start, of which JupyterHub's part lasts until it is let go."""

    async def post(self) -> None:
        self.settings["started"].append((working_for.get(), self.request.body.decode()))
        while not self.settings["go"].is_set() and not self.settings["gone"]:
            await asyncio.wait({asyncio.ensure_future(self.settings["go"].wait())}, timeout=0.01)
        self.settings["app"].line.let_go(self)
        await self.settings["end"].wait()

    def on_connection_close(self) -> None:
        self.settings["gone"].append(self._jupyterhub_user.name)


class Hub:
    """A Hub with the gate in front of it, and whoever calls it."""

    def __init__(self, config: dict[str, int], settings: dict[str, Any]) -> None:
        self.tornado_settings = settings
        settings |= {"app": self, "log": logging.getLogger("tests.gate"), "reached": [], "end": asyncio.Event()}
        self.config = settings["config"] = Config({"ResourceFormBounds": config})
        self.hub = SimpleNamespace(base_url="/hub/", cookie_name="jupyterhub-hub-login")
        self.log = settings["log"]
        self.logged: list[str] = []
        settings["log_function"] = lambda handler: self.logged.append(handler.request.path)
        settings |= {"started": [], "go": asyncio.Event(), "gone": []}
        handlers = [
            (r"/hub/api/resource-form/sessions/events", Stream),
            (r"/hub/api/users/.*/progress", Stream),
            (r"/hub/spawn/lasts", Start),
            (r".*", Page),
        ]
        self.tornado_application = web.Application(handlers, **settings)
        install_gate(self)  # type: ignore[arg-type]
        self.admission = HubState.of(self).part(Admission)  # type: ignore[arg-type]
        self.line = HubState.of(self).part(StartLine)  # type: ignore[arg-type]
        self.client = AsyncHTTPClient(force_instance=True, max_clients=100)
        self.server = HTTPServer(self.tornado_application, xheaders=True)
        socket, self.port = bind_unused_port()
        self.server.add_socket(socket)

    async def ask(self, path: str, token: str = "", method: str = "GET", *, at: str = "10.0.0.1", **headers: str) -> HTTPResponse:
        """Send a request, with a token of a user, from an address."""
        sent = {"X-Forwarded-For": at, **headers}
        if token:
            sent["Authorization"] = f"token {token}"
        body = sent.pop("body", "{}") if method == "POST" else None
        return await self.client.fetch(
            f"http://127.0.0.1:{self.port}{path}", method=method, headers=sent, body=body, raise_error=False, request_timeout=20
        )

    async def statuses(self, number: int, path: str, token: str = "", method: str = "GET", **more: str) -> list[int]:
        """Send a request so many times, and return what is answered."""
        return [(await self.ask(path, token, method, **more)).code for _turn in range(number)]

    async def known(self, *tokens: str) -> None:
        """Have the Hub know these tokens."""
        for token in tokens:
            assert (await self.ask("/hub/api/user", token, at=f"10.9.9.{len(token)}")).code == 200

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        for _turn in range(1000):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"waited in vain; in line: {len(self.line._here)}, {self.tornado_application.settings['started']}")

    async def until_open(self, caller: str, number: int) -> None:
        """Wait until so many streams of a caller are open."""
        await self.until(lambda: self.admission.streams.number_of(caller) == number)

    def listen(self, path: str, token: str) -> asyncio.Future[HTTPResponse]:
        """Open a stream."""
        return asyncio.ensure_future(self.ask(path, token))


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[Hub]:
    found = Hub(SMALL, {})
    yield found
    found.tornado_application.settings["end"].set()
    found.client.close()
    found.server.stop()
    await found.server.close_all_connections()


def counted(bound: str) -> float:
    """How often the metrics say that something was over a bound."""
    return REGISTRY.get_sample_value("jupyterhub_resource_form_refused_total", {"bound": bound}) or 0.0


PAGES = ["/hub/spawn", "/hub/spawn/ada/x", "/hub/home", "/hub/resource-form/sessions", "/hub/api/resource-form/sessions", "/hub/user/ada/"]


@pytest.mark.parametrize(
    ("path", "method", "bound"),
    [
        *[pytest.param(path, "GET", "pages", id=path) for path in PAGES],
        pytest.param("/hub/spawn", "POST", "start_requests", id="posted-form"),
        pytest.param("/hub/spawn/ada/one", "POST", "start_requests", id="posted-named-form"),
        pytest.param("/hub/resource-form/switch", "POST", "start_requests", id="switch"),
        pytest.param("/hub/api/users/ada/server", "POST", "start_requests", id="start"),
        pytest.param("/hub/api/users/ada/servers/one", "POST", "start_requests", id="named-start"),
        pytest.param("/hub/api/resource-form/check", "POST", "checks", id="check"),
        pytest.param("/hub/api/user", "GET", "requests", id="jupyterhubs-api"),
        pytest.param("/hub/api/users/ada/server", "GET", "requests", id="looking-at-a-server"),
        pytest.param("/hub/static/css/style.min.css", "GET", "requests", id="static"),
        pytest.param("/hub/resource-form/static/form/main.js", "GET", "requests", id="our-static"),
    ],
)
async def test_more_than_one_user_may_ask(hub: Hub, path: str, method: str, bound: str) -> None:
    """Over the bound comes 429 with a sentence, the seconds to wait, and no handler; others go on, and so does the user in other ways."""
    await hub.known("ada-token", "ben-token")
    before, most = counted(bound), SMALL[bound]
    answers = [await hub.ask(path, "ada-token", method) for _turn in range(most + 3)]
    assert [answer.code for answer in answers[: most - 1]] == [200] * (most - 1)
    reached = len(hub.tornado_settings["reached"])
    refused = await hub.ask(path, "ada-token", method)
    assert refused.code == 429
    assert (
        json.loads(refused.body)["message"]
        == f"You ask more often than the service can answer. Wait {refused.headers['Retry-After']} s, then go on."
    )
    assert len(hub.tornado_settings["reached"]) == reached
    assert counted(bound) - before >= 2
    assert (await hub.ask(path, "ben-token", method)).code == 200
    if bound != "requests":
        assert (await hub.ask("/hub/api/user", "ada-token")).code == 200


async def test_all_of_ones_credentials_count_together(hub: Hub) -> None:
    """A second token, a cookie, a token in the address, and a cookie beside a token that is none."""
    await hub.known("ada-token", "ada-other")
    cookie = {"Cookie": "jupyterhub-hub-login=ada-token"}
    await hub.ask("/hub/api/user", **cookie)
    assert await hub.statuses(SMALL["pages"], "/hub/home", "ada-token") == [200] * SMALL["pages"]
    assert await hub.statuses(1, "/hub/home", "ada-other") == [429]
    assert await hub.statuses(1, "/hub/home", **cookie) == [429]
    assert await hub.statuses(1, "/hub/home", "none-at-all", **cookie) == [429]
    assert await hub.statuses(1, "/hub/home?token=ada-token") == [429]


async def test_a_token_beside_anothers_cookie(hub: Hub) -> None:
    """It counts for whose it is: nobody uses up another's share with a cookie that JupyterHub does not take."""
    await hub.known("ada-token")
    for turn in range(3):
        await hub.ask("/hub/home", "ada-token", Cookie=f"jupyterhub-hub-login=ben-token; x={turn}")
    assert await hub.statuses(SMALL["pages"], "/hub/home", Cookie="jupyterhub-hub-login=ben-token") == [200] * SMALL["pages"]


async def test_strangers_are_bounded_by_address(hub: Hub) -> None:
    """Made-up tokens, a new one each time, get nobody further; other addresses and those who are known go on."""
    await hub.known("ada-token")
    codes = [(await hub.ask("/hub/login", f"made-up-{number}")).code for number in range(8)]
    assert codes == [200] * 6 + [429] * 2
    assert (await hub.ask("/hub/login", at="10.0.0.2")).code == 200
    assert (await hub.ask("/hub/home", "ada-token")).code == 200
    assert (await hub.ask("/hub/static/logo.png")).code == 200


async def test_services_are_the_admins(hub: Hub) -> None:
    """They are not bounded: who set them up knows what they do."""
    await hub.known("cull")
    assert await hub.statuses(30, "/hub/api/resource-form/sessions", "cull") == [200] * 30


async def test_reports_of_gpus_have_bounds_of_their_own(hub: Hub) -> None:
    assert await hub.statuses(10, "/hub/api/resource-form/gpu-reports", "a-nodes", "POST") == [200] * 10


@pytest.mark.parametrize(
    "path", ["/hub/api/resource-form/sessions/events", "/hub/api/users/ada/server/progress", "/hub/api/users/ada/servers/x/progress"]
)
async def test_streams_of_one_user(hub: Hub, path: str) -> None:
    """So many at a time; another one when one of them has ended, whoever ended it."""
    await hub.known("ada-token", "ben-token")
    streams = [hub.listen(path, "ada-token") for _number in range(2)]
    await hub.until_open("ada", 2)
    refused = await hub.ask(path, "ada-token")
    assert (refused.code, json.loads(refused.body)["message"]) == (429, "Too many pages of yours are open at a time. Close some.")
    others = hub.listen(path, "ben-token")
    await hub.until_open("ben", 1)

    hub.tornado_application.settings["end"].set()
    assert [(await stream).code for stream in (*streams, others)] == [200, 200, 200]
    assert hub.admission.streams.number() == 0
    assert (await hub.ask(path, "ada-token")).code == 200


async def test_a_stream_that_was_hung_up(hub: Hub) -> None:
    """It counts no more, though no handler has told of its end."""
    await hub.known("ada-token")
    request = b"GET /hub/api/users/ada/server/progress HTTP/1.1\r\nHost: x\r\nAuthorization: token ada-token\r\n\r\n"
    for _turn in range(4):
        writers = []
        for _number in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
            writer.write(request)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writers.append(writer)
        assert hub.admission.streams.number_of("ada") == 2
        for writer in writers:
            writer.close()
        await hub.until_open("ada", 0)


async def test_streams_in_all(hub: Hub) -> None:
    """All users together leave the Hub files for everything else."""
    tokens = ["ada-token", "ben-token", "cull"]
    await hub.known(*tokens)
    streams: list[asyncio.Future[HTTPResponse]] = []
    USERS.update({f"user{number}": (f"user{number}", "user") for number in range(5)})
    for number in range(5):
        await hub.ask("/hub/api/user", f"user{number}", at=f"10.1.0.{number}")
        streams.append(hub.listen("/hub/api/resource-form/sessions/events", f"user{number}"))
        await hub.until_open(f"user{number}", 1)
    assert hub.admission.streams.number() == 5
    refused = await hub.ask("/hub/api/resource-form/sessions/events", "ada-token")
    assert (refused.code, json.loads(refused.body)["message"]) == (429, "Too many pages are open at a time.")
    assert (await hub.ask("/hub/home", "ada-token")).code == 200
    hub.tornado_application.settings["end"].set()
    await asyncio.gather(*streams)


@pytest.mark.parametrize("path", ["/hub/spawn", "/hub/login", "/hub/api/resource-form/check", "/hub/api/users/ada/server"])
async def test_a_body_that_is_too_large(hub: Hub, path: str) -> None:
    """It is refused whoever sends it, with a sentence in their language, and never held."""
    await hub.known("ada-token")
    assert (await hub.ask(path, "ada-token", "POST", body="x" * 1000)).code == 200
    reached = len(hub.tornado_settings["reached"])
    for token in ("ada-token", ""):
        refused = await hub.ask(path, token, "POST", body="x" * 2_000_000)
        assert refused.code == 413
        assert json.loads(refused.body) == {"status": 413, "message": "That is more than the service reads of one request."}
        assert "Retry-After" not in refused.headers
    assert len(hub.tornado_settings["reached"]) == reached


@pytest.mark.parametrize("length", [str(MOST_DROPPED_BYTES + 1), "9" * 30, "-1", "x"])
async def test_a_length_that_cannot_be(hub: Hub, length: str) -> None:
    """It is refused before a byte of it has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(f"POST /hub/spawn HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
    assert (await reader.readline()).split()[1] in (b"413", b"400")
    await reader.read()
    writer.close()


async def send_in_chunks(hub: Hub, path: str, size: int, token: str = "ada-token", piece: int = 500) -> tuple[int, bytes]:
    """POST a body whose length nobody is told before; the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: token {token}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())
    with contextlib.suppress(OSError):
        for sent in range(0, size, piece):
            length = min(piece, size - sent)
            writer.write(b"%x\r\n" % length + b"x" * length + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    head_of_answer, _blank, body = answer.partition(b"\r\n\r\n")
    return int(head_of_answer.split()[1]), body


@pytest.mark.parametrize("path", ["/hub/login", "/hub/api/resource-form/check", "/hub/api/users/ada/server"])
async def test_a_body_in_chunks(hub: Hub, path: str) -> None:
    """Its length is known only as it comes: up to the bound it is as any other, beyond it is refused with the same sentence, and counts."""
    await hub.known("ada-token")
    status, body = await send_in_chunks(hub, path, 1000)
    assert (status, json.loads(body)["bytes"]) == (200, 1000)
    reached, before = len(hub.tornado_settings["reached"]), counted("body_bytes")
    for size in (1001, 2_000_000):
        status, body = await send_in_chunks(hub, path, size, piece=500 if size == 1001 else 50_000)
        assert status == 413
        assert json.loads(body) == {"status": 413, "message": "That is more than the service reads of one request."}
    assert len(hub.tornado_settings["reached"]) == reached
    assert counted("body_bytes") - before == 2
    assert not hub.line._here


async def test_chunks_without_end(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes on sending is answered, and cut off."""
    monkeypatch.setattr("spawner.hub.gate.MOST_DROPPED_BYTES", 100_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(b"POST /hub/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.writelines([b"c350\r\n" + b"x" * 50_000 + b"\r\n"] * 3)
    assert (await reader.readline()).split()[1] == b"413"
    with suppress(ConnectionResetError):  # it is cut off while it sends
        await reader.read()
    writer.close()
    assert hub.tornado_settings["reached"] == []


async def test_who_hangs_up_amid_chunks(hub: Hub) -> None:
    """It stands in no line, and nothing answers it."""
    await hub.known("ada-token")
    reached = list(hub.tornado_settings["reached"])
    _reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    head = "POST /hub/api/users/ada/server HTTP/1.1\r\nHost: x\r\nAuthorization: token ada-token\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode() + b"5\r\nhello\r\n")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await hub.known("ada-token")
    assert hub.tornado_settings["reached"] == [*reached, "/hub/api/user"]
    assert not hub.line._here


async def test_who_goes_on_asking(hub: Hub) -> None:
    """The first refusals come at once, the next ones after a moment, so that a loop of them costs little; nobody else waits for it."""
    await hub.known("ada-token", "ben-token")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert await hub.statuses(SMALL["pages"] + SMALL["refusals"], "/hub/home", "ada-token") == [200] * 4 + [429] * 10
    assert loop.time() - begun < PAUSE_SECONDS
    late = [asyncio.ensure_future(hub.ask("/hub/home", "ada-token")) for _number in range(5)]
    assert (await hub.ask("/hub/home", "ben-token")).code == 200
    assert not any(each.done() for each in late)
    assert [answer.code for answer in await asyncio.gather(*late)] == [429] * 5
    assert loop.time() - begun >= PAUSE_SECONDS


async def test_who_does_not_wait_for_the_refusal(hub: Hub) -> None:
    """Whoever hangs up meanwhile is not answered, and that is no error."""
    await hub.known("ada-token")
    await hub.statuses(SMALL["pages"] + SMALL["refusals"], "/hub/home", "ada-token")
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(b"GET /hub/home HTTP/1.1\r\nHost: x\r\nAuthorization: token ada-token\r\n\r\n")
    await hub.until(lambda: hub.admission.held == 1)
    writer.close()
    await hub.until(lambda: hub.admission.held == 0)
    assert (await hub.ask("/hub/home", "ada-token")).code == 429
    assert hub.admission.held == 0
    assert await reader.read() == b""


async def test_refusals_that_wait_are_few(hub: Hub) -> None:
    """Each is an open file: beyond so many they are answered at once."""
    await hub.known("ada-token")
    await hub.statuses(SMALL["pages"] + SMALL["refusals"], "/hub/home", "ada-token")
    hub.admission._most_held = 3
    late = [asyncio.ensure_future(hub.ask("/hub/home", "ada-token")) for _number in range(10)]
    await hub.until(lambda: sum(each.done() for each in late) == 7)
    assert hub.admission.held == 3
    assert [(await each).code for each in late] == [429] * 10


async def test_starts_take_turns(hub: Hub) -> None:
    """One at a time goes through JupyterHub, users in rotation, each with its body; the rest of a start holds up nobody."""
    await hub.known("ada-token", "ben-token")
    settings = hub.tornado_application.settings
    starts = [asyncio.ensure_future(hub.ask("/hub/spawn/lasts", "ada-token", "POST", body=f"a{number}")) for number in range(3)]
    await hub.until(lambda: len(hub.line._here) == 3)
    starts.append(asyncio.ensure_future(hub.ask("/hub/spawn/lasts", "ben-token", "POST", body="b0")))
    await hub.until(lambda: len(hub.line._here) == 4)
    assert (await hub.ask("/hub/home", "ben-token")).code == 200
    assert [user for user, _body in settings["started"]] == ["ada"]
    settings["go"].set()
    await hub.until(lambda: len(settings["started"]) == 4)
    assert [user for user, _body in settings["started"]] == ["ada", "ada", "ben", "ada"]
    assert {body for _user, body in settings["started"]} == {"a0", "a1", "a2", "b0"}
    settings["end"].set()
    assert [(await start).code for start in starts] == [200] * 4
    assert hub.line._here == {}


async def test_who_leaves_the_line_of_starts(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started for whoever hung up while they waited; whoever hangs up later is the handler's."""
    monkeypatch.setattr("spawner.hub.start_line.LONGEST_TURN_SECONDS", 20)
    await hub.known("ada-token", "ben-token")
    settings = hub.tornado_application.settings
    writers = []
    for number, user in enumerate(("ada", "ben"), start=1):
        _reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        head = f"POST /hub/spawn/lasts HTTP/1.1\r\nHost: x\r\nAuthorization: token {user}-token\r\nContent-Length: 1\r\n\r\n"
        writer.write(head.encode() + b"x")
        writers.append(writer)
        await hub.until(partial(lambda number: len(hub.line._here) == number, number))
    writers[1].close()
    await hub.until(lambda: len(hub.line._here) == 1)
    writers[0].close()
    await hub.until(lambda: settings["gone"] == ["ada"])
    await hub.until(lambda: not hub.line._here)
    assert settings["started"] == [("ada", "x")]


async def test_a_start_that_takes_long(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on, and the next one is begun."""
    monkeypatch.setattr("spawner.hub.start_line.LONGEST_TURN_SECONDS", 0.05)
    await hub.known("ada-token")
    settings = hub.tornado_application.settings
    starts = [asyncio.ensure_future(hub.ask("/hub/spawn/lasts", "ada-token", "POST")) for _number in range(2)]
    await hub.until(lambda: len(settings["started"]) == 2)
    settings["go"].set()
    settings["end"].set()
    assert [(await start).code for start in starts] == [200, 200]


async def test_a_person_gets_a_page(hub: Hub) -> None:
    """In their language; what was only looked at comes back by itself, what was posted does not."""
    await hub.known("ada-token")
    await hub.statuses(4, "/hub/home", "ada-token")
    await hub.statuses(5, "/hub/spawn", "ada-token", "POST")
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "it"}
    looked = await hub.ask("/hub/home", "ada-token", **browser)
    posted = await hub.ask("/hub/spawn", "ada-token", "POST", **browser)
    wait = looked.headers["Retry-After"]
    assert looked.headers["Content-Type"] == posted.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f'<meta http-equiv="refresh" content="{wait}">' in looked.body.decode()
    assert '<html lang="it">' in looked.body.decode()
    assert "http-equiv" not in posted.body.decode()
    assert "Un momento" in posted.body.decode()


async def test_the_log_tells_once(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    """Of each user and bound, with the setting that says how much."""
    await hub.known("ada-token")
    await hub.statuses(SMALL["pages"] + SMALL["refusals"], "/hub/home", "ada-token")
    lines = [record.getMessage() for record in caplog.records if record.name == "tests.gate"]
    assert lines == ["A request from ada was refused: over c.ResourceFormBounds.pages (4)"]


async def test_what_is_done_counts_as_the_callers(hub: Hub) -> None:
    """Whose turn it is in the worker follows from who asked; JupyterHub's own log has each request as before."""
    await hub.known("ada-token")
    assert json.loads((await hub.ask("/hub/home", "ada-token")).body) == {"for": "ada"}
    assert json.loads((await hub.ask("/hub/home", at="10.3.3.3")).body) == {"for": "10.3.3.3"}
    assert hub.logged == ["/hub/api/user", "/hub/home", "/hub/home"]
