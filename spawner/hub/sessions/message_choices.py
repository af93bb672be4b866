"""Which messages each user wants, in the Hub's database: what nobody has chosen is as the admin has set it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ...session.message import KINDS, MessageKind
from ..known import name_of
from ..protocol import FormSpawner
from ..state import HubState
from .kept_rows import KeptRows
from .tables import MESSAGE_CHOICES


@dataclass(frozen=True, slots=True)
class MessageChoice:
    """The kinds that a user wants; ``at`` is when they said so, in seconds since the epoch."""

    user: str
    kinds: frozenset[MessageKind]
    at: float


class MessageChoices(KeptRows[MessageChoice]):
    """What users have chosen, in one Hub's database."""

    table = MESSAGE_CHOICES
    what = "the messages of"
    unread = "Which messages users want cannot be read, the settings count meanwhile"

    def read(self, row: Any) -> MessageChoice:
        """Return the choice of a row: of what another version has written, the kinds that are known."""
        return MessageChoice(row.user_name, frozenset(kind for kind in KINDS if kind in _stored(row.kinds)), row.at)

    def columns(self, entry: MessageChoice) -> dict[str, Any]:
        """Return the columns of a choice."""
        return {"user_name": entry.user, "kinds": json.dumps([kind for kind in KINDS if kind in entry.kinds]), "at": entry.at}

    def of(self, state: HubState, user: str) -> frozenset[MessageKind] | None:
        """Return the kinds that a user wants; None for one who has chosen nothing, or while the database does not say."""
        chosen = self.by_key(state).get(user)
        return chosen.kinds if chosen is not None else None


def offered_kinds(spawner: FormSpawner) -> tuple[MessageKind, ...]:
    """Return the kinds of messages that a spawner's user may choose among: those that the admin has set, and that can come."""
    return tuple(kind for kind in KINDS if kind in spawner.message_kinds and (kind != "idle" or spawner.idle_gpu_minutes))


def wanted_kinds(spawner: FormSpawner) -> tuple[MessageKind, ...]:
    """Return the kinds of messages that a spawner's user gets: of those that are offered, the ones that they have chosen."""
    state = HubState.of(spawner)
    chosen = state.part(MessageChoices).of(state, name_of(spawner.user))
    return tuple(kind for kind in offered_kinds(spawner) if chosen is None or kind in chosen)


def _stored(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return found if isinstance(found, list) else []
