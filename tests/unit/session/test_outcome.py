"""Tests for spawner.session.outcome: why a session is over, from what is known."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from spawner.i18n import using
from spawner.job.sbatch import job_script, launcher_source
from spawner.request.model import parse_request
from spawner.session.exit_codes import CAUSES, Cause
from spawner.session.outcome import (
    CATEGORIES,
    NO_ANSWER,
    OWN_WORDS,
    START_TIMEOUT,
    STOPPED,
    Ending,
    Evidence,
    end_in_words,
    ending,
    exit_code,
    tenths,
)
from spawner.site.release import Release
from spawner.slurm.model import Job
from spawner.slurm.sacct import FinishedJob
from spawner.slurm.states import ENDED

UID = 1001
GB = 1024


def told(state: str, **more: object) -> FinishedJob:
    """What sacct says of a job of the user's that asked for 8 GB."""
    return FinishedJob(7, state, **{"uid": UID, "memory_mb": 8 * GB, "minutes": 60, "end": 5, **more})  # type: ignore[arg-type]


def end(state: str, finished: FinishedJob | None = None, **more: object) -> Ending:
    """Why a session is over that asked for 8 GB and an hour."""
    known = {"memory_mb": 8 * GB, "minutes": 60, "uid": UID if finished is not None else None, **more}
    return ending(Evidence(state, finished=finished, **known))  # type: ignore[arg-type]


# --- each in exactly one ------------------------------------------------------------------------------------------------------------


def test_each_of_slurms_states_has_its_place() -> None:
    """All terminal states, and our own words: one category, one kind, and nothing else."""
    assert set(CATEGORIES) == ENDED | OWN_WORDS | {"GONE"}
    assert not ENDED & OWN_WORDS
    assert {kind for _category, kind in CATEGORIES.values()} == {"finished", "others"}


@pytest.mark.parametrize(
    ("state", "category", "kind"),
    [
        ("COMPLETED", "server_exit", "finished"),
        ("FAILED", "server_exit", "others"),
        ("CANCELLED", "cancelled", "others"),
        ("TIMEOUT", "time_limit", "finished"),
        ("NODE_FAIL", "node_failure", "others"),
        ("BOOT_FAIL", "node_failure", "others"),
        ("PREEMPTED", "preempted", "others"),
        ("DEADLINE", "never_started", "others"),
        ("OUT_OF_MEMORY", "out_of_memory", "others"),
        ("REVOKED", "gone", "others"),
        (STOPPED, "stopped", "finished"),
        (START_TIMEOUT, "never_started", "others"),
        (NO_ANSWER, "never_started", "others"),
        ("NOT_SUBMITTED", "never_started", "others"),
        ("NEVER_STARTS", "never_started", "others"),
        ("QUEUE_TIMEOUT", "never_started", "others"),
        ("LISTEN_TIMEOUT", "never_started", "others"),
        ("REQUEUED", "requeued", "others"),
        ("GONE", "gone", "others"),
        ("LATER_SLURM", "unknown", "others"),
    ],
)
def test_by_the_state_alone(state: str, category: str, kind: str) -> None:
    """Without slurmdbd: one category and kind each, and a sentence."""
    found = end(state, sentence="What was said of it.")
    assert (found.category, found.kind, found.state) == (category, kind, state)
    assert found.sentence


# --- who ended it -------------------------------------------------------------------------------------------------------------------


def test_stopped_from_jupyterhub() -> None:
    """The job is cancelled by its own user then, and squeue may be the first to say so."""
    for found in (end("CANCELLED", stopped=True), end("CANCELLED", told("CANCELLED", cancelled_by=UID), stopped=True), end(STOPPED)):
        assert (found.category, found.kind) == ("stopped", "finished")
        assert found.sentence == "The session was stopped from JupyterHub."
        assert (found.what_to_do, found.change) == ("", {})


def test_stopped_for_gpus_that_did_nothing() -> None:
    """With for how long; what Slurm says of the job afterwards is no news."""
    for finished in (None, told("CANCELLED", cancelled_by=0), told("CANCELLED", cancelled_by=UID)):
        found = end("IDLE_GPUS", finished, stopped=True, idle_minutes=90)
        assert (found.category, found.kind, found.state) == ("idle_gpus", "finished", "IDLE_GPUS")
        assert found.sentence == "The session was stopped: its GPUs did nothing for 1 h 30 min."
        assert found.what_to_do == "Start again, without GPUs if you do not need them."


