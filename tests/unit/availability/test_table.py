"""The GPU table against counts made by hand: nodes by the number of whole GPUs that a new job could get there now."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.availability.node_state import whole_node_reservations, why_not_usable
from spawner.availability.table import (
    MAX_NODES,
    MAX_PARTITIONS,
    Availability,
    Excerpt,
    PartitionAvailability,
    PartTable,
    availability,
    excerpt,
    of_partitions,
)
from spawner.slurm.model import Gres, Job, Node, Partition, Reservation
from tests.support.builders import HOUR, MEMORY_MB, NOW, cpu_partition, demo_nodes, node, partition, reservation

USED = {0: "gpu:v100:0(IDX:N/A)", 1: "gpu:v100:1(IDX:0)", 2: "gpu:v100:2(IDX:0-1)"}


def counted(
    *nodes: Node, partitions: tuple[Partition, ...] = (), reservations: tuple[Reservation, ...] = (), chosen: str = ""
) -> Availability:
    """The availability of these nodes, in one partition that has all of them unless others are given."""
    one = partition(nodes=tuple(entry.name for entry in nodes))
    return availability(nodes, partitions or (one,), reservations, now=NOW, reservation=chosen)


def table(*nodes: Node, **changes: Any) -> dict[str, dict[str, int]]:
    """The GPU table of the one partition."""
    return counted(*nodes, **changes).partitions[0].gpu_table


def v100(zero: int, one: int, two: int) -> dict[str, dict[str, int]]:
    """A table of V100s: how many nodes have none free, one, two."""
    return {"v100": {"0": zero, "1": one, "2": two}}


# --- which nodes count --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "flags", "why_not"),
    [
        pytest.param("idle", "", "", id="idle"),
        pytest.param("mixed", "", "", id="mixed"),
        pytest.param("allocated", "", "", id="allocated-cores-may-be-shared"),
        pytest.param("idle", "planned", "", id="planned"),
        pytest.param("idle", "powered_down", "", id="powered-down-starts-when-asked"),
        pytest.param("idle", "powering_up cloud", "", id="powering-up"),
        pytest.param("mixed", "powering_up cloud not_responding", "", id="booting"),
        pytest.param("mixed", "completing", "", id="completing"),
        pytest.param("mixed", "word_of_a_later_slurm", "", id="unknown-flag"),
        pytest.param("down", "", "down", id="down"),
        pytest.param("error", "", "error", id="error"),
        pytest.param("future", "", "future", id="future"),
        pytest.param("unknown", "", "unknown", id="unknown"),
        pytest.param("idle", "drain", "drained", id="drained"),
        pytest.param("mixed", "drain", "drained", id="draining"),
        pytest.param("idle", "fail", "failing", id="fail"),
        pytest.param("idle", "invalid_reg", "wrongly configured", id="invalid-registration"),
        pytest.param("idle", "not_responding", "not responding", id="not-responding"),
        pytest.param("idle", "maintenance reserved", "in maintenance", id="maintenance"),
        pytest.param("idle", "reserved", "reserved", id="reserved"),
        pytest.param("idle", "powering_down", "powering down", id="powering-down"),
        pytest.param("idle", "power_down", "powering down", id="power-down"),
        pytest.param("mixed", "reboot_requested", "", id="reboot-requested"),
        pytest.param("idle", "reboot_issued", "rebooting", id="rebooting"),
        pytest.param("idle", "blocked", "blocked", id="blocked"),
        pytest.param("idle", "external", "not managed here", id="external"),
        pytest.param("down", "drain not_responding", "down", id="down-says-it-all"),
        pytest.param("idle", "drain not_responding", "not responding", id="the-graver-word-first"),
    ],
)
def test_state_of_a_node(state: str, flags: str, why_not: str) -> None:
    """A node that Slurm would give to no new job is left out, with the reason in words; any other counts."""
    assert why_not_usable(node(state=state, flags=flags)) == why_not
    found = counted(node(state=state, flags=flags, used=USED[0]))
    assert found.nodes[0].usable is not bool(why_not)
    assert found.nodes[0].state_in_words == (why_not or state)
    assert found.partitions[0].gpu_table == (v100(0, 0, 0) if why_not else v100(0, 0, 1))
    assert found.partitions[0].left_out_by_reason == (((why_not, 1),) if why_not else ())


def test_table_of_the_idle_demo() -> None:
    """All four GPU nodes have two free; the nodes without GPUs are counted, and are in no row."""
    found = availability(demo_nodes(), (partition(), cpu_partition()), (), now=NOW)
    with_gpus, without = found.partitions
    assert with_gpus.gpu_table == v100(0, 0, 4)
    assert (without.gpu_table, without.nodes_usable, without.nodes_left_out) == ({}, 2, 0)


def test_table_counts_nodes_by_free_gpus() -> None:
    """Founding document: how many nodes have no, one, two free GPUs; a row without nodes is there with 0."""
    nodes = [node("g001", used=USED[2]), node("g002", used=USED[1]), node("g003", used=USED[2]), node("g004", used=USED[0])]
    assert table(*nodes) == v100(2, 1, 1)
    assert table(nodes[0], nodes[2]) == v100(2, 0, 0)


def test_table_leaves_out_and_says_so() -> None:
    """Left out are drained, down and reserved nodes; how many, and why, most frequent first."""
    nodes = [
        node("g001", used=USED[0], flags="drain"),
        node("g002", used=USED[0], flags="drain"),
        node("g003", used=USED[0], state="down", flags="not_responding"),
        node("g004", used=USED[1]),
    ]
    found = counted(*nodes).partitions[0]
    assert found.gpu_table == v100(0, 1, 0)
    assert (found.nodes_usable, found.nodes_left_out) == (1, 3)
    assert found.left_out_by_reason == (("drained", 2), ("down", 1))


def test_table_of_two_types_on_one_node() -> None:
    """Each type has its own rows, up to the largest node of that type; a node with both stands in both."""
    nodes = [
        node("g001", gres="gpu:a100:1,gpu:v100:2", used="gpu:v100:1(IDX:1)"),
        node("g002", gres="gpu:a100:3", used="gpu:a100:1(IDX:0)"),
    ]
    assert table(*nodes) == {"a100": {"0": 0, "1": 1, "2": 1, "3": 0}, "v100": {"0": 0, "1": 1, "2": 0}}


def test_table_of_untyped_gpus() -> None:
    """Where Slurm has no type, the table's type is empty."""
    assert table(node(gres="gpu:2", used="gpu:(null):1(IDX:0)")) == {"": {"0": 0, "1": 1, "2": 0}}


