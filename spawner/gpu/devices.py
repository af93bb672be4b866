"""What Slurm and NVML together say of a node's GPUs, device by device. Pure.

Slurm knows which GPUs it has given away (GresUsed), NVML what the devices do. Slurm numbers a node's GPUs through, in the order of their
files in gres.conf; NVML's devices are brought into the same order, and where the two cannot be told to mean the same nothing is guessed.
Where they disagree about a GPU the page says so: one that Slurm calls free and that a process fills is a stray's, one that NVML has lost is
faulty whatever Slurm believes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .agent.schema import Device, MigInstance

STRAY_MB = 512
"""A GPU with so many MB in use is not free: more than a driver, a display or a monitor takes."""

STRAY_MB_OF_PROCESS = 64
"""With a compute process on it, so many MB are enough; the server of MPS that waits for clients takes less."""


FAULTS_THAT_END = frozenset({"lost", "row_remap_failure", "no_answer"})
"""A device with one of these can run nothing. ``ecc``, ``retired_pages`` and ``power`` alone are warnings: it goes on working."""

XIDS_TO_GO_ON_AFTER = frozenset({63, 92, 94})
"""Xids after which the device goes on working and is to be reset at the next opportunity: a row remapped, many corrected errors of memory,
an error that hit one program only. After any other that is not a program's own fault it counts as faulty."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One GPU, or one MIG slice, that Slurm gives to jobs.

    ``index`` is Slurm's number of it on the node (GresUsed's IDX). ``allocated`` is Slurm's word, None where Slurm does not say which it
    has given away. ``device`` is what NVML says of it; a slice is on the card ``parent``. ``age`` is the report's, in seconds. ``stray``:
    a process fills it though Slurm calls it free, and not just for a moment (:mod:`.strays`). Where ``matched`` is False, Slurm's
    GPUs and NVML's devices are not the same number: then ``index`` is NVML's, and ``allocated`` unknown.
    """

    index: int
    type: str
    allocated: bool | None
    device: Device | MigInstance | None
    age: float | None
    stray: bool = False
    parent: Device | None = None
    matched: bool = True

    @property
    def key(self) -> str:
        """The key by which the Hub's store of reports knows the device."""
        return key_of(self.device) if self.device is not None else f"#{self.index}"

    @property
    def card(self) -> Device | None:
        """The whole device: that of a slice is the one it is part of."""
        return self.device if isinstance(self.device, Device) else self.parent

    @property
    def profile(self) -> str | None:
        """The profile of a MIG slice, such as ``3g.20gb``."""
        return self.device.profile or None if isinstance(self.device, MigInstance) else None

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults of the card, in the order of :data:`.schema.FAULTS`."""
        return self.card.faults if self.card is not None else ()

    @property
    def faulty(self) -> bool:
        """Whether NVML says that it cannot be used."""
        return self.card is not None and is_faulty(self.card)

    @property
    def utilisation(self) -> int | None:
        """Utilisation in percent. Of a slice NVML does not know it."""
        return self.device.utilisation if isinstance(self.device, Device) else None

    @property
    def memory_used_mb(self) -> int | None:
        """Memory in use, in MB."""
        return self.device.memory_used_mb if self.device is not None else None

    @property
    def memory_total_mb(self) -> int | None:
        """Memory in all, in MB."""
        return self.device.memory_total_mb if self.device is not None else None

    @property
    def temperature(self) -> int | None:
        """Temperature in degrees Celsius; of a slice its card's."""
        return self.card.temperature if self.card is not None else None

    @property
    def power(self) -> int | None:
        """Power in watts. Of a slice nobody knows it."""
        return self.device.power if isinstance(self.device, Device) else None

    @property
    def processes(self) -> int | None:
        """The number of processes on it."""
        return self.device.processes if self.device is not None else None

    @property
    def is_filled(self) -> bool:
        """Whether somebody uses it, by its memory. What NVML does not know says nothing."""
        used = self.memory_used_mb
        return used is not None and (used >= STRAY_MB or (used >= STRAY_MB_OF_PROCESS and bool(self.processes)))


def key_of(device: Device | MigInstance) -> str:
    """Return what a device is known by from one report to the next: its UUID, else its number on the node."""
    if isinstance(device, Device):
        return device.uuid or f"#{device.index}"
    return device.uuid


def is_faulty(device: Device) -> bool:
    """Tell whether the device cannot be used, by what it says itself."""
    if not device.faults:
        return False
    if FAULTS_THAT_END.intersection(device.faults):
        return True
    return "xid" in device.faults and device.last_xid not in XIDS_TO_GO_ON_AFTER


def looks_stray(view: DeviceView) -> bool:
    """Tell whether at this moment Slurm calls it free and it is filled. A job that has just begun or ended looks like that as well."""
    return view.allocated is False and view.is_filled


def unfit(views: Iterable[DeviceView]) -> tuple[tuple[str, int], ...]:
    """Count, by type, the GPUs that Slurm calls free and that are of no use: filled by a stray process, or faulty."""
    counts: dict[str, int] = {}
    for view in views:
        if view.allocated is False and (view.stray or view.faulty):
            counts[view.type] = counts.get(view.type, 0) + 1
    return tuple(sorted(counts.items()))


def own_views(views: Iterable[DeviceView], indices: Collection[int]) -> tuple[DeviceView, ...]:
    """Return those that a job holds, by Slurm's numbers of them; none of which it is not sure which device they are."""
    return tuple(view for view in views if view.matched and view.index in indices)


# --- what Slurm has given away ----------------------------------------------------------------------------------------------------


# --- which device is which --------------------------------------------------------------------------------------------------------
