"""What is known of one session: its record, its end, for how long Slurm has been silent, and what its user is told of that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..availability.queue_position import QueuePosition
from ..cluster.cluster import SlurmCluster
from ..errors import ResourceFormError, SessionFailed
from ..gpu.claims import Claim
from ..gpu.idle import Notice
from ..gpu.use import GpuUse
from ..slurm.model import Job
from .events import Event, SessionEvent, new_reference, note
from .matching import is_own
from .progress import PortReport, StartProgress
from .record import End, Limits, Record
from .status import Server, SessionStatus, status_of
from .status_json import details_of

STAGES_LOGGED = ("queue", "node", "environment", "server")
"""Of :data:`.status.Stage`: the others are events of their own."""


class SessionFacts:
    """What is known of one session of ``user`` on ``cluster``.

    Parameters
    ----------
    keep
        Makes :attr:`record` durable, without waiting. A TimeoutError of its means that it may work in a moment. Where it fails, the
        session goes on: it is stored later, or the sweep finds what could not be remembered.
    name
        For the log.
    server
        The server's name, for the log's lines of events; empty for the default server.
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
        server: str = "",
    ) -> None:
        self.cluster = cluster
        self.user = user
        self.server = server
        self.name = name
        self.record = record or Record()
        self.reference = self.record.reference or new_reference()
        """What the log, and the page of a failure, call this start by."""
        self.is_told = False
        """Whether the log has been told how the start failed."""
        self.limits = limits or Limits()
        self.progress = StartProgress()
        self.report = PortReport()
        self.end: End | None = None
        self.unknown_since: float | None = None
        self.usage_factor: float | None = self.record.usage_factor
        """Of the job's QOS, for what the session costs; None where it is not charged, or that is not known yet (:attr:`is_priced`)."""
        self.is_priced = self.record.is_priced
        self.billing: int | None = None
        """What Slurm will write on the job, by the rules of the partition, as far as that is known before it runs."""
        self.seen: Job | None = None
        """Its job as it was seen last on a node: Slurm forgets one that is over, and its page does not."""
        self.expected: float | None = None
        """When Slurm said that it would start the job, before it was submitted; for as long as Slurm has no plan for it."""
        self.gpus_question: asyncio.Task[bool] | None = None
        """What Slurm is asked about the job's GPUs, and when it was last (in the loop's time): :mod:`.own_gpus`."""
        self.gpus_asked_at: float | None = None
        self.gpus_are_doubted = False
        """Whether the log has been told that what the session says of its GPUs does not count."""
        self.gpus_inferred: tuple[int, ...] | None = None
        """The numbers of the job's GPUs where they are not in the record, and were found out otherwise (:mod:`.gpu.session_gpus`)."""
        self.node_has_reported = False
        """Whether the node has told of its GPUs while somebody looked."""
        self.gpu_use = GpuUse()
        """What its GPUs have done so far."""
        self.idle_gpus: Notice | None = None
        """What the user is told of GPUs that do nothing (:mod:`.hub.background.idle_gpus`); None while that is not so."""
        self.keep = keep
        self.log = log
        self.submission_task: asyncio.Task[int] | None = None
        """The one order for the job, as long as it is under way and afterwards; None where an earlier run of the Hub gave it."""
        self.absent_at: list[float] = []
        """When answers of Slurm's lacked the job, since it was seen last (seconds since the epoch)."""
        self.has_asked_for_report = False
        """Whether Slurm was asked about the job since its launcher's report came: its list is fresh then."""
        self._claim()

    @property
    def owner(self) -> str:
        """The system's name of the user whose job it is: what the record says, whatever the Hub calls the user today."""
        return self.record.owner or self.user

    def listed_job(self) -> Job | None:
        """Return the session's own job as the shared list has it; None if it does not. Slurm is asked nothing."""
        job = (self.cluster.jobs.last_value or {}).get(self.record.job_id)
        return job if job is not None and is_own(job, self.record, user=self.owner) else None

    # --- what is remembered -------------------------------------------------------------------------------------------------

    def remember(self, **changes: Any) -> None:
        """Change the record and make it durable; where that fails, it is in memory, and the log says so."""
        self.record = replace(self.record, **changes)
        self._claim()
        try:
            self.keep()
        except Exception as error:  # noqa: BLE001 - a full disk must not cost us the job that runs already
            sentence = "The state of %s could not be stored: %s. If the Hub stops before it is, the sweep finds the job."
            self.log.error(sentence, self.name, error)  # noqa: TRY400 - one line is enough

    def _claim(self) -> None:
        """Tell the other sessions which job this one calls its own, and those on the node which GPUs."""
        known = self.record
        if known.job_id:
            self.cluster.session_jobs[known.job_id] = known.nonce
        if known.gpu_indices and known.node and not known.stopping:
            self.cluster.gpu_claims.note(known.nonce, Claim(known.job_id, known.node, known.gpu_indices, known.gpus_confirmed))
        elif known.stopping:
            self.cluster.gpu_claims.forget(known.nonce)

    def set_end(self, state: str, sentence: str) -> End:
        """Note how the session ended, in Slurm's word or one of ours; the first end stays. Return the one that counts."""
        if self.end is None:
            self.end = End(state, sentence, self.cluster.clock(), reference=self.reference)
            self.cluster.ended.add(self.record.nonce, self.user)
            self.cluster.gpu_claims.forget(self.record.nonce)
        return self.end

    def note_silence(self, error: ResourceFormError) -> None:
        """Note that Slurm does not say what became of the job: from now on, unless that was so before."""
        if self.unknown_since is None:
            self.unknown_since = self.cluster.clock()
            self.log.warning("What became of the job of %s is not known: %s", self.name, error.log)

    def failed(self, state: str, sentence: str, *, reason: str = "") -> SessionFailed:
        """Note that the session ended in ``state``, and return what is to be raised for it; ``reason`` is Slurm's word, for the log."""
        self.set_end(state, sentence)
        log = f"job {self.record.job_id} of {self.name}: {state}{f' ({reason})' if reason else ''}"
        return SessionFailed(sentence, log=log, label=state.lower())

    # --- what is told, and logged -------------------------------------------------------------------------------------------------------

    def status(
        self,
        job: Job | None = None,
        positions: Mapping[int, QueuePosition] | None = None,
        *,
        server: Server | None = None,
        silent_since: float | None = None,
        counts_use: bool = True,
    ) -> SessionStatus:
        """Return how the session stands, with its job and the queue positions as the caller has them (:func:`.status.status_of`).

        ``silent_since``: since when Slurm has not answered the caller, in seconds since the epoch.
        """
        if job is not None and job.batch_host:
            self.seen = job
        return status_of(
            server or Server(self.user),
            self.record,
            now=self.cluster.clock(),
            job=job,
            seen=self.seen,
            positions=positions,
            end=self.end,
            stopped=self.record.stopping,
            unknown_since=self.unknown_since or silent_since,
            usage_factor=self.usage_factor,
            counts_use=counts_use,
            expected=self.expected,
            billing=self.billing,
        )

    def say(self, progress: int, text: str, job: Job | None = None, positions: Mapping[int, QueuePosition] | None = None) -> None:
        """Put a message on the waiting page, with how the session stands; ``progress`` is 0 to 100."""
        details, latest = details_of(self.status(job, positions, counts_use=False)), self.progress.latest
        if text == latest.text and "log" in latest.details:
            details["log"] = latest.details["log"]  # what the job's log says of a slow start is not taken back
        if details["stage"] != latest.details.get("stage") and details["stage"] in STAGES_LOGGED and self.record.job_id:
            self.note("stage", stage=details["stage"], state=job.state if job is not None else "")
        if details["stage"] == latest.details.get("stage") == "queue" and "offers" in latest.details and not details["unknown_since"]:
            details["offers"] = latest.details["offers"]
        self.progress.say(progress, text, **details)

    def note(self, event: Event, *, level: int = logging.INFO, **facts: Any) -> None:
        """Write the line of an event of the session's life, with what is known of it and ``facts`` (:class:`.events.SessionEvent`)."""
        known = {"user": self.user, "server": self.server, "job_id": self.record.job_id, "reference": self.reference}
        note(self.log, SessionEvent(event, **{**known, **facts}), level)
