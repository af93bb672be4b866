"""Slurm's limits for one job: which of them hold, in Slurm's order of precedence.

The order is that of Slurm's page "Resource Limits": partition QOS, job QOS (the other way round with ``OverPartQOS``), the user's
association, its accounts. Where a limit of one kind is set for one resource (TRES) first, there it counts; but of Grp… limits of
associations each counts, those of every parent too. Measured on 22.05.8 (src/slurmctld/acct_policy.c): a QOS takes the place of the
associations for Grp… as well; a typed limit (``gres/gpu:v100``) does not bind a job that names no type.

A job over a limit for one job waits for ever (or is refused, with ``DenyOnLimit``); so does one that alone is larger than a limit that
many jobs share. One that would fit if others ended only waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..availability.demand import Demand
from ..i18n import _
from ..slurm.model import NO_LIMITS, AccountingLimits, Association, Holdings, Qos, Tres, Use
from ..slurm.names import in_accounting
from ..slurm.resources import CORES, GPUS, JOBS, MEMORY, MINUTES, NODES, SUBMITTED
from ..slurm.shared_gres import SHARED

Scope = Literal["job", "user", "account", "group"]
Measure = Literal["amount", "minutes", "any"]


_RESOURCES = {"cpu": CORES, "mem": MEMORY, "node": NODES, "gres/gpu": GPUS, **{f"gres/{name}": name for name in SHARED}}
_TYPED = tuple(f"{tres}:" for tres in _RESOURCES if tres.startswith("gres/"))

_SMALLEST = {CORES: 1, MEMORY: 1, NODES: 1, MINUTES: 1, JOBS: 1, SUBMITTED: 1}
"""The least that any job is."""


def source_in_words(source: str) -> str:
    """Return whose limit or budget it is, as the subject of a sentence: ``QOS long`` in English, with its article in other languages."""
    kind, blank, name = source.partition(" ")
    if kind == "QOS" and blank:
        # Translators: the subject or the object of a sentence, with its article
        return _("QOS {name}").format(name=name)
    if kind == "account" and blank:
        # Translators: the subject or the object of a sentence, with its article
        return _("account {name}").format(name=name)
    return source


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit that binds a job.

    ``most`` of ``resource``, in the units of a request; ``least`` turns it into a lower bound. ``source`` says whose it is: ``QOS long``,
    ``account cin_ada``. ``scope`` says what it counts: one job, or all jobs of a user, of an account, of the whole group; these together
    hold ``held`` now. ``measure``: ``minutes`` counts the resource times the job's time limit, ``any`` counts no matter how much is asked
    for. A ``budget`` does not come back when jobs end. With ``per_node`` it counts what a job has of each of its nodes.
    """

    resource: str
    most: int
    source: str
    scope: Scope = "job"
    held: int = 0
    least: bool = False
    measure: Measure = "amount"
    budget: bool = False
    per_node: bool = False

    @property
    def clause(self) -> str:
        """Who allows it to whom, for a sentence: ``that QOS long allows one session``."""
        if self.scope == "job":
            return _("that {source} allows one session").format(source=self.whose)
        if self.scope == "user":
            return _("that {source} allows one user").format(source=self.whose)
        if self.scope == "account":
            return _("that {source} allows one account").format(source=self.whose)
        return _("that {source} allows all its sessions together").format(source=self.whose)

    @property
    def whose(self) -> str:
        """:attr:`source` as the subject of a sentence, as :func:`source_in_words`."""
        return source_in_words(self.source)

    @property
    def belonging(self) -> str:
        """``of QOS long``, after the name of what belongs to it."""
        kind, blank, name = self.source.partition(" ")
        if kind == "QOS" and blank:
            return _("of QOS {name}").format(name=name)
        if kind == "account" and blank:
            return _("of account {name}").format(name=name)
        return _("of {source}").format(source=self.source)

    def counts(self, amounts: Mapping[str, int]) -> int:
        """Return how much of ``amounts`` the limit counts."""
        amount = amounts.get(self.resource, 0)
        if self.per_node:
            amount //= amounts.get(NODES, 1)
        if self.measure == "minutes":
            return amount * amounts.get(MINUTES, 0)
        return min(amount, 1) if self.measure == "any" else amount

    def forbids(self, amounts: Mapping[str, int]) -> bool:
        """Tell whether such a job could never start, whatever else runs."""
        counted = self.counts(amounts)
        return counted < self.most if self.least else counted > self.most

    def delays(self, amounts: Mapping[str, int]) -> bool:
        """Tell whether such a job would have to wait for others to end."""
        counted = self.counts(amounts)
        return not self.least and 0 < counted <= self.most < counted + self.held


