"""``resource-form releases list``: the releases of software that a user may choose."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from ..i18n import _
from .answering import answered, note, print_json
from .exit_codes import READY
from .hub_client import entries_in, plain
from .table import Piece, Tone, listed, look_of
from .which_hub import hub_of

PATH = "resource-form/releases"


def list_releases(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("releases", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    answer = hub_of(arguments).read("GET", PATH)
    found = entries_in(answer, "releases")
    if arguments.json:
        print_json(answer)
        return READY
    rows = [_row(entry) for entry in found]
    if not rows:
        note(_("There is no release that you may use."))
        return READY
    heads = [_("Release"), _("Name"), _("Interfaces"), _("Kernels"), _("What to know")]
    sys.stdout.write("".join(f"{line}\n" for line in listed(heads, rows, look_of(sys.stdout))))
    return READY


def _row(entry: Mapping[str, Any]) -> list[Piece]:
    texts = [
        str(entry.get("tag") or ""),
        str(entry.get("label") or ""),
        ", ".join(str(one.get("name")) for one in entry.get("interfaces") or ()),
        ", ".join(str(one.get("label") or one.get("name")) for one in entry.get("kernels") or ()),
        str(entry.get("state_text") or ""),
    ]
    tone: Tone = "warn" if entry.get("state") != "tested" else ""
    return [Piece(plain(text)) for text in texts[:-1]] + [Piece(plain(texts[-1]), tone)]
