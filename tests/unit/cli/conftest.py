"""A Hub for commands that answers as a test has written."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest


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
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The Hub, to which the environment leads."""
    Hub.answers, Hub.seen = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("RESOURCE_FORM_HUB_API_URL", f"http://127.0.0.1:{server.server_port}/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "0123456789abcdef")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    yield Hub
    server.shutdown()
    server.server_close()