def test_cancelled_by_the_user_with_scancel() -> None:
    """The same, from outside."""
    found = end("CANCELLED", told("CANCELLED", cancelled_by=UID))
    assert (found.category, found.kind, found.sentence) == ("stopped", "finished", "You cancelled the session's job yourself.")


@pytest.mark.parametrize("uid", [0, 64030])
def test_cancelled_by_an_administrator(uid: int) -> None:
    """Another user than the job's own."""
    found = end("CANCELLED", told("CANCELLED", cancelled_by=uid))
    assert (found.category, found.kind, found.sentence) == ("cancelled", "others", "An administrator cancelled the job.")
    assert found.change == {}


def test_cancelled_and_nobody_knows_by_whom() -> None:
    """Nobody is accused."""
    assert end("CANCELLED").sentence == end("CANCELLED", told("CANCELLED")).sentence == "The job was cancelled."


def test_a_stop_that_came_too_late() -> None:
    """The time was up before Slurm got the order."""
    assert end("TIMEOUT", stopped=True).category == "time_limit"
    assert end("COMPLETED", stopped=True).category == "server_exit"


# --- memory -------------------------------------------------------------------------------------------------------------------------


def test_out_of_memory_with_figures() -> None:
    """What was used of what was asked for, and twice as much for another try."""
    found = end("OUT_OF_MEMORY", told("OUT_OF_MEMORY", out_of_memory=True, used_mb=8 * GB - 20))
    assert (found.category, found.kind) == ("out_of_memory", "others")
    assert found.sentence == "The session ran out of memory: it used 8 of 8 GB. Ask for more."
    assert found.change == {"memory": "16G"}
    assert (found.used_mb, found.asked_mb) == (8 * GB - 20, 8 * GB)
    assert parse_request({"memory": found.change["memory"]}).memory == 16 * GB


def test_out_of_memory_and_not_seen_by_how_much() -> None:
    """Slurm looks now and then: "used 1 of 8 GB" would be no reason."""
    for used in (None, GB):
        found = end("OUT_OF_MEMORY", told("OUT_OF_MEMORY", out_of_memory=True, used_mb=used))
        assert found.sentence == "The session ran out of memory: it had 8 GB. Ask for more."
    assert end("OUT_OF_MEMORY").sentence == "The session ran out of memory: it had 8 GB. Ask for more."
    assert end("OUT_OF_MEMORY", memory_mb=0).sentence == "The session ran out of memory. Ask for more memory."
    assert end("OUT_OF_MEMORY", memory_mb=0).change == {}


def test_less_than_a_gigabyte() -> None:
    """Amounts that are not whole GB, in the sentence and in the change."""
    found = end("OUT_OF_MEMORY", told("OUT_OF_MEMORY", out_of_memory=True, memory_mb=1500, used_mb=1499), memory_mb=1500)
    assert found.sentence == "The session ran out of memory: it used 1.5 of 1.5 GB. Ask for more."
    assert found.change == {"memory": "3000M"}
    assert end("OUT_OF_MEMORY", memory_mb=500).sentence == "The session ran out of memory: it had 500 MB. Ask for more."


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "COMPLETED"])
def test_out_of_memory_in_a_step(state: str) -> None:
    """The job ended in another word, and a step of it was killed for memory."""
    found = end(state, told(state, cancelled_by=0 if state == "CANCELLED" else None, out_of_memory=True))
    assert (found.category, found.state) == ("out_of_memory", state)
    assert found.change == {"memory": "16G"}


def test_killed_for_more_than_it_may_use() -> None:
    """OverMemoryKill, as 22.05.8 shows it: FAILED with signal 9, seen to use more than was asked for."""
    found = end("FAILED", told("FAILED", signal=9, used_mb=9 * GB), exit_status=9)
    assert (found.category, found.sentence) == ("out_of_memory", "The session ran out of memory: it used 9 of 8 GB. Ask for more.")
    assert end("CANCELLED", told("CANCELLED", cancelled_by=0, used_mb=9 * GB)).category == "out_of_memory"


