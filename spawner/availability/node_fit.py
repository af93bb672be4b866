"""What one more job can have on a node, and until when."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..slurm.model import Job
from ..slurm.shared_gres import Parts, parts_in
from ..slurm.states import ENDING, RUNNING, STARTING
from .demand import Demand, NodeSize
from .node_state import GpuCount


def features_of(sbatch_options: Iterable[str]) -> frozenset[str]:
    """Return the features that the admin's own options ask of every job's node; the last ``--constraint`` counts.

    Only names joined by ``&`` are understood (sbatch(1)). Of anything else nothing follows here, and a verdict may be too hopeful.
    """
    features: frozenset[str] = frozenset()
    for option in sbatch_options:
        name, _equals, value = option.partition("=")
        if name == "--constraint":
            features = frozenset(value.split("&")) if not set(value) & set("|[]()*:") else frozenset()
    return features - {""}


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
    ``why_not`` says why no job can start there now, ``back`` when that ends where it is known. ``until`` is when the node is needed for
    something else, infinity for never, and ``until_for`` what that is. Moments are seconds since the epoch. ``parts`` are those of GPUs.
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
    parts: tuple[Parts, ...] = ()

    @property
    def whole_cores(self) -> int:
        """The free cores that a job can ask for: those of whole cores, where these have threads."""
        return self.cores // self.threads_per_core * self.threads_per_core

    def gpus_free(self, gpu_type: str) -> int:
        """Return the number of free GPUs of one type; of all types together for the empty type, for Slurm mixes them then."""
        free = 0
        for entry in self.gpus:
            if not gpu_type or entry.type == gpu_type:
                free += entry.free
        return free

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

    def holds(self, demand: Demand) -> bool:
        """Tell whether the node has all of it free now."""
        if self.why_not or self.memory_mb < demand.memory_mb or self.cores < self.cores_taken(demand.cores):
            return False
        return not demand.gpus or self.has_free(demand.gpu_type, demand.gpus, demand.gres)

    def may_hold(self, demand: Demand) -> bool:
        """Tell whether the node may have all of it, a part of a GPU among it, free now, for all that is known of its cards' parts."""
        return self.holds(demand.without_gpus) and 0 < demand.gpus <= self.part_perhaps_free(demand.gres, demand.gpu_type)

    def minutes(self, now: float) -> float:
        """Return the whole minutes that a job may last if it starts at ``now`` (seconds since the epoch), infinity for any time."""
        return self.until if self.until == math.inf else max(0, int(self.until - now - MARGIN_SECONDS) // 60)
