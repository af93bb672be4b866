"""What one more job can have on each node and until when, number by number: what nodes, partitions, jobs and reservations leave of it."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.forecast import ClusterForecast
from spawner.availability.node_choice import NodeChoice
from spawner.availability.node_fit import MAINTENANCE, QUEUE, RESERVATION, NodeClass
from spawner.availability.node_state import GpuCount
from spawner.availability.ownership import ONE_USER, Submitter
from spawner.availability.preemption import Preemption
from spawner.slurm.model import Job, Node, Reservation
from spawner.slurm.shared_gres import Parts
from tests.support.builders import HOUR, MEMORY_MB, NOW, node, partition, reservation


def forecast(
    nodes: Sequence[Node],
    *,
    jobs: Iterable[Job] | None = (),
    reservations: Sequence[Reservation] = (),
    features: Sequence[str] = (),
    **changes: Any,
) -> ClusterForecast:
    """The cluster with one partition ``p`` of all these nodes, where no job shares a core unless the changes say so."""
    own = {"nodes": tuple(entry.name for entry in nodes), "oversubscribe": "NO", "oversubscribe_count": 1, **changes}
    return ClusterForecast(nodes, (partition("p", **own),), reservations, jobs, now=NOW, choice=NodeChoice(all_of=frozenset(features)))


def running(job_id: int = 1, cores: int = 8, **changes: Any) -> Job:
    """A job of the partition that runs on g003."""
    return Job(**{"job_id": job_id, "user": "eve", "state": "RUNNING", "partition": "p", "nodes": ("g003",), "cores": cores, **changes})


def planned(start: int | None, *nodes: str, **changes: Any) -> Job:
    """A job that waits, for which Slurm has chosen g003, or these nodes, and a moment."""
    return Job(
        **{
            "job_id": 99,
            "user": "eve",
            "state": "PENDING",
            "reason": "Resources",
            "partition": "p",
            "planned_nodes": nodes or ("g003",),
            "start": start,
            **changes,
        }
    )


def later(hours: int, name: str = "later", **changes: Any) -> Reservation:
    """A reservation of all of g003 that begins in so many hours."""
    return reservation(name, **{"start": NOW + hours * HOUR, "end": NOW + 99 * HOUR, **changes})


def part(cores: int, name: str = "part", **changes: Any) -> Reservation:
    """A reservation of some cores of g003, which is active."""
    return reservation(name, core_count=cores, **changes)


FORCE = {"oversubscribe": "FORCE", "oversubscribe_count": 2}
SHARDS = {"gres": "gpu:v100:2,shard:v100:10", "used": "gpu:v100:0(IDX:N/A),shard:v100:2(2/5,0/5)"}


@pytest.mark.parametrize(
    ("of_node", "of_partition", "others", "expected"),
    [
        pytest.param({}, {}, {}, {}, id="idle"),
        pytest.param({"cores_allocated": 40, "memory_mb_allocated": 1000}, {}, {}, {"cores": 8, "memory_mb": MEMORY_MB - 1000}, id="in-use"),
        pytest.param({"cores_allocated": 48, "memory_mb_allocated": MEMORY_MB}, {}, {}, {"cores": 0, "memory_mb": 0}, id="full"),
        pytest.param({"cores_allocated": 50, "memory_mb_allocated": MEMORY_MB + 9}, {}, {}, {"cores": 0, "memory_mb": 0}, id="more-than-full"),
        pytest.param({"cores_system": 2, "memory_mb_system": 300}, {}, {}, {"cores": 46, "cores_total": 46, "memory_mb": MEMORY_MB - 300, "memory_mb_total": MEMORY_MB - 300}, id="what-the-system-keeps"),
        pytest.param({"used": "gpu:v100:1(IDX:0)"}, {}, {}, {"gpus": (GpuCount("v100", 2, 1),)}, id="a-gpu-in-use"),
        pytest.param({"threads_per_core": 2}, {}, {}, {"cores_together": 2}, id="threads"),
        pytest.param({"threads_per_core": 0}, {}, {}, {"cores_together": 1}, id="threads-not-told"),
        pytest.param({"flags": "powered_down"}, {}, {}, {"asleep": True}, id="switched-off"),
        pytest.param({"flags": "powering_up"}, {}, {}, {"asleep": True}, id="being-switched-on"),
        pytest.param({"flags": "drain"}, {}, {}, {"why_not": "drained"}, id="drained"),
        # --- the partition's own limits
        pytest.param({}, {"max_cores_per_node": 30}, {}, {"cores": 30, "cores_total": 30, "cores_to_ask": 30, "cores_to_ask_now": 30}, id="cores-of-the-partition"),
        pytest.param({"cores_allocated": 20}, {"max_cores_per_node": 30}, {"jobs": [running(1, 12), running(2, 8)]}, {"cores": 28, "cores_total": 30, "cores_to_ask": 30, "cores_to_ask_now": 10}, id="its-jobs-count"),
        pytest.param({"cores_allocated": 20}, {"max_cores_per_node": 30}, {"jobs": [running(cores=20, partition="q")]}, {"cores": 28, "cores_total": 30, "cores_to_ask": 30, "cores_to_ask_now": 30}, id="those-of-others-do-not"),
        pytest.param({"cores_allocated": 31}, {"max_cores_per_node": 30}, {"jobs": [running(cores=31)]}, {"cores": 17, "cores_total": 30, "cores_to_ask": 30, "cores_to_ask_now": 0}, id="more-than-it-may-have"),
        pytest.param({}, {"max_cores_per_node": 99}, {}, {}, id="more-cores-than-the-node"),
        pytest.param({}, {"max_memory_mb_per_node": 1000}, {}, {"memory_mb": 1000, "memory_mb_total": 1000}, id="memory-of-the-partition"),
        pytest.param({"memory_mb_allocated": MEMORY_MB - 500}, {"max_memory_mb_per_node": 1000}, {}, {"memory_mb": 500, "memory_mb_total": 1000}, id="less-is-free"),
        # --- cores that jobs share
        pytest.param({"cores_allocated": 40}, {**FORCE, "max_cores_per_node": 40}, {"jobs": [running(cores=40)]}, {"cores": 40, "cores_total": 40, "cores_to_ask": 40, "cores_to_ask_now": 40}, id="a-bound-in-an-empty-row"),
        pytest.param({"cores_allocated": 40}, {**FORCE, "max_cores_per_node": 40}, {"jobs": [running(1, 40), running(2, 30)]}, {"cores": 10, "cores_total": 40, "cores_to_ask": 40, "cores_to_ask_now": 10}, id="a-bound-in-a-row"),
        pytest.param({"cores_allocated": 48}, FORCE, {"jobs": [running(cores=48)]}, {}, id="a-row-is-empty"),
        pytest.param({"cores_allocated": 48}, FORCE, {"jobs": [running(1, 48), running(2, 40)]}, {"cores": 8}, id="what-the-emptiest-row-has"),
        pytest.param({"cores_allocated": 20}, FORCE, {"jobs": [running(1, 48), running(2, 40)]}, {"cores": 28}, id="cores-that-nobody-has"),
        pytest.param({"cores_allocated": 48}, FORCE, {"jobs": [running(1, 48), running(2, 48)]}, {"cores": 0}, id="all-rows-are-full"),
        pytest.param({"cores_allocated": 48}, FORCE, {"jobs": [running(1, 30), running(2, 10), running(3, 10)]}, {"cores": 38}, id="the-first-row-with-room"),
        pytest.param({"cores_allocated": 48}, FORCE, {"jobs": [running(1, 16, start=NOW), running(2, 20, start=NOW - 9), running(3, 28, start=NOW - 5)]}, {"cores": 32}, id="in-the-order-of-their-starts"),
        pytest.param({"cores_allocated": 48}, FORCE, {"jobs": None}, {}, id="jobs-not-known"),
        pytest.param({"cores_allocated": 48}, FORCE, {"jobs": [running(1, 96, nodes=("g003", "g004")), running(2, 80, nodes=("g003", "g004"))]}, {"cores": 8}, id="a-share-of-wide-jobs"),
        # --- whole nodes and parts of GPUs
        pytest.param(SHARDS, {}, {}, {"gpus": (GpuCount("v100", 2, 1),), "parts": (Parts("shard", "v100", 5, 5, 5),)}, id="parts-of-gpus"),
        pytest.param(SHARDS, {"oversubscribe": "EXCLUSIVE"}, {}, {"why_not": "in use, and the partition gives whole nodes only", "gpus": (GpuCount("v100", 2, 1),)}, id="no-parts-of-whole-nodes"),
        pytest.param({}, {"oversubscribe": "EXCLUSIVE"}, {"reservations": [part(8)]}, {"why_not": "partly reserved, and the partition gives whole nodes only", "cores": 40}, id="no-whole-node-is-left"),
        pytest.param({}, {"oversubscribe": "EXCLUSIVE"}, {}, {}, id="a-whole-node-is-free"),
        pytest.param({"state": "mixed"}, {"oversubscribe": "EXCLUSIVE"}, {}, {"why_not": "in use, and the partition gives whole nodes only"}, id="a-whole-node-is-in-use"),
        pytest.param({"cores_allocated": 1}, {"oversubscribe": "EXCLUSIVE"}, {}, {"why_not": "in use, and the partition gives whole nodes only", "cores": 47}, id="a-core-of-it-is-in-use"),
        pytest.param({"memory_mb_allocated": 1}, {"oversubscribe": "EXCLUSIVE"}, {}, {"why_not": "in use, and the partition gives whole nodes only", "memory_mb": MEMORY_MB - 1}, id="memory-of-it-is-in-use"),
        # --- what others have reserved
        pytest.param({}, {}, {"reservations": [reservation()]}, {"why_not": "reserved", "back": NOW + 2 * HOUR}, id="reserved"),
        pytest.param({"flags": "maintenance"}, {}, {"reservations": [reservation(flags=frozenset({"MAINT"}))]}, {"why_not": "in maintenance", "back": NOW + 2 * HOUR}, id="in-maintenance"),
        pytest.param({"flags": "drain"}, {}, {"reservations": [reservation()]}, {"why_not": "drained"}, id="drained-whoever-has-reserved-it"),
        pytest.param({}, {}, {"reservations": [reservation("a"), reservation("b", end=NOW + 5 * HOUR), reservation("c")]}, {"why_not": "reserved", "back": NOW + 5 * HOUR}, id="until-the-last-is-over"),
        pytest.param({}, {}, {"reservations": [reservation(end=NOW)]}, {}, id="over"),
        pytest.param({}, {}, {"reservations": [reservation(end=NOW + 1)]}, {"why_not": "reserved", "back": NOW + 1}, id="nearly-over"),
        pytest.param({}, {}, {"reservations": [reservation(nodes=("g004",))]}, {}, id="another-node"),
        pytest.param({}, {}, {"reservations": [later(3)]}, {"until": NOW + 3 * HOUR, "until_for": RESERVATION}, id="later"),
        pytest.param({}, {}, {"reservations": [later(3, flags=frozenset({"MAINT", "SPEC_NODES"}))]}, {"until": NOW + 3 * HOUR, "until_for": MAINTENANCE}, id="maintenance-later"),
        pytest.param({}, {}, {"reservations": [later(5, "a"), later(2, "b"), later(4, "c")]}, {"until": NOW + 2 * HOUR, "until_for": RESERVATION}, id="the-first-of-several"),
        pytest.param({}, {}, {"reservations": [later(3, "a", flags=frozenset({"MAINT"})), later(3, "b")]}, {"until": NOW + 3 * HOUR, "until_for": MAINTENANCE}, id="of-two-at-once-the-one-named-first"),
        pytest.param({}, {}, {"reservations": [reservation("a"), later(3)]}, {"why_not": "reserved", "back": NOW + 2 * HOUR, "until": NOW + 3 * HOUR, "until_for": RESERVATION}, id="now-and-later"),
        # --- some of its cores
        pytest.param({"flags": "reserved"}, {}, {"reservations": [part(8)]}, {"cores": 40}, id="some-cores"),
        pytest.param({"flags": "reserved"}, {}, {"reservations": [part(8, "a"), part(4, "b")]}, {"cores": 36}, id="of-two-reservations"),
        pytest.param({}, {}, {"reservations": [part(8, start=NOW + HOUR)]}, {"cores": 40}, id="some-cores-later-are-gone-at-once"),
        pytest.param({}, {}, {"reservations": [part(8, end=NOW)]}, {}, id="some-cores-no-longer"),
        pytest.param({"cores_allocated": 45}, {}, {"reservations": [part(8)]}, {"cores": 0}, id="fewer-than-are-kept"),
        pytest.param({}, {}, {"reservations": [part(48)]}, {"why_not": "reserved", "back": NOW + 2 * HOUR}, id="some-cores-that-are-all"),
        pytest.param({}, {}, {"reservations": [part(9, nodes=("g003", "g004"))]}, {"cores": 43}, id="a-share-of-each-node"),
        pytest.param({"threads_per_core": 2}, {}, {"reservations": [part(8)]}, {"cores": 32, "cores_together": 2}, id="cores-not-threads"),
        pytest.param({}, {"max_cores_per_node": 44}, {"reservations": [part(8)]}, {"cores": 40, "cores_total": 44, "cores_to_ask": 44, "cores_to_ask_now": 44}, id="kept-ones-before-the-partitions-limit"),
        # --- jobs in front
        pytest.param({}, {}, {"jobs": [planned(NOW + 600)]}, {"until": NOW + 600, "until_for": QUEUE}, id="planned"),
        pytest.param({}, {}, {"jobs": [planned(NOW + 900), planned(NOW + 600), planned(NOW + 700)]}, {"until": NOW + 600, "until_for": QUEUE}, id="the-first-plan"),
        pytest.param({}, {}, {"jobs": [planned(NOW + 600, "g004")]}, {}, id="planned-elsewhere"),
        pytest.param({}, {}, {"jobs": [planned(None)]}, {}, id="nodes-without-a-moment"),
        pytest.param({}, {}, {"jobs": [planned(NOW + 600, state="COMPLETED")]}, {}, id="a-plan-of-one-that-is-over"),
        pytest.param({}, {}, {"jobs": [planned(NOW + 600, reason="Dependency")]}, {"until": NOW + 600, "until_for": QUEUE}, id="planned-whatever-it-waits-for"),
        pytest.param({}, {}, {"jobs": [planned(NOW + HOUR)], "reservations": [later(1)]}, {"until": NOW + HOUR, "until_for": RESERVATION}, id="at-once-with-a-reservation"),
        pytest.param({}, {}, {"jobs": [planned(NOW + HOUR - 1)], "reservations": [later(1)]}, {"until": NOW + HOUR - 1, "until_for": QUEUE}, id="just-before-it"),
        pytest.param({"flags": "planned"}, {}, {"jobs": None}, {"why_not": "kept for a job that waits already"}, id="slurms-mark-only"),
        pytest.param({"flags": "planned"}, {}, {}, {}, id="the-mark-of-a-plan-that-is-known"),
    ],
)  # fmt: skip
def test_what_one_more_job_can_have(
    of_node: dict[str, Any], of_partition: dict[str, Any], others: dict[str, Any], expected: dict[str, Any]
) -> None:
    """All of an idle node, for ever, less what the row names; whatever else the node says stays as it is."""
    idle = {"nodes": 1, "why_not": "", "cores": 48, "memory_mb": MEMORY_MB, "gpus": (GpuCount("v100", 2, 2),)}
    size = {"cores_total": 48, "memory_mb_total": MEMORY_MB, "cores_together": 1}
    cluster = forecast([node("g003", **of_node)], **of_partition, **others)
    assert cluster.node_classes("p") == (NodeClass(**{**idle, **size, **expected}),)


# --- in a reservation ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([reservation()], ("", 48, 48, ""), id="a-whole-node"),
        pytest.param([part(8, "course")], ("", 8, 8, ""), id="some-cores"),
        pytest.param([part(5, "course", nodes=("g003", "g004"))], ("", 3, 3, ""), id="a-share-of-two-nodes"),
        pytest.param([reservation(), reservation("other")], ("reserved", 48, 48, ""), id="another-holds-it-too"),
        pytest.param([reservation(), part(8)], ("", 40, 48, ""), id="another-holds-some-cores"),
        pytest.param([reservation(), later(1)], ("", 48, 48, RESERVATION), id="another-later"),
        *[
            pytest.param([reservation(flags=frozenset({flag})), reservation("other"), later(1), part(8)], ("", 48, 48, ""), id=flag)
            for flag in ("OVERLAP", "MAINT")
        ],
        pytest.param([reservation(flags=frozenset({"FLEX"})), later(1)], ("", 48, 48, RESERVATION), id="another-flag"),
    ],
)  # fmt: skip
def test_in_the_own_reservation(entries: list[Reservation], expected: tuple[str, int, int, str]) -> None:
    """Its cores on its node, whatever Slurm's mark says; what others hold counts, unless the own one may overlap or is a maintenance."""
    cluster = forecast([node("g001"), node("g003", flags="reserved")], reservations=entries)
    (found,) = cluster.node_classes("p", "course")
    assert (found.why_not, found.cores, found.cores_total, found.until_for) == expected


