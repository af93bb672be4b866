"""A JupyterHub spawner whose form becomes a Slurm job, and which knows what the cluster has free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .hub.configure import configure
    from .spawner import ResourceFormSpawner

__all__ = ["ResourceFormSpawner", "__version__", "configure"]


def __getattr__(name: str) -> Any:
    """The Hub's part, once somebody asks for it: the programs on compute nodes run where there is no JupyterHub."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import plugin

    return getattr(plugin, name)
