"""One session's life against a controller that loses replies, comes late, goes away, and uses ids again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from spawner.cluster.job_commands import SUBMIT_TIMEOUT_SECONDS
from spawner.errors import NotStored, SessionFailed, SlurmRefused, SlurmUnavailable
from spawner.hub.common import iso_time
from spawner.job.sbatch import Tag
from spawner.session.record import End, Limits, Record
from tests.support.fake_slurm import EPOCH, FakeJob, FakeSlurm, Trouble
from tests.support.session_rig import Server, make_cluster, virtually


def make_server(limits: Limits | None = None, user: str = "ada") -> Server:
    """A user's default server on a fresh controller."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    return Server(slurm, make_cluster(slurm), user, limits=limits or Limits())


def jobs_of(server: Server) -> list[FakeJob]:
    """The active jobs that carry this Hub's tag for the server's user."""
    return [job for job in server.slurm.jobs.values() if job.active and (tag := Tag.parse(job.comment)) and tag.user == server.user]


async def run_and_listen(server: Server, seconds: float = 2.0) -> FakeJob:
    """Let the server's one job run, and its launcher report."""
    for _ in range(200):
        if jobs_of(server):
            break
        await asyncio.sleep(1)
    (job,) = jobs_of(server)
    await asyncio.sleep(seconds)
    server.slurm.run_job(job)
    await asyncio.sleep(seconds)
    assert server.session is not None
    server.session.listens_on(40000)
    return job


def test_start_and_stop() -> None:
    """A start that nothing disturbs makes one job, is ready once the server listens, and Stop ends just that job."""

    async def scenario() -> None:
        server = make_server()
        decoy = server.slurm.make_job("ada", state="RUNNING")
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        assert server.ready
        assert server.session is not None
        assert server.session.record.job_id == job.job_id
        assert server.session.record.node == "g001"
        await server.stop()
        assert server.slurm.cancelled == [job.job_id]
        assert decoy.state == "RUNNING"
        assert server.database == "{}"

    virtually(scenario)


def test_nonce_is_durable_before_sbatch_and_the_id_before_anything_else() -> None:
    """What the database has at the moment of sbatch, and right after it, finds the job again."""

    async def scenario() -> None:
        server = make_server()
        seen = []
        run = server.slurm.run

        async def watched(argv: tuple[str, ...], **options: object) -> object:
            seen.append((argv[0], server.database))
            return await run(argv, **options)  # type: ignore[arg-type]

        server.slurm.run = watched  # type: ignore[method-assign,assignment]
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        first = next(database for command, database in seen if command == "sbatch")
        assert server.nonce in first
        assert '"job_id": 0' in first
        after = [database for command, database in seen if command != "sbatch"]
        assert all('"job_id": 100' in database for database in after)

    virtually(scenario)


def test_lost_reply_is_adopted() -> None:
    """sbatch times out and the job exists: it is found by its nonce and used, and no second one is made."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.lose_replies = 1
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        assert server.ready
        assert len(server.slurm.jobs) == 1

    virtually(scenario)


def test_late_order_is_adopted() -> None:
    """sbatch times out and the job appears 40 s later: it is waited for and used."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.late_orders = 1
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        assert server.ready
        assert len(server.slurm.jobs) == 1

    virtually(scenario)


def test_lost_order_is_shown_not_to_exist() -> None:
    """sbatch times out and there is no job: said after MessageTimeout and a minute, on two answers at least; nothing is retried."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.drop_orders = 1
        await server.start()
        assert isinstance(server.error, SlurmUnavailable)
        assert "Nothing was submitted" in server.error.sentence
        assert server.slurm.jobs == {}
        assert asyncio.get_running_loop().time() >= 70
        assert [name for _, name in server.slurm.commands].count("sbatch") == 1
        assert [name for _, name in server.slurm.commands].count("squeue") >= 2

    virtually(scenario)


def test_refusal_is_final() -> None:
    """What Slurm refused was not submitted: nobody looks for a job, and the next start may follow at once."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.refuse = 1
        await server.start()
        assert isinstance(server.error, SlurmRefused)
        assert asyncio.get_running_loop().time() < 1
        assert "squeue" not in [name for _, name in server.slurm.commands]
        assert server.session is None

    virtually(scenario)


