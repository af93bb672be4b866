"""What this user may ask for: accounts, partitions, reservations, and the limits of each partition.

The rules are slurm.conf(5)'s for partitions (AllowAccounts over DenyAccounts, AllowGroups: "at least one") and scontrol(1)'s for
reservations (users or groups, and accounts; a leading ``-`` means everyone except).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .availability import gpus_of
from .slurm.model import Association, Node, Partition, Reservation, UserDefaults


@dataclass(frozen=True, slots=True)
class NodeKind:
    """Nodes of one shape: the largest single-node job that each can hold. ``gpus`` maps types to counts."""

    cores: int
    memory_mb: int
    gpus: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class PartitionLimits:
    """What one job may ask of a partition.

    ``accounts`` are those of the user's that may run there. ``max_cores``, ``max_memory_mb`` are those of the largest node, less
    the partition's own limits; ``gpus`` is the largest count per type; ``max_minutes`` is None where nothing bounds the time.
    ``users_per_core`` is how many jobs may share a core (OverSubscribe), 1 where cores are not shared.
    """

    name: str
    is_default: bool
    accounts: tuple[str, ...]
    max_cores: int
    max_memory_mb: int
    gpus: tuple[tuple[str, int], ...]
    max_minutes: int | None
    default_minutes: int | None
    users_per_core: int
    reservation_required: bool
    kinds: tuple[NodeKind, ...]

    def gpus_of(self, gpu_type: str) -> int:
        """The most GPUs of this type on one node; of any one type for the empty type."""
        if not gpu_type:
            return max((count for _, count in self.gpus), default=0)
        return dict(self.gpus).get(gpu_type, 0)

    def fits_one_node(self, cores: int, memory_mb: int, gpu_type: str, gpus: int) -> bool:
        """Whether some node, empty, could hold all of this together."""
        for kind in self.kinds:
            have = max((count for _, count in kind.gpus), default=0) if not gpu_type else dict(kind.gpus).get(gpu_type, 0)
            if kind.cores >= cores and kind.memory_mb >= memory_mb and have >= gpus:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one user may choose from. ``accounts`` is None where the site keeps no accounts (no slurmdbd).

    ``reservation_accounts`` has, for each reservation, those of the accounts that may use it.
    """

    user: str
    accounts: tuple[str, ...] | None
    default_account: str
    partitions: tuple[PartitionLimits, ...]
    reservations: tuple[Reservation, ...]
    reservation_accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def partition(self, name: str) -> PartitionLimits | None:
        """The limits of the partition, None if the user may not use it."""
        return next((partition for partition in self.partitions if partition.name == name), None)

    @property
    def default_partition(self) -> str:
        """Slurm's default partition where the user may use it, else the first."""
        for partition in self.partitions:
            if partition.is_default:
                return partition.name
        return self.partitions[0].name if self.partitions else ""

    @property
    def gpu_types(self) -> tuple[str, ...]:
        """Every type of GPU in the user's partitions, sorted."""
        return tuple(sorted({gpu_type for partition in self.partitions for gpu_type, _ in partition.gpus}))


def accounts_of(user: str, associations: Iterable[Association]) -> tuple[str, ...]:
    """The accounts that ``user`` may charge, each once, in alphabetical order."""
    return tuple(sorted({association.account for association in associations if association.user == user}))


def default_account_of(user: str, accounts: Sequence[str], defaults: Iterable[UserDefaults]) -> str:
    """The user's default account where it is one of ``accounts``, else the first of them."""
    for entry in defaults:
        if entry.user == user and entry.default_account in accounts:
            return entry.default_account
    return accounts[0] if accounts else ""


def ancestors_of(account: str, associations: Iterable[Association]) -> tuple[str, ...]:
    """``account`` and its parents up to the root."""
    parents = {association.account: association.parent for association in associations if not association.user}
    line = [account]
    while parents.get(line[-1]) and parents[line[-1]] not in line:
        line.append(parents[line[-1]])
    return tuple(line)


def partition_accounts(partition: Partition, user: str, associations: Iterable[Association]) -> tuple[str, ...]:
    """Those of the user's accounts that may run in ``partition``: associations for it or for any, AllowAccounts over DenyAccounts."""
    own = {
        association.account for association in associations if association.user == user and association.partition in ("", partition.name)
    }
    if partition.allow_accounts is not None:
        own &= set(partition.allow_accounts)
    elif partition.deny_accounts is not None:
        own -= set(partition.deny_accounts)
    return tuple(sorted(own))


