"""What a session says while it starts, fails and is stopped: the waiting page's messages, the user's sentences, the admin's log."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import replace
from typing import Any

import pytest

from spawner.availability.queue_position import QueuePosition
from spawner.errors import NotStored, ResourceFormError, SessionFailed, SlurmRefused, SlurmUnavailable
from spawner.session.record import End, Limits, Record
from spawner.session.session import Session
from spawner.session.status import Server as StatusServer
from spawner.session.status_text import Charge
from spawner.slurm.model import Job
from tests.support.fake_slurm import EPOCH, FakeSlurm, Trouble
from tests.support.session_rig import LOG, Server, jobs_of, make_cluster, make_server, run_and_listen, virtually


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The session's own lines of the log."""
    found = [record.getMessage() for record in caplog.records if record.name == LOG.name]
    return [re.sub(r"reference=[0-9a-f]{8}\b", "reference=R", line) for line in found]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Also what is for information only."""
    caplog.set_level(logging.INFO, LOG.name)


def session_of(server: Server) -> Session:
    """The session of the server, which has one."""
    assert server.session is not None
    return server.session


async def waits(server: Server) -> asyncio.Task[None]:
    """A start whose job has been seen in the queue."""
    start = asyncio.ensure_future(server.start())
    await asyncio.sleep(3)
    return start


# --- a start ----------------------------------------------------------------------------------------------------------------------


def test_a_start_that_nothing_disturbs() -> None:
    """From the queue to the node, each step once; a start puts nothing into the log."""

    async def scenario() -> None:
        server = make_server()
        start = await waits(server)
        await run_and_listen(server, 5)
        await start
        assert list(dict.fromkeys((message.progress, message.text) for message in session_of(server).progress.messages)) == [
            (25, "Job 100 waits in the queue. Other jobs are ahead of yours."),
            (60, "Job 100 runs on g001. The server is starting."),
            (95, "The server answers on g001"),
        ]
        record = session_of(server).record
        assert (record.submitted, record.queued_at, record.node, record.address, record.port) == (EPOCH, EPOCH, "g001", "127.0.1.1", 40000)

    virtually(scenario)


@pytest.mark.parametrize(
    ("state", "progress", "text"),
    [
        pytest.param("CONFIGURING", 40, "The node is being made ready", id="made-ready"),
        pytest.param("RUNNING", 60, "Job 100 runs on g001. The server is starting.", id="runs"),
        pytest.param("SUSPENDED", 60, "Job 100: The session is suspended. Ask the administrators.", id="suspended"),
        pytest.param("STOPPED", 60, "Job 100: The session is suspended. Ask the administrators.", id="stopped-by-a-signal"),
        pytest.param("COMPLETING", 30, "Job 100 is ending", id="ending"),
        pytest.param("NEWSTATE", 30, "Job 100 is in a state that is not known here: NEWSTATE", id="not-known-here"),
    ],
)
def test_how_far_a_start_has_come(state: str, progress: int, text: str) -> None:
    """By the state of its job; the page is told of the job as well."""

    async def scenario() -> None:
        server = make_server()
        start = await waits(server)
        (job,) = jobs_of(server)
        job.state, job.reason, job.host = state, "None", "g001"
        await asyncio.sleep(10)
        latest = session_of(server).progress.latest
        assert (latest.progress, latest.text) == (progress, text)
        assert (latest.details["job_id"], latest.details["slurm_state"]) == (100, state)
        start.cancel()
        await asyncio.wait({start})

    virtually(scenario)


def test_a_start_of_which_slurm_never_told_anything() -> None:
    """It has come as far as the queue at least, for all that is known."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.05)
        server.slurm.answers = False
        await asyncio.sleep(20)
        assert session_of(server).progress.messages[0].progress == 20
        server.slurm.answers = True
        start.cancel()
        await asyncio.wait({start})

    virtually(scenario)


