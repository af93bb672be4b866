"""The options of ``resource-form launch``: where a value comes from, and what is refused before the Hub is asked (T43)."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spawner._data import folder
from spawner.cli.hub_client import WrongCall
from spawner.cli.launch_options import FIELDS_FILE, VARIABLE, add_request_options, given_request
from spawner.cli.progress import Progress
from spawner.cli.request import merged
from spawner.request.model import FIELDS
from spawner.request.terminal import fields_text


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of settings; nothing of the environment."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in FIELDS:
        monkeypatch.delenv(VARIABLE + name.upper(), raising=False)
    folder = tmp_path / "resource-form"
    folder.mkdir()
    return folder / "config.ini"


def request_of(*words: str) -> dict[str, Any]:
    """What these options ask for."""
    parser = argparse.ArgumentParser()
    add_request_options(parser)
    return given_request(parser.parse_args(list(words)))


def test_the_file_of_fields_is_the_models() -> None:
    """After a change of a field: python -m spawner.request.terminal."""
    assert (folder("share") / "resource_form" / FIELDS_FILE).read_text("utf-8") == fields_text()


def test_nothing_of_the_hub_is_imported() -> None:
    """The help is there at once, in a bare environment."""
    code = "import sys; sys.argv = ['x', 'launch', '--help']\nfrom spawner.cli.main import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print(sorted({'jupyterhub', 'tornado', 'pydantic', 'yaml', 'traitlets', 'batchspawner'} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert all(f"--{name.replace('_', '-')}" in done.stdout for name in ("cores", "start_folder", "time", "env"))


def test_which_value_counts(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed, then the environment, then the settings; what nobody names is left to the Hub."""
    settings.write_text("[launch]\ncores = 3\nmemory = 5G\nwalltime = 50\n[hub other]\nurl = x\n")
    monkeypatch.setenv("RESOURCE_FORM_LAUNCH_CORES", "2")
    monkeypatch.setenv("RESOURCE_FORM_LAUNCH_MEMORY", "4G")
    assert request_of("-c", "1", "-e", "A=b=c", "-e", "B=") == {
        "cores": "1",
        "memory": "4G",
        "walltime": "50",
        "environment": {"A": "b=c", "B": ""},
    }
    saved = {"cores": "9", "gpus": "1", "environment": {"A": "saved", "C": "saved"}}
    assert merged(saved, {"cores": "1", "environment": {"A": "typed"}}) == {
        "cores": "1",
        "gpus": "1",
        "environment": {"A": "typed", "C": "saved"},
    }


@pytest.mark.parametrize(
    "words", [["-m", "32"], ["-m", "500M"], ["-g", "v100:2"], ["-g", "shard:v100:1"], ["-t", "1-12:00:00"], ["-t", "2h"], ["-R", ""]]
)
def test_values_as_they_are_typed(words: list[str]) -> None:
    """They are the Hub's to judge, where they can be values at all."""
    (value,) = request_of(*words).values()
    assert value == words[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-c", "1.5"], "--cores"),
        (["-c", "-1"], "--cores"),
        (["-m", "lots"], "--memory"),
        (["-t", "0"], "--time"),
        (["-g", "-1"], "--gpus"),
        (["-p", "a\nb"], "--partition"),
        (["-e", "=x"], "--env"),
    ],
)
def test_what_cannot_be_a_value(words: list[str], said: str) -> None:
    """The message names the option, and is one line."""
    with pytest.raises(WrongCall, match=said) as refused:
        request_of(f"{words[0]}{words[1]}" if words[1].startswith("-") else words[0], *([] if words[1].startswith("-") else [words[1]]))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    "text", ["[launch]\nbogus = 1\n", "[launch]\ncores = x\n", "cores = 1\n", "[launch\n", "[launch]\ncores = 1\ncores = 2\n"]
)
def test_settings_that_cannot_be_read(settings: Path, text: str) -> None:
    """The file is named."""
    settings.write_text(text)
    with pytest.raises(WrongCall, match=r"config\.ini"):
        request_of()


def test_lines_without_a_terminal() -> None:
    """Each thing once, on a line; no control characters, whatever the Hub says; nothing where nothing is wanted."""
    stream = io.StringIO()
    with Progress(stream) as progress:
        for words in ("Waiting", "Waiting", "", "Run\x1b[2Jning", "Waiting"):
            progress.say(words)
    assert stream.getvalue() == "Waiting\nRun?[2Jning\nWaiting\n"
    with Progress(stream, quiet=True) as progress:
        progress.say("Nothing")
    assert "Nothing" not in stream.getvalue()


def test_the_fields_have_words() -> None:
    """Each has a title and a sentence for the help."""
    fields = json.loads(fields_text())["fields"]
    assert [field["name"] for field in fields] == list(FIELDS)
    assert all(field["title"] and field["description"] for field in fields)
