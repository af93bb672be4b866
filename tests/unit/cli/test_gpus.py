"""``resource-form gpus``: the Hub's answer in a terminal; nothing of it is an order to the terminal, and no token goes astray."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from spawner.cli import gpus
from spawner.cli.gpus_text import lines_of
from spawner.cli.main import main
from spawner.cli.table import Look

DEVICES: list[dict[str, Any]] = json.loads("""[
    {"index": 0, "type": "v100", "allocated": true, "utilisation": 97, "memory_used_mb": 12345, "memory_total_mb": 32768, "temperature": 61,
     "power": 250, "processes": 1, "stray": false, "faulty": false, "faults": [], "mig": null, "age": 14.2},
    {"index": 1, "type": "v100", "allocated": false, "utilisation": null, "memory_used_mb": null, "memory_total_mb": null,
     "temperature": null, "power": null, "processes": null, "stray": true, "faulty": true, "faults": ["lost"], "mig": null, "age": 14.2}
]""")


def node(name: str, **changes: Any) -> dict[str, Any]:
    """A node of the Hub's answer."""
    values = json.loads("""{
        "state": "MIXED", "usable": true, "why_not": null, "partitions": ["g100_int"], "gpus": [{"type": "v100", "total": 2, "free": 1}],
        "cores_total": 48, "cores_free": 40, "memory_mb_total": 375300, "memory_mb_free": 300000, "devices": []
    }""")
    return {"name": name, **values, **changes}


ANSWER: dict[str, Any] = {
    "as_of": "2026-11-21T12:00:00Z",
    "age": 12.3,
    "stale": False,
    "error": None,
    "partitions": {
        "g100_int": {
            "gpu_table": {"v100": {"0": 2, "1": 1, "2": 10}, "a100": {"0": 0, "4": 7}},
            "nodes_usable": 13,
            "nodes_left_out": 2,
            "left_out_by_reason": {"drained": 1, "down": 1},
        },
        "g100_cpu": {"gpu_table": {}, "nodes_usable": 1, "nodes_left_out": 0, "left_out_by_reason": {}},
    },
    "nodes": [
        node("g001", devices=DEVICES),
        node(
            "g002",
            state="MIXED+DRAIN",
            usable=False,
            why_not="drained",
            gpus=[{"type": "a100", "total": 4, "free": 4}, {"type": "a100_3g.20gb", "total": 2, "free": 1}],
        ),
        node("c001", state="IDLE", partitions=["g100_cpu"], gpus=[], memory_mb_total=37530, memory_mb_free=None),
    ],
}
PLAIN = Look()


def text_of(answer: dict[str, Any], look: Look = PLAIN, **options: Any) -> str:
    return "\n".join(lines_of(answer, look, **options))


# --- the text ------------------------------------------------------------------------------------------------------------------


def test_the_screen() -> None:
    """The table of each partition, each node, and below it what its devices say; a dash for what is not known."""
    text = text_of(ANSWER)
    lines = text.splitlines()
    assert re.fullmatch(r"As of \d\d:00:00, 12 s ago", lines[0])
    assert lines[1:] == [
        "",
        "g100_int: 13 nodes usable, 2 left out (1 drained, 1 down)",
        "  nodes with free:  0  1   2  4",
        "  v100              2  1  10",
        "  a100              0         7",
        "",
        "g100_cpu: 1 node usable",
        "  no GPUs",
        "",
        "NODE  STATE        GPUS FREE            CORES FREE  MEMORY FREE",
        "g001  MIXED        1 of 2 v100          40 of 48    293 of 367 GB  devices 14 s ago",
        "  GPU 0  v100  in use  97 %  12.1 of 32 GB  61 °C",
        "  GPU 1  v100  free    —     —              —      faulty (lost), stray process",
        "g002  MIXED+DRAIN  4 of 4 a100          40 of 48    293 of 367 GB  drained",
        "                   1 of 2 a100_3g.20gb",
        "c001  IDLE         none                 40 of 48    — of 36.7 GB",
    ]


