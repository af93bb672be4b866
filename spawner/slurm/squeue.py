"""What squeue prints, turned into the model.

Pure; an answer that cannot be read raises ``SlurmOutputError``. A row that cannot be read is a job of which nothing more is known
(:data:`.model.UNREAD`): to leave it out would be to say that the job is gone.
"""

from __future__ import annotations

import re
import secrets
from functools import lru_cache

from .grammar import expand_hostlist
from .model import UNREAD, Job
from .names import in_accounting
from .reading import Reading
from .values import NULL, limit, moment, number, unreadable

JOB_COLUMNS = (
    *("JobID", "UserName", "State", "BatchHost", "Partition", "SubmitTime", "StartTime", "EndTime", "exit_code"),
    *("NumCPUs", "NodeList", "SchedNodes", "PriorityLong", "tres-alloc", "ArrayTaskID", "HetJobOffset", "QOS", "Reason"),
)
"""squeue(1) ``--Format`` fields, in all versions from 21.08 on. Reason is last: where a plugin describes it, it is free text.

tres-alloc is made of counts and of the names that slurm.conf gives, and exact: Slurm shortens an amount of memory only where it is a
whole number of the larger unit, and a number of CPUs never (measured on 22.05.8 and 24.11.5).
"""
SEPARATOR = "^"
"""Between the columns. It means nothing to a shell, for a site's script may hand all arguments to one. Recorded answers have ``|``."""

HEADER = "JOBID"
"""Stands in the place of the id in the first row."""

TAGGED_JOB_COLUMNS = ("JobID", "UserName", "State", "SubmitTime", "Comment")

MARK = secrets.token_hex(8)
"""Stands after the id in each row of squeue and is not known outside this process.

squeue prints a newline in a comment or a reason as it is. What follows would read as a row of its own; without the mark, it does not.
And each row with it is Slurm's own: a list is whole if it ends with a line's end and none of these rows is lost.
"""


# --- jobs ---

_Row = tuple[str, str, str]
"""What is written as the id in a row, what parts its columns, and the rest of it."""

_ARRAY_OR_HET = re.compile(r"[0-9]+[_+].*", re.ASCII)
_STATE = re.compile(r"[A-Z][A-Z_]*", re.ASCII)


def parse_jobs(text: str, mark: str = MARK, reading: Reading | None = None) -> tuple[Job, ...]:
    """Read the jobs of the bulk squeue (:data:`JOB_COLUMNS`).

    Those whose id is not a plain number are nobody's session and left out.

    A line without the mark continues the text of the row before it and is no row, whatever it looks like.

    Raises
    ------
    SlurmOutputError
        No marked row can be read, or there is text and no marked row: an answer to another question, not "no jobs". Or it was cut short.
    """
    reading = reading or Reading()
    amounts: dict[str, str] = {}  # one text for all jobs that have the same

    def read(row: _Row) -> Job:
        job_id, cells = _cells(row, len(JOB_COLUMNS))
        (
            user,
            state,
            host,
            partition,
            submit,
            start,
            end,
            exit_code,
            cores,
            nodes,
            planned,
            priority,
            tres,
            array,
            component,
            qos,
            reason,
        ) = cells
        return Job(
            job_id=job_id,
            user=user,
            state=_job_state(state),
            reason=reason,
            batch_host="" if host in NULL else host,
            partition=partition,
            submit=reading.needed(moment, submit, "SubmitTime"),
            start=reading.value(moment, start, "StartTime", None),
            end=reading.value(moment, end, "EndTime", None),
            exit_code=reading.value(_wait_status, exit_code, "exit_code", None),
            cores=_cores(cores),
            nodes=reading.value(_known_hosts, nodes, "NodeList", ()),
            planned_nodes=reading.value(_known_hosts, planned, "SchedNodes", ()),
            tres=amounts.setdefault(tres, tres),
            priority=_priority(priority),
            tasks=0 if component not in _NO_COMPONENT else _tasks(array),
            qos="" if qos in NULL else in_accounting(qos),
        )

    return tuple(reading.each(_job_rows(text, mark, reading), read, _unread))


