"""All of the spawner's settings together."""

from __future__ import annotations

from .form import FormSettings
from .history import HistorySettings
from .idle import IdleGpuSettings
from .job import JobSettings
from .storage import StorageSettings


class SpawnerSettings(FormSettings, JobSettings, IdleGpuSettings, HistorySettings, StorageSettings):
    """The traits of the spawner, checked when they are set."""
