"""``resource-form request``: a request as a file, from a terminal: saved, and asked about before it is started."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..i18n import N_, _
from . import verdict
from .answering import NotPossible, answered, say
from .exit_codes import READY, REFUSED
from .hub_client import Hub, HubTrouble, WrongCall, plain
from .which_hub import add_hub_arguments, hub_of

PATH = "resource-form/request"
LARGEST_FILE = 500_000
"""Bytes; the Hub reads no more of a request than that by far."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    save = commands.add_parser("save", help=_("write down what a session was started with last"), description=_(_SAVE))
    save.add_argument("server", nargs="?", default="", metavar="SERVER", help=_("the name of the session's server; else the default one"))
    save.add_argument("-o", "--output", metavar="FILE", help=_("write it there, and not to standard output; no file is overwritten"))
    check = commands.add_parser("check", help=_("say what would become of a saved request"), description=_(_CHECK))
    check.add_argument("file", metavar="FILE", help=_("the request, YAML or JSON; - is standard input"))
    check.add_argument("--json", action="store_true", help=_("print the Hub's answer as it is"))
    for each in (save, check):
        add_hub_arguments(each)


_SAVE = N_("Prints the request of a session as YAML, complete, and without values that look secret.")
_CHECK = N_("Asks the Hub what would become of a saved request, and starts nothing. The exit status is 4 if it cannot be had.")


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("request", lambda: _save(arguments) if arguments.what == "save" else _check(arguments))


def _save(arguments: argparse.Namespace) -> int:
    query = urllib.parse.urlencode({"server": arguments.server}) if arguments.server else ""
    try:
        text = hub_of(arguments).get(f"{PATH}?{query}" if query else PATH)
    except HubTrouble as error:
        if error.status == 404 and error.said:
            raise NotPossible(error.said) from None
        raise
    if not arguments.output:
        sys.stdout.write(text)
        return 0
    try:
        # Variables that do not look secret may be private all the same.
        handle = os.open(arguments.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise WrongCall(_("{file} cannot be written: {why}.").format(file=plain(arguments.output), why=error.strerror)) from None
    return 0


def _check(arguments: argparse.Namespace) -> int:
    hub = hub_of(arguments)
    answer = verdict.ask(hub, request_in(hub, arguments.file))
    if arguments.json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    else:
        say(*verdict.in_words(answer))
    return REFUSED if verdict.code_of(answer) == REFUSED else READY


def request_in(hub: Hub, file: str) -> dict[str, Any]:
    """Return the request that a file holds, as the Hub reads it: its rules are in one place.

    Raises
    ------
    WrongCall
        There is no such file.
    HubTrouble
        The Hub cannot be asked, or finds no request in it: 400, with what is wrong in which line.
    """
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as opened:
            content = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise WrongCall(_("{file} cannot be read: {why}.").format(file=plain(file), why=error.strerror)) from None
    if len(content) > LARGEST_FILE:
        raise WrongCall(_("{file} is too large to be a request.").format(file=plain(file)))
    request = hub.read("POST", PATH, content).get("request")
    if not isinstance(request, dict):
        raise HubTrouble(_("What answers there is no Hub with this service."))
    return request


def full_request(hub: Hub, file: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request of a saved file, empty for none, with what is given in place of its own; of the variables each by itself.

    Raises
    ------
    WrongCall, HubTrouble
        :func:`request_in`.
    """
    return merged(request_in(hub, file) if file else {}, given)


def merged(saved: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved request with what is given in place of its own; of the variables each by itself."""
    variables = {**_variables(saved), **_variables(given)}
    return {**saved, **given, **({"environment": variables} if variables else {})}


def _variables(request: Mapping[str, Any]) -> dict[str, str]:
    found = request.get("environment")
    return dict(found) if isinstance(found, Mapping) else {}
