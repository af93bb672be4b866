"""Asking Slurm for a session's job, at most once: its nonce is durable before sbatch, and a failed sbatch may have made a job."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from ..errors import NotStored, SlurmError, SlurmNotStarted, SlurmRefused, SlurmUnavailable, SlurmUnconfirmed
from ..i18n import N_, _
from ..slurm.runner import Identity
from .facts import SessionFacts
from .record import Record
from .recovery import find_job

STORE_PATIENCE_SECONDS = 30.0
"""So long a start waits for the lock of the Hub's database, a moment at a time: meanwhile everybody else is served."""
STORE_RETRY_SECONDS = 0.5


async def submit(
    session: SessionFacts,
    nonce: str,
    argv: Sequence[str],
    script: str,
    environment: Mapping[str, str],
    identity: Identity,
    *,
    taken: Callable[[], None] = lambda: None,
) -> int:
    """Ask for the job, once, and return its id. Cancelling the caller does not cancel it: what sbatch has begun, Slurm may have heard.

    ``taken`` is called once Slurm has the job, before its id is stored: what it notes is stored with the id.

    Raises
    ------
    NotStored
        The nonce could not be made durable: Slurm was not asked.
    SlurmRefused
        Slurm said no.
    SlurmUnavailable
        There is no job: Slurm did not confirm it, and was asked until it could say so.
    """
    session.record = Record(
        nonce=nonce,
        submitted=session.cluster.clock(),
        owner=identity.name,
        usage_factor=session.usage_factor,
        is_priced=session.is_priced,
        reference=session.reference,
    )
    try:
        await _store(session)
    except BaseException as error:
        session.record = Record()
        session.set_end("NOT_SUBMITTED", _("The job was not submitted."))
        if not isinstance(error, Exception):
            raise
        raise NotStored(
            N_("The service cannot store your session at the moment. Nothing was submitted; try again later."),
            log=f"the nonce of {session.name} could not be stored: {error}",
        ) from error
    session.submission_task = asyncio.ensure_future(_submit(session, argv, script, environment, identity, taken))
    session.submission_task.add_done_callback(_retrieved)
    return await asyncio.shield(session.submission_task)


async def _store(session: SessionFacts) -> None:
    """Make the record durable. Not through remember(): what cannot be stored must not be submitted.

    Raises
    ------
    Exception
        The database does not take it, or somebody has held its lock all the time.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + STORE_PATIENCE_SECONDS
    while True:
        try:
            session.keep()
        except TimeoutError:
            if loop.time() >= until:
                raise
        else:
            return
        await asyncio.sleep(STORE_RETRY_SECONDS)


async def _submit(
    session: SessionFacts,
    argv: Sequence[str],
    script: str,
    environment: Mapping[str, str],
    identity: Identity,
    taken: Callable[[], None],
) -> int:
    try:
        job_id = await session.cluster.submit(argv, script, environment, identity)
    except (SlurmRefused, SlurmNotStarted):
        _nothing_was_submitted(session)
        raise
    except SlurmError as error:
        session.log.warning("Slurm did not confirm the job of %s (%s); asking whether it exists", session.name, error.log)
        session.say(10, _("Slurm did not confirm the job. Asking whether it exists."))
        found = await find_job(session, error.printed if isinstance(error, SlurmUnconfirmed) else ())
        if not found:
            session.log.warning("The job of %s does not exist: nothing was submitted", session.name)
            _nothing_was_submitted(session)
            if isinstance(error, SlurmUnconfirmed) and error.refusal is not None:
                raise error.refusal from error
            raise SlurmUnavailable(
                N_("Slurm does not take jobs at the moment. Nothing was submitted; try again later."),
                log=error.log,
                stderr=error.stderr,
            ) from error
        session.log.warning("The job of %s exists all the same: %s", session.name, found)
        job_id = found
    taken()
    session.remember(job_id=job_id)
    return job_id


def _nothing_was_submitted(session: SessionFacts) -> None:
    session.set_end("NOT_SUBMITTED", _("The job was not submitted."))
    session.remember(nonce="")


def _retrieved(task: asyncio.Task[int]) -> None:
    """Look at the outcome, so that asyncio does not warn about one that nobody waited for."""
    if not task.cancelled():
        task.exception()
