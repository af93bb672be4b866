"""``releases check`` as it is called: what it makes of a Hub's answers, and its exit status. The Hub here is a few lines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from spawner.cli.main import main
from spawner.cli.release_check import session
from spawner.site.catalogue import read_catalogue

PLAIN = "releases:\n  - {tag: '2026.10', date: 2026-10-01}\n  - {tag: gone, date: 2025-01-01, disabled: true}\n"


@dataclass
class FakeHub:
    """A Hub that answers each call with what it is told to, and with the server itself at ``/user/``."""

    answers: dict[str, Any]
    calls: list[str] = field(default_factory=list)
    bodies: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    is_up: bool = False

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """The status and the body."""
        call = f"{method} {path}"
        self.calls.append(call)
        self.bodies[call] = body
        if call == "GET /hub/api/users/ada":
            return 200, {"servers": {"check-2026-10": {"url": "/user/ada/check-2026-10/"}} if self.is_up else {}}
        if path == "/hub/api/users/ada/servers/check-2026-10":
            self.is_up = method == "POST"
        found = self.answers.get(call, (404, {"message": f"no {call}"}))
        return found if isinstance(found, tuple) else (200, found)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No Hub by the environment, no waiting, and the signals as they were."""
    for name in ("JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN", "RESOURCE_FORM_HUB_API_URL", "RESOURCE_FORM_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(session, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(session, "SETUP_APPEARS_SECONDS", 0.05)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A catalogue."""
    path = tmp_path / "releases.yaml"
    path.write_text(PLAIN)
    return path


@contextmanager
def serving(hub: FakeHub) -> Iterator[str]:
    """The address of the Hub's API while it is served."""

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            path = urlsplit(self.path).path
            assert self.headers["Authorization"] == "token secret"
            status, body = hub.answer(self.command, path, json.loads(text) if text else None)
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            self.reply()

        def do_DELETE(self) -> None:
            self.reply()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hub/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def events(*entries: Any) -> str:
    """A stream of events as JupyterHub sends it."""
    return "".join(f"\n\ndata: {json.dumps(entry)}\n\n" for entry in entries)


def good(file: Path, **changes: Any) -> FakeHub:
    """A Hub on which the release is what it is in the file; some answers others."""
    digest = read_catalogue(file).releases[0].digest
    server, mine = "/hub/api/users/ada/servers/check-2026-10", "/hub/api/resource-form"
    submitted = {
        "user": "ada",
        "name": "check-2026-10",
        "job_id": 7,
        "node": "g001",
        "submitted": "2999-01-01T00:00:00Z",
        "sentence": "It died.",
    }
    answers = {
        f"GET {mine}/releases": {"releases": [{"tag": "2026.10", "digest": digest}]},
        f"POST {mine}/check": {"errors": {}, "verdict": "now", "sentence": ""},
        f"POST {server}": (202, ""),
        f"GET {server}/progress": events({"message": "Waiting"}, {"message": "Waiting"}, {"ready": True, "message": "Server ready"}),
        f"DELETE {server}": (204, ""),
        f"GET {mine}/sessions": {"sessions": [submitted]},
        "GET /user/ada/check-2026-10/api/kernelspecs": {"kernelspecs": {}},
        f"POST {mine}/releases/2026.10/check": {"tag": "2026.10", "passed": True},
    }
    return FakeHub(
        {**answers, **{f"{method} {prefix}{name}": value for (method, prefix, name), value in changes.pop("others", {}).items()}}
    )


def call(hub: FakeHub, file: Path, tmp_path: Path, *options: str) -> int:
    """Call the command."""
    token = tmp_path / "token"
    token.write_text("secret")
    with serving(hub) as url:
        return main(["releases", "check", str(file), "--hub-api-url", url, "--token-file", str(token), *options])


def test_one_that_passes(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The smallest session under a name of its own, waited for, given back; the Hub is told what it was."""
    hub = good(file)
    assert call(hub, file, tmp_path, "--user", "ada", "--account", "staff", "--partition", "gpu") == 0
    assert capsys.readouterr().out.splitlines() == [
        "2026.10: Waiting",
        "2026.10: the server is up after 0 s on g001",
        "2026.10: passed, 0 kernels run",
    ]
    request = {"cores": 1, "memory": "2048M", "gpus": "0", "walltime": "20m", "account": "staff", "partition": "gpu"}
    assert hub.bodies["POST /hub/api/users/ada/servers/check-2026-10"] == {**request, "release": "2026.10", "interface": "lab"}
    assert hub.bodies["DELETE /hub/api/users/ada/servers/check-2026-10"] == {"remove": True}
    told = {"digest": read_catalogue(file).releases[0].digest, "kernels": 0, "problems": []}
    assert hub.bodies["POST /hub/api/resource-form/releases/2026.10/check"] == told
    assert not any("gone" in each for each in hub.calls)


def test_as_json_and_without_a_report(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but JSON on stdout."""
    hub = good(file)
    assert call(hub, file, tmp_path, "--user", "ada", "--json", "--no-report") == 0
    (entry,) = json.loads(capsys.readouterr().out)["releases"]
    assert (entry["tag"], entry["outcome"], entry["kernels"]) == ("2026.10", "passed", 0)
    assert not any(each.endswith("releases/2026.10/check") for each in hub.calls)


SERVER = ("/hub/api/users/ada/servers/", "check-2026-10")
PROGRESS = (SERVER[0], "check-2026-10/progress")
MINE = "/hub/api/resource-form/"
FAILED = {"failed": True, "message": "Spawn failed"}


@pytest.mark.parametrize(
    ("others", "last", "reported"),
    [
        ({("GET", *PROGRESS): events(FAILED)}, "2026.10: FAILED, 1 thing is wrong", True),
        (
            {("GET", *PROGRESS): events(FAILED), ("GET", MINE, "sessions"): {"sessions": []}},
            "2026.10: NOT TRIED: Spawn failed",
            False,
        ),
        (
            {("POST", *SERVER): (400, {"message": "Named servers are not enabled."}), ("GET", MINE, "sessions"): {"sessions": []}},
            "2026.10: NOT TRIED: Named servers are not enabled.",
            False,
        ),
        (
            {("POST", MINE, "check"): {"errors": {"release": "It needs a GPU."}, "verdict": "never", "sentence": ""}},
            "2026.10: NOT TRIED: It needs a GPU.",
            False,
        ),
        (
            {("POST", MINE, "check"): {"errors": {}, "verdict": "never", "sentence": "No node is so large."}},
            "2026.10: NOT TRIED: No node is so large.",
            False,
        ),
        ({("GET", MINE, "releases"): {"releases": []}}, "2026.10: NOT TRIED: the Hub does not offer it to ada", False),
        (
            {("GET", MINE, "releases"): {"releases": [{"tag": "2026.10", "digest": "other"}]}},
            "2026.10: NOT TRIED: the Hub has another release of this tag than the file. Is it the Hub's file, and as the Hub has read it?",
            False,
        ),
        (
            {("GET", MINE, "sessions"): (403, {"message": "no"})},
            "2026.10: NOT TRIED: The Hub does not let this token do that (HTTP 403). It says: no",
            False,
        ),
    ],
    ids=["job-died", "no-job", "no-named-servers", "refused", "never", "not-offered", "other-file", "weak-token"],
)
def test_one_that_does_not(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], others: dict[Any, Any], last: str, reported: bool
) -> None:
    """What is wrong with the release is told to the Hub; that it could not be tried says nothing of it."""
    hub = good(file, others=others)
    assert call(hub, file, tmp_path, "--user", "ada") == 1
    assert capsys.readouterr().out.splitlines()[-1] == last
    assert any(each.endswith("releases/2026.10/check") for each in hub.calls) is reported
    assert not hub.is_up, "what was started is given back"


def test_what_the_site_does_not_want_as_small(file: Path, tmp_path: Path) -> None:
    """A refused number is left out, so that the site's own takes its place."""
    hub = good(file)
    asked = []
    answer = hub.answer

    def stricter(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith("resource-form/check"):
            asked.append(body)
            errors = {"memory": "Too little."} if "memory" in body else {}
            return 200, {"errors": errors, "verdict": "now", "sentence": ""}
        return answer(method, path, body)

    hub.answer = stricter  # type: ignore[method-assign]
    assert call(hub, file, tmp_path, "--user", "ada") == 0
    assert ["memory" in body for body in asked] == [True, False]
    assert "memory" not in hub.bodies["POST /hub/api/users/ada/servers/check-2026-10"]


def test_a_session_of_that_name(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is somebody's: another check goes on."""
    hub = good(file)
    hub.is_up = True
    assert call(hub, file, tmp_path, "--user", "ada") == 1
    assert "ada has a session check-2026-10" in capsys.readouterr().out
    assert hub.is_up
    assert not any(each.startswith("DELETE") for each in hub.calls)


def test_a_stop_that_the_hub_misses(file: Path, tmp_path: Path) -> None:
    """It is ordered again until the Hub takes it, once."""
    hub = good(file)
    answer = hub.answer
    stops = iter([(503, {"message": "busy"}), None])

    def busy(method: str, path: str, body: Any) -> tuple[int, Any]:
        missed = next(stops, None) if method == "DELETE" else None
        return missed if missed is not None else answer(method, path, body)

    hub.answer = busy  # type: ignore[method-assign]
    assert call(hub, file, tmp_path, "--user", "ada") == 0
    assert not hub.is_up
    assert [each for each in hub.calls if each.startswith("DELETE")] == ["DELETE /hub/api/users/ada/servers/check-2026-10"]


def test_a_stop_that_does_not_end(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has called it is told what to stop."""
    monkeypatch.setattr(session, "LETTING_GO_SECONDS", 0.1)
    hub = good(file, others={("DELETE", *SERVER): (503, {"message": "busy"})})
    answer = hub.answer

    def stuck(method: str, path: str, body: Any) -> tuple[int, Any]:
        return (503, {}) if method == "DELETE" else answer(method, path, body)

    hub.answer = stuck  # type: ignore[method-assign]
    call(hub, file, tmp_path, "--user", "ada")
    assert "the session check-2026-10 of ada was not stopped. Stop it." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("states", "status", "words"),
    [
        (["", "running", "running", "done"], 0, "2026.10: passed, 0 kernels run"),
        (["running", "failed"], 1, "2026.10: FAILED, 1 thing is wrong"),
        ([""], 0, "2026.10: passed, 0 kernels run"),
    ],
)
def test_what_is_run_once_is_waited_for(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], states: list[str], status: int, words: str
) -> None:
    """T65: what a first session installs is there before its kernels are asked; where it failed that is wrong."""
    file.write_text("releases:\n  - {tag: '2026.10', date: 2026-10-01, first_login: {script: 'true'}}\n")
    hub = good(file)
    answer, left = hub.answer, list(states)

    def telling(method: str, path: str, body: Any) -> tuple[int, Any]:
        code, found = answer(method, path, body)
        if path.endswith("/sessions"):
            state = left.pop(0) if len(left) > 1 else left[0]
            found = {"sessions": [{**found["sessions"][0], "setup": {"state": state} if state else None}]}
        return code, found

    hub.answer = telling  # type: ignore[method-assign]
    assert call(hub, file, tmp_path, "--user", "ada") == status
    assert capsys.readouterr().out.splitlines()[-1] == words
    assert len(left) == 1


def test_a_result_that_the_hub_does_not_take(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said, and the exit status says that not all is well."""
    hub = good(file, others={("POST", MINE, "releases/2026.10/check"): (400, {"message": "It has changed."})})
    assert call(hub, file, tmp_path, "--user", "ada") == 1
    assert "the Hub does not keep the result." in capsys.readouterr().err


def test_whose_token_it_is(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A user's own sessions; a service has none."""
    hub = good(file, others={("GET", "/hub/api/", "user"): {"kind": "user", "name": "ada"}})
    assert call(hub, file, tmp_path) == 0
    hub = good(file, others={("GET", "/hub/api/", "user"): {"kind": "service", "name": "cron"}})
    assert call(hub, file, tmp_path) == 2
    assert "say with --user" in capsys.readouterr().err


def test_a_user_that_the_hub_does_not_know(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That looks like one whose servers the token may not start, and like another address: all three are said."""
    hub = good(file, others={("GET", MINE, "releases"): (404, {"message": "There is no such user."})})
    assert call(hub, file, tmp_path, "--user", "nobody") == 2
    assert "The Hub has no user nobody whose servers this token may start. Or: There is no such service at" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("releases: []", [], "releases: "),
        ("releases:\n  - {tag: a, date: April}\n", [], "line 2: releases.[a].date"),
        (PLAIN, ["--release", "1999"], "There is no release 1999 in the file. There are: 2026.10, gone."),
        ("releases:\n  - {tag: a, date: 2026-01-01, disabled: true}\n", [], "All releases of the file are disabled."),
        (PLAIN, ["--url", "ftp://x"], "--url: "),
        (PLAIN, ["--hub-api-url", "x"], "begins with http:// or https://"),
    ],
)
def test_a_wrong_call(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: list[str], words: str) -> None:
    """Exit status 2, and what is wrong; no Hub is asked."""
    file.write_text(text)
    hub = FakeHub({})
    assert call(hub, file, tmp_path, "--user", "ada", *options) == 2
    assert words in capsys.readouterr().err
    assert hub.calls == []


def test_a_wrong_number(file: Path) -> None:
    """As argparse says it."""
    with pytest.raises(SystemExit, match="2"):
        main(["releases", "check", str(file), "--wait", "0"])


def test_no_hub(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 5."""
    token = tmp_path / "token"
    token.write_text("secret")
    call = ["releases", "check", str(file), "--hub-api-url", "http://127.0.0.1:9/hub/api", "--token-file", str(token), "--user", "ada"]
    assert main(call) == 5
    assert "cannot be reached" in capsys.readouterr().err


def test_no_hub_of_ours(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Something that answers with a page."""
    assert call(FakeHub({"GET /hub/api/resource-form/releases": "<html>"}), file, tmp_path, "--user", "ada") == 1
    assert "no Hub with this service" in capsys.readouterr().err


def test_each_architecture_has_its_session(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a partition of its own; a session whose kernels do not say what the node is was none of it."""
    file.write_text("releases:\n  - {tag: a, date: 2026-01-01, architectures: {x86_64: {partitions: [p1]}, arm64: {}}}\n")
    digest = read_catalogue(file).releases[0].digest
    hub = good(file, others={("GET", MINE, "releases"): {"releases": [{"tag": "a", "digest": digest}]}})
    bodies = []
    answer = hub.answer

    def noting(method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith("resource-form/check"):
            bodies.append(body.get("partition"))
            return 200, {"errors": {"partition": "No."}, "verdict": "now", "sentence": ""}
        return answer(method, path, body)

    hub.answer = noting  # type: ignore[method-assign]
    assert call(hub, file, tmp_path, "--user", "ada", "--partition", "arm64=p2") == 1
    assert bodies == ["p1", "p2"]
    assert capsys.readouterr().out.splitlines()[-1] == "a: NOT TRIED: aarch64: No."


def test_other_commands_load_none_of_it() -> None:
    """They run where there is nothing but Python."""
    program = "import sys, spawner.cli.main, spawner.cli.releases; print([n for n in ('tornado', 'pydantic', 'yaml') if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_without_its_packages_it_says_what_is_missing(file: Path, tmp_path: Path) -> None:
    """One sentence, and where to run it."""
    for name in ("pydantic", "tornado"):
        program = f"import sys; sys.modules[{name!r}] = None; from spawner.cli.main import main; sys.exit(main(sys.argv[1:]))"
        found = subprocess.run([sys.executable, "-c", program, "releases", "check", str(file)], capture_output=True, text=True, check=False)
        assert found.returncode == 1
        assert f"{name} is not installed here. Run it where the Hub runs." in found.stderr
