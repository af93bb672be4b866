"""What running jobs use of CPU and memory: the argv of one sstat for all that are asked about, and what it prints, read. Pure.

Measured on 22.05.8 and 24.11.5 with jobacct_gather/linux: each node looks at the moment of the question. ``cpu`` is in whole seconds since
the step began, of the processes that live (that of processes that have ended meanwhile is lost); ``mem`` is what they have in memory now,
where MaxRSS is the most that was seen. The exit status is 0 even where nothing was told. slurmd tells the job's owner, root and SlurmUser;
for all others sstat says ``Invalid user id`` on stderr. No column here holds text that a user chose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .reading import Reading, columns_of, table_rows
from .values import unreadable

USAGE_COLUMNS = ("JobID", "TRESUsageInTot")
"""sstat(1)'s columns. The sums over a step's tasks, of this moment."""

MAX_AT_ONCE = 100
"""Ids in one question: for each of them sstat speaks to the controller and to the job's node."""

REFUSALS = ("Invalid user id", "ermission denied")
"""In what sstat says where the caller may not look at other people's jobs."""


@dataclass(frozen=True, slots=True)
class StepUsage:
    """The use of one step of a job: CPU since it began, in seconds, and memory now, in MB; None for what is not measured."""

    cpu_seconds: int | None = None
    memory_mb: int | None = None


def show_usage(job_ids: Iterable[int]) -> tuple[str, ...]:
    """Ask what all steps of these jobs use: one question for all of them.

    Raises
    ------
    ValueError
        One of them is no id, or there are none, or more than :data:`MAX_AT_ONCE`.
    """
    numbers = sorted(set(job_ids))
    if not 1 <= len(numbers) <= MAX_AT_ONCE or numbers[0] < 1:
        raise ValueError(f"{len(numbers)} job ids from {numbers[:1]} on are not what sstat can be asked for.")
    return (
        *("sstat", "--allsteps", "--noheader", "--parsable2", "--noconvert"),
        "--format=" + ",".join(USAGE_COLUMNS),
        "--jobs=" + ",".join(str(number) for number in numbers),
    )


_STEP = re.compile(r"([0-9]{1,10})\.(\S+)", re.ASCII)
_CPU = re.compile(r"(?:([0-9]{1,6})-)?([0-9]{1,9}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?", re.ASCII)
_BYTES = re.compile(r"([0-9]{1,18})(?:\.[0-9]{1,6})?([KMGTP]?)", re.ASCII)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def parse_usage(text: str, reading: Reading | None = None) -> dict[int, dict[str, StepUsage]]:
    """Read the rows of sstat with :data:`USAGE_COLUMNS`: by the job's id and the step's name; other jobs than plain ones are left out.

    Raises
    ------
    SlurmOutputError
        No row can be read, or the answer was cut short.
    """
    reading = reading or Reading()
    jobs: dict[int, dict[str, StepUsage]] = {}
    for step, used in reading.each(
        table_rows(reading.lines(text, "sstat"), "sstat"), lambda line: columns_of(line, USAGE_COLUMNS, "sstat")
    ):
        if match := _STEP.fullmatch(step):
            amounts = dict(part.split("=", 1) for part in used.split(",") if "=" in part)
            jobs.setdefault(int(match[1]), {})[match[2]] = StepUsage(
                reading.value(_seconds, amounts.get("cpu", ""), "a step's CPU time", None),
                reading.value(_megabytes, amounts.get("mem", ""), "a step's memory", None),
            )
    return jobs


def _seconds(text: str, what: str) -> int | None:
    if not text:
        return None
    match = _CPU.fullmatch(text)
    if match is None:
        unreadable(f"{what} is none", text)
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _megabytes(text: str, what: str) -> int | None:
    """MB, rounded up."""
    if not text:
        return None
    match = _BYTES.fullmatch(text)
    if match is None:
        unreadable(f"{what} is no amount", text)
    scale: int = 1024 ** _POWERS[match[2]]
    return -(-int(match[1]) * scale // 1024**2)
