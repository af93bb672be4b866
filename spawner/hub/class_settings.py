"""The settings of the Hub's class of spawners, for what is asked without a spawner of ours at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets.config import Config, Configurable

from .protocol import HubApplication, HubHandler, OfUser
from .settings.spawner import SpawnerSettings
from .state import HubState

BASE_SECTIONS = ("Spawner", "ResourceFormSpawner")


class ClassSettings(SpawnerSettings, Configurable):
    """What the configuration says of the spawners' settings, in all sections that count for the Hub's class: a site's subclass has its own.

    Parameters
    ----------
    spawner_class
        The Hub's; one that has none of our settings counts as ours.
    """

    def __init__(self, spawner_class: Any = None, config: Mapping[str, Any] | None = None) -> None:
        is_ours = isinstance(spawner_class, type) and issubclass(spawner_class, SpawnerSettings) and hasattr(spawner_class, "section_names")
        self._sections: tuple[str, ...] = tuple(spawner_class.section_names()) if is_ours else BASE_SECTIONS
        # The sections have settings of JupyterHub's as well, which traitlets would warn of here.
        known = set(self.class_trait_names(config=True))
        sections = {name: (config or {}).get(name) or {} for name in self._sections}
        super().__init__(
            config=Config({name: {key: value for key, value in found.items() if key in known} for name, found in sections.items()})
        )

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of the sections that count, the most general first."""
        return self._sections

    def section_names(self) -> list[str]:  # type: ignore[override]
        """Return the names of the sections, the most general first; traitlets reads them."""
        return list(self._sections)


def class_settings(owner: HubApplication | HubHandler | OfUser | HubState) -> ClassSettings:
    """Return the settings of the class of spawners of a Hub; made once."""
    state = owner if isinstance(owner, HubState) else HubState.of(owner)
    settings = state.settings
    return state.part(ClassSettings, lambda: ClassSettings(settings.get("spawner_class"), config=settings.get("config")))
