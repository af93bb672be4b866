"""What the doctor's job runs on a node, and how its answer is read: over its port, or by its exit status."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from spawner.cli.doctor import probe
from spawner.cli.doctor.addresses import place_of, talk, version_at
from spawner.cli.doctor.facts import JobFacts
from spawner.cli.doctor.read_job import _as_ours, _by_exit_status, _is_same, _ports, _script, _seen
from spawner.slurm.runner import Identity


class _Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"version": "6.1.1"}).encode()
        self.send_response(200 if self.path == "/hub/api/" else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    """Something that answers as a Hub's API does."""
    server = HTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hub/api"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def port() -> int:
    """One that is free."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def test_it_tells_who_has_the_word(hub: str, port: int) -> None:
    """As it travels, in a process of its own; nobody else is told, and the second one with the word finds nobody."""
    told = {"ports": [port], "word": "the word", "hub": hub}
    script = _script().partition("<<'END_OF_PROBE'\n")[2].rpartition("\nEND_OF_PROBE")[0]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", script, env={probe.TOLD_IN: json.dumps(told), "PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE
    )
    answer = None
    deadline = time.monotonic() + 20
    while answer is None and time.monotonic() < deadline:
        answer = await talk("127.0.0.1", port, b"another word\n", 5)
    assert answer == b""
    before = time.time()
    found = json.loads(await talk("127.0.0.1", port, b"the word\n", 10) or b"")
    assert (found["hub"], found["home"]) == ("", probe.home_problem())
    assert before <= found["time"] <= time.time()
    assert (await process.communicate())[1] == b""
    assert process.returncode == 0
    assert await talk("127.0.0.1", port, b"the word\n", 1) is None


def test_its_exit_status_says_the_same(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody comes: no Hub, no home, no port, each a bit of its own."""
    monkeypatch.setattr(probe, "LIFE_SECONDS", 0.2)
    monkeypatch.setattr(probe, "home_problem", lambda: "gone")
    told = {"ports": [port], "word": "x", "hub": f"http://127.0.0.1:{port}/hub/api"}
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", port))
        taken.listen()
        monkeypatch.setattr(probe, "hub_problem", lambda _url: "refused")
        assert probe.main(told) == probe.NOT_TOLD | probe.NO_HUB | probe.NO_HOME | probe.NO_PORT
    monkeypatch.setattr(probe, "hub_problem", lambda _url: "")
    monkeypatch.setattr(probe, "home_problem", lambda: "")
    assert probe.main(told) == probe.NOT_TOLD


def test_what_it_sees(hub: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Hub that answers, in whatever words, and one that does not; a home that is there, is another folder, or is not."""
    assert probe.hub_problem(hub) == ""
    assert probe.hub_problem(hub + "/elsewhere") == "", "what answers with an error is reached"
    assert "refused" in probe.hub_problem(f"http://127.0.0.1:{port}/hub/api")
    entry = pwd.getpwuid(os.getuid())

    class Entry:
        pw_dir = str(tmp_path)

    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: Entry)
    assert probe.home_problem() == ""
    assert _is_same(str(tmp_path), probe.home_identity()) is True
    assert _is_same(entry.pw_dir, probe.home_identity()) is False
    assert _is_same("/nowhere", probe.home_identity()) is None
    Entry.pw_dir = str(tmp_path / "nowhere")
    assert probe.home_problem().endswith("nowhere is not there")
    assert probe.home_identity() is None
    assert _is_same(str(tmp_path), None) is None


class _Ended:
    def __init__(self, state: str, status: int, reason: str = "") -> None:
        self.state, self.exit_status, self.reason = state, status, reason


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        ("FAILED", 64, JobFacts(tried=(1,))),
        ("FAILED", 64 + 1 + 2, JobFacts(tried=(1,), hub="-", home="-")),
        ("FAILED", 64 + 4, JobFacts(tried=())),
        ("FAILED", 127, JobFacts(tried=(1,), error="FAILED 127 python3?")),
        ("FAILED", 1, JobFacts(tried=(1,), error="FAILED 1 x")),
        ("TIMEOUT", 0, JobFacts(tried=(1,), error="TIMEOUT 0 x")),
        ("COMPLETED", 0, JobFacts(tried=(1,), error="COMPLETED 0 x")),
    ],
)
def test_what_follows_from_the_exit_status(state: str, status: int, expected: JobFacts) -> None:
    """127 is a shell's own: a node without Python."""
    watch: Any = _Ended(state, status, "x")
    assert _by_exit_status(JobFacts(tried=(1,)), watch) == expected


def test_what_follows_from_the_answer(tmp_path: Path) -> None:
    """A clock is ahead or behind by what cannot have passed meanwhile."""
    status = tmp_path.stat()
    identity = Identity("ada", 1, 1, str(tmp_path), "/bin/sh", ())
    said = {"time": 150.0, "home": "", "hub": "", "identity": [status.st_ino, status.st_mtime_ns]}
    within, ahead, behind = (
        _seen(JobFacts(), said, identity, before, after) for before, after in ((149.0, 151.0), (100.0, 101.0), (190.0, 191.0))
    )
    assert (within.ahead, ahead.ahead, behind.ahead) == (0.0, 49.0, -40.0)
    assert within.same_home is True


def test_ports_and_names() -> None:
    """Those that the site allows; the job is no session's."""
    assert sorted(_ports("20000-20002")) == [20000, 20001, 20002]
    assert len(set(_ports(""))) == 5
    assert _as_ours("--comment=jupyterhub:hub:ada::1") == "--comment=resource-form-doctor"
    assert _as_ours("--mem=1024M") == "--mem=1024M"


async def test_addresses(hub: str, port: int) -> None:
    """This machine's own, the loopback's, another's, and one that is none."""
    own, other, none = [await place_of(host) for host in ("127.0.0.1", "192.0.2.7", "no-such-host.invalid")]
    assert (own.is_known, own.is_here, own.is_loopback) == (True, True, True)
    assert (other.is_known, other.is_here, other.is_loopback) == (True, False, False)
    assert none.is_known is False
    assert await version_at(hub) == "6.1.1"
    assert await version_at(f"http://127.0.0.1:{port}/hub/api") is None
    assert await version_at("http+unix://x/hub/api") is None
