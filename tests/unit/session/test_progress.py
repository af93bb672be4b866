"""What the waiting page is told, and the port that the launcher reports."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.session.progress import MAX_MESSAGES, Message, PortReport, StartProgress


async def all_of(progress: StartProgress) -> list[Message]:
    """Every message that one page sees until the start is over."""
    return [message async for message in progress.follow()]


def said(*pairs: tuple[int, str]) -> StartProgress:
    """A start that has said this so far."""
    progress = StartProgress()
    for number, text in pairs:
        progress.say(number, text)
    return progress


# --- progress -----------------------------------------------------------------------------------------------------------------


async def test_messages_in_their_order() -> None:
    """A page sees every message, and ends when the start is over."""
    progress = said((5, "Handing over"), (15, "Submitted"))
    progress.close()
    assert await all_of(progress) == [Message(5, "Handing over"), Message(15, "Submitted")]


async def test_a_page_that_comes_late_sees_all_of_them() -> None:
    """A reload and a second page get the messages from the first; one follower takes none away from another."""
    progress = said((5, "a"), (15, "b"))
    progress.close()
    assert await all_of(progress) == await all_of(progress) == [Message(5, "a"), Message(15, "b")]


async def test_new_messages_reach_every_page() -> None:
    """Pages that are open get a message when it is said, those that had nothing to show yet too."""
    progress = StartProgress()
    early, late = progress.follow(), progress.follow()
    waiting = [asyncio.ensure_future(anext(early)), asyncio.ensure_future(anext(late))]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    progress.say(20, "In the queue")
    assert await asyncio.gather(*waiting) == [Message(20, "In the queue")] * 2
    ends = [asyncio.ensure_future(anext(page)) for page in (early, late)]
    await asyncio.sleep(0)
    progress.close()
    assert [type(end) for end in await asyncio.gather(*ends, return_exceptions=True)] == [StopAsyncIteration] * 2


async def test_whether_somebody_looks() -> None:
    """A page that follows is one that looks, until it is closed; a look without that counts once."""
    progress = said((5, "a"))

    async def is_watched() -> bool:
        task = asyncio.ensure_future(progress.until_watched())
        done, _ = await asyncio.wait({task}, timeout=0.01)
        task.cancel()
        return bool(done)

    assert not await is_watched()
    progress.look()
    assert [await is_watched(), await is_watched()] == [True, False]
    page = progress.follow()
    await anext(page)
    assert [await is_watched(), await is_watched()] == [True, True]
    await page.aclose()
    assert [await is_watched(), await is_watched()] == [True, False]


async def test_messages_said_while_a_page_reads() -> None:
    """What is said between two steps of a page is not lost."""
    progress = said((1, "a"))
    page = progress.follow()
    assert await anext(page) == Message(1, "a")
    progress.say(2, "b")
    progress.say(3, "c")
    progress.close()
    assert [message async for message in page] == [Message(2, "b"), Message(3, "c")]


def test_each_is_said_once() -> None:
    """The same again says nothing; said later, after another, it is news."""
    assert said((20, "a"), (30, "a"), (40, "b"), (50, "a")).messages == [Message(20, "a"), Message(40, "b"), Message(50, "a")]


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from("abc"))))
def test_never_backwards(pairs: list[tuple[int, str]]) -> None:
    """Whatever is said in whatever order, the bar does not go back, and no text stands twice in a row."""
    messages = said(*pairs).messages
    numbers = [message.progress for message in messages]
    assert numbers == sorted(numbers)
    assert all(one.text != other.text for one, other in itertools.pairwise(messages))


def test_details_alone_are_news() -> None:
    """A better place in the queue is said, with the same text; the same again is not."""
    progress = StartProgress()
    for place in (3, 3, 2):
        progress.say(25, "In the queue", position={"place": place, "of": 7})
    progress.say(20, "In the queue", position={"place": 2, "of": 6})
    assert [(message.progress, message.text, message.details["position"]["of"]) for message in progress.messages] == [
        (25, "In the queue", 7),
        (25, "In the queue", 7),
        (25, "In the queue", 6),
    ]


def test_a_long_wait_is_kept_in_short() -> None:
    """Days in the queue: what was said first and last is kept, and every text; what goes is the oldest that changed only details."""
    progress = said((5, "Handing over"), (15, "Submitted"))
    for place in range(1000, 0, -1):
        progress.say(25, "In the queue", position=place)
    progress.say(60, "Runs")
    kept = progress.messages
    assert len(kept) == MAX_MESSAGES
    assert [message.text for message in kept if message.text != "In the queue"] == ["Handing over", "Submitted", "Runs"]
    places = [message.details["position"] for message in kept if message.text == "In the queue"]
    assert (places[0], places[-1]) == (1000, 1)
    assert places[1:] == list(range(len(places) - 1, 0, -1))


@pytest.mark.parametrize(
    ("texts", "gone"),
    [
        pytest.param(["a", "a", "b", "c"], 1, id="the-first-repetition"),
        pytest.param(["a", "b", "b", "b"], 2, id="the-oldest-of-several"),
        pytest.param(["a", "b", "c", "c"], 1, id="not-the-latest"),
        pytest.param(["a", "b", "c", "a"], 1, id="the-first-follows-nothing"),
        pytest.param(["a", "b", "c", "d"], 1, id="without-one-the-second"),
    ],
)
def test_which_message_is_missed_least(texts: list[str], gone: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that repeats the text before it; never the first nor the latest."""
    monkeypatch.setattr("spawner.session.progress.MAX_MESSAGES", 3)
    progress = StartProgress()
    for number, text in enumerate(texts):
        progress.say(number, text, number=number)
    assert [message.details["number"] for message in progress.messages] == [number for number in range(4) if number != gone]


