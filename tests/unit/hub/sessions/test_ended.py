"""Tests for spawner.hub.sessions.ended: the end of a session is taken down once, with why, and better when slurmdbd has told more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from jupyterhub import orm
from prometheus_client import REGISTRY

from spawner.cluster.job_history import FIRST_SECONDS, IDLE_SECONDS
from spawner.errors import SlurmRefused
from spawner.hub.channels import MessageSender
from spawner.hub.sessions.ended import TELL_SECONDS, history_of, record_end, refused, stop_cause
from spawner.hub.sessions.history import PastSession
from spawner.hub.sessions.past import status_of_past
from spawner.hub.state import HubState
from spawner.session.message import Message
from spawner.session.outcome import NO_ANSWER, START_TIMEOUT, STOPPED
from spawner.session.own_memory import take_peak
from spawner.session.record import End, Record
from spawner.session.session import Session
from spawner.session.status_json import as_json
from spawner.session.used import Used
from tests.support.fake_slurm import EPOCH, FakeSlurm
from tests.support.finished_jobs import row
from tests.support.message_settings import WithMessageSettings
from tests.support.past_sessions import past_sessions
from tests.support.session_rig import LOG, make_cluster, virtually

OPTIONS = {"cores": 4, "memory": "8G", "walltime": "1:00:00", "environment": {"PASSWORD": "a canary"}, "name": "My GPU", "color": "#1f77b4"}


class FakeSpawner(WithMessageSettings):
    """A user's server, with the Hub's real tables around it and the real Session in it."""

    def __init__(self, slurm: FakeSlurm, db: Any, *, record: Record | None = None) -> None:
        user = orm.User.find(db, "ada") or orm.User(name="ada")
        db.add(user)
        self.orm_spawner = orm.Spawner(name="gpu", user=user)
        db.add(self.orm_spawner)
        db.commit()
        self.db = db
        self.log = LOG
        self.cluster = make_cluster(slurm)
        self.name = "gpu"
        self.language = ""
        self.history_length, self.history_days = 100, 90
        self.start_timeout, self.http_timeout = 600, 30
        self.user_options = dict(OPTIONS)
        self.user = SimpleNamespace(name="ada", orm_user=user, spawners={"gpu": self}, settings={})
        self.last_end: End | None = None
        self.stop_reason = ""
        self.session = Session(self.cluster, "ada", keep=lambda: None, name="ada:gpu", log=LOG, record=record)
        self.session.usage_factor = 2.0

    def keep(self) -> None:
        """What JupyterHub stores when a session is over."""
        self.orm_spawner.state = {"other": 1, "last_end": asdict(self.last_end)} if self.last_end else {}
        self.db.commit()

    @property
    def past(self) -> tuple[PastSession, ...]:
        """The user's past sessions."""
        return past_sessions(history_of(self), "ada")


@pytest.fixture
def db() -> Iterator[Any]:
    """The Hub's database."""
    session = orm.new_session_factory("sqlite:///:memory:")()
    logging.getLogger().setLevel(logging.WARNING)
    yield session
    session.close()


def moments_of(slurm: FakeSlurm, number: int) -> dict[str, str]:
    """sacct's columns of a job that has just ended."""
    return {"Submit": str(slurm.jobs[number].submit), "Start": str(slurm.jobs[number].submit + 1), "End": str(int(slurm.now()))}


def running(slurm: FakeSlurm, db: Any, **more: Any) -> FakeSpawner:
    """A session that is ready."""
    job = slurm.make_job("ada")
    slurm.run_job(job)
    values = {"nonce": "a nonce", "job_id": job.job_id, "submitted": slurm.now(), "queued_at": job.submit, "node": "g001", "port": 5}
    return FakeSpawner(slurm, db, record=Record(**{**values, **more}))


