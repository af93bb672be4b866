"""What one more job can have on each node now, and for how long: cores, memory and GPUs of the same node.

The rules are those of Slurm's select/cons_tres (``_verify_node_state`` and the rows of ``_job_test`` in 22.05), of slurm.conf(5)
"OverSubscribe" and of scontrol(1) "RESERVATIONS". Each was measured on 22.05.8; ``tests/real/test_verdict.py`` measures them again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from ..i18n import N_
from ..slurm.model import Job, Node, Partition, Reservation
from ..slurm.shared_gres import Parts
from ..slurm.states import PENDING
from .node_fit import HOLDS_RESOURCES, MAINTENANCE, QUEUE, RESERVATION, WAITS_IN_LINE, NodeClass
from .node_state import (
    GpuCount,
    PartsOnNodes,
    cores_on_a_node,
    gpus_of,
    is_active,
    partly_reserved,
    whole_node_reservations,
    why_not_usable,
)

_EMPTY: tuple[Job, ...] = ()
_STATE = attrgetter(
    "state",
    "flags",
    "cores_total",
    "cores_allocated",
    "cores_system",
    "memory_mb",
    "memory_mb_allocated",
    "memory_mb_system",
    "threads_per_core",
    "gpus_unfit",
)
"""With the GRES, all that tells two nodes apart here."""

_Window = tuple[float, str]
_FOREVER: _Window = (math.inf, "")


@dataclass(frozen=True, slots=True)
class _Claims:
    """What reservations and waiting jobs claim of one node, for a job in one reservation or in none."""

    others: bool = False
    back: float | None = None
    partly: bool = False
    inside: bool = False
    cores_kept: int = 0
    cores_most: int | None = None
    until: float = math.inf
    until_for: str = ""


_UNCLAIMED = _Claims()


class ClusterForecast:
    """The cluster at one moment, as one more job would meet it. Made once for an answer of Slurm; all users share it.

    Parameters
    ----------
    jobs
        Every job that Slurm knows, ended ones too; None where the list is not at hand. Without it, jobs that wait in front are not
        seen, and a node whose cores are shared (OverSubscribe=FORCE) counts as having room on its cores.
    now, as_of
        Seconds since the epoch: the moment that is asked about, and the one at which Slurm said what is free.
    features
        What the admin's own options ask of every job's node (``sbatch --constraint``); all of them are needed.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        partitions: Iterable[Partition],
        reservations: Sequence[Reservation] = (),
        jobs: Iterable[Job] | None = None,
        *,
        now: float,
        as_of: float | None = None,
        features: Collection[str] = (),
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.partitions = {partition.name: partition for partition in partitions}
        self.reservations = {reservation.name: reservation for reservation in reservations}
        self.knows_jobs = jobs is not None
        self.now = now
        self.as_of = now if as_of is None else as_of
        self._features = frozenset(features)
        self._running: dict[str, list[Job]] = {}
        self._planned: dict[str, float] = {}
        self._in_line: dict[str, list[Job]] = {}
        for job in jobs or ():
            self._take_in(job)
        self._modes_differ = len({(entry.oversubscribe, entry.oversubscribe_count > 1) for entry in self.partitions.values()}) > 1
        self._claims: dict[str, Mapping[str, _Claims]] = {}
        self._node_classes: dict[tuple[str, str], tuple[NodeClass, ...]] = {}
        self._parts_on_nodes = PartsOnNodes()

    def _take_in(self, job: Job) -> None:
        if job.state in HOLDS_RESOURCES:
            for name in job.nodes:
                self._running.setdefault(name, []).append(job)
        elif job.state in PENDING:
            if job.planned_nodes and job.start is not None:
                for name in job.planned_nodes:
                    self._planned[name] = min(job.start, self._planned.get(name, math.inf))
            if job.reason.startswith(WAITS_IN_LINE):
                # Of several partitions the job runs in the first that has room: it waits in each of them.
                for name in job.partition.split(","):
                    self._in_line.setdefault(name, []).append(job)

    def in_line(self, partition: str) -> tuple[int, int]:
        """Count the jobs that wait for resources of the partition, and those of them for which Slurm has chosen neither nodes nor time."""
        waiting = self._in_line.get(partition, [])
        return len(waiting), sum(not job.planned_nodes or job.start is None for job in waiting)

    def node_classes(self, partition: str, reservation: str = "") -> tuple[NodeClass, ...]:
        """Return the nodes of the partition that a job in the reservation (empty: in none) may run on, equal ones in one entry.

        Empty for a partition or a reservation that Slurm does not know.
        """
        key = (partition, reservation)
        if key not in self._node_classes:
            self._node_classes[key] = self._find_node_classes(partition, reservation)
        return self._node_classes[key]

    def _find_node_classes(self, partition_name: str, reservation: str) -> tuple[NodeClass, ...]:
        partition = self.partitions.get(partition_name)
        if partition is None or (reservation and reservation not in self.reservations):
            return ()
        claims = self._claims_for(reservation)
        looks_at_jobs = self._modes_differ or partition.oversubscribe == "FORCE" or partition.max_cores_per_node is not None
        counts: dict[tuple[object, ...], int] = {}
        examples: list[tuple[Node, _Claims, _Load]] = []
        for name in partition.nodes:
            node = self.nodes.get(name)
            if node is None or (self._features and not self._features <= set(node.features)):
                continue
            claim = claims.get(name, _UNCLAIMED)
            if reservation and not claim.inside:
                continue
            load = self._load(node, partition) if looks_at_jobs and name in self._running else _NO_LOAD
            # GRES are told apart by identity: the grammar gives equal texts the same object, and to compare is many times slower.
            key = (_STATE(node), id(node.gres), id(node.gres_used), claim, load, self._parts(node))
            number = counts.get(key)
            if number is None:
                examples.append((node, claim, load))
                number = 0
            counts[key] = number + 1
        return tuple(
            self._node_class(node, partition, claim, load, number)
            for (node, claim, load), number in zip(examples, counts.values(), strict=True)
        )

    def _load(self, node: Node, partition: Partition) -> _Load:
        """What the jobs on the node leave to one more job of the partition, as far as its own free cores do not say so."""
        own: list[Job] = []
        clash = False
        for job in self._running.get(node.name, _EMPTY):
            if job.partition == partition.name:
                own.append(job)
            elif not clash:
                clash = _do_not_mix(partition, self.partitions.get(job.partition))
        if not own:
            return _CLASH if clash else _NO_LOAD
        used = sum(cores_on_a_node(job) for job in own)
        rows = _free_in_rows(node.cores_schedulable, partition.oversubscribe_count, own) if partition.oversubscribe == "FORCE" else None
        return (rows, used if partition.max_cores_per_node is not None else 0, clash)

    def _node_class(self, node: Node, partition: Partition, claim: _Claims, load: _Load, number: int) -> NodeClass:
        rows, used, clash = load
        empty = node.cores_schedulable
        free = max(0, empty - node.cores_allocated)
        if partition.oversubscribe == "FORCE":
            # A job gets cores that nobody has, or those of a row of its partition (slurm.conf(5): at most n jobs share a core).
            free = max(free, empty if rows is None else rows)
        if claim.cores_most is not None:
            empty, free = min(empty, claim.cores_most), min(free, claim.cores_most)
        free = max(0, free - claim.cores_kept)
        memory = node.memory_mb_schedulable
        memory_free = max(0, memory - node.memory_mb_allocated)
        if partition.max_cores_per_node is not None:
            empty, free = min(empty, partition.max_cores_per_node), min(free, max(0, partition.max_cores_per_node - used))
        if partition.max_memory_mb_per_node is not None:
            memory, memory_free = min(memory, partition.max_memory_mb_per_node), min(memory_free, partition.max_memory_mb_per_node)
        gpus = gpus_of(node)
        why_not = why_not_usable(node, held=claim.others, partly=claim.partly, inside=True if claim.inside else None)
        if not why_not:
            why_not = self._why_not_with_others(node, partition, gpus, claim, clash=clash)
        return NodeClass(
            nodes=number,
            why_not=why_not,
            cores=free,
            memory_mb=memory_free,
            gpus=gpus,
            cores_total=empty,
            memory_mb_total=memory,
            threads_per_core=max(1, node.threads_per_core),
            back=claim.back if why_not in ("reserved", "in maintenance") else None,
            until=claim.until,
            until_for=claim.until_for,
            asleep="powered_down" in node.flags or "powering_up" in node.flags,
            # A job that gets the whole node gets no parts of its GPUs: it would wait for ever (measured).
            parts=() if partition.oversubscribe == "EXCLUSIVE" else self._parts(node),
        )

    def _parts(self, node: Node) -> tuple[Parts, ...]:
        """What the node has free in parts of GPUs."""
        return self._parts_on_nodes.of(node, self._running.get(node.name, _EMPTY) if self.knows_jobs else None)

    def _why_not_with_others(self, node: Node, partition: Partition, gpus: tuple[GpuCount, ...], claim: _Claims, *, clash: bool) -> str:
        if partition.oversubscribe == "EXCLUSIVE":
            if claim.cores_kept:
                return N_("partly reserved, and the partition gives whole nodes only")
            taken = node.state != "idle" or node.cores_allocated or node.memory_mb_allocated or any(each.free < each.total for each in gpus)
            return N_("in use, and the partition gives whole nodes only") if taken else ""
        if clash:
            return N_("in use by jobs of another partition")
        if "planned" in node.flags and not self.knows_jobs:
            return N_("kept for a job that waits already")
        return ""

    def _claims_for(self, reservation: str) -> Mapping[str, _Claims]:
        """What is claimed of each node, nodes that nobody claims left out."""
        if reservation not in self._claims:
            self._claims[reservation] = self._find_claims(reservation)
        return self._claims[reservation]

    def _find_claims(self, name: str) -> Mapping[str, _Claims]:
        own = self.reservations.get(name)
        everything = tuple(self.reservations.values())
        others = tuple(entry for entry in everything if entry is not own)
        if own is not None and own.flags & {"OVERLAP", "MAINT"}:
            # A job in an overlapping reservation runs on its nodes whoever else holds them (slurmctld, job_test_resv).
            others = ()
        partial = partly_reserved(everything, self.nodes, self.now)
        claims: dict[str, _Claims] = {node: _Claims(partly=True) for node in partial}

        def change(node: str, **values: Any) -> None:
            claims[node] = replace(claims.get(node, _UNCLAIMED), **values)

        if own is not None:
            for node in own.nodes:
                change(node, inside=True, cores_most=self._cores_of(own, node))
        for other in others:
            if other.end > self.now and other.nodes:
                self._claim(other, claims, change)
        for node, start in self._planned.items():
            if start < claims.get(node, _UNCLAIMED).until:
                change(node, until=start, until_for=QUEUE)
        return claims

    def _claim(self, other: Reservation, claims: Mapping[str, _Claims], change: Callable[..., None]) -> None:
        whole = bool(whole_node_reservations((other,), self.nodes, other.start))
        what = MAINTENANCE if "MAINT" in other.flags else RESERVATION
        for node in other.nodes:
            known = claims.get(node, _UNCLAIMED)
            if not whole:
                # A later one takes its cores away at once: to count until when they are free would need more than one class a node.
                change(node, cores_kept=known.cores_kept + self._cores_of(other, node))
            elif is_active(other, self.now):
                change(node, others=True, back=max(other.end, known.back or 0))
            elif other.start < known.until:
                change(node, until=float(other.start), until_for=what)

    def _cores_of(self, reservation: Reservation, name: str) -> int:
        """Threads of the node that a reservation holds: an equal share of each node, at most all; all where it says no number of cores."""
        node = self.nodes.get(name)
        if node is None:
            return 0
        if reservation.core_count is None:
            return node.cores_total
        share = -(-reservation.core_count // max(1, len(reservation.nodes))) * max(1, node.threads_per_core)
        return min(share, node.cores_total)


_Load = tuple[int | None, int, bool]
"""Free cores in the row with most of them (None: a whole row), cores that the partition's jobs have, whether other jobs bar the node."""

_NO_LOAD: _Load = (None, 0, False)
_CLASH: _Load = (None, 0, True)


def _do_not_mix(partition: Partition, other: Partition | None) -> bool:
    """Whether a job of ``partition`` cannot start on a node where one of ``other`` runs. Measured on 22.05.8, for every pair of modes."""
    if other is None or other.oversubscribe == "EXCLUSIVE":
        return other is not None
    if partition.oversubscribe == "FORCE":
        return other.oversubscribe != "FORCE"
    return other.oversubscribe_count > 1


def _free_in_rows(cores: int, number: int, jobs: Sequence[Job]) -> int | None:
    """The most free cores in one of ``number`` rows; None where a row is empty.

    select/cons_tres puts a job into the first row that has room for it, and no job into two.
    """
    if len(jobs) < number:
        return None
    rows: list[int] = []
    for job in sorted(jobs, key=lambda entry: (entry.start or 0, entry.job_id)):
        needed = cores_on_a_node(job)
        for index, free in enumerate(rows):
            if free >= needed:
                rows[index] -= needed
                break
        else:
            rows.append(cores - needed)
    return None if len(rows) < number else max(0, *rows)
