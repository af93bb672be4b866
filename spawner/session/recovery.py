"""Finding a session's job again by its nonce: after an sbatch that was not confirmed, and after a restart of the Hub."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..errors import ResourceFormError, SlurmRefused
from .facts import SessionFacts
from .matching import own_job
from .watch import ABSENCES_THAT_COUNT

FIND_RETRY_SECONDS = 5.0
SBATCH_LINGERS_SECONDS = 60


async def find_job(session: SessionFacts) -> int:
    """Return the id of the job that carries our nonce; 0 once it is shown not to exist.

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
            jobs = await session.cluster.tagged_jobs(session.user)
            found = own_job(jobs, session.record, user=session.user, hub=session.cluster.hub_name)
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


async def _is_being_submitted(session: SessionFacts) -> bool:
    try:
        member = await session.cluster.member(session.user)
    except SlurmRefused:
        return False  # nothing runs as a user whom the system does not know
    return await session.cluster.is_being_submitted(session.record.nonce, member.identity)


async def job_is_known(session: SessionFacts) -> bool:
    """Tell whether there is a job: its id is in the record, or found and put there."""
    if not session.record.job_id and (found := await find_job(session)):
        session.remember(job_id=found)
    return bool(session.record.job_id)
