"""Which QOS a job runs under, whether it may, and the limits that follow: for each account of one user in each partition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..i18n import _
from ..slurm.model import Association, Holdings, Partition, Qos, SlurmConfig, UserDefaults
from ..slurm.names import in_accounting
from .budgets import Budget, budgets_of
from .limits import Enforced, Limit, is_shared, limits_of_job, qos_order, why_impossible
from .partition_limits import JobRules


@dataclass(frozen=True)
class AccountingRecords:
    """What slurmdbd knows: every association of the cluster, each user's default account, every QOS.

    ``from_controller``: slurmdbd has never said, and this is the little that slurmctld knows (:func:`records_of_controller`).
    ``is_partial``: some associations could not be read, so that a user without one may have one all the same. ``hides_users``: slurmdbd
    shows the Hub its own rows alone (PrivateData), so that these are slurmctld's, or where that hides them too, none.
    """

    associations: tuple[Association, ...]
    defaults: tuple[UserDefaults, ...]
    qos: tuple[Qos, ...] = ()
    from_controller: bool = False
    is_partial: bool = False
    hides_users: bool = False

    @property
    def knows_limits(self) -> bool:
        """Whether limits and QOS are among it."""
        return not self.from_controller

    @property
    def is_substitute(self) -> bool:
        """Whether it stands in for slurmdbd's answer, which may come any time."""
        return self.from_controller and not self.hides_users

    def is_operator(self, user: str) -> bool:
        """Tell whether slurmdbd calls this user an operator, or more."""
        return any(entry.user == user and entry.is_operator for entry in self.defaults)

    @cached_property
    def has_shared_limits(self) -> bool:
        """Whether it matters to anybody what others hold."""
        return any(is_shared(limits) for limits in {*(entry.limits for entry in self.associations), *(entry.limits for entry in self.qos)})

    @cached_property
    def qos_by_name(self) -> dict[str, Qos]:
        """Every QOS by its name; empty where nobody knows them: then none is judged."""
        return {entry.name: entry for entry in self.qos}

    @cached_property
    def _by_user(self) -> dict[str, list[Association]]:
        rows: dict[str, list[Association]] = {}
        for entry in self.associations:
            rows.setdefault(entry.user, []).append(entry)
        return rows

    def has_user(self, user: str) -> bool:
        """Tell whether the user has an association."""
        return user in self._by_user

    def rows_of(self, user: str) -> tuple[Association, ...]:
        """Return the user's associations, and the accounts' own rows: all that the user's rights follow from."""
        return (*self._by_user.get(user, ()), *self._by_user.get("", ()))

    def qos_of(self, user: str, *, enforced: bool) -> tuple[str, ...]:
        """Return the QOS that the user may ask for, in alphabetical order: their associations', or all where QOS are not enforced."""
        if not enforced:
            return tuple(sorted(self.qos_by_name))
        own = {name for entry in self._by_user.get(user, ()) for name in entry.qos}
        return tuple(sorted(own & self.qos_by_name.keys()))

    def lacks(self, holdings: Holdings) -> frozenset[tuple[str, str, str]]:
        """Return associations that slurmctld knows and that are not here: they are newer than the answer of slurmdbd."""
        known = {(entry.account, entry.user, entry.partition) for entry in self.associations}
        return frozenset(holdings.associations.keys() - known)


def records_of_controller(holdings: Holdings) -> AccountingRecords:
    """Return who has which account, and which is above which, as slurmctld itself knows it, for a Hub that starts while slurmdbd is away.

    Limits and QOS are not among it: then none is judged here, and Slurm judges them itself when the job is submitted.
    """
    rows = tuple(
        Association(account, user, partition, parent="" if user else holdings.parents.get(account, ""))
        for account, user, partition in holdings.associations
    )
    return AccountingRecords(rows, (), from_controller=True)


def parents_of(associations: Iterable[Association]) -> dict[str, str]:
    """Return each account's parent."""
    return {association.account: association.parent for association in associations if not association.user}


