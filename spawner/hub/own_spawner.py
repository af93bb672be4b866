"""Which spawners are ours: a Hub may have others beside or around them."""

from __future__ import annotations

from typing import Any, cast

from .protocol import FormSpawner


def own_spawner(spawner: Any) -> FormSpawner | None:
    """Return the spawner of ours that a server has: its own, or the one that a wrapper such as wrapspawner's starts in its place.

    None where JupyterHub starts the server with somebody else's: of that one only JupyterHub's own attributes are known.
    """
    for found in (spawner, getattr(spawner, "child_spawner", None)):
        if hasattr(found, "last_end"):
            return cast("FormSpawner", found)
    return None
