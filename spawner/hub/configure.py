"""``spawner.configure(c)``: the one line that a Hub's configuration needs."""

from __future__ import annotations

import gc
from typing import Any

from ..resources import folder


def page_templates() -> str:
    """The folder of our own version of the Hub's pages."""
    return str(folder("templates") / "hub")


def configure(c: Any) -> None:
    """Set a Hub up for this spawner.

    Sets the spawner class; adds our pages behind the site's own; and replaces two defaults of the Hub that do not fit a batch
    system: a session that waits in the queue must not count as one of a hundred that start at the same time, and sessions must
    outlive a restart of the Hub. Whatever the configuration file sets later wins.

    Parameters
    ----------
    c
        The configuration object of ``jupyterhub_config.py``.
    """
    c.JupyterHub.spawner_class = "resource-form"
    paths = c.JupyterHub.template_paths
    if isinstance(paths, list):
        c.JupyterHub.template_paths = [*paths, page_templates()]
    else:
        # Not a list yet but a promise of one: the Hub's own folder will stand at its end.
        paths.prepend([page_templates()])
    # jupyterhub.md T9: queued jobs count as pending spawns.
    c.JupyterHub.concurrent_spawn_limit = 0
    c.JupyterHub.cleanup_servers = False
    # A session that waits in the queue is taken up in the background; the Hub does not wait for it.
    c.JupyterHub.init_spawners_timeout = 1
    # A full run of Python's collector stops the Hub's loop. What is imported by now, four fifths of what it would look through on a large
    # cluster, is never let go: left out, a run takes a quarter of the time (benchmarks/README.md).
    gc.collect()
    gc.freeze()
