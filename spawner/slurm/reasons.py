"""Slurm's reasons and refusals in words for a person.

Sources: squeue(1) JOB REASON CODES, slurm_errno.c's texts, both collected in the manual's pages
"job_state_codes" and "job_reason_codes". Unknown words pass through: Slurm's list grows with each release.
"""

from __future__ import annotations

import enum
import errno
import os
import re
from dataclasses import dataclass, replace

from ..i18n import N_, _


@dataclass(frozen=True, slots=True)
class Advice:
    """The meaning of a pending job's reason: the sentence, and whether waiting helps (None: it may)."""

    sentence: str
    waiting_helps: bool | None


REASONS: tuple[tuple[str, Advice], ...] = (
    ("None", Advice(N_("Slurm has not looked at the job yet."), True)),
    ("Priority", Advice(N_("Other jobs are ahead of yours."), True)),
    ("Resources", Advice(N_("You are first in the queue. What you asked for is not all free yet."), True)),
    ("ReqNodeNotAvail, Reserved for maintenance", Advice(N_("The time asked for runs into a maintenance. Choose a shorter time."), None)),
    ("ReqNodeNotAvail", Advice(N_("The nodes it needs are out of service or reserved."), None)),
    ("Nodes required for job are DOWN", Advice(N_("The nodes it needs are out of service or reserved."), None)),
    ("PartitionTimeLimit", Advice(N_("The time asked for is longer than the partition allows. Choose a shorter time."), False)),
    ("PartitionConfig", Advice(N_("No node of the partition can ever run this request. Ask for less."), False)),
    ("PartitionNodeLimit", Advice(N_("The partition does not allow a job of this size. Ask for less."), False)),
    ("PartitionDown", Advice(N_("The partition is closed."), None)),
    ("PartitionInactive", Advice(N_("The partition is closed."), None)),
    ("BadConstraints", Advice(N_("No node can satisfy the request. Ask for less."), False)),
    ("MaxMemPerLimit", Advice(N_("The memory asked for is more than one job may have. Ask for less memory."), False)),
    ("InvalidAccount", Advice(N_("The account is not valid for this job. Choose another account."), False)),
    ("InvalidQOS", Advice(N_("The quality of service of this job is not valid. Ask the administrators."), False)),
    ("AccountNotAllowed", Advice(N_("The account may not use this partition. Choose another account or partition."), False)),
    (
        "uid ",
        Advice(N_("You may not use this partition. Choose another partition."), False),
    ),  # 24.11: "uid 1001 not in group permitted to …"
    ("Job's account not permitted", Advice(N_("The account may not use this partition. Choose another account or partition."), False)),
    ("Job's QOS not permitted", Advice(N_("Your quality of service may not use this partition. Choose another partition."), False)),
    ("QOSNotAllowed", Advice(N_("Your quality of service may not use this partition. Choose another partition."), False)),
    ("ReservationDeleted", Advice(N_("The reservation was removed. Choose another one, or None."), False)),
    ("Reservation", Advice(N_("The job waits for its reservation to begin."), True)),
    ("BeginTime", Advice(N_("The job is set to begin later."), True)),
    ("DependencyNeverSatisfied", Advice(N_("The job depends on one that failed."), False)),
    ("Dependency", Advice(N_("Your previous session is still shutting down."), True)),
    ("JobHeldUser", Advice(N_("The job is on hold. Ask the administrators."), False)),
    ("JobHeldAdmin", Advice(N_("The job is on hold. Ask the administrators."), False)),
    ("JobHoldMaxRequeue", Advice(N_("The job was started too often, and is on hold. Ask the administrators."), False)),
    ("job requeued in held state", Advice(N_("The job is on hold. Ask the administrators."), False)),
    (
        "user env retrieval failed",
        Advice(N_("Your environment could not be read on the node; the job is on hold. Ask the administrators."), False),
    ),
    ("launch failed requeued held", Advice(N_("The node could not start the job, which is on hold. Ask the administrators."), False)),
    ("Licenses", Advice(N_("The job waits for a licence."), True)),
    ("Prolog", Advice(N_("The node is being prepared."), True)),
    ("Cleaning", Advice(N_("The node is being cleaned up after another job."), True)),
    ("NodeDown", Advice(N_("The node it needs is down."), None)),
)

_OVER_BUDGET = Advice(N_("The budget of the account is used up. Choose another account."), False)
_TOO_LARGE = Advice(N_("The request is larger than one job of yours may be. Ask for less."), False)
_HELD_ALREADY = Advice(N_("You or your account already use what you are allowed; it starts when another of your jobs ends."), True)


def advice_for(reason: str) -> Advice:
    """Tell what Slurm's ``reason`` for a pending job means. The longest known prefix counts; an unknown reason passes through."""
    advice = _advice_for(reason)
    return replace(advice, sentence=_(advice.sentence))


