"""Looking at a session's job in the shared list: what no answer says is unknown, and only repeated answers without the job end it.

Before that, and where the clocks of Slurm and of the Hub do not agree, the job is looked for by its nonce.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import ResourceFormError, SessionFailed
from ..i18n import _
from ..slurm.model import UNREAD, Job
from .facts import SessionFacts
from .matching import is_own, may_be_own, own_job

LOOK_PATIENCE_SECONDS = 5.0
ABSENCES_THAT_COUNT = 2
ABSENCES_MIN_INTERVAL_SECONDS = 5.0


async def look(session: SessionFacts) -> Job | None:
    """Return the job in the latest list. None if it is not in it, or nobody knows; gone for good is an exception.

    Raises
    ------
    SessionFailed
        Repeated answers lack the job, and none has the session's nonce.
    """
    try:
        job, snapshot = await session.cluster.job(session.record.job_id, patience=LOOK_PATIENCE_SECONDS)
        listed = listed_row(job, snapshot.value)
        if job is not None and await _is_ours(session, job):
            session.unknown_since = (session.unknown_since or snapshot.as_of) if snapshot.stale else None
            session.absent_at.clear()
            _note_time(session, job)
            return job
        if snapshot.stale or (listed is not None and listed.state == UNREAD):
            session.unknown_since = session.unknown_since or snapshot.as_of
            return None
        session.unknown_since = None
        if _is_later(session, snapshot.as_of) and await session.cluster.sees_all_jobs():
            if not session.absent_at or snapshot.as_of >= session.absent_at[-1] + ABSENCES_MIN_INTERVAL_SECONDS:
                session.absent_at.append(snapshot.as_of)
            if len(session.absent_at) >= ABSENCES_THAT_COUNT:
                if not await has_job_with_nonce(session):
                    raise session.failed("GONE", _("The job is no longer known to Slurm."))
                session.absent_at.clear()
    except SessionFailed:
        raise
    except ResourceFormError as error:
        session.note_silence(error)
    return None


def listed_row(job: Job | None, jobs: Mapping[int, Job]) -> Job | None:
    """Return what the list has of a job: itself, or a row without an id that can be read, which may be its own; None if nothing."""
    return job if job is not None else jobs.get(0)


async def has_job_with_nonce(session: SessionFacts) -> bool:
    """Ask Slurm whether the session's job is there, by its nonce; its time of submission is known from then on.

    Raises
    ------
    ResourceFormError
        Nobody knows.
    """
    jobs = await session.cluster.tagged_jobs(session.owner)
    found = own_job(jobs, session.record, user=session.owner, hub=session.cluster.hub_name)
    if found is not None:
        _note_time(session, found)
    return found is not None


def _note_time(session: SessionFacts, job: Job) -> None:
    """Take the job's time of submission up. A look writes nothing: it is stored with what comes next; until then the nonce decides."""
    if job.submit and not session.record.queued_at:
        session.record = replace(session.record, queued_at=job.submit)


async def _is_ours(session: SessionFacts, job: Job) -> bool:
    if is_own(job, session.record, user=session.owner):
        return True
    return job.state != UNREAD and may_be_own(job, session.record, user=session.owner) and await has_job_with_nonce(session)


def _is_later(session: SessionFacts, as_of: float) -> bool:
    """Whether a list is from after the submission; also where the Hub's clock was set back to before it."""
    return as_of > session.record.submitted or session.cluster.clock() < session.record.submitted
