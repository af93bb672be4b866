"""Whether there is a user of some name is looked up only for whom it may matter."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.scopes import Scope

from spawner.hub.reach import has_to_do_with_sessions, user_within_reach


class Handler:
    """A handler with these scopes, on a Hub that has one user."""

    def __init__(self, **scopes: Any) -> None:
        self.parsed_scopes = {name.replace("_", ":"): allowed for name, allowed in scopes.items()}
        self.looked_up: list[str] = []
        self.ada = SimpleNamespace(name="ada")

    def find_user(self, name: str) -> Any:
        self.looked_up.append(name)
        return self.ada if name == "ada" else None


OF_BEN = {"user": {"ben"}}


@pytest.mark.parametrize("name", ["ada", "nobody", ""])
@pytest.mark.parametrize(
    "scopes", [{}, {"access_servers": OF_BEN}, {"read_users": Scope.ALL}, {"access_servers": {"server": {"adam/x", "ben/ada"}}}]
)
def test_out_of_reach(name: str, scopes: dict[str, Any]) -> None:
    """One that there is and one that there is not are the same, and cost the same."""
    handler: Any = Handler(**scopes)
    assert user_within_reach(handler, name, "access:servers", "admin:servers") is None
    assert handler.looked_up == []


@pytest.mark.parametrize(
    "scopes",
    [
        {"access_servers": Scope.ALL},
        {"admin_servers": Scope.ALL, "access_servers": OF_BEN},
        {"access_servers": {"user": {"ada"}}},
        {"access_servers": {"group": {"course"}}},
        {"access_servers": {"server": {"ada/x"}}},
    ],
)
def test_within_reach(scopes: dict[str, Any]) -> None:
    """By any of the scopes: all users, this one, perhaps a group of theirs, or a server of theirs."""
    handler: Any = Handler(**scopes)
    assert user_within_reach(handler, "ada", "access:servers", "admin:servers") is handler.ada


@pytest.mark.parametrize(
    ("scopes", "has"),
    [
        ({"read_servers": OF_BEN}, True),
        ({"access_servers": {"server": {"ben/x"}}}, True),
        ({"read_users:name": OF_BEN}, False),
        ({"users_activity": OF_BEN}, False),
        ({}, False),
    ],
)
def test_tokens_for_sessions(scopes: dict[str, Any], has: bool) -> None:
    """A session's own is one; one that may read a name, or tell of activity, is none."""
    handler: Any = Handler(**scopes)
    assert has_to_do_with_sessions(handler) is has
