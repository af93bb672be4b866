"""``resource-form request``: a request as a file, from a terminal: saved, and asked about before it is started."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.parse
from pathlib import Path
from typing import Any

from .hub_client import Hub, HubTrouble, WrongCall, plain
from .which_hub import add_hub_arguments, hub_of

PATH = "resource-form/request"
LARGEST_FILE = 500_000
"""Bytes; the Hub reads no more of a request than that by far."""

REFUSED = 4
"""The request cannot be had."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    commands = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    save = commands.add_parser("save", help="write down what a session was started with last", description=_SAVE)
    save.add_argument("server", nargs="?", default="", metavar="SERVER", help="the name of the session's server; else the default one")
    save.add_argument("-o", "--output", metavar="FILE", help="write it there, and not to standard output; no file is overwritten")
    check = commands.add_parser("check", help="say what would become of a saved request", description=_CHECK)
    check.add_argument("file", metavar="FILE", help="the request, YAML or JSON; - is standard input")
    check.add_argument("--json", action="store_true", help="print the Hub's answer as it is")
    for each in (save, check):
        add_hub_arguments(each)


_SAVE = "Prints the request of a session as YAML, complete, and without values that look secret."
_CHECK = "Asks the Hub what would become of a saved request, and starts nothing. The exit status is 4 if it cannot be had."


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    try:
        return _save(arguments) if arguments.what == "save" else _check(arguments)
    except (WrongCall, HubTrouble) as error:
        sys.stderr.write(f"resource-form request: {error}\n")
        return 2 if isinstance(error, WrongCall) else REFUSED if getattr(error, "status", 0) == 400 else 1


def _save(arguments: argparse.Namespace) -> int:
    query = urllib.parse.urlencode({"server": arguments.server}) if arguments.server else ""
    try:
        text = hub_of(arguments).get(f"{PATH}?{query}" if query else PATH)
    except HubTrouble as error:
        if error.status == 404 and error.said:
            raise HubTrouble(error.said, status=error.status) from None
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
        raise WrongCall(f"{plain(arguments.output)} cannot be written: {error.strerror}.") from None
    return 0


def _check(arguments: argparse.Namespace) -> int:
    hub = hub_of(arguments)
    answer = hub.read("POST", "resource-form/check?script=0", request_in(hub, arguments.file))
    if arguments.json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(_in_words(answer)) + "\n")
    return 0 if answer.get("ok") and answer.get("verdict") != "never" else REFUSED


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
        raise WrongCall(f"{plain(file)} cannot be read: {error.strerror}.") from None
    if len(content) > LARGEST_FILE:
        raise WrongCall(f"{plain(file)} is too large to be a request.")
    request = hub.read("POST", PATH, content).get("request")
    if not isinstance(request, dict):
        raise HubTrouble("What answers there is no Hub with this service.")
    return request


def _in_words(answer: dict[str, Any]) -> list[str]:
    errors = answer.get("errors") or {}
    if errors:
        return [plain(str(sentence)) for sentence in errors.values()]
    lines = [answer.get("words"), answer.get("sentence"), *(answer.get("warnings") or ())]
    lines += [f"  {entry.get('sentence', '')}" for entry in answer.get("alternatives") or ()]
    return [plain(str(line)) for line in lines if line]
