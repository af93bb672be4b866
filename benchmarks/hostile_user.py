"""How long does an ordinary form take while one user asks the Hub for as much as they can?

``python benchmarks/hostile_user.py``: the demo's Slurm, Hub and proxy; ten ordinary clients that open a form every few seconds, and beside
them fifty clients of another user that ask without a pause. Exits with 1 if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from private_slurm.demo_setup import Demo, plugin_config

ORDINARY, HOSTILE = 10, 50
PAUSE_SECONDS = 4.0
LIMIT_95_MS, LIMIT_STALL_MS = 250.0, 100.0

WATCH = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import asyncio, pathlib
from jupyterhub.app import JupyterHub
from timing import LoopWatch

def _watched(begin):
    async def start(app):
        await begin(app)
        watch = LoopWatch()
        place = pathlib.Path("stall")
        async def tell():
            while True:
                await asyncio.sleep(0.5)
                if place.exists() and place.read_text() == "reset":
                    watch._longest = 0.0
                place.write_text(str(1000 * watch._longest))
        app.watch = asyncio.ensure_future(tell())
    start.__wrapped__ = begin
    return start

JupyterHub.start = _watched(JupyterHub.start)
"""


@dataclass
class Caller:
    """A user of the Hub: the cookies of a browser, and a token."""

    url: str
    name: str
    password: str
    cookie: str = ""
    token: str = ""

    def log_in(self) -> Caller:
        """Get both."""
        session = requests.Session()
        session.trust_env = False
        page = BeautifulSoup(session.get(f"{self.url}hub/login", timeout=60).text, "html.parser")
        field = page.select_one("input[name=_xsrf]")
        assert field is not None
        data = {"username": self.name, "password": self.password, "_xsrf": field["value"]}
        assert session.post(f"{self.url}hub/login", data=data, timeout=60, allow_redirects=False).status_code == 302
        session.get(f"{self.url}hub/home", timeout=60)
        xsrf = next(cookie.value for cookie in session.cookies if cookie.name == "_xsrf" and cookie.path.endswith("/hub/"))
        made = session.post(
            f"{self.url}hub/api/users/{self.name}/tokens",
            params={"_xsrf": xsrf},
            json={},
            headers={"Referer": f"{self.url}hub/home"},
            timeout=60,
        )
        self.token = made.json()["token"]
        self.cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies if cookie.name != "_xsrf")
        self.cookie += f"; _xsrf={xsrf}"
        return self


@dataclass
class Connection:
    """A client with one connection to the proxy, which is opened again when it was closed."""

    address: tuple[str, int]
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"", *, whole: bool = True) -> int:
        """Send a request and read the answer, of a stream only the beginning; return its status."""
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(*self.address)
        assert self.reader is not None
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.address[0]}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        try:
            self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            head = await self.reader.readuntil(b"\r\n\r\n")
            status = int(head.split(None, 2)[1])
            if whole or status != 200:
                await self._body(head.lower())
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return 0
        if b"connection: close" in head.lower():
            self.close()
        return status

    async def _body(self, head: bytes) -> None:
        assert self.reader is not None
        if b"transfer-encoding: chunked" in head:
            while (size := int((await self.reader.readline()).split(b";")[0], 16)) > 0:
                await self.reader.readexactly(size + 2)
            await self.reader.readline()
            return
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                await self.reader.readexactly(int(line.split(b":")[1]))

    def close(self) -> None:
        """Hang up."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


@dataclass
class Row:
    """What was measured while a hostile user did one thing."""

    name: str
    times: list[float] = field(default_factory=list)
    failed: int = 0
    stall: float = 0.0
    hostile: Counter[int] = field(default_factory=Counter)

    @property
    def percentile(self) -> float:
        """The 95th percentile of the forms' times, in ms."""
        return statistics.quantiles(self.times, n=20)[-1]


Ask = Callable[[Connection, int], "asyncio.Future[int]"]


