"""What is free in each partition: its nodes, the GPU table, and as much of it as a page shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from ..i18n import _
from ..slurm.model import Job, Node, Partition, Reservation
from ..slurm.shared_gres import Parts, steps
from .node_state import GpuCount, PartsOnNodes, gpus_of, is_active, partly_reserved, whole_node_reservations, why_not_usable


@dataclass(frozen=True, slots=True)
class NodeAvailability:
    """One node as the page shows it. ``why_not`` is empty where a new job may run on it."""

    node: Node
    gpus: tuple[GpuCount, ...]
    why_not: str
    parts: tuple[Parts, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether a new job may run on it."""
        return not self.why_not

    @property
    def cores_free(self) -> int:
        """Cores that no job holds. Where cores are oversubscribed a job may start although there are none."""
        return max(0, self.node.cores_schedulable - self.node.cores_allocated)

    @property
    def memory_mb_free(self) -> int:
        """MB that no job holds."""
        return max(0, self.node.memory_mb_schedulable - self.node.memory_mb_allocated)

    @property
    def state_in_words(self) -> str:
        """The state for a person: the reason it is out, else Slurm's base state."""
        return _(self.why_not or self.node.state)


GpuTable = dict[str, dict[str, int]]
"""GPU type ("" for untyped) to {number of free GPUs, as text: number of usable nodes}."""


@dataclass(frozen=True, slots=True)
class PartTable:
    """Usable nodes counted by the largest part that one of their cards has free, for cards that make ``per_card`` parts each.

    ``rows`` has the number of nodes by the size of the part, from 0 to the whole card, each node in the row of the largest one that fits.
    ``unknown`` are the nodes of which nobody knows it.
    """

    gres: str
    type: str
    per_card: int
    rows: tuple[tuple[int, int], ...]
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class PartitionAvailability:
    """What a partition has free. Nodes without GPUs count in ``nodes_usable`` and in no row of the table."""

    name: str
    gpu_table: GpuTable
    nodes_usable: int
    nodes_left_out: int
    left_out_by_reason: tuple[tuple[str, int], ...]
    part_tables: tuple[PartTable, ...] = ()

    @property
    def shared_gpu_table(self) -> GpuTable:
        """:attr:`part_tables` as :attr:`gpu_table`: ``shard:v100`` to {size of the largest free part: number of nodes}, and ``unknown``."""
        table: GpuTable = {}
        for found in self.part_tables:
            rows = table.setdefault(":".join(part for part in (found.gres, found.type) if part), {})
            for key, nodes in (*((str(size), nodes) for size, nodes in found.rows), ("unknown", found.unknown)):
                rows[key] = rows.get(key, 0) + nodes
        return table


def gpu_table(nodes: Iterable[NodeAvailability]) -> GpuTable:
    """Count usable nodes by the number of their free GPUs, per type: every number from 0 to the largest node has its row.

    Nodes that are not usable are counted in no row, but their GPUs give the table its rows: zeros say more than no table.
    """
    nodes = tuple(nodes)
    largest: dict[str, int] = {}
    for entry in nodes:
        for gpus in entry.gpus:
            largest[gpus.type] = max(largest.get(gpus.type, 0), gpus.total)
    table: GpuTable = {gpu_type: {str(free): 0 for free in range(most + 1)} for gpu_type, most in sorted(largest.items()) if most}
    for entry in nodes:
        for gpus in entry.gpus:
            if gpus.total and entry.usable:
                table[gpus.type][str(gpus.free)] += 1
    return table


def part_tables(nodes: Iterable[NodeAvailability]) -> tuple[PartTable, ...]:
    """Count usable nodes by the largest free part of a GPU: one table for each kind of card and each number of parts that a card makes."""
    kinds: dict[tuple[str, str, int], list[Parts | None]] = {}
    for entry in nodes:
        for parts in entry.parts:
            kinds.setdefault((parts.gres, parts.type, parts.per_card), []).append(parts if entry.usable else None)
    tables = []
    for (gres, gpu_type, per_card), found in sorted(kinds.items()):
        rows = dict.fromkeys((0, *steps(gres, per_card), per_card), 0)
        unknown = 0
        for free in found:
            if free is None:
                continue
            least, most = (max(size for size in rows if size <= bound) for bound in (free.least, free.most))
            if least == most:
                rows[least] += 1
            else:
                unknown += 1
        tables.append(PartTable(gres, gpu_type, per_card, tuple(rows.items()), unknown))
    return tuple(tables)


