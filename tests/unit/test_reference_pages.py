"""The pages that are made of the code have all that there is; what has no description fails the build of the site."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml
from babel.messages.pofile import read_po
from pydantic import BaseModel, Field
from reference_pages import AROUND, PAGES, files, markdown, migration, sentences, settings, write_pages

import spawner.errors
from spawner.bounds import Bounds
from spawner.cli.main import COMMANDS
from spawner.cluster.cluster import SlurmCluster
from spawner.hub.settings.spawner import SpawnerSettings
from spawner.request.model import FIELDS
from spawner.request.policy import FieldPolicy
from spawner.request.presets import Preset
from spawner.site.catalogue import Catalogue
from spawner.site.notices import Health, Notice
from spawner.site.release import Release

CHECKOUT = Path(__file__).resolve().parents[2]
WRITTEN = {name: page() for name, page in PAGES.items()}


def rows(text: str) -> set[str]:
    """The first cells of all tables, without their backticks."""
    return {cell.strip("` ") for cell in re.findall(r"^\| (.*?[^\\]) \|", text, re.MULTILINE)}


def as_read(text: str) -> str:
    """Markdown as it is read: without the strokes that keep characters from meaning something."""
    return re.sub(r"\\([^A-Za-z0-9\s])", r"\1", text)


def test_every_setting() -> None:
    """Each has its default; most have lines of the example configuration, which are Python."""
    page = WRITTEN["settings"]
    for section, names in (
        ("ResourceFormSpawner", SpawnerSettings.class_traits(config=True)),
        ("SlurmCluster", SlurmCluster.class_traits(config=True)),
        ("ResourceFormBounds", Bounds.__dataclass_fields__),
    ):
        assert len(names) > 20
        for name in names:
            entry = page.partition(f"\n### c.{section}.{name}\n")[2].partition("\n##")[0]
            assert re.search(r"Type: .+\. Where nothing is set: `.+`\. Came with \d+\.\d+\.\d+\.", entry), name
            for lines in re.findall(r"```python\n(.*?)```", entry, re.DOTALL):
                ast.parse(lines)
    assert page.count("```python") > 60
    assert "Where nothing is set: `3960`" in page.partition("\n### c.ResourceFormSpawner.start_timeout\n")[2].partition("\n##")[0]
    assert "\n### c.ResourceFormSpawner.req_partition\n" not in page


def test_a_setting_without_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SlurmCluster.class_traits()["bin_dir"], "help", " ")
    with pytest.raises(ValueError, match=r"^c\.SlurmCluster\.bin_dir has no help$"):
        settings.page()


def test_every_field() -> None:
    assert rows(WRITTEN["fields"]) >= set(FIELDS)


def test_every_key_of_the_files() -> None:
    """Of the catalogue with all that is within, presets, fields and notices; each with words."""
    keys = rows(WRITTEN["files"])
    for model in (Catalogue, Release, Preset, FieldPolicy, Notice, Health):
        assert {field.alias or name for name, field in model.model_fields.items()} <= keys, model
    assert re.search(r"^\| .* \|\s*\|$", WRITTEN["files"], re.MULTILINE) is None


def test_a_key_without_a_description(monkeypatch: pytest.MonkeyPatch) -> None:
    class Site(BaseModel):
        """Something that an admin writes."""

        name: str = Field(description="Its name.")
        colour: str = ""

    monkeypatch.setattr(files, "MODELS", {"Sites": (Site, "")})
    with pytest.raises(ValueError, match=r"^Sites: the key colour has no description$"):
        files.page()


def test_every_address() -> None:
    document = yaml.safe_load((CHECKOUT / "docs" / "openapi.yaml").read_text())
    page = as_read(WRITTEN["addresses"])
    for path, operations in document["paths"].items():
        for method in operations.keys() - {"parameters"}:
            assert f"\n### {method.upper()} {path}\n" in page
    for name in document["components"]["schemas"]:
        assert f"\n### {name}\n" in page


def test_every_command() -> None:
    page = as_read(WRITTEN["commands"])
    for name in COMMANDS:
        assert f"\n## resource-form {name}\n" in page
    for command, option in (("launch", "--cores"), ("releases scan", "--lock"), ("kernel add", "--prefix"), ("doctor", "--json")):
        entry = page.partition(f" resource-form {command}\n")[2].partition("\n## ")[0]
        assert any(row.startswith(option) or f", {option}" in row for row in rows(entry)), (command, option)


def test_every_sentence_is_found() -> None:
    """All that is shown and has more than one word stands on the page, and each error, whatever the search is asked for."""
    page = " ".join(as_read(WRITTEN["sentences"]).split())
    with sentences.CATALOG.open("rb") as file:
        shown = [text for entry in read_po(file) for text in ([entry.id] if isinstance(entry.id, str) else entry.id) if " " in text.strip()]
    assert len(shown) > 1000
    assert [text for text in shown if " ".join(text.split()) not in page] == []
    kinds = [
        kind for kind in vars(spawner.errors).values() if isinstance(kind, type) and issubclass(kind, spawner.errors.ResourceFormError)
    ]
    assert {kind.label for kind in kinds} <= rows(WRITTEN["sentences"])


def test_a_sentence_of_a_new_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "PLACES", {"templates/": "On pages"})
    with pytest.raises(ValueError, match="is of no place that the page has a heading for"):
        list(sentences.sentences())


def test_files_of_the_checkout_are_pages(tmp_path: Path) -> None:
    """They are written beside the others, with links that lead to pages; what is there already as it is to be stays untouched."""
    (tmp_path / "old.md").touch()
    write_pages(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {*PAGES, *(Path(page).name for page in AROUND.values())}
    assert "](/reference/contributing.md)" in (tmp_path / "architecture.md").read_text()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    write_pages(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_what_is_used_instead_is_there() -> None:
    """Settings of ours that the tables of other spawners' keys name are settings, and fields are fields."""
    page = WRITTEN["other-spawners"]
    known = set(SpawnerSettings.class_traits(config=True)) | {"args", "sbatch_options"}
    for words in (words for keys in migration.WITHIN.values() for words in keys.values()):
        for section, name in re.findall(r"\b(ResourceFormSpawner|Spawner)\.(\w+)", words):
            assert name in known, (section, words)
        for field in re.findall(r"field `(\w+)`", words):
            assert field in FIELDS
    links = migration.WITHIN["jupyterhub_moss, a link (`/hub/spawn?NAME=VALUE`)"]
    assert {word for words in links.values() if not words.startswith("nothing") for word in re.findall(r"^`(\w+)`", words)} <= set(FIELDS)
    assert page.count("| `") > 90


