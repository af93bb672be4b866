"""One line in the Hub's log for each event of a session's life: the same facts under the same names, for a search and for programs."""

from __future__ import annotations

import json
import logging
import re
import secrets
from dataclasses import asdict, dataclass
from typing import Any, Literal

Event = Literal[
    "refused", "submitted", "stage", "ready", "failed", "taken_up", "adopted", "requeued", "stopping", "cancelled", "ended", "explained"
]
"""What is logged of a session; docs/logs.md says when each comes."""

_PLAIN = re.compile(r"[\w.@:/+-]+")


def new_reference() -> str:
    """Return what tells one start from all others, in the log and on the page of its failure: eight hexadecimal digits."""
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """One event of a session's life.

    ``server`` is empty for the user's default server, ``job_id`` 0 where there is no job. ``stage`` is :data:`.status.Stage`, ``category``
    why a session ended (:data:`.outcome.Category`) or an error's label. ``state`` is Slurm's word, or one of ours. ``text`` is what the
    user was told, in their language; ``log`` is what is meant for the log alone.
    """

    event: Event
    user: str
    server: str = ""
    job_id: int = 0
    reference: str = ""
    stage: str = ""
    node: str = ""
    state: str = ""
    category: str = ""
    text: str = ""
    log: str = ""

    def facts(self) -> dict[str, Any]:
        """Return what is known of the event, by name; ``event`` is the first."""
        return {name: value for name, value in asdict(self).items() if value not in ("", 0)}

    def __str__(self) -> str:
        known = self.facts()
        return " ".join((f"session {known.pop('event')}", *(f"{name}={_quoted(str(value))}" for name, value in known.items())))


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=not value.isprintable())


def note(log: logging.Logger | logging.LoggerAdapter[logging.Logger], event: SessionEvent, level: int = logging.INFO) -> None:
    """Write the line of an event. The record has its facts as ``session_event``, for a log of JSON lines."""
    log.log(level, "%s", event, extra={"session_event": event.facts()})
