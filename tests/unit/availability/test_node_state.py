"""The GPUs that one node has free, and when a reservation holds its nodes."""

from __future__ import annotations

import pytest

from spawner.availability.node_state import (
    GpuCount,
    PartsOnNodes,
    cores_on_a_node,
    gpus_of,
    is_active,
    partly_reserved,
    whole_node_reservations,
)
from spawner.slurm.model import Job
from spawner.slurm.shared_gres import Parts
from tests.support.builders import NOW, node, reservation


@pytest.mark.parametrize(
    ("gres", "used", "counts"),
    [
        pytest.param("gpu:v100:2", "gpu:v100:0(IDX:N/A)", [("v100", 2, 2)], id="idle"),
        pytest.param("gpu:v100:2", "gpu:v100:1(IDX:1)", [("v100", 2, 1)], id="one-used"),
        pytest.param("gpu:v100:2", "gpu:v100:2(IDX:0-1)", [("v100", 2, 0)], id="all-used"),
        pytest.param("gpu:v100:2(S:0-1)", "", [("v100", 2, 2)], id="nothing-said-about-use"),
        pytest.param("gpu:a100:4", "gpu:0", [("a100", 4, 4)], id="not-registered-yet"),
        pytest.param("gpu:4", "gpu:1", [("", 4, 3)], id="untyped"),
        pytest.param("gpu:4", "gpu:(null):3(IDX:0,2-3)", [("", 4, 1)], id="untyped-in-slurms-words"),
        pytest.param("gpu:a100:2,gpu:v100:2", "gpu:a100:1(IDX:0),gpu:v100:2(IDX:2-3)", [("a100", 2, 1), ("v100", 2, 0)], id="two-types"),
        pytest.param(
            "gpu:a100:2,gpu:a100_3g.20gb:4",
            "gpu:a100:1(IDX:0),gpu:a100_3g.20gb:3(IDX:2-4)",
            [("a100", 2, 1), ("a100_3g.20gb", 4, 1)],
            id="mig",
        ),
        pytest.param("gpu:a100:2(S:0),gpu:a100:2(S:1)", "gpu:a100:3(IDX:0-2)", [("a100", 4, 1)], id="one-type-on-two-sockets"),
        pytest.param("gpu:v100:1", "gpu:v100:3(IDX:0)", [("v100", 1, 0)], id="more-used-than-there-are"),
        pytest.param("", "gpu:0,shard:0", [], id="no-gpus"),
        pytest.param("gpu:t4:2,shard:t4:8", "gpu:t4:0(IDX:N/A),shard:t4:1(IDX:0)", [("t4", 2, 1)], id="shard-before-23.11"),
        pytest.param("gpu:t4:2,shard:t4:16", "gpu:t4:0(IDX:N/A),shard:t4:5(2/8,3/8)", [("t4", 2, 0)], id="shards-on-two-cards"),
        pytest.param("gpu:t4:2,shard:t4:16", "gpu:t4:0(IDX:N/A),shard:t4:5(5/8,0/8)", [("t4", 2, 1)], id="shards-on-one-card"),
        pytest.param("gpu:t4:2,shard:t4:16", "gpu:t4:1(IDX:1),shard:t4:5(5/8,0/8)", [("t4", 2, 0)], id="shards-and-a-whole-card"),
        pytest.param("gpu:t4:2,shard:16", "gpu:t4:0(IDX:N/A),shard:2(2/8,0/8)", [("t4", 2, 1)], id="shards-without-a-type"),
        pytest.param("gpu:2,shard:4", "gpu:0(IDX:N/A),shard:1(1/2,0/2)", [("", 2, 1)], id="shards-on-untyped-cards"),
        pytest.param("gpu:t4:2,shard:t4:16", "gpu:t4:1(IDX:0),shard:t4:0(0/8,0/8)", [("t4", 2, 1)], id="no-shards-used"),
        pytest.param("gpu:t4:2,mps:t4:200", "gpu:t4:0(IDX:N/A),mps:t4:50(50/100,0/100)", [("t4", 2, 1)], id="mps"),
        pytest.param(
            "gpu:a100:1,gpu:t4:2,shard:t4:16",
            "gpu:a100:0(IDX:N/A),gpu:t4:0(IDX:N/A),shard:t4:1(1/8,0/8)",
            [("a100", 1, 1), ("t4", 2, 1)],
            id="shards-of-one-of-two-types",
        ),
    ],
)
def test_gpus_of_a_node(gres: str, used: str, counts: list[tuple[str, int, int]]) -> None:
    """Free are the whole GPUs that no job has and no shard is on; each type by itself."""
    assert [(entry.type, entry.total, entry.free) for entry in gpus_of(node(gres=gres, used=used))] == counts


@pytest.mark.parametrize(
    ("start", "end", "active"),
    [(NOW - 1, NOW + 1, True), (NOW, NOW + 1, True), (NOW - 1, NOW, False), (NOW + 1, NOW + 2, False)],
    ids=["now", "begins", "ends", "later"],
)
def test_is_active(start: int, end: int, active: bool) -> None:
    """From its first second to before its last."""
    assert is_active(reservation(start=start, end=end), NOW) is active