def test_node_in_two_partitions_counts_in_both() -> None:
    """Each partition's table is complete by itself; the node is listed once."""
    nodes = (node("g001", used=USED[1]), node("g002", used=USED[0]))
    both = (partition(nodes=("g001", "g002")), partition("g100_small", nodes=("g001",)))
    found = counted(*nodes, partitions=both)
    assert [entry.gpu_table for entry in found.partitions] == [v100(0, 1, 1), v100(0, 1, 0)]
    assert [entry.node.name for entry in found.nodes] == ["g001", "g002"]


def test_only_the_services_partitions_are_looked_at() -> None:
    """Nodes of other partitions do not appear; a node that a partition names and Slurm does not list is not counted."""
    found = counted(*demo_nodes(), partitions=(partition(nodes=("g001", "gone")),))
    assert [entry.node.name for entry in found.nodes] == ["g001"]
    assert (found.partitions[0].nodes_usable, found.partitions[0].nodes_left_out) == (1, 0)


# --- reservations -------------------------------------------------------------------------------------------------------------


PARTLY = reservation("part", nodes=("g003",), core_count=4)
WHOLE = reservation("whole", nodes=("g003",), core_count=48)


@pytest.mark.parametrize(
    ("entry", "flags", "rows", "why_not"),
    [
        pytest.param(WHOLE, "", (0, 0, 3), "reserved", id="whole-not-marked-yet"),
        pytest.param(WHOLE, "reserved", (0, 0, 3), "reserved", id="whole-marked"),
        pytest.param(reservation("whole", core_count=None), "", (0, 0, 3), "reserved", id="cores-not-told"),
        pytest.param(PARTLY, "", (0, 0, 4), "", id="part"),
        pytest.param(PARTLY, "reserved", (0, 0, 4), "", id="part-marked-as-slurm-does"),
        pytest.param(PARTLY, "reserved drain", (0, 0, 3), "drained", id="part-and-drained"),
        pytest.param(reservation(start=NOW + HOUR), "", (0, 0, 4), "", id="later"),
        pytest.param(reservation(end=NOW), "", (0, 0, 4), "", id="over"),
        pytest.param(reservation(nodes=("g004",), core_count=4), "reserved", (0, 0, 3), "reserved", id="marked-for-one-that-we-do-not-see"),
    ],
)
def test_reserved_for_others(entry: Reservation, flags: str, rows: tuple[int, int, int], why_not: str) -> None:
    """A node that is wholly reserved is left out; of one that is partly reserved, others may have the rest (measured on 22.05.8)."""
    nodes = [node(f"g00{number}", used=USED[0], flags=flags if number == 3 else "") for number in range(1, 5)]
    found = counted(*nodes, reservations=(entry,))
    assert found.partitions[0].gpu_table == v100(*rows)
    assert found.nodes[2].why_not == why_not


