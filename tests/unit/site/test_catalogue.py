"""Releases: newest first, whatever the file's order; a broken file is named exactly, and the last good one stays."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest

from spawner.errors import CatalogueError
from spawner.site.catalogue import Catalogue, CatalogueFile, newest_tested, parse_catalogue, read_catalogue
from spawner.site.interfaces import BUILT_IN_INTERFACES
from tests.support.builders import CATALOGUE, catalogue

GOOD = """
releases:
  - {tag: "2024.04", date: 2024-04-15}
  - {tag: "2026.10", date: 2026-10-01, interfaces: [lab, terminal]}
"""


def release(**changes: Any) -> dict[str, Any]:
    """One entry of a catalogue."""
    return {"tag": "a", "date": "2026-01-01", **changes}


def tags(found: Catalogue) -> list[str]:
    """The tags in the catalogue's order."""
    return [entry.tag for entry in found.releases]


# --- what it says -------------------------------------------------------------------------------------------------------------


def test_newest_first() -> None:
    """The order is that of the dates, whatever the file's order."""
    entries = [release(tag="old", date="2020-01-01"), release(tag="new", date="2026-01-01"), release(tag="mid", date="2023-01-01")]
    assert tags(parse_catalogue({"releases": entries})) == ["new", "mid", "old"]


def test_equal_dates_keep_the_files_order() -> None:
    """Two releases of one day stay as the admin wrote them."""
    assert tags(parse_catalogue({"releases": [release(tag="b"), release(tag="a"), release(tag="c")]})) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("tested", "default"),
    [
        pytest.param((True, True), "new", id="newest"),
        pytest.param((False, True), "old", id="newest-tested"),
        pytest.param((False, False), "new", id="none-tested"),
    ],
)
def test_default_release(tested: tuple[bool, bool], default: str) -> None:
    """Preselected is the newest tested release; where none is tested, the newest."""
    entries = [release(tag="new", date="2026-01-02", tested=tested[0]), release(tag="old", tested=tested[1])]
    assert newest_tested(parse_catalogue({"releases": entries}).releases, datetime.date(2026, 1, 3)).tag == default


def test_get() -> None:
    """A release by its tag; none for a tag that is not there, nor for a label."""
    found = catalogue()
    assert found.get("2024.04") is found.releases[1]
    assert found.get("Release 2024.04") is None
    assert found.get("") is None


def test_title() -> None:
    """People see the label, else the tag."""
    found = parse_catalogue({"releases": [release(label="Alpha"), release(tag="b")]})
    assert [entry.title for entry in found.releases] == ["Alpha", "b"]


def test_interfaces_of_a_release() -> None:
    """In the release's own order; one that says nothing offers the Lab."""
    found = parse_catalogue({"releases": [release(interfaces=["terminal", "lab"]), release(tag="b")]})
    assert [(entry.name, entry.url) for entry in found.interfaces_of(found.releases[0])] == [("terminal", "/terminals/1"), ("lab", "/lab")]
    assert [entry.name for entry in found.interfaces_of(found.releases[1])] == ["lab"]


def test_interfaces_of_the_admin() -> None:
    """Others are added by name, the built-in ones can be changed in part."""
    declared = {"vscode": {"label": "VS Code", "url": "/vscode?folder=~"}, "lab": {"label": "Lab"}}
    found = parse_catalogue({"releases": [release(interfaces=["vscode", "lab"])], "interfaces": declared})
    assert (found.interfaces["vscode"].url, found.interfaces["vscode"].name) == ("/vscode?folder=~", "vscode")
    assert (found.interfaces["lab"].label, found.interfaces["lab"].url) == ("Lab", "/lab")
    assert found.interfaces["notebook"].label == "Jupyter Notebook"


def test_example_is_a_catalogue() -> None:
    """The file that is handed to admins can be read."""
    example = Path(__file__).parents[3] / "share" / "resource_form" / "releases.example.yaml"
    assert tags(read_catalogue(example)) == ["2026.10", "2024.04", "2022.04"]