def test_killed_for_another_reason() -> None:
    """Signal 9 with memory to spare, an exit code with the memory full, or a user's own scancel: not for memory."""
    assert end("FAILED", told("FAILED", signal=9, used_mb=GB), exit_status=9).category == "server_exit"
    assert end("FAILED", told("FAILED", exit_code=1, used_mb=9 * GB), exit_status=256).category == "server_exit"
    assert end("CANCELLED", told("CANCELLED", cancelled_by=UID, used_mb=9 * GB)).category == "stopped"
    assert end("FAILED", told("FAILED", signal=9), exit_status=9).category == "server_exit"


def test_a_kernel_was_killed_for_memory_before_the_time_was_up() -> None:
    """The time ended it: both are said, and both are in the change."""
    found = end("TIMEOUT", told("TIMEOUT", out_of_memory=True))
    assert (found.category, found.kind) == ("time_limit", "finished")
    assert found.sentence.endswith("it had 1 h. Before that, something in it was ended because its memory was full.")
    assert found.change == {"memory": "16G", "walltime": "02:00:00"}
    assert end("NODE_FAIL", told("NODE_FAIL", out_of_memory=True)).category == "node_failure"


def test_stopped_after_a_kernel_was_killed_for_memory() -> None:
    """It was the user who ended it; what happened before is said, with the change."""
    finished = told("CANCELLED", cancelled_by=UID, out_of_memory=True)
    for found in (end("CANCELLED", finished, stopped=True), end(STOPPED, finished, stopped=True)):
        assert (found.category, found.kind) == ("stopped", "finished")
        assert found.sentence.startswith("The session was stopped from JupyterHub. Before that, something in it was ended")
        assert found.change == {"memory": "16G"}
        assert found.what_to_do


# --- the server's exit --------------------------------------------------------------------------------------------------------------


def test_exit_code() -> None:
    """Of the server, with the way to the log."""
    found = end("FAILED", exit_status=768)
    assert (found.category, found.exit_code) == ("server_exit", 3)
    assert (found.sentence, found.what_to_do) == ("The server ended with exit code 3.", "The log of the session says more.")
    assert end("FAILED", told("FAILED", exit_code=3)).sentence == found.sentence


def test_exit_code_of_a_server_that_never_came_up() -> None:
    """It is not said to have run."""
    found = end("FAILED", exit_status=127 << 8, listened=False)
    assert found.sentence == "The server could not run: its job ended with exit code 127."
    assert end("FAILED", exit_status=11, listened=False).sentence == "The server could not run: its job was ended by signal 11 (SIGSEGV)."


def test_ended_by_a_signal() -> None:
    """With its name where it has one."""
    assert end("FAILED", exit_status=137 << 8).sentence == "The server was ended by signal 9 (SIGKILL)."
    assert end("FAILED", exit_status=9).exit_code == 137
    assert end("FAILED", exit_status=(128 + 63) << 8).sentence == "The server was ended by signal 63."
    for code in (193, 255):  # no signal has such a number
        assert end("FAILED", exit_status=code << 8).sentence == f"The server ended with exit code {code}."


def test_failed_and_nobody_knows_how() -> None:
    """No code is made up."""
    found = end("FAILED")
    assert found.exit_code is None
    assert found.sentence == "The server could not run: its job failed."


def test_ended_by_itself() -> None:
    """Nothing is to be done, and nothing was wrong."""
    found = end("COMPLETED", exit_status=0)
    assert (found.kind, found.exit_code, found.sentence, found.what_to_do) == ("finished", 0, "The server ended by itself.", "")


@pytest.mark.parametrize(
    ("status", "finished", "code"),
    [
        (None, None, None),
        (0, None, 0),
        (256, None, 1),
        (35072, told("FAILED", exit_code=9), 137),  # squeue's counts: sacct has taken 128 off
        (None, told("FAILED", signal=15), 143),
        (0, told("FAILED", exit_code=4), 4),
        (None, told("COMPLETED"), 0),
    ],
)
def test_which_code_counts(status: int | None, finished: FinishedJob | None, code: int | None) -> None:
    """squeue's is exact."""
    assert exit_code(Evidence("FAILED", exit_status=status, finished=finished)) == code


# --- time, and the rest -------------------------------------------------------------------------------------------------------------


def test_time_limit() -> None:
    """How long it had, and twice as long for another try; Slurm's own word counts, for an admin may have changed it."""
    found = end("TIMEOUT")
    assert found.sentence == "The time limit of the session was reached: it had 1 h."
    assert found.change == {"walltime": "02:00:00"}
    assert end("TIMEOUT", told("TIMEOUT", minutes=90)).change == {"walltime": "03:00:00"}
    assert parse_request({"walltime": end("TIMEOUT", minutes=24 * 60).change["walltime"]}).walltime == 48 * 60
    assert end("TIMEOUT", minutes=0).sentence == "The time limit of the session was reached."
    assert end("TIMEOUT", minutes=0).change == {}