@pytest.mark.parametrize("trouble", ["lose_replies", "late_orders", "drop_orders"])
@pytest.mark.parametrize("after", [0.0, 0.01, 0.05, 2.0, 30.0, 65.0])
def test_cancelled_while_it_is_not_known_whether_there_is_a_job(trouble: str, after: float) -> None:
    """Whenever the start is cancelled after an ambiguous sbatch, no job is left."""

    async def scenario() -> None:
        server = make_server()
        setattr(server.slurm, trouble, 1)
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(after)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        await asyncio.sleep(300)
        assert jobs_of(server) == []

    virtually(scenario)


@pytest.mark.parametrize("after", [0.0, 0.001, 0.02, 0.031, 0.05, 1.0, 3.0, 6.0])
def test_cancelled_at_any_point_of_the_start(after: float) -> None:
    """Cancel before sbatch has returned, after it, in the queue, while the server comes up: the job is given back."""

    async def scenario() -> None:
        server = make_server()
        decoy = server.slurm.make_job("ada", state="RUNNING")
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(after)
        for job in jobs_of(server):
            if after > 2:
                server.slurm.run_job(job)
        start.cancel()
        await asyncio.gather(start, return_exceptions=True)
        await asyncio.sleep(60)
        assert jobs_of(server) == []
        assert decoy.state == "RUNNING"
        assert server.session is None

    virtually(scenario)


def test_stop_keeps_at_it_while_the_controller_is_away() -> None:
    """Stop during an outage of ten minutes ends the job once the controller is back, and not before does it say so."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        server.slurm.answers = False
        stop = asyncio.ensure_future(server.stop())
        await asyncio.sleep(600)
        assert not stop.done()
        assert job.active
        server.slurm.answers = True
        back = asyncio.get_running_loop().time()
        await stop
        assert job.state == "CANCELLED"
        assert asyncio.get_running_loop().time() - back < 10

    virtually(scenario)


def test_stop_returns_soon_after_slurm_has_let_go() -> None:
    """A job that takes 20 s to end: Stop returns within a few seconds of that; a quick one within one second."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await server.stop()
        assert loop.time() - begun < 1

    virtually(scenario)


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


def test_requeued_job_is_cancelled() -> None:
    """A job that an admin puts back into the queue has lost its kernels: it is cancelled, and the session is over."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        session = server.session
        job.state, job.host, job.reason = "PENDING", "n/a", "BeginTime"
        await asyncio.sleep(30)
        await server.poll()
        assert not server.ready
        assert job.state == "CANCELLED"
        assert session is not None
        assert session.end is not None
        assert session.end.state == "REQUEUED"

    virtually(scenario)


@pytest.mark.parametrize(
    "reason",
    ["PartitionConfig", "PartitionTimeLimit", "BadConstraints", "AssocGrpBillingMinutes", "AssocGrpCPUMinutesLimit", "InvalidAccount"],
)
def test_a_request_that_can_never_start_is_cancelled_at_once(reason: str) -> None:
    """It does not wait for ever: the first look cancels it, with the sentence."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.5)
        (job,) = jobs_of(server)
        job.reason = reason
        await asyncio.sleep(4)
        await start
        assert isinstance(server.error, SessionFailed)
        assert "never start" in server.error.sentence
        assert job.state == "CANCELLED"

    virtually(scenario)


