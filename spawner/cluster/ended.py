"""The sessions that this run of the Hub has seen end, as long as nobody has made that durable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..cache import BoundedDict

MAX_REMEMBERED = 10_000
"""So many, the latest; more come together only where the Hub's database takes nothing."""


class EndedSessions:
    """Nonces of sessions that are over, with their users. The Hub stores them and takes them off here (:mod:`.hub.sessions.over`)."""

    def __init__(self) -> None:
        self._users: BoundedDict[str, str] = BoundedDict(MAX_REMEMBERED)

    def __contains__(self, nonce: str) -> bool:
        """Tell whether the session of this nonce is over, and not stored yet."""
        return nonce in self._users

    def add(self, nonce: str, user: str) -> None:
        """Note that a session is over; empty is the nonce of none."""
        if nonce:
            self._users[nonce] = user

    @property
    def to_store(self) -> Mapping[str, str]:
        """Return what is not stored yet: users by nonce."""
        return dict(self._users)

    def forget(self, nonces: Iterable[str]) -> None:
        """Forget these here: they are stored, or not over after all."""
        for nonce in nonces:
            self._users.pop(nonce, None)
