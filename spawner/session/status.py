"""How a session stands, in one object and in words: for the waiting page, the home page, the list of sessions and programs alike.

Made of what is known already: the session's record, its job in the shared list, how it ended. What nobody knows is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..availability.queue_position import QueuePosition
from ..cluster.job_usage import Usage
from ..gpu import session_gpus
from ..gpu.idle import Notice
from ..i18n import _
from ..slurm.model import Job
from ..slurm.reasons import Advice, advice_for
from ..slurm.states import ENDED, ENDING, HALTED, HELD, PENDING, RUNNING, STARTING
from .outcome import CATEGORIES, STOPPED, end_in_words
from .record import End, Record
from .status_text import (
    Charge,
    charge_in_all,
    charge_of,
    folder_in_words,
    held_by,
    held_in_words,
    killed_in_words,
    setup_in_words,
    silence_in_words,
    suspended,
    what_to_do_about,
)
from .used import Used

Kind = Literal["running", "finished", "others"]
State = Literal["waiting", "starting", "running", "stopping", "ended", "unknown"]
Stage = Literal["submitting", "queue", "node", "environment", "server", "connected", ""]

PROGRESS: Mapping[Stage, int] = {"submitting": 5, "queue": 25, "node": 40, "environment": 60, "server": 80, "connected": 100, "": 100}
"""How far a start has come, of 100."""

WARN_MINUTES = (15, 5)
"""So many minutes before its end the user is warned."""


def kind_of_end(state: str, *, stopped: bool = False) -> Kind:
    """Return the list in which a session stands that is over; an end that is not known here counts as a failed one."""
    word = STOPPED if stopped and state == "CANCELLED" else state
    return CATEGORIES[word][1] if word in CATEGORIES else "others"


@dataclass(frozen=True, slots=True)
class App:
    """Something that can be opened in a session that runs; ``url`` is a path on the Hub's host, behind its log-in."""

    name: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Server:
    """What the Hub itself knows of a session's server; addresses are paths on the Hub, empty for none.

    ``release_text`` and ``interface_text`` are what the catalogue calls those of the request. ``named`` says that ``display_name`` is what
    the user has called it, not what it is. ``apps`` are what can be opened besides the interface, while it runs.
    ``setup_label`` is what people read while the release is set up for them. ``folder`` is the one in which it was to open, and
    ``local_area`` what its area is called where that is on the node itself.
    """

    user: str = ""
    name: str = ""
    display_name: str = ""
    named: bool = False
    color: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""
    release_text: str = ""
    interface_text: str = ""
    url: str = ""
    progress_url: str = ""
    spawn_url: str = ""
    log_url: str = ""
    warn_minutes: tuple[int, ...] = WARN_MINUTES
    apps: tuple[App, ...] = ()
    setup_label: str = ""
    folder: str = ""
    local_area: str = ""


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One session at one moment. Moments are seconds since the epoch; ``seconds_…`` are counted at that moment.

    ``kind``, ``state`` and ``stage`` are ours, ``slurm_state`` and ``reason`` Slurm's words, empty where there is no job.
    ``ends`` is the time limit of a job that runs, ``estimate`` when Slurm plans to start one that waits, ``unknown_since`` from when on
    Slurm has not answered. ``held`` is what the job has, or asks for while it waits, by name, memory in MB. ``change`` are the values of
    the form that make sense for another try of an ended session, ``category`` is why it ended (:data:`.outcome.CATEGORIES`),
    ``used_memory_mb`` what Slurm saw it use of the ``asked_memory_mb`` that it had, ``use`` what else is known of that.
    ``usage`` is what it uses while it runs
    (:class:`.job_usage.Usage`), ``gpus`` what its GPUs do (:class:`.session_gpus.SessionGpus`);
    None where it has none, or its node has never reported. ``killed`` is how many of its processes were killed for want of memory.
    ``setup`` is how the set-up of a first session with its release goes (:data:`.own_setup.SetupState`), ``folder`` why it does not
    open in the folder that was chosen (:data:`.own_setup.FOLDER_TROUBLES`); ``folder_sentence`` is what to know of that folder.
    ``reference`` is what the Hub's log calls it by (:mod:`.events`).
    """

    server: Server
    kind: Kind
    state: State
    stage: Stage
    sentence: str
    slurm_state: str = ""
    job_id: int | None = None
    node: str = ""
    submitted: float | None = None
    started: float | None = None
    ends: float | None = None
    ended: float | None = None
    reason: str = ""
    waiting_helps: bool | None = None
    what_to_do: str = ""
    position: QueuePosition | None = None
    estimate: float | None = None
    seconds_waited: int | None = None
    seconds_left: int | None = None
    held: tuple[tuple[str, int], ...] = ()
    held_text: str = ""
    cost: Charge | None = None
    unknown_since: float | None = None
    progress: int = 0
    change: Mapping[str, str] = field(default_factory=dict)
    category: str = ""
    exit_code: int | None = None
    used_memory_mb: int | None = None
    asked_memory_mb: int | None = None
    use: Used | None = None
    usage: Usage | None = None
    gpus: session_gpus.SessionGpus | None = None
    idle_gpus: Notice | None = None
    idle_sentence: str = ""
    killed: int = 0
    killed_sentence: str = ""
    setup: str = ""
    setup_sentence: str = ""
    folder: str = ""
    folder_sentence: str = ""
    reference: str = ""

    def for_others(self) -> SessionStatus:
        """Return it without what the session alone says of what it used, for all but its user."""
        return self if self.use is None else replace(self, use=self.use.for_others())


def cost_of_end(end: End | None) -> Charge | None:
    """Return what a session cost that is over, as far as its end tells."""
    return charge_in_all(end.cost, end.at - end.started) if end is not None and end.started is not None else None


# --- one session -----------------------------------------------------------------------------------------------------------------


def status_of(
    server: Server,
    record: Record,
    *,
    now: float,
    job: Job | None = None,
    seen: Job | None = None,
    positions: Mapping[int, QueuePosition] | None = None,
    end: End | None = None,
    stopped: bool = False,
    unknown_since: float | None = None,
    usage_factor: float | None = None,
    counts_use: bool = True,
    expected: float | None = None,
    billing: int | None = None,
) -> SessionStatus:
    """Say how the session stands.

    Parameters
    ----------
    job
        As the latest list has it; None where it is not there, or nobody knows.
    seen
        As it was seen last on a node, for when it began and what it used.
    positions
        The queue positions of those that wait (:func:`.queue_position.queue_positions_of`); None where not all jobs are seen.
    end
        How it ended; ``stopped``: it was stopped from JupyterHub.
    unknown_since
        Since when Slurm has not answered; None if it does.
    usage_factor, counts_use
        See :func:`charge_of`; without ``counts_use`` it is not said what has been used so far.
    expected
        When the job is thought to start (seconds since the epoch), for as long as Slurm has no plan for it; None where nobody knows.
    billing
        What Slurm is thought to charge it an hour, for as long as it waits and Slurm does not say; None where nobody knows.
    """
    state, stage = state_and_stage(record, job, end, unknown_since)
    waiting = job if job is not None and job.state in PENDING and state in ("waiting", "unknown") else None
    advice = advice_for(waiting.reason) if waiting is not None else None
    started, limit, over = _moments(job, end)
    if started is None and job is None:
        started = (seen.start if seen is not None else None) or record.started or (end.started if end is not None else None)
    submitted = (job.submit if job is not None else None) or record.queued_at or record.submitted or (end and end.submitted) or None
    last_word = job.state if job is not None else end.state if end is not None else ""
    held = held_by(job.tres) if job is not None else ()
    ran = (over or now) - started if started is not None else 0.0
    return SessionStatus(
        server=server,
        kind=_kind(state, last_word, end, stopped),
        state=state,
        stage=stage,
        sentence=_sentence(state, stage, record, job, end, unknown_since, now),
        slurm_state=last_word,
        job_id=record.job_id or (end.job_id if end is not None else 0) or None,
        node=record.node or (job.batch_host if job is not None else end.node if end is not None else ""),
        submitted=submitted,
        started=started,
        ends=limit,
        ended=over,
        reason=_reason(job),
        waiting_helps=advice.waiting_helps if advice is not None else None,
        what_to_do=_what_to_do(waiting, advice, end),
        position=(positions or {}).get(record.job_id) if waiting is not None else None,
        estimate=_estimate(waiting, expected, now) if waiting is not None else None,
        seconds_waited=_waited(submitted, started, over, now),
        seconds_left=max(0, int(limit - now)) if limit is not None else None,
        held=held,
        held_text=held_in_words(held),
        cost=_cost(job or seen, usage_factor, ran if counts_use else None, billing if waiting is not None else None) or cost_of_end(end),
        unknown_since=unknown_since if state != "ended" else None,
        progress=PROGRESS[stage],
        change=dict(end.change) if end is not None else {},
        category=end.category if end is not None else "",
        exit_code=end.exit_code if end is not None else None,
        used_memory_mb=end.used_mb if end is not None else None,
        asked_memory_mb=end.asked_mb if end is not None else None,
        use=end.use if end is not None else None,
        killed=record.killed,
        killed_sentence=killed_in_words(record.killed, held) if state != "ended" else "",
        setup=record.setup,
        setup_sentence=setup_in_words(record.setup, server.setup_label) if state != "ended" else "",
        folder=record.folder,
        folder_sentence=folder_in_words(record.folder, server.folder, server.local_area) if state != "ended" else "",
        reference=record.reference or (end.reference if end is not None else ""),
    )


def _cost(job: Job | None, usage_factor: float | None, seconds: float | None, expected: int | None) -> Charge | None:
    return charge_of(job.tres, usage_factor, seconds, expected) if job is not None else None


def _kind(state: State, last_word: str, end: End | None, stopped: bool) -> Kind:
    if state != "ended":
        return "running"
    if end is not None and end.kind:
        return "finished" if end.kind == "finished" else "others"
    return kind_of_end(end.state if end is not None else last_word, stopped=stopped)


def _estimate(waiting: Job, expected: float | None, now: float) -> float | None:
    start = waiting.start or expected
    return start if start and start > now else None


def _what_to_do(waiting: Job | None, advice: Advice | None, end: End | None) -> str:
    if end is not None:
        return end.what_to_do
    return what_to_do_about(waiting.reason, advice) if waiting is not None and advice is not None else ""


def state_and_stage(record: Record, job: Job | None, end: End | None, unknown_since: float | None) -> tuple[State, Stage]:
    """Return how a session stands, without words: :func:`status_of` has them."""
    word = job.state if job is not None else ""
    if end is not None or word in ENDED:
        return "ended", ""
    if record.stopping or word in ENDING:
        return "stopping", ""
    state, stage = _way(record, word)
    return ("unknown" if unknown_since is not None else state), stage


def _way(record: Record, word: str) -> tuple[State, Stage]:
    """How far a session has come that is not over: by its job's state, and by what its server has reported."""
    if not record.job_id:
        return "waiting", "submitting"
    if word in PENDING:
        return "waiting", "queue"
    if word in STARTING:
        return "starting", "node"
    if record.node and record.port:
        return "running", "connected"
    if word in RUNNING:
        return "starting", "server" if record.port else "environment"
    return "waiting", "queue"