def test_some_cores_of_the_own_reservation_in_use() -> None:
    """Free are at most the cores that nobody has."""
    (found,) = forecast([node("g003", cores_allocated=45)], reservations=[part(8, "course")]).node_classes("p", "course")
    assert (found.cores, found.cores_total) == (3, 8)


def test_unknown_names() -> None:
    """There is nothing in a partition or a reservation that Slurm does not know, and a node that it does not list is none."""
    cluster = forecast([node("g001")], reservations=[reservation()])
    assert cluster.node_classes("q") == cluster.node_classes("p", "gone") == cluster.node_classes("p", "course") == ()
    strange = partition("p", nodes=("gone", "g001", "gone-too"))
    assert [entry.nodes for entry in ClusterForecast([node("g001")], (strange,), now=NOW).node_classes("p")] == [1]
    shared = forecast([node("g001")], reservations=[part(8, "course", nodes=("gone", "g001"))])
    assert [entry.cores for entry in shared.node_classes("p", "course")] == [4]


def test_some_cores_of_nodes_that_differ() -> None:
    """An equal share of each node; of one that has fewer cores all of them, for others as for the reservation's own jobs."""
    nodes = [node("g003"), node("g004", cores_total=16)]
    cluster = forecast(nodes, reservations=[part(60, "course", nodes=("g003", "g004"))])
    assert [entry.cores for entry in cluster.node_classes("p")] == [18, 0]
    assert [(entry.cores, entry.cores_total) for entry in cluster.node_classes("p", "course")] == [(30, 30), (16, 16)]


