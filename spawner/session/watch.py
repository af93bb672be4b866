"""Looking at a session's job in the shared list: what no answer says is unknown, and only repeated answers without the job end it."""

from __future__ import annotations

from dataclasses import replace

from ..errors import ResourceFormError
from ..i18n import _
from ..slurm.model import Job
from .facts import SessionFacts
from .matching import is_own

LOOK_PATIENCE_SECONDS = 5.0
ABSENCES_THAT_COUNT = 2
ABSENCES_MIN_INTERVAL_SECONDS = 5.0


async def look(session: SessionFacts) -> Job | None:
    """Return the job in the latest list. None if it is not in it, or nobody knows; gone for good is an exception.

    Raises
    ------
    SessionFailed
        Repeated answers lack the job.
    """
    try:
        job, snapshot = await session.cluster.job(session.record.job_id, patience=LOOK_PATIENCE_SECONDS)
    except ResourceFormError as error:
        session.note_silence(error)
        return None
    if job is not None and is_own(job, session.record, user=session.user):
        session.unknown_since = (session.unknown_since or snapshot.as_of) if snapshot.stale else None
        session.absent_at.clear()
        if not session.record.queued_at and job.submit:
            # A look writes nothing: it is stored with what comes next, and until then the nonce tells the job.
            session.record = replace(session.record, queued_at=job.submit)
        return job
    if snapshot.stale:
        session.unknown_since = session.unknown_since or snapshot.as_of
        return None
    session.unknown_since = None
    if snapshot.as_of > session.record.submitted and await session.cluster.sees_all_jobs():
        if not session.absent_at or snapshot.as_of >= session.absent_at[-1] + ABSENCES_MIN_INTERVAL_SECONDS:
            session.absent_at.append(snapshot.as_of)
        if len(session.absent_at) >= ABSENCES_THAT_COUNT:
            raise session.failed("GONE", _("The job is no longer known to Slurm."))
    return None
