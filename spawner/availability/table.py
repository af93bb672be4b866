"""What is free: which nodes can take a job now, and the GPU table.

Slurm's rules that are applied here are in slurm.conf(5), sinfo(1) "NODE STATE CODES" and scontrol(1) "RESERVATIONS".
"Free" is what Slurm has not given to a job; whether a job starts at once depends on other people's jobs as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from ..i18n import N_, _
from ..slurm.model import Job, Node, Partition, Reservation
from ..slurm.shared_gres import Parts, cards_that_carry_parts, count_by_type, has_parts, parts_in, parts_of, steps

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
    """Whole GPUs of one type on one node. ``type`` is empty where Slurm has none.

    ``unfit`` are not in ``free`` although Slurm calls them free (:attr:`.Node.gpus_unfit`).
    """

    type: str
    total: int
    free: int
    unfit: int = 0


def gpus_of(node: Node) -> tuple[GpuCount, ...]:
    """The node's GPUs by type, most numerous type first in the node's own order.

    A GPU that carries shards is not free for a whole-GPU job (slurm.md, "Measured"), so devices that shards or MPS use are
    taken off the free ones where Slurm tells how many there are; so are those that are free in Slurm's view only (``gpus_unfit``).
    """
    totals = count_by_type(node.gres, "gpu")
    used = count_by_type(node.gres_used, "gpu")
    shared = cards_that_carry_parts(node.gres_used)
    unfit = dict(node.gpus_unfit)
    counts = []
    for gpu_type, total in totals.items():
        # Where Slurm does not say of which type the cards are that carry parts, they are missed in each type: better than to promise one.
        free = total - used.get(gpu_type, 0) - shared.get(gpu_type, 0) - (shared.get("", 0) if gpu_type else 0)
        useless = max(0, min(free, unfit.get(gpu_type, 0)))
        counts.append(GpuCount(gpu_type, total, max(0, free - useless), useless))
    return tuple(counts)


class PartsOnNodes:
    """What the nodes of one answer have free in parts of GPUs; alike for nodes that are alike, and looked at once."""

    def __init__(self) -> None:
        self._with_parts: dict[int, bool] = {}
        self._found: dict[tuple[object, ...], tuple[Parts, ...]] = {}

    def of(self, node: Node, jobs: Iterable[Job] | None) -> tuple[Parts, ...]:
        """What the node has free; ``jobs`` are those that run on it, None where nobody knows them."""
        # GRES are told apart by identity: the grammar gives equal texts the same object, and to compare is many times slower.
        if id(node.gres) not in self._with_parts:
            self._with_parts[id(node.gres)] = has_parts(node.gres)
        if not self._with_parts[id(node.gres)]:
            return ()
        sharing = None if jobs is None else tuple(job for job in jobs if parts_in(job.tres))
        held = None if sharing is None else tuple((job.tres, len(job.nodes)) for job in sharing)
        key = (id(node.gres), id(node.gres_used), node.gpus_unfit, held)
        if key not in self._found:
            whole = {gpus.type: (gpus.total, gpus.free) for gpus in gpus_of(node)}
            self._found[key] = parts_of(node, whole, sharing)
        return self._found[key]


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
    parts: tuple[Parts, ...] = ()

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


def part_tables(nodes: Iterable[NodeAvailability]) -> tuple[PartTable, ...]:
    """As :func:`gpu_table`, of parts of GPUs: one for each kind of card and each number of parts that a card makes."""
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
    """The part of it that these partitions are."""
    partitions = tuple(partition for partition in found.partitions if partition.name in names)
    return Availability(tuple(entry for entry in found.nodes if not names.isdisjoint(entry.node.partitions)), partitions)


def excerpt(found: Availability, partition: str) -> Excerpt:
    """What a page shows to somebody who has chosen ``partition``: all of it, unless that is too much for a page."""
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
    """What is free for a job that asks for ``reservation`` (empty: none), in each of ``partitions``.

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
