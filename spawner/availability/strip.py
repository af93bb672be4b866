"""The picture beside the table of free GPUs: the nodes of a partition, each with a square for each of its GPUs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .table import NodeAvailability

MAX_NODES = 40
"""A picture of more nodes tells less than the table does."""


@dataclass(frozen=True, slots=True)
class StripNode:
    """A node and its whole GPUs of one type. ``why_not`` is its state in words where no new job may run on it, else empty."""

    name: str
    total: int
    free: int
    why_not: str = ""

    @property
    def used(self) -> int:
        """GPUs that jobs hold, or that nobody can have now."""
        return self.total - self.free


@dataclass(frozen=True, slots=True)
class Strip:
    """``nodes`` in the order in which Slurm lists them; of more than :data:`MAX_NODES` those with most free, and ``left_out`` others."""

    nodes: tuple[StripNode, ...]
    left_out: int = 0


def strip(nodes: Iterable[NodeAvailability], partition: str, gpu_type: str) -> Strip:
    """Return the picture of those of ``nodes`` that are in the partition and have GPUs of the type (empty: of none)."""
    found = [
        StripNode(entry.node.name, gpus.total, gpus.free if entry.usable else 0, "" if entry.usable else entry.state_in_words)
        for entry in nodes
        if partition in entry.node.partitions
        for gpus in entry.gpus
        if gpus.type == gpu_type and gpus.total
    ]
    if len(found) <= MAX_NODES:
        return Strip(tuple(found))
    most_free = sorted(found, key=lambda node: (not node.why_not, node.free), reverse=True)[:MAX_NODES]
    return Strip(tuple(most_free), len(found) - MAX_NODES)