def line_of(account: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """Return ``account`` and its parents up to the root."""
    line = [account]
    while parents.get(line[-1]) and parents[line[-1]] not in line:
        line.append(parents[line[-1]])
    return tuple(line)


def qos_of_job(forced: str, own: Association | None, associations: Sequence[Association]) -> str:
    """Return the name of the QOS that a job runs under, as assoc_mgr_get_default_qos_info in src/common/assoc_mgr.c chooses it.

    The one asked for, the association's DefaultQOS, the only one that the association has, the DefaultQOS of the root account, ``normal``.
    """
    root = next((entry for entry in associations if entry.account == "root" and not entry.user), None)
    only = own.qos[0] if own is not None and len(own.qos) == 1 else ""
    return forced or (own.default_qos if own else "") or only or (root.default_qos if root else "") or "normal"


def forced_qos(sbatch_options: Iterable[str]) -> str:
    """Return the QOS that the admin's own options of sbatch ask for, as slurmdbd writes it; empty where they ask for none.

    The last one counts.
    """
    chosen = ""
    for option in sbatch_options:
        name, _equals, value = option.partition("=")
        if name == "--qos":
            chosen = in_accounting(value)
    return chosen


@dataclass(frozen=True, slots=True)
class AccountingData:
    """What the rights of every user follow from.

    ``records`` is what slurmdbd knows; None: the site keeps no accounts. ``holdings`` is what is held of the limits that jobs share; None
    where nobody knows. ``config`` is the cluster's configuration, for AccountingStorageEnforce, MaxMemPerNode and MaxMemPerCPU; None: all
    of the accounting is enforced. ``job_qos`` is the QOS that every job of the service asks for (:func:`forced_qos`), empty for none.
    """

    records: AccountingRecords | None = None
    holdings: Holdings | None = None
    config: SlurmConfig | None = None
    job_qos: str = ""

    @property
    def enforced(self) -> Enforced:
        """What of the accounting Slurm enforces."""
        return Enforced.parse(self.config.get("AccountingStorageEnforce")) if self.config else Enforced()

    @property
    def hides_all(self) -> bool:
        """Whether Slurm tells the Hub nobody's accounts."""
        return self.records is not None and self.records.hides_users and not self.records.associations

    @property
    def knows_limits(self) -> bool:
        """Whether the limits that Slurm enforces are known."""
        return self.records is None or self.records.knows_limits or not (self.enforced.limits or self.enforced.qos)


class QosResolver:
    """The rules of one user's accounts, each made once: most partitions have the same.

    Parameters
    ----------
    rows
        The user's associations, and the accounts' own rows.
    uid
        The user's numeric id, by which Slurm counts what a user holds of a QOS.
    """

    def __init__(self, user: str, rows: Sequence[Association], data: AccountingData, *, uid: int = -1) -> None:
        self._associations = rows
        self._qos = data.records.qos_by_name if data.records else {}
        self._holdings = data.holdings or Holdings()
        self._enforced = data.enforced
        self._job_qos = data.job_qos
        self._uid = uid
        self._parents = parents_of(rows)
        self._own = {(entry.account, in_accounting(entry.partition)): entry for entry in rows if entry.user == user}
        self._rows = {entry.account: entry for entry in rows if not entry.user}
        self._levels: dict[tuple[str, str, tuple[str, ...]], tuple[tuple[Limit, ...], tuple[Budget, ...]]] = {}

    def rules(self, account: str, partition: Partition) -> tuple[JobRules, str]:
        """Return the rules of a job of this account there, and why it may not run there at all, empty if it may."""
        # An association that names the partition comes before the one for any (assoc_mgr_fill_in_assoc).
        own = self._own.get((account, in_accounting(partition.name))) or self._own.get((account, ""))
        name = qos_of_job(self._job_qos, own, self._associations)
        asked = "" if self._job_qos or not self._is_barred(name, partition) else self._another(own, partition)
        name = asked or name
        qos = self._qos.get(name)
        refused = self._why_not_under(name, qos, own, partition)
        order = qos_order(self._qos.get(partition.qos), qos)
        flags = qos.flags if qos else frozenset[str]()
        if not refused and partition.min_nodes > 1 and "PartitionMinNodes" not in flags:
            refused = _("its jobs have {number} nodes at least").format(number=partition.min_nodes)
        if not refused and partition.max_nodes == 0 and "PartitionMaxNodes" not in flags:
            refused = _("it takes no jobs")
        limits, budgets = self._levels_of(account, own, order)
        limits = limits if self._enforced.limits else ()
        rules = JobRules(
            name if qos else "",
            limits,
            needs_reservation="RequiresReservation" in flags,
            beyond_partition_time="PartitionTimeLimit" in flags,
            usage_factor=qos.usage_factor if qos else 1.0,
            budgets=budgets,
            asked_qos=asked,
        )
        return rules, refused or why_impossible(limits)

    def _why_not_under(self, name: str, qos: Qos | None, own: Association | None, partition: Partition) -> str:
        if not self._qos:
            return ""
        if self._enforced.qos:
            if qos is None:
                return _("there is no QOS {name}").format(name=name)
            if own is not None and name not in own.qos:
                return _("the account may not use QOS {name}").format(name=name)
        return _("QOS {name} may not be used there").format(name=name) if self._is_barred(name, partition) else ""

    @staticmethod
    def _is_barred(name: str, partition: Partition) -> bool:
        """Whether the partition takes no jobs of the QOS: AllowQos over DenyQos (slurm.conf(5))."""
        if partition.allow_qos is not None:
            return name not in partition.allow_qos
        return name in (partition.deny_qos or ())

    def _another(self, own: Association | None, partition: Partition) -> str:
        """Another QOS that the account has and that the partition takes, the first that it names; empty where there is none."""
        held = [name for name in (own.qos if own else ()) if name in self._qos and not self._is_barred(name, partition)]
        order = partition.allow_qos or ()
        return min(held, key=lambda name: (order.index(name) if name in order else len(order), name), default="")

    def _levels_of(self, account: str, own: Association | None, order: Sequence[Qos]) -> tuple[tuple[Limit, ...], tuple[Budget, ...]]:
        """The limits and the budgets of such jobs."""
        key = (account, own.partition if own else "", tuple(entry.name for entry in order))
        if key not in self._levels:
            rows = [self._rows[name] for name in line_of(account, self._parents) if name in self._rows]
            line = [own, *rows] if own else rows
            limits = limits_of_job(
                qos=order,
                line=line,
                account=account,
                uid=self._uid,
                holdings=self._holdings,
                safe=self._enforced.safe,
            )
            self._levels[key] = limits, budgets_of(qos=order, line=line, holdings=self._holdings)
        return self._levels[key]
