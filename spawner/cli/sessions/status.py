"""``resource-form status``: how one session stands, in words and as an exit code; with ``--wait`` once it is ready or over."""

from __future__ import annotations

import argparse
import sys
import time

from ...i18n import N_, _
from ..answering import answered, print_json, say
from ..arguments import seconds
from ..exit_codes import ENDED, UNREACHABLE, WAITS
from ..hub_client import Hub, HubTrouble
from ..progress import Progress
from ..which_hub import add_hub_arguments, hub_of
from .found import Session, Sessions, add_name
from .words import code_of, lines_of

LOOK_SECONDS = 2.0

EPILOG = N_("Exit status: 0 it is ready, 3 it waits or starts, 6 it is over or there is none, 5 nobody knows.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.epilog = _(EPILOG)
    add_name(parser)
    parser.add_argument("-w", "--wait", type=seconds, metavar="SECONDS", help=_("wait so long at most until it is ready or over"))
    parser.add_argument("--json", action="store_true", help=_("print it as one JSON object"))
    parser.add_argument("--quiet", action="store_true", help=_("print nothing: the exit status says it"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("status", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    hub = hub_of(arguments)
    found = Sessions.of(hub)
    session = found.named(arguments.name, ENDED)
    if arguments.wait is not None:
        session = _waited(hub, session, arguments.wait, quiet=arguments.quiet)
    code = code_of(session)
    if arguments.json:
        print_json({**session, "exit": code})
    elif not arguments.quiet:
        found.note_age(session)
        say(*lines_of(session))
    return code


def _waited(hub: Hub, session: Session, most: float, *, quiet: bool) -> Session:
    """The session once it neither waits nor starts any more, or as it stands when the time is up. A Hub that is away ends nothing."""
    deadline = time.monotonic() + most
    with Progress(sys.stderr, quiet=quiet) as progress:
        while code_of(session) in (WAITS, UNREACHABLE) and (left := deadline - time.monotonic()) > 0:
            progress.say(str(session.get("sentence") or ""))
            time.sleep(min(LOOK_SECONDS, left))
            try:
                session = Sessions.of(hub).newest(str(session.get("name") or "")) or session
            except HubTrouble as trouble:
                if not trouble.may_pass:
                    raise
                progress.say(str(trouble))
    return session