def test_a_start_while_slurm_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    """Since when, on the page and once in the log; how far the start had come stays."""

    async def scenario() -> None:
        server = make_server()
        start = await waits(server)
        server.slurm.answers = False
        await asyncio.sleep(300)
        latest = session_of(server).progress.latest
        assert latest.progress == 25
        assert latest.text.startswith("Slurm has not answered since ")
        assert latest.text.endswith(". The session is kept; nothing has to be done.")
        assert latest.details["state"] == "unknown"
        start.cancel()
        server.slurm.answers = True
        await asyncio.wait({start})

    virtually(scenario)
    assert len([line for line in lines(caplog) if line.startswith("What became of the job of ada: is not known: ")]) <= 1


@pytest.mark.parametrize(
    ("runs", "sentence", "label", "log"),
    [
        pytest.param(False, "The job waited in the queue for too long and was cancelled. Ask for less, or try later.", "queue_timeout", "job 100 of ada:: QUEUE_TIMEOUT", id="in-the-queue"),
        pytest.param(True, "The server did not come up in time. The log of the session says more.", "listen_timeout", "job 100 of ada:: LISTEN_TIMEOUT", id="on-the-node"),
    ],
)  # fmt: skip
def test_a_start_that_takes_too_long(runs: bool, sentence: str, label: str, log: str) -> None:
    """What the user is told, and the admin."""

    async def scenario() -> None:
        server = make_server(Limits(queue=100, listen=100))
        start = await waits(server)
        if runs:
            server.slurm.run_job(jobs_of(server)[0])
        session = session_of(server)
        await start
        assert isinstance(server.error, SessionFailed)
        assert (server.error.sentence, server.error.label, server.error.log) == (sentence, label, log)
        assert session.end is not None
        assert (session.end.state, session.end.sentence) == (label.upper(), sentence)

    virtually(scenario)


@pytest.mark.parametrize(
    ("state", "reason", "sentence", "log"),
    [
        pytest.param("FAILED", "NonZeroExitCode", "The server could not run: its job failed.", "job 100 of ada:: FAILED (NonZeroExitCode)", id="failed"),
        pytest.param("PENDING", "PartitionTimeLimit", "The job can never start: The time asked for is longer than the partition allows. Choose a shorter time.", "job 100 of ada:: NEVER_STARTS (PartitionTimeLimit)", id="never-starts"),
        pytest.param("REQUEUE_HOLD", "held", "The job can never start: It is on hold. Ask the administrators.", "job 100 of ada:: NEVER_STARTS (held)", id="held"),
    ],
)  # fmt: skip
def test_a_start_that_fails(state: str, reason: str, sentence: str, log: str) -> None:
    """Slurm's own word is for the admin."""

    async def scenario() -> None:
        server = make_server()
        start = await waits(server)
        (job,) = jobs_of(server)
        job.state, job.reason = state, reason
        await start
        assert isinstance(server.error, SessionFailed)
        assert (server.error.sentence, server.error.log) == (sentence, log)

    virtually(scenario)


# --- what was submitted, or not ------------------------------------------------------------------------------------------------------


def test_nothing_is_submitted_that_cannot_be_stored() -> None:
    """The user is told to try again, the admin why; nothing is left of the session."""

    async def scenario() -> None:
        server = make_server()
        server.database_fails = True
        session = server._session()
        with pytest.raises(NotStored) as refused:
            await session.submit("n", ("sbatch",), "", {}, (await server.cluster.member("ada")).identity)
        assert refused.value.sentence == "The service cannot store your session at the moment. Nothing was submitted; try again later."
        assert refused.value.log == "the nonce of ada: could not be stored: database or disk is full"
        assert session.end is not None
        assert (session.end.state, session.end.sentence) == ("NOT_SUBMITTED", "The job was not submitted.")
        assert (session.record, session.submission_task) == (Record(), None)

    virtually(scenario)


