"""What people read of releases: how each stands, what is in it, what changed."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from spawner.i18n import using
from spawner.request.form_fields import form_fields
from spawner.request.release_words import ReleaseOnPage, change_in_words, release_as_json, releases_on_page
from spawner.site.catalogue import parse_catalogue
from spawner.site.release_changes import PackageChange
from spawner.site.release_check import ReleaseCheck
from spawner.site.release_checks import checked
from spawner.site.release_marks import ReleaseMark, marked
from tests.support.builders import choices

TODAY = datetime.date(2026, 11, 29)


def kernel(name: str, **packages: str) -> dict[str, Any]:
    """A kernel with packages at versions."""
    return {"name": name, "label": name.title(), "packages": packages}


def shown(*entries: dict[str, Any], today: datetime.date = TODAY) -> tuple[ReleaseOnPage, ...]:
    """Releases as a page has them; the first is the newest, a year between each."""
    releases = [{"tag": f"r{number}", "date": f"{2026 - number}-01-01", **entry} for number, entry in enumerate(entries)]
    catalogue = parse_catalogue({"releases": releases})
    return releases_on_page(catalogue, catalogue.releases, today)


def test_three_stand_open() -> None:
    """T26: the newest three that are tested; older ones one fold away, those that are not for everybody in a fold of their own."""
    found = shown({"tested": False}, {}, {}, {"disabled": True}, {}, {}, {"end_of_life": "2026-01-01"}, {})
    assert [(entry.release.tag, entry.fold) for entry in found] == [
        ("r0", "advanced"),
        ("r1", ""),
        ("r2", ""),
        ("r3", "advanced"),
        ("r4", ""),
        ("r5", "older"),
        ("r6", "advanced"),
        ("r7", "older"),
    ]


@pytest.mark.parametrize(
    ("entry", "title", "words"),
    [
        ({}, "r0", ""),
        ({"label": "October"}, "October", ""),
        (
            {"tested": False},
            "r0 (not tested)",
            "This release has not been tested yet. Use it to try it out, and tell the support what is wrong.",
        ),
        ({"disabled": True}, "r0 (disabled)", "New sessions are not meant to use this release any more."),
        (
            {"end_of_life": "2025-04-01"},
            "r0 (no longer supported)",
            "This release is no longer supported since 1 April 2025. Move to a newer one.",
        ),
        ({"end_of_life": "2027-01-01"}, "r0", "This release is supported until 31 December 2026."),
        ({"end_of_life": "2028-01-01"}, "r0", ""),
    ],
)
def test_how_a_release_stands(entry: dict[str, Any], title: str, words: str) -> None:
    """Marked in words, and said in a sentence; an end that is far away is not spoken of."""
    (found,) = shown(entry)
    assert (found.title, found.state_in_words(TODAY)) == (title, words)


def test_in_italian() -> None:
    """The same in the language of the page."""
    with using("it"):
        (found,) = shown({"end_of_life": "2025-04-01"})
        assert found.title == "r0 (non più supportata)"
        assert found.state_in_words(TODAY) == "Questa release non è più supportata dal 1 aprile 2025. Passa a una più recente."


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a"], "1 kernel: A"),
        (["a", "b", "c", "d"], "4 kernels: A, B, C and D"),
        (["a", "b", "c", "d", "e"], "5 kernels: A, B, C and 2 more"),
    ],
)
def test_kernels_in_a_line(names: list[str], words: str) -> None:
    """As many as one reads; never one more than is left out."""
    (found,) = shown({"kernels": [kernel(name) for name in names]})
    assert found.kernels_in_words == words


def test_what_changed() -> None:
    """Kernels that came and went, packages at another version, new and gone; what is the same is not spoken of."""
    new, old = shown(
        {"kernels": [kernel("dask", python="3.12", dask="2025.1", fsspec="1"), kernel("same", a="1"), kernel("ray", ray="2")]},
        {"kernels": [kernel("dask", python="3.12", dask="2024.4", toolz="1"), kernel("same", a="1"), kernel("rapids")]},
    )
    assert old.changes is None
    assert new.changes is not None
    assert ([entry.name for entry in new.changes.came], [entry.name for entry in new.changes.went]) == (["ray"], ["rapids"])
    (changed,) = new.changes.changed
    assert [change_in_words(change) for change in changed.packages] == ["dask 2024.4 → 2025.1", "fsspec 1 (new)", "toolz (gone)"]
    assert not new.changes.is_empty


def test_nothing_changed() -> None:
    """Two releases with the same kernels."""
    new, _old = shown({"kernels": [kernel("a", a="1")]}, {"kernels": [kernel("a", a="1")]})
    assert new.changes is not None
    assert new.changes.is_empty


def test_as_json() -> None:
    """T16: what a program is told: kernels with pins, how the release stands, what changed."""
    new, _old = shown(
        {"kernels": [kernel("a", python="3.12")], "gpu": "required", "minimum": {"memory": "8G"}, "apps": ["tensorboard"]},
        {"kernels": [kernel("a", python="3.11")]},
    )
    told = release_as_json(new, TODAY)
    assert told["kernels"] == [{"name": "a", "label": "A", "language": "", "packages": {"python": "3.12"}, "description": ""}]
    assert (told["state"], told["minimum"]) == ("tested", {"cores": 0, "memory_mb": 8192, "gpus": 1})
    assert [entry["name"] for entry in told["interfaces"]] == ["lab", "tensorboard"]
    assert told["changes"] == {
        "since": "r1",
        "new_kernels": [],
        "removed_kernels": [],
        "packages": {"a": [{"package": "python", "before": "3.11", "after": "3.12"}]},
    }
    assert change_in_words(PackageChange("a", "1", "2")) == "a 1 → 2"


def test_the_field_of_the_form() -> None:
    """T25, T26: labels stand on the buttons, tags are posted; folds have names of their own."""
    catalogue = {
        "releases": [
            {"tag": "t1", "label": "Newest", "date": "2026-05-01", "tested": False},
            {"tag": "t2", "label": "Stable", "date": "2026-04-01"},
        ]
    }
    field = next(entry for entry in form_fields(choices(releases=catalogue), {}, {}) if entry.key == "release")
    assert [(option.value, option.label, option.group) for option in field.options] == [
        ("t2", "Stable", ""),
        ("t1", "Newest (not tested)", "Advanced"),
    ]


@pytest.mark.parametrize(
    ("what", "standing"), [("tested", "tested"), ("untested", "untested"), ("disabled", "disabled"), ("enabled", "tested")]
)
def test_a_mark_counts_for_the_file(what: Any, standing: str) -> None:
    """T57: what an administrator has said is in the place of what the file says; marks of what is gone say nothing."""
    catalogue = parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01", "tested": what == "enabled"}]})
    found = marked(catalogue, {"a": ReleaseMark("a", what, "admin", 0.0), "gone": ReleaseMark("gone", "disabled", "admin", 0.0)})
    assert found.releases[0].standing(TODAY) == standing
    assert marked(catalogue, {}) is catalogue
    assert catalogue.releases[0].tested is (what == "enabled")


def after_check(kernels: int = 0, problems: tuple[str, ...] = (), *, changed: bool = False, **entry: Any) -> ReleaseOnPage:
    """A release that was checked on 28 November 2026, at noon."""
    catalogue = parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01", **entry}]})
    digest = "0" * 64 if changed else catalogue.releases[0].digest
    moment = datetime.datetime(2026, 11, 28, 12).timestamp()
    found = checked(
        catalogue, {"a": ReleaseCheck("a", digest, kernels, problems, "cron", moment), "gone": ReleaseCheck("gone", "", 0, (), "", 0)}
    )
    return releases_on_page(found, found.releases, TODAY)[0]


@pytest.mark.parametrize(
    ("found", "standing", "words"),
    [
        (after_check(4), "tested", "Checked on 28 November 2026: 4 kernels run."),
        (after_check(1, tested="check"), "tested", "Checked on 28 November 2026: 1 kernel runs."),
        (after_check(tested="check"), "tested", "Checked on 28 November 2026: its server starts."),
        (after_check(3, ("bad",)), "tested", "Checked on 28 November 2026: not all of it works. Whoever runs the service knows."),
        (
            after_check(3, ("bad",), tested="check"),
            "untested",
            "Checked on 28 November 2026: not all of it works. Whoever runs the service knows.",
        ),
        (after_check(4, changed=True, tested="check"), "untested", "Not checked since it was changed; last checked on 28 November 2026."),
        (shown({})[0], "tested", ""),
        (shown({"tested": "check"})[0], "untested", "Not checked yet."),
    ],
    ids=["good", "one", "no-kernels", "bad", "bad-and-waited-for", "changed", "never", "never-but-waited-for"],
)
def test_what_a_check_found(found: ReleaseOnPage, standing: str, words: str) -> None:
    """T26: with its date, in a sentence for everybody; a release that waits for a check is tested while it was good."""
    assert (found.standing, found.check_in_words) == (standing, words)


def test_what_is_wrong_is_for_administrators() -> None:
    """T26: a list; what was wrong with what the release was before says nothing of it now."""
    bad = after_check(3, ("kernel a is not there",), tested="check")
    assert bad.problems == ("kernel a is not there",)
    assert bad.state_in_words(TODAY) == bad.check_in_words
    told = release_as_json(bad, TODAY)
    assert told["check"] == {"state": "failed", "text": bad.check_in_words, "at": told["check"]["at"], "kernels": 3}
    assert release_as_json(bad, TODAY, is_administrator=True)["check"] == {
        **told["check"],
        "by": "cron",
        "problems": ["kernel a is not there"],
    }
    assert after_check(3, ("bad",), changed=True).problems == ()
    assert (release_as_json(shown({})[0], TODAY)["check"], shown({})[0].problems) == (None, ())


def test_a_mark_counts_for_more_than_a_check() -> None:
    """T57: what an administrator says stays above what a check finds, and keeps it to be read."""
    bad = after_check(3, ("bad",), tested="check").release
    catalogue = parse_catalogue({"releases": [{"tag": "b", "date": "2026-01-01"}]}).with_releases([bad])
    (found,) = marked(catalogue, {"a": ReleaseMark("a", "tested", "admin", 0.0)}).releases
    assert (found.standing(TODAY), found.check_state) == ("tested", "failed")


def test_extensions_in_a_line() -> None:
    """T16: JupyterLab's extensions with their versions, for people and programs."""
    (found,) = shown({"extensions": {"jupyterlab-nvdashboard": "0.13", "jupyterlab-git": "0.50"}})
    assert found.extensions_in_words == "jupyterlab-nvdashboard 0.13 and jupyterlab-git 0.50"
    assert release_as_json(found, TODAY)["extensions"] == {"jupyterlab-nvdashboard": "0.13", "jupyterlab-git": "0.50"}
