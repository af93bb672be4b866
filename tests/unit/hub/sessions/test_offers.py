"""What would start now in the place of a session that waits: looked for while somebody looks, as often as the clock says."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from spawner.errors import SlurmUnavailable
from spawner.hub.sessions import offers
from spawner.session.progress import StartProgress

FOUND = [{"sentence": "1 GPU instead of 2", "price": "18 units", "change": {"gpus": "1"}}]
ROUND_SECONDS = 0.02


class Waiting:
    """A session that waits, and how often it was looked for something else; ``answers`` is what is found, or why nothing is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.progress = StartProgress()
        self.progress.say(25, "It waits.", stage="queue")
        self.asked = 0
        self.answer: Any = FOUND
        monkeypatch.setattr(offers, "offers", self._offers)
        monkeypatch.setattr(offers, "OFFER_SECONDS", ROUND_SECONDS)
        monkeypatch.setattr(offers, "NOT_YET_SECONDS", ROUND_SECONDS)

    async def _offers(self, _spawner: object, _session: object) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def rounds(self, number: int, pages: int = 0) -> list[Any]:
        """So many rounds while ``pages`` follow; what the messages have said of it."""
        followers = [asyncio.ensure_future(self._follow()) for _page in range(pages)]
        session: Any = SimpleNamespace(progress=self.progress)
        with offers.offered_while_waiting(SimpleNamespace(log_name="ada"), session):  # type: ignore[arg-type]
            await asyncio.sleep(ROUND_SECONDS * number)
        for page in followers:
            page.cancel()
        await asyncio.gather(*followers, return_exceptions=True)
        return [message.details["offers"] for message in self.progress.messages if "offers" in message.details]

    async def _follow(self) -> None:
        async for _message in self.progress.follow():
            pass


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Waiting:
    """A session that waits."""
    return Waiting(monkeypatch)


async def test_nobody_looks(waiting: Waiting) -> None:
    assert await waiting.rounds(3) == []
    assert waiting.asked == 0


async def test_a_look_without_following(waiting: Waiting) -> None:
    """A page without a script looks each time that it is loaded: one look, one answer."""
    waiting.progress.look()
    assert await waiting.rounds(4) == [FOUND]
    assert waiting.asked == 1


@pytest.mark.parametrize("pages", [1, 20])
async def test_the_clock_decides(waiting: Waiting, pages: int) -> None:
    """However many pages are open; what has not changed is not said again."""
    assert await waiting.rounds(6, pages) == [FOUND]
    assert 1 < waiting.asked <= 6


async def test_nothing_is_offered_to_a_session_that_runs(waiting: Waiting) -> None:
    """Nor while Slurm does not answer."""
    waiting.progress.say(25, "Slurm is silent.", stage="queue", unknown_since="2026-11-29T12:00:00Z")
    waiting.progress.say(60, "It runs.", stage="environment")
    assert await waiting.rounds(3, 1) == []
    assert waiting.asked == 0


async def test_nobody_knows(waiting: Waiting) -> None:
    """That is no offer, and it is looked again."""
    waiting.answer = SlurmUnavailable("Slurm does not answer.", log="no answer")
    assert await waiting.rounds(4, 1) == [[]]
    assert waiting.asked > 1
