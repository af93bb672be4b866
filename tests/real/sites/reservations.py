"""Reservations with each flag of scontrol(1): what becomes of a job that names none, while they hold their nodes and before they do."""

from __future__ import annotations

from collections.abc import Mapping

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import SlurmSite, ask

FLAGS = (
    *("ANY_NODES", "DAILY", "WEEKLY", "WEEKDAY", "HOURLY", "FLEX", "IGNORE_JOBS", "NO_HOLD_JOBS_AFTER", "OVERLAP", "PART_NODES"),
    *("PURGE_COMP", "REPLACE", "REPLACE_DOWN", "STATIC_ALLOC", "TIME_FLOAT"),
)
ALONE = frozenset({"TIME_FLOAT", "HOURLY"})
"""Those that no reservation which holds its nodes now can have, or that need a time of their own."""


def each_on_its_node(flags: tuple[str, ...], when: str, who: str) -> Mapping[str, str]:
    """One reservation a flag, on a node and for a partition of its own."""
    return {flag.lower(): f"{_nodes(number, flag)} Users={who} {when} Flags={flag}" for number, flag in enumerate(flags, 1)}


def _nodes(number: int, flag: str) -> str:
    if flag == "PART_NODES":
        return f"Nodes=ALL PartitionName=p_{flag.lower()}"
    return f"NodeCnt=1 PartitionName=p_{flag.lower()}" if flag.startswith("REPLACE") else f"Nodes=n{number}"


def partitions(flags: tuple[str, ...]) -> tuple[Partition, ...]:
    """One a node, named after the flag."""
    return (
        Partition("open", "n[1-20]", "Default=YES MaxTime=8:00:00"),
        *(Partition(f"p_{flag.lower()}", f"n{number}", "MaxTime=8:00:00") for number, flag in enumerate(flags, 1)),
    )


NOW = tuple(flag for flag in FLAGS if flag not in ALONE)
NODES = (NodeGroup("n[1-20]", cpus=8, memory_mb=16000),)

SITES = (
    SlurmSite(
        "reservations-of-others",
        "Reservations of another user with each flag, which hold their nodes now",
        nodes=NODES,
        partitions=partitions((*NOW, "MAGNETIC")),
        reservations=each_on_its_node((*NOW, "MAGNETIC"), "StartTime=now Duration=8:00:00", "{grace}"),
        asks=tuple(ask(partition=f"p_{flag.lower()}", cores=2) for flag in (*NOW, "MAGNETIC")),
    ),
    SlurmSite(
        "reservations-of-the-user",
        "Reservations of the user's own with each flag, which hold their nodes now, and are not asked for",
        nodes=NODES,
        partitions=partitions((*NOW, "MAGNETIC")),
        reservations=each_on_its_node((*NOW, "MAGNETIC"), "StartTime=now Duration=8:00:00", "{ada}"),
        asks=(
            *(ask(partition=f"p_{flag.lower()}", cores=2) for flag in NOW),
            ask("started", partition="p_magnetic", cores=2),
            ask("started", partition="p_magnetic", cores=2, reservation="magnetic"),
        ),
    ),
    SlurmSite(
        "reservations-to-come",
        "Reservations of another user with each flag, which begin in half an hour",
        nodes=NODES,
        partitions=partitions((*FLAGS, "MAGNETIC")),
        reservations=each_on_its_node((*FLAGS, "MAGNETIC"), "StartTime=now+30minutes Duration=2:00:00", "{grace}"),
        asks=(
            *(ask(partition=f"p_{flag.lower()}", cores=2, walltime="60m") for flag in (*FLAGS, "MAGNETIC")),
            *(ask("started", partition=f"p_{flag.lower()}", cores=2, walltime="10m") for flag in FLAGS if flag != "TIME_FLOAT"),
        ),
    ),
    SlurmSite(
        "until-the-reservation-ends",
        "Slurm starts a job that is longer than its reservation, and ends it with that: no session can last so long",
        reservations={"course": "StartTime=now Duration=2:00:00 Nodes=n1 Users={ada}"},
        asks=(
            ask("started", cores=1, walltime="110m", reservation="course"),
            ask("never", cores=1, walltime="180m", reservation="course"),
        ),
    ),
    SlurmSite(
        "longer-than-the-reservation",
        "ResvOverRun lets jobs outlast their reservation by as many minutes",
        slurm_conf={"ResvOverRun": "90"},
        reservations={"course": "StartTime=now Duration=2:00:00 Nodes=n1 Users={ada}"},
        asks=(
            ask("started", cores=1, walltime="180m", reservation="course"),
            ask("never", cores=1, walltime="300m", reservation="course"),
        ),
    ),
    SlurmSite(
        "as-long-as-it-likes",
        "ResvOverRun=UNLIMITED, and a reservation that takes jobs in by itself",
        slurm_conf={"ResvOverRun": "UNLIMITED"},
        reservations={
            "course": "StartTime=now Duration=2:00:00 Nodes=n1 Users={ada}",
            "magnet": "StartTime=now Duration=2:00:00 Nodes=n2 Users={ada} Flags=MAGNETIC",
        },
        asks=(
            ask("started", cores=1, walltime="300m", reservation="course"),
            ask(cores=1, walltime="300m", reservation=""),
        ),
        by_version=True,
    ),
    SlurmSite(
        "longer-than-the-magnet",
        "A reservation that takes jobs in by itself, and a job that is longer",
        reservations={"magnet": "StartTime=now Duration=2:00:00 Nodes=n[1-2] Users={ada} Flags=MAGNETIC"},
        asks=(ask("started", cores=1, walltime="60m", reservation=""), ask(cores=1, walltime="180m", reservation="", unknown=True)),
        draws=0,
        by_version=True,
    ),
)
