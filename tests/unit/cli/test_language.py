"""The language of the terminal, as POSIX and gettext say it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spawner import i18n
from spawner.cli.language import ARGPARSE, language_of
from spawner.i18n import _, using

LANGUAGES = [
    ({}, "en"),
    ({"LANG": "it_IT.UTF-8"}, "it"),
    ({"LANG": "it"}, "it"),
    ({"LANG": "it_CH@euro"}, "it"),
    ({"LANG": "de_DE.UTF-8"}, "en"),
    ({"LANG": "it_IT.UTF-8", "LC_ALL": "C"}, "en"),
    ({"LANG": "it_IT.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
    ({"LANG": "it_IT.UTF-8", "LC_ALL": ""}, "it"),
    ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "it_IT.UTF-8"}, "it"),
    ({"LANG": "it_IT.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
    ({"LANG": "en_GB.UTF-8", "LANGUAGE": "it:en"}, "it"),
    ({"LANG": "it_IT.UTF-8", "LANGUAGE": "de:en"}, "en"),
    ({"LANG": "de_DE.UTF-8", "LANGUAGE": "fr:it"}, "it"),
    ({"LANG": "C", "LANGUAGE": "it"}, "en"),
    ({"LANGUAGE": "it"}, "en"),
    ({"LANG": "../../etc"}, "en"),
]


@pytest.mark.parametrize(("environment", "language"), LANGUAGES, ids=lambda value: str(value))
def test_the_language_of_the_terminal(environment: dict[str, str], language: str) -> None:
    """As other programs of the machine choose theirs."""
    assert language_of(environment) == language


def test_all_of_the_help_is_in_it() -> None:
    """Argparse's own words, the commands' and the fields'."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LC_")}
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from spawner.cli.main import main; sys.exit(main(['launch', '--help']))"],
        env={**kept, "LANG": "it_IT.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    with using("it"):
        for words in (
            "usage: ",
            "options",
            "show this help message and exit",
            "Number of cores",
            "what is asked for",
            "which Hub is asked",
        ):
            assert _(words) != words
            assert " ".join(_(words).split()) in " ".join(done.stdout.split())


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="other versions of Python word some of them otherwise")
def test_argparses_words_are_those_that_it_has() -> None:
    """As argparse writes them; a translation of other words would never be seen."""
    import argparse

    source = Path(argparse.__file__).read_text("utf-8").replace("\\n", "\n")
    assert [words for words in ARGPARSE if words not in source and words.replace("'", "\\'") not in source] == []


def test_without_the_packages_files_it_is_english(tmp_path: Path) -> None:
    """Only the modules have been copied, as to a node for its reporter: there are no catalogues, and the commands work."""
    shutil.copytree(Path(i18n.__file__).parent, tmp_path / "spawner", ignore=shutil.ignore_patterns("__pycache__", "share", "templates"))
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import sys; from spawner.cli.main import main; sys.exit(main(['kernel', 'list']))"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(tmp_path), "LANG": "it_IT.UTF-8"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("No kernels of yours")
