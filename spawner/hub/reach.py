"""Whom a caller's scopes reach, found so that no answer tells by its time whether there is a user of some name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyterhub.scopes import Scope
from tornado import web

from .group_overrides import groups_of_hub
from .known import name_of
from .own_spawner import own_spawner
from .protocol import FormSpawner, HubHandler, HubSpawner, HubUser

OWN_SESSIONS = ("read:servers", "access:servers")
"""Scopes of which a caller has one who has to do with sessions: a session's own token has the second (``Spawner.server_token_scopes``)."""


def has_to_do_with_sessions(handler: HubHandler) -> bool:
    """Tell whether the caller's token is one for sessions at all, and not for a name or the like."""
    return any(scope in handler.parsed_scopes for scope in OWN_SESSIONS)


def user_within_reach(handler: HubHandler, name: str, *any_of: str) -> HubUser | None:
    """Return the user of a name if one of these scopes of the caller's may reach them, or one of their servers; None otherwise.

    A name that no scope could reach is not looked up: for the caller it is all the same whether there is such a user. Whether a scope
    reaches the user, or which of their servers, is the caller's to ask: :meth:`get_scope_filter`.
    """
    if not name or not any(_could_reach(handler.parsed_scopes.get(scope), name) for scope in any_of):
        return None
    return handler.find_user(name)


def user_asked_about(handler: HubHandler, *any_of: str) -> HubUser:
    """Return the user that a question is about, for whom the caller has one of these scopes: ``?user=``, else the caller.

    Raises
    ------
    HTTPError
        404 for a user that is none, or for whom the caller has no such scope: the two look alike.
    """
    caller = handler.current_user
    name = handler.get_argument("user", "") or (caller.name if getattr(caller, "kind", "user") == "user" else "")
    user = user_within_reach(handler, name, *any_of)
    if user is None or not any(handler.get_scope_filter(scope)(user.orm_user, "user") for scope in any_of):
        raise web.HTTPError(404, "There is no such user.")
    return user


def server_of_page(handler: Any, scope: str = "servers") -> HubSpawner:
    """Return the spawner of the server that a page is about, ``?server=`` of ``?user=``, the visitor where nobody is named.

    Raises
    ------
    HTTPError
        404 for one that there is not, or for which the visitor has no such ``scope``: the two look alike.
    """
    name, server = handler.get_query_argument("user", "") or handler.current_user.name, handler.get_query_argument("server", "")
    user = user_within_reach(handler, name, scope)
    if user is not None and (not server or server in user.orm_user.orm_spawners):
        spawner = user.spawners[server]
        if handler.get_scope_filter(scope)(spawner.orm_spawner, "server"):
            return spawner
    raise web.HTTPError(404, "There is no such session.")


def spawner_asked_about(handler: HubHandler) -> FormSpawner:
    """Return the spawner of ours that a question is about: ``?user=`` and ``?server=``; one's own default server where nothing is said.

    Raises
    ------
    HTTPError
        404: :func:`user_asked_about`, of whose servers the caller may start; and for a server that is not ours.
    """
    user = user_asked_about(handler, "servers")
    server = handler.get_argument("server", "")
    own = own_spawner(user.get_spawner(server) if server in user.orm_user.orm_spawners else user.spawner)
    if own is None:
        raise web.HTTPError(404, "This server is none that is started as a job.")
    return own


def _could_reach(allowed: Any, name: str) -> bool:
    if allowed is None or allowed is Scope.ALL:
        return allowed is not None
    if name in allowed.get("user", ()) or allowed.get("group"):
        return True
    return any(server.startswith(f"{name}/") for server in allowed.get("server", ()))


def default_server_name(settings: Mapping[str, Any]) -> str:
    """Return the name of the server of who names none (``JupyterHub.default_server_name``); empty for the one without a name."""
    return str(settings.get("default_server_name") or "")


def is_active(user: HubUser, server: str) -> bool:
    """Tell whether a user's server runs, starts or stops. It is not made by the question."""
    if not server:
        return user.spawner.active
    return server in user.orm_user.orm_spawners and user.spawners[server].active


def may_have_server(scopes: Any, spawner: Any) -> bool:
    """Tell whether a caller may start and stop a server, by the caller's parsed scopes: a guest of a shared server may not."""
    allowed, owner = (scopes or {}).get("servers"), spawner.user
    if allowed is None or allowed is Scope.ALL:
        return allowed is not None
    groups = groups_of_hub(owner)
    named = owner.name in allowed.get("user", ()) or f"{owner.name}/{spawner.name}" in allowed.get("server", ())
    return bool(named or groups & set(allowed.get("group", ())))


def is_guest(scopes: Any, scope: str, spawner: HubSpawner) -> bool:
    """Tell whether a caller has a scope for one server alone, of which there are others: a share of it."""
    allowed = (scopes or {}).get(scope)
    if allowed is None or allowed is Scope.ALL:
        return False
    owner = name_of(spawner.user)
    return f"{owner}/{spawner.name}" in allowed.get("server", ()) and owner not in allowed.get("user", ())
