"""The language of what people read: English in the sources, others from the gettext catalogues in ``share/locale``.

The language in use is one of the context (a request of the browser, the start of a session), and English without one. What is made
before a language is known, or is kept for readers of several, stays English, marked with :func:`N_`, and is translated where it is shown.
Log lines are English always.
"""

from __future__ import annotations

import contextlib
import functools
import gettext as catalogues
import re
from collections.abc import Iterator
from contextvars import ContextVar
from decimal import ROUND_HALF_UP, Decimal

from ._data import folder

DOMAIN = "jupyterhub-resource-form"
ENGLISH = "en"
"""The language of the sources, which needs no catalogue."""

_in_use: ContextVar[str] = ContextVar("language", default=ENGLISH)


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the codes of the languages that there are, English first; it alone where a command has been copied without its files."""
    try:
        found = (folder("share") / "locale").glob(f"*/LC_MESSAGES/{DOMAIN}.mo")
    except FileNotFoundError:
        return (ENGLISH,)
    return (ENGLISH, *sorted(path.parent.parent.name for path in found))


@functools.cache
def _translations(language: str) -> catalogues.NullTranslations:
    if language == ENGLISH:
        return catalogues.NullTranslations()
    return catalogues.translation(DOMAIN, str(folder("share") / "locale"), [language], fallback=True)


def _(sentence: str) -> str:
    """The sentence in the language in use; as it is where there is no translation."""
    return _translations(_in_use.get()).gettext(sentence) if sentence else ""


def ngettext(one: str, many: str, number: int) -> str:
    """Return, as :func:`_`, of two sentences the one that fits the number."""
    return _translations(_in_use.get()).ngettext(one, many, number)


def N_(sentence: str) -> str:  # noqa: N802 - gettext's own name for it
    """Mark a sentence for the catalogue that is translated later."""
    return sentence


# Translators: a number, for the signs between thousands and before the decimals; in German "1.234,5"
_NUMBER = N_("1,234.5")


def decimal(value: float, digits: int, *, grouped: bool = True) -> str:
    """Return a number as the language in use writes it: ``0.64``, ``1,234.5``; in Italian ``0,64``, ``1.234,5``.

    ``static/common/format.js`` writes the same. What a person may type again, such as memory, is not ``grouped`` by thousands.

    Parameters
    ----------
    digits
        At most so many behind the decimal sign; half of the last is rounded up.
    """
    signs = re.fullmatch(r"1(\D?)234(\D)5", _(_NUMBER))
    group, point = signs.groups() if signs is not None else (",", ".")
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    whole, _point, rest = f"{rounded:,f}".partition(".")
    rest = rest.rstrip("0")
    return whole.replace(",", group if grouped else "") + (point + rest if rest else "")


def in_use() -> str:
    """Return the code of the language in use."""
    return _in_use.get()


@contextlib.contextmanager
def using(language: str) -> Iterator[None]:
    """Use this language for all sentences within."""
    token = _in_use.set(language if language in languages() else ENGLISH)
    try:
        yield
    finally:
        _in_use.reset(token)


def _shipped(code: str) -> str:
    """The language that there is for a code such as ``it-IT``, empty if there is none."""
    primary = code.strip().replace("_", "-").partition("-")[0].lower()
    return primary if primary in languages() else ""


def negotiated(accept_language: str, chosen: str = "") -> str:
    """Return the language for a viewer: the chosen one, else what their browser prefers of those that there are, else English.

    Parameters
    ----------
    accept_language
        The browser's header (RFC 9110, 12.5.4): codes, each with a weight if that is not 1; weight 0 means never.
    """
    if language := _shipped(chosen):
        return language
    best, most = ENGLISH, 0.0
    for entry in accept_language[:1000].split(","):
        code, _sign, parameter = entry.partition(";")
        language, weight = _shipped(code), _weight(parameter)
        if language and weight > most:
            best, most = language, weight
    return best


def _weight(parameter: str) -> float:
    name, _sign, text = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        weight = float(text) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
