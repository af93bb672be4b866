"""Why a session is over, in words, from evidence: its job's last state in squeue, what sacct says later, who ordered the stop. Pure.

Sources: sacct(1) and squeue(1), JOB STATE CODES; what 22.05.8 prints for each end is in ``tests/real/test_endings.py``.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..humanize import duration, tenths
from ..i18n import _
from ..slurm.model import Job
from ..slurm.sacct import FinishedJob
from ..slurm.states import end_sentence
from ..units import format_memory, format_walltime
from .exit_codes import CAUSES, Cause

Category = Literal[
    "stopped",
    "idle_gpus",
    "time_limit",
    "out_of_memory",
    "node_failure",
    "preempted",
    "cancelled",
    "server_exit",
    "home",
    "release",
    "never_started",
    "requeued",
    "gone",
    "unknown",
]
Kind = Literal["finished", "others"]

STOPPED = "STOPPED"
"""Our own word for the end of a session that was stopped from JupyterHub."""
IDLE_GPUS = "IDLE_GPUS"
"""Our own word for the stop of a session whose GPUs did nothing, as the admin wants it."""
START_TIMEOUT = "START_TIMEOUT"
"""Our own word for JupyterHub's time limit of a start."""
NO_ANSWER = "NO_ANSWER"
"""Our own word for a server that listens and does not answer JupyterHub."""

CATEGORIES: Mapping[str, tuple[Category, Kind]] = {
    "COMPLETED": ("server_exit", "finished"),
    "FAILED": ("server_exit", "others"),
    "CANCELLED": ("cancelled", "others"),
    "TIMEOUT": ("time_limit", "finished"),
    "NODE_FAIL": ("node_failure", "others"),
    "BOOT_FAIL": ("node_failure", "others"),
    "PREEMPTED": ("preempted", "others"),
    "DEADLINE": ("never_started", "others"),
    "OUT_OF_MEMORY": ("out_of_memory", "others"),
    "REVOKED": ("gone", "others"),
    STOPPED: ("stopped", "finished"),
    IDLE_GPUS: ("idle_gpus", "finished"),
    "NOT_SUBMITTED": ("never_started", "others"),
    "NEVER_STARTS": ("never_started", "others"),
    "QUEUE_TIMEOUT": ("never_started", "others"),
    "LISTEN_TIMEOUT": ("never_started", "others"),
    START_TIMEOUT: ("never_started", "others"),
    NO_ANSWER: ("never_started", "others"),
    "REQUEUED": ("requeued", "others"),
    "GONE": ("gone", "others"),
}
"""What each end is by itself: Slurm's terminal states, then our own words. Who cancelled a job, and what it used, may say otherwise."""

OWN_WORDS = frozenset(
    {STOPPED, IDLE_GPUS, START_TIMEOUT, NO_ANSWER, "NOT_SUBMITTED", "NEVER_STARTS", "QUEUE_TIMEOUT", "LISTEN_TIMEOUT", "REQUEUED"}
)
"""Ends that we brought about ourselves and know the reason of: what Slurm says of the job afterwards (CANCELLED) is no news."""

ENDED_BY_MEMORY = frozenset({"OUT_OF_MEMORY", "FAILED", "CANCELLED", "COMPLETED"})
"""Ends that want of memory may have brought about; the others have causes of their own, whatever was killed before."""

SAYS_BEFORE = frozenset({"stopped", "idle_gpus", "time_limit", "node_failure", "preempted", "cancelled", "server_exit"})
"""Ends of which it is said that memory was full before; the others say so themselves, or have nothing to do with a session that ran."""

KILLED = 9
NEARLY_FULL = 0.9
"""From such a share on, what was seen to be used is said."""
MORE_MEMORY = 2
MORE_TIME = 2
"""So many times as much is proposed as what was not enough."""

