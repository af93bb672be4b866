"""What is free: which nodes can take a job now, and the GPU table.

Slurm's rules that are applied here are in slurm.conf(5), sinfo(1) "NODE STATE CODES" and scontrol(1) "RESERVATIONS".
"Free" is what Slurm has not given to a job; whether a job starts at once depends on other people's jobs as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from .language import N_, _
from .slurm.model import Gres, Node, Partition, Reservation

_OUT_OF_SERVICE = (
    ("not_responding", N_("not responding")),
    ("drain", N_("drained")),
    ("fail", N_("failing")),
    ("invalid_reg", N_("wrongly configured")),
    ("maintenance", N_("in maintenance")),
    ("reserved", N_("reserved")),
    ("powering_down", N_("powering down")),
    ("power_down", N_("powering down")),
    ("reboot_requested", N_("about to reboot")),
    ("reboot_issued", N_("rebooting")),
    ("blocked", N_("blocked")),
    ("external", N_("not managed here")),
)
"""Node flags that keep a new job away, in the order in which they are named, with the words for a person."""

USABLE_STATES = frozenset({N_("idle"), N_("mixed"), N_("allocated")})
OTHER_STATES = frozenset({N_("down"), N_("error"), N_("future"), N_("planned"), N_("unknown")})
"""Slurm's base states, which stand on the page as they are."""


@dataclass(frozen=True, slots=True)
class GpuCount:
    """Whole GPUs of one type on one node. ``type`` is empty where Slurm has none."""

    type: str
    total: int
    free: int


def gpus_of(node: Node) -> tuple[GpuCount, ...]:
    """The node's GPUs by type, most numerous type first in the node's own order.

    A GPU that carries shards is not free for a whole-GPU job (slurm.md, "Measured"), so devices that shards or MPS use are
    taken off the free ones where Slurm tells how many there are; so are those that are free in Slurm's view only (``gpus_unfit``).
    """
    totals = _count_by_type(node.gres, "gpu")
    used = _count_by_type(node.gres_used, "gpu")
    shared = _devices_that_are_shared(node.gres_used)
    unfit = dict(node.gpus_unfit)
    counts = []
    for gpu_type, total in totals.items():
        free = total - used.get(gpu_type, 0) - shared.get(gpu_type, shared.get("", 0) if len(totals) == 1 else 0)
        counts.append(GpuCount(gpu_type, total, max(0, free - unfit.get(gpu_type, 0))))
    return tuple(counts)