# --- nodes together -----------------------------------------------------------------------------------------------------------


def test_equal_nodes_are_one_entry() -> None:
    """Counted, in the partition's order; a node that differs in anything that a job could notice has its own."""
    different = [{"cores_allocated": 1}, {"memory_mb_allocated": 1}, {"flags": "drain"}, {"used": "gpu:v100:1(IDX:0)"}, {"threads_per_core": 2}, {"gpus_unfit": (("v100", 1),)}]  # fmt: skip
    nodes = [node("a"), *(node(f"b{number}", **changes) for number, changes in enumerate(different)), node("c"), node("d", reason="x")]
    found = forecast(nodes).node_classes("p")
    assert [entry.nodes for entry in found] == [3, 1, 1, 1, 1, 1, 1]
    assert [entry.cores for entry in found] == [48, 47, 48, 48, 48, 48, 48]


def test_one_answer_for_all_users() -> None:
    """What is found once is kept, by partition and reservation."""
    cluster = forecast([node("g001"), node("g003")], reservations=[reservation()])
    assert cluster.node_classes("p") is cluster.node_classes("p")
    assert [sum(entry.nodes for entry in cluster.node_classes("p", name)) for name in ("", "course", "")] == [2, 1, 2]


def test_only_nodes_with_the_features() -> None:
    """All features that the admin's options ask for."""
    nodes = [node("a", features=("ib", "avx")), node("b", features=("ib",)), node("c"), node("d", features=("avx", "x", "ib"))]
    assert [sum(entry.nodes for entry in forecast(nodes, features=wanted).node_classes("p")) for wanted in ((), ("ib",), ("ib", "avx"), ("no",))] == [4, 3, 2, 0]  # fmt: skip


