"""The sessions that are over, by the digests of their nonces: a job that shows such a nonce is no session, whoever has copied it there.

A table of ours in the Hub's own database, apart from the record of past sessions, which an admin may switch off. It is bounded in time
and number; a session that began before all that is remembered may be over, and is never adopted.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import sqlalchemy as sa
from sqlalchemy.orm import Session as DatabaseSession

from ...bounds import Bounds
from ...cluster.ended import EndedSessions
from ...job.sbatch import Tag, begun_at
from ..database import Patience, Transaction, transaction
from .tables import OVER, SESSIONS, has_row, keep_newest, session_key

DAY_SECONDS = 86_400

AT_ONCE = 100
"""So many are stored in one transaction, which holds up the Hub's loop."""


class SessionsOver:
    """The sessions that are over, in the database of ``db``.

    Parameters
    ----------
    ended
        Those that this run of the Hub has seen end and that are not stored yet.
    """

    def __init__(
        self, db: DatabaseSession, ended: EndedSessions, *, bounds: Bounds, clock: Callable[[], float], patience: Patience
    ) -> None:
        self._db = db
        self._ended = ended
        self._bounds = bounds
        self._patience = patience
        self._clock = clock

    @property
    def oldest(self) -> float:
        """Return how long ago the start of a session may be that is remembered, in seconds since the epoch."""
        return self._clock() - self._bounds.ended_days * DAY_SECONDS

    def put(self, own: Transaction) -> None:
        """Write down, in a transaction, what has ended and is not stored yet: some of it, and :attr:`has_more` tells of the rest."""
        waiting = dict(islice(self._ended.to_store.items(), AT_ONCE))
        for nonce, user in waiting.items():
            begun, key = _begun(nonce), session_key(nonce)
            # A tag that an early version did not sign is not believed anyway.
            if begun is not None and not has_row(own, OVER, key):
                own.execute(sa.insert(OVER).values(session=key, user_name=user, begun=begun))
        for user in set(waiting.values()):
            self._forget_what_is_beyond(own, user)
        own.afterwards(lambda: self._ended.forget(waiting))

    @property
    def has_more(self) -> bool:
        """Tell whether there are sessions that have ended and are not stored yet."""
        return bool(self._ended.to_store)

    def _forget_what_is_beyond(self, own: Transaction, user: str) -> None:
        own.execute(sa.delete(OVER).where(OVER.c.begun < self.oldest))
        keep_newest(own, OVER, user, OVER.c.begun, self._bounds.ended_sessions, at_once=AT_ONCE)

    def why_over(self, tag: Tag) -> str:
        """Say why the session of a tag of ours is over, or may be; empty if it is not.

        Raises
        ------
        Exception
            The database does not say.
        """
        if tag.nonce in self._ended:
            return "its session has ended"
        begun, key = begun_at(tag), session_key(tag.nonce)
        if begun < self.oldest:
            return "its start is longer ago than ends of sessions are remembered"
        with transaction(self._db, self._patience) as own:
            inspector = sa.inspect(own.connection)
            if inspector.has_table(SESSIONS.name) and has_row(own, SESSIONS, key):
                return "its session has ended"
            if not inspector.has_table(OVER.name):
                return ""
            if has_row(own, OVER, key):
                return "its session has ended"
            count = sa.select(sa.func.count(), sa.func.min(OVER.c.begun)).where(OVER.c.user_name == tag.user)
            number, oldest = tuple(own.execute(count).one())
            if number >= self._bounds.ended_sessions and begun <= oldest:
                return "more sessions of its user have ended since its start than are remembered"
        return ""


def _begun(nonce: str) -> float | None:
    try:
        return begun_at(Tag("", "", "", nonce))
    except ValueError:
        return None
