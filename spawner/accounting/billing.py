"""What a session is billed, as Slurm itself will bill it.

Slurm bills what it gives to a job, not what was asked for: whole cores, whole nodes, more CPUs for much memory. The amounts are multiplied
by the partition's TRESBillingWeights (slurm.conf(5); ``assoc_mgr_tres_weighted`` in src/common/assoc_mgr.c); what comes out is a whole
number, ``billing=`` of the job. It is charged for every minute, times the UsageFactor of the job's QOS (sacctmgr(1)).

A billing unit is that number for one hour; Slurm's own budgets (GrpTRESMins) count it in minutes. CPUs are what the rest of the product
calls cores. "Measured" is on 22.05.8 and 24.11.5; ``tests/real/test_cost.py`` measures it again. What nobody knows is None, never 0.

Not looked at, for the form does not ask for it: options of the admin's own that change what a job is given (``--exclusive``, ``--hint``),
licences, burst buffers. A job on several nodes is taken to get nodes that are alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..availability.demand import Demand, in_whole_cores
from ..slurm.model import Tres
from ..slurm.shared_gres import SHARED
from .billing_rule import BillingRule, Combining, Shape

SHARED_GRES = frozenset(SHARED)
"""Parts of GPUs. A job that is given a whole node gets the GPUs, and none of these (measured)."""

_ON_NODE = ("cpu", "mem", "node")
_KNOWN = frozenset({*_ON_NODE, "billing", "fs/disk", "vmem", "pages"})
"""With GRES, the TRES of which it is known how much a job has; of the last three that is nothing, they are use only (measured)."""


# --- what a job is given -------------------------------------------------------------------------------------------------------


def _allocations(rule: BillingRule, demand: Demand) -> Iterator[dict[str, int]]:
    """The TRES of every job that Slurm may make of the request, on any node that could hold it when empty."""
    for shape in rule.shapes:
        for cpus in _cpus(rule, shape, demand):
            memory_mb = rule.memory_rule.taken(demand, cpus, shape.memory_mb)
            if memory_mb > shape.memory_mb:
                continue
            for given in _gres_given(rule, shape, demand):
                tres = {"cpu": cpus, "mem": memory_mb if rule.counts_memory else 0, "node": 1}
                for name, kind, count in given:
                    for entry in (f"gres/{name}", f"gres/{name}:{kind}") if kind else (f"gres/{name}",):
                        tres[entry.lower()] = tres.get(entry.lower(), 0) + count
                known = ((entry, count) for entry, count in tres.items() if count and (entry in _ON_NODE or entry in rule.tracked))
                yield {entry: count * demand.nodes for entry, count in known}


def _cpus(rule: BillingRule, shape: Shape, demand: Demand) -> set[int]:
    """CPUs that the job gets: whole cores, or the whole node.

    Who asks for more memory than MaxMemPerCPU for each CPU gets more of them (:meth:`.MemoryRule.cores_given`).
    """
    if rule.whole_nodes:
        return {shape.whole} if demand.cores <= shape.cpus else set()
    given = in_whole_cores(rule.memory_rule.cores_given(demand), shape.step)
    return {given} if given <= shape.cpus else set()


_Given = tuple[tuple[str, str, int], ...]


def _gres_given(rule: BillingRule, shape: Shape, demand: Demand) -> list[_Given]:
    """What the job may get of the node's GRES; several where it names no type and the node has several, for Slurm mixes them."""
    wanted = demand.gpus
    have = [entry for entry in shape.gres if wanted and entry[0] == demand.gres and demand.gpu_type in ("", entry[1])]
    if sum(count for _, _, count in have) < wanted:
        return []
    if rule.whole_gres:
        if wanted and demand.gres in SHARED_GRES:
            return []  # such a job waits for ever (measured)
        return [tuple(entry for entry in shape.gres if entry[0] not in SHARED_GRES)]
    if not wanted:
        return [()]
    weights = dict(rule.weights)
    by_weight = sorted(have, key=lambda entry: -weights.get(f"gres/{entry[0]}:{entry[1]}".lower(), 0.0))
    # The most is paid by taking the dearest first, or as many as there are of one type where only the largest amount counts.
    return [_take([first, *(entry for entry in by_weight if entry != first)], wanted) for first in by_weight]