def test_a_time_limit_that_was_cut() -> None:
    """While it ran: that is said, nothing longer is proposed, and slurmdbd's word is not waited for."""
    cut = "The time limit of the session was reached: 8 h were asked for, and an administrator had cut it to 30 min."
    for found in (end("TIMEOUT", minutes=480, ran_minutes=30), end("TIMEOUT", told("TIMEOUT", minutes=30), minutes=480, ran_minutes=30)):
        assert (found.sentence, found.what_to_do, found.change) == (cut, "", {})


def test_a_time_limit_that_was_extended() -> None:
    """What the session had is said, and not what was asked for; a minute or a tenth over the limit is no extension."""
    longer = end("TIMEOUT", minutes=60, ran_minutes=120)
    assert longer.sentence == "The time limit of the session was reached: it had 2 h."
    assert longer.change == {"walltime": "04:00:00"}
    for ran in (60, 61, 66):
        assert end("TIMEOUT", minutes=60, ran_minutes=ran).sentence == "The time limit of the session was reached: it had 1 h."


def test_slurmdbd_knows_what_squeue_has_forgotten() -> None:
    """A job that was gone has an end after all."""
    gone = end("GONE", sentence="The job is no longer known to Slurm.")
    assert (gone.category, gone.sentence) == ("gone", "The job is no longer known to Slurm.")
    found = end("GONE", told("TIMEOUT"), sentence="The job is no longer known to Slurm.")
    assert (found.category, found.state, found.kind) == ("time_limit", "TIMEOUT", "finished")


@pytest.mark.parametrize("state", sorted(OWN_WORDS))
def test_our_own_words_stand(state: str) -> None:
    """We cancelled the job ourselves and know why: Slurm's CANCELLED is no news."""
    before, after = (
        end(state, finished, sentence="Why.", stopped=True) for finished in (None, told("CANCELLED", cancelled_by=UID, used_mb=GB))
    )
    assert (after.category, after.kind, after.sentence, after.state) == (before.category, before.kind, before.sentence, state)
    assert after.used_mb == GB


def test_sentences_that_were_said_are_kept() -> None:
    """Of ends that only we know the reason of."""
    found = end("NEVER_STARTS", sentence="The job can never start: it is on hold.")
    assert (found.sentence, found.what_to_do) == ("The job can never start: it is on hold.", "Change the request and start again.")
    assert end("REQUEUED", sentence="It was put back.").sentence == "It was put back."


def test_in_the_language_in_use() -> None:
    """As everything that people read."""
    with using("it"):
        assert end("CANCELLED").sentence == "Il job è stato annullato."


# --- each sentence, and what to do -------------------------------------------------------------------------------------------------

LOG = "The log of the session says more."
MORE_MEMORY = "Start again with more memory."
BEFORE = " Before that, something in it was ended because its memory was full."


