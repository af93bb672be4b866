"""The Hub's door for reports of GPUs: who may, what is taken, and that nothing is lost by what is refused."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import json
import logging
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
from jupyterhub import orm, roles, scopes
from sqlalchemy.exc import OperationalError
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.netutil import bind_sockets

from spawner.cluster.cluster import SlurmCluster
from spawner.gpu.agent.schema import LARGEST_REPORT, Device, NodeReport, as_json
from spawner.gpu.agent.tokens import node_token
from spawner.hub.apihandlers.gpu_reporters import BURST, KNOWN_SECONDS, SCOPE
from spawner.hub.apihandlers.gpu_reports import GpuReports, Incoming, ReportIngest
from spawner.hub.routes import GPU_REPORTS
from spawner.hub.state import HubState
from tests.support.fake_slurm import FakeSlurm

SERVICE = "5e" * 32
WEAKER = "7a" * 32
"""Of a service without the scope."""
LATER = "9c" * 32
"""Of a service that no configuration names."""
FIRST = "g001"


def report(node: str = FIRST, utilisation: int = 1) -> bytes:
    return as_json(NodeReport(node, 1.0, "535.1", (Device(0, "GPU-1", utilisation=utilisation),))).encode()


class Moment:
    """A clock that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        return str(json.loads(self.body)["message"])


