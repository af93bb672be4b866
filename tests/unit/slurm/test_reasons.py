"""Slurm's states, reasons and refusals in words for a person; what is unknown passes through."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import pytest

from spawner.request.model import FIELDS
from spawner.slurm import reasons
from spawner.slurm.reasons import Outcome, advice_for, outcome_of_sbatch, refusal_for, slurm_words
from spawner.slurm.states import END_SENTENCES, ENDED, ENDING, PENDING, RUNNING, STARTING, end_sentence


def test_every_state_is_of_one_kind() -> None:
    """No state is in two of the sets; every end has its sentence."""
    kinds = [PENDING, STARTING, RUNNING, ENDING, ENDED]
    assert sum(len(kind) for kind in kinds) == len(frozenset().union(*kinds))
    assert set(END_SENTENCES) == ENDED


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("PENDING", PENDING),
        ("CONFIGURING", STARTING),
        ("RUNNING", RUNNING),
        ("SUSPENDED", RUNNING),
        ("COMPLETING", ENDING),
        ("TIMEOUT", ENDED),
    ],
)
def test_state(state: str, kind: frozenset[str]) -> None:
    """The states of squeue(1) are where a person expects them."""
    assert state in kind


@pytest.mark.parametrize("state", sorted(ENDED))
def test_end_sentence(state: str) -> None:
    """Each end is a sentence without Slurm's own word."""
    assert end_sentence(state).endswith(".")
    assert state not in end_sentence(state)


def test_end_that_a_later_slurm_invents() -> None:
    """An unknown end is named."""
    assert end_sentence("EVAPORATED") == "The job ended (EVAPORATED)."


@pytest.mark.parametrize(
    ("reason", "words", "helps"),
    [
        pytest.param("None", "not looked at the job yet", True, id="none"),
        pytest.param("Priority", "ahead of yours", True, id="priority"),
        pytest.param("Resources", "first in the queue", True, id="resources"),
        pytest.param("ReqNodeNotAvail", "out of service or reserved", None, id="nodes"),
        pytest.param("ReqNodeNotAvail, UnavailableNodes:g001", "out of service or reserved", None, id="nodes-named"),
        pytest.param("ReqNodeNotAvail, Reserved for maintenance", "Choose a shorter time", None, id="maintenance"),
        pytest.param(
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "out of service", None, id="down"
        ),
        pytest.param("uid 1001 not in group permitted to use this partition (a). groups allowed: b", "may not use", False, id="group"),
        pytest.param("Job's QOS not permitted to use this partition (a allows b not c)", "may not use this partition", False, id="qos"),
        pytest.param("Job's account not permitted to use this partition (a denies b including b)", "may not use", False, id="account"),
        pytest.param("PartitionTimeLimit", "Choose a shorter time", False, id="time"),
        pytest.param("PartitionConfig", "Ask for less", False, id="size"),
        pytest.param("Reservation", "waits for its reservation", True, id="reservation"),
        pytest.param("ReservationDeleted", "was removed", False, id="reservation-deleted"),
        pytest.param("Dependency", "still shutting down", True, id="dependency"),
        pytest.param("DependencyNeverSatisfied", "one that failed", False, id="dependency-never"),
        pytest.param("InvalidAccount", "Choose another account", False, id="account"),
        pytest.param("InvalidQOS", "Ask the administrators", False, id="qos"),
        pytest.param("launch failed requeued held", "could not start the job", False, id="launch-failed"),
        pytest.param("AssocGrpBillingMinutes", "budget", False, id="budget"),
        pytest.param("AssocGrpCPUMinutesLimit", "budget", False, id="budget-of-cores"),
        pytest.param("QOSGrpGRESMinutes", "budget", False, id="budget-of-the-qos"),
        pytest.param("AssocGrpCPURunMinutesLimit", "when another of your jobs ends", True, id="running-minutes-are-no-budget"),
        pytest.param("QOSMaxJobsPerUserLimit", "when another of your jobs ends", True, id="too-many-jobs"),
        pytest.param("QOSMaxGRESPerUser", "when another of your jobs ends", True, id="too-many-gpus"),
        pytest.param("AssocGrpGRES", "when another of your jobs ends", True, id="gpus-of-the-account"),
        pytest.param("QOSMaxCpuPerJobLimit", "Ask for less", False, id="job-too-large"),
        pytest.param("QOSMaxWallDurationPerJobLimit", "Ask for less", False, id="job-too-long"),
        pytest.param("AssocMaxWallDurationPerJobLimit", "Ask for less", False, id="job-too-long-for-the-account"),
        pytest.param("QOSMinGRES", "Ask for less", False, id="qos-minimum"),
    ],
)
def test_advice(reason: str, words: str, helps: bool | None) -> None:
    """Each reason has a sentence that says what it means, and whether waiting helps."""
    advice = advice_for(reason)
    assert words in advice.sentence
    assert advice.sentence.endswith(".")
    assert advice.waiting_helps is helps


