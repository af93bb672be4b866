"""What this user may ask for: accounts, partitions, reservations, and the limits of each partition.

The rules are slurm.conf(5)'s for partitions (AllowAccounts over DenyAccounts, AllowGroups: "at least one") and scontrol(1)'s for
reservations (users or groups, and accounts; a leading ``-`` means everyone except).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..availability.allocation import counts_memory, in_force, memory_rule_of, unit_of
from ..availability.demand import MemoryRule
from ..i18n import _
from ..slurm.model import Association, Node, Partition, Reservation, SlurmConfig, UserDefaults, is_admitted
from ..slurm.names import in_accounting
from ..slurm.resources import MEMORY
from ..slurm.versions import Version, accounts_are_hierarchical, magnets_draw_in_what_is_longer, unknown_accounts_are_ignored
from .partition_limits import NO_RULES, JobRules, NodeKind, PartitionLimits, kinds_of, limits_of, widest
from .qos import AccountingData, QosResolver, line_of, parents_of


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What one user may choose from. ``accounts`` is None where the site keeps no accounts (no slurmdbd).

    ``reservation_accounts`` has, for each reservation, those of the accounts that may use it. ``upcoming`` are reservations that the user
    may use once they have begun. ``accounts_as_of`` is when slurmdbd said so, in seconds since the epoch; ``accounts_stale``: it does not
    answer now, or that is too long ago. ``accounts_partial``: the user may have accounts that could not be read. ``accounts_hidden``: Slurm
    does not tell the Hub anybody's accounts (PrivateData); a job then asks for none, or for one that the user names.

    ``limits_known`` and ``holdings_known`` say whether the limits of accounting are known, and what is used of those that jobs share.
    ``overrun_minutes`` is how long a job may outlast its reservation (ResvOverRun), infinity for any time; ``drawn_in_though_longer``:
    a reservation with MAGNETIC draws in jobs that it will end. ``qos`` are those that a job may ask for by name, with one of the accounts.
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
    groups: frozenset[str] = frozenset()
    accounts_hidden: bool = False
    limits_known: bool = True
    holdings_known: bool = True
    overrun_minutes: float = 0
    drawn_in_though_longer: bool = False
    qos: tuple[str, ...] = ()

    def partition(self, name: str) -> PartitionLimits | None:
        """Return the limits of the partition, None if the user may not use it."""
        return next((partition for partition in self.partitions if partition.name == name), None)

    def qos_to_ask_for(self, partition: str, account: str) -> str:
        """Return the QOS that a job there has to ask for by name; empty for none."""
        limits = self.partition(partition)
        return "" if limits is None else limits.rules_for(account).asked_qos

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


def partition_accounts(
    partition: Partition, user: str, associations: Sequence[Association], *, enforced: bool = True, version: Version = ()
) -> tuple[str, ...]:
    """Return those of the user's accounts that may run in ``partition``: by its associations, then AllowAccounts over DenyAccounts.

    Where associations are not ``enforced``, slurmctld looks at neither list (part_policy_valid_acct). ``version`` is slurmctld's: what a
    list means depends on it. The associations are the user's, and the accounts' own rows.
    """
    there = ("", in_accounting(partition.name))
    own = {entry.account for entry in associations if entry.user == user and in_accounting(entry.partition) in there}
    if not enforced:
        return tuple(sorted(own))
    parents = parents_of(associations)

    def listed(names: tuple[str, ...] | None) -> set[str] | None:
        """Those of the user's accounts that a list names; None where there is no list."""
        if names is None:
            return None
        if unknown_accounts_are_ignored(version) and not set(names) & {*parents, *own}:
            return None
        if accounts_are_hierarchical(version):
            return {account for account in own if set(line_of(account, parents)) & set(names)}
        return own & set(names)

    allowed = listed(partition.allow_accounts)
    if allowed is not None:
        return tuple(sorted(allowed))
    return tuple(sorted(own - (listed(partition.deny_accounts) or set())))


