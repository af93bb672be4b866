"""What running sessions use: sstat's words, the averages that are made of them, and when it is asked at all."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from pathlib import Path

import pytest

from spawner.cluster.cluster import SlurmCluster
from spawner.cluster.job_usage import REFUSED_SECONDS, Usage, usage_between
from spawner.errors import SlurmOutputError
from spawner.job.sbatch import Tag
from spawner.session.record import Record
from spawner.session.session import Session
from spawner.session.status import Server, status_of
from spawner.session.status_json import as_json, without_clock
from spawner.slurm.reading import Reading
from spawner.slurm.sstat import MAX_AT_ONCE, StepUsage, parse_usage, show_usage
from tests.support.fake_slurm import FakeSlurm, Trouble
from tests.support.session_pages import FakeSpawner, sessions_of
from tests.support.session_rig import make_cluster, virtually

FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"
INTERVAL = 60.0


# --- what sstat prints ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "first", "busy", "two"),
    [("22.05.8", 1, StepUsage(149, 311), StepUsage(154, 28)), ("24.11.5", 887000, StepUsage(16, 311), StepUsage(13, 29))],
)
def test_what_slurm_prints(version: str, first: int, busy: StepUsage, two: StepUsage) -> None:
    """All steps of each job: CPU time, and memory in bytes as it is now; a job without a step is not there."""
    found = parse_usage((FIXTURES / version / "usage.txt").read_text(encoding="utf-8"))
    assert [number - first for number in found] == [0, 1, 2, 4, 5]
    assert found[first] == {"batch": busy}
    assert found[first + 1] == {"batch": two, "0": StepUsage(0, 2)}
    assert found[first + 4]["batch"].memory_mb == 11  # it had 400 MB before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cpu=1-02:03:04,mem=2G", StepUsage(93784, 2048)),
        ("cpu=120:00:00,mem=1.37M", StepUsage(432000, 1)),
        ("cpu=00:00:09.123,mem=10756K", StepUsage(9, 11)),
        ("cpu=00:00:00,mem=0", StepUsage(0, 0)),
        ("energy=0", StepUsage()),
        ("", StepUsage()),
    ],
)
def test_other_shapes(text: str, expected: StepUsage) -> None:
    """Days, hours beyond a day, units, fractions, and what is not measured."""
    assert parse_usage(f"7.batch|{text}\n") == {7: {"batch": expected}}


@pytest.mark.parametrize("text", ["7.batch\n", "7.batch|cpu=00:00:01|x\n", "sorry\n", "7.batch|cpu=00:00:0"])
def test_nonsense(text: str) -> None:
    """Refused, not guessed."""
    with pytest.raises(SlurmOutputError):
        parse_usage(text)


def test_one_odd_row_hides_no_other() -> None:
    """What cannot be read of it is not measured."""
    reading = Reading()
    text = "7.batch|cpu=soon,mem=1M\nsorry|so|sorry\nA notice.\n8.batch|cpu=00:00:02,mem=-1\n"
    assert parse_usage(text, reading) == {7: {"batch": StepUsage(None, 1)}, 8: {"batch": StepUsage(2, None)}}
    assert (reading.values_unknown, reading.rows_left_out) == (2, 1)


def test_parts_of_others() -> None:
    """Parts of arrays and of jobs of several kinds are nobody's session."""
    assert parse_usage("7_1.batch|cpu=00:00:01\n7+1.batch|cpu=00:00:01\n") == {}


def test_the_command() -> None:
    """One for all, without doubles; what is no id, none at all, and too many are refused."""
    assert show_usage([3, 1, 3])[-1] == "--jobs=1,3"
    for wrong in ([], [0], range(1, MAX_AT_ONCE + 2)):
        with pytest.raises(ValueError, match="ids"):
            show_usage(wrong)


# --- averages ------------------------------------------------------------------------------------------------------------------

B, E = StepUsage(30, 100), StepUsage(0, 5)


