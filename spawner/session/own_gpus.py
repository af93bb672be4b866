"""What a session's launcher says of its job's GPUs, compared with what Slurm says: the session's own user can say it too, and anything."""

from __future__ import annotations

import asyncio
import enum

from ..errors import ResourceFormError
from ..gpu.session_gpus import indices_of
from .facts import SessionFacts

ASK_AGAIN_SECONDS = 10.0
"""After a question about it that Slurm did not answer, the session's next report is not looked at for so long."""


class Word(enum.Enum):
    """What becomes of a report."""

    TAKEN = "it is stored, or was before"
    REFUSED = "Slurm says something else, another one was taken before, or none is waited for"
    LATER = "Slurm does not answer now: nothing is stored"


async def take_gpus(session: SessionFacts, indices: tuple[int, ...]) -> Word:
    """Take a report of the job's GPUs (:attr:`.record.Record.gpu_indices`), and make it durable before it is answered.

    Slurm is asked once for each session. Where it knows which GPUs the job has, its word is stored, whatever was reported; where it only
    counts them, the report is stored as one that it has not confirmed.
    """
    if not session.record.port or session.record.stopping or session.end is not None:
        return Word.REFUSED
    if session.record.gpu_indices is None and not await _settled(session, indices):
        return Word.LATER
    if session.record.gpu_indices == indices:
        return Word.TAKEN
    session.log.warning("GPUs %s were reported by %s, which has %s", indices, session.name, session.record.gpu_indices)
    return Word.REFUSED


async def _settled(session: SessionFacts, indices: tuple[int, ...]) -> bool:
    """Whether it is known by now: one question at a time, whose first asker is answered with what it reported if Slurm says nothing."""
    now = asyncio.get_running_loop().time()
    if session.gpus_question is None or session.gpus_question.done():
        if session.gpus_asked_at is not None and now - session.gpus_asked_at < ASK_AGAIN_SECONDS:
            return False
        session.gpus_asked_at = now
        session.gpus_question = asyncio.ensure_future(_ask(session, indices))
    return await asyncio.shield(session.gpus_question)


async def _ask(session: SessionFacts, indices: tuple[int, ...]) -> bool:
    try:
        job = (session.cluster.jobs.last_value or {}).get(session.record.job_id)
        node = session.record.node or (job.batch_host if job is not None else "")
        said = await session.cluster.job_gres(session.record.job_id, node)
    except ResourceFormError as error:
        session.log.warning("Which GPUs %s has is not known: %s", session.name, error.log)
        return False
    if said is not None and not said.is_sure:
        sentence = "Slurm's answer about the GPUs of job %s of %s says two things: a text of its owner's may read like Slurm's own"
        session.log.warning(sentence, session.record.job_id, session.name)
        session.remember(gpu_indices=(), gpus_confirmed=True)
        return True
    own = indices_of(said) if said is not None else None
    session.remember(gpu_indices=indices if own is None else own, gpus_confirmed=own is not None)
    return True
