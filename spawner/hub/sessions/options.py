"""What is told of a server's ``user_options``: what it is called, and its request without what may be secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..known import value_of

SECRET_OPTIONS = frozenset({"environment"})
"""What a user has typed as a variable may be a password."""

SUMMARY = "profile"
"""The line that the other options are summed up in, for JupyterHub's admin page."""


def display_name(server: Any, options: Mapping[str, Any] | None = None) -> str:
    """Return what a server is called: what its user named it in ``options``, else JupyterHub's display name, else the server's name.

    Empty for a default server without any; pages call it "Default server", in their language. ``server`` is the Hub's ``orm.Spawner``.
    """
    given = (options or {}).get("name")
    return str(given or _known(server, "display_name") or _known(server, "name"))


def _known(server: Any, name: str) -> Any:
    # JupyterHub 5 has no display names.
    return value_of(server, name) if hasattr(type(server), name) or name in getattr(server, "__dict__", ()) else ""


def told_request(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that may be shown."""
    return {name: value for name, value in options.items() if name not in SECRET_OPTIONS}


def kept_request(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the record of past sessions keeps: the summary is made anew when it is read."""
    return {name: value for name, value in told_request(options).items() if name != SUMMARY}
