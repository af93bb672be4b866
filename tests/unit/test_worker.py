"""One thread for what takes long, in which users take turns."""

from __future__ import annotations

import asyncio
import threading

import pytest

from spawner.cache import AsyncMemo
from spawner.i18n import _, using
from spawner.worker import FOR_ALL, run_in_worker, working_for


class Gate:
    """Work that holds the thread until it is let go, and notes what ran after it."""

    def __init__(self) -> None:
        self.is_held = threading.Event()
        self.let_go = threading.Event()
        self.ran: list[str] = []

    def hold(self) -> None:
        self.is_held.set()
        assert self.let_go.wait(10)

    async def for_user(self, user: str, name: str) -> None:
        """Have ``name`` noted, for a user."""
        working_for.set(user)
        await run_in_worker(lambda: self.ran.append(name))


async def held() -> tuple[Gate, asyncio.Task[None]]:
    """A thread that is busy."""
    gate = Gate()
    first = asyncio.ensure_future(run_in_worker(gate.hold))
    await asyncio.to_thread(gate.is_held.wait, 10)
    return gate, first


async def test_users_take_turns() -> None:
    """Whoever asks once comes right after the first of whoever asked a hundred times before."""
    gate, first = await held()
    tasks = [asyncio.ensure_future(gate.for_user("mallory", f"m{number}")) for number in range(100)]
    await asyncio.sleep(0)
    tasks += [asyncio.ensure_future(gate.for_user(user, user)) for user in ("ada", "ben")]
    await asyncio.sleep(0)
    gate.let_go.set()
    await asyncio.gather(first, *tasks)
    assert gate.ran[:4] == ["m0", "ada", "ben", "m1"]
    assert gate.ran[3:] == [f"m{number}" for number in range(1, 100)]


async def test_what_is_for_all_waits_for_nobody_in_particular() -> None:
    """What is worked out once for everybody does not stand in the line of whoever asked first."""
    gate, first = await held()
    working_for.set("mallory")
    tasks = [asyncio.ensure_future(gate.for_user("mallory", f"m{number}")) for number in range(10)]
    await asyncio.sleep(0)
    memo: AsyncMemo[None] = AsyncMemo()
    tasks.append(asyncio.ensure_future(memo.get("key", lambda: gate.ran.append("for all"))))
    await asyncio.sleep(0)
    gate.let_go.set()
    await asyncio.gather(first, *tasks)
    assert gate.ran[:2] == ["m0", "for all"]


async def test_who_has_gone_takes_no_time() -> None:
    """Work of which nobody waits for the result any more is not begun."""
    gate, first = await held()
    gone = asyncio.ensure_future(gate.for_user("mallory", "gone"))
    stays = asyncio.ensure_future(gate.for_user("ada", "stays"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    gate.let_go.set()
    await asyncio.gather(first, stays)
    assert gate.ran == ["stays"]


async def test_what_fails_fails_for_who_asked() -> None:
    """And the next one has its turn."""
    with pytest.raises(ZeroDivisionError):
        await run_in_worker(lambda: 1 / 0)
    assert await run_in_worker(lambda: 2) == 2


async def test_in_the_language_of_who_asks() -> None:
    """And for whom the Hub works is known there too; nobody in particular by default."""
    assert await run_in_worker(working_for.get) == FOR_ALL
    working_for.set("ada")
    assert await run_in_worker(working_for.get) == "ada"
    with using("it"):
        assert await run_in_worker(lambda: _("The request has more than {most} values.")) == "La richiesta ha più di {most} valori."


def test_one_loop_after_the_other() -> None:
    """A loop that is gone leaves nothing behind for the next."""
    assert [asyncio.run(run_in_worker(lambda number=number: number)) for number in (1, 2)] == [1, 2]  # type: ignore[misc]
