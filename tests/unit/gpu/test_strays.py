"""A stray process is told from a job that has just begun or ended, and costs the node its free GPU."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.node_state import gpus_of
from spawner.cluster.cluster import SlurmCluster
from spawner.gpu.agent.schema import Device
from spawner.gpu.devices import STRAY_MB_OF_PROCESS
from spawner.gpu.strays import LONGEST_PAUSE_SECONDS, StrayWatch
from spawner.slurm.reading import Reading
from tests.support.builders import node
from tests.support.gpu_nodes import device, report, split

FREE, SECOND_USED, ALL_USED = "gpu:v100:0(IDX:N/A)", "gpu:v100:1(IDX:1)", "gpu:v100:2(IDX:0-1)"
START = 1_800_000_000.0
AFTER = 30.0
EMPTY, FULL = device(1), device(1, memory_used_mb=20_000, processes=1)


class Looks:
    """Slurm's answers and the reports that were there with them, one after the other."""

    def __init__(self) -> None:
        self.watch = StrayWatch()

    def at(self, moment: float, used: str, second: Device, *, came: float) -> Mapping[str, frozenset[str]]:
        """Slurm is asked ``moment`` seconds after the start; the report came ``came`` seconds after it."""
        strays, _unfit = self.watch.look([(node(used=used), report(device(0), second), START + came)], as_of=START + moment, after=AFTER)
        return strays


STRAY = {"g001": frozenset({"GPU-1"})}


def test_one_that_lasts_is_a_stray() -> None:
    looks = Looks()

    assert looks.at(0, FREE, FULL, came=-5) == {}
    assert looks.at(20, FREE, FULL, came=15) == {}
    assert looks.at(40, FREE, FULL, came=30) == STRAY
    assert looks.at(60, FREE, FULL, came=45) == STRAY


def test_a_report_from_before_says_nothing_however_late_it_is_looked_at() -> None:
    """A node that no longer reports: its last report is from the job that has ended."""
    looks = Looks()
    looks.at(0, FREE, FULL, came=-5)

    assert looks.at(60, FREE, FULL, came=-5) == {}


def test_a_report_that_came_after_slurms_answer_may_show_a_new_job() -> None:
    looks = Looks()
    looks.at(0, FREE, FULL, came=-5)

    assert looks.at(40, FREE, FULL, came=41) == {}


def test_jobs_that_come_and_go_are_no_strays() -> None:
    looks = Looks()

    assert looks.at(0, FREE, FULL, came=-5) == {}, "a job that has just ended"
    assert looks.at(20, SECOND_USED, FULL, came=15) == {}, "the next one"
    assert looks.at(40, FREE, FULL, came=35) == {}, "and its end: the first look that counts"
    assert looks.at(60, FREE, EMPTY, came=50) == {}
    assert looks.at(80, FREE, FULL, came=75) == {}, "it was empty meanwhile"
    assert looks.at(100, FREE, FULL, came=90) == {}
    assert looks.at(120, FREE, FULL, came=110) == STRAY


@pytest.mark.parametrize(
    ("later", "found"),
    [
        pytest.param(LONGEST_PAUSE_SECONDS, STRAY, id="just short enough"),
        pytest.param(LONGEST_PAUSE_SECONDS + 1, {}, id="just too long"),
    ],
)
def test_after_a_long_pause_all_begins_anew(later: float, found: Mapping[str, frozenset[str]]) -> None:
    """Between two answers of Slurm's that are too far apart whole jobs may have come and gone."""
    looks = Looks()
    looks.at(0, FREE, FULL, came=-5)

    assert looks.at(later, FREE, FULL, came=later - 5) == found
    assert looks.at(later + 40, FREE, FULL, came=later + 35) == STRAY


def test_the_same_answer_of_slurms_looked_at_again_begins_nothing_anew() -> None:
    """A list from the cache, with newer reports, still counts from when Slurm first called the GPU free."""
    looks = Looks()
    looks.at(0, FREE, FULL, came=-5)
    looks.at(0, FREE, FULL, came=0)

    assert looks.at(31, FREE, FULL, came=30) == STRAY
    assert looks.at(31, FREE, FULL, came=31) == STRAY, "a report of the very moment at which Slurm was asked"


