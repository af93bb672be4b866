"""What a session's launcher says of memory: how many processes were killed for want of it, and the most that the session had."""

from __future__ import annotations

from dataclasses import replace

from .facts import SessionFacts

MOST = 1_000_000
"""A greater number says nothing more; the session's own user can say it too, and anything."""

MOST_MB = 1 << 30
"""A petabyte; as :data:`MOST`."""


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


def take_peak(session: SessionFacts, megabytes: int) -> bool:
    """Take a report of the most memory, in MB, that the session's processes have had at once, and make it durable while the session lasts.

    The last one comes while the job ends, or just after that was noticed. False: the session has never come up.
    """
    if not session.record.port:
        return False
    if megabytes > session.record.peak_mb:
        if session.end is None:
            session.remember(peak_mb=megabytes)
        else:
            # What is kept of it by now is its end (hub/sessions/ended.py): no later Hub is to find a session.
            session.record = replace(session.record, peak_mb=megabytes)
    return True