def test_less_of_it() -> None:
    """One partition and its nodes; without nodes."""
    text = text_of(ANSWER, partitions=["g100_cpu"])
    assert "g100_cpu" in text
    assert "c001" in text
    assert "g100_int" not in text
    assert "g001" not in text
    assert "NODE" not in text_of(ANSWER, nodes=False)


def test_old_data() -> None:
    """It is said in words, and why."""
    text = text_of({**ANSWER, "stale": True, "age": 300, "error": "Slurm does not answer at the moment."})
    assert "5 min ago; old data: Slurm does not answer at the moment." in text.splitlines()[0]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """What does not fit is cut, and that is seen."""
    lines = lines_of(ANSWER, Look(width=width))
    assert max(len(line) for line in lines) <= width
    assert any(line.endswith("…") for line in lines)


def test_colour_says_nothing_by_itself() -> None:
    """With the colours taken off it is the same text."""
    coloured = text_of(ANSWER, Look(colour=True))
    assert "\x1b[31mfaulty (lost), stray process\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == text_of(ANSWER)


def test_a_terminal_of_ascii() -> None:
    text = text_of(ANSWER, Look(width=60, symbols=False))
    assert text.isascii()
    assert "61 C" in text


def test_a_free_device_that_is_faulty_is_not_shown_as_good() -> None:
    assert "\x1b[32mfree" not in text_of({**ANSWER, "nodes": [node("g001", devices=DEVICES)]}, Look(colour=True))


def test_parts_of_gpus() -> None:
    """Each type of them has a table of its own; of how many nodes nobody knows it is said where there are such."""
    answer = copy.deepcopy(ANSWER)
    parts = {"shard:v100": {"0": 1, "1": 0, "5": 2, "unknown": 0}, "mps": {"0": 0, "100": 4, "unknown": 3}}
    answer["partitions"] = {"s": {"nodes_usable": 3, "gpu_table": {"v100": {"0": 1, "1": 2}}, "shared_gpu_table": parts}}
    assert text_of(answer, nodes=False).splitlines()[2:] == [
        "s: 3 nodes usable",
        "  nodes with free:  0  1",
        "  v100              1  2",
        "  largest free part:  0  1  5",
        "  shard:v100          1  0  2",
        "  largest free part:  0  100  unknown",
        "  mps                 0    4        3",
    ]


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202e\ud800evil"