@pytest.mark.parametrize("trouble", ["drop_orders", "lose_replies"])
def test_an_order_that_is_not_confirmed(trouble: str, caplog: pytest.LogCaptureFixture) -> None:
    """The page says what is being done; the log says what Slurm said, and what came of it."""

    async def scenario() -> tuple[ResourceFormError | None, Session]:
        server = make_server()
        setattr(server.slurm, trouble, 1)
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(2 if trouble == "drop_orders" else 0.05)
        session = session_of(server)
        assert (session.progress.messages[0].progress, session.progress.messages[0].text) == (
            10,
            "Slurm did not confirm the job. Asking whether it exists.",
        )
        await asyncio.sleep(1)
        if trouble == "lose_replies":
            await run_and_listen(server)
        await start
        return server.error, session

    error, session = virtually(scenario)
    first, *others = [line for line in lines(caplog) if "not confirm" in line or "exist" in line]
    assert first.startswith("Slurm did not confirm the job of ada: (")
    assert first.endswith("); asking whether it exists")
    if trouble == "lose_replies":
        assert (error, others) == (None, ["The job of ada: exists all the same: 100"])
        assert (session.record.job_id, session.record.queued_at) == (100, EPOCH)
    else:
        assert isinstance(error, SlurmUnavailable)
        assert error.sentence == "Slurm does not take jobs at the moment. Nothing was submitted; try again later."
        assert error.log in first
        assert error.stderr.strip() == "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
        assert others == ["The job of ada: does not exist: nothing was submitted"]
        assert session.end is not None
        assert (session.end.state, session.end.sentence, session.record.nonce) == ("NOT_SUBMITTED", "The job was not submitted.", "")


def test_what_sbatch_is_handed() -> None:
    """The command, the script on its standard input, the environment, and as whom it runs."""

    async def scenario() -> None:
        server = make_server()
        seen: dict[str, Any] = {}
        run = server.slurm.run

        async def watched(argv: tuple[str, ...], **options: Any) -> Any:
            if argv[0] == "sbatch":
                seen.update(options, argv=argv)
            return await run(argv, **options)

        server.slurm.run = watched  # type: ignore[method-assign,assignment]
        identity = (await server.cluster.member("ada")).identity
        await server._session().submit("n", ("sbatch", "--comment=x"), "#!/bin/sh\ntrue\n", {"A": "1"}, identity)
        assert (seen["argv"], seen["stdin"], seen["identity"]) == (("sbatch", "--comment=x"), "#!/bin/sh\ntrue\n", identity)
        assert seen["environment"]["A"] == "1"

    virtually(scenario)


def test_what_a_taken_job_is_noted_with_is_stored_with_its_id() -> None:
    """Once, after Slurm has the job and before its id is durable; never for a job that was refused."""

    async def scenario() -> None:
        server = make_server()
        session, identity = server._session(), (await server.cluster.member("ada")).identity
        noted: list[int] = []

        def taken() -> None:
            noted.append(json.loads(server.database)["job_id"])

        server.slurm.refuse = 1
        with pytest.raises(SlurmRefused):
            await session.submit("n", ("sbatch", "--comment=x"), "", {}, identity, taken=taken)
        assert noted == []
        server = make_server()
        session = server._session()
        job_id = await session.submit("n", ("sbatch", "--comment=x"), "", {}, identity, taken=taken)
        assert noted == [0]
        assert json.loads(server.database)["job_id"] == job_id

    virtually(scenario)


def test_the_own_job_in_the_list() -> None:
    """None before Slurm was asked, and none where the id was somebody else's or an older job's; its row otherwise."""

    async def scenario() -> None:
        server = make_server()
        session, identity = server._session(), (await server.cluster.member("ada")).identity
        job_id = await session.submit("n", ("sbatch", "--comment=jupyterhub:jupyterhub:ada::n"), "", {}, identity)
        job = server.slurm.jobs[job_id]
        session.remember(queued_at=job.submit)
        assert session.listed_job() is None
        listed = (await server.cluster.jobs.get()).value
        assert session.listed_job() is listed[job_id]
        for user, submit in (("grace", job.submit), ("ada", job.submit - 1)):
            listed[job_id] = replace(listed[job_id], user=user, submit=submit)
            assert session.listed_job() is None

    virtually(scenario)


