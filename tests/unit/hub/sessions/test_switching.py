"""Sessions that are given up for another request: one order at a time, and each sentence once."""

from __future__ import annotations

import asyncio

from spawner.hub.sessions.switching import Switching
from tests.support.session_pages import FakeSpawner


async def test_an_order_at_a_time() -> None:
    """Of one server; it is carried out though nobody waits for it any more, and then another may come."""
    switching, go_on, done = Switching(), asyncio.Event(), []

    async def order() -> None:
        await go_on.wait()
        done.append(1)

    one, other = FakeSpawner(name="one"), FakeSpawner(name="other")
    task = switching.begin(one, order())  # type: ignore[arg-type]
    assert switching.is_under_way(FakeSpawner(name="one"))  # type: ignore[arg-type]
    assert not switching.is_under_way(other)  # type: ignore[arg-type]
    go_on.set()
    await task
    await asyncio.sleep(0)
    assert done == [1]
    assert not switching.is_under_way(one)  # type: ignore[arg-type]


async def test_an_order_that_fails_is_over() -> None:
    """What goes wrong leaves the server free for the next order."""
    switching, one = Switching(), FakeSpawner(name="one")

    async def order() -> None:
        raise RuntimeError("JupyterHub says no")

    await asyncio.wait({switching.begin(one, order())})  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not switching.is_under_way(one)  # type: ignore[arg-type]


def test_a_note_is_told_once() -> None:
    """On the page of the server that it is about, and of no other user's."""
    switching, one = Switching(), FakeSpawner(name="one")
    switching.note(one, "Somebody was faster.")  # type: ignore[arg-type]
    assert switching.take_note(FakeSpawner("grace", name="one")) == ""  # type: ignore[arg-type]
    assert [switching.take_note(one), switching.take_note(one)] == ["Somebody was faster.", ""]  # type: ignore[arg-type]