def _moments(job: Job | None, end: End | None) -> tuple[float | None, float | None, float | None]:
    """When the job started, when its time is up, and when it was over: each None where it has not come to that, or nobody knows."""
    if job is None:
        return None, None, end.at if end is not None else None
    started = job.start if job.batch_host and job.state not in PENDING else None
    if job.state in ENDED:
        return started, None, job.end or (end.at if end is not None else None)
    if end is not None:
        return started, None, end.at
    return started, job.end if started is not None else None, None


def _waited(submitted: float | None, started: float | None, over: float | None, now: float) -> int | None:
    """From the submission until the job started, was over, or until now."""
    if submitted is None:
        return None
    until = started if started is not None else over if over is not None else now
    return max(0, int(until - submitted))


def _reason(job: Job | None) -> str:
    """Slurm's word; for a job that waits, its word for none as well."""
    if job is None or (job.reason == "None" and job.state not in PENDING):
        return ""
    return job.reason


def _sentence(state: State, stage: Stage, record: Record, job: Job | None, end: End | None, unknown_since: float | None, now: float) -> str:
    if end is not None:
        return end.sentence
    if state == "ended" and job is not None:
        return end_in_words(job)
    if state == "stopping":
        return _("The session is being stopped.")
    if state == "unknown" and unknown_since is not None:
        return silence_in_words(unknown_since, now)
    if job is not None and job.state in PENDING:
        return _(HELD[job.state]) if job.state in HELD else advice_for(job.reason).sentence
    if job is not None and job.state in HALTED:
        return suspended(job)
    node = record.node or (job.batch_host if job is not None else "")
    sentences: Mapping[Stage, str] = {
        "submitting": _("The job is being handed to Slurm."),
        "queue": _("The job is submitted."),
        "node": _("The node is being made ready."),
        "environment": _("The environment is being prepared on {node}.").format(node=node),
        "server": _("The server has started on {node} and is being connected.").format(node=node),
        "connected": _("The session runs on {node}.").format(node=node),
    }
    return sentences.get(stage, "")
