"""The states of a job in Slurm's words (squeue(1), JOB STATE CODES): what they mean for a session, and why it ended."""

from __future__ import annotations

from ..i18n import N_, _

ON_HOLD = N_("It is on hold. Ask the administrators.")

END_SENTENCES = {
    "COMPLETED": N_("The server ended by itself."),
    "CANCELLED": N_("The job was cancelled."),
    "FAILED": N_("The server could not run: its job failed."),
    "TIMEOUT": N_("The time limit of the session was reached."),
    "NODE_FAIL": N_("The compute node failed."),
    "PREEMPTED": N_("The job had to make room for one of higher priority."),
    "BOOT_FAIL": N_("The compute node did not start."),
    "DEADLINE": N_("The job could not run before its deadline."),
    "OUT_OF_MEMORY": N_("The session ran out of memory. Ask for more memory."),
    "REVOKED": N_("The job runs on another cluster of the federation."),
}

HELD = {
    "REQUEUE_HOLD": ON_HOLD,
    "SPECIAL_EXIT": ON_HOLD,
    "RESV_DEL_HOLD": N_("The reservation was removed. Choose another one, or None."),
}
"""States of a job in the queue that only an administrator can end: what to say, in English for the catalogue."""
PENDING = frozenset({"PENDING", "REQUEUED", "REQUEUE_FED", "EXPEDITING", *HELD})
STARTING = frozenset({"CONFIGURING"})
HALTED = frozenset({"SUSPENDED", "STOPPED"})
"""States in which the processes do not run and the job keeps what it has: scontrol suspend, and SIGSTOP (squeue(1), JOB STATE CODES)."""
RUNNING = frozenset({"RUNNING", *HALTED, "SIGNALING", "RESIZING"})
ENDING = frozenset({"COMPLETING", "STAGE_OUT"})
ENDED = frozenset(
    {
        "COMPLETED",
        "CANCELLED",
        "FAILED",
        "TIMEOUT",
        "NODE_FAIL",
        "PREEMPTED",
        "BOOT_FAIL",
        "DEADLINE",
        "OUT_OF_MEMORY",
        "REVOKED",
    }
)


def end_sentence(state: str) -> str:
    """Tell why a session ended, from the job's terminal state."""
    return _(END_SENTENCES[state]) if state in END_SENTENCES else _("The job ended ({state}).").format(state=state)