@pytest.mark.parametrize(
    ("used", "unfit", "counted"),
    [
        pytest.param("gpu:v100:0", 1, GpuCount("v100", 4, 3, 1), id="one-of-the-free"),
        pytest.param("gpu:v100:3", 1, GpuCount("v100", 4, 0, 1), id="the-last-free"),
        pytest.param("gpu:v100:3", 2, GpuCount("v100", 4, 0, 1), id="no-more-than-are-free"),
        pytest.param("gpu:v100:4", 1, GpuCount("v100", 4, 0, 0), id="none-free"),
        pytest.param("gpu:v100:5", 1, GpuCount("v100", 4, 0, 0), id="more-used-than-there-are"),
    ],
)
def test_gpus_that_are_no_use(used: str, unfit: int, counted: GpuCount) -> None:
    """They are taken off the free ones, of their type only, and said to be unfit as far as Slurm calls them free."""
    entry = node(gres="gpu:v100:4,gpu:a100:2", used=used, gpus_unfit=(("v100", unfit),))
    assert gpus_of(entry) == (counted, GpuCount("a100", 2, 2, 0))


# --- parts of GPUs ------------------------------------------------------------------------------------------------------------

FIFTHS = node(gres="gpu:v100:1,shard:v100:5", used="gpu:v100:0(IDX:N/A),shard:v100:1(IDX:0)")
"""A card that carries parts, of a Slurm that does not say how many: the jobs do."""


def sharing(*sizes: int, nodes: tuple[str, ...] = ("g001",)) -> list[Job]:
    """Jobs with so many shards each, and one without."""
    tres = ["cpu=1,gres/gpu=1", *(f"cpu=1,gres/shard={size}" for size in sizes)]
    return [Job(number, "eve", "RUNNING", nodes=nodes, tres=text) for number, text in enumerate(tres)]


def test_parts_on_nodes_follow_the_jobs_of_each() -> None:
    """Nodes that look alike differ by their jobs; a node without parts has none, whoever runs there."""
    found = PartsOnNodes()

    def free(jobs: list[Job] | None) -> tuple[int, int]:
        (parts,) = found.of(FIFTHS, jobs)
        assert (parts.gres, parts.type, parts.per_card) == ("shard", "v100", 5)
        return parts.least, parts.most

    for _look in range(2):
        assert free(sharing(2)) == (3, 3)
        assert free(sharing(3)) == (2, 2)
        assert free(sharing(2, 2)) == (1, 1)
        assert free(sharing(2, nodes=("g001", "g002"))) == free(None) == (0, 4)
        assert found.of(node(), sharing(2)) == ()


def test_parts_on_nodes_follow_the_node() -> None:
    """Two nodes in one look: what each has, what is in use there, and which of its GPUs are no use."""
    found = PartsOnNodes()
    used = "gpu:v100:0(IDX:N/A),shard:v100:0(0/5)"
    alike = {"gres": "gpu:v100:1,shard:v100:5", "used": used}
    other = {"gres": "gpu:v100:1,shard:v100:4", "used": "gpu:v100:0(IDX:N/A),shard:v100:0(0/4)"}
    entries = [
        node(**alike),
        node(**other),
        node(**{**alike, "used": "gpu:v100:0(IDX:N/A),shard:v100:2(2/5)"}),
        node(**alike, gpus_unfit=(("v100", 1),)),
    ]
    for _look in range(2):
        assert [found.of(entry, []) for entry in entries] == [
            (Parts("shard", "v100", 5, 5, 5),),
            (Parts("shard", "v100", 4, 4, 4),),
            (Parts("shard", "v100", 5, 3, 3),),
            (Parts("shard", "v100", 5, 0, 0),),
        ]


# --- jobs and reservations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cores", "nodes", "each"), [(8, 1, 8), (8, 2, 4), (9, 2, 5), (1, 3, 1), (0, 2, 0), (8, 0, 8)])
def test_cores_on_a_node(cores: int, nodes: int, each: int) -> None:
    """An equal share of each node, rounded up; of a job whose nodes are not told all of them."""
    assert cores_on_a_node(Job(1, "eve", "RUNNING", cores=cores, nodes=tuple(f"g{number}" for number in range(nodes)))) == each


@pytest.mark.parametrize(
    ("cores", "threads", "whole"),
    [
        pytest.param(96, 1, True, id="all-cores"),
        pytest.param(95, 1, False, id="all-but-one"),
        pytest.param(48, 2, True, id="all-cores-of-two-threads"),
        pytest.param(47, 2, False, id="all-but-one-of-two-threads"),
        pytest.param(96, 0, True, id="threads-not-told"),
        pytest.param(95, 0, False, id="all-but-one-threads-not-told"),
        pytest.param(None, 1, True, id="cores-not-told"),
    ],
)
def test_a_reservation_holds_whole_nodes_or_some_cores(cores: int | None, threads: int, whole: bool) -> None:
    """Whole ones where it has all cores of all its nodes that there are; else it leaves the rest of each to everybody."""
    nodes = {name: node(name, threads_per_core=threads) for name in ("g001", "g002", "g003")}
    entry = reservation(nodes=("g001", "gone", "g002"), core_count=cores)
    over, other = reservation("over", end=NOW, nodes=("g003",)), reservation("later", start=NOW + 1, nodes=("g003",), core_count=1)
    held = whole_node_reservations((over, entry, other), nodes, NOW)
    assert held == ({name: {"course"} for name in entry.nodes} if whole else {})
    assert partly_reserved((over, entry, other), nodes, NOW) == (set() if whole else set(entry.nodes))


def test_two_reservations_of_one_node() -> None:
    """Both hold it."""
    both = reservation("a"), reservation("b")
    assert whole_node_reservations(both, {"g003": node("g003")}, NOW) == {"g003": {"a", "b"}}