@pytest.mark.parametrize(
    ("ending_of", "sentence", "what_to_do"),
    [
        pytest.param(
            lambda: end("TIMEOUT", sentence="Said before."),
            "The time limit of the session was reached: it had 1 h.",
            "Start again for a longer time.",
            id="time",
        ),
        pytest.param(
            lambda: end("NODE_FAIL", sentence="Said before."),
            "The compute node failed.",
            "Start again: Slurm chooses another node.",
            id="node",
        ),
        pytest.param(lambda: end("BOOT_FAIL"), "The compute node did not start.", "Start again: Slurm chooses another node.", id="boot"),
        pytest.param(lambda: end("CANCELLED"), "The job was cancelled.", "Ask the administrators why, or start again.", id="cancelled"),
        pytest.param(lambda: end("PREEMPTED"), "The job had to make room for one of higher priority.", "Start again.", id="preempted"),
        pytest.param(lambda: end("DEADLINE"), "The job could not run before its deadline.", "Start again.", id="deadline"),
        pytest.param(lambda: end("LATER_SLURM"), "The job ended (LATER_SLURM).", "Start again.", id="unknown"),
        pytest.param(lambda: end("GONE"), "The job ended (GONE).", "Start again.", id="gone, nothing said"),
        pytest.param(lambda: end("GONE", sentence="It is gone."), "It is gone.", "", id="gone"),
        pytest.param(lambda: end("OUT_OF_MEMORY"), "The session ran out of memory: it had 8 GB. Ask for more.", "", id="memory"),
        pytest.param(
            lambda: end("OUT_OF_MEMORY", stopped=True),
            f"The session was stopped from JupyterHub.{BEFORE}",
            MORE_MEMORY,
            id="stopped, out of memory",
        ),
        pytest.param(lambda: end("FAILED"), "The server could not run: its job failed.", LOG, id="failed"),
        pytest.param(lambda: end("FAILED", exit_status=1), "The server was ended by signal 1 (SIGHUP).", LOG, id="signal"),
        pytest.param(
            lambda: end("FAILED", exit_status=128 << 8),
            "The server ended with exit code 128.",
            LOG,
            id="the largest code that is no signal",
        ),
        pytest.param(lambda: end("COMPLETED"), "The server ended by itself.", "", id="completed"),
        pytest.param(lambda: end(STOPPED, sentence="Stopped by ada."), "Stopped by ada.", "", id="stopped, with a sentence"),
        pytest.param(
            lambda: end("IDLE_GPUS", idle_minutes=60),
            "The session was stopped: its GPUs did nothing for 1 h.",
            "Start again, without GPUs if you do not need them.",
            id="idle",
        ),
        pytest.param(
            lambda: end(START_TIMEOUT),
            "The session did not start in the time that the Hub allows for it, and was given up.",
            "Ask for less, or try later.",
            id="start",
        ),
        pytest.param(lambda: end(NO_ANSWER), "The server came up, but did not answer the Hub, and was given up.", LOG, id="no answer"),
        pytest.param(lambda: end("NEVER_STARTS"), "The job ended (NEVER_STARTS).", "Change the request and start again.", id="never"),
        pytest.param(lambda: end("QUEUE_TIMEOUT", sentence="Too long."), "Too long.", "", id="queue"),
    ],
)
def test_sentence_and_what_to_do(ending_of: Callable[[], Ending], sentence: str, what_to_do: str) -> None:
    """Each end has its sentence, and the next step where there is one."""
    found = ending_of()
    assert (found.sentence, found.what_to_do) == (sentence, what_to_do)


@pytest.mark.parametrize(
    ("state", "sentence", "change"),
    [
        ("IDLE_GPUS", "The session was stopped: its GPUs did nothing for 1 h 30 min.", {}),
        ("TIMEOUT", "The time limit of the session was reached: it had 1 h.", {"walltime": "02:00:00"}),
        ("NODE_FAIL", "The compute node failed.", {}),
        ("PREEMPTED", "The job had to make room for one of higher priority.", {}),
    ],
)
def test_memory_that_was_full_before_another_end(state: str, sentence: str, change: dict[str, str]) -> None:
    """It is said besides, and more memory is what to do; the end stays what it was."""
    found = end(state, told("CANCELLED" if state == "IDLE_GPUS" else state, out_of_memory=True), idle_minutes=90)
    assert (found.state, found.category) == (state, CATEGORIES[state][0])
    assert (found.sentence, found.what_to_do) == (sentence + BEFORE, MORE_MEMORY)
    assert found.change == {**change, "memory": "16G"}


@pytest.mark.parametrize(
    ("state", "given", "category"),
    [
        pytest.param("CANCELLED", {"stopped": True}, "stopped", id="stopped"),
        pytest.param("CANCELLED", {}, "cancelled", id="by an administrator"),
        pytest.param("COMPLETED", {}, "server_exit", id="by itself"),
        pytest.param("TIMEOUT", {}, "time_limit", id="time"),
    ],
)
def test_what_the_launcher_saw_killed(state: str, given: dict[str, object], category: str) -> None:
    """It is said before slurmdbd says it, and where it never does; it does not make another end of it."""
    found = end(state, killed=2, **given)
    assert (found.category, found.what_to_do) == (category, MORE_MEMORY)
    assert found.sentence.endswith(BEFORE)
    assert found.change["memory"] == "16G"
    assert BEFORE not in end(state, **given).sentence


