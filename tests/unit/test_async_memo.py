"""What is worked out of answers: once for all who ask, in a thread, and not kept if it fails."""

from __future__ import annotations

import asyncio
import threading

import pytest

from spawner.cache import AsyncMemo


async def test_once_for_all_who_ask() -> None:
    """Ten who ask at the same time and one later cost one computation, off the loop's thread."""
    derived: AsyncMemo[int] = AsyncMemo()
    threads: list[int] = []

    def compute() -> int:
        threads.append(threading.get_ident())
        return 7

    assert await asyncio.gather(*(derived.get("key", compute) for _ in range(10))) == [7] * 10
    assert await derived.get("key", compute) == 7
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()


async def test_another_key_is_worked_out_anew() -> None:
    """So many results are kept as were asked for, the oldest goes first."""
    derived: AsyncMemo[str] = AsyncMemo(2)
    made: list[str] = []

    def of(key: str) -> str:
        made.append(key)
        return key

    for key in ("a", "b", "a", "c", "b", "a"):
        assert await derived.get(key, lambda key=key: of(key)) == key
    assert made == ["a", "b", "c", "a"]


async def test_a_failure_is_not_kept() -> None:
    """Whoever waits hears of it; the next one asks anew."""
    derived: AsyncMemo[int] = AsyncMemo()

    def fails() -> int:
        raise ValueError("no")

    results = await asyncio.gather(*(derived.get("key", fails) for _ in range(3)), return_exceptions=True)
    assert [str(result) for result in results] == ["no"] * 3
    assert await derived.get("key", lambda: 1) == 1


async def test_one_who_goes_away_takes_nothing_from_the_others() -> None:
    """A page that is closed while it waits does not end what others wait for."""
    derived: AsyncMemo[int] = AsyncMemo()
    go_on = threading.Event()

    def compute() -> int:
        assert go_on.wait(10)
        return 1

    first = asyncio.ensure_future(derived.get("key", compute))
    second = asyncio.ensure_future(derived.get("key", compute))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert await second == 1
