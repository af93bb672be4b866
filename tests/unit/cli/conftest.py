"""What the commands find around them: no log-in of the developer's, no Hub of the environment, English."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from spawner.cli.language import VARIABLES
from spawner.cli.which_hub import API_URL, HUB, TOKEN_FILE


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    for name in (HUB, API_URL, TOKEN_FILE, "LANGUAGE", *VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings_of_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the user's settings, which is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "resource-form"


class Hub(BaseHTTPRequestHandler):
    """Answers by path, of several answers with one after the other; keeps what it was sent."""

    answers: ClassVar[dict[str, tuple[int, str] | list[tuple[int, str]]]] = {}
    seen: ClassVar[list[tuple[str, str, str, bytes]]] = []

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_DELETE(self) -> None:
        self.answer()

    def answer(self) -> None:
        """As the table says; the last one stays."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, self.headers.get("Content-Type", ""), body))
        known = self.answers.get(self.path, self.answers.get(self.path.partition("?")[0], (404, "{}")))
        status, text = known if isinstance(known, tuple) else known.pop(0) if len(known) > 1 else known[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, _bare: None) -> Iterator[Any]:
    """A Hub that answers as a test has written, to which the environment leads."""
    Hub.answers, Hub.seen = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv(API_URL, f"http://127.0.0.1:{server.server_port}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0123456789abcdef")
    yield Hub
    server.shutdown()
    server.server_close()
