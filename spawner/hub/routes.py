"""Every address that the Hub serves for us, and how our handlers get into the Hub, whatever the order in which packages are imported."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

# Imported for its effect: it registers a handler that lets a job set any attribute of the spawner, which we take out again.
import batchspawner.api  # noqa: F401
from jupyterhub import apihandlers, handlers
from jupyterhub.app import JupyterHub
from jupyterhub.handlers.pages import SpawnHandler

from .apihandlers.callback import PortHandler, SessionEndHandler, SessionGpusHandler, SessionMemoryHandler, SessionSetupHandler
from .apihandlers.check import CheckHandler
from .apihandlers.cluster import ClusterHandler
from .apihandlers.forward import ForwardHandler
from .apihandlers.gpu_reports import GpuReports
from .apihandlers.partitions import PartitionsHandler
from .apihandlers.presets import PresetsHandler
from .apihandlers.releases import ReleaseCheckHandler, ReleasesHandler
from .apihandlers.report import ReportHandler
from .apihandlers.saved_request import SavedRequestHandler
from .apihandlers.session_log import LogDownloadHandler, LogHandler
from .apihandlers.sessions import NewNamesHandler, SessionEventsHandler, SessionsHandler
from .apihandlers.stop import StopHandler
from .handlers.availability import AvailabilityHandler
from .handlers.class_page import PATH as CLASS_PATH
from .handlers.class_page import ClassPage
from .handlers.left_over import PATH as LEFT_OVER_PATH
from .handlers.left_over import LeftOverPage
from .handlers.messages import PATH as MESSAGES_PATH
from .handlers.messages import MessagesPage
from .handlers.over import PATH as OVER_PATH
from .handlers.over import OverPage
from .handlers.releases import PATH as RELEASES_PATH
from .handlers.releases import ReleasesPage
from .handlers.saved_request import PATH as SAVED_REQUEST_PATH
from .handlers.saved_request import SavedRequestPage, SaveRequest
from .handlers.session_log import LogDownloadPage, LogPage
from .handlers.sessions import NewSessionPage, SessionsPage
from .handlers.stale import FormPage
from .handlers.static import StaticHandler
from .handlers.stop import PATH as STOP_PATH
from .handlers.stop import StopPage
from .handlers.switch import PATH as SWITCH_PATH
from .handlers.switch import SwitchHandler


def _settings_of_the_hub() -> MutableMapping[str, Any]:
    return JupyterHub.instance().tornado_settings  # type: ignore[no-any-return]


GPU_REPORTS = "/api/resource-form/gpu-reports"
API = [
    (r"/api/resource-form/cluster", ClusterHandler),
    (r"/api/batchspawner", PortHandler),
    (r"/api/resource-form/check", CheckHandler),
    (r"/api/resource-form/own-end", SessionEndHandler),
    (r"/api/resource-form/own-gpus", SessionGpusHandler),
    (r"/api/resource-form/own-memory", SessionMemoryHandler),
    (r"/api/resource-form/own-setup", SessionSetupHandler),
    (r"/api/resource-form/log", LogHandler),
    (r"/api/resource-form/log/download", LogDownloadHandler),
    (r"/api/resource-form/sessions", SessionsHandler),
    (r"/api/resource-form/sessions/events", SessionEventsHandler),
    (r"/api/resource-form/new-names", NewNamesHandler),
    (r"/api/resource-form/stop", StopHandler),
    (r"/api/resource-form/partitions", PartitionsHandler),
    (r"/api/resource-form/forward", ForwardHandler),
    (r"/api/resource-form/presets", PresetsHandler),
    (r"/api/resource-form/releases", ReleasesHandler),
    (r"/api/resource-form/request", SavedRequestHandler),
    (r"/api/resource-form/report", ReportHandler),
    (r"/api/resource-form/releases/([^/]+)/check", ReleaseCheckHandler),
]
# Reports of GPUs are by far the most frequent requests, and the Hub looks through its pages first.
PAGES = [
    (GPU_REPORTS, GpuReports(_settings_of_the_hub)),
    (r"/resource-form/availability", AvailabilityHandler),
    (r"/resource-form/static/(.*)", StaticHandler),
    (r"/resource-form/log", LogPage),
    (r"/resource-form/log/download", LogDownloadPage),
    (r"/resource-form/sessions", SessionsPage),
    (r"/resource-form/new", NewSessionPage),
    (rf"/{STOP_PATH}", StopPage),
    (rf"/{SWITCH_PATH}", SwitchHandler),
    (rf"/{OVER_PATH}", OverPage),
    (rf"/{LEFT_OVER_PATH}", LeftOverPage),
    (rf"/{CLASS_PATH}", ClassPage),
    (rf"/{RELEASES_PATH}", ReleasesPage),
    (rf"/{MESSAGES_PATH}", MessagesPage),
    (rf"/{SAVED_REQUEST_PATH}", SavedRequestPage),
    (rf"/{SAVED_REQUEST_PATH}/file", SaveRequest),
]


def register_handlers() -> None:
    """Add our handlers to the Hub's own, once, and take out any other handler of the same address."""
    for registry, ours in ((apihandlers.default_handlers, API), (handlers.default_handlers, PAGES)):
        addresses = {entry[0] for entry in ours}
        kept: list[tuple[Any, ...]] = [entry for entry in registry if entry[0] not in addresses]
        registry[:] = [*ours, *((entry[0], FormPage, *entry[2:]) if entry[1] is SpawnHandler else entry for entry in kept)]
