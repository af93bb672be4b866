"""Single values of Slurm's answers. Each reader raises ``SlurmOutputError`` with ``what`` in its log line if it cannot read the text."""

from __future__ import annotations

import ipaddress
from typing import NoReturn

from ..errors import SlurmOutputError
from ..i18n import N_
from .grammar import expand_hostlist, parse_duration_minutes, parse_gres
from .model import Gres

_SENTENCE = N_("Slurm gave an answer that we cannot read.")

NULL = frozenset({"", "(null)", "N/A", "n/a"})
"""How Slurm prints a text that is not set."""

_NOT_SET = frozenset({2**32 - 2, 2**32 - 1, 2**64 - 2, 2**64 - 1})
"""NO_VAL, INFINITE and their 64-bit kin of slurm.h, which some versions print as they are."""


def unreadable(what: str, text: str) -> NoReturn:
    """Raise ``SlurmOutputError`` with the start of ``text`` in its log line, escaped."""
    raise SlurmOutputError(_SENTENCE, log=f"{what}: {text[:300]!r}")


def number(text: str, what: str) -> int:
    """Read a count; Slurm prints none with a sign."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        unreadable(f"{what} is no number", text)
    return int(text)


def limit(text: str, what: str) -> int | None:
    """Read a count, ``None`` where Slurm has none: UNLIMITED, not set, or not printed."""
    if text in ("UNLIMITED", "NONE") or text in NULL:
        return None
    count = number(text, what)
    return None if count in _NOT_SET else count


def minutes(text: str, what: str) -> int | None:
    """Read a time limit in minutes, ``None`` for no limit."""
    try:
        return None if text == "(null)" else parse_duration_minutes(text)
    except ValueError:
        unreadable(f"{what} is no duration", text)


def moment(text: str, what: str) -> int | None:
    """Read seconds since the epoch; ``None`` where there is no such moment, in the words of src/common/parse_time.c and squeue."""
    return None if text in NULL or text in ("Unknown", "NONE", "None") else number(text, what)


def names_of(text: str) -> tuple[str, ...]:
    """Return the names of a list with commas."""
    return () if text in NULL else tuple(name for name in text.split(",") if name)


def hosts(text: str, what: str) -> tuple[str, ...]:
    """Return the names of a host list."""
    try:
        return expand_hostlist(text)
    except ValueError as error:
        unreadable(what, str(error))


def gres(text: str, what: str) -> tuple[Gres, ...]:
    """Read the entries of a GRES list."""
    try:
        return parse_gres(text)
    except ValueError as error:
        unreadable(what, str(error))


def dotted(text: str) -> tuple[int, ...]:
    """Return the numbers of a version."""
    return tuple(int(part) for part in text.split("."))


def is_address(text: str) -> bool:
    """Tell whether ``text`` is an IP address, and no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