async def over(slurm: FakeSlurm, spawner: FakeSpawner, state: str) -> int:
    """Its job ends, and the Hub's poller sees it; the job's id."""
    job = slurm.jobs[spawner.session.record.job_id]
    job.state = state
    spawner.cluster.jobs.expire()
    assert await spawner.session.poll() is not None
    record_end(spawner, spawner.session)
    spawner.keep()
    return job.job_id


def counted(category: str) -> float:
    """How many ends of a category the metrics have."""
    return REGISTRY.get_sample_value("jupyterhub_resource_form_ended_sessions_total", {"category": category}) or 0.0


@pytest.mark.parametrize(
    ("why", "sentence"),
    [("The node is needed.", "An administrator stopped this session: The node is needed."), ("", "An administrator stopped this session.")],
)
def test_an_administrator_stops_it(db: Any, why: str, sentence: str) -> None:
    """The user reads who it was, and why, among what others have ended; what Slurm says of the job later changes nothing of it."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        spawner.session.stops_because_of_administrator(why)
        spawner.session.remember(stopping=True)
        await over(slurm, spawner, "CANCELLED")
        (past,) = spawner.past
        assert (past.sentence, past.category, past.kind) == (sentence, "cancelled", "others")
        assert bool(past.what_to_do) is not bool(why)
        spawner.session.stops_because_of_administrator(why, does=False)
        assert (spawner.session.record.by_admin, spawner.session.record.why) == (False, "")

    virtually(scenario)


def test_an_end_is_taken_down(db: Any) -> None:
    """In the server's state and in the history, with all that is known, and without the user's variables."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        before = counted("out_of_memory")
        number = await over(slurm, spawner, "OUT_OF_MEMORY")
        record_end(spawner, spawner.session)
        assert counted("out_of_memory") - before == 1
        end = spawner.last_end
        assert end is spawner.session.end
        assert end is not None
        assert (end.category, end.kind, end.job_id, end.node) == ("out_of_memory", "others", number, "g001")
        assert (end.sentence, end.change) == ("The session ran out of memory: it had 8 GB. Ask for more.", {"memory": "16G"})
        (past,) = spawner.past
        assert (past.user, past.name, past.display_name, past.color, past.job_id) == ("ada", "gpu", "My GPU", "#1f77b4", number)
        assert (past.sentence, past.change, past.node) == (end.sentence, end.change, "g001")
        assert (past.submitted, past.started) == (slurm.jobs[number].submit, slurm.jobs[number].submit + 1)
        assert past.request["memory"] == "8G"
        assert "canary" not in str(past)
        assert past.cost is not None

    virtually(scenario)