def test_text_is_shown_as_it_is() -> None:
    assert as_read(markdown.plain("a_b *c* <d> [e] | {f} ~")) == "a_b *c* <d> [e] | {f} ~"
    assert markdown.table(("a", "b"), [("x | y", "z\nw")]) == "| a | b |\n| --- | --- |\n| x \\| y | z w |"
    assert markdown.code("a `b`") == "`` a `b` ``"


def test_what_troubleshooting_quotes_is_said() -> None:
    """Each sentence that stands there as something that is seen is one of ours, or of sudo's and munge's."""
    quoted = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", (CHECKOUT / "docs" / "troubleshooting.md").read_text())
    others = {"sudo: a password is required", "Invalid credential"}
    shown = [text for text, _heading in sentences.sentences()] + ["Log"]
    literal = [text for text in shown if len(re.sub(r"\{\w*\}|%\(\w+\)s", "", text).split()) > 3]
    patterns = [re.sub(r"\\\{\w*\\\}|%\\\(\w+\\\)s", ".+", re.escape(text)) for text in literal]
    assert len(quoted) > 8
    unknown = [text for text in quoted if text not in others and not any(text in entry for entry in shown)]
    assert [text for text in unknown if not any(re.fullmatch(pattern, text) for pattern in patterns)] == []
