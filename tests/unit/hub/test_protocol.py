"""What the type checker is told of JupyterHub's objects is true of the installed JupyterHub; mypy itself compares our own class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.objects import Hub
from jupyterhub.proxy import Proxy as JupyterHubProxy
from jupyterhub.user import User

from spawner.hub.protocol import HubAddress, HubApplication, HubHandler, HubSpawner, HubUser, OrmSpawner, OrmUser, Proxy
from spawner.spawner import ResourceFormSpawner

SET_LATER = {"hub", "tornado_application", "request", "parsed_scopes", "db", "proxy", "_stop_future"}
"""What comes with each request, when the Hub is initialised, and with a Stop."""

NOTHING = object()


def a_user() -> User:
    """As the Hub makes them of what its database has."""
    db = orm.new_session_factory("sqlite:///:memory:")()
    row = orm.User(name="ada")
    db.add(row)
    db.commit()
    return User(row, {"base_url": "/"}, db)


def has(instance: Any, name: str) -> bool:
    """Whether it has the attribute; properties are called only where there is nothing else to look at."""
    return inspect.getattr_static(instance, name, NOTHING) is not NOTHING or hasattr(instance, name)


def members_of(protocol: type) -> set[str]:
    """All names that the protocol promises."""
    own = {
        name for name in vars(protocol) if not name.startswith("__") and name not in ("_abc_impl", "_is_protocol", "_is_runtime_protocol")
    }
    return own | set(protocol.__annotations__)


@pytest.mark.parametrize(
    ("protocol", "make"),
    [
        (HubSpawner, ResourceFormSpawner),
        (HubUser, a_user),
        (HubApplication, JupyterHub),
        (HubHandler, lambda: BaseHandler.__new__(BaseHandler)),
        (HubAddress, Hub),
        (Proxy, JupyterHubProxy),
        (OrmUser, lambda: orm.User(name="ada")),
        (OrmSpawner, lambda: orm.Spawner(name="")),
    ],
)
def test_jupyterhub_has_it(protocol: type, make: Callable[[], Any]) -> None:
    """Each attribute and method."""
    instance, members = make(), members_of(protocol)
    assert members
    assert [name for name in sorted(members - SET_LATER) if not has(instance, name)] == []


def test_what_is_missing_is_found() -> None:
    """The comparison compares."""
    assert [name for name in sorted(members_of(Proxy)) if not has(SimpleNamespace(add_user=1), name)] == ["delete_user"]
