"""Users of the system: looked up once in a while, remembered in bounded room."""

from __future__ import annotations

import asyncio

import pytest

from spawner.cluster import users
from spawner.cluster.users import IDENTITY_SECONDS, Member, SystemUsers
from spawner.errors import SlurmRefused
from spawner.slurm.runner import Identity


class System:
    """The system's users, and how often each was looked up."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.asked: list[str] = []
        self.known = SystemUsers(lambda: self.now)
        monkeypatch.setattr(users, "_member", self.look_up)

    def look_up(self, name: str) -> Member:
        self.asked.append(name)
        if name == "nobody-here":
            raise KeyError(name)
        return Member(Identity(name, 1000, 1000, f"/home/{name}", "/bin/bash", (1000,)), frozenset({"staff"}))

    def member(self, name: str) -> Member:
        return asyncio.run(self.known.member(name))


def test_is_looked_up_again_after_some_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system says is kept for IDENTITY_SECONDS."""
    system = System(monkeypatch)
    assert system.member("ada") is system.member("ada")
    system.now += IDENTITY_SECONDS - 1
    system.member("ada")
    assert system.asked == ["ada"]
    system.now += 2
    assert system.member("ada").groups == {"staff"}
    assert system.asked == ["ada", "ada"]


def test_unknown_user_is_told_so_and_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an account no job could be theirs; the account may come later."""
    system = System(monkeypatch)
    for _attempt in range(2):
        with pytest.raises(SlurmRefused) as refused:
            system.member("nobody-here")
        assert refused.value.sentence == "You have no user account on this cluster. Ask the support for one."
    assert system.asked == ["nobody-here", "nobody-here"]


def test_who_was_looked_up_the_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many users there are, so many are remembered."""
    monkeypatch.setattr(users, "MAX_MEMBERS", 2)
    system = System(monkeypatch)
    for name in ("ada", "grace", "emmy", "grace", "emmy", "ada"):
        system.member(name)
    assert system.asked == ["ada", "grace", "emmy", "ada"]
