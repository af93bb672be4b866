"""Markdown from plain text: what every page is made of."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

FIRST_VERSION = "0.1.0"
LATER: dict[str, str] = {}
"""What came with a later version than the first: ``c.ResourceFormSpawner.NAME``, ``resource-form NAME``, ``/api/…``, with that version."""


def came_with(name: str) -> str:
    """Return the version of the distribution that first had what is called so."""
    return LATER.get(name, FIRST_VERSION)


def plain(text: str) -> str:
    """Return text so that Markdown shows it as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", text)


def prose(text: str) -> str:
    """Return a help text of ours or of JupyterHub's: double backticks and paragraphs are Markdown's too, roles become code."""
    return re.sub(r":[\w:]+:`~?([^`]+)`", r"`\1`", inspect.cleandoc(text)).replace("::\n", ":\n")


def code(text: object) -> str:
    """Return text as code within a line; nothing for none."""
    written = " ".join(str(text).split())
    if not written:
        return ""
    return f"`` {written} ``" if "`" in written else f"`{written}`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar within a cell does not end it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\|", " ".join(text.split()))


def block(language: str, text: str) -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"
