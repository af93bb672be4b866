"""What a session's launcher says of the set-up that its release has run once for each user: the session itself goes on."""

from __future__ import annotations

from typing import Literal, get_args

from .facts import SessionFacts

SetupState = Literal["", "running", "done", "failed"]
SETUP_STATES: tuple[str, ...] = get_args(SetupState)[1:]


def take_setup(session: SessionFacts, state: str) -> bool:
    """Take a report of how the set-up goes, one of :data:`SETUP_STATES`, and make it durable.

    False: none is waited for, for the session has not come up or is over.
    """
    if not session.record.port or session.record.stopping or session.end is not None:
        return False
    # Reports may come in another order than they were sent.
    if session.record.setup in ("", "running") and state != session.record.setup:
        session.log.info("The set-up of a first session of %s: %s", session.name, state)
        session.remember(setup=state)
    return True
