"""What the Hub keeps of the nodes' reports: the latest of each node, and an hour of each device in little room."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..cache import BoundedDict
from .agent.schema import Device, MigInstance, NodeReport
from .devices import key_of

HISTORY_MINUTES = 60

MAX_TRACKS = 256
"""Devices and MIG instances of one node of which there is a history: more than the largest node has, and all that a liar can fill."""

_SLOT = struct.Struct("<BI")
"""A minute that is over: utilisation, memory."""

_HEAD = struct.Struct("<dIIIII")
"""Of each device: since when it is idle, the minute that is not over, the report that it was in last; and of that minute how many reports
told the utilisation, their sum, and the most memory."""

_UNKNOWN = 255
_NO_SAMPLE = 254
_UNKNOWN_MEMORY = (1 << 32) - 1
_NOT_IDLE = math.nan
_EMPTY = _SLOT.pack(_NO_SAMPLE, _UNKNOWN_MEMORY)
_EMPTY_RING = _EMPTY * HISTORY_MINUTES
_ROW = _HEAD.size + len(_EMPTY_RING)


@dataclass(frozen=True, slots=True)
class Latest:
    """A node's latest report, and when it came: seconds since the epoch, by the Hub's own clock."""

    report: NodeReport
    received: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One minute of a device that begins at ``at`` (seconds since the epoch): its mean utilisation in percent, rounded up so that 0 is
    nothing at all, and the most memory in MB. None is what is not known."""

    at: float
    utilisation: int | None
    memory_used_mb: int | None


class ReportStore:
    """The reports of all nodes. Has no lock: it belongs to the thread of the Hub's loop.

    Nothing of it outlives the Hub. A Hub that has just started knows of no GPU how long it has been idle, which errs on the safe side.

    Parameters
    ----------
    clock
        The time in seconds since the epoch.
    fresh_seconds
        For how long a report counts; two that are further apart say nothing of the time between them.
    max_nodes
        Beyond so many, the node that has been silent for longest is forgotten.
    """

    def __init__(self, clock: Callable[[], float], *, fresh_seconds: Callable[[], float], max_nodes: int = 20000) -> None:
        self.clock = clock
        self.fresh_seconds = fresh_seconds
        # In the order in which they reported last.
        self._nodes: BoundedDict[str, _Node] = BoundedDict(max_nodes)

    def put(self, report: NodeReport) -> None:
        """Take in what a node has just sent."""
        now = self.clock()
        node = self._nodes.get(report.node) or _Node()
        self._nodes[report.node] = node
        unbroken = node.latest is not None and 0 <= now - node.latest.received <= self.fresh_seconds()
        node.latest = Latest(report, now)
        node.take(report, now, unbroken=unbroken)

    def latest(self, node: str) -> Latest | None:
        """Return the node's latest report; None if there is none, or only one that is too old."""
        known = self._nodes.get(node)
        if known is None or known.latest is None or not self._fresh(known.latest):
            return None
        return known.latest

    def any_fresh(self) -> bool:
        """Tell whether any node at all reports."""
        last = next(reversed(self._nodes.data.values()), None)
        return last is not None and last.latest is not None and self._fresh(last.latest)

    def history(self, node: str, key: str) -> Sequence[Sample]:
        """Return the last hour of a device or MIG instance, oldest first, one sample a minute; none for a minute without a report."""
        known = self._nodes.get(node)
        return known.samples(key, self.clock()) if known else ()

    def idle_since(self, node: str, key: str) -> float | None:
        """Return since when every report has said that the device did nothing (seconds since the epoch).

        None: it is busy, or nobody knows.
        """
        known = self._nodes.get(node)
        if known is None or self.latest(node) is None:
            return None
        return known.idle_since(key)

    def forget_others(self, nodes: Collection[str]) -> None:
        """Forget each node that is not one of ``nodes``."""
        for name in [name for name in self._nodes if name not in nodes]:
            del self._nodes[name]

    def _fresh(self, latest: Latest) -> bool:
        return self.clock() - latest.received <= self.fresh_seconds()


def did_nothing(device: Device | MigInstance) -> bool | None:
    """Tell whether the device has done nothing since the report before; None if the report does not tell.

    A device on which a process lies that computes nothing is idle. Where the use is not known, as under MIG, one without a process is.
    """
    if isinstance(device, Device) and not (device.utilisation is None and device.utilisation_peak is None):
        return not device.utilisation and not device.utilisation_peak
    return None if device.processes is None else device.processes == 0


