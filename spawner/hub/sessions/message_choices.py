"""Which messages each user wants, in the Hub's database: what nobody has chosen is as the admin has set it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ...errors import NotStored
from ...i18n import _
from ...session.message import KINDS, MessageKind
from ..database import Transaction, transaction
from ..known import name_of
from ..protocol import FormSpawner
from ..state import AdminWarnings, HubState
from .storage import Storage
from .tables import MESSAGE_CHOICES


class MessageChoices:
    """What users have chosen, in one Hub's database; read once, and again after each change."""

    def __init__(self) -> None:
        self._chosen: dict[str, frozenset[MessageKind]] | None = None

    def of(self, state: HubState, user: str) -> frozenset[MessageKind] | None:
        """Return the kinds that a user wants; None for one who has chosen nothing, or while the database does not say."""
        if self._chosen is None:
            db = state.settings.get("db")
            try:
                self._chosen = self._read(db) if db is not None else {}
            except Exception as error:  # noqa: BLE001 - whatever the database says, messages go as the admin has set them
                if state.part(AdminWarnings).is_due("messages", type(error).__name__):
                    state.log.error("Which messages users want cannot be read, the settings count meanwhile: %s", error)  # noqa: TRY400 - one line
                return None
        return self._chosen.get(user)

    def put(self, state: HubState, user: str, kinds: Iterable[MessageKind]) -> None:
        """Store what a user wants from now on.

        Raises
        ------
        NotStored
            The database is locked: it may work in a moment.
        """
        columns = {"user_name": user, "kinds": json.dumps([kind for kind in KINDS if kind in kinds]), "at": state.cluster.clock()}

        def write(own: Transaction) -> None:
            own.execute(sa.delete(MESSAGE_CHOICES).where(MESSAGE_CHOICES.c.user_name == user))
            own.execute(sa.insert(MESSAGE_CHOICES).values(**columns))

        try:
            Storage.in_hub(state, state.settings["db"], state.cluster, state.log).write(write)
        except (TimeoutError, OperationalError) as error:
            raise NotStored(_("The Hub's database is busy. Try again."), log=f"the messages of {user} were not written: {error}") from error
        self._chosen = None

    @staticmethod
    def _read(db: sa.orm.Session) -> dict[str, frozenset[MessageKind]]:
        with transaction(db) as own:
            if not sa.inspect(own.connection).has_table(MESSAGE_CHOICES.name):
                return {}
            rows = own.execute(sa.select(MESSAGE_CHOICES)).all()
        return {row.user_name: frozenset(kind for kind in KINDS if kind in _stored(row.kinds)) for row in rows}


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
