"""The stop of somebody else's session: what may be said to its user, and whose stop it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.scopes import Scope

from spawner.errors import RequestRejected
from spawner.hub.stopping import LONGEST_WHY, note_stop, read_why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ""),
        ("  The node is\nneeded.\t", "The node is needed."),
        ("<b>È tardi</b>", "<b>È tardi</b>"),
        ("a" * LONGEST_WHY, "a" * LONGEST_WHY),
    ],
)
def test_what_may_be_said(text: str, why: str) -> None:
    """One line of plain text; what looks like HTML is text as well, and is escaped where it is shown."""
    assert read_why(text) == why


@pytest.mark.parametrize("text", ["a" * (LONGEST_WHY + 1), "a\x00b", "\x1b[31mred", "\u202egnorw", None, 5, ["a"]])
def test_what_may_not_be_said(text: object) -> None:
    """Too much, what cannot be seen, and what is no text."""
    with pytest.raises(RequestRejected, match="Why"):
        read_why(text)


@pytest.mark.parametrize(
    ("caller", "is_noted"),
    [
        (SimpleNamespace(name="ada", kind="user"), False),
        (SimpleNamespace(name="grace", kind="user"), True),
        (SimpleNamespace(name="ada", kind="service"), True),
    ],
)
def test_whose_stop_it_is(caller: Any, is_noted: bool) -> None:
    """One's own is no administrator's; a service is nobody's own."""
    noted: list[tuple[str, bool]] = []
    session = SimpleNamespace(stops_because_of_administrator=lambda why, *, does: noted.append((why, does)))
    spawner: Any = SimpleNamespace(user=SimpleNamespace(name="ada"), name="", session=session, last_end=None)
    handler: Any = SimpleNamespace(current_user=caller, parsed_scopes={"delete:servers": Scope.ALL})
    note_stop(handler, spawner, "Because.")
    note_stop(handler, spawner, "Because.", ordered=False)
    assert noted == ([("Because.", True), ("Because.", False)] if is_noted else [])


@pytest.mark.parametrize(
    ("allowed", "is_noted"),
    [
        ({"server": {"ada/"}}, False),
        ({"server": {"ada/other"}}, True),
        ({"server": {"ada/"}, "user": {"ada"}}, True),
        ({"group": {"course"}}, True),
        (Scope.ALL, True),
    ],
    ids=["share", "of-another", "of-all", "teacher", "admin"],
)
def test_a_guest_is_no_administrator(allowed: Any, is_noted: bool) -> None:
    """Whom the user has given a share with a Stop, of this server; who may stop all of the user's is one."""
    noted: list[str] = []
    session = SimpleNamespace(stops_because_of_administrator=lambda why, *, does: noted.append(why))
    spawner: Any = SimpleNamespace(user=SimpleNamespace(name="ada"), name="", session=session, last_end=None)
    guest = SimpleNamespace(name="grace", kind="user")
    handler: Any = SimpleNamespace(current_user=guest, parsed_scopes={"delete:servers": allowed})
    note_stop(handler, spawner, "Because.")
    assert noted == (["Because."] if is_noted else [])


def test_a_server_without_a_session() -> None:
    """Nothing is noted of a server that is not ours, or has none."""
    handler: Any = SimpleNamespace(current_user=SimpleNamespace(name="grace", kind="user"))
    others = SimpleNamespace(user=SimpleNamespace(name="ada"))
    over = SimpleNamespace(user=SimpleNamespace(name="ada"), session=None, last_end=None)
    for spawner in (others, over):
        note_stop(handler, spawner, "Because.")  # type: ignore[arg-type]
        assert not hasattr(spawner, "why")
