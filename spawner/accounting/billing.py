"""What a session is billed, as Slurm itself will bill it, and what is left of the budgets that it is charged to.

Slurm bills what it gives to a job, not what was asked for: whole cores, whole nodes, more CPUs for much memory. The amounts are multiplied
by the partition's TRESBillingWeights (slurm.conf(5); ``assoc_mgr_tres_weighted`` in src/common/assoc_mgr.c); what comes out is a whole
number, ``billing=`` of the job. It is charged for every minute, times the UsageFactor of the job's QOS (sacctmgr(1)).

A billing unit is that number for one hour; Slurm's own budgets (GrpTRESMins) count it in minutes. CPUs are what the rest of the product
calls cores. "Measured" is on 22.05.8 and 24.11.5; ``tests/real/test_cost.py`` measures it again. What nobody knows is None, never 0.

Not looked at, for the form does not ask for it: options of the admin's own that change what a job is given (``--exclusive``, ``--hint``),
licences, burst buffers, jobs on several nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from ..availability.demand import Demand
from ..slurm.model import Node, Partition, SlurmConfig, Tres
from ..slurm.shared_gres import SHARED
from ..slurm.values import names_of

Combining = Literal["sum", "max", "max and gres"]
"""How weighted amounts become one number. PriorityFlags of slurm.conf(5): none, MAX_TRES, MAX_TRES_GRES (25.05 and later)."""

SHARED_GRES = frozenset(SHARED)
"""Parts of GPUs. A job that is given a whole node gets the GPUs, and none of these (measured)."""

_ON_NODE = ("cpu", "mem", "node")
_KNOWN = frozenset({*_ON_NODE, "billing", "fs/disk", "vmem", "pages"})
"""With GRES, the TRES of which it is known how much a job has; of the last three that is nothing, they are use only (measured)."""


# --- weights -------------------------------------------------------------------------------------------------------------------

_WEIGHT = re.compile(r"([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]{1,3})?|\.[0-9]+)([KMGTP]?)[A-Za-z]*", re.ASCII | re.IGNORECASE)
_UNITS = ("", "K", "M", "G", "T", "P")


def parse_weight(tres: str, text: str) -> float | None:
    """The weight of one unit of ``tres``, of one MB for memory; None for what Slurm reads as something that has no sense here.

    A suffix divides: ``0.25G`` is 0.25 for each GB. One below the unit itself is ignored, so that ``1K`` for memory is 1 for each MB
    (``_tres_weight_item`` in src/common/slurm_protocol_api.c; measured).
    """
    match = _WEIGHT.fullmatch(text)
    if match is None:
        return None
    steps = _UNITS.index(match[2].upper()) - (_UNITS.index("M") if tres == "mem" else 0)
    divisor: int = 1024 ** max(0, steps)
    return float(match[1]) / divisor


def _weights_of(partition: Partition) -> tuple[tuple[str, float], ...] | None:
    """The weights that a job's amounts can meet; None if one of them cannot be known."""
    weights = []
    for tres, text in partition.billing_weights:
        weight = parse_weight(tres, text)
        # What a job has of energy is not known while it runs: Slurm then prints no billing at all (measured).
        if weight is None or (weight and tres == "energy"):
            return None
        weights.append((tres, weight))
    return tuple(weights)