@dataclass(frozen=True, slots=True)
class Enforced:
    """What of the accounting Slurm enforces: ``AccountingStorageEnforce`` of slurm.conf(5). All of it where nobody knows."""

    associations: bool = True
    limits: bool = True
    qos: bool = True
    safe: bool = False

    @classmethod
    def parse(cls, text: str) -> Enforced:
        """Read the value as ``scontrol show config`` prints it; empty where it could not be read."""
        words = {word.strip().lower() for word in text.split(",")} - {""}
        if not words:
            return cls()
        everything = bool(words & {"all", "1"})
        limits = everything or bool(words & {"limits", "safe"})
        qos = everything or "qos" in words
        return cls(everything or limits or qos or bool(words & {"associations", "wckeys"}), limits, qos, "safe" in words)


def is_shared(limits: AccountingLimits) -> bool:
    """Tell whether several jobs share some of the limits, so that what is held counts."""
    if limits == NO_LIMITS:
        return False
    alone = replace(
        NO_LIMITS,
        per_job=limits.per_job,
        per_node=limits.per_node,
        per_job_minutes=limits.per_job_minutes,
        least_per_job=limits.least_per_job,
        max_minutes=limits.max_minutes,
    )
    return limits != alone


def resource_of(tres: str) -> str:
    """Return our name for one of Slurm's TRES, empty for one that no request of ours asks for."""
    if tres.startswith(_TYPED):
        gres, _colon, gpu_type = tres.partition(":")
        return f"{_RESOURCES[gres]}:{gpu_type}"
    return _RESOURCES.get(tres, "")


def typed(resource: str, gpu_type: str) -> str:
    """Return the resource of one type: ``gpus:v100``. Limits know types as slurmdbd writes them."""
    return f"{resource}:{in_accounting(gpu_type)}" if gpu_type else resource


def amounts_of(demand: Demand) -> dict[str, int]:
    """Return what a job asks for of all its nodes together, by resource."""
    kind, nodes = GPUS if demand.gres == "gpu" else demand.gres, demand.nodes
    on_nodes = {CORES: demand.cores * nodes, MEMORY: demand.memory_mb * nodes, NODES: nodes, GPUS: 0, kind: demand.gpus * nodes}
    amounts = {**_SMALLEST, MINUTES: demand.minutes, **on_nodes}
    return {**amounts, typed(kind, demand.gpu_type): demand.gpus * nodes} if demand.gpu_type else amounts


def qos_order(partition_qos: Qos | None, job_qos: Qos | None) -> tuple[Qos, ...]:
    """Return the QOS of a job, the one that counts first in front; each once."""
    order = [job_qos, partition_qos] if job_qos is not None and "OverPartQOS" in job_qos.flags else [partition_qos, job_qos]
    return tuple({qos.name: qos for qos in order if qos is not None}.values())


@dataclass(frozen=True, slots=True)
class _Level:
    """One place where limits are set, with what its jobs hold. ``user`` and ``account`` is what one user, one account holds of a QOS."""

    source: str
    limits: AccountingLimits
    group: Use
    user: Use
    account: Use
    is_qos: bool


def limits_of_job(
    *, qos: Sequence[Qos], line: Sequence[Association], account: str, uid: int, holdings: Holdings, safe: bool
) -> tuple[Limit, ...]:
    """Return every limit of accounting that binds a job.

    Parameters
    ----------
    qos
        As :func:`qos_order` has them.
    line
        The user's own association, then its accounts up to the root; empty where there is none.
    uid
        The user's numeric id, by which Slurm counts what a user holds of a QOS.
    safe
        AccountingStorageEnforce=safe: no job starts that might use up a budget.
    """
    levels = [
        _Level(
            f"QOS {entry.name}",
            entry.limits,
            holdings.qos.get(entry.name, Use()),
            holdings.qos_users.get((entry.name, uid), Use()),
            holdings.qos_accounts.get((entry.name, account), Use()),
            True,
        )
        for entry in qos
    ]
    for entry in line:
        use = holdings.associations.get((entry.account, entry.user, entry.partition), Use())
        levels.append(_Level(f"account {entry.account}", entry.limits, use, use, use, False))
    # Max… limits of the accounts are inherited by the user's own association, whose row has them (sacctmgr show assoc).
    own = levels[: len(qos) + 1]
    return (*_per_job(own), *_shared(own), *_groups(levels, own_user=bool(line) and bool(line[0].user), safe=safe))


def _first(levels: Iterable[_Level], name: str) -> Iterator[tuple[str, int, _Level]]:
    """Each resource's limit of this name, at the first level that has one for this very TRES."""
    seen = set()
    for level in levels:
        tres: Tres = getattr(level.limits, name)
        for entry, count in tres:
            if entry not in seen:
                seen.add(entry)
                if resource := resource_of(entry):
                    yield resource, count, level


