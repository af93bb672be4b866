"""Whom a caller's scopes reach, found so that no answer tells by its time whether there is a user of some name."""

from __future__ import annotations

from typing import Any

from jupyterhub.scopes import Scope

from .protocol import HubHandler, HubUser

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


def _could_reach(allowed: Any, name: str) -> bool:
    if allowed is None or allowed is Scope.ALL:
        return allowed is not None
    if name in allowed.get("user", ()) or allowed.get("group"):
        return True
    return any(server.startswith(f"{name}/") for server in allowed.get("server", ()))
