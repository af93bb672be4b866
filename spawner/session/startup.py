"""Waiting from a job's submission until its server listens, with a sentence for each state on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from ..availability.queue_position import QueuePosition
from ..errors import ResourceFormError
from ..i18n import _
from ..slurm.model import Job
from ..slurm.reasons import advice_for
from ..slurm.states import ENDED, ENDING, HALTED, HELD, PENDING, RUNNING, STARTING
from .facts import SessionFacts
from .outcome import end_in_words
from .status_text import silence_in_words
from .watch import LOOK_PATIENCE_SECONDS, look

FIRST_LOOK_SECONDS = 1.5
NEXT_LOOK_SECONDS = 4.0


async def until_listening(session: SessionFacts) -> tuple[str, int]:
    """Wait for the launcher's report, and return the address of the node and the port.

    Meanwhile says how the job stands, and gives up where waiting cannot help.

    Raises
    ------
    SessionFailed
        The job ended, never can start, or took too long in the queue or to come up.
    """
    loop = asyncio.get_running_loop()
    queued, running_since = loop.time(), None
    port, pause, looked = None, FIRST_LOOK_SECONDS, False
    with session.cluster.starting():
        while True:
            if port is None:
                port = await session.report.wait(pause)
                if port is not None and not session.has_asked_for_report:
                    session.cluster.jobs.expire()
            else:
                await asyncio.sleep(pause)
            pause = NEXT_LOOK_SECONDS
            job = await look(session)
            if job is not None:
                _judge(session, job, await _queue_positions(session, job))
                if port is not None and job.batch_host and job.state not in (*PENDING, *ENDING) and await _listens(session, job, port):
                    return session.record.address, session.record.port
                if job.state not in RUNNING:
                    running_since = None
                elif running_since is None:
                    running_since = loop.time()
            if session.unknown_since is not None:
                session.say(20, silence_in_words(session.unknown_since, session.cluster.clock()), job)
                continue
            if not looked and _is_too_early(job):
                pause = FIRST_LOOK_SECONDS
                session.cluster.jobs.expire()
            looked = True
            if running_since is None and loop.time() - queued > session.limits.queue:
                raise session.failed(
                    "QUEUE_TIMEOUT", _("The job waited in the queue for too long and was cancelled. Ask for less, or try later.")
                )
            if running_since is not None and loop.time() - running_since > session.limits.listen:
                raise session.failed("LISTEN_TIMEOUT", _("The server did not come up in time. The log of the session says more."))


def _is_too_early(job: Job | None) -> bool:
    """Whether the list is from before Slurm's scheduler has looked at the job: one more look, soon, tells why it waits."""
    return job is None or (job.state in PENDING and job.reason in ("", "None"))


async def _listens(session: SessionFacts, job: Job, port: int) -> bool:
    try:
        address = await session.cluster.node_address(job.batch_host, patience=LOOK_PATIENCE_SECONDS)
    except ResourceFormError as error:
        session.note_silence(error)
        return False
    session.remember(node=job.batch_host, address=address, port=port, started=job.start or 0)
    session.say(95, _("The server answers on {node}").format(node=job.batch_host), job)
    return True


async def _queue_positions(session: SessionFacts, job: Job) -> Mapping[int, QueuePosition]:
    """The queue positions of waiting jobs, where this one waits and Slurm answers; a start asks Slurm for nothing more because of them."""
    if job.state not in PENDING or session.unknown_since is not None or session.cluster.configuration.last is None:
        return {}
    return await session.cluster.queue_positions()


def _judge(session: SessionFacts, job: Job, positions: Mapping[int, QueuePosition]) -> None:
    if job.state in ENDED:
        raise session.failed(job.state, end_in_words(job), reason=job.reason)
    if job.state in ENDING:
        session.say(30, _("Job {number} is ending").format(number=job.job_id), job)
    elif job.state in HELD:
        raise session.failed("NEVER_STARTS", _("The job can never start: {why}").format(why=_(HELD[job.state])), reason=job.reason)
    elif job.state in PENDING:
        advice = advice_for(job.reason)
        if advice.waiting_helps is False:
            raise session.failed("NEVER_STARTS", _("The job can never start: {why}").format(why=advice.sentence), reason=job.reason)
        session.say(25, _("Job {number} waits in the queue. {why}").format(number=job.job_id, why=advice.sentence), job, positions)
    elif job.state in STARTING:
        session.say(40, _("The node is being made ready"), job)
    elif job.state in HALTED:
        session.say(60, _("Job {number}: {sentence}").format(number=job.job_id, sentence=session.status(job).sentence), job)
    elif job.state in RUNNING:
        runs = _("Job {number} runs on {node}. The server is starting.")
        session.say(60, runs.format(number=job.job_id, node=job.batch_host), job)
    else:
        unknown = _("Job {number} is in a state that is not known here: {state}")
        session.say(30, unknown.format(number=job.job_id, state=job.state), job)
