"""Text in columns and tones for a terminal. Pure but for :func:`look_of`, which asks what the terminal is."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

Tone = Literal["", "good", "warn", "bad", "dim", "head"]

_CODES: Mapping[Tone, str] = {"good": "32", "warn": "33", "bad": "31", "dim": "2", "head": "1"}
_ASCII = str.maketrans({"—": "-", "°": "", "…": "~", "×": "x"})


@dataclass(frozen=True, slots=True)
class Look:
    """The way the terminal is written to.

    ``width`` is in columns, None where lines are not cut; ``symbols``: more than ASCII can be shown.
    """

    width: int | None = None
    colour: bool = False
    symbols: bool = True


@dataclass(frozen=True, slots=True)
class Piece:
    """Text in one tone."""

    text: str
    tone: Tone = ""


Line = Sequence[Piece]


def draws(stream: TextIO) -> bool:
    """Tell whether the stream is a terminal that takes orders."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def look_of(stream: TextIO) -> Look:
    """Return the way in which a stream is written to."""
    try:
        "—°…".encode(stream.encoding or "ascii")
        symbols = True
    except (UnicodeEncodeError, LookupError):
        symbols = False
    return Look(
        width=shutil.get_terminal_size().columns if stream.isatty() else None,
        colour=draws(stream) and not os.environ.get("NO_COLOR"),
        symbols=symbols,
    )


def written(line: Line, look: Look) -> str:
    """Return the line as the terminal gets it, cut to its width."""
    left = look.width
    parts = []
    for piece in _cut(line, left) if left is not None else line:
        text = piece.text if look.symbols else piece.text.translate(_ASCII).encode("ascii", "replace").decode()
        parts.append(f"\x1b[{_CODES[piece.tone]}m{text}\x1b[0m" if look.colour and piece.tone and text.strip() else text)
    return "".join(parts)


def _cut(line: Line, width: int) -> Iterable[Piece]:
    if width_of(line) <= width:
        yield from line
        return
    left = max(0, width - 1)
    for piece in line:
        if len(piece.text) >= left:
            yield Piece(f"{piece.text[:left]}…", piece.tone)
            return
        yield piece
        left -= len(piece.text)


def width_of(line: Line) -> int:
    """Return how many columns a line takes."""
    return len("".join(piece.text for piece in line).rstrip())


def table(rows: Sequence[Sequence[Piece]], right: Collection[int] = ()) -> list[Line]:
    """Return columns as wide as what is in them, two blanks apart; ``right`` are those that are flush right."""
    widths = [max(len(cell.text) for cell in column if cell) for column in itertools.zip_longest(*rows)]
    lines: list[Line] = []
    for row in rows:
        line: list[Piece] = []
        for number, cell in enumerate(row):
            pad = " " * (widths[number] - len(cell.text))
            line += [Piece(pad), cell] if number in right else [cell, Piece(pad)]
            line.append(Piece("  "))
        while line and not line[-1].text.strip():
            line.pop()
        lines.append(line)
    return lines


def listed(heads: Sequence[str], rows: Sequence[Sequence[Piece]], look: Look, right: Collection[int] = ()) -> list[str]:
    """Return a table with its head; where the terminal is too narrow for it, a paragraph for each row, with each cell on a line."""
    lines = table([[Piece(head, "head") for head in heads], *rows], right)
    if look.width is None or all(width_of(line) <= look.width for line in lines):
        return [written(line, look) for line in lines]
    paragraphs: list[Line] = []
    for row in rows:
        first, *others = zip(heads, row, strict=True)
        paragraphs.append((Piece(first[1].text, "head"),))
        paragraphs += [(Piece(f"  {head}: ", "dim"), cell) for head, cell in others if cell.text.strip()]
    return [written(line, look) for line in paragraphs]
