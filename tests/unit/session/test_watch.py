"""Looking at a session's job: only a terminal state, or repeated answers without the job, end a session."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from spawner.cluster.ended import EndedSessions
from spawner.errors import ResourceFormError, SessionFailed, SlurmUnavailable
from spawner.gpu.claims import GpuClaims
from spawner.job.sbatch import Tag
from spawner.session.facts import SessionFacts
from spawner.session.record import End, Record
from spawner.session.watch import LOOK_PATIENCE_SECONDS, look
from spawner.slurm.model import UNREAD, Job
from tests.support.fake_slurm import EPOCH
from tests.support.session_rig import LOG, make_cluster, make_server, run_and_listen, virtually


def test_recycled_id_is_not_ours() -> None:
    """A controller that lost its state gives our id to somebody else, or to another job of the same user: it is not polled as ours,
    and Stop does not touch it."""

    async def scenario(owner: str) -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        await asyncio.sleep(3600)
        del server.slurm.jobs[job.job_id]
        other = server.slurm.make_job(owner, state="RUNNING", job_id=job.job_id)
        other.submit = int(server.slurm.now())
        assert server.session is not None
        await server.stop()
        assert other.state == "RUNNING"
        assert server.slurm.cancelled == []

    for owner in ("ada", "grace"):
        virtually(lambda owner=owner: scenario(owner))


@pytest.mark.parametrize(
    ("private_data", "hub_runs_as", "is_over"),
    [
        ("none", "hub", True),
        ("accounts,jobs", "hub", False),
        ("accounts,jobs", "ada", False),
        pytest.param("accounts,jobs", "grace", True, id="operator"),
        pytest.param("accounts,jobs", "slurm", True, id="SlurmUser"),
    ],
)
def test_absence_counts_only_where_the_hub_sees_all(
    private_data: str, hub_runs_as: str, *, is_over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that is in no list any more is over after two lists; not where PrivateData may hide it from us."""
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    monkeypatch.setattr("pwd.getpwuid", lambda _: type("Entry", (), {"pw_name": hub_runs_as}))

    async def scenario() -> None:
        server = make_server()
        server.slurm.private_data = private_data
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        del server.slurm.jobs[job.job_id]
        await asyncio.sleep(20)
        await server.poll()
        assert server.ready, "one list is not enough"
        for _ in range(6):
            await asyncio.sleep(20)
            await server.poll()
        assert server.ready != is_over

    virtually(scenario)


@pytest.mark.parametrize("trouble", ["answers", "hang"])
def test_a_slurm_that_does_not_answer_ends_no_session(trouble: str) -> None:
    """An hour without an answer leaves the session as it is; it is known since when."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        setattr(server.slurm, trouble, trouble == "hang")
        for _ in range(60):
            await asyncio.sleep(60)
            await server.poll()
        assert server.ready
        assert server.session is not None
        assert server.session.unknown_since is not None
        assert server.session.unknown_since < EPOCH + 300
        setattr(server.slurm, trouble, trouble != "hang")
        await asyncio.sleep(400)
        await server.poll()
        assert server.ready
        assert server.session.unknown_since is None

    virtually(scenario)


@pytest.mark.parametrize("state", ["TIMEOUT", "NODE_FAIL", "PREEMPTED", "OUT_OF_MEMORY", "CANCELLED", "FAILED", "COMPLETED"])
def test_an_ended_job_is_noticed_with_its_reason(state: str) -> None:
    """Whatever ends a running job, the session is over within an interval, and why is kept."""

    async def scenario() -> End | None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        session = server.session
        server.slurm.end_job(job, state)
        await asyncio.sleep(server.cluster.jobs_interval + 1)
        await server.poll()
        assert not server.ready
        assert session is not None
        return session.end

    end = virtually(scenario)
    assert end is not None
    assert end.state == state
    assert end.sentence


def test_two_looks_in_a_row_are_one_absence() -> None:
    """Two lists without the job that are hardly apart are no more evidence than one."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        session = server.session
        assert session is not None
        del server.slurm.jobs[job.job_id]
        for _ in range(3):
            server.cluster.jobs.expire()
            assert await session.poll() is None
        server.slurm.jobs[job.job_id] = job
        server.cluster.jobs.expire()
        assert await session.poll() is None
        assert server.ready

    virtually(scenario)


# --- one look, by the answer that it gets ----------------------------------------------------------------------------------------

SUBMITTED = EPOCH - 1000.0
QUEUED = EPOCH - 999
OUR_JOB = Job(7, "ada", "RUNNING", submit=QUEUED)


