"""Starts go through JupyterHub one at a time, users in turns.

A start keeps the Hub's loop busy for up to a tenth of a second before anything of ours is asked: its token, its rows in the database. Many
at once would follow each other without a gap for anybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from tornado import httputil

from ..turns import Turns
from .protocol import HubHandler

FindsAnswer = Callable[[httputil.HTTPServerRequest], Any]

LONGEST_TURN_SECONDS = 1.0
"""A start that takes longer goes on, and holds nobody up any more."""


class InTurn(httputil.HTTPMessageDelegate):
    """A request that waits, once it has come as a whole, until it is its sender's turn; then the Hub's own rules answer it."""

    def __init__(self, line: StartLine, request: httputil.HTTPServerRequest, user: str, find: FindsAnswer) -> None:
        self._line = line
        self._request = request
        self._user = user
        self._find = find
        self._head: Any = None
        self._body: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self.is_through = asyncio.Event()

    def headers_received(self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders) -> None:
        """Keep the headers."""
        self._head = start_line, headers

    def data_received(self, chunk: bytes) -> None:
        """Keep a piece of the body, which is no larger than the bound."""
        self._body.append(chunk)

    def finish(self) -> None:
        """Stand in line. Whoever hangs up there is not started for; later the handler is told."""
        task = self._task = asyncio.ensure_future(self._go_through())
        connection: Any = self._request.connection
        connection.set_close_callback(task.cancel)

    async def _go_through(self) -> None:
        try:
            async with self._line.turns.turn(self._user):
                found = self._find(self._request)
                found.headers_received(*self._head)
                for chunk in self._body:
                    found.data_received(chunk)
                self._body.clear()
                found.finish()
                clock = asyncio.get_running_loop().time
                begun = clock()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.is_through.wait(), LONGEST_TURN_SECONDS)
                # Where the disk is slow, the commits of a start take long: everybody else has the loop for as long.
                await asyncio.sleep(clock() - begun)
        finally:
            self._line.remove(self._request)

    def on_connection_close(self) -> None:
        """Leave the line: whoever asked has gone before the request had come as a whole."""
        self._line.remove(self._request)


class StartLine:
    """The starts of one Hub that are on their way through JupyterHub, and those that wait for it."""

    def __init__(self) -> None:
        self.turns = Turns(1)
        self._here: dict[httputil.HTTPServerRequest, InTurn] = {}

    def has(self, request: httputil.HTTPServerRequest) -> bool:
        """Tell whether a request has been put in line."""
        return request in self._here

    def stand(self, request: httputil.HTTPServerRequest, user: str, find: FindsAnswer) -> InTurn:
        """Put a request in line; ``find`` finds what answers it once it is its turn."""
        found = self._here[request] = InTurn(self, request, user, find)
        return found

    def let_go(self, handler: HubHandler | None) -> None:
        """End the turn of the request that a handler answers: JupyterHub has done its part, or has answered."""
        found = self._here.get(handler.request) if handler is not None else None
        if found is not None:
            found.is_through.set()

    def remove(self, request: httputil.HTTPServerRequest) -> None:
        """Forget a request."""
        self._here.pop(request, None)
