"""Whether a version is what the catalogue pins: ``3.11`` is met by ``3.11.9``, ``2024.04`` by ``2024.4.0``, ``2.3`` by ``2.3.0+cu121``."""

from __future__ import annotations

import re

_PARTS = re.compile(r"[0-9]+|[a-z]+")


def meets(found: str, pinned: str) -> bool:
    """Tell whether a version begins as the pinned one does, part by part; numbers count as numbers."""
    public = found if "+" in pinned else found.partition("+")[0]
    wanted, there = parts_of(pinned), parts_of(public)
    return bool(wanted) and there[: len(wanted)] == wanted


def parts_of(version: str) -> list[str]:
    """Return the numbers and words of a version, without zeros in front, and without a ``v``."""
    parts = _PARTS.findall(version.lower().removeprefix("v"))
    return [str(int(part)) if part.isdigit() else part for part in parts]