@pytest.mark.parametrize("state", ["DEADLINE", "REVOKED"])
def test_memory_that_was_full_before_an_end_that_has_no_such_sentence(state: str) -> None:
    """Only ends of a session that ran say it; the change is offered all the same."""
    found = end(state, told(state, out_of_memory=True))
    assert BEFORE not in found.sentence
    assert found.change == {"memory": "16G"}


@pytest.mark.parametrize(
    ("state", "finished", "more", "category"),
    [
        pytest.param("FAILED", told("FAILED", signal=9, used_mb=8 * GB), {}, "out_of_memory", id="all that it may"),
        pytest.param("FAILED", told("FAILED", signal=9, used_mb=8 * GB - 1), {}, "server_exit", id="a MB less"),
        pytest.param(
            "FAILED", told("FAILED", exit_code=137, used_mb=9 * GB), {"exit_status": 137 << 8}, "out_of_memory", id="as a shell has it"
        ),
        pytest.param("FAILED", told("FAILED", signal=15, used_mb=9 * GB), {"exit_status": 15}, "server_exit", id="another signal"),
        pytest.param(
            "FAILED",
            told("FAILED", signal=9, used_mb=9 * GB, memory_mb=None),
            {"memory_mb": 0},
            "server_exit",
            id="nobody knows what it may",
        ),
        pytest.param("CANCELLED", told("CANCELLED", used_mb=9 * GB), {}, "out_of_memory", id="nobody knows who cancelled it"),
        pytest.param(
            "CANCELLED",
            told("CANCELLED", cancelled_by=UID, used_mb=9 * GB),
            {"uid": None},
            "out_of_memory",
            id="nobody knows the user's id",
        ),
        pytest.param("CANCELLED", told("CANCELLED", cancelled_by=0, used_mb=9 * GB), {"stopped": True}, "stopped", id="stopped"),
        pytest.param("CANCELLED", told("CANCELLED", used_mb=9 * GB), {"uid": None}, "out_of_memory", id="nobody knows either id"),
        pytest.param("CANCELLED", told("CANCELLED", cancelled_by=UID, used_mb=9 * GB), {}, "stopped", id="by the user"),
        pytest.param("TIMEOUT", told("TIMEOUT", used_mb=9 * GB), {}, "time_limit", id="the time was up"),
        pytest.param("PREEMPTED", told("PREEMPTED", cancelled_by=0, used_mb=9 * GB), {}, "preempted", id="preempted"),
    ],
)
def test_killed_for_its_memory_or_not(state: str, finished: FinishedJob, more: dict[str, object], category: str) -> None:
    """Seen to use all that it may and killed by signal 9 or by another than the user; what was killed otherwise has no memory to blame."""
    found = end(state, finished, **more)
    assert found.category == category
    assert ("memory" in found.change) == (category == "out_of_memory")
    assert BEFORE not in found.sentence


@pytest.mark.parametrize(
    ("used", "sentence"),
    [
        (900, "The session ran out of memory: it used 0.9 of 1 GB. Ask for more."),
        (899, "The session ran out of memory: it had 1000 MB. Ask for more."),
    ],
)
def test_how_much_of_its_memory_it_was_seen_to_use(used: int, sentence: str) -> None:
    """From nine tenths on."""
    assert end("OUT_OF_MEMORY", told("OUT_OF_MEMORY", memory_mb=1000, used_mb=used)).sentence == sentence


def test_slurms_own_amounts_come_first() -> None:
    """What the admin's options made of the request is what it had; without Slurm's word it is what was asked for."""
    assert end("OUT_OF_MEMORY", told("OUT_OF_MEMORY", memory_mb=16 * GB)).asked_mb == 16 * GB
    assert end("OUT_OF_MEMORY", told("OUT_OF_MEMORY", memory_mb=None)).asked_mb == 8 * GB
    assert end("TIMEOUT", told("TIMEOUT", minutes=None)).change == {"walltime": "02:00:00"}
    nothing = end("COMPLETED", memory_mb=0)
    assert (nothing.asked_mb, nothing.used_mb) == (None, None)


def test_an_exit_code_is_told_of_a_servers_exit_alone() -> None:
    """A job that was killed for its time or memory has no code of the server's."""
    assert end("FAILED", exit_status=9).exit_code == 137
    for state in ("TIMEOUT", "OUT_OF_MEMORY", "CANCELLED", "NODE_FAIL"):
        assert end(state, exit_status=9).exit_code is None