def test_jobs_of_another_partition_bar_the_node() -> None:
    """Where partitions share cores in different ways: beside its own jobs and without them; on other nodes nothing is in the way."""
    nodes = [node("g003", cores_allocated=8), node("g004")]
    names = ("g003", "g004")
    sharing = partition("q", nodes=names)
    own = partition("p", nodes=names, oversubscribe="NO", oversubscribe_count=1)

    def why_not(*jobs: Job) -> list[str]:
        return [entry.why_not for entry in ClusterForecast(nodes, (own, sharing), (), jobs, now=NOW).node_classes("p")]

    bar = "in use by jobs of another partition"
    assert why_not(running(1, 8, partition="q")) == [bar, ""]
    assert why_not(running(1, 4, partition="q"), running(2, 4)) == why_not(running(1, 4), running(2, 4, partition="q")) == [bar, ""]
    assert why_not(running(1, 4, partition="q"), running(2, 4, partition="gone")) == [bar, ""]
    assert why_not(running(1, 8)) == why_not(running(1, 8, partition="gone")) == ["", ""]


# --- who waits in front -------------------------------------------------------------------------------------------------------


def test_jobs_in_line() -> None:
    """All that wait for resources of the partition, and of them those without nodes or without a moment."""
    jobs = [
        planned(NOW + 60, "g001"),
        planned(None, "g001", reason="Priority"),
        planned(NOW + 60, planned_nodes=(), partition="q,p"),
        planned(None, reason="Resources (x)", state="REQUEUED", planned_nodes=()),
        planned(None, reason="Dependency"),
        planned(None, reason="QOSMaxJobsPerUserLimit"),
        planned(None, partition="q"),
        running(reason="Resources"),
    ]
    cluster = forecast([node()], jobs=jobs)
    assert [cluster.in_line(name) for name in ("p", "q", "r")] == [(4, 3), (2, 2), (0, 0)]


