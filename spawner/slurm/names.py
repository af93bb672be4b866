"""The names of accounts, QOS, partitions, reservations and types of GRES: which there are, and how two programs of Slurm's write one.

slurmdbd keeps every name in lower case (sacctmgr(1)); slurm.conf and what scontrol prints keep the case that the admin has written.
Slurm itself compares them without regard to case (``xstrcasecmp`` in src/common/xstring.c), of ASCII letters.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase

LONGEST_NAME = 255
"""slurmdbd keeps names in ``tinytext``."""

_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def in_accounting(name: str) -> str:
    """Return a name as slurmdbd has it: ASCII letters in lower case, everything else as it is."""
    return name.translate(_LOWER)


def may_be_a_name(text: str) -> bool:
    """Tell whether Slurm could have something of this name: it takes any letters, blanks and signs, but a comma parts two names.

    docs/slurm-facts.md#names
    """
    return len(text) <= LONGEST_NAME and bool(text.strip()) and "," not in text and text.replace("\t", " ").isprintable()
