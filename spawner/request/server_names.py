"""What a session's name makes of its server's: an address that JupyterHub takes, and that no other server of the user's has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from .field_values import LONGEST_NAME

LONGEST_SERVER_NAME = 30
"""JupyterHub 6.1 takes 1 to 30 lower-case letters, digits and single hyphens, a letter first (its ``slugs.is_valid_safe_slug``)."""

WITHOUT_LETTERS = "session"
"""For names in which there is nothing to make an address of."""

MAX_COPIES = 20
"""So many names are given at once: each is to become a job."""

NUMBERED = re.compile(r"(.*?)[ -]*-(\d{1,4})")


def server_name(words: str, taken: Collection[str] = ()) -> str:
    """Return the name of a server for a session that is called ``words``; with a number behind it where that is among ``taken``."""
    slug = _slug(words)
    if slug not in taken:
        return slug
    number = 2
    while (numbered := _with_number(slug, number)) in taken:
        number += 1
    return numbered


def copies(name: str, number: int, names: Collection[str], servers: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Make names for ``number`` more sessions like ``name``, each with its server's: ``fit`` and ``fit-2`` are followed by ``fit-3``.

    Parameters
    ----------
    number
        At most :data:`MAX_COPIES` are given.
    names, servers
        Those that the user's sessions and servers have already.
    """
    found = NUMBERED.fullmatch(name.strip())
    stem, next_number = (found[1], int(found[2]) + 1) if found and found[1] else (name.strip() or WITHOUT_LETTERS, 2)
    taken, used, given = set(servers), set(names), list[tuple[str, str]]()
    while len(given) < min(number, MAX_COPIES):
        ending = f"-{next_number}"
        words = f"{stem[: LONGEST_NAME - len(ending)].rstrip()}{ending}"
        slug = _with_number(_slug(stem), next_number)
        next_number += 1
        if words not in used and slug not in taken:
            given.append((words, slug))
    return tuple(given)


def _slug(words: str) -> str:
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if slug and not slug[0].isalpha():
        slug = f"{WITHOUT_LETTERS}-{slug}"
    return slug[:LONGEST_SERVER_NAME].strip("-") or WITHOUT_LETTERS


def _with_number(slug: str, number: int) -> str:
    ending = f"-{number}"
    return f"{slug[: LONGEST_SERVER_NAME - len(ending)].rstrip('-')}{ending}"
