"""The life of one session's job: submitted at most once, found again, watched on evidence, and given back.

What Slurm does to its clients, and what follows (slurm.md §5): a failed sbatch may have made a job; a failed squeue says nothing
about any job; a job's id may be used again. So a nonce is durable before sbatch and decides which job is ours; only a terminal state,
or lists that repeatedly lack the job, end a session; and an order to cancel counts when Slurm has let go of the job.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..availability.queue_position import QueuePosition
from ..cluster.cluster import SlurmCluster
from ..errors import (
    NotStored,
    ResourceFormError,
    SessionFailed,
    SlurmError,
    SlurmNotStarted,
    SlurmRefused,
    SlurmUnavailable,
    SlurmUnconfirmed,
)
from ..gpu.idle import Notice
from ..i18n import N_, _
from ..slurm.model import Job
from ..slurm.reasons import advice_for
from ..slurm.runner import Identity
from ..slurm.states import ENDED, ENDING, HELD, PENDING, RUNNING, STARTING, end_sentence
from .matching import has_moved, is_own, own_job
from .progress import PortReport, StartProgress
from .record import End, Limits, Record
from .status import Server, SessionStatus, status_of
from .status_json import details_of
from .status_text import silence_in_words

FIRST_LOOK_SECONDS = 1.5
NEXT_LOOK_SECONDS = 4.0
STOP_LOOKS_SECONDS = (0.2, 0.3, 0.5, 1.0, 2.0, 5.0)
CANCEL_RETRY_SECONDS = 30.0
FIND_RETRY_SECONDS = 5.0
LOOK_PATIENCE_SECONDS = 5.0
ABSENCES_THAT_COUNT = 2
ABSENCES_MIN_INTERVAL_SECONDS = 5.0
SBATCH_LINGERS_SECONDS = 60


class Session:
    """One session of ``user`` on ``cluster``.

    Parameters
    ----------
    keep
        Makes :attr:`record` durable. It may fail; the session goes on, and the sweep finds what it could not remember.
    name
        For the log.
    """

    def __init__(
        self,
        cluster: SlurmCluster,
        user: str,
        *,
        keep: Callable[[], None],
        name: str,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        limits: Limits | None = None,
        record: Record | None = None,
    ) -> None:
        self.cluster = cluster
        self.user = user
        self.name = name
        self.record = record or Record()
        self.limits = limits or Limits()
        self.progress = StartProgress()
        self.report = PortReport()
        self.end: End | None = None
        self.unknown_since: float | None = None
        self.usage_factor: float | None = None
        """Of the job's QOS, for what the session costs; None where it is not charged, or that is not known yet (:attr:`is_priced`)."""
        self.is_priced = False
        self.expected: float | None = None
        """When Slurm said that it would start the job, before it was submitted; for as long as Slurm has no plan for it."""
        self.gpus_inferred: tuple[int, ...] | None = None
        """The numbers of the job's GPUs where they are not in the record, and were found out otherwise (:mod:`.gpu.own`)."""
        self.node_has_reported = False
        """Whether the node has told of its GPUs while somebody looked."""
        self.idle_gpus: Notice | None = None
        """What the user is told of GPUs that do nothing (:mod:`.hub.idle_gpus`); None while that is not so."""
        self._keep = keep
        self._log = log
        self._submission: asyncio.Task[int] | None = None
        self._absent_at: list[float] = []
        self._asked_for_report = False

    # --- what is remembered -------------------------------------------------------------------------------------------------

    def _remember(self, **changes: Any) -> None:
        self.record = replace(self.record, **changes)
        try:
            self._keep()
        except Exception as error:  # noqa: BLE001 - a full disk must not cost us the job that runs already
            self._log.error(
                "The state of %s could not be stored: %s. If the Hub stops now, the sweep has to find its job.", self.name, error
            )

    def _over(self, state: str, sentence: str) -> End:
        if self.end is None:
            self.end = End(state, sentence, self.cluster.clock())
            self.cluster.ended.add(self.record.nonce)
        return self.end

    # --- what is told -------------------------------------------------------------------------------------------------------

    def status(
        self,
        job: Job | None = None,
        places: Mapping[int, QueuePosition] | None = None,
        *,
        server: Server | None = None,
        silent_since: float | None = None,
        counts_use: bool = True,
    ) -> SessionStatus:
        """How the session stands, with its job and the places of waiting jobs as the caller has them (:func:`.status.status_of`).

        ``silent_since``: since when Slurm has not answered the caller.
        """
        return status_of(
            server or Server(self.user),
            self.record,
            now=self.cluster.clock(),
            job=job,
            places=places,
            end=self.end,
            stopped=self.record.stopping,
            unknown_since=self.unknown_since or silent_since,
            usage_factor=self.usage_factor,
            counts_use=counts_use,
            expected=self.expected,
        )

    def say(self, progress: int, text: str, job: Job | None = None, places: Mapping[int, QueuePosition] | None = None) -> None:
        """A message for the waiting page, with how the session stands."""
        details, latest = details_of(self.status(job, places, counts_use=False)), self.progress.latest
        if text == latest.text and "log" in latest.details:
            details["log"] = latest.details["log"]  # what the job's log says of a slow start is not taken back
        self.progress.say(progress, text, **details)

    # --- submit -------------------------------------------------------------------------------------------------------------

    async def submit(self, nonce: str, argv: Sequence[str], script: str, environment: Mapping[str, str], identity: Identity) -> int:
        """Ask for the job, once. Cancelling the caller does not cancel it: what sbatch has begun, Slurm may have heard.

        Raises
        ------
        NotStored
            The nonce could not be made durable: Slurm was not asked.
        SlurmRefused
            Slurm said no.
        SlurmUnavailable
            There is no job: Slurm did not confirm it, and was asked until it could say so.
        """
        self.record = Record(nonce=nonce, submitted=self.cluster.clock())
        # Not through _remember: what cannot be stored now must not be submitted.
        try:
            self._keep()
        except Exception as error:
            self.record = Record()
            self._over("NOT_SUBMITTED", _("The job was not submitted."))
            raise NotStored(
                N_("The service cannot store your session at the moment. Nothing was submitted; try again later."),
                log=f"the nonce of {self.name} could not be stored: {error}",
            ) from error
        self._submission = asyncio.ensure_future(self._submit(argv, script, environment, identity))
        self._submission.add_done_callback(_retrieved)
        return await asyncio.shield(self._submission)

    async def _submit(self, argv: Sequence[str], script: str, environment: Mapping[str, str], identity: Identity) -> int:
        try:
            job_id = await self.cluster.submit(argv, script, environment, identity)
        except (SlurmRefused, SlurmNotStarted):
            self._nothing_was_submitted()
            raise
        except SlurmError as error:
            self._log.warning("Slurm did not confirm the job of %s (%s); asking whether it exists", self.name, error.log)
            self.say(10, _("Slurm did not confirm the job. Asking whether it exists."))
            found = await self._find()
            if not found:
                self._log.warning("The job of %s does not exist: nothing was submitted", self.name)
                self._nothing_was_submitted()
                if isinstance(error, SlurmUnconfirmed) and error.refusal is not None:
                    raise error.refusal from error
                raise SlurmUnavailable(
                    N_("Slurm does not take jobs at the moment. Nothing was submitted; try again later."),
                    log=error.log,
                    stderr=error.stderr,
                ) from error
            self._log.warning("The job of %s exists all the same: %s", self.name, found)
            job_id = found
        self._remember(job_id=job_id)
        return job_id

    def _nothing_was_submitted(self) -> None:
        self._over("NOT_SUBMITTED", _("The job was not submitted."))
        self._remember(nonce="")

    async def _find(self) -> int:
        """The job that carries our nonce; 0 once it is shown not to exist.

        That takes two answers without it, the later one so long after sbatch's end that no order of its can still be on the way:
        MessageTimeout and a minute (slurm.md §5.4). An sbatch outlives the Hub that began it.
        """
        clock = asyncio.get_running_loop().time
        lingers = await self.cluster.message_timeout() + SBATCH_LINGERS_SECONDS
        answers, ended = 0, None
        while True:
            if ended is None and not await self.cluster.is_being_submitted(self.record.nonce):
                ended = clock()
            try:
                jobs = await self.cluster.tagged_jobs(self.user)
            except ResourceFormError as error:
                self._unknown(error)
            else:
                self.unknown_since = None
                found = own_job(jobs, self.record, user=self.user, hub=self.cluster.hub_name)
                if found is not None:
                    self.record = replace(self.record, queued_at=found.submit or 0)
                    return found.job_id
                answers += 1
                if answers >= ABSENCES_THAT_COUNT and ended is not None and clock() >= ended + lingers:
                    return 0
            await asyncio.sleep(FIND_RETRY_SECONDS)

    async def _job_is_known(self) -> bool:
        """Whether there is a job: its id is in the record, or found and put there."""
        if not self.record.job_id and (found := await self._find()):
            self._remember(job_id=found)
        return bool(self.record.job_id)

    def _unknown(self, error: ResourceFormError) -> None:
        if self.unknown_since is None:
            self.unknown_since = self.cluster.clock()
            self._log.warning("What became of the job of %s is not known: %s", self.name, error.log)

    # --- the launcher's report ----------------------------------------------------------------------------------------------

    async def may_listen(self) -> bool:
        """Whether the job may have a server that listens: not while Slurm, asked now, says that it waits in the queue."""
        self.cluster.jobs.expire()
        self._asked_for_report = True
        try:
            job, snapshot = await self.cluster.job(self.record.job_id, patience=LOOK_PATIENCE_SECONDS)
        except ResourceFormError:
            return True
        return snapshot.stale or job is None or job.state not in PENDING

    def listens_on(self, port: int) -> bool:
        """The launcher's report, made durable before it is answered. The same port again is no surprise: an answer may get lost.

        False: the session waits for none, or has another one already.
        """
        if self.record.port:
            return self.record.port == port
        if not self.report.accept(port):
            return False
        self._remember(port=port)
        return True

    def has_gpus(self, indices: tuple[int, ...]) -> bool:
        """The launcher's report of the job's GPUs (:attr:`.record.Record.gpu_indices`), made durable before it is answered.

        False: others were reported before, or the session has not got so far that its launcher could tell.
        """
        if not self.record.port or self.record.stopping or self.end is not None:
            return False
        if self.record.gpu_indices is None:
            self._remember(gpu_indices=indices)
        return self.record.gpu_indices == indices

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Address and port of the server, once it is known to listen and unless a stop was begun."""
        if self.record.stopping or not (self.record.address and self.record.port):
            return None
        return self.record.address, self.record.port

    # --- wait ---------------------------------------------------------------------------------------------------------------

    async def until_listening(self) -> tuple[str, int]:
        """Wait for the launcher's report; the address of the node and the port.

        Meanwhile says how the job stands, and gives up where waiting cannot help.

        Raises
        ------
        SessionFailed
            The job ended, never can start, or took too long in the queue or to come up.
        """
        loop = asyncio.get_running_loop()
        queued, running_since = loop.time(), None
        port, pause, looked = None, FIRST_LOOK_SECONDS, False
        with self.cluster.starting():
            while True:
                if port is None:
                    port = await self.report.wait(pause)
                    if port is not None and not self._asked_for_report:
                        self.cluster.jobs.expire()
                else:
                    await asyncio.sleep(pause)
                pause = NEXT_LOOK_SECONDS
                job = await self._look()
                if job is not None:
                    self._judge(job, await self._places(job))
                    if port is not None and job.batch_host and job.state not in (*PENDING, *ENDING) and await self._listens(job, port):
                        return self.record.address, self.record.port
                    if job.state not in RUNNING:
                        running_since = None
                    elif running_since is None:
                        running_since = loop.time()
                if self.unknown_since is not None:
                    self.say(20, silence_in_words(self.unknown_since), job)
                    continue
                if not looked and self._is_too_early(job):
                    pause = FIRST_LOOK_SECONDS
                    self.cluster.jobs.expire()
                looked = True
                if running_since is None and loop.time() - queued > self.limits.queue:
                    raise self._failed(
                        "QUEUE_TIMEOUT", _("The job waited in the queue for too long and was cancelled. Ask for less, or try later.")
                    )
                if running_since is not None and loop.time() - running_since > self.limits.listen:
                    raise self._failed("LISTEN_TIMEOUT", _("The server did not come up in time. The log of the session says more."))

    def _is_too_early(self, job: Job | None) -> bool:
        """Whether the list is from before Slurm's scheduler has looked at the job: one more look, soon, tells why it waits."""
        return job is None or (job.state in PENDING and job.reason in ("", "None"))

    async def _listens(self, job: Job, port: int) -> bool:
        try:
            address = await self.cluster.node_address(job.batch_host, patience=LOOK_PATIENCE_SECONDS)
        except ResourceFormError as error:
            self._unknown(error)
            return False
        self._remember(node=job.batch_host, address=address, port=port)
        self.say(95, _("The server answers on {node}").format(node=job.batch_host), job)
        return True

    async def _look(self) -> Job | None:
        """The job in the latest list. None if it is not in it, or nobody knows; gone for good is an exception.

        Raises
        ------
        SessionFailed
            Repeated answers lack the job.
        """
        try:
            job, snapshot = await self.cluster.job(self.record.job_id, patience=LOOK_PATIENCE_SECONDS)
        except ResourceFormError as error:
            self._unknown(error)
            return None
        if job is not None and is_own(job, self.record, user=self.user):
            self.unknown_since = (self.unknown_since or snapshot.as_of) if snapshot.stale else None
            self._absent_at.clear()
            if not self.record.queued_at and job.submit:
                self._remember(queued_at=job.submit)
            return job
        if snapshot.stale:
            self.unknown_since = self.unknown_since or snapshot.as_of
            return None
        self.unknown_since = None
        if snapshot.as_of > self.record.submitted and await self.cluster.sees_all_jobs():
            if not self._absent_at or snapshot.as_of >= self._absent_at[-1] + ABSENCES_MIN_INTERVAL_SECONDS:
                self._absent_at.append(snapshot.as_of)
            if len(self._absent_at) >= ABSENCES_THAT_COUNT:
                raise self._failed("GONE", _("The job is no longer known to Slurm."))
        return None

    async def _places(self, job: Job) -> Mapping[int, QueuePosition]:
        """The places of waiting jobs, where this one waits and Slurm answers; a start asks Slurm for nothing more because of them."""
        if job.state not in PENDING or self.unknown_since is not None or self.cluster.configuration.last is None:
            return {}
        return await self.cluster.queue_positions()

    def _judge(self, job: Job, places: Mapping[int, QueuePosition]) -> None:
        if job.state in ENDED:
            raise self._failed(job.state, end_sentence(job.state), reason=job.reason)
        if job.state in ENDING:
            self.say(30, _("Job {number} is ending").format(number=job.job_id), job)
        elif job.state in HELD:
            raise self._failed("NEVER_STARTS", _("The job can never start: {why}").format(why=_(HELD[job.state])), reason=job.reason)
        elif job.state in PENDING:
            advice = advice_for(job.reason)
            if advice.waiting_helps is False:
                raise self._failed("NEVER_STARTS", _("The job can never start: {why}").format(why=advice.sentence), reason=job.reason)
            self.say(25, _("Job {number} waits in the queue. {why}").format(number=job.job_id, why=advice.sentence), job, places)
        elif job.state in STARTING:
            self.say(40, _("The node is being made ready"), job)
        elif job.state == "SUSPENDED":
            self.say(60, _("Job {number}: {sentence}").format(number=job.job_id, sentence=self.status(job).sentence), job)
        elif job.state in RUNNING:
            runs = _("Job {number} runs on {node}. The server is starting.")
            self.say(60, runs.format(number=job.job_id, node=job.batch_host), job)
        else:
            unknown = _("Job {number} is in a state that is not known here: {state}")
            self.say(30, unknown.format(number=job.job_id, state=job.state), job)

    def _failed(self, state: str, sentence: str, *, reason: str = "") -> SessionFailed:
        self._over(state, sentence)
        log = f"job {self.record.job_id} of {self.name}: {state}{f' ({reason})' if reason else ''}"
        return SessionFailed(sentence, log=log, label=state.lower())

    # --- watch --------------------------------------------------------------------------------------------------------------

    async def poll(self) -> int | None:
        """None while the session lives or nobody knows; 0 or 1 on evidence that it is over. Starts no process of its own."""
        if self._submission is not None and not self._submission.done():
            return None
        if not self.record.nonce:
            return 0
        if not self.record.job_id:
            return None if self.end is None else 1
        try:
            job = await self._look()
        except SessionFailed as failure:
            self._log.warning("%s", failure.log)
            return 1
        if job is None:
            return None
        if job.state in ENDED:
            self._log.info("Job %s of %s is over: %s %s", job.job_id, self.name, job.state, job.reason)
            self._over(job.state, end_sentence(job.state))
            return 0 if job.state == "COMPLETED" else 1
        if self.record.node and has_moved(job, self.record):
            return await self._moved(job)
        return None

    async def _moved(self, job: Job) -> int | None:
        """The job was put back into the queue or runs elsewhere: its kernels are lost, and nobody waits for it there."""
        self._log.warning("Job %s of %s was requeued or moved; it is cancelled", job.job_id, self.name)
        try:
            await self._cancel()
        except ResourceFormError as error:
            self._unknown(error)
            return None
        self._over("REQUEUED", _("The job was put back into the queue, and what ran in it was lost."))
        return 1

    # --- stop ---------------------------------------------------------------------------------------------------------------

    def stops_because_of_idle_gpus(self, minutes: int) -> None:
        """The stop that follows is for GPUs that did nothing for so long, which its user is told also after a restart; 0: it is not."""
        self._remember(idle_minutes=minutes)

    async def stop(self, *, now: bool = False) -> None:
        """Give the job back: order it cancelled until Slurm takes the order, and wait until it has let go. With ``now``, only order."""
        if self.record.nonce and not self.record.stopping:
            self._remember(stopping=True)
        self.cluster.ended.add(self.record.nonce)
        if self._submission is not None:
            try:
                await asyncio.shield(self._submission)
            except ResourceFormError as error:
                self._log.info("Nothing to stop for %s: %s", self.name, error.log)
        if not self.record.nonce:
            return
        if await self._job_is_known():
            await self._give_back(now=now)

    async def _give_back(self, *, now: bool) -> None:
        loop = asyncio.get_running_loop()
        looks, pause = iter(STOP_LOOKS_SECONDS), STOP_LOOKS_SECONDS[0]
        ordered_at: float | None = None
        heard = True
        while True:
            # While Slurm is away, one question for all who wait finds out when it is back; each asking for itself would flood it then.
            heard = heard or await self._slurm_answers()
            if heard and (ordered_at is None or loop.time() - ordered_at > CANCEL_RETRY_SECONDS):
                try:
                    if not await self._cancel():
                        return
                    ordered_at = loop.time()
                except ResourceFormError as error:
                    heard = False
                    self._unknown(error)
            if ordered_at is not None and (now or await self._has_let_go()):
                self.cluster.nodes.expire()
                return
            pause = next(looks, pause)
            await asyncio.sleep(pause)

    async def _cancel(self) -> bool:
        """Order the end of our job; False if there is no such job any more, whatever has its id now.

        Raises
        ------
        ResourceFormError
            Slurm did not take the order, or does not say whose job it is.
        """
        job_id = self.record.job_id
        if await self.cluster.sees_all_jobs():
            job = own_job(await self.cluster.tagged_jobs(self.user), self.record, user=self.user, hub=self.cluster.hub_name)
            if job is None or job.state in ENDED:
                self._log.info("Job %s of %s is over already", job_id, self.name)
                return False
            job_id = job.job_id
        member = await self.cluster.member(self.user)
        await self.cluster.cancel(job_id, member.identity)
        self._log.info("Job %s of %s is cancelled", job_id, self.name)
        return True

    async def _slurm_answers(self) -> bool:
        self.cluster.jobs.expire()
        try:
            return not (await self.cluster.jobs.get()).stale
        except ResourceFormError:
            return False

    async def _has_let_go(self) -> bool:
        self.cluster.jobs.expire()
        try:
            job, snapshot = await self.cluster.job(self.record.job_id)
        except ResourceFormError:
            return False
        if snapshot.stale:
            return False
        return job is None or not is_own(job, self.record, user=self.user) or job.state in ENDED

    # --- after a restart of the Hub -------------------------------------------------------------------------------------------

    async def take_up(self) -> tuple[str, int] | None:
        """Go on where an earlier run of the Hub left off, for a session that was not ready then: find its job, finish its stop, or
        wait until its server listens. The address and port, or None if it is over.
        """
        if not self.record.nonce:
            return None
        if self.record.stopping:
            self._log.info("The stop of %s is finished, which an earlier run of the Hub began", self.name)
            await self.stop()
            return None
        if not await self._job_is_known():
            self._over("NOT_SUBMITTED", _("The Hub was restarted before the job was submitted. Start again."))
            return None
        self._log.info("Job %s of %s is taken up; an earlier run of the Hub submitted it", self.record.job_id, self.name)
        if self.record.port:
            self.report.accept(self.record.port)
        self.say(15, _("Job {number} is submitted").format(number=self.record.job_id))
        try:
            return await self.until_listening()
        except SessionFailed as failure:
            self._log.warning("%s", failure.log)
            await self.stop()
            return None


def _retrieved(task: asyncio.Task[int]) -> None:
    """Look at the outcome, so that asyncio does not warn about one that nobody waited for."""
    if not task.cancelled():
        task.exception()
