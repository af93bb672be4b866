"""What the Hub imports: the spawner, the one line of its configuration, and, as it is imported, our handlers put into the Hub."""

from __future__ import annotations

from .hub.background.ends_soon import watch_ends
from .hub.background.gauges import install_gauges
from .hub.background.idle_gpus import watch_idle_gpus
from .hub.background.orphans import sweep_orphans
from .hub.background.precautions import advise_admin, warn_of_settings
from .hub.background.startup import begin_with_the_hub
from .hub.configure import configure
from .hub.errors import install_log_filter
from .hub.gate import install_gate
from .hub.handlers.static import compress_hubs_files
from .hub.pages import compare_class, install_pages
from .hub.protocol import HubApplication
from .hub.routes import register_handlers
from .spawner import ResourceFormSpawner

__all__ = ["ResourceFormSpawner", "configure"]


async def _tell_at_start(app: HubApplication) -> None:
    # Alembic and what else the doctor looks with is nothing that a Hub needs before it serves.
    from .cli.doctor.at_start import tell_at_start

    await tell_at_start(app)


register_handlers()
begin_with_the_hub(
    (install_log_filter, compare_class, install_pages, install_gate, install_gauges, compress_hubs_files),
    warn_of_settings,
    advise_admin,
    _tell_at_start,
    sweep_orphans,
    watch_idle_gpus,
    watch_ends,
)
