"""The page of all sessions: its order, the links that fill the form anew, and the way to a new session under a name."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from jupyterhub import handlers
from jupyterhub.scopes import Scope

from spawner.hub import routes
from spawner.hub.apihandlers.sessions import NewNamesHandler, names_in_use
from spawner.hub.handlers.sessions import NewSessionPage, SessionsPage, form_link, may_do, new_session_link, newest_first
from spawner.request.model import parse_request

REQUEST = parse_request(
    {"cores": 2, "memory": "8G", "partition": "g100_int", "preset": "small", "name": "Fit & go", "color": "red"}
).options()


def session(**changes: Any) -> dict[str, Any]:
    """A session as programs get it, as far as the page's links need it."""
    return {
        "spawn_url": "/hub/spawn/ada/fit",
        "request": REQUEST,
        "change": {},
        "submitted": "2026-11-21T10:00:00Z",
        "ended": None,
        **changes,
    }


def filled_in(link: str) -> dict[str, str]:
    """What a link fills into the form."""
    return {name.removeprefix("opt-"): values[0] for name, values in parse_qs(urlsplit(link).query).items()}


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ({}, set()),
        ({"access:servers": {"server": {"ada/fit"}}}, {"open"}),
        ({"access:servers": {"server": {"ada/other"}}, "delete:servers": {"server": {"ada/fit"}}}, {"stop"}),
        ({"access:servers": {"user": {"ada"}}}, {"open", "log"}),
        ({"admin:servers": {"user": {"ada"}}, "access:servers": {"server": {"ada/fit"}}}, {"open", "log"}),
        ({"admin:servers": Scope.ALL, "delete:servers": Scope.ALL}, {"stop", "log"}),
    ],
    ids=["nothing", "a-share", "a-share-with-stop", "role-of-user", "administrator-of-user", "administrator"],
)
def test_what_a_visitor_may_do_with_a_session_of_others(scopes: dict[str, Any], allowed: set[str]) -> None:
    """As JupyterHub's scopes have it; the log is its user's file, and takes the user's servers, all of them."""
    may = may_do(SimpleNamespace(parsed_scopes=scopes, db=None))  # type: ignore[arg-type]
    assert {what for what, reach in may.items() if reach.of_server("ada", "fit")} == allowed


def test_newest_first() -> None:
    """What ended last stands first, beside what was submitted last; what has no time at all stands last."""
    old = session(ended="2026-11-20T10:00:00Z", submitted="2026-11-19T10:00:00Z")
    just_ended = session(ended="2026-11-21T11:00:00Z", submitted="2026-11-18T10:00:00Z")
    going_on = session()
    unknown = session(submitted=None)
    assert newest_first([unknown, old, going_on, just_ended]) == [just_ended, going_on, old, unknown]


def test_link_to_the_same_request() -> None:
    """All fields of the form, the name, the colour and the preset; nothing that is no field."""
    values = filled_in(form_link(session()))
    assert values["memory"] == "8G"
    assert (values["name"], values["color"], values["preset"]) == ("Fit & go", REQUEST["color"], "small")
    assert "profile" not in values
    assert parse_request(values).cores == 2


def test_link_to_a_changed_request() -> None:
    """What makes sense for another try is filled in; it is no preset any more."""
    ended = session(change={"memory": "16G"})
    values = filled_in(form_link(ended))
    assert values["memory"] == "16G"
    assert "preset" not in values
    assert filled_in(form_link(ended, change=False))["memory"] == "8G"


def test_link_of_a_server_that_never_ran() -> None:
    """There is nothing to fill in."""
    assert form_link(session(request={})) == "/hub/spawn/ada/fit"


def user(servers: dict[str, Any] | None = None, *, active: bool = False) -> SimpleNamespace:
    """A user with servers: their options, by name."""
    stored = {name: SimpleNamespace(user_options=options, display_name=name, name=name) for name, options in (servers or {}).items()}
    return SimpleNamespace(
        name="ada", escaped_name="ada", spawner=SimpleNamespace(active=active), orm_user=SimpleNamespace(orm_spawners=stored)
    )


def test_names_in_use() -> None:
    """What the user calls them, else what JupyterHub does."""
    assert names_in_use(user({"": None, "a": {"name": "Fit"}, "b": {}})) == {"": "", "a": "Fit", "b": "b"}


@pytest.mark.parametrize(
    ("query", "servers", "active", "named", "path", "values"),
    [
        pytest.param("", {}, False, True, "/hub/spawn/ada", {}, id="default-server"),
        pytest.param("name=", {}, True, True, "/hub/spawn/ada/session", {}, id="default-server-in-use"),
        pytest.param("name=Protein+folding", {}, False, True, "/hub/spawn/ada/protein-folding", {"name": "Protein folding"}, id="name"),
        pytest.param("name=Fit", {"fit": {}}, False, True, "/hub/spawn/ada/fit-2", {"name": "Fit"}, id="taken"),
        pytest.param("copy_of=Fit&opt-cores=4&opt-evil=1", {"fit": {"name": "Fit"}}, True, True, "/hub/spawn/ada/fit-2", {"name": "Fit-2", "cores": "4"}, id="clone"),
        pytest.param("name=//example.org/", {}, False, True, "/hub/spawn/ada/example-org", {"name": "//example.org/"}, id="address"),
        pytest.param("name=two&opt-cores=4", {}, False, False, "/hub/spawn/ada", {"cores": "4", "name": "two"}, id="no-named-servers"),
    ],
)  # fmt: skip
def test_new_session(query: str, servers: dict[str, Any], active: bool, named: bool, path: str, values: dict[str, str]) -> None:
    """Any words lead to a form of the user's own on this Hub, under an address that is free; nothing else is passed on."""
    given = {name: entries[0] for name, entries in parse_qs(query).items()}
    link = new_session_link(user(servers, active=active), given, hub_url="/hub/", named=named)
    assert link.split("?")[0] == path
    assert filled_in(link) == values


@pytest.mark.parametrize(
    ("query", "servers", "named", "path"),
    [
        pytest.param("", {}, True, "/hub/spawn/ada/main", id="none-yet"),
        pytest.param("", {"main": {}}, True, "/hub/spawn/ada/main", id="stopped"),
        pytest.param("name=Fit", {}, True, "/hub/spawn/ada/fit", id="name"),
        pytest.param("copy_of=Fit", {"fit": {"name": "Fit"}}, True, "/hub/spawn/ada/fit-2", id="clone"),
        pytest.param("", {}, False, "/hub/spawn/ada", id="no-named-servers"),
    ],
)
def test_another_server_is_the_default_one(query: str, servers: dict[str, Any], named: bool, path: str) -> None:
    """Where no name is given it is JupyterHub's ``default_server_name``."""
    given = {name: entries[0] for name, entries in parse_qs(query).items()}
    made = user(servers, active=True)
    made.spawners = {name: SimpleNamespace(active=False) for name in servers}
    assert new_session_link(made, given, hub_url="/hub/", named=named, default="main").split("?")[0] == path


def test_the_hub_serves_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered with the others."""
    served = list(handlers.default_handlers)
    monkeypatch.setattr(handlers, "default_handlers", served)
    routes.register_handlers()
    found = dict(entry[:2] for entry in served)
    assert found["/resource-form/sessions"] is SessionsPage
    assert found["/resource-form/new"] is NewSessionPage
    assert (r"/api/resource-form/new-names", NewNamesHandler) in routes.API
