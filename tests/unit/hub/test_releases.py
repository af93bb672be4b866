"""What administrators mark: kept in the Hub's database, read once, and never in the way of a session."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from jupyterhub import orm
from jupyterhub.scopes import Scope
from traitlets.config import Config

from spawner.errors import NotStored, RequestRejected
from spawner.hub.class_settings import class_settings
from spawner.hub.labels import labels_of
from spawner.hub.releases import ReleaseMarks, administers, broken_in_words, catalogue_of, mark_release, read_mark, reload_catalogue
from spawner.hub.state import HubState

GOOD = "releases:\n  - {tag: '2026.10', date: 2026-10-01}\n  - {tag: '2024.04', date: 2024-04-15, tested: false}\n"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[HubState]:
    """A Hub's, with a database in a file and a catalogue."""
    (tmp_path / "releases.yaml").write_text(GOOD)
    factory = orm.new_session_factory(f"sqlite:///{tmp_path}/hub.sqlite")
    db = factory()
    config = Config({"ResourceFormSpawner": {"catalogue_file": str(tmp_path / "releases.yaml")}})
    yield HubState({"db": db, "config": config, "log": logging.getLogger("hub")})
    db.close()


def standing(state: HubState) -> dict[str, bool]:
    """Which releases are tested."""
    return {release.tag: release.tested for release in catalogue_of(class_settings(state), state).releases}


def mark(state: HubState, tag: str, what: str) -> None:
    """As an administrator does."""
    mark_release(state, catalogue_of(class_settings(state), state), tag, read_mark(what), "grace")


def another_hub(state: HubState) -> HubState:
    """The Hub after a restart: the same database, nothing remembered."""
    return HubState({name: state.settings[name] for name in ("db", "config", "log")})


def test_a_mark_is_kept_and_taken_back(state: HubState, caplog: pytest.LogCaptureFixture) -> None:
    """T57: it counts at once and after a restart; the file counts again once it is taken back. The log says who."""
    with caplog.at_level(logging.WARNING):
        mark(state, "2024.04", "tested")
        assert standing(state) == standing(another_hub(state)) == {"2026.10": True, "2024.04": True}
        mark(state, "2024.04", "untested")
        mark(state, "2024.04", "back")
        mark(state, "2024.04", "back")
    assert standing(state) == standing(another_hub(state)) == {"2026.10": True, "2024.04": False}
    said = [record.getMessage() for record in caplog.records]
    assert "Release 2024.04: tested, by grace" in said
    assert "Release 2024.04: the mark was taken back, by grace" in said


def test_what_is_no_mark(state: HubState) -> None:
    """Neither another word, nor a release that is not listed."""
    with pytest.raises(RequestRejected, match="tested, untested, disabled, enabled, back"):
        read_mark("fine")
    with pytest.raises(RequestRejected, match="There is no release 1999"):
        mark(state, "1999", "tested")
    assert read_mark("back") is None


def test_a_database_that_is_locked(state: HubState, tmp_path: Path) -> None:
    """Whoever marks is told to try again; releases can be started meanwhile."""
    mark(state, "2024.04", "tested")
    other = sa.create_engine(f"sqlite:///{tmp_path}/hub.sqlite").connect()
    other.exec_driver_sql("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(NotStored) as told:
            mark(state, "2026.10", "disabled")
        assert told.value.sentence == "The Hub's database is busy. Try again."
        assert standing(another_hub(state)) == {"2026.10": True, "2024.04": False}
    finally:
        other.rollback()
        other.close()
    assert standing(state)["2024.04"]


def test_a_database_without_our_tables(state: HubState) -> None:
    """Nothing was ever marked."""
    assert state.part(ReleaseMarks).by_key(state) == {}


def test_read_again(state: HubState, tmp_path: Path) -> None:
    """T23: a reload says what is wrong with the file, with its line; nothing where it is good, or where there is none."""
    assert reload_catalogue(state, "grace") == ""
    (tmp_path / "releases.yaml").write_text(GOOD + "  - {tag: a}\n")
    assert "line 4: releases.[a].date: Field required" in reload_catalogue(state, "grace")
    assert standing(state) == {"2026.10": True, "2024.04": False}
    (tmp_path / "releases.yaml").write_text(GOOD)
    assert reload_catalogue(state, "grace") == broken_in_words(state) == ""
    plain = HubState({"config": Config(), "log": logging.getLogger("hub")})
    assert reload_catalogue(plain, "grace") == ""


@pytest.mark.parametrize(
    ("scopes", "may"),
    [({}, False), ({"admin:servers": {"user": ["ada"]}}, False), ({"admin:servers": Scope.ALL}, True), ({"servers": Scope.ALL}, False)],
)
def test_who_administers(scopes: dict[str, Any], may: bool) -> None:
    """Who may start and stop everybody's servers; a group's leader may not decide for all."""
    handler: Any = SimpleNamespace(parsed_scopes=scopes)
    assert administers(handler) is may


def test_whoever_looks_first_the_mistake_is_logged_once(state: HubState, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """T24: a page that only wants the labels may be the first to read the broken file."""
    assert standing(state) == {"2026.10": True, "2024.04": False}
    (tmp_path / "releases.yaml").write_text(GOOD + "  - {tag: a}\n")
    labels_of(state)
    for _look in range(2):
        standing(state)
    (line,) = [record.getMessage() for record in caplog.records if "is broken" in record.getMessage()]
    assert "line 4: releases.[a].date: Field required" in line
