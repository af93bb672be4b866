"""The GPUs that one node has free, and when a reservation holds its nodes."""

from __future__ import annotations

import pytest

from spawner.availability.node_state import gpus_of, is_active
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