def _count_by_type(gres: Iterable[Gres], name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for entry in gres:
        if entry.name == name:
            counts[entry.type] = counts.get(entry.type, 0) + entry.count
    return counts


def _devices_that_are_shared(gres_used: Iterable[Gres]) -> dict[str, int]:
    """How many devices of each type carry shards or MPS.

    Since 23.11 ``shard:a100:5(2/8,3/8)`` lists used/available per device; before, the count itself is that of the devices.
    """
    devices: dict[str, int] = {}
    for entry in gres_used:
        if entry.name not in ("shard", "mps") or entry.count == 0:
            continue
        per_device = [part.split("/")[0] for part in entry.detail.split(",") if "/" in part]
        number = sum(1 for used in per_device if used.isdigit() and int(used) > 0) if per_device else entry.count
        devices[entry.type] = devices.get(entry.type, 0) + number
    return devices


def is_active(reservation: Reservation, now: float) -> bool:
    """Whether the reservation holds its nodes at ``now`` (seconds since the epoch)."""
    return reservation.start <= now < reservation.end


def _holds_whole_nodes(reservation: Reservation, nodes: Mapping[str, Node]) -> bool:
    cores = sum(nodes[name].cores_total // max(1, nodes[name].threads_per_core) for name in reservation.nodes if name in nodes)
    return reservation.core_count is None or reservation.core_count >= cores


def whole_node_reservations(reservations: Iterable[Reservation], nodes: Mapping[str, Node], now: float) -> dict[str, set[str]]:
    """Node name to the names of the active reservations that hold all of it.

    A reservation of some cores of a node (CoreCnt below the nodes' cores) leaves the rest to everybody.
    """
    held: dict[str, set[str]] = {}
    for reservation in reservations:
        if is_active(reservation, now) and _holds_whole_nodes(reservation, nodes):
            for name in reservation.nodes:
                held.setdefault(name, set()).add(reservation.name)
    return held


def partly_reserved(reservations: Iterable[Reservation], nodes: Mapping[str, Node], now: float) -> set[str]:
    """Names of the nodes of which active reservations hold some cores. Measured on 22.05.8: Slurm marks them ``RESERVED`` too."""
    partial = (entry for entry in reservations if is_active(entry, now) and not _holds_whole_nodes(entry, nodes))
    return {name for entry in partial for name in entry.nodes}


def why_not_usable(node: Node, *, held: bool = False, partly: bool = False, inside: bool | None = None) -> str:
    """Why a new job cannot run on ``node``, in a word or two of English for the catalogue; empty if it can.

    Parameters
    ----------
    held
        Whether a reservation other than the job's holds the whole node now.
    partly
        Whether reservations hold some of its cores, so that Slurm's mark ``reserved`` says nothing about the others.
    inside
        Whether the node belongs to the reservation that the job would ask for; None where it would ask for none.
    """
    if node.state not in USABLE_STATES:
        return node.state
    for flag, words in _OUT_OF_SERVICE:
        if flag in node.flags and not (flag == "reserved" and (inside or (partly and not held))):
            return words
    if inside is False:
        return N_("not in the reservation")
    return "reserved" if held else ""


@dataclass(frozen=True, slots=True)
class NodeAvailability:
    """One node as the page shows it. ``why_not`` is empty where a new job may run on it."""

    node: Node
    gpus: tuple[GpuCount, ...]
    why_not: str

    @property
    def usable(self) -> bool:
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
class PartitionAvailability:
    """What a partition has free. Nodes without GPUs count in ``nodes_usable`` and in no row of the table."""

    name: str
    gpu_table: GpuTable
    nodes_usable: int
    nodes_left_out: int
    left_out_by_reason: tuple[tuple[str, int], ...]


def gpu_table(nodes: Iterable[NodeAvailability]) -> GpuTable:
    """Usable nodes counted by the number of their free GPUs, per type: every number from 0 to the largest node has its row.

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


def partition_availability(name: str, nodes: Sequence[NodeAvailability]) -> PartitionAvailability:
    """Count what ``nodes``, the nodes of one partition, have free."""
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
    )


@dataclass(frozen=True, slots=True)
class Availability:
    """The cluster at one moment, for one choice of reservation. ``nodes`` in the order in which Slurm lists them."""

    nodes: tuple[NodeAvailability, ...]
    partitions: tuple[PartitionAvailability, ...]


MOST_NODES = 200
MOST_PARTITIONS = 12
"""What is shown on a page: of more nodes or partitions only those of the chosen partition, and of these the ones with most free."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """As much of an :class:`Availability` as a page shows, and how many nodes and partitions there are besides."""

    nodes: tuple[NodeAvailability, ...]
    partitions: tuple[PartitionAvailability, ...]
    nodes_not_shown: int = 0
    partitions_not_shown: int = 0


def of_partitions(found: Availability, names: Set[str]) -> Availability:
    """The part of it that these partitions are."""
    partitions = tuple(partition for partition in found.partitions if partition.name in names)
    return Availability(tuple(entry for entry in found.nodes if not names.isdisjoint(entry.node.partitions)), partitions)


def excerpt(found: Availability, partition: str) -> Excerpt:
    """What a page shows to somebody who has chosen ``partition``: all of it, unless that is too much for a page."""
    chosen = next((entry for entry in found.partitions if entry.name == partition), None)
    partitions = found.partitions
    if len(partitions) > MOST_PARTITIONS:
        partitions = (chosen,) if chosen is not None else partitions[:MOST_PARTITIONS]
    nodes = found.nodes
    if len(nodes) > MOST_NODES:
        shown = {entry.name for entry in partitions}
        nodes = tuple(entry for entry in nodes if not shown.isdisjoint(entry.node.partitions))
        if chosen is not None:
            nodes = tuple(entry for entry in nodes if partition in entry.node.partitions)
        nodes = tuple(sorted(nodes, key=_how_much_is_free, reverse=True)[:MOST_NODES])
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
) -> Availability:
    """What is free for a job that asks for ``reservation`` (empty: none), in each of ``partitions``.

    Only nodes of these partitions appear; ``now`` is seconds since the epoch.
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

    wanted: dict[str, None] = {}
    for partition in partitions:
        wanted.update(dict.fromkeys(partition.nodes))
    entries = {node.name: NodeAvailability(node, gpus_of(node), why_not(node)) for node in nodes if node.name in wanted}
    return Availability(
        nodes=tuple(entries.values()),
        partitions=tuple(
            partition_availability(partition.name, [entries[name] for name in partition.nodes if name in entries])
            for partition in partitions
        ),
    )
