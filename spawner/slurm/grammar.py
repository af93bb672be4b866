"""The small languages that Slurm prints and that people type: GRES, host lists, times, amounts of memory.

Everything here is a pure function of its text. Matching is of the whole text and of ASCII only: a digit of another script is no digit.
Functions for people's input raise ``ValueError`` with a short sentence of the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product

from .model import Gres

MAX_HOSTS = 1_000_000
"""More names than any cluster has: a host list that means more is refused before it is expanded."""

MAX_HOST_LENGTH = 255
"""The longest name that DNS allows."""


_NOTHING = frozenset({"", "(null)", "N/A"})

_GRES_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50}
_GRES_FIELD = re.compile(r"\(null\)|[^:(),\s]+", re.ASCII)
# A letter after a comma ends the parentheses: Slurm builds IDX in 64 bytes, and a list that was cut there may not be closed.
_GRES_ENTRY = re.compile(
    r"\s*(?P<fields>[^:(),\s]+(?::(?:\(null\)|[^:(),\s]+))*)(?:\((?P<detail>[^(),]*(?:,(?![A-Za-z])[^(),]*)*)\)?)?\s*(?:,|\Z)", re.ASCII
)
_GRES_COUNT = re.compile(r"(?P<number>[0-9]{1,18})(?P<unit>[KMGTPkmgtp]?)", re.ASCII)


def parse_gres(text: str) -> tuple[Gres, ...]:
    """Read the entries of ``Gres=`` or ``GresUsed=`` as scontrol(1) prints them; none for ``(null)``.

    ``gpu:a100:4(S:0-1)``, ``gpu:(null):2(IDX:0-1)``, ``gpu:4``, ``shard:a100:5(2/8,3/8)``. An entry without a count means 1 and
    a suffix multiplies by 1024 (gres.conf(5)); ``(null)`` as type is no type; the word ``no_consume`` of slurm.conf(5) is dropped.
    The count is never taken from IDX, which may be cut short.

    Raises
    ------
    ValueError
        An entry is of another shape.
    """
    return _parse_gres(text)


@lru_cache(maxsize=4096)  # a cluster has thousands of nodes and few different strings
def _parse_gres(text: str) -> tuple[Gres, ...]:
    entries = []
    position = 0
    while position < len(text) and text[position:].strip() not in _NOTHING:
        match = _GRES_ENTRY.match(text, position)
        if match is None:
            raise ValueError(f"{text[:200]!r} is not a GRES list.")
        fields = _GRES_FIELD.findall(match["fields"])
        entries.append(_gres_entry(fields, (match["detail"] or "").rstrip(","), text))
        position = match.end()
    return tuple(entries)


def _gres_entry(fields: list[str], detail: str, text: str) -> Gres:
    name, *rest = fields
    rest = [field for field in rest if field != "no_consume"]
    count = 1
    counted = _GRES_COUNT.fullmatch(rest[-1]) if rest else None
    if counted:
        count = int(counted["number"]) << _GRES_UNITS[counted["unit"].upper()]
        rest = rest[:-1]
    if len(rest) > 1:
        raise ValueError(f"{text[:200]!r} is not a GRES list.")
    kind = rest[0] if rest and rest[0] != "(null)" else ""
    return Gres(name, kind, count, detail)


_HOST_PIECE = re.compile(r"(?P<text>[^\[\],\s\x00-\x1f\x7f]+)|\[(?P<ranges>[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)\]", re.ASCII)
_MAX_RANGE_DIGITS = 18


def expand_hostlist(text: str) -> tuple[str, ...]:
    """Return the names that a host list such as ``g[001-004,7],c1`` or ``r[1-2]n[01-03]`` stands for, in Slurm's order.

    Numbers are padded to the width of a range's first number (slurm.conf(5), NodeName). Empty and ``(null)`` are no names.

    Raises
    ------
    ValueError
        The text is no host list, or means more than 1,000,000 names or one longer than 255 characters.
    """
    text = text.strip(" \n")
    if text in _NOTHING:
        return ()
    names: list[str] = []
    for pieces in _host_entries(text):
        count = 1
        for piece in pieces:
            count *= sum(last - first + 1 for first, last, _ in piece) if isinstance(piece, list) else 1
        if len(names) + count > MAX_HOSTS:
            raise ValueError(f"{text[:200]!r} stands for more than {MAX_HOSTS} hosts.")
        longest = sum(max(max(width, len(str(last))) for _, last, width in p) if isinstance(p, list) else len(p) for p in pieces)
        if longest > MAX_HOST_LENGTH:
            raise ValueError(f"{text[:200]!r} holds a name of more than {MAX_HOST_LENGTH} characters.")
        choices = [_numbers(piece) if isinstance(piece, list) else (piece,) for piece in pieces]
        names.extend("".join(choice) for choice in product(*choices))
    return tuple(names)


def is_in_hostlist(name: str, text: str) -> bool:
    """Tell whether a host list stands for a name, among others; none are made, however many there are. No host list has no name.

    Of several ways to read a name as a number and what is behind it the longest number counts, as in names that Slurm has.
    """
    try:
        return any(_fits(name, pieces) for pieces in _host_entries(text.strip(" \n")))
    except ValueError:
        return False


def _fits(name: str, pieces: Iterable[str | list[_Range]]) -> bool:
    for piece in pieces:
        if isinstance(piece, str):
            if not name.startswith(piece):
                return False
            name = name[len(piece) :]
            continue
        digits = _DIGITS.match(name)
        number = digits[0] if digits else ""
        if not any(number == str(int(number)).zfill(width) and first <= int(number) <= last for first, last, width in piece if number):
            return False
        name = name[len(number) :]
    return not name


_Range = tuple[int, int, int]
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


def _host_entries(text: str) -> Iterable[list[str | list[_Range]]]:
    """The entries of a host list, each as its pieces: plain text, or ranges of (first, last, width)."""
    pieces: list[str | list[_Range]] = []
    position = 0
    while position < len(text):
        if text[position] == "," and pieces:
            yield pieces
            pieces = []
            position += 1
            continue
        match = _HOST_PIECE.match(text, position)
        if match is None:
            break
        pieces.append(match["text"] or _ranges(match["ranges"], text))
        position = match.end()
    if position < len(text) or not pieces:
        raise ValueError(f"{text[:200]!r} is not a host list.")
    yield pieces


def _ranges(written: str, text: str) -> list[_Range]:
    ranges = []
    for part in written.split(","):
        low, _, high = part.partition("-")
        high = high or low
        if max(len(low), len(high)) > _MAX_RANGE_DIGITS or int(high) < int(low):
            raise ValueError(f"{text[:200]!r} is not a host list.")
        ranges.append((int(low), int(high), len(low)))
    return ranges


def _numbers(ranges: list[_Range]) -> list[str]:
    return [str(number).zfill(width) for first, last, width in ranges for number in range(first, last + 1)]


_NO_DURATION = frozenset({"UNLIMITED", "NONE", "INVALID", "NOT_SET", "N/A"})
_PRINTED_DURATION = re.compile(r"(?:(?:([0-9]{1,9})-)?([0-9]{1,9}):)?([0-9]{1,9}):([0-9]{1,9})", re.ASCII)


def parse_duration_minutes(text: str) -> int | None:
    """Read a time limit that Slurm prints, in minutes, seconds rounded up.

    It is ``[d-]hh:mm:ss``, and ``m:ss`` where squeue(1) is brief.

    ``None`` for UNLIMITED, NONE, NOT_SET, INVALID and N/A: there is no such limit, or none that is known.

    Raises
    ------
    ValueError
        The text is none of these.
    """
    seconds = parse_duration_seconds(text)
    return None if seconds is None else -(-seconds // 60)


def parse_duration_seconds(text: str) -> int | None:
    """Read a time as :func:`parse_duration_minutes`, in seconds.

    Raises
    ------
    ValueError
        As there.
    """
    text = text.strip(" ")
    if text.upper() in _NO_DURATION:
        return None
    match = _PRINTED_DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:200]!r} is not a time limit that Slurm prints.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
