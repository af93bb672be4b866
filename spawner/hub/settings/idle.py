"""What the admin may set of GPUs that do nothing: who is told, and when a session is stopped."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from traitlets import Float, HasTraits, List, TraitError, Unicode, validate

from .checks import check_command

MAX_IDLE_MINUTES = 525600.0


class IdleGpuSettings(HasTraits):
    """The traits of idle GPUs."""

    idle_gpu_minutes = Float(
        0.0,
        help="""
        So many minutes after the GPUs of a session have last done anything, its user is told so on its card, and the admin's command and
        webhook are (:attr:`idle_gpu_command`, :attr:`idle_gpu_webhook`).

        It takes the reports of the nodes (``resource-form gpu-report``). A session counts only while they tell of each of its GPUs that it
        does nothing. Default: 0, nobody is told. Example: 60
        """,
    ).tag(config=True)

    idle_gpu_stop_minutes = Float(
        0.0,
        help="""
        So many minutes after its user was told (:attr:`idle_gpu_minutes`) a session is stopped whose GPUs still have done nothing.

        Default: 0, none is stopped. Example: 30
        """,
    ).tag(config=True)

    idle_gpu_command = List(
        Unicode(),
        help="""
        A command that is run when a user is told of idle GPUs and when their session is stopped for that, once each: the absolute path of a
        program, and its arguments. It may send the mail.

        It finds on its standard input ``{"event": "idle", "user", "server", "display_name", "job_id", "node", "gpus", "idle_minutes",
        "stops_at", "url"}`` as JSON, with ``"event": "stopped"`` after a stop; ``display_name`` is what the session is called on its
        card. It is run as the Hub's own user, without a shell, for 30 seconds at most.

        Default: none. Example: ``["/opt/site/bin/mail-idle-gpus", "--from", "superc@example.org"]``
        """,
    ).tag(config=True)

    idle_gpu_webhook = Unicode(
        "",
        help="""
        An address to which the same JSON as for :attr:`idle_gpu_command` is posted.

        Default: none. Example: ``"https://chat.example.org/hooks/gpus"``
        """,
    ).tag(config=True)

    @validate("idle_gpu_minutes", "idle_gpu_stop_minutes")
    def _check_idle_minutes(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= MAX_IDLE_MINUTES:
            raise TraitError(f"ResourceFormSpawner.{proposal['trait'].name} must be a number of minutes, 0 for never")
        return float(proposal["value"])

    @validate("idle_gpu_command")
    def _check_idle_gpu_command(self, proposal: Any) -> Any:
        return check_command(proposal)

    @validate("idle_gpu_webhook")
    def _check_idle_webhook(self, proposal: Any) -> str:
        address = str(proposal["value"])
        if address and not (address.startswith(("http://", "https://")) and urlsplit(address).hostname and address.isprintable()):
            # The address itself may be a secret.
            raise TraitError("ResourceFormSpawner.idle_gpu_webhook must begin with http:// or https://")
        return address
