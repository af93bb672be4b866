"""Which GRES of its node a job has, by their numbers: what ``scontrol show job --details`` says. Pure.

A job's owner writes text into the same answer, its name and comment, newlines among it (docs/slurm-facts.md#gres-of-a-job). What looks
like Slurm's line there cannot take the place of Slurm's own, but stands beside it: where two such lines differ, nobody knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .grammar import is_in_hostlist
from .model import Gres
from .values import gres, unreadable

_RECORD = re.compile(r"JobId=[0-9]", re.ASCII)
_ALLOCATION = re.compile(r"(?:^|\s)Nodes=(\S+) CPU_IDs=\S* Mem=\S* GRES=(\S*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class JobGres:
    """The GRES that Slurm has given to a job on its node, with what identifies them in ``detail``: ``IDX:0-1``, ``3/5,0/5``.

    ``is_sure`` is False where a text of the job's owner reads like Slurm's own line, and says something else.
    """

    entries: tuple[Gres, ...] = ()
    is_sure: bool = True


def parse_job_gres(text: str, node: str = "") -> JobGres | None:
    """Read ``scontrol -d -o show job ID``; None where Slurm does not say what the job has.

    Of a job on several nodes Slurm has a line for each that differs from the others: only those of ``node`` count, where it is known.

    Raises
    ------
    SlurmOutputError
        It is another answer, or what the job has cannot be read.
    """
    if not _RECORD.match(text) or not text.endswith("\n"):
        unreadable("no job in scontrol's answer", text)
    said = {found for names, found in _ALLOCATION.findall(text) if not node or is_in_hostlist(node, names)}
    if not said:
        return None
    if len(said) > 1:
        return JobGres(is_sure=False)
    return JobGres(gres(said.pop(), "GRES of a job"))
