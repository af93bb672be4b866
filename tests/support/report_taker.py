"""A Hub as the reporter sees it: a small HTTP server that takes reports and answers what the test wants."""

from __future__ import annotations

import http.server
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 20.0
TOKEN = "rfgpu.g001.00112233"


def write_token(path: Path) -> str:
    """A file with :data:`TOKEN` for its owner alone; its path."""
    path.touch(0o600)
    path.write_text(f"{TOKEN}\n")
    return str(path)


class Hub:
    """Takes reports and answers as ``answers`` says, the last for ever: a status, its headers, its body; 0 is no answer."""

    def __init__(self, *answers: int | tuple[int, dict[str, str], bytes], context: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers) or [204]
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self.connections: set[tuple[str, int]] = set()
        self.closes = False
        hub = self
        # As soon as one is answered the next may come, on a connection of its own: they are put in the order of their answers.
        one_by_one = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with one_by_one:
                    answer = hub.answers.pop(0) if len(hub.answers) > 1 else hub.answers[0]
                    status, headers, words = (answer, {}, b"") if isinstance(answer, int) else answer
                    hub.connections.add(self.client_address)
                    if not status:
                        self.close_connection = True
                        return
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    if status != 204:
                        self.send_header("Content-Length", str(len(words)))
                    self.end_headers()
                    self.wfile.write(words)
                    # As a proxy does that finds a connection idle: no word about it in the answer.
                    self.close_connection = hub.closes
                    hub.reports.put({"path": self.path, "headers": dict(self.headers), "body": body})

            def log_message(self, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "http" if context is None else "https"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.server.server_port}/hub/api"

    def report(self) -> dict[str, Any]:
        """The next one, once it has come and was answered."""
        return self.reports.get(timeout=PATIENCE)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def answering(*answers: int | tuple[int, dict[str, str], bytes], context: ssl.SSLContext | None = None) -> Iterator[Hub]:
    hub = Hub(*answers, context=context)
    try:
        yield hub
    finally:
        hub.close()