def test_a_clock_that_was_set_back_begins_anew() -> None:
    looks = Looks()
    looks.at(0, FREE, FULL, came=-5)

    assert looks.at(-3600, FREE, FULL, came=-3605) == {}
    assert looks.at(-3560, FREE, FULL, came=-3565) == STRAY


def test_nodes_that_have_nothing_of_it_are_left_out() -> None:
    watch = StrayWatch()
    lost = device(0, faults=("lost",))

    strays, unfit = watch.look(
        [
            (node("g001", used=FREE), report(device(0), EMPTY), START),
            (node("g002", used=ALL_USED), report(lost, FULL), START),
            (node("g003", used=FREE), report(lost, EMPTY), START),
        ],
        as_of=START,
        after=AFTER,
    )

    assert strays == {}
    assert unfit == {"g003": (("v100", 1),)}


def test_every_gpu_of_a_node_is_looked_at() -> None:
    """A stray on the first GPU hides neither the stray on the second nor the fault of the third; what is in use is not counted."""
    watch = StrayWatch()
    full = {"memory_used_mb": 20_000, "processes": 1}
    here = node(gres="gpu:v100:4", used="gpu:v100:1(IDX:3)")
    devices = report(device(0, **full), device(1, **full), device(2, faults=("lost",)), device(3, **full))
    watch.look([(here, devices, START)], as_of=START, after=AFTER)

    assert watch.look([(here, devices, START + AFTER)], as_of=START + AFTER, after=AFTER) == (
        {"g001": frozenset({"GPU-0", "GPU-1"})},
        {"g001": (("v100", 3),)},
    )


@pytest.mark.parametrize(
    ("used", "lost"),
    [
        pytest.param(FREE, 2, id="both free"),
        pytest.param(SECOND_USED, 1, id="one in use"),
        pytest.param(ALL_USED, 0, id="both in use"),
    ],
)
@pytest.mark.parametrize("listed", [True, False], ids=["with devices", "without devices"])
def test_a_driver_that_was_replaced_costs_the_node_all_its_free_gpus(used: str, lost: int, *, listed: bool) -> None:
    """No new program gets at any GPU until the node is restarted, though the report shows nothing wrong with a single one."""
    watch = StrayWatch()
    devices = (device(0), EMPTY) if listed else ()

    strays, unfit = watch.look([(node(used=used), report(*devices, error="version_mismatch"), START)], as_of=START, after=AFTER)

    assert strays == {}
    assert unfit == ({"g001": (("v100", lost),)} if lost else {})


def test_another_error_of_the_report_takes_nothing_off() -> None:
    """Only the replaced driver is known to make the GPUs of no use; a node whose driver does not answer is not known to be broken."""
    strays, unfit = StrayWatch().look([(node(used=FREE), report(error="no_driver"), START)], as_of=START, after=AFTER)

    assert (strays, unfit) == ({}, {})


@pytest.mark.parametrize(
    ("memory", "found"),
    [pytest.param(STRAY_MB_OF_PROCESS, STRAY, id="just enough"), pytest.param(STRAY_MB_OF_PROCESS - 1, {}, id="just too little")],
)
def test_a_process_that_takes_little_is_a_stray_all_the_same(memory: int, found: Mapping[str, frozenset[str]]) -> None:
    """With a process on it a GPU is filled from few MB on."""
    looks = Looks()
    little = device(1, memory_used_mb=memory, processes=1)
    looks.at(0, FREE, little, came=-5)

    assert looks.at(40, FREE, little, came=35) == found


@pytest.mark.parametrize(
    ("memory", "found"),
    [pytest.param(STRAY_MB_OF_PROCESS, True, id="just enough"), pytest.param(STRAY_MB_OF_PROCESS - 1, False, id="just too little")],
)
def test_a_slice_of_a_card_that_does_not_tell_its_own_memory(memory: int, *, found: bool) -> None:
    """A stray on a slice is found by the slice's memory, with nothing known of the card's and of the other slice's."""
    watch = StrayWatch()
    card = split(0, "3g.20gb", "3g.20gb", memory_used_mb=None)
    first, second = card.instances
    card = replace(card, instances=(replace(first, memory_used_mb=None), replace(second, memory_used_mb=memory, processes=1)))
    here = node(gres="gpu:a100_3g.20gb:2", used="gpu:a100_3g.20gb:0(IDX:N/A)")
    watch.look([(here, report(card), START)], as_of=START, after=AFTER)

    strays, unfit = watch.look([(here, report(card), START + AFTER)], as_of=START + AFTER, after=AFTER)

    assert strays == ({"g001": frozenset({second.uuid})} if found else {})
    assert unfit == ({"g001": (("a100_3g.20gb", 1),)} if found else {})


