"""``resource-form gpus``: which GPUs are free on which node, and what they do, in a terminal."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..i18n import _
from .answering import NotPossible, answered
from .gpus_text import lines_of
from .hub_client import HubTrouble, WrongCall, plain
from .table import Piece, draws, look_of, written
from .which_hub import add_hub_arguments, hub_of

PATH = "resource-form/cluster"
WATCH_SECONDS = 5.0
SHORTEST_WATCH_SECONDS = 1.0
LONGEST_WATCH_SECONDS = 86400.0
RULE_WIDTH = 72


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--json", action="store_true", help=_("print the Hub's answer as it is"))
    parser.add_argument(
        "--watch",
        nargs="?",
        type=_seconds,
        const=WATCH_SECONDS,
        metavar="SECONDS",
        help=_("show it again and again, every {number} seconds if not told otherwise, until Ctrl-C").format(number=f"{WATCH_SECONDS:.0f}"),
    )
    parser.add_argument(
        "--partition", action="append", default=[], metavar="NAME", help=_("only this partition; may be given several times")
    )
    parser.add_argument("--nodes", action=argparse.BooleanOptionalAction, default=True, help=_("list the nodes below the tables"))
    add_hub_arguments(parser)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_WATCH_SECONDS <= seconds <= LONGEST_WATCH_SECONDS:
        raise argparse.ArgumentTypeError(_("a number of seconds from {number} on is needed").format(number=f"{SHORTEST_WATCH_SECONDS:.0f}"))
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("gpus", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if arguments.json and arguments.partition:
        raise WrongCall(_("--json prints the whole answer: it does not go with --partition."))
    hub = hub_of(arguments)

    def ask() -> str:
        text = hub.get(PATH)
        return _as_json(text) if arguments.json else _screen(_read(text), arguments)

    if arguments.watch is None:
        _write(ask())
    elif arguments.json:
        _repeat(ask, arguments.watch, _write)
    else:
        _repeat(ask, arguments.watch, _redraw if draws(sys.stdout) else _block)
    return 0


# --- again and again ------------------------------------------------------------------------------------------------------------------


def _repeat(ask: Callable[[], str], seconds: float, show: Callable[[str], None]) -> None:
    """Until Ctrl-C. A Hub that is away for a while ends nothing: it is said, and what it told last stays to be seen."""
    last = ""
    while True:
        try:
            last = ask()
            show(last)
        except HubTrouble as trouble:
            if not trouble.may_pass:
                raise
            sentence = f"{time.strftime('%H:%M:%S')}: {trouble}"
            if show is _redraw:
                show(f"{written([Piece(sentence, 'bad')], look_of(sys.stdout))}\n\n{last}")
            else:
                sys.stderr.write(f"resource-form gpus: {sentence}\n")
        time.sleep(seconds)


def _block(text: str) -> None:
    _write(f"{text}{'-' * RULE_WIDTH}\n")


def _redraw(text: str) -> None:
    """Over what is there, without wiping it first, which would flicker; no more lines than there is room for."""
    height = shutil.get_terminal_size().lines
    lines = text.splitlines()
    if len(lines) >= height:
        kept = max(0, height - 2)
        lines = [*lines[:kept], "... " + _("{number} more lines; --no-nodes or --partition shows less").format(number=len(lines) - kept)]
    _write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


# --- one answer -----------------------------------------------------------------------------------------------------------------------


def _read(text: str) -> Mapping[str, Any]:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("partitions"), dict):
        raise HubTrouble(_("What answers there is no Hub with this service."))
    return answer


def _as_json(text: str) -> str:
    """The answer as it is; in ASCII if anything in it could be an order to a terminal."""
    answer = _read(text)
    is_harmless = text.isascii() and text.replace("\n", "").isprintable()
    return f"{text if is_harmless else json.dumps(answer)}\n"


def _screen(answer: Mapping[str, Any], arguments: argparse.Namespace) -> str:
    known = answer["partitions"]
    unknown = [name for name in arguments.partition if name not in known]
    if unknown:
        there_are = ", ".join(plain(name) for name in known) or _("none")
        sentence = _("You may use no partition {name}. There are: {names}.")
        raise NotPossible(sentence.format(name=repr(plain(unknown[0])), names=there_are))
    lines = lines_of(answer, look_of(sys.stdout), partitions=arguments.partition, nodes=arguments.nodes)
    return "".join(f"{line}\n" for line in lines)
