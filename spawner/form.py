"""The form as data: what each field shows. The template only prints it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .choices import Choices
from .entitlement import PartitionLimits
from .request import FORM_FIELDS, SessionRequest, parse_gpus
from .words import duration, limit_of_memory, moment_in_words


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a choice; a ``disabled`` one is shown and cannot be chosen (yet)."""

    value: str
    label: str
    selected: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of the page.

    ``kind`` is ``select``, ``buttons`` (few values, one press each), ``number`` or ``text``. ``range`` says in words what is
    allowed. ``minimum`` and ``maximum`` are for a number's widget, None for the others.
    """

    key: str
    label: str
    help: str
    kind: str
    value: str
    unit: str = ""
    range: str = ""
    options: tuple[Option, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    error: str = ""
    locked: bool = False


def _limits_in_words(values: Iterable[tuple[str, str]]) -> str:
    """``at most 48`` where all partitions agree, else ``at most 48 in a, 24 in b``."""
    pairs = [(partition, value) for partition, value in values if value]
    if not pairs:
        return ""
    if len({value for _, value in pairs}) == 1:
        return pairs[0][1]
    return ", ".join(f"{value} in {partition}" for partition, value in pairs)


def _sharing(partitions: Iterable[PartitionLimits]) -> str:
    most = {partition.name: partition.users_per_core for partition in partitions if partition.users_per_core > 1}
    if not most:
        return ""
    counts = set(most.values())
    number = str(max(counts))
    where = "" if len(counts) == 1 and len(most) == len(list(partitions)) else f" in {', '.join(most)}"
    return f" If all are taken, up to {number} sessions share a core{where}."


def form_fields(choices: Choices, values: Mapping[str, Any], errors: Mapping[str, str]) -> tuple[FormField, ...]:
    """The fields of the page in their order, filled with ``values`` as typed, wrong ones marked with ``errors``."""
    built = []
    for key in FORM_FIELDS:
        policy = choices.policy(key)
        if policy.hidden or (key == "account" and choices.accounts is None):
            continue
        info = SessionRequest.model_fields[key]
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        built.append(
            FormField(
                key=key,
                label=policy.label or info.title or key,
                help=policy.help or info.description or "",
                unit=str(extra.get("unit", "")),
                error=errors.get(key, ""),
                locked=policy.locked,
                **_widget(key, choices, _as_text(values.get(key, ""))),
            )
        )
    return tuple(built)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _select(value: str, offered: Iterable[tuple[str, str]], kind: str = "select") -> dict[str, Any]:
    """A choice. A value that is not offered (any more) is not invented: the first one stands selected, as a browser would do."""
    pairs = list(offered)
    chosen = value if value in [entry for entry, _ in pairs] else (pairs[0][0] if pairs else "")
    return {
        "kind": kind,
        "value": chosen,
        "options": tuple(Option(entry, label, entry == chosen) for entry, label in pairs),
    }


def _widget(key: str, choices: Choices, value: str) -> dict[str, Any]:
    partitions = choices.partitions
    if key == "reservation":
        widget = _select(value, [(name, name or "None") for name in choices.reservation_values])
        later = [
            Option(entry.name, f"{entry.name} (begins {moment_in_words(entry.start, choices.now)})", disabled=True)
            for entry in choices.upcoming_reservations
        ]
        return {**widget, "options": (*widget["options"], *later)}
    if key == "account":
        return _select(value, [(account, account) for account in choices.accounts or ()])
    if key == "partition":
        return _select(value, [(partition.name, partition.name) for partition in partitions])
    if key == "release":
        return _select(value, [(release.tag, release.title) for release in choices.releases])
    if key == "interface":
        return _select(value, [(interface.name, interface.label) for interface in choices.interfaces()])
    if key == "gpus":
        return _gpu_widget(choices, value)
    offered = choices.policy(key).choices
    widget = _number_widget(key, choices, value)
    return widget if offered is None else {**widget, "range": f"One of: {', '.join(str(choice) for choice in offered)}."}


def _number_widget(key: str, choices: Choices, value: str) -> dict[str, Any]:
    partitions = choices.partitions
    if key == "cores":
        low = choices.bound("cores", "minimum", 1)
        most = [(entry.name, min(entry.max_cores, choices.bound("cores", "maximum", entry.max_cores))) for entry in partitions]
        words = _limits_in_words((name, f"{low} to {number}") for name, number in most)
        return {
            "kind": "number",
            "value": value,
            "minimum": low,
            "maximum": max((number for _, number in most), default=low),
            "range": f"{words}.{_sharing(partitions)}" if words else "",
        }
    if key == "memory":
        most = [(entry.name, min(entry.max_memory_mb, choices.bound("memory", "maximum", entry.max_memory_mb))) for entry in partitions]
        words = _limits_in_words((name, limit_of_memory(number)) for name, number in most)
        return {"kind": "text", "value": value.removesuffix("G"), "range": f"At most {words}." if words else ""}
    ceiling = choices.bound("walltime", "maximum", 0)
    limits = []
    for entry in partitions:
        minutes = min((number for number in (entry.max_minutes, ceiling or None) if number is not None), default=None)
        limits.append((entry.name, "no limit" if minutes is None else duration(minutes)))
    words = "" if all(limit == "no limit" for _, limit in limits) else f"At most {_limits_in_words(limits)}."
    return {"kind": "text", "value": value, "range": words.replace("At most no limit", "No limit")}


def _gpu_widget(choices: Choices, value: str) -> dict[str, Any]:
    offered = choices.gpu_values()
    types = sorted({gpu_type for partition in choices.partitions for gpu_type, _ in partition.gpus})
    only_type = types[0] if len(types) == 1 else ""
    labels = []
    for gpus in offered:
        if not gpus.count:
            labels.append((gpus.value, "None"))
        elif gpus.type:
            labels.append((gpus.value, f"{gpus.count} × {gpus.type.upper()}"))
        else:
            labels.append((gpus.value, f"{gpus.count} × {only_type.upper()}" if only_type else str(gpus.count)))
    try:
        wanted = parse_gpus(value)
    except ValueError:
        wanted = parse_gpus(0)
    if only_type and wanted.type == only_type and wanted not in offered:
        value = str(wanted.count)
    else:
        value = wanted.value
    ceiling = max((gpus.count for gpus in offered), default=0)
    most = _limits_in_words((partition.name, str(min(partition.gpus_of(""), ceiling))) for partition in choices.partitions)
    words = f"At most {most} on one node." if offered and any(gpus.count for gpus in offered) else "There are no GPUs here."
    return {**_select(value, labels, kind="buttons" if len(labels) <= 6 else "select"), "range": words}