def test_part_and_whole_reservation_of_one_node() -> None:
    """Where one of two reservations holds all of the node, the node is reserved."""
    nodes = [node("g003", flags="reserved")]
    assert counted(*nodes, reservations=(PARTLY, WHOLE)).nodes[0].why_not == "reserved"


def test_cores_of_a_reservation_are_cores_not_threads() -> None:
    """CoreCnt counts cores, CPUTot threads: 24 cores are all of a node with 48 threads; 23 are not."""
    threads = {"g003": node("g003", threads_per_core=2)}
    assert whole_node_reservations([reservation(core_count=24)], threads, NOW) == {"g003": {"course"}}
    assert whole_node_reservations([reservation(core_count=23)], threads, NOW) == {}


@pytest.mark.parametrize(
    ("entry", "flags", "why_not"),
    [
        pytest.param(WHOLE, "", "", id="own"),
        pytest.param(WHOLE, "reserved", "", id="own-marked"),
        pytest.param(PARTLY, "reserved", "", id="own-part-of-a-node"),
        pytest.param(WHOLE, "reserved drain", "drained", id="own-but-drained"),
        pytest.param(WHOLE, "reserved maintenance", "in maintenance", id="own-but-in-maintenance"),
        pytest.param(reservation("whole", start=NOW + HOUR), "", "not in the reservation", id="not-begun"),
        pytest.param(reservation("other"), "", "not in the reservation", id="another"),
    ],
)
def test_own_reservation(entry: Reservation, flags: str, why_not: str) -> None:
    """Inside a chosen reservation only its own nodes count, and its mark does not keep them away."""
    nodes = [node(f"g00{number}", used=USED[0], flags=flags if number == 3 else "") for number in range(1, 5)]
    found = counted(*nodes, reservations=(entry,), chosen="part" if entry is PARTLY else "whole")
    assert found.nodes[2].why_not == why_not
    assert {found.nodes[index].why_not for index in (0, 1, 3)} == {"not in the reservation"}
    assert found.partitions[0].nodes_usable == (0 if why_not else 1)
    assert found.partitions[0].gpu_table == (v100(0, 0, 0) if why_not else v100(0, 0, 1))