LATE_ENDS = 1.1
"""Slurm ends a job some time after its limit: it looks every half minute, and OverTimeLimit may give it more (slurm.conf(5))."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an end.

    ``state`` is Slurm's terminal state or one of :data:`CATEGORIES`'s own words, ``sentence`` what was said of it when it was noticed.
    ``exit_status`` is squeue's raw wait status; None where nobody knows. ``stopped``: the Hub had been told to stop the session.
    ``listened``: its server had come up. ``memory_mb`` and ``minutes`` are what was asked for, 0 where that is not known.
    ``ran_minutes`` is how long Slurm had it run, 0 where that is not known. ``uid`` is the user's own numeric id.
    ``idle_minutes``: for how long its GPUs had done nothing, where it was stopped for that. ``killed``: how many of its processes the
    launcher saw killed for want of memory. ``by_admin``: somebody else than the user ordered the stop, and ``why`` is what they said.
    ``finished`` is what sacct says, once it does.
    """

    state: str
    sentence: str = ""
    exit_status: int | None = None
    stopped: bool = False
    listened: bool = True
    node: str = ""
    memory_mb: int = 0
    minutes: int = 0
    ran_minutes: int = 0
    uid: int | None = None
    idle_minutes: int = 0
    killed: int = 0
    by_admin: bool = False
    why: str = ""
    finished: FinishedJob | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a session is over.

    ``state`` is Slurm's word, or ours. ``what_to_do`` is empty where there is nothing to do. ``change`` are values of the form for another
    try, written as a user types them; whether they can be had is judged when they are used. ``exit_code`` is the server's, 128 and the
    signal's number where a signal ended it, None where that says nothing. ``used_mb`` and ``asked_mb`` are MB of memory, None if not known.
    """

    category: Category
    kind: Kind
    state: str
    sentence: str
    what_to_do: str = ""
    change: Mapping[str, str] = field(default_factory=dict)
    exit_code: int | None = None
    used_mb: int | None = None
    asked_mb: int | None = None


def ending(evidence: Evidence) -> Ending:
    """Say why the session is over, in the language in use."""
    state = _state(evidence)
    category, kind = CATEGORIES.get(state, ("unknown", "others"))
    full = _is_out_of_memory(evidence, state)
    if state in ("CANCELLED", "OUT_OF_MEMORY") and (evidence.stopped or _cancelled_it_themselves(evidence)):
        category, kind = CATEGORIES[STOPPED]
    elif full and state in ENDED_BY_MEMORY:
        category, kind = CATEGORIES["OUT_OF_MEMORY"]
    if category == "stopped" and evidence.stopped and evidence.by_admin:
        category, kind = CATEGORIES["CANCELLED"]
    code = exit_code(evidence) if category == "server_exit" else None
    cause = _cause(code) if state == "FAILED" else None
    if cause is not None:
        category = cause.category
    sentence, what_to_do = (_(cause.sentence), _(cause.what_to_do)) if cause is not None else _words(evidence, state, category, code)
    if (full or evidence.killed) and category in SAYS_BEFORE:
        before = _("Before that, something in it was ended because its memory was full.")
        sentence = f"{sentence} {before}"
        what_to_do = _("Start again with more memory.")
    return Ending(
        category=category,
        kind=kind,
        state=state,
        sentence=sentence,
        what_to_do=what_to_do,
        change=_change(evidence, category) | (_more_memory(evidence) if full or evidence.killed else {}),
        exit_code=code,
        used_mb=_used(evidence),
        asked_mb=_asked(evidence),
    )


def end_in_words(job: Job) -> str:
    """Tell why a job is over by what squeue says of it, in the language in use: the first word, before all the evidence is looked at."""
    status = job.exit_code if job.state == "FAILED" else None
    cause = _cause(_from_wait_status(status) if status else None)
    return end_sentence(job.state) if cause is None else f"{_(cause.sentence)} {_(cause.what_to_do)}"


def _cause(code: int | None) -> Cause | None:
    return CAUSES.get(code) if code is not None else None


def _state(evidence: Evidence) -> str:
    """What counts: our own word where we know why, else the newer one of Slurm's two."""
    if evidence.state in OWN_WORDS or evidence.finished is None or evidence.finished.state not in CATEGORIES:
        return evidence.state
    return evidence.finished.state


