"""The settings of the Hub's class of spawners, for what is asked without a spawner of ours at hand."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from traitlets import DefaultHandler
from traitlets.config import Config, Configurable

from .protocol import HubApplication, HubHandler, OfUser
from .settings.spawner import SpawnerSettings
from .state import HubState

BASE_SECTIONS = ("Spawner", "ResourceFormSpawner")


class ClassSettings(SpawnerSettings, Configurable):
    """What the configuration says of the spawners' settings, in all sections that count for the Hub's class: a site's subclass has its own.

    What the subclass itself says of them, other defaults or other values, counts as well (:func:`settings_of`).

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


def settings_of(spawner_class: Any, config: Mapping[str, Any] | None) -> ClassSettings:
    """Return the settings of a class of spawners, with what a site's subclass declares of them in its own code."""
    declared = _declared_by(spawner_class) if isinstance(spawner_class, type) and issubclass(spawner_class, SpawnerSettings) else {}
    made = type(ClassSettings.__name__, (ClassSettings,), declared) if declared else ClassSettings
    settings: ClassSettings = made(spawner_class, config=config)
    return settings


def _declared_by(spawner_class: type) -> dict[str, Any]:
    """The traits, values and dynamic defaults that the class, or one between it and our settings, declares of these."""
    names, found = set(SpawnerSettings.class_trait_names(config=True)), dict[str, Any]()
    own = spawner_class.__mro__[: spawner_class.__mro__.index(SpawnerSettings)]
    for klass in reversed(own):
        for name, value in vars(klass).items():
            if isinstance(value, DefaultHandler) and value.trait_name in names:
                found[name] = _without_user(value)
            elif name in names and not callable(value) and not isinstance(value, property):
                found[name] = copy.copy(value)  # traitlets writes the class that has a trait into it
    return found


def _without_user(handler: DefaultHandler) -> DefaultHandler:
    """A dynamic default where there is no user: one that asks for the user leaves ours."""
    made, trait = copy.copy(handler), SpawnerSettings.class_traits()[handler.trait_name]

    def default(settings: Any) -> Any:
        try:
            return handler.func(settings)
        except AttributeError:
            return trait.default(settings)

    made.func = default  # type: ignore[assignment]
    return made


def class_settings(owner: HubApplication | HubHandler | OfUser | HubState) -> ClassSettings:
    """Return the settings of the class of spawners of a Hub; made once."""
    state = owner if isinstance(owner, HubState) else HubState.of(owner)
    settings = state.settings
    return state.part(ClassSettings, lambda: settings_of(settings.get("spawner_class"), settings.get("config")))
