"""Settings that are harmless alone, and together make Slurm do what nobody expects: most were met by drawing sites at random."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

MAINTENANCE = {"maint": "StartTime=now+40minutes Duration=1:00:00 Nodes=ALL Users=root Flags=MAINT,IGNORE_JOBS"}

SITES = (
    SlurmSite(
        "whole-but-no-more-than-six",
        "A partition of whole nodes with a MaxCPUsPerNode: its larger nodes take no job",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=16000), NodeGroup("s1", cpus=4, memory_mb=16000)),
        partitions=(
            Partition("whole", "n[1-2],s1", "Default=YES OverSubscribe=EXCLUSIVE MaxCPUsPerNode=6"),
            Partition("large", "n[1-2]", "OverSubscribe=EXCLUSIVE MaxCPUsPerNode=6"),
        ),
        asks=(ask("started", cores=3), ask("never", cores=5), ask("never", cores=1, partition="large")),
    ),
    SlurmSite(
        "time-shared-before-maintenance",
        "Two jobs take turns on a core, so that each is taken to last twice its time limit before a reservation",
        partitions=(
            Partition("shared", "n[1-2]", "Default=YES OverSubscribe=FORCE:2 MaxTime=8:00:00"),
            Partition("once", "n[1-2]", "OverSubscribe=FORCE:1 MaxTime=8:00:00"),
        ),
        slurm_conf={"PreemptMode": "GANG"},
        reservations=MAINTENANCE,
        asks=(
            ask("started", cores=1, walltime="15m"),
            ask("waited", cores=1, walltime="30m"),
            ask("started", cores=1, walltime="30m", partition="once"),
        ),
    ),
    SlurmSite(
        "two-partitions-that-share-cores",
        "A node with a job of one partition with OverSubscribe=YES:2 takes none of another like it before 23.11.7",
        partitions=(
            Partition("one", "n[1-2]", "Default=YES OverSubscribe=YES:2"),
            Partition("two", "n[1-2]", "OverSubscribe=YES:2"),
            Partition("shared", "n[1-2]", "OverSubscribe=FORCE:2"),
            Partition("plain", "n[1-2]"),
        ),
        asks=(
            ask(cores=1, partition="two", busy=("grace: -p one -w n1 -c1", "grace: -p one -w n2 -c1")),
            ask("started", cores=1, partition="two", busy=("grace: -p one -w n1 -c1", "grace: -p two -w n2 -c1")),
            ask("waited", cores=1, partition="plain", busy=("grace: -p shared -w n1 -c1", "grace: -p shared -w n2 -c1")),
            ask("waited", cores=1, partition="one", busy=("grace: -p shared -w n1 -c1", "grace: -p shared -w n2 -c1")),
            ask(cores=1, partition="shared", busy=("grace: -p one -w n1 -c1", "grace: -p one -w n2 -c1")),
            ask(cores=1, partition="plain", busy=("grace: -p one -w n1 -c1", "grace: -p one -w n2 -c1")),
        ),
        draws=2,
        by_version=True,
    ),
    SlurmSite(
        "least-memory-where-none-is-counted",
        "A QOS with a MinTRES of memory, where memory is not given out",
        slurm_conf={"SelectTypeParameters": "CR_Core"},
        accounting=ACCOUNTING + "\nadd account other\nadd user {ada} account=other\nadd qos large MinTRES=mem=4G",
        limits="modify user {ada} where account=other set qos=large defaultqos=large",
        asks=(ask("started", account="base", cores=1), ask("never", account="other", cores=1, memory="8G")),
    ),
    SlurmSite(
        "options-whole-node",
        "The admin's options ask for a whole node",
        accounting=ACCOUNTING + "\nadd qos four MaxTRESPerJob=cpu=4",
        limits="modify user {ada} set qos=normal,four defaultqos=normal",
        sbatch_options=("--exclusive",),
        asks=(
            ask("started", cores=1, busy=("grace: -w n1 -c1",)),
            ask("waited", cores=1, busy=("grace: -w n1 -c1", "grace: -w n2 -c1")),
        ),
    ),
    SlurmSite(
        "options-whole-node-and-limits",
        "The admin's options ask for a whole node, which is more than the QOS allows",
        accounting=ACCOUNTING + "\nadd account other\nadd user {ada} account=other\nadd qos four MaxTRESPerJob=cpu=4",
        limits="modify user {ada} where account=other set qos=four defaultqos=four",
        sbatch_options=("--exclusive",),
        asks=(ask("never", cores=1, account="other"), ask("started", cores=1, account="base")),
        draws=2,
    ),
    SlurmSite(
        "options-other-nodes",
        "The admin's options leave out a node, and want one of two features",
        nodes=(
            NodeGroup("n1", cpus=8, memory_mb=16000, options="Feature=old"),
            NodeGroup("n2", cpus=8, memory_mb=16000, options="Feature=new"),
            NodeGroup("n3", cpus=4, memory_mb=16000, options="Feature=newer"),
        ),
        partitions=(Partition("open", "n[1-3]", "Default=YES"),),
        sbatch_options=("--exclude=n2", "--constraint=new|newer"),
        asks=(ask("started", cores=4), ask("never", cores=5), ask("waited", cores=1, busy=("grace: -w n3 -c4",))),
    ),
    SlurmSite(
        "two-reservations-of-cores",
        "Two reservations have a core each of the same node",
        nodes=(NodeGroup("n1", cpus=4, memory_mb=16000),),
        partitions=(Partition("open", "n1", "Default=YES"),),
        reservations={
            "mine": "StartTime=now Duration=2:00:00 Nodes=n1 CoreCnt=1 Users={ada}",
            "theirs": "StartTime=now Duration=2:00:00 Nodes=n1 CoreCnt=1 Users={grace}",
        },
        asks=(
            ask("started", cores=1, walltime="10m", reservation="mine"),
            ask("started", cores=2, walltime="10m", reservation=""),
            ask("waited", cores=3, walltime="10m", reservation=""),
        ),
        draws=0,
    ),
)
