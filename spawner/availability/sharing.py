"""Jobs of partitions that share cores or nodes: which mix on a node, and what rows of cores are left."""

from __future__ import annotations

from collections.abc import Sequence

from ..slurm.model import Job, Node, Partition
from ..slurm.versions import only_asked_for_sharing_bars
from .node_state import cores_on_a_node


def do_not_mix(partition: Partition, other: Partition | None) -> bool:
    """Whether a job of ``partition`` cannot start on a node where one of ``other`` runs. Measured on 22.05.8, for every pair of modes.

    Which jobs have asked for ``--oversubscribe`` is not looked at: few do, and only from 23.11.7 on does it matter.
    """
    if other is None or other.oversubscribe == "EXCLUSIVE":
        return other is not None
    if partition.oversubscribe == "FORCE":
        return other.oversubscribe != "FORCE"
    shares = other.oversubscribe == "FORCE" or not only_asked_for_sharing_bars(partition.version)
    return shares and other.oversubscribe_count > 1


def free_cores(node: Node, partition: Partition, empty: int, bound: int | None, *, rows: int | None, used: int) -> tuple[int, int | None]:
    """Return how many cores of the node are free for the partition's jobs, and how many of them one may ask for; None for any number.

    ``empty`` is how many it could get of the empty node, ``bound`` how many all jobs of the partition may ask for together, ``used`` how
    many they have, ``rows`` what :func:`free_in_rows` has found.
    A job gets cores that nobody has; with OverSubscribe=FORCE also those of a row, in which only the row's own count against the bound
    (steps 1 and 4 of ``_job_test``). Of jobs that share cores each core counts once.
    """
    idle = max(0, node.cores_schedulable - node.cores_allocated)
    found = [(idle, None if bound is None else max(0, bound - min(used, node.cores_allocated)))]
    if partition.oversubscribe == "FORCE":
        in_row = empty if rows is None else rows
        found.append((in_row, None if bound is None else max(0, bound - (empty - in_row))))
    return max(found, key=lambda pair: pair[0] if pair[1] is None else min(pair[0], pair[1]))


def free_in_rows(cores: int, number: int, jobs: Sequence[Job]) -> int | None:
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
