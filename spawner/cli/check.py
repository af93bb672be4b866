"""``resource-form check``: what would become of a request, by the options of ``launch``; nothing is started."""

from __future__ import annotations

import argparse

from ..i18n import N_, _
from . import verdict
from .answering import answered, print_json, say
from .launch_options import add_request_options, given_request
from .request import full_request
from .which_hub import add_hub_arguments, hub_of

EPILOG = N_("Exit status: 0 it would start now, 3 it would wait or nobody knows, 4 it cannot be had.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.epilog = _(EPILOG)
    add_request_options(parser)
    parser.add_argument("-N", "--name", default="", metavar="NAME", help=_("for the session of this name"))
    parser.add_argument("--json", action="store_true", help=_("print the Hub's answer as one JSON object"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("check", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    given = given_request(arguments)
    hub = hub_of(arguments)
    answer = verdict.ask(hub, full_request(hub, arguments.file, given), name=arguments.name)
    if arguments.json:
        print_json(answer)
    else:
        say(*verdict.in_words(answer))
    return verdict.code_of(answer)
