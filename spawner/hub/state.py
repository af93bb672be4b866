"""What one Hub remembers between requests: all of it hangs on the application, so that nothing outlives it or is shared with another."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Hashable, MutableMapping
from typing import Any, TypeVar

from ..bounds import Bounds
from ..cluster.cluster import SlurmCluster
from ..session.log_reader import SessionLogs
from ..turns import Turns
from .metrics.counts import HubCounts
from .protocol import HubApplication, HubHandler, OfUser
from .settings.bounds import ResourceFormBounds

Part = TypeVar("Part")

KEY = "resource_form_state"
"""The state's place among the application's settings."""

MAX_WARNINGS = 100
"""So many different mistakes of one kind are logged, each once; a function of the admin's may make another one for each user."""


class HubState:
    """What one JupyterHub application remembers: one object of each class that a module keeps between requests.

    Parameters
    ----------
    settings
        The application's own (``JupyterHub.tornado_settings``), with ``config`` and ``log``. Any mapping is a Hub of its own.
    """

    def __init__(self, settings: MutableMapping[str, Any]) -> None:
        self.settings = settings
        self._parts: dict[type[Any], Any] = {}

    @classmethod
    def of(cls, owner: HubApplication | HubHandler | OfUser) -> HubState:
        """Return the state of the Hub that an application, a handler or a spawner belongs to."""
        return cls.in_settings(_settings_of(owner))

    @classmethod
    def in_settings(cls, settings: MutableMapping[str, Any]) -> HubState:
        """Return the state of the Hub that has these settings, or handlers with these; it is made at the first call."""
        # tornado gives its handlers a copy of the application's settings.
        settings = getattr(settings.get("app"), "tornado_settings", settings)
        state = settings.get(KEY)
        if not isinstance(state, HubState):
            state = settings[KEY] = cls(settings)
        return state

    def part(self, kind: type[Part], make: Callable[[], Part] | None = None) -> Part:
        """Return this Hub's object of a class; the first call makes it, with ``make`` where the class takes arguments."""
        if kind not in self._parts:
            self._parts[kind] = make() if make is not None else kind()
        found: Part = self._parts[kind]
        return found

    @property
    def log(self) -> Any:
        """The Hub's log."""
        return self.settings.get("log") or logging.getLogger("tornado.application")

    @property
    def bounds(self) -> Bounds:
        """How much of anything this Hub takes."""
        return self.part(Bounds, lambda: ResourceFormBounds(config=self.settings.get("config"), log=self.log).bounds())

    @property
    def cluster(self) -> SlurmCluster:
        """The Hub's one SlurmCluster."""
        return self.part(
            SlurmCluster,
            lambda: SlurmCluster(config=self.settings.get("config"), log=self.log, bounds=self.bounds, counts=HubCounts()),
        )

    @property
    def starts(self) -> Turns:
        """The turns of the users whose sessions are being handed to Slurm."""
        return self.part(Turns, lambda: Turns(self.bounds.starts_in_all, self.bounds.starts))

    @property
    def session_logs(self) -> SessionLogs:
        """The logs that people look at now, shared by all pages and starts."""
        return self.part(SessionLogs, lambda: SessionLogs(self.cluster.runner))


def _settings_of(owner: Any) -> MutableMapping[str, Any]:
    found: Any = getattr(owner, "tornado_settings", None)
    if found is None:
        found = getattr(owner, "settings", None)
    return owner.user.settings if found is None else found  # type: ignore[no-any-return]


class AdminWarnings:
    """Which mistakes of the admin's the log has told of."""

    def __init__(self) -> None:
        self._told: set[tuple[str, Hashable]] = set()
        self._number: Counter[str] = Counter()

    def is_due(self, kind: str, mistake: Hashable) -> bool:
        """Tell whether to log a mistake: the first time, and :data:`MAX_WARNINGS` of a kind at most."""
        if (kind, mistake) in self._told or self._number[kind] >= MAX_WARNINGS:
            return False
        self._told.add((kind, mistake))
        self._number[kind] += 1
        return True