def test_slurmdbd_tells_more(db: Any) -> None:
    """The state, the session and the history get the better sentence, in one question."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        number = await over(slurm, spawner, "OUT_OF_MEMORY")
        ended = {"State": "OUT_OF_MEMORY", "ReqMem": "8388608K", "AllocTRES": "billing=10"}
        batch = row(JobIDRaw=f"{number}.batch", State="OUT_OF_MEMORY", MaxRSS="8380000K", UID="")
        slurm.finished[number] = row(JobIDRaw=str(number), ElapsedRaw="1800", **ended, **moments_of(slurm, number)) + batch
        await asyncio.sleep(FIRST_SECONDS + 1)
        (past,) = spawner.past
        assert past.sentence == "The session ran out of memory: it used 8 of 8 GB. Ask for more."
        assert (past.used_mb, past.asked_mb, past.cost) == (8184, 8192, 10.0)
        assert spawner.last_end is not None
        assert spawner.last_end.sentence == past.sentence
        assert spawner.session.end == spawner.last_end
        db.refresh(spawner.orm_spawner)
        assert End.from_state(spawner.orm_spawner.state["last_end"]) == spawner.last_end
        assert spawner.orm_spawner.state["other"] == 1
        assert [name for _, name in slurm.commands].count("sacct") == 1

    virtually(scenario)


def test_what_it_used(db: Any) -> None:
    """What the session and the reports of GPUs said, at once; then what slurmdbd says, and the session's last word if that came late."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        assert take_peak(spawner.session, 3000)
        use = spawner.session.gpu_use
        use.gpus, use.samples, use.percent, use.minutes, use.memory_mb, use.memory_total_mb = 1, 10, 95.0, 10, 5325, 81920
        number = await over(slurm, spawner, "COMPLETED")
        known = Used(peak_mb=3000, gpus=1, gpu_percent=9.5, gpu_memory_mb=5325, gpu_memory_total_mb=81920, gpu_minutes=10)
        assert (spawner.past[0].use, spawner.last_end.use if spawner.last_end else None) == (known, known)
        assert take_peak(spawner.session, 3174)
        ended = {"State": "COMPLETED", "AllocTRES": "cpu=4,billing=10", "TotalCPU": "12:00.500", **moments_of(slurm, number)}
        batch = row(JobIDRaw=f"{number}.batch", MaxRSS="2048000K", UID="")
        slurm.finished[number] = row(JobIDRaw=str(number), ElapsedRaw="1800", **ended) + batch
        await asyncio.sleep(IDLE_SECONDS + 1)
        known = replace(known, peak_mb=3174, cpu_seconds=720.5, cores=4, seconds=1800)
        (past,) = spawner.past
        assert (past.use, past.used_mb) == (known, 2000)
        db.refresh(spawner.orm_spawner)
        end = End.from_state(spawner.orm_spawner.state["last_end"])
        assert end is not None
        assert end == spawner.last_end
        assert end.use == known
        own, others = (as_json(status_of_past(past, "/hub/", own=own))["used"] for own in (True, False))
        assert (own["memory_mb"], own["memory_by"], own["cpu_seconds"]) == (3174, "session", 720.5)
        assert (others["memory_mb"], others["memory_by"], others["cpu_seconds"]) == (2000, "slurm", 720.5)
        assert others["sentence"].startswith("Used 2 ")

    virtually(scenario)


def test_nothing_is_known_of_what_it_used(db: Any) -> None:
    """Then nothing is said of it."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        await over(slurm, spawner, "COMPLETED")
        (past,) = spawner.past
        assert past.use is None
        assert as_json(status_of_past(past, "/hub/"))["used"] is None

    virtually(scenario)


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (0, ["An administrator cancelled the job."]),
        (1001, []),
        (None, ["The job was cancelled."]),
    ],
    ids=["by root", "by its user", "nobody knows"],
)
def test_who_did_not_stop_it_is_told(db: Any, by: int | None, told: list[str]) -> None:
    """Once, with what slurmdbd says of the reason; after half a minute without. Who has cancelled their own job knows."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        spawner.message_command = ("/bin/tell",)
        sent: list[Message] = []
        sender: Any = SimpleNamespace(send=lambda message, _channels: sent.append(message))
        HubState.of(spawner).part(MessageSender, lambda: sender)  # type: ignore[arg-type]
        number = await over(slurm, spawner, "CANCELLED")
        assert sent == []
        if by is not None:
            slurm.finished[number] = row(JobIDRaw=str(number), State=f"CANCELLED by {by}", UID="1001", **moments_of(slurm, number))
        await asyncio.sleep(TELL_SECONDS + 1)
        texts = [message.text for message in sent]
        assert len(texts) == len(told)
        assert all(f" {sentence} " in text for text, sentence in zip(texts, told, strict=True))
        await asyncio.sleep(3600)
        assert len(sent) == len(told)

    virtually(scenario)


