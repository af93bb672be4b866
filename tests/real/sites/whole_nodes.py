"""Partitions that give whole nodes, and nodes of one user, in the words of each version of slurm.conf."""

from __future__ import annotations

from private_slurm.spec import Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

BUSY = ("grace: -p open -w n1 -c1",)


def partitions(whole: str, mine: str) -> tuple[Partition, ...]:
    """One as any other, one of whole nodes, one of nodes that one user has at a time."""
    return (
        Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00"),
        Partition("whole", "n[1-2]", f"MaxTime=8:00:00 {whole}"),
        Partition("mine", "n[1-2]", f"MaxTime=8:00:00 {mine}"),
    )


ASKS = (
    ask("started", partition="whole", cores=1, busy=BUSY),
    ask("waited", partition="whole", cores=1, busy=(*BUSY, "grace: -p open -w n2 -c1")),
    ask("waited", partition="open", cores=1, busy=("grace: -p whole -w n1 -c1", "grace: -p whole -w n2 -c1")),
    ask("waited", partition="mine", cores=1, busy=(*BUSY, "grace: -p open -w n2 -c1")),
    ask("started", partition="mine", cores=1, busy=BUSY),
)

SITES = (
    SlurmSite(
        "whole-nodes",
        "OverSubscribe=EXCLUSIVE and ExclusiveUser=YES, which 26.05 reads and prints as Exclusive=",
        partitions=partitions("OverSubscribe=EXCLUSIVE", "ExclusiveUser=YES"),
        asks=ASKS,
        by_version=True,
    ),
    SlurmSite(
        "whole-nodes-26.05",
        "Exclusive=NODE and Exclusive=USER",
        partitions=partitions("Exclusive=NODE", "Exclusive=USER"),
        asks=ASKS,
        slurms=("26.05",),
    ),
    SlurmSite(
        "whole-nodes-and-a-qos",
        "Whole nodes of eight cores, and QOS that allow a job four and eight",
        partitions=partitions("OverSubscribe=EXCLUSIVE", ""),
        accounting=ACCOUNTING
        + "\nadd qos four MaxTRESPerJob=cpu=4\nadd qos eight MaxTRESPerJob=cpu=8\nadd account four,eight"
        + "\nadd user {ada} account=four qos=four defaultqos=four\nadd user {ada} account=eight qos=eight defaultqos=eight",
        asks=(
            ask(partition="whole", cores=2, account="four"),
            ask("started", partition="whole", cores=2, account="eight"),
            ask("started", partition="open", cores=4, account="four"),
        ),
        by_version=True,
    ),
)
