"""Settings that say nothing to this spawner: none is taken in silence, and each has what to use instead."""

from __future__ import annotations

from typing import Any

import pytest
from batchspawner.batchspawner import BatchSpawnerBase, BatchSpawnerRegexStates, SlurmSpawner
from jupyterhub.spawner import Spawner
from traitlets.config import Config

from spawner.cluster.settings import ClusterSettings
from spawner.hub.class_settings import class_settings
from spawner.hub.settings.replaced import REPLACED, settings_without_effect
from spawner.plugin import ResourceFormSpawner

USED = {"ip", "start_timeout", "job_id", "job_status"}
"""Of batchspawner's traits: what this spawner has as well, and what is no setting but a session's."""

CLASSES = (BatchSpawnerBase, BatchSpawnerRegexStates, SlurmSpawner)
OWN = {name for kind in CLASSES for name in kind.class_own_traits()}


class SiteSpawner(ResourceFormSpawner):
    """A site's subclass."""


def found(config: Config, spawner_class: Any = ResourceFormSpawner) -> dict[str, str]:
    """The settings that are warned of."""
    state: Any = type("Handler", (), {"settings": {"spawner_class": spawner_class, "config": config}})
    return dict(settings_without_effect(config, class_settings(state).sections))


@pytest.mark.parametrize("name", sorted(OWN - USED))
def test_every_setting_of_batchspawner(name: str) -> None:
    """Whatever batchspawner lets an admin set is either used here or warned of."""
    assert REPLACED[name]
    assert list(found(Config({"SlurmSpawner": {name: "x"}}))) == [f"c.SlurmSpawner.{name}"]


def test_what_is_named_instead_is_there() -> None:
    """The settings of ours that the words name are settings of ours; and what is warned of is a setting."""
    for instead in REPLACED.values():
        for section, name in (
            (word.partition(".")[0], word.partition(".")[2]) for word in instead.replace(";", " ").replace(",", " ").split()
        ):
            if section == "ResourceFormSpawner":
                assert name in ResourceFormSpawner.class_trait_names(config=True), name
            elif section == "SlurmCluster":
                assert name in ClusterSettings.class_trait_names(config=True), name
            elif section == "Spawner":
                assert name in Spawner.class_trait_names(config=True), name
    assert set(REPLACED) - OWN <= set(Spawner.class_trait_names(config=True))


@pytest.mark.parametrize(
    ("sections", "warned"),
    [
        ({"BatchSpawnerBase": {"req_memory": "4gb"}}, ["c.BatchSpawnerBase.req_memory"]),
        (
            {"ResourceFormSpawner": {"req_partition": "gpu"}, "Spawner": {"mem_limit": "1G"}},
            ["c.Spawner.mem_limit", "c.ResourceFormSpawner.req_partition"],
        ),
        ({"SiteSpawner": {"exec_prefix": ""}}, ["c.SiteSpawner.exec_prefix"]),
        ({"Spawner": {"default_url": "/lab", "environment": {}, "cmd": ["x"], "notebook_dir": "~"}}, []),
        ({"TorqueSpawner": {"req_memory": "4gb"}}, []),
        (
            {"Spawner": {"group_overrides": {"big": {"groups": ["big"], "spawner_override": {"mem_limit": "8G", "environment": {}}}}}},
            ["mem_limit in c.Spawner.group_overrides['big']"],
        ),
        ({"Spawner": {"group_overrides": {"odd": None}}}, []),
    ],
)
def test_where_it_is_set(sections: dict[str, Any], warned: list[str]) -> None:
    """In whichever section that counts for the Hub's class, and no other; also for a group."""
    assert list(found(Config(sections), SiteSpawner)) == warned


def test_what_is_added_to() -> None:
    """``c.SlurmSpawner.req_options += …`` is a setting as well."""
    config = Config()
    config.SlurmSpawner.req_keepvars.append("X")
    assert list(found(config)) == ["c.SlurmSpawner.req_keepvars"]
