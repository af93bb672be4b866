"""What a node's devices say of themselves: the report that travels from the node to the Hub. Pure, and of the standard library only.

None is what NVML does not know ("not supported", or a device under MIG), never 0. No report names a user or a process id.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, TypeVar

MAX_DEVICES = 64
MAX_INSTANCES = 64
"""MIG instances of one device. An A100 has seven at most."""

LARGEST_REPORT = 256 * 1024
"""Bytes. A node with 16 devices of 7 instances each takes about 30 kB."""

MAX_MB = 1 << 26
"""64 TB: more memory than any device has."""

ERRORS = ("", "no_library", "no_driver", "version_mismatch", "no_permission", "timeout", "failed")
"""Why a node has nothing to say of its devices; empty where it has."""

FAULTS = ("lost", "ecc", "retired_pages", "row_remap_failure", "xid", "no_answer", "power")


class ReportRefused(ValueError):
    """A report of another shape; the message says where, and holds nothing of what was sent."""


@dataclass(frozen=True, slots=True)
class MigInstance:
    """A MIG device: its UUID, profile (``3g.20gb``), memory in MB, and the number of processes on it."""

    uuid: str
    profile: str = ""
    memory_total_mb: int | None = None
    memory_used_mb: int | None = None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU at one moment. ``utilisation`` is the share of the last sample period (a second at most) in which a kernel ran, in percent;
    ``utilisation_peak`` the largest of the driver's samples since the report before.

    Memory is in MB (2**20 bytes) without what the driver reserves for itself; power in W; temperature in degrees Celsius. ``minor`` is the
    number of ``/dev/nvidiaN``, by which Slurm's gres.conf names devices. ``processes`` counts compute processes. ``faults`` is in the
    order of :data:`FAULTS`.
    """

    index: int
    uuid: str = ""
    name: str = ""
    minor: int | None = None
    memory_total_mb: int | None = None
    memory_used_mb: int | None = None
    utilisation: int | None = None
    utilisation_peak: int | None = None
    temperature: int | None = None
    power: int | None = None
    power_limit: int | None = None
    mig: bool | None = None
    instances: tuple[MigInstance, ...] = ()
    processes: int | None = None
    processes_memory_mb: int | None = None
    ecc_uncorrected: int | None = None
    last_xid: int | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeReport:
    """All devices of a node. ``at`` is the node's own clock, in seconds since the epoch; ``error`` one of :data:`ERRORS`."""

    node: str
    at: float
    driver: str = ""
    devices: tuple[Device, ...] = ()
    error: str = ""


def as_json(report: NodeReport) -> str:
    """Return the report as it is sent; what is not known is left out."""

    def known(entry: Any) -> dict[str, Any]:
        return {key: value for key, value in entry.items() if value is not None and value != () and value != ""}

    devices = [{**known(asdict(device)), "instances": [known(asdict(each)) for each in device.instances]} for device in report.devices]
    return json.dumps({"node": report.node, "at": report.at, "driver": report.driver, "error": report.error, "devices": devices})


# --- reading what was sent ---------------------------------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:+/()\[\]-]{0,95}", re.ASCII)
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9 ._:+/()\[\]-]", re.ASCII)
_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", re.ASCII)


def _refuse(where: str) -> ReportRefused:
    return ReportRefused(f"{where} is not what a report has there")


def _text(where: str, value: Any) -> str:
    if value == "":
        return ""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _refuse(where)
    return value


def _number(most: int) -> Callable[[str, Any], int | None]:
    def read(where: str, value: Any) -> int | None:
        if value is None:
            return None
        if type(value) is not int or not 0 <= value <= most:
            raise _refuse(where)
        return value

    return read


def _flag(where: str, value: Any) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise _refuse(where)
    return value


