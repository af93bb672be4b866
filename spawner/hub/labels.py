"""What the admin's catalogue calls releases and interfaces, for all that is said of sessions."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import CatalogueError, ResourceFormError
from ..site.catalogue import BUILT_IN_LABELS, PLAIN_CATALOGUE, Catalogue, CatalogueFile, Labels, parse_catalogue
from .class_settings import class_settings
from .protocol import HubApplication, HubHandler, Log, OfUser
from .settings.spawner import SpawnerSettings
from .state import HubState

LOOK_SECONDS = 10.0
"""The file is looked at so often at most: there may be thousands of sessions to speak of, and it may lie on a slow disk."""


class CatalogueFiles(dict[str, CatalogueFile]):
    """The files of catalogues, by their paths: each is read once for all users of a Hub, and its mistakes are logged once."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def at(self, path: str) -> CatalogueFile:
        """Return the file at a path."""
        if path not in self:
            self[path] = CatalogueFile(path, self._say)
        return self[path]

    def _say(self, error: ResourceFormError) -> None:
        self._log.error("The catalogue of releases is broken, the last good one stays: %s", error.log)


def catalogue_files(state: HubState) -> CatalogueFiles:
    """Return the files of a Hub's catalogues."""
    return state.part(CatalogueFiles, lambda: CatalogueFiles(state.log))


class KnownLabels:
    """The labels of a Hub's catalogue.

    Parameters
    ----------
    settings
        Those of the Hub's class of spawners: a past session has no spawner.
    clock
        Seconds that only grow.
    """

    def __init__(self, settings: SpawnerSettings, files: CatalogueFiles, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._files = files
        self._clock = clock
        self._read: Catalogue | None = None
        self._labels = BUILT_IN_LABELS
        self._looked: float | None = None

    def now(self) -> Labels:
        """Return the labels; the same object for as long as the catalogue is the same, and the last ones where it cannot be read."""
        now = self._clock()
        if self._looked is None or now - self._looked >= LOOK_SECONDS:
            self._looked = now
            catalogue = self._catalogue()
            if catalogue is not None and catalogue is not self._read:
                self._read, self._labels = catalogue, catalogue.labels()
        return self._labels

    def _catalogue(self) -> Catalogue | None:
        try:
            if self._settings.catalogue_file:
                return self._files.at(self._settings.catalogue_file).current()
            # What is in the configuration does not change while the Hub runs.
            return self._read or parse_catalogue(self._settings.catalogue or PLAIN_CATALOGUE)
        except CatalogueError:  # the form says so, and the log
            return None


def labels_of(owner: HubApplication | HubHandler | OfUser | HubState) -> Labels:
    """Return what the catalogue of a Hub calls releases and interfaces now."""
    state = owner if isinstance(owner, HubState) else HubState.of(owner)
    return state.part(KnownLabels, lambda: KnownLabels(class_settings(state), catalogue_files(state))).now()