@dataclass
class Door:
    """A server with nothing but our handler, the Hub's database, and the fake controller behind the SlurmCluster."""

    port: int
    slurm: FakeSlurm
    cluster: SlurmCluster
    ingest: ReportIngest
    clock: Moment
    db: Any
    tokens: dict[str, str]
    services: dict[str, Any]

    async def send(self, *pieces: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> Answer:
        """One request, its headers as they are given, its body in these pieces; the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} /api/resource-form/gpu-reports HTTP/1.1", "Host: hub"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        answer = await asyncio.wait_for(read_answer(reader), 20)
        if answer.headers.get("connection") == "close":
            await asyncio.wait_for(closed(reader), 20)
        writer.close()
        return answer

    async def post(self, body: bytes | None = None, token: str = SERVICE, **headers: str) -> Answer:
        """A report, sent as a reporter does."""
        body = report() if body is None else body
        sent = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.send(body, headers=sent | ({"Authorization": f"token {token}"} if token else {}))

    def stored(self, node: str = FIRST) -> int | None:
        """The utilisation in the node's stored report."""
        latest = self.cluster.gpu_reports.latest(node)
        return latest.report.devices[0].utilisation if latest else None


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
    return Answer(int(head[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def closed(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""


def fill(db: Any) -> dict[str, str]:
    """Services, each with a role, and users; the tokens of the users."""
    scopes.define_custom_scopes({SCOPE: {"description": "Report what the GPUs of the nodes do."}})
    for role in roles.get_default_roles():
        roles.create_role(db, role)
    db.add(orm.OAuthClient(identifier="jupyterhub", allowed_scopes=[]))
    for name, token, scope in (("gpu-reports", SERVICE, SCOPE), ("weaker", WEAKER, "list:users"), ("later", LATER, SCOPE)):
        service = orm.Service(name=name)
        db.add(service)
        service.roles.append(roles.create_role(db, {"name": f"role-{name}", "scopes": [scope]}))
        db.commit()
        service.new_api_token(token, generated=False)
    tokens = {}
    for name, role in (("ada", "user"), ("root", "admin")):
        user = orm.User(name=name)
        db.add(user)
        user.roles.append(orm.Role.find(db, role))
        if role == "admin":
            # Even a person with the scope is no service.
            user.roles.append(roles.create_role(db, {"name": "role-of-a-person", "scopes": [SCOPE]}))
        db.commit()
        tokens[name] = user.new_api_token()
    return tokens


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The Hub's database as a file, and the tokens of its users."""
    path = tmp_path_factory.mktemp("hub") / "jupyterhub.sqlite"
    db = orm.new_session_factory(f"sqlite:///{path}")()
    tokens = fill(db)
    db.close()
    return path, tokens


@pytest_asyncio.fixture
async def door(filled: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """The door, with a database of its own; nobody waits there for others."""
    monkeypatch.setattr("spawner.hub.apihandlers.gpu_reports.BATCH_WINDOW_SECONDS", 0.0)
    path, tokens = filled
    shutil.copy(path, tmp_path)
    db = orm.new_session_factory(f"sqlite:///{tmp_path / path.name}")()
    slurm = FakeSlurm(asyncio.get_running_loop(), delay=0.0)
    services = {"gpu-reports": SimpleNamespace(api_token=SERVICE), "weaker": SimpleNamespace(api_token=WEAKER)}
    log = logging.getLogger("tests.gpu_reports")
    settings = {"db": db, "services": services, "app": SimpleNamespace(service_tokens={}), "log": log}
    reports = GpuReports(lambda: settings)
    state, clock = HubState.in_settings(settings), Moment()
    cluster = state.part(SlurmCluster, lambda: SlurmCluster(runner=slurm, jitter=0.0))
    ingest = state.part(ReportIngest, lambda: ReportIngest(state))
    ingest.pace._clock = ingest.reporters._clock = ingest.refusals._clock = clock
    ingest.refusals._since = clock()
    # The settings are the Hub's: no cookie is asked for here.
    server = HTTPServer(web.Application([(GPU_REPORTS, reports)], xsrf_cookies=True, cookie_secret=b"x" * 32), xheaders=True)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    found = Door(sockets[0].getsockname()[1], slurm, cluster, ingest, clock, db, tokens, services)
    yield found
    server.stop()
    await server.close_all_connections()
    db.close()


# --- who may -----------------------------------------------------------------------------------------------------------------------


async def test_a_service_reports_for_every_node(door: Door) -> None:
    for number, node in enumerate(("g001", "g002", "c001")):
        answer = await door.post(report(node, number))
        assert (answer.status, answer.body) == (204, b"")
        assert door.stored(node) == number


async def test_a_node_reports_for_itself(door: Door) -> None:
    answer = await door.post(report("g002", 7), node_token(SERVICE, "g002"))

    assert answer.status == 204
    assert door.stored("g002") == 7


async def test_a_node_reports_for_no_other(door: Door) -> None:
    await door.post(report("g001", 7))
    answer = await door.post(report("g001", 99), node_token(SERVICE, "g002"))

    assert (answer.status, answer.message) == (403, "This token is another node's.")
    assert door.stored("g001") == 7
    assert door.stored("g002") is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "no-token-at-all",
        WEAKER,
        node_token(WEAKER, "g001"),
        node_token(LATER, "g001"),
        node_token("", "g001"),
        f"rfgpu.g001.{'0' * 64}",
        SERVICE[:-1],
        f"{SERVICE}0",
        "user",
        "admin",
    ],
)
async def test_nobody_else_reports(door: Door, token: str) -> None:
    await door.post(report(utilisation=7))
    door.clock.now += 10
    token = {"user": door.tokens["ada"], "admin": door.tokens["root"]}.get(token, token)
    for method in ("token", "Bearer"):
        answer = await door.post(report(utilisation=99), "", **({"Authorization": f"{method} {token}"} if token else {}))
        assert answer.status == 403
        assert SCOPE in answer.message
    assert door.stored() == 7


async def test_a_token_counts_in_its_header_only(door: Door) -> None:
    """In a cookie, an address or another kind of authorisation it counts for nothing."""
    body = report()
    for headers in ({"Cookie": f"token={SERVICE}"}, {"Authorization": f"Basic {SERVICE}"}, {"Authorization": f"token {SERVICE} x"}):
        answer = await door.send(body, headers={"Content-Length": str(len(body)), **headers})
        assert answer.status == 403
    assert door.stored() is None


async def test_a_service_made_while_the_hub_runs(door: Door) -> None:
    """The Hub knows no more than a hash of its token: it reports itself, and makes no tokens for nodes."""
    assert (await door.post(token=LATER)).status == 204
    assert (await door.post(token=node_token(LATER, FIRST))).status == 403


async def test_a_token_in_the_hubs_list_of_tokens(door: Door) -> None:
    door.services.clear()
    assert (await door.post(token=node_token(SERVICE, FIRST))).status == 403

    door.ingest.reporters._settings["app"].service_tokens[SERVICE] = "gpu-reports"
    door.clock.now += KNOWN_SECONDS
    assert (await door.post(token=node_token(SERVICE, FIRST))).status == 204


async def test_a_token_that_is_taken_back(door: Door) -> None:
    """It counts for a minute more at most, as do the nodes' tokens that were made from it; and the database is not asked in between."""
    assert (await door.post()).status == 204
    assert (await door.post(token=node_token(SERVICE, FIRST))).status == 204
    door.db.delete(orm.APIToken.find(door.db, SERVICE))
    door.db.commit()
    door.clock.now += KNOWN_SECONDS - 1
    assert (await door.post()).status == 204
    door.clock.now += 1

    assert (await door.post()).status == 403
    assert (await door.post(token=node_token(SERVICE, FIRST))).status == 403


async def test_a_role_that_is_given(door: Door) -> None:
    """A wrong token is remembered as well, and as long."""
    assert (await door.post(token=WEAKER)).status == 403
    service = orm.Service.find(door.db, "weaker")
    service.roles.append(orm.Role.find(door.db, "role-gpu-reports"))
    door.db.commit()
    assert (await door.post(token=WEAKER)).status == 403
    door.clock.now += KNOWN_SECONDS

    assert (await door.post(token=WEAKER)).status == 204


async def test_a_role_that_is_taken_away(door: Door) -> None:
    assert (await door.post(token=node_token(SERVICE, FIRST))).status == 204
    service = orm.Service.find(door.db, "gpu-reports")
    service.roles.clear()
    door.db.commit()
    door.clock.now += KNOWN_SECONDS

    assert (await door.post(token=node_token(SERVICE, FIRST))).status == 403
    assert (await door.post()).status == 403


async def test_a_database_that_does_not_answer(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    with monkeypatch.context() as patched:
        patched.setattr(orm.APIToken, "find", fail)
        answer = await door.post()
        assert (answer.status, answer.headers["retry-after"]) == (503, "30")
        assert (await door.post(token=node_token(SERVICE, FIRST))).status == 503

    assert (await door.post()).status == 204


# --- which node, how often ---------------------------------------------------------------------------------------------------------


async def test_a_node_that_slurm_has_not(door: Door) -> None:
    for token in (SERVICE, node_token(SERVICE, "x999")):
        answer = await door.post(report("x999"), token)
        assert (answer.status, answer.message) == (404, "Slurm has no node of this name.")
    assert door.stored("x999") is None


async def test_slurm_is_asked_once_for_its_nodes(door: Door) -> None:
    answers = await asyncio.gather(*(door.post(report(node)) for node in ("g001", "g002", "g003", "x999", "x998")))

    assert [answer.status for answer in answers] == [204, 204, 204, 404, 404]
    assert door.cluster.nodes.fetches == 1


async def test_a_node_that_is_newer_than_the_list(door: Door) -> None:
    await door.cluster.nodes.get()
    door.cluster.device_reports.node_names = frozenset({"g002"})
    now = door.cluster.clock
    for seconds in (0, 250):
        door.cluster.clock = door.cluster.nodes._clock = lambda ahead=seconds: now() + ahead  # type: ignore[misc]
        assert (await door.post()).status == 404
        assert door.cluster.nodes.fetches == 1

    door.cluster.clock = door.cluster.nodes._clock = lambda: now() + 301
    assert (await door.post()).status == 204
    assert door.cluster.nodes.fetches == 2


async def test_a_node_that_slurm_has_no_more(door: Door) -> None:
    """With the next list of nodes, and not before, its reports are forgotten."""
    assert (await door.post()).status == 204
    door.cluster.gpu_reports.put(NodeReport("x999", 1.0, devices=(Device(0, utilisation=5),)))
    assert door.stored("x999") == 5
    door.slurm.answers = False
    door.cluster.nodes.expire()
    await door.cluster.nodes.get()
    assert door.stored("x999") == 5

    door.slurm.answers = True
    door.cluster.nodes._retry_at = 0.0
    await door.cluster.nodes.get()
    assert door.stored("x999") is None
    assert door.stored() == 1


async def test_slurm_does_not_answer(door: Door) -> None:
    door.slurm.answers = False
    answer = await door.post()
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")

    door.slurm.answers = True
    door.cluster.nodes._retry_at = 0.0
    assert (await door.post()).status == 204


async def test_a_known_node_reports_while_slurm_is_away(door: Door) -> None:
    assert (await door.post()).status == 204
    door.slurm.answers = False
    now = door.cluster.clock
    door.cluster.clock = door.cluster.nodes._clock = lambda: now() + 3600

    assert (await door.post()).status == 204
    assert (await door.post(report("x999"))).status == 503


@pytest.mark.parametrize("token", [SERVICE, node_token(SERVICE, FIRST)])
async def test_how_often_a_node_may_report(door: Door, token: str) -> None:
    statuses = [(await door.post(report(utilisation=number), token)).status for number in range(BURST)]
    assert statuses == [204] * BURST

    answer = await door.post(report(utilisation=99), token)
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert door.stored() == BURST - 1

    assert (await door.post(report("g002"))).status == 204
    door.clock.now += 1
    assert (await door.post(report(utilisation=50), token)).status == 204
    assert (await door.post(report(utilisation=99), token)).status == 429
    assert door.stored() == 50


async def test_reports_are_taken_in_together(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few at a time; one that cannot be taken in, for whatever reason, keeps nobody else's away, nor does one that has hung up."""
    monkeypatch.setattr("spawner.hub.apihandlers.gpu_reports.BATCH_WINDOW_SECONDS", 0.05)
    monkeypatch.setattr("spawner.hub.apihandlers.gpu_reports.AT_ONCE", 2)
    await door.post(report("c002"))
    put = door.cluster.gpu_reports.put

    def put_or_fail(found: NodeReport) -> None:
        if found.node == "g002":
            raise RuntimeError("a fault of ours")
        put(found)

    monkeypatch.setattr(door.cluster.gpu_reports, "put", put_or_fail)
    answers = await asyncio.gather(
        *(door.post(report(node, number)) for number, node in enumerate(("g001", "g002", "g003", "c001", "m001"))), return_exceptions=True
    )
    assert [getattr(answer, "status", None) for answer in answers] == [204, 500, 204, 204, 204]
    assert [door.stored(node) for node in ("g001", "g002", "g003", "c001", "m001")] == [0, None, 2, 3, 4]


# --- what is sent ------------------------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>\r\nSet-Cookie: a=b"
GARBAGE = [
    b"",
    b"null",
    b"[]",
    b"\x00\xff\xfe",
    b"[" * 100_000,
    b'{"node": "g001"}',
    b'{"node": "g001", "at": 1, "devices": [], "extra": 1}',
    json.dumps({"node": HOSTILE, "at": 1}).encode(),
    json.dumps({"node": "g001", "at": 1, "driver": HOSTILE}).encode(),
    json.dumps({"node": "g001", "at": 1, "devices": [{"index": 0, "uuid": HOSTILE}]}).encode(),
    json.dumps({"node": "g001", "at": 1, "devices": [{"index": 0, HOSTILE: 1}]}).encode(),
    b'{"node": "g001", "at": 1, "devices": [{"index": ' + b"9" * 5000 + b"}]}",
    b'{"node": "g001", "at": NaN}',
]


@pytest.mark.parametrize("body", GARBAGE)
async def test_what_is_no_report(door: Door, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    await door.post(report(utilisation=7))
    answer = await door.post(body)

    assert answer.status == 400
    assert answer.message.startswith("This is no report: ")
    for text in (answer.message, caplog.text):
        assert "\n" not in answer.message
        assert not {"script", "Cookie", "999"} & set(text.replace("<", " ").replace(":", " ").split())
    assert door.stored() == 7


async def test_a_report_as_large_as_one_may_be(door: Door) -> None:
    body = report(utilisation=7)
    assert (await door.post(body + b" " * (LARGEST_REPORT - len(body)))).status == 204
    assert door.stored() == 7


@pytest.mark.parametrize("token", [SERVICE, node_token(SERVICE, FIRST)])
async def test_a_report_that_is_too_large_is_not_read(door: Door, token: str) -> None:
    """The answer is there before a byte of the body was sent."""
    await door.post(report(utilisation=7))
    for length in (LARGEST_REPORT + 1, 100 * 1024 * 1024, 10**30):
        answer = await door.send(headers={"Authorization": f"token {token}", "Content-Length": str(length)})
        assert (answer.status, answer.message) == (413, "The report is too large.")
        assert answer.headers["connection"] == "close"
        door.clock.now += 10
    assert door.stored() == 7
    assert (await door.post(report(utilisation=8))).status == 204


async def test_one_that_waits_to_be_asked_for_its_body(door: Door) -> None:
    headers = {"Authorization": f"token {SERVICE}", "Content-Length": str(LARGEST_REPORT + 1), "Expect": "100-continue"}

    assert (await door.send(headers=headers)).status == 413


async def test_chunks_are_counted(door: Door) -> None:
    await door.post(report(utilisation=7))
    headers = {"Authorization": f"token {SERVICE}", "Transfer-Encoding": "chunked"}
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    body = report(utilisation=8)
    small = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert (await door.send(chunk * 2, small, headers=headers)).status == 204
    assert door.stored() == 8

    # No end of the chunks is ever sent: the answer comes once it is too much.
    answer = await door.send(*[chunk] * (LARGEST_REPORT // 0x4000 + 1), headers=headers)
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert door.stored() == 8


@pytest.mark.parametrize("length", ["-1", "1e3", "", "0x10", "٣"])
async def test_a_length_that_is_none(door: Door, length: str) -> None:
    answer = await door.send(headers={"Authorization": f"token {SERVICE}", "Content-Length": length.encode().decode("latin-1")})

    assert answer.status == 400
    assert answer.headers["connection"] == "close"


async def test_compressed_reports_are_not_taken(door: Door) -> None:
    answer = await door.post(gzip.compress(report()), Content_Encoding="gzip")

    assert answer.status == 415
    assert door.stored() is None


async def test_whoever_is_refused_gets_to_read_why(door: Door) -> None:
    """The body of a refused report is read, and dropped: a connection that is closed while it is sent takes the answer with it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = (
        f"POST /api/resource-form/gpu-reports HTTP/1.1\r\nHost: hub\r\nAuthorization: token wrong\r\nContent-Length: {LARGEST_REPORT}\r\n"
    )
    writer.write(f"{head}\r\n".encode())
    for _ in range(LARGEST_REPORT // 1024):
        writer.write(b" " * 1024)
        await writer.drain()
        await asyncio.sleep(0)
    assert (await asyncio.wait_for(read_answer(reader), 20)).status == 403
    await asyncio.wait_for(closed(reader), 20)
    writer.close()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_but_post(door: Door, method: str) -> None:
    answer = await door.send(headers={"Authorization": f"token {SERVICE}", "Content-Length": "0"}, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, "POST")


class Line:
    """A connection that is kept from one report to the next."""

    async def open(self, door: Door) -> Line:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", door.port)
        return self

    async def post(self, body: bytes) -> Answer:
        head = f"POST /api/resource-form/gpu-reports HTTP/1.1\r\nHost: hub\r\nAuthorization: token {SERVICE}\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return await asyncio.wait_for(read_answer(self.reader), 20)

    async def is_closed(self) -> None:
        await asyncio.wait_for(closed(self.reader), 20)
        self.writer.close()


async def test_to_a_head_there_is_no_body(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"HEAD /api/resource-form/gpu-reports HTTP/1.1\r\nHost: hub\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 405 ")
    assert answer.endswith(b"\r\n\r\n")
    assert not [record for record in caplog.records if record.name.startswith("tornado")]


@pytest.mark.parametrize(("token", "kept"), [(SERVICE, 1000), ("wrong", 0)])
async def test_the_body_of_whom_may_not_is_not_kept(door: Door, token: str, kept: int) -> None:
    headers = HTTPHeaders({"Host": "hub", "Authorization": f"token {token}", "Content-Length": "1000"})
    line = RequestStartLine("POST", "/", "HTTP/1.1")
    incoming = Incoming(door.ingest, HTTPServerRequest(start_line=line, headers=headers, connection=SimpleNamespace(context=None)))
    incoming.headers_received(line, headers)
    incoming.data_received(b" " * 1000)

    assert len(incoming._body) == kept


async def test_a_connection_is_good_for_many_reports(door: Door) -> None:
    line = await Line().open(door)
    for number in range(5):
        door.clock.now += 15
        answer = await line.post(report(utilisation=number))
        assert answer.status == 204
        assert "connection" not in answer.headers
    assert door.stored() == 4

    answer = await line.post(b"nonsense")
    assert (answer.status, answer.headers["connection"]) == (400, "close")
    await line.is_closed()


async def fewer_connections(door: Door, than: int) -> None:
    while len(door.ingest._streams) >= than:
        gc.collect()
        await asyncio.sleep(0)


async def test_connections_do_not_take_the_hubs_files(door: Door) -> None:
    door.ingest._most_streams = 2
    lines = [await Line().open(door) for _ in range(3)]
    answers = []
    for line, node in zip(lines, ("g001", "g002", "g003"), strict=True):
        answers.append(await line.post(report(node)))
    assert [answer.status for answer in answers] == [204] * 3
    assert ["connection" in answer.headers for answer in answers] == [False, False, True]
    await lines[2].is_closed()
    assert "connection" not in (await lines[0].post(report("c001"))).headers

    lines[0].writer.close()
    await asyncio.wait_for(fewer_connections(door, 2), 20)
    line = await Line().open(door)
    assert "connection" not in (await line.post(report("c002"))).headers


# --- the log -----------------------------------------------------------------------------------------------------------------------


async def test_no_line_for_a_report(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(3):
        assert (await door.post()).status == 204

    assert not [record for record in caplog.records if "tests.gpu_reports" in record.name or record.name.startswith("tornado")]


async def test_one_line_for_many_refusals(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        await door.post(token="a wrong one".replace(" ", "-"))
        await door.post(report("g001", 99), node_token(SERVICE, "g002"))
        door.clock.now += 10
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]

    assert len(lines) == 2
    assert lines[0].startswith("A report of GPUs from 127.0.0.1 was refused: Send the token of a node")
    assert lines[1] == "A report of GPUs from g002 was refused: This token is another node's."
    assert "wrong" not in caplog.text
    assert "rfgpu" not in caplog.text


async def test_the_log_says_when_no_service_may(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """As where the configuration sets the roles anew after ``configure(c)``."""
    door.services.clear()
    answer = await door.post(token="another")

    assert "JupyterHub.load_roles" in caplog.text
    assert "JupyterHub.load_roles" not in answer.message
