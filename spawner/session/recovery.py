"""Finding a session's job again by its nonce: after an sbatch that was not confirmed, and after a restart of the Hub.

A site's plugin may have put a comment of its own in the nonce's place. Then the job is known by a number that sbatch has printed, or by
its script, as long as that leaves one job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from ..errors import ResourceFormError, SlurmRefused
from ..job.sbatch import is_script_of
from ..slurm.model import Job
from ..slurm.states import ENDED
from .facts import SessionFacts
from .matching import is_unmarked, own_job
from .watch import ABSENCES_THAT_COUNT

FIND_RETRY_SECONDS = 5.0
SBATCH_LINGERS_SECONDS = 60
MAX_SCRIPTS = 8
"""So many jobs' scripts are looked at: a user has not submitted more in the same minutes, or which is ours cannot be told."""


async def find_job(session: SessionFacts, printed: Collection[int] = ()) -> int:
    """Return the id of the job that carries our nonce; 0 once it is shown not to exist. ``printed`` are what sbatch may have called its id.

    That takes two answers without it, the later one so long after sbatch's end that no order of its can still be on the way:
    MessageTimeout and a minute (docs/slurm-facts.md#job-before-answer). An sbatch outlives the Hub that began it.
    """
    clock = asyncio.get_running_loop().time
    lingers = await session.cluster.message_timeout() + SBATCH_LINGERS_SECONDS
    answers, ended = 0, None
    while True:
        if ended is None and not await _is_being_submitted(session):
            ended = clock()
        try:
            jobs = await session.cluster.tagged_jobs(session.owner)
            found = own_job(jobs, session.record, user=session.owner, hub=session.cluster.hub_name)
            found = found or await _without_nonce(session, jobs, printed)
        except ResourceFormError as error:
            session.note_silence(error)
        else:
            session.unknown_since = None
            if found is not None:
                session.record = replace(session.record, queued_at=found.submit or 0)
                return found.job_id
            answers += 1
            if answers >= ABSENCES_THAT_COUNT and ended is not None and clock() >= ended + lingers:
                return 0
        await asyncio.sleep(FIND_RETRY_SECONDS)


def _going_on(jobs: list[Job]) -> list[Job]:
    """Return those that are not over, or all where all are: the jobs of sessions of minutes ago are still listed."""
    return [job for job in jobs if job.state not in ENDED] or jobs


async def _without_nonce(session: SessionFacts, jobs: Sequence[Job], printed: Collection[int]) -> Job | None:
    """Return the one job of our user's that is ours without its nonce; None if there is none, or more than one could be.

    Raises
    ------
    ResourceFormError
        Nobody knows.
    """

    def is_candidate(job: Job) -> bool:
        of = session.cluster.session_jobs.get(job.job_id, session.record.nonce)
        return of == session.record.nonce and is_unmarked(job, session.record, user=session.owner, hub=session.cluster.hub_name)

    candidates = list(filter(is_candidate, jobs))
    named = _going_on([job for job in candidates if job.job_id in printed])
    if len(named) != 1:
        nonce, read = session.record.nonce, session.cluster.submitted_script
        latest = sorted(named or candidates, key=lambda job: -job.job_id)[:MAX_SCRIPTS]
        named = _going_on([job for job in latest if is_script_of(nonce, await read(job.job_id) or "")])
    if len(named) != 1 or not is_candidate(named[0]):
        return None
    session.log.warning("Job %s of %s is without its comment: it was known by other signs", named[0].job_id, session.name)
    return named[0]


async def _is_being_submitted(session: SessionFacts) -> bool:
    try:
        member = await session.cluster.member(session.owner)
    except SlurmRefused:
        return False  # nothing runs as a user whom the system does not know
    return await session.cluster.is_being_submitted(session.record.nonce, member.identity)


async def job_is_known(session: SessionFacts) -> bool:
    """Tell whether there is a job: its id is in the record, or found and put there."""
    if not session.record.job_id and (found := await find_job(session)):
        session.remember(job_id=found)
    return bool(session.record.job_id)
