"""Jobs that are over, as slurmdbd keeps them: the argv of sacct, and what it prints, read. Pure.

Slurm's own list forgets a job some minutes after its end and never knew what it used; sacct knows who cancelled it and how much memory
it had. No column here holds text that a user chose, so no row can be forged: no name, comment, working directory or submit line.
Measured on 22.05.8 and 24.11.5; the columns have these names from 21.08 on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .grammar import expand_hostlist
from .reading import Reading, columns_of, table_rows
from .values import NULL, limit, moment, unreadable

FINISHED_COLUMNS = (
    *("JobIDRaw", "State", "ExitCode", "DerivedExitCode", "Reason", "ElapsedRaw", "TimelimitRaw", "ReqMem", "MaxRSS"),
    *("NodeList", "Submit", "Start", "End", "AllocTRES", "UID", "TotalCPU"),
)
"""sacct(1)'s columns; Reason is one of Slurm's own words, AllocTRES is made of counts and of names in slurm.conf."""

BACK_TO = "now-2days"
"""Jobs that ended before are not looked for: without a start time, a question with ids searches everything since 1970."""

MAX_AT_ONCE = 500
"""Ids in one question, so that slurmdbd has little to do and no argument becomes too long."""


_NOT_OVER = frozenset({"PENDING", "RUNNING", "SUSPENDED", "REQUEUED", "RESIZING", "UNKNOWN"})


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """One job from sacct, the newest of its id.

    ``state`` is Slurm's word; ``cancelled_by`` the numeric id of the user who cancelled it, None where Slurm does not say.
    ``exit_code`` and ``signal`` are the batch script's, None for what cannot be read. sacct prints 137 as 9, as it takes 128 off; squeue
    does not.
    ``derived_exit_code`` is the highest of its steps'. ``reason`` is why it last waited. ``seconds`` it ran, ``minutes`` it was allowed
    (None: no limit), ``memory_mb`` it had asked for, ``used_mb`` the most that its batch step was seen to use (None: not measured).
    ``cpu_seconds`` is the CPU time of all its steps; None where that was not measured, for which sacct prints 0.
    ``out_of_memory`` says that the kernel killed something in it for want of memory. ``submit``, ``start`` and ``end`` are seconds since
    the epoch. ``tres`` is what it was given, as printed.
    """

    job_id: int
    state: str
    cancelled_by: int | None = None
    exit_code: int | None = 0
    signal: int | None = 0
    derived_exit_code: int | None = 0
    reason: str = ""
    seconds: int | None = None
    minutes: int | None = None
    memory_mb: int | None = None
    used_mb: int | None = None
    cpu_seconds: float | None = None
    nodes: tuple[str, ...] = ()
    submit: int | None = None
    start: int | None = None
    end: int | None = None
    uid: int | None = None
    tres: str = ""
    out_of_memory: bool = False

    @property
    def is_over(self) -> bool:
        """Whether slurmdbd knows of its end: it hears of that later than of its start."""
        return self.end is not None and self.state not in _NOT_OVER


def show_finished(job_ids: Iterable[int]) -> tuple[str, ...]:
    """Ask what became of these jobs and of their batch steps: one question for all of them; expects ``SLURM_TIME_FORMAT=%s``.

    Raises
    ------
    ValueError
        One of them is no id, or there are none, or more than :data:`MAX_AT_ONCE`.
    """
    numbers = sorted(set(job_ids))
    if not 1 <= len(numbers) <= MAX_AT_ONCE or numbers[0] < 1:
        raise ValueError(f"{len(numbers)} job ids from {numbers[:1]} on are not what sacct can be asked for.")
    return (
        *("sacct", "--local", "--noheader", "--parsable2", "--units=K", f"--starttime={BACK_TO}"),
        "--jobs=" + ",".join(str(number) for number in numbers),
        "--format=" + ",".join(FINISHED_COLUMNS),
    )


_ROW_OF_JOB = re.compile(r"([0-9]{1,10})", re.ASCII)
_ROW_OF_STEP = re.compile(r"([0-9]{1,10})\.(\S+)", re.ASCII)


def parse_finished(text: str, reading: Reading | None = None) -> dict[int, FinishedJob]:
    """Read the rows of sacct with :data:`FINISHED_COLUMNS`, by id; parts of arrays are nobody's session and left out.

    Raises
    ------
    SlurmOutputError
        No row can be read, or the answer was cut short.
    """
    reading = reading or Reading()
    jobs: dict[int, FinishedJob] = {}
    used: dict[int, int] = {}
    without_memory: set[int] = set()
    rows = reading.each(table_rows(reading.lines(text, "sacct"), "sacct"), lambda line: columns_of(line, FINISHED_COLUMNS, "sacct"))
    for row in rows:
        if match := _ROW_OF_JOB.fullmatch(row[0]):
            jobs[int(match[1])] = _job(int(match[1]), row, reading)
        elif match := _ROW_OF_STEP.fullmatch(row[0]):
            number = int(match[1])
            if row[1].startswith("OUT_OF_ME"):
                without_memory.add(number)
            peak = reading.value(_megabytes, row[8], "MaxRSS", None)
            if peak is not None and match[2] == "batch":
                used[number] = peak
    return {number: _with_steps(job, used.get(number), number in without_memory) for number, job in jobs.items()}


def _with_steps(job: FinishedJob, used_mb: int | None, out_of_memory: bool) -> FinishedJob:
    values = {name: getattr(job, name) for name in FinishedJob.__slots__}
    return FinishedJob(**{**values, "used_mb": used_mb, "out_of_memory": out_of_memory or job.state == "OUT_OF_MEMORY"})


_STATE = re.compile(r"([A-Z][A-Z_]*)(?:\+| by ([0-9]{1,10}))?", re.ASCII)
_EXIT = re.compile(r"([0-9]{1,5}):([0-9]{1,5})", re.ASCII)
_MEMORY = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,6}))?([KMGTP]?)([nc]?)", re.ASCII)
_CPU = re.compile(r"(?:(?:([0-9]{1,6})-)?([0-9]{1,2}):)?([0-9]{1,3}):([0-9]{2}(?:\.[0-9]{1,6})?)", re.ASCII)
"""As sacct writes a time that was used: 00:03.412, 01:02:03, 1-02:03:04 (print_fields_time_from_secs, print_fields.c)."""

_KILOBYTES = {"": 1 / 1024, "K": 1, "M": 1024, "G": 1024**2, "T": 1024**3, "P": 1024**4}


def _job(number: int, row: list[str], reading: Reading) -> FinishedJob:
    _, state, exit_code, derived, reason, elapsed, minutes, memory, _, nodes, submit, start, end, tres, uid, cpu = row
    match = _STATE.fullmatch(state)
    unknown: tuple[int | None, int | None] = (None, None)
    code, signal = reading.value(_exit, exit_code, "ExitCode", unknown)
    return FinishedJob(
        job_id=number,
        state=match[1] if match else "UNKNOWN",
        cancelled_by=int(match[2]) if match and match[2] else None,
        exit_code=code,
        signal=signal,
        derived_exit_code=reading.value(_exit, derived, "DerivedExitCode", unknown)[0],
        reason="" if reason in ("None", *NULL) else reason,
        seconds=reading.value(limit, elapsed, "ElapsedRaw", None),
        minutes=reading.value(limit, minutes, "TimelimitRaw", None) if minutes != "Partition_Limit" else None,
        memory_mb=reading.value(_megabytes, memory, "ReqMem", None),
        nodes=reading.value(_nodes, nodes, "NodeList", ()),
        submit=reading.value(moment, submit, "Submit", None),
        start=reading.value(moment, start, "Start", None),
        end=reading.value(moment, end, "End", None),
        uid=reading.value(limit, uid, "UID", None),
        cpu_seconds=reading.value(_cpu, cpu, "TotalCPU", None),
        tres=tres,
    )


def _exit(text: str, what: str) -> tuple[int, int]:
    if text in NULL:
        return 0, 0
    match = _EXIT.fullmatch(text)
    if match is None:
        unreadable(f"{what} is no exit code", text)
    return int(match[1]), int(match[2])


def _cpu(text: str, what: str) -> float | None:
    """Seconds; None for none."""
    if text in NULL:
        return None
    match = _CPU.fullmatch(text)
    if match is None:
        unreadable(f"{what} is no time", text)
    days, hours, minutes = (int(part or 0) for part in match.groups()[:3])
    return ((days * 24 + hours) * 60 + minutes) * 60 + float(match[4]) or None


def _megabytes(text: str, what: str) -> int | None:
    """MB, rounded up; None where it is not known, and for memory that is asked for by the core, as 21.08 may print it."""
    if text in NULL or text == "0" or text.endswith("c"):
        return None
    match = _MEMORY.fullmatch(text)
    if match is None:
        unreadable(f"{what} is no amount of memory", text)
    kilobytes = float(f"{match[1]}.{match[2] or 0}") * _KILOBYTES[match[3]]
    return -(-int(kilobytes) // 1024)


def _nodes(text: str, _what: str) -> tuple[str, ...]:
    """The names of the nodes, none where there are none or they cannot be read: they are for reading only."""
    try:
        return () if text in NULL or " " in text else expand_hostlist(text)
    except ValueError:
        return ()