class Answers:
    """A cluster that has one answer about the session's job: what the list says, of when it is, and whether that is old."""

    hub_name = "jupyterhub"
    sees_all = True
    error: ResourceFormError | None = None

    def __init__(self) -> None:
        self.listed: Job | None = OUR_JOB
        self.gpu_claims = GpuClaims()
        self.session_jobs: dict[int, str] = {}
        self.nameless: Job | None = None
        self.tagged: list[Job] | ResourceFormError = []
        self.questions_about_nonces = 0
        self.as_of, self.stale = float(EPOCH), False
        self.ended = EndedSessions()
        self.asked: list[tuple[int, float | None]] = []

    def clock(self) -> float:
        return EPOCH + 50.0

    async def sees_all_jobs(self) -> bool:
        return self.sees_all

    async def job(self, job_id: int, *, patience: float | None = None) -> tuple[Job | None, Any]:
        self.asked.append((job_id, patience))
        if self.error is not None:
            raise self.error
        value = {0: self.nameless} if self.nameless is not None else {}
        return self.listed, SimpleNamespace(as_of=self.as_of, stale=self.stale, value=value)

    async def tagged_jobs(self, user: str) -> list[Job]:
        assert user == "ada"
        self.questions_about_nonces += 1
        if isinstance(self.tagged, ResourceFormError):
            raise self.tagged
        return self.tagged


def watched(**record: Any) -> tuple[Answers, SessionFacts]:
    """A session that was submitted, and the answers that it gets."""
    answers = Answers()
    known = {"nonce": "n", "job_id": 7, "submitted": SUBMITTED, "queued_at": QUEUED, **record}
    return answers, SessionFacts(answers, "ada", keep=lambda: None, name="ada:", log=LOG, record=Record(**known))  # type: ignore[arg-type]


def looks(answers: Answers, session: SessionFacts, *moments: float, **said: Any) -> list[Job | str | None]:
    """What a look finds at each of the answers' moments, in seconds after the beginning; the word of the end where that is found."""
    found: list[Job | str | None] = []
    for name, value in said.items():
        setattr(answers, name, value)
    for moment in moments:
        answers.as_of = EPOCH + moment
        try:
            found.append(asyncio.run(look(session)))
        except SessionFailed as failure:
            found.append(failure.label)
    return found


@pytest.mark.parametrize(
    ("moments", "ends"),
    [
        pytest.param((0, 5), True, id="just far enough apart"),
        pytest.param((0, 4.9), False, id="hardly apart"),
        pytest.param((0, 0, 0), False, id="the same list again and again"),
        pytest.param((0, 3, 6), True, id="counted from the one before that counted"),
    ],
)
@pytest.mark.parametrize(
    "listed", [None, replace(OUR_JOB, user="grace"), replace(OUR_JOB, submit=QUEUED - 1)], ids=["gone", "another user's", "an older job's"]
)
def test_two_absences_end_a_session(moments: tuple[float, ...], listed: Job | None, *, ends: bool) -> None:
    """Two lists without our job that are five seconds apart; another job of its id is none of ours."""
    answers, session = watched()
    found = looks(answers, session, *moments, listed=listed)
    assert found == [None] * (len(moments) - 1) + ["gone" if ends else None]
    assert (session.end is not None and session.end.sentence) == ("The job is no longer known to Slurm." if ends else False)


def test_a_list_from_before_the_submission_shows_no_absence() -> None:
    """A list that was asked for at the very moment of the submission cannot have the job yet; a later one can."""
    answers, session = watched(submitted=EPOCH + 10.0, queued_at=0)
    assert answers.clock() > session.record.submitted
    assert looks(answers, session, 0, 5, 10, listed=None) == [None] * 3
    assert session.absent_at == []
    assert looks(answers, session, 10.5, 15.5) == [None, "gone"]


def test_absences_are_of_one_time() -> None:
    """A job that was seen in between was not absent twice in a row, and old lists and such that hide jobs do not count."""
    answers, session = watched()
    assert looks(answers, session, 0, listed=None) == [None]
    assert looks(answers, session, 10, listed=OUR_JOB) == [OUR_JOB]
    assert looks(answers, session, 20, listed=None) == [None]
    assert looks(answers, session, 30, stale=True) == [None]
    assert looks(answers, session, 40, stale=False, sees_all=False) == [None]
    assert looks(answers, session, 50, sees_all=True) == ["gone"]


@pytest.mark.parametrize("listed", [None, OUR_JOB], ids=["not in it", "in it"])
def test_since_when_slurm_is_silent(listed: Job | None) -> None:
    """An old list: from its own moment on nothing is known, until a fresh one comes."""
    answers, session = watched()
    looks(answers, session, 0, listed=listed, stale=True)
    assert session.unknown_since == EPOCH
    looks(answers, session, 20)
    assert session.unknown_since == EPOCH, "the first one counts"
    looks(answers, session, 40, stale=False)
    assert session.unknown_since is None


