"""Links of the documents, and what comments cite of them, lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from reference_pages import AROUND, PAGES

CHECKOUT = next(folder for folder in Path(__file__).resolve().parents if (folder / "setup.cfg").exists())
DOCUMENTS = [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").glob("*.md"), *(CHECKOUT / "docs" / "howto").glob("*.md")]

MADE = {*PAGES, *(Path(page).name for page in AROUND.values())}
"""The pages that are made of the code, and are no files of the checkout."""


def headings(document: Path) -> set[str]:
    """The anchors of a document's headings, as the usual hosts of repositories make them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def cited() -> Iterator[tuple[Path, str]]:
    """Each ``docs/PAGE.md`` or ``docs/PAGE.md#HEADING`` in the package and its tests, with the file in which it stands."""
    for top in ("spawner", "tests", "scripts", "templates", "share"):
        for source in (CHECKOUT / top).rglob("*"):
            if source.suffix in {".py", ".html", ".sh", ".js"} and source.resolve() != Path(__file__).resolve():
                for citation in re.findall(r"docs/[\w-]+\.md(?:#[\w-]+)?", source.read_text()):
                    yield source, citation


@pytest.mark.parametrize("document", [pytest.param(path, id=path.name) for path in DOCUMENTS])
def test_links_within_the_repository(document: Path) -> None:
    """Each relative link of a document has words, and names a file that is there and, after a #, one of its headings."""
    assert not re.search(r"(?<!!)\[\]\(", document.read_text())
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if not re.match(r"[a-z]+:", link):
            name, _, heading = link.partition("#")
            target = (document.parent / name) if name else document
            if target.resolve().parent == CHECKOUT / "docs/reference":  # made by scripts/docs, which holds the headings
                assert target.stem in MADE, link
                continue
            assert target.exists(), link
            assert not heading or heading in headings(target), link


def test_comments_cite_what_is_there() -> None:
    """A comment that cites a fact leads to its heading."""
    found = list(cited())
    assert found
    for source, citation in found:
        name, _, heading = citation.partition("#")
        assert (CHECKOUT / name).exists(), (source, citation)
        assert not heading or heading in headings(CHECKOUT / name), (source, citation)


@pytest.mark.parametrize("document", [pytest.param(path, id=path.name) for path in DOCUMENTS])
def test_files_that_are_named_are_there(document: Path) -> None:
    """A document that sends the reader to a module, a folder of it or a test names one that exists."""
    for name in re.findall(r"`((?:spawner|tests|scripts|share|templates|benchmarks)/[\w./-]+)`", document.read_text()):
        if not re.search(r"[A-Z]{4}", name):  # ROOM, NAME and VERSION stand for what the reader puts in
            assert (CHECKOUT / name.replace("spawner/share/", "share/")).exists(), name  # where the wheel has it


def test_pictures_are_taken_by_tests() -> None:
    """Each picture of the documents is one that a browser test takes, by its name, and is shown somewhere."""
    tests = "".join(path.read_text() for path in (CHECKOUT / "tests" / "real").glob("test_*.py"))
    taken = re.findall(r'screenshots / f?"([^"]+)"', tests)
    patterns = [re.sub(r"\\{[^}]*\\}", ".+", re.escape(name)) for name in taken]
    text = "".join(path.read_text() for path in DOCUMENTS)
    pictures = [path.name for path in (CHECKOUT / "docs" / "images").glob("*.png")]
    assert len(pictures) > 5
    for picture in pictures:
        assert any(re.fullmatch(pattern, picture) for pattern in patterns), picture
        assert f"images/{picture}" in text, picture
