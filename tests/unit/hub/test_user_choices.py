"""The admin's releases as the Hub has them: a file that breaks while it runs takes nothing away, and the log says what is wrong."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spawner.errors import CatalogueError
from spawner.hub.user_choices import UserChoices

GOOD = """
releases:
  - {tag: "2024.04", date: 2024-04-15}
  - {tag: "2026.10", date: 2026-10-01}
"""
BROKEN = "releases:\n  - {tag: broken}\n"


def spawners(path: Path, number: int = 1) -> list[UserChoices]:
    """Servers of one Hub, each of another user, with the catalogue in this file."""
    settings: dict[str, Any] = {}
    made = [UserChoices(catalogue_file=str(path)) for _number in range(number)]
    for spawner in made:
        spawner.user, spawner.log = SimpleNamespace(settings=settings), logging.getLogger("hub")  # type: ignore[assignment]
    return made


def tags(spawner: UserChoices) -> list[str]:
    """The tags of the releases that a user may choose from, the newest first."""
    return [release.tag for release in spawner.current_catalogue().releases]


def test_a_broken_file_is_logged_and_the_last_good_one_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An error in the log with the file, the release and the field, once for all users; another mistake is another line."""
    path = tmp_path / "releases.yaml"
    path.write_text(GOOD)
    ada, grace = spawners(path, 2)
    assert tags(ada) == ["2026.10", "2024.04"]
    assert not caplog.records

    path.write_text(BROKEN)
    for spawner in (ada, grace, ada):
        assert tags(spawner) == ["2026.10", "2024.04"]
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert "the last good one stays" in line.getMessage()
    assert f"{path}: line 2: releases.[broken].date: Field required" in line.getMessage()

    path.write_text("releases: [")
    assert tags(grace) == ["2026.10", "2024.04"]
    assert len(caplog.records) == 2
    assert f"{path}: " in caplog.records[1].getMessage()


def test_a_good_file_is_not_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither one that was good all the time nor one that is good again, which is used at once; if it breaks again, that is said."""
    path = tmp_path / "releases.yaml"
    path.write_text(GOOD)
    (spawner,) = spawners(path)
    spawner.current_catalogue()
    path.write_text(BROKEN)
    spawner.current_catalogue()
    assert len(caplog.records) == 1

    path.write_text(GOOD.replace("2026.10", "2028.01x"))
    for _look in range(2):
        assert tags(spawner) == ["2028.01x", "2024.04"]
    assert len(caplog.records) == 1

    path.write_text(BROKEN)
    assert tags(spawner) == ["2028.01x", "2024.04"]
    assert len(caplog.records) == 2


def test_never_a_good_file(tmp_path: Path) -> None:
    """There is nothing to choose from: the error is the user's answer, never somebody else's releases."""
    path = tmp_path / "releases.yaml"
    path.write_text(BROKEN)
    with pytest.raises(CatalogueError):
        spawners(path)[0].current_catalogue()


def test_without_a_file() -> None:
    """The releases of the configuration; where it has none either, one that needs nothing of the admin."""
    (spawner,) = spawners(Path())
    spawner.catalogue_file = ""
    assert tags(spawner) == ["default"]
    spawner.catalogue = {"releases": [{"tag": "own", "date": "2026-01-01"}]}
    assert tags(spawner) == ["own"]


def test_groups_of_the_system_and_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both count for presets and notices; a user that the database does not have yet has the system's alone."""

    async def member(_name: str) -> Any:
        return SimpleNamespace(groups=frozenset({"physics"}))

    monkeypatch.setattr(UserChoices, "cluster", SimpleNamespace(member=member))
    spawner = UserChoices()
    for orm_user, expected in (
        (SimpleNamespace(groups=[SimpleNamespace(name="of-the-hub")]), {"physics", "of-the-hub"}),
        (None, {"physics"}),
    ):
        spawner.user = SimpleNamespace(name="ada", orm_user=orm_user)  # type: ignore[assignment]
        assert asyncio.run(spawner._groups()) == expected