# --- what is wrong with it ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(None, ["file:"], id="nothing"),
        pytest.param([], ["file:"], id="list"),
        pytest.param("text", ["file:"], id="text"),
        pytest.param({}, ["releases: Field required"], id="no-releases"),
        pytest.param({"releases": []}, ["releases:", "at least 1"], id="empty"),
        pytest.param({"releases": [release(), release()]}, ["release a is listed twice"], id="twice"),
        pytest.param(
            {"releases": [release(interfaces=["vs-code"])]}, ["release a names the interface vs-code"], id="interface-not-declared"
        ),
        pytest.param({"releases": [release(interfaces=[])]}, ["releases.[a]", "at least one interface"], id="no-interface"),
        pytest.param({"releases": [release(path="bin")]}, ["releases.[a].path", "must be an absolute path"], id="relative-path"),
        pytest.param({"releases": [release(date="soon")]}, ["releases.[a].date"], id="no-date"),
        pytest.param({"releases": [{"tag": "a"}]}, ["releases.[a].date: Field required"], id="date-missing"),
        pytest.param({"releases": [{"date": "2026-01-01"}]}, ["releases.[0].tag: Field required"], id="tag-missing"),
        pytest.param({"releases": [release(tag=2026.1)]}, ["releases.[2026.1].tag", "valid string"], id="tag-is-a-number"),
        pytest.param({"releases": [release(colour="red")]}, ["releases.[a].colour"], id="unknown-key"),
        pytest.param({"releases": [release()], "colour": 1}, ["colour"], id="unknown-key-of-the-file"),
        pytest.param({"releases": [release(), "x"]}, ["releases.[1]"], id="entry-is-text"),
        pytest.param({"releases": [release(modules=["a; rm -rf /"])]}, ["releases.[a].modules.0"], id="module-is-shell"),
        pytest.param({"releases": [release(modules=["-x"])]}, ["releases.[a].modules.0"], id="module-is-an-option"),
        pytest.param({"releases": [release(environment={"A B": "1"})]}, ["releases.[a].environment"], id="variable-name"),
        pytest.param({"releases": [release(environment={"A": 1})]}, ["releases.[a].environment.A"], id="variable-is-a-number"),
        pytest.param({"releases": [release()], "interfaces": ["lab"]}, ["interfaces must be a mapping"], id="interfaces-list"),
        pytest.param(
            {"releases": [release()], "interfaces": {"lab": "/lab"}}, ["interfaces.lab must be a mapping"], id="interface-is-text"
        ),
        pytest.param(
            {"releases": [release()], "interfaces": {"x": {"label": "X"}}},
            ["interfaces.x", "url or port is needed"],
            id="interface-without-url",
        ),
        pytest.param(
            {"releases": [release()], "interfaces": {"x": {"label": "", "url": "/x"}}}, ["interfaces.x.label"], id="interface-without-label"
        ),
    ],
)
def test_broken_catalogue(data: Any, words: list[str]) -> None:
    """The log names the source, the entry by its tag, and the field; the user gets one plain sentence without any of it."""
    with pytest.raises(CatalogueError) as broken:
        parse_catalogue(data, source="/etc/releases.yaml")
    assert broken.value.log.startswith("/etc/releases.yaml: ")
    assert all(word in broken.value.log for word in words)
    assert broken.value.sentence == "The list of software releases is broken."


@pytest.mark.parametrize("nothing", [None, {}, []], ids=repr)
def test_no_interfaces_of_the_admins(nothing: Any) -> None:
    """A key without a value is no mistake."""
    assert set(parse_catalogue({"releases": [release()], "interfaces": nothing}).interfaces) == set(BUILT_IN_INTERFACES)


@pytest.mark.parametrize(
    "tag",
    ["", "-a", ".a", "a b", "a/b", "a\n", "a\nb", "a\0", "a;b", "$(id)", "\u0430", "a" * 65, "a:b", 'a"b'],
    ids=ascii,
)
def test_tag_is_one_plain_token(tag: str) -> None:
    """A tag goes into URLs, file names and environments: what pydantic's engine lets through is one token, to its very end."""
    with pytest.raises(CatalogueError):
        parse_catalogue({"releases": [release(tag=tag)]})


@pytest.mark.parametrize("tag", ["a", "2026.10", "A-b_c+d", "9", "a" * 64])
def test_tag_that_can_be(tag: str) -> None:
    """Dates, versions and names are tags."""
    assert tags(parse_catalogue({"releases": [release(tag=tag)]})) == [tag]


def with_url(url: str) -> dict[str, Any]:
    """A catalogue with an interface at this address."""
    return {"releases": [release()], "interfaces": {"x": {"label": "X", "url": url}}}


@pytest.mark.parametrize("url", ["/", "/lab", "/lab/tree/a.ipynb?x=1&y=%20", "/terminals/1", "/~x/"])
def test_url_of_an_interface(url: str) -> None:
    """An interface's address is a path below the server's own."""
    assert parse_catalogue(with_url(url)).interfaces["x"].url == url


@pytest.mark.parametrize(
    "url",
    ["", "lab", "//evil.example/", "https://evil.example/", "\\\\evil.example", "/a b", "/lab\n", "/<b>", '/"', "/#x", "/\u0430"],
    ids=ascii,
)
def test_url_that_leads_elsewhere(url: str) -> None:
    """Never the address of another host, and nothing that could leave an attribute or a header."""
    with pytest.raises(CatalogueError):
        parse_catalogue(with_url(url))


