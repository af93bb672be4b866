"""Numbers as text: plain digits, within the bounds, however many zeros stand in front."""

from __future__ import annotations

import pytest

from spawner.hub.numbers import MAX_DIGITS, whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("7", 7), ("500", 500), ("0007", 7), ("0" * (MAX_DIGITS - 3) + "500", 500)])
def test_numbers(text: str, number: int) -> None:
    assert whole_number(text, most=500) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "501",
        "-1",
        "+1",
        "1.0",
        "1e2",
        " 1",
        "1 ",
        "²",
        "１",
        "x",
        "0" * 9 + "501",
        "0" * 8 + "19999",
        "0" * (MAX_DIGITS + 1),
        "9" * 5000,
    ],
)
def test_no_numbers(text: str) -> None:
    """One that begins with zeros is no smaller for them; one of thousands of digits is not even read."""
    assert whole_number(text, most=500) is None


def test_least() -> None:
    assert [whole_number(text, least=1, most=2) for text in ("0", "1", "2", "3")] == [None, 1, 2, None]
