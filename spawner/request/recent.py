"""The last requests of a user, as they are kept with each server's state: what was asked for and when, never a variable's value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .model import APPEARANCE_FIELDS, FIELDS

MAX_RECENT = 5
MAX_CHARACTERS = 200
"""Of a value; no value of a request that was accepted is longer."""

KEPT = tuple(name for name in FIELDS if name not in ("environment", "shared_memory", *APPEARANCE_FIELDS))
"""The fields that are kept: variables of the environment may hold secrets, a name is one session's, and shared memory a release's."""


@dataclass(frozen=True, slots=True)
class Recent:
    """One request: its ``options`` as in ``user_options``, submitted at ``at`` (seconds since the epoch)."""

    at: float
    options: Mapping[str, str | int]

    @property
    def asks_for(self) -> frozenset[tuple[str, str | int]]:
        """What two requests are the same by: the values, whether they came from a preset or not."""
        return frozenset((name, value) for name, value in self.options.items() if name != "preset")

    def as_state(self) -> dict[str, Any]:
        """Return it as JSON for the database."""
        return {"at": self.at, "options": dict(self.options)}


def remember(recent: Iterable[Recent], options: Mapping[str, Any], now: float, most: int = MAX_RECENT) -> tuple[Recent, ...]:
    """Add one more request, submitted ``now``, in front of ``recent``; an equal one is left out, and what is beyond the ``most`` newest."""
    return _distinct((Recent(float(now), _kept(options)), *recent), most)


def recent_of(states: Iterable[object], most: int = MAX_RECENT) -> tuple[Recent, ...]:
    """Return the newest requests in the states of one user's servers, newest first, each once. What cannot be read is left out."""
    found = [
        entry
        for state in states
        if isinstance(state, Mapping) and isinstance(state.get("recent"), (list, tuple))
        for row in state["recent"]
        if (entry := _read(row)) is not None
    ]
    return _distinct(sorted(found, key=lambda entry: entry.at, reverse=True), most)


def _distinct(recent: Iterable[Recent], most: int) -> tuple[Recent, ...]:
    first: dict[frozenset[tuple[str, str | int]], Recent] = {}
    for entry in recent:
        if entry.asks_for:
            first.setdefault(entry.asks_for, entry)
    return tuple(first.values())[:most]


def _kept(options: Mapping[Any, Any]) -> dict[str, str | int]:
    return {name: options[name] for name in KEPT if name in options and _is_plain(options[name])}


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_CHARACTERS
    return type(value) is int and abs(value) < 10**9


def _read(row: object) -> Recent | None:
    if not isinstance(row, Mapping) or not isinstance(row.get("options"), Mapping):
        return None
    at, options = row.get("at"), _kept(row["options"])
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at < math.inf or at > 1e15:
        return None
    return Recent(float(at), options)


def as_state(recent: Sequence[Recent]) -> list[dict[str, Any]]:
    """Return them for the server's state, under ``recent``."""
    return [entry.as_state() for entry in recent]
