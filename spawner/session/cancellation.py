"""Giving a session's job back: ordered until Slurm takes the order, of our own job only, and over when Slurm has let go of it."""

from __future__ import annotations

import asyncio

from ..errors import ResourceFormError
from ..slurm.states import ENDED
from .facts import SessionFacts
from .matching import is_own, may_be_own, own_job
from .watch import listed_row

STOP_LOOKS_SECONDS = (0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
CANCEL_RETRY_SECONDS = 30.0


async def give_back(session: SessionFacts, *, now: bool) -> None:
    """Order the job cancelled until Slurm takes the order, and wait until Slurm has let go of it. With ``now``, only order."""
    loop = asyncio.get_running_loop()
    looks, pause = iter(STOP_LOOKS_SECONDS), STOP_LOOKS_SECONDS[0]
    ordered_at: float | None = None
    heard = True
    while True:
        # While Slurm is away, one question for all who wait finds out when it is back; each asking for itself would flood it then.
        heard = heard or await _slurm_answers(session)
        if heard and (ordered_at is None or loop.time() - ordered_at > CANCEL_RETRY_SECONDS):
            try:
                if not await cancel(session):
                    return
                ordered_at = loop.time()
            except ResourceFormError as error:
                heard = False
                session.note_silence(error)
        if ordered_at is not None and (now or await _has_let_go(session)):
            session.cluster.nodes.expire()
            return
        pause = next(looks, pause)
        await asyncio.sleep(pause)


async def cancel(session: SessionFacts) -> bool:
    """Order the end of our job; return False if there is no such job any more, whatever has its id now.

    Raises
    ------
    ResourceFormError
        Slurm did not take the order, or does not say whose job it is.
    """
    job_id = session.record.job_id
    if await session.cluster.sees_all_jobs():
        job = own_job(await session.cluster.tagged_jobs(session.owner), session.record, user=session.owner, hub=session.cluster.hub_name)
        if job is None or job.state in ENDED:
            session.log.info("Job %s of %s is over already", job_id, session.name)
            return False
        job_id = job.job_id
        if not session.record.queued_at and job.submit:
            session.remember(queued_at=job.submit)
    member = await session.cluster.member(session.owner)
    await session.cluster.cancel(job_id, member.identity)
    session.note("cancelled", job_id=job_id)
    return True


async def _slurm_answers(session: SessionFacts) -> bool:
    session.cluster.jobs.expire()
    try:
        return not (await session.cluster.jobs.get()).stale
    except ResourceFormError:
        return False


async def _has_let_go(session: SessionFacts) -> bool:
    session.cluster.jobs.expire()
    try:
        job, snapshot = await session.cluster.job(session.record.job_id)
    except ResourceFormError:
        return False
    if snapshot.stale:
        return False
    listed = listed_row(job, snapshot.value)
    if listed is None or listed.state in ENDED:
        return True
    return not (is_own(listed, session.record, user=session.owner) or may_be_own(listed, session.record, user=session.owner))
