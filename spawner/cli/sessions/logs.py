"""``resource-form logs``: the log of a session, as its page shows it; with ``-f`` what comes until the session is over."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any

from ...i18n import _
from ..answering import NotPossible, answered, note, print_json
from ..exit_codes import FAILED, READY
from ..hub_client import Hub, HubTrouble, plain
from ..which_hub import add_hub_arguments, hub_of
from .found import Sessions, add_name
from .words import title_of

LOOK_SECONDS = 1.0
"""So often it is asked for what has come, as the page does."""

AWAY_SECONDS = 5.0
"""So often while the Hub is away."""

Piece = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_name(parser)
    parser.add_argument("-f", "--follow", action="store_true", help=_("go on with what comes, until the session is over or Ctrl-C"))
    parser.add_argument("-a", "--all", action="store_true", help=_("from its beginning; else only the end of a long log"))
    parser.add_argument("--json", action="store_true", help=_("print each piece of it as a JSON object on a line"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("logs", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    hub = hub_of(arguments)
    session = Sessions.of(hub).named(arguments.name)
    job = session.get("job_id")
    if not isinstance(job, int):
        raise NotPossible(_("{name} has no job yet, and so no log.").format(name=title_of(session)), FAILED)
    for piece in _pieces(hub, job, whole=arguments.all, follow=arguments.follow):
        if arguments.json:
            print_json(piece)
        else:
            sys.stdout.write(shown(piece))
        sys.stdout.flush()
    return READY


def shown(piece: Piece) -> str:
    """Return the lines of a piece as a terminal may have them: without a control character, tabs as blanks."""
    lines = str(piece.get("text") or "").removesuffix("\n").split("\n")
    text = "".join(f"{plain(line.expandtabs())}\n" for line in lines) if piece.get("text") else ""
    return text + (f"{plain(str(piece['partial']).expandtabs())}\n" if piece.get("partial") else "")


def _pieces(hub: Hub, job: int, *, whole: bool, follow: bool) -> Iterator[Piece]:
    """The log's pieces, each after the one before. An unfinished last line is given once nothing is to come."""
    place, said = (0 if whole else None), ""
    while True:
        piece = _asked(hub, job, place, patient=follow)
        goes_on = follow and bool(piece.get("live"))
        message = str(piece.get("message") or "")
        if message and not goes_on:
            raise NotPossible(message, FAILED)
        if message and message != said:
            note(message)
        said = message
        start, end, size = (_byte(piece, name) for name in ("from", "to", "size"))
        is_last = bool(piece.get("partial")) or not start < end < size
        if piece.get("text") or (piece.get("partial") and is_last and not goes_on):
            yield piece if is_last and not goes_on else {**piece, "partial": ""}
        place = end if "to" in piece else place
        if not is_last and (whole or follow):
            continue
        if not goes_on:
            return
        time.sleep(LOOK_SECONDS)


def _byte(piece: Piece, name: str) -> int:
    found = piece.get(name)
    return found if isinstance(found, int) else 0


def _asked(hub: Hub, job: int, place: int | None, *, patient: bool) -> Piece:
    """What the Hub answers: from this byte on, else the end. ``patient``: a Hub that is away is told of once, and asked again."""
    path = f"resource-form/log?job={job}" + ("" if place is None else f"&offset={place}")
    is_told = False
    while True:
        try:
            return hub.read("GET", path)
        except HubTrouble as trouble:
            if trouble.status and trouble.said:
                raise NotPossible(trouble.said, FAILED) from None
            if not patient or not trouble.may_pass:
                raise
            if not is_told:
                note(str(trouble))
            is_told = True
            time.sleep(AWAY_SECONDS)
