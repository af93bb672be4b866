"""What Slurm's commands leave when they fail, in their own words, and what follows for a session and for its job.

The texts are those of Slurm 21.08 to 25.11 (docs/slurm-facts.md#words-of-refusal, slurm_errno.c). A squeue that fails says nothing about any job;
an sbatch that fails may have made one; a scancel that fails may have ended it.

Of texts between which nothing tells a difference one stands for all; which of sbatch's words are which is judged in test_reasons.
"""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace

import pytest

from spawner.errors import SessionFailed, SlurmRefused, SlurmUnavailable
from spawner.job.sbatch import Tag
from spawner.session.session import Session
from spawner.slurm.squeue import MARK
from tests.support.fake_slurm import FakeJob, FakeSlurm, Trouble
from tests.support.session_rig import Server, make_cluster, virtually

JOB = 100
POLL_SECONDS = 10
OUTAGE_SECONDS = 600
LONGEST_BACK_OFF_SECONDS = 400
MESSAGE_TIMEOUT_AND_A_MINUTE = 70

SQUEUE = [
    pytest.param(Trouble("squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"), id="connect-failure"),
    pytest.param(Trouble("squeue", "slurm_load_jobs error: Invalid job id specified"), id="invalid-job-id"),
    pytest.param(Trouble("squeue", returncode=255), id="exit-255-and-silence"),
    pytest.param(Trouble("squeue", returncode=-9), id="killed"),
    pytest.param(Trouble("squeue", "squeue: error: write error", stdout=f"{JOB}|{MARK}|ada|CANCELLED|g001|g100_int|1800000000|1800000001|1800000002|0|None\n"), id="failed-after-a-row-that-says-it-is-over"),
    pytest.param(Trouble("squeue", hangs=True), id="our-time-limit"),
    pytest.param(Trouble("squeue", missing=True), id="not-installed"),
    pytest.param(Trouble("squeue", returncode=0, stdout="slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"), id="error-on-stdout-with-exit-0"),
    pytest.param(Trouble("squeue", returncode=0, stdout=f"{JOB}|{MARK}|ada|CANCELLED|g0"), id="row-cut-short-with-exit-0"),
    pytest.param(Trouble("squeue", returncode=0, stdout=f"{JOB}|{MARK}|ada||n/a|g100_int|1800000000|N/A|N/A|0|None\n"), id="row-without-a-state"),
]  # fmt: skip

SBATCH_AMBIGUOUS = [
    pytest.param(Trouble("sbatch", "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)"), id="connect-failure"),
    pytest.param(Trouble("sbatch", "sbatch: error: slurm_receive_msg: Socket timed out on send/recv operation\nsbatch: error: Batch job submission failed: Socket timed out on send/recv operation"), id="timed-out"),
    pytest.param(Trouble("sbatch", "sbatch: error: Memory specification can not be satisfied", returncode=-11), id="killed-after-a-complaint"),
    pytest.param(Trouble("sbatch", hangs=True), id="our-time-limit"),
    pytest.param(Trouble("sbatch", returncode=0), id="silence-with-exit-0"),
    pytest.param(Trouble("sbatch", returncode=0, stdout="0\n"), id="job-0-with-exit-0"),
    pytest.param(Trouble("sbatch", "sbatch: error: slurm_receive_msg: Socket timed out on send/recv operation", returncode=0), id="complaint-with-exit-0"),
]  # fmt: skip

SBATCH_REFUSED = [
    pytest.param("Batch job submission failed: Invalid account or account/partition combination specified", "account", id="account"),
    pytest.param("Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)", "walltime", id="time-limit"),
    pytest.param("AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", "", id="policy"),
    pytest.param("Memory specification can not be satisfied\nsbatch: error: Batch job submission failed: Requested node configuration is not available", "memory", id="memory"),
    pytest.param("Batch job submission failed: System submissions disabled", "", id="submissions-disabled"),
    pytest.param("Batch job submission failed: Invalid wckey specification", "", id="wckey"),
]  # fmt: skip