def test_the_message_of_a_server_that_was_deleted_meanwhile(db: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It says what the list of past sessions calls it, and asks the Hub's database nothing."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        spawner.message_command = ("/bin/tell",)
        sent: list[Message] = []
        sender: Any = SimpleNamespace(send=lambda message, _channels: sent.append(message))
        HubState.of(spawner).part(MessageSender, lambda: sender)  # type: ignore[arg-type]
        await over(slurm, spawner, "CANCELLED")
        db.delete(spawner.orm_spawner)
        db.commit()
        await asyncio.sleep(TELL_SECONDS + 1)
        assert [(message.display_name, message.subject) for message in sent] == [("My GPU", "My GPU has ended")]

    virtually(scenario)
    assert "Traceback" not in caplog.text


@pytest.fixture
def writes(db: Any) -> Iterator[list[str]]:
    """One entry for each transaction that has changed something."""
    done: list[str] = []
    under_way: list[str] = []

    def statement(_connection: Any, _cursor: Any, text: str, *_rest: Any) -> None:
        if text.startswith(("INSERT", "UPDATE", "DELETE", "CREATE")):
            under_way.append(text)

    def commit(_connection: Any) -> None:
        if under_way:
            done.append(" / ".join(under_way))
            under_way.clear()

    sa.event.listen(db.get_bind(), "before_cursor_execute", statement)
    sa.event.listen(db.get_bind(), "commit", commit)
    yield done
    sa.event.remove(db.get_bind(), "before_cursor_execute", statement)
    sa.event.remove(db.get_bind(), "commit", commit)


def test_one_write_for_each_thing_that_happens(db: Any, writes: list[str]) -> None:
    """That it is over, in the history and among what makes no other session; what slurmdbd tells, in the history and the state. Who
    looks at it writes nothing.
    """

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db, nonce=f"{EPOCH:x}.0.0.0.0")
        job = slurm.jobs[spawner.session.record.job_id]
        assert spawner.past == ()
        writes.clear()
        job.state = "CANCELLED"
        spawner.cluster.jobs.expire()
        for _ in range(3):
            assert await spawner.session.poll() is not None
            record_end(spawner, spawner.session)
        assert len(writes) == 1
        assert "resource_form_sessions" in writes[0]
        assert "resource_form_over" in writes[0]
        spawner.keep()
        writes.clear()
        slurm.finished[job.job_id] = row(JobIDRaw=str(job.job_id), State="CANCELLED by 0", **moments_of(slurm, job.job_id))
        await asyncio.sleep(FIRST_SECONDS + 1)
        assert len(writes) == 1
        assert "UPDATE resource_form_sessions" in writes[0]
        assert "UPDATE spawners" in writes[0]
        assert [past.category for past in spawner.past] == ["cancelled"]
        assert len(writes) == 1

    virtually(scenario)


@pytest.mark.parametrize(("by", "category"), [(0, "cancelled"), (1001, "stopped")])
def test_who_cancelled_it(db: Any, by: int, category: str) -> None:
    """An administrator, or the user with scancel."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        number = await over(slurm, spawner, "CANCELLED")
        assert [(past.category, past.sentence) for past in spawner.past] == [("cancelled", "The job was cancelled.")]
        slurm.finished[number] = row(JobIDRaw=str(number), State=f"CANCELLED by {by}", **moments_of(slurm, number))
        await asyncio.sleep(FIRST_SECONDS + 1)
        assert [past.category for past in spawner.past] == [category]
        assert spawner.last_end is not None
        assert spawner.last_end.category == category

    virtually(scenario)


def test_stopped(db: Any) -> None:
    """A session that was stopped has an end too; slurmdbd is asked what it used, and not soon."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        record_end(spawner, spawner.session)
        assert spawner.last_end is None
        assert spawner.past == ()
        await spawner.session.stop()
        record_end(spawner, spawner.session)
        spawner.keep()
        (past,) = spawner.past
        assert (past.category, past.kind, past.state) == ("stopped", "finished", STOPPED)
        assert past.sentence == "The session was stopped from JupyterHub."
        number = past.job_id
        slurm.finished[number] = row(JobIDRaw=str(number), State="CANCELLED by 1001", **moments_of(slurm, number)) + row(
            JobIDRaw=f"{number}.batch", State="CANCELLED", MaxRSS="2048K", UID=""
        )
        await asyncio.sleep(IDLE_SECONDS / 2)
        assert "sacct" not in [name for _, name in slurm.commands]
        await asyncio.sleep(IDLE_SECONDS)
        assert [(entry.category, entry.used_mb) for entry in spawner.past] == [("stopped", 2)]

    virtually(scenario)


