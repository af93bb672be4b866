"""Control groups: whether this machine lets a private cluster confine its jobs, and what it leaves behind.

Nearly every site confines jobs so (cgroup.conf(5)): the kernel kills what uses more memory than was asked for, a job without GPU can open
no device, and it runs on its own cores. Here that takes root and the hierarchies of cgroup v1, in which Slurm's plugin cgroup/v1 makes its
folders. Under v2 alone Slurm wants systemd and a tree of its own: that is the machine's, not a folder's, so it is left alone.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "cpuset", "devices", "freezer", "cpuacct")
SETTINGS = {"ProctrackType": "proctrack/cgroup", "TaskPlugin": "task/cgroup", "JobAcctGatherType": "jobacct_gather/cgroup"}
"""slurm.conf's part of it."""

DEVICE_MAJOR = 240
"""Of the files that stand for GPUs: a number that the kernel keeps for local use. What may open one is told that there is no device."""


def why_not() -> str:
    """Why jobs cannot be confined on this machine, as a sentence; empty if they can."""
    if os.geteuid() != 0:
        return "Control groups need root."
    there = mounted(Path("/proc/self/mounts").read_text())
    missing = [name for name in CONTROLLERS if name not in there]
    if missing:
        return f"This machine mounts no cgroup v1 hierarchy of {', '.join(missing)} below {ROOT}."
    return ""


def mounted(mounts: str) -> set[str]:
    """The controllers whose v1 hierarchy is mounted writable where Slurm looks for it. Pure."""
    found = set()
    for line in mounts.splitlines():
        _what, where, kind, options, *_rest = line.split(" ")
        if kind == "cgroup" and Path(where).parent == ROOT and "rw" in options.split(","):
            found.add(Path(where).name)
    return found


def cgroup_conf(release: tuple[int, int]) -> str:
    """cgroup.conf of a cluster that confines its jobs: memory, devices and cores."""
    settings = {
        "CgroupPlugin": "cgroup/v1",
        "CgroupMountpoint": str(ROOT),
        "ConstrainRAMSpace": "yes",
        "MinRAMSpace": "30",
        "ConstrainDevices": "yes",
        "ConstrainCores": "yes",
    }
    if release < (24, 5):
        settings["CgroupAutomount"] = "no"
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def is_used(cgroup_conf: str) -> bool:
    """Whether a cluster with this cgroup.conf confines its jobs. Pure."""
    return "ConstrainRAMSpace=yes" in cgroup_conf


def clean(nodes: Iterable[str]) -> None:
    """Remove the folders ``slurm_NODE``, which slurmd leaves behind; not those of a node whose name another cluster's slurmd has too.

    A folder in which a process is left stays: the kernel removes no other.
    """
    for node in nodes:
        if not _runs_elsewhere(node):
            for controller in CONTROLLERS:
                _remove(ROOT / controller / f"slurm_{node}")


def _remove(folder: Path) -> None:
    for below, _folders, _files in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(below).rmdir()


def _runs_elsewhere(node: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if Path(words[0]).name == "slurmd" and ("-N", node) in itertools.pairwise(words):
                return True
    return False
