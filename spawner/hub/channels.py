"""The ways of a message: a command, an address it is posted to, e-mail. A failure is in the log, and changes nothing else."""

from __future__ import annotations

import asyncio
import logging
import smtplib
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from ..errors import ResourceFormError
from ..session.message import Message
from ..slurm.runner import Runner, last_line

COMMAND_SECONDS = 30.0
WEBHOOK_SECONDS = 10.0
MAIL_SECONDS = 20.0
AT_A_TIME = 4
"""Commands, posts and letters that go on together, for a whole cluster may fall idle at once."""

MAX_WAITING = 1000
"""With so many on their way the next one is left out: the other side has been away for long."""

SMTP_PORT = 25


@dataclass(frozen=True, slots=True)
class Mail:
    """How e-mail is sent: ``server`` is ``host`` or ``host:port`` of SMTP, ``sender`` and ``to`` are addresses."""

    server: str
    sender: str
    to: str


@dataclass(frozen=True, slots=True)
class Channels:
    """Whom a message reaches: the argv of a command, an address, a user's mailbox; empty or None for none."""

    command: Sequence[str] = ()
    webhook: str = ""
    mail: Mail | None = None


def letter_of(message: Message, mail: Mail) -> EmailMessage:
    """Return a message as e-mail, which no program answers (RFC 3834).

    Raises
    ------
    MessageError, ValueError
        An address is none.
    """
    letter = EmailMessage()
    letter["Subject"] = " ".join(message.subject.split())
    letter["From"], letter["To"] = Address(addr_spec=mail.sender), Address(addr_spec=mail.to)
    letter["Auto-Submitted"] = "auto-generated"
    # Where the Hub does not know its own address there is only a path, which leads nobody anywhere.
    address = f"\n\n{message.url}" if urlsplit(message.url).scheme else ""
    letter.set_content(f"{message.text}{address}\n")
    return letter


class MessageSender:
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

    def send(self, message: Message, channels: Channels) -> None:
        """Begin to send a message, once by each way that there is."""
        for work in self._ways(message, channels):
            if len(self._tasks) >= MAX_WAITING:
                self._log.warning("A message for %s is left out: %d are on their way", message.user, MAX_WAITING)
                work.close()
                continue
            task = asyncio.ensure_future(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def sent(self) -> None:
        """Wait until nothing is on its way."""
        await asyncio.gather(*self._tasks)

    def _ways(self, message: Message, channels: Channels) -> Iterator[Coroutine[None, None, None]]:
        if channels.command:
            yield self._run(tuple(channels.command), message.as_json())
        if channels.webhook:
            yield self._post(channels.webhook, message.as_json())
        if channels.mail is not None:
            yield self._mail(message, channels.mail)

    async def _run(self, command: Sequence[str], text: str) -> None:
        try:
            async with self._slots:
                result = await self._runner.run(command, stdin=text, timeout=COMMAND_SECONDS)
        except ResourceFormError as error:
            self._log.warning("message_command failed: %s", error.log)
            return
        if not result.ok:
            self._log.warning("message_command exited with %d: %s", result.returncode, last_line(result.stderr))

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
            self._log.warning("message_webhook at %s failed: %s", urlsplit(address).hostname, error)
        finally:
            client.close()

    async def _mail(self, message: Message, mail: Mail) -> None:
        try:
            letter = letter_of(message, mail)
            async with self._slots:
                await asyncio.get_running_loop().run_in_executor(None, _deliver, letter, mail.server)
        except (OSError, smtplib.SMTPException, MessageError, ValueError) as error:
            self._log.warning("The message for %s could not be mailed by %s: %s", message.user, mail.server, error)


def _deliver(letter: EmailMessage, server: str) -> None:
    host, _colon, port = server.partition(":")
    with smtplib.SMTP(host, int(port or SMTP_PORT), timeout=MAIL_SECONDS) as connection:
        connection.send_message(letter)


def _ignore(_chunk: bytes) -> None:
    """What the other side answers is of no interest, and may be long."""
