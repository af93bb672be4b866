"""What the usable nodes have in all, what is free, and which jobs hold it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..slurm.model import Job
from ..slurm.resources import CORES, GPUS, MEMORY
from ..slurm.states import RUNNING, STARTING
from .node_state import cores_on_a_node
from .table import Availability

RESOURCES = (CORES, MEMORY, GPUS)


@dataclass(frozen=True, slots=True)
class Running:
    """The jobs that hold something, by user; ``cores`` are what they have on each node."""

    by_user: Mapping[str, tuple[Job, ...]]
    cores: Mapping[str, int]


def running_jobs(jobs: Iterable[Job]) -> Running:
    """Return those of Slurm's list of jobs that hold something."""
    holding = RUNNING | STARTING
    by_user: dict[str, list[Job]] = {}
    cores: dict[str, int] = {}
    for job in jobs:
        if job.state in holding:
            by_user.setdefault(job.user, []).append(job)
            for name in job.nodes:
                cores[name] = cores.get(name, 0) + cores_on_a_node(job)
    return Running({user: tuple(own) for user, own in by_user.items()}, cores)


@dataclass(frozen=True, slots=True)
class NodePool:
    """The usable nodes of the same partitions, together: by resource, what they have and what no job holds.

    ``given`` are the cores that jobs have there, those that share a core counted each; None without a list of jobs.
    """

    partitions: frozenset[str]
    total: Mapping[str, int]
    free: Mapping[str, int]
    given: int | None = None


def pools_of(availability: Availability, running: Running | None) -> tuple[NodePool, ...]:
    """Add up the usable nodes of the cluster, or of the reservation of ``availability``: a few pools for 10,000 nodes."""
    sums: dict[tuple[str, ...], list[int]] = {}
    for entry in availability.nodes:
        if not entry.usable:
            continue
        pool = sums.setdefault(entry.node.partitions, [0] * 7)
        pool[0] += entry.node.cores_schedulable
        pool[1] += entry.node.memory_mb_schedulable
        pool[3] += entry.cores_free
        pool[4] += entry.memory_mb_free
        for gpus in entry.gpus:
            pool[2] += gpus.total
            pool[5] += gpus.free
        if running is not None:
            pool[6] += running.cores.get(entry.node.name, 0)
    return tuple(
        NodePool(
            frozenset(names),
            dict(zip(RESOURCES, pool[:3], strict=True)),
            dict(zip(RESOURCES, pool[3:6], strict=True)),
            None if running is None else pool[6],
        )
        for names, pool in sums.items()
    )