def test_other_resources_in_use_hide_no_stray() -> None:
    """Only GPUs that are given away can make a node not worth a look; that all of another resource is in use says nothing."""
    watch = StrayWatch()
    here = node(gres="gpu:v100:2,tape:8", used="gpu:v100:0(IDX:N/A),tape:8")
    watch.look([(here, report(device(0), FULL), START)], as_of=START, after=AFTER)

    strays, unfit = watch.look([(here, report(device(0), FULL), START + AFTER)], as_of=START + AFTER, after=AFTER)

    assert (strays, unfit) == (STRAY, {"g001": (("v100", 1),)})


# --- what the SlurmCluster makes of it ---


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def cluster_with(clock: Clock, nodes: list[Any], **settings: Any) -> SlurmCluster:
    """A SlurmCluster whose nodes are these, as Slurm has them when it is asked."""
    cluster = SlurmCluster(clock=clock, jitter=0.0, nodes_interval=1.0, **settings)

    async def read(*_arguments: Any) -> tuple[tuple[Any, ...], Reading]:
        return tuple(nodes), Reading()

    cluster.queries._read = read  # type: ignore[method-assign,assignment]
    return cluster


async def free_on_g001(cluster: SlurmCluster) -> int:
    found = (await cluster.nodes.get()).value
    return gpus_of(found[0])[0].free


@pytest.mark.parametrize(("trust", "free"), [(True, 1), (False, 2)])
def test_a_lost_device_is_not_free_unless_reports_are_not_trusted(trust: bool, free: int) -> None:
    clock = Clock()
    cluster = cluster_with(clock, [node(used=FREE), node("g002", used=FREE)], trust_gpu_reports=trust)

    async def scene() -> None:
        cluster.gpu_reports.put(report(device(0, faults=("lost",)), EMPTY))
        assert await free_on_g001(cluster) == free
        assert [view.faulty for view in cluster.reported(["g001"]).views(node())] == [True, False]

    asyncio.run(scene())


def test_a_stray_is_taken_off_and_comes_back() -> None:
    clock = Clock()
    cluster = cluster_with(clock, [node(used=FREE)])
    free, shown = [], []

    async def scene() -> None:
        for second in (FULL, FULL, FULL, FULL, EMPTY):
            cluster.gpu_reports.put(report(device(0), second))
            clock.now += 20
            free.append(await free_on_g001(cluster))
            shown.append([view.stray for view in cluster.reported(["g001"]).views(node(used=FREE))])

    asyncio.run(scene())
    assert free == [2, 2, 2, 1, 2]
    assert shown == [[False, False]] * 3 + [[False, True], [False, False]]


def test_a_report_that_is_too_old_takes_nothing_off() -> None:
    clock = Clock()
    cluster = cluster_with(clock, [node(used=FREE)])

    async def scene() -> None:
        cluster.gpu_reports.put(report(device(0, faults=("lost",)), EMPTY))
        assert await free_on_g001(cluster) == 1
        clock.now += cluster.gpu_reports_fresh + 1
        assert await free_on_g001(cluster) == 2
        assert cluster.reported(["g001"]).views(node()) == ()

    asyncio.run(scene())


def test_nodes_without_reports_are_not_even_copied() -> None:
    nodes = [node(used=FREE), node("g002", used=FREE)]
    cluster = cluster_with(Clock(), nodes)

    async def scene() -> None:
        cluster.gpu_reports.put(report(device(0, faults=("lost",)), EMPTY))
        found = (await cluster.nodes.get()).value
        assert found[0] is not nodes[0]
        assert found[1] is nodes[1]

    asyncio.run(scene())
