"""A session in words: what it holds, what it is charged, what its user can do about it."""

from __future__ import annotations

import datetime

import pytest

from spawner.gpu.idle import Notice
from spawner.session.status_text import (
    Charge,
    charge_of,
    held_by,
    held_in_words,
    idle_in_words,
    silence_in_words,
    suspended,
    what_to_do_about,
)
from spawner.slurm.model import Job
from spawner.slurm.reasons import Advice, advice_for

CHANGE = "Cancel, change the request and start again."
BACK = "Wait until they are back, or cancel and choose another partition."
STOP_ANOTHER = "Wait, or stop another session of yours."
LESS = "Wait, or cancel and ask for less to start sooner."
BY_ITSELF = "Wait: the session starts by itself."


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("PartitionTimeLimit", CHANGE),
        ("ReservationDeleted", CHANGE),
        ("AssocGrpCPUMinutesLimit", CHANGE),
        ("ReqNodeNotAvail, UnavailableNodes:g001", BACK),
        ("Nodes required for job are DOWN, DRAINED or reserved", BACK),
        ("NodeDown", BACK),
        ("PartitionDown", BACK),
        ("PartitionInactive", BACK),
        ("AssocGrpCpuLimit", STOP_ANOTHER),
        ("QOSGrpGRES", STOP_ANOTHER),
        ("AssocMaxJobsLimit", STOP_ANOTHER),
        ("QOSMaxJobsPerUserLimit", STOP_ANOTHER),
        ("MaxGRESPerAccount", STOP_ANOTHER),
        ("MaxJobsPerAccount", STOP_ANOTHER),
        ("Priority", LESS),
        ("Resources", LESS),
        ("Reservation", BY_ITSELF),
        ("Licenses", BY_ITSELF),
        ("BeginTime", BY_ITSELF),
        ("None", BY_ITSELF),
        ("SomethingNew", ""),
    ],
)
def test_what_to_do(reason: str, sentence: str) -> None:
    """By what keeps the job waiting; nothing is advised for a reason that nobody here knows."""
    assert what_to_do_about(reason, advice_for(reason)) == sentence


def test_a_request_that_waiting_does_not_help_is_to_be_changed_whatever_the_reason() -> None:
    """Even a reason that otherwise passes by itself."""
    assert what_to_do_about("Resources", Advice("", waiting_helps=False)) == CHANGE


@pytest.mark.parametrize(
    ("tres", "held"),
    [
        pytest.param(
            "cpu=8,mem=64G,node=1,billing=56,gres/gpu=2,gres/gpu:v100=2",
            (("GPU v100", 2), ("cores", 8), ("memory", 65536)),
            id="all of one type",
        ),
        pytest.param(
            "cpu=1,gres/gpu=6,gres/gpu:v100=2,gres/gpu:a100=3", (("GPU a100", 3), ("GPU v100", 2), ("GPU", 1), ("cores", 1)), id="a rest"
        ),
        pytest.param("gres/gpu=1,gres/gpu:v100=2", (("GPU v100", 2),), id="no negative rest"),
        pytest.param("gres/gpu:v100=2", (("GPU v100", 2),), id="types alone"),
        pytest.param(
            "cpu=1,gres/tape=2,gres/shard=3,gres/shard:t4=3,gres/gpu=1",
            (("GPU", 1), ("shard", 3), ("tape", 2), ("cores", 1)),
            id="other resources by name, their types left out",
        ),
        pytest.param("cpu=0,mem=0,gres/gpu=0", (), id="nothing of anything"),
        pytest.param("mem=500M", (("memory", 500),), id="memory alone"),
    ],
)
def test_what_is_held_by_name(tres: str, held: tuple[tuple[str, int], ...]) -> None:
    """GPUs first, typed ones by their names, then other resources, cores and memory; what there is none of is not named."""
    assert held_by(tres) == held


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ((("GPU", 1),), "1 GPU"),
        ((("GPU", 2),), "2 GPUs"),
        ((("GPU v100", 1),), "1 × V100"),
        ((("GPU v100", 2),), "2 × V100"),
        ((("GPU a100_3g.20gb", 2),), "2 × A100 slice 3g.20gb"),
        ((("GPU 3g.20gb", 1),), "1 × GPU slice 3g.20gb"),
        ((("shard", 1),), "1 shard of a GPU"),
        ((("tape", 1),), "1 × tape"),
        ((("tape", 2), ("cores", 1), ("memory", 1024)), "2 × tape, 1 core, 1 GB"),
    ],
)
def test_amounts_in_words(held: tuple[tuple[str, int], ...], words: str) -> None:
    """One is one, and two are two."""
    assert held_in_words(held) == words


@pytest.mark.parametrize(
    ("seconds", "used"),
    [(None, None), (-5.0, 0.0), (0.0, 0.0), (1.0, 0.01), (3600.0, 36.0)],
    ids=["not said", "ahead", "begins", "1 s", "1 h"],
)
def test_the_charge_so_far(seconds: float | None, used: float | None) -> None:
    """By the hour, and never negative where Slurm's clock is ahead of the Hub's."""
    assert charge_of("billing=18", 2.0, seconds) == Charge(36.0, used)


@pytest.mark.parametrize(
    ("tres", "sentence"),
    [
        ("cpu=1,gres/gpu=1", "The session is suspended; its GPUs are still held. Ask the administrators."),
        ("cpu=1,gres/gpu=1,gres/gpu:v100=1", "The session is suspended; its GPUs are still held. Ask the administrators."),
        ("cpu=1,mem=4G", "The session is suspended. Ask the administrators."),
        ("cpu=1,gres/gpu=0", "The session is suspended. Ask the administrators."),
    ],
)
def test_suspended_in_words(tres: str, sentence: str) -> None:
    """Of GPUs only where it has some."""
    assert suspended(Job(7, "ada", "SUSPENDED", tres=tres)) == sentence


NOON = datetime.datetime(2027, 1, 15, 12, 0, 5).astimezone().timestamp()


def test_silence_in_words() -> None:
    """Since when, and that nothing is lost by it."""
    assert silence_in_words(NOON, NOON + 90) == "Slurm has not answered since 12:00. The session is kept; nothing has to be done."


@pytest.mark.parametrize(
    ("since", "stops", "sentence"),
    [
        pytest.param(
            0,
            None,
            "No GPU of this session has done anything since 12:00. Stop it if you do not need it: others may be waiting for GPUs.",
            id="a request",
        ),
        pytest.param(
            0,
            5400,
            "No GPU of this session has done anything since 12:00. If that is still so at 13:30, the session is stopped, and what is not"
            " saved is lost.",
            id="a warning",
        ),
        pytest.param(
            -86400,
            13 * 3600,
            "No GPU of this session has done anything since 12:00 on Thu 14 Jan. If that is still so at 01:00 on Sat 16 Jan, the session is"
            " stopped, and what is not saved is lost.",
            id="on other days",
        ),
    ],
)
def test_idle_gpus_in_words(since: float, stops: float | None, sentence: str) -> None:
    """Since when they do nothing, and what follows: a request, or the stop and its time."""
    notice = Notice(NOON + since, 2, None if stops is None else NOON + stops)
    assert idle_in_words(notice, NOON + 60) == sentence
