"""A Slurm controller that can do on demand what a real one does once a month, and a clock that does not wait.

It speaks through the same commands and the same text as the real one, so that the parsers are part of what is tested.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spawner.errors import SlurmNotStarted, SlurmTimeout
from spawner.slurm.runner import Identity, Result
from spawner.slurm.squeue import SEPARATOR
from spawner.slurm.states import ENDED

EPOCH = 1_800_000_000
FIXTURES = Path(__file__).parents[1] / "fixtures" / "slurm" / "22.05.8"
NODES = (FIXTURES / "nodes_idle.txt").read_text()
PARTITIONS = (FIXTURES / "partitions.txt").read_text()
RESERVATIONS = (FIXTURES / "reservations.txt").read_text()
ASSOCIATIONS = (FIXTURES / "associations.txt").read_text().replace("demo|", "fake|")
USERS = (FIXTURES / "users.txt").read_text()
QOS = (FIXTURES / "qos.txt").read_text()
HOLDINGS = (FIXTURES / "holdings.txt").read_text()
UNREACHABLE = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next thing that is due, instead of waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready:  # type: ignore[attr-defined]
            # One that was cancelled may be the first, and would let the loop wait in earnest for the next.
            due = [handle.when() for handle in self._scheduled if not handle.cancelled()]  # type: ignore[attr-defined]
            self._now = max(self._now, min(due, default=self._now))
        super()._run_once()  # type: ignore[misc]

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """What a thread would do, at once: while one works, this loop would find nothing to do and let hours go by."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as an executor does, it is for whoever waits
            future.set_exception(error)
        return future


@dataclass
class FakeJob:
    """A job of the controller's. ``comment`` is sbatch's."""

    job_id: int
    user: str
    comment: str
    submit: int
    state: str = "PENDING"
    reason: str = "Priority"
    host: str = "n/a"
    priority: int = 1000
    tres: str = "cpu=1,mem=4G,node=1,billing=1"
    partition: str = "g100_int"
    script: str | None = "#!/bin/sh\n"
    """None: it is not for the Hub to read."""
    gres: str | None = None
    """What ``scontrol show job --details`` says that it has on its node; None: nothing."""
    end: int | None = None
    """When its time is up, in seconds since the epoch; None: squeue does not say."""

    @property
    def active(self) -> bool:
        return self.state not in ENDED


@dataclass
class Trouble:
    """What the next ``times`` runs of a command leave instead of what they should.

    ``stdout`` None: what the command prints anyway. ``heard``: the controller does what it was asked, whatever the command says of it.
    ``hangs``: our own time limit ends it. ``missing``: it cannot be started at all.
    """

    command: str
    stderr: str = ""
    returncode: int = 1
    stdout: str | None = ""
    heard: bool = False
    hangs: bool = False
    missing: bool = False
    times: float = 1


