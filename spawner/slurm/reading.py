"""Reading one answer of Slurm's: a value that cannot be read is unknown, a row that cannot be read is left out, and both are counted.

One odd row must not hide all others. But an answer that was cut short, that is larger than any, or of which no row can be read, is none:
it is the answer to another question, or another program's words, and nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ..bounds import DEFAULTS, Bounds
from ..errors import SlurmOutputError
from .values import unreadable

Row = TypeVar("Row")
Read = TypeVar("Read")
Unknown = TypeVar("Unknown")


@dataclass(slots=True)
class Reading:
    """The reading of one answer, with the numbers of rows that were left out and of values that are unknown.

    ``first`` says for the log what could not be read first; empty where everything could. ``over`` names the bounds that were exceeded.
    """

    bounds: Bounds = field(default=DEFAULTS)
    rows_left_out: int = 0
    values_unknown: int = 0
    first: str = ""
    over: list[str] = field(default_factory=list)

    def lines(self, text: str, what: str) -> list[str]:
        """Return the lines of a whole answer.

        Raises
        ------
        SlurmOutputError
            It does not end where a line ends, so the rest is missing; or there are more lines than the bound.
        """
        if text and not text.endswith("\n"):
            unreadable(f"{what}: the answer was cut short", text[-300:])
        number = text.count("\n")
        if number > self.bounds.list_rows:
            self.over.append("list_rows")
            unreadable(f"{what}: {number} rows, more than the bound of {self.bounds.list_rows}", text)
        return text.split("\n")

    def each(self, rows: Iterable[Row], read: Callable[[Row], Read], instead: Callable[[Row], Read] | None = None) -> list[Read]:
        """Read each row; one that cannot be read is left out, or what ``instead`` makes of it stands for it.

        Raises
        ------
        SlurmOutputError
            There are rows, and none can be read.
        """
        found: list[Read] = []
        whole, failure = 0, None
        for row in rows:
            try:
                found.append(read(row))
                whole += 1
            except SlurmOutputError as error:
                failure = failure or error
                self.rows_left_out += 1
                self._note(error)
                if instead is not None:
                    found.append(instead(row))
        if failure is not None and not whole:
            raise failure
        return found

    def value(self, read: Callable[[str, str], Read], text: str, what: str, unknown: Unknown) -> Read | Unknown:
        """Read one value; ``unknown`` stands for one that cannot be read."""
        try:
            return self.needed(read, text, what)
        except SlurmOutputError as error:
            self.values_unknown += 1
            self._note(error)
            return unknown

    def needed(self, read: Callable[[str, str], Read], text: str, what: str) -> Read:
        """Read one value without which the row says nothing.

        Raises
        ------
        SlurmOutputError
            It cannot be read, or is longer than the bound.
        """
        if len(text) > self.bounds.value_characters:
            self.over.append("value_characters")
            unreadable(f"{what} has {len(text)} characters", text)
        return read(text, what)

    def _note(self, error: SlurmOutputError) -> None:
        self.first = self.first or error.log


def columns_of(line: str, columns: Sequence[str], command: str) -> list[str]:
    """Return the cells of one row of a table.

    Raises
    ------
    SlurmOutputError
        There are more or fewer than columns: a row that is shifted would give somebody another's values.
    """
    row = line.split("|")
    if len(row) != len(columns):
        unreadable(f"a row of {command} without {len(columns)} columns", line)
    return row


def table_rows(lines: Iterable[str], command: str) -> list[str]:
    """Return the rows of a table whose cells are parted by ``|``; other lines are a notice of the site's, before the table or after it.

    Raises
    ------
    SlurmOutputError
        There are other lines only: it is not known whether this is an answer.
    """
    said = [line for line in lines if line.strip()]
    rows = [line for line in said if "|" in line]
    if said and not rows:
        unreadable(f"no row in the answer of {command}", "\n".join(said))
    return rows