@pytest.mark.parametrize(("flags", "usable"), [(frozenset(), False), (frozenset({"OVERLAP"}), True)], ids=["plain", "overlap"])
def test_own_reservation_under_another(flags: frozenset[str], usable: bool) -> None:
    """A second whole-node reservation takes the node away from the first, unless the first may overlap."""
    own = reservation("own", flags=flags)
    assert counted(node("g003"), reservations=(own, WHOLE), chosen="own").nodes[0].usable is usable


def test_another_partial_reservation_beside_the_own() -> None:
    """Some cores of the node for somebody else do not take the node away from its reservation."""
    assert counted(node("g003", flags="reserved"), reservations=(WHOLE, PARTLY), chosen="whole").nodes[0].usable


# --- cores and memory ---------------------------------------------------------------------------------------------------------


def test_free_cores_and_memory() -> None:
    """Free is what jobs may have and none has; what the system keeps is nobody's."""
    entry = counted(node(cores_allocated=8, cores_system=2, memory_mb_allocated=1000, memory_mb_system=300)).nodes[0]
    assert (entry.cores_free, entry.memory_mb_free) == (38, MEMORY_MB - 1300)


def test_free_is_never_negative() -> None:
    """Five jobs on one core: no core is free, not minus four nodes' worth."""
    entry = counted(node(cores_allocated=240, memory_mb_allocated=10**7)).nodes[0]
    assert (entry.cores_free, entry.memory_mb_free) == (0, 0)


# --- for any cluster ----------------------------------------------------------------------------------------------------------

gres_entries = st.lists(
    st.builds(Gres, st.sampled_from(["gpu", "shard", "nic"]), st.sampled_from(["", "v100", "a100"]), st.integers(0, 8)), max_size=4
).map(tuple)
any_nodes = st.lists(
    st.builds(
        Node,
        name=st.sampled_from([f"n{number}" for number in range(6)]),
        address=st.just("a"),
        state=st.sampled_from(["idle", "mixed", "allocated", "down", "unknown"]),
        flags=st.frozensets(st.sampled_from(["drain", "reserved", "maintenance", "planned", "odd"])),
        gres=gres_entries,
        gres_used=gres_entries,
    ),
    max_size=6,
    unique_by=lambda entry: entry.name,
)


@given(any_nodes)
def test_every_usable_gpu_node_stands_in_one_row_a_type(nodes: list[Node]) -> None:
    """For any cluster: a type's rows add up to the usable nodes that have it, run from 0 to the most any node has, none negative."""
    found = counted(*nodes)
    types = {gpus.type for entry in found.nodes for gpus in entry.gpus if gpus.total}
    rows = found.partitions[0].gpu_table
    assert set(rows) == types
    for gpu_type, counts in rows.items():
        having = [(entry.usable, gpus) for entry in found.nodes for gpus in entry.gpus if gpus.type == gpu_type and gpus.total]
        assert sum(counts.values()) == sum(usable for usable, _ in having)
        assert list(counts) == [str(number) for number in range(max(gpus.total for _, gpus in having) + 1)]
    assert all(0 <= gpus.free <= gpus.total for entry in found.nodes for gpus in entry.gpus)
    assert found.partitions[0].nodes_usable + found.partitions[0].nodes_left_out == len(nodes)


def many(nodes: int, partitions: int) -> Availability:
    """So many nodes, spread over so many partitions."""
    names = [f"p{number:02}" for number in range(partitions)]
    listed = [
        node(f"n{number:04}", used="gpu:v100:2(IDX:0-1)" if number % 3 else "gpu:v100:0(IDX:N/A)", partitions=(names[number % partitions],))
        for number in range(nodes)
    ]
    there = [partition(name, nodes=tuple(entry.name for entry in listed if name in entry.partitions)) for name in names]
    return availability(listed, there, (), now=NOW)