def _advice_for(reason: str) -> Advice:
    if reason.startswith(("AssocGrp", "QOSGrp")) and "Minutes" in reason and "RunMinutes" not in reason:
        return _OVER_BUDGET
    if reason.startswith(("AssocMax", "QOSMax", "QOSMin")) and any(
        part in reason for part in ("PerJob", "WallDuration", "PerNode", "QOSMin")
    ):
        return _TOO_LARGE
    if reason.startswith(("AssocGrp", "QOSGrp", "AssocMax", "QOSMax", "MaxGRESPerAccount", "MaxJobsPerAccount")):
        return _HELD_ALREADY
    for prefix, advice in REASONS:
        if reason.startswith(prefix):
            return advice
    if not reason:
        return Advice(N_("The job waits in the queue."), None)
    return Advice(_("Slurm says: {words}.").format(words=reason), None)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of sbatch's refusals: the field of the form at fault (empty: none in particular) and the sentence.

    ``words`` are a site's or Slurm's own, where the sentence has a place for them.
    """

    field: str
    sentence: str
    words: str = ""


REFUSALS: tuple[tuple[str, Refusal], ...] = (
    ("Invalid account or account/partition combination", Refusal("account", N_("This account may not be used in this partition."))),
    ("Invalid qos specification", Refusal("", N_("Your quality of service (QOS) may not be used for this request."))),
    ("invalid partition specified", Refusal("partition", N_("Slurm does not know this partition."))),
    ("Invalid partition name specified", Refusal("partition", N_("Slurm does not know this partition."))),
    ("User's group not permitted to use this partition", Refusal("partition", N_("You may not use this partition."))),
    ("Requested reservation not usable now", Refusal("reservation", N_("This reservation cannot be used now."))),
    ("Access denied to requested reservation", Refusal("reservation", N_("You may not use this reservation."))),
    ("Requested reservation is invalid", Refusal("reservation", N_("This reservation does not exist any more."))),
    ("Requested time limit is invalid", Refusal("walltime", N_("This time is more than you may ask for."))),
    ("Time limit specification required", Refusal("walltime", N_("A time limit is needed."))),
    ("Memory specification can not be satisfied", Refusal("memory", N_("No node has this much memory."))),
    ("Memory required by task is not available", Refusal("memory", N_("No node has this much memory."))),
    ("CPU count per node can not be satisfied", Refusal("cores", N_("No node has this many cores."))),
    ("CPU count specification invalid", Refusal("cores", N_("No node has this many cores."))),
    ("Invalid generic resource (gres) specification", Refusal("gpus", N_("These GPUs do not exist here."))),
    ("Requested GRES option unsupported", Refusal("gpus", N_("GPUs cannot be asked for on this cluster."))),
    ("Requested node configuration is not available", Refusal("", N_("No node has all of what you asked for together."))),
    ("Job violates accounting/QOS policy", Refusal("", N_("The request is beyond your limits, or you have too many jobs."))),
    ("Access/permission denied", Refusal("", N_("You may not submit jobs here."))),
    ("System submissions disabled", Refusal("", N_("The cluster does not take new jobs at the moment."))),
    ("Invalid feature specification", Refusal("", N_("No node has the features that the job needs."))),
    ("Required partition not available", Refusal("partition", N_("The partition takes no jobs now. Choose another one, or try later."))),
    ("More processors requested than permitted", Refusal("cores", N_("No node has this many cores."))),
)
"""Of those not in this list the words are Slurm's own."""

_IN_DOUBT = (
    "Unable to contact slurm controller",
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Unexpected message received",
    "Message send/receive failure",
    "Message send failure",
    "Message receive failure",
    "Communication connection failure",
    "shutdown failure",
    "Insane message length",
    "Received zero length message",
    "Received message length < 0",
    "missing socket",
    "file descriptor",
    "would block",
    "Connection rejected by handler",
    "Connection forced closed",
    "delayed socket error",
    "shutting down and closing",
    "Header lengths are longer",
    "in standby mode",
    "Rate limit exceeded",
    "Protocol authentication error",
    "Invalid authentication credential",
    "Authentication credential",
    "Failed to connect to authentication agent",
    "Cannot unpack credential",
    "Authentication does not apply",
    "Token Generation failed",
    "socket peer credential",
    "Memory management error",
    "Incompatible versions",
    "version number error",
    "Operation now in progress",
    "temporarily unable to accept job",
    "Resource temporarily unavailable",
    "Transport endpoint",
    "Connection refused",
    "Connection timed out",
    "Connection reset",
    "Broken pipe",
    "No route to host",
    "Slurm internal error",
)
"""What sbatch prints where the way to the controller and back is at fault (docs/slurm-facts.md#words-of-refusal)."""

