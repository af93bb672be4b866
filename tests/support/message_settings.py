"""The settings of messages as a spawner has them where the admin has set none."""

from __future__ import annotations

from collections.abc import Sequence

from spawner.session.message import KINDS


class WithMessageSettings:
    """For the spawners of tests: no message goes anywhere until a way is set; GPUs are watched."""

    message_kinds: Sequence[str] = KINDS
    message_end_minutes = 15.0
    message_hourly = 20
    message_command: Sequence[str] = ()
    message_webhook = ""
    message_mail_server = ""
    message_mail_from = ""
    message_mail_to = ""
    idle_gpu_minutes = 60.0
