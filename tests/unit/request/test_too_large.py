"""What no request needs is refused before any work is done on it: many keys, and very long text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.advice import assessment
from spawner.bounds import DEFAULTS
from spawner.errors import RequestTooLarge
from spawner.hub.errors import html_message, text_message
from spawner.request.form_data import read_form
from spawner.request.model import parse_request, refuse_too_large
from spawner.request.restore import restore_valid
from spawner.request.validation import judge_request, resolve_request
from tests.support.builders import choices

MANY: dict[str, Any] = {f"key{number}": "x" for number in range(DEFAULTS.request_keys + 1)}
LONG = {"name": "x" * (DEFAULTS.request_characters + 1)}
DEEP: list[Any] = []
for _level in range(5000):
    DEEP = [DEEP]


def as_form(options: dict[str, Any]) -> dict[str, list[str]]:
    """The options as a browser posts them."""
    return {key: [value] for key, value in options.items()}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param(MANY, "The request has 101 keys, and at most 100 are read.", id="one-key-too-many"),
        pytest.param({"environment": LONG}, "The request has a value of 100001 characters, and at most 100000 are read.", id="long-within"),
        pytest.param({"account": ["x"] * 2000}, "The request has more than 2000 values.", id="long-list"),
        pytest.param(
            {"environment": {"A": [[["x"]]]}},
            "The request has lists or objects within each other, more than 4 levels deep.",
            id="deep",
        ),
        pytest.param({"account": DEEP}, "The request has lists or objects within each other, more than 4 levels deep.", id="very-deep"),
        pytest.param(LONG, "The request has a value of 100001 characters, and at most 100000 are read.", id="long-value"),
        pytest.param(
            {"k" * (DEFAULTS.request_characters + 1): 1},
            "The request has a value of 100001 characters, and at most 100000 are read.",
            id="long-key",
        ),
    ],
)
@pytest.mark.parametrize(
    "door", [parse_request, lambda options: judge_request(options, choices()), lambda options: resolve_request(options, choices())]
)
def test_more_than_a_request_can_hold(door: Any, options: dict[str, Any], sentence: str) -> None:
    """Every door refuses it as a whole, with one short sentence; nothing of it is told again."""
    with pytest.raises(RequestTooLarge) as refused:
        door(options)
    assert (refused.value.sentence, refused.value.status, refused.value.errors) == (sentence, 413, {})
    assert text_message(refused.value) == sentence
    assert html_message(refused.value) == f"<p class='mb-0'>{sentence}</p>"
    assert len(refused.value.log) < 100


def test_a_form_is_refused_before_its_fields_are_read() -> None:
    """Also where each of its keys would be a mistake of its own: a file, or given twice."""
    for form in (as_form(MANY), as_form(LONG), {key: ["a", "b"] for key in MANY}):
        with pytest.raises(RequestTooLarge):
            read_form(form)


def test_what_the_admin_allows() -> None:
    """The bounds of the Hub count, at the doors of a form and of all others."""
    small = replace(DEFAULTS, request_keys=2, request_characters=5, request_depth=1)
    for options in ({"a": 1, "b": 2, "c": 3}, {"name": "longer"}, {"environment": {"A": ["x"]}}):
        with pytest.raises(RequestTooLarge):
            judge_request(options, replace(choices(), bounds=small))
    with pytest.raises(RequestTooLarge):
        read_form({"name": ["longer"]}, small)
    large = replace(DEFAULTS, request_keys=1000, request_characters=10**6)
    _request, errors = judge_request({**MANY, **LONG}, replace(choices(), bounds=large))
    assert set(errors) == {*MANY, *LONG}


def test_as_many_keys_as_are_read() -> None:
    """At the bound itself each unknown key has its sentence, as before."""
    just = dict(list(MANY.items())[: DEFAULTS.request_keys])
    _request, errors = judge_request(just, choices())
    assert set(errors) == set(just)
    with pytest.raises(Exception, match="is not a field of a request") as refused:
        parse_request(just)
    assert len(refused.value.errors) == DEFAULTS.request_keys  # type: ignore[attr-defined]


def test_a_form_opens_whatever_an_older_version_has_stored() -> None:
    """Stored options that would be refused today are left out; the form has its defaults."""
    plain = restore_valid({}, choices())
    assert restore_valid(MANY, choices()) == plain
    values, dropped = restore_valid({**LONG, "cores": 2}, choices())
    assert values.items() <= plain[0].items()
    assert dropped == ()


def test_a_request_is_judged_a_few_times_whatever_is_wrong_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work of an answer does not grow with the number of its errors."""
    judged = []
    real = assessment.check_request
    monkeypatch.setattr(assessment, "check_request", lambda request, offered: judged.append(request) or real(request, offered))
    for number in (1, 50):
        judged.clear()
        found = assessment.read_and_reconcile(dict.fromkeys(list(MANY)[:number], "x"), choices())
        assert len(found.errors) == number
        assert len(judged) == 2


@pytest.mark.parametrize(
    ("options", "log"),
    [
        pytest.param({"a": 1, "b": 2, "c": 3}, "request of 3 keys refused", id="keys"),
        pytest.param({"a": "123456"}, "request with 6 characters in one place refused", id="characters"),
        pytest.param({"123456": 1}, "request with 6 characters in one place refused", id="characters-of-a-key"),
        pytest.param({"a": [1, 2, 3, 4, 5]}, "request of 7 values refused", id="values"),
        pytest.param({"a": {"b": 1, "c": 2}, "d": (3,)}, "request of 9 values refused", id="values-of-all-kinds"),
        pytest.param({"a": [[1]]}, "request of more than 2 levels refused", id="levels"),
    ],
)
def test_the_log_says_how_large_it_was(options: dict[str, Any], log: str) -> None:
    """In numbers, without a word of what it held."""
    with pytest.raises(RequestTooLarge) as refused:
        refuse_too_large(options, SMALL)
    assert refused.value.log == log


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"a": 1, "b": 2}, id="keys"),
        pytest.param({"12345": "12345"}, id="characters"),
        pytest.param({"a": [1, 2, 3, 4]}, id="values"),
        pytest.param({"a": [[], {}, ""]}, id="levels-that-hold-nothing"),
    ],
)
def test_as_much_as_the_bounds_allow(options: dict[str, Any]) -> None:
    """Each bound itself can be had."""
    refuse_too_large(options, SMALL)


SMALL = replace(DEFAULTS, request_keys=2, request_characters=5, request_values=6, request_depth=2)