def test_without_a_job_that_waits() -> None:
    """Neither stands in front, nor keeps a node: those that run and the other ones stay. A job that is not there changes nothing."""
    jobs = [
        replace(planned(NOW + 60, "g001"), job_id=1),
        replace(planned(None, reason="Priority", planned_nodes=()), job_id=2),
        replace(running(1, 4), job_id=3),
    ]
    cluster = forecast([node()], jobs=jobs)
    assert cluster.without(3) is cluster.without(99) is cluster
    assert cluster.in_line("p") == (2, 1)
    assert cluster.without(2).in_line("p") == (1, 0)
    (kept,), (free,) = cluster.node_classes("p"), cluster.without(1).node_classes("p")
    assert (kept.until, free.until) == (NOW + 60, math.inf)
    assert cluster.without(1).in_line("p") == (1, 1)


def test_what_is_known_and_when() -> None:
    """The answer is as old as is said, else of now; no list of jobs is not an empty one."""
    assert (forecast([node()]).as_of, forecast([node()]).now, forecast([node()]).knows_jobs) == (NOW, NOW, True)
    assert ClusterForecast((), (), now=NOW, as_of=NOW - 9).as_of == NOW - 9
    assert not ClusterForecast((), (), now=NOW).knows_jobs


def test_two_reservations_of_some_cores() -> None:
    """Each has its own share of the node, whatever the other holds."""
    own = part(4, "own", end=NOW + 9 * HOUR)
    there = forecast([node("g003", cores_allocated=10)], reservations=[own, part(8, "other", end=NOW + 9 * HOUR)])
    assert [(entry.cores, entry.cores_total) for entry in there.node_classes("p", "own")] == [(4, 4)]
    full = forecast([node("g003", cores_allocated=38)], reservations=[own, part(8, "other", end=NOW + 9 * HOUR)])
    assert [entry.cores for entry in full.node_classes("p", "own")] == [2]


