"""The settings of the Hub's class of spawners, as a spawner of it would have them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Unicode, default
from traitlets.config import Config

from spawner.hub.class_settings import class_settings
from spawner.hub.common import template_paths
from spawner.plugin import ResourceFormSpawner


class SiteSpawner(ResourceFormSpawner):
    """A site's subclass."""


def hub(spawner_class: Any, **sections: dict[str, Any]) -> Any:
    """A handler of a Hub with this class of spawners and this configuration."""
    return SimpleNamespace(settings={"spawner_class": spawner_class, "config": Config(sections)})


@pytest.mark.parametrize(
    ("spawner_class", "sections", "language"),
    [
        (ResourceFormSpawner, {}, ""),
        (ResourceFormSpawner, {"ResourceFormSpawner": {"language": "it"}}, "it"),
        (ResourceFormSpawner, {"SiteSpawner": {"language": "it"}}, ""),
        (SiteSpawner, {"SiteSpawner": {"language": "it"}}, "it"),
        (SiteSpawner, {"ResourceFormSpawner": {"language": "it"}, "SiteSpawner": {"language": "en"}}, "en"),
        (SiteSpawner, {"SlurmSpawner": {"language": "it"}}, "it"),
        (SimpleLocalProcessSpawner, {"ResourceFormSpawner": {"language": "it"}}, "it"),
        (None, {"Spawner": {"language": "it"}}, "it"),
    ],
)
def test_the_section_that_counts(spawner_class: Any, sections: dict[str, Any], language: str) -> None:
    """The class's own section wins over its parents'; where the class is another's, our settings are those of ours."""
    handler = hub(spawner_class, **sections)
    assert class_settings(handler).language == language
    if isinstance(spawner_class, type) and issubclass(spawner_class, ResourceFormSpawner):
        user = SimpleNamespace(settings=handler.settings, name="ada", url="/", orm_user=None)
        assert spawner_class(config=handler.settings["config"], user=user).language == language


class Declared(ResourceFormSpawner):
    """A subclass that says in its own code what a configuration could."""

    language = Unicode("it").tag(config=True)
    support_text = "ask the site"

    @default("notices_file")
    def _default_notices(self) -> str:
        return "/etc/site/notices.yaml"

    @default("catalogue_file")
    def _default_catalogue(self) -> str:
        return f"/etc/site/{self.user.name}.yaml"


class Below(Declared):
    """One below it."""

    @default("notices_file")
    def _default_notices(self) -> str:
        return "/etc/below/notices.yaml"


@pytest.mark.parametrize(
    ("spawner_class", "config", "expected"),
    [
        (Declared, {}, ("it", "ask the site", "/etc/site/notices.yaml")),
        (Below, {}, ("it", "ask the site", "/etc/below/notices.yaml")),
        (Below, {"Declared": {"language": "en", "notices_file": "/srv/n.yaml"}}, ("en", "ask the site", "/srv/n.yaml")),
    ],
)
def test_what_a_subclass_says_in_its_code(spawner_class: Any, config: dict[str, Any], expected: tuple[str, ...]) -> None:
    """Other defaults, fixed values and dynamic defaults are its spawners', and what is asked without one; a configuration wins as there."""
    handler = hub(spawner_class, **config)
    user = SimpleNamespace(settings=handler.settings, name="ada", url="/", orm_user=None)
    spawner = spawner_class(config=handler.settings["config"], user=user)
    for found in (spawner, class_settings(handler)):
        assert (found.language, found.support_text, found.notices_file) == expected
    assert spawner.catalogue_file == "/etc/site/ada.yaml"
    assert class_settings(handler).catalogue_file == ""
    assert Declared.class_traits()["language"].this_class is Declared


def test_lists_that_are_added_to() -> None:
    """``c.SiteSpawner.template_paths.append`` is a promise of a list."""
    config = Config()
    config.SiteSpawner.template_paths.append("/etc/site")
    handler: Any = SimpleNamespace(settings={"spawner_class": SiteSpawner, "config": config})
    assert template_paths(handler) == ["/etc/site"]
