"""One answer of Slurm's for everybody: fetched by one caller at a time, with its age, and the last good one kept."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from spawner import cache
from spawner.cache import (
    BURST,
    EXPIRED_RETRY_SECONDS,
    LONGEST_BACK_OFF_SECONDS,
    REFILL_SECONDS,
    SILENT_AFTER_SECONDS,
    BoundedDict,
    CachedQuery,
    Snapshot,
)
from spawner.errors import ResourceFormError, SlurmTimeout, SlurmUnavailable
from tests.support.fake_slurm import VirtualTimeLoop

INTERVAL = 20.0
LOG = logging.getLogger("test_snapshot")
DOWN = SlurmUnavailable("Slurm does not answer.", log="scontrol exited with 1")


class Slurm:
    """An answer that is given when the test says so, and a clock that goes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.answer: str | Exception = "first"
        self.asked = 0
        self.gate: asyncio.Event | None = None
        self.interval = INTERVAL
        self.shared: CachedQuery[str] = CachedQuery("nodes", self.fetch, lambda: self.interval, log=LOG, clock=lambda: self.now)

    async def fetch(self) -> str:
        """The answer as it is when Slurm gives it."""
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def later(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    def hold(self) -> asyncio.Event:
        """From now on an answer comes only when the event is set."""
        self.gate = asyncio.Event()
        return self.gate


@pytest.fixture
def slurm() -> Slurm:
    """A Slurm that answers at once."""
    return Slurm()


async def settled(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds; no time passes."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("nothing happened")


# --- fresh data ---------------------------------------------------------------------------------------------------------------


async def test_first_answer(slurm: Slurm) -> None:
    """Nothing is asked before somebody wants to know; then there is data with the moment at which it was asked for."""
    assert slurm.asked == 0
    assert slurm.shared.last is None
    assert await slurm.shared.get() == Snapshot("first", 1000.0)
    assert slurm.asked == slurm.shared.fetches == 1


@pytest.mark.parametrize(("seconds", "asked"), [(0, 1), (INTERVAL - 0.1, 1), (INTERVAL, 2), (10 * INTERVAL, 2)])
async def test_asked_once_an_interval(slurm: Slurm, seconds: float, asked: int) -> None:
    """Within the interval everybody gets the same answer; after it Slurm is asked again."""
    await slurm.shared.get()
    slurm.later(seconds)
    slurm.answer = "second"
    found = await slurm.shared.get()
    assert slurm.asked == asked
    assert (found.value, found.as_of) == (("second", slurm.now) if asked == 2 else ("first", 1000.0))
    assert not found.stale


async def test_interval_is_read_each_time(slurm: Slurm) -> None:
    """A shorter interval, as while a session starts, holds from the next question on."""
    await slurm.shared.get()
    slurm.later(5)
    slurm.interval = 4
    await slurm.shared.get()
    assert slurm.asked == 2


async def test_age_is_that_of_the_question(slurm: Slurm) -> None:
    """What Slurm takes to answer counts as age: the data may be as old as the question."""
    gate = slurm.hold()
    waiting = asyncio.ensure_future(slurm.shared.get())
    await settled(lambda: slurm.asked == 1)
    slurm.later(7)
    gate.set()
    assert (await waiting).as_of == 1000.0


# --- one at a time ------------------------------------------------------------------------------------------------------------


async def test_single_flight(slurm: Slurm) -> None:
    """Fifty who ask at once cost one command, and all get its answer."""
    gate = slurm.hold()
    waiting = [asyncio.ensure_future(slurm.shared.get()) for _ in range(50)]
    await settled(lambda: slurm.asked == 1)
    gate.set()
    assert {found.value for found in await asyncio.gather(*waiting)} == {"first"}
    assert slurm.asked == 1


async def test_who_gives_up_ends_nothing_for_the_others(slurm: Slurm) -> None:
    """A visitor who goes away does not take the answer from those who wait."""
    gate = slurm.hold()
    gone, stays = asyncio.ensure_future(slurm.shared.get()), asyncio.ensure_future(slurm.shared.get())
    await settled(lambda: slurm.asked == 1)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    gate.set()
    assert (await stays).value == "first"
    assert slurm.asked == 1


# --- patience -----------------------------------------------------------------------------------------------------------------


async def test_patience_with_older_data(slurm: Slurm) -> None:
    """Who cannot wait gets the older data; the question goes on, and its answer serves the next."""
    await slurm.shared.get()
    slurm.later(INTERVAL)
    slurm.answer = "second"
    gate = slurm.hold()
    assert (await slurm.shared.get(patience=0)).value == "first"
    assert (await slurm.shared.get(patience=0)).value == "first"
    assert slurm.asked == 2
    gate.set()
    assert (await slurm.shared.get()).value == "second"
    assert slurm.asked == 2


async def test_patience_without_data(slurm: Slurm) -> None:
    """Who cannot wait and has nothing to look at is told that Slurm has not answered yet; the next one gets the answer."""
    gate = slurm.hold()
    with pytest.raises(SlurmUnavailable) as nothing:
        await slurm.shared.get(patience=0)
    assert "not answered yet" in nothing.value.sentence
    gate.set()
    assert (await slurm.shared.get()).value == "first"
    assert slurm.asked == 1


async def test_patience_is_not_spent_twice(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for an answer that came too late to count, and then for the next one, is one wait."""
    gate = slurm.hold()
    before = asyncio.ensure_future(slurm.shared.get())
    await settled(lambda: slurm.asked == 1)
    slurm.later(1)
    slurm.shared.expire()
    slurm.later(1)
    seconds, waits, really_wait = [100.0], [], asyncio.wait

    async def wait(tasks: set[asyncio.Task[None]], timeout: float | None) -> None:
        waits.append(timeout)
        seconds[0] += 3
        gate.set()
        await really_wait(tasks)

    monkeypatch.setattr(cache, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    monkeypatch.setattr(cache, "asyncio", SimpleNamespace(wait=wait, ensure_future=asyncio.ensure_future))
    await slurm.shared.get(patience=5)
    assert waits == [5, 2]
    await before


async def test_patience_while_an_older_question_is_under_way(slurm: Slurm) -> None:
    """Who cannot even wait for the answer that will not count gets the older data, and asks nothing more."""
    await slurm.shared.get()
    slurm.later(INTERVAL)
    gate = slurm.hold()
    await slurm.shared.get(patience=0)
    slurm.later(1)
    slurm.shared.expire()
    assert (await slurm.shared.get(patience=0)).as_of == 1000.0
    assert slurm.asked == 2
    gate.set()
    slurm.later(1)
    assert (await slurm.shared.get()).as_of == slurm.now
    assert slurm.asked == 3


async def test_a_slurm_that_hangs_is_waited_for_once(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a question has waited already counts for whoever comes later and has older data."""
    await slurm.shared.get()
    slurm.later(INTERVAL)
    slurm.hold()
    await slurm.shared.get(patience=0)
    await settled(lambda: slurm.asked == 2)
    waits: list[float | None] = []

    async def wait(_tasks: set[asyncio.Task[None]], timeout: float | None) -> None:
        waits.append(timeout and round(timeout, 1))

    monkeypatch.setattr(cache, "asyncio", SimpleNamespace(wait=wait, ensure_future=asyncio.ensure_future))
    for seconds in (1, 3, 1, 60):
        slurm.later(seconds)
        await slurm.shared.get(patience=5)
    assert waits == [4, 1, 0, 0]


# --- stale --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "stale"), [(INTERVAL, False), (2 * INTERVAL, False), (2 * INTERVAL + 0.1, True)])
async def test_old_data_is_marked(slurm: Slurm, seconds: float, stale: bool) -> None:
    """Data older than two intervals is stale, whoever looks at it."""
    await slurm.shared.get()
    slurm.later(seconds)
    assert slurm.shared.last is not None
    assert slurm.shared.last.stale is stale


async def test_not_asked_is_no_silence(slurm: Slurm) -> None:
    """Data that nobody has asked for lately are old, which says nothing of Slurm; one that owes an answer to them is silent."""
    await slurm.shared.get()
    slurm.later(100 * INTERVAL)
    assert slurm.shared.last is not None
    assert (slurm.shared.last.stale, slurm.shared.last.silent) == (True, False)
    slurm.hold()
    asked = await slurm.shared.get(patience=0)
    await settled(lambda: slurm.asked == 2)
    slurm.later(SILENT_AFTER_SECONDS - 0.1)
    assert not asked.silent
    assert not slurm.shared.last.silent
    slurm.later(0.1)
    assert slurm.shared.last.silent


async def test_slow_is_not_silent(slurm: Slurm) -> None:
    """Of data that are young enough the next may take its time."""
    await slurm.shared.get()
    slurm.later(INTERVAL)
    gate = slurm.hold()
    await slurm.shared.get(patience=0)
    await settled(lambda: slurm.asked == 2)
    slurm.later(2 * SILENT_AFTER_SECONDS)
    assert slurm.shared.last is not None
    assert not slurm.shared.last.silent
    gate.set()
    assert not (await slurm.shared.get()).silent


async def test_last_good_data_stays(slurm: Slurm) -> None:
    """When Slurm does not answer, the last good data stays, with its age, marked stale, and why."""
    await slurm.shared.get()
    slurm.later(INTERVAL)
    slurm.answer = DOWN
    assert await slurm.shared.get() == Snapshot("first", 1000.0, stale=True, error="Slurm does not answer.", silent=True)
    assert slurm.shared.failing_since == 1000.0 + INTERVAL


async def test_recovery(slurm: Slurm) -> None:
    """With the next answer nothing is stale any more and the error is gone."""
    await slurm.shared.get()
    slurm.later(INTERVAL)
    slurm.answer = DOWN
    await slurm.shared.get()
    slurm.later(INTERVAL)
    slurm.answer = "second"
    assert await slurm.shared.get() == Snapshot("second", slurm.now)
    assert (slurm.shared.error, slurm.shared.failing_since) == (None, None)


async def test_error_before_any_data(slurm: Slurm) -> None:
    """Where there is nothing to show, the reason is raised, to everybody who asks."""
    slurm.answer = SlurmTimeout("Slurm did not answer in time.")
    for _ in range(2):
        with pytest.raises(SlurmTimeout, match="in time"):
            await slurm.shared.get()
    assert slurm.asked == 1
    assert slurm.shared.last is None


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("State"), OSError(24, "Too many open files")], ids=repr)
async def test_unexpected_error(slurm: Slurm, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in a parser costs no data: it is logged with its trace, and is an answer that cannot be read."""
    slurm.answer = error
    with pytest.raises(ResourceFormError) as nothing:
        await slurm.shared.get()
    assert nothing.value.sentence == "Slurm's answer could not be read."
    assert "failed unexpectedly" in caplog.text
    assert "Traceback" in caplog.text


async def test_log_has_one_line_for_an_outage(slurm: Slurm, caplog: pytest.LogCaptureFixture) -> None:
    """An outage is logged when it begins and when it ends, not with every question."""
    slurm.answer = DOWN
    for _ in range(5):
        with pytest.raises(SlurmUnavailable):
            await slurm.shared.get()
        slurm.later(LONGEST_BACK_OFF_SECONDS)
    slurm.answer = "second"
    await slurm.shared.get()
    lines = [record.message for record in caplog.records]
    assert lines == ["No answer from Slurm about nodes: scontrol exited with 1", "Slurm answers again about nodes, after 1500 s"]


# --- back-off -----------------------------------------------------------------------------------------------------------------


async def test_back_off(slurm: Slurm) -> None:
    """After each failure Slurm is left alone for longer, up to five minutes; meanwhile nobody waits and nothing is asked."""
    slurm.answer = DOWN
    pauses = []
    for number in range(1, 10):
        with pytest.raises(SlurmUnavailable):
            await slurm.shared.get()
        assert slurm.asked == number
        pause = slurm.shared._retry_at - slurm.now
        pauses.append(pause)
        slurm.later(pause - 0.1)
        with pytest.raises(SlurmUnavailable):
            await slurm.shared.get()
        assert slurm.asked == number
        slurm.later(0.1)
    assert pauses == pytest.approx([5, 10, 20, 40, 80, 160, 300, 300, 300])


async def test_back_off_begins_anew(slurm: Slurm) -> None:
    """One good answer, and the next failure waits as briefly as the first."""
    for answer in (DOWN, DOWN, "good", DOWN):
        slurm.answer = answer
        await asyncio.gather(slurm.shared.get(), return_exceptions=True)
        slurm.later(INTERVAL)
    assert slurm.shared._retry_at - (slurm.now - INTERVAL) == pytest.approx(5)


# --- expire -------------------------------------------------------------------------------------------------------------------


async def test_expire(slurm: Slurm) -> None:
    """After a submission or a cancel the next one who asks gets data from after it."""
    await slurm.shared.get()
    slurm.later(1)
    slurm.answer = "second"
    slurm.shared.expire()
    assert slurm.asked == 1
    slurm.later(1)
    assert (await slurm.shared.get()).value == "second"
    slurm.later(1)
    await slurm.shared.get()
    assert slurm.asked == 2


async def test_expire_shortens_a_back_off(slurm: Slurm) -> None:
    """Something has happened: Slurm is asked again soon although it did not answer for long; but not once for each who expires."""
    await slurm.shared.get()
    slurm.later(INTERVAL)
    slurm.answer = DOWN
    for _ in range(6):
        slurm.later(LONGEST_BACK_OFF_SECONDS)
        await slurm.shared.get()
    slurm.answer = "second"
    asked = slurm.asked
    for _ in range(50):
        slurm.shared.expire()
        assert (await slurm.shared.get()).stale
    assert slurm.asked == asked
    slurm.later(EXPIRED_RETRY_SECONDS)
    slurm.shared.expire()
    assert (await slurm.shared.get()).value == "second"
    assert slurm.asked == asked + 1


async def test_expire_while_a_question_is_under_way(slurm: Slurm) -> None:
    """An answer to a question from before does not count: it is waited for, and Slurm is asked once more, for all together."""
    gate = slurm.hold()
    before = asyncio.ensure_future(slurm.shared.get())
    await settled(lambda: slurm.asked == 1)
    slurm.later(1)
    slurm.shared.expire()
    slurm.later(1)
    after = [asyncio.ensure_future(slurm.shared.get()) for _ in range(10)]
    await asyncio.sleep(0)
    assert slurm.asked == 1
    gate.set()
    assert (await before).value == "first"
    slurm.answer = "second"
    assert {found.as_of for found in await asyncio.gather(*after)} == {1002.0}
    assert slurm.asked == 2


# --- sparing --------------------------------------------------------------------------------------------------------------------


def counted(seconds: float, *, took: float = 0.03, every: float = 0.1) -> int:
    """How often Slurm is asked within so many seconds by a hundred who expire the data all the time."""
    loop = VirtualTimeLoop()

    async def fetch() -> str:
        await asyncio.sleep(took)
        return "an answer"

    async def ask(shared: CachedQuery[str]) -> None:
        while loop.time() < seconds:
            shared.expire()
            await shared.get()
            await asyncio.sleep(every)

    async def all_ask() -> int:
        shared: CachedQuery[str] = CachedQuery("jobs", fetch, lambda: INTERVAL, log=LOG, clock=loop.time, sparing=True)
        await asyncio.gather(*(ask(shared) for _ in range(100)))
        return shared.fetches

    try:
        return loop.run_until_complete(all_ask())
    finally:
        loop.close()


def test_a_few_quick_ones_then_seldom() -> None:
    """One Stop needs a few answers within a second; a crowd of them does not ask more often than once in a while."""
    assert counted(1.5) >= 4
    assert counted(60) <= BURST + 60 / REFILL_SECONDS + 1


def test_a_slow_slurm_is_spared() -> None:
    """Where an answer takes two seconds, Slurm is busy with the question for a third of the time at most."""
    assert counted(60, took=2.0) <= 60 / 6 + 1


@pytest.mark.parametrize("jitter", [0.0, 0.1])
def test_jitter(jitter: float) -> None:
    """Each interval is a little longer than the one before or after, never shorter; without jitter all are the same."""
    loop = VirtualTimeLoop()
    asked: list[float] = []

    async def fetch() -> str:
        asked.append(loop.time())
        return "an answer"

    async def ask() -> None:
        shared: CachedQuery[str] = CachedQuery("jobs", fetch, lambda: INTERVAL, log=LOG, clock=loop.time, jitter=jitter)
        while len(asked) < 30:
            await shared.get()
            await asyncio.sleep(0.01)

    try:
        loop.run_until_complete(ask())
    finally:
        loop.close()
    gaps = [later - before for before, later in itertools.pairwise(asked)]
    assert all(INTERVAL <= gap <= INTERVAL * (1 + jitter) + 0.1 for gap in gaps)
    assert (max(gaps) - min(gaps) > 0.2) is (jitter > 0)


async def test_a_clock_that_is_set_back(slurm: Slurm) -> None:
    """Old data do not become fresh for as long as the clock was set back."""
    await slurm.shared.get()
    slurm.answer = "second"
    slurm.later(-3600)
    assert (await slurm.shared.get()).value == "second"


def test_a_bounded_dictionary_drops_what_was_set_first() -> None:
    """Never more than so many entries; what is set again is the latest, what is only read is not."""
    kept: BoundedDict[str, int] = BoundedDict(2)
    kept["a"], kept["b"] = 1, 2
    kept["a"] = 3
    assert kept["b"] == 2
    kept["c"] = 4
    assert list(kept.items()) == [("a", 3), ("c", 4)]
    kept.update({"d": 5, "e": 6})
    assert kept.setdefault("d", 7) == 5
    assert list(kept) == ["d", "e"]