def reservation_accounts(
    reservation: Reservation, user: str, groups: Collection[str], accounts: Sequence[str], associations: Sequence[Association]
) -> tuple[str, ...]:
    """Return those of ``accounts`` with which the user may use the reservation; empty: none.

    scontrol(1): users or groups may be given, and accounts; a job must match both. An account matches if it or one of its parents
    is listed.
    """
    if reservation.users and not is_admitted((user,), reservation.users):
        return ()
    if reservation.groups and not is_admitted(groups, reservation.groups):
        return ()
    if not reservation.accounts:
        return tuple(accounts) if reservation.users or reservation.groups or reservation.qos or reservation.allowed_partitions else ()
    return tuple(account for account in accounts if is_admitted(ancestors_of(account, associations), reservation.accounts))


def may_use_reservation(
    reservation: Reservation, user: str, groups: Collection[str], accounts: Sequence[str] | None, associations: Sequence[Association]
) -> bool:
    """Tell whether the user may choose the reservation. A maintenance is nobody's to choose."""
    if "MAINT" in {flag.upper() for flag in reservation.flags}:
        return False
    return bool(reservation_accounts(reservation, user, groups, accounts or ("",), associations))


def shapes_of(
    partitions: Iterable[Partition], nodes: Mapping[str, Node], config: SlurmConfig, memory_option: str = "mem"
) -> dict[str, tuple[NodeKind, ...]]:
    """Return the shapes of each partition's nodes, by its name: the same for all users, so worked out once for an answer of Slurm.

    ``memory_option`` is how jobs ask for memory (:func:`.memory_rule_of`).
    """
    bounded = (in_force(partition, config) for partition in partitions)
    return {entry.name: kinds_of(entry, entry.nodes, nodes, _memory_rule(entry, nodes, memory_option)) for entry in bounded}


def _memory_rule(partition: Partition, nodes: Mapping[str, Node], memory_option: str) -> MemoryRule:
    return memory_rule_of(partition, (nodes[name] for name in partition.nodes if name in nodes), memory_option)


def entitlement(
    user: str,
    accounting: AccountingData,
    *,
    spellings: Collection[str] = (),
    groups: Collection[str],
    partitions: Sequence[Partition],
    reservations: Sequence[Reservation],
    nodes: Sequence[Node] | Mapping[str, Node],
    now: float,
    uid: int = -1,
    shapes: Mapping[str, tuple[NodeKind, ...]] | None = None,
    memory_option: str = "mem",
    hosts: Collection[str] | None = None,
) -> Entitlement:
    """Return everything that ``user`` may choose.

    Parameters
    ----------
    spellings
        Other names that the system has for the user.
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
    memory_option
        How jobs ask for memory (:func:`.memory_rule_of`).
    hosts
        The names of the machine that jobs are submitted from, for AllocNodes; None: that is not looked at.
    """
    config, enforced = accounting.config or SlurmConfig(), accounting.enforced
    by_name = nodes if isinstance(nodes, Mapping) else {node.name: node for node in nodes}
    # From here on only this user's rows and the accounts' own are looked at: there may be thousands of others.
    own = None if accounting.records is None else accounting.records.rows_of(user)
    accounts = None if own is None else accounts_of(user, own)
    hidden = accounts == () and accounting.hides_all
    if hidden or (accounts == () and not enforced.associations):
        accounts = None
    resolver = QosResolver(user, own or (), accounting, uid=uid)
    reservations = [_as_spelled(entry, user, spellings) for entry in reservations]
    running, upcoming = _reservations_of(user, reservations, groups, accounts, own or (), now)
    allowed = []
    for partition in partitions:
        if partition.state != "UP" or partition.root_only:
            continue
        if hosts is not None and partition.alloc_nodes is not None and not set(hosts) & set(partition.alloc_nodes):
            continue
        if partition.allow_groups is not None and not set(partition.allow_groups) & set(groups):
            continue
        there: tuple[str, ...] = ("",)
        if accounts is not None:
            there = partition_accounts(partition, user, own or (), enforced=enforced.associations, version=config.version)
        judged = {account: resolver.rules(account, partition) for account in there} if own is not None else {"": (NO_RULES, "")}
        bounded = in_force(partition, config)
        rule = _memory_rule(bounded, by_name, memory_option)
        kinds = shapes.get(partition.name) if shapes is not None else kinds_of(bounded, partition.nodes, by_name, rule)
        limits = limits_of(bounded, there, by_name, kinds)
        if unit_of(bounded.select_parameters) and not counts_memory(bounded):
            judged = {account: (_without_memory(rules), why or _why_no_memory(rules)) for account, (rules, why) in judged.items()}
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
            inside={entry.name: _inside(entry, bounded, by_name, rule) for entry in running if entry.nodes and "FLEX" not in entry.flags},
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
        groups=frozenset(groups),
        accounts_hidden=hidden,
        limits_known=accounting.knows_limits,
        overrun_minutes=overrun_minutes_of(config),
        drawn_in_though_longer=magnets_draw_in_what_is_longer(config.version),
        qos=() if accounting.records is None else accounting.records.qos_of(user, enforced=enforced.qos),
        holdings_known=accounting.holdings is not None or accounting.records is None or not accounting.records.has_shared_limits,
    )


