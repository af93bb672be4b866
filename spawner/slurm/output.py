"""What a process says, kept up to a bound: whoever may write into it, it cannot fill the Hub's memory, or keep the Hub waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

STDIN, STDOUT, STDERR = 0, 1, 2

AFTER_EXIT_SECONDS = 1.0
"""So long what an ended process has said is still waited for: a process that it began may hold the pipe open for ever."""


class BoundedOutput(asyncio.SubprocessProtocol):
    """Both outputs of one process, each up to so many bytes; more is not kept.

    ``finished`` is done once the process has ended and all that it said is read, or it has said too much. ``too_much`` is then the output,
    and None where it has not.
    """

    def __init__(self, max_bytes: int, max_complaint_bytes: int) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.too_much: int | None = None
        self._max_bytes = {STDOUT: max_bytes, STDERR: max_complaint_bytes}
        self._said = {STDOUT: bytearray(), STDERR: bytearray()}
        self._transport: asyncio.SubprocessTransport | None = None

    def text(self, output: int) -> str:
        """Return what was said on one of the two outputs.

        Admin text in it may be in any encoding; a byte that is not UTF-8 must not cost us the whole table.
        """
        return self._said[output].decode(errors="replace")

    def close(self) -> None:
        """Read and write no more. A process that goes on to write is ended by that; its exit status is still waited for."""
        transport = self._transport
        if transport is None:
            return
        if transport.get_returncode() is not None:
            transport.close()
            return
        for pipe in _pipes(transport, (STDIN, STDOUT, STDERR)):
            pipe.close()

    # --- what asyncio calls -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the process."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep what was said, or note that it is too much."""
        if self.finished.done():
            return
        if len(self._said[fd]) + len(data) > self._max_bytes[fd]:
            self.too_much = fd
            self._said = {STDOUT: bytearray(), STDERR: bytearray()}
            self._finish()
        else:
            self._said[fd] += data

    def process_exited(self) -> None:
        """Wait a moment for what was said before the end, but not for those who hold the pipe open."""
        if self.finished.done():
            self.close()
        else:
            asyncio.get_running_loop().call_later(AFTER_EXIT_SECONDS, self._finish)

    def connection_lost(self, _exc: Exception | None) -> None:
        """The process has ended and nobody holds its pipes open any more."""
        self._finish()

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)


def _pipes(transport: asyncio.SubprocessTransport, which: Iterable[int]) -> Iterable[asyncio.BaseTransport]:
    return [pipe for fd in which if (pipe := transport.get_pipe_transport(fd)) is not None]
