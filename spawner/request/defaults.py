"""What a form begins with: for each field the admin's preset, else what Slurm and the catalogue prefer, as far as the user may have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..accounting.limits import minutes_by_amount
from ..accounting.partition_limits import PartitionLimits
from ..availability.demand import Demand
from ..site.catalogue import newest_tested
from ..site.release import Release, day_of
from ..slurm.resources import CORES, MEMORY
from ..units import format_walltime
from .choices import Choices
from .constraint import constraint_values
from .gpus import GpuRequest, parse_gpus
from .model import memory_value
from .policy import number_of
from .qos import qos_values
from .release_rules import fits_place, least_of

DEFAULT_MEMORY_MB = 4096
DEFAULT_MINUTES = 60


def has_to_choose_account(choices: Choices) -> bool:
    """Tell whether nobody but the user knows which of several accounts is to be charged: neither Slurm nor the admin names one."""
    own = choices.accounts or ()
    return len(own) > 1 and not choices.entitlement.default_account and choices.policy("account").default is None


def default_account(choices: Choices) -> str:
    """Return the preselected account, one that some partition admits: the admin's, else Slurm's default account of the user."""
    offered = choices.accounts or ()
    admitted = [account for account in offered if any(account in partition.accounts for partition in choices.partitions)]
    return _preselected(choices, "account", admitted or offered, choices.entitlement.default_account)


def default_partition(choices: Choices) -> str:
    """Return the preselected partition, one where the default account may run: the admin's, else Slurm's default, else the first.

    One that needs a reservation is preselected by the admin only, or where there is no other; one that is closed, if all are.
    """
    account = default_account(choices)
    fitting = [partition for partition in choices.partitions if not account or account in partition.accounts] or list(choices.partitions)
    fitting = [partition for partition in fitting if partition.name not in choices.closed] or fitting
    names = [partition.name for partition in fitting]
    free = [partition.name for partition in fitting if not partition.reservation_required] or names
    preferred = choices.entitlement.default_partition
    if free and preferred not in free:
        preferred = free[0]
    return _preselected(choices, "partition", names, preferred)


def _reservation(choices: Choices, partition: PartitionLimits | None, account: str) -> str:
    """None, unless the admin presets one that can be had, or the partition can be used with a reservation only."""
    fitting = [
        entry.name
        for entry in choices.reservations
        if entry.partition in ("", partition.name if partition else "")
        and (partition is None or (entry.takes_partition(partition.name) and entry.takes_qos(partition.rules_for(account).qos)))
        and choices.minutes_left(entry) != 0
        and (partition is None or partition.inside.get(entry.name, True))
        and (not account or account in choices.entitlement.reservation_accounts.get(entry.name, (account,)))
    ]
    needed = partition is not None and partition.narrowed(account).reservation_required
    offered = fitting if needed else [value for value in choices.reservation_values if value in ("", *fitting)]
    return _preselected(choices, "reservation", offered, "")


def default_release(choices: Choices, partition: PartitionLimits | None = None, account: str = "", reservation: str = "") -> Release | None:
    """Return the preselected release: the admin's, else the newest tested one of those that are offered, else the newest.

    With a place it is one of those that may be started there, if there are any.
    """
    offered = choices.releases
    if partition is not None:
        offered = tuple(release for release in offered if fits_place(release, partition, account, reservation)) or offered
    tags = [release.tag for release in offered]
    return choices.catalogue.get(_preselected(choices, "release", tags, newest_tested(offered, day_of(choices.now)).tag)) if tags else None


def _preselected(choices: Choices, name: str, offered: Sequence[str], otherwise: str) -> str:
    preset = choices.policy(name).default
    if isinstance(preset, str) and preset in offered:
        return preset
    if otherwise in offered:
        return otherwise
    return offered[0] if offered else ""


def _account_in(choices: Choices, partition: PartitionLimits | None, release: Release | None = None) -> str:
    """The default account where the partition and the release admit it, else the first that they do admit."""
    account = default_account(choices)
    admitted = choices.accounts_in(partition)
    if release is not None and release.accounts:
        admitted = tuple(name for name in admitted if name in release.accounts) or admitted
    return admitted[0] if admitted and account not in admitted else account


def default_values(
    choices: Choices,
    partition_name: str = "",
    *,
    account: str | None = None,
    reservation: str | None = None,
    release: str | None = None,
) -> dict[str, Any]:
    """Return a complete, valid request for this user, as a form posts it: what Start sends if nothing is touched.

    With ``partition_name``, if it can be chosen, the numbers are ones that this partition has; with ``account`` and ``reservation``
    those that they have there; with ``release``, the tag of one, no less than that needs.
    """
    preferred = default_partition(choices)
    whole = choices.partition(partition_name) or choices.entitlement.partition(preferred)
    asked = choices.release(release) if release else None
    own_account = _account_in(choices, whole, asked)
    account = account if account is not None and whole is not None and account in whole.accounts else own_account
    own_reservation = _reservation(choices, whole, account)
    chosen = reservation if reservation is not None and choices.reservation(reservation) else own_reservation
    partition = whole.narrowed(account, chosen) if whole else None
    entry = choices.reservation(chosen)
    own_release = default_release(choices, whole, account, chosen)
    software = asked or own_release
    interfaces = choices.interfaces(own_release) if own_release else ()
    least = {name: max(partition.at_least(name) if partition else 0, least_of(software, name)) for name in (CORES, MEMORY)}
    cores = _number(choices, "cores", max(1, least[CORES]), partition.max_cores if partition else None)
    most_memory = [partition.max_memory_mb] if partition else []
    if partition and partition.memory_mb_per_core:
        most_memory.append(partition.memory_mb_per_core * partition.max_cores)
    memory = _number(choices, "memory", max(DEFAULT_MEMORY_MB, least[MEMORY]), *most_memory)
    gpus = _gpus(choices, partition, software.least_gpus if software else 0)
    minutes = (partition.default_minutes if partition else None) or DEFAULT_MINUTES
    most_minutes = [partition.max_minutes if partition else None, choices.minutes_left(entry) if entry else None]
    if partition:
        amounts = partition.amounts(Demand(cores, memory, gpus.type, gpus.count, gres=gpus.gres))
        most_minutes += [most for most, _limit in minutes_by_amount(partition.rules_for(account).limits, amounts)]
    return {
        "reservation": own_reservation,
        "account": own_account,
        "partition": partition.name if partition else "",
        "cores": cores,
        "memory": memory_value(memory),
        "gpus": gpus.value,
        **{name: _number(choices, name, 1) for name in ("nodes", "tasks")},
        "walltime": format_walltime(_number(choices, "walltime", minutes, *most_minutes)),
        "release": own_release.tag if own_release else "",
        "interface": _preselected(choices, "interface", [interface.name for interface in interfaces], ""),
        "qos": _preselected(choices, "qos", qos_values(choices), ""),
        "constraint": _preselected(choices, "constraint", constraint_values(choices), ""),
        "start_folder": str(choices.policy("start_folder").default or "") if choices.areas else "",
    }


def _number(choices: Choices, name: str, otherwise: int, *most: int | None) -> int:
    """The admin's preset, else ``otherwise``, moved to the nearest value that the bounds and the admin's choices leave."""
    policy = choices.policy(name)
    wanted = otherwise if policy.default is None else number_of(name, policy.default)
    upper = min([choices.bound(name, "maximum", wanted), *(bound for bound in most if bound)])
    value = max(min(wanted, upper), choices.bound(name, "minimum", 1))
    offered = sorted(number_of(name, choice) for choice in policy.choices or ())
    if offered and value not in offered:
        return max((number for number in offered if number <= upper), default=offered[0])
    return value


def _gpus(choices: Choices, partition: PartitionLimits | None, least: int) -> GpuRequest:
    """The admin's preset where the partition has it, else none, else the least that may be asked for; ``least`` is the release's."""
    preset = choices.policy("gpus").default
    wanted = GpuRequest() if preset is None else choices.gpus.known(parse_gpus(preset), partition.name if partition else "")

    def can_be_had(gpus: GpuRequest) -> bool:
        if partition is not None and partition.least_gpus_missing(gpus.type, gpus.whole) is not None:
            return False
        if gpus.whole < least:
            return False
        if not gpus.count:
            return True
        if gpus.is_part:
            return partition is not None and partition.has_part(gpus.gres, gpus.type, gpus.count)
        return partition is not None and gpus.count <= partition.gpus_of(gpus.type)

    offered = [gpus for gpus in choices.gpus.values() if can_be_had(gpus)]
    if not offered or (wanted.count and can_be_had(wanted)):
        return wanted
    return wanted if wanted in offered else offered[0]