class Benchmark:
    """The demo, an ordinary and a hostile user."""

    def __init__(self, demo: Demo, ordinary: Caller, hostile: Caller, seconds: float) -> None:
        assert demo.hub is not None
        where = urlsplit(demo.hub.url)
        self.address, self.path = (str(where.hostname), int(where.port or 80)), where.path
        self.stall_file = demo.hub.folder / "stall"
        self.ordinary, self.hostile, self.seconds = ordinary, hostile, seconds

    async def opens_forms(self, row: Row, until: float) -> None:
        """One ordinary client."""
        connection = Connection(self.address)
        await asyncio.sleep(random.uniform(0, PAUSE_SECONDS))
        while (begun := time.perf_counter()) < until:
            status = await connection.ask("GET", f"{self.path}hub/spawn", {"Cookie": self.ordinary.cookie})
            row.times.append(1000 * (time.perf_counter() - begun))
            row.failed += status != 200
            await asyncio.sleep(PAUSE_SECONDS)
        connection.close()

    async def asks_without_pause(self, row: Row, until: float, ask: Ask) -> None:
        """One client of the hostile user."""
        connection, number = Connection(self.address), 0
        while time.perf_counter() < until:
            number += 1
            row.hostile[await ask(connection, number)] += 1
        connection.close()

    async def warm_up(self) -> None:
        """Both users open some forms, which nobody measures: the first ones read templates, Slurm's lists and the users' rights."""
        address, row = f"{self.path}hub/spawn", Row("")
        for _turn in range(5):
            callers = [self.ordinary] * ORDINARY + [self.hostile] * ORDINARY
            asked = [Connection(self.address).ask("GET", address, {"Cookie": caller.cookie}) for caller in callers]
            row.failed += sum(status != 200 for status in await asyncio.gather(*asked))
            await asyncio.sleep(1)
        assert row.failed == 0, f"{row.failed} of the first forms failed"

    async def measure(self, name: str, ask: Ask | None) -> Row:
        """Both at once for a while."""
        row = Row(name)
        self.stall_file.write_text("reset")
        until = time.perf_counter() + self.seconds
        clients = [self.opens_forms(row, until) for _number in range(ORDINARY)]
        if ask is not None:
            clients += [self.asks_without_pause(row, until, ask) for _number in range(HOSTILE)]
        await asyncio.gather(*clients)
        await asyncio.sleep(1)
        row.stall = float(self.stall_file.read_text())
        return row

    def scenarios(self) -> dict[str, Ask | None]:
        """What the hostile user does."""
        token = {"Authorization": f"token {self.hostile.token}", "Content-Type": "application/json"}
        cookie, api = {"Cookie": self.hostile.cookie}, f"{self.path}hub/api"
        request = json.dumps({"cores": 2}).encode()
        wrong = json.dumps({"cores": 100_000}).encode()

        def get(path: str, headers: dict[str, str]) -> Ask:
            return lambda connection, _number: asyncio.ensure_future(connection.ask("GET", path, headers))

        def post(path: str, body: bytes) -> Ask:
            return lambda connection, _number: asyncio.ensure_future(connection.ask("POST", path, token, body))

        async def stream(connection: Connection) -> int:
            status = await connection.ask("GET", f"{api}/resource-form/sessions/events", token, whole=False)
            connection.close()
            return status

        asks: dict[str, Ask | None] = {
            "nobody else": None,
            "forms": get(f"{self.path}hub/spawn", cookie),
            "checks": post(f"{api}/resource-form/check", request),
            "refused starts": post(f"{api}/users/{self.hostile.name}/server", wrong),
            "lists of sessions": get(f"{api}/resource-form/sessions", token),
            "streams": lambda connection, _number: asyncio.ensure_future(stream(connection)),
            "logs": get(f"{api}/resource-form/log?job=1", token),
            "JupyterHub's own API": get(f"{api}/user", token),
            "bodies of 2 MB": post(f"{api}/resource-form/check", b"x" * 2_000_000),
        }

        def everything(connection: Connection, number: int) -> asyncio.Future[int]:
            found = list(asks.values())[1:]
            chosen = found[number % len(found)]
            assert chosen is not None
            return chosen(connection, number)

        return {**asks, "all of it": everything}


def table(rows: list[Row]) -> tuple[str, bool]:
    """The rows as text, and whether all limits are kept."""
    lines, kept = (
        [f"{'one user asks for':22} {'forms':>6} {'median':>7} {'95 %':>7} {'longest':>8} {'stall':>6}  what they got a second"],
        True,
    )
    for row in rows:
        over = row.percentile > LIMIT_95_MS or row.stall > LIMIT_STALL_MS or row.failed > 0
        kept = kept and not over
        got = ", ".join(f"{status}: {number / SECONDS:.0f}" for status, number in sorted(row.hostile.items()))
        lines.append(
            f"{row.name:22} {len(row.times):6} {statistics.median(row.times):7.0f} {row.percentile:7.0f} {max(row.times):8.0f} "
            f"{row.stall:6.0f}  {got} {'OVER' if over else ''}".rstrip()
        )
    return "\n".join(lines), kept


SECONDS = 20.0


def main() -> int:
    """Bring the demo up, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()) / "resource-form-hostile", help="where the demo lives")
    parser.add_argument("--only", help="one row of the table")
    parser.add_argument("--unbounded", action="store_true", help="with bounds that nobody reaches, for comparison")
    arguments = parser.parse_args()
    more = WATCH
    if arguments.unbounded:
        more += "for name in ('requests', 'requests_of_strangers', 'pages', 'checks', 'streams'):\n"
        more += "    setattr(c.ResourceFormBounds, name, 1_000_000)\n"
    demo = Demo(arguments.dir, plugin=lambda *places: plugin_config(*places) + more)
    try:
        demo.start()
        assert demo.hub is not None
        known: Any = demo.description()["users"]
        ordinary, hostile = (Caller(demo.hub.url, user["name"], user["password"]).log_in() for user in known[:2])
        benchmark = Benchmark(demo, ordinary, hostile, SECONDS)
        asks = {name: ask for name, ask in benchmark.scenarios().items() if arguments.only in (None, name)}

        async def measure() -> list[Row]:
            await benchmark.warm_up()
            return [await benchmark.measure(name, ask) for name, ask in asks.items()]

        text, kept = table(asyncio.run(measure()))
    finally:
        demo.stop()
    print(text)
    print(f"\nMilliseconds; limits: 95 % of the forms in {LIMIT_95_MS:.0f} ms, no stall above {LIMIT_STALL_MS:.0f} ms.")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
