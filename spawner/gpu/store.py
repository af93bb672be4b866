"""What the Hub keeps of the nodes' reports: the latest of each node, and an hour of each device in little room."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from .devices import key_of
from .report import Device, MigInstance, NodeReport

HISTORY_MINUTES = 60

MOST_TRACKS = 256
"""Devices and MIG instances of one node of which there is a history: more than the largest node has, and all that a liar can fill."""

_SLOT = struct.Struct("<BI")
_UNKNOWN = 255
_NO_SAMPLE = 254
_UNKNOWN_MEMORY = (1 << 32) - 1
_EMPTY = _SLOT.pack(_NO_SAMPLE, _UNKNOWN_MEMORY)


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
    most_nodes
        Beyond so many, the node that has been silent for longest is forgotten.
    """

    def __init__(self, clock: Callable[[], float], *, fresh_seconds: Callable[[], float], most_nodes: int = 20000) -> None:
        self.clock = clock
        self.fresh_seconds = fresh_seconds
        self.most_nodes = most_nodes
        # In the order in which they reported last.
        self._nodes: dict[str, _Node] = {}

    def put(self, report: NodeReport) -> None:
        """Take in what a node has just sent."""
        now = self.clock()
        node = self._nodes.pop(report.node, None)
        if node is None:
            node = _Node()
            while len(self._nodes) >= self.most_nodes:
                del self._nodes[next(iter(self._nodes))]
        self._nodes[report.node] = node
        unbroken = node.latest is not None and 0 <= now - node.latest.received <= self.fresh_seconds()
        node.latest = Latest(report, now)
        node.take(report, now, unbroken=unbroken)

    def latest(self, node: str) -> Latest | None:
        """The node's latest report; None if there is none, or only one that is too old."""
        known = self._nodes.get(node)
        if known is None or known.latest is None or not self._fresh(known.latest):
            return None
        return known.latest

    def any_fresh(self) -> bool:
        """Whether any node at all reports."""
        last = next(reversed(self._nodes.values()), None)
        return last is not None and last.latest is not None and self._fresh(last.latest)

    def history(self, node: str, key: str) -> Sequence[Sample]:
        """The last hour of a device or MIG instance, oldest first, one sample a minute; none for a minute without a report."""
        known = self._nodes.get(node)
        track = known.tracks.get(key) if known else None
        return track.samples(self.clock()) if track else ()

    def idle_since(self, node: str, key: str) -> float | None:
        """Since when every report has said that the device did nothing (seconds since the epoch); None: it is busy, or nobody knows."""
        known = self._nodes.get(node)
        if known is None or self.latest(node) is None:
            return None
        track = known.tracks.get(key)
        return track.idle_since if track else None

    def forget_others(self, nodes: Collection[str]) -> None:
        """Forget each node that is not one of ``nodes``."""
        for name in [name for name in self._nodes if name not in nodes]:
            del self._nodes[name]

    def _fresh(self, latest: Latest) -> bool:
        return self.clock() - latest.received <= self.fresh_seconds()


def did_nothing(device: Device | MigInstance) -> bool | None:
    """Whether the device has done nothing since the report before; None if the report does not tell.

    A device on which a process lies that computes nothing is idle. Where the use is not known, as under MIG, one without a process is.
    """
    if isinstance(device, Device) and not (device.utilisation is None and device.utilisation_peak is None):
        return not device.utilisation and not device.utilisation_peak
    return None if device.processes is None else device.processes == 0