def test_a_refusal_is_an_end() -> None:
    """Nothing was submitted, and the nonce that was stored is taken out again."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.refuse = 1
        session = server._session()
        with pytest.raises(SlurmRefused):
            await session.submit("n", ("sbatch", "--comment=x"), "", {}, (await server.cluster.member("ada")).identity)
        assert session.end is not None
        assert (session.end.state, session.end.sentence) == ("NOT_SUBMITTED", "The job was not submitted.")
        assert server.database == "{}"
        assert await session.poll() == 0

    virtually(scenario)


@pytest.mark.parametrize("seconds", [60.0, 200.0])
def test_how_long_a_job_is_looked_for(seconds: float) -> None:
    """MessageTimeout and a minute after sbatch's end, and not before two answers lacked it."""

    async def scenario() -> tuple[float, list[float]]:
        server = make_server()
        server.slurm.drop_orders = 1
        if seconds > 70:
            server.slurm.troubles.append(Trouble("squeue", "slurm_load_jobs error: Socket timed out", times=1000))
            asyncio.get_running_loop().call_later(seconds, server.slurm.troubles.clear)
        await server.start()
        answers = [moment for moment, name in server.slurm.commands if name == "squeue" and moment > seconds]
        return asyncio.get_running_loop().time(), answers

    took, answers = virtually(scenario)
    if seconds < 70:
        assert 70 < took < 76
    else:
        assert len(answers) == 2
        assert took == pytest.approx(answers[-1], abs=0.1)


# --- what is known ------------------------------------------------------------------------------------------------------------------


def test_a_state_that_cannot_be_stored(caplog: pytest.LogCaptureFixture) -> None:
    """It is known all the same, and the log says what would be lost."""

    async def scenario() -> None:
        server = make_server()
        session = server._session()
        server.database_fails = True
        session.remember(port=40000)
        assert session.record.port == 40000

    virtually(scenario)
    assert lines(caplog) == [
        "The state of ada: could not be stored: database or disk is full. If the Hub stops before it is, the sweep finds the job."
    ]


def test_the_first_end_stays() -> None:
    """Whoever notices another one is told the first; it is of the moment at which it was noticed."""

    async def scenario() -> None:
        server = make_server()
        session = server._session(Record(nonce="n"))
        await asyncio.sleep(7)
        first = session.set_end("TIMEOUT", "The time was up.")
        assert first == End("TIMEOUT", "The time was up.", EPOCH + 7, reference=session.reference)
        assert session.set_end("CANCELLED", "It was cancelled.") is first is session.end
        assert "n" in server.cluster.ended

    virtually(scenario)


