"""How Slurm bills the jobs of a partition: its rule, made of Slurm's own answers.

The weights are the partition's TRESBillingWeights (slurm.conf(5); ``assoc_mgr_tres_weighted`` in src/common/assoc_mgr.c). CPUs are what the
rest of the product calls cores. "Measured" is on 22.05.8 and 24.11.5; ``tests/real/test_cost.py`` measures it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..availability.allocation import counts_memory, cpus_given_together, in_force, memory_rule_of, most_cpus, unit_of
from ..availability.demand import AS_ASKED, MemoryRule
from ..slurm.model import Node, Partition, SlurmConfig
from ..slurm.values import names_of

Combining = Literal["sum", "max", "max and gres"]
"""How weighted amounts become one number. PriorityFlags of slurm.conf(5): none, MAX_TRES, MAX_TRES_GRES (25.05 and later)."""

_WEIGHT = re.compile(r"([0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]{1,3})?|\.[0-9]+)([KMGTP]?)[A-Za-z]*", re.ASCII | re.IGNORECASE)
_UNITS = ("", "K", "M", "G", "T", "P")


def parse_weight(tres: str, text: str) -> float | None:
    """Return the weight of one unit of ``tres``, of one MB for memory; None for what Slurm reads as something without sense here.

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
    the whole node where ``whole_nodes``, with its GPUs if ``whole_gres``.
    """

    weights: tuple[tuple[str, float], ...]
    combinings: tuple[Combining, ...]
    tracked: tuple[str, ...]
    counts_memory: bool
    whole_nodes: bool
    whole_gres: bool
    shapes: tuple[Shape, ...]
    memory_rule: MemoryRule = AS_ASKED


def billing_rule(
    partition: Partition, nodes: Iterable[Node], config: SlurmConfig, memory_rule: MemoryRule | None = None
) -> BillingRule | None:
    """Return the rule for jobs in ``partition`` on one of ``nodes`` (those of the partition, or of a reservation in it).

    ``memory_rule`` is how its jobs ask for memory; None: with ``--mem``.
    None where it cannot be known: the configuration is not at hand, a weight cannot be read, or SelectType is one that we do not know.
    """
    tracked = tuple(tres.lower() for tres in names_of(config.get("AccountingStorageTRES")))
    weights = _weights_of(partition)
    linear = config.get("SelectType").endswith("/linear")
    partition = in_force(partition, config)
    parameters = partition.select_parameters.upper()
    unit = "node" if linear else unit_of(parameters)
    if not tracked or weights is None or not unit:
        return None
    there = list(nodes)
    whole = linear or partition.oversubscribe == "EXCLUSIVE"
    return BillingRule(
        weights=weights,
        combinings=_combinings(config),
        tracked=tracked,
        counts_memory=counts_memory(partition),
        whole_nodes=whole,
        whole_gres=whole and not linear,
        shapes=_shapes(partition, there, unit),
        memory_rule=memory_rule_of(partition, there, "mem") if memory_rule is None else memory_rule,
    )


def _combinings(config: SlurmConfig) -> tuple[Combining, ...]:
    flags = config.get("PriorityFlags", "?")
    if flags == "?":
        # Without priority/multifactor the flags are not printed, but they hold (measured). The sum is never less than the others.
        return ("sum", "max")
    words = names_of(flags.upper())
    return ("max and gres",) if "MAX_TRES_GRES" in words else ("max",) if "MAX_TRES" in words else ("sum",)


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
        most = most_cpus(partition, node)
        # MaxCPUsPerNode below the whole node: no job of an EXCLUSIVE partition is accepted (measured).
        whole = node.cores_total if unit == "node" else node.cores_schedulable
        cpus = node.cores_schedulable if most is None else min(most, node.cores_schedulable)
        if most is not None and most < whole and partition.oversubscribe == "EXCLUSIVE":
            continue
        gres: dict[tuple[str, str], int] = {}
        for entry in node.gres:
            gres[(entry.name, entry.type)] = gres.get((entry.name, entry.type), 0) + entry.count
        counts = tuple((name, kind, count) for (name, kind), count in gres.items() if count)
        step = 1 if unit == "node" else cpus_given_together(node, unit)
        shapes[Shape(cpus, whole, step, node.memory_mb_schedulable, counts)] = None
    return tuple(shapes)