class _Node:
    """One node. All that is known of its devices over time lies in one piece of memory, a row for each: objects would be many on a large
    cluster, and Python's collector, which stops the Hub's loop, looks through all there are."""

    __slots__ = ("full", "latest", "number", "rows", "table")

    def __init__(self) -> None:
        self.latest: Latest | None = None
        self.number = 0
        """How many reports there have been."""
        self.full = 0
        """The one that had more devices than there is room for."""
        self.rows: dict[str, int] = {}
        """Where a device's row begins."""
        self.table = bytearray()

    def take(self, report: NodeReport, now: float, *, unbroken: bool) -> None:
        """Take a report down; ``unbroken`` if the one before is not too long ago."""
        self.number += 1
        minute = int(now // 60)
        present = 0
        for device in report.devices:
            present += self._take_one(key_of(device), device, device.utilisation, minute, now, unbroken)
            for instance in device.instances:
                if instance.uuid:
                    present += self._take_one(instance.uuid, instance, None, minute, now, unbroken)
        if present < len(self.rows):
            self._miss_others(minute)

    def _take_one(self, key: str, device: Device | MigInstance, utilisation: int | None, minute: int, now: float, unbroken: bool) -> bool:
        """Whether it has a row, and is in this report for the first time."""
        place = self.rows.get(key)
        if place is None:
            if len(self.rows) >= MAX_TRACKS and not self._make_room():
                return False
            place = self.rows[key] = len(self.table)
            self.table += _HEAD.pack(_NOT_IDLE, minute, 0, 0, 0, _UNKNOWN_MEMORY) + _EMPTY_RING
        number: int
        idle_since, then, number, counted, total, memory = _HEAD.unpack_from(self.table, place)
        if then != minute:
            self._turn(place, then, minute, counted, total, memory)
            counted, total, memory = 0, 0, _UNKNOWN_MEMORY
        if utilisation is not None:
            counted += 1
            total += utilisation
        used = device.memory_used_mb
        if used is not None and (used > memory or memory == _UNKNOWN_MEMORY):
            memory = used
        if not did_nothing(device):
            idle_since = _NOT_IDLE
        elif math.isnan(idle_since) or not unbroken:
            idle_since = now
        _HEAD.pack_into(self.table, place, idle_since, minute, self.number, counted, total, memory)
        return number != self.number

    def _turn(self, place: int, then: int, minute: int, counted: int, total: int, memory: int) -> None:
        """Put the minute that is over into the ring, and empty what stands there for those that had no report."""
        ring = place + _HEAD.size
        if 0 < minute - then < HISTORY_MINUTES:
            _SLOT.pack_into(self.table, ring + then % HISTORY_MINUTES * _SLOT.size, _mean(counted, total), memory)
            for each in range(then + 1, minute):
                _SLOT.pack_into(self.table, ring + each % HISTORY_MINUTES * _SLOT.size, _NO_SAMPLE, _UNKNOWN_MEMORY)
        else:
            # Too long ago, or the clock has been put back.
            self.table[ring : ring + len(_EMPTY_RING)] = _EMPTY_RING

    def _miss_others(self, minute: int) -> None:
        """Of a device that is not in the report nobody knows what it does; one that is missing for an hour is forgotten."""
        kept = []
        for key, place in self.rows.items():
            _, then, number, *rest = _HEAD.unpack_from(self.table, place)
            if number != self.number:
                _HEAD.pack_into(self.table, place, _NOT_IDLE, then, number, *rest)
            if 0 <= minute - then < HISTORY_MINUTES:
                kept.append(key)
        self._keep(kept)

    def _make_room(self) -> bool:
        """Forget the devices that were not in the report before; False if all were, or there has been no room in this report already."""
        if self.full != self.number:
            self._keep([key for key, place in self.rows.items() if _HEAD.unpack_from(self.table, place)[2] >= self.number - 1])
        if len(self.rows) >= MAX_TRACKS:
            self.full = self.number
        return len(self.rows) < MAX_TRACKS

    def _keep(self, keys: Collection[str]) -> None:
        """Forget each device that is not one of ``keys``."""
        if len(keys) < len(self.rows):
            pieces = {key: self.table[self.rows[key] : self.rows[key] + _ROW] for key in keys}
            self.rows = {key: number * _ROW for number, key in enumerate(pieces)}
            self.table = bytearray().join(pieces.values())

    def idle_since(self, key: str) -> float | None:
        """Return the same as the store's."""
        place = self.rows.get(key)
        if place is None:
            return None
        since: float = _HEAD.unpack_from(self.table, place)[0]
        return None if math.isnan(since) else since

    def samples(self, key: str, now: float) -> tuple[Sample, ...]:
        """Return the last hour, oldest first."""
        place = self.rows.get(key)
        if place is None:
            return ()
        _, last, _, counted, total, most = _HEAD.unpack_from(self.table, place)
        found = []
        first = max(last, int(now // 60)) - HISTORY_MINUTES + 1
        for minute in range(first, last):
            utilisation, memory = _SLOT.unpack_from(self.table, place + _HEAD.size + minute % HISTORY_MINUTES * _SLOT.size)
            if utilisation != _NO_SAMPLE:
                found.append(_sample(minute, utilisation, memory))
        if first <= last:
            found.append(_sample(last, _mean(counted, total), most))
        return tuple(found)


def _mean(counted: int, total: int) -> int:
    return -(-total // counted) if counted else _UNKNOWN


def _sample(minute: int, utilisation: int, memory: int) -> Sample:
    return Sample(minute * 60.0, None if utilisation == _UNKNOWN else utilisation, None if memory == _UNKNOWN_MEMORY else memory)