def test_silence_counts_from_its_first_moment(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, with Slurm's own words."""

    async def scenario() -> None:
        session = make_server()._session()
        session.note_silence(SlurmUnavailable("x", log="connect failure"))
        await asyncio.sleep(5)
        session.note_silence(SlurmUnavailable("x", log="another failure"))
        assert session.unknown_since == EPOCH

    virtually(scenario)
    assert lines(caplog) == ["What became of the job of ada: is not known: connect failure"]


def test_how_a_session_stands() -> None:
    """All that it knows of itself is told; what the caller knows of Slurm's silence counts where it knows nothing itself."""

    async def scenario() -> None:
        session = make_server()._session(Record(nonce="n", job_id=7, submitted=EPOCH - 60.0, stopping=True))
        session.usage_factor, session.expected = 2.0, EPOCH + 60.0
        found = session.status(silent_since=EPOCH - 5.0)
        assert (found.server, found.state, found.job_id, found.unknown_since) == (StatusServer("ada"), "stopping", 7, EPOCH - 5)
        session.unknown_since = EPOCH - 9.0
        assert session.status(silent_since=EPOCH - 5.0).unknown_since == EPOCH - 9
        named = StatusServer("ada", "second")
        assert session.status(server=named).server is named
        session.end = End("CANCELLED", "Stopped.", EPOCH)
        assert session.status().kind == "finished"

        waiting = make_server()._session(Record(nonce="n", job_id=7))
        waiting.usage_factor, waiting.expected = 2.0, EPOCH + 60.0
        job = Job(7, "ada", "PENDING", reason="Priority", tres="cpu=1,billing=10")
        found = waiting.status(job, {7: QueuePosition(1, 2)}, counts_use=False)
        assert (found.position, found.estimate, found.cost) == (QueuePosition(1, 2), EPOCH + 60, Charge(20.0, None))

    virtually(scenario)


def test_the_log_of_a_slow_start_is_not_taken_back() -> None:
    """It stays with the same text, and goes with another one."""

    async def scenario() -> None:
        session = make_server()._session(Record(nonce="n"))
        session.say(60, "It starts.")
        session.progress.say(60, "It starts.", **{**session.progress.latest.details, "log": ["line"]})
        session.record = Record(nonce="n", job_id=7)
        session.say(60, "It starts.")
        assert (session.progress.latest.details["log"], session.progress.latest.details["job_id"]) == (["line"], 7)
        session.say(60, "It goes on.")
        assert "log" not in session.progress.latest.details
        session.say(60, "It goes on.")
        assert "log" not in session.progress.latest.details

    virtually(scenario)


# --- the launcher's report ------------------------------------------------------------------------------------------------------------


def test_a_report_is_stored_before_it_is_answered() -> None:
    """The same port again is taken, another one is not."""

    async def scenario() -> None:
        server = make_server()
        session = server._session(Record(nonce="n", job_id=7))
        assert session.listens_on(40000)
        assert '"port": 40000' in server.database
        assert session.listens_on(40000)
        assert not session.listens_on(40001)
        assert session.record.port == 40000

    virtually(scenario)


@pytest.mark.parametrize(
    ("record", "endpoint"),
    [
        (Record(nonce="n", address="10.0.0.1", port=40000), ("10.0.0.1", 40000)),
        (Record(nonce="n", address="10.0.0.1"), None),
        (Record(nonce="n", port=40000), None),
        (Record(nonce="n", address="10.0.0.1", port=40000, stopping=True), None),
    ],
)
def test_where_a_server_is(record: Record, endpoint: tuple[str, int] | None) -> None:
    """Once both are known, and not any more once a stop was begun."""

    async def scenario() -> None:
        assert make_server()._session(record).endpoint == endpoint

    virtually(scenario)


def test_whether_a_server_may_listen() -> None:
    """Not while the job waits, as Slurm says when it is asked anew; in doubt it may."""

    async def scenario() -> None:
        server = make_server()
        start = await waits(server)
        session, (job,) = session_of(server), jobs_of(server)
        assert not session.has_asked_for_report
        assert not await session.may_listen()
        assert session.has_asked_for_report
        server.slurm.hang = True
        begun = asyncio.get_running_loop().time()
        assert await session.may_listen(), "the list is old"
        assert asyncio.get_running_loop().time() - begun <= 5
        server.slurm.hang = False
        await asyncio.sleep(300)
        server.slurm.run_job(job)
        assert await session.may_listen()
        start.cancel()
        await asyncio.wait({start})

    virtually(scenario)


def test_a_stop_for_idle_gpus_is_remembered() -> None:
    """Its user is told also by the next Hub; 0 takes it back."""

    async def scenario() -> None:
        server = make_server()
        session = server._session(Record(nonce="n", job_id=7))
        session.stops_because_of_idle_gpus(90)
        assert session.record.idle_minutes == 90
        assert "90" in server.database
        session.stops_because_of_idle_gpus(0)
        assert session.record.idle_minutes == 0

    virtually(scenario)


# --- its end -----------------------------------------------------------------------------------------------------------------------------


async def ready(server: Server) -> tuple[Session, Any]:
    """A session that runs, and its job."""
    start = asyncio.ensure_future(server.start())
    job = await run_and_listen(server)
    await start
    return session_of(server), job


@pytest.mark.parametrize(
    ("change", "status", "line", "end"),
    [
        pytest.param({"state": "COMPLETED", "reason": "None"}, 0, None, "The server ended by itself.", id="by-itself"),
        pytest.param({"state": "TIMEOUT", "reason": "TimeLimit"}, 1, None, "The time limit of the session was reached.", id="time-limit"),
        pytest.param({"state": "PENDING", "host": "n/a"}, 1, "session requeued user=ada job_id=100 reference=R state=PENDING log=\"requeued or moved; it is cancelled\"", "The job was put back into the queue, and what ran in it was lost.", id="requeued"),
    ],
)  # fmt: skip
def test_an_end_that_a_poll_finds(
    change: dict[str, str], status: int, line: str | None, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the job and its session, unless the line of the end follows; the user has a sentence."""

    async def scenario() -> None:
        server = make_server()
        session, job = await ready(server)
        for name, value in change.items():
            setattr(job, name, value)
        server.cluster.jobs.expire()
        assert await session.poll() == status
        assert session.end is not None
        assert session.end.sentence == end

    virtually(scenario)
    others = [found for found in lines(caplog) if "submitted" not in found and " stage " not in found]
    assert others == ([line] if line else []) or line in others


def test_a_job_that_moved_while_slurm_does_not_take_the_order() -> None:
    """The session is not over before its job is cancelled; since when that is not known is noted."""

    async def scenario() -> None:
        server = make_server()
        session, job = await ready(server)
        job.state, job.host = "PENDING", "n/a"
        server.cluster.jobs.expire()
        server.slurm.troubles.append(
            Trouble("scancel", "scancel: error: Kill job error: Unable to contact slurm controller (connect failure)")
        )
        assert await session.poll() is None
        assert session.end is None
        assert session.unknown_since is not None
        server.cluster.jobs.expire()
        assert await session.poll() == 1
        assert job.state == "CANCELLED"

    virtually(scenario)


@pytest.mark.parametrize(
    ("record", "end", "status"),
    [
        pytest.param(Record(), None, 0, id="never-begun"),
        pytest.param(Record(nonce="n"), None, None, id="not-known-yet"),
        pytest.param(Record(nonce="n"), End("NOT_SUBMITTED", "No.", EPOCH), 1, id="not-submitted"),
    ],
)
def test_a_session_without_a_job(record: Record, end: End | None, status: int | None) -> None:
    """It is over where nothing was asked for, or nothing came of it."""

    async def scenario() -> None:
        server = make_server()
        session = server._session(record)
        session.end = end
        assert await session.poll() == status
        assert server.slurm.commands == []

    virtually(scenario)


def test_a_session_that_is_being_submitted_lives() -> None:
    """Whatever its record says."""

    async def scenario() -> None:
        server = make_server()
        start = asyncio.ensure_future(server.start())
        await asyncio.sleep(0.01)
        session = session_of(server)
        session.end = End("NOT_SUBMITTED", "No.", EPOCH)
        assert await session.poll() is None
        session.end = None
        start.cancel()
        await asyncio.wait({start})

    virtually(scenario)


def test_a_job_that_is_gone_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """With its number and whose it was."""

    async def scenario() -> None:
        server = make_server()
        session, job = await ready(server)
        del server.slurm.jobs[job.job_id]
        statuses = []
        for _look in range(4):
            await asyncio.sleep(30)
            statuses.append(await session.poll())
        assert statuses[0] is None
        assert statuses[-1] == 1

    virtually(scenario)
    assert "job 100 of ada:: GONE" in lines(caplog)


def test_a_stop_of_what_was_not_submitted(caplog: pytest.LogCaptureFixture) -> None:
    """It waits for sbatch's end, and there is nothing to stop."""

    async def scenario() -> None:
        server = make_server()
        server.slurm.refuse = 1
        session = server._session()
        submission = asyncio.ensure_future(
            session.submit("n", ("sbatch", "--comment=x"), "", {}, (await server.cluster.member("ada")).identity)
        )
        await asyncio.sleep(0.01)
        await session.stop()
        assert submission.done()
        assert isinstance(submission.exception(), SlurmRefused)
        assert "scancel" not in [name for _, name in server.slurm.commands]

    virtually(scenario)
    stopping, line = lines(caplog)
    assert stopping == "session stopping user=ada reference=R"
    assert line.startswith("Nothing to stop for ada:: sbatch for ada exited with 1: ")


@pytest.mark.parametrize(
    ("over", "line"), [(False, "session cancelled user=ada job_id=100 reference=R"), (True, "Job 100 of ada: is over already")]
)
def test_a_stop_is_logged(over: bool, line: str, caplog: pytest.LogCaptureFixture) -> None:
    """With what came of it; it is stored as begun before anything else, and the session counts as ended."""

    async def scenario() -> None:
        server = make_server()
        session, job = await ready(server)
        if over:
            server.slurm.end_job(job, "FAILED")
        await session.stop()
        assert session.record.stopping
        assert '"stopping": true' in server.database
        assert session.record.nonce in server.cluster.ended

    virtually(scenario)
    assert line in lines(caplog)


# --- after a restart ---------------------------------------------------------------------------------------------------------------------


def test_what_an_earlier_hub_left_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A start that is taken up, with a message of its own; a stop that is finished."""

    async def scenario() -> None:
        server = make_server()
        server.task = asyncio.ensure_future(server.start())
        await asyncio.sleep(3)
        server.hub_dies()
        await asyncio.sleep(1)
        back = asyncio.ensure_future(server.hub_comes_back())
        await asyncio.sleep(0.001)
        messages = session_of(server).progress.messages
        assert (messages[0].progress, messages[0].text) == (15, "Job 100 is submitted")
        await run_and_listen(server)
        await back
        assert server.ready
        session_of(server).remember(stopping=True)
        server.hub_dies()
        await server.hub_comes_back()
        assert not server.ready

    virtually(scenario)
    found = lines(caplog)
    assert 'session taken_up user=ada job_id=100 reference=R log="an earlier run of the Hub submitted it"' in found
    assert 'session taken_up user=ada job_id=100 reference=R log="its stop is finished, which an earlier run of the Hub began"' in found


def test_a_start_of_an_earlier_hub_that_submitted_nothing() -> None:
    """Its user is told to start again, once the job is shown not to exist."""

    async def scenario() -> None:
        session = make_server()._session(Record(nonce="n", submitted=EPOCH))
        assert await session.take_up() is None
        assert session.end is not None
        assert (session.end.state, session.end.sentence) == (
            "NOT_SUBMITTED",
            "The Hub was restarted before the job was submitted. Start again.",
        )
        assert await make_server()._session(Record()).take_up() is None

    virtually(scenario)


def test_a_start_of_an_earlier_hub_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """Its job is given back, and the log says why."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        server = Server(slurm, make_cluster(slurm), "ada", limits=Limits(queue=50))
        server.task = asyncio.ensure_future(server.start())
        await asyncio.sleep(3)
        server.hub_dies()
        await asyncio.sleep(1)
        (job,) = slurm.jobs.values()
        await server.hub_comes_back()
        assert not server.ready
        assert job.state == "CANCELLED"

    virtually(scenario)
    assert "job 100 of ada:: QUEUE_TIMEOUT" in lines(caplog)
