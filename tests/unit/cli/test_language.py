"""The language of the terminal, as POSIX and gettext say it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
    from pathlib import Path

    source = Path(argparse.__file__).read_text("utf-8").replace("\\n", "\n")
    assert [words for words in ARGPARSE if words not in source and words.replace("'", "\\'") not in source] == []
