"""The page of the command `resource-form`: each of its commands with its options."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from spawner.cli.main import COMMANDS, parser_of

from .markdown import block, came_with, code, plain, table


def page() -> str:
    """Return the page."""
    os.environ["COLUMNS"] = "100"
    return "\n\n".join(_parts())


def _parts() -> Iterator[str]:
    yield "# Commands"
    yield "What `resource-form` does, with every option, made of the code. [](/terminal.md) says how the commands go together."
    for name in COMMANDS:
        found = next(action for action in parser_of([name])._actions if isinstance(action, argparse._SubParsersAction))  # noqa: SLF001
        yield from _command(found.choices[name], "##")


def _command(parser: argparse.ArgumentParser, level: str) -> Iterator[str]:
    yield f"{level} {parser.prog}"
    if parser.description:
        yield plain(parser.description)
    yield block("text", parser.format_usage().removeprefix("usage: "))
    rows, below = [], []
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list of what it was told
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            below += list(dict.fromkeys(action.choices.values()))
        elif action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction):  # noqa: SLF001
            words = parser._get_formatter()._expand_help(action) if action.help else ""  # noqa: SLF001
            if not words:
                raise ValueError(f"{parser.prog}: {action.dest} has no help")
            name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
            value = str(action.metavar or action.dest.upper()) if action.option_strings and action.nargs != 0 else ""
            values = ", ".join(map(str, action.choices)) if action.choices else ""
            rows.append((code(f"{name} {value}".strip()), plain(words) + (f" One of {plain(values)}." if values else "")))
    if rows:
        yield table(("option", "what it does"), rows)
    yield f"Came with {came_with(parser.prog)}."
    for command in below:
        yield from _command(command, level + "#")
