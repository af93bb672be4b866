"""slurmdbd keeps every name in lower case (sacctmgr(1)); slurm.conf and scontrol keep the case that the admin has written."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

CAPITALS = (NodeGroup("N[1-2]", cpus=8, memory_mb=16000, gres="gpu:V100-SXM2:2"),)

SITES = (
    SlurmSite(
        "gpu-type-per-user",
        "A GPU type with capitals, limited by QOS for one user's jobs",
        nodes=CAPITALS,
        partitions=(Partition("open", "N[1-2]", "Default=YES MaxTime=8:00:00"),),
        limits="modify qos normal set MaxTRESPerUser=gres/gpu:v100-sxm2=1",
        asks=(
            ask("never", gpus="V100-SXM2:2"),
            ask("started", gpus="V100-SXM2:1"),
            ask("waited", gpus="V100-SXM2:1", busy=("ada: --gres=gpu:V100-SXM2:1",)),
        ),
    ),
    SlurmSite(
        "gpu-type-least",
        "A GPU type with capitals that each job must have",
        nodes=CAPITALS,
        partitions=(Partition("open", "N[1-2]", "Default=YES MaxTime=8:00:00"),),
        limits="modify qos normal set MinTRES=gres/gpu:v100-sxm2=1",
        asks=(ask("never", gpus="0"), ask("started", gpus="V100-SXM2:1"), ask("started", gpus="V100-SXM2:2"), ask(gpus="1"), ask()),
    ),
    SlurmSite(
        "gpu-type-group",
        "A GPU type with capitals, limited for all who share a QOS",
        nodes=CAPITALS,
        partitions=(Partition("open", "N[1-2]", "Default=YES MaxTime=8:00:00"),),
        limits="modify qos normal set GrpTRES=gres/gpu:v100-sxm2=2",
        asks=(
            ask("started", gpus="V100-SXM2:2"),
            ask("waited", gpus="V100-SXM2:2", busy=("grace: --gres=gpu:V100-SXM2:1",)),
        ),
    ),
    SlurmSite(
        "partition-qos-capitals",
        "A partition's QOS that slurm.conf writes with capitals",
        partitions=(Partition("Open", "n[1-2]", "Default=YES MaxTime=8:00:00 QOS=HighMem"),),
        accounting=ACCOUNTING + "\nadd qos HighMem MaxTRESPerJob=cpu=2",
        asks=(ask("never", cores=3, words="highmem"), ask("started", cores=2)),
    ),
    SlurmSite(
        "option-qos-capitals",
        "The admin's own options name a QOS with capitals",
        accounting=ACCOUNTING + "\nadd qos HighMem MaxTRESPerJob=cpu=2\nmodify user {ada} set qos=normal,HighMem",
        sbatch_options=("--qos=HighMem",),
        asks=(ask("never", cores=3), ask("started", cores=2)),
    ),
    SlurmSite(
        "association-partition-capitals",
        "An association for one partition, whose name has capitals",
        partitions=(Partition("Open", "n1", "Default=YES MaxTime=8:00:00"), Partition("Other", "n2", "MaxTime=8:00:00")),
        accounting=ACCOUNTING + "\nadd account lab\nadd user {ada} account=lab partition=Open MaxTRES=cpu=2",
        asks=(
            ask("started", account="lab", partition="Open", cores=2),
            ask("never", account="lab", partition="Open", cores=3),
            ask("never", account="lab", partition="Other"),
            ask("started", account="Lab", partition="Open"),
        ),
    ),
    SlurmSite(
        "reservation-account-capitals",
        "A reservation for an account that is written with capitals",
        accounting=ACCOUNTING.replace("base", "Base_Lab"),
        reservations={"Lab": "Nodes=n1 Accounts=Base_Lab"},
        asks=(ask("started", reservation="Lab"), ask("started", account="base_lab")),
    ),
)
