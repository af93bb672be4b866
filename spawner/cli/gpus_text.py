"""The Hub's answer about the cluster as lines of text for a terminal. Pure.

Whatever stands in the answer is only text: nothing of it reaches the terminal as an order. What is not known is a dash, never 0. Colour
says nothing that words do not say as well.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..humanize import day_and_time
from ..i18n import N_, _, decimal, ngettext
from .hub_client import plain
from .table import Line, Look, Piece, Tone, table, written

_FAULTS: Mapping[str, str] = {
    "lost": N_("lost"),
    "ecc": N_("memory errors"),
    "retired_pages": N_("retired pages"),
    "row_remap_failure": N_("row remapping failed"),
    "xid": N_("Xid error"),
    "no_answer": N_("no answer"),
    "power": N_("power"),
}


def lines_of(answer: Mapping[str, Any], look: Look, *, partitions: Collection[str] = (), nodes: bool = True) -> list[str]:
    """Return the lines of the whole screen.

    Parameters
    ----------
    answer
        The contract's ``GET /hub/api/resource-form/cluster``.
    partitions
        The only ones that are shown, with their nodes; all of them if empty.
    """
    known = _mapping(answer.get("partitions"))
    shown = [name for name in known if not partitions or name in partitions]
    found: list[Line] = [_heading(answer)]
    tables = [_partition(name, _mapping(known[name])) for name in shown]
    found += [line for table in tables for line in [(), *table]]
    if not shown:
        found += [(), (Piece(_("There is no partition that you may use.")),)]
    if nodes:
        of_partitions = [node for node in _mappings(answer.get("nodes")) if not partitions or set(_names(node)) & set(shown)]
        found += [(), *_nodes(of_partitions)] if of_partitions else []
    return [written(line, look) for line in found]


# --- what the answer has ------------------------------------------------------------------------------------------------------------


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _names(node: Mapping[str, Any]) -> list[str]:
    found = node.get("partitions")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _text(value: object, otherwise: str = "—") -> str:
    return plain(value) if isinstance(value, str) and value else otherwise


def _number(value: object) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12 else None


def _count(value: object) -> str:
    number = _number(value)
    return "—" if number is None else str(int(number))


def _of(free: object, total: object) -> str:
    return _("{part} of {whole}").format(part=_count(free), whole=_count(total))


def _gigabytes(free: object, total: object) -> str:
    """MB as GB: ``12.3 of 32.0 GB``, from a hundred GB on without a digit behind the point."""
    most = _number(total)
    digits = 0 if most is not None and most >= 100 * 1024 else 1
    one, other = ("—" if (number := _number(value)) is None else decimal(number / 1024, digits) for value in (free, total))
    return "—" if one == other == "—" else _("{part} of {whole} GB").format(part=one, whole=other)


def time_in_words(seconds: float) -> str:
    """Return seconds in words: ``12 s``, ``3 min``, ``5 h``, ``2 days``."""
    for size, unit in ((86400, N_("{number} days")), (3600, "{number} h"), (60, "{number} min")):
        if seconds >= 2 * size:
            return _(unit).format(number=int(seconds // size))
    return f"{max(0, int(seconds))} s"


# --- the parts of the screen --------------------------------------------------------------------------------------------------------


def _heading(answer: Mapping[str, Any]) -> Line:
    age = _number(answer.get("age"))
    try:
        moment = datetime.datetime.fromisoformat(str(answer.get("as_of")).replace("Z", "+00:00")).timestamp()
        clock: str = day_and_time(moment, moment + (age or 0), seconds=True)
    except (ValueError, OverflowError, OSError):
        clock = "—"
    line = [
        Piece(_("As of {clock}").format(clock=clock)),
        Piece("" if age is None else ", " + _("{time} ago").format(time=time_in_words(age))),
    ]
    if answer.get("stale"):
        why = _text(answer.get("error"), "")
        line.append(Piece("; " + _("old data") + (f": {why}" if why else ""), "bad"))
    return line


def _partition(name: str, partition: Mapping[str, Any]) -> list[Line]:
    usable = _number(partition.get("nodes_usable"))
    words = ngettext("{number} node usable", "{number} nodes usable", 1 if usable == 1 else 2).format(number=_count(usable))
    title = [Piece(plain(name), "head"), Piece(f": {words}")]
    left_out = _number(partition.get("nodes_left_out"))
    if left_out:
        reasons = _mapping(partition.get("left_out_by_reason"))
        why = ", ".join(f"{_count(number)} {plain(reason)}" for reason, number in reasons.items())
        title.append(Piece(", " + _("{number} left out").format(number=_count(left_out)) + (f" ({why})" if why else ""), "warn"))
    whole, parts = (
        {plain(kind) or "GPU": _row(row) for kind, row in _mapping(partition.get(table)).items() if _row(row)}
        for table in ("gpu_table", "shared_gpu_table")
    )
    lines: list[Line] = [title]
    if whole:
        lines += _counts(_("nodes with free:"), whole)
    for kind, row in parts.items():
        lines += _counts(_("largest free part:"), {kind: row})
    return lines if whole or parts else [title, (Piece("  " + _("no GPUs"), "dim"),)]


def _row(value: object) -> Mapping[str, object]:
    """The numbers of nodes by what they have free; a column that is for what nobody knows only if there is such a node."""
    row = {plain(key): number for key, number in _mapping(value).items()}
    return {key: number for key, number in row.items() if key != "unknown" or number}


def _is_whole(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 6


def _counts(head: str, rows: Mapping[str, Mapping[str, object]]) -> list[Line]:
    """How many nodes have so many free, by type."""
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    if all(_is_whole(key) for key in keys):
        keys.sort(key=int)
    cells = [[Piece(f"  {head}", "dim"), *(Piece(key, "dim") for key in keys)]]
    for kind, row in rows.items():
        line = [Piece(f"  {kind}")]
        for key in keys:
            text = _count(row[key]) if key in row else ""
            line.append(Piece(text, "good" if key[:1] in "123456789" and text.strip("0—") else ""))
        cells.append(line)
    return table(cells, right=range(1, len(keys) + 1))


_HEADS = (N_("NODE"), N_("STATE"), N_("GPUS FREE"), N_("CORES FREE"), N_("MEMORY FREE"), "")


def _nodes(nodes: Sequence[Mapping[str, Any]]) -> list[Line]:
    rows: list[list[Piece]] = [[Piece(_(head), "head") for head in _HEADS]]
    below: list[list[list[Piece]]] = [[]]
    for node in nodes:
        devices = _mappings(node.get("devices"))
        usable = bool(node.get("usable"))
        notes = [] if usable else [_text(node.get("why_not"), _("not usable"))]
        ages = [age for device in devices if (age := _number(device.get("age"))) is not None]
        notes += [_("devices {time} ago").format(time=time_in_words(max(ages)))] if ages else []
        counts = [
            Piece(f"{_of(gpu.get('free'), gpu.get('total'))} {_text(gpu.get('type'), 'GPU')}", _free_tone(gpu, usable))
            for gpu in _mappings(node.get("gpus"))
        ] or [Piece(_("none"), "dim")]
        rows.append(
            [
                Piece(_text(node.get("name"))),
                Piece(_text(node.get("state"))),
                counts[0],
                Piece(_of(node.get("cores_free"), node.get("cores_total"))),
                Piece(_gigabytes(node.get("memory_mb_free"), node.get("memory_mb_total"))),
                Piece("; ".join(notes), "dim" if usable else "warn"),
            ]
        )
        # Each further type has a line of its own; the devices stand below all of them.
        rows += [[Piece(""), Piece(""), count] for count in counts[1:]]
        below += [*([] for _ in counts[1:]), [_device(device) for device in devices]]
    of_devices = iter(table([row for group in below for row in group]))
    lines: list[Line] = []
    for line, group in zip(table(rows), below, strict=True):
        lines += [line, *itertools.islice(of_devices, len(group))]
    return lines


def _free_tone(gpu: Mapping[str, Any], usable: bool) -> Tone:
    return "good" if usable and (_number(gpu.get("free")) or 0) > 0 else ""


def _device(device: Mapping[str, Any]) -> list[Piece]:
    share, degrees = (_number(device.get(name)) for name in ("utilisation", "temperature"))
    faults = device.get("faults")
    words = (
        ", ".join(_(_FAULTS[fault]) if fault in _FAULTS else plain(fault) for fault in faults if isinstance(fault, str))
        if isinstance(faults, list)
        else ""
    )
    is_faulty, is_stray = bool(device.get("faulty")), bool(device.get("stray"))
    notes = [_("faulty ({why})").format(why=words) if words else _("faulty")] if is_faulty else [words] if words else []
    notes += [_("stray process")] if is_stray else []
    tone: Tone = "bad" if is_faulty else "warn" if notes else ""
    is_free = device.get("allocated") is False
    allocated = _("free") if is_free else _("in use") if device.get("allocated") is True else "—"
    return [
        Piece(f"  GPU {_count(device.get('index'))}"),
        Piece(_text(device.get("type"))),
        Piece(allocated, "good" if is_free and not tone else ""),
        Piece("—" if share is None else f"{share:.0f} %"),
        Piece(_gigabytes(device.get("memory_used_mb"), device.get("memory_total_mb"))),
        Piece("—" if degrees is None else f"{degrees:.0f} °C"),
        Piece(", ".join(notes), tone),
    ]
