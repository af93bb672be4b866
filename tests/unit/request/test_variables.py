"""Variables of the environment as text, what looks secret in them, and what a mask stands for (T39)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from spawner.request.form_data import read_form
from spawner.request.model import parse_request
from spawner.request.variables import (
    HIDDEN_NAMES,
    HIDDEN_VALUES,
    MASK,
    as_text,
    beneath,
    looks_secret,
    masked,
    masked_text,
    names_in,
    read_text,
    secrets_in,
    with_known,
    written,
)

TABLE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "fixtures" / "variables.json").read_text("utf-8"))


@pytest.mark.parametrize("row", TABLE["values"], ids=lambda row: ascii(row["value"]))
def test_a_value_is_written_and_read_byte_for_byte(row: dict[str, str]) -> None:
    """``tests/static/variables.test.js`` reads the same table."""
    assert written(row["value"]) == row["text"]
    assert read_text(f"A={row['text']}") == {"A": row["value"]}


@pytest.mark.parametrize("row", TABLE["texts"], ids=lambda row: ascii(row["text"]))
def test_text_is_read(row: dict[str, Any]) -> None:
    """Line ends of any system, comments and empty lines; blanks belong to the value."""
    assert list(read_text(row["text"]).items()) == [tuple(pair) for pair in row["variables"]]


@pytest.mark.parametrize(("name", "value", "secret"), TABLE["secrets"])
def test_what_looks_secret(name: str, value: str, secret: bool) -> None:
    """By the name, whatever its case, or by the value."""
    assert looks_secret(name, value) is secret


def test_the_page_has_the_same_patterns() -> None:
    """The table that the scripts are tested with is the Hub's."""
    assert TABLE["patterns"] == {"name": HIDDEN_NAMES, "value": HIDDEN_VALUES}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A=1\nhunter2", "Line 2 has no “=”"),
        ("A=1\nA=hunter2", "The variable A is there twice"),
        ('A="hunter2', "The value of A begins with a quotation mark"),
        ('A="hunter2" or so', "The value of A begins with a quotation mark"),
        ('A="a\tb"', "The value of A begins with a quotation mark"),
    ],
)
def test_text_that_cannot_be_read(text: str, words: str) -> None:
    """The sentence says where, and repeats no value: it goes into the log."""
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        read_text(text)
    assert "hunter2" not in str(refused.value)


def test_text_comes_through_every_door() -> None:
    """What a form or a link has as text is the request that a program has as an object."""
    value = 'a,b "c" $HOME\n'
    text = as_text({"A": value, "B": ""})
    assert parse_request({"environment": text}) == parse_request({"environment": {"A": value, "B": ""}})
    assert read_form({"environment": [f"{text}\r\nC= x "]})["environment"] == f"{text}\r\nC= x "
    assert parse_request(read_form({"environment": [""]})).environment == {}


def test_masks() -> None:
    """What looks secret is not shown, and a mask that comes back means what is known."""
    variables = {"A": "1", "HF_TOKEN": "hunter2", "URL": "https://me:hunter2@host"}
    assert masked(variables) == {"A": "1", "HF_TOKEN": MASK, "URL": MASK}
    text = as_text(masked(variables))
    assert text == f"A=1\nHF_TOKEN={MASK}\nURL={MASK}"
    assert with_known(text, {}, variables, {"HF_TOKEN": "another"}) == variables
    assert with_known({"HF_TOKEN": MASK}, {"A": "1"}) == {"HF_TOKEN": MASK}
    assert with_known({"HF_TOKEN": "new"}, variables) == {"HF_TOKEN": "new"}
    assert with_known("no sign", variables) == "no sign"
    assert with_known([1], variables) == [1]


def test_text_that_was_refused_is_shown_without_its_secrets() -> None:
    """As typed, line by line, whether it can be read or not."""
    typed = 'A=1\r\nno sign\nHF_TOKEN=hunter2\nSECRET="hunter2\nX="https://me:hunter2@host"\nB_KEY='
    shown = masked_text(typed)
    assert "hunter2" not in shown
    assert shown.split("\n") == ["A=1", "no sign", f"HF_TOKEN={MASK}", f"SECRET={MASK}", f"X={MASK}", "B_KEY="]
    assert secrets_in(typed) == {"HF_TOKEN": "hunter2", "SECRET": '"hunter2', "X": "https://me:hunter2@host"}
    assert secrets_in({"HF_TOKEN": MASK, "A": "1", "B_KEY": 3, 4: "x"}) == {}
    assert names_in(typed) == ["A", "HF_TOKEN", "SECRET", "X", "B_KEY"]


def test_a_presets_variables_lie_beneath() -> None:
    """Whoever names a variable themselves has their own value."""
    assert beneath("A=1\nB=2", {"A": "own"}) == {"A": "own", "B": "2"}
    assert beneath({"A": "1"}, "") == {"A": "1"}
    assert beneath({"A": "1"}, "no sign") == "no sign"
