"""Which GPU configurations one user may choose from: whole GPUs and parts of one, as the nodes have them and the admin narrows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ..accounting.partition_limits import PartitionLimits, most_by_type
from ..slurm.shared_gres import SHARED, steps
from .gpus import GpuRequest, parse_gpus
from .policy import FieldPolicy


@dataclass(frozen=True)
class GpuChoices:
    """The GPU configurations of ``partitions``; ``types`` are those of the user's whole GPUs, ``policy`` is the admin's of the field."""

    partitions: tuple[PartitionLimits, ...]
    types: tuple[str, ...]
    policy: FieldPolicy

    def are_same(self, one: GpuRequest, other: GpuRequest) -> bool:
        """Tell whether two spellings ask for the same: where there is one type of GPU, or of card in parts, plain counts are offered."""
        if one == other:
            return True
        types = self.part_types(one.gres) if one.is_part else self.types
        of_the_only_type = len(types) == 1 and {one.type, other.type} == {"", *types}
        return of_the_only_type and (one.count, one.gres) == (other.count, other.gres)

    @cached_property
    def parts(self) -> tuple[tuple[str, str, int], ...]:
        """Every kind of part of a GPU in the partitions to choose from: Slurm's name, the card's type, how many make one card."""
        return tuple(sorted({part for partition in self.partitions for part in partition.parts}))

    def part_types(self, gres: str) -> tuple[str, ...]:
        """Return the types of the cards that are given out in parts of this name."""
        return tuple(sorted({gpu_type for name, gpu_type, _ in self.parts if name == gres}))

    def known(self, gpus: GpuRequest, partition_name: str = "") -> GpuRequest:
        """Return the same GPUs as the nodes have them: a part with how many make one card, all parts of a card or several as whole GPUs.

        In the partition where it is named and has such parts, else in any.
        """
        if not gpus.is_part:
            return gpus
        named = next((entry for entry in self.partitions if entry.name == partition_name), None)
        cards = self._cards(gpus, named.parts if named is not None else ()) or self._cards(gpus, self.parts)
        sizes = {per_card for _, per_card in cards}
        whole = {gpu_type: gpus.count // per_card for gpu_type, per_card in cards if gpus.count % per_card == 0}
        if not whole or gpus.count < max(sizes):
            types = {gpu_type for gpu_type, _ in cards}
            return replace(gpus, per_card=min(sizes) if len(sizes) == 1 else None, card=min(types) if len(types) == 1 else "")
        any_type = not gpus.type and len(whole) == len(cards) and len(set(whole.values())) == 1 and len(cards) > 1
        gpu_type, count = next(iter(whole.items()))
        return GpuRequest(count, "" if any_type else gpu_type)

    @staticmethod
    def _cards(gpus: GpuRequest, parts: Iterable[tuple[str, str, int]]) -> tuple[tuple[str, int], ...]:
        """The types of cards that the request may get a part of, each with how many parts make one."""
        return tuple((gpu_type, per_card) for gres, gpu_type, per_card in parts if gres == gpus.gres and gpus.type in ("", gpu_type))

    def values(self) -> tuple[GpuRequest, ...]:
        """Return every GPU configuration to choose from: none, whole GPUs, then parts of one.

        Plain counts where there is one type, per type where there are more.
        """
        most = most_by_type(entry for partition in self.partitions for entry in partition.gpus)
        policy = self.policy
        low, high = policy.bound("gpus", "minimum", 0), policy.bound("gpus", "maximum", max(most.values(), default=0))
        typed = len(most) > 1
        offered = [GpuRequest()] if low == 0 else []
        for gpu_type, count in most.items():
            offered += [GpuRequest(number, gpu_type if typed else "") for number in range(max(1, low), min(count, high) + 1)]
        if low == 0 and high:
            offered += self._part_values()
        if policy.only_value is not None:
            return (self.known(parse_gpus(policy.only_value)),)
        if policy.choices is not None:
            allowed = {self.known(parse_gpus(value)) for value in policy.choices}
            # A part that the admin names need not be one of those that are offered else: of a card of a hundred parts there are too many.
            parts = [gpus for gpus in allowed if gpus.is_part and self._cards(gpus, self.parts)]
            offered = [*(gpus for gpus in offered if not gpus.is_part), *sorted(parts, key=lambda gpus: (gpus.gres, gpus.type, gpus.count))]
            return tuple(value for value in offered if value in allowed) or tuple(sorted(allowed, key=lambda value: value.count))
        return tuple(offered)

    def _part_values(self) -> Iterator[GpuRequest]:
        """The parts of GPUs that are offered where the admin does not say which."""
        sizes: dict[tuple[str, str], set[int]] = {}
        for gres, gpu_type, per_card in sorted(self.parts, key=lambda part: SHARED.index(part[0])):
            sizes.setdefault((gres, gpu_type), set()).update(steps(gres, per_card))
        for (gres, gpu_type), counts in sizes.items():
            asked = gpu_type if len(self.part_types(gres)) > 1 else ""
            yield from (self.known(GpuRequest(count, asked, gres)) for count in sorted(counts))
