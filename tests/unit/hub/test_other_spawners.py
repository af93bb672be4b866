"""Sections of other spawners that are left in a configuration: none is passed over in silence, and each setting has what to use instead."""

from __future__ import annotations

import pytest
from jupyterhub.spawner import Spawner
from traitlets.config import Config

from spawner.cluster.settings import ClusterSettings
from spawner.hub.settings.other_spawners import ANY_OTHER, OTHER_SPAWNERS, settings_of_other_spawners
from spawner.plugin import ResourceFormSpawner

CLASSES = {"ResourceFormSpawner": ResourceFormSpawner, "SlurmCluster": ClusterSettings, "Spawner": Spawner}


@pytest.mark.parametrize("section", OTHER_SPAWNERS)
def test_what_is_named_instead_is_there(section: str) -> None:
    """The settings of ours that the words name are settings of ours."""
    for instead in OTHER_SPAWNERS[section].values():
        for word in instead.replace(";", " ").replace(",", " ").split():
            name, dot, trait = word.partition(".")
            if name in CLASSES and dot:
                assert trait in CLASSES[name].class_trait_names(config=True), word


def test_each_setting_is_named() -> None:
    """Also one that nobody here knows; not those of a section that counts, as in a subclass of both."""
    config = Config({"SbatchForm": {"memory": {}, "new": 1}, "MOSlurmSpawner": {"partitions": {}}, "SlurmCluster": {"bin_dir": ""}})
    found = dict(settings_of_other_spawners(config, ("Spawner",)))
    assert list(found) == ["c.SbatchForm.memory", "c.SbatchForm.new", "c.MOSlurmSpawner.partitions"]
    assert found["c.SbatchForm.new"] == ANY_OTHER
    assert list(dict(settings_of_other_spawners(config, ("MOSlurmSpawner", "Spawner")))) == ["c.SbatchForm.memory", "c.SbatchForm.new"]
    assert list(settings_of_other_spawners(Config(), ())) == []
