"""What one more job can have on each node now, and for how long: cores, memory and GPUs of the same node.

The rules are those of Slurm's select/cons_tres (``_verify_node_state`` and the rows of ``_job_test`` in 22.05), of slurm.conf(5)
"OverSubscribe" and of scontrol(1) "RESERVATIONS". Each was measured on 22.05.8; ``tests/real/test_verdict.py`` measures them again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType

from ..i18n import N_
from ..slurm.model import Job, Node, Partition, Reservation
from ..slurm.shared_gres import Parts
from ..slurm.states import PENDING
from .age import is_old
from .allocation import (
    allows_whole,
    cores_for_one_job,
    cores_to_ask,
    cpus_given_together,
    memory_rule_of,
    not_judged_of,
    odd_threads,
    unit_of,
)
from .claims import UNCLAIMED, Claims, ClaimsByNode
from .demand import MemoryRule
from .hidden_nodes import NOT_SHOWN
from .licenses import MissingLicense
from .node_choice import ANY_NODE, NodeChoice
from .node_fit import HOLDS_RESOURCES, WAITS_IN_LINE, NodeClass
from .node_state import GpuCount, PartsOnNodes, cores_on_a_node, gpus_of, why_not_usable
from .ownership import NO_LABELS, NOBODY, SecurityLabels, Submitter, kept_for_others
from .preemption import NO_PREEMPTION, Preemption, Room, going_for, once_gone
from .sharing import do_not_mix, free_cores, free_in_rows

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
    "sockets",
    "cores_per_socket",
    "gpus_unfit",
    "not_judged",
)
"""With the GRES, all that tells two nodes apart here."""


class ClusterForecast:
    """The cluster at one moment, as one more job would meet it. Made once for an answer of Slurm; all users share it.

    Parameters
    ----------
    jobs
        Every job that Slurm knows, ended ones too; None where the list is not at hand. Without it, jobs that wait in front are not
        seen, and a node whose cores are shared (OverSubscribe=FORCE) counts as having room on its cores.
    now, as_of
        Seconds since the epoch: the moment that is asked about, and the one at which Slurm said what is free.
    is_silent
        Slurm was asked what is free, and what waits, since ``as_of``, and has not said.
    choice
        Which nodes the admin's own options of sbatch leave to every job.
    missing_license
        What the admin's own options ask for with every job and nobody has free.
    memory_option
        How jobs ask for memory (:func:`.memory_rule_of`).
    preemption, labels
        What the configuration says of jobs that make room, and of nodes with a security label. They count in :meth:`for_job`.
    barred
        By the names of nodes that are kept for others' jobs, why.
    hidden
        What Slurm does not show the Hub, by the words of PrivateData.
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
        is_silent: bool = False,
        choice: NodeChoice = ANY_NODE,
        preemption: Preemption = NO_PREEMPTION,
        labels: SecurityLabels = NO_LABELS,
        barred: Mapping[str, str] = MappingProxyType({}),
        hidden: Collection[str] = (),
        missing_license: MissingLicense | None = None,
        memory_option: str = "mem",
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.partitions = {partition.name: partition for partition in partitions}
        self.reservations = {reservation.name: reservation for reservation in reservations}
        self.knows_jobs = jobs is not None
        self._hidden = frozenset(hidden)
        self.hides_jobs = "jobs" in hidden
        self.hides_what_comes_first = self.hides_jobs or "reservations" in hidden
        self.now = now
        self.as_of = now if as_of is None else as_of
        self.is_old = is_old(self.as_of, now, silent=is_silent)
        """Whether it says nothing any more of what is free now."""
        self.choice = choice
        self._preemption = preemption
        self.labels = labels
        self._barred = barred
        self._running: dict[str, list[Job]] = {}
        self._planned: dict[str, float] = {}
        self._waiting: list[Job] = []
        self._in_line: dict[str, list[Job]] = {}
        for job in jobs or ():
            self._take_in(job)
        self._modes_differ = len({(entry.oversubscribe, entry.oversubscribe_count > 1) for entry in self.partitions.values()}) > 1
        self._claims: dict[str, Mapping[str, Claims]] = {}
        self._node_classes: dict[tuple[str, str], tuple[NodeClass, ...]] = {}
        self._parts_on_nodes = PartsOnNodes()
        self.missing_license = missing_license
        self._memory_option = memory_option
        self._memory_rules: dict[str, MemoryRule] = {}
        self._tiers_differ = len({entry.priority_tier for entry in self.partitions.values()}) > 1
        self._may_be_others: dict[str, bool] = {}
        self._for_jobs: dict[Hashable, JobForecast] = {}

    def _take_in(self, job: Job) -> None:
        if job.state in HOLDS_RESOURCES:
            for name in job.nodes:
                self._running.setdefault(name, []).append(job)
        elif job.state in PENDING:
            planned, stands = job.planned_nodes and job.start is not None, job.reason.startswith(WAITS_IN_LINE)
            if planned or stands:
                self._waiting.append(job)
            if planned and job.start is not None:
                for name in job.planned_nodes:
                    self._planned[name] = min(job.start, self._planned.get(name, math.inf))
            if stands:
                # Of several partitions the job runs in the first that has room: it waits in each of them.
                for name in job.partition.split(","):
                    self._in_line.setdefault(name, []).append(job)

    def in_line(self, partition: str) -> tuple[int, int]:
        """Count the jobs that wait for resources of the partition, and those of them for which Slurm has chosen neither nodes nor time.

        Those that wait for the same nodes in a partition of a higher PriorityTier are among them: Slurm tries them first.
        """
        waiting = [*self._in_line.get(partition, ()), *self._in_line_above(partition)]
        return sum(job.tasks for job in waiting), sum(job.tasks for job in waiting if not job.planned_nodes or job.start is None)

    def _in_line_above(self, partition: str) -> Iterable[Job]:
        own = self.partitions.get(partition)
        if own is None or not self._tiers_differ:
            return ()
        found: dict[int, Job] = {}
        for name, waiting in self._in_line.items():
            other = self.partitions.get(name)
            if other is not None and other.priority_tier > own.priority_tier and not set(other.nodes).isdisjoint(own.nodes):
                found.update((job.job_id, job) for job in waiting)
        for job in self._in_line.get(partition, ()):
            found.pop(job.job_id, None)
        return found.values()

    def without(self, job_id: int) -> ClusterForecast:
        """Return the cluster as it would be met if a job that waits were not there."""
        ahead = [job for job in self._waiting if job.job_id != job_id]
        there = [*{job.job_id: job for jobs in self._running.values() for job in jobs}.values(), *ahead]
        return self if len(ahead) == len(self._waiting) else self._changed(self.nodes.values(), there, self._barred)

    def for_job(self, partition: str, submitter: Submitter = NOBODY) -> JobForecast:
        """Return the cluster as a job of this partition and this submitter meets it, made once for all who meet it alike.

        Nodes that are kept for others' jobs are barred, and jobs that Slurm tries after this one do not wait in front.
        """
        own = self.partitions.get(partition)
        if own is None:
            return JobForecast(self)
        if partition not in self._may_be_others:
            # Asked for each candidate of an alternative: with thousands of nodes once is enough.
            owned = any(self.nodes[name].owner for name in own.nodes if name in self.nodes)
            self._may_be_others[partition] = own.exclusive_user or bool(self.labels.plugin) or owned
        owned = self._may_be_others[partition]
        if not owned and not self._tiers_differ and not self._preemption.by:
            return JobForecast(self)
        key = (partition, submitter if owned else submitter.qos)
        if key not in self._for_jobs:
            self._for_jobs[key] = self._find_for_job(own, submitter)
        return self._for_jobs[key]

    def _find_for_job(self, own: Partition, submitter: Submitter) -> JobForecast:
        there = [self.nodes[name] for name in own.nodes if name in self.nodes]
        barred = kept_for_others(there, own, submitter, self.labels, lambda name: self._running.get(name, _EMPTY))
        rules = self._preemption.of_job(own, submitter.qos, self.partitions, self.now)
        running = {job.job_id: job for jobs in self._running.values() for job in jobs}
        after = {job.job_id for job in self._waiting if rules.comes_before(job)}
        if not barred and not after:
            plain = self
        else:
            ahead = [job for job in self._waiting if job.job_id not in after]
            plain = self._changed(self.nodes.values(), [*running.values(), *ahead], barred)
        there_now = {job.job_id: job for name in own.nodes for job in self._running.get(name, _EMPTY)}
        sure, perhaps = going_for(rules, there_now.values())
        return JobForecast(
            plain,
            self._once_gone(plain, there, sure) if sure else None,
            self._once_gone(plain, there, {**sure, **perhaps}) if perhaps else None,
            max((rules.grace_seconds(there_now[number]) for number in sure), default=0),
        )

    def _once_gone(self, plain: ClusterForecast, there: Iterable[Node], going: Mapping[int, Room]) -> ClusterForecast:
        nodes = dict(plain.nodes)
        for node in there:
            nodes[node.name] = once_gone(node, self._running.get(node.name, _EMPTY), going)
        staying = {job.job_id: job for jobs in self._running.values() for job in jobs if job.job_id not in going}
        return plain._changed(nodes.values(), [*staying.values(), *plain._waiting], plain._barred)

    def _changed(self, nodes: Iterable[Node], jobs: Iterable[Job], barred: Mapping[str, str]) -> ClusterForecast:
        return ClusterForecast(
            tuple(nodes),
            self.partitions.values(),
            tuple(self.reservations.values()),
            jobs if self.knows_jobs else None,
            now=self.now,
            as_of=self.as_of,
            is_silent=self.is_old,
            choice=self.choice,
            preemption=self._preemption,
            labels=self.labels,
            barred=barred,
            hidden=self._hidden,
            missing_license=self.missing_license,
            memory_option=self._memory_option,
        )

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
        # Jobs of two partitions that both share cores (YES:2) do not mix either.
        shares_cores = partition.oversubscribe == "FORCE" or partition.oversubscribe_count > 1
        looks_at_jobs = self._modes_differ or shares_cores or partition.bounds_cores
        alike: dict[tuple[object, ...], list[str]] = {}
        examples: list[tuple[Node, Claims, _Load, str]] = []
        for name in partition.nodes:
            node = self.nodes.get(name)
            if node is None or (self.choice is not ANY_NODE and not self.choice.admits(node)):
                continue
            claim = claims.get(name, UNCLAIMED)
            if reservation and not claim.inside:
                continue
            load = self._load(node, partition) if looks_at_jobs and name in self._running else _NO_LOAD
            # GRES are told apart by identity: the grammar gives equal texts the same object, and to compare is many times slower.
            barred = self._barred.get(name, "")
            key = (_STATE(node), id(node.gres), id(node.gres_used), claim, load, self._parts(node), barred, self._needs_reboot(node))
            if key not in alike:
                examples.append((node, claim, load, barred))
                alike[key] = []
            alike[key].append(name)
        return tuple(
            self._node_class(node, partition, claim, load, names, barred)
            for (node, claim, load, barred), names in zip(examples, alike.values(), strict=True)
        )

    def _needs_reboot(self, node: Node) -> str:
        """The field that says so, where the node may have the features that are asked for, and has them not now."""
        return "" if self.choice.has_features(node.features) else "AvailableFeatures"

    def _memory_rule(self, partition: Partition) -> MemoryRule:
        """How a job of the partition asks for memory."""
        if partition.name not in self._memory_rules:
            there = [self.nodes[name] for name in partition.nodes if name in self.nodes]
            self._memory_rules[partition.name] = memory_rule_of(partition, there, self._memory_option)
        return self._memory_rules[partition.name]

    def _load(self, node: Node, partition: Partition) -> _Load:
        """What the jobs on the node leave to one more job of the partition, as far as its own free cores do not say so."""
        own: list[Job] = []
        clash = False
        for job in self._running.get(node.name, _EMPTY):
            if job.partition == partition.name:
                own.append(job)
            elif not clash:
                clash = do_not_mix(partition, self.partitions.get(job.partition))
        if not own:
            return _CLASH if clash else _NO_LOAD
        used = sum(cores_on_a_node(job) for job in own)
        rows = None
        if partition.oversubscribe == "FORCE":
            rows = free_in_rows(cores_for_one_job(node, partition), partition.oversubscribe_count, own)
        return (rows, used if partition.bounds_cores else 0, clash)

    def _node_class(self, node: Node, partition: Partition, claim: Claims, load: _Load, names: Sequence[str], barred: str) -> NodeClass:
        rows, used, clash = load
        empty, bound = cores_for_one_job(node, partition), cores_to_ask(node, partition)
        free, left = free_cores(node, partition, empty, bound, rows=rows, used=used)
        free = min(empty, max(0, free - claim.cores_kept))
        if claim.cores_most is not None:
            empty, free = min(empty, claim.cores_most), min(free, claim.cores_most)
        memory = node.memory_mb_schedulable
        memory_free = max(0, memory - node.memory_mb_allocated)
        if not allows_whole(node, partition):
            empty = free = 0
        if partition.max_memory_mb_per_node is not None:
            memory, memory_free = min(memory, partition.max_memory_mb_per_node), min(memory_free, partition.max_memory_mb_per_node)
        gpus = gpus_of(node)
        why_not = why_not_usable(node, held=claim.others, partly=claim.partly, inside=True if claim.inside else None)
        why_not = why_not or barred or self._why_not_with_others(node, partition, gpus, claim, clash=clash)
        return NodeClass(
            nodes=len(names),
            names=tuple(names),
            why_not=why_not,
            cores=free,
            memory_mb=memory_free,
            gpus=gpus,
            cores_total=empty,
            memory_mb_total=memory,
            cores_together=cpus_given_together(node, unit_of(partition.select_parameters)),
            memory_rule=self._memory_rule(partition),
            cores_to_ask=bound,
            cores_to_ask_now=left,
            odd_threads=odd_threads(node, partition),
            back=claim.back if why_not in ("reserved", "in maintenance") else None,
            until=claim.until,
            until_for=claim.until_for,
            asleep="powered_down" in node.flags or "powering_up" in node.flags,
            not_shown=NOT_SHOWN in node.flags,
            not_judged=not_judged_of(node, partition) or self._needs_reboot(node),
            # A job that gets the whole node gets no parts of its GPUs: it would wait for ever (measured).
            parts=() if partition.oversubscribe == "EXCLUSIVE" else self._parts(node),
            time_slices=max(1, partition.oversubscribe_count) if "GANG" in self._preemption.modes else 1,
        )

    def _parts(self, node: Node) -> tuple[Parts, ...]:
        """What the node has free in parts of GPUs."""
        return self._parts_on_nodes.of(node, self._running.get(node.name, _EMPTY) if self.knows_jobs else None)

    def _why_not_with_others(self, node: Node, partition: Partition, gpus: tuple[GpuCount, ...], claim: Claims, *, clash: bool) -> str:
        if partition.oversubscribe == "EXCLUSIVE":
            if claim.cores_kept:
                return N_("partly reserved, and the partition gives whole nodes only")
            taken = node.state != "idle" or node.cores_allocated or node.memory_mb_allocated or any(each.free < each.total for each in gpus)
            return N_("in use, and the partition gives whole nodes only") if taken else ""
        if clash:
            return N_("in use by jobs of another partition")
        if "planned" in node.flags and not self.knows_jobs and not self.hides_jobs:
            return N_("kept for a job that waits already")
        return ""

    def _claims_for(self, reservation: str) -> Mapping[str, Claims]:
        """What is claimed of each node, nodes that nobody claims left out."""
        if reservation not in self._claims:
            own = self.reservations.get(reservation)
            self._claims[reservation] = ClaimsByNode(own, self.reservations, self.nodes, self._planned, self.now).found
        return self._claims[reservation]


@dataclass(frozen=True, slots=True)
class JobForecast:
    """The cluster as one job meets it. ``plain`` is how it is.

    ``with_room`` is how it is once those jobs have gone that Slurm takes off the nodes for this one, and ``with_perhaps_room`` once those
    have gone, too, of which nobody knows; None where there are none. ``room_seconds`` is how long they may take for it.
    """

    plain: ClusterForecast
    with_room: ClusterForecast | None = None
    with_perhaps_room: ClusterForecast | None = None
    room_seconds: int = 0

    @property
    def roomiest(self) -> ClusterForecast:
        """What the job surely gets."""
        return self.with_room or self.plain


_Load = tuple[int | None, int, bool]
"""Free cores in the row with most of them (None: a whole row), cores that the partition's jobs have, whether other jobs bar the node."""

_NO_LOAD: _Load = (None, 0, False)
_CLASH: _Load = (None, 0, True)