TIERS = (partition("high", nodes=("g001", "g002"), priority_tier=2), partition("low", nodes=("g002", "g003"), priority_tier=1))


def waiting(job_id: int, name: str, **changes: Any) -> Job:
    """A job that waits for resources there, without a plan."""
    return Job(**{"job_id": job_id, "user": "eve", "state": "PENDING", "reason": "Resources", "partition": name, **changes})


def test_who_stands_in_front() -> None:
    """Those of the partition, and those of a higher one that wait for the same nodes; each once."""
    jobs = [
        waiting(1, "high"),
        waiting(2, "low"),
        waiting(3, "high,low"),
        waiting(4, "high", tasks=5),
        waiting(5, "high", reason="Dependency"),
    ]
    tiers = ClusterForecast([node("g001"), node("g002"), node("g003")], TIERS, jobs=jobs, now=NOW)
    assert (tiers.in_line("high"), tiers.in_line("low")) == ((7, 7), (8, 8))
    twice = [waiting(1, "high,higher"), waiting(2, "low")]
    higher = partition("higher", nodes=("g002",), priority_tier=3)
    assert ClusterForecast([node("g002")], (*TIERS, higher), jobs=twice, now=NOW).in_line("low") == (2, 2)
    apart = ClusterForecast([node("g001"), node("g003")], (TIERS[0], partition("low", nodes=("g003",))), jobs=jobs, now=NOW)
    assert apart.in_line("low") == (2, 2)


