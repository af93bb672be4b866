"""The names of servers: whatever a session is called, JupyterHub takes the address, and it is nobody else's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.request.field_values import LONGEST_NAME
from spawner.request.model import parse_request
from spawner.request.server_names import LONGEST_SERVER_NAME, MAX_COPIES, copies, server_name

try:
    from jupyterhub import slugs
except ImportError:  # JupyterHub 5 takes anything
    slugs = None


@pytest.mark.parametrize(
    ("words", "taken", "expected"),
    [
        pytest.param("Protein folding", (), "protein-folding", id="words"),
        pytest.param("  A -- b/c?  ", (), "a-b-c", id="signs"),
        pytest.param("Zoë", (), "zoe", id="accents"),
        pytest.param("3rd try", (), "session-3rd-try", id="a-letter-first"),
        pytest.param("数据", (), "session", id="no-letters-of-ours"),
        pytest.param("", (), "session", id="empty"),
        pytest.param("x" * 60, (), "x" * 30, id="long"),
        pytest.param("a" * 29 + " b", (), "a" * 29, id="cut-at-a-hyphen"),
        pytest.param("fit", ("fit",), "fit-2", id="taken"),
        pytest.param("fit", ("fit", "fit-2"), "fit-3", id="taken-twice"),
        pytest.param("x" * 30, ("x" * 30,), "x" * 28 + "-2", id="long-and-taken"),
        pytest.param("a" * 27 + " bc", ("a" * 27 + "-bc",), "a" * 27 + "-2", id="taken-and-cut-at-a-hyphen"),
        pytest.param("fit-2", ("fit-2",), "fit-2-2", id="numbered-and-taken"),
    ],
)
def test_server_name(words: str, taken: tuple[str, ...], expected: str) -> None:
    """Lower-case letters, digits and single hyphens, with a number where the name is taken."""
    assert server_name(words, taken) == expected


@pytest.mark.parametrize(
    ("name", "number", "names", "servers", "expected"),
    [
        pytest.param("fit", 2, ("fit",), ("fit",), [("fit-2", "fit-2"), ("fit-3", "fit-3")], id="two"),
        pytest.param("fit-2", 2, ("fit", "fit-2"), ("fit", "fit-2"), [("fit-3", "fit-3"), ("fit-4", "fit-4")], id="goes-on-counting"),
        pytest.param("Big run", 1, (), (), [("Big run-2", "big-run-2")], id="words"),
        pytest.param("fit", 1, ("fit", "fit-2"), (), [("fit-3", "fit-3")], id="name-is-taken"),
        pytest.param("fit", 1, (), ("fit-2", "fit-3"), [("fit-4", "fit-4")], id="server-is-taken"),
        pytest.param("", 1, (), (), [("session-2", "session-2")], id="no-name"),
        pytest.param("-7", 1, (), (), [("-7-2", "session-7-2")], id="a-number-alone"),
        pytest.param("x" * 60, 1, (), (), [("x" * 58 + "-2", "x" * 28 + "-2")], id="longest-name"),
        pytest.param("x" * 57 + " yz", 1, (), (), [("x" * 57 + "-2", "x" * 28 + "-2")], id="cut-at-a-blank"),
    ],
)
def test_copies(name: str, number: int, names: tuple[str, ...], servers: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    """NAME-2, NAME-3, and so on; what there is already is left out."""
    assert list(copies(name, number, names, servers)) == expected


def test_most_copies() -> None:
    """A mistyped number starts no thousand jobs."""
    assert len(copies("fit", 1000, (), ())) == MAX_COPIES


@given(st.text(max_size=LONGEST_NAME), st.integers(0, 4))
def test_jupyterhub_takes_all_of_them(words: str, number: int) -> None:
    """Each is a valid name of a server, each another one; the names that they are called by can be typed into the form."""
    first = server_name(words)
    given_names = copies(words, number, {words}, {first})
    found = [first, server_name(words, {first}), *(server for _name, server in given_names)]
    for server in found:
        assert 1 <= len(server) <= LONGEST_SERVER_NAME
        assert slugs is None or slugs.is_valid_safe_slug(server), server
    assert len({server for _name, server in given_names} | {first}) == number + 1
    assert len({name for name, _server in given_names} | {words}) == number + 1
    assert all(len(name) <= LONGEST_NAME for name, _server in given_names)
    if words.isprintable():
        assert all(parse_request({"name": name}).name for name, _server in given_names)