@pytest.mark.parametrize(
    ("steps", "seconds", "before", "expected"),
    [
        pytest.param({"batch": B}, 60, {}, Usage(0.5, 100), id="since-the-start"),
        pytest.param({"batch": B}, 60, {"batch": StepUsage(27, 400)}, Usage(0.1, 100), id="since-the-last-look"),
        pytest.param({"batch": B, "extern": E, "0": B}, 60, {"batch": B}, Usage(0.5, 205), id="a-new-step"),
        pytest.param({"batch": StepUsage(5, 1)}, 60, {"batch": B}, Usage(0.0, 1), id="a-process-that-ended"),
        pytest.param({"batch": B}, 4, {}, Usage(None, 100), id="too-short"),
        pytest.param({"batch": B}, None, {}, Usage(None, 100), id="no-beginning"),
        pytest.param({"batch": StepUsage()}, 60, {}, Usage(None, None), id="not-measured"),
        pytest.param({}, 60, {}, Usage(None, None), id="no-step"),
    ],
)
def test_averages(steps: dict[str, StepUsage], seconds: float | None, before: dict[str, StepUsage], expected: Usage) -> None:
    """Cores that were busy, on average; memory of this moment; never less than nothing, never a 0 that nobody has measured."""
    assert usage_between(steps, 1000.0, before, None if seconds is None else 1000.0 - seconds) == expected


def test_in_the_answer() -> None:
    """What is not known is not there."""
    status = status_of(Server("ada"), Record(nonce="n", job_id=7, node="g001", port=1), now=0.0)
    assert as_json(status)["usage"] is None
    known = [Usage(None, None), Usage(1.5, None), Usage(0.0, 12)]
    shown = [as_json(type(status)(status.server, "running", "running", "connected", "", usage=usage))["usage"] for usage in known]
    assert shown == [None, {"cores": 1.5}, {"cores": 0.0, "memory_mb": 12}]
    assert "usage" in without_clock(as_json(status))


# --- when it is asked ----------------------------------------------------------------------------------------------------------


class Rig:
    """Users with a session each that has run for ten minutes, the last list of jobs just read."""

    def __init__(self, users: int = 1) -> None:
        self.slurm = FakeSlurm(asyncio.get_running_loop())
        self.cluster: SlurmCluster = make_cluster(self.slurm)
        self.spawners = []
        for number in range(users):
            user = f"user{number}"
            job = self.slurm.make_job(user, Tag("jupyterhub", user, "", f"n{number}").comment)
            self.slurm.run_job(job)
            record = Record(nonce=f"n{number}", job_id=job.job_id, submitted=self.slurm.now(), queued_at=job.submit, node=job.host, port=4)
            session = Session(self.cluster, user, keep=lambda: None, name=user, log=logging.getLogger("tests"), record=record)
            self.spawners.append(FakeSpawner(user, own=session))

    @property
    def asked(self) -> int:
        """How often sstat was started."""
        return [name for _, name in self.slurm.commands].count("sstat")

    async def usage(self, spawner: FakeSpawner | None = None) -> object:
        """What a user is told who asks once."""
        sessions = sessions_of(self.cluster, spawner or self.spawners[0])
        await sessions.refresh()
        (entry,) = json.loads((await sessions.answer()).text)["sessions"]
        return entry["usage"]


def test_a_program_that_asks_once() -> None:
    """It is told at once, and then what is new a minute later."""

    async def scenario() -> None:
        rig = Rig()
        await asyncio.sleep(600)
        assert await rig.usage() == {"cores": 1.0, "memory_mb": 300}
        rig.slurm.busy_cores, rig.slurm.memory_mb = 0.5, 20
        assert await rig.usage() == {"cores": 1.0, "memory_mb": 300}
        assert rig.asked == 1
        await asyncio.sleep(INTERVAL + 1)
        assert await rig.usage() == {"cores": 0.0, "memory_mb": 20}  # it had used more before
        await asyncio.sleep(INTERVAL + 1)
        assert await rig.usage() == {"cores": 0.5, "memory_mb": 20}
        assert rig.asked == 3

    virtually(scenario)


