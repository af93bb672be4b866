"""Tests for the house itself: no module and no class outgrows what one reads at once, and every room says what it is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "spawner"
MAX_LINES = 400
MAX_METHODS = 30
LARGER = {
    "spawner.spawner.ResourceFormSpawner": "JupyterHub asks a spawner through so many methods of its own; what they do is done elsewhere",
}
"""Modules and classes above a limit, each with its reason. A new one is a question: does it want to be two?"""


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The module's name, as in an import."""
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def larger() -> set[str]:
    """The names of all modules and classes that are above a limit."""
    found = set()
    for path in modules():
        text = path.read_text()
        if len(text.splitlines()) > MAX_LINES:
            found.add(name_of(path))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                methods = [entry for entry in node.body if isinstance(entry, (ast.FunctionDef, ast.AsyncFunctionDef))]
                if len(methods) > MAX_METHODS:
                    found.add(f"{name_of(path)}.{node.name}")
    return found


def test_nothing_outgrows_its_room() -> None:
    """What is larger than a module or a class should be is on the list, and nothing is on it that is no longer."""
    assert larger() == set(LARGER)


@pytest.mark.parametrize("path", [path.parent for path in modules() if path.name == "__init__.py"], ids=lambda path: path.name)
def test_every_room_says_what_it_is(path: Path) -> None:
    """A room's docstring is one sentence or two, and a room keeps nothing in its ``__init__`` but that."""
    tree = ast.parse((path / "__init__.py").read_text())
    assert ast.get_docstring(tree)
    if path != PACKAGE:
        assert len(tree.body) == 1
