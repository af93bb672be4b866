"""What one user may choose right now: Slurm's answer, narrowed by the admin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from ..accounting.entitlement import Entitlement
from ..accounting.limits import Limit, minutes_by_amount
from ..accounting.partition_limits import PartitionLimits
from ..availability.demand import NodeSize
from ..availability.ownership import Submitter
from ..bounds import DEFAULTS, Bounds
from ..i18n import _
from ..site.areas import Area
from ..site.audience import Audience, Viewer
from ..site.catalogue import Catalogue
from ..site.interfaces import Interface
from ..site.release import Release
from ..site.storage_command import AreaUsage
from ..slurm.model import Reservation
from .gpu_choices import GpuChoices
from .model import SessionRequest
from .policy import FieldPolicy, number_of
from .presets import Preset


@dataclass(frozen=True)
class Choices:
    """Everything that a request of one user is judged by, at one moment. ``now`` is seconds since the epoch.

    ``presets`` are those that this user may choose, ``only_presets`` if the form shows nothing else to them. ``closed`` are the partitions
    that take no new sessions, with the admin's words why.
    ``bounds`` say how large a request may be. ``catalogue`` has the releases that this user may choose, once
    :func:`.release_rules.with_own_releases` has been told who that is. ``areas`` are those in which a session may start, ``usage`` what
    is used of them, by name, as far as that is known. ``qos`` is the QOS that ``entitlement`` is worked out for because the request names
    it (:mod:`.qos`), empty for those that Slurm takes by itself; ``barred`` are partitions that take no jobs under it. ``by_qos`` has the
    entitlement under each QOS that may be named, and under none. ``forced_qos`` is the one that the admin's options of sbatch ask for.
    ``features`` are those of each partition's nodes, None where not all are known.
    """

    entitlement: Entitlement
    catalogue: Catalogue
    policies: Mapping[str, FieldPolicy] = field(default_factory=dict)
    now: float = 0.0
    presets: tuple[Preset, ...] = ()
    only_presets: bool = False
    closed: Mapping[str, str] = field(default_factory=dict)
    bounds: Bounds = DEFAULTS
    areas: tuple[Area, ...] = ()
    usage: Mapping[str, AreaUsage] = field(default_factory=dict)
    qos: str = ""
    barred: frozenset[str] = frozenset()
    by_qos: Mapping[str, Entitlement] = field(default_factory=dict)
    forced_qos: str = ""
    features: Mapping[str, frozenset[str] | None] = field(default_factory=dict)

    def viewer(self, groups: Iterable[str]) -> Viewer:
        """Return what an audience (:mod:`.audience`) knows this user by, who is in these groups of the system."""
        reservations = (*self.reservations, *self.upcoming_reservations)
        return Viewer(
            groups=frozenset(groups),
            accounts=frozenset(self.accounts or ()),
            partitions=frozenset(partition.name for partition in self.partitions),
            reservations=frozenset(reservation.name for reservation in reservations),
        )

    def with_presets(self, presets: Iterable[Preset], groups: Iterable[str], only_for: Audience | None = None) -> Choices:
        """Return the same with those of ``presets`` that this user, who is in ``groups`` of the system, may choose.

        Whoever belongs to ``only_for`` is shown nothing else, where there is one.
        """
        viewer = self.viewer(groups)
        own = tuple(preset for preset in presets if preset.is_for(viewer))
        return replace(self, presets=own, only_presets=bool(own) and only_for is not None and only_for.admits(viewer))

    def preset(self, name: str) -> Preset | None:
        """Return the preset of this name, None if this user may not choose it."""
        return next((preset for preset in self.presets if preset.name == name), None)

    @cached_property
    def gpus(self) -> GpuChoices:
        """The GPU configurations to choose from."""
        return GpuChoices(self.partitions, self.entitlement.gpu_types, self.policy("gpus"))

    def policy(self, name: str) -> FieldPolicy:
        """Return the admin's settings of a field; neutral where there are none."""
        return self.policies.get(name, FieldPolicy())

    def narrowed(self, name: str, offered: Sequence[str]) -> tuple[str, ...]:
        """Return those of the values that Slurm or the catalogue offers which the admin leaves to a field."""
        policy = self.policy(name)
        if policy.only_value is not None:
            return tuple(value for value in offered if value == policy.only_value)
        return tuple(value for value in offered if policy.choices is None or value in policy.choices)

    @cached_property
    def partitions(self) -> tuple[PartitionLimits, ...]:
        """The partitions to choose from."""
        names = frozenset(self.narrowed("partition", [partition.name for partition in self.entitlement.partitions]))
        return tuple(partition for partition in self.entitlement.partitions if partition.name in names)

    def partition(self, name: str) -> PartitionLimits | None:
        """Return the partition of this name, with what any of its accounts may ask for; None if it cannot be chosen."""
        return next((entry for entry in self.partitions if entry.name == name), None)

    @cached_property
    def asks_for_memory(self) -> bool:
        """Whether sessions say how much memory they need; where they do in none of the partitions, there is nothing to choose."""
        return not self.partitions or any(partition.asks_for_memory for partition in self.partitions)

    @cached_property
    def accounts(self) -> tuple[str, ...] | None:
        """The accounts to choose from, None where the site has none."""
        if self.entitlement.accounts is None:
            return None
        return self.narrowed("account", self.entitlement.accounts)

    def accounts_in(self, partition: PartitionLimits | None) -> tuple[str, ...]:
        """Return those of the accounts that may run in the partition; none where there is none of the one or the other."""
        return tuple(account for account in self.accounts or () if partition is not None and account in partition.accounts)

    @property
    def reservations(self) -> tuple[Reservation, ...]:
        """The reservations to choose from, besides None."""
        names = self.narrowed("reservation", [reservation.name for reservation in self.entitlement.reservations])
        return tuple(reservation for reservation in self.entitlement.reservations if reservation.name in names)

    def magnetic_for(self, request: SessionRequest) -> tuple[str, ...]:
        """Return the reservations into which Slurm draws the request's job though it names none (scontrol(1), MAGNETIC).

        What the admin offers does not matter to Slurm.
        """
        return tuple(
            entry.name
            for entry in self._magnets(request)
            if self.entitlement.drawn_in_though_longer or "FLEX" in entry.flags or self.now + 60 * request.walltime <= entry.end
        )

    def cut_short_by(self, request: SessionRequest) -> Reservation | None:
        """Return a reservation that may draw the request's job in, and ends it before its time; None where none does."""
        if not self.entitlement.drawn_in_though_longer:
            return None
        lasting = ((entry, self.minutes_left(entry)) for entry in self._magnets(request))
        return next((entry for entry, left in lasting if left is not None and left < request.walltime), None)

    def _magnets(self, request: SessionRequest) -> Iterator[Reservation]:
        own = self.entitlement
        for entry in own.reservations if not request.reservation else ():
            if (
                "MAGNETIC" in entry.flags
                and entry.start <= self.now
                and entry.partition in ("", request.partition)
                and entry.takes_partition(request.partition)
                and entry.takes_qos(self.submitter(request).qos)
                and request.account in ("", *own.reservation_accounts.get(entry.name, ()))
            ):
                yield entry

    @property
    def reservation_values(self) -> tuple[str, ...]:
        """Every value of the field reservation: empty for None first, unless the admin has locked it to one."""
        names = tuple(reservation.name for reservation in self.reservations)
        policy = self.policy("reservation")
        return names if policy.only_value else ("", *names)

    @property
    def upcoming_reservations(self) -> tuple[Reservation, ...]:
        """The reservations that can be chosen once they have begun, the first to begin in front."""
        names = self.narrowed("reservation", [reservation.name for reservation in self.entitlement.upcoming])
        return tuple(reservation for reservation in self.entitlement.upcoming if reservation.name in names)

    def limits(self, partition_name: str, account: str, reservation: str = "") -> PartitionLimits | None:
        """Return what one job of this account may ask of the partition, in the reservation; None if the partition cannot be chosen."""
        partition = self.partition(partition_name)
        return None if partition is None else partition.narrowed(account, reservation)

    def limits_for(self, request: SessionRequest) -> PartitionLimits | None:
        """Return what the request's account may ask of its partition, in its reservation."""
        return self.limits(request.partition, request.account, request.reservation)

    def waits_for(self, request: SessionRequest) -> tuple[Limit, ...]:
        """Return the limits that jobs share and that leave too little now: the job would wait until others of the same jobs end."""
        limits = self.limits_for(request)
        if limits is None:
            return ()
        amounts = limits.amounts(request.demand)
        return tuple(limit for limit in limits.rules_for(request.account).limits if limit.delays(amounts))

    def takes_too_much(self, node: NodeSize, request: SessionRequest) -> bool:
        """Tell whether the job would get the whole node, and that is more than the account may have now."""
        partition = self.partition(request.partition)
        return partition is not None and partition.takes_too_much(node, request.demand, request.account)

    def submitter(self, request: SessionRequest) -> Submitter:
        """Return whose job the request becomes, and under which QOS it runs."""
        partition = self.partition(request.partition)
        qos = partition.rules_for(request.account).qos if partition is not None else ""
        return Submitter(self.entitlement.user, request.account, qos, self.entitlement.groups)

    def knows_limits_of(self, request: SessionRequest) -> bool:
        """Tell whether the limits of accounting that bind the request are known, and what jobs hold of those that they share."""
        if not self.entitlement.limits_known:
            return False
        limits = self.entitlement.partition(request.partition)
        if self.entitlement.holdings_known or limits is None:
            return True
        return all(limit.scope == "job" for limit in limits.rules_for(request.account).limits)

    def reservation(self, name: str) -> Reservation | None:
        """Return the reservation of this name, None if it cannot be chosen."""
        return next((reservation for reservation in self.reservations if reservation.name == name), None)

    def minutes_left(self, reservation: Reservation) -> int | None:
        """Return the whole minutes that a job in the reservation may last, None where its end does not end jobs."""
        overrun = self.entitlement.overrun_minutes
        if "FLEX" in reservation.flags or overrun == math.inf:
            return None
        return max(0, int(reservation.end - self.now) // 60 + int(overrun)) if reservation.end > self.now else 0

    @property
    def releases(self) -> tuple[Release, ...]:
        """The releases to choose from, newest first."""
        tags = self.narrowed("release", [release.tag for release in self.catalogue.releases])
        return tuple(release for release in self.catalogue.releases if release.tag in tags)

    def release(self, tag: str) -> Release | None:
        """Return the release of this tag, None if it cannot be chosen."""
        return next((release for release in self.releases if release.tag == tag), None)

    def interfaces(self, release: Release | None = None) -> tuple[Interface, ...]:
        """Return the interfaces of one release, or of any of the releases."""
        releases = self.releases if release is None else (release,)
        offered = dict.fromkeys(interface.name for one in releases for interface in self.catalogue.interfaces_of(one))
        names = self.narrowed("interface", list(offered))
        return tuple(self.catalogue.interfaces[name] for name in names)

    def bound(self, name: str, which: Literal["minimum", "maximum"], otherwise: int) -> int:
        """Return the admin's bound of ``cores``, ``memory`` (MB), ``gpus`` or ``walltime`` (minutes), ``otherwise`` where there is none."""
        return self.policy(name).bound(name, which, otherwise)

    def walltime_limit(self, request: SessionRequest) -> tuple[int | None, str]:
        """Return the most minutes that this request may ask for, None for no bound, and what bounds them, for a sentence."""
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
