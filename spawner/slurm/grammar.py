"""The small languages that Slurm prints and that people type: GRES, host lists, times, amounts of memory.

Everything here is a pure function of its text. Matching is of the whole text and of ASCII only: a digit of another script is no digit.
Functions for people's input raise ``ValueError`` with a short sentence of the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product

from ..i18n import N_
from .model import Gres

MAX_HOSTS = 1_000_000
"""More names than any cluster has: a host list that means more is refused before it is expanded."""

MAX_HOST_LENGTH = 255
"""The longest name that DNS allows."""

MAX_WALLTIME_MINUTES = 10 * 366 * 24 * 60
"""Ten years. Slurm keeps minutes in 32 bits and reads the largest of them as "no limit"."""

_NOTHING = frozenset({"", "(null)", "N/A"})

_GRES_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50}
_GRES_FIELD = re.compile(r"\(null\)|[^:(),\s]+", re.ASCII)
# A letter after a comma ends the parentheses: Slurm builds IDX in 64 bytes, and a list that was cut there may not be closed.
_GRES_ENTRY = re.compile(
    r"\s*(?P<fields>[^:(),\s]+(?::(?:\(null\)|[^:(),\s]+))*)(?:\((?P<detail>[^(),]*(?:,(?![A-Za-z])[^(),]*)*)\)?)?\s*(?:,|\Z)", re.ASCII
)
_GRES_COUNT = re.compile(r"(?P<number>[0-9]{1,18})(?P<unit>[KMGTPkmgtp]?)", re.ASCII)


def parse_gres(text: str) -> tuple[Gres, ...]:
    """The entries of ``Gres=`` or ``GresUsed=`` as scontrol(1) prints them; none for ``(null)``.

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


def format_gres(entries: Iterable[Gres]) -> str:
    """The text that :func:`parse_gres` reads back as the same entries, the count always written; empty for none.

    Raises
    ------
    ValueError
        A name or a type holds what would read as something else.
    """
    parts = []
    for entry in entries:
        fields = [entry.name, *([entry.type] if entry.type else []), str(entry.count)]
        part = ":".join(fields) + (f"({entry.detail})" if entry.detail else "")
        if _parse_gres.__wrapped__(part) != (entry,):
            raise ValueError(f"{entry!r} cannot be written as GRES.")
        parts.append(part)
    return ",".join(parts)


_HOST_PIECE = re.compile(r"(?P<text>[^\[\],\s\x00-\x1f\x7f]+)|\[(?P<ranges>[0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)\]", re.ASCII)
_MAX_RANGE_DIGITS = 18