@pytest.mark.parametrize(
    ("status", "finished", "code"),
    [
        pytest.param(1, None, 129, id="the smallest signal"),
        pytest.param(127, None, 255, id="the largest"),
        pytest.param(9 | 0x80, None, 137, id="with a core dump"),
        pytest.param(0, told("FAILED", exit_code=4, signal=9), 137, id="sacct's signal before its code"),
    ],
)
def test_which_signal_counts(status: int | None, finished: FinishedJob | None, code: int) -> None:
    """128 and its number, as a shell has it."""
    assert exit_code(Evidence("FAILED", exit_status=status, finished=finished)) == code


def test_what_slurmdbd_says_counts_where_it_is_an_end() -> None:
    """Its row of a job that has not ended there yet is no news; a newer end is."""
    assert end("FAILED", told("RUNNING")).state == "FAILED"
    assert end("FAILED", told("NODE_FAIL")).state == "NODE_FAIL"


def test_an_administrator_is_named_only_where_both_ids_are_known() -> None:
    """Nobody is accused because the user's own id is not known."""
    assert end("CANCELLED", told("CANCELLED", cancelled_by=0), uid=None).sentence == "The job was cancelled."


def test_large_amounts_of_memory_are_exact() -> None:
    """A GB is 1024 MB also where a hundred of them would show the difference."""
    assert [tenths(megabytes) for megabytes in (0, 1536, 100 * 1024)] == ["0", "1.5", "100"]


# --- a home that cannot be used -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listened", [False, True])
@pytest.mark.parametrize(("code", "cause"), CAUSES.items())
def test_a_cause_that_the_exit_code_tells(code: int, cause: Cause, listened: bool) -> None:
    """It is said in words of its own, whoever told the code: squeue's wait status, or sacct."""
    status = code << 8 if code < 128 else code - 128
    by_sacct = told("FAILED", exit_code=code) if code < 128 else told("FAILED", signal=code - 128)
    for found in (end("FAILED", exit_status=status, listened=listened), end("FAILED", by_sacct, listened=listened)):
        assert (found.category, found.kind, found.state, found.exit_code) == (cause.category, "others", "FAILED", code)
        assert (found.sentence, found.what_to_do) == (cause.sentence, cause.what_to_do)
    assert end_in_words(Job(7, "ada", "FAILED", exit_code=status)) == f"{cause.sentence} {cause.what_to_do}"
    with using("it"):
        assert end("FAILED", exit_status=status).sentence != cause.sentence


@pytest.mark.parametrize("state", ["COMPLETED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "CANCELLED"])
def test_such_a_code_counts_for_a_failed_job_only(state: str) -> None:
    """A job that ended in another way has another cause."""
    assert end(state, exit_status=81 << 8).category == CATEGORIES[state][0]


def test_memory_comes_before_the_home() -> None:
    """A server that was ended for want of memory is told so, whatever its code."""
    assert end("FAILED", told("FAILED", exit_code=86, out_of_memory=True), exit_status=86 << 8).category == "out_of_memory"


@pytest.mark.parametrize("status", [None, 0, 1 << 8, 79 << 8, 89 << 8, 127 << 8, 9])
def test_other_failures_of_a_start(status: int | None) -> None:
    """They are told as before; so is a job that ended in another way."""
    assert end_in_words(Job(7, "ada", "FAILED", exit_code=status)) == "The server could not run: its job failed."
    assert end_in_words(Job(7, "ada", "NODE_FAIL", exit_code=81 << 8)) == "The compute node failed."


def test_the_codes_are_the_launchers() -> None:
    """Each code that the launcher or the job's script ends with has its words, and none has words that nobody gives."""
    names: dict[str, object] = {"__name__": "launcher"}
    exec(compile(launcher_source(), "launcher.py", "exec"), names)
    given = {*names["TROUBLES_OF_HOME"].values(), *names["TROUBLES_OF_WRITING"].values(), names["NO_TEMPORARY_FILES"]}  # type: ignore[attr-defined]
    entry = {"tag": "a", "date": "2026-01-01", "setup_script": "/a", "architectures": {"arm64": {}}}
    script = job_script(Release.model_validate(entry), launcher="")
    of_the_script = {int(code) for code in re.findall(r"^ *exit (\d+)$", script, flags=re.MULTILINE)}
    assert {*given, *of_the_script - {127}} == {code for code in CAUSES if code < 128}
    assert script.rstrip().endswith(f"exit {names['NO_TEMPORARY_FILES']}")
