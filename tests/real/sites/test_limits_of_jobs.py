"""What a session is told of its cores and memory, where Slurm gives more than was asked for; Slurm's own record of the job is the judge."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_slurm import packages
from private_slurm.newer_slurm import slurm_of
from private_slurm.spec import NodeGroup, Partition

from tests.support.conformance import Laboratory, laboratory
from tests.support.real_hub import needs_users
from tests.support.site_under_test import wait_for
from tests.support.slurm_sites import SlurmSite
from tests.support.slurm_versions import MAIN

SETUP = Path(__file__).parents[3] / "share" / "resource_form"
PROGRAM = """
import json, os, sys

sys.path.insert(0, sys.argv[1])
from session_setup import limits_of_job

print(json.dumps(limits_of_job(os.environ)))
"""
SITE = SlurmSite(
    "limits-of-jobs",
    "Threads, whole nodes, CPUs for the memory, memory by default",
    nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=16000, options="Sockets=1 CoresPerSocket=4 ThreadsPerCore=2"),),
    partitions=(
        Partition("plain", "n[1-2]", "Default=YES MaxTime=8:00:00 DefMemPerNode=700"),
        Partition("whole", "n[1-2]", "OverSubscribe=EXCLUSIVE MaxTime=8:00:00"),
        Partition("fat", "n[1-2]", "MaxTime=8:00:00 MaxMemPerCPU=1000"),
        Partition("percpu", "n[1-2]", "MaxTime=8:00:00 DefMemPerCPU=300"),
    ),
    accounting="add account base\nadd user {ada},{grace} account=base defaultaccount=base",
)


@pytest.fixture(scope="module")
def there(installed: Path, test_folder: Path, users: tuple[str, ...]) -> Iterator[Laboratory]:
    """The site, with two nodes of four cores with two threads each."""
    needs_users(users, 2)
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    umask = os.umask(0o022)
    names = {"ada": users[0], "grace": users[1], "root": "root"}
    with laboratory(SITE, slurm_of(MAIN, installed), test_folder / "limits-of-jobs", names, "") as there:
        yield there
    os.umask(umask)


@pytest.mark.parametrize(
    ("asked", "cpus", "memory_mb"),
    [
        (("--partition=plain", "--cpus-per-task=1", "--mem=1G"), 2, 1024),
        (("--partition=plain", "--cpus-per-task=3"), 4, 700),
        (("--partition=whole", "--cpus-per-task=2", "--mem=2G"), 8, 2048),
        (("--partition=fat", "--cpus-per-task=1", "--mem=3000"), 4, 3000),
        (("--partition=percpu", "--cpus-per-task=2"), 2, 600),
    ],
    ids=["threads", "default-memory", "whole-node", "cpus-for-memory", "memory-per-cpu"],
)
def test_told_what_it_has(there: Laboratory, tmp_path: Path, asked: tuple[str, ...], cpus: int, memory_mb: int) -> None:
    """``CPU_LIMIT`` and ``MEM_LIMIT`` are what Slurm has allocated, by its own record."""
    answer, program = tmp_path / "limits.json", tmp_path / "limits.py"
    program.write_text(PROGRAM)
    script = f"{sys.executable} -B {program} {SETUP} > {answer}.new && mv {answer}.new {answer}; sleep 600"
    job = there.slurm.submit(*asked, "--time=20", user="root", script=script)
    try:
        wait_for(answer.exists, f"the job to say what it was told\n{there.slurm.job(job)}", 60)
        record = there.slurm.job(job)
        told = json.loads(answer.read_text())
    finally:
        there.slurm.run("scancel", str(job))
    allocated = dict(entry.split("=", 1) for entry in record.get("AllocTRES", record.get("TRES", "")).split(","))
    assert int(allocated["cpu"]) == int(record["NumCPUs"]) == cpus, record
    assert allocated["mem"] in (f"{memory_mb}M", f"{memory_mb / 1024:g}G"), record
    assert told == {
        "CPU_LIMIT": f"{cpus}.0",
        "CPU_GUARANTEE": f"{cpus}.0",
        "MEM_LIMIT": str(memory_mb << 20),
        "MEM_GUARANTEE": str(memory_mb << 20),
    }
