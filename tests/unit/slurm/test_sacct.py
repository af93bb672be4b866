"""Tests for spawner.slurm.sacct: what sacct is asked, and what it prints of jobs that are over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spawner.errors import SlurmOutputError
from spawner.slurm.reading import Reading
from spawner.slurm.sacct import FINISHED_COLUMNS, MAX_AT_ONCE, FinishedJob, parse_finished, show_finished
from tests.support.finished_jobs import row

PRINTED_22_05 = """\
1|FAILED|3:0|0:0|None|3|30|262144K||g001|1795258652|1795258655|1795258658|billing=1,cpu=1,mem=262144K,node=1|1001|00:00.412
1.batch|FAILED|3:0|||3|||4404K|g001|1795258655|1795258655|1795258658|cpu=1,mem=262144K,node=1||00:00.412
2|FAILED|9:0|0:0|None|2|30|262144K||g001|1795258652|1795258655|1795258657|billing=1,cpu=1,mem=262144K,node=1|1001|00:00.050
2.batch|FAILED|9:0|||2|||4164K|g001|1795258655|1795258655|1795258657|cpu=1,mem=262144K,node=1||00:00.050
4|COMPLETED|0:0|0:0|None|2|30|262144K||g001|1795258652|1795258655|1795258657|billing=1,cpu=1,mem=262144K,node=1|1001|00:00.050
4.batch|COMPLETED|0:0|||2|||4224K|g001|1795258655|1795258655|1795258657|cpu=1,mem=262144K,node=1||00:00.050
5|FAILED|0:9|0:0|None|4|30|262144K||g001|1795258652|1795258655|1795258659|billing=1,cpu=1,mem=262144K,node=1|1001|00:00.050
5.batch|CANCELLED by 0|0:9|||4|||318924K|g001|1795258655|1795258655|1795258659|cpu=1,mem=262144K,node=1||00:00.050
7|RUNNING|0:0|0:0|None|29|1|262144K||g001|1795258652|1795258655|Unknown|billing=1,cpu=1,mem=262144K,node=1|1001|00:00:00
7.batch|RUNNING|0:0|||29||||g001|1795258655|1795258655|Unknown|cpu=1,mem=262144K,node=1||00:00:00
8|CANCELLED by 0|0:0|0:0|None|1|30|262144K||g001|1795258652|1795258655|1795258656|billing=1,cpu=1,mem=262144K,node=1|1001|00:00.050
8.batch|CANCELLED|0:15|||1|||1396K|g001|1795258655|1795258655|1795258656|cpu=1,mem=262144K,node=1||00:00.050
9|CANCELLED by 1001|0:0|0:0|None|1|30|262144K||g001|1795258652|1795258655|1795258656|billing=1,cpu=1,mem=262144K,node=1|1001|00:00.050
9.batch|CANCELLED|0:15|||1|||1372K|g001|1795258655|1795258655|1795258656|cpu=1,mem=262144K,node=1||00:00.050
10|CANCELLED by 1001|0:0|0:0|BeginTime|0|30|262144K||None assigned|1795258652|None|1795258656||1001|00:00:00
11|NODE_FAIL|0:0|0:0|None|1|30|262144K||g003|1795258652|1795258655|1795258656|billing=1,cpu=1,mem=262144K,node=1|1001|00:00:00
11.batch|CANCELLED||||1||||g003|1795258655|1795258655|1795258656|cpu=1,mem=262144K,node=1||00:00:00
13|TIMEOUT|0:0|0:0|None|87|1|262144K||g001|1795259912|1795259915|1795260002|billing=1,cpu=1,mem=262144K,node=1|1001|00:00.050
13.batch|CANCELLED|0:15|||87|||4960K|g001|1795259915|1795259915|1795260002|cpu=1,mem=262144K,node=1||00:00.050
"""
"""As 22.05.8 printed it, and 24.11.5 alike: exit 3, exit 137, exit 0, killed by OverMemoryKill, still running, scancel by root, by the
user, by the user while it waited, a node that was set down (where 24.11.5 says 1:0), and the time limit.
"""


def only(text: str) -> FinishedJob:
    """The one job in the answer."""
    (job,) = parse_finished(text).values()
    return job


# --- the question -------------------------------------------------------------------------------------------------------------------


def test_one_question_for_many() -> None:
    """All ids in one argument, each once, in order; with steps, and from a moment on."""
    argv = show_finished([12, 3, 12])
    assert argv[0] == "sacct"
    assert "--jobs=3,12" in argv
    assert any(word.startswith("--starttime=") for word in argv)
    assert not {"-X", "--allocations", "--duplicates"} & set(argv)


def test_no_column_has_a_users_own_text() -> None:
    """A row cannot be forged, and nobody's file names are read."""
    assert not {"JobName", "Comment", "WorkDir", "SubmitLine", "AdminComment", "User", "Account"} & set(FINISHED_COLUMNS)


