"""The options of ``resource-form launch``, one for each field of a request, and where a value comes from.

What is typed wins over the environment, that over the file of settings, that over a saved request or a preset. A value that cannot be one
is refused here, before anything is asked of the Hub.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from .._data import folder
from ..i18n import _
from ..units import parse_memory_mb, parse_walltime
from .hub_client import WrongCall, plain
from .settings import settings_file, settings_in

FIELDS_FILE = "request_fields.json"
VARIABLE = "RESOURCE_FORM_LAUNCH_"
"""In front of a field's name, in the environment. The session's own variables begin with RESOURCE_FORM_ alone."""

SECTION = "launch"
LETTERS: Mapping[str, str] = {
    "cores": "c",
    "memory": "m",
    "gpus": "g",
    "walltime": "t",
    "account": "A",
    "partition": "p",
    "release": "r",
    "interface": "i",
    "reservation": "R",
    "qos": "q",
    "constraint": "C",
    "preset": "P",
}
LONG: Mapping[str, str] = {"walltime": "time"}
NOT_OPTIONS = ("environment", "name")
"""These have options of their own: ``-e``, ``-N``."""

_GPUS = re.compile(r"[0-9]{1,4}|[A-Za-z0-9][\w.-]*(:[\w.-]+)?:[0-9]{1,4}", re.ASCII)
_WORD = re.compile(r"[^\s\x00-\x1f-][^\x00-\x1f]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def _whole_number(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text, re.ASCII):
        raise ValueError(_("a whole number is needed, such as 4"))
    return text


def _read_by(parse: Callable[[str], object]) -> Callable[[str], str]:
    def read(text: str) -> str:
        parse(text)
        return text

    return read


def _gpus(text: str) -> str:
    if not _GPUS.fullmatch(text):
        raise ValueError(_("a number of GPUs is needed, or a type and a number, such as v100:1"))
    return text


def _word(text: str) -> str:
    if text and not _WORD.fullmatch(text):
        raise ValueError(_("a name is needed"))
    return text


READERS: Mapping[str, Callable[[str], str]] = {
    "cores": _whole_number,
    "nodes": _whole_number,
    "tasks": _whole_number,
    "memory": _read_by(parse_memory_mb),
    "shared_memory": _read_by(parse_memory_mb),
    "walltime": _read_by(parse_walltime),
    "gpus": _gpus,
}


def read_value(field: str, text: str, where: str) -> str:
    """Return a field's value as it is sent.

    Raises
    ------
    WrongCall
        It cannot be one. ``where`` it stands is in the message.
    """
    try:
        return READERS.get(field, _word)(text.strip())
    except ValueError as error:
        sentence = _("{where}: {value} is no value of it: {why}")
        raise WrongCall(sentence.format(where=where, value=repr(plain(text)[:60]), why=error)) from None


def fields() -> list[dict[str, str]]:
    """Return the fields of a request with what is said of each, as ``spawner.request.terminal`` has written them."""
    found: list[dict[str, str]] = json.loads((folder("share") / "resource_form" / FIELDS_FILE).read_text("utf-8"))["fields"]
    return [field for field in found if field["name"] not in NOT_OPTIONS]


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field of a request, and those for variables and a saved request."""
    group = parser.add_argument_group(_("what is asked for"))
    for field in fields():
        name = field["name"]
        words = [f"-{LETTERS[name]}"] if name in LETTERS else []
        unit = f" ({_(field['unit'])})" if field.get("unit") else ""
        group.add_argument(
            *words,
            f"--{LONG.get(name, name).replace('_', '-')}",
            dest=f"field_{name}",
            metavar=name.upper(),
            help=f"{_(field['title'])}{unit}. {_(field['description'])}".replace("%", "%%"),
        )
    group.add_argument(
        "-e", "--env", action="append", default=[], metavar="NAME=VALUE", help=_("a variable of the session; may be given several times")
    )
    group.add_argument("-f", "--file", metavar="FILE", help=_("a saved request; - is standard input"))


def given_request(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the options, the environment and the file of settings ask for; the first of them that names a field counts.

    Raises
    ------
    WrongCall
        Something of it cannot be.
    """
    names = [field["name"] for field in fields()]
    request: dict[str, Any] = _from_settings(names)
    for name in names:
        variable = VARIABLE + name.upper()
        if os.environ.get(variable):
            request[name] = read_value(name, os.environ[variable], _("the variable {name}").format(name=variable))
        typed = getattr(arguments, f"field_{name}")
        if typed is not None:
            request[name] = read_value(name, typed, f"--{LONG.get(name, name).replace('_', '-')}")
    variables = dict(_variable(text) for text in arguments.env)
    return {**request, "environment": variables} if variables else request


def _variable(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not _VARIABLE.fullmatch(name):
        raise WrongCall(_("--env: {text} is no NAME=VALUE").format(text=repr(plain(name)[:60])))
    return name, value


def _from_settings(names: list[str]) -> dict[str, Any]:
    file, given = settings_file(), settings_in(SECTION)
    strange = [name for name in given if name not in names]
    if strange:
        sentence = _("{file}: [{section}] has {name}, which is no field; they are {names}")
        raise WrongCall(sentence.format(file=plain(str(file)), section=SECTION, name=repr(plain(strange[0])), names=", ".join(names)))
    return {name: read_value(name, value, f"{file}, {name}") for name, value in given.items()}
