"""``jupyterhub --help-all`` and ``--generate-config``: all of our settings, none of batchspawner's that have no effect."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from spawner import ResourceFormSpawner
from spawner.cluster.cluster import SlurmCluster
from spawner.hub.settings.replaced import REPLACED
from spawner.hub.settings.spawner import SpawnerSettings

OURS = sorted(set(SpawnerSettings.class_traits(config=True)) - set(REPLACED))
CLUSTERS = sorted(SlurmCluster.class_traits(config=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hub")


def jupyterhub(folder: Path, *words: str) -> str:
    """What the Hub's own command prints."""
    command = [sys.executable, "-m", "jupyterhub", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout


def test_all_that_can_be_set_is_in_the_help(folder: Path) -> None:
    """Of the spawner and of the cluster, each with its help."""
    text = jupyterhub(folder, "--help-all")
    lines = text.splitlines()
    for section, names in (("ResourceFormSpawner", OURS), ("SlurmCluster", CLUSTERS)):
        assert len(names) > 20
        assert [name for name in names if not any(line.startswith(f"--{section}.{name}=") for line in lines)] == []
    assert [name for name in REPLACED if f"--ResourceFormSpawner.{name}=" in text] == []
    assert "Path of slurm.conf, given to every Slurm command" in text
    assert "--SlurmSpawner.req_partition=" in text, "another spawner's own section stays as it is"


def test_all_that_can_be_set_is_in_a_generated_configuration(folder: Path) -> None:
    """It loads, and sets nothing; what stands behind each comment is Python."""
    jupyterhub(folder, "--generate-config", "-f", "generated.py")
    text = (folder / "generated.py").read_text()
    for section, names in (("ResourceFormSpawner", OURS), ("SlurmCluster", CLUSTERS)):
        assert [name for name in names if f"\n# c.{section}.{name} = " not in text] == []
    assert [name for name in REPLACED if f"\n# c.ResourceFormSpawner.{name} = " in text] == []
    assert "# c.SlurmSpawner.req_partition = " in text
    assert [type(node).__name__ for node in ast.parse(text).body] == ["Assign"], "c = get_config()"


def test_each_setting_is_ours() -> None:
    """Also those of which JupyterHub and batchspawner have one of the same name, with other defaults."""
    traits = ResourceFormSpawner.class_traits(config=True)
    assert [name for name in OURS if traits[name].this_class.__module__.partition(".")[0] != "spawner"] == []
    spawner = ResourceFormSpawner()
    assert (spawner.start_timeout, spawner.poll_interval) == (3600 + 300 + 60, 10)


def test_a_subclass_is_described_as_well() -> None:
    """Under its own name, with its own settings."""

    class SiteSpawner(ResourceFormSpawner):
        """A site's."""

    text = SiteSpawner.class_get_help()
    assert "--SiteSpawner.catalogue_file=" in text
    assert "--SiteSpawner.req_partition=" not in text


def test_the_hubs_other_commands_work(folder: Path) -> None:
    """They load the spawner, and start no Hub: nothing of one is there to be prepared."""
    (folder / "jupyterhub_config.py").write_text('c.JupyterHub.spawner_class = "resource-form"\nc.Authenticator.allowed_users = {"ada"}\n')
    jupyterhub(folder, "upgrade-db")
    token = jupyterhub(folder, "token", "ada").strip()
    assert len(token) >= 32
    assert token.isalnum()
