"""Which of a node's GPUs are a session's own, and what its owner is shown of them. Pure.

The launcher reports SLURM_JOB_GPUS: Slurm's own numbers of the job's GPUs, the ones of IDX, also for slices of MIG and for the cards that
shards are on (measured on 22.05.8 and 24.11.5). NVML knows nothing of them, and nothing of CUDA_VISIBLE_DEVICES.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..humanize import gpu_type_in_words
from ..slurm.job_gres import JobGres
from ..slurm.model import Gres, Job, SlurmConfig
from ..slurm.shared_gres import SHARED, cards_in
from .device_matching import numbers_in
from .devices import DeviceView, own_views
from .store import Sample

MAX_GPUS = 64
"""More than a job of one node can have; also the first number that no GPU has."""

_NUMBERS = re.compile(r"[0-9]{1,2}(?:,[0-9]{1,2}){0,63}", re.ASCII)


def read_indices(text: object) -> tuple[int, ...]:
    """Read SLURM_JOB_GPUS as a launcher reports it: ``0,1``.

    Raises
    ------
    ValueError
        It is no list of different numbers below :data:`MAX_GPUS`.
    """
    if not isinstance(text, str) or not _NUMBERS.fullmatch(text):
        raise ValueError("no list of numbers")
    found = tuple(int(number) for number in text.split(","))
    if max(found) >= MAX_GPUS or len(set(found)) != len(found):
        raise ValueError("no numbers of GPUs")
    return tuple(sorted(found))


def indices_of(gres: JobGres) -> tuple[int, ...] | None:
    """Return the numbers of a job's GPUs, or of the cards that its parts of GPUs are on, as Slurm says them.

    None where it does not say all of them: GPUs that are only counted, or a list that was cut short.
    """
    found: set[int] = set()
    for entry in gres.entries:
        if entry.name != "gpu" and entry.name not in SHARED:
            continue
        cards = cards_in(entry.detail) if entry.name in SHARED else ()
        numbers = frozenset(index for index, (used, _) in enumerate(cards) if used) if cards else _numbers_of(entry)
        if numbers is None:
            return None
        found |= numbers
    return tuple(sorted(found))


def _numbers_of(entry: Gres) -> frozenset[int] | None:
    """What IDX lists: as many numbers as GPUs, or the card of some parts."""
    return numbers_in(entry if entry.name == "gpu" else replace(entry, count=1))


@dataclass(frozen=True, slots=True)
class Held:
    """The GPUs that a job has by Slurm: whole ones or slices, and parts of shared ones."""

    gpus: int = 0
    shares: int = 0

    @classmethod
    def of(cls, held: Iterable[tuple[str, int]]) -> Held:
        """Read what a job has by name (:func:`.status_text.held_by`)."""
        amounts = list(held)
        return cls(
            sum(count for name, count in amounts if name == "GPU" or name.startswith("GPU ")),
            sum(count for name, count in amounts if name in SHARED),
        )


def counts_gpus(config: SlurmConfig) -> bool:
    """Tell whether Slurm writes on each job what it has of GPUs, in all the shapes that there are (AccountingStorageTRES)."""
    counted = config.get("AccountingStorageTRES").lower().split(",")
    kinds = set(SHARED) & set(config.get("GresTypes").lower().split(","))
    return all(f"gres/{kind}" in counted for kind in {"gpu", *kinds})


def own_indices(
    reported: Sequence[int] | None,
    held: Held | None,
    job: Job,
    views: Iterable[DeviceView],
    as_of: float,
    *,
    confirmed: bool = False,
    doubted: Collection[int] = (),
) -> tuple[int, ...] | None:
    """Return Slurm's numbers of the job's GPUs; None where nobody knows them.

    Without a report they are known where Slurm has given away as many GPUs of the node as the job has: then all of them are its own.

    Parameters
    ----------
    reported
        What the launcher said. A report of another number of GPUs than Slurm has given to the job counts as none, and so does one of GPUs
        that Slurm has given to nobody. (Of a card with parts in use 22.05.8 may say so: :mod:`.shared_gres`.)
    confirmed
        Slurm has said the same of this very job.
    doubted
        Numbers that other sessions on the node call their own. Where Slurm has not said whose they are, nobody is believed.
    held
        None where Slurm does not count GPUs.
    as_of
        From when the views' side of Slurm is, in seconds since the epoch.
    """
    words = [(view.index, view.allocated) for view in views]
    is_current = job.start is not None and as_of > job.start and (held is None or held.gpus > 0)
    free = {index for index, allocated in words if allocated is False} if is_current else set()
    is_as_many = reported is not None and (held is None or len(reported) == held.gpus or (not held.gpus and len(reported) <= held.shares))
    if reported is not None and is_as_many and (confirmed or not set(reported) & (free | set(doubted))):
        return tuple(reported)
    if held is None or not held.gpus:
        return None
    given = [index for index, allocated in words if allocated]
    if any(allocated is None for _index, allocated in words) or job.start is None or as_of <= job.start or len(job.nodes) > 1:
        return None
    return tuple(given) if len(given) == held.gpus else None


@dataclass(frozen=True, slots=True)
class SessionGpus:
    """The GPUs of one session and what they do, as it was known ``at`` a moment (seconds since the epoch).

    ``age`` is the report's in seconds: None where the node has sent some, and sends none any more. ``devices`` are empty where it is not
    known which ones are the session's. ``shared``: others may be using them as well. ``histories`` are those of ``devices``, one by one.
    """

    at: float
    age: float | None
    devices: tuple[DeviceView, ...] = ()
    histories: tuple[Sequence[Sample], ...] = ()
    shared: bool = False


def session_gpus(
    views: Sequence[DeviceView],
    indices: Sequence[int] | None,
    history: Callable[[str], Sequence[Sample]],
    *,
    at: float,
    age: float,
    shared: bool,
) -> SessionGpus:
    """Return those of the node's GPUs that have these numbers of Slurm's; none of them where that does not tell all devices."""
    devices = own_views(views, indices or ())
    if not devices or len(devices) != len(indices or ()):
        return SessionGpus(at, age)
    return SessionGpus(at, age, devices, tuple(history(view.key) for view in devices), shared)


def as_json(gpus: SessionGpus | None, *, history: bool = True) -> dict[str, Any] | None:
    """Return it as programs and pages get it; what nobody knows is None. ``history`` is [seconds ago, percent, MB], the oldest first."""
    if gpus is None:
        return None
    devices = []
    for view, samples in zip(gpus.devices, gpus.histories, strict=True):
        device = {
            "index": view.index,
            "name": view.card.name if view.card is not None else "",
            "type": view.type,
            "label": gpu_type_in_words(view.type) or (view.card.name if view.card is not None else ""),
            "mig": view.profile,
            "shared": gpus.shared,
            "utilisation": view.utilisation,
            "memory_used_mb": view.memory_used_mb,
            "memory_total_mb": view.memory_total_mb,
            "temperature": view.temperature,
            "power": view.power,
            "faulty": view.faulty,
        }
        if history:
            device["history"] = [[max(0, round(gpus.at - each.at)), each.utilisation, each.memory_used_mb] for each in samples]
        devices.append(device)
    return {"age": None if gpus.age is None else round(max(0.0, gpus.age), 1), "devices": devices}