@dataclass
class FakeSlurm:
    """The controller, as a :class:`spawner.slurm.runner.Runner`.

    ``answers`` False: every command fails as if nobody listened. ``lose_replies``: so many sbatch make their job and report a
    time-out. ``late_orders``: so many sbatch report a time-out and make their job ``late_by`` seconds later. ``drop_orders``: so
    many report a time-out and make none. ``hang``: commands end by our own time limit. ``troubles``: each for one command, in order.
    """

    loop: asyncio.AbstractEventLoop
    delay: float = 0.03
    answers: bool = True
    hang: bool = False
    refuse: int = 0
    private_data: str = "none"
    database_private_data: str = "none"
    lose_replies: int = 0
    late_orders: int = 0
    drop_orders: int = 0
    late_by: float = 40.0
    comments: str | None = None
    """What a site's plugin puts in the place of every job's comment."""
    says: str = "{id}\n"
    """What sbatch prints where it succeeds."""
    troubles: list[Trouble] = field(default_factory=list)
    jobs: dict[int, FakeJob] = field(default_factory=dict)
    commands: list[tuple[float, str]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    under_way: list[tuple[str, ...]] = field(default_factory=list)
    next_id: int = 100
    finished: dict[int, str] = field(default_factory=dict)
    """What slurmdbd knows: the rows of sacct by the id of the job; it knows nothing of the others."""

    busy_cores: float = 1.0
    memory_mb: int = 300
    tells_usage: bool = True
    """What sstat says of each running job; False: that the caller may not look at other people's."""

    def now(self) -> float:
        """Seconds since the epoch, in the loop's own time."""
        return EPOCH + self.loop.time()

    def make_job(self, user: str, comment: str = "", state: str = "PENDING", job_id: int = 0) -> FakeJob:
        """A job, as sbatch would make it."""
        number = job_id or self.next_id
        self.next_id = max(self.next_id, number) + 1
        job = FakeJob(number, user, comment, int(self.now()), state)
        self.jobs[number] = job
        return job

    def run_job(self, job: FakeJob, host: str = "g001") -> None:
        """Let a waiting job run."""
        if job.state == "PENDING":
            job.state, job.reason, job.host = "RUNNING", "None", host

    def end_job(self, job: FakeJob, state: str) -> None:
        """End a job."""
        if job.active:
            job.state = state

    async def is_running(self, command: str, text: str, identity: Identity) -> bool:
        """Whether such a command with this text is under way."""
        return any(argv[0] == command and text in argument for argv in self.under_way for argument in argv)

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        timeout: float = 60.0,
    ) -> Result:
        """One command, with the delay and the trouble that is set."""
        self.under_way.append(tuple(argv))
        try:
            return await self._run(argv, identity, timeout)
        finally:
            self.under_way.remove(tuple(argv))

    async def _run(self, argv: Sequence[str], identity: Identity | None, timeout: float) -> Result:
        self.commands.append((self.loop.time(), argv[0]))
        await asyncio.sleep(self.delay)
        trouble = next((entry for entry in self.troubles if entry.command == argv[0] and entry.times > 0), None)
        if trouble is not None:
            trouble.times -= 1
            if trouble.missing:
                raise SlurmNotStarted("A Slurm command could not be started.", log=f"{argv[0]} is missing")
        if self.hang or (trouble is not None and trouble.hangs):
            if trouble is not None and trouble.heard:
                self._answer(argv, identity)
            await asyncio.sleep(timeout)
            raise SlurmTimeout("Slurm did not answer in time.", log=f"{argv[0]} hung")
        if trouble is None:
            returncode, stdout, stderr = self._answer(argv, identity)
        else:
            printed = self._answer(argv, identity)[1] if trouble.heard or trouble.stdout is None else ""
            returncode, stderr = trouble.returncode, trouble.stderr
            stdout = printed if trouble.stdout is None else trouble.stdout
        return Result(tuple(argv), returncode, stdout, stderr, self.delay)

    def _answer(self, argv: Sequence[str], identity: Identity | None) -> tuple[int, str, str]:
        if not self.answers:
            return 1, "", UNREACHABLE if argv[0] != "sbatch" else f"sbatch: error: Batch job submission failed: {UNREACHABLE[23:]}"
        if argv[0] == "sbatch":
            return self._sbatch(argv, identity)
        if argv[0] == "squeue":
            return 0, self._squeue(argv), ""
        if argv[0] == "scancel":
            return self._scancel(argv)
        if argv[0] == "sacct":
            asked = next(option.partition("=")[2] for option in argv if option.startswith("--jobs=")).split(",")
            return 0, "".join(self.finished.get(int(number), "") for number in asked), ""
        if argv[0] == "sstat":
            return self._sstat(argv)
        if argv[0] == "scontrol":
            return self._scontrol(argv)
        if argv[0] == "sacctmgr" and "qos" in argv:
            return 0, QOS, ""
        if argv[0] == "sacctmgr" and "config" in argv:
            own = f"PrivateData = {self.private_data}\n"
            return 0, f"{own}\nSlurmDBD configuration:\nPrivateData = {self.database_private_data}\nSlurmUser = slurm(64030)\n", ""
        if argv[0] == "sacctmgr":
            return 0, ASSOCIATIONS if "association" in argv else USERS, ""
        raise AssertionError(f"the fake knows no {argv}")

    def _scontrol(self, argv: Sequence[str]) -> tuple[int, str, str]:
        if "batch_script" in argv:
            script = self.jobs[int(argv[-2])].script
            words = "Job script not specified" if script == "" else "Invalid user id"
            return 0, script or "", "" if script else f"job script retrieval failed: {words}\n"
        if argv[-1] == "config":
            lines = ("ClusterName = fake", "MessageTimeout = 10 sec", f"PrivateData = {self.private_data}", "SlurmUser = slurm(64030)")
            config = "".join(f"{line}\n" for line in (*lines, "SLURM_VERSION = 22.05.8"))
            return 0, config, ""
        if "job" in argv:
            job = self.jobs.get(int(argv[-1]))
            given = f" JOB_GRES=x   Nodes={job.host} CPU_IDs=0 Mem=100 GRES={job.gres}" if job is not None and job.gres is not None else ""
            return (
                (0, f"JobId={argv[-1]} JobName=jupyterhub{given}\n", "")
                if job is not None
                else (1, "", "slurm_load_jobs error: Invalid job id specified")
            )
        if "node" in argv:
            return 0, NODES, ""
        if "partition" in argv:
            return 0, PARTITIONS, ""
        if "reservation" in argv:
            return 0, RESERVATIONS, ""
        if "assoc_mgr" in argv:
            return 0, HOLDINGS, ""
        raise AssertionError(f"the fake knows no {argv}")

    def _sbatch(self, argv: Sequence[str], identity: Identity | None) -> tuple[int, str, str]:
        assert identity is not None
        comment = next(option.split("=", 1)[1] for option in argv if option.startswith("--comment="))
        timed_out = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
        if self.refuse:
            self.refuse -= 1
            return 1, "", "sbatch: error: Batch job submission failed: Requested reservation is invalid"
        if self.drop_orders:
            self.drop_orders -= 1
            return 1, "", timed_out
        if self.late_orders:
            self.late_orders -= 1
            self.loop.call_later(self.late_by, self.make_job, identity.name, comment)
            return 1, "", timed_out
        job = self.make_job(identity.name, comment if self.comments is None else self.comments)
        if self.lose_replies:
            self.lose_replies -= 1
            return 1, "", timed_out
        return 0, self.says.format(id=job.job_id), ""

    def _squeue(self, argv: Sequence[str]) -> str:
        columns = next(option for option in argv if option.startswith("--Format="))
        mark = re.search(r"JobID:\^(\w+)\^", columns)
        assert mark is not None, columns
        user = next((option.split("=", 1)[1] for option in argv if option.startswith("--user=")), "")
        rows = [re.sub(r":([^,]*)(?:,|$)", r"\1", columns.removeprefix("--Format=")).upper().replace(mark[1].upper(), mark[1])]
        for job in self.jobs.values():
            if user and job.user != user:
                continue
            if "Comment" in columns:
                cells = [job.user, job.state, str(job.submit), job.comment or "(null)"]
            else:
                started = "N/A" if job.state == "PENDING" else str(job.submit + 1)
                cells = [
                    job.user,
                    job.state,
                    job.host,
                    job.partition,
                    str(job.submit),
                    started,
                    "N/A" if job.end is None else str(job.end),
                    "0",
                    "1",
                    job.host,
                    "(null)",
                    str(job.priority),
                    job.tres,
                    "N/A",
                    "N/A",
                    "normal",
                    job.reason,
                ]
            rows.append(SEPARATOR.join([str(job.job_id), mark[1], *cells]))
        return "\n".join(rows) + "\n"

    def _sstat(self, argv: Sequence[str]) -> tuple[int, str, str]:
        asked = next(option.partition("=")[2] for option in argv if option.startswith("--jobs=")).split(",")
        if not self.tells_usage:
            return 0, "", "sstat: error: problem getting step_layout for StepId=1.batch: Invalid user id\n"
        rows = []
        for number in asked:
            job = self.jobs.get(int(number))
            if job is not None and job.state == "RUNNING":
                used = int(self.busy_cores * (self.now() - job.submit - 1))
                cpu = f"{used // 3600:02d}:{used // 60 % 60:02d}:{used % 60:02d}"
                rows.append(f"{number}.batch|cpu={cpu},energy=0,fs/disk=1,mem={self.memory_mb * 1024**2},pages=0,vmem=1\n")
        return 0, "".join(rows), ""

    def _scancel(self, argv: Sequence[str]) -> tuple[int, str, str]:
        user = next((option.split("=", 1)[1] for option in argv if option.startswith("--user=")), "")
        job = self.jobs.get(int(argv[-1]))
        if job is None or not job.active or job.user != user:
            return 1, "", "scancel: error: Kill job error on job id: Invalid job id specified"
        if any(option.startswith("--signal=") for option in argv):
            return 0, "", ""
        self.cancelled.append(job.job_id)
        job.state = "CANCELLED"
        return 0, "", ""
