"""What ``sbatch --test-only`` prints: when, and on which node, Slurm would start a job.

It prints one line on standard error, after whatever else it has to say (src/api/allocate.c); the same in 22.05.8 and 24.11.5. With
``SLURM_TIME_FORMAT=%s`` the time is in seconds since the epoch, whatever TZ and LC_ALL are; without, it is local time without a zone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import SlurmOutputError
from ..i18n import N_
from .values import hosts, moment, number, unreadable

# 25.05 writes "a using"; a job of several components has neither the word "nodes" nor a partition.
_LINE = re.compile(
    r"^sbatch: Job [0-9]+ to start at (?P<start>\S+)(?: on cluster \S+)?(?: a)? using (?P<cores>[0-9]+) processors"
    r" on (?:nodes )?(?P<nodes>\S+)(?: in partition (?P<partition>\S.*?))?[ \t]*$",
    re.ASCII | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Slurm's estimate of when it would start a job.

    ``start``, and ``as_of`` when it was asked, are seconds since the epoch; ``nodes`` may be none.
    """

    start: float
    nodes: tuple[str, ...] = ()
    cores: int = 0
    partition: str = ""
    as_of: float = 0.0


def parse_estimate(text: str) -> Estimate:
    """Read the estimate in ``text``, sbatch's standard error; the last, if a submit plugin has made a line of the same shape.

    Raises
    ------
    SlurmOutputError
        There is none.
    """
    lines = list(_LINE.finditer(text))
    if not lines:
        unreadable("sbatch --test-only without an estimate", text)
    found = lines[-1]
    start = moment(found["start"], "sbatch --test-only: start")
    if start is None:
        raise SlurmOutputError(N_("Slurm gives no estimate for this request."), log=f"sbatch --test-only: {found[0][:300]!r}")
    return Estimate(
        start=float(start),
        nodes=hosts(found["nodes"], "sbatch --test-only: nodes"),
        cores=number(found["cores"], "sbatch --test-only: processors"),
        partition=found["partition"] or "",
    )
