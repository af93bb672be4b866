"""What sbatch prints (sbatch(1), ``--parsable``)."""

from __future__ import annotations

import re

from .values import unreadable

_JOB_ID = re.compile(r"([0-9]{1,10})(?:;[^;\s]+)?", re.ASCII)


def parse_job_id(text: str) -> int:
    """Read the id that ``sbatch --parsable`` prints as ``id`` or ``id;cluster``: the last line, for site plugins print before it.

    Raises
    ------
    SlurmOutputError
        The last line is none: the job may exist all the same.
    """
    match = _JOB_ID.fullmatch(text.strip().rpartition("\n")[2].strip())
    if match is None or int(match[1]) == 0:
        unreadable("no job id in sbatch's answer", text)
    return int(match[1])
