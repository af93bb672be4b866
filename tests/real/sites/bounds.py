"""How many CPUs of a node the jobs of a partition may have, and how many CPUs a job gets for its memory: odd numbers, rows, versions."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

THREADS = "Sockets=1 CoresPerSocket=4 ThreadsPerCore=2"
TWO_CPUS = ACCOUNTING + "\nadd account other\nadd user {ada} account=other\nadd qos few MaxTRESPerJob=cpu=3"
FEW = "modify user {ada} where account=other set qos=few defaultqos=few"


def beside(options: str) -> tuple[str, ...]:
    """A job of grace's with these options on each of the two nodes."""
    return tuple(f"grace: -w {node} {options}" for node in ("n1", "n2"))


SITES = (
    SlurmSite(
        "an-odd-number-of-cpus-per-node",
        "MaxCPUsPerNode is no whole number of cores: a job may ask for as many, and gets the last core whole",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=16000, gres="gpu:v100:2", options=THREADS),),
        partitions=(Partition("three", "n[1-2]", "Default=YES MaxCPUsPerNode=3"), Partition("five", "n[1-2]", "MaxCPUsPerNode=5")),
        asks=(
            ask("started", cores=3),
            ask("never", cores=4),
            ask("started", cores=1, busy=beside("-p three -c1")),
            ask("waited", cores=2, busy=beside("-p three -c1")),
            ask("waited", cores=1, busy=beside("-p three -c3")),
            ask("started", cores=2, busy=beside("-p five -c5")),
            # Slurm 22.05 refuses these with GPUs, where the number is odd and the job's own is even.
            ask(cores=2, gpus="1"),
            ask("started", cores=3, gpus="1"),
            ask("started", cores=1, gpus="1"),
            ask(cores=4, gpus="1", partition="five"),
            ask("started", cores=5, gpus="1", partition="five"),
        ),
        by_version=True,
    ),
    SlurmSite(
        "cpus-per-node-time-shared",
        "MaxCPUsPerNode where jobs share cores: in a row only the row's own jobs count",
        nodes=(NodeGroup("n[1-2]", cpus=6, memory_mb=16000),),
        partitions=(
            Partition("all", "n[1-2]", "Default=YES OverSubscribe=FORCE:2 MaxCPUsPerNode=6"),
            Partition("four", "n[1-2]", "OverSubscribe=FORCE:2 MaxCPUsPerNode=4"),
        ),
        asks=(
            ask("started", cores=6, busy=beside("-p all -c6")),
            ask("started", cores=2, busy=(*beside("-p all -c6"), *beside("-p all -c4"))),
            ask("waited", cores=3, busy=(*beside("-p all -c6"), *beside("-p all -c4"))),
            ask("started", cores=4, partition="four", busy=beside("-p four -c3")),
            ask("never", cores=5, partition="four"),
        ),
        by_version=True,
    ),
    SlurmSite(
        "cpus-for-memory",
        "MaxMemPerCPU: the CPUs that the memory makes have to be free, and count against limits",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=16000, gres="gpu:v100:2"),),
        partitions=(Partition("open", "n[1-2]", "Default=YES MaxMemPerCPU=2000"),),
        accounting=TWO_CPUS,
        limits=FEW,
        asks=(
            ask("started", account="base", cores=1, memory="6000M", busy=beside("-c5")),
            ask("waited", account="base", cores=1, memory="6001M", busy=beside("-c5")),
            ask("waited", account="base", cores=2, memory="7000M", gpus="1", busy=beside("-c5")),
            ask("never", account="other", cores=1, memory="7000M"),
            # Before 24.11 a multiple of the job's own, and with GPUs none at all.
            ask(account="other", cores=2, memory="7000M"),
            ask(account="other", cores=3, memory="7000M"),
            ask(account="other", cores=1, memory="7000M", gpus="1"),
        ),
        by_version=True,
    ),
    SlurmSite(
        "cpus-for-memory-of-threads",
        "MaxMemPerCPU of the cluster, on cores with threads",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=16000, options=THREADS),),
        slurm_conf={"MaxMemPerCPU": "2000"},
        asks=(
            ask("started", cores=1, memory="4000M", busy=beside("-c6")),
            ask("waited", cores=1, memory="5000M", busy=beside("-c6")),
            ask("started", cores=1, memory="5000M", busy=beside("-c3")),
        ),
        by_version=True,
    ),
    SlurmSite(
        "cpus-for-memory-asked-per-cpu",
        "MaxMemPerCPU, and jobs that ask for memory per CPU: their CPUs are multiplied",
        partitions=(Partition("open", "n[1-2]", "Default=YES MaxMemPerCPU=2000"),),
        accounting=TWO_CPUS,
        limits=FEW,
        settings={"memory_option": "mem-per-cpu"},
        asks=(
            ask("started", account="base", cores=2, memory="4000M", busy=beside("-c5 --mem-per-cpu=10")),
            ask("waited", account="base", cores=2, memory="6000M", busy=beside("-c5 --mem-per-cpu=10")),
            ask("never", account="other", cores=2, memory="6000M"),
            ask("started", account="other", cores=3, memory="6000M"),
        ),
        busy_options=(),
        by_version=True,
    ),
)
