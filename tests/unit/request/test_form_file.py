"""The admin's file of fields and presets: what may stand in it, what is said of mistakes, and what counts meanwhile."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from spawner._data import folder
from spawner.errors import FormFileError
from spawner.request.form_file import FormFile, FormRules, read_form_file
from spawner.request.policy import parse_policies
from spawner.request.presets import parse_presets
from spawner.site.watched_file import ToldFile

GOOD = """\
fields:
  cores: {default: 2, maximum: 8}
  account: {choices: [Cin_Staff]}
presets:
  - name: course
    label: The course
    values: {cores: 4, memory: 8G, walltime: 90m}
    groups: [students]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "form.yaml"


def mistakes(path: Path, text: str) -> str:
    """What the log is told of a file."""
    path.write_text(text)
    with pytest.raises(FormFileError) as raised:
        read_form_file(path)
    return raised.value.log.removeprefix(f"{path}: ")


def test_as_the_settings_are(path: Path) -> None:
    """The same fields and presets as in the configuration; numbers and times are read as a user types them."""
    path.write_text(GOOD)
    found = read_form_file(path)
    assert found.fields == parse_policies({"cores": {"default": "2", "maximum": "8"}, "account": {"choices": ["cin_staff"]}})
    (preset,) = found.presets
    assert (preset.title, preset.groups) == ("The course", ("students",))
    assert (preset.read().cores, preset.read().memory, preset.read().walltime) == (4, 8192, 90)


@pytest.mark.parametrize("text", ["", "# nothing\n", "fields:\n", "presets: []\nfields: {}\n"])
def test_nothing_is_nothing(path: Path, text: str) -> None:
    """An empty file, and empty parts."""
    path.write_text(text)
    assert read_form_file(path) == FormRules()


def test_the_example_is_in_order() -> None:
    """The one that is shipped."""
    found = read_form_file(folder("share") / "resource_form" / "form.example.yaml")
    assert [preset.name for preset in found.presets] == ["small-gpu", "school"]
    assert set(found.fields) == {"memory", "walltime"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fields: {cores: {maximum: 8}}\ncourses: []\n", "line 2: there is no key 'courses'; the keys are fields, presets"),
        ("fields:\n  cores: {maximun: 8}\n", "line 2: fields['cores']: maximun: Extra inputs are not permitted"),
        ("fields:\n  cores: {default: 1}\n  memroy: {default: 8G}\n", "line 3: fields: there is no field 'memroy'"),
        ("fields:\n  memory: {default: 8Q}\n", "line 2: fields['memory']: "),
        ("fields: [cores]\n", "line 1: fields: a mapping is needed"),
        ("presets:\n  - {name: a, values: {cores: 1}}\n  - {name: b, values: {cors: 1}}\n", "line 3: presets['b']: values: there is no"),
        ("presets:\n  - name: a\n    values: {cores: many}\n", "presets['a']: values: "),
        ("presets:\n  - {values: {cores: 1}}\n", "line 2: presets[0]: name: "),
        ("presets:\n  - {name: a, values: {cores: 1}}\n  - {name: a, values: {cores: 2}}\n", "line 3: presets['a']: there are two presets"),
        ("presets: {a: 1}\n", "line 1: presets: a list is needed"),
        ("presets:\n  - text\n", "line 2: presets[0]: "),
        ("- fields\n", "a mapping is needed, with fields and presets"),
        ("fields: {\n", "line "),
        ("fields: {}\nfields: {}\n", "line 2: fields stands twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_and_in_which_line(path: Path, text: str, words: str) -> None:
    """As for the catalogue: the line, the entry, the mistake."""
    assert words in mistakes(path, text)


def test_all_mistakes_at_once(path: Path) -> None:
    """An admin mends a file once."""
    said = mistakes(path, "fields:\n  cores: {maximum: x}\n  nothing: {}\npresets:\n  - {name: a}\n")
    assert [part.split(":")[0] for part in said.split("; ")][:1] == ["line 2"]
    assert "line 3: " in said
    assert "line 5: " in said


def test_no_text(path: Path) -> None:
    """Bytes that are none, and a file that is not there."""
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FormFileError):
        read_form_file(path)
    with pytest.raises(FormFileError, match="No such file"):
        read_form_file(path.with_name("gone.yaml"))


def test_what_counts_while_it_is_broken(path: Path) -> None:
    """Nothing before it ever was in order; what it said last afterwards, also where it is taken away: what it forbids stays forbidden."""
    file = FormFile(path)
    assert file.latest() is None
    path.write_text(GOOD)
    good = file.latest()
    assert good is not None
    assert good.fields["cores"].maximum == "8"
    path.write_text("fields: {nothing: {}}\n")
    assert file.latest() is good
    assert file.error is not None
    assert "'nothing'" in file.error.log
    path.unlink()
    assert file.latest() is good
    path.write_text("presets: []\n")
    assert file.latest() == FormRules()
    assert file.error is None


def test_over_the_configuration() -> None:
    """A field and a preset that both name are as the file has them; the others stay, those of the configuration in front."""
    presets = parse_presets([{"name": "a", "values": {"cores": 1}}, {"name": "b", "values": {"cores": 1}}])
    rules = FormRules(
        parse_policies({"cores": {"maximum": 4}}),
        parse_presets([{"name": "c", "values": {"cores": 3}}, {"name": "a", "values": {"cores": 9}}]),
    )
    both = rules.over(parse_policies({"cores": {"maximum": 99}, "gpus": {"maximum": 1}}), presets)
    assert [(preset.name, preset.values["cores"]) for preset in both.presets] == [("b", 1), ("c", 3), ("a", 9)]
    assert (both.fields["cores"].maximum, both.fields["gpus"].maximum) == (4, 1)


def test_the_log_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of each mistake, and that it is in order again; many who look at once read it once."""

    async def looks() -> None:
        told = ToldFile(FormFile(path), "fields and presets", logging.getLogger("hub"))
        for text in ("fields: {nothing: {}}\n", "", GOOD):
            if text:
                await asyncio.to_thread(path.write_text, text)
            await asyncio.gather(*(told.latest() for _each in range(5)))

    with caplog.at_level(logging.WARNING):
        asyncio.run(looks())
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert "line 1: fields: there is no field 'nothing'" in caplog.text
    assert f"The fields and presets can be read again: {path}" in caplog.text
