"""What one more job can have on a node, and until when."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..slurm.model import Job
from ..slurm.shared_gres import Parts, parts_in
from ..slurm.states import ENDING, RUNNING, STARTING
from .demand import Demand, NodeSize
from .node_state import GpuCount

HOLDS_RESOURCES = RUNNING | STARTING | ENDING


WAITS_IN_LINE = ("Resources", "Priority")
"""Reasons of a pending job that is in front of a later one (squeue(1), JOB REASON CODES); any other holds the job alone."""


MARGIN_SECONDS = 60
"""What a job needs besides its time limit: it starts seconds later, and backfill counts in minutes (slurm.conf(5), bf_resolution)."""


def sharing_jobs(jobs: Iterable[Job]) -> dict[str, list[Job]]:
    """Return the jobs that hold parts of GPUs, by the names of their nodes."""
    found: dict[str, list[Job]] = {}
    for job in jobs:
        if job.state in HOLDS_RESOURCES and parts_in(job.tres):
            for name in job.nodes:
                found.setdefault(name, []).append(job)
    return found


MAINTENANCE = "maintenance"


RESERVATION = "reservation"


QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class NodeClass(NodeSize):
    """What one more job can have on each of ``nodes`` equal nodes.

    ``cores`` and ``memory_mb`` are free, the ``_total`` ones those of the empty node, less what its partition lets one job have.
    ``cores_to_ask_now`` is what is left of ``cores_to_ask``.
    ``why_not`` says why no job can start there now, ``back`` when that ends where it is known. ``until`` is when the node is needed for
    something else, infinity for never, and ``until_for`` what that is. Moments are seconds since the epoch. ``parts`` are those of GPUs.
    ``time_slices`` is how many times its limit a job is taken to last before a reservation, for gang scheduling shares its time with others
    (``_get_job_duration`` in src/slurmctld/reservation.c).
    ``not_judged`` is a field of slurm.conf on which it depends as well. ``not_shown``: Slurm does not show them while they are off.
    ``names`` are those of the nodes.
    """

    nodes: int
    why_not: str
    cores: int
    memory_mb: int
    gpus: tuple[GpuCount, ...]
    back: float | None = None
    until: float = math.inf
    until_for: str = ""
    asleep: bool = False
    not_shown: bool = False
    not_judged: str = ""
    parts: tuple[Parts, ...] = ()
    time_slices: int = 1
    cores_to_ask_now: int | None = None
    names: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def whole_cores(self) -> int:
        """The free cores that a job can ask for: those of whole cores, where these have threads."""
        whole = self.cores // self.cores_together * self.cores_together
        return whole if self.cores_to_ask_now is None else min(whole, self.cores_to_ask_now)

    @property
    def memory_to_ask(self) -> int:
        """The free memory in MB that a job can ask for: no more than MaxMemPerCPU for each of its free cores."""
        most = self.memory_rule.most_per_cpu
        return self.memory_mb if most is None else min(self.memory_mb, most * self.whole_cores)

    def gpus_free(self, gpu_type: str) -> int:
        """Return the number of free GPUs of one type; of all types together for the empty type, for Slurm mixes them then."""
        free = 0
        for entry in self.gpus:
            if not gpu_type or entry.type == gpu_type:
                free += entry.free
        return free

    @property
    def gpu_types(self) -> tuple[str, ...]:
        """The types of its GPUs."""
        return tuple(entry.type for entry in self.gpus)

    def gpus_unfit(self, gpu_type: str) -> int:
        """Return the number of GPUs that are no use although Slurm calls them free, counted as :meth:`gpus_free` does."""
        return sum(entry.unfit for entry in self.gpus if gpu_type in ("", entry.type))

    def gpus_total(self, gpu_type: str) -> int:
        """Return the number of GPUs of one type, of all for the empty type, whoever has them."""
        total = 0
        for entry in self.gpus:
            if not gpu_type or entry.type == gpu_type:
                total += entry.total
        return total

    def _parts_of(self, gres: str, gpu_type: str) -> Iterable[Parts]:
        return (entry for entry in self.parts if entry.gres == gres and gpu_type in ("", entry.type))

    def part_total(self, gres: str, gpu_type: str) -> int:
        """Return the number of parts that a card makes, the largest if its cards differ; 0 where none is given out in parts."""
        return max((entry.per_card for entry in self._parts_of(gres, gpu_type)), default=0)

    def part_free(self, gres: str, gpu_type: str) -> int:
        """Return the largest part that one card is known to have free."""
        return max((entry.least for entry in self._parts_of(gres, gpu_type)), default=0)

    def part_perhaps_free(self, gres: str, gpu_type: str) -> int:
        """Return the largest part that one card may have free, for all that is known."""
        return max((entry.most for entry in self._parts_of(gres, gpu_type)), default=0)

    def has_free(self, gpu_type: str, gpus: int, gres: str = "gpu") -> bool:
        """Tell whether so many GPUs are free, or so large a part of one."""
        return (self.gpus_free(gpu_type) if gres == "gpu" else self.part_free(gres, gpu_type)) >= gpus

    def has_cores(self, demand: Demand) -> bool:
        """Tell whether the cores that such a job takes are free, and the partition has so many left for it."""
        return self.cores >= self.cores_taken(demand) and self.may_ask(demand, self.cores_to_ask_now)

    def holds(self, demand: Demand) -> bool:
        """Tell whether the node has all of it free now."""
        if self.why_not or self.memory_mb < self.memory_taken(demand) or not self.has_cores(demand):
            return False
        return not demand.gpus or self.has_free(demand.gpu_type, demand.gpus, demand.gres)

    def may_hold(self, demand: Demand) -> bool:
        """Tell whether the node may have all of it, a part of a GPU among it, free now, for all that is known of its cards' parts."""
        return self.holds(demand.without_gpus) and 0 < demand.gpus <= self.part_perhaps_free(demand.gres, demand.gpu_type)

    def minutes(self, now: float) -> float:
        """Return the whole minutes that a job may last if it starts at ``now`` (seconds since the epoch), infinity for any time."""
        if self.until == math.inf:
            return self.until
        slices = 1 if self.until_for == QUEUE else self.time_slices
        return max(0, int(self.until - now - MARGIN_SECONDS) // 60 // slices)
