"""What the Hub imports: the spawner, the one line of its configuration, and, as it is imported, our handlers put into the Hub."""

from __future__ import annotations

from .hub.configure import configure
from .hub.idle_gpus import watch_idle_gpus
from .hub.orphans import sweep_with_the_hub
from .hub.refusal import install_log_filter
from .hub.register import register_handlers
from .spawner import ResourceFormSpawner

__all__ = ["ResourceFormSpawner", "configure"]

register_handlers()
install_log_filter()
sweep_with_the_hub(watch_idle_gpus)