def test_what_slurm_expected_stands_until_it_has_a_plan() -> None:
    """The estimate of before the submission is shown with the first reason; it goes when the job's turn has passed it by."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.5)
        assert server.session is not None
        server.session.expected = server.slurm.now() + 600
        await asyncio.sleep(4)
        details = server.session.progress.latest.details
        assert (details["stage"], details["estimate"]) == ("queue", iso_time(server.session.expected))
        await asyncio.sleep(700)
        assert server.session.progress.latest.details["estimate"] is None
        start.cancel()
        await asyncio.wait({start})

    virtually(scenario)


def test_queue_time_is_not_start_time() -> None:
    """A job may wait for the whole queue time and then has the whole listen time; each ends with its own sentence."""

    async def scenario(runs_after: float | None) -> tuple[str, float]:
        server = make_server(Limits(queue=600, listen=60))
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(1)
        (job,) = jobs_of(server)
        if runs_after is not None:
            await asyncio.sleep(runs_after)
            server.slurm.run_job(job)
        await start
        assert server.error is not None
        assert jobs_of(server) == []
        return server.error.label, asyncio.get_running_loop().time()

    label, seconds = virtually(lambda: scenario(None))
    assert label == "queue_timeout"
    assert 600 < seconds < 620
    label, seconds = virtually(lambda: scenario(500))
    assert label == "listen_timeout"
    assert 560 < seconds < 585


@pytest.mark.parametrize("stage", [0.0, 0.01, 0.05, 1.0, 3.0])
@pytest.mark.parametrize("trouble", ["", "lose_replies", "late_orders", "drop_orders"])
def test_hub_killed_while_starting(stage: float, trouble: str) -> None:
    """Killed at any stage of a start, the new Hub takes the job up and becomes ready with it, or shows that there is none."""

    async def scenario() -> None:
        server = make_server()
        if trouble:
            setattr(server.slurm, trouble, 1)
        server.task = asyncio.ensure_future(server.start())
        await asyncio.sleep(stage)
        submission = server.session._submission if server.session else None
        server.hub_dies()
        await asyncio.sleep(5)
        # The dead Hub's own follow-up is not heard of again; sbatch itself, a process of its own, has gone on.
        if submission is not None:
            submission.cancel()
        back = asyncio.ensure_future(server.hub_comes_back())
        await asyncio.sleep(60)
        for job in jobs_of(server):
            server.slurm.run_job(job)
        await asyncio.sleep(10)
        if server.session is not None:
            server.session.listens_on(40000)
        await back
        await asyncio.sleep(200)
        assert len(jobs_of(server)) == int(server.ready)
        assert len(server.slurm.jobs) <= 1

    virtually(scenario)


@pytest.mark.parametrize("slurm_is_away", [False, True])
def test_hub_killed_while_stopping(slurm_is_away: bool) -> None:
    """A stop that the Hub did not finish is finished by the next one."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        server.slurm.answers = False
        server.task = asyncio.ensure_future(server.stop())
        await asyncio.sleep(30)
        server.hub_dies()
        server.slurm.answers = not slurm_is_away
        back = asyncio.ensure_future(server.hub_comes_back())
        await asyncio.sleep(30)
        server.slurm.answers = True
        await back
        assert job.state == "CANCELLED"
        assert not server.ready
        assert server.database == "{}"

    virtually(scenario)


