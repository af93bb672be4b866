"""A JupyterHub spawner whose form becomes a Slurm job, and which knows what the cluster has free."""

from ._version import __version__
from .hub.configure import configure
from .hub.orphans import sweep_with_the_hub
from .hub.refusal import install_log_filter
from .hub.register import register_handlers
from .spawner import ResourceFormSpawner

__all__ = ["ResourceFormSpawner", "__version__", "configure"]

register_handlers()
install_log_filter()
sweep_with_the_hub()
