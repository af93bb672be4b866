"""``spawner.configure(c)``: the one line that a Hub's configuration needs."""

from __future__ import annotations

import gc
import os
import re
from pathlib import Path
from typing import Any

from .apihandlers.gpu_reporters import SCOPE
from .json_lines import JsonLines

GPU_REPORT_SERVICE = "gpu-reports"

NAMED_SERVERS = 20
"""So many named servers may a user have where the site sets no limit."""

# Nodes' tokens are made from it, so it must not be one that can be guessed; a longer one JupyterHub does not know again.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,64}", re.ASCII)


def configure(c: Any, *, gpu_report_token_file: str | os.PathLike[str] | None = None, json_log: bool = False) -> None:
    """Set a Hub up for this spawner.

    Sets the spawner class; declares the scope ``custom:resource-form:gpu-reports``; and replaces
    defaults of the Hub that do not fit a batch system: a session that waits in the queue must not count as one of a hundred that
    start at the same time, sessions must outlive a restart of the Hub, and a user has :data:`NAMED_SERVERS` named servers at most.
    Whatever the configuration file sets later wins. Our pages need no setting: they are put behind the site's own when the Hub starts
    (:mod:`.pages`).

    Parameters
    ----------
    c
        The configuration object of ``jupyterhub_config.py``.
    gpu_report_token_file
        Where nodes report their GPUs: a file with a token of 32 to 64 letters and digits that not everybody can read. It becomes the
        token of a service of the Hub named ``gpu-reports``, with a role of that name that may do nothing but report.

        A line further down that sets ``c.JupyterHub.services`` or ``c.JupyterHub.load_roles`` anew takes both away again; use
        ``c.JupyterHub.services.append(…)`` there, or set them above.
    json_log
        The Hub's log is lines of JSON (:class:`.json_lines.JsonLines`), from the moment that the configuration file is read.

    Raises
    ------
    ValueError
        Everybody can read the token file, or it holds no such token.
    """
    c.JupyterHub.spawner_class = "resource-form"
    # Queued jobs count as pending spawns (docs/jupyterhub-facts.md#pending-spawns).
    c.JupyterHub.concurrent_spawn_limit = 0
    c.JupyterHub.cleanup_servers = False
    # A session that waits in the queue is taken up in the background; the Hub does not wait for it.
    c.JupyterHub.init_spawners_timeout = 1
    # Without a limit one user can start any number of sessions at once; the site's own limit stays.
    if "named_server_limit_per_user" not in c.JupyterHub:
        c.JupyterHub.named_server_limit_per_user = NAMED_SERVERS
    scope = {SCOPE: {"description": "Report what the GPUs of the nodes do."}}
    c.JupyterHub.custom_scopes = {**scope, **_set_so_far(c, "custom_scopes", {})}
    if gpu_report_token_file is not None:
        token = _read_token(Path(gpu_report_token_file))
        service = {"name": GPU_REPORT_SERVICE, "api_token": token}
        role = {"name": GPU_REPORT_SERVICE, "services": [GPU_REPORT_SERVICE], "scopes": [SCOPE]}
        c.JupyterHub.services = [*_set_so_far(c, "services", []), service]
        c.JupyterHub.load_roles = [*_set_so_far(c, "load_roles", []), role]
    if json_log:
        known = _set_so_far(c, "logging_config", {})
        console = {"class": f"{JsonLines.__module__}.{JsonLines.__name__}"}
        c.JupyterHub.logging_config = {**known, "formatters": {**known.get("formatters", {}), "console": console}}
    # A full run of Python's collector stops the Hub's loop. What is imported by now, four fifths of what it would look through on a large
    # cluster, is never let go: left out, a run takes a quarter of the time (benchmarks/README.md).
    gc.collect()
    gc.freeze()


def _set_so_far(c: Any, name: str, default: Any) -> Any:
    """What the configuration has set up to here; of these settings the Hub's own default is empty."""
    value = c.JupyterHub[name]
    return value.get_value(default) if hasattr(value, "get_value") else value


def _read_token(path: Path) -> str:
    if path.stat().st_mode & 0o007:
        raise ValueError(f"{path} holds a token: chmod 600 it, so that not everybody can read it")
    token = path.read_text(errors="replace").strip()
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"{path} must hold one token of 32 to 64 letters and digits")
    return token
