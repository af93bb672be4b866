"""What the admin's command and webhook are told of GPUs that do nothing. A failure is in the log, and changes nothing else."""

from __future__ import annotations

import asyncio
import datetime
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from ...errors import ResourceFormError
from ...slurm.runner import Runner, last_line

COMMAND_SECONDS = 30.0
WEBHOOK_SECONDS = 10.0
AT_A_TIME = 4
"""Commands and posts that go on together, for a whole cluster may fall idle at once."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: ``event`` is ``idle`` or ``stopped``.

    ``display_name`` is what the cards call the session, in its user's language: a user may have several. ``stops_at`` is in seconds since
    the epoch, None where no session is stopped.
    """

    event: str
    user: str
    server: str
    display_name: str
    job_id: int
    node: str
    gpus: int
    idle_minutes: int
    stops_at: float | None
    url: str

    def as_json(self) -> str:
        """Return the message as it is sent, with the moment in ISO 8601, UTC."""
        moment = None if self.stops_at is None else datetime.datetime.fromtimestamp(int(self.stops_at), tz=datetime.timezone.utc)
        return json.dumps({**asdict(self), "stops_at": moment and moment.isoformat().replace("+00:00", "Z")})


class IdleMessages:
    """The sender of messages, in the background.

    Parameters
    ----------
    runner
        Starts the command, as the Hub's own user.
    """

    def __init__(self, runner: Runner, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        self._runner = runner
        self._log = log
        self._slots = asyncio.Semaphore(AT_A_TIME)
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, message: Message, *, command: Sequence[str], webhook: str) -> None:
        """Begin to send the message, once, to each of the two that there is."""
        text = message.as_json()
        for work in ([self._run(tuple(command), text)] if command else []) + ([self._post(webhook, text)] if webhook else []):
            task = asyncio.ensure_future(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def sent(self) -> None:
        """Wait until nothing is on its way."""
        await asyncio.gather(*self._tasks)

    async def _run(self, command: Sequence[str], text: str) -> None:
        try:
            async with self._slots:
                result = await self._runner.run(command, stdin=text, timeout=COMMAND_SECONDS)
        except ResourceFormError as error:
            self._log.warning("idle_gpu_command failed: %s", error.log)
            return
        if not result.ok:
            self._log.warning("idle_gpu_command exited with %d: %s", result.returncode, last_line(result.stderr))

    async def _post(self, address: str, text: str) -> None:
        # A client of its own: the Hub's has few connections, which a slow address would take from its proxy.
        client = AsyncHTTPClient(force_instance=True)
        try:
            async with self._slots:
                await client.fetch(
                    HTTPRequest(
                        address,
                        method="POST",
                        headers={"Content-Type": "application/json"},
                        body=text,
                        connect_timeout=WEBHOOK_SECONDS,
                        request_timeout=WEBHOOK_SECONDS,
                        follow_redirects=False,
                        streaming_callback=_ignore,
                    )
                )
        except Exception as error:  # noqa: BLE001 - whatever the other side does, the Hub goes on
            # The path may be a secret.
            self._log.warning("idle_gpu_webhook at %s failed: %s", urlsplit(address).hostname, error)
        finally:
            client.close()


def _ignore(_chunk: bytes) -> None:
    """What the other side answers is of no interest, and may be long."""