def test_many_pages() -> None:
    """Fifty streams of fifty users: one question a minute, whose answer each of them is told; none once they are closed."""

    async def scenario() -> None:
        rig = Rig(50)
        await asyncio.sleep(600)
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        last: dict[str, object] = {}

        async def follow(spawner: FakeSpawner) -> None:
            async with aclosing(sessions_of(rig.cluster, spawner).stream(closed)) as stream:
                async for event in stream:
                    if event.startswith("id: "):
                        last[spawner.user_name] = json.loads(event.split("data: ")[1])["sessions"][0]["usage"]

        pages = [asyncio.ensure_future(follow(spawner)) for spawner in rig.spawners]
        await asyncio.sleep(5 * INTERVAL)
        assert 4 <= rig.asked <= 5
        assert list(last.values()) == [{"cores": 1.0, "memory_mb": 300}] * 50
        closed.set_result(None)
        await asyncio.gather(*pages)
        before = rig.asked
        await asyncio.sleep(10 * INTERVAL)
        assert rig.asked == before
        assert await rig.usage() == {"cores": 1.0, "memory_mb": 300}

    virtually(scenario)


def test_more_than_one_question_may_hold() -> None:
    """Each has its turn."""

    async def scenario() -> None:
        rig = Rig(MAX_AT_ONCE + 20)
        await asyncio.sleep(600)
        jobs = list(rig.slurm.jobs)
        await rig.cluster.jobs.get()
        for _ in range(2):
            await rig.cluster.usage.look(jobs, 1.0)
            await asyncio.sleep(INTERVAL + 1)
        assert all(rig.cluster.usage.of(job) is not None for job in jobs)
        assert rig.asked == 2

    virtually(scenario)


def test_who_may_not_ask(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is shown anything, the log says so once, and it is tried again much later."""

    async def scenario() -> None:
        rig = Rig()
        rig.slurm.tells_usage = False
        await asyncio.sleep(600)
        for _ in range(20):
            assert await rig.usage() is None
            await asyncio.sleep(INTERVAL)
        assert rig.asked == 1
        (said,) = (record.getMessage() for record in caplog.records if "sstat" in record.getMessage())
        assert said.startswith("What sessions use of CPU and memory is not shown, and asked for every 60 min: sstat exited with 0: ")
        assert said.endswith("Invalid user id")
        rig.slurm.tells_usage = True
        await asyncio.sleep(REFUSED_SECONDS)
        assert await rig.usage() == {"cores": 1.0, "memory_mb": 300}

    virtually(scenario)


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble("sstat", returncode=1, stderr="sstat: error: slurm_load_jobs: Unable to contact slurm controller"),
        Trouble("sstat", hangs=True),
        Trouble("sstat", missing=True),
        Trouble("sstat", returncode=0, stdout="a dog\n"),
    ],
    ids=["fails", "hangs", "is-missing", "talks-nonsense"],
)
def test_trouble(trouble: Trouble) -> None:
    """The answer about the sessions comes without it; later it is there again."""

    async def scenario() -> None:
        rig = Rig()
        rig.slurm.troubles.append(trouble)
        await asyncio.sleep(600)
        assert await rig.usage() is None
        await asyncio.sleep(700)
        assert await rig.usage() == {"cores": 1.0, "memory_mb": 300}
        assert rig.asked == 2

    virtually(scenario)


def test_switched_off() -> None:
    """Interval 0: never asked."""

    async def scenario() -> None:
        rig = Rig()
        rig.cluster.usage_interval = 0
        await asyncio.sleep(600)
        assert await rig.usage() is None
        assert rig.asked == 0

    virtually(scenario)


def test_a_job_that_waits() -> None:
    """There is nothing to ask about."""

    async def scenario() -> None:
        rig = Rig()
        rig.slurm.jobs[100].state = "PENDING"
        assert await rig.usage() is None
        assert rig.asked == 0

    virtually(scenario)


def test_old_news() -> None:
    """What was measured long ago is not shown."""

    async def scenario() -> None:
        rig = Rig()
        await asyncio.sleep(600)
        assert await rig.usage()
        rig.slurm.troubles.append(Trouble("sstat", returncode=1, times=float("inf")))
        await asyncio.sleep(8 * INTERVAL)
        assert await rig.usage() is None

    virtually(scenario)
