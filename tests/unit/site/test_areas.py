"""Storage areas as an admin writes them."""

from __future__ import annotations

import pytest
from traitlets import TraitError

from spawner.hub.settings.storage import StorageSettings
from spawner.site.areas import Area, area_of, filled_in, parse_areas


def test_areas() -> None:
    """A place, or a dictionary with more of it."""
    areas = parse_areas({"home": "$HOME", "scratch": {"path": "/scratch/{user}", "label": "Scratch", "local": True}})
    assert areas == (Area(name="home", path="$HOME"), Area(name="scratch", path="/scratch/{user}", label="Scratch", local=True))
    assert [area.title for area in areas] == ["home", "Scratch"]
    assert [area_of(folder, areas) for folder in ("home", "scratch/a/b", "", "hom", "home2/a")] == [*areas, None, None, None]


@pytest.mark.parametrize(
    ("areas", "words"),
    [
        ({"work": "relative"}, "neither an absolute path"),
        ({"work": ""}, "neither an absolute path"),
        ({"work": "/a\nb"}, "neither an absolute path"),
        ({"a b": "/a"}, "name"),
        ({"..": "/a"}, "name"),
        ({"a/b": "/a"}, "name"),
        ({"work": {"label": "no place"}}, "path"),
        ({"work": {"path": "/a", "colour": "red"}}, "colour"),
        ({"work": 7}, "path"),
        ({7: "/a"}, "name"),
        ({f"a{number}": "/a" for number in range(31)}, "more than 30"),
    ],
)
def test_what_is_no_area(areas: dict[object, object], words: str) -> None:
    """The Hub does not start with it, and names the area."""
    with pytest.raises(ValueError, match=words):
        parse_areas(areas)
    with pytest.raises(TraitError, match=f"start_folders: .*{words}"):
        StorageSettings(start_folders=areas)


@pytest.mark.parametrize(
    ("target", "place"),
    [("$WORK", "$WORK"), ("/work/{account}", "/work/physics"), ("/h/{user}/{account}", "/h/ada/physics"), ("/a/../{user}", None)],
)
def test_where_one_is(target: str, place: str | None) -> None:
    """Account and user are filled in; neither leads elsewhere, and without an account there is no such place."""
    assert filled_in(target, account="physics", user="ada") == place
    assert filled_in("/work/{account}", account="..", user="ada") is None
    assert filled_in("/work/{account}", account="", user="ada") is None