def poisoned(value: Any) -> Any:
    """The same with a hostile text for every text, in keys as well."""
    if isinstance(value, dict):
        return {key: poisoned(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [poisoned(entry) for entry in value]
    return HOSTILE if isinstance(value, str) else value


def test_hostile_text() -> None:
    """Of whatever stands in the answer nothing but what can be printed is left."""
    answer = poisoned(ANSWER)
    answer["stale"] = True
    table = answer["partitions"].pop("g100_int")
    table["gpu_table"] = {HOSTILE: {HOSTILE: 1, "1": 2}, "": {"9" * 5000: 3}}
    table["left_out_by_reason"] = {HOSTILE: 2}
    answer["partitions"][HOSTILE] = table
    lines = lines_of(answer, PLAIN)
    assert any("evil" in line for line in lines)
    assert all(line.isprintable() for line in lines)


NONSENSE: list[Any] = [None, True, -1, 1e300, float("nan"), float("inf"), "x", [], [[]], {}, {"": {}}]


@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
def test_an_answer_of_another_shape(nonsense: Any) -> None:
    """Whatever stands where something else is expected, there is a screen, and no 0 that nobody has said."""
    for name in ANSWER:
        assert lines_of({**ANSWER, name: nonsense}, PLAIN)
    for part in ANSWER["partitions"]["g100_int"]:
        assert lines_of({**ANSWER, "partitions": {"p": {**ANSWER["partitions"]["g100_int"], part: nonsense}}}, PLAIN)
    for part in ANSWER["nodes"][0]:
        assert lines_of({**ANSWER, "nodes": [{**ANSWER["nodes"][0], part: nonsense}]}, PLAIN)
    for part in DEVICES[0]:
        assert lines_of({**ANSWER, "nodes": [node("g001", devices=[{**DEVICES[0], part: nonsense}])]}, PLAIN)


# --- a Hub that says what it is told to ----------------------------------------------------------------------------------------


@dataclass
class FakeHub:
    """What it answers, and with which headers it was asked. ``then`` are the answers before that one, in order."""

    url: str = ""
    status: int = 200
    body: bytes = field(default_factory=lambda: json.dumps(ANSWER).encode())
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    then: list[tuple[int, bytes]] = field(default_factory=list)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    """One that listens."""
    fake = FakeHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fake.asked.append((self.path, dict(self.headers)))
            status, body = fake.then.pop(0) if fake.then else (fake.status, fake.body)
            self.send_response(status)
            for name, value in fake.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/hub/api"
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of a session."""
    names = ("HUB_API_URL", "TOKEN_FILE")
    for name in (*(f"RESOURCE_FORM_{name}" for name in names), "JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_SSL_KEYFILE"):
        monkeypatch.delenv(name, raising=False)


Called = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(hub: FakeHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Called:
    """Run the command inside a session; its status and what it wrote."""
    monkeypatch.setenv("JUPYTERHUB_API_URL", hub.url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "a-secret")

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(["gpus", *arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        output = capsys.readouterr()
        return status, output.out, output.err

    return run


def test_as_it_is_called_inside_a_session(hub: FakeHub, call: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options, past any proxy of the environment, with the session's own token in the header."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    status, output, errors = call()
    assert (status, errors) == (0, "")
    assert output == text_of(ANSWER) + "\n"
    ((path, headers),) = hub.asked
    assert path == "/hub/api/resource-form/cluster"
    assert headers["Authorization"] == "token a-secret"


def test_token_and_address(hub: FakeHub, call: Called, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Options win over our own variables, and these over the session's."""
    (tmp_path / "one").write_text("from-a-file\n")
    (tmp_path / "other").write_text("from-the-environment")
    monkeypatch.setenv("RESOURCE_FORM_TOKEN_FILE", str(tmp_path / "other"))
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:1/hub/api")
    monkeypatch.setenv("RESOURCE_FORM_HUB_API_URL", f"{hub.url}/")
    assert call()[0] == 0
    assert call("--token-file", str(tmp_path / "one"))[0] == 0
    monkeypatch.setenv("RESOURCE_FORM_HUB_API_URL", "http://127.0.0.1:1/hub/api")
    assert call("--hub-api-url", hub.url)[0] == 0
    tokens = [headers["Authorization"] for _path, headers in hub.asked]
    assert tokens == ["token from-the-environment", "token from-a-file", "token from-the-environment"]


def test_json(hub: FakeHub, call: Called) -> None:
    """The very text of the Hub; in ASCII where a terminal could take it for an order."""
    assert call("--json") == (0, hub.body.decode() + "\n", "")
    hub.body = json.dumps({**ANSWER, "error": "\x9b31m é"}, ensure_ascii=False).encode()
    status, output, _errors = call("--json")
    assert status == 0
    assert output.isascii()
    assert json.loads(output)["error"] == "\x9b31m é"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--watch", "0"], "seconds"),
        (["--watch", "nan"], "seconds"),
        (["--watch", "soon"], "seconds"),
        (["--hub-api-url", "file:///etc/passwd"], "http"),
        (["--hub-api-url", "http://"], "http"),
        (["--hub-api-url", "http://h/a b"], "http"),
        (["--hub-api-url", "http://[h/"], "http"),
        (["--hub-api-url", "http://h/\x1b"], "http"),
        (["--token-file", "/nowhere"], "/nowhere"),
        (["--json", "--partition", "g100_int"], "--partition"),
        (["--colour"], "--colour"),
    ],
)
def test_a_wrong_call(hub: FakeHub, call: Called, arguments: list[str], words: str) -> None:
    """Status 2 and what is wrong; nobody is asked."""
    status, output, errors = call(*arguments)
    assert (status, output, hub.asked) == (2, "", [])
    assert words in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("token", ["", "two words", "a\nHeader: b", "é", "x" * 5000, "\x00"])
