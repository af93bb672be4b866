"""Puts our handlers into the Hub, whatever the order in which packages are imported."""

from __future__ import annotations

from typing import Any

# Imported for its effect: it registers a handler that lets a job set any attribute of the spawner, which we take out again.
import batchspawner.api  # noqa: F401
from jupyterhub import apihandlers, handlers

from .apihandlers import gpu_reports, session_log
from .apihandlers.check import CheckHandler
from .apihandlers.cluster import API_HANDLERS, PAGE_HANDLERS
from .handlers import sessions, stop
from .sessions import feed, gpus

API = [
    *API_HANDLERS,
    (r"/api/resource-form/check", CheckHandler),
    *gpus.API_HANDLERS,
    *session_log.API_HANDLERS,
    *feed.API_HANDLERS,
    *sessions.API_HANDLERS,
]
# Reports of GPUs are by far the most frequent requests, and the Hub looks through its pages first.
PAGES = [*gpu_reports.HANDLERS, *PAGE_HANDLERS, *session_log.PAGE_HANDLERS, *sessions.PAGE_HANDLERS, *stop.PAGE_HANDLERS]
"""All that the Hub serves for us."""


def register_handlers() -> None:
    """Add our handlers to the Hub's own, once, and take out any other handler of the same address."""
    for registry, ours in ((apihandlers.default_handlers, API), (handlers.default_handlers, PAGES)):
        addresses = {entry[0] for entry in ours}
        kept: list[tuple[Any, ...]] = [entry for entry in registry if entry[0] not in addresses]
        registry[:] = [*ours, *kept]
