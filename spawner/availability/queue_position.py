"""Which place a waiting job has among those that wait for the same partition.

Slurm tries them by priority, the largest number first, and of equal ones the older first (``sort_job_queue2`` in
src/slurmctld/job_scheduler.c); backfill starts a small job earlier where that delays nobody. So a place is where one stands in line, and
no promise. The waiting tasks of an array stand in Slurm's list as one job, and count here as what they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..slurm.model import Job
from ..slurm.reasons import advice_for
from ..slurm.states import HELD, PENDING

STANDS_ASIDE = ("Dependency", "BeginTime")
"""Reasons of jobs that Slurm does not try yet: they stand in nobody's way."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """The ``place``-th ``of`` so many that wait; the first is 1."""

    place: int
    of: int


def in_line(job: Job) -> bool:
    """Tell whether the job waits for its turn: it is not held, can start some day, and waits for nothing else first."""
    if job.state not in PENDING or job.state in HELD or job.reason.startswith(STANDS_ASIDE):
        return False
    return advice_for(job.reason).waiting_helps is not False


def queue_positions_of(jobs: Iterable[Job]) -> dict[int, QueuePosition]:
    """Return the places of all jobs that wait for their turn, by their ids; of a job that names several partitions, the best one."""
    lines: dict[str, list[Job]] = {}
    turn: dict[tuple[str, str], bool] = {}  # a few answers for 100,000 jobs
    for job in jobs:
        if job.state in PENDING:
            key = (job.state, job.reason)
            if key not in turn:
                turn[key] = in_line(job)
            if turn[key]:
                for name in job.partition.split(","):
                    lines.setdefault(name, []).append(job)
    positions: dict[int, QueuePosition] = {}
    for line in lines.values():
        line.sort(key=lambda job: (-job.priority, job.job_id))
        number, waiting = 1, sum(job.tasks for job in line)
        for job in line:
            best = positions.get(job.job_id)
            if best is None or number < best.place:
                positions[job.job_id] = QueuePosition(number, waiting)
            number += job.tasks
    return positions