def partition_availability(name: str, nodes: Sequence[NodeAvailability], *, exclusive: bool = False) -> PartitionAvailability:
    """Count what ``nodes``, the nodes of one partition, have free. One that is ``exclusive`` gives whole nodes, and no parts of GPUs."""
    reasons: dict[str, int] = {}
    for entry in nodes:
        if not entry.usable:
            reasons[entry.why_not] = reasons.get(entry.why_not, 0) + 1
    usable = sum(entry.usable for entry in nodes)
    return PartitionAvailability(
        name=name,
        gpu_table=gpu_table(nodes),
        nodes_usable=usable,
        nodes_left_out=len(nodes) - usable,
        left_out_by_reason=tuple(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        part_tables=() if exclusive else part_tables(nodes),
    )


@dataclass(frozen=True, slots=True)
class Availability:
    """The cluster at one moment, for one choice of reservation. ``nodes`` in the order in which Slurm lists them."""

    nodes: tuple[NodeAvailability, ...]
    partitions: tuple[PartitionAvailability, ...]


MAX_NODES = 200
MAX_PARTITIONS = 12
"""What is shown on a page: of more nodes or partitions only those of the chosen partition, and of these the ones with most free."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """As much of an :class:`Availability` as a page shows, and how many nodes and partitions there are besides."""

    nodes: tuple[NodeAvailability, ...]
    partitions: tuple[PartitionAvailability, ...]
    nodes_not_shown: int = 0
    partitions_not_shown: int = 0


def of_partitions(found: Availability, names: Set[str]) -> Availability:
    """Return the part of it that these partitions are."""
    partitions = tuple(partition for partition in found.partitions if partition.name in names)
    return Availability(tuple(entry for entry in found.nodes if not names.isdisjoint(entry.node.partitions)), partitions)


def excerpt(found: Availability, partition: str) -> Excerpt:
    """Return what a page shows to somebody who has chosen ``partition``: all of it, unless that is too much for a page."""
    chosen = next((entry for entry in found.partitions if entry.name == partition), None)
    partitions = found.partitions
    if len(partitions) > MAX_PARTITIONS:
        partitions = (chosen,) if chosen is not None else partitions[:MAX_PARTITIONS]
    nodes = found.nodes
    if len(nodes) > MAX_NODES:
        shown = {entry.name for entry in partitions}
        nodes = tuple(entry for entry in nodes if not shown.isdisjoint(entry.node.partitions))
        if chosen is not None:
            nodes = tuple(entry for entry in nodes if partition in entry.node.partitions)
        nodes = tuple(sorted(nodes, key=_how_much_is_free, reverse=True)[:MAX_NODES])
    return Excerpt(nodes, partitions, len(found.nodes) - len(nodes), len(found.partitions) - len(partitions))


def _how_much_is_free(entry: NodeAvailability) -> tuple[bool, int, int, int]:
    return entry.usable, sum(gpus.free for gpus in entry.gpus), entry.cores_free, entry.memory_mb_free


def availability(
    nodes: Sequence[Node],
    partitions: Sequence[Partition],
    reservations: Sequence[Reservation],
    *,
    now: float,
    reservation: str = "",
    sharing: Mapping[str, Sequence[Job]] | None = None,
) -> Availability:
    """Return what is free for a job that asks for ``reservation`` (empty: none), in each of ``partitions``.

    Only nodes of these partitions appear; ``now`` is seconds since the epoch. ``sharing`` has the jobs that hold parts of GPUs, by node;
    None where nobody knows them.
    """
    by_name = {node.name: node for node in nodes}
    held = whole_node_reservations(reservations, by_name, now)
    partly = partly_reserved(reservations, by_name, now)
    own = next((entry for entry in reservations if entry.name == reservation and is_active(entry, now)), None) if reservation else None

    def why_not(node: Node) -> str:
        others = held.get(node.name, set()) - {reservation}
        if not reservation:
            return why_not_usable(node, held=bool(others), partly=node.name in partly)
        # A job in an overlapping reservation runs on its nodes whoever else holds them (slurmctld, job_test_resv).
        overlapping = own is not None and "OVERLAP" in own.flags
        return why_not_usable(node, held=bool(others) and not overlapping, inside=own is not None and node.name in own.nodes)

    parts = PartsOnNodes()

    def entry(node: Node) -> NodeAvailability:
        jobs = None if sharing is None else sharing.get(node.name, ())
        return NodeAvailability(node, gpus_of(node), why_not(node), parts.of(node, jobs))

    wanted: dict[str, None] = {}
    for partition in partitions:
        wanted.update(dict.fromkeys(partition.nodes))
    entries = {node.name: entry(node) for node in nodes if node.name in wanted}
    return Availability(
        nodes=tuple(entries.values()),
        partitions=tuple(
            partition_availability(
                partition.name,
                [entries[name] for name in partition.nodes if name in entries],
                exclusive=partition.oversubscribe == "EXCLUSIVE",
            )
            for partition in partitions
        ),
    )