@pytest.mark.parametrize("ids", [[], [0], [-3], [5, 0], range(1, MAX_AT_ONCE + 2)])
def test_what_cannot_be_asked(ids: list[int]) -> None:
    """No ids, what is no id, and too many at once."""
    with pytest.raises(ValueError, match="job ids"):
        show_finished(ids)


def test_as_many_as_allowed() -> None:
    """The most ids that one question may have."""
    assert show_finished(range(1, MAX_AT_ONCE + 1))[0] == "sacct"


# --- the answer ---------------------------------------------------------------------------------------------------------------------


def test_what_22_05_prints() -> None:
    """Each of the jobs, as it ended."""
    jobs = parse_finished(PRINTED_22_05)
    assert {number: job.state for number, job in jobs.items()} == {
        **dict.fromkeys((1, 2, 5), "FAILED"),
        **dict.fromkeys((8, 9, 10), "CANCELLED"),
        4: "COMPLETED",
        7: "RUNNING",
        11: "NODE_FAIL",
        13: "TIMEOUT",
    }
    assert {number: job.cancelled_by for number, job in jobs.items() if job.cancelled_by is not None} == {8: 0, 9: 1001, 10: 1001}
    assert {job.uid for job in jobs.values()} == {1001}
    assert (jobs[1].exit_code, jobs[1].signal, jobs[1].used_mb) == (3, 0, 5)
    assert (jobs[2].exit_code, jobs[2].signal) == (9, 0)
    assert (jobs[5].exit_code, jobs[5].signal, jobs[5].used_mb, jobs[5].memory_mb) == (0, 9, 312, 256)
    assert [number for number, job in jobs.items() if not job.is_over] == [7]
    assert not any(job.out_of_memory for job in jobs.values())
    assert jobs[10].nodes == ()
    assert (jobs[10].start, jobs[10].end, jobs[10].reason, jobs[10].tres) == (None, 1795258656, "BeginTime", "")
    assert (jobs[11].nodes, jobs[11].used_mb, jobs[11].minutes, jobs[11].seconds) == (("g003",), None, 30, 1)


def test_out_of_memory_in_a_step() -> None:
    """A step that the kernel killed something in tells it, whatever became of the job."""
    job = only(row(State="CANCELLED by 1001") + row(JobIDRaw="7.batch", State="OUT_OF_MEMORY", MaxRSS="1048000K", UID=""))
    assert job.out_of_memory
    assert (job.state, job.used_mb) == ("CANCELLED", 1024)
    assert only(row(State="OUT_OF_MEMORY", ExitCode="0:125")).out_of_memory
    assert only(row(State="FAILED") + row(JobIDRaw="7.extern", State="OUT_OF_ME+", UID="")).out_of_memory


def test_only_the_batch_step_tells_what_was_used() -> None:
    """What other steps used is not added to it, nor taken for it."""
    steps = row(JobIDRaw="7.extern", MaxRSS="9999999K") + row(JobIDRaw="7.batch", MaxRSS="2048K") + row(JobIDRaw="7.0", MaxRSS="77K")
    assert only(row() + steps).used_mb == 2
    assert only(row() + row(JobIDRaw="7.extern", MaxRSS="5K")).used_mb is None


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [("8388608K", 8192), ("8G", 8192), ("1.50G", 1536), ("1K", 1), ("0", None), ("", None), ("4Gc", None), ("8Gn", 8192), ("3T", 3145728)],
)
def test_memory(text: str, megabytes: int | None) -> None:
    """In the units of all versions, rounded up; what is meant by the core is not known by the job."""
    assert only(row(ReqMem=text)).memory_mb == megabytes


