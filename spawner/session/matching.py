"""Which job in Slurm's lists is the session's own. An id alone does not say: it may be somebody else's by now."""

from __future__ import annotations

from collections.abc import Sequence

from ..job.sbatch import Tag
from ..slurm.model import Job
from ..slurm.states import PENDING
from .record import Record

SUBMIT_TIME_TOLERANCE_SECONDS = 600.0
"""By how much Slurm's clock may be behind the Hub's: munge itself bears five minutes."""


def own_job(jobs: Sequence[Job], record: Record, *, user: str, hub: str) -> Job | None:
    """Find the job of the record among ``jobs``, which have their comments; None if it is not there.

    It is the job of the record's id that was submitted in the very second that ours was. As long as that is not known, it is the one
    that carries the record's nonce. Its owner may write any comment on any job of theirs, but not another id or time.
    """
    own = sorted((job for job in jobs if job.user == user), key=lambda job: job.job_id)
    known = [job for job in own if job.job_id == record.job_id] if record.job_id else own
    for job in known:
        if record.job_id and record.queued_at and job.submit == record.queued_at:
            return job
    for job in known:
        tag = Tag.parse(job.comment)
        if tag is not None and (tag.hub, tag.user, tag.nonce) == (hub, user, record.nonce):
            return job
    return None


def is_own(job: Job, record: Record, *, user: str) -> bool:
    """Tell whether the job of the record's id is the one that was asked for: ids are used again after a controller lost its state.

    The shared list has no comments, so the owner and the time of submission decide here.
    """
    if job.user != user:
        return False
    if not job.submit or not record.submitted:
        return True
    return job.submit >= (record.queued_at or record.submitted - SUBMIT_TIME_TOLERANCE_SECONDS)


def has_moved(job: Job, record: Record) -> bool:
    """Tell whether the job was put back into the queue since its server listened: it waits, runs elsewhere, or was submitted anew."""
    elsewhere = bool(job.batch_host) and job.batch_host != record.node
    again = bool(job.submit and record.queued_at) and (job.submit or 0) > record.queued_at
    return job.state in PENDING or elsewhere or again
