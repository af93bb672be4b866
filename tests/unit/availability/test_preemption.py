"""Whose jobs make room for one, what they leave to it, and whom Slurm tries after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.preemption import NO_PREEMPTION, JobPreemption, Preemption, going_for, once_gone
from spawner.slurm.grammar import parse_gres
from spawner.slurm.model import Gres, Job, Node, Partition, Qos, SlurmConfig
from tests.support.builders import NOW, node

HIGH, SAME, LOW = Partition("high", priority_tier=3), Partition("same", priority_tier=3), Partition("low", priority_tier=1)
PARTITIONS = {entry.name: entry for entry in (HIGH, SAME, LOW)}
QOS = {
    "above": Qos("above", preempts=frozenset({"scavenge", "spared", "fresh", "ended"})),
    "scavenge": Qos("scavenge", grace_seconds=30),
    "spared": Qos("spared", preempt_mode="OFF"),
    "fresh": Qos("fresh", exempt_seconds=600),
    "ended": Qos("ended", preempt_mode="CANCEL"),
    "within": Qos("within", preempt_mode="WITHIN,REQUEUE"),
    "ranked": Qos("ranked", preempts=frozenset({"scavenge"}), preempt_mode="PRIORITY"),
}


def config(**values: str) -> SlurmConfig:
    return SlurmConfig(values=tuple(values.items()))


def running(**changes: Any) -> Job:
    """A job of the lower partition that has run for an hour."""
    return Job(**{"job_id": 1, "user": "eve", "state": "RUNNING", "partition": "low", "qos": "normal", "start": NOW - 3600, **changes})


def rules(
    by: str = "partition", modes: str = "REQUEUE", *, partition: Partition = HIGH, qos: str = "normal", **changes: Any
) -> JobPreemption:
    return Preemption(by, frozenset(modes.split(",")), qos=QOS, **changes).of_job(partition, qos, PARTITIONS, NOW)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, NO_PREEMPTION),
        ({"PreemptType": "preempt/none", "PreemptMode": "OFF"}, NO_PREEMPTION),
        ({"PreemptType": "(null)", "PreemptMode": "GANG"}, Preemption("", frozenset({"GANG"}))),
        ({"PreemptType": "preempt/qos", "PreemptMode": "OFF"}, NO_PREEMPTION),
        ({"PreemptType": "preempt/partition_prio", "PreemptMode": "REQUEUE"}, Preemption("partition", frozenset({"REQUEUE"}))),
        (
            {"PreemptType": "preempt/qos", "PreemptMode": "GANG,SUSPEND", "PreemptExemptTime": "00:01:30"},
            Preemption("qos", frozenset({"GANG", "SUSPEND"}), 90),
        ),
        (
            {
                "PreemptType": "preempt/qos",
                "PreemptMode": "CANCEL",
                "PreemptExemptTime": "soon",
                "PreemptParameters": "a,min_exempt_priority=7",
            },
            Preemption("qos", frozenset({"CANCEL"}), 0, 7),
        ),
    ],
)
def test_what_the_configuration_says(values: dict[str, str], expected: Preemption) -> None:
    """By partition, by QOS, or not at all; a word that is no time is no time."""
    assert Preemption.parse(config(**values)) == expected


def test_qos_are_known_by_name() -> None:
    """Those that slurmdbd tells of; others have no rule."""
    found = Preemption.parse(config(PreemptType="preempt/qos", PreemptMode="CANCEL"), QOS.values())
    assert (found.qos_of("fresh"), found.qos_of("new")) == (QOS["fresh"], Qos("new"))


@pytest.mark.parametrize(
    ("changes", "job", "room"),
    [
        pytest.param({}, {}, "all", id="lower-partition"),
        pytest.param({}, {"partition": "same"}, "", id="same-tier"),
        pytest.param({"partition": LOW}, {"partition": "high"}, "", id="higher-partition"),
        pytest.param({}, {"partition": "gone"}, "all", id="partition-of-before"),
        pytest.param({"modes": "CANCEL"}, {}, "all", id="cancel"),
        pytest.param({"modes": "GANG,SUSPEND"}, {}, "cores", id="suspend"),
        pytest.param({"modes": "SUSPEND"}, {}, "", id="suspend-without-gang"),
        pytest.param({}, {"state": "SUSPENDED"}, "all", id="suspended"),
        pytest.param({}, {"state": "COMPLETING"}, "", id="ending"),
        pytest.param({}, {"state": "PENDING"}, "", id="waiting"),
        pytest.param({"exempt_seconds": 3601}, {}, "", id="exempt"),
        pytest.param({"exempt_seconds": 3600}, {}, "all", id="no-longer-exempt"),
        pytest.param({"exempt_seconds": 3600}, {"qos": "scavenge"}, "all", id="qos-without-its-own-time"),
        pytest.param({"exempt_priority": 5}, {"priority": 6}, "", id="exempt-by-priority"),
        pytest.param({"exempt_priority": 5}, {"priority": 5}, "all", id="priority-not-above"),
        pytest.param({"by": ""}, {}, "", id="nobody-has-to"),
        pytest.param({"by": "qos", "qos": "above"}, {}, "", id="qos-not-listed"),
        pytest.param({"by": "qos", "qos": "above"}, {"qos": "scavenge", "partition": "same"}, "all", id="qos-listed"),
        pytest.param({"by": "qos", "qos": "above"}, {"qos": "above"}, "", id="same-qos"),
        pytest.param({"by": "qos", "qos": "above"}, {"qos": "spared"}, "", id="qos-spared"),
        pytest.param({"by": "qos", "qos": "above"}, {"qos": "fresh", "start": NOW - 599}, "", id="qos-exempt"),
        pytest.param({"by": "qos", "qos": "above"}, {"qos": "fresh", "start": NOW - 600}, "all", id="qos-no-longer-exempt"),
        pytest.param({"by": "qos", "qos": "above", "modes": "GANG,SUSPEND"}, {"qos": "ended"}, "all", id="qos-with-its-own-mode"),
        pytest.param({"by": "qos", "qos": "above", "modes": "GANG,SUSPEND"}, {"qos": "scavenge"}, "cores", id="qos-suspended"),
        pytest.param({"by": "qos"}, {"qos": "scavenge"}, "", id="no-qos-of-ours-says-so"),
    ],
)
def test_what_a_job_leaves(changes: dict[str, Any], job: dict[str, Any], room: str) -> None:
    """All that it has, its cores, or nothing."""
    found = rules(**changes)
    assert found.room(running(**job)) == room
    assert going_for(found, [running(**job)]) == ({1: room} if room else {}, {})


def test_a_partition_with_its_own_mode() -> None:
    """It comes before the cluster's."""
    for mode, room in (("OFF", ""), ("CANCEL", "all"), ("GANG,SUSPEND", "cores"), ("", "all")):
        own = Preemption("partition", frozenset({"REQUEUE", "GANG"})).of_job(HIGH, "", {"low": Partition("low", preempt_mode=mode)}, NOW)
        assert own.room(running()) == room, mode