# --- evidence ---------------------------------------------------------------------------------------------------------------------


def _cancelled_it_themselves(evidence: Evidence) -> bool:
    finished = evidence.finished
    return finished is not None and evidence.uid is not None and finished.cancelled_by == evidence.uid


def _asked(evidence: Evidence) -> int | None:
    """MB; Slurm's own word first, for the admin's options may have changed what the user asked for."""
    said = evidence.finished.memory_mb if evidence.finished is not None else None
    return said or evidence.memory_mb or None


def _used(evidence: Evidence) -> int | None:
    return evidence.finished.used_mb if evidence.finished is not None else None


def _minutes(evidence: Evidence) -> int | None:
    """What the job was allowed in the end: an admin may have changed it while it ran, and what it ran tells before slurmdbd does."""
    said = evidence.finished.minutes if evidence.finished is not None else None
    asked, ran = evidence.minutes, evidence.ran_minutes
    was_changed = bool(ran and asked) and not asked <= ran <= asked * LATE_ENDS + 1
    return said or (ran if was_changed else asked) or None


def _was_cut(evidence: Evidence) -> bool:
    had = _minutes(evidence)
    return had is not None and had < evidence.minutes


def _is_out_of_memory(evidence: Evidence, state: str) -> bool:
    """Slurm says so, or somebody other than the user killed a job that was seen to use more than it may (OverMemoryKill, slurm.conf(5))."""
    finished, asked = evidence.finished, _asked(evidence)
    if state == "OUT_OF_MEMORY" or (finished is not None and finished.out_of_memory):
        return True
    if finished is None or asked is None or finished.used_mb is None or finished.used_mb < asked:
        return False
    if state == "FAILED":
        return exit_code(evidence) in (KILLED, 128 + KILLED)
    return state == "CANCELLED" and not evidence.stopped and (evidence.uid is None or finished.cancelled_by != evidence.uid)


def exit_code(evidence: Evidence) -> int | None:
    """Return the server's exit code as a shell has it. squeue's is exact: sacct takes 128 off a code above it (measured on 22.05.8)."""
    status, finished = evidence.exit_status, evidence.finished
    if status is not None and status > 0:
        return _from_wait_status(status)
    if finished is not None and (finished.exit_code or finished.signal):
        return 128 + finished.signal if finished.signal else finished.exit_code
    return None if status is None and finished is None else 0


def _from_wait_status(status: int) -> int:
    return 128 + (status & 0x7F) if status & 0x7F else status >> 8


LAST_SIGNAL = 64
"""SIGRTMAX (signal(7)): what is above, such as 255, is a program's own exit code."""


# --- words ------------------------------------------------------------------------------------------------------------------------


def _words(evidence: Evidence, state: str, category: Category, code: int | None) -> tuple[str, str]:
    """The sentence, and what can be done."""
    if category == "cancelled" and evidence.by_admin:
        return _by_admin(evidence.why)
    if state in OWN_WORDS or (state == "GONE" and evidence.sentence):
        return _of_our_own(evidence, state)
    if category == "stopped":
        return _stopped() if evidence.stopped else _("You cancelled the session's job yourself."), ""
    if category == "out_of_memory":
        return _out_of_memory(evidence), ""
    if category == "server_exit":
        return _server_exit(evidence, state, code)
    if category == "time_limit":
        return _time_limit(evidence), "" if _was_cut(evidence) else _("Start again for a longer time.")
    if category == "node_failure":
        return end_sentence(state), _("Start again: Slurm chooses another node.")
    if category == "cancelled":
        return _cancelled(evidence), _("Ask the administrators why, or start again.")
    return end_sentence(state), _("Start again.")


