"""Tests for spawner.slurm.waits: what sacct is asked about past waits, and what it prints of them."""

from __future__ import annotations

import pytest

from spawner.errors import SlurmOutputError
from spawner.slurm.reading import Reading
from spawner.slurm.waits import WAIT_COLUMNS, PastWait, parse_waits, show_waits

NOW = 1_795_260_000
ASKED = "billing=4,cpu=4,gres/gpu=2,mem=8G,node=1"


def row(**columns: str) -> str:
    """One line of sacct, of a job that waited 90 seconds."""
    usual = {
        "Partition": "gpu",
        "Eligible": "1795258600",
        "Start": "1795258690",
        "End": "1795258700",
        "TimelimitRaw": "30",
        "ReqTRES": ASKED,
        "AllocTRES": ASKED,
    }
    return "|".join({**usual, **columns}[name] for name in WAIT_COLUMNS) + "\n"


def test_one_question_about_everybodys_jobs_in_a_span() -> None:
    """Without steps, over a span that ends; the last day ends now."""
    argv = show_waits(3)
    assert {"--allusers", "--allocations", "--starttime=now-3days", "--endtime=now-2days"} <= set(argv)
    assert "--endtime=now" in show_waits(1)
    assert "--endtime=now-21days" in show_waits(28, 7)


@pytest.mark.parametrize(("days_ago", "days"), [(0, 1), (1, 2), (367, 1), (3, 0)])
def test_a_span_without_sense_is_not_asked_for(days_ago: int, days: int) -> None:
    """Nothing without bounds reaches slurmdbd."""
    with pytest.raises(ValueError, match="not what sacct can be asked for"):
        show_waits(days_ago, days)


def test_no_column_says_who_or_what() -> None:
    """No row can be forged, and nobody's work is read."""
    assert not {"JobName", "Comment", "WorkDir", "SubmitLine", "AdminComment", "User", "UID", "Account", "JobID"} & set(WAIT_COLUMNS)


def test_a_job_that_began() -> None:
    """Its wait counts from when it could begin."""
    assert parse_waits(row(), NOW) == (PastWait("gpu", 1795258600, 90, True, 30, 4, 2),)


@pytest.mark.parametrize("start", ["Unknown", "None", "1795258700"])
def test_a_job_that_was_cancelled_while_it_waited(start: str) -> None:
    """It waited until its end at least, whatever the version prints as its start."""
    (wait,) = parse_waits(row(Start=start, AllocTRES=""), NOW)
    assert (wait.began, wait.seconds) == (False, 100)


def test_a_job_that_waits_still_counts_in_each_of_its_partitions() -> None:
    """It has waited until now at least."""
    waits = parse_waits(row(Partition="gpu,cpu", Start="Unknown", End="Unknown", AllocTRES=""), NOW)
    assert [(wait.partition, wait.began, wait.seconds) for wait in waits] == [("gpu", False, 1400), ("cpu", False, 1400)]


def test_a_job_that_was_never_eligible_is_left_out() -> None:
    """It was held or behind another one: it did not wait for room."""
    assert parse_waits(row(Eligible="Unknown", Start="Unknown", AllocTRES=""), NOW) == ()


@pytest.mark.parametrize("limit", ["Partition_Limit", "UNLIMITED"])
def test_a_job_without_a_limit_of_its_own(limit: str) -> None:
    """Its limit is not known."""
    assert parse_waits(row(TimelimitRaw=limit), NOW)[0].minutes is None


def test_what_cannot_be_read() -> None:
    """A row without a moment is left out and counted; an answer without an end is none."""
    reading = Reading()
    assert len(parse_waits(row() + row(Start="yesterday"), NOW, reading)) == 1
    assert reading.rows_left_out == 1
    with pytest.raises(SlurmOutputError):
        parse_waits(row()[:-1], NOW)