def parse_tagged_jobs(text: str, mark: str = MARK, reading: Reading | None = None) -> tuple[Job, ...]:
    """Read jobs with their comments (:data:`TAGGED_JOB_COLUMNS`), as :func:`parse_jobs` reads the others.

    A comment ends at a newline: our own tags hold none.

    Raises
    ------
    SlurmOutputError
        As :func:`parse_jobs`; and if a job is there twice: then somebody knew the mark, and one of the rows is a comment.
    """
    reading = reading or Reading()

    def read(row: _Row) -> Job:
        job_id, (user, state, submit, comment) = _cells(row, len(TAGGED_JOB_COLUMNS))
        return Job(
            job_id=job_id,
            user=user,
            state=_job_state(state),
            submit=reading.needed(moment, submit, "SubmitTime"),
            comment="" if comment == "(null)" else comment,
        )

    jobs = tuple(reading.each(_job_rows(text, mark, reading), read, _unread))
    ids = [job.job_id for job in jobs if job.job_id]
    if len(set(ids)) < len(ids):
        unreadable("a job twice in squeue's answer", text)
    return jobs


def _job_rows(text: str, mark: str, reading: Reading) -> list[_Row]:
    """The marked rows of plain jobs."""
    marked = False
    rows = []
    between = SEPARATOR if f"{SEPARATOR}{mark}{SEPARATOR}" in text else "|"
    for line in reading.lines(text, "squeue"):
        written, separator, rest = line.partition(f"{between}{mark}{between}")
        if not separator or between in written:
            continue
        marked = True
        if written != HEADER and not _ARRAY_OR_HET.fullmatch(written):
            rows.append((written, between, rest))
    if not marked and text.strip():
        unreadable("no row in squeue's answer", text)
    return rows


def _cells(row: _Row, columns: int) -> tuple[int, list[str]]:
    written, between, rest = row
    cells = rest.split(between, columns - 2)
    if len(cells) != columns - 1:
        unreadable(f"a row of squeue without {columns} columns", f"{written}|…|{rest}")
    return number(written, "JobID"), cells


_PLAIN_ID = re.compile(r"[0-9]{1,10}", re.ASCII)


def _unread(row: _Row) -> Job:
    return Job(int(row[0]) if _PLAIN_ID.fullmatch(row[0]) else 0, "", UNREAD)


_EXIT_CODE = re.compile(r"([0-9]{1,3}):([0-9]{1,3})", re.ASCII)


def _wait_status(text: str, what: str) -> int | None:
    """``768`` up to 22.05, ``3:0`` (status and signal) seen in 24.11: the same wait status."""
    match = _EXIT_CODE.fullmatch(text)
    return limit(text, what) if match is None else int(match[1]) << 8 | int(match[2])


_CORES = re.compile(r"([0-9]{1,12})(K?)", re.ASCII)


def _cores(text: str) -> int:
    """``48``, and ``2K`` for 2048. It is for advice only: what cannot be read is 0, and hides no job."""
    match = _CORES.match(text)
    return int(match[1]) * (1024 if match[2] else 1) if match else 0


_TASKS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9})(?::([0-9]{1,9}))?)?", re.ASCII)


_NO_COMPONENT = ("0", "", *NULL)
"""HetJobOffset of all that stands in line by itself: the other components of a heterogeneous job come with its first."""


def _tasks(text: str) -> int:
    """The number of tasks in ``1,3,5-9:2``, which are those that wait; 3 of ``0-49%3``, which run at once; 1 where the job is no array.

    squeue cuts a long list off with ``...`` (SLURM_BITSTR_LEN): then there are at least so many.
    """
    number = 0
    listed, _, at_once = text.partition("%")
    for part in listed.split(","):
        match = _TASKS.fullmatch(part)
        if match is not None:
            first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
            number += max(0, last - first) // max(1, step) + 1
    most = int(at_once) if at_once.isascii() and at_once.isdecimal() else 0
    return max(1, min(number, most or number))


_PRIORITY = re.compile(r"[0-9]{1,10}", re.ASCII)


def _priority(text: str) -> int:
    """The number, 0 where it cannot be read: see :func:`_cores`."""
    return int(text) if _PRIORITY.fullmatch(text) else 0


@lru_cache(maxsize=4096)  # many jobs run on the same nodes, and the list is read every few seconds
def _known_hosts(text: str, _what: str) -> tuple[str, ...]:
    """The names of a host list, none where it cannot be read: see :func:`_cores`."""
    try:
        return () if text in NULL else expand_hostlist(text)
    except ValueError:
        return ()


def _job_state(text: str) -> str:
    if not text:
        unreadable("a job without a state", text)
    # Slurm prints "?" for what it has no word for; one such job of anybody's must not hide all the others.
    return text if _STATE.fullmatch(text) else "UNKNOWN"
