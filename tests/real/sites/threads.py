"""CPUs= of slurm.conf may be threads or cores, and SelectTypeParameters says what of them is given out."""

from __future__ import annotations

from private_slurm.spec import NodeGroup

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

THREADS = "Sockets=1 CoresPerSocket=4 ThreadsPerCore=2"


def nodes(cpus: int, options: str = THREADS) -> tuple[NodeGroup, ...]:
    """Two nodes of four cores with two threads each."""
    return (NodeGroup("n[1-2]", cpus=cpus, memory_mb=16000, options=options),)


SITES = (
    SlurmSite(
        "cpus-are-cores",
        "CPUs= is the number of cores, though these have threads",
        nodes=nodes(4),
        accounting=ACCOUNTING + "\nadd account free\nadd user {ada} account=free",
        limits="add qos one MaxTRESPerUser=cpu=1\nmodify user {ada} where account=base set qos=one",
        asks=(
            ask("started", account="free", cores=1, busy=("grace: -w n1 -c3", "grace: -w n2 -c3")),
            ask("waited", account="free", cores=2, busy=("grace: -w n1 -c3", "grace: -w n2 -c3")),
            ask("started", account="free", cores=4),
            ask("started", cores=1),
            ask("never", cores=2),
            ask("started", cores=1, busy=("grace: -w n1 -c3", "grace: -w n2 -c3")),
            ask("waited", cores=1, busy=("grace: -w n1 -c4", "grace: -w n2 -c4")),
        ),
    ),
    SlurmSite(
        "cpus-are-threads",
        "CPUs= is the number of threads, and cores are given out",
        nodes=nodes(8),
        limits="add qos two MaxTRESPerJob=cpu=3\nmodify user {ada} set qos=two",
        asks=(
            ask("started", cores=1),
            ask("started", cores=2),
            ask("never", cores=3),
            ask("started", cores=1, busy=("grace: -w n1 -c6", "grace: -w n2 -c6")),
            ask("waited", cores=1, busy=("grace: -w n1 -c7", "grace: -w n2 -c7")),
        ),
    ),
    SlurmSite(
        "single-threads",
        "CR_CPU gives out single threads",
        nodes=nodes(8),
        slurm_conf={"SelectTypeParameters": "CR_CPU_Memory"},
        limits="add qos three MaxTRESPerJob=cpu=3\nmodify user {ada} set qos=three",
        asks=(
            ask("started", cores=3),
            ask("never", cores=4),
            ask(cores=1, busy=("grace: -w n1 -c7", "grace: -w n2 -c7")),
            ask(cores=2, busy=("grace: -w n1 -c5", "grace: -w n2 -c5")),
        ),
    ),
    SlurmSite(
        "cpus-without-topology",
        "CR_CPU with nothing said of sockets, cores and threads",
        nodes=nodes(8, ""),
        slurm_conf={"SelectTypeParameters": "CR_CPU_Memory"},
        asks=(ask("started", cores=1, busy=("grace: -w n1 -c7", "grace: -w n2 -c7")), ask("started", cores=8)),
    ),
    SlurmSite(
        "whole-sockets",
        "CR_Socket gives out sockets",
        nodes=nodes(8, "Sockets=2 CoresPerSocket=4 ThreadsPerCore=1"),
        slurm_conf={"SelectTypeParameters": "CR_Socket_Memory"},
        limits="add qos four MaxTRESPerJob=cpu=5\nmodify user {ada} set qos=four",
        asks=(
            ask("started", cores=1),
            ask("started", cores=4),
            ask("never", cores=5),
            ask("waited", cores=1, busy=("grace: -w n1 -c5", "grace: -w n2 -c5")),
            ask("started", cores=1, busy=("grace: -w n1 -c1", "grace: -w n2 -c5")),
        ),
    ),
    SlurmSite(
        "whole-sockets-less-one-core",
        "CR_Socket, and a core of one socket is kept for the system",
        nodes=nodes(16, "Sockets=2 CoresPerSocket=4 ThreadsPerCore=2 CoreSpecCount=1"),
        slurm_conf={"SelectTypeParameters": "CR_Socket_Memory"},
        asks=(
            ask("started", cores=6, busy=("grace: -w n1 -c7", "grace: -w n2 -c7"), unknown=True),
            ask("waited", cores=7, busy=("grace: -w n1 -c3", "grace: -w n2 -c3")),
            ask("started", cores=8, unknown=True),
            ask("never", cores=9),
        ),
        draws=0,
        by_version=True,
    ),
    SlurmSite(
        "memory-is-not-counted",
        "CR_Core: memory is no consumable resource",
        slurm_conf={"SelectTypeParameters": "CR_Core"},
        asks=(
            ask("started", cores=1, memory="16000M"),
            ask(cores=1, memory="16001M"),
            ask("started", cores=1, memory="16000M", busy=("grace: -w n1 -c1 --mem=16000", "grace: -w n2 -c1 --mem=16000")),
        ),
    ),
)