@pytest.mark.parametrize("slurm_is_away", [False, True])
def test_hub_restarted_with_a_running_session(slurm_is_away: bool) -> None:
    """A ready session is kept, with Slurm away as well."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        server.hub_dies()
        server.slurm.answers = not slurm_is_away
        await server.hub_comes_back()
        assert server.ready
        assert job.active

    virtually(scenario)


def test_full_disk_costs_no_job() -> None:
    """If the nonce cannot be stored nothing is submitted; if later states cannot, the session goes on and can be stopped."""

    async def scenario() -> None:
        server = make_server()
        server.database_fails = True
        await server.start()
        assert isinstance(server.error, NotStored)
        assert server.slurm.jobs == {}
        server.database_fails = False
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.01)
        server.database_fails = True
        job = await run_and_listen(server)
        await start
        assert server.ready
        await server.stop()
        assert not job.active

    virtually(scenario)


@pytest.mark.parametrize(
    "state", [{}, {"nonce": "a" * 16}, {"nonce": 3, "job_id": "x"}, None, [], "text", {"job_id": 5}, {"nonce": "n", "submitted": None}]
)
def test_whatever_the_database_has_is_read(state: object) -> None:
    """A record of an older version, or a broken one, is read as far as it goes and never an error."""
    record = Record.from_state(state)
    assert isinstance(record.job_id, int)
    assert Record.from_state(record.as_state()) == record or not record.nonce


@pytest.mark.parametrize("wanted", [lambda state: state, lambda _: None])
def test_end_round_trip(wanted: Callable[[object], object]) -> None:
    """How a session ended survives the database; nothing is made of nothing."""
    end = End("TIMEOUT", "The time limit of the session was reached.", 5.0)
    state = wanted({"state": end.state, "sentence": end.sentence, "at": end.at})
    assert End.from_state(state) == (end if state else None)


# --- the launcher's report ----------------------------------------------------------------------------------------------------


def test_the_same_port_again() -> None:
    """The answer to a report may be lost: the same port again is taken, before and after the session is ready; another one is not."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        assert server.session is not None
        assert server.session.listens_on(40000)
        assert not server.session.listens_on(40001)
        await start
        assert server.ready
        assert server.session.listens_on(40000)
        assert not server.session.listens_on(40001)
        assert server.session.endpoint == ("127.0.1.1", 40000)

    virtually(scenario)


def test_a_report_that_was_answered_is_not_needed_again() -> None:
    """The Hub is killed right after it answered the launcher, which will not report again: the next Hub knows the port."""

    async def scenario() -> None:
        server = make_server()
        server.task = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        server.hub_dies()
        await asyncio.sleep(5)
        assert json.loads(server.database)["port"] == 40000
        assert json.loads(server.database)["node"] == ""
        await server.hub_comes_back()
        assert server.ready
        assert server.session is not None
        assert server.session.endpoint == ("127.0.1.1", 40000)
        assert jobs_of(server) == [job]

    virtually(scenario)


def test_no_report_without_a_start() -> None:
    """A session that waits for no report takes none."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await run_and_listen(server)
        await start
        session = server.session
        assert session is not None
        await server.stop()
        assert session.endpoint is None
        assert not session.listens_on(40001)

    virtually(scenario)


# --- what the job's owner can do to it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("comment", ["", "mine", "jupyterhub:jupyterhub:ada::0000000000000000"])
def test_another_comment_does_not_hide_the_job(comment: str) -> None:
    """The owner may write another comment on the job; Stop ends it all the same, and no other job of theirs."""

    async def scenario() -> None:
        server = make_server()
        decoy = server.slurm.make_job("ada", state="RUNNING")
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        job.comment = comment
        await server.stop()
        assert server.slurm.cancelled == [job.job_id]
        assert decoy.active

    virtually(scenario)


def test_a_recycled_id_is_not_cancelled() -> None:
    """Another job of the same user that has the id of ours by now, without our nonce, is not ours to cancel."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        await asyncio.sleep(60)
        del server.slurm.jobs[job.job_id]
        other = server.slurm.make_job("ada", "mine", "RUNNING", job.job_id)
        await server.stop()
        assert other.active
        assert server.slurm.cancelled == []

    virtually(scenario)


# --- a long way to Slurm and back -----------------------------------------------------------------------------------------------


