"""Places that users have in turns."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from spawner.turns import Turns


class Crowd:
    """Users who want a place, and who had one when."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.began: list[str] = []
        self.here: Counter[str] = Counter()
        self.most_of: Counter[str] = Counter()
        self.most = 0
        self.go = asyncio.Event()

    async def want(self, user: str) -> None:
        """Have a place until :attr:`go`, and for a moment after."""
        async with self.turns.turn(user):
            self.began.append(user)
            self.here[user] += 1
            self.most = max(self.most, self.here.total())
            self.most_of[user] = max(self.most_of[user], self.here[user])
            await self.go.wait()
            await asyncio.sleep(0)
            self.here[user] -= 1

    async def all_want(self, *users: str) -> list[asyncio.Task[None]]:
        """Have them ask in this order."""
        tasks = [asyncio.ensure_future(self.want(user)) for user in users]
        await asyncio.sleep(0)
        return tasks


async def test_so_many_at_once() -> None:
    """In all and of each user; all have had a place in the end, and none is left taken."""
    crowd = Crowd(Turns(4, 2))
    users = [*["mallory"] * 20, *[f"user{number}" for number in range(10)]]
    tasks = await crowd.all_want(*users)
    assert Counter(crowd.began) == {"mallory": 2, "user0": 1, "user1": 1}
    assert crowd.turns.waiting == 26
    crowd.go.set()
    await asyncio.gather(*tasks)
    assert (crowd.most, crowd.most_of["mallory"]) == (4, 2)
    assert Counter(crowd.began) == Counter(users)
    assert crowd.turns.waiting == 0
    assert crowd.turns.is_free("mallory")


async def test_each_in_turn() -> None:
    """Whoever asks once is not behind all that somebody else asked for before."""
    crowd = Crowd(Turns(1))
    tasks = await crowd.all_want(*["mallory"] * 5, "ada", "ben")
    crowd.go.set()
    await asyncio.gather(*tasks)
    assert crowd.began == ["mallory", "mallory", "ada", "ben", "mallory", "mallory", "mallory"]


async def test_who_leaves_the_line() -> None:
    """Their place in it is nobody's, and those behind them move up."""
    crowd = Crowd(Turns(1))
    tasks = await crowd.all_want("ada", "ben", "cleo")
    tasks[1].cancel()
    await asyncio.wait({tasks[1]})
    assert crowd.turns.waiting <= 2
    crowd.go.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert crowd.began == ["ada", "cleo"]


async def test_who_leaves_as_their_turn_comes() -> None:
    """The place goes to the next one."""
    crowd = Crowd(Turns(1))
    tasks = await crowd.all_want("ada", "ben", "cleo")
    crowd.go.set()
    crowd.turns._give_back("ada")  # ben's place is given, and he has not heard of it yet
    tasks[1].cancel()
    crowd.turns._taken["ada"] += 1
    await asyncio.wait(tasks)
    assert crowd.began == ["ada", "cleo"]
    assert crowd.turns.is_free("dora")


async def test_a_place_is_given_back_after_a_failure() -> None:
    """Whatever goes wrong in it."""
    turns = Turns(1)

    async def fail() -> None:
        async with turns.turn("ada"):
            assert not turns.is_free("ben")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert turns.is_free("ben")


async def test_a_free_place() -> None:
    """Who has none of their own left leaves it to others."""
    turns = Turns(3, 1)
    async with turns.turn("ada"):
        assert not turns.is_free("ada")
        assert turns.is_free("ben")


async def test_a_place_for_so_long() -> None:
    """Who takes long goes on, and holds nobody up any more; the place is given back once."""
    turns = Turns(1)
    async with turns.turn("ada", at_most=0.05):
        async with turns.turn("ben"):
            assert not turns.is_free("cleo")
        assert turns.is_free("cleo")
    async with turns.turn("ben"):
        assert not turns.is_free("cleo")