def test_limits_and_moments() -> None:
    """No limit, a limit of the partition's, and moments that never came."""
    assert only(row(TimelimitRaw="UNLIMITED")).minutes is None
    assert only(row(TimelimitRaw="Partition_Limit")).minutes is None
    assert only(row(Start="Unknown", End="Unknown")).start is None
    assert not only(row(State="PENDING", End="Unknown")).is_over
    assert only(row()).is_over


def test_a_state_that_is_not_known() -> None:
    """What has no word is unknown, and not over; a word of a later Slurm is taken as it is."""
    assert only(row(State="?")).state == "UNKNOWN"
    assert not only(row(State="?")).is_over
    assert only(row(State="EXPEDITED")).state == "EXPEDITED"


def test_the_newest_job_of_an_id() -> None:
    """A later row of the same id counts; parts of arrays and of heterogeneous jobs are nobody's session."""
    assert only(row(State="FAILED") + row()).state == "COMPLETED"
    assert parse_finished(row(JobIDRaw="7_3") + row(JobIDRaw="7+0")) == {}
    assert parse_finished("\n") == {}


@pytest.mark.parametrize("text", ["7|COMPLETED\n", "sacct: error\n", row()[:-1], row() + row()[:-20], row()[:-20]])
def test_what_cannot_be_read(text: str) -> None:
    """An answer to another question is none, nor is one that was cut short."""
    with pytest.raises(SlurmOutputError):
        parse_finished(text)


@pytest.mark.parametrize(
    ("column", "value", "unknown"),
    [
        ("ExitCode", "x", ("exit_code", "signal")),
        ("DerivedExitCode", "x", ("derived_exit_code",)),
        ("ReqMem", "much", ("memory_mb",)),
        ("ElapsedRaw", "-1", ("seconds",)),
        ("TimelimitRaw", "an hour", ("minutes",)),
        ("Submit", "yesterday", ("submit",)),
        ("Start", "yesterday", ("start",)),
        ("End", "today", ("end",)),
        ("UID", "ada", ("uid",)),
    ],
)
def test_a_value_that_cannot_be_read(column: str, value: str, unknown: tuple[str, ...]) -> None:
    """It is unknown; all else of the job is known."""
    reading = Reading()
    job = parse_finished(row(**{column: value}), reading)[7]
    assert job == replace(only(row()), **dict.fromkeys(unknown))
    assert (reading.values_unknown, reading.rows_left_out) == (1, 0)
    assert column in reading.first


def test_a_row_that_cannot_be_read() -> None:
    """It is left out, and hides no other job of the batch."""
    reading = Reading()
    jobs = parse_finished(row() + "8|COMPLETED\n" + row(JobIDRaw="9", ReqMem="much") + "sacct|error\nA notice of the site.\n", reading)
    assert (set(jobs), jobs[9].memory_mb, jobs[9].is_over) == ({7, 9}, None, True)
    assert (reading.values_unknown, reading.rows_left_out) == (1, 2)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("00:03.412", 3.412),
        ("01:02:03", 3723.0),
        ("1-02:03:04", 93784.0),
        ("12:00.5", 720.5),
        ("00:00:00", None),
        ("00:00.000", None),
        ("", None),
        ("INVALID", None),
    ],
)
def test_cpu_time(text: str, seconds: float | None) -> None:
    """In seconds, by all of sacct's ways to write it; 0 is what it prints where nothing was measured, so it is not known."""
    assert only(row(TotalCPU=text)).cpu_seconds == seconds


def test_cpu_time_that_is_none() -> None:
    """The job is read without it, and the trouble is counted."""
    reading = Reading()
    (job,) = parse_finished(row(TotalCPU="much"), reading).values()
    assert job.cpu_seconds is None
    assert job.state == "COMPLETED"