# --- the file -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"releases: [", ["line 1"], id="not-yaml"),
        pytest.param(b"releases:\n  - tag: a\n   date: x\n", ["line 3"], id="line-is-named"),
        pytest.param(b"\xff\xfe\xff", [], id="not-utf-8"),
        pytest.param(b"", ["file:"], id="empty"),
        pytest.param(b"releases:\n  - {tag: a, date: 2026-13-45}\n", ["month"], id="date-of-no-calendar"),
        pytest.param(b"a: !!python/object/apply:os.system [id]\n", ["python/object"], id="yaml-that-would-run-something"),
        pytest.param(b"[" * 5000, [], id="nested-too-deep", marks=pytest.mark.no_cover),
        pytest.param(b"releases:\n  - {tag: a}\n", ["releases.[a].date"], id="incomplete"),
    ],
)
def test_broken_file(tmp_path: Path, content: bytes, words: list[str]) -> None:
    """Whatever is in the file, the answer is CatalogueError whose log names the file and the place."""
    path = tmp_path / "releases.yaml"
    path.write_bytes(content)
    with pytest.raises(CatalogueError) as broken:
        read_catalogue(path)
    assert broken.value.log.startswith(f"{path}: ")
    assert all(word in broken.value.log for word in words)
    assert broken.value.sentence == "The list of software releases is broken."


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir], ids=["missing", "folder"])
def test_file_that_cannot_be_read(tmp_path: Path, make: Any) -> None:
    """A file that is not there, or is none, is said to be unreadable, with the system's reason."""
    path = tmp_path / "releases.yaml"
    make(path)
    with pytest.raises(CatalogueError) as broken:
        read_catalogue(path)
    assert broken.value.sentence == "The list of software releases cannot be read."
    assert str(path) in broken.value.log


def test_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A change shows at the next look; without one the same object is given out."""
    path = tmp_path / "releases.yaml"
    path.write_text(GOOD)
    file = CatalogueFile(path)
    first = file.current()
    assert tags(first) == ["2026.10", "2024.04"]
    assert file.current() is first
    path.write_text(GOOD.replace("2026.10", "2027.10x"))
    assert tags(file.current()) == ["2027.10x", "2024.04"]
    assert file.error is None


def test_change_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    """A copy that keeps the old time and has the old size is a change all the same: rsync -t makes such files."""
    path = tmp_path / "releases.yaml"
    path.write_text(GOOD)
    file = CatalogueFile(path)
    file.current()
    before = path.stat()
    path.write_text(GOOD.replace("2026.10", "2026.11"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert tags(file.current()) == ["2026.11", "2024.04"]


@pytest.mark.parametrize("breaking", [b"releases: [", b"\xff", b"", None], ids=["not-yaml", "not-utf-8", "empty", "removed"])
def test_last_good_one_stays_when_the_file_breaks(tmp_path: Path, breaking: bytes | None) -> None:
    """A broken file takes no release away; what is wrong is kept for the log until the file is good again."""
    path = tmp_path / "releases.yaml"
    path.write_text(GOOD)
    file = CatalogueFile(path)
    first = file.current()
    if breaking is None:
        path.unlink()
    else:
        path.write_bytes(breaking)
    assert file.current() is first
    assert file.error is not None
    assert str(path) in file.error.log
    path.write_text(GOOD.replace("2026.10", "2028.10"))
    assert tags(file.current()) == ["2028.10", "2024.04"]
    assert file.error is None


def test_same_error_is_one_error(tmp_path: Path) -> None:
    """A file that stays broken is read once: the log gets the error once."""
    path = tmp_path / "releases.yaml"
    path.write_text(GOOD)
    file = CatalogueFile(path)
    file.current()
    path.write_text("releases: [")
    file.current()
    error = file.error
    file.current()
    assert error is not None
    assert file.error is error


@pytest.mark.parametrize("content", [None, "releases: ["], ids=["missing", "broken"])
def test_never_a_good_one(tmp_path: Path, content: str | None) -> None:
    """Where there never was a catalogue, the error is raised each time, and the first good file ends it."""
    path = tmp_path / "releases.yaml"
    if content is not None:
        path.write_text(content)
    file = CatalogueFile(path)
    for _ in range(2):
        with pytest.raises(CatalogueError):
            file.current()
    path.write_text(GOOD)
    assert tags(file.current()) == ["2026.10", "2024.04"]


def test_catalogue_of_the_builders_is_good() -> None:
    """The catalogue of the other tests is one."""
    assert tags(parse_catalogue(CATALOGUE)) == ["2026.10", "2024.04"]
