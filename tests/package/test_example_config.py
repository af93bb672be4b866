"""``jupyterhub_config.example.py`` and the files of ``share/`` that a site copies: they load, and what they name exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from batchspawner import SlurmSpawner
from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator, LocalAuthenticator, PAMAuthenticator
from jupyterhub.proxy import ConfigurableHTTPProxy
from traitlets.config import Config

import spawner
from spawner.cluster.cluster import SlurmCluster
from spawner.hub.settings.bounds import ResourceFormBounds
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.site.catalogue import read_catalogue

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / "share" / "resource_form" / "jupyterhub_config.example.py"
CLASSES = {
    cls.__name__: cls
    for cls in (
        JupyterHub,
        Authenticator,
        LocalAuthenticator,
        PAMAuthenticator,
        ConfigurableHTTPProxy,
        SlurmCluster,
        spawner.ResourceFormSpawner,
        ResourceFormBounds,
    )
}
# Not class_own_traits: the traits stand in classes of their own, beside Configurable, from which they are inherited.
OWN_OPTIONS = {
    "SlurmCluster": SlurmCluster.class_traits(config=True),
    "ResourceFormBounds": ResourceFormBounds.class_traits(config=True),
    "ResourceFormSpawner": {
        **SpawnerSettings.class_traits(config=True),
        **{
            name: trait
            for name, trait in spawner.ResourceFormSpawner.class_traits(config=True).items()
            if name not in SlurmSpawner.class_traits(config=True)
        },
    },
}


def load(text: str, folder: Path) -> Config:
    """The configuration as JupyterHub reads it."""
    path = folder / "jupyterhub_config.py"
    path.write_text(text)
    hub = JupyterHub()
    hub.load_config_file(str(path))
    return hub.config


def with_examples(text: str) -> str:
    """The file with its commented-out settings brought to life."""
    return re.sub(r"^# (?=(c\.[A-Z]|    \"|\}))", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("text", [EXAMPLE.read_text(), with_examples(EXAMPLE.read_text())], ids=["as it is", "with all examples"])
def test_example_loads_and_names_only_what_exists(text: str, tmp_path: Path) -> None:
    """The file loads as it is and with every commented line brought to life; each option is a configurable trait of its class."""
    config = load(text, tmp_path)
    for name, section in config.items():
        assert name in CLASSES, f"c.{name}: there is no such class"
        traits = CLASSES[name].class_traits(config=True)
        for option in section:
            assert option in traits, f"c.{name}.{option}: there is no such option"
    assert config.JupyterHub.spawner_class == "resource-form"


def test_values_of_the_example_are_valid(tmp_path: Path) -> None:
    """Our own classes take every example value, as it is checked when the Hub starts."""
    config = load(with_examples(EXAMPLE.read_text()), tmp_path)
    made = spawner.ResourceFormSpawner(config=config)
    assert made.fields["walltime"] == {"default": "2h", "maximum": "8h"}
    assert made.port_range == "20000-20999"
    assert SlurmCluster(config=config).partitions == ["g100_int"]


def test_what_is_a_default_and_what_an_example(tmp_path: Path) -> None:
    """Each line that is commented out says so, and it is true; the bounds are all defaults, as their heading says."""
    config = load(with_examples(EXAMPLE.read_text()), tmp_path)
    wrong = []
    for section, name, rest in re.findall(r"^# c\.(\w+)\.(\w+) = (.*)$", EXAMPLE.read_text(), re.MULTILINE):
        if section not in OWN_OPTIONS:
            continue
        trait = OWN_OPTIONS[section][name]
        is_default = config[section][name] == trait.default()
        said = is_default if section == "ResourceFormBounds" else rest.endswith("# default")
        if said != is_default or (not is_default and "# example" not in rest):
            wrong.append(f"c.{section}.{name}: the default is {trait.default()!r}")
    assert wrong == []


def test_every_option_of_ours_is_in_the_example() -> None:
    """A site finds each of our options in the example, set or commented out."""
    text = EXAMPLE.read_text()
    for name, traits in OWN_OPTIONS.items():
        for option in traits.keys() - {"catalogue", "apply_user_options"}:
            assert f"c.{name}.{option} =" in text, option


def test_own_options_have_help() -> None:
    """Each option says what it does and what its default is."""
    for cls, traits in OWN_OPTIONS.items():
        for name, trait in traits.items():
            if name != "apply_user_options":
                assert "Default" in trait.help or "default" in trait.help, f"{cls}.{name}"


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("fields", {"core": {}}, "core"),
        ("fields", {"cores": {"maximum": "many"}}, "cores"),
        ("fields", {"cores": {"biggest": 3}}, "biggest"),
        ("port_range", "20000", "LOW-HIGH"),
        ("sbatch_options", ["-p debug"], "--name=value"),
    ],
)
def test_wrong_configuration_names_the_trait(trait: str, value: object, words: str) -> None:
    """A mistake in the configuration is refused when the Hub starts, with the trait's name and what is wrong."""
    config = Config({"ResourceFormSpawner": {trait: value}})
    with pytest.raises(Exception, match=f"ResourceFormSpawner.{trait}") as caught:
        spawner.ResourceFormSpawner(config=config)
    assert words in str(caught.value)


def test_example_catalogue_loads() -> None:
    """The example catalogue is one."""
    catalogue = read_catalogue(CHECKOUT / "share" / "resource_form" / "releases.example.yaml")
    assert [release.tag for release in catalogue.releases] == ["2026.10", "2024.04", "2022.04"]


def test_sudoers_file_is_valid() -> None:
    """sudo accepts the rule."""
    from private_slurm import packages

    packages.ensure_debian_packages(["sudo"])
    checked = subprocess.run(
        ["/usr/sbin/visudo", "-cf", str(CHECKOUT / "share" / "resource_form" / "sudoers")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
