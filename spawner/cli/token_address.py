"""The address of a session with a token in it, for who asks for one. Standard library only."""

from __future__ import annotations

import contextlib
from urllib.parse import quote

from .hub_client import Hub, HubTrouble
from .servers import Servers

LIFE_SECONDS = 3600
"""So long the token is good for a log-in; the browser is logged in for longer then. Whoever sees the address can use it."""


def address_with_token(servers: Servers, name: str, address: str) -> str:
    """Return the address with a new token, which lets in to this session alone; empty where sessions take none there.

    JupyterHub 5 and later take no token in an address unless the site lets them (JUPYTERHUB_ALLOW_TOKEN_IN_URL), so it is tried; one
    that is of no use is revoked.

    Raises
    ------
    HubTrouble
        The Hub makes no token, as for one of the user's that may not.
    """
    user = quote(servers.user, safe="")
    scope = f"access:servers!server={servers.user}/{name}"
    asked = {"note": "resource-form launch --with-token", "expires_in": LIFE_SECONDS, "scopes": [scope]}
    made = servers.hub.read("POST", f"users/{user}/tokens", asked)
    token = str(made.get("token") or "")
    try:
        Hub(f"{address.rstrip('/')}/api", "").ask("GET", f"status?token={quote(token, safe='')}")
    except HubTrouble:
        with contextlib.suppress(HubTrouble):
            servers.hub.ask("DELETE", f"users/{user}/tokens/{quote(str(made.get('id') or ''), safe='')}")
        return ""
    return f"{address}?token={quote(token, safe='')}"