OURS_WITH_TAG = replace(OUR_JOB, comment=Tag("jupyterhub", "ada", "", "n").comment)


def test_the_nonce_is_asked_for_before_a_job_is_gone() -> None:
    """Two lists without it are not enough where Slurm still has it, or nobody can say; then it begins anew."""
    answers, session = watched()
    assert looks(answers, session, 0, listed=None) == [None]
    assert answers.questions_about_nonces == 0
    assert looks(answers, session, 5, tagged=[OURS_WITH_TAG]) == [None]
    assert (answers.questions_about_nonces, session.absent_at) == (1, [])
    assert looks(answers, session, 10, 15, tagged=SlurmUnavailable("No.", log="no answer")) == [None, None]
    assert session.unknown_since == answers.clock()
    assert looks(answers, session, 20, tagged=[replace(OURS_WITH_TAG, user="grace")]) == ["gone"]


@pytest.mark.parametrize("unread", [7, 0])
def test_a_row_that_cannot_be_read_is_no_absence(unread: int) -> None:
    """Neither the job's own row, nor one whose id cannot be read and that may be its; another job's is."""
    answers, session = watched()
    row = Job(unread, "", UNREAD)
    assert looks(answers, session, 0, 10, 20, listed=row if unread else None, nameless=None if unread else row) == [None] * 3
    assert (session.unknown_since, session.absent_at, answers.questions_about_nonces) == (EPOCH, [], 0)
    assert looks(answers, session, 30, listed=OUR_JOB) == [OUR_JOB]
    assert session.unknown_since is None


HOUR = 3600


@pytest.mark.parametrize("ahead", [-5 * HOUR, -601, 700, 5 * HOUR])
def test_two_clocks_that_differ(ahead: int) -> None:
    """The first look asks for the nonce, once; from then on Slurm's own time of submission tells the job from any other of its id."""
    answers, session = watched(submitted=float(QUEUED + ahead), queued_at=0)
    answers.clock = lambda: EPOCH + 50.0 + ahead  # type: ignore[method-assign]
    assert looks(answers, session, ahead, ahead + 10, ahead + 20, tagged=[OURS_WITH_TAG]) == [OUR_JOB] * 3
    assert (answers.questions_about_nonces, session.record.queued_at) == (1, QUEUED)
    answers, session = watched(submitted=float(QUEUED + ahead), queued_at=0)
    assert looks(answers, session, ahead + 10, tagged=[replace(OURS_WITH_TAG, comment="mine")]) == [None]
    assert session.record.queued_at == 0


def test_a_clock_that_was_set_back() -> None:
    """To before the submission: a job that is gone is noticed all the same."""
    answers, session = watched(submitted=EPOCH + 5.0 * HOUR, queued_at=0)
    assert looks(answers, session, 0, 5, listed=None) == [None, "gone"]


@pytest.mark.parametrize("ahead", [-5 * HOUR, 0, 5 * HOUR])
def test_a_session_where_the_clocks_differ(ahead: int) -> None:
    """It starts, goes on for hours, also over a restart of the Hub, and Stop gives it back once Slurm has let go of it."""

    async def scenario() -> None:
        server = make_server()
        server.cluster = make_cluster(server.slurm, ahead)
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        assert server.ready, server.error
        for _ in range(100):
            await asyncio.sleep(60)
            await server.poll()
            assert server.ready
        await server.hub_comes_back()
        await asyncio.sleep(60)
        assert server.session is not None
        assert await server.session.poll() is None
        await server.stop()
        assert (job.state, server.slurm.cancelled) == ("CANCELLED", [job.job_id])

    virtually(scenario)


def test_no_list_at_all() -> None:
    """Nobody knows from now on; the question does not wait for long, and it is for our job."""
    answers, session = watched()
    assert looks(answers, session, 0, error=SlurmUnavailable("Slurm does not answer.", log="no answer")) == [None]
    assert session.unknown_since == answers.clock()
    assert answers.asked == [(7, LOOK_PATIENCE_SECONDS)]


@pytest.mark.parametrize(
    ("known", "submit", "kept"),
    [
        pytest.param(0, QUEUED, QUEUED, id="the first time that is seen"),
        pytest.param(0, None, 0, id="Slurm says none"),
        pytest.param(QUEUED, QUEUED + 60, QUEUED, id="requeued: the first one stays"),
    ],
)
def test_the_moment_of_submission_is_remembered(known: int, submit: int | None, kept: int) -> None:
    """The job's own second tells it from a later one of the same id."""
    answers, session = watched(queued_at=known)
    assert looks(answers, session, 0, listed=replace(OUR_JOB, submit=submit)) == [replace(OUR_JOB, submit=submit)]
    assert session.record.queued_at == kept
