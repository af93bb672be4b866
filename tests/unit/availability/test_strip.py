"""The picture of the nodes: which stand in it, in which order, and how many of their GPUs are free."""

from __future__ import annotations

from spawner.availability.strip import MAX_NODES, StripNode, strip
from spawner.availability.table import NodeAvailability, availability
from spawner.slurm.model import Node
from tests.support.builders import NOW, node, partition


def table_of(*nodes: Node, name: str = "gpu") -> tuple[NodeAvailability, ...]:
    """The nodes as the page has them, all in one partition."""
    return availability(nodes, [partition(name, nodes=tuple(each.name for each in nodes))], [], now=NOW).nodes


def test_a_square_for_each_gpu() -> None:
    """Of the type that is asked for, free or not; a node that takes no jobs has none to give, and says why."""
    nodes = table_of(
        node("g001", gres="gpu:v100:2", used="gpu:v100:1", partitions=("gpu",)),
        node("g002", gres="gpu:v100:2", flags="drain", partitions=("gpu",)),
        node("x001", gres="gpu:a100:4,gpu:v100:1", partitions=("gpu",)),
        node("c001", gres="", partitions=("gpu",)),
    )
    assert strip(nodes, "gpu", "v100").nodes == (
        StripNode("g001", 2, 1),
        StripNode("g002", 2, 0, "drained"),
        StripNode("x001", 1, 1),
    )
    assert [entry.used for entry in strip(nodes, "gpu", "v100").nodes] == [1, 2, 0]
    assert strip(nodes, "gpu", "a100").nodes == (StripNode("x001", 4, 4),)
    assert strip(nodes, "other", "v100").nodes == ()


def test_of_many_those_with_most_free() -> None:
    """In Slurm's order as long as all of them have room."""
    names = [f"g{number:03}" for number in range(MAX_NODES + 5)]
    nodes = table_of(*(node(name, gres="gpu:4", used=f"gpu:{1 + (name < 'g007')}", partitions=("gpu",)) for name in names))
    assert [entry.name for entry in strip(nodes[:MAX_NODES], "gpu", "").nodes] == names[:MAX_NODES]
    found = strip(nodes, "gpu", "")
    assert found.left_out == 5
    assert [entry.name for entry in found.nodes] == [*names[7:], *names[:2]]
