"""The features that the nodes of each partition have, or could have after a reboot (slurm.conf(5), Features, NodeFeaturesPlugins)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ..cache import AsyncMemo
from ..slurm.model import Node, Partition
from .queries import SlurmQueries

Features = Mapping[str, frozenset[str] | None]
"""By partition; None where Slurm does not show all of its nodes."""


def features_of(nodes: Sequence[Node], partitions: Sequence[Partition]) -> dict[str, frozenset[str] | None]:
    """Return the features that may be asked of each partition's nodes."""
    # Thousands of nodes have a few sets of features between them.
    sets: dict[tuple[tuple[str, ...], tuple[str, ...]], frozenset[str]] = {}
    known: dict[str, frozenset[str]] = {}
    for node in nodes:
        key = (tuple(node.features), tuple(node.features_available))
        known[node.name] = sets.setdefault(key, frozenset((*key[0], *key[1])))
    found: dict[str, frozenset[str] | None] = {}
    for partition in partitions:
        own = {known[name] for name in partition.nodes if name in known}
        found[partition.name] = frozenset().union(*own) if all(name in known for name in partition.nodes) else None
    return found


class NodeFeatures:
    """The features of the nodes as Slurm said last, worked out once for an answer."""

    def __init__(self, queries: SlurmQueries) -> None:
        self._queries = queries
        self._memo: AsyncMemo[Features] = AsyncMemo()

    async def by_partition(self, patience: float | None = None) -> Features:
        """Return the features of each partition's nodes.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        nodes, partitions = await asyncio.gather(self._queries.nodes.get(patience), self._queries.all_partitions.get(patience))
        return await self._memo.get((nodes.as_of, partitions.as_of), lambda: features_of(nodes.value, partitions.value))