_OF_THE_SYSTEM = frozenset(os.strerror(number) for number in errno.errorcode)
"""What a system call of sbatch's may have failed with, or a plugin have said by the number alone."""

_NO_OWN_WORDS = ("Unspecified error",)
_ENDED_BY_TIMEOUT = (124, 125)
"""Of timeout(1), with which a site's script may have ended sbatch."""

_NO_CONFIGURATION = ("resolve_ctls_from_dns_srv", "fetch_config", "_establish_config_source", "Could not establish a configuration source")
_SUBMISSION_FAILED = "Batch job submission failed:"


class Outcome(enum.Enum):
    """The conclusion from an sbatch that failed."""

    REFUSED = "Slurm said no: there is no job"
    NOT_ASKED = "Slurm was never asked: there is no job"
    IN_DOUBT = "there may be a job, and Slurm is in trouble"
    UNKNOWN_WORDS = "there may be a job; if there is none, Slurm has refused it in words that a system call could have as well"


def outcome_of_sbatch(returncode: int, stderr: str) -> Outcome:
    """Tell what a failed sbatch means.

    A job is made before Slurm answers (docs/slurm-facts.md#job-before-answer). So words of the way to the controller and back, of which
    there is a list, leave open whether there is one. All others are Slurm's answer, whichever they are.
    """
    if returncode < 0 or (returncode > 128 and returncode != 255) or returncode in _ENDED_BY_TIMEOUT:
        return Outcome.IN_DOUBT
    own = "\n".join(_own_lines(stderr))
    if not own or any(text in own for text in _IN_DOUBT):
        return Outcome.IN_DOUBT
    if _SUBMISSION_FAILED not in own:
        return Outcome.NOT_ASKED if any(text in own for text in _NO_CONFIGURATION) else Outcome.REFUSED
    before, _, said = own.rpartition(_SUBMISSION_FAILED)
    # A plugin's own words come with Slurm's answer (docs/slurm-facts.md#submit-plugins).
    answered = said.strip() not in _OF_THE_SYSTEM or any(map(_is_a_sites_own, slurm_words(before.rpartition("\n")[0])))
    return Outcome.REFUSED if answered else Outcome.UNKNOWN_WORDS


def refusal_for(stderr: str) -> Refusal:
    """Tell what sbatch's complaint means for the user; the detail lines come before the final one, so the first match wins.

    A site's plugin may borrow any of Slurm's codes, and says what it means in lines of its own: then those are the refusal, and so are
    Slurm's where we have no sentence for them. The sentence is English, for the catalogue.
    """
    lines = slurm_words(stderr)
    final = [line for line in lines if line.startswith(_FINAL)]
    before = [line for line in lines if line not in final]
    if not final or not any(map(_is_a_sites_own, before)):
        for text, refusal in REFUSALS:
            if any(text in line for line in lines):
                return refusal
    words = [line for line in before if _is_a_sites_own(line)]
    words = words or [line.partition(": ")[2] for line in final if not line.endswith(_NO_OWN_WORDS)] or before
    if not words:
        return Refusal("", N_("Slurm refused the job."))
    return Refusal("", N_("Slurm refused the job: {words}"), " ".join(words))


_FINAL = (_SUBMISSION_FAILED, "allocation failure:")
_A_REASON = re.compile(r"[A-Z][A-Za-z]+", re.ASCII)
_OF_SLURMS_OWN = ("Warning: ", "CPU count", "Memory", "invalid partition", "Slurm ", "Job creation temporarily", "lua:")


def _is_a_sites_own(line: str) -> bool:
    """Whether a line before the last is a plugin's: Slurm itself has few, each a reason's name or known to us."""
    known = any(text in line for text, _refusal in REFUSALS) or line.startswith(_OF_SLURMS_OWN)
    return not (known or _A_REASON.fullmatch(line))


def _own_lines(stderr: str) -> list[str]:
    """The lines of sbatch itself, where there are any: a site's script around it may print a notice before it and after it."""
    lines = [line.strip() for line in stderr[: 100 * 300].splitlines()]
    own = [line for line in lines if line.startswith(("sbatch: ", *_FINAL))]
    return own or [line for line in lines if line]


def slurm_words(stderr: str, *, max_lines: int = 10) -> tuple[str, ...]:
    """Return Slurm's own words, without the command's name in front, at most ``max_lines`` lines of 300 characters."""
    lines = []
    for text in _own_lines(stderr):
        for prefix in ("sbatch: ", "error: "):
            text = text.removeprefix(prefix)  # noqa: PLW2901 - one after the other
        if text:
            lines.append(text[:300])
    return tuple(lines[:max_lines])
