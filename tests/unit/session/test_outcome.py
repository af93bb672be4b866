"""Tests for spawner.session.outcome: why a session is over, from what is known."""

from __future__ import annotations

import pytest

from spawner.i18n import using
from spawner.request.model import parse_request
from spawner.session.outcome import CATEGORIES, NO_ANSWER, OWN_WORDS, START_TIMEOUT, STOPPED, Ending, Evidence, ending, exit_code
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
        assert found.sentence == "The session was stopped: its GPUs did nothing for 90 minutes."
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
    assert found.sentence == "The session ran out of memory: it used 8.0 of 8 GB. Ask for more."
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
    assert (found.category, found.sentence) == ("out_of_memory", "The session ran out of memory: it used 9.0 of 8 GB. Ask for more.")
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
    assert found.sentence.endswith("it had 1 hour. Before that, something in it was ended because its memory was full.")
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
    assert end("FAILED", exit_status=(128 + 66) << 8).sentence.startswith("The server was ended by signal 66")


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
    assert found.sentence == "The time limit of the session was reached: it had 1 hour."
    assert found.change == {"walltime": "02:00:00"}
    assert end("TIMEOUT", told("TIMEOUT", minutes=90)).change == {"walltime": "03:00:00"}
    assert parse_request({"walltime": end("TIMEOUT", minutes=24 * 60).change["walltime"]}).walltime == 48 * 60
    assert end("TIMEOUT", minutes=0).sentence == "The time limit of the session was reached."
    assert end("TIMEOUT", minutes=0).change == {}


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