def test_an_sbatch_that_ran_long() -> None:
    """The time for which an order may linger counts from sbatch's end: the job that appears 40 s after our time limit is found."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.troubles.append(Trouble("sbatch", hangs=True))
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.01)
        nonce = server.nonce
        await asyncio.sleep(SUBMIT_TIMEOUT_SECONDS + 40)
        job = server.slurm.make_job("ada", Tag("jupyterhub", "ada", "", nonce).comment)
        await asyncio.sleep(20)
        assert server.session is not None
        assert server.session.record.job_id == job.job_id
        await run_and_listen(server)
        await start
        assert server.ready

    virtually(scenario)


def test_an_sbatch_that_outlives_the_hub() -> None:
    """The Hub is killed, its sbatch tries on for two minutes: the next Hub waits for its end before it says that there is no job."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.delay = 120
        server.task = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.01)
        server.hub_dies()
        await asyncio.sleep(1)
        come_back = asyncio.ensure_future(server.hub_comes_back())
        await asyncio.sleep(110)
        server.slurm.delay = 0.03
        assert not come_back.done()
        await asyncio.sleep(30)
        (job,) = jobs_of(server)
        assert server.session is not None
        assert server.session.record.job_id == job.job_id
        server.slurm.run_job(job)
        assert server.session.listens_on(40000)
        await come_back
        assert server.ready

    virtually(scenario)


@pytest.mark.parametrize("restarted", [False, True])
def test_nodes_that_cannot_be_read_when_the_server_listens(restarted: bool) -> None:
    """Where the node's address is not known yet, the start goes on until it is; the healthy job is kept."""

    async def scenario() -> None:
        server = make_server()
        server.task = start = asyncio.ensure_future(server.start())
        await asyncio.sleep(2)
        if restarted:
            server.hub_dies()
            await asyncio.sleep(2)
            start = asyncio.ensure_future(server.hub_comes_back())
            await asyncio.sleep(2)
        server.slurm.troubles.append(Trouble("scontrol", "slurm_load_node error: Socket timed out", times=10))
        job = await run_and_listen(server)
        await asyncio.sleep(20)
        assert not start.done()
        assert server.session is not None
        assert server.session.unknown_since is not None
        server.slurm.troubles.clear()
        await start
        assert server.ready
        assert job.active

    virtually(scenario)


@pytest.mark.parametrize("answers", [True, False])
def test_a_report_before_slurm_says_that_the_job_runs(answers: bool) -> None:
    """The port is known and the job not seen to run: Slurm is asked as often as before, not all the time."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(30)
        assert server.session is not None
        server.slurm.answers = answers
        assert server.session.listens_on(40000)
        asked = len(server.slurm.commands)
        await asyncio.sleep(60)
        assert len(server.slurm.commands) - asked <= 12
        server.slurm.answers = True
        (job,) = jobs_of(server)
        server.slurm.run_job(job)
        await start
        assert server.ready

    virtually(scenario)


@pytest.mark.parametrize("number", [1, 50])
def test_commands_of_stops_that_slurm_does_not_hear(number: int) -> None:
    """Many who stop while Slurm is away ask no more often than one does."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        cluster = make_cluster(slurm)
        servers = [Server(slurm, cluster, f"user{index}") for index in range(number)]
        starts = [asyncio.ensure_future(server.start()) for server in servers]
        for server in servers:
            await run_and_listen(server, 0.5)
        await asyncio.gather(*starts)
        slurm.answers = False
        stops = [asyncio.ensure_future(server.stop()) for server in servers]
        await asyncio.sleep(60)
        asked = len(slurm.commands)
        await asyncio.sleep(600)
        assert len(slurm.commands) - asked <= 12 * 10
        slurm.answers = True
        await asyncio.gather(*stops)
        assert not [job for job in slurm.jobs.values() if job.active]

    virtually(scenario)


def test_a_job_that_runs_again_on_the_same_node() -> None:
    """Requeued and started again between two looks: its kernels are lost, so the session is over and the job given back."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        job = await run_and_listen(server)
        await start
        await asyncio.sleep(100)
        job.submit = int(server.slurm.now())
        await asyncio.sleep(20)
        await server.poll()
        assert not server.ready
        assert not job.active

    virtually(scenario)


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
