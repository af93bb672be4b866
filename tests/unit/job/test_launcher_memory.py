"""The most memory that a session has, as its launcher finds it out and tells the Hub: real processes of known size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.launcher_job import PATIENCE, InTheJob, Job

pytestmark = pytest.mark.thorough

SIZE_MB = 400
NEAR_MB = SIZE_MB // 20
SELDOM = {"MEMORY_SECONDS = 5.0": "MEMORY_SECONDS = 3600.0", "PEAK_REPORT_SECONDS = 60.0": "PEAK_REPORT_SECONDS = 0.0"}
"""It looks once in the beginning, and tells the Hub as soon as that knows the session; then in the end."""
OFTEN = {"MEMORY_SECONDS = 5.0": "MEMORY_SECONDS = 0.02", "PEAK_REPORT_SECONDS = 60.0": "PEAK_REPORT_SECONDS = 0.02"}
V2 = "0::/system.slice/slurmstepd.scope/job_4711/step_batch/user/task_0\n"
V1 = "9:cpuset:/slurm/uid_1000/job_4711/step_batch\n4:memory:/slurm/uid_1000/job_4711/step_batch\n0::/\n"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job, of which nothing is left in the end."""
    job = Job(tmp_path)
    yield job
    job.close()


def status_of(pid: int) -> dict[str, int]:
    """What the kernel says of a process, in kB."""
    rows = (row.split() for row in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}


def had_by(job: Job, server: InTheJob) -> float:
    """What the launcher and the server have of their own now, in MB."""
    assert job.launcher is not None
    return sum(status_of(pid)["RssAnon"] for pid in (job.launcher.pid, server.pid)) / 1024


def most_of(job: Job) -> int:
    """The most that the Hub is told by the end."""
    assert job.hub is not None
    assert job.outcome()[0] == 0
    told = [job.hub.peaks.get(timeout=PATIENCE)]
    while not job.hub.peaks.empty():
        told.append(job.hub.peaks.get())
    return max(told)


@pytest.mark.parametrize("what", ["hold for a moment", "run a program that holds"])
def test_a_peak_between_two_looks(job: Job, what: str) -> None:
    """The launcher looks once in the beginning and then in the end, and the memory is given back, or the program over, by then."""
    hub = job.start(constants=SELDOM)
    server = job.server()
    server.listen()
    hub.peaks.get(timeout=PATIENCE)
    before = had_by(job, server)
    server.order(what, SIZE_MB)
    server.news()
    assert had_by(job, server) < before + NEAR_MB
    job.signal(15)
    assert job.launcher is not None
    job.launcher.communicate(timeout=PATIENCE)
    peak = hub.peaks.get(timeout=PATIENCE)
    assert abs(peak - before - SIZE_MB) <= NEAR_MB


def test_it_is_told_while_the_session_runs(job: Job) -> None:
    """A peak is told while the session goes on, and once more in the end."""
    hub = job.start(constants=OFTEN)
    server = job.server()
    server.listen()
    first = hub.peaks.get(timeout=PATIENCE)
    server.order("hold for a moment", SIZE_MB)
    server.news()
    told = [first]
    while told[-1] < first + SIZE_MB - NEAR_MB:
        told.append(hub.peaks.get(timeout=PATIENCE))
    assert told[-1] <= first + SIZE_MB + NEAR_MB
    server.order("exit", 0)
    assert abs(most_of(job) - told[-1]) <= NEAR_MB


class Groups:
    """A node's control groups with the files of the job's, by both versions; its processes are the launcher's own."""

    def __init__(self, folder: Path, version: int) -> None:
        self.version = version
        own = "system.slice/slurmstepd.scope/job_4711" if version == 2 else "memory/slurm/uid_1000/job_4711"
        self.job = folder / "cgroup" / own
        self.step = self.job / ("step_batch/user/task_0" if version == 2 else "step_batch")
        self.step.mkdir(parents=True)
        (folder / "own").write_text(V2 if version == 2 else V1)
        self.constants = {
            'OWN_CGROUPS = "/proc/self/cgroup"': f"OWN_CGROUPS = {str(folder / 'own')!r}",
            'CGROUPS = "/sys/fs/cgroup"': f"CGROUPS = {str(folder / 'cgroup')!r}",
        }
        self.kill(0)

    def kill(self, number: int) -> None:
        """So many have been killed for want of memory."""
        place = self.job / "memory.events" if self.version == 2 else self.step / "memory.oom_control"
        place.write_text(f"oom_kill {number}\n")

    def say(self, *, anonymous: int, shared: int, peak: int | None, processes: list[int]) -> None:
        """What the kernel counts, in MB: memory of the processes' own, in shared memory, and the most there was with the cache."""
        names = ("anon", "shmem") if self.version == 2 else ("total_rss", "total_shmem")
        rows = zip((*names, "file", "total_cache"), (anonymous, shared, 5000, 5000), strict=True)
        (self.job / "memory.stat").write_text("".join(f"{name} {value << 20}\n" for name, value in rows))
        (self.step / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in processes))
        if peak is not None:
            (self.job / ("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes")).write_text(f"{peak << 20}\n")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("counter", "killed", "told"),
    [
        pytest.param(9000, 0, 700, id="most-of-the-peak-was-cache"),
        pytest.param(650, 0, 650, id="it-cannot-have-been-more"),
        pytest.param(None, 0, 700, id="no-counter"),
        pytest.param(900, 1, 900, id="killed-where-all-was-used"),
    ],
)
def test_what_control_groups_tell(job: Job, tmp_path: Path, version: int, counter: int | None, killed: int, told: int) -> None:
    """Memory of the job's own with what is shared; the counter with the cache of files is a bound, and the truth where it was full."""
    groups = Groups(tmp_path, version)
    groups.say(anonymous=600, shared=100, peak=counter, processes=[])
    job.start(constants={**SELDOM, **groups.constants}, environment={"SLURM_JOB_ID": "4711"})
    server = job.server()
    groups.say(anonymous=600, shared=100, peak=counter, processes=[server.pid])
    server.listen()
    assert job.hub is not None
    job.hub.peaks.get(timeout=PATIENCE)
    groups.kill(killed)
    server.order("exit", 0)
    # The server has ended, and its own peak of some MB may stand on what the group has.
    assert abs(most_of(job) - told) <= NEAR_MB
