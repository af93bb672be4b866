"""What a session's launcher says of processes that were killed for want of memory: the session itself goes on."""

from __future__ import annotations

from .facts import SessionFacts

MOST = 1_000_000
"""A greater number says nothing more; the session's own user can say it too, and anything."""


def take_killed(session: SessionFacts, number: int) -> bool:
    """Take a report that the kernel has killed so many processes of the session by now, and make it durable.

    False: none is waited for, for the session has not come up or is over.
    """
    if not session.record.port or session.record.stopping or session.end is not None:
        return False
    if number > session.record.killed:
        session.log.info("%d processes of %s were killed for want of memory so far", number, session.name)
        session.remember(killed=number)
    return True
