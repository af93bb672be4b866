"""What a job asks of one node, and whether a node of some size could ever give it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Demand:
    """What one job asks of one node: cores, memory in MB, GPUs, and its time limit in minutes (1 where the time is not looked at).

    ``gpus`` counts whole GPUs of ``gpu_type``, of any type where that is empty. With a ``gres`` other than ``gpu`` (``shard``, ``mps``)
    it counts the parts of one GPU. The job asks the same of each of its ``nodes``. Among how many tasks its cores are shared out
    there makes no difference to what it takes (measured, 22.05.8, also where cores have threads).
    """

    cores: int
    memory_mb: int
    gpu_type: str = ""
    gpus: int = 0
    minutes: int = 1
    gres: str = "gpu"
    nodes: int = 1

    @property
    def without_gpus(self) -> Demand:
        """The same cores, memory and time, and no GPUs."""
        return replace(self, gpu_type="", gpus=0, gres="gpu")


def in_whole_cores(cores: int, cores_together: int) -> int:
    """Return what Slurm takes for a job of so many cores: where cores have threads, whole cores (sbatch(1), ``--cpus-per-task``)."""
    return -(-cores // cores_together) * cores_together


@dataclass(frozen=True, slots=True)
class MemoryRule:
    """How the jobs of a partition ask for memory, and so how much of a node's they take. Measured on 22.05.8.

    ``option`` is ``mem`` (all of it), ``mem-per-cpu`` (a share for each CPU), or ``none``: Slurm gives ``per_gpu``, ``per_cpu`` or
    ``per_node`` MB by itself (DefMemPer… of slurm.conf(5)), and all of the node's where it says none of them. ``cpus_together`` is of
    how many CPUs a job gets a multiple at least; ``whole_cpus`` how many the smallest node has, where a job gets all of its node's.
    ``most_per_cpu`` is MaxMemPerCPU: who asks for more memory gets more CPUs, with ``adds_tasks`` as a multiple of those asked for.
    """

    option: str = "mem"
    cpus_together: int = 1
    whole_cpus: int | None = None
    per_cpu: int | None = None
    per_node: int | None = None
    per_gpu: int | None = None
    most_per_cpu: int | None = None
    adds_tasks: bool = False

    @property
    def is_asked_for(self) -> bool:
        """Whether a job says how much memory it needs."""
        return self.option != "none"

    def share(self, demand: Demand) -> int:
        """Return the MB for each CPU that make no more than what is asked for, at least 1: to sbatch 0 is all of the node's."""
        return max(1, demand.memory_mb // (self.whole_cpus or in_whole_cores(demand.cores, self.cpus_together)))

    def cores_needed(self, demand: Demand) -> int:
        """Return how many cores a node must have free for the job: its own, or as many as MaxMemPerCPU makes of its memory."""
        if not self.most_per_cpu or not self.is_asked_for:
            return demand.cores
        if self.option == "mem-per-cpu":
            return demand.cores * -(-self.share(demand) // self.most_per_cpu)
        return max(demand.cores, -(-demand.memory_mb // self.most_per_cpu))

    def cores_asked(self, demand: Demand) -> int:
        """Return how many cores Slurm takes the job to ask for, once it has added those that the memory makes.

        Before 24.11 the job's own are left alone, unless it asks for memory by core.
        """
        return demand.cores if self.adds_tasks and self.option != "mem-per-cpu" else self.cores_needed(demand)

    def cores_given(self, demand: Demand) -> int:
        """Return how many of them the job is given, and counted.

        Before 24.11 a multiple of its own, rounded down, and with GPUs no more than its own (measured, 22.05.8).
        """
        needed = self.cores_needed(demand)
        if not self.adds_tasks or self.option == "mem-per-cpu":
            return needed
        return demand.cores if demand.gpus else needed // demand.cores * demand.cores

    def taken(self, demand: Demand, cpus: int, node_mb: int) -> int:
        """Return the MB that a job takes which gets so many CPUs of a node with so much memory."""
        if self.option == "mem":
            return demand.memory_mb
        if self.option == "mem-per-cpu":
            return self.share(demand) * cpus
        if self.per_gpu is not None and demand.gpus and demand.gres == "gpu":
            return self.per_gpu * demand.gpus
        if self.per_cpu is not None:
            return self.per_cpu * cpus
        return node_mb if self.per_node is None else self.per_node


AS_ASKED = MemoryRule()


@dataclass(frozen=True, slots=True)
class NodeSize(ABC):
    """What a node has while it is empty, less what its partition keeps from one job. Cores are threads where Slurm counts these."""

    cores_total: int
    memory_mb_total: int
    cores_together: int
    memory_rule: MemoryRule = field(default=AS_ASKED, kw_only=True)
    cores_to_ask: int | None = field(default=None, kw_only=True)
    """How many cores a job may ask for, where it may be given more than that, for Slurm gives out whole ones, or whole sockets.

    None for all of them.
    """
    odd_threads: int = field(default=1, kw_only=True)
    """The threads of a core where Slurm loses the odd ones of that bound, as :meth:`may_ask`; 1 where it does not."""

    @property
    def most_cores(self) -> int:
        """The largest number of cores that a job may ask for."""
        return self.cores_total if self.cores_to_ask is None else min(self.cores_total, self.cores_to_ask)

    @abstractmethod
    def gpus_total(self, gpu_type: str) -> int:
        """Return the number of GPUs of one type, whoever has them; of all types together for the empty type, for Slurm mixes them then."""

    @property
    @abstractmethod
    def gpu_types(self) -> tuple[str, ...]:
        """The types of its GPUs, the empty one where Slurm has none; each once."""

    @abstractmethod
    def part_total(self, gres: str, gpu_type: str) -> int:
        """Return the number of parts that a card makes, the largest if its cards differ; 0 where none is given out in parts."""

    def cores_taken(self, demand: Demand) -> int:
        """Return how many cores must be free here for such a job, as :meth:`MemoryRule.cores_needed` and :func:`in_whole_cores`."""
        return in_whole_cores(self.memory_rule.cores_needed(demand), self.cores_together)

    def may_ask(self, demand: Demand, most: int | None) -> bool:
        """Tell whether such a job may be had where it may ask for at most so many cores; None where nothing bounds them.

        With GPUs Slurm before 23.11 takes whole cores off what the bound leaves until it has no more than the task needs: of an odd bound
        one too many, where the task needs whole cores (``gres_select_filter_sock_core``; measured, 22.05.8).
        """
        if most is None:
            return True
        loses_one = demand.gpus and most % self.odd_threads and not demand.cores % self.odd_threads
        return self.memory_rule.cores_asked(demand) <= most and not loses_one

    def memory_taken(self, demand: Demand) -> int:
        """Return the MB that such a job takes here."""
        whole = self.memory_rule.whole_cpus is not None
        cpus = self.cores_total if whole else in_whole_cores(demand.cores, self.cores_together)
        return self.memory_rule.taken(demand, cpus, self.memory_mb_total)

    def has_gpus(self, gpu_type: str, gpus: int, gres: str = "gpu") -> bool:
        """Tell whether the node, empty, has so many GPUs, or so large a part of one."""
        return not gpus or (self.gpus_total(gpu_type) if gres == "gpu" else self.part_total(gres, gpu_type)) >= gpus

    def could_hold(self, demand: Demand, *, single_threads: bool = False) -> bool:
        """Tell whether the node, empty, has all of it; with ``single_threads`` as if threads of a core were given out one by one."""
        cores = self.memory_rule.cores_needed(demand) if single_threads else self.cores_taken(demand)
        if self.memory_mb_total < self.memory_taken(demand) or self.cores_total < cores or not self.may_ask(demand, self.cores_to_ask):
            return False
        return self.has_gpus(demand.gpu_type, demand.gpus, demand.gres)
