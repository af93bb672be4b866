"""A cell over the websocket of a kernel: what it printed, or why it did not run to its end."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, HTTPError
from tornado.websocket import WebSocketHandler

from spawner.cli.release_check.cells import Cell, CellFailed, run_cell

IDLE = ("status", {"execution_state": "idle"})
DONE = ("execute_reply", {"status": "ok"})


class Kernel(WebSocketHandler):
    """Sends the messages that the code names, as JSON: ``[[type, content], …]``; ``null`` closes the connection."""

    def prepare(self) -> None:
        if self.request.headers.get("Authorization") != "token secret":
            raise HTTPError(403)

    async def on_message(self, text: str | bytes) -> None:
        asked = json.loads(text)
        assert (asked["channel"], asked["header"]["msg_type"]) == ("shell", "execute_request")
        for entry in json.loads(asked["content"]["code"]):
            if entry is None:
                self.close()
                return
            kind, content, *others = entry
            parent = {} if others else asked["header"]
            await self.write_message(json.dumps({"header": {"msg_type": kind}, "parent_header": parent, "content": content}))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the kernel is."""
    listening, port = bind_unused_port()
    loop = asyncio.new_event_loop()
    ready = threading.Event()

    def serve() -> None:
        asyncio.set_event_loop(loop)
        server = HTTPServer(Application([("/api/kernels/k/channels", Kernel)]))
        server.add_sockets([listening])
        loop.call_soon(ready.set)
        loop.run_forever()
        server.stop()
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(10)
    yield f"ws://127.0.0.1:{port}/api/kernels/k/channels"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def run(address: str, *messages: Any, token: str = "secret", seconds: float = 20) -> str:
    """Run a cell whose kernel answers with these messages."""
    return run_cell(Cell(address, token, json.dumps(messages), seconds))


def test_what_it_printed(address: str) -> None:
    """Its own, on both channels in any order; what others print is not."""
    messages = [("stream", {"text": "a\n"}), ("stream", {"text": "not mine\n"}, "other"), DONE, ("stream", {"text": "b\n"}), IDLE]
    assert run(address, *messages) == "a\nb\n"
    assert run(address, IDLE, DONE) == ""


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([("execute_reply", {"status": "error", "ename": "NameError", "evalue": "no x"})], "NameError: no x"),
        ([("execute_reply", {"status": "aborted"})], "error: "),
        ([("status", {"execution_state": "dead"}, "other")], "the kernel died"),
        ([("status", {"execution_state": "restarting"}, "other")], "the kernel died"),
        ([None], "the server closed the connection"),
    ],
)
def test_what_fails(address: str, messages: list[Any], words: str) -> None:
    """One sentence."""
    with pytest.raises(CellFailed, match=f"^{words}"):
        run(address, *messages)


def test_too_long(address: str) -> None:
    """A kernel that says nothing more."""
    with pytest.raises(CellFailed, match="no answer within 0 s"):
        run(address, IDLE, seconds=0.3)


def test_nobody_lets_it_in(address: str) -> None:
    """Another token, and another address."""
    with pytest.raises(CellFailed, match="HTTP 403"):
        run(address, token="other")
    with pytest.raises(CellFailed, match="cannot be reached"):
        run("ws://127.0.0.1:9/api/kernels/k/channels")
