"""The fields of partitions and nodes that say who may run there, how much of a node a job may have, and what counts for nothing here."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import SlurmSite, ask

OPEN = Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00")
TIME = "MaxTime=8:00:00"

SITES = (
    SlurmSite(
        "who-may-run",
        "RootOnly, MinNodes, MaxNodes, ReqResv, DisableRootJobs: who may run in a partition, and with how many nodes",
        partitions=(
            OPEN,
            Partition("root", "n[1-2]", f"{TIME} RootOnly=YES"),
            Partition("many", "n[1-2]", f"{TIME} MinNodes=2"),
            Partition("none", "n[1-2]", f"{TIME} MaxNodes=0"),
            Partition("one", "n[1-2]", f"{TIME} MaxNodes=1 MinNodes=1 DisableRootJobs=YES"),
            Partition("reserved", "n[1-2]", f"{TIME} ReqResv=YES"),
        ),
        reservations={"course": "Nodes=n1 Users={ada}"},
        asks=(
            ask("never", partition="root", cores=1),
            ask("never", partition="many", cores=1),
            ask("never", partition="none", cores=1),
            ask("started", partition="one", cores=1),
            ask("never", partition="reserved", cores=1, reservation=""),
            ask("started", partition="reserved", cores=1, reservation="course"),
        ),
    ),
    SlurmSite(
        "states-of-partitions",
        "DOWN, DRAIN and INACTIVE, and UP",
        partitions=(
            OPEN,
            Partition("down", "n[1-2]", TIME),
            Partition("drain", "n[1-2]", TIME),
            Partition("inactive", "n[1-2]", TIME),
        ),
        once_up=(
            "update PartitionName=down State=DOWN",
            "update PartitionName=drain State=DRAIN",
            "update PartitionName=inactive State=INACTIVE",
        ),
        asks=(
            ask("started", partition="open", cores=1),
            ask("never", partition="drain", cores=1),
            ask("never", partition="inactive", cores=1),
            ask("never", partition="down", cores=1),
        ),
        draws=2,
    ),
    SlurmSite(
        "cpus-per-node",
        "MaxCPUsPerNode: how many CPUs of a node the jobs of a partition may have together",
        partitions=(OPEN, Partition("few", "n[1-2]", f"{TIME} MaxCPUsPerNode=4")),
        asks=(
            ask("started", partition="few", cores=4),
            ask("never", partition="few", cores=5),
            ask("waited", partition="few", cores=2, busy=("grace: -p few -w n1 -c3", "grace: -p few -w n2 -c3")),
            ask("started", partition="few", cores=1, busy=("grace: -p few -w n1 -c3", "grace: -p few -w n2 -c3")),
            ask("started", partition="few", cores=4, busy=("grace: -p open -w n1 -c4", "grace: -p open -w n2 -c4")),
            ask("started", partition="open", cores=5, busy=("grace: -p few -w n1 -c3", "grace: -p few -w n2 -c3")),
        ),
    ),
    SlurmSite(
        "cpus-per-socket",
        "MaxCPUsPerSocket: as before, of each socket",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=16000, options="Sockets=2 CoresPerSocket=4 ThreadsPerCore=1"),),
        partitions=(OPEN, Partition("few", "n[1-2]", f"{TIME} MaxCPUsPerSocket=2")),
        slurms=("24.11", "26.05"),
        asks=(
            ask("started", partition="few", cores=4),
            ask("never", partition="few", cores=5),
            ask("waited", partition="few", cores=3, busy=("grace: -p few -w n1 -c2", "grace: -p few -w n2 -c2")),
            ask("started", partition="few", cores=2, busy=("grace: -p few -w n1 -c2", "grace: -p few -w n2 -c2")),
        ),
    ),
    SlurmSite(
        "what-does-not-matter",
        "LLN, OverTimeLimit, GraceTime, DefaultTime, PriorityJobFactor, Weight: they change where and in which order, not whether",
        nodes=(
            NodeGroup("n1", cpus=8, memory_mb=16000, options="Weight=10 Feature=big"),
            NodeGroup("n2", cpus=8, memory_mb=16000, options="Weight=1"),
        ),
        partitions=(
            Partition(
                "open",
                "n[1-2]",
                "Default=YES MaxTime=8:00:00 DefaultTime=30 LLN=YES OverTimeLimit=60 GraceTime=60 PriorityJobFactor=10",
            ),
        ),
        asks=(
            ask("started", cores=8),
            ask("started", cores=8, busy=("grace: -w n2 -c1",)),
            ask("waited", cores=8, busy=("grace: -w n1 -c1", "grace: -w n2 -c1")),
            ask("started", cores=1, walltime="8h"),
            ask("never", cores=1, walltime="9h"),
        ),
    ),
    SlurmSite(
        "kept-for-the-system",
        "CoreSpecCount, CPUSpecList and MemSpecLimit: what of a node no job gets",
        nodes=(
            NodeGroup(
                "n1", cpus=8, memory_mb=16000, options="Sockets=1 CoresPerSocket=8 ThreadsPerCore=1 CoreSpecCount=2 MemSpecLimit=4000"
            ),
            NodeGroup("n2", cpus=8, memory_mb=8000, options="Sockets=1 CoresPerSocket=8 ThreadsPerCore=1 CpuSpecList=0,1,2"),
        ),
        asks=(
            ask("started", cores=6, memory="12000M"),
            ask("never", cores=7, memory="1G"),
            ask("never", cores=1, memory="12001M"),
            ask("waited", cores=5, memory="1G", busy=("grace: -w n1 -c2", "grace: -w n2 -c1")),
            ask("started", cores=4, memory="1G", busy=("grace: -w n1 -c2", "grace: -w n2 -c1")),
        ),
    ),
)
