"""Amounts in words."""

from __future__ import annotations

import copy
import datetime
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner import humanize, i18n
from spawner.advice.price import units
from spawner.humanize import dated, day_and_time, day_in_words, duration, iso_time, limit_of_memory, moment_in_words, moment_texts
from spawner.i18n import _, decimal, languages, using
from spawner.units import parse_memory_mb


@pytest.mark.parametrize(
    ("megabytes", "words"),
    [(375300, "366.5 GB"), (1536, "1.5 GB"), (500, "500 MB"), (8192, "8 GB"), (10239, "10239 MB"), (102400, "100 GB")],
)
def test_limit_of_memory(megabytes: int, words: str) -> None:
    """Long figures are rounded down to a tenth of a GB, short ones stay exact."""
    assert limit_of_memory(megabytes) == words


@given(st.integers(min_value=1, max_value=10_000_000))
def test_what_is_said_can_be_had(megabytes: int) -> None:
    """The limit in words, typed into the form, is never more than the limit."""
    text = limit_of_memory(megabytes)
    number, unit = text.split()
    if unit == "GB" and "." in number:
        assert float(number) * 1024 <= megabytes
    else:
        assert parse_memory_mb(text) <= megabytes


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (480, "8 h"),
        (60, "1 h"),
        (1440, "1 day"),
        (2160, "1 day 12 h"),
        (90, "1 h 30 min"),
        (1, "1 min"),
        (1501, "1 day 1 h 1 min"),
    ],
)
def test_duration(minutes: int, words: str) -> None:
    """Whole hours and days are named as such, odd times below a day in minutes."""
    assert duration(minutes) == words


MOMENTS = json.loads((Path(__file__).parents[1] / "fixtures" / "moments.json").read_text(encoding="utf-8"))
"""Also read by ``tests/static/moments.test.js``: the scripts of the pages write the same."""


@pytest.fixture
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone of a row of the table, for as long as the test takes."""
    monkeypatch.setenv("TZ", request.param["zone"])
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def seconds_of(text: str) -> float:
    """ISO 8601 as seconds since the epoch."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def by_zone(kind: str) -> pytest.MarkDecorator:
    """The rows of the table, each in its zone."""
    rows = [pytest.param(row, row, id=row["why"]) for row in MOMENTS[kind]]
    return pytest.mark.parametrize(("row", "_zone"), rows, indirect=["_zone"])


@pytest.mark.parametrize("language", sorted(MOMENTS["texts"]))
@by_zone("moments")
@pytest.mark.usefixtures("_zone")
def test_a_moment(row: dict[str, Any], language: str) -> None:
    """The day is named where it is not today's, the year where it is another one, by the clock of the zone."""
    with using(language):
        assert day_and_time(seconds_of(row["at"]), seconds_of(row["now"]), seconds=row.get("seconds", False)) == row[language]


@pytest.mark.parametrize("language", sorted(MOMENTS["texts"]))
@by_zone("days")
@pytest.mark.usefixtures("_zone")
def test_a_day(row: dict[str, Any], language: str) -> None:
    """As people speak of it, with the year where it is another one; a heading, so with a capital letter."""
    day, today = (datetime.datetime.fromtimestamp(seconds_of(row[name])).astimezone().date() for name in ("at", "now"))
    with using(language):
        assert day_in_words(day, today) == row[language]


@pytest.mark.parametrize("language", sorted(MOMENTS["texts"]))
def test_what_the_scripts_write_moments_with(language: str) -> None:
    """The texts of the table are those that the pages give their scripts, in every language that is shipped."""
    assert set(MOMENTS["texts"]) == set(languages())
    with using(language):
        assert moment_texts(_) == MOMENTS["texts"][language]


def test_a_translation_with_names_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site's own catalogue may be wrong: the names are English then, and no page breaks."""
    monkeypatch.setattr(humanize, "_", lambda sentence: "only two" if sentence == humanize.SHORT_MONTHS else sentence)
    noon = datetime.datetime(2026, 11, 28, 12).astimezone().timestamp()
    assert day_and_time(noon, noon + 86400) == "12:00 on Sat 28 Nov"


NUMBERS = json.loads((Path(__file__).parents[1] / "fixtures" / "numbers.json").read_text(encoding="utf-8"))
"""Also read by ``tests/static/format.test.js``: the scripts of the pages write the same."""


@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize(
    ("kind", "row"), [pytest.param(kind, row, id=f"{kind}: {row['why']}") for kind in NUMBERS if kind != "about" for row in NUMBERS[kind]]
)
def test_a_number(kind: str, row: dict[str, Any], language: str) -> None:
    """With the signs of the language, and no more digits than help."""
    written = {
        "number": lambda value: decimal(value, row["digits"]),
        "units": units,
        "memory": limit_of_memory,
        "gigabytes": lambda value: decimal(value / 1024, 1, grouped=False),
    }
    with using(language):
        assert written[kind](row["value"]) == row[language]


def test_every_language_has_its_numbers() -> None:
    """The table has all languages that are shipped."""
    assert {*languages()} == {*NUMBERS["number"][0]} - {"why", "value", "digits"}


def test_a_translation_without_the_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site's own catalogue may be wrong: numbers are English then."""
    monkeypatch.setattr(i18n, "_", lambda _sentence: "12345")
    assert decimal(1234.5, 1) == "1,234.5"


def test_a_sentence_with_a_moment() -> None:
    """Text to all, and in a template a <time> that the page's script finds; what is filled in is escaped there, once."""
    now = datetime.datetime(2026, 3, 1, 10, 0).astimezone().timestamp()
    inner = dated("{who} begins at {moment}.", who="<a & b>", moment=day_and_time(now, now))
    outer = dated("Don't: {why} {number}", why=inner, number=2)
    assert outer == "Don't: <a & b> begins at 10:00. 2"
    assert json.loads(json.dumps([outer])) == [outer]
    shown = jinja2.Environment(autoescape=True).from_string("{{ words }}").render(words=outer)
    assert shown == f'Don&#x27;t: &lt;a &amp; b&gt; begins at <time datetime="{iso_time(now)}">10:00</time>. 2'
    assert copy.deepcopy(outer).__html__() == outer.__html__()
    assert "<time" not in markupsafe.escape(f"in a longer sentence: {inner}")


def test_moment_in_words() -> None:
    """With the word before it."""
    now = datetime.datetime(2026, 3, 1, 10, 0).astimezone().timestamp()
    assert moment_in_words(now + 3600, now) == "at 11:00"
