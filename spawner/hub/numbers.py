"""Numbers that a program or a browser sends as text."""

from __future__ import annotations

MAX_DIGITS = 20
"""Of any number that is read: no bound has as many, and Python takes long for thousands."""


def whole_number(text: str, *, least: int = 0, most: int) -> int | None:
    """Return the number that a text of plain digits writes; None if it is none, or not from ``least`` to ``most``."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        return None
    number = int(text)
    return number if least <= number <= most else None
