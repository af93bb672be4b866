"""The site of the documentation: it is made without a warning, needs nothing from elsewhere, and its search finds every sentence."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from reference_pages.sentences import sentences
from sphinx.search.en import SearchEnglish

from spawner._version import __version__

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, beside an older version's; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "0.0.9").mkdir()
    (folder / "0.0.9" / "index.html").write_text("an older one")
    made = subprocess.run([CHECKOUT / "scripts" / "docs", folder], capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (0, ""), made.stdout + made.stderr
    return folder


def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Every page of this version, by its name."""
    folder = site / __version__
    return {str(path.relative_to(folder)): BeautifulSoup(path.read_text(), "html.parser") for path in folder.rglob("*.html")}


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Scripts, styles and pictures are of the site, and those that a page names are there; so is each page that a link leads to."""
    found = pages(site)
    assert len(found) > 45
    for name, page in found.items():
        for element in page.find_all(["script", "link", "img", "a"]):
            address = str(element.get("src") or element.get("href") or "")
            if element.name != "a":
                assert not re.match(r"(https?:)?//", address), (name, address)
            if address and not re.match(r"[a-z]+:|#", address) and element.get("rel") not in (["search"], ["index"]):
                assert (site / __version__ / name).parent.joinpath(re.split(r"[?#]", address)[0]).exists(), (name, address)


def test_every_sentence_is_found_by_the_search(site: Path) -> None:
    """Each of its words, as the search takes them, leads to the page on which it stands."""
    text = (site / __version__ / "searchindex.js").read_text()
    index: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    number = index["docnames"].index("reference/sentences")
    english = SearchEnglish({})

    def leads_there(word: str) -> bool:
        where = [index[kind].get(english.stem(word), []) for kind in ("terms", "titleterms")]
        return any(number in ([entry] if isinstance(entry, int) else entry) for entry in where)

    asked = 0
    for sentence, _heading in sentences():
        said = re.sub(r"\{\w*\}|%\(\w+\)s", " ", sentence)
        words = [word for word in english.split(said) if english.word_filter(english.stem(word.lower())) and not word.isdigit()]
        assert [word for word in words if not leads_there(word.lower())] == [], sentence
        asked += len(words)
    assert asked > 5000


def test_each_version_has_its_folder(site: Path) -> None:
    """The first page leads to the newest, and all are named."""
    assert (site / "versions.js").read_text() == f'showVersions(["{__version__}", "0.0.9"]);\n'
    assert f"url={__version__}/index.html" in (site / "index.html").read_text()
    assert (site / "0.0.9" / "index.html").read_text() == "an older one"