def test_never_twice(db: Any) -> None:
    """Polled again, stopped, forgotten, and found again by the next Hub: one row, one question."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        number = await over(slurm, spawner, "FAILED")
        for _ in range(3):
            record_end(spawner, spawner.session)
        record = spawner.session.record
        again = FakeSpawner(slurm, db, record=record)
        again.cluster = spawner.cluster
        again.session.end = End("FAILED", "It failed.", slurm.now())
        record_end(again, again.session)
        assert len(again.past) == 1
        slurm.finished[number] = row(JobIDRaw=str(number), State="FAILED", ExitCode="3:0", **moments_of(slurm, number))
        await asyncio.sleep(3600)
        assert [past.sentence for past in again.past] == ["The server ended with exit code 3."]
        assert [name for _, name in slurm.commands].count("sacct") == 1

    virtually(scenario)


def test_another_session_meanwhile(db: Any) -> None:
    """Once the server runs again, or another session has ended there, what is told of the earlier one changes the history alone."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        number = await over(slurm, spawner, "CANCELLED")
        newer = End("TIMEOUT", "The time was up.", slurm.now() + 1, "time_limit", "finished")
        current = SimpleNamespace(last_end=None)
        spawner.user.spawners["gpu"] = current
        spawner.orm_spawner.state = {"last_end": asdict(newer), "session": {"nonce": "of the next"}}
        db.commit()
        slurm.finished[number] = row(JobIDRaw=str(number), State="CANCELLED by 0", **moments_of(slurm, number))
        await asyncio.sleep(FIRST_SECONDS + 1)
        assert [past.sentence for past in spawner.past] == ["An administrator cancelled the job."]
        assert current.last_end is None
        assert spawner.orm_spawner.state == {"last_end": asdict(newer), "session": {"nonce": "of the next"}}

    virtually(scenario)


def test_the_server_is_gone_meanwhile(db: Any) -> None:
    """A named server that was removed: the history is told."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        number = await over(slurm, spawner, "CANCELLED")
        spawner.user.spawners.clear()
        db.delete(spawner.orm_spawner)
        db.commit()
        slurm.finished[number] = row(JobIDRaw=str(number), State="CANCELLED by 0", **moments_of(slurm, number))
        await asyncio.sleep(FIRST_SECONDS + 1)
        assert [past.category for past in spawner.past] == ["cancelled"]

    virtually(scenario)


def test_somebody_elses_job_of_the_same_id(db: Any) -> None:
    """An id that was used again, before ours was: what became of that job is not ours."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        number = await over(slurm, spawner, "FAILED")
        slurm.finished[number] = row(JobIDRaw=str(number), State="OUT_OF_MEMORY", Submit="10")
        await asyncio.sleep(3600)
        assert [past.category for past in spawner.past] == ["server_exit"]

    virtually(scenario)


