"""What the Hub's handlers and pages share: the one SlurmCluster, folders of templates and files."""

from __future__ import annotations

import functools
import hashlib

from .._data import folder
from ..cluster.cluster import SlurmCluster
from .protocol import HubApplication, HubHandler, OfUser
from .state import HubState

PATIENCE_SECONDS = 5.0


def cluster_of(owner: HubApplication | HubHandler | OfUser) -> SlurmCluster:
    """Return the one SlurmCluster of the Hub that an application, a handler or a spawner belongs to."""
    return HubState.of(owner).cluster


def template_paths(handler: HubHandler) -> list[str]:
    """Return the admin's folders of templates."""
    return list(handler.config.ResourceFormSpawner.get("template_paths", []))


def page_templates() -> str:
    """Return the folder of our own version of the Hub's pages."""
    return str(folder("templates") / "hub")


STATIC = folder("share") / "resource_form" / "static"


@functools.cache
def static_version(name: str) -> str:
    """Return a short hash of a static file's content: its address changes when it does."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