def _take(order: Iterable[tuple[str, str, int]], count: int) -> _Given:
    taken = []
    for name, kind, there in order:
        if count:
            taken.append((name, kind, min(there, count)))
            count -= min(there, count)
    return tuple(taken)


# --- what it costs -------------------------------------------------------------------------------------------------------------


def billing_of(tres: Mapping[str, int], rule: BillingRule, combining: Combining) -> int:
    """Return ``billing=`` of a job that has ``tres`` (memory in MB): its CPUs without weights, else its weighted amounts together.

    Slurm adds in the order of its TRES and cuts the fraction off (``calc_job_billable_tres`` in src/slurmctld/job_mgr.c).
    """
    if not rule.weights:
        return tres.get("cpu", 0)
    weights = dict(rule.weights)
    priced = {entry: tres.get(entry, 0) * weights.get(entry, 0.0) for entry in dict.fromkeys((*_ON_NODE, *rule.tracked))}
    gres = [price for entry, price in priced.items() if entry.startswith("gres/")]
    node = [priced[entry] for entry in _ON_NODE]
    if combining == "max":
        return int(max(node + gres))
    return int(max(node) + sum(gres)) if combining == "max and gres" else int(sum(priced.values()))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one session costs if it lasts for all of its time; it is charged for the time that it really takes.

    ``billing`` is the number that Slurm writes on the job, the largest possible where that is not sure: then it is not ``exact``, for it
    depends on the node and the type of GPU that the job will get, or on what Slurm does not tell. ``minutes`` is the time limit.
    ``tres`` are the amounts that count against budgets, ``billing`` among them.
    """

    billing: int
    exact: bool
    minutes: int
    usage_factor: float
    tres: Tres

    @property
    def per_hour(self) -> float:
        """Billing units an hour, with the QOS's UsageFactor."""
        return self.billing * self.usage_factor

    @property
    def total(self) -> float:
        """Billing units for the whole time."""
        return self.per_hour * self.minutes / 60

    def minutes_of(self, tres: str) -> float | None:
        """Return what the whole time takes of a budget of ``tres``, in TRES-minutes; None where a job's amount cannot be known."""
        if tres in _KNOWN or tres.startswith("gres/"):
            return dict(self.tres).get(tres, 0) * self.minutes * self.usage_factor
        return None


def cost_of(rule: BillingRule | None, demand: Demand, *, usage_factor: float | None = 1.0) -> Cost | None:
    """Return what a session costs; None where it is not known, or where no node could hold it.

    ``usage_factor`` is UsageFactor of the QOS that the job runs under, None where it is not known. A partition's QOS has no part in it
    (measured).
    """
    if rule is None or usage_factor is None:
        return None
    jobs = list(_allocations(rule, demand))
    if not jobs:
        return None
    billings = {billing_of(job, rule, combining) for job in jobs for combining in rule.combinings}
    most = {entry: max(job.get(entry, 0) for job in jobs) for job in jobs for entry in job}
    most["billing"] = max(billings)
    return Cost(
        most["billing"], len(billings) == 1 and not _depends_on_type(rule, demand), demand.minutes, usage_factor, tuple(most.items())
    )


def _depends_on_type(rule: BillingRule, demand: Demand) -> bool:
    """Whether the price may differ by which of a node's types Slurm gives out; select/linear may count no GRES at all (measured)."""
    if not demand.gpus or rule.whole_gres:
        return False
    prefix = f"gres/{demand.gres}:".lower()
    typed = any(weight for tres, weight in rule.weights if tres.startswith(prefix))
    if rule.whole_nodes:
        return typed or any(weight for tres, weight in rule.weights if tres == prefix[:-1])
    there = [[count for name, _, count in shape.gres if name == demand.gres] for shape in rule.shapes]
    return typed and not demand.gpu_type and any(len(counts) > 1 and sum(counts) > demand.gpus for counts in there)