def overrun_minutes_of(config: SlurmConfig) -> float:
    """Return the minutes that a job may outlast its reservation: ResvOverRun of slurm.conf(5), infinity for UNLIMITED.

    Slurm starts a job that is longer than its reservation, and ends it that long after the reservation (measured, 22.05.8 and 26.05.5).
    """
    word = (config.get("ResvOverRun").split() or ["0"])[0]
    return math.inf if word == "UNLIMITED" else int(word) if word.isascii() and word.isdigit() else 0


def _why_no_memory(rules: JobRules) -> str:
    """Why a partition that counts no memory is not for jobs that must have some; empty if it is."""
    least = next((limit for limit in rules.limits if limit.least and limit.resource == MEMORY), None)
    return _("{source} asks for memory, and Slurm counts none there").format(source=least.whose) if least is not None else ""


def _without_memory(rules: JobRules) -> JobRules:
    """The rules where no memory is counted: no limit of it holds a job back (measured on 22.05.8)."""
    return replace(rules, limits=tuple(limit for limit in rules.limits if limit.least or limit.resource != MEMORY))


def _why_not_whole(limits: PartitionLimits, rules: JobRules) -> str:
    """Why an exclusive partition, which gives whole nodes, is not for these jobs; empty if it is."""
    if replace(limits, rules={"": rules}).narrowed("").kinds or not limits.kinds:
        return ""
    if not rules.qos:
        return _("it gives whole nodes")
    return _("it gives whole nodes, which are more than QOS {name} or the account allows").format(name=rules.qos)


def _inside(reservation: Reservation, partition: Partition, nodes: Mapping[str, Node], rule: MemoryRule) -> tuple[NodeKind, ...]:
    """The shapes of the partition's nodes in the reservation; where it has some cores only, an equal share of them on each node."""
    there = set(reservation.nodes)
    inside = [name for name in partition.nodes if name in there]
    if reservation.core_count is None:
        return kinds_of(partition, inside, nodes, rule)
    share = -(-reservation.core_count // len(there))

    def with_its_share(node: Node) -> Node:
        cores = min(node.cores_schedulable, share * node.cpus_per_core)
        return replace(node, cores_total=cores, cores_system=0, sockets=0, threads_per_core=node.cpus_per_core)

    return kinds_of(partition, inside, {name: with_its_share(nodes[name]) for name in inside if name in nodes}, rule)


def _as_spelled(reservation: Reservation, user: str, spellings: Collection[str]) -> Reservation:
    """The reservation, where it names the user otherwise than we do, with the name that we have."""

    def spelled(entry: str) -> str:
        without = entry.removeprefix("-")
        return entry[: len(entry) - len(without)] + user if without in spellings else entry

    users = tuple(map(spelled, reservation.users))
    return reservation if users == reservation.users else replace(reservation, users=users)


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
