"""The script of a job, as ``scontrol write batch_script`` prints it. Pure."""

from __future__ import annotations

import re

from .values import unreadable

_NOT_FOR_US = ("Invalid user id", "Access/permission denied")
_SCRIPT_START = re.compile(r"^#!", re.MULTILINE)
_NO_SCRIPT = "Job script not specified"


def parse_script(printed: str, complaint: str) -> str | None:
    """Read what ``scontrol write batch_script JOB -`` has printed and complained of; its exit status is 0 in any case.

    sbatch takes no script that does not begin with ``#!``, so what stands before that is a notice of the site's. Empty: the job has no
    script, as one of salloc's. None: the job is somebody else's, and the caller no operator (docs/slurm-facts.md#scripts-of-jobs).

    Raises
    ------
    SlurmOutputError
        It does not say.
    """
    begins = _SCRIPT_START.search(printed)
    if begins is not None:
        return printed[begins.start() :]
    if any(words in complaint for words in _NOT_FOR_US):
        return None
    if _NO_SCRIPT not in complaint:
        unreadable("neither a script nor a known reason for none", complaint)
    return ""
