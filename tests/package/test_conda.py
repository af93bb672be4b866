"""conda/recipe.yaml says of the package what setup.cfg says."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from spawner._version import __version__

CHECKOUT = Path(__file__).resolve().parents[2]
OTHER_NAMES = {"jupyterhub": "jupyterhub-base", "prometheus-client": "prometheus_client"}
"""By the name that an index of Python packages has: the one that conda-forge has. jupyterhub-base is JupyterHub without its proxy."""


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    loaded = yaml.safe_load((CHECKOUT / "conda" / "recipe.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def settings() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(CHECKOUT / "setup.cfg")
    return parser


def in_conda(text: str) -> list[str]:
    """The lines of a list of requirements as conda has them."""
    found = (re.fullmatch(r"([A-Za-z0-9-]+)(.*)", line.strip()) for line in text.splitlines() if line.strip())
    return [f"{OTHER_NAMES.get(each[1], each[1])} {each[2]}".strip() for each in found if each]


def test_it_needs_what_the_package_needs(recipe: dict[str, Any], settings: ConfigParser) -> None:
    python, *others = recipe["requirements"]["run"]
    assert python == f"python {settings['options']['python_requires']}"
    assert others == in_conda(settings["options"]["install_requires"])
    assert recipe["requirements"]["run_constraints"] == in_conda(settings["options.extras_require"]["gpu"])


def test_it_is_built_with_what_the_package_is_built_with(recipe: dict[str, Any]) -> None:
    (wanted,) = re.findall(r'^requires = \["([^"]+)"\]$', (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)
    assert in_conda(wanted)[0] in recipe["requirements"]["host"]
    assert recipe["build"]["noarch"] == "python"


def test_it_is_the_same_package(recipe: dict[str, Any], settings: ConfigParser) -> None:
    """Name, version, command and licence."""
    assert (recipe["package"]["name"], recipe["context"]["version"]) == (settings["metadata"]["name"], __version__)
    (command,) = recipe["build"]["python"]["entry_points"]
    assert f"\n{command}\n" in f"{settings['options.entry_points']['console_scripts']}\n"
    assert recipe["about"]["license"] == settings["metadata"]["license"]
    assert recipe["about"]["summary"] == settings["metadata"]["description"]
    assert (CHECKOUT / recipe["about"]["license_file"]).is_file()