def test_reason_that_a_later_slurm_invents() -> None:
    """It is shown in Slurm's own word, and nothing is claimed about it; none at all is waiting."""
    assert advice_for("MaxPoweredUpNodes").sentence == "Slurm says: MaxPoweredUpNodes."
    assert advice_for("MaxPoweredUpNodes").waiting_helps is None
    assert advice_for("").sentence == "The job waits in the queue."


def test_no_reason_hides_a_longer_one() -> None:
    """The longest known prefix counts: no entry stands before one that begins with it."""
    prefixes = [prefix for prefix, _ in reasons.REASONS]
    hidden = [(early, late) for index, early in enumerate(prefixes) for late in prefixes[index + 1 :] if late.startswith(early)]
    assert hidden == []


@pytest.mark.parametrize(
    ("stderr", "field", "words"),
    [
        pytest.param("sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified", "account", "may not be used", id="account"),
        pytest.param("sbatch: error: invalid partition specified: x\nsbatch: error: Batch job submission failed: Invalid partition name specified", "partition", "does not know", id="partition"),
        pytest.param("sbatch: error: Batch job submission failed: User's group not permitted to use this partition", "partition", "may not use", id="group"),
        pytest.param("sbatch: error: Batch job submission failed: Requested reservation is invalid", "reservation", "does not exist", id="reservation"),
        pytest.param("sbatch: error: Batch job submission failed: Access denied to requested reservation", "reservation", "may not use", id="reservation-of-others"),
        pytest.param("sbatch: error: Memory specification can not be satisfied\nsbatch: error: Batch job submission failed: Requested node configuration is not available", "memory", "this much memory", id="memory-before-the-general-line"),
        pytest.param("sbatch: error: CPU count per node can not be satisfied\nsbatch: error: Batch job submission failed: Requested node configuration is not available", "cores", "this many cores", id="cores-before-the-general-line"),
        pytest.param("sbatch: error: Batch job submission failed: Requested node configuration is not available", "", "together", id="general-line"),
        pytest.param("sbatch: error: Batch job submission failed: Invalid generic resource (gres) specification", "gpus", "do not exist", id="gres"),
        pytest.param("sbatch: error: Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)", "walltime", "more than you may", id="time"),
        pytest.param("sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "", "beyond your limits", id="policy"),
        pytest.param("sbatch: error: The site's plugin says no", "", "Slurm refused the job: {words}", id="unknown"),
        pytest.param("sbatch: error: Batch job submission failed: Invalid MCS label", "", "Slurm refused the job: {words}", id="not-in-our-list"),
        pytest.param("sbatch: error: No GPUs on Fridays\nsbatch: error: Batch job submission failed: Access/permission denied", "", "{words}", id="a-plugins-own-words"),
        pytest.param("", "", "Slurm refused the job.", id="silent"),
    ],
)  # fmt: skip
def test_refusal(stderr: str, field: str, words: str) -> None:
    """The field at fault and a plain sentence; what is unknown is Slurm's refusal and blames no field."""
    refusal = refusal_for(stderr)
    assert refusal.field == field
    assert refusal.field in ("", *FIELDS)
    assert words in refusal.sentence
    assert outcome_of_sbatch(1, stderr) is (Outcome.REFUSED if stderr else Outcome.IN_DOUBT)


def test_refusals_name_fields_that_exist() -> None:
    """Every field of the table is one of the request's."""
    assert {refusal.field for _, refusal in reasons.REFUSALS} <= {"", *FIELDS}
    assert all(refusal.sentence.endswith(".") for _, refusal in reasons.REFUSALS)


FAILED = "sbatch: error: Batch job submission failed: "


@pytest.mark.parametrize(
    ("returncode", "stderr", "outcome"),
    [
        *((1, FAILED + words, Outcome.IN_DOUBT) for words in (
            "Unable to contact slurm controller (connect failure)",
            "Socket timed out on send/recv operation",
            "Zero Bytes were transmitted or received",
            "Slurm backup controller in standby mode",
            "Unexpected message received",
            "Message send failure",
            "Message receive failure",
            "Communication connection shutdown failure",
            "Connection reset by peer",
            "Broken pipe",
            "No route to host",
            "Header lengths are longer than data received",
            "Resource temporarily unavailable",
            "Invalid authentication credential",
            "Slurm internal error",
        )),
        (1, "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", Outcome.IN_DOUBT),
        (1, "", Outcome.IN_DOUBT),
        (137, "Killed", Outcome.IN_DOUBT),
        (-9, "anything", Outcome.IN_DOUBT),
        (1, FAILED + "Unspecified error", Outcome.REFUSED),
        (1, FAILED + "Words of a Slurm yet to come", Outcome.REFUSED),
        (1, FAILED + "Operation not permitted", Outcome.UNKNOWN_WORDS),
        (1, f"sbatch: error: Not on Fridays, says the site.\n{FAILED}Operation not permitted", Outcome.REFUSED),
        (1, f"Connection refused? Write to us.\n{FAILED}Invalid wckey specification\nBye.", Outcome.REFUSED),
        (1, f"A notice.\n{FAILED}Connection refused\nBye.", Outcome.IN_DOUBT),
        (124, "A notice.", Outcome.IN_DOUBT),
        *((1, FAILED + words, Outcome.REFUSED) for words in (
            "Required partition not available (inactive or drain)",
            "Requested operation is presently disabled",
            "Requested nodes not in this partition",
            "More processors requested than permitted",
            "Requested account has breached requested QOS usage threshold",
            "Multiple partition job request not supported when a partition is set in the association",
            "Job script not specified",
            "No default partition specified",
            "Invalid MCS label",
        )),
        (1, f"sbatch: error: Not on Fridays, says the site.\n{FAILED}Unspecified error", Outcome.REFUSED),
        (1, FAILED + "Invalid wckey specification", Outcome.REFUSED),
        (255, "sbatch: error: Invalid --time specification", Outcome.REFUSED),
        (1, "sbatch: unrecognized option '--no-such-option'", Outcome.REFUSED),
        (1, "sudo: a password is required", Outcome.REFUSED),
        (1, "sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host", Outcome.NOT_ASKED),
        (1, "sbatch: fatal: Could not establish a configuration source", Outcome.NOT_ASKED),
    ],
)  # fmt: skip
def test_outcome_of_sbatch(returncode: int, stderr: str, outcome: Outcome) -> None:
    """There is no job only where sbatch says what we know to mean that; after anything else it has to be looked for."""
    assert outcome_of_sbatch(returncode, stderr) is outcome


def test_words_of_trouble_on_the_way() -> None:
    """Each of these leaves it open whether there is a job, whatever stands before it."""
    for words in (
        "Unable to contact slurm controller (send failure)",
        "Unable to contact slurm controller (receive failure)",
        "Unable to contact slurm controller (shutdown failure)",
        "Message send/receive failure",
        "Controller is in standby mode, try a different controller",
        "Rate limit exceeded, please retry momentarily",
        "Protocol authentication error",
        "Incompatible versions of client and server code",
        "Connection refused",
        "Connection timed out",
        "Transport endpoint is not connected",
    ):
        assert outcome_of_sbatch(1, FAILED + words) is Outcome.IN_DOUBT, words
        assert outcome_of_sbatch(1, f"sbatch: error: Memory specification can not be satisfied\n{FAILED}{words}") is Outcome.IN_DOUBT, words
    assert outcome_of_sbatch(-15, "") is Outcome.IN_DOUBT


def test_fields_at_fault_of_rarer_refusals() -> None:
    """Each is a no of Slurm's, and blames the field that can be changed."""
    for words, field in (
        ("Invalid qos specification", ""),
        ("Access/permission denied", ""),
        ("Requested reservation not usable now", "reservation"),
        ("Requested GRES option unsupported by configured SelectType plugin", "gpus"),
        ("Memory required by task is not available", "memory"),
        ("System submissions disabled", ""),
        ("Invalid feature specification", ""),
        ("CPU count specification invalid", "cores"),
        ("Time limit specification required, but not provided", "walltime"),
        ("Invalid wckey specification", ""),
    ):
        assert (outcome_of_sbatch(1, FAILED + words), refusal_for(FAILED + words).field) == (Outcome.REFUSED, field), words


def test_slurms_words() -> None:
    """Slurm's own lines without the command's name, none empty, each cut at 300 characters, ten at most."""
    assert slurm_words("sbatch: error: No.\n\n  sbatch: Careful.\n") == ("No.", "Careful.")
    assert slurm_words("error: x\nplain\n") == ("x", "plain"), "a script in sbatch's place has words of its own"
    assert slurm_words("*****\nOur maintenance is on Monday.\nsbatch: error: No.\nBye.\n") == ("No.",)
    assert slurm_words("x" * 1000) == ("x" * 300,)
    assert slurm_words("\n".join(str(number) for number in range(50))) == tuple(str(number) for number in range(10))
    assert slurm_words("a\nb", max_lines=1) == ("a",)
    assert slurm_words("") == ()


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        (
            "sbatch: error: No GPUs on Fridays.\nsbatch: error: Ask ada.\n" + FAILED + "Access/permission denied",
            "No GPUs on Fridays. Ask ada.",
        ),
        ("sbatch: error: No GPUs on Fridays.\n" + FAILED + "Unspecified error", "No GPUs on Fridays."),
        (FAILED + "Requested operation is presently disabled", "Requested operation is presently disabled"),
        ("ERROR: your project has no hours left", "ERROR: your project has no hours left"),
        ("AssocMaxSubmitJobLimit\nallocation failure: Invalid MCS label", "Invalid MCS label"),
        (FAILED + "Unspecified error", ""),
        (FAILED + "Invalid qos specification", ""),
        ("sbatch: error: CPU count per node can not be satisfied\n" + FAILED + "Requested node configuration is not available", ""),
    ],
    ids=["borrowed code", "no code", "not in our list", "a script's", "of no reason", "silent plugin", "known", "known, in two lines"],
)
def test_words_of_a_refusal(stderr: str, words: str) -> None:
    """A site's own words are the refusal, whichever of Slurm's codes they come with; else Slurm's, where we have none."""
    assert refusal_for(stderr).words == words
