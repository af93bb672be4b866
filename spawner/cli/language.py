"""The language of a command: that of the terminal, as POSIX and GNU gettext say it. Standard library only."""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping

from .._data import folder
from ..i18n import DOMAIN, ENGLISH, N_, languages, negotiated

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")

ARGPARSE = (
    N_("usage: "),
    N_("positional arguments"),
    N_("options"),
    N_("show this help message and exit"),
    N_("show program's version number and exit"),
    N_("%(prog)s: error: %(message)s\n"),
    N_("argument %(argument_name)s: %(message)s"),
    N_("expected one argument"),
    N_("the following arguments are required: %s"),
    N_("unrecognized arguments: %s"),
    N_("invalid choice: %(value)r (choose from %(choices)s)"),
    N_("invalid %(type)s value: %(value)r"),
    N_("ambiguous option: %(option)s could match %(matches)s"),
    N_("not allowed with argument %s"),
    N_("one of the arguments %s is required"),
)
"""What Python's argparse itself says."""


def language_of(environment: Mapping[str, str]) -> str:
    """Return the code of the language that the environment asks for, of those that there are; English without one.

    The first of LC_ALL, LC_MESSAGES and LANG that is set counts (POSIX, 8.2); unless it says C, LANGUAGE is asked before it, which may name
    several (GNU gettext, "The LANGUAGE variable").
    """
    first = next((environment[name] for name in VARIABLES if environment.get(name)), "C")
    if _code(first) in ("C", "POSIX"):
        return ENGLISH
    for text in (*environment.get("LANGUAGE", "").split(":"), first):
        code = _code(text)
        found = negotiated("", code)
        if code and (found != ENGLISH or code.lower().startswith(ENGLISH)):
            return found
    return ENGLISH


def _code(text: str) -> str:
    """``it_IT`` of ``it_IT.UTF-8@euro``."""
    return re.split(r"[.@]", text.strip())[0]


def speak(language: str) -> None:
    """Have what argparse itself says translated too: it asks :mod:`gettext` for the domain of the whole process."""
    if language != ENGLISH and language in languages():
        gettext.bindtextdomain(DOMAIN, str(folder("share") / "locale"))
        gettext.textdomain(DOMAIN)
