"""Which job in Slurm's lists is the session's own. An id alone does not say: it may be somebody else's by now."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import SlurmOutputError
from ..i18n import N_
from ..job.sbatch import Tag
from ..slurm.model import UNREAD, Job
from ..slurm.states import PENDING
from .record import Record

SUBMIT_TIME_TOLERANCE_SECONDS = 600.0
"""By how much the times of the Hub and of Slurm may differ, and the nonce need not be asked for: sbatch may try for five minutes, and
munge itself bears two clocks that differ by five.
"""


def own_job(jobs: Sequence[Job], record: Record, *, user: str, hub: str) -> Job | None:
    """Find the job of the record among ``jobs``, which have their comments; None if it is not there.

    It is the job of the record's id that was submitted in the very second that ours was. As long as that is not known, it is the one
    that carries the record's nonce; where a site's plugin has taken that off, the one of the id that sbatch has printed. Its owner may
    write any comment on any job of theirs, but not another id or time.

    ``user`` is the system's name of its owner. The tag has the name that the Hub had for the user when the session began.

    Raises
    ------
    SlurmOutputError
        It is not there, or is in one of the rows that cannot be read.
    """
    own = sorted((job for job in jobs if job.user == user), key=lambda job: job.job_id)
    known = [job for job in own if job.job_id == record.job_id] if record.job_id else own
    for job in known:
        if record.job_id and record.queued_at and job.submit == record.queued_at:
            return job
    for job in known:
        tag = Tag.parse(job.comment)
        if tag is not None and (tag.hub, tag.nonce) == (hub, record.nonce):
            return job
    for job in known:
        if record.job_id and not record.queued_at and is_unmarked(job, record, user=user, hub=hub):
            return job
    for job in jobs:
        if job.state == UNREAD and (not job.job_id or not record.job_id or job.job_id == record.job_id):
            raise SlurmOutputError(
                N_("Slurm gave an answer that we cannot read."),
                log=f"the job of {user} may be in a row of squeue that cannot be read, that of job {job.job_id or '?'}",
            )
    return None


def is_unmarked(job: Job, record: Record, *, user: str, hub: str) -> bool:
    """Tell whether the job may be ours without our tag: submitted when ours was, and with no tag of another start's on it."""
    if job.state == UNREAD or not job.submit or not is_own(job, record, user=user):
        return False
    tag = Tag.parse(job.comment)
    return tag is None or tag.hub != hub


def is_own(job: Job, record: Record, *, user: str) -> bool:
    """Tell whether the job of the record's id is the one that was asked for: ids are used again after a controller lost its state.

    The shared list has no comments, so the owner and the time of submission decide here: that of Slurm's own clock once it is known.
    """
    if job.user != user:
        return False
    if not job.submit or not (record.queued_at or record.submitted):
        return True
    if record.queued_at:
        return job.submit >= record.queued_at
    return abs(job.submit - record.submitted) <= SUBMIT_TIME_TOLERANCE_SECONDS


def may_be_own(job: Job, record: Record, *, user: str) -> bool:
    """Tell whether only the nonce can say if it is: Slurm's time of submission is not known yet, and its clock is not the Hub's."""
    return job.state == UNREAD or (job.user == user and not record.queued_at)


def has_moved(job: Job, record: Record) -> bool:
    """Tell whether the job was put back into the queue since its server listened: it waits, runs elsewhere, or was submitted anew."""
    elsewhere = bool(job.batch_host) and job.batch_host != record.node
    again = bool(job.submit and record.queued_at) and (job.submit or 0) > record.queued_at
    return job.state in PENDING or elsewhere or again