def test_a_token_that_is_none(hub: FakeHub, call: Called, tmp_path: Path, token: str) -> None:
    """It is not sent, and not shown."""
    file = tmp_path / "token"
    file.write_text(token)
    status, _output, errors = call("--token-file", str(file))
    assert (status, hub.asked) == (2, [])
    assert not token or token not in errors


def test_nothing_is_known_outside_of_a_session(call: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN")
    assert call()[0] == 2
    assert "--token-file" in call()[2]
    monkeypatch.delenv("JUPYTERHUB_API_URL")
    assert "resource-form login" in call()[2]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, b'{"message": "This takes the scope read:servers."}', "gpus: This takes the scope read:servers."),
        (403, b"<html>", "HTTP 403"),
        (400, b'{"message": "You have no account."}', "gpus: You have no account."),
        (404, b"", "/hub/api"),
        (503, b'{"message": "Slurm does not answer."}', "HTTP 503). It says: Slurm does not answer."),
        (500, b'{"message": ["\\u001b[2J"]}', "HTTP 500"),
        (502, b'{"message": "\\u001b[2Jboo"}', "?[2Jboo"),
        (200, b"<html>a proxy</html>", "no Hub"),
        (200, b'{"partitions": []}', "no Hub"),
        (200, b"[" * 100_000, "no Hub"),
        (200, b'"' + b"\xff" * 10, "no Hub"),
    ],
)
def test_what_goes_wrong_is_one_sentence(hub: FakeHub, call: Called, status: int, body: bytes, words: str) -> None:
    """On stderr, with a status that says whose matter it is; nothing of it is an order to the terminal."""
    hub.status, hub.body = status, body
    code, output, errors = call()
    assert (code, output, errors.count("\n")) == (4 if status in (400, 403) else 5, "", 1)
    assert words in errors
    assert errors.strip().isprintable()
    assert "a-secret" not in errors


def test_no_redirect_is_followed(hub: FakeHub, call: Called) -> None:
    """The token would go with it, wherever that leads."""
    hub.status, hub.headers = 302, {"Location": f"{hub.url}/elsewhere"}
    status, _output, errors = call()
    assert status == 5
    assert "HTTP 302" in errors
    assert len(hub.asked) == 1


