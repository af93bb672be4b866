"""A cell in a kernel of a running server: sent over its websocket, until the kernel says that it is done."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClientConnection, websocket_connect

MAX_PRINTED = 1 << 20
"""Characters of what a cell prints that are kept."""


class CellFailed(Exception):
    """The cell has not run to its end; the message says why."""


@dataclass(frozen=True)
class Cell:
    """Code, the address of the kernel's channels (``ws:`` or ``wss:``), and how many seconds it may take, the kernel's start included."""

    address: str
    token: str
    code: str
    seconds: float


def run_cell(cell: Cell) -> str:
    """Run the cell, and return what it printed.

    Raises
    ------
    CellFailed
        It failed, the kernel died, it took too long, or the server closed the connection.
    """
    try:
        return asyncio.run(asyncio.wait_for(_run(cell), cell.seconds))
    except asyncio.TimeoutError:
        raise CellFailed(f"no answer within {cell.seconds:.0f} s") from None
    except HTTPClientError as error:
        raise CellFailed(f"the server does not let a cell in (HTTP {error.code})") from None
    except (OSError, StreamClosedError) as error:
        raise CellFailed(f"the server cannot be reached: {error}") from None


async def _run(cell: Cell) -> str:
    request = HTTPRequest(cell.address, headers={"Authorization": f"token {cell.token}"}, connect_timeout=cell.seconds)
    connection = await websocket_connect(request)
    try:
        number = uuid.uuid4().hex
        await connection.write_message(json.dumps(_message(number, cell.code)))
        return await _answer(connection, number)
    finally:
        connection.close()


async def _answer(connection: WebSocketClientConnection, number: str) -> str:
    """The kernel's messages on all channels, until its reply and the end of what it prints are both there."""
    printed, replied, idle = "", False, False
    while not (replied and idle):
        text = await connection.read_message()
        if text is None:
            raise CellFailed("the server closed the connection")
        message = json.loads(text)
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "status" and content.get("execution_state") in ("dead", "restarting"):
            raise CellFailed("the kernel died")
        if message.get("parent_header", {}).get("msg_id") != number:
            continue
        if kind == "stream":
            printed = (printed + str(content.get("text", "")))[:MAX_PRINTED]
        elif kind == "execute_reply":
            replied = True
            if content.get("status") != "ok":
                raise CellFailed(f"{content.get('ename', 'error')}: {content.get('evalue', '')}")
        elif kind == "status":
            idle = content.get("execution_state") == "idle"
    return printed


def _message(number: str, code: str) -> Mapping[str, Any]:
    """A message of Jupyter's protocol, version 5.3: messaging in Jupyter, execute."""
    return {
        "header": {
            "msg_id": number,
            "msg_type": "execute_request",
            "username": "",
            "session": uuid.uuid4().hex,
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False},
        "channel": "shell",
        "buffers": [],
    }
