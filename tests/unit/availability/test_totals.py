"""The sums behind the usage bars, made by hand: what usable nodes have, what is free, and what the jobs on them hold."""

from __future__ import annotations

from typing import Any

from spawner.availability.table import availability
from spawner.availability.totals import NodePool, Running, pools_of, running_jobs
from spawner.slurm.model import Job
from spawner.slurm.resources import CORES, GPUS, MEMORY
from tests.support.builders import NOW, node, partition


def job(job_id: int, state: str = "RUNNING", **changes: Any) -> Job:
    """Eve's job of eight cores on g001."""
    return Job(**{"job_id": job_id, "user": "eve", "state": state, "nodes": ("g001",), "cores": 8, **changes})


def test_running_jobs() -> None:
    """Jobs that run or start, by user, and the cores they have on each node: of several nodes an equal share of each, rounded up."""
    one, starting, wide = job(1), job(2, "CONFIGURING"), job(3, user="ada", nodes=("g001", "g002"), cores=5)
    over = [job(number, state) for number, state in enumerate(("PENDING", "COMPLETING", "COMPLETED", "CANCELLED"), 10)]
    assert running_jobs([*over, one, starting, wide]) == Running({"eve": (one, starting), "ada": (wide,)}, {"g001": 19, "g002": 3})
    assert running_jobs(over) == Running({}, {})


def test_pools() -> None:
    """Usable nodes of the same partitions are one pool; what the system keeps is nobody's, and a node out of service counts nowhere."""
    nodes = [
        node("g001", cores_total=50, cores_system=2, memory_mb=1100, memory_mb_system=100, cores_allocated=40, memory_mb_allocated=600),
        node("g002", cores_total=10, memory_mb=30, gres="gpu:v100:4,gpu:a100:2", used="gpu:v100:3(IDX:0-2)"),
        node("drained", flags="drain", partitions=("g100_int",)),
        node("c001", cores_total=4, memory_mb=7, cores_allocated=1, gres="", partitions=("g100_int", "g100_cpu")),
    ]
    found = availability(nodes, (partition(nodes=tuple(entry.name for entry in nodes)),), (), now=NOW)
    running = Running({}, {"g001": 80, "g002": 5, "drained": 48, "elsewhere": 9})
    assert pools_of(found, running) == (
        NodePool(frozenset({"g100_int"}), {CORES: 58, MEMORY: 1030, GPUS: 8}, {CORES: 18, MEMORY: 430, GPUS: 5}, 85),
        NodePool(frozenset({"g100_int", "g100_cpu"}), {CORES: 4, MEMORY: 7, GPUS: 0}, {CORES: 3, MEMORY: 7, GPUS: 0}, 0),
    )
    assert [pool.given for pool in pools_of(found, None)] == [None, None]
