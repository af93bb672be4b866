"""The folder in which a session opens: how it is read, which are refused, what the form says of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.advice.assessment import read_and_reconcile, warnings
from spawner.errors import RequestRejected
from spawner.hub.form.render import render_form
from spawner.request.choices import Choices
from spawner.request.defaults import default_values
from spawner.request.folder_field import start_folder_field
from spawner.request.form_data import read_form
from spawner.request.form_fields import ranges_in_words
from spawner.request.model import parse_request
from spawner.request.policy import parse_policies
from spawner.request.presets import Preset
from spawner.request.recent import remember
from spawner.request.restore import restore_valid
from spawner.request.validation import judge_request, resolve_request
from spawner.site.areas import parse_areas
from tests.support.builders import choices

AREAS = parse_areas({"home": "$HOME", "work": "/work/{account}", "scratch": {"path": "$TMPDIR", "label": "Scratch <1>", "local": True}})


def offered(**changes: Any) -> Choices:
    """A user of a site with three areas."""
    return replace(choices(), **{"areas": AREAS, **changes})


def refusal(value: object, there: Choices | None = None) -> str:
    """Why the folder cannot be had."""
    with pytest.raises(RequestRejected) as refused:
        resolve_request({"start_folder": value}, there or offered())
    assert list(refused.value.errors) == ["start_folder"]
    return refused.value.errors["start_folder"]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("", ""),
        (None, ""),
        ("work", "work"),
        ("work/", "work"),
        (" work/a b/ü ", "work/a b/ü"),
        ("scratch/$HOME", "scratch/$HOME"),
    ],
)
def test_what_is_a_folder(value: object, read: str) -> None:
    """An area's name, and a folder in it in any letters; nothing in it is a variable."""
    assert parse_request({"start_folder": value}).start_folder == read


@pytest.mark.parametrize(
    "value",
    [
        *("..", "work/..", "work/../home", "work/./a", "work/.ssh", "/work", "/etc", "~", "work/~", "work//a", "$WORK", "-a b", "a b/c"),
        *("work/a\nb", "work/a\0b", "work/\ud800", "work/" + "a" * 200, 7, True, ["work"], {"work": 1}),
    ],
)
def test_what_is_none(value: object) -> None:
    """None that leads up, is hidden, or that a path could not be: it is refused as it is read."""
    assert "is no folder to start in" in refusal(value)


def test_an_area_that_is_none() -> None:
    """The refusal says which there are; without any, the field is to be left empty."""
    assert "is in none of the areas of this service. Choose one of: home, work, scratch; or a folder in one" in refusal("etc")
    assert "names no folders to start in" in refusal("work", offered(areas=()))
    assert resolve_request({"start_folder": ""}, offered(areas=())).start_folder == ""


def test_an_area_for_each_account() -> None:
    """Where the cluster keeps no accounts there is none."""
    there = offered(entitlement=replace(choices().entitlement, accounts=None))
    assert "Choose one of: home, scratch" in refusal("work/a", there)
    assert resolve_request({"start_folder": "work/a"}, offered()).options()["start_folder"] == "work/a"


def test_what_the_admin_leaves() -> None:
    """A default, a lock, choices; a default of areas that are gone is none."""
    preset = offered(policies=parse_policies({"start_folder": {"default": "work/common"}}))
    assert default_values(preset)["start_folder"] == "work/common"
    assert resolve_request({}, preset).start_folder == "work/common"
    assert resolve_request({"start_folder": ""}, preset).start_folder == ""
    assert resolve_request({}, replace(preset, areas=())).start_folder == ""
    locked = offered(policies=parse_policies({"start_folder": {"default": "work", "locked": True}}))
    assert "it is set to work" in refusal("home", locked)
    few = offered(policies=parse_policies({"start_folder": {"choices": ["home", "work/common"]}}))
    assert "Choose one of: home, work/common" in refusal("work", few)
    assert resolve_request({"start_folder": "work/common"}, few).start_folder == "work/common"


def test_it_goes_with_a_request() -> None:
    """In presets, the last requests, and what is remembered; emptied on the form it is empty, whatever a preset says."""
    preset = Preset(name="thesis", values={"start_folder": "work/thesis", "cores": 2})
    there = offered(presets=(preset,))
    assert resolve_request({"preset": "thesis"}, there).start_folder == "work/thesis"
    emptied = resolve_request({"preset": "thesis", **read_form({"start_folder": [""]})}, there)
    assert (emptied.start_folder, emptied.preset) == ("", "")
    (kept,) = remember((), parse_request({"start_folder": "work/a"}).options(), 1.0)
    assert kept.options["start_folder"] == "work/a"
    assert restore_valid({"start_folder": "work/a"}, there)[0]["start_folder"] == "work/a"
    values, dropped = restore_valid({"start_folder": "gone/a"}, there)
    assert (values["start_folder"], dropped) == ("", ("Start folder",))


def test_on_the_form() -> None:
    """One fold, without JavaScript too, open where something is in it; nothing where the admin named no areas."""
    there = offered()
    field = start_folder_field(there, {"start_folder": ""}, {})
    assert field is not None
    assert [option.value for option in field.options] == ["home", "work", "scratch"]
    page = render_form({"storage": field})
    assert '<input type="text"' in page
    assert 'name="start_folder"' in page
    assert " required" not in page
    assert "One of: home, work, scratch (Scratch &lt;1&gt;); or a folder in one, such as home/project." in page
    assert '<details class="resource-form-look">' in page
    chosen = start_folder_field(there, {"start_folder": 'work/"><script>'}, {"start_folder": "Start folder: no."})
    page = render_form({"storage": chosen})
    assert '<details class="resource-form-look" open>' in page
    assert "<script>" not in page.partition('id="resource-form-start_folder"')[2].partition(">")[0]
    assert "Start folder: no." in page
    assert start_folder_field(offered(areas=()), {}, {}) is None
    assert start_folder_field(offered(policies=parse_policies({"start_folder": {"hidden": True}})), {}, {}) is None
    assert "start_folder" not in render_form({"storage": None})


def test_what_is_lost_is_said() -> None:
    """With the verdict, as soon as the area is chosen; not of others, and not of what is refused."""
    said = "Scratch <1> is on the node itself: what is left there is lost when the session ends. Copy what you want to keep."
    assert warnings(read_and_reconcile({"start_folder": "scratch/a"}, offered())) == (said,)
    assert warnings(read_and_reconcile({"start_folder": "scratch", "walltime": 2}, offered()))[0] == said
    assert warnings(read_and_reconcile({"start_folder": "work"}, offered())) == ()
    assert warnings(read_and_reconcile({"start_folder": "scratch", "partition": "none"}, offered())) == ()
    request = judge_request({}, offered())[0]
    assert "home, work, scratch" in ranges_in_words(request, offered(), {})["start_folder"]
