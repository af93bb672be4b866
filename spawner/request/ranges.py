"""What the numbers of a request may be, given its other values: partition, reservation, account and GPUs bound cores, memory and time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..accounting.partition_limits import PartitionLimits
from ..slurm.resources import CORES, MEMORY
from .choices import Choices
from .gpus import GpuRequest
from .model import SessionRequest
from .policy import number_of
from .release_rules import least_of


@dataclass(frozen=True, slots=True)
class Range:
    """From ``least`` to ``most`` (None: nothing bounds it); ``values`` are the only ones where the admin lists them."""

    least: int
    most: int | None
    values: tuple[int, ...] = ()

    def nearest(self, value: int) -> int:
        """Return ``value`` itself where it may be had, else the nearest that may."""
        if self.values:
            fitting = [entry for entry in self.values if self.most is None or entry <= self.most] or list(self.values)
            return min(fitting, key=lambda entry: (abs(entry - value), entry))
        return max(self.least, value if self.most is None else min(value, self.most))


def limits_there(request: SessionRequest, choices: Choices) -> PartitionLimits | None:
    """Return :meth:`Choices.limits_for`; an account that may not be used there has no numbers of its own, so the partition's hold."""
    partition = choices.partition(request.partition)
    if partition is None:
        return None
    return partition.narrowed("" if request.account in partition.refused else request.account, request.reservation)


def gpus_there(request: SessionRequest, choices: Choices) -> tuple[GpuRequest, ...]:
    """Return those of the GPU configurations that one node of the chosen partition and reservation has, none included."""
    limits = limits_there(request, choices)
    if limits is None:
        return tuple(gpus for gpus in choices.gpus.values() if not gpus.count)
    return tuple(
        gpus
        for gpus in choices.gpus.values()
        if not gpus.count or (limits.has_part(gpus.gres, gpus.type, gpus.count) if gpus.is_part else _has_whole(limits, gpus))
    )


def _has_whole(limits: PartitionLimits, gpus: GpuRequest) -> bool:
    return gpus.count <= limits.gpus_of(gpus.type) and any(kind.gpus_total(gpus.type) >= gpus.count for kind in limits.kinds)


def ranges(request: SessionRequest, choices: Choices) -> dict[str, Range]:
    """Return the ranges of ``cores``, ``memory`` (MB) and ``walltime`` (minutes) in the request's partition, if it can be chosen."""
    limits = limits_there(request, choices)
    if limits is None or not limits.kinds:
        return {}
    gpus = request.gpus
    able = [kind for kind in limits.kinds if not gpus.count or kind.has_gpus(gpus.type, gpus.count, gpus.gres)] or limits.kinds
    most: Mapping[str, int | None] = {
        CORES: min(limits.max_cores, max(kind.most_cores for kind in able)),
        MEMORY: min(limits.max_memory_mb, max(kind.memory_mb_total for kind in able)) if limits.asks_for_memory else limits.max_memory_mb,
        "walltime": choices.walltime_limit(request)[0],
    }
    release = choices.release(request.release)
    return {name: _range(name, limits, bound, choices, least_of(release, name)) for name, bound in most.items()}


def _range(name: str, limits: PartitionLimits, most: int | None, choices: Choices, least_of_release: int) -> Range:
    """``most`` is None where not even the admin bounds the time; cores and memory always have a bound."""
    policy = choices.policy(name)
    least = max(choices.bound(name, "minimum", 1), limits.at_least(name), least_of_release)
    if policy.maximum is not None and most is not None:
        most = min(most, number_of(name, policy.maximum))
    values = tuple(sorted(number_of(name, choice) for choice in policy.choices or ()))
    if policy.only_value is not None:
        values = (number_of(name, policy.only_value),)
    return Range(least, most, values)