@pytest.mark.parametrize(
    ("changes", "job"),
    [
        pytest.param({"by": "qos", "qos": "within"}, {"qos": "within"}, id="within-one-qos"),
        pytest.param({"by": "qos", "modes": "REQUEUE,WITHIN"}, {}, id="within-every-qos"),
        pytest.param({"by": "qos", "qos": "ranked"}, {"qos": "scavenge"}, id="a-qos-that-ranks"),
        pytest.param({"modes": "REQUEUE,PRIORITY"}, {}, id="all-by-rank"),
        pytest.param({"partition": Partition("high", priority_tier=3, preempt_mode="PRIORITY")}, {}, id="a-partition-that-ranks"),
    ],
)
def test_who_perhaps_makes_room(changes: dict[str, Any], job: dict[str, Any]) -> None:
    """Priorities decide, which nobody knows of a job that is not there yet."""
    found = rules(**changes)
    assert going_for(found, [running(**job), running(**job, job_id=2, state="COMPLETING")]) == ({}, {1: "all"})


@pytest.mark.parametrize(
    ("changes", "job", "expected"),
    [
        ({}, {"partition": "low"}, True),
        ({}, {"partition": "same"}, False),
        ({}, {"partition": "low,same"}, False),
        ({"partition": LOW}, {"partition": "high"}, False),
        ({"by": ""}, {"partition": "low"}, True),
        ({"by": "qos", "qos": "above", "partition": SAME}, {"partition": "high", "qos": "scavenge"}, True),
        ({"by": "qos", "qos": "above", "partition": SAME}, {"partition": "high", "qos": "above"}, False),
        ({"by": "partition", "qos": "above", "partition": SAME}, {"partition": "high", "qos": "scavenge"}, False),
    ],
)
def test_whom_slurm_tries_later(changes: dict[str, Any], job: dict[str, Any], expected: bool) -> None:
    """Those of lower partitions, whoever preempts whom, and of QOS that make room."""
    assert rules(**changes).comes_before(running(state="PENDING", **job)) is expected