def _of_our_own(evidence: Evidence, state: str) -> tuple[str, str]:
    if state == STOPPED:
        return evidence.sentence or _stopped(), ""
    if state == IDLE_GPUS:
        sentence = _("The session was stopped: its GPUs did nothing for {duration}.")
        return sentence.format(duration=duration(evidence.idle_minutes)), _("Start again, without GPUs if you do not need them.")
    if state == START_TIMEOUT:
        return _("The session did not start in the time that the Hub allows for it, and was given up."), _("Ask for less, or try later.")
    if state == NO_ANSWER:
        return _("The server came up, but did not answer the Hub, and was given up."), _see_the_log()
    # The sentences of the others say what to do themselves, or why there is nothing.
    change = _("Change the request and start again.") if state == "NEVER_STARTS" else ""
    return evidence.sentence or end_sentence(state), change


def _stopped() -> str:
    return _("The session was stopped from JupyterHub.")


def _by_admin(why: str) -> tuple[str, str]:
    if why:
        return _("An administrator stopped this session: {why}").format(why=why), ""
    return _("An administrator stopped this session."), _("Ask the administrators why, or start again.")


def _see_the_log() -> str:
    return _("The log of the session says more.")


def _time_limit(evidence: Evidence) -> str:
    if not (minutes := _minutes(evidence)):
        return end_sentence("TIMEOUT")
    if _was_cut(evidence):
        cut = _("The time limit of the session was reached: {asked} were asked for, and an administrator had cut it to {duration}.")
        return cut.format(asked=duration(evidence.minutes), duration=duration(minutes))
    return _("The time limit of the session was reached: it had {duration}.").format(duration=duration(minutes))


def _out_of_memory(evidence: Evidence) -> str:
    used, asked = _used(evidence), _asked(evidence)
    if asked is None:
        return end_sentence("OUT_OF_MEMORY")
    if used is not None and used >= asked * NEARLY_FULL:
        sentence = _("The session ran out of memory: it used {used} of {asked} GB. Ask for more.")
        return sentence.format(used=tenths(used), asked=tenths(asked))
    # Slurm looks every half minute, so that what was used just before the end is often not seen.
    return _("The session ran out of memory: it had {amount}. Ask for more.").format(amount=format_memory(asked))


def _server_exit(evidence: Evidence, state: str, code: int | None) -> tuple[str, str]:
    if state == "COMPLETED":
        return end_sentence("COMPLETED"), ""
    if not code:
        return end_sentence("FAILED"), _see_the_log()
    if 128 < code <= 128 + LAST_SIGNAL:
        sentence = (
            _("The server was ended by signal {number}.")
            if evidence.listened
            else _("The server could not run: its job was ended by signal {number}.")
        )
        return sentence.format(number=_signal_in_words(code - 128)), _see_the_log()
    sentence = (
        _("The server ended with exit code {code}.")
        if evidence.listened
        else _("The server could not run: its job ended with exit code {code}.")
    )
    return sentence.format(code=code), _see_the_log()


def _signal_in_words(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)


def _cancelled(evidence: Evidence) -> str:
    if evidence.finished is not None and evidence.finished.cancelled_by is not None and evidence.uid is not None:
        return _("An administrator cancelled the job.")
    return end_sentence("CANCELLED")


def _more_memory(evidence: Evidence) -> dict[str, str]:
    asked = _asked(evidence)
    return {"memory": _memory_value(asked * MORE_MEMORY)} if asked else {}


def _change(evidence: Evidence, category: Category) -> dict[str, str]:
    if category == "time_limit" and not _was_cut(evidence) and (minutes := _minutes(evidence)):
        return {"walltime": format_walltime(minutes * MORE_TIME)}
    return {}


def _memory_value(megabytes: int) -> str:
    return f"{megabytes // 1024}G" if megabytes % 1024 == 0 else f"{megabytes}M"
