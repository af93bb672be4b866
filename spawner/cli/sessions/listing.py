"""``resource-form list``: a user's sessions in a table."""

from __future__ import annotations

import argparse
import sys

from ...i18n import _
from ..answering import answered, note, print_json
from ..exit_codes import READY
from ..hub_client import plain
from ..table import Piece, listed, look_of
from ..which_hub import add_hub_arguments, hub_of
from .found import Session, Sessions
from .words import TONES, state_in_words, state_of, title_of, when_in_words

PAST = 20
"""So many that are over are shown where no number is given."""

MOST = 500
"""The Hub tells of no more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--past",
        nargs="?",
        type=_number,
        const=PAST,
        default=0,
        metavar="N",
        help=_("show the last N that are over as well (default: {number})").format(number=PAST),
    )
    parser.add_argument("--json", action="store_true", help=_("print the sessions as one JSON object"))
    add_hub_arguments(parser)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:6]) <= MOST:
        raise argparse.ArgumentTypeError(_("a whole number from 1 to {most} is needed").format(most=MOST))
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("list", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    found = Sessions.of(hub_of(arguments), limit=arguments.past)
    over = found.over[: arguments.past]
    if arguments.json:
        print_json({"as_of": found.as_of or None, "stale": found.stale, "sessions": [*found.going_on, *over]})
        return READY
    found.note_age()
    if not found.going_on:
        note(_("No session is waiting or running."))
    _table(found.going_on)
    if over:
        sys.stdout.write("\n" if found.going_on else "")
        _table(over)
    return READY


def _table(sessions: list[Session]) -> None:
    if not sessions:
        return
    heads = [_("Name"), _("State"), _("Job"), _("Node"), _("Release"), _("Has"), _("Time")]
    lines = listed(heads, [_row(session) for session in sessions], look_of(sys.stdout))
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _row(session: Session) -> list[Piece]:
    release = (session.get("request") or {}).get("release") if isinstance(session.get("request"), dict) else ""
    texts = [title_of(session), state_in_words(session), session.get("job_id"), session.get("node"), release]
    texts += [session.get("held_text"), when_in_words(session)]
    cells = [Piece(plain(str(text or ""))) for text in texts]
    cells[1] = Piece(cells[1].text, TONES.get(state_of(session), ""))
    return cells
