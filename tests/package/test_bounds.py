"""What setup.cfg says of versions: each requirement has a bound that ``scripts/oldest`` can go down to, and the documents say the same."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[2]


def oldest() -> ModuleType:
    """scripts/oldest as a module."""
    path = str(CHECKOUT / "scripts" / "oldest")
    spec = importlib.util.spec_from_loader("oldest", importlib.machinery.SourceFileLoader("oldest", path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REQUIRED = [Requirement(line) for line in oldest().requirements("options", "install_requires")]


@pytest.mark.parametrize("required", REQUIRED, ids=lambda required: str(required.name))
def test_the_bound_is_one_that_the_requirement_allows(required: Requirement) -> None:
    """The oldest is within what is asked for, and so is what these tests run with, which is newer or the same."""
    (pinned,) = (Requirement(line) for line in oldest().bounds() if Requirement(line).name == required.name)
    (lowest,) = (spec.version for spec in pinned.specifier)
    assert required.specifier.contains(lowest)
    assert required.specifier.contains(version(required.name))


def test_the_readme_names_the_oldest_python_and_jupyterhub() -> None:
    """As python_requires, the classifiers and the requirement have them."""
    text, readme = (CHECKOUT / "setup.cfg").read_text(), (CHECKOUT / "README.md").read_text()
    (python,) = re.findall(r"^python_requires = >=(\S+)$", text, re.MULTILINE)
    classified = re.findall(r"Python :: (3\.\d+)$", text, re.MULTILINE)
    assert classified[0] == python
    assert f"Supported: Python {python} and newer" in readme
    (jupyterhub,) = (line for line in oldest().bounds() if line.startswith("jupyterhub=="))
    assert f"JupyterHub {jupyterhub.removeprefix('jupyterhub==')} and newer" in readme
