"""What I have: for cores, memory and GPUs two bars each, what one user's running jobs hold in one partition, and what they hold overall.

The first is mine in the partition against my limit there, the second mine overall against that and what I could still get. All jobs of
the user count, whoever submitted them. The amounts are those that Slurm itself prints for a job (squeue's tres-alloc). As with Slurm's own
limits, a suspended job keeps them and one that is ending has none of them any more (measured on 22.05.8 and 24.11.5).

Unknown is None and reads "—", never 0: no list of jobs, memory where Slurm does not give it to jobs, GPUs where AccountingStorageTRES does
not have them. Parts of GPUs (shards, MPS) are no GPUs here and only named beside them, and limits of one type of GPU are not looked at: a
job that names no type is not bound by them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..accounting.limits import Limit
from ..accounting.partition_limits import PartitionLimits
from ..availability.totals import RESOURCES, NodePool, Running
from ..humanize import cores_in_words, joined, limit_of_memory, part_of_gpu
from ..i18n import N_, _, ngettext
from ..request.choices import Choices
from ..slurm.model import Job, SlurmConfig
from ..slurm.resources import CORES, GPUS, MEMORY
from ..slurm.shared_gres import parts_in
from ..slurm.tres import tres_of_job
from ..slurm.values import names_of

UNKNOWN = "—"

_LABELS = {CORES: (N_("Cores"), "cores"), MEMORY: (N_("Memory"), "MB"), GPUS: (N_("GPUs"), "GPUs")}


@dataclass(frozen=True, slots=True)
class Bar:
    """``used`` of ``most``, in the unit of the resource; None where nobody knows. ``words`` say it to a person: ``2 of 4 GPUs``."""

    used: int | None
    most: int | None
    words: str

    @property
    def percent(self) -> int | None:
        """How much of the bar is full, from 0 to 100; None where that is not known."""
        if self.used is None or self.most is None:
            return None
        return min(100, round(100 * self.used / self.most)) if self.most else min(100, 100 * self.used)


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """The two bars of one resource; ``unit`` is ``cores``, ``MB`` or ``GPUs``.

    ``limit_is`` says what the end of ``here`` is: ``your limit``, ``a limit that you share``, ``all of the partition``; empty where it is
    not known. ``source`` is whose limit, empty where it is none.
    """

    resource: str
    label: str
    unit: str
    here: Bar
    overall: Bar
    limit_is: str = ""
    source: str = ""


# --- one user's ------------------------------------------------------------------------------------------------------------------


def resource_usage_of(
    running: Running | None,
    pools: Sequence[NodePool] | None,
    choices: Choices,
    *,
    partition: str,
    account: str = "",
    reservation: str = "",
    config: SlurmConfig | None = None,
) -> tuple[ResourceUsage, ...]:
    """Return the bars of this user for a session of ``account`` in ``partition``; none where the user cannot choose the partition.

    GPUs are left out where no partition of the user's has any.

    Parameters
    ----------
    running
        :func:`running_jobs`; None where there is no list, or one that hides jobs.
    pools
        :func:`pools_of` what is free in ``reservation``; None where nobody knows.
    config
        The cluster's configuration, for AccountingStorageTRES.
    """
    there = choices.partition(partition)
    if there is None:
        return ()
    jobs = None if running is None else running.by_user.get(choices.entitlement.user, ())
    inside = choices.reservation(reservation)
    nodes = frozenset(inside.nodes) if inside is not None else frozenset[str]()
    jobs_here = None if jobs is None else [job for job in jobs if job.partition == partition and _is_inside(job, nodes)]
    counts_gpus = _counts_gpus(config or SlurmConfig())
    bars = []
    for resource in RESOURCES if any(entry.gpus for entry in choices.partitions) else (CORES, MEMORY):
        total = None if pools is None else _all_of(resource, there, pools)
        here = _held(resource, jobs_here, counts_gpus)
        limit, most = _limit_here(resource, there.rules_for(account).limits, here, total)
        overall = _held(resource, jobs, counts_gpus)
        more = None if pools is None else _still(resource, choices, account, pools)
        label, unit = _LABELS[resource]
        parts_here, parts = (_parts_in_words(each) if resource == GPUS else [] for each in (jobs_here, jobs))
        bars.append(
            ResourceUsage(
                resource=resource,
                label=_(label),
                unit=unit,
                here=_bar(resource, here, most, parts_here),
                overall=_bar(resource, overall, None if overall is None or more is None else overall + more, parts),
                limit_is=_what_it_is(resource, limit, most, there, reservation),
                source=limit.whose if limit else "",
            )
        )
    return tuple(bars)


def _is_inside(job: Job, nodes: Collection[str]) -> bool:
    return not nodes or not job.nodes or any(name in nodes for name in job.nodes)


def _counts_gpus(config: SlurmConfig) -> bool:
    """Whether a job without GPUs in its TRES has none: else Slurm prints them for no job (measured)."""
    return "gres/gpu" in names_of(config.get("AccountingStorageTRES").lower())


@lru_cache(maxsize=8192)  # most jobs of a user are alike, and the bars are shown again and again
def _amounts(text: str) -> Mapping[str, int]:
    """What of our resources a job has, by what Slurm prints of it; nothing of what cannot be read."""
    tres = tres_of_job(text)
    found = dict(tres)
    typed = [count for name, count in tres if name.startswith("gres/gpu:")]
    amounts = {CORES: found.get("cpu"), MEMORY: found.get("mem"), GPUS: found.get("gres/gpu", sum(typed) if typed else None)}
    return {resource: count for resource, count in amounts.items() if count is not None}


def _held(resource: str, jobs: Iterable[Job] | None, counts_gpus: bool) -> int | None:
    """What the jobs hold together, None where that of one of them is not known."""
    if jobs is None:
        return None
    held = 0
    for job in jobs:
        amounts = _amounts(job.tres)
        count = amounts.get(resource)
        if count is None and resource == CORES:
            count = job.cores or None
        if count is None and resource == GPUS and counts_gpus and amounts:
            count = 0
        if count is None:
            return None
        held += count
    return held


def _all_of(resource: str, partition: PartitionLimits, pools: Iterable[NodePool]) -> int:
    """What the usable nodes of the partition have for jobs: where jobs share cores, each core as often as it is given out."""
    times = partition.users_per_core if resource == CORES else 1
    return times * sum(pool.total[resource] for pool in pools if partition.name in pool.partitions)


def _shared_limits(resource: str, limits: Iterable[Limit]) -> list[Limit]:
    """The limits of the resource that several jobs share."""
    return [
        limit for limit in limits if limit.resource == resource and limit.measure == "amount" and limit.scope != "job" and not limit.least
    ]


def _limit_here(resource: str, limits: Iterable[Limit], used: int | None, total: int | None) -> tuple[Limit | None, int | None]:
    """The tightest limit and how much it is; no limit, and all that the partition has, where that is less."""
    limit = min(_shared_limits(resource, limits), key=lambda entry: entry.most, default=None)
    # What I hold on nodes that have gone out of service since is part of what I can have.
    all_of_it = None if total is None else max(total, used or 0)
    if limit is None or (all_of_it is not None and all_of_it < limit.most):
        return None, all_of_it
    return limit, limit.most


def _still(resource: str, choices: Choices, account: str, pools: Sequence[NodePool]) -> int | None:
    """What new sessions of the account could have now, in all of the user's partitions together.

    Never more than is free there, than each set of limits leaves in the partitions where it holds, and than the limits that hold in all of
    them leave.
    """
    groups: dict[frozenset[Limit], list[PartitionLimits]] = {}
    for partition in choices.partitions:
        if not account or not partition.accounts or account in partition.accounts:
            limits = frozenset(_shared_limits(resource, partition.rules_for(account).limits))
            groups.setdefault(limits, []).append(partition)
    everywhere = _free(resource, [partition for group in groups.values() for partition in group], pools)
    if everywhere is None or not groups:
        return everywhere
    by_group = sum(min(_free(resource, group, pools) or 0, _left(limits)) for limits, group in groups.items())
    return int(min(everywhere, by_group, _left(frozenset.intersection(*groups))))


def _free(resource: str, partitions: Iterable[PartitionLimits], pools: Iterable[NodePool]) -> int | None:
    """What is free on the usable nodes of the partitions, each node once; None where it is not known."""
    times = {partition.name: partition.users_per_core if resource == CORES else 1 for partition in partitions}
    free = 0
    for pool in pools:
        given_out = max((times[name] for name in pool.partitions if name in times), default=0)
        if given_out == 1:
            free += pool.free[resource]
        elif given_out > 1:
            if pool.given is None:
                return None
            free += max(0, given_out * pool.total[resource] - pool.given)
    return free


def _left(limits: Iterable[Limit]) -> float:
    """What the limits leave, infinity without any."""
    return min((max(0, limit.most - limit.held) for limit in limits), default=math.inf)


# --- in words --------------------------------------------------------------------------------------------------------------------


def _what_it_is(resource: str, limit: Limit | None, most: int | None, partition: PartitionLimits, reservation: str) -> str:
    if limit is not None:
        return _("your limit") if limit.scope == "user" else _("a limit that you share")
    if most is None:
        return ""
    if reservation:
        return _("all of the reservation")
    if resource == CORES and partition.users_per_core > 1:
        return _("all of the partition, each core for up to {number} jobs").format(number=partition.users_per_core)
    return _("all of the partition")


def _bar(resource: str, used: int | None, most: int | None, besides: Sequence[str]) -> Bar:
    return Bar(used, most, joined([_in_words(resource, used, most), *besides]))


def _parts_in_words(jobs: Iterable[Job] | None) -> list[str]:
    """The parts of GPUs that the jobs hold, kind by kind: ``MPS 50``, ``2 shards``."""
    held: dict[str, int] = {}
    for job in jobs or ():
        for name, count in parts_in(job.tres).items():
            if ":" not in name:
                held[name] = held.get(name, 0) + count
    return [part_of_gpu(name, "", count, None) for name, count in sorted(held.items())]


def _in_words(resource: str, used: int | None, most: int | None) -> str:
    """``2 of 4 GPUs``; the dash for what is not known, and alone where nothing is."""
    if used is None and most is None:
        return UNKNOWN
    if most is None:
        return _amount(resource, used or 0)
    if used == most == 0:
        return _("none")
    written = UNKNOWN if used is None else limit_of_memory(used) if resource == MEMORY else str(used)
    return _("{used} of {most}").format(used=written, most=_amount(resource, most))


def _amount(resource: str, amount: int) -> str:
    if resource == MEMORY:
        return limit_of_memory(amount)
    if resource == GPUS:
        return ngettext("{number} GPU", "{number} GPUs", amount).format(number=amount)
    return cores_in_words(amount)
