"""Which of NVML's devices each of Slurm's GPUs on a node is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ..humanize import MIG_PROFILE
from ..slurm.model import Gres, Node
from ..slurm.shared_gres import SHARED, cards_in
from .agent.schema import Device, MigInstance, NodeReport
from .devices import DeviceView, looks_stray

MAX_GPUS = 4096
"""More than a node has, slices of MIG included: counts beyond it are no devices."""


_INDICES = re.compile(r"IDX:([0-9]+(?:-[0-9]+)?(?:,[0-9]+(?:-[0-9]+)?)*)", re.ASCII)


_MIG_PROFILE = re.compile(rf"(?:[0-9]+c\.)?{MIG_PROFILE}(?:[+.-][a-z.+-]+)?", re.ASCII)


def device_views(node: Node, report: NodeReport | None, age: float | None, strays: Collection[str] = ()) -> tuple[DeviceView, ...]:
    """Return the GPUs that Slurm gives to jobs on ``node``, in its order, each with what its device says; none without a report.

    ``age`` is the report's in seconds, ``strays`` the keys that :mod:`.strays` has found.
    """
    if report is None:
        return ()
    types, allocated = _by_slurm(node.gres, node.gres_used)
    if not types:
        return ()
    if report.error == "version_mismatch":
        # The driver was replaced and the node not restarted since: no new program gets at any of its GPUs.
        broken = tuple(Device(index, faults=("no_answer",)) for index in range(len(types)))
        report = NodeReport(report.node, report.at, report.driver, broken)
        types_of_slices: frozenset[str] = frozenset()
    else:
        types_of_slices = _types_of_slices(types, report)
    if not report.devices:
        return ()
    whole = [index for index, gpu_type in enumerate(types) if gpu_type not in types_of_slices]
    views = _whole_cards(whole, types, allocated, report, age)
    for slice_type in sorted(types_of_slices):
        slices = [index for index, gpu_type in enumerate(types) if gpu_type == slice_type]
        views += _slices(slices, slice_type, types_of_slices, allocated, report, age)
    if len(types_of_slices) > 1 or (types_of_slices and whole):
        views.sort(key=lambda view: view.index)
    if not strays:
        return tuple(views)
    return tuple(replace(view, stray=True) if view.key in strays and looks_stray(view) else view for view in views)


@dataclass(frozen=True, slots=True)
class _Allocated:
    """For each of Slurm's GPUs its word; ``in_order`` is False where the numbers in use contradict the order that is assumed here."""

    words: Sequence[bool | None]
    in_order: bool


@lru_cache(maxsize=4096)  # a cluster has thousands of nodes and few different strings
def _by_slurm(gres: tuple[Gres, ...], gres_used: tuple[Gres, ...]) -> tuple[tuple[str, ...], _Allocated]:
    """The type of each GPU, in the order of Slurm's numbers, an empty one for none; and which of them are given away."""
    entries = [entry for entry in gres if entry.name == "gpu"]
    if sum(entry.count for entry in entries) > MAX_GPUS:
        entries = []
    types = tuple(entry.type for entry in entries for _ in range(entry.count))
    return types, _allocated(types, gres_used)


def _allocated(types: Sequence[str], gres_used: Iterable[Gres]) -> _Allocated:
    words: list[bool | None] = [False] * len(types)
    in_order = True
    entries = [entry for entry in gres_used if entry.count]
    for entry in entries:
        if entry.name == "gpu":
            places = _places(types, entry.type)
            numbers = numbers_in(entry)
            if numbers is not None and not numbers <= set(places):
                in_order = False
            if len(places) <= entry.count:
                numbers = frozenset(places)
            _note(words, places, numbers if in_order else None)
    for entry in entries:
        if entry.name in SHARED:
            places = _places(types, entry.type)
            _note(words, places, _cards_with_parts(entry, places))
    return _Allocated(words, in_order)


def _places(types: Sequence[str], gpu_type: str) -> list[int]:
    return [index for index, each in enumerate(types) if not gpu_type or each == gpu_type]


def _note(words: list[bool | None], places: Iterable[int], numbers: Collection[int] | None) -> None:
    """GPUs of ``numbers`` are given away; None: some of ``places`` are, and nobody knows which."""
    for index in places:
        if numbers is None:
            words[index] = words[index] or None
        elif index in numbers:
            words[index] = True


def numbers_in(entry: Gres) -> frozenset[int] | None:
    """Return the numbers that IDX lists; None where Slurm does not list them, or cuts the list short (its buffer has 64 bytes)."""
    match = _INDICES.match(entry.detail)
    if match is None:
        return None
    found: set[int] = set()
    for part in match[1].split(","):
        first, _dash, last = part.partition("-")
        if int(last or first) > MAX_GPUS:
            return None
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found) if len(found) == entry.count else None


