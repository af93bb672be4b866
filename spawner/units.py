"""Memory and time as people type them and as Slurm prints them: MB, minutes."""

from __future__ import annotations

import re

from .i18n import N_, decimal

MAX_WALLTIME_MINUTES = 10 * 366 * 24 * 60
"""Ten years. Slurm keeps minutes in 32 bits and reads the largest of them as "no limit"."""


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
    """Read a time that a person typed, in whole minutes, at least 1; a part of a minute counts as one.

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
    """Write minutes as ``hh:mm:ss`` below a day, else ``d-hh:mm:ss``: as Slurm prints a time limit, and as it reads one.

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
    """Read an amount of memory that a person typed, in MB, at least 1; 1 GB = 1024 MB, as in Slurm (sbatch(1), ``--mem``).

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
    """Write MB in words, exact: ``32 GB``, ``1.5 GB``, ``512 MB``; in MB where GB would need more than two decimals.

    Raises
    ------
    ValueError
        ``megabytes`` is negative.
    """
    if megabytes < 0:
        raise ValueError(N_("An amount of memory cannot be negative."))
    if megabytes < 1024 or megabytes % 256:
        return f"{megabytes} MB"
    return f"{decimal(megabytes / 1024, 2, grouped=False)} GB"
