"""T35: links to storage areas: made where the target is, over nothing of the user's, mended where they lead nowhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spawner.job.home_links import check_links, links_of
from spawner.job.sbatch import launcher_source

Make = Callable[..., list[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user's home, with areas beside it."""
    for name in ("home", "work/physics", "work/biology", "scratch"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def make(home: Path) -> Make:
    """What the launcher does at the start of a session; returns what it said."""
    names: dict[str, Any] = {"__name__": "launcher"}
    exec(compile(launcher_source(), "launcher.py", "exec"), names)

    def made(links: dict[str, str], **variables: str) -> list[str]:
        said: list[str] = []
        environment = {"HOME": str(home), "RESOURCE_FORM_LINKS": json.dumps(links), **variables}
        names["make_links"](environment, said.append)
        assert "RESOURCE_FORM_LINKS" not in environment
        return said

    return made


def leads_to(path: Path) -> str:
    """Where a link leads, as it is written."""
    return str(path.readlink())


def test_a_link_is_made(home: Path, make: Make) -> None:
    """Where the variable names a folder that is there, however it is written; the next session leaves it as it is."""
    work, scratch = str(home.parent / "work"), str(home.parent / "scratch")
    for _session in range(2):
        assert make({"work": "$WORK/physics", "scratch": "${CINECA_SCRATCH}", "fixed": scratch}, WORK=work, CINECA_SCRATCH=scratch) == []
        assert leads_to(home / "work") == f"{work}/physics"
        assert leads_to(home / "scratch") == leads_to(home / "fixed") == scratch
    assert sorted(path.name for path in home.iterdir()) == [".local", "fixed", "scratch", "work"]


@pytest.mark.parametrize(
    ("target", "variables"),
    [
        pytest.param("$WORK", {}, id="not-set"),
        pytest.param("$WORK", {"WORK": ""}, id="empty"),
        pytest.param("$WORK", {"WORK": "relative"}, id="relative"),
        pytest.param("$WORK", {"WORK": "/nowhere/at/all"}, id="not-there"),
        pytest.param("/dev/null", {}, id="no-folder"),
        pytest.param("$HOME", {}, id="the-home-itself"),
        pytest.param("$WORK/$GROUP", {"WORK": "/"}, id="half-of-it"),
    ],
)
def test_no_target_no_link(home: Path, make: Make, target: str, variables: dict[str, str]) -> None:
    """A missing area makes no link, and no failure; nothing is said of what a user cannot help."""
    assert make({"work": target}, **variables) == []
    assert not os.path.lexists(home / "work")


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_the_users_own_stays(home: Path, make: Make, kind: str) -> None:
    """A file, a folder with something in it, a link that leads elsewhere; the log says why there is no link."""
    own, scratch = home / "work", home.parent / "scratch"
    if kind == "file":
        own.write_text("mine")
    elif kind == "folder":
        own.mkdir()
        (own / "mine").write_text("mine")
    else:
        own.symlink_to(scratch)
    (said,) = make({"work": "$WORK"}, WORK=str(home.parent / "work"))
    assert f"{own} does not lead to" in said
    assert {"file": own.is_file, "folder": (own / "mine").is_file, "link": lambda: leads_to(own) == str(scratch)}[kind]()


def test_a_link_of_the_users_that_leads_there_is_right(home: Path, make: Make) -> None:
    """Written in another way, it is theirs, and stays so."""
    (home / "work").symlink_to("../work")
    assert make({"work": "$WORK"}, WORK=str(home.parent / "work")) == []
    assert leads_to(home / "work") == "../work"
    assert make({"work": "$WORK"}, WORK=str(home.parent / "scratch")) != []


def test_a_link_that_leads_nowhere_is_mended(home: Path, make: Make) -> None:
    """As after an area was moved."""
    (home / "work").symlink_to("/nowhere/at/all")
    assert make({"work": "$WORK"}, WORK=str(home.parent / "work")) == []
    assert leads_to(home / "work") == str(home.parent / "work")


def test_our_own_link_follows_the_account(home: Path, make: Make) -> None:
    """``$WORK`` is the area of the account chosen: a link that a session has made is led to the next one's."""
    for project in ("physics", "biology", "physics"):
        target = str(home.parent / "work" / project)
        assert make({"work": "$WORK"}, WORK=target) == []
        assert leads_to(home / "work") == target


def test_a_record_that_is_broken(home: Path, make: Make) -> None:
    """Then no link is known to be ours, and none is changed; the session goes on."""
    make({"work": "$WORK"}, WORK=str(home.parent / "work" / "physics"))
    record = home / ".local" / "state" / "jupyterhub-resource-form" / "links.json"
    for text in ("{", "[]", '{"work": 1}'):
        record.write_text(text)
        assert len(make({"work": "$WORK"}, WORK=str(home.parent / "scratch"))) == 1
        assert leads_to(home / "work").endswith("physics")


def test_a_home_that_cannot_be_written(home: Path, make: Make) -> None:
    """It is said, and no more: the server finds out by itself what it cannot do."""
    (home / ".local").write_text("a file in the place of the folder")
    said = make({"work": "$WORK"}, WORK=str(home.parent / "work"))
    assert leads_to(home / "work") == str(home.parent / "work")
    assert "which links are ours could not be kept" in said[0]


# --- which links ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "links"),
    [
        ("physics", {"work": "$WORK", "work_physics": "/work/physics", "of_ada": "/home2/ada"}),
        ("", {"work": "$WORK", "of_ada": "/home2/ada"}),
        ("../../etc", {"work": "$WORK", "of_ada": "/home2/ada"}),
        ("a b", {"work": "$WORK", "of_ada": "/home2/ada"}),
    ],
)
def test_account_and_user_are_filled_in(account: str, links: dict[str, str]) -> None:
    """A link of an account that there is none of, or that would be no name, is left out."""
    written = {"work": "$WORK", "work_{account}": "/work/{account}", "of_{user}": "/home2/{user}"}
    assert links_of(written, account=account, user="ada") == links


def test_an_account_does_not_lead_out() -> None:
    """Of a place above the area."""
    assert links_of({"work": "/work/{account}"}, account="..", user="ada") == {}


@pytest.mark.parametrize(
    ("links", "words"),
    [
        ({"a/b": "/x"}, "a link's name is one word"),
        ({".ssh": "/x"}, "a link's name is one word"),
        ({"": "/x"}, "a link's name is one word"),
        ({"work_{project}": "/x"}, "a link's name is one word"),
        ({"work": "relative"}, "neither an absolute path"),
        ({"work": ""}, "neither an absolute path"),
        ({"work": "/a\nb"}, "neither an absolute path"),
        ({"work": 1}, "a link is a name, and the place"),
    ],
)
def test_what_an_admin_may_write(links: dict[Any, Any], words: str) -> None:
    """The mistake is found when the configuration is read."""
    with pytest.raises(ValueError, match=words):
        check_links(links)
