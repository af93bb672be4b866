"""docs/security.md says of each setting where its promise is enforced, and names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spawner.cluster.settings import ClusterSettings
from spawner.hub.settings.spawner import SpawnerSettings

CHECKOUT = Path(__file__).parents[3]
TEXT = (CHECKOUT / "docs" / "security.md").read_text()
SECTION = TEXT.split("## What a setting promises")[1].split("\n## ")[0]


@pytest.mark.parametrize("settings", [SpawnerSettings, ClusterSettings])
def test_every_setting_is_there(settings: type) -> None:
    """A setting that is added later has to be added to the table, or to those that promise nothing."""
    named = set(re.findall(r"`(?:\w+\.)?(\w+)`", SECTION))
    assert [name for name in settings.class_traits(config=True) if name not in named] == []  # type: ignore[attr-defined]


def test_every_test_is_there() -> None:
    """Whole files, and tests of them by name; in the other sections too, where a name stands alone."""
    for name in re.findall(r"`(tests/[\w/]+\.py)(?:::\w+)?`", TEXT):
        assert (CHECKOUT / name).exists(), name
    for name, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT):
        assert f"def {test}(" in (CHECKOUT / name).read_text(), (name, test)
    sources = "\n".join(path.read_text() for path in (CHECKOUT / "tests").rglob("test_*.py"))
    alone = set(re.findall(r"`(test_\w+)`", TEXT)) - {path.stem for path in (CHECKOUT / "tests").rglob("test_*.py")}
    assert [name for name in alone if f"def {name}(" not in sources] == []


def test_every_row_has_a_test() -> None:
    rows = [line for line in SECTION.splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if "`tests/" not in row.rsplit("|", 2)[1]] == []
