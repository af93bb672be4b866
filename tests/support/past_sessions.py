"""What the record of past sessions has, as the pages ask for it."""

from __future__ import annotations

from spawner.hub.sessions.history import History, PastSession


def past_sessions(history: History, *users: str, limit: int = 500) -> tuple[PastSession, ...]:
    """The sessions of these users, or of everybody, the latest first."""
    return history.rows(frozenset(users) or None, limit).sessions
