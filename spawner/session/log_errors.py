"""What is said where there is no log to show: it has not begun, it is gone, it is another job's, or it cannot be read from here."""

from __future__ import annotations

from ..errors import LogError, LogGone, LogUnreadable, NoLogYet
from ..i18n import N_
from ..slurm.runner import Identity

MAX_CLOCK_SKEW_SECONDS = 300.0
"""So far may the clocks of the Hub and of the file server be apart."""


def no_log_yet(job_id: int, place: str) -> NoLogYet:
    """Return the error that says that the job has not begun to write its log."""
    return NoLogYet(N_("There is no log yet. It begins when the job runs."), log=f"job {job_id} has no log yet", place=place, job=job_id)


def missing(job_id: int, place: str, *, going_on: bool) -> LogError:
    """Return the error that says that there is no log, and whether one may come."""
    if going_on:
        return no_log_yet(job_id, place)
    gone = N_("There is no log of job {job}. The job never ran, or could not write it, or it was deleted: {place}")
    return LogGone(gone, log=f"job {job_id} has no log", place=place, job=job_id)


def check_age(modified: float, submitted: float | None, job_id: int, place: str, *, going_on: bool) -> None:
    """Refuse a log that was written to its end before its job was submitted: Slurm that has lost its state counts its jobs anew.

    Raises
    ------
    NoLogYet, LogGone
        It is that of an earlier job of the same number.
    """
    if submitted is None or modified >= submitted - MAX_CLOCK_SKEW_SECONDS:
        return
    if going_on:
        raise no_log_yet(job_id, place)
    older = N_("There is no log of job {job}. In its place is the log of an earlier job of the same number: {place}")
    raise LogGone(older, log=f"the log of job {job_id} is older than the job", place=place, job=job_id)


def unreadable(identity: Identity, job_id: int, place: str, why: str) -> LogUnreadable:
    """Return the error that says where the log is; ``why`` the Hub cannot read it is for its own log."""
    sentence = N_("The log cannot be read from here. It is in a file on the cluster: {place}")
    return LogUnreadable(sentence, log=f"the log of job {job_id} of {identity.name}: {why}", place=place)
