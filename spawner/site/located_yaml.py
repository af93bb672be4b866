"""YAML that knows its lines: what an admin has written, and where each part of it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import ValidationError

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000
"""So many values are looked at, those that an alias repeats counted each time: a few lines of aliases can stand for billions."""

Place = tuple[str | int, ...]
"""Keys and positions that lead to a value: ``("releases", 0, "date")``."""

MAX_PROBLEMS = 20
"""So many mistakes of one file are told at once."""


class _Loader(yaml.SafeLoader):
    """YAML in which numbers and dates stay as they are written: the version ``3.10`` is not 3.1, nor is the time ``1:30`` ninety."""


_AS_WRITTEN = {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _AS_WRITTEN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _TextLoader(_Loader):
    """YAML in which each value is text: a variable's ``yes`` is no truth."""


_TextLoader.yaml_implicit_resolvers = {}


@dataclass(frozen=True)
class Located:
    """What a text says, and the line of each of its values by place; the first line is 1."""

    data: Any
    lines: Mapping[Place, int]

    def line_of(self, place: Place) -> int | None:
        """Return the line of a place, or of the nearest that holds it: what is missing has no line of its own."""
        found = (self.lines.get(place[:length]) for length in range(len(place), -1, -1))
        return next((line for line in found if line is not None), None)


def read_located(text: str, *, as_text: bool = False) -> Located:
    """Read YAML, of which JSON is a part. Numbers and dates are text, as they are written; with ``as_text`` each value is.

    Raises
    ------
    ValueError
        It is no YAML, too large, or has a key twice. The message names the line.
    """
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES} bytes")
    try:
        loader = _TextLoader(text) if as_text else _Loader(text)
        root = loader.get_single_node()
        lines = dict(_lines(root, (), [MAX_NODES])) if root is not None else {}
        return Located(loader.construct_document(root) if root is not None else None, lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise ValueError(where + " ".join(filter(None, (error.context, error.problem)))) from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _lines(node: yaml.Node, place: Place, left: list[int]) -> Iterator[tuple[Place, int]]:
    left[0] -= 1
    if left[0] < 0:
        raise ValueError(f"line {node.start_mark.line + 1}: there are more than {MAX_NODES} values")
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            yield from _lines(entry, (*place, index), left)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            name = str(key.value)
            if name in seen:
                raise ValueError(f"line {key.start_mark.line + 1}: {name} stands twice")
            seen.add(name)
            for inner, line in _lines(value, (*place, name), left):
                # A value that begins on a line of its own is looked for where its key stands.
                yield inner, key.start_mark.line + 1 if inner == (*place, name) else line


def problems_of(error: ValidationError, lines: Located | None = None, named: Mapping[Place, str] | None = None) -> list[str]:
    """Return one line for each mistake: the line of the file where it is known, the place, and what is wrong.

    Parameters
    ----------
    named
        What stands in square brackets for an entry of a list, in place of its position.
    """
    problems = []
    found = error.errors(include_input=False, include_url=False)[:MAX_PROBLEMS]
    places = [tuple(problem["loc"]) for problem in found]
    for problem, place in zip(found, places, strict=True):
        # A list is short of entries only because each of them is wrong.
        if problem["type"] == "too_short" and any(other[: len(place)] == place != other for other in places):
            continue
        line = lines.line_of(place) if lines is not None else None
        words = ".".join(_word(place[: number + 1], named or {}) for number in range(len(place))) or "file"
        what = str(problem["msg"]).removeprefix("Value error, ")
        problems.append(f"line {line}: {words}: {what}" if line is not None else f"{words}: {what}")
    return problems


def _word(place: Place, named: Mapping[Place, str]) -> str:
    return f"[{named[place]}]" if place in named else str(place[-1])