def test_nobody_is_there(call: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:1/hub/api")
    status, output, errors = call()
    assert (status, output) == (5, "")
    assert "http://127.0.0.1:1/hub/api cannot be reached" in errors


def test_a_partition_that_there_is_not(call: Called) -> None:
    status, output, errors = call("--partition", "g100\x1b[2J")
    assert (status, output) == (1, "")
    assert "'g100?[2J'. There are: g100_int, g100_cpu." in errors


# --- again and again -------------------------------------------------------------------------------------------------------------


class Enough(Exception):
    """The test has seen what it wanted."""


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; after the third one comes Ctrl-C."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(gpus.time, "sleep", sleep)
    return pauses


def test_watching(call: Called, watched: list[float]) -> None:
    """Where there is no terminal: block after block, parted by a line; Ctrl-C is no error."""
    status, output, errors = call("--watch", "--no-nodes")
    assert (status, errors, watched) == (130, "", [5.0, 5.0, 5.0])
    block = text_of(ANSWER, nodes=False) + "\n"
    assert output == f"{block}{'-' * 72}\n" * 3


def test_watching_json(hub: FakeHub, call: Called, watched: list[float]) -> None:
    """One answer a line, when the Hub writes it so."""
    status, output, _errors = call("--json", "--watch", "2")
    assert (status, output) == (130, (hub.body.decode() + "\n") * 3)
    assert watched == [2.0, 2.0, 2.0]


def test_watching_a_hub_that_is_away_for_a_while(hub: FakeHub, call: Called, watched: list[float]) -> None:
    """It is said each time, and the watch goes on."""
    hub.then = [(200, hub.body), (503, b"")]
    status, output, errors = call("--watch", "--no-nodes")
    assert status == 130
    assert output.count("g100_int:") == 2
    assert re.fullmatch(r"resource-form gpus: \d\d:\d\d:\d\d: The Hub cannot answer at the moment \(HTTP 503\)\.\n", errors)


def test_watching_with_a_token_that_is_no_longer_good(hub: FakeHub, call: Called, watched: list[float]) -> None:
    """To go on asking would help nobody."""
    hub.then = [(200, hub.body), (403, b"")]
    status, _output, errors = call("--watch")
    assert (status, len(watched)) == (4, 1)
    assert "HTTP 403" in errors


# --- as a process ------------------------------------------------------------------------------------------------------------------


def started(hub: FakeHub, *arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "JUPYTERHUB_API_URL": hub.url, "JUPYTERHUB_API_TOKEN": "a-secret", "TERM": "xterm"}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):  # pytest's own workers set the size of theirs
        environment.pop(name, None)
    # What a shell starts in the background inherits an ignored SIGINT.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    program += "from spawner.cli.main import main; sys.exit(main())"
    environment.update(more.pop("environment", {}))
    return subprocess.Popen([sys.executable, "-c", program, "gpus", *arguments], env=environment, **more)


def on_a_terminal(
    hub: FakeHub, *arguments: str, rows: int = 24, columns: int = 80, until: bytes = b"", **environment: str
) -> tuple[int, str]:
    """Run it on a terminal of that size, and press Ctrl-C after ``until`` was seen; its status and what the terminal got."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = started(hub, *arguments, stdin=its, stdout=its, stderr=its, environment=environment, start_new_session=True)
    os.close(its)
    seen, deadline = b"", time.monotonic() + 30
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                got = os.read(ours, 65536)
            except OSError:
                break
            if not got:
                break
            seen += got
            if until and until in seen:
                until = b""
                process.send_signal(signal.SIGINT)
        return process.wait(10), seen.decode()
    finally:
        process.kill()
        os.close(ours)


def test_on_a_terminal(hub: FakeHub) -> None:
    """In colour and cut to its width."""
    status, output = on_a_terminal(hub, columns=70)
    assert status == 0
    assert "\x1b[1mg100_int\x1b[0m" in output
    lines = re.sub(r"\x1b\[\d+m", "", output).splitlines()
    assert max(map(len, lines)) == 70


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=repr)
def test_on_a_terminal_without_colours(hub: FakeHub, environment: dict[str, str]) -> None:
    status, output = on_a_terminal(hub, **environment)
    assert (status, "\x1b" in output) == (0, False)


def test_watching_on_a_terminal(hub: FakeHub) -> None:
    """It is written over what is there, and never more lines than there is room for; Ctrl-C ends it without a word."""
    status, output = on_a_terminal(hub, "--watch", "1", rows=8, until=b"\x1b[J")
    assert status == 130
    assert output.startswith("\x1b[H")
    screen = output.split("\x1b[J")[0]
    assert screen.count("\n") == 7
    assert "more lines; --no-nodes or --partition shows less" in screen
    assert "Traceback" not in output


def test_nobody_reads_it(hub: FakeHub) -> None:
    """As in ``resource-form gpus | true``: it ends, and does not complain."""
    process = started(hub, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 141
