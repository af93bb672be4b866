"""What the Hub's handlers and pages share: the one SlurmCluster, folders of templates and files."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

from .._data import folder
from ..cluster.cluster import SlurmCluster

PATIENCE_SECONDS = 5.0


def cluster_of(handler: Any) -> SlurmCluster:
    """The Hub's one SlurmCluster."""
    return SlurmCluster.instance(config=handler.config, log=handler.log)


def template_paths(handler: Any) -> list[str]:
    return list(handler.config.ResourceFormSpawner.get("template_paths", []))


def page_templates() -> str:
    """The folder of our own version of the Hub's pages."""
    return str(folder("templates") / "hub")


STATIC = folder("share") / "resource_form" / "static"


@functools.cache
def static_version(name: str) -> str:
    """A short hash of a static file's content: its address changes when it does."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
