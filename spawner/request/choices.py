"""What one user may choose right now: Slurm's answer, narrowed by the admin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..accounting.entitlement import Entitlement
from ..accounting.limits import Limit, minutes_by_amount
from ..accounting.partition_limits import PartitionLimits
from ..availability.demand import Demand
from ..i18n import _
from ..site.audience import Viewer
from ..site.catalogue import Catalogue, Interface, Release
from ..slurm.model import Reservation
from ..slurm.resources import CORES, GPUS, MEMORY
from ..slurm.shared_gres import SHARED, steps
from ..units import format_walltime
from .gpus import GpuRequest, parse_gpus
from .model import SessionRequest, memory_value
from .policy import FieldPolicy, number_of
from .presets import Preset

DEFAULT_MEMORY_MB = 4096
DEFAULT_MINUTES = 60


@dataclass(frozen=True)
class Choices:
    """Everything that a request of one user is judged by, at one moment. ``now`` is seconds since the epoch.

    ``presets`` are those that this user may choose. ``closed`` are the partitions that take no new sessions, with the admin's words why.
    """

    entitlement: Entitlement
    catalogue: Catalogue
    policies: Mapping[str, FieldPolicy] = field(default_factory=dict)
    now: float = 0.0
    presets: tuple[Preset, ...] = ()
    closed: Mapping[str, str] = field(default_factory=dict)

    def viewer(self, groups: Iterable[str]) -> Viewer:
        """What an audience (:mod:`.audience`) tells this user by, with the groups of the system that the user is in."""
        reservations = (*self.reservations, *self.upcoming_reservations)
        return Viewer(
            groups=frozenset(groups),
            accounts=frozenset(self.accounts or ()),
            partitions=frozenset(partition.name for partition in self.partitions),
            reservations=frozenset(reservation.name for reservation in reservations),
        )

    def with_presets(self, presets: Iterable[Preset], groups: Iterable[str]) -> Choices:
        """The same with those of ``presets`` that this user, who is in ``groups`` of the system, may choose."""
        viewer = self.viewer(groups)
        return replace(self, presets=tuple(preset for preset in presets if preset.is_for(viewer)))

    def preset(self, name: str) -> Preset | None:
        """The preset of this name, None if this user may not choose it."""
        return next((preset for preset in self.presets if preset.name == name), None)

    def same_gpus(self, one: GpuRequest, other: GpuRequest) -> bool:
        """Whether two spellings ask for the same: where there is one type, of GPUs or of cards in parts, the form offers plain counts."""
        if one == other:
            return True
        types = self.part_types(one.gres) if one.is_part else self.entitlement.gpu_types
        of_the_only_type = len(types) == 1 and {one.type, other.type} == {"", *types}
        return of_the_only_type and (one.count, one.gres) == (other.count, other.gres)

    @cached_property
    def parts(self) -> tuple[tuple[str, str, int], ...]:
        """Every kind of part of a GPU in the partitions to choose from: Slurm's name, the card's type, how many make one card."""
        return tuple(sorted({part for partition in self.partitions for part in partition.parts}))

    def part_types(self, gres: str) -> tuple[str, ...]:
        """The types of the cards that are given out in parts of this name."""
        return tuple(sorted({gpu_type for name, gpu_type, _ in self.parts if name == gres}))

    def known_gpus(self, gpus: GpuRequest, partition_name: str = "") -> GpuRequest:
        """The same GPUs as the nodes have them: a part with how many make one card, and all parts of a card, or of several, as whole GPUs.

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

    def policy(self, name: str) -> FieldPolicy:
        """The admin's settings of a field; neutral where there are none."""
        return self.policies.get(name, FieldPolicy())

    def _narrowed(self, name: str, offered: Sequence[str]) -> tuple[str, ...]:
        policy = self.policy(name)
        if policy.locked and policy.default is not None:
            return tuple(value for value in offered if value == str(policy.default))
        if policy.choices is None:
            return tuple(offered)
        allowed = [str(value) for value in policy.choices]
        return tuple(value for value in offered if value in allowed)

    @cached_property
    def partitions(self) -> tuple[PartitionLimits, ...]:
        """The partitions to choose from."""
        names = frozenset(self._narrowed("partition", [partition.name for partition in self.entitlement.partitions]))
        return tuple(partition for partition in self.entitlement.partitions if partition.name in names)

    @cached_property
    def accounts(self) -> tuple[str, ...] | None:
        """The accounts to choose from, None where the site has none."""
        if self.entitlement.accounts is None:
            return None
        return self._narrowed("account", self.entitlement.accounts)

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """The reservations to choose from, besides None."""
        names = self._narrowed("reservation", [reservation.name for reservation in self.entitlement.reservations])
        return tuple(reservation for reservation in self.entitlement.reservations if reservation.name in names)

    @property
    def reservation_values(self) -> tuple[str, ...]:
        """Every value of the field reservation: empty for None first, unless the admin has locked it to one."""
        names = tuple(reservation.name for reservation in self.reservations)
        policy = self.policy("reservation")
        return names if policy.locked and policy.default else ("", *names)

    @property
    def upcoming_reservations(self) -> tuple[Reservation, ...]:
        """The reservations that can be chosen once they have begun, the first to begin in front."""
        names = self._narrowed("reservation", [reservation.name for reservation in self.entitlement.upcoming])
        return tuple(reservation for reservation in self.entitlement.upcoming if reservation.name in names)

    def limits(self, partition_name: str, account: str, reservation: str = "") -> PartitionLimits | None:
        """What one job of this account may ask of the partition, in the reservation; None if the partition cannot be chosen."""
        partition = next((entry for entry in self.partitions if entry.name == partition_name), None)
        return None if partition is None else partition.narrowed(account, reservation)

    def limits_for(self, request: SessionRequest) -> PartitionLimits | None:
        """What the request's account may ask of its partition, in its reservation."""
        return self.limits(request.partition, request.account, request.reservation)

    def waits_for(self, request: SessionRequest) -> tuple[Limit, ...]:
        """The limits that jobs share and that leave too little now: the job would wait until others of the same jobs end."""
        limits = self.limits_for(request)
        if limits is None:
            return ()
        amounts = limits.amounts(request.demand)
        return tuple(limit for limit in limits.rules_for(request.account).limits if limit.delays(amounts))

    def reservation(self, name: str) -> Reservation | None:
        """The reservation of this name, None if it cannot be chosen."""
        return next((reservation for reservation in self.reservations if reservation.name == name), None)

    def minutes_left(self, reservation: Reservation) -> int | None:
        """Whole minutes that a job in the reservation may last, None where its end does not end jobs."""
        return None if "FLEX" in reservation.flags else max(0, int(reservation.end - self.now) // 60)

    @property
    def releases(self) -> tuple[Release, ...]:
        """The releases to choose from, newest first."""
        tags = self._narrowed("release", [release.tag for release in self.catalogue.releases])
        return tuple(release for release in self.catalogue.releases if release.tag in tags)

    def interfaces(self, release: Release | None = None) -> tuple[Interface, ...]:
        """The interfaces of one release, or of any of the releases."""
        releases = self.releases if release is None else (release,)
        offered = dict.fromkeys(interface.name for one in releases for interface in self.catalogue.interfaces_of(one))
        names = self._narrowed("interface", list(offered))
        return tuple(self.catalogue.interfaces[name] for name in names)

    @cached_property
    def default_account(self) -> str:
        """The preselected account, one that some partition admits: the admin's, else Slurm's default account of the user."""
        offered = self.accounts or ()
        admitted = [account for account in offered if any(account in partition.accounts for partition in self.partitions)]
        return self._preset("account", admitted or offered, self.entitlement.default_account)

    @property
    def default_partition(self) -> str:
        """The preselected partition, one where the default account may run: the admin's, else Slurm's default, else the first.

        One that needs a reservation is preselected by the admin only, or where there is no other; one that is closed, if all are.
        """
        account = self.default_account
        fitting = [partition for partition in self.partitions if not account or account in partition.accounts] or list(self.partitions)
        fitting = [partition for partition in fitting if partition.name not in self.closed] or fitting
        names = [partition.name for partition in fitting]
        free = [partition.name for partition in fitting if not partition.reservation_required] or names
        preferred = self.entitlement.default_partition
        if free and preferred not in free:
            preferred = free[0]
        return self._preset("partition", names, preferred)

    def _default_reservation(self, partition: PartitionLimits | None, account: str) -> str:
        """None, unless the admin presets one that can be had, or the partition can be used with a reservation only."""
        fitting = [
            entry.name
            for entry in self.reservations
            if entry.partition in ("", partition.name if partition else "")
            and self.minutes_left(entry) != 0
            and (partition is None or partition.inside.get(entry.name, True))
            and (not account or account in self.entitlement.reservation_accounts.get(entry.name, (account,)))
        ]
        needed = partition is not None and partition.narrowed(account).reservation_required
        offered = fitting if needed else [value for value in self.reservation_values if value in ("", *fitting)]
        return self._preset("reservation", offered, "")

    @property
    def default_release(self) -> Release | None:
        """The preselected release: the admin's, else the newest tested one."""
        tags = [release.tag for release in self.releases]
        return self.catalogue.get(self._preset("release", tags, self.catalogue.default.tag))

    def _preset(self, name: str, offered: Sequence[str], otherwise: str) -> str:
        preset = self.policy(name).default
        if preset is not None and str(preset) in offered:
            return str(preset)
        if otherwise in offered:
            return otherwise
        return offered[0] if offered else ""

    def bound(self, name: str, which: str, otherwise: int) -> int:
        """The admin's minimum or maximum of ``cores``, ``memory`` (MB), ``gpus`` or ``walltime`` (minutes)."""
        value = getattr(self.policy(name), which)
        return otherwise if value is None else number_of(name, value)

    def _account_in(self, partition: PartitionLimits | None) -> str:
        """The default account where the partition admits it, else the first that it does admit."""
        account = self.default_account
        admitted = [entry for entry in self.accounts or () if partition is not None and entry in partition.accounts]
        return admitted[0] if admitted and account not in admitted else account

    def defaults(self, partition_name: str = "", *, account: str | None = None, reservation: str | None = None) -> dict[str, Any]:
        """A complete, valid request for this user: what Start sends if nothing is touched.

        With ``partition_name``, if it can be chosen, the numbers are ones that this partition has; with ``account`` and ``reservation``
        those that they have there.
        """
        preferred = self.default_partition
        whole = next((entry for entry in self.partitions if entry.name == partition_name), self.entitlement.partition(preferred))
        default_account = self._account_in(whole)
        account = account if account is not None and whole is not None and account in whole.accounts else default_account
        default_reservation = self._default_reservation(whole, account)
        chosen = reservation if reservation is not None and self.reservation(reservation) else default_reservation
        partition = whole.narrowed(account, chosen) if whole else None
        entry = self.reservation(chosen)
        release = self.default_release
        interfaces = self.interfaces(release) if release else ()
        least = {name: partition.at_least(name) if partition else 0 for name in (CORES, MEMORY)}
        cores = self._default_number("cores", max(1, least[CORES]), partition.max_cores if partition else None)
        most_memory = [partition.max_memory_mb] if partition else []
        if partition and partition.memory_mb_per_core:
            most_memory.append(partition.memory_mb_per_core * partition.max_cores)
        memory = self._default_number("memory", max(DEFAULT_MEMORY_MB, least[MEMORY]), *most_memory)
        gpus = self._default_gpus(partition)
        minutes = (partition.default_minutes if partition else None) or DEFAULT_MINUTES
        most_minutes = [partition.max_minutes if partition else None, self.minutes_left(entry) if entry else None]
        if partition:
            amounts = partition.amounts(Demand(cores, memory, gpus.type, gpus.count, gres=gpus.gres))
            most_minutes += [most for most, _ in minutes_by_amount(partition.rules_for(account).limits, amounts)]
        return {
            "reservation": default_reservation,
            "account": default_account,
            "partition": partition.name if partition else "",
            "cores": cores,
            "memory": memory_value(memory),
            "gpus": gpus.value,
            "walltime": format_walltime(self._default_number("walltime", minutes, *most_minutes)),
            "release": release.tag if release else "",
            "interface": self._preset("interface", [interface.name for interface in interfaces], ""),
        }

    def _default_number(self, name: str, otherwise: int, *most: int | None) -> int:
        """The admin's preset, else ``otherwise``, moved to the nearest value that the bounds and the admin's choices leave."""
        policy = self.policy(name)
        wanted = otherwise if policy.default is None else number_of(name, policy.default)
        upper = min([self.bound(name, "maximum", wanted), *(bound for bound in most if bound)])
        value = max(min(wanted, upper), self.bound(name, "minimum", 1))
        offered = sorted(number_of(name, choice) for choice in policy.choices or ())
        if offered and value not in offered:
            return max((number for number in offered if number <= upper), default=offered[0])
        return value

    def _default_gpus(self, partition: PartitionLimits | None) -> GpuRequest:
        """The admin's preset where the partition has it, else none, else the least that may be asked for."""
        preset = self.policy("gpus").default
        wanted = GpuRequest() if preset is None else self.known_gpus(parse_gpus(preset), partition.name if partition else "")
        least = partition.at_least(GPUS) if partition else 0

        def can_be_had(gpus: GpuRequest) -> bool:
            if gpus.whole < least or not gpus.count:
                return gpus.whole >= least
            if gpus.is_part:
                return partition is not None and partition.has_part(gpus.gres, gpus.type, gpus.count)
            return partition is not None and gpus.count <= partition.gpus_of(gpus.type)

        offered = [gpus for gpus in self.gpu_values() if can_be_had(gpus)]
        if not offered or (wanted.count and can_be_had(wanted)):
            return wanted
        return wanted if wanted in offered else offered[0]

    def walltime_limit(self, request: SessionRequest) -> tuple[int | None, str]:
        """The most minutes that this request may ask for, None for no bound, and what bounds them, for a sentence."""
        bounds: list[tuple[int, str]] = []
        limits = self.entitlement.partition(request.partition)
        if limits is not None:
            limits = limits.narrowed(request.account, request.reservation)
            if limits.max_minutes is not None:
                bound = limits.binding.get("minutes")
                whose = bound.belonging if bound else _("of partition {partition}").format(partition=limits.name)
                bounds.append((limits.max_minutes, whose))
            bounds += [
                (most, _("that {source} leaves to a session of this size").format(source=limit.whose))
                for most, limit in minutes_by_amount(limits.rules_for(request.account).limits, limits.amounts(request.demand))
            ]
        policy = self.policy("walltime").maximum
        if policy is not None:
            bounds.append((number_of("walltime", policy), _("of this service")))
        reservation = self.reservation(request.reservation)
        left = self.minutes_left(reservation) if reservation else None
        if left is not None:
            bounds.append((left, _("until reservation {reservation} ends").format(reservation=request.reservation)))
        return min(bounds, key=lambda bound: bound[0], default=(None, ""))

    def gpu_values(self) -> tuple[GpuRequest, ...]:
        """Every GPU configuration to choose from: none, whole GPUs, then parts of one.

        Plain counts where there is one type, per type where there are more.
        """
        most: dict[str, int] = {}
        for partition in self.partitions:
            for gpu_type, count in partition.gpus:
                most[gpu_type] = max(most.get(gpu_type, 0), count)
        low, high = self.bound("gpus", "minimum", 0), self.bound("gpus", "maximum", max(most.values(), default=0))
        typed = len(most) > 1
        offered = [GpuRequest()] if low == 0 else []
        for gpu_type, count in sorted(most.items()):
            offered += [GpuRequest(number, gpu_type if typed else "") for number in range(max(1, low), min(count, high) + 1)]
        if low == 0 and high:
            offered += self._part_values()
        policy = self.policy("gpus")
        if policy.locked and policy.default is not None:
            return (self.known_gpus(parse_gpus(policy.default)),)
        if policy.choices is not None:
            allowed = {self.known_gpus(parse_gpus(value)) for value in policy.choices}
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
            yield from (self.known_gpus(GpuRequest(count, asked, gres)) for count in sorted(counts))
