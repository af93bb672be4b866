"""What a job asks of one node, and whether a node of some size could ever give it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Demand:
    """What one job asks of one node: cores, memory in MB, GPUs, and its time limit in minutes (1 where the time is not looked at).

    ``gpus`` counts whole GPUs of ``gpu_type``, of any type where that is empty. With a ``gres`` other than ``gpu`` (``shard``, ``mps``)
    it counts the parts of one GPU.
    """

    cores: int
    memory_mb: int
    gpu_type: str = ""
    gpus: int = 0
    minutes: int = 1
    gres: str = "gpu"

    @property
    def without_gpus(self) -> Demand:
        """The same cores, memory and time, and no GPUs."""
        return replace(self, gpu_type="", gpus=0, gres="gpu")


def in_whole_cores(cores: int, threads_per_core: int) -> int:
    """Return what Slurm takes for a job of so many cores: where cores have threads, whole cores (sbatch(1), ``--cpus-per-task``)."""
    return -(-cores // threads_per_core) * threads_per_core


@dataclass(frozen=True, slots=True)
class NodeSize(ABC):
    """What a node has while it is empty, less what its partition keeps from one job. Cores are threads where Slurm counts these."""

    cores_total: int
    memory_mb_total: int
    threads_per_core: int

    @abstractmethod
    def gpus_total(self, gpu_type: str) -> int:
        """Return the number of GPUs of one type, whoever has them; of all types together for the empty type, for Slurm mixes them then."""

    @abstractmethod
    def part_total(self, gres: str, gpu_type: str) -> int:
        """Return the number of parts that a card makes, the largest if its cards differ; 0 where none is given out in parts."""

    def cores_taken(self, cores: int) -> int:
        """Return what a job of so many cores takes here, as :func:`in_whole_cores`."""
        return in_whole_cores(cores, self.threads_per_core)

    def has_gpus(self, gpu_type: str, gpus: int, gres: str = "gpu") -> bool:
        """Tell whether the node, empty, has so many GPUs, or so large a part of one."""
        return not gpus or (self.gpus_total(gpu_type) if gres == "gpu" else self.part_total(gres, gpu_type)) >= gpus

    def could_hold(self, demand: Demand, *, single_threads: bool = False) -> bool:
        """Tell whether the node, empty, has all of it; with ``single_threads`` as if threads of a core were given out one by one."""
        cores = demand.cores if single_threads else self.cores_taken(demand.cores)
        if self.memory_mb_total < demand.memory_mb or self.cores_total < cores:
            return False
        return self.has_gpus(demand.gpu_type, demand.gpus, demand.gres)
