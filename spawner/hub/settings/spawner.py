"""All of the spawner's settings together."""

from __future__ import annotations

from .form import FormSettings
from .help import SettingsHelp
from .history import HistorySettings
from .idle import IdleGpuSettings
from .job import JobSettings
from .messages import MessageSettings
from .storage import StorageSettings


class SpawnerSettings(FormSettings, JobSettings, IdleGpuSettings, MessageSettings, HistorySettings, StorageSettings, SettingsHelp):
    """The traits of the spawner, checked when they are set.

    The help stands last. It is Configurable, as JupyterHub's own class is: what follows it comes behind that class, and then a setting
    of the same name (``start_timeout``, ``poll_interval``) would be JupyterHub's.
    """
