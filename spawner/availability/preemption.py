"""Whose jobs make room for a job, what of theirs it gets, and whose are tried after it.

The rules are those of slurm.conf(5) "PreemptType", "PreemptMode", "PreemptExemptTime", "PreemptParameters" and "PriorityTier", of
sacctmgr(1) "Preempt", and of ``preempt_p_preemptable`` in src/plugins/preempt/partition_prio and .../qos.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ..slurm.grammar import parse_duration_seconds
from ..slurm.model import Gres, Job, Node, Partition, Qos, SlurmConfig
from ..slurm.states import HALTED
from ..slurm.tres import tres_of_job

Room = Literal["", "cores", "all"]
"""What a job that makes room leaves to the other: nothing, its cores (it is suspended, and keeps memory and GPUs), or all it has."""

_BY = {"preempt/partition_prio": "partition", "preempt/qos": "qos"}
_LEAVES: tuple[tuple[str, Room], ...] = (("REQUEUE", "all"), ("CANCEL", "all"), ("SUSPEND", "cores"))
_MAKE_ROOM = HALTED | {"RUNNING"}
_EXEMPT_PRIORITY = re.compile(r"min_exempt_priority=([0-9]{1,10})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Preemption:
    """How the site lets jobs make room: by ``partition`` or by ``qos``; not at all where ``by`` is empty.

    ``modes`` are the words of the cluster's PreemptMode. ``exempt_seconds`` is how long a job runs before it may have to make room,
    ``exempt_priority`` the priority above which it never has to.
    """

    by: str = ""
    modes: frozenset[str] = frozenset()
    exempt_seconds: int = 0
    exempt_priority: int | None = None
    qos: Mapping[str, Qos] = field(default_factory=dict)

    @classmethod
    def parse(cls, config: SlurmConfig, qos: Iterable[Qos] = ()) -> Preemption:
        """Read the configuration as Slurm prints it."""
        modes = _words(config.get("PreemptMode"))
        by = _BY.get(config.get("PreemptType"), "")
        if modes <= {"OFF"}:
            return NO_PREEMPTION
        exempt = _EXEMPT_PRIORITY.search(config.get("PreemptParameters"))
        seconds = _seconds(config.get("PreemptExemptTime"))
        return cls(by, modes, seconds, int(exempt[1]) if exempt else None, {entry.name: entry for entry in qos})

    def of_job(self, partition: Partition, qos: str, partitions: Mapping[str, Partition], now: float) -> JobPreemption:
        """Return what follows for one more job of this partition under this QOS at ``now`` (seconds since the epoch)."""
        return JobPreemption(self, partition, qos, partitions, now)

    def qos_of(self, name: str) -> Qos:
        """Return what slurmdbd says of the QOS, one without any rule where it says nothing."""
        return self.qos.get(name) or Qos(name)


NO_PREEMPTION = Preemption()


@dataclass(frozen=True, slots=True)
class JobPreemption:
    """Who makes room for one job, and whom Slurm tries after it."""

    site: Preemption
    partition: Partition
    qos: str
    partitions: Mapping[str, Partition]
    now: float

    def _partition_of(self, name: str) -> Partition:
        return self.partitions.get(name) or Partition(name)

    @property
    def is_sure(self) -> bool:
        """Whether no priorities decide besides, which nobody knows of a job that is not there yet (PreemptMode=PRIORITY)."""
        own = self.partition.preempt_mode if self.site.by == "partition" else self.site.qos_of(self.qos).preempt_mode
        return "PRIORITY" not in self.site.modes | _words(own)

    def comes_before(self, job: Job) -> bool:
        """Tell whether Slurm comes to the waiting ``job`` after this one, in each of the partitions that it names."""
        others = [self._partition_of(name) for name in job.partition.split(",")]
        if self.site.by == "qos" and job.qos != self.qos and job.qos in self.site.qos_of(self.qos).preempts:
            return True
        return all(self.partition.priority_tier > other.priority_tier for other in others)

    def room(self, job: Job) -> Room:
        """Return what ``job``, which runs, leaves to this one."""
        if not self._may_have_to(job):
            return ""
        held_in = self._partition_of(job.partition)
        if self.site.by == "partition":
            preempts = held_in.priority_tier < self.partition.priority_tier
            own = held_in.preempt_mode
        else:
            preempts = job.qos != self.qos and job.qos in self.site.qos_of(self.qos).preempts
            own = self.site.qos_of(job.qos).preempt_mode
        modes = _words(own) or self.site.modes
        left: Room = next((room for mode, room in _LEAVES if mode in modes), "") if preempts else ""
        # A suspended job shares its cores by gang scheduling only (slurm.conf(5), PreemptMode=GANG).
        return "" if left == "cores" and "GANG" not in self.site.modes else left

    def perhaps(self, job: Job) -> bool:
        """Tell whether ``job`` makes room if its priority is lower than this one's will be (PreemptMode=WITHIN)."""
        within = "WITHIN" in self.site.modes | _words(self.site.qos_of(self.qos).preempt_mode)
        return self.site.by == "qos" and within and job.qos == self.qos and self._may_have_to(job)

    def _may_have_to(self, job: Job) -> bool:
        own = self.site.qos_of(job.qos).exempt_seconds
        exempt = self.site.exempt_seconds if own is None else own
        if not self.site.by or job.state not in _MAKE_ROOM or self.now - (job.start or 0) < exempt:
            return False
        return self.site.exempt_priority is None or job.priority <= self.site.exempt_priority

    def grace_seconds(self, job: Job) -> int:
        """Return how long the job may take to make room (GraceTime)."""
        return (self._partition_of(job.partition) if self.site.by == "partition" else self.site.qos_of(job.qos)).grace_seconds


