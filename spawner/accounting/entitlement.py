"""What this user may ask for: accounts, partitions, reservations, and the limits of each partition.

The rules are slurm.conf(5)'s for partitions (AllowAccounts over DenyAccounts, AllowGroups: "at least one") and scontrol(1)'s for
reservations (users or groups, and accounts; a leading ``-`` means everyone except).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..i18n import _
from ..slurm.model import Association, Node, Partition, Reservation, SlurmConfig, UserDefaults
from .partition_limits import NO_RULES, JobRules, NodeKind, PartitionLimits, kinds_of, limits_of, widest
from .qos import AccountingData, QosResolver, line_of, parents_of


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one user may choose from. ``accounts`` is None where the site keeps no accounts (no slurmdbd).

    ``reservation_accounts`` has, for each reservation, those of the accounts that may use it. ``upcoming`` are reservations that the user
    may use once they have begun. ``accounts_as_of`` is when slurmdbd said so, in seconds since the epoch; ``accounts_stale``: it does not
    answer now, or that is too long ago. ``accounts_partial``: the user may have accounts that could not be read.
    """

    user: str
    accounts: tuple[str, ...] | None
    default_account: str
    partitions: tuple[PartitionLimits, ...]
    reservations: tuple[Reservation, ...]
    reservation_accounts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    upcoming: tuple[Reservation, ...] = ()
    accounts_as_of: float = 0.0
    accounts_stale: bool = False
    accounts_partial: bool = False

    def partition(self, name: str) -> PartitionLimits | None:
        """Return the limits of the partition, None if the user may not use it."""
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
        return tuple(sorted({gpu_type for partition in self.partitions for gpu_type, _count in partition.gpus}))


def accounts_of(user: str, associations: Iterable[Association]) -> tuple[str, ...]:
    """Return the accounts that ``user`` may charge, each once, in alphabetical order."""
    return tuple(sorted({association.account for association in associations if association.user == user}))


def default_account_of(user: str, accounts: Sequence[str], defaults: Iterable[UserDefaults]) -> str:
    """Return the user's default account where it is one of ``accounts``, else the first of them."""
    for entry in defaults:
        if entry.user == user and entry.default_account in accounts:
            return entry.default_account
    return accounts[0] if accounts else ""


def ancestors_of(account: str, associations: Iterable[Association]) -> tuple[str, ...]:
    """Return ``account`` and its parents, as :func:`line_of`, from all associations."""
    return line_of(account, parents_of(associations))


def partition_accounts(partition: Partition, user: str, associations: Iterable[Association], *, enforced: bool = True) -> tuple[str, ...]:
    """Return those of the user's accounts that may run in ``partition``: by its associations, then AllowAccounts over DenyAccounts.

    Where associations are not ``enforced``, slurmctld looks at neither list (part_policy_valid_acct).
    """
    own = {
        association.account for association in associations if association.user == user and association.partition in ("", partition.name)
    }
    if not enforced:
        return tuple(sorted(own))
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
    """Return those of ``accounts`` with which the user may use the reservation; empty: none.

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
    """Tell whether the user may choose the reservation. A maintenance is nobody's to choose."""
    if "MAINT" in {flag.upper() for flag in reservation.flags}:
        return False
    return bool(reservation_accounts(reservation, user, groups, accounts or ("",), associations))


def _bounded(partition: Partition, config: SlurmConfig) -> Partition:
    """With the cluster's MaxMemPerNode or MaxMemPerCPU where the partition has neither (slurm.conf(5))."""
    if partition.max_memory_mb_per_node is not None or partition.max_memory_mb_per_cpu is not None:
        return partition
    found = {key: config.get(key) for key in ("MaxMemPerNode", "MaxMemPerCPU")}
    numbers = {key: int(value) for key, value in found.items() if value.isascii() and value.isdigit() and int(value)}
    if not numbers:
        return partition
    return replace(partition, max_memory_mb_per_node=numbers.get("MaxMemPerNode"), max_memory_mb_per_cpu=numbers.get("MaxMemPerCPU"))


def shapes_of(partitions: Iterable[Partition], nodes: Mapping[str, Node], config: SlurmConfig) -> dict[str, tuple[NodeKind, ...]]:
    """Return the shapes of each partition's nodes, by its name: the same for all users, so worked out once for an answer of Slurm."""
    return {partition.name: kinds_of(_bounded(partition, config), partition.nodes, nodes) for partition in partitions}