def _first_number(levels: Iterable[_Level], name: str) -> tuple[int, _Level] | None:
    return next(((getattr(level.limits, name), level) for level in levels if getattr(level.limits, name) is not None), None)


def _per_job(levels: Sequence[_Level]) -> Iterator[Limit]:
    for name in ("per_job", "per_node"):
        for resource, count, level in _first(levels, name):
            yield Limit(resource, count, level.source, per_node=name == "per_node")
    for resource, count, level in _first(levels, "least_per_job"):
        yield Limit(resource, count, level.source, least=True)
    for resource, count, level in _first(levels, "per_job_minutes"):
        yield Limit(resource, count, level.source, measure="minutes")
    if found := _first_number(levels, "max_minutes"):
        yield Limit(MINUTES, found[0], found[1].source)


def _shared(levels: Sequence[_Level]) -> Iterator[Limit]:
    """What all jobs of a user or of an account share."""
    for resource, count, level in _first(levels, "per_user"):
        yield Limit(resource, count, level.source, "user", _held(level.user.tres, resource))
    for resource, count, level in _first(levels, "per_account"):
        yield Limit(resource, count, level.source, "account", _held(level.account.tres, resource))
    for resource, per_user, per_account in (
        (JOBS, "max_jobs", "max_jobs_per_account"),
        (SUBMITTED, "max_submit", "max_submit_per_account"),
    ):
        if found := _first_number(levels, per_user):
            yield Limit(resource, found[0], found[1].source, "user", getattr(found[1].user, resource))
        if found := _first_number(levels, per_account):
            yield Limit(resource, found[0], found[1].source, "account", getattr(found[1].account, resource))


def _groups(levels: Sequence[_Level], *, own_user: bool, safe: bool) -> Iterator[Limit]:
    """Grp… limits: the first QOS that has one takes the place of all, else every association's counts."""
    qos = [level for level in levels if level.is_qos]
    associations = [level for level in levels if not level.is_qos]

    def scope(level: _Level) -> Scope:
        return "user" if own_user and level is associations[0] else "group"

    def binding(name: str) -> Iterator[tuple[str, int, _Level]]:
        taken = {resource for resource, _count, _level in _first(qos, name)}
        yield from _first(qos, name)
        for level in associations:
            yield from (found for found in _first([level], name) if found[0] not in taken)

    for resource, count, level in binding("group"):
        yield Limit(resource, count, level.source, scope(level), _held(level.group.tres, resource))
    for resource, count, level in binding("group_run_minutes"):
        yield Limit(resource, count, level.source, scope(level), _held(level.group.run_minutes, resource), measure="minutes")
    for resource, count, level in binding("group_minutes"):
        used = _held(level.group.minutes, resource)
        yield Limit(resource, count, level.source, scope(level), used, measure="minutes" if safe else "any", budget=True)
    for resource, name in ((JOBS, "group_jobs"), (SUBMITTED, "group_submit")):
        first = _first_number(qos, name)
        for level in [first[1]] if first else associations:
            count = getattr(level.limits, name)
            if count is not None:
                yield Limit(resource, count, level.source, scope(level), getattr(level.group, resource))


def _held(tres: Tres, resource: str) -> int:
    return sum(count for name, count in tres if resource_of(name) == resource)


def why_impossible(limits: Iterable[Limit]) -> str:
    """Return why even the smallest job could never start (``MaxJobs=0``, ``GrpTRES=cpu=0``, a budget of nothing), empty if it could."""
    for limit in limits:
        if not limit.least and limit.forbids(_SMALLEST):
            return _nothing_of(limit).format(source=limit.whose, resource=limit.resource)
    return ""


def _nothing_of(limit: Limit) -> str:
    if limit.budget:
        return _("{source} has a budget of 0")
    if limit.resource in (JOBS, SUBMITTED, NODES):
        return _("{source} allows no jobs")
    if limit.resource == MINUTES:
        return _("{source} allows no time")
    if limit.resource == CORES:
        return _("{source} allows no cores")
    if limit.resource == MEMORY:
        return _("{source} allows no memory")
    return _("{source} allows no {resource}")


def minutes_by_amount(limits: Iterable[Limit], amounts: Mapping[str, int]) -> list[tuple[int, Limit]]:
    """Return the minutes that each limit of an amount times the time leaves to such a job; one that leaves none is not the time's fault."""
    found = [
        (limit.most // amounts.get(limit.resource, 0), limit)
        for limit in limits
        if limit.measure == "minutes" and amounts.get(limit.resource)
    ]
    return [(most, limit) for most, limit in found if most]
