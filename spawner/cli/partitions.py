"""``resource-form partitions``: where a session can be started, how large one may be, and what is free there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from ..humanize import cores_in_words, duration, gpus_in_words, limit_of_memory
from ..i18n import _
from .answering import NotPossible, answered, note, print_json
from .exit_codes import READY, REFUSED
from .hub_client import entries_in, plain
from .table import Piece, listed, look_of
from .which_hub import add_hub_arguments, hub_of

PATH = "resource-form/partitions"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--json", action="store_true", help=_("print the Hub's answer as one JSON object"))
    add_hub_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask and print; return the exit status of the process."""
    return answered("partitions", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    answer = hub_of(arguments).read("GET", PATH)
    found = entries_in(answer, "partitions")
    if arguments.json:
        print_json(answer)
        return READY
    if not found:
        raise NotPossible(_("There is no partition that you may use."), REFUSED)
    if answer.get("stale"):
        note(_("Slurm does not answer. This is what it said last."))
    heads = [_("Partition"), _("Nodes"), _("Free cores"), _("Free GPUs"), _("A session at most"), _("Time at most"), ""]
    lines = listed(heads, [_row(entry) for entry in found], look_of(sys.stdout), right=(1, 2))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return READY


def _row(entry: Mapping[str, Any]) -> list[Piece]:
    most = entry.get("most") or {}
    minutes = most.get("minutes")
    size = [cores_in_words(_count(most.get("cores"))), limit_of_memory(_count(most.get("memory_mb")))]
    size += [gpus_in_words(_count(number), str(kind)) for kind, number in (most.get("gpus") or {}).items()]
    closed = str(entry.get("closed") or "")
    texts = [
        str(entry.get("name") or ""),
        _known(entry.get("nodes_usable")),
        _known(entry.get("cores_free")),
        _free_gpus(entry.get("gpus_free")),
        ", ".join(size),
        duration(minutes) if isinstance(minutes, int) else _("no limit"),
        _("closed: {why}").format(why=closed) if closed else _("default") if entry.get("default") else "",
    ]
    return [Piece(plain(text)) for text in texts[:-1]] + [Piece(plain(texts[-1]), "warn" if closed else "dim")]


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _known(value: object) -> str:
    return str(value) if isinstance(value, int) else "—"


def _free_gpus(found: object) -> str:
    if not isinstance(found, dict):
        return "—"
    return ", ".join(gpus_in_words(_count(number), str(kind)) for kind, number in found.items())
