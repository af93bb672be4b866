"""What the admin may set of messages: which there are, and by which ways they go."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from typing import Any
from urllib.parse import urlsplit

from traitlets import Float, HasTraits, Int, List, TraitError, Unicode, validate

from ...session.message import KINDS
from .checks import check_command

MAX_HOURLY = 1000
MAX_END_MINUTES = 1440.0
USER = "{username}"


class MessageSettings(HasTraits):
    """The traits of messages."""

    message_kinds = List(
        Unicode(),
        default_value=[str(kind) for kind in KINDS],
        help="""
        What users are told of their sessions by the ways that are set (:attr:`message_command`, :attr:`message_webhook`,
        :attr:`message_mail_server`): ``started`` after a wait of a minute or longer, ``ends_soon`` before its walltime is up,
        ``ended`` unless they stopped it themselves, ``idle`` for GPUs that do nothing (:attr:`idle_gpu_minutes`).

        Default: all four. Example: ``["ends_soon", "idle"]``
        """,
    ).tag(config=True)

    message_end_minutes = Float(
        15.0,
        help="""
        So many minutes before the end of its walltime a session's user gets the message ``ends_soon``.

        A session that is shorter brings none about. Default: 15. Example: 30
        """,
    ).tag(config=True)

    message_hourly = Int(
        20,
        help="""
        So many messages one user gets an hour at most; what is more is left out. Of one kind about one server there is one in ten minutes.

        Default: 20. Example: 5
        """,
    ).tag(config=True)

    message_command = List(
        Unicode(),
        help="""
        A command that is run for each message: the absolute path of a program, and its arguments. It may ask a directory for the address
        and send the mail.

        It finds on its standard input ``{"event", "user", "server", "display_name", "job_id", "node", "subject", "text", "url",
        "ends_at", "stops_at", "category", "gpus", "idle_minutes"}`` as JSON; ``event`` is one of :attr:`message_kinds`,
        ``subject`` and ``text`` are in the user's language. It is run as the Hub's own user, without a shell, for 30 seconds at most.

        Default: none. Example: ``["/opt/site/bin/tell-user", "--from", "superc@example.org"]``
        """,
    ).tag(config=True)

    message_webhook = Unicode(
        "",
        help="""
        An address to which the same JSON as for :attr:`message_command` is posted.

        Default: none. Example: ``"https://chat.example.org/hooks/sessions"``
        """,
    ).tag(config=True)

    message_mail_server = Unicode(
        "",
        help="""
        The mail server that takes messages as e-mail, by SMTP without a password: ``host`` or ``host:port``, else
        with port 25.

        It needs :attr:`message_mail_from` and :attr:`message_mail_to`. Default: none. Example: ``"localhost"``
        """,
    ).tag(config=True)

    message_mail_from = Unicode(
        "",
        help="""
        The address that e-mail comes from.

        Default: none. Example: ``"jupyter@example.org"``
        """,
    ).tag(config=True)

    message_mail_to = Unicode(
        "",
        help="""
        The address of a user's e-mail, with ``{username}`` in the place of their name.

        Default: none. Example: ``"{username}@example.org"``
        """,
    ).tag(config=True)

    @validate("message_kinds")
    def _check_message_kinds(self, proposal: Any) -> list[str]:
        unknown = [kind for kind in proposal["value"] if kind not in KINDS]
        if unknown:
            raise TraitError(f"ResourceFormSpawner.message_kinds may have {', '.join(KINDS)}, not {', '.join(unknown)}")
        return [kind for kind in KINDS if kind in proposal["value"]]

    @validate("message_end_minutes")
    def _check_message_end_minutes(self, proposal: Any) -> float:
        if not 0 < proposal["value"] <= MAX_END_MINUTES:
            raise TraitError(f"ResourceFormSpawner.message_end_minutes must be above 0, and {MAX_END_MINUTES:.0f} at most")
        return float(proposal["value"])

    @validate("message_hourly")
    def _check_message_hourly(self, proposal: Any) -> int:
        if not 1 <= proposal["value"] <= MAX_HOURLY:
            raise TraitError(f"ResourceFormSpawner.message_hourly must be between 1 and {MAX_HOURLY}")
        return int(proposal["value"])

    @validate("message_command")
    def _check_message_command(self, proposal: Any) -> Any:
        return check_command(proposal)

    @validate("message_webhook")
    def _check_message_webhook(self, proposal: Any) -> str:
        address = str(proposal["value"])
        if address and not (address.startswith(("http://", "https://")) and urlsplit(address).hostname and address.isprintable()):
            # The address itself may be a secret.
            raise TraitError("ResourceFormSpawner.message_webhook must begin with http:// or https://")
        return address

    @validate("message_mail_server")
    def _check_message_mail_server(self, proposal: Any) -> str:
        server = str(proposal["value"])
        host, colon, port = server.partition(":")
        is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
        if server and (not host.isprintable() or not host or " " in host or "/" in server or bool(colon) != is_port):
            raise TraitError('ResourceFormSpawner.message_mail_server must be as "host" or "host:25"')
        return server

    @validate("message_mail_from", "message_mail_to")
    def _check_mail_addresses(self, proposal: Any) -> str:
        name, address = proposal["trait"].name, str(proposal["value"])
        known = address.replace(USER, "ada") if name == "message_mail_to" else address
        try:
            is_address = not address or bool(Address(addr_spec=known).domain)
        except (MessageError, ValueError, IndexError):
            is_address = False
        if not is_address or (address and name == "message_mail_to" and USER not in address):
            example = f'"{USER}@example.org"' if name == "message_mail_to" else '"jupyter@example.org"'
            raise TraitError(f"ResourceFormSpawner.{name} must be an address, as {example}")
        return address
