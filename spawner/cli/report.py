"""``resource-form report``: what was used in a month, by account, release and partition, as a table, CSV or JSON."""

from __future__ import annotations

import argparse
import csv
import re
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from ..i18n import _, decimal
from .answering import answered, note, print_json
from .exit_codes import READY
from .hub_client import HubTrouble, plain
from .table import Piece, listed, look_of
from .which_hub import add_hub_arguments, hub_of

PATH = "resource-form/report"
COLUMNS = ("month", "account", "release", "partition", "sessions", "hours", "gpu_hours")


def month(text: str) -> str:
    """Return a month, such as ``2026-11``.

    Raises
    ------
    argparse.ArgumentTypeError
        It is none.
    """
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text, re.ASCII):
        raise argparse.ArgumentTypeError(_("a month is a year and a number, such as 2026-11"))
    return text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--month", metavar="YYYY-MM", type=month, default=None, help=_("of which month; by default of this one, so far"))
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help=_("print comma-separated values, with a point as the decimal sign"))
    form.add_argument("--json", action="store_true", help=_("print the Hub's answer as one JSON object"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("report", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    asked = arguments.month or time.strftime("%Y-%m")
    answer = hub_of(arguments).read("GET", f"{PATH}?{urlencode({'month': asked})}")
    found = answer.get("rows")
    if not isinstance(found, list):
        raise HubTrouble(_("What answers there is no Hub with this service."))
    rows = [entry for entry in found if isinstance(entry, dict)]
    if arguments.json:
        print_json(answer)
    elif arguments.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([asked, *(plain(str(entry.get(name, ""))) for name in COLUMNS[1:])] for entry in rows)
    elif rows:
        heads = [_("Account"), _("Release"), _("Partition"), _("Sessions"), _("Hours"), _("GPU hours")]
        lines = listed(heads, [_row(entry) for entry in rows], look_of(sys.stdout), right=(3, 4, 5))
        sys.stdout.write("".join(f"{line}\n" for line in lines))
    else:
        note(_("No session ended in {month}.").format(month=asked))
    note(answer.get("note") or "")
    return READY


def _row(entry: Mapping[str, Any]) -> list[Piece]:
    texts = [str(entry.get(name) or "—") for name in ("account", "release", "partition")]
    texts += [str(entry.get("sessions")), _hours(entry.get("hours")), _hours(entry.get("gpu_hours"))]
    return [Piece(plain(text)) for text in texts]


def _hours(value: object) -> str:
    return decimal(float(value), 1) if isinstance(value, (int, float)) else "—"