def going_for(rules: JobPreemption, running: Iterable[Job]) -> tuple[dict[int, Room], dict[int, Room]]:
    """Return what each of the running jobs leaves to that job, by their ids: those that surely make room, and those that perhaps do."""
    sure: dict[int, Room] = {}
    perhaps: dict[int, Room] = {}
    if rules.site.by:
        is_sure = rules.is_sure
        for job in running:
            room = rules.room(job)
            if room:
                (sure if is_sure else perhaps)[job.job_id] = room
            elif rules.perhaps(job):
                perhaps[job.job_id] = "all"
    return sure, perhaps


def once_gone(node: Node, running: Iterable[Job], going: Mapping[int, Room]) -> Node:
    """Return the node as it is once those of its ``running`` jobs that are ``going`` have made room.

    What a job has on one of several nodes is an equal share. GPUs whose type Slurm does not say stay taken where the node has several.
    """
    running = tuple(running)
    leaving = [(job, going[job.job_id]) for job in running if job.job_id in going]
    if not leaving:
        return node
    if len(leaving) == len(running) and all(room == "all" for _job, room in leaving):
        state = "idle" if node.state in ("mixed", "allocated") else node.state
        return replace(node, state=state, cores_allocated=0, memory_mb_allocated=0, gres_used=())
    cores = memory = 0
    used = node.gres_used
    for job, room in leaving:
        share = max(1, len(job.nodes))
        cores += job.cores // share
        if room == "all":
            has = {name: count // share for name, count in tres_of_job(job.tres)}
            memory += has.get("mem", 0)
            used = _without_gpus(node, used, has)
    return replace(
        node,
        cores_allocated=max(0, node.cores_allocated - cores),
        memory_mb_allocated=max(0, node.memory_mb_allocated - memory),
        gres_used=used,
    )


def _without_gpus(node: Node, used: tuple[Gres, ...], has: Mapping[str, int]) -> tuple[Gres, ...]:
    types = {entry.type for entry in node.gres if entry.name == "gpu"}
    counts = {kind: has.get(f"gres/gpu:{kind.lower()}", 0) for kind in types if kind}
    if not any(counts.values()) and len(types) == 1:
        counts = dict.fromkeys(types, has.get("gres/gpu", 0))
    return tuple(
        replace(entry, count=max(0, entry.count - counts[entry.type]), detail="")
        if entry.name == "gpu" and counts.get(entry.type)
        else entry
        for entry in used
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in text.upper().split(",") if word)


def _seconds(text: str) -> int:
    try:
        return parse_duration_seconds(text) or 0
    except ValueError:
        return 0
