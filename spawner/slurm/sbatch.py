"""What sbatch prints (sbatch(1), ``--parsable``), and what a site's own script around it has made of that."""

from __future__ import annotations

import re

from .values import unreadable

_JOB_ID = re.compile(r"(?:Submitted batch job )?([0-9]{1,10})(?:;[^;\s]+| on cluster \S+)?", re.ASCII)


def printed_ids(text: str) -> tuple[int, ...]:
    """Return every number that stands on a line of its own as sbatch prints an id, each once, in order."""
    matches = (_JOB_ID.fullmatch(line.strip()) for line in text.split("\n"))
    return tuple(dict.fromkeys(int(match[1]) for match in matches if match is not None and int(match[1]) > 0))


def parse_job_id(text: str) -> int:
    """Read the id that ``sbatch --parsable`` prints as ``id`` or ``id;cluster``, whatever a site prints before it and after it.

    Raises
    ------
    SlurmOutputError
        There is none, or there are several numbers that could be it: the job may exist all the same.
    """
    ids = printed_ids(text)
    if len(ids) != 1:
        unreadable("no job id in sbatch's answer" if not ids else "more than one number in sbatch's answer", text)
    return ids[0]