def test_texts_that_alternate_for_ever_are_bounded() -> None:
    """Slurm that comes and goes for days."""
    progress = said((5, "first"), *[(20, f"{number}") for number in range(1000)])
    assert len(progress.messages) == MAX_MESSAGES
    assert (progress.messages[0].text, progress.latest.text) == ("first", "999")


async def test_a_page_misses_nothing_while_old_messages_go() -> None:
    """A page that follows from the beginning sees each message once, though most of them are dropped meanwhile."""
    progress = StartProgress()
    seen = []

    async def page() -> None:
        seen.extend([message.details["position"] async for message in progress.follow()])

    follower = asyncio.ensure_future(page())
    for place in range(1000):
        progress.say(25, "In the queue", position=place)
        await asyncio.sleep(0)
    progress.close()
    await follower
    assert seen == list(range(1000))
    assert len(await all_of(progress)) == MAX_MESSAGES


async def test_nothing_was_said() -> None:
    """A start that is over at once ends the page."""
    progress = StartProgress()
    progress.close()
    assert await all_of(progress) == []


# --- port ---------------------------------------------------------------------------------------------------------------------


async def test_port_wakes_who_waits() -> None:
    """The start goes on as soon as the port is there, not when its patience ends."""
    report = PortReport()
    waiting = asyncio.ensure_future(report.wait(3600))
    await asyncio.sleep(0)
    assert report.port is None
    assert report.accept(40000)
    assert await waiting == 40000
    assert report.port == 40000
    assert await report.wait(3600) == 40000


async def test_first_report_counts() -> None:
    """A second report, from whomever, changes nothing and is told so."""
    report = PortReport()
    assert report.accept(40000)
    assert not report.accept(40001)
    assert report.port == 40000


async def test_no_report_in_time() -> None:
    """Without a report the answer is None, and a later one still counts."""
    report = PortReport()
    assert await report.wait(0) is None
    assert report.accept(40000)
    assert await report.wait(0) == 40000


async def test_report_after_the_start_is_over() -> None:
    """Nobody waits any more: the launcher is told so, and whoever waited is let go."""
    report = PortReport()
    waiting = asyncio.ensure_future(report.wait(3600))
    await asyncio.sleep(0)
    report.close()
    assert await waiting is None
    assert not report.accept(40000)
    assert report.port is None


@pytest.mark.parametrize("times", [1, 2])
async def test_close_keeps_the_port(times: int) -> None:
    """Closing takes back nothing that was reported, however often."""
    report = PortReport()
    report.accept(40000)
    for _ in range(times):
        report.close()
    assert report.port == 40000