def test_how_long_it_takes() -> None:
    """GraceTime of the partition, or of the QOS."""
    by_partition = Preemption("partition", frozenset({"CANCEL"})).of_job(HIGH, "", {"low": Partition("low", grace_seconds=90)}, NOW)
    assert by_partition.grace_seconds(running()) == 90
    assert rules("qos").grace_seconds(running(qos="scavenge")) == 30
    assert rules("qos").grace_seconds(running(qos="new")) == 0


def busy(used: str = "gpu:v100:2(IDX:0-1)", **changes: Any) -> Node:
    return node("g001", used=used, state="mixed", **{"cores_allocated": 20, "memory_mb_allocated": 30000, **changes})


def held(job_id: int, tres: str = "cpu=8,mem=10000M,node=1,gres/gpu=1,gres/gpu:v100=1", **changes: Any) -> Job:
    return running(**{"job_id": job_id, "cores": 8, "nodes": ("g001",), "tres": tres, **changes})


def test_nobody_leaves() -> None:
    """The node is as it is."""
    before = busy()
    assert once_gone(before, [held(1)], {2: "all"}) is before


def test_all_leave() -> None:
    """The node is idle, whatever their shares are; one that is down stays so."""
    after = once_gone(busy(), [held(1), held(2)], {1: "all", 2: "all"})
    assert (after.state, after.cores_allocated, after.memory_mb_allocated, after.gres_used) == ("idle", 0, 0, ())
    assert once_gone(replace(busy(), state="down"), [held(1)], {1: "all"}).state == "down"


@pytest.mark.parametrize(
    ("used", "job", "room", "expected"),
    [
        pytest.param("gpu:v100:2(IDX:0-1)", {}, "all", (12, 20000, (Gres("gpu", "v100", 1),)), id="all-it-has"),
        pytest.param("gpu:v100:2(IDX:0-1)", {}, "cores", (12, 30000, (Gres("gpu", "v100", 2, "IDX:0-1"),)), id="cores"),
        pytest.param(
            "gpu:v100:2(IDX:0-1)",
            {"nodes": ("g001", "g002"), "tres": "cpu=8,mem=10000M,gres/gpu=2"},
            "all",
            (16, 25000, (Gres("gpu", "v100", 1),)),
            id="a-share",
        ),
        pytest.param(
            "gpu:v100:2", {"tres": "cpu=8,mem=40G,gres/gpu=9"}, "all", (12, 0, (Gres("gpu", "v100", 0),)), id="never-below-nothing"
        ),
        pytest.param("gpu:v100:2", {"tres": "odd"}, "all", (12, 30000, (Gres("gpu", "v100", 2),)), id="unreadable"),
    ],
)
def test_some_leave(used: str, job: dict[str, Any], room: Any, expected: tuple[int, int, tuple[Gres, ...]]) -> None:
    """What one of two had is taken off; what cannot be read stays taken."""
    after = once_gone(busy(used), [held(1, **job), held(2)], {1: room})
    assert (after.cores_allocated, after.memory_mb_allocated, after.gres_used) == expected
    assert after.state == "mixed"


def test_gpus_without_a_type_on_a_node_of_two() -> None:
    """Nobody knows which they are: they stay taken."""
    both = parse_gres("gpu:v100:2,gpu:t4:2")
    used = parse_gres("gpu:v100:1(IDX:0),gpu:t4:1(IDX:2)")
    before = replace(busy(), gres=both, gres_used=used)
    assert once_gone(before, [held(1, "cpu=8,gres/gpu=1"), held(2)], {1: "all"}).gres_used == used
    typed = once_gone(before, [held(1, "cpu=8,gres/gpu=1,gres/gpu:t4=1"), held(2)], {1: "all"}).gres_used
    assert [(entry.type, entry.count) for entry in typed] == [("v100", 1), ("t4", 0)]
