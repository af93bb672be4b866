"""How long jobs of all users waited, as slurmdbd keeps it: the argv of sacct for a span of days, and what it prints, read. Pure.

No column here holds text that a user chose, and none says who: no name, user, account or id. Columns as of 21.08 and later (sacct(1)).
"""

from __future__ import annotations

from dataclasses import dataclass

from .reading import Reading, columns_of, table_rows
from .tres import tres_of
from .values import limit, moment, names_of

WAIT_COLUMNS = ("Partition", "Eligible", "Start", "End", "TimelimitRaw", "ReqTRES", "AllocTRES")
"""sacct(1)'s columns. Eligible is when a job could begin, as far as its dependencies and its own begin time are concerned."""

MAX_DAYS = 366
"""The furthest that is looked back."""


@dataclass(frozen=True, slots=True)
class PastWait:
    """How long one job waited in a partition.

    ``eligible`` is in seconds since the epoch; ``seconds`` it waited from then on until it began or, where ``began`` is False, until it
    was cancelled or, still waiting, was asked about: it would have waited longer than that. ``minutes`` it asked for (None: no limit),
    ``cores`` and ``gpus`` in all.
    """

    partition: str
    eligible: int
    seconds: int
    began: bool
    minutes: int | None = None
    cores: int = 1
    gpus: int = 0


def show_waits(days_ago: int, days: int = 1) -> tuple[str, ...]:
    """Ask for the jobs of all users from ``days_ago`` days before now on, for ``days`` days; expects ``SLURM_TIME_FORMAT=%s``.

    A job comes in each span that it touches (sacct(1), --starttime without --state): who asks for several takes each by its Eligible.

    Raises
    ------
    ValueError
        The span does not lie within the last :data:`MAX_DAYS` days.
    """
    if not 1 <= days <= days_ago <= MAX_DAYS:
        raise ValueError(f"{days} days from {days_ago} days ago on are not what sacct can be asked for.")
    until = f"now-{days_ago - days}days" if days_ago > days else "now"
    return (
        *("sacct", "--local", "--allusers", "--allocations", "--noheader", "--parsable2"),
        f"--starttime=now-{days_ago}days",
        f"--endtime={until}",
        "--format=" + ",".join(WAIT_COLUMNS),
    )


def parse_waits(text: str, now: int, reading: Reading | None = None) -> tuple[PastWait, ...]:
    """Read the rows of sacct with :data:`WAIT_COLUMNS`; a job in several partitions counts in each as long as it has not begun.

    Jobs that were never eligible (held, or behind a dependency) waited for something else and are left out.

    Parameters
    ----------
    now
        When it was asked, in seconds since the epoch: jobs that wait still have waited until then.

    Raises
    ------
    SlurmOutputError
        No row can be read, or the answer was cut short.
    """
    reading = reading or Reading()
    rows = table_rows(reading.lines(text, "sacct"), "sacct")
    return tuple(wait for waits in reading.each(rows, lambda line: _waits(line, now, reading)) for wait in waits)


def _waits(line: str, now: int, reading: Reading) -> tuple[PastWait, ...]:
    partitions, eligible, start, end, minutes, asked, given = columns_of(line, WAIT_COLUMNS, "sacct")
    since = reading.needed(moment, eligible, "Eligible")
    # Some versions print the moment of the cancellation as the start of a job that never began; it was given nothing.
    began = reading.needed(moment, start, "Start") if given else None
    until = began if began is not None else reading.needed(moment, end, "End") or now
    if not since or until < since:
        return ()
    tres = dict(reading.value(lambda value, what: tres_of(value, what, rounded=True), asked, "ReqTRES", ()))
    allowed = reading.value(limit, minutes, "TimelimitRaw", None) if minutes != "Partition_Limit" else None
    return tuple(
        PastWait(name, since, until - since, began is not None, allowed, max(1, tres.get("cpu", 1)), tres.get("gres/gpu", 0))
        for name in names_of(partitions)
    )
