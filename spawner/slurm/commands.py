"""The argv of every Slurm command that only reads, and of scancel. Pure; sbatch's is made where jobs are made.

``--local`` keeps a federation out wherever the option exists: a federated query has no GresUsed, and forks a thread per cluster.
The outputs are read by :mod:`.scontrol`, :mod:`.sacctmgr` and :mod:`.squeue`, where the columns are defined. They expect
``SLURM_TIME_FORMAT=%s``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .sacctmgr import ASSOCIATION_COLUMNS, QOS_COLUMNS, USER_COLUMNS
from .squeue import JOB_COLUMNS, MARK, SEPARATOR, TAGGED_JOB_COLUMNS

_USER = re.compile(r"[^\s,|\x00-\x1f\x7f-][^\s,|\x00-\x1f\x7f]*")


def show_nodes() -> tuple[str, ...]:
    """Ask for every node, one a line; at 10,000 nodes thirty times faster than ``sinfo -N``.

    ``--details`` is what fills GresUsed, ``--future`` names nodes that partitions have and that are not there yet (scontrol(1)).
    """
    return ("scontrol", "--local", "--all", "--future", "--details", "--oneliner", "show", "node")


def show_partitions() -> tuple[str, ...]:
    """Ask for every partition, hidden ones too, one a line."""
    return ("scontrol", "--local", "--all", "--oneliner", "show", "partition")


def show_reservations() -> tuple[str, ...]:
    """Ask for every reservation, one a line."""
    return ("scontrol", "--local", "--all", "--oneliner", "show", "reservation")


def show_licenses() -> tuple[str, ...]:
    """Ask for every licence that slurmctld counts, one a line."""
    return ("scontrol", "--local", "--oneliner", "show", "licenses")


def show_config() -> tuple[str, ...]:
    """Ask for the controller's configuration, its version among it."""
    return ("scontrol", "--local", "show", "config")


def show_associations() -> tuple[str, ...]:
    """Ask for every association of every user and account in slurmdbd: one call for all users."""
    return ("sacctmgr", "--noheader", "--parsable2", "show", "association", "format=" + ",".join(ASSOCIATION_COLUMNS))


def show_users() -> tuple[str, ...]:
    """Ask for every user's default account."""
    return ("sacctmgr", "--noheader", "--parsable2", "show", "user", "format=" + ",".join(USER_COLUMNS))


def show_qos() -> tuple[str, ...]:
    """Ask for every QOS with its limits."""
    return ("sacctmgr", "--noheader", "--parsable2", "show", "qos", "format=" + ",".join(QOS_COLUMNS))


def show_accounting_config() -> tuple[str, ...]:
    """Ask for slurmdbd's own configuration, which it shows to everybody."""
    return ("sacctmgr", "show", "config")


def show_holdings() -> tuple[str, ...]:
    """Ask for what every association and QOS holds and has used, from slurmctld's own memory: it needs no slurmdbd.

    docs/slurm-facts.md#limits-from-the-controller
    """
    return ("scontrol", "--local", "--oneliner", "show", "assoc_mgr", "flags=assoc,qos")


def list_jobs(mark: str = MARK) -> tuple[str, ...]:
    """Ask for every job that the controller still knows, ended ones too (``--states=all`` costs it nothing: the client filters).

    No column holds text that a user chose. Each row carries ``mark`` after its id: see :data:`.squeue.MARK`. The header does as well: it
    tells "no jobs" from a notice of the site's.
    """
    return ("squeue", "--local", "--all", "--states=all", _columns(JOB_COLUMNS, mark))


def list_tagged_jobs(user: str | None = None, mark: str = MARK) -> tuple[str, ...]:
    """Ask for the jobs of one user, or of all, with their comments: for finding a job again by its tag.

    Raises
    ------
    ValueError
        ``user`` cannot be one user's name: squeue would read it as a list, or as an option.
    """
    only = () if user is None else (f"--user={_one_user(user)}",)
    return ("squeue", "--local", "--all", "--states=all", *only, _columns(TAGGED_JOB_COLUMNS, mark))


def show_job(job_id: int) -> tuple[str, ...]:
    """Ask for one job with what it has on each of its nodes. Its owner's texts stand in the answer as well.

    Raises
    ------
    ValueError
        ``job_id`` is no id.
    """
    return ("scontrol", "--local", "--details", "--oneliner", "show", "job", str(_one_job(job_id)))


def ask_for_report(job_id: int, user: str) -> tuple[str, ...]:
    """Ask the launcher of the job to report its port again.

    The signal reaches the batch step's own process alone (scancel(1), --batch).

    Raises
    ------
    ValueError
        ``job_id`` is no id, or ``user`` cannot be one user's name.
    """
    return ("scancel", "--batch", "--signal=USR1", f"--user={_one_user(user)}", str(_one_job(job_id)))


def show_script(job_id: int) -> tuple[str, ...]:
    """Ask for the script of a job as Slurm has it. Its owner may, and whoever is an operator (docs/slurm-facts.md#scripts-of-jobs).

    Raises
    ------
    ValueError
        ``job_id`` is no id.
    """
    return ("scontrol", "--local", "write", "batch_script", str(_one_job(job_id)), "-")


def cancel(job_id: int, user: str) -> tuple[str, ...]:
    """End the job if it is ``user``'s: ids are used again after a controller lost its state, and an operator may end anybody's job.

    Measured on 22.05.8 and 24.11.5: exit 0 and silence if the job was ended or is somebody else's; exit 1 and "Invalid job id
    specified" if it ended before or never was, which without ``--user`` is exit 0.

    Raises
    ------
    ValueError
        ``job_id`` is no id, or ``user`` cannot be one user's name.
    """
    return ("scancel", f"--user={_one_user(user)}", str(_one_job(job_id)))


def _columns(names: Sequence[str], mark: str) -> str:
    # Width 0 is never cut; the man page's default width of 20 is, silently (squeue(1), --Format).
    first, *middle, last = names
    marked = f"{first}:{SEPARATOR}{mark}{SEPARATOR}"
    return "--Format=" + ",".join([marked, *(f"{name}:{SEPARATOR}" for name in middle), f"{last}:"])


def _one_user(user: str) -> str:
    if not _USER.fullmatch(user):
        raise ValueError(f"{user[:64]!r} is not the name of a user.")
    return user


def _one_job(job_id: int) -> int:
    if job_id < 1:
        raise ValueError(f"{job_id!r} is not the id of a job.")
    return job_id
