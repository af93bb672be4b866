"""What the Hub's handlers and pages share: the one SlurmCluster, all spawners, folders of templates and files."""

from __future__ import annotations

from .._data import folder
from ..cluster.cluster import SlurmCluster
from .class_settings import class_settings
from .protocol import HubApplication, HubHandler, HubSpawner, OfUser
from .state import HubState

PATIENCE_SECONDS = 5.0


def cluster_of(owner: HubApplication | HubHandler | OfUser) -> SlurmCluster:
    """Return the one SlurmCluster of the Hub that an application, a handler or a spawner belongs to."""
    return HubState.of(owner).cluster


def spawners_of(hub: HubApplication | HubHandler) -> list[HubSpawner]:
    """Return the spawners of all users that the Hub has an object of, as they are now."""
    return [spawner for user in list(hub.users.values()) for spawner in list(user.spawners.values())]


def template_paths(handler: HubHandler) -> list[str]:
    """Return the admin's folders of templates."""
    return list(class_settings(handler).template_paths)


def page_templates() -> str:
    """Return the folder of our own version of the Hub's pages."""
    return str(folder("templates") / "hub")
