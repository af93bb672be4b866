"""All of the spawner's settings together."""

from __future__ import annotations

from .form import FormSettings
from .help import SettingsHelp
from .history import HistorySettings
from .idle import IdleGpuSettings
from .job import JobSettings
from .storage import StorageSettings


class SpawnerSettings(SettingsHelp, FormSettings, JobSettings, IdleGpuSettings, HistorySettings, StorageSettings):
    """The traits of the spawner, checked when they are set."""
