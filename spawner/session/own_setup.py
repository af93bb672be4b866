"""What a session's launcher says of the set-up that its release has run once for each user, and of the folder in which it was to open:
the session itself goes on.
"""

from __future__ import annotations

from typing import Literal, get_args

from .facts import SessionFacts

SetupState = Literal["", "running", "done", "failed"]
SETUP_STATES: tuple[str, ...] = get_args(SetupState)[1:]

FOLDER_TROUBLES = ("missing", "outside")
"""Why a session does not open in the folder that was chosen: it is not there, or it leads out of its area."""


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


def take_folder(session: SessionFacts, trouble: str) -> bool:
    """Take a report that the session does not open where it was to, one of :data:`FOLDER_TROUBLES`, and make it durable.

    False: none is waited for, for the session has not come up or is over.
    """
    if not session.record.port or session.record.stopping or session.end is not None:
        return False
    if trouble != session.record.folder:
        session.log.info("The folder that %s was to open in: %s", session.name, trouble)
        session.remember(folder=trouble)
    return True