def test_a_page_shows_all_of_a_small_cluster() -> None:
    """Whatever partition is chosen: the founding document's table has them all."""
    found = many(MAX_NODES, MAX_PARTITIONS)
    for chosen in ("p00", "p07", "", "gone"):
        assert excerpt(found, chosen) == Excerpt(found.nodes, found.partitions)


def test_a_page_shows_the_chosen_partition_of_a_large_cluster() -> None:
    """With the nodes that have most free in front, and it says how much there is besides."""
    found = many(3000, 15)
    shown = excerpt(found, "p07")
    assert [entry.name for entry in shown.partitions] == ["p07"]
    assert shown.partitions[0] is found.partitions[7]
    assert (len(shown.nodes), shown.nodes_not_shown, shown.partitions_not_shown) == (200, 2800, 14)
    assert all(entry.node.partitions == ("p07",) for entry in shown.nodes)
    free = [sum(gpus.free for gpus in entry.gpus) for entry in shown.nodes]
    assert free == sorted(free, reverse=True)
    assert len(excerpt(found, "gone").partitions) == MAX_PARTITIONS


def test_the_part_of_some_partitions() -> None:
    """Nodes of other partitions are not among it."""
    part = of_partitions(many(30, 3), frozenset({"p01"}))
    assert [entry.name for entry in part.partitions] == ["p01"]
    assert {entry.node.partitions for entry in part.nodes} == {("p01",)}


@pytest.mark.parametrize(
    ("nodes", "partitions", "shown"),
    [
        pytest.param(MAX_NODES + 1, 2, (100, 2), id="one-node-too-many"),
        pytest.param(26, MAX_PARTITIONS + 1, (26, 1), id="one-partition-too-many"),
        pytest.param(MAX_NODES + 13, MAX_PARTITIONS + 1, (17, 1), id="too-many-of-both"),
    ],
)
def test_what_is_too_much_for_a_page(nodes: int, partitions: int, shown: tuple[int, int]) -> None:
    """Of too many nodes those of the chosen partition, of too many partitions the chosen one; the one does not touch the other."""
    found = excerpt(many(nodes, partitions), "p01")
    assert (len(found.nodes), len(found.partitions)) == shown
    assert (found.nodes_not_shown, found.partitions_not_shown) == (nodes - shown[0], partitions - shown[1])


def test_too_much_for_a_page_and_nothing_chosen() -> None:
    """The first partitions, and of their nodes the first so many; nothing of the partitions that are not shown."""
    found = excerpt(many(MAX_NODES + 60, MAX_PARTITIONS + 1), "")
    names = [f"p{number:02}" for number in range(MAX_PARTITIONS)]
    assert [entry.name for entry in found.partitions] == names
    assert len(found.nodes) == MAX_NODES
    assert {entry.node.partitions[0] for entry in found.nodes} == set(names)


def test_those_with_most_free_stand_in_front() -> None:
    """Usable nodes before all others; then by free GPUs of all types together, by free cores, by free memory."""
    ordered = [
        node("two-types", gres="gpu:v100:2,gpu:a100:2", cores_allocated=48),
        node("three", gres="gpu:v100:3", cores_allocated=48),
        node("cores", gres="", cores_allocated=8, memory_mb_allocated=MEMORY_MB),
        node("memory", gres="", cores_allocated=9),
        node("less-memory", gres="", cores_allocated=9, memory_mb_allocated=1),
        node("drained", gres="gpu:v100:8", flags="drain"),
    ]
    filling = [node(f"n{number}", gres="", state="down", cores_total=0) for number in range(MAX_NODES)]
    shown = excerpt(counted(*filling, *reversed(ordered)), "g100_int").nodes
    assert [entry.node.name for entry in shown[: len(ordered)]] == [entry.name for entry in ordered]


def test_reasons_that_are_as_frequent() -> None:
    """By the alphabet, after the most frequent."""
    flags = ("reserved", "fail", "drain", "blocked", "drain")
    found = counted(*(node(f"g{number}", flags=flag) for number, flag in enumerate(flags)), node("free")).partitions[0]
    assert found.left_out_by_reason == (("drained", 2), ("blocked", 1), ("failing", 1), ("reserved", 1))
    assert (found.nodes_usable, found.nodes_left_out) == (1, 5)


