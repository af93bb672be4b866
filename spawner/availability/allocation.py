"""What holds in a partition, its own settings and the cluster's together, and how many CPUs Slurm gives out at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from ..slurm.model import Node, Partition, SlurmConfig
from ..slurm.versions import loses_odd_threads, memory_adds
from .demand import AS_ASKED, MemoryRule


def in_force(partition: Partition, config: SlurmConfig) -> Partition:
    """Return the partition with what the cluster says wherever it says nothing itself (slurm.conf(5)).

    SelectTypeParameters; MaxMemPerNode and MaxMemPerCPU where it has neither, and DefMemPerNode and DefMemPerCPU likewise; the version.
    """
    if partition.default_memory_mb_per_node is None and partition.default_memory_mb_per_cpu is None:
        per_node, per_cpu = (_number(config.get(key)) for key in ("DefMemPerNode", "DefMemPerCPU"))
        if per_node or per_cpu:
            partition = replace(partition, default_memory_mb_per_node=per_node, default_memory_mb_per_cpu=per_cpu)
    parameters = partition.select_parameters or config.get("SelectTypeParameters")
    if (parameters, config.version) != (partition.select_parameters, partition.version):
        partition = replace(partition, select_parameters=parameters, version=config.version)
    if partition.max_memory_mb_per_node is not None or partition.max_memory_mb_per_cpu is not None:
        return partition
    per_node, per_cpu = (_number(config.get(key)) for key in ("MaxMemPerNode", "MaxMemPerCPU"))
    if not per_node and not per_cpu:
        return partition
    return replace(partition, max_memory_mb_per_node=per_node, max_memory_mb_per_cpu=per_cpu)


def _number(value: str) -> int | None:
    """A number of MB above 0; None for UNLIMITED, and where there is none."""
    return (int(value) or None) if value.isascii() and value.isdigit() else None


UNSET_MB = 1
"""RealMemory of a node of which slurm.conf(5) says none: Slurm refuses every job there that asks for memory (measured, 22.05.8)."""


def memory_rule_of(partition: Partition, nodes: Iterable[Node], option: str) -> MemoryRule:
    """Return how jobs of the partition, as it is in force, ask for memory, where the admin has chosen ``option``.

    On nodes of which none says its memory they ask for none, for Slurm would refuse them.
    """
    there = list(nodes)
    if there and all(node.memory_mb <= UNSET_MB for node in there):
        option = "none"
    if option == "mem" and partition.max_memory_mb_per_cpu is None:
        return AS_ASKED
    unit = unit_of(partition.select_parameters)
    whole = partition.oversubscribe == "EXCLUSIVE"
    return MemoryRule(
        option,
        min((cpus_given_together(node, unit) for node in there), default=1),
        min((node.cores_schedulable for node in there), default=None) if whole else None,
        partition.default_memory_mb_per_cpu,
        partition.default_memory_mb_per_node,
        partition.default_memory_mb_per_gpu,
        partition.max_memory_mb_per_cpu,
        memory_adds(partition.version) == "task",
    )


def most_cpus(partition: Partition, node: Node) -> int | None:
    """Return how many CPUs of the node all jobs of the partition may have together; None for all (MaxCPUsPerNode, MaxCPUsPerSocket).

    How the jobs that run are spread over the sockets Slurm does not say: they count as if each socket had had its share of them.
    """
    bounds = [partition.max_cores_per_node]
    if partition.max_cores_per_socket is not None and node.sockets:
        bounds.append(partition.max_cores_per_socket * node.sockets)
    return min((bound for bound in bounds if bound is not None), default=None)


def allows_whole(node: Node, partition: Partition) -> bool:
    """Tell whether a job may have the node at all: a partition of whole nodes takes none with more CPUs than :func:`most_cpus`."""
    most = most_cpus(partition, node)
    return partition.oversubscribe != "EXCLUSIVE" or most is None or most >= node.cores_schedulable


def cores_for_one_job(node: Node, partition: Partition) -> int:
    """Return the CPUs of the empty node that one job of the partition, as it is in force, may be given.

    It may ask for no more than :func:`most_cpus`, and gets all of its last core, or socket. A socket of which the system keeps a core
    is not given together with others, where sockets are given out (measured, 22.05.8, 24.11.5, 26.05.5).
    """
    unit, there = unit_of(partition.select_parameters), node.cores_schedulable
    if unit == "SOCKET" and node.cores_system and node.sockets > 1:
        there = min(there, node.cores_total // node.sockets * (node.sockets - 1))
    most = most_cpus(partition, node)
    if most is None:
        return there
    together = cpus_given_together(node, unit)
    return min(there, -(-most // together) * together)


def cores_to_ask(node: Node, partition: Partition) -> int | None:
    """Return :func:`most_cpus` where the node has more than that, else None."""
    most = most_cpus(partition, node)
    return most if most is not None and most < node.cores_schedulable else None


def odd_threads(node: Node, partition: Partition) -> int:
    """Return the threads of a core where Slurm loses the odd ones of a bound on cores, as :meth:`.NodeSize.may_ask`; 1 where not."""
    return node.cpus_per_core if partition.bounds_cores and loses_odd_threads(partition.version) else 1


def not_judged_of(node: Node, partition: Partition) -> str:
    """Return a field of slurm.conf on which it depends, too, whether a job of the partition starts on the node; empty for none.

    Of sockets that are given out as a whole, with a core of one kept for the system, 22.05.8 refuses what 26.05.5 starts, and counts
    more of them than either gives (measured).
    """
    socket_less_a_core = node.cores_system and unit_of(partition.select_parameters) == "SOCKET"
    return partition.not_judged or node.not_judged or ("CoreSpecCount" if socket_less_a_core else "")


def counts_memory(partition: Partition) -> bool:
    """Tell whether a job of the partition, as it is in force, is given memory; elsewhere Slurm counts 0 of it where the job starts."""
    return "MEMORY" in partition.select_parameters.upper()


@cache
def unit_of(select_parameters: str) -> str:
    """Return what SelectTypeParameters makes Slurm give out: ``CPU``, ``CORE`` or ``SOCKET``; empty where it does not say."""
    parameters = select_parameters.upper()
    return next((unit for unit in ("CPU", "CORE", "SOCKET") if f"CR_{unit}" in parameters), "")


def cpus_given_together(node: Node, unit: str) -> int:
    """Return of how many CPUs a job gets a multiple on the node: those of a core (also where the unit is not known), or of a socket.

    A core is one CPU where CPUs= of slurm.conf is the number of cores, whatever ThreadsPerCore is; CR_CPU gives single threads (measured).
    Cores that are kept for the system make one socket smaller than the others; what is free is whole sockets all the same.
    """
    if unit == "SOCKET" and node.sockets and not node.cores_system:
        return max(1, node.cores_total // node.sockets)
    return 1 if unit == "CPU" else node.cpus_per_core
