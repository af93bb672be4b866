"""The life of one session's job: submitted at most once, found again, watched on evidence, and given back.

What Slurm does to its clients, and what follows: a failed sbatch may have made a job (docs/slurm-facts.md#job-before-answer); a failed
squeue says nothing about any job; a job's id may be used again. So a nonce is durable before sbatch and decides which job is ours; only
a terminal state, or lists that repeatedly lack the job, end a session; and an order to cancel counts when Slurm has let go of the job.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from ..errors import ResourceFormError, SessionFailed
from ..i18n import _
from ..slurm.model import Job
from ..slurm.runner import Identity
from ..slurm.states import ENDED, PENDING
from . import cancellation, own_gpus, recovery, startup, submission, watch
from .facts import SessionFacts
from .matching import has_moved
from .outcome import end_in_words


class Session(SessionFacts):
    """One session of a user, as the spawner drives it: submit, wait, poll and stop, or take up what an earlier run of the Hub left."""

    # --- submit -------------------------------------------------------------------------------------------------------------

    async def submit(
        self,
        nonce: str,
        argv: Sequence[str],
        script: str,
        environment: Mapping[str, str],
        identity: Identity,
        *,
        taken: Callable[[], None] = lambda: None,
    ) -> int:
        """Ask for the job, once, and return its id; see :func:`.submission.submit` for what it raises, and for ``taken``."""
        return await submission.submit(self, nonce, argv, script, environment, identity, taken=taken)

    # --- the launcher's report ----------------------------------------------------------------------------------------------

    async def may_listen(self) -> bool:
        """Tell whether the job may have a server that listens: not while Slurm, asked now, says that it waits in the queue.

        A list from before the question says nothing: the launcher, once refused, ends the session.
        """
        asked = self.cluster.clock()
        self.cluster.jobs.expire()
        self.has_asked_for_report = True
        try:
            job, snapshot = await self.cluster.job(self.record.job_id, patience=watch.LOOK_PATIENCE_SECONDS)
        except ResourceFormError:
            return True
        return snapshot.stale or snapshot.as_of < asked or job is None or job.state not in PENDING

    def listens_on(self, port: int) -> bool:
        """Take the launcher's report of its port, and make it durable before it is answered.

        The same port again is no surprise: an answer may get lost. False: the session waits for none, or has another one already.
        """
        if self.record.port:
            return self.record.port == port
        if not self.report.accept(port):
            return False
        self.remember(port=port)
        return True

    async def take_gpus(self, indices: tuple[int, ...]) -> own_gpus.Word:
        """Take the launcher's report of the job's GPUs; see :func:`.own_gpus.take_gpus`."""
        return await own_gpus.take_gpus(self, indices)

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Address and port of the server, once it is known to listen and unless a stop was begun."""
        if self.record.stopping or not (self.record.address and self.record.port):
            return None
        return self.record.address, self.record.port

    # --- wait ---------------------------------------------------------------------------------------------------------------

    async def until_listening(self) -> tuple[str, int]:
        """Wait until the server listens, and return its address and port; see :func:`.startup.until_listening` for what it raises."""
        return await startup.until_listening(self)

    # --- watch --------------------------------------------------------------------------------------------------------------

    async def poll(self) -> int | None:
        """Return None while the session lives or nobody knows; 0 or 1 on evidence that it is over. Starts no process of its own."""
        if self.submission_task is not None and not self.submission_task.done():
            return None
        if not self.record.nonce:
            return 0
        if not self.record.job_id:
            return None if self.end is None else 1
        try:
            job = await watch.look(self)
        except SessionFailed as failure:
            self.log.warning("%s", failure.log)
            return 1
        if job is None:
            return None
        if job.state in ENDED:
            self.log.debug("Job %s of %s is over: %s %s", job.job_id, self.name, job.state, job.reason)
            self.set_end(job.state, end_in_words(job))
            return 0 if job.state == "COMPLETED" else 1
        if self.record.node and has_moved(job, self.record):
            return await self._moved(job)
        return None

    async def _moved(self, job: Job) -> int | None:
        """The job was put back into the queue or runs elsewhere: its kernels are lost, and nobody waits for it there."""
        self.note("requeued", level=logging.WARNING, state=job.state, log="requeued or moved; it is cancelled")
        try:
            await cancellation.cancel(self)
        except ResourceFormError as error:
            self.note_silence(error)
            return None
        self.set_end("REQUEUED", _("The job was put back into the queue, and what ran in it was lost."))
        return 1

    # --- stop ---------------------------------------------------------------------------------------------------------------

    def stops_because_of_idle_gpus(self, minutes: int) -> None:
        """Note that the stop that follows is for GPUs that did nothing for so many minutes; 0: it is not.

        Its user is told that also after a restart.
        """
        self.remember(idle_minutes=minutes)

    def stops_because_of_administrator(self, why: str, *, does: bool = True) -> None:
        """Note that the stop that follows is somebody else's than the user's, and what they said; without ``does`` that it is not."""
        self.remember(by_admin=does, why=why if does else "")

    async def stop(self, *, now: bool = False) -> None:
        """Give the job back: order it cancelled until Slurm takes the order, and wait until it has let go. With ``now``, only order."""
        self.cluster.ended.add(self.record.nonce, self.user)
        if self.record.nonce and not self.record.stopping:
            self.remember(stopping=True)
            self.note("stopping", log=self._who_stops())
        if self.submission_task is not None:
            try:
                await asyncio.shield(self.submission_task)
            except ResourceFormError as error:
                self.log.info("Nothing to stop for %s: %s", self.name, error.log)
        if not self.record.nonce:
            return
        if await recovery.job_is_known(self):
            await cancellation.give_back(self, now=now)

    def _who_stops(self) -> str:
        if self.record.idle_minutes:
            return f"its GPUs did nothing for {self.record.idle_minutes} minutes"
        return f"by somebody else than its user: {self.record.why}".rstrip(": ") if self.record.by_admin else ""

    # --- after a restart of the Hub -------------------------------------------------------------------------------------------

    async def take_up(self) -> tuple[str, int] | None:
        """Go on where an earlier run of the Hub left off, for a session that was not ready then.

        Find its job, finish its stop, or wait until its server listens. Return the address and port, or None if it is over.
        """
        if not self.record.nonce:
            return None
        if self.record.stopping:
            self.note("taken_up", log="its stop is finished, which an earlier run of the Hub began")
            await self.stop()
            return None
        if not await recovery.job_is_known(self):
            self.set_end("NOT_SUBMITTED", _("The Hub was restarted before the job was submitted. Start again."))
            return None
        self.note("taken_up", log="an earlier run of the Hub submitted it")
        if self.record.port:
            self.report.accept(self.record.port)
        self.say(15, _("Job {number} is submitted").format(number=self.record.job_id))
        try:
            return await self.until_listening()
        except SessionFailed as failure:
            self.log.warning("%s", failure.log)
            await self.stop()
            return None