# --- the rule of a partition ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shape:
    """Nodes that are billed alike. A job gets CPUs in multiples of ``step``, at most ``cpus``; all ``whole`` if it gets the node.

    ``memory_mb`` is what jobs may have. ``gres`` is name, type and count of each kind.
    """

    cpus: int
    whole: int
    step: int
    memory_mb: int
    gres: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class BillingRule:
    """How jobs on one node of a partition are billed. Made of Slurm's own answers by :func:`billing_rule`.

    ``weights`` is empty where CPUs are billed; those of memory are for a MB. ``combinings`` has more than one where Slurm does not say
    which it uses. ``tracked`` is AccountingStorageTRES: only these are counted. ``counts_memory``: memory is consumable. A job is given
    the whole node where ``whole_nodes``, with its GPUs if ``whole_gres``. ``memory_mb_per_cpu`` is MaxMemPerCPU; ``grows_by`` is what
    more memory than that adds, ``task`` or ``cpu`` (:func:`_cpus`).
    """

    weights: tuple[tuple[str, float], ...]
    combinings: tuple[Combining, ...]
    tracked: tuple[str, ...]
    counts_memory: bool
    whole_nodes: bool
    whole_gres: bool
    memory_mb_per_cpu: int | None
    grows_by: frozenset[str]
    shapes: tuple[Shape, ...]


def billing_rule(partition: Partition, nodes: Iterable[Node], config: SlurmConfig) -> BillingRule | None:
    """The rule for jobs in ``partition`` on one of ``nodes`` (those of the partition, or of a reservation in it).

    None where it cannot be known: the configuration is not at hand, a weight cannot be read, or SelectType is one that we do not know.
    """
    tracked = tuple(tres.lower() for tres in names_of(config.get("AccountingStorageTRES")))
    weights = _weights_of(partition)
    linear = config.get("SelectType").endswith("/linear")
    parameters = (partition.select_parameters or config.get("SelectTypeParameters")).upper()
    unit = "node" if linear else next((word for word in ("CPU", "CORE", "SOCKET") if f"CR_{word}" in parameters), "")
    if not tracked or weights is None or not unit:
        return None
    whole = linear or partition.oversubscribe == "EXCLUSIVE"
    return BillingRule(
        weights=weights,
        combinings=_combinings(config),
        tracked=tracked,
        counts_memory="MEMORY" in parameters,
        whole_nodes=whole,
        whole_gres=whole and not linear,
        memory_mb_per_cpu=_memory_per_cpu(partition, config),
        grows_by=_growth(config.version),
        shapes=_shapes(partition, nodes, unit),
    )


def _combinings(config: SlurmConfig) -> tuple[Combining, ...]:
    flags = config.get("PriorityFlags", "?")
    if flags == "?":
        # Without priority/multifactor the flags are not printed, but they hold (measured). The sum is never less than the others.
        return ("sum", "max")
    words = names_of(flags.upper())
    return ("max and gres",) if "MAX_TRES_GRES" in words else ("max",) if "MAX_TRES" in words else ("sum",)


def _memory_per_cpu(partition: Partition, config: SlurmConfig) -> int | None:
    """MaxMemPerCPU: the partition's; the cluster's only where the partition has no limit of memory at all (measured)."""
    if partition.max_memory_mb_per_cpu is not None or partition.max_memory_mb_per_node is not None:
        return partition.max_memory_mb_per_cpu
    text = config.get("MaxMemPerCPU")
    return int(text) or None if text.isascii() and text.isdigit() else None


def _growth(version: tuple[int, ...]) -> frozenset[str]:
    """Measured for 22.05.8 and 24.11.5; either may hold for what lies between and before."""
    if version[:2] == (22, 5):
        return frozenset({"task"})
    return frozenset({"cpu"} if version >= (24, 11) else {"task", "cpu"})


