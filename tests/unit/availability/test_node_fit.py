"""What one job takes, and whether a node has it: whole cores, memory, GPUs and parts of one, each up to the last and not one more."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.demand import Demand, MemoryRule, in_whole_cores
from spawner.availability.node_fit import MAINTENANCE, QUEUE, RESERVATION, NodeClass, sharing_jobs
from spawner.availability.node_state import GpuCount
from spawner.slurm.model import Job
from spawner.slurm.shared_gres import Parts
from tests.support.builders import NOW

GPUS = (GpuCount("v100", 5, 2, 1), GpuCount("a100", 3, 1, 2))
PARTS = (Parts("shard", "v100", 10, 3, 5), Parts("shard", "a100", 20, 2, 8), Parts("mps", "v100", 100, 25, 50))


def a_class(**changes: Any) -> NodeClass:
    """One node of 16 cores and 2000 MB, half of each free, with five V100 and three A100 and parts of both."""
    values: dict[str, Any] = {"nodes": 1, "why_not": "", "cores": 8, "memory_mb": 1000, "gpus": GPUS, "parts": PARTS}
    return NodeClass(**{**values, "cores_total": 16, "memory_mb_total": 2000, "cores_together": 1, **changes})


# --- cores --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cores", "threads", "taken"),
    [(1, 1, 1), (3, 1, 3), (1, 2, 2), (2, 2, 2), (3, 2, 4), (4, 2, 4), (5, 4, 8), (8, 4, 8)],
)
def test_cores_are_taken_whole(cores: int, threads: int, taken: int) -> None:
    """Where a core has threads, a job gets all threads of each of its cores."""
    assert in_whole_cores(cores, threads) == taken
    assert a_class(cores_together=threads).cores_taken(Demand(cores, 1)) == taken


@pytest.mark.parametrize(
    ("rule", "cores", "memory_mb", "taken", "given"),
    [
        pytest.param({"most_per_cpu": 2000}, 1, 5000, 4, 3, id="more-memory-takes-more-cores"),
        pytest.param({"most_per_cpu": 2000}, 2, 4000, 2, 2, id="as-much-as-the-cores-may-have"),
        pytest.param({"most_per_cpu": 2000}, 2, 9000, 6, 5, id="cores-are-added"),
        pytest.param({"most_per_cpu": 2000, "adds_tasks": True}, 2, 9000, 6, 4, id="tasks-are-added"),
        pytest.param({"most_per_cpu": 2000, "option": "mem-per-cpu"}, 2, 6001, 4, 4, id="a-multiple-where-each-core-asks"),
        pytest.param({"most_per_cpu": 2000, "option": "mem-per-cpu", "adds_tasks": True}, 1, 5000, 4, 3, id="of-each-core-also-before"),
        pytest.param({"most_per_cpu": 2000, "option": "none"}, 2, 9000, 2, 2, id="no-memory-is-asked-for"),
        pytest.param({}, 2, 9000, 2, 2, id="no-bound"),
    ],
)
def test_cores_for_memory(rule: dict[str, Any], cores: int, memory_mb: int, taken: int, given: int) -> None:
    """MaxMemPerCPU: a node must have free what the memory makes, in whole cores of two threads; what is given depends on the version."""
    memory_rule, demand = MemoryRule(**rule), Demand(cores, memory_mb)
    there = a_class(cores_together=2, memory_mb=99999, memory_rule=memory_rule, cores=taken)
    assert there.cores_taken(demand) == taken
    assert memory_rule.cores_given(demand) == given
    assert there.holds(demand)
    assert not replace(there, cores=taken - 1).holds(demand)


def test_gpus_get_no_cores_for_their_memory_before_24_11() -> None:
    """The cores have to be free all the same."""
    before, demand = MemoryRule(most_per_cpu=2000, adds_tasks=True), Demand(2, 9000, gpus=1)
    assert (before.cores_needed(demand), before.cores_given(demand)) == (5, 2)
    assert MemoryRule(most_per_cpu=2000).cores_given(demand) == 5


@pytest.mark.parametrize(
    ("most", "threads", "cores", "gpus", "may"),
    [
        (None, 2, 99, 1, True), (3, 1, 2, 1, True), (3, 2, 2, 1, False), (3, 2, 2, 0, True), (3, 2, 3, 1, True), (3, 2, 1, 1, True),
        (3, 2, 4, 0, False), (5, 2, 2, 1, False), (5, 2, 3, 1, True), (5, 2, 4, 1, False),
        (7, 2, 4, 1, False), (7, 2, 6, 1, False), (7, 2, 5, 1, True), (6, 2, 4, 1, True),
    ],
)  # fmt: skip
def test_a_bound_that_is_odd(most: int | None, threads: int, cores: int, gpus: int, may: bool) -> None:
    """Each of these was tried on 22.05.8, on a node of eight CPUs with two threads a core, and with GPUs and without."""
    assert a_class(odd_threads=threads).may_ask(Demand(cores, 1, gpus=gpus), most) is may


def test_memory_that_can_be_asked_for() -> None:
    """No more than the free cores make of MaxMemPerCPU."""
    assert a_class(memory_rule=MemoryRule(most_per_cpu=100)).memory_to_ask == 800
    assert a_class(memory_rule=MemoryRule(most_per_cpu=200)).memory_to_ask == 1000
    assert a_class(cores_to_ask_now=3).whole_cores == 3


@pytest.mark.parametrize(("cores", "threads", "whole"), [(7, 1, 7), (7, 2, 6), (8, 2, 8), (3, 4, 0)])
def test_whole_cores_that_are_free(cores: int, threads: int, whole: int) -> None:
    """A thread whose neighbour is taken is no use to another job."""
    assert a_class(cores=cores, cores_together=threads).whole_cores == whole


def test_the_same_without_gpus() -> None:
    """Cores, memory and time stay."""
    assert Demand(4, 100, "v100", 2, 30, "shard").without_gpus == Demand(4, 100, "", 0, 30, "gpu")


# --- GPUs ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpu_type", "total", "free", "unfit"), [("", 8, 3, 3), ("v100", 5, 2, 1), ("a100", 3, 1, 2), ("t4", 0, 0, 0)], ids=repr
)
def test_gpus_of_a_type(gpu_type: str, total: int, free: int, unfit: int) -> None:
    """Those of one type; of all types together where none is named, for Slurm mixes them then."""
    found = a_class()
    assert (found.gpus_total(gpu_type), found.gpus_free(gpu_type), found.gpus_unfit(gpu_type)) == (total, free, unfit)


@pytest.mark.parametrize(
    ("gres", "gpu_type", "total", "least", "most"),
    [
        ("shard", "", 20, 3, 8),
        ("shard", "v100", 10, 3, 5),
        ("shard", "a100", 20, 2, 8),
        ("mps", "", 100, 25, 50),
        ("mps", "a100", 0, 0, 0),
        ("shard", "t4", 0, 0, 0),
    ],
)
def test_parts_of_a_card(gres: str, gpu_type: str, total: int, least: int, most: int) -> None:
    """The largest part of one card, never a sum over cards: of all types the best one, and none of another kind of part."""
    found = a_class()
    assert (found.part_total(gres, gpu_type), found.part_free(gres, gpu_type), found.part_perhaps_free(gres, gpu_type)) == (
        total,
        least,
        most,
    )


@pytest.mark.parametrize(
    ("wanted", "most_there", "most_free"),
    [
        pytest.param(("v100", "gpu"), 5, 2, id="of-a-type"),
        pytest.param(("", "gpu"), 8, 3, id="of-any-type"),
        pytest.param(("v100", "shard"), 10, 3, id="a-part-of-a-type"),
        pytest.param(("", "mps"), 100, 25, id="a-part-of-any-type"),
    ],
)
def test_how_many_gpus_can_be_asked_for(wanted: tuple[str, str], most_there: int, most_free: int) -> None:
    """All that the node has, or has free, and not one more; of parts as large a one as a card has."""
    gpu_type, gres = wanted
    found = a_class()
    assert [found.has_gpus(gpu_type, number, gres) for number in (most_there, most_there + 1)] == [True, False]
    assert [found.has_free(gpu_type, number, gres) for number in (most_free, most_free + 1)] == [True, False]
    assert [found.could_hold(Demand(1, 1, gpu_type, number, gres=gres)) for number in (most_there, most_there + 1)] == [True, False]
    assert [found.holds(Demand(1, 1, gpu_type, number, gres=gres)) for number in (most_free, most_free + 1)] == [True, False]


def test_whole_gpus_unless_parts_are_named() -> None:
    """A node whose cards are given out in parts only has no GPU for a job that wants one."""
    parts_only = a_class(gpus=())
    assert not parts_only.has_gpus("", 1)
    assert not parts_only.has_free("", 1)
    assert a_class(parts=()).has_gpus("v100", 5)
    assert a_class(parts=()).has_free("v100", 2)


# --- all of it ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "demand", "now", "ever"),
    [
        pytest.param({}, Demand(8, 1000), True, True, id="all-that-is-free"),
        pytest.param({}, Demand(9, 1000), False, True, id="one-core-more"),
        pytest.param({}, Demand(8, 1001), False, True, id="one-megabyte-more"),
        pytest.param({}, Demand(16, 2000), False, True, id="all-there-is"),
        pytest.param({}, Demand(17, 2000), False, False, id="one-core-too-many"),
        pytest.param({}, Demand(16, 2001), False, False, id="one-megabyte-too-many"),
        pytest.param({"cores_together": 2}, Demand(7, 1000), True, True, id="threads-that-fit"),
        pytest.param({"cores_together": 2, "cores": 7}, Demand(7, 1000), False, True, id="half-a-core-is-taken"),
        pytest.param({"cores_together": 2, "cores_total": 7}, Demand(7, 1000), True, False, id="more-whole-cores-than-a-job-may-have"),
        pytest.param({"why_not": "drained"}, Demand(1, 1), False, True, id="out-of-service"),
        pytest.param({"gpus": (), "parts": ()}, Demand(1, 1), True, True, id="no-gpus-wanted"),
        pytest.param({"gpus": (), "parts": ()}, Demand(1, 1, "v100", 1), False, False, id="no-gpus-there"),
        pytest.param({}, Demand(8, 1000, "v100", 2), True, True, id="with-gpus"),
        pytest.param({}, Demand(9, 1000, "v100", 2), False, True, id="gpus-without-the-cores"),
    ],
)
def test_holds(changes: dict[str, Any], demand: Demand, now: bool, ever: bool) -> None:
    """Now: all of it is free on a node in service. Ever: the empty node has all of it, whatever its state."""
    found = a_class(**changes)
    assert (found.holds(demand), found.could_hold(demand)) == (now, ever)


def test_threads_one_by_one() -> None:
    """As if each thread were given out by itself, the last odd one can be had, and still not one more than there are."""
    found = a_class(cores_together=2, cores_total=7)
    assert found.could_hold(Demand(7, 1), single_threads=True)
    assert not found.could_hold(Demand(8, 1), single_threads=True)
    assert not found.could_hold(Demand(7, 1))


@pytest.mark.parametrize(
    ("changes", "demand", "expected"),
    [
        pytest.param({}, Demand(8, 1000, "v100", 5, gres="shard"), True, id="as-much-as-there-may-be"),
        pytest.param({}, Demand(8, 1000, "v100", 6, gres="shard"), False, id="one-part-more"),
        pytest.param({}, Demand(8, 1000, "", 1, gres="shard"), True, id="the-smallest"),
        pytest.param({}, Demand(9, 1000, "v100", 1, gres="shard"), False, id="not-the-cores"),
        pytest.param({"why_not": "drained"}, Demand(1, 1, "v100", 1, gres="shard"), False, id="out-of-service"),
        pytest.param({}, Demand(1, 1), False, id="none-wanted"),
        pytest.param({}, Demand(1, 1, "v100", 1), False, id="a-whole-one-is-no-part"),
    ],
)
def test_may_hold(changes: dict[str, Any], demand: Demand, expected: bool) -> None:
    """The cores and the memory are free for certain, and the part of a GPU for all that is known."""
    assert a_class(**changes).may_hold(demand) is expected


@pytest.mark.parametrize(
    ("until", "minutes"),
    [
        pytest.param(math.inf, math.inf, id="for-ever"),
        pytest.param(NOW + 60 + 3600, 60, id="an-hour-and-the-margin"),
        pytest.param(NOW + 60 + 3599, 59, id="whole-minutes"),
        pytest.param(NOW + 60 + 60, 1, id="one"),
        pytest.param(NOW + 60 + 59.9, 0, id="less-than-one"),
        pytest.param(NOW, 0, id="no-time"),
        pytest.param(NOW - 3600, 0, id="overdue"),
    ],
)
def test_minutes_until_the_node_is_needed(until: float, minutes: float) -> None:
    """Whole minutes, less the one that Slurm needs to start a job; never less than none."""
    assert a_class(until=until).minutes(NOW) == minutes


@pytest.mark.parametrize(("until_for", "minutes"), [(MAINTENANCE, 29), (RESERVATION, 29), (QUEUE, 59)])
def test_minutes_of_a_job_that_shares_its_time(until_for: str, minutes: int) -> None:
    """A reservation is kept free of twice the time limit where two jobs take turns; a job that waits is not."""
    assert a_class(until=NOW + 3600, until_for=until_for, time_slices=2).minutes(NOW) == minutes
    assert a_class(time_slices=2).minutes(NOW) == float("inf")


def test_jobs_that_share_gpus() -> None:
    """Those that hold parts of GPUs now, under each of their nodes; one that waits, is over, or has whole GPUs only, is not among them."""

    def job(number: int, state: str, *nodes: str, tres: str = "cpu=1,gres/shard=2") -> Job:
        return Job(number, "eve", state, nodes=nodes, tres=tres)

    running, ending, starting = job(1, "RUNNING", "g001", "g002"), job(2, "COMPLETING", "g001"), job(3, "CONFIGURING", "g003")
    others = [job(4, "PENDING", "g001"), job(5, "COMPLETED", "g001"), job(6, "RUNNING", "g001", tres="cpu=1,gres/gpu=1")]
    assert sharing_jobs([*others, running, ending, starting]) == {"g001": [running, ending], "g002": [running], "g003": [starting]}
    assert sharing_jobs([]) == {}