def _faults(where: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > len(FAULTS) or any(entry not in FAULTS for entry in value):
        raise _refuse(where)
    return tuple(fault for fault in FAULTS if fault in value)


def _list(where: str, value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise _refuse(where)
    return value


_INSTANCE: Mapping[str, Callable[[str, Any], Any]] = {
    "uuid": _text,
    "profile": _text,
    "memory_total_mb": _number(MAX_MB),
    "memory_used_mb": _number(MAX_MB),
    "processes": _number(1 << 20),
}


def _instances(where: str, value: Any) -> tuple[MigInstance, ...]:
    return tuple(
        MigInstance(**_fields(f"{where}[{n}]", each, _INSTANCE, "uuid")) for n, each in enumerate(_list(where, value, MAX_INSTANCES))
    )


_DEVICE: Mapping[str, Callable[[str, Any], Any]] = {
    "index": _number(MAX_DEVICES - 1),
    "uuid": _text,
    "name": _text,
    "minor": _number(1 << 20),
    "memory_total_mb": _number(MAX_MB),
    "memory_used_mb": _number(MAX_MB),
    "utilisation": _number(100),
    "utilisation_peak": _number(100),
    "temperature": _number(500),
    "power": _number(100_000),
    "power_limit": _number(100_000),
    "mig": _flag,
    "instances": _instances,
    "processes": _number(1 << 20),
    "processes_memory_mb": _number(MAX_MB),
    "ecc_uncorrected": _number((1 << 63) - 1),
    "last_xid": _number(1 << 31),
    "faults": _faults,
}


def _fields(where: str, value: Any, readers: Mapping[str, Callable[[str, Any], Any]], required: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value.keys() <= readers.keys() or value.get(required) is None:
        raise _refuse(where)
    try:
        return {key: readers[key](key, entry) for key, entry in value.items()}
    except ReportRefused as refused:
        # It begins with where it is. To say it in full for each value, when nearly all are good, would take a quarter of the time.
        raise ReportRefused(f"{where}.{refused}") from None


def parse_report(text: str | bytes) -> NodeReport:
    """Read the report that was sent.

    Raises
    ------
    ReportRefused
        It is none: too large, no JSON, a key that a report has not, a value that none can have, a device twice.
    """
    if len(text) > LARGEST_REPORT:
        raise ReportRefused("the report is too large")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise _refuse("the report") from None
    if not isinstance(body, dict) or not set(body) <= {"node", "at", "driver", "error", "devices"}:
        raise _refuse("the report")
    node, at = body.get("node"), body.get("at")
    if not isinstance(node, str) or not _NODE.fullmatch(node):
        raise _refuse("node")
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not math.isfinite(at) or not 0 <= at <= 1e11:
        raise _refuse("at")
    if body.get("error", "") not in ERRORS:
        raise _refuse("error")
    found = _list("devices", body.get("devices", []), MAX_DEVICES)
    devices = tuple(Device(**_fields(f"devices[{number}]", each, _DEVICE, "index")) for number, each in enumerate(found))
    if len({device.index for device in devices}) != len(devices):
        raise _refuse("devices")
    return NodeReport(node, float(at), _text("driver", body.get("driver", "")), devices, body.get("error", ""))


def presentable(device: Device) -> Device:
    """Return the device without values that no report can have, for one of them would cost the whole report.

    Drivers do say such things: a power of 4 GW where it is not known, a utilisation of 101 %, a trade mark in a name.
    """
    instances = [_possible(instance, _INSTANCE) for instance in device.instances[:MAX_INSTANCES]]
    return _possible(replace(device, instances=tuple(each for each in instances if each.uuid)), _DEVICE)


_Entry = TypeVar("_Entry", Device, MigInstance)


def _possible(entry: _Entry, readers: Mapping[str, Callable[[str, Any], Any]]) -> _Entry:
    changes: dict[str, Any] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if field.name in ("instances", "faults"):
            continue
        try:
            readers[field.name](field.name, value)
        except ReportRefused:
            changes[field.name] = plain_text(value) if isinstance(value, str) else None
    return replace(entry, **changes) if changes else entry


def plain_text(text: str) -> str:
    """Return what a report may hold of a name that a driver gives."""
    return _NOT_OF_A_NAME.sub("", text).lstrip(" ._:+/()[]-")[:96]


assert {field.name for field in fields(Device)} == set(_DEVICE)  # nosec B101
