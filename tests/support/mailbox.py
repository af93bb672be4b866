"""A mail server of this machine's, which keeps what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, NamedTuple

from aiosmtpd.controller import Controller
from tornado.testing import bind_unused_port


class Taken(NamedTuple):
    """One letter, as it was handed over."""

    sender: str
    receivers: list[str]
    letter: EmailMessage


@dataclass
class MailBox:
    """What the server has taken, and where it listens; it refuses what is for ``nobody``."""

    server: str
    taken: list[Taken] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """Take all but one."""
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep it."""
        letter: Any = message_from_bytes(envelope.content, policy=policy.default)
        self.taken.append(Taken(envelope.mail_from, envelope.rcpt_tos, letter))
        return "250 OK"


@contextmanager
def open_mailbox() -> Iterator[MailBox]:
    """Run a mail server at a free port."""
    socket, port = bind_unused_port()
    socket.close()
    box = MailBox(f"127.0.0.1:{port}")
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