def test_no_database(db: Any) -> None:
    """A table that cannot be written costs nobody the sentence, nor the stop."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner = running(slurm, db)
        spawner.history_length = -1
        await over(slurm, spawner, "TIMEOUT")
        assert spawner.last_end is not None
        assert spawner.last_end.change == {"walltime": "02:00:00"}
        assert spawner.past == ()

    virtually(scenario)


def test_a_refused_job(db: Any) -> None:
    """A session that Slurm did not take is one that never started, with Slurm's reason."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop(), refuse=1)
        spawner = FakeSpawner(slurm, db)
        identity = (await spawner.cluster.member("ada")).identity
        with pytest.raises(SlurmRefused) as caught:
            await spawner.session.submit("a nonce", ("sbatch", "--comment=x"), "#!/bin/sh\n", {}, identity)
        refused(spawner.session, caught.value)
        for _ in range(2):
            record_end(spawner, spawner.session)
        (past,) = spawner.past
        assert (past.category, past.kind, past.job_id, past.node) == ("never_started", "others", 0, "")
        assert past.sentence == "The job was not submitted. This reservation does not exist any more."
        await asyncio.sleep(3600)
        assert "sacct" not in [name for _, name in slurm.commands]

    virtually(scenario)


@pytest.mark.parametrize(
    ("begun", "listening", "waits", "reason"),
    [
        (None, None, False, STOPPED),
        (100.0, None, False, STOPPED),
        (601.0, None, False, START_TIMEOUT),
        (700.0, None, False, STOPPED),
        (601.0, 590.0, False, STOPPED),
        (100.0, 30.0, True, NO_ANSWER),
        (400.0, 330.0, True, NO_ANSWER),
        (100.0, 10.0, True, STOPPED),
        (100.0, 30.0, False, STOPPED),
    ],
)
def test_why_jupyterhub_stops_it(db: Any, begun: float | None, listening: float | None, waits: bool, reason: str) -> None:
    """A person, or one of JupyterHub's own time limits: 600 s of a start, 30 s until the server answers."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        spawner: Any = running(slurm, db)
        spawner._waiting_for_response = waits
        now = slurm.now()
        moments = [None if ago is None else now - ago for ago in (begun, listening)]
        assert stop_cause(spawner, *moments) == reason
        spawner.stop_reason = reason
        spawner.session.record = replace(spawner.session.record, stopping=True)
        record_end(spawner, spawner.session)
        assert spawner.last_end.state == reason
        assert spawner.last_end.sentence

    virtually(scenario)


@pytest.mark.parametrize("seen", [None, "CANCELLED", "TIMEOUT"])
def test_stopped_for_gpus_that_did_nothing(db: Any, seen: str | None) -> None:
    """The reason is in the record, so that it outlives the Hub; an end that came before the stop is another one."""

    async def scenario() -> None:
        spawner: Any = running(FakeSlurm(asyncio.get_running_loop()), db)
        spawner.session.stops_because_of_idle_gpus(90)
        record = replace(spawner.session.record, stopping=True)
        spawner.session.record = Record.from_state(record.as_state())
        assert spawner.session.record == record
        spawner.stop_reason = STOPPED
        if seen is not None:
            spawner.session.end = End(seen, "It is over.", spawner.cluster.clock())
        record_end(spawner, spawner.session)
        assert spawner.last_end.category == ("time_limit" if seen == "TIMEOUT" else "idle_gpus")
        if seen != "TIMEOUT":
            assert spawner.last_end.sentence == "The session was stopped: its GPUs did nothing for 1 h 30 min."
        assert [past.category for past in spawner.past] == [spawner.last_end.category]

    virtually(scenario)


def test_old_states_are_read() -> None:
    """What an older version has stored, and what nobody has."""
    old = End.from_state({"state": "TIMEOUT", "sentence": "The time was up.", "at": 5})
    assert old == End("TIMEOUT", "The time was up.", 5.0)
    full = End("FAILED", "Why.", 5.0, "server_exit", "others", "Look.", {"memory": "8G"}, 7, "g001", 3, 10, 20, ("a line",))
    assert End.from_state(asdict(full)) == full
    for broken in (None, [], {"state": "X"}, {**asdict(full), "at": "now"}, {**asdict(full), "job_id": "x"}):
        assert End.from_state(broken) is None
    assert End.from_state({**asdict(full), "change": "x", "log": 5, "used_mb": None}) == replace(full, change={}, log=(), used_mb=None)