def expand_hostlist(text: str) -> tuple[str, ...]:
    """The names that a host list such as ``g[001-004,7],c1`` or ``r[1-2]n[01-03]`` stands for, in Slurm's order.

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


_Range = tuple[int, int, int]


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
    """Minutes, seconds rounded up, of a time limit that Slurm prints: ``[d-]hh:mm:ss``, and ``m:ss`` where squeue(1) is brief.

    ``None`` for UNLIMITED, NONE, NOT_SET, INVALID and N/A: there is no such limit, or none that is known.

    Raises
    ------
    ValueError
        The text is none of these.
    """
    text = text.strip(" ")
    if text.upper() in _NO_DURATION:
        return None
    match = _PRINTED_DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:200]!r} is not a time limit that Slurm prints.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (days * 24 + hours) * 60 + minutes + -(-seconds // 60)


_N = r"([0-9]{1,9})"
_WALLTIME_FORMS: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...] = tuple(
    (re.compile(pattern, re.ASCII), seconds)
    for pattern, seconds in (
        (_N, (60,)),
        (f"{_N}:{_N}", (60, 1)),
        (f"{_N}:{_N}:{_N}", (3600, 60, 1)),
        (f"{_N}-{_N}", (86400, 3600)),
        (f"{_N}-{_N}:{_N}", (86400, 3600, 60)),
        (f"{_N}-{_N}:{_N}:{_N}", (86400, 3600, 60, 1)),
    )
)
_WALLTIME_UNITS = re.compile(
    rf"(?:{_N} *(?:d|days?))? *(?:{_N} *(?:h|hours?))? *(?:{_N} *(?:m|min|minutes?))? *(?:{_N} *(?:s|seconds?))?", re.ASCII
)
_MAX_TYPED = 64
"""Characters of a time or an amount of memory. It also bounds the work of matching blanks, which can grow with a power of the length."""
_WALLTIME_DECIMAL = re.compile(r"([0-9]{1,9})\.([0-9]{1,9}) *(d|days?|h|hours?)", re.ASCII)


def parse_walltime(value: str | int) -> int:
    """Whole minutes, at least 1, of a time that a person typed; a part of a minute counts as one.

    Slurm's forms (sbatch(1), ``--time``): ``minutes``, ``minutes:seconds``, ``hours:minutes:seconds``, ``days-hours``,
    ``days-hours:minutes``, ``days-hours:minutes:seconds``. As for sbatch, ``1:30`` is one minute and a half, hence 2. Besides
    them units: ``90m``, ``2h``, ``1d``, ``1h30m``, ``1.5h``, upper case and blanks allowed. An integer is minutes.

    Raises
    ------
    ValueError
        The text is no time, or less than a minute, or more than ten years.
    """
    seconds = _walltime_seconds(value)
    if seconds < 1:
        raise ValueError(N_("The shortest time is 1 minute."))
    minutes = -(-seconds // 60)
    if minutes > MAX_WALLTIME_MINUTES:
        raise ValueError(N_("The longest time is 10 years."))
    return minutes


def _walltime_seconds(value: str | int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value * 60
    text = value.strip(" \t").lower() if isinstance(value, str) and len(value) <= _MAX_TYPED else ""
    for form, weights in _WALLTIME_FORMS:
        match = form.fullmatch(text)
        if match:
            return sum(int(part) * weight for part, weight in zip(match.groups(), weights, strict=True))
    decimal = _WALLTIME_DECIMAL.fullmatch(text)
    if decimal:
        whole, fraction, unit = decimal.groups()
        weight = 86400 if unit.startswith("d") else 3600
        divisor: int = 10 ** len(fraction)
        return -(-int(whole + fraction) * weight // divisor)
    units = _WALLTIME_UNITS.fullmatch(text)
    if units is None or not any(units.groups()):
        raise ValueError(N_("It has to be minutes, hours:minutes:seconds, days-hours:minutes:seconds, or a number with m, h or d."))
    return sum(int(part or 0) * weight for part, weight in zip(units.groups(), (86400, 3600, 60, 1), strict=True))


def format_walltime(minutes: int) -> str:
    """``hh:mm:ss`` below a day, else ``d-hh:mm:ss``: as Slurm prints a time limit, and as it reads one.

    Raises
    ------
    ValueError
        ``minutes`` is negative.
    """
    if minutes < 0:
        raise ValueError(N_("A time cannot be negative."))
    days, rest = divmod(minutes, 24 * 60)
    clock = f"{rest // 60:02d}:{rest % 60:02d}:00"
    return f"{days}-{clock}" if days else clock


_MEMORY = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,12}))? *(?:([kmgt])(?:i?b)?)?", re.ASCII)
_KB_PER_UNIT = {"k": 1, "m": 1024, "g": 1024**2, "t": 1024**3}


def _number_text(value: float) -> str:
    """The number as a person would type it, empty for what is none: JSON knows true and false, and Python infinity."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e12 < value < 1e12:
        return ""
    return str(value)


def parse_memory_mb(value: str | float) -> int:
    """MB of an amount of memory that a person typed, at least 1; 1 GB = 1024 MB, as in Slurm (sbatch(1), ``--mem``).

    A bare number is GB (sbatch would read it as MB: people think in GB). Units K, M, G, T, with or without B, in either case, after
    a blank or not. A decimal such as ``1.5G`` is allowed if whole MB come out; only K is rounded up.

    Raises
    ------
    ValueError
        Anything else: signs, exponents, 0, infinity, parts of a MB.
    """
    text = value if isinstance(value, str) else _number_text(value)
    match = _MEMORY.fullmatch(text.strip(" \t").lower()) if len(text) <= _MAX_TYPED else None
    if match is None:
        raise ValueError(N_("It has to be a number, with K, M, G or T for the unit."))
    whole, fraction, unit = match[1], match[2] or "", match[3] or "g"
    scale: int = 1024 * 10 ** len(fraction)
    kilobytes = int(whole + fraction) * _KB_PER_UNIT[unit]
    if kilobytes % scale and unit != "k":
        raise ValueError(N_("It has to be a whole number of MB."))
    megabytes = -(-kilobytes // scale)
    if megabytes < 1:
        raise ValueError(N_("It has to be at least 1 MB."))
    return megabytes


def format_memory(megabytes: int) -> str:
    """The amount in words, exact: ``32 GB``, ``1.5 GB``, ``512 MB``; in MB where GB would need more than two decimals.

    Raises
    ------
    ValueError
        ``megabytes`` is negative.
    """
    if megabytes < 0:
        raise ValueError(N_("An amount of memory cannot be negative."))
    if megabytes < 1024 or megabytes % 256:
        return f"{megabytes} MB"
    hundredths = megabytes * 100 // 1024
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".") + " GB"
