"""Variables of the environment as text, one ``NAME=value`` a line, and what is shown in place of a value that looks secret.

A value is written as it is, from behind the first ``=`` to the end of the line, blanks included. One that begins with a quotation mark is a
JSON string: so a value can hold line breaks, and any value can be written. Lines that are empty or begin with ``#`` count for nothing.
``static/common/variables.js`` reads and writes the same (``tests/fixtures/variables.json``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..i18n import _

MASK = "••••••••"
"""Stands for a value that is known and not shown. Who sends it back means that value (:func:`with_known`)."""

HIDDEN_NAMES = (
    r"TOKEN|SECRET|KEY|PASSW|PASSPHRASE|CERTIFICATES|COOKIE|CREDENTIAL|PRIVATE|AUTHORIZATION"
    r"|(^|_)(AUTH|(PG|DB|SSH)?PASS|PWD|PAT|PIN|DSN)($|_)"
)
HIDDEN_VALUES = r"://[^/\s@]*:[^/\s@]+@|-----BEGIN |^(gh[opsur]_|github_pat_|glpat-|hf_|sk-|xox[abpr]-|AKIA|eyJ[\w-]+\.)\w"
"""How names and values look that are secret, as regular expressions that Python and JavaScript read alike; names whatever their case."""

_NAME = re.compile(HIDDEN_NAMES, re.IGNORECASE)
_VALUE = re.compile(HIDDEN_VALUES, re.ASCII)
_NEEDS_QUOTES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


def looks_secret(name: str, value: str) -> bool:
    """Tell whether a variable is one that nobody should read over a shoulder: a token, a password, a key, an address with a password."""
    return bool(value and (_NAME.search(name) or _VALUE.search(value)))


def masked(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables as they may be shown: what looks secret is :data:`MASK`."""
    return {name: MASK if looks_secret(name, value) else value for name, value in variables.items()}


def as_text(variables: Mapping[str, str]) -> str:
    """Return the variables as text, which :func:`read_text` reads back; :data:`MASK` stays what it is."""
    return "\n".join(f"{name}={written(value)}" for name, value in variables.items())


def written(value: str) -> str:
    """Return a value as it stands in a line: as it is, or as a JSON string where a line could not hold it, or would not show it."""
    if value.startswith('"') or value != value.strip() or _NEEDS_QUOTES.search(value):
        return json.dumps(value, ensure_ascii=False)
    return value


def read_text(text: str) -> dict[str, str]:
    """Return the variables that the lines name.

    Raises
    ------
    ValueError
        With a sentence for the user: a line has no ``=``, a string in quotation marks is none, or a name comes twice. No value is in it.
    """
    variables: dict[str, str] = {}
    for number, line in _lines(text):
        name, sign, value = line.partition("=")
        name = name.strip()
        if not sign:
            raise ValueError(_("Line {number} has no “=”. Write each variable as NAME=value.").format(number=number))
        if name in variables:
            raise ValueError(_("The variable {name} is there twice. Leave one of them out.").format(name=_short(name)))
        variables[name] = _value(name, value)
    return variables


def _short(name: str) -> str:
    return name if len(name) <= 60 else f"{name[:60]}…"


def _lines(text: str) -> Iterator[tuple[int, str]]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#"))


def _value(name: str, text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, str):
        sentence = _("The value of {name} begins with a quotation mark and is no JSON string. Write it as for example {example}.")
        raise ValueError(sentence.format(name=_short(name), example='"1\\n2"'))
    return value


def masked_text(text: str) -> str:
    """Return text as it may be shown again to who typed it, also such as cannot be read: the values that look secret are :data:`MASK`."""
    shown = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        name, sign, value = line.partition("=")
        shown.append(f"{name}={MASK}" if sign and looks_secret(name.strip(), _or_itself(value)) else line)
    return "\n".join(shown)


def _or_itself(value: str) -> str:
    try:
        return _value("", value)
    except ValueError:
        return value


def secrets_in(value: Any) -> dict[str, str]:
    """Return the variables of a request's ``environment``, text or names with values, that look secret and are there in full."""
    return {name: text for name, text in _readable(value).items() if text != MASK and looks_secret(name, text)}


def names_in(text: str) -> list[str]:
    """Return the names of the variables in text, as far as it can be read."""
    return list(_readable(text))


def _readable(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        found = {}
        for _number, line in _lines(value):
            name, sign, text = line.partition("=")
            if sign:
                found[name.strip()] = _or_itself(text)
        return found
    given = value.items() if isinstance(value, Mapping) else ()
    return {name: text for name, text in given if isinstance(name, str) and isinstance(text, str)}


def with_known(value: Any, *known: Mapping[str, str]) -> Any:
    """Return a request's ``environment`` with what :data:`MASK` stands for in it, by the first of ``known`` that has it.

    Text becomes names with values where it can be read; what cannot be read, or is not known, stays as it is: its reader says why.
    """
    if isinstance(value, str):
        try:
            value = read_text(value)
        except ValueError:
            return value
    if not isinstance(value, Mapping):
        return value
    return {name: _known(name, known) if text == MASK else text for name, text in value.items()}


def beneath(given: Any, value: Any) -> Any:
    """Return a request's ``environment`` with the variables that are ``given`` and that it does not have itself."""
    given, value = with_known(given), with_known(value)
    return {**given, **value} if isinstance(given, Mapping) and isinstance(value, Mapping) else value or given


def _known(name: Any, known: tuple[Mapping[str, str], ...]) -> str:
    return next((values[name] for values in known if name in values), MASK)
