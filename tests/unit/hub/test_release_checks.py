"""What checks of releases found: kept in the Hub's database, and what follows for a release that waits for one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from jupyterhub import orm
from traitlets.config import Config

from spawner.errors import NotStored, RequestRejected
from spawner.hub.class_settings import class_settings
from spawner.hub.database import transaction
from spawner.hub.release_checks import ReleaseChecks, keep_check, read_check
from spawner.hub.releases import catalogue_of, mark_release
from spawner.hub.sessions.tables import RELEASE_CHECKS
from spawner.hub.state import HubState
from spawner.site.release import Release
from spawner.site.release_check import ReleaseCheck

TEXT = "releases:\n  - {tag: new, date: 2026-10-01, tested: check}\n  - {tag: old, date: 2024-04-15}\n"
GOOD = {"digest": "0" * 64, "kernels": 4, "problems": ["kernel a is not there"]}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[HubState]:
    """A Hub's, with a database in a file and a catalogue."""
    (tmp_path / "releases.yaml").write_text(TEXT)
    db = orm.new_session_factory(f"sqlite:///{tmp_path}/hub.sqlite")()
    config = Config({"ResourceFormSpawner": {"catalogue_file": str(tmp_path / "releases.yaml")}})
    yield HubState({"db": db, "config": config, "log": logging.getLogger("hub")})
    db.close()


def is_tested(state: HubState, tag: str = "new") -> bool:
    """Whether a release counts as tested now."""
    release = catalogue_of(class_settings(state), state).get(tag)
    assert release is not None
    return release.is_tested


def check(state: HubState, *problems: str, tag: str = "new") -> None:
    """A check of the release as it is now."""
    catalogue = catalogue_of(class_settings(state), state)
    release = catalogue.get(tag)
    digest = release.digest if release is not None else "0" * 64
    keep_check(state, catalogue, ReleaseCheck(tag, digest, 4, problems, "cron", 1.0))


def another_hub(state: HubState) -> HubState:
    """The Hub after a restart: the same database, nothing remembered."""
    return HubState({name: state.settings[name] for name in ("db", "config", "log")})


def test_the_last_check_counts(state: HubState, caplog: pytest.LogCaptureFixture) -> None:
    """T26: tested once it was good, over a restart too, and not any more once a later one was not. The log says what was found."""
    assert not is_tested(state)
    with caplog.at_level(logging.WARNING):
        check(state)
        assert is_tested(state)
        assert is_tested(another_hub(state))
        check(state, "kernel a is not there", "kernel b is not there")
        assert not is_tested(state)
        check(state)
        assert is_tested(state)
    said = [record.getMessage() for record in caplog.records]
    assert "Release new was checked by cron: nothing wrong, 4 kernels run" in said
    assert "Release new was checked by cron: kernel a is not there; kernel b is not there" in said


def test_a_release_that_has_changed_since(state: HubState, tmp_path: Path) -> None:
    """T26: it is not what was checked; with the entry as it was, it is again. A check of something else is not taken."""
    check(state)
    (tmp_path / "releases.yaml").write_text(TEXT.replace("tested: check", "tested: check, modules: [a]"))
    assert not is_tested(state)
    with pytest.raises(RequestRejected, match="The release new has changed since it was checked"):
        keep_check(state, catalogue_of(class_settings(state), state), ReleaseCheck("new", "0" * 64, 0, (), "cron", 1.0))
    (tmp_path / "releases.yaml").write_text(TEXT.replace("tested: check", "tested: check, label: New, description: Better"))
    assert is_tested(state)


def test_what_the_file_and_an_administrator_say_counts_for_more(state: HubState) -> None:
    """T57: a mark is above a check; a release that waits for no check is what the file says."""
    check(state, "kernel a is not there")
    check(state, "kernel a is not there", tag="old")
    assert is_tested(state, "old")
    mark_release(state, catalogue_of(class_settings(state), state), "new", "tested", "grace")
    assert is_tested(state)
    check(state)
    mark_release(state, catalogue_of(class_settings(state), state), "new", "untested", "grace")
    assert not is_tested(state)
    mark_release(state, catalogue_of(class_settings(state), state), "new", None, "grace")
    assert is_tested(state)


def test_the_digest_is_worked_out_once(state: HubState, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often somebody asks: each form asks how each release stands."""
    check(state)
    dumped: list[str] = []
    dump = Release.model_dump

    def noting(release: Release, **options: Any) -> dict[str, Any]:
        dumped.append(release.tag)
        return dump(release, **options)

    monkeypatch.setattr(Release, "model_dump", noting)
    (Path(str(class_settings(state).catalogue_file))).touch()
    assert [is_tested(state) for _look in range(3)] == [True, True, True]
    assert dumped == ["new"]


def test_no_such_release(state: HubState) -> None:
    """One that is gone meanwhile."""
    with pytest.raises(RequestRejected, match="There is no release gone"):
        check(state, tag="gone")


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {**GOOD, "more": 1},
        {**GOOD, "digest": "A" * 64},
        {**GOOD, "digest": 1},
        {**GOOD, "kernels": -1},
        {**GOOD, "kernels": 1001},
        {**GOOD, "kernels": True},
        {**GOOD, "kernels": "4"},
        {**GOOD, "problems": "x"},
        {**GOOD, "problems": [""]},
        {**GOOD, "problems": [1]},
        {**GOOD, "problems": ["a\nb"]},
        {**GOOD, "problems": ["x" * 301]},
        {**GOOD, "problems": ["x"] * 21},
    ],
)
def test_what_is_no_check(body: Any) -> None:
    """Neither another shape nor more than is kept."""
    with pytest.raises(RequestRejected, match="digest, kernels, problems"):
        read_check(body, "new", "cron", 1.0)


def test_what_is_one() -> None:
    """As the command sends it."""
    assert read_check(GOOD, "new", "cron", 1.0) == ReleaseCheck("new", "0" * 64, 4, ("kernel a is not there",), "cron", 1.0)


def test_a_row_that_another_version_has_written(state: HubState) -> None:
    """It counts as none; the others stay."""
    check(state)
    check(state, tag="old")
    with transaction(state.settings["db"]) as own:
        own.execute(sa.update(RELEASE_CHECKS).where(RELEASE_CHECKS.c.tag == "new").values(record="[]"))
    assert list(another_hub(state).part(ReleaseChecks).by_key(state)) == ["old"]


def test_no_more_are_kept_than_that(state: HubState, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest, one a release."""
    monkeypatch.setattr(ReleaseChecks, "most", 3)
    checks = state.part(ReleaseChecks)
    for number in range(5):
        checks.put(state, replace(ReleaseCheck("", "0" * 64, 0, (), "cron", float(number)), tag=f"t{number % 4}"))
    assert {tag: entry.at for tag, entry in checks.by_key(state).items()} == {"t0": 4.0, "t2": 2.0, "t3": 3.0}


def test_a_database_that_is_locked(state: HubState, tmp_path: Path) -> None:
    """Whoever reports is told to try again."""
    check(state)
    other = sa.create_engine(f"sqlite:///{tmp_path}/hub.sqlite").connect()
    other.exec_driver_sql("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(NotStored, match="the checks of release new were not written"):
            check(state, "kernel a is not there")
    finally:
        other.rollback()
        other.close()
    assert is_tested(state)
