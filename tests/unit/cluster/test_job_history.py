"""Tests for spawner.cluster.job_history: slurmdbd is asked seldom, for all at once, a few times, and only when something has ended."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from spawner.cluster.job_history import (
    FIRST_SECONDS,
    IDLE_SECONDS,
    MAX_WAITING,
    MIN_INTERVAL_SECONDS,
    PAUSES_SECONDS,
    WITHOUT_SECONDS,
    JobHistory,
)
from spawner.errors import SlurmTimeout
from spawner.slurm.runner import Identity, Result
from spawner.slurm.sacct import MAX_AT_ONCE, FinishedJob
from tests.support.session_rig import LOG, virtually

AWAY = "sacct: error: Problem talking to the database: Connection refused"
NONE = "Slurm accounting storage is disabled"


@dataclass
class Database:
    """slurmdbd behind sacct: ``knows`` are the states of jobs by id; a question that hangs is ended by our own time limit."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    knows: dict[int, str] = field(default_factory=dict)
    submitted: int = 10
    stderr: str = ""
    hangs: bool = False
    garbage: str = ""
    questions: list[tuple[float, list[int]]] = field(default_factory=list)

    async def is_running(self, command: str, text: str, identity: Identity) -> bool:
        return False

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        identity: Identity | None = None,
        timeout: float = 60.0,
    ) -> Result:
        assert argv[0] == "sacct"
        assert identity is None
        ids = [int(number) for number in re.findall(r"\d+", next(word for word in argv if word.startswith("--jobs=")))]
        self.questions.append((self.loop.time(), ids))
        await asyncio.sleep(0.1)
        if self.hangs:
            await asyncio.sleep(timeout)
            raise SlurmTimeout("Slurm did not answer in time.", log="sacct hung")
        if self.stderr:
            return Result(tuple(argv), 1, "", self.stderr, 0.1)
        rows = [
            f"{number}|{self.knows[number]}|0:0|0:0|None|5|60|1048576K||g001|{self.submitted}|20|25|cpu=1|1001|00:01.000\n"
            for number in ids
            if number in self.knows
        ]
        return Result(tuple(argv), 0, self.garbage or "".join(rows), "", 0.1)


class Told:
    """Who waits for the ends of jobs."""

    def __init__(self) -> None:
        self.database = Database()
        self.history = JobHistory(self.database, log=LOG, clock=lambda: 1e9 + asyncio.get_running_loop().time())
        self.told: list[FinishedJob] = []

    def expect(self, *numbers: int, **more: object) -> None:
        for number in numbers:
            self.history.expect(number, self.told.append, **more)  # type: ignore[arg-type]

    @property
    def ids(self) -> list[int]:
        """The jobs whose ends were told, in order."""
        return [job.job_id for job in self.told]

    @property
    def times(self) -> list[float]:
        """When it was asked."""
        return [moment for moment, _ in self.database.questions]


def test_nothing_has_ended() -> None:
    """Nothing is asked, before the first end and after the last."""

    async def scenario() -> None:
        told = Told()
        await asyncio.sleep(3600)
        assert told.times == []
        told.database.knows = {5: "FAILED"}
        told.expect(5)
        await asyncio.sleep(3600)
        assert told.times == [3600 + FIRST_SECONDS]
        assert told.ids == [5]
        assert not told.history.waiting

    virtually(scenario)


def test_one_question_for_all() -> None:
    """Hundreds that end together, and one that has not been told yet: one question."""

    async def scenario() -> None:
        told = Told()
        told.database.knows = dict.fromkeys(range(1, 301), "COMPLETED")
        told.expect(*range(1, 302))
        await asyncio.sleep(FIRST_SECONDS + 1)
        assert [len(ids) for _, ids in told.database.questions] == [301]
        assert sorted(told.ids) == list(range(1, 301))
        assert told.history.waiting == {301}

    virtually(scenario)


def test_more_than_one_question_holds() -> None:
    """The rest is asked for in the next one."""

    async def scenario() -> None:
        told = Told()
        numbers = range(1, MAX_AT_ONCE + 11)
        told.database.knows = dict.fromkeys(numbers, "COMPLETED")
        told.expect(*numbers)
        await asyncio.sleep(FIRST_SECONDS + MIN_INTERVAL_SECONDS + 2)
        assert [len(ids) for _, ids in told.database.questions] == [MAX_AT_ONCE, 10]
        assert sorted(told.ids) == list(numbers)

    virtually(scenario)


def test_one_end_after_another() -> None:
    """A session ends each second for ten minutes: no more than one question in each interval."""

    async def scenario() -> None:
        told = Told()
        for number in range(1, 601):
            told.database.knows[number] = "FAILED"
            told.expect(number)
            await asyncio.sleep(1)
        await asyncio.sleep(2 * MIN_INTERVAL_SECONDS)
        pauses = [later - earlier for earlier, later in zip(told.times, told.times[1:], strict=False)]
        assert min(pauses) >= MIN_INTERVAL_SECONDS
        assert len(told.times) <= 600 / MIN_INTERVAL_SECONDS + 2
        assert sorted(told.ids) == list(range(1, 601))

    virtually(scenario)