def entitlement(
    user: str,
    accounting: AccountingData,
    *,
    groups: Collection[str],
    partitions: Sequence[Partition],
    reservations: Sequence[Reservation],
    nodes: Sequence[Node] | Mapping[str, Node],
    now: float,
    uid: int = -1,
    shapes: Mapping[str, tuple[NodeKind, ...]] | None = None,
) -> Entitlement:
    """Return everything that ``user`` may choose.

    Parameters
    ----------
    groups
        Names of the user's groups on the system, for AllowGroups and for reservations of groups.
    partitions
        Those that the admin lets the service use.
    now
        Seconds since the epoch; reservations that are over are left out, those that have not begun are kept apart.
    uid
        The user's numeric id, by which Slurm counts what a user holds of a QOS.
    shapes
        :func:`shapes_of` of these partitions and nodes, where it is known already.
    """
    config, enforced = accounting.config or SlurmConfig(), accounting.enforced
    by_name = nodes if isinstance(nodes, Mapping) else {node.name: node for node in nodes}
    # From here on only this user's rows and the accounts' own are looked at: there may be thousands of others.
    own = None if accounting.records is None else accounting.records.rows_of(user)
    accounts = None if own is None else accounts_of(user, own)
    if accounts == () and not enforced.associations:
        accounts = None
    resolver = QosResolver(user, own or (), accounting, uid=uid)
    running, upcoming = _reservations_of(user, reservations, groups, accounts, own or (), now)
    allowed = []
    for partition in partitions:
        if partition.state != "UP" or partition.root_only:
            continue
        if partition.allow_groups is not None and not set(partition.allow_groups) & set(groups):
            continue
        there = ("",) if accounts is None else partition_accounts(partition, user, own or (), enforced=enforced.associations)
        judged = {account: resolver.rules(account, partition) for account in there} if own is not None else {"": (NO_RULES, "")}
        bounded = _bounded(partition, config)
        kinds = shapes.get(partition.name) if shapes is not None else None
        limits = limits_of(bounded, there, by_name, kinds)
        if limits.exclusive:
            judged = {account: (rules, why or _why_not_whole(limits, rules)) for account, (rules, why) in judged.items()}
        admitted = tuple(account for account, (_rules, why) in judged.items() if not why)
        if not limits.kinds or not admitted:
            continue
        limits = replace(
            limits,
            accounts=() if accounts is None else admitted,
            rules={account: rules for account, (rules, _why) in judged.items()},
            refused={account: why for account, (_rules, why) in judged.items() if why},
            inside={entry.name: _inside(entry, bounded, by_name) for entry in running if entry.nodes and "FLEX" not in entry.flags},
        )
        allowed.append(widest(limits))
    return Entitlement(
        user=user,
        accounts=accounts,
        default_account=default_account_of(user, accounts or (), accounting.records.defaults if accounting.records else ()),
        partitions=tuple(allowed),
        reservations=running,
        reservation_accounts={
            reservation.name: reservation_accounts(reservation, user, groups, accounts or (), own or ()) for reservation in running
        },
        upcoming=upcoming,
    )


def _why_not_whole(limits: PartitionLimits, rules: JobRules) -> str:
    """Why an exclusive partition, which gives whole nodes, is not for these jobs; empty if it is."""
    if replace(limits, rules={"": rules}).narrowed("").kinds or not limits.kinds:
        return ""
    if not rules.qos:
        return _("it gives whole nodes")
    return _("it gives whole nodes, which are more than QOS {name} or the account allows").format(name=rules.qos)


def _inside(reservation: Reservation, partition: Partition, nodes: Mapping[str, Node]) -> tuple[NodeKind, ...]:
    """The shapes of the partition's nodes in the reservation; where it has some cores only, an equal share of them on each node."""
    there = set(reservation.nodes)
    kinds = kinds_of(partition, [name for name in partition.nodes if name in there], nodes)
    if reservation.core_count is None:
        return kinds
    share = -(-reservation.core_count // len(there))
    return tuple(replace(kind, cores_total=min(kind.cores_total, share * kind.threads_per_core)) for kind in kinds)


def _reservations_of(
    user: str,
    reservations: Iterable[Reservation],
    groups: Collection[str],
    accounts: Sequence[str] | None,
    associations: Sequence[Association],
    now: float,
) -> tuple[tuple[Reservation, ...], tuple[Reservation, ...]]:
    """The reservations that the user may use now, and those of the future. Before a FLEX one begins, its jobs may (scontrol(1))."""
    own = [entry for entry in reservations if now < entry.end and may_use_reservation(entry, user, groups, accounts, associations)]
    running = tuple(entry for entry in own if entry.start <= now or "FLEX" in entry.flags)
    return running, tuple(sorted((entry for entry in own if entry not in running), key=lambda entry: entry.start))