def _listed(name_or_names: Collection[str], listing: Sequence[str]) -> bool:
    """Whether one of the names is admitted by a reservation's list; with ``-`` entries everyone but those named is."""
    refused = {entry[1:] for entry in listing if entry.startswith("-")}
    if refused:
        return not refused & set(name_or_names)
    return bool(set(listing) & set(name_or_names))


def reservation_accounts(
    reservation: Reservation, user: str, groups: Collection[str], accounts: Sequence[str], associations: Sequence[Association]
) -> tuple[str, ...]:
    """Those of ``accounts`` with which the user may use the reservation; empty: none.

    scontrol(1): users or groups may be given, and accounts; a job must match both. An account matches if it or one of its parents
    is listed.
    """
    if reservation.users and not _listed((user,), reservation.users):
        return ()
    if reservation.groups and not _listed(groups, reservation.groups):
        return ()
    if not reservation.accounts:
        return tuple(accounts) if reservation.users or reservation.groups else ()
    return tuple(account for account in accounts if _listed(ancestors_of(account, associations), reservation.accounts))


def may_use_reservation(
    reservation: Reservation, user: str, groups: Collection[str], accounts: Sequence[str] | None, associations: Sequence[Association]
) -> bool:
    """Whether the user may choose the reservation. A maintenance is nobody's to choose."""
    if "MAINT" in {flag.upper() for flag in reservation.flags}:
        return False
    return bool(reservation_accounts(reservation, user, groups, accounts or ("",), associations))


def limits_of(partition: Partition, accounts: tuple[str, ...], nodes: Mapping[str, Node]) -> PartitionLimits:
    """What one single-node job may ask of ``partition``, from all its nodes, those out of service included: they come back."""
    kinds: dict[NodeKind, None] = {}
    for name in partition.nodes:
        if name not in nodes:
            continue
        node = nodes[name]
        cores, memory_mb = node.cores_schedulable, node.memory_mb_schedulable
        if partition.max_cores_per_node is not None:
            cores = min(cores, partition.max_cores_per_node)
        if partition.max_memory_mb_per_node is not None:
            memory_mb = min(memory_mb, partition.max_memory_mb_per_node)
        if cores and memory_mb:
            kinds[NodeKind(cores, memory_mb, tuple((gpus.type, gpus.total) for gpus in gpus_of(node) if gpus.total))] = None
    gpus: dict[str, int] = {}
    for kind in kinds:
        for gpu_type, count in kind.gpus:
            gpus[gpu_type] = max(gpus.get(gpu_type, 0), count)
    return PartitionLimits(
        name=partition.name,
        is_default=partition.is_default,
        accounts=accounts,
        max_cores=max((kind.cores for kind in kinds), default=0),
        max_memory_mb=max((kind.memory_mb for kind in kinds), default=0),
        gpus=tuple(sorted(gpus.items())),
        max_minutes=partition.max_minutes,
        default_minutes=partition.default_minutes,
        users_per_core=partition.oversubscribe_count if partition.oversubscribe in ("FORCE", "YES") else 1,
        reservation_required=partition.reservation_required,
        kinds=tuple(kinds),
    )


def entitlement(
    user: str,
    *,
    groups: Collection[str],
    associations: Sequence[Association] | None,
    defaults: Sequence[UserDefaults],
    partitions: Sequence[Partition],
    reservations: Sequence[Reservation],
    nodes: Sequence[Node],
    now: float,
) -> Entitlement:
    """Everything ``user`` may choose.

    Parameters
    ----------
    groups
        Names of the user's groups on the system, for AllowGroups and for reservations of groups.
    associations
        Every association of the cluster, the accounts' own rows too; None: the site keeps none.
    partitions
        Those that the admin lets the service use.
    now
        Seconds since the epoch; reservations that are over, or have not begun, are left out.
    """
    by_name = {node.name: node for node in nodes}
    accounts = None if associations is None else accounts_of(user, associations)
    allowed = []
    for partition in partitions:
        if partition.state != "UP" or partition.root_only:
            continue
        if partition.allow_groups is not None and not set(partition.allow_groups) & set(groups):
            continue
        there = () if associations is None else partition_accounts(partition, user, associations)
        if accounts is not None and not there:
            continue
        limits = limits_of(partition, there, by_name)
        if limits.kinds:
            allowed.append(limits)
    usable = tuple(
        reservation
        for reservation in reservations
        if reservation.start <= now < reservation.end and may_use_reservation(reservation, user, groups, accounts, associations or ())
    )
    return Entitlement(
        user=user,
        accounts=accounts,
        default_account=default_account_of(user, accounts or (), defaults),
        partitions=tuple(allowed),
        reservations=usable,
        reservation_accounts={
            reservation.name: reservation_accounts(reservation, user, groups, accounts or (), associations or ()) for reservation in usable
        },
    )