SCANCEL = [
    pytest.param(Trouble("scancel", "scancel: error: Kill job error on job id 100: Unable to contact slurm controller (connect failure)"), id="connect-failure"),
    pytest.param(Trouble("scancel", "scancel: error: Kill job error on job id 100: Invalid job id specified"), id="invalid-job-id"),
    pytest.param(Trouble("scancel", returncode=255), id="exit-255-and-silence"),
    pytest.param(Trouble("scancel", returncode=-9), id="killed"),
    pytest.param(Trouble("scancel", hangs=True), id="our-time-limit"),
    pytest.param(Trouble("scancel", missing=True), id="not-installed"),
    pytest.param(Trouble("scancel", returncode=0), id="exit-0-and-nothing-done"),
]  # fmt: skip


@dataclass
class Case:
    """A server of ada's, and jobs that are none of its own: another start of ada's, another Hub's, a plain one, somebody else's."""

    slurm: FakeSlurm = field(default_factory=lambda: FakeSlurm(asyncio.get_running_loop()))
    others: list[FakeJob] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = Server(self.slurm, make_cluster(self.slurm), "ada")
        for user, comment in (
            ("ada", Tag("jupyterhub", "ada", "", "of another start").comment),
            ("ada", Tag("another hub", "ada", "", "n").comment),
            ("ada", ""),
            ("eve", "jupyterhub:jupyterhub:ada::n"),
        ):
            self.others.append(self.slurm.make_job(user, comment, "RUNNING", job_id=len(self.others) + 1))
        self.slurm.next_id = JOB

    @property
    def session(self) -> Session:
        assert self.server.session is not None
        return self.server.session

    def own(self) -> list[FakeJob]:
        """Every job that was ever made for the session, ended ones too."""
        return [job for job in self.slurm.jobs.values() if job not in self.others]

    def count(self, command: str) -> int:
        """How often a command ran."""
        return [name for _, name in self.slurm.commands].count(command)

    def hurt(self) -> list[FakeJob]:
        """The others' jobs that do not run any more."""
        return [job for job in self.others if job.state != "RUNNING"]

    def trouble(self, trouble: Trouble, times: float = 1, *, heard: bool = False) -> None:
        """The next ``times`` runs of the command end like that."""
        self.slurm.troubles = [replace(trouble, times=times, heard=heard)]

    def lift(self) -> None:
        """Slurm is well again."""
        self.slurm.troubles = []

    async def start(self) -> asyncio.Task[None]:
        """A start whose job waits in the queue and has been seen there."""
        task = asyncio.ensure_future(self.server.start())
        await asyncio.sleep(3)
        return task

    async def listen(self, task: asyncio.Task[None]) -> None:
        """The job runs and its launcher reports; the start is over."""
        (job,) = self.own()
        self.slurm.run_job(job)
        self.session.report.accept(40000)
        await asyncio.wait_for(task, LONGEST_BACK_OFF_SECONDS)

    async def ready(self) -> FakeJob:
        """A session that runs, seen by the Hub's poller; its job."""
        await self.listen(await self.start())
        await self.polls(30)
        assert self.server.ready
        (job,) = self.own()
        return job

    async def polls(self, seconds: float) -> None:
        """The Hub's poller, for so long."""
        for _ in range(int(seconds // POLL_SECONDS)):
            await asyncio.sleep(POLL_SECONDS)
            await self.server.poll()


# --- squeue ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", SQUEUE)
def test_squeue_trouble_ends_no_running_session(trouble: Trouble) -> None:
    """Ten minutes of it: the session stays, it is known since when nothing is known, and nothing is cancelled; afterwards all is well."""

    async def scenario() -> None:
        case = Case()
        job = await case.ready()
        record = case.session.record
        assert record.node == "g001"
        assert case.session.unknown_since is None
        begun = case.slurm.now()
        case.trouble(trouble, math.inf)
        await case.polls(OUTAGE_SECONDS)
        assert case.server.ready
        assert await case.session.poll() is None
        assert case.session.unknown_since is not None
        assert abs(case.session.unknown_since - begun) <= case.server.cluster.jobs_interval + POLL_SECONDS
        assert case.session.record == record
        assert case.session.end is None
        case.lift()
        await case.polls(LONGEST_BACK_OFF_SECONDS)
        assert case.server.ready
        assert case.session.unknown_since is None
        assert case.session.record == record
        assert job.state == "RUNNING"
        assert case.count("scancel") == 0

    virtually(scenario)


@pytest.mark.parametrize("trouble", SQUEUE)
def test_squeue_trouble_ends_no_start(trouble: Trouble) -> None:
    """A job that waits in the queue through ten minutes of it waits on, says that the session is kept, and becomes a session."""

    async def scenario() -> None:
        case = Case()
        start = await case.start()
        case.trouble(trouble, math.inf)
        await asyncio.sleep(OUTAGE_SECONDS)
        assert not start.done()
        assert await case.session.poll() is None
        assert case.session.unknown_since is not None
        assert "The session is kept" in case.session.progress.messages[-1].text
        assert case.session.end is None
        case.lift()
        await case.listen(start)
        assert case.server.ready
        assert case.session.unknown_since is None
        assert len(case.own()) == 1
        assert case.count("sbatch") == 1
        assert case.count("scancel") == 0

    virtually(scenario)


@pytest.mark.parametrize("trouble", SQUEUE)
def test_squeue_trouble_when_the_hub_comes_back(trouble: Trouble) -> None:
    """A new Hub that has never had an answer keeps the session that the old one had, and knows that it knows nothing."""

    async def scenario() -> None:
        case = Case()
        job = await case.ready()
        record = case.session.record
        case.server.hub_dies()
        case.trouble(trouble, math.inf)
        begun = case.slurm.now()
        await case.server.hub_comes_back()
        assert case.server.ready
        assert case.session.record == record
        await case.polls(OUTAGE_SECONDS)
        assert case.server.ready
        assert case.session.unknown_since is not None
        assert abs(case.session.unknown_since - begun) <= POLL_SECONDS
        case.lift()
        await case.polls(LONGEST_BACK_OFF_SECONDS)
        assert case.server.ready
        assert case.session.unknown_since is None
        assert job.state == "RUNNING"
        assert case.count("scancel") == 0

    virtually(scenario)


@pytest.mark.parametrize("trouble", SQUEUE)
def test_squeue_trouble_and_stop(trouble: Trouble) -> None:
    """Nobody can say which job is ours: Stop keeps at it, cancels nothing meanwhile, and ends just that job when squeue answers."""

    async def scenario() -> None:
        case = Case()
        job = await case.ready()
        case.trouble(trouble, math.inf)
        stop = asyncio.ensure_future(case.server.stop())
        await asyncio.sleep(OUTAGE_SECONDS)
        assert not stop.done()
        assert case.count("scancel") == 0
        case.lift()
        await asyncio.wait_for(stop, LONGEST_BACK_OFF_SECONDS)
        assert job.state == "CANCELLED"
        assert case.slurm.cancelled == [job.job_id]
        assert case.hurt() == []

    virtually(scenario)


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("trouble", SQUEUE)
def test_squeue_trouble_while_a_job_is_looked_for(trouble: Trouble, exists: bool) -> None:
    """After an ambiguous sbatch it answers nothing: the job is neither adopted nor given up, and none is submitted a second time."""

    async def scenario() -> None:
        case = Case()
        case.trouble(trouble, math.inf)
        case.slurm.troubles.append(
            Trouble("sbatch", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", heard=exists)
        )
        start = await case.start()
        await asyncio.sleep(OUTAGE_SECONDS)
        assert not start.done()
        assert case.session.record.nonce
        assert case.session.record.job_id == 0
        assert await case.session.poll() is None
        case.lift()
        await asyncio.sleep(20)
        if exists:
            await case.listen(start)
            assert case.session.record.job_id == case.own()[0].job_id
        else:
            await start
            assert isinstance(case.server.error, SlurmUnavailable)
        assert case.server.ready is exists
        assert len(case.own()) == int(exists)
        assert case.count("sbatch") == 1
        assert case.hurt() == []

    virtually(scenario)


@pytest.mark.parametrize(
    ("lists", "ends"),
    [
        pytest.param("-", False, id="one"),
        pytest.param("-+-", False, id="two-with-the-job-between"),
        pytest.param("-+-+-", False, id="three-with-the-job-between"),
        pytest.param("-!", False, id="one-and-no-answer"),
        pytest.param("-!+-", False, id="two-with-the-job-and-no-answer-between"),
        pytest.param("--", False, id="two-and-the-nonce-is-there"),
        pytest.param("--!", False, id="two-and-no-answer-about-the-nonce"),
        pytest.param("---", True, id="two-and-no-nonce"),
        pytest.param("-!--", True, id="two-with-no-answer-between"),
        pytest.param("-!!!--", True, id="two-with-long-silence-between"),
    ],
)
@pytest.mark.parametrize("state", ["running", "starting"])
def test_a_list_without_the_job_is_evidence_only_when_repeated(state: str, lists: str, ends: bool) -> None:
    """Successful answers without the job (-), with it (+), and none (!): two without it and none with it between, and then one about the
    nonce, end a session.
    """

    async def scenario() -> None:
        case = Case()
        if state == "running":
            job, start = await case.ready(), None
        else:
            start = await case.start()
            (job,) = case.own()
        session = case.session
        kinds = {
            "-": Trouble("squeue", returncode=0),
            "+": Trouble("squeue", returncode=0, stdout=None),
            "!": Trouble("squeue", "slurm_load_jobs error: Unexpected message received"),
        }
        case.slurm.troubles = [replace(kinds[kind]) for kind in lists]
        is_over = False
        for _ in range(OUTAGE_SECONDS):
            if not any(entry.times for entry in case.slurm.troubles):
                break
            await asyncio.sleep(1)
            # While it starts, the start itself looks, and nobody else.
            is_over = is_over or (session.end is not None if start is not None else await session.poll() is not None)
        assert not any(entry.times for entry in case.slurm.troubles), "an answer was never asked for"
        await asyncio.sleep(1)
        assert is_over is ends
        assert (session.end is not None and session.end.state == "GONE") is ends
        if ends and start is not None:
            await asyncio.wait_for(start, 60)
            assert isinstance(case.server.error, SessionFailed)
        if not ends:
            await asyncio.sleep(LONGEST_BACK_OFF_SECONDS)
            assert await session.poll() is None
            assert session.unknown_since is None
            assert job.active
            if start is not None:
                await case.listen(start)
                assert case.server.ready
        # A start that has failed ends what there is in spite of all.
        assert case.count("scancel") == int(ends and start is not None)

    virtually(scenario)


def test_one_empty_list_looked_at_by_many_is_one() -> None:
    """Polling the same list again and again adds nothing to it."""

    async def scenario() -> None:
        case = Case()
        await case.ready()
        await asyncio.sleep(case.server.cluster.jobs_interval)
        case.trouble(Trouble("squeue", returncode=0), math.inf)
        asked = case.count("squeue")
        for _ in range(50):
            await case.server.poll()
        assert case.count("squeue") == asked + 1
        assert case.server.ready
        await asyncio.sleep(case.server.cluster.jobs_interval)
        await case.server.poll()
        assert not case.server.ready

    virtually(scenario)


def test_absence_is_no_evidence_while_the_configuration_cannot_be_read() -> None:
    """Nobody knows whether the Hub may see all jobs: ten minutes of lists without the job end nothing; with the configuration they do."""

    async def scenario() -> None:
        case = Case()
        await case.ready()
        case.slurm.troubles = [
            Trouble("squeue", returncode=0, times=math.inf),
            Trouble("scontrol", "slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)", times=math.inf),
        ]
        await case.polls(OUTAGE_SECONDS)
        assert case.server.ready
        del case.slurm.troubles[1]
        await case.polls(LONGEST_BACK_OFF_SECONDS)
        assert not case.server.ready

    virtually(scenario)


@pytest.mark.parametrize(
    "stderr",
    [
        pytest.param("slurm_load_partitions: Access/permission denied", id="private-partitions"),
        pytest.param("squeue: error: _parse_next_key: Parsing error at unrecognized key: SlurmctldHosts", id="unknown-setting"),
        pytest.param(
            "squeue: error: Ignoring obsolete FastSchedule=1 option. Please remove from your configuration.", id="obsolete-setting"
        ),
    ],
)
def test_a_complaint_beside_a_list_is_no_trouble(stderr: str) -> None:
    """Text on stderr with exit 0 and a list: the list counts, for a session that runs and for one that starts."""

    async def scenario() -> None:
        case = Case()
        case.trouble(Trouble("squeue", stderr, returncode=0, stdout=None), math.inf)
        job = await case.ready()
        await case.polls(OUTAGE_SECONDS)
        assert case.server.ready
        assert case.session.unknown_since is None
        case.slurm.end_job(job, "TIMEOUT")
        await case.polls(30)
        assert not case.server.ready

    virtually(scenario)


# --- sbatch ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", SBATCH_AMBIGUOUS)
def test_ambiguous_sbatch_whose_job_exists(trouble: Trouble) -> None:
    """The job is found by its nonce among others that look like it, adopted with its own id, and is the only one ever made."""

    async def scenario() -> None:
        case = Case()
        case.trouble(trouble, heard=True)
        start = asyncio.ensure_future(case.server.start())
        for _ in range(OUTAGE_SECONDS):
            await asyncio.sleep(1)
            if case.session.record.job_id:
                break
        (job,) = case.own()
        assert (tag := Tag.parse(job.comment)) is not None
        assert tag.nonce == case.server.nonce
        assert case.session.record.job_id == job.job_id
        assert f'"job_id": {job.job_id}' in case.server.database
        assert not start.done()
        await case.listen(start)
        assert case.server.ready
        await case.server.stop()
        assert case.slurm.cancelled == [job.job_id]
        assert case.own() == [job]
        assert case.count("sbatch") == 1
        assert case.hurt() == []

    virtually(scenario)


@pytest.mark.parametrize("trouble", SBATCH_AMBIGUOUS)
def test_ambiguous_sbatch_whose_job_does_not_exist(trouble: Trouble) -> None:
    """It is looked for until it is shown not to exist, is not submitted again, and nothing is left of it."""

    async def scenario() -> None:
        case = Case()
        case.trouble(trouble)
        start = await case.start()
        session = case.session
        assert session.record.nonce
        await start
        assert isinstance(case.server.error, SlurmUnavailable)
        assert not isinstance(case.server.error, SlurmRefused)
        assert "Nothing was submitted" in case.server.error.sentence
        assert asyncio.get_running_loop().time() >= MESSAGE_TIMEOUT_AND_A_MINUTE
        assert case.count("squeue") >= 2
        assert case.count("sbatch") == 1
        assert case.own() == []
        assert session.record.nonce == ""
        assert session.end is not None
        assert session.end.state == "NOT_SUBMITTED"
        assert await session.poll() == 0
        assert case.server.session is None
        assert case.server.database == "{}"
        assert case.count("scancel") == 0

    virtually(scenario)


@pytest.mark.parametrize(("text", "at_fault"), SBATCH_REFUSED)
def test_sbatch_refused(text: str, at_fault: str) -> None:
    """Slurm's no is final: said at once with the field at fault and Slurm's own words, nothing looked for, nothing left."""

    async def scenario() -> None:
        case = Case()
        case.trouble(Trouble("sbatch", f"sbatch: error: {text}\n"))
        task = asyncio.ensure_future(case.server.start())
        await asyncio.sleep(0)
        session = case.session
        await task
        error = case.server.error
        assert isinstance(error, SlurmRefused)
        assert error.field == at_fault
        assert error.details == tuple(line.removeprefix("sbatch: error: ") for line in text.splitlines())
        assert asyncio.get_running_loop().time() < 1
        assert [name for _, name in case.slurm.commands] == ["sbatch"]
        assert case.own() == []
        assert session.record.nonce == ""
        assert await session.poll() == 0
        assert case.server.session is None
        assert case.server.database == "{}"

    virtually(scenario)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(Trouble("sbatch", "sbatch: unrecognized option '--no-such-option'\nTry \"sbatch --help\" for more information", returncode=1), id="unknown-option"),
        pytest.param(Trouble("sbatch", "sbatch: error: Invalid directive found in batch script: #SBATCH --nodes=x", returncode=255), id="invalid-directive"),
        pytest.param(Trouble("sbatch", "sbatch: error: Invalid --time specification", returncode=255), id="invalid-value"),
        pytest.param(Trouble("sbatch", "sbatch: error: This does not look like a batch script.  The first\nsbatch: error: line must start with #! followed by the path to an interpreter.", returncode=1), id="no-script"),
        pytest.param(Trouble("sbatch", "sudo: a password is required"), id="sudo-says-no"),
        pytest.param(Trouble("sbatch", missing=True), id="not-installed"),
    ],
)  # fmt: skip
def test_sbatch_that_never_reached_slurm(trouble: Trouble) -> None:
    """It ended before it spoke to the controller: there is no job, so none is looked for, and the next start may follow at once."""

    async def scenario() -> None:
        case = Case()
        case.trouble(trouble)
        await case.server.start()
        assert case.server.error is not None
        assert isinstance(case.server.error, SlurmUnavailable if trouble.missing else SlurmRefused)
        assert asyncio.get_running_loop().time() < 1
        assert case.count("squeue") == 0
        assert case.own() == []
        assert case.server.database == "{}"
        await case.listen(await case.start())
        assert case.server.ready
        assert len(case.own()) == 1

    virtually(scenario)


# --- scancel --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", SCANCEL)
def test_scancel_that_was_not_heard_is_repeated(trouble: Trouble) -> None:
    """Three orders that come to nothing: Stop gives a fourth, and returns when the job is gone, not before."""

    async def scenario() -> None:
        case = Case()
        job = await case.ready()
        case.trouble(trouble, times=3)
        stop = asyncio.ensure_future(case.server.stop())
        while job.active and asyncio.get_running_loop().time() < OUTAGE_SECONDS:
            assert not stop.done()
            await asyncio.sleep(0.1)
        assert not job.active
        await asyncio.wait_for(stop, 10)
        assert case.count("scancel") == 4
        assert case.slurm.cancelled == [job.job_id]
        assert case.hurt() == []
        assert case.server.session is None
        assert case.server.database == "{}"

    virtually(scenario)


@pytest.mark.parametrize("trouble", [row for row in SCANCEL if not row.values[0].missing])
def test_scancel_that_was_heard_all_the_same(trouble: Trouble) -> None:
    """The job ended although the command says otherwise: Stop sees it in the list and gives no second order."""

    async def scenario() -> None:
        case = Case()
        job = await case.ready()
        case.trouble(trouble, times=math.inf, heard=True)
        await asyncio.wait_for(case.server.stop(), 90)
        assert job.state == "CANCELLED"
        assert case.count("scancel") == 1
        assert case.slurm.cancelled == [job.job_id]
        assert case.hurt() == []

    virtually(scenario)


@pytest.mark.parametrize("owner", ["ada", "eve"])
@pytest.mark.parametrize("trouble", SCANCEL)
def test_scancel_trouble_until_somebody_else_has_the_id(trouble: Trouble, owner: str) -> None:
    """While no order is taken the controller loses its state and gives our id away: what has it then is let alone, and Stop is over."""

    async def scenario() -> None:
        case = Case()
        job = await case.ready()
        case.trouble(trouble, times=math.inf)
        stop = asyncio.ensure_future(case.server.stop())
        await asyncio.sleep(20)
        assert not stop.done()
        del case.slurm.jobs[job.job_id]
        case.others.append(case.slurm.make_job(owner, "", "RUNNING", job_id=job.job_id))
        case.lift()
        await asyncio.wait_for(stop, 120)
        assert case.slurm.cancelled == []
        assert case.hurt() == []

    virtually(scenario)


@pytest.mark.parametrize("trouble", SCANCEL)
def test_scancel_trouble_after_a_cancelled_start(trouble: Trouble) -> None:
    """A start that is cancelled while scancel is in trouble leaves no job behind."""

    async def scenario() -> None:
        case = Case()
        start = await case.start()
        (job,) = case.own()
        case.trouble(trouble, times=2)
        start.cancel()
        await asyncio.sleep(300)
        assert start.done()
        assert job.state == "CANCELLED"
        assert case.server.session is None
        assert case.hurt() == []

    virtually(scenario)