def _shapes(partition: Partition, nodes: Iterable[Node], unit: str) -> tuple[Shape, ...]:
    shapes: dict[Shape, None] = {}
    known: set[tuple[object, ...]] = set()
    for node in nodes:
        # The grammar gives equal GRES the same object; to compare them would take most of the time with thousands of nodes.
        threads = (node.sockets, node.cores_per_socket, node.threads_per_core)
        key = (node.cores_total, node.cores_system, node.memory_mb_schedulable, *threads, id(node.gres))
        if key in known:
            continue
        known.add(key)
        most = partition.max_cores_per_node
        # MaxCPUsPerNode below the whole node: no job of an EXCLUSIVE partition is accepted (measured).
        whole = node.cores_total if unit == "node" else node.cores_schedulable
        cpus = node.cores_schedulable if most is None else min(most, node.cores_schedulable)
        if most is not None and most < whole and partition.oversubscribe == "EXCLUSIVE":
            continue
        gres: dict[tuple[str, str], int] = {}
        for entry in node.gres:
            gres[(entry.name, entry.type)] = gres.get((entry.name, entry.type), 0) + entry.count
        counts = tuple((name, kind, count) for (name, kind), count in gres.items() if count)
        shapes[Shape(cpus, whole, _step(node, unit), node.memory_mb_schedulable, counts)] = None
    return tuple(shapes)


def _step(node: Node, unit: str) -> int:
    """CPUs that are given out together: those of a core, or of a socket.

    A core is one CPU where CPUs= of slurm.conf is the number of cores, whatever ThreadsPerCore is; CR_CPU gives single threads (measured).
    """
    cores = node.sockets * node.cores_per_socket
    if unit == "CORE":
        return max(1, node.cores_total // cores if cores else node.threads_per_core)
    return max(1, node.cores_total // node.sockets) if unit == "SOCKET" and node.sockets else 1


# --- what a job is given -------------------------------------------------------------------------------------------------------


def _allocations(rule: BillingRule, demand: Demand) -> Iterator[dict[str, int]]:
    """The TRES of every job that Slurm may make of the request, on any node that could hold it when empty."""
    for shape in rule.shapes:
        if demand.memory_mb > shape.memory_mb:
            continue
        for cpus in _cpus(rule, shape, demand):
            for given in _gres_given(rule, shape, demand):
                tres = {"cpu": cpus, "mem": demand.memory_mb if rule.counts_memory else 0, "node": 1}
                for name, kind, count in given:
                    for entry in (f"gres/{name}", f"gres/{name}:{kind}") if kind else (f"gres/{name}",):
                        tres[entry.lower()] = tres.get(entry.lower(), 0) + count
                yield {entry: count for entry, count in tres.items() if count and (entry in _ON_NODE or entry in rule.tracked)}


def _cpus(rule: BillingRule, shape: Shape, demand: Demand) -> set[int]:
    """CPUs that the job gets: whole cores, or the whole node.

    Who asks for more memory than MaxMemPerCPU for each CPU gets more of them, as many as the memory needs. 22.05 rounds that down to a
    multiple of ``--cpus-per-task``, as if more tasks ran, which may be none more; and a job with GRES gets none more at all. Measured.
    """
    cores = demand.cores
    if rule.whole_nodes:
        return {shape.whole} if cores <= shape.cpus else set()
    wanted = {cores}
    if rule.memory_mb_per_cpu:
        needed = -(-demand.memory_mb // rule.memory_mb_per_cpu)
        grown = {"cpu": needed, "task": 0 if demand.gpus else needed // cores * cores}
        wanted = {max(cores, grown[kind]) for kind in rule.grows_by}
    rounded = {-(-count // shape.step) * shape.step for count in wanted}
    return {count for count in rounded if count <= shape.cpus}


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
    """``billing=`` of a job that has ``tres`` (memory in MB): CPUs where there are no weights, else what the weighted amounts come to.

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
        """What the whole time takes of a budget of ``tres``, in Slurm's TRES-minutes; None where a job's amount cannot be known."""
        if tres in _KNOWN or tres.startswith("gres/"):
            return dict(self.tres).get(tres, 0) * self.minutes * self.usage_factor
        return None


def cost_of(rule: BillingRule | None, demand: Demand, *, usage_factor: float = 1.0) -> Cost | None:
    """Return what a session costs; None where it is not known, or where no node could hold it.

    ``usage_factor`` is UsageFactor of the QOS that the job runs under. A partition's QOS has no part in it (measured).
    """
    if rule is None:
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
