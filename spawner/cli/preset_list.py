"""``resource-form launch --list-presets``: the presets that a user may choose."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from ..i18n import _
from .answering import note, print_json
from .exit_codes import READY
from .hub_client import entries_in, plain
from .table import Piece, listed, look_of
from .which_hub import hub_of

PATH = "resource-form/presets"


def list_presets(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit code."""
    answer = hub_of(arguments).read("GET", PATH)
    found = entries_in(answer, "presets")
    if arguments.json:
        print_json(answer)
        return READY
    rows = [_row(entry) for entry in found]
    if not rows:
        note(_("There is no preset that you may choose."))
        return READY
    sys.stdout.write("".join(f"{line}\n" for line in listed([_("Preset"), _("Name"), _("What it asks for")], rows, look_of(sys.stdout))))
    return READY


def _row(entry: Mapping[str, Any]) -> list[Piece]:
    why_not = str(entry.get("why_not") or "")
    words = Piece(plain(why_not), "warn") if why_not else Piece(plain(str(entry.get("words") or "")))
    return [Piece(plain(str(entry.get("name") or ""))), Piece(plain(str(entry.get("label") or ""))), words]
