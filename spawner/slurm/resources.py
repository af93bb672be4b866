"""The names of what a job takes, as limits and sums use them."""

from __future__ import annotations

CORES, MEMORY, GPUS, NODES, MINUTES, JOBS, SUBMITTED = "cores", "memory", "gpus", "nodes", "minutes", "jobs", "submitted"
"""Resources: CPUs, MB, GPUs of any type (``gpus:v100`` of one type), nodes, minutes of time, jobs that run, jobs that run or wait.

Parts of GPUs have Slurm's names, ``shard``, ``shard:v100``; they count as no GPUs (measured).
"""
