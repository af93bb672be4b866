"""A session's name and colour: what may be typed, what the form shows, and that the job knows nothing of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spawner.bounds import DEFAULTS
from spawner.errors import RequestRejected
from spawner.hub.form.render import render_form
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.appearance import COLOR_NAMES, appearance_fields
from spawner.request.defaults import default_values
from spawner.request.field_values import COLORS, LONGEST_NAME
from spawner.request.form_data import read_form
from spawner.request.form_fields import form_fields
from spawner.request.model import APPEARANCE_FIELDS, parse_request
from spawner.request.recent import remember
from tests.support.builders import choices


@pytest.mark.parametrize(
    ("field", "typed", "read"),
    [
        pytest.param("name", "", "", id="no-name"),
        pytest.param("name", "  Protein folding,  run 3 ", "Protein folding, run 3", id="blanks"),
        pytest.param("name", "<b>&\"'</b>", "<b>&\"'</b>", id="text-and-no-markup"),
        pytest.param("name", "Analyse für Zoë", "Analyse für Zoë", id="letters"),
        pytest.param("name", "Zoe\u0308", "Zoë", id="composed"),
        pytest.param("name", "数据分析", "数据分析", id="other-scripts"),
        pytest.param("name", "x" * LONGEST_NAME, "x" * LONGEST_NAME, id="longest"),
        pytest.param("color", "", "", id="no-colour"),
        pytest.param("color", " Blue ", COLORS["blue"], id="by-name"),
        pytest.param("color", "#1F77B4", "#1f77b4", id="by-number"),
    ],
)
def test_read(field: str, typed: str, read: str) -> None:
    """Names are any words; colours are kept as numbers, however they were written."""
    request = parse_request({field: typed})
    assert getattr(request, field) == read
    assert parse_request(request.options()) == request
    assert (field in request.options()) is bool(read)


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        pytest.param("name", "x" * (LONGEST_NAME + 1), "at most 60 letters", id="too-long"),
        pytest.param("name", " " * DEFAULTS.request_characters, "at most 60 letters", id="as-many-blanks-as-are-read"),
        pytest.param("name", "a" + " " * 239 + "b", "at most 60 letters", id="more-blanks-than-are-read"),
        pytest.param("name", "\nab", "cannot be the name", id="newline-in-front"),
        pytest.param("color", " " * 54 + "#1f77b4", "blue, teal", id="more-blanks-than-are-read-before-a-colour"),
        pytest.param("name", "a\nb", "cannot be the name", id="newline"),
        pytest.param("name", "a\u202eb", "cannot be the name", id="right-to-left"),
        pytest.param("name", "a\u200bb", "cannot be the name", id="zero-width"),
        pytest.param("name", "a\ufeffb", "cannot be the name", id="byte-order-mark"),
        pytest.param("name", "Folding\u3164", "cannot be the name", id="a-letter-that-shows-as-nothing"),
        pytest.param("name", "\u2800\u2800", "cannot be the name", id="a-sign-that-shows-as-nothing"),
        pytest.param("name", "\u0301\u0302", "cannot be the name", id="accents-on-nothing"),
        pytest.param("name", "\ud800", "cannot be the name", id="surrogate"),
        pytest.param("name", 7, "cannot be the name", id="number"),
        pytest.param("color", "#12345", "blue, teal", id="five-digits"),
        pytest.param("color", "mauve", "blue, teal", id="unknown-name"),
        pytest.param("color", "url(https://example.org)", "blue, teal", id="address"),
        pytest.param("color", "#1f77b4\n;", "blue, teal", id="more-than-a-colour"),
        pytest.param("color", None, "blue, teal", id="nothing"),
    ],
)
def test_refused(field: str, typed: Any, sentence: str) -> None:
    """What cannot be shown on one line, and what is no colour, is refused with what to type instead."""
    with pytest.raises(RequestRejected) as refused:
        parse_request({field: typed})
    assert list(refused.value.errors) == [field]
    assert sentence in refused.value.errors[field]


@given(st.text(max_size=2 * LONGEST_NAME))
def test_a_name_is_one_printable_line(typed: str) -> None:
    """Whatever is typed is refused, or is a line of at most sixty printable characters that reads as itself."""
    try:
        name = parse_request({"name": typed}).name
    except RequestRejected:
        return
    assert len(name) <= LONGEST_NAME
    assert name.isprintable()
    assert name == name.strip()
    assert parse_request({"name": name}).name == name


def test_the_job_knows_nothing_of_them() -> None:
    """The command of a session is the same whatever it is called; neither do two names make two requests of the last five."""
    plain, named = parse_request({"cores": 2}), parse_request({"cores": 2, "name": "Folding", "color": "red"})
    tag = Tag("jupyterhub", "ada", "", "0" * 16)
    assert sbatch_arguments(plain, tag, home="/home/ada") == sbatch_arguments(named, tag, home="/home/ada")
    assert plain.summary == named.summary
    kept = remember(remember((), plain.options(), 1.0), named.options(), 2.0)
    assert len(kept) == 1
    assert not set(APPEARANCE_FIELDS) & set(kept[0].options)


def test_they_stand_apart_on_the_form() -> None:
    """Not among the nine fields; a colour by its name, one that has none as it is, a wrong one not at all; an admin may hide them."""
    offered = choices()
    assert not set(APPEARANCE_FIELDS) & {field.key for field in form_fields(offered, default_values(offered), {})}
    name, color = appearance_fields(offered, {"name": "Folding", "color": COLORS["red"]}, {})
    assert (name.value, color.value) == ("Folding", COLORS["red"])
    assert [option.label for option in color.options if option.selected] == ["red"]
    assert len(color.options) == len(COLOR_NAMES) + 1
    assert appearance_fields(offered, {"color": "#123456"}, {})[1].options[-1].value == "#123456"
    assert appearance_fields(offered, {"color": "url(//example.org)"}, {})[1].value == ""
    assert [field.key for field in appearance_fields(choices(fields={"color": {"hidden": True}}), {}, {})] == ["name"]


def test_on_the_page() -> None:
    """One fold away, closed until something is wrong with them; what was typed is text."""
    offered = choices()
    values = {"name": '"><script>', "color": ""}
    page = render_form(
        {"look": appearance_fields(offered, values, {}), "look_name": "two", "fields": form_fields(offered, default_values(offered), {})}
    )
    assert '<details class="resource-form-look" id="resource-form-look">' in page
    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert 'placeholder="two"' in page
    wrong = render_form({"look": appearance_fields(offered, values, {"name": "Too long."})})
    assert '<details class="resource-form-look" id="resource-form-look" open>' in wrong
    assert "Too long." in wrong
    assert "resource-form-look" not in render_form({})


def test_an_empty_field_of_the_form_is_no_name() -> None:
    """A browser posts both fields always."""
    assert read_form({"name": [" "], "color": [""], "cores": ["1"]}) == {"cores": "1"}