def _cards_with_parts(entry: Gres, places: Sequence[int]) -> frozenset[int] | None:
    """The GPUs that carry shards or MPS: ``(2/8,0/8)`` tells it card by card since 23.11, a list of numbers before."""
    cards = cards_in(entry.detail)
    if cards:
        if len(cards) != len(places):
            return None
        return frozenset(index for index, (used, _) in zip(places, cards, strict=True) if used)
    # Whether numbers count from the node's first GPU, or from the first that has parts, makes no difference only where both are one.
    numbers = numbers_in(entry) if places and places[0] == 0 else None
    return numbers if numbers is not None and numbers <= set(places) else None


def _whole_cards(
    places: Sequence[int], types: Sequence[str], allocated: _Allocated, report: NodeReport, age: float | None
) -> list[DeviceView]:
    found = [device for device in report.devices if not device.mig]
    if not places:
        return []
    if not found:
        return [DeviceView(index, types[index], allocated.words[index], None, age) for index in places]
    devices = _in_order(found)
    ordered = _by_type(places, types, devices) if devices is not None and allocated.in_order else None
    if ordered is None:
        names = {types[index] for index in places}
        only = names.pop() if len(names) == 1 else ""
        return [DeviceView(device.index, only, None, device, age, matched=False) for device in found]
    return [DeviceView(index, types[index], allocated.words[index], device, age) for index, device in zip(places, ordered, strict=True)]


def _in_order(devices: Sequence[Device]) -> list[Device] | None:
    """By minor number, as the files of gres.conf; None where a device that does not tell its own could stand in two places."""
    by_index = sorted(devices, key=lambda device: device.index)
    minors = [device.minor for device in by_index if device.minor is not None]
    if len(minors) == len(by_index) == len(set(minors)):
        return sorted(devices, key=lambda device: device.minor or 0)
    return by_index if minors == sorted(minors) else None


def _by_type(places: Sequence[int], types: Sequence[str], devices: Sequence[Device]) -> Sequence[Device] | None:
    """The device of each place: in their order, by the types where the devices' names tell these apart; None if they contradict."""
    if len(devices) != len(places):
        return None
    names = {types[index] for index in places}
    if len(names) == 1:
        return devices
    named = {name: [device for device in devices if name and name.lower() in device.name.lower()] for name in names}
    if not any(named.values()):
        return devices
    counts = {name: sum(types[index] == name for index in places) for name in names}
    if any(len(named[name]) != counts[name] for name in names) or len({id(d) for found in named.values() for d in found}) != len(devices):
        return None
    queues = {name: iter(found) for name, found in named.items()}
    return [next(queues[types[index]]) for index in places]


def _types_of_slices(types: Iterable[str], report: NodeReport) -> frozenset[str]:
    """Those of Slurm's types that are MIG's: they hold a profile, or are part of one that the node has."""
    profiles = {instance.profile.lower() for device in report.devices for instance in device.instances if instance.profile}
    return frozenset(
        each for each in set(types) if each and (_MIG_PROFILE.search(each.lower()) or any(each.lower() in profile for profile in profiles))
    )


def _slices(
    places: Sequence[int],
    slice_type: str,
    all_types: Collection[str],
    allocated: _Allocated,
    report: NodeReport,
    age: float | None,
) -> list[DeviceView]:
    cards = _in_order([device for device in report.devices if device.instances])
    found = [
        (card, instance)
        for card in cards or [device for device in report.devices if device.instances]
        for instance in card.instances
        if _type_of(instance, all_types) == slice_type
    ]
    if not found:
        return [DeviceView(index, slice_type, allocated.words[index], None, age) for index in places]
    if cards is None or len(found) != len(places) or not allocated.in_order:
        return [DeviceView(card.index, slice_type, None, instance, age, parent=card, matched=False) for card, instance in found]
    return [
        DeviceView(index, slice_type, allocated.words[index], instance, age, parent=card)
        for index, (card, instance) in zip(places, found, strict=True)
    ]


def _type_of(instance: MigInstance, types: Iterable[str]) -> str | None:
    """Slurm's type of a slice: the one that names its very profile, else one that is part of it; None if two do so equally well."""
    lengths: dict[int, list[str]] = {}
    for each in types:
        match = _MIG_PROFILE.search(each.lower())
        named = match[0] if match else each.lower()
        if named in instance.profile.lower():
            lengths.setdefault(len(named), []).append(each)
    best = lengths[max(lengths)] if lengths else []
    return best[0] if len(best) == 1 else None


@dataclass(frozen=True, slots=True)
class Reported:
    """The nodes' fresh reports at one moment. ``reports`` holds each with its age in seconds, by the node's name."""

    reports: Mapping[str, tuple[NodeReport, float]] = field(default_factory=dict)
    strays: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def devices(self) -> int:
        """The number of devices, slices of MIG among them."""
        return sum(len(device.instances) or 1 for report, _age in self.reports.values() for device in report.devices)

    def views(self, node: Node) -> tuple[DeviceView, ...]:
        """Return the node's GPUs, none where it has no fresh report."""
        report = self.reports.get(node.name)
        return () if report is None else device_views(node, report[0], report[1], self.strays.get(node.name, ()))


NO_REPORTS = Reported()