def test_slurmdbd_lags_behind() -> None:
    """It says that the job runs, then its end: asked again with growing pauses."""

    async def scenario() -> None:
        told = Told()
        told.database.knows = {5: "RUNNING"}
        told.expect(5)
        await asyncio.sleep(FIRST_SECONDS + PAUSES_SECONDS[0] + 2)
        assert told.ids == []
        told.database.knows = {5: "OUT_OF_MEMORY"}
        await asyncio.sleep(PAUSES_SECONDS[1])
        assert [job.state for job in told.told] == ["OUT_OF_MEMORY"]
        assert len(told.times) == 3

    virtually(scenario)


@pytest.mark.parametrize("trouble", ["never told", "away", "hangs", "garbage"])
def test_it_is_given_up(trouble: str) -> None:
    """A few questions, then none: and nobody is told anything."""

    async def scenario() -> None:
        told = Told()
        told.database.stderr = AWAY if trouble == "away" else ""
        told.database.hangs = trouble == "hangs"
        told.database.garbage = "what is this?\n" if trouble == "garbage" else ""
        told.expect(5)
        await asyncio.sleep(3600)
        pauses = [later - earlier for earlier, later in zip(told.times, told.times[1:], strict=False)]
        assert len(told.times) == 1 + len(PAUSES_SECONDS)
        assert pauses == sorted(pauses)
        assert told.ids == []
        assert not told.history.waiting

    virtually(scenario)


def test_slurmdbd_comes_back() -> None:
    """Away for a minute: the end is told all the same."""

    async def scenario() -> None:
        told = Told()
        told.database.stderr, told.database.knows = AWAY, {5: "FAILED"}
        told.expect(5)
        await asyncio.sleep(60)
        told.database.stderr = ""
        await asyncio.sleep(120)
        assert told.ids == [5]

    virtually(scenario)


def test_no_accounting() -> None:
    """Where there is none, it is asked once, and again after an hour at the earliest."""

    async def scenario() -> None:
        told = Told()
        told.database.stderr = NONE
        for number in range(1, 50):
            told.expect(number)
            await asyncio.sleep(60)
        assert len(told.times) == 1
        assert not told.history.waiting
        await asyncio.sleep(WITHOUT_SECONDS)
        told.expect(99)
        await asyncio.sleep(60)
        assert len(told.times) == 2

    virtually(scenario)


def test_what_nobody_waits_for() -> None:
    """It is asked for some minutes later, or with what is asked for anyway."""

    async def scenario() -> None:
        told = Told()
        told.database.knows = {5: "CANCELLED", 6: "FAILED", 7: "CANCELLED"}
        told.expect(5, soon=False)
        await asyncio.sleep(IDLE_SECONDS - 1)
        assert told.times == []
        await asyncio.sleep(2)
        assert told.ids == [5]
        told.expect(7, soon=False)
        await asyncio.sleep(60)
        told.expect(6)
        await asyncio.sleep(FIRST_SECONDS + 1)
        assert sorted(told.ids) == [5, 6, 7]
        assert len(told.times) == 2

    virtually(scenario)


def test_asked_for_before_its_turn() -> None:
    """Having been asked for along with others takes nobody's own turns away."""

    async def scenario() -> None:
        told = Told()
        told.expect(7, soon=False)
        told.expect(5)
        await asyncio.sleep(IDLE_SECONDS - 1)
        before = len(told.times)
        told.database.knows = {7: "COMPLETED"}
        await asyncio.sleep(2)
        assert told.ids == [7]
        assert len(told.times) >= before

    virtually(scenario)


def test_somebody_elses_job_of_the_same_id() -> None:
    """Ids are used again: one that was submitted at another time is not meant, and the right one is waited for."""

    async def scenario() -> None:
        told = Told()
        told.database.knows = {5: "FAILED"}
        told.expect(5, is_it=lambda job: job.submit == 11)
        await asyncio.sleep(FIRST_SECONDS + 1)
        assert told.ids == []
        told.database.submitted = 11
        await asyncio.sleep(60)
        assert told.ids == [5]

    virtually(scenario)


def test_one_who_fails_to_hear_it() -> None:
    """What one session makes of its end does not cost the others theirs."""

    async def scenario() -> None:
        told = Told()
        told.database.knows = {5: "FAILED", 6: "FAILED"}

        def fail(_job: FinishedJob) -> None:
            raise RuntimeError("the database is gone")

        told.history.expect(5, fail)
        told.expect(6)
        await asyncio.sleep(FIRST_SECONDS + 1)
        assert told.ids == [6]
        assert not told.history.waiting

    virtually(scenario)


def test_bounds() -> None:
    """No job, and more jobs than are waited for."""

    async def scenario() -> None:
        told = Told()
        told.expect(0)
        assert not told.history.waiting
        told.expect(*range(1, MAX_WAITING + 100))
        assert len(told.history.waiting) == MAX_WAITING

    virtually(scenario)