class _Node:
    __slots__ = ("full", "latest", "number", "present", "tracks")

    def __init__(self) -> None:
        self.latest: Latest | None = None
        self.tracks: dict[str, _Track] = {}
        self.number = 0
        """How many reports there have been."""
        self.full = 0
        """The report that had more devices than there is room for."""
        self.present = 0
        """How many of the tracks are of devices in the latest report."""

    def take(self, report: NodeReport, now: float, *, unbroken: bool) -> None:
        self.number += 1
        self.present = 0
        minute = int(now // 60)
        for device in report.devices:
            self._take_one(key_of(device), device, device.utilisation, minute, now, unbroken)
            for instance in device.instances:
                if instance.uuid:
                    self._take_one(instance.uuid, instance, None, minute, now, unbroken)
        if self.present == len(self.tracks):
            return
        for key in [key for key, track in self.tracks.items() if track.number != self.number]:
            track = self.tracks[key]
            track.idle_since = None
            if not 0 <= minute - track.minute < HISTORY_MINUTES:
                del self.tracks[key]

    def _take_one(self, key: str, device: Device | MigInstance, utilisation: int | None, minute: int, now: float, unbroken: bool) -> None:
        track = self.tracks.get(key)
        if track is None:
            if self.full == self.number or (len(self.tracks) >= MOST_TRACKS and not self._make_room()):
                self.full = self.number
                return
            track = self.tracks[key] = _Track(minute)
        if track.number != self.number:
            track.number = self.number
            self.present += 1
        if minute != track.minute:
            track.turn_to(minute)
        if utilisation is not None:
            track.counted += 1
            track.total += utilisation
        used = device.memory_used_mb
        if used is not None and (track.memory is None or used > track.memory):
            track.memory = used
        if not did_nothing(device):
            track.idle_since = None
        elif track.idle_since is None or not unbroken:
            track.idle_since = now

    def _make_room(self) -> bool:
        """Give up the device that has been missing for longest; False if none is missing."""
        key = min(self.tracks, key=lambda key: self.tracks[key].number)
        if self.tracks[key].number == self.number:
            return False
        del self.tracks[key]
        return True


class _Track:
    """What is known of one device over time: the minute that is not over, and a ring of the hour before, five bytes a minute."""

    __slots__ = ("counted", "idle_since", "memory", "minute", "number", "ring", "total")

    def __init__(self, minute: int) -> None:
        self.minute = minute
        self.counted = 0
        """How many reports of this minute have told the utilisation."""
        self.total = 0
        self.memory: int | None = None
        self.ring = bytearray(_EMPTY * HISTORY_MINUTES)
        self.idle_since: float | None = None
        self.number = 0
        """The report that it was in last."""

    def turn_to(self, minute: int) -> None:
        """Put the minute that is over into the ring, and empty what stands there for those that had no report."""
        passed = minute - self.minute
        if 0 < passed < HISTORY_MINUTES:
            self._put(self.minute, _SLOT.pack(_or(self._utilisation(), _UNKNOWN), _or(self.memory, _UNKNOWN_MEMORY)))
            for each in range(self.minute + 1, minute):
                self._put(each, _EMPTY)
        else:
            # Too long ago, or the clock has been put back.
            self.ring[:] = _EMPTY * HISTORY_MINUTES
        self.minute = minute
        self.counted = self.total = 0
        self.memory = None

    def _put(self, minute: int, slot: bytes) -> None:
        place = minute % HISTORY_MINUTES * _SLOT.size
        self.ring[place : place + _SLOT.size] = slot

    def _utilisation(self) -> int | None:
        return math.ceil(self.total / self.counted) if self.counted else None

    def samples(self, now: float) -> tuple[Sample, ...]:
        """The last hour, oldest first."""
        first = max(self.minute, int(now // 60)) - HISTORY_MINUTES + 1
        found = []
        for minute in range(first, self.minute):
            utilisation, memory = _SLOT.unpack_from(self.ring, minute % HISTORY_MINUTES * _SLOT.size)
            if utilisation != _NO_SAMPLE:
                found.append(
                    Sample(
                        minute * 60.0,
                        None if utilisation == _UNKNOWN else utilisation,
                        None if memory == _UNKNOWN_MEMORY else memory,
                    )
                )
        if first <= self.minute:
            found.append(Sample(self.minute * 60.0, self._utilisation(), self.memory))
        return tuple(found)


def _or(value: int | None, instead: int) -> int:
    return instead if value is None else value