# --- parts of GPUs ------------------------------------------------------------------------------------------------------------


def sharded(name: str, used: str, per_card: int = 5, gpu_type: str = "v100", **changes: Any) -> Node:
    """A node with one card that makes so many shards; ``used`` is what stands in the parentheses of GresUsed."""
    gres = f"gpu:{gpu_type}:1,shard:{gpu_type}:{per_card}"
    return node(name, gres=gres, used=f"gpu:{gpu_type}:0(IDX:N/A),shard:{gpu_type}:1({used})", **changes)


def test_tables_of_parts() -> None:
    """Each usable node in the row of the largest part that it has free, every size a row; one table for each kind and size of card."""
    nodes = [
        *(sharded("g001", "2/5"), sharded("g002", "2/5"), sharded("g003", "5/5"), sharded("g004", "0/5")),
        sharded("g005", "1/5", flags="drain"),
        *(sharded("g006", "1/2", 2), sharded("g007", "1/2", 2, "a100")),
        sharded("g008", "3/16", 16, "t4"),
        node("g009"),
    ]
    found = counted(*nodes).partitions[0]
    assert found.part_tables == (
        PartTable("shard", "a100", 2, ((0, 0), (1, 1), (2, 0))),
        PartTable("shard", "t4", 16, ((0, 0), (1, 0), (2, 0), (4, 0), (8, 1), (16, 0))),
        PartTable("shard", "v100", 2, ((0, 0), (1, 1), (2, 0))),
        PartTable("shard", "v100", 5, ((0, 1), (1, 0), (2, 0), (3, 2), (4, 0), (5, 1))),
    )
    assert found.shared_gpu_table["shard:v100"] == {"0": 1, "1": 1, "2": 0, "unknown": 0, "3": 2, "4": 0, "5": 1}


def test_the_smallest_part_of_very_many() -> None:
    """One shard is a row of its own, whatever steps a card of many has."""
    (found,) = counted(sharded("g001", "19/20", 20), sharded("g002", "0/20", 20)).partitions[0].part_tables
    assert [size for size, _nodes in found.rows] == [0, 1, *range(2, 20, 2), 20]
    assert [size for size, nodes in found.rows if nodes] == [1, 20]


def test_parts_that_nobody_knows() -> None:
    """An older Slurm tells how many cards carry parts: how full they are follows from the jobs, and without these it is unknown."""
    entry = node("g001", gres="gpu:v100:1,shard:v100:5", used="gpu:v100:0(IDX:N/A),shard:v100:1(IDX:0)")
    job = Job(1, "eve", "RUNNING", nodes=("g001",), tres="cpu=1,gres/shard=2")

    def found(sharing: dict[str, list[Job]] | None, mode: str = "NO") -> PartitionAvailability:
        own = partition(nodes=("g001",), oversubscribe=mode)
        return availability([entry], (own,), (), now=NOW, sharing=sharing).partitions[0]

    (known,) = found({"g001": [job]}).part_tables
    assert (dict(known.rows)[3], known.unknown) == (1, 0)
    (unknown,) = found(None).part_tables
    assert (sum(nodes for _size, nodes in unknown.rows), unknown.unknown) == (0, 1)
    assert found(None).shared_gpu_table["shard:v100"]["unknown"] == 1
    assert found({"g001": [job]}, "EXCLUSIVE").part_tables == ()


def test_parts_of_untyped_cards() -> None:
    """The table's name has no type where Slurm has none."""
    entry = node("g001", gres="gpu:1,shard:2", used="gpu:0(IDX:N/A),shard:1(1/2)")
    assert counted(entry).partitions[0].shared_gpu_table == {"shard": {"0": 0, "1": 1, "2": 0, "unknown": 0}}
