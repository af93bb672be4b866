"""What one user may choose right now: Slurm's answer, narrowed by the admin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from .catalogue import Catalogue, Interface, Release
from .entitlement import Entitlement, PartitionLimits
from .errors import RequestRejected
from .request import FIELDS, GpuRequest, SessionRequest, memory_value, parse_gpus, parse_request
from .slurm.grammar import format_walltime, parse_memory_mb, parse_walltime
from .slurm.model import Reservation

DEFAULT_MEMORY_MB = 4096
DEFAULT_MINUTES = 60


class FieldPolicy(BaseModel):
    """How the admin narrows one field. Every value is written as a user would type it (``"64G"``, ``"4h"``, ``"v100:1"``).

    ``choices`` are the only values; ``minimum`` and ``maximum`` bound cores, memory, GPUs and time; ``default`` is preset;
    ``locked`` leaves the default as the only value; ``hidden`` takes the field off the page (its default holds).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: str | int | float | None = None
    choices: tuple[str | int | float, ...] | None = None
    minimum: str | int | float | None = None
    maximum: str | int | float | None = None
    locked: bool = False
    hidden: bool = False
    label: str | None = None
    help: str | None = None


def parse_policies(fields: Mapping[str, Any], *, trait: str = "ResourceFormSpawner.fields") -> dict[str, FieldPolicy]:
    """The admin's configuration of the fields, read.

    Raises
    ------
    ValueError
        Names the trait, the field and the key that is wrong.
    """
    policies = {}
    for name, settings in fields.items():
        if name not in FIELDS:
            raise ValueError(f"{trait}: there is no field {name!r}; the fields are {', '.join(FIELDS)}")
        try:
            policy = FieldPolicy.model_validate(settings)
            values = [policy.default, policy.minimum, policy.maximum, *(policy.choices or ())]
            for value in values:
                if value is not None:
                    parse_request({name: value})
        except (ValidationError, RequestRejected) as error:
            raise ValueError(f"{trait}[{name!r}]: {error}") from error
        policies[name] = policy
    return policies


@dataclass(frozen=True)
class Choices:
    """Everything that a request of one user is judged by, at one moment. ``now`` is seconds since the epoch."""

    entitlement: Entitlement
    catalogue: Catalogue
    policies: Mapping[str, FieldPolicy] = field(default_factory=dict)
    now: float = 0.0

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

    @property
    def partitions(self) -> tuple[PartitionLimits, ...]:
        """The partitions to choose from."""
        names = self._narrowed("partition", [partition.name for partition in self.entitlement.partitions])
        return tuple(partition for partition in self.entitlement.partitions if partition.name in names)

    @property
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

    @property
    def default_account(self) -> str:
        """The preselected account: the admin's, else Slurm's default account of the user."""
        return self._preset("account", self.accounts or (), self.entitlement.default_account)

    @property
    def default_partition(self) -> str:
        """The preselected partition: the admin's, else Slurm's default where the default account may run there."""
        names = [partition.name for partition in self.partitions]
        preferred = self.entitlement.default_partition
        account = self.default_account
        fitting = [partition.name for partition in self.partitions if not account or account in partition.accounts]
        if fitting and preferred not in fitting:
            preferred = fitting[0]
        return self._preset("partition", names, preferred)

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

    def defaults(self) -> dict[str, Any]:
        """A complete, valid request for this user: what Start sends if nothing is touched."""
        partition = self.entitlement.partition(self.default_partition)
        release = self.default_release
        interfaces = self.interfaces(release) if release else ()
        minutes = (partition.default_minutes if partition else None) or DEFAULT_MINUTES
        numbers = {"cores": 1, "memory": DEFAULT_MEMORY_MB, "walltime": minutes}
        most = {
            "cores": partition.max_cores if partition else 0,
            "memory": partition.max_memory_mb if partition else 0,
            "walltime": (partition.max_minutes if partition else None) or 0,
        }
        for name in tuple(numbers):
            preset = self.policy(name).default
            wanted = numbers[name] if preset is None else number_of(name, preset)
            upper = self.bound(name, "maximum", wanted)
            upper = min(upper, most[name]) if most[name] else upper
            numbers[name] = max(min(wanted, upper), self.bound(name, "minimum", 1))
        gpus = self.policy("gpus").default
        return {
            "reservation": str(self.policy("reservation").default or ""),
            "account": self.default_account,
            "partition": self.default_partition,
            "cores": numbers["cores"],
            "memory": memory_value(numbers["memory"]),
            "gpus": "0" if gpus is None else parse_gpus(gpus).value,
            "walltime": format_walltime(numbers["walltime"]),
            "release": release.tag if release else "",
            "interface": self._preset("interface", [interface.name for interface in interfaces], ""),
        }

    def walltime_limit(self, request: SessionRequest) -> tuple[int | None, str]:
        """The most minutes that this request may ask for, None for no bound, and what bounds them, for a sentence."""
        limit, why = None, ""
        partition = self.entitlement.partition(request.partition)
        if partition is not None and partition.max_minutes is not None:
            limit, why = partition.max_minutes, f"of partition {partition.name}"
        policy = self.policy("walltime").maximum
        if policy is not None and (limit is None or number_of("walltime", policy) < limit):
            limit, why = number_of("walltime", policy), "of this service"
        reservation = next((entry for entry in self.reservations if entry.name == request.reservation), None)
        if reservation is not None and "FLEX" not in reservation.flags:
            left = max(0, int(reservation.end - self.now) // 60)
            if limit is None or left < limit:
                limit, why = left, f"until reservation {reservation.name} ends"
        return limit, why

    def gpu_values(self) -> tuple[GpuRequest, ...]:
        """Every GPU configuration to choose from, none first: plain counts where there is one type, per type where there are more."""
        most: dict[str, int] = {}
        for partition in self.partitions:
            for gpu_type, count in partition.gpus:
                most[gpu_type] = max(most.get(gpu_type, 0), count)
        low, high = self.bound("gpus", "minimum", 0), self.bound("gpus", "maximum", max(most.values(), default=0))
        typed = len(most) > 1
        offered = [GpuRequest()] if low == 0 else []
        for gpu_type, count in sorted(most.items()):
            offered += [GpuRequest(number, gpu_type if typed else "") for number in range(max(1, low), min(count, high) + 1)]
        policy = self.policy("gpus")
        if policy.locked and policy.default is not None:
            return (parse_gpus(policy.default),)
        if policy.choices is not None:
            allowed = {parse_gpus(value) for value in policy.choices}
            return tuple(value for value in offered if value in allowed) or tuple(sorted(allowed, key=lambda value: value.count))
        return tuple(offered)


def number_of(name: str, value: Any) -> int:
    """A limit of ``cores``, ``memory`` (MB), ``gpus`` or ``walltime`` (minutes), from what the admin wrote."""
    if name == "memory":
        return parse_memory_mb(value)
    if name == "walltime":
        return parse_walltime(value)
    if name == "gpus":
        return parse_gpus(value).count
    return int(value)