def test_for_a_job_of_a_higher_partition() -> None:
    """What waits in lower ones neither stands in front nor keeps nodes; what waits in both does."""
    jobs = [
        waiting(1, "low", planned_nodes=("g002",), start=NOW + HOUR),
        waiting(2, "low,high", planned_nodes=("g001",), start=NOW + 2 * HOUR),
    ]
    tiers = ClusterForecast([node("g001"), node("g002"), node("g003")], TIERS, jobs=jobs, now=NOW)
    meets = tiers.for_job("high")
    assert (meets.with_room, meets.with_perhaps_room, meets.room_seconds, meets.roomiest) == (None, None, 0, meets.plain)
    assert meets.plain.in_line("high") == (1, 0)
    assert sorted(entry.until - NOW for entry in meets.plain.node_classes("high")) == [2 * HOUR, float("inf")]
    assert sorted(entry.until - NOW for entry in tiers.for_job("low").plain.node_classes("low")) == [HOUR, float("inf")]
    assert tiers.for_job("low").plain is tiers
    assert tiers.for_job("high") is meets


def test_a_job_that_meets_what_all_meet() -> None:
    """One partition, or a partition that Slurm does not know."""
    alone = ClusterForecast([node("g001")], [TIERS[0]], jobs=[waiting(1, "high")], now=NOW)
    assert alone.for_job("high").plain is alone
    assert alone.for_job("gone").plain is alone


def test_once_others_have_made_room() -> None:
    """The nodes of the partition without those jobs, and how long these may take at most."""
    jobs = [
        Job(1, "eve", "RUNNING", partition="low", nodes=("g002",), cores=8, tres="cpu=8,mem=8G,gres/gpu=2"),
        Job(2, "eve", "RUNNING", partition="high", nodes=("g002",), cores=8, tres="cpu=8,mem=8G"),
        Job(3, "eve", "RUNNING", partition="low", nodes=("g003",), cores=8, tres="cpu=8,mem=8G"),
    ]
    alone: dict[str, Any] = {"oversubscribe": "NO", "oversubscribe_count": 1}
    low = partition("low", nodes=("g002", "g003"), priority_tier=1, grace_seconds=70, **alone)
    high = partition("high", nodes=("g002",), priority_tier=2, **alone)
    taken: dict[str, Any] = {"state": "mixed", "cores_allocated": 16, "memory_mb_allocated": 16384, "used": "gpu:v100:2(IDX:0-1)"}
    rules = Preemption("partition", frozenset({"CANCEL"}))
    tiers = ClusterForecast([node("g002", **taken), node("g003", **taken)], (high, low), jobs=jobs, now=NOW, preemption=rules)
    meets = tiers.for_job("high")
    assert meets.with_room is meets.roomiest is not None
    (roomy,) = meets.roomiest.node_classes("high")
    assert (roomy.cores, roomy.memory_mb, roomy.gpus_free("v100")) == (40, MEMORY_MB - 8192, 2)
    (plain,) = meets.plain.node_classes("high")
    assert (plain.cores, plain.gpus_free("v100")) == (32, 0)
    assert meets.room_seconds == 70
    assert tiers.for_job("low").with_room is None
    ranked = Preemption("partition", frozenset({"CANCEL", "PRIORITY"}))
    perhaps = ClusterForecast([node("g002", **taken)], (high, low), jobs=jobs, now=NOW, preemption=ranked).for_job("high")
    assert perhaps.with_room is None
    assert perhaps.with_perhaps_room is not None
    assert perhaps.with_perhaps_room.node_classes("high")[0].gpus_free("v100") == 2


def test_nodes_kept_for_others() -> None:
    """They are told apart from those that are not, by the submitter; a node that is out of service says that first."""
    nodes = [node("g001"), node("g002"), node("g003", state="down")]
    jobs = [Job(1, "eve", "RUNNING", partition="p", nodes=("g002", "g003"), cores=1)]
    mine = ClusterForecast(nodes, [partition("p", nodes=("g001", "g002", "g003"), exclusive_user=True)], jobs=jobs, now=NOW)
    for user, expected in (("ada", ["", ONE_USER, "down"]), ("eve", ["", "down"])):
        assert [entry.why_not for entry in mine.for_job("p", Submitter(user)).plain.node_classes("p")] == expected
