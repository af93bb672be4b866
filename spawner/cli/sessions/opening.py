"""``resource-form open``: a session in the user's browser."""

from __future__ import annotations

import argparse

from ...i18n import _
from ..answering import NotPossible, answered, note, print_json, say
from ..browser import open_in_browser
from ..exit_codes import READY
from ..servers import Servers
from ..which_hub import add_hub_arguments, hub_of
from .found import Sessions, add_name
from .words import code_of, state_in_words, title_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_name(parser)
    parser.add_argument("-n", "--no-browser", action="store_true", help=_("only print the address"))
    parser.add_argument("--json", action="store_true", help=_("print it as one JSON object, and open nothing"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Open and print; return the exit status of the process."""
    return answered("open", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    hub = hub_of(arguments)
    session = Sessions.of(hub).named(arguments.name)
    if (code := code_of(session)) != READY:
        sentence = _("{name} cannot be opened: {state}. {sentence}")
        told = sentence.format(name=title_of(session), state=state_in_words(session), sentence=session.get("sentence") or "")
        raise NotPossible(told, code)
    servers = Servers.of(hub)
    name = str(session.get("name") or "")
    address = servers.address(servers.model(name))
    if arguments.json:
        print_json({"name": name, "url": address})
        return READY
    say(address)
    if not arguments.no_browser and not open_in_browser(address):
        note(_("There is no browser here: open the address in yours."))
    return READY
