"""Reservations that take jobs by QOS and by partition, which Slurm has from 25.11 on (scontrol(1), AllowedPartitions, QOS)."""

from __future__ import annotations

from private_slurm.spec import Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

SITES = (
    SlurmSite(
        "reserved-by-qos-and-partition",
        "Reservations for a QOS, for all but one, for a partition, for all but one",
        partitions=(Partition("open", "n[1-2]", "Default=YES"), Partition("deep", "n[1-2]")),
        accounting=ACCOUNTING + "\nadd account other\nadd user {ada} account=other\nadd qos fast",
        limits="modify user {ada} where account=other set qos=fast defaultqos=fast",
        reservations={
            "by-qos": "StartTime=now Duration=2:00:00 Nodes=n1 CoreCnt=1 QOS=fast",
            "not-qos": "StartTime=now Duration=2:00:00 Nodes=n1 CoreCnt=1 QOS=-fast Users={ada}",
            "by-part": "StartTime=now Duration=2:00:00 Nodes=n2 CoreCnt=1 AllowedPartitions=deep",
            "not-part": "StartTime=now Duration=2:00:00 Nodes=n2 CoreCnt=1 AllowedPartitions=-deep Users={ada}",
        },
        asks=(
            ask("started", cores=1, walltime="10m", account="other", reservation="by-qos"),
            ask("never", cores=1, walltime="10m", account="base", reservation="by-qos"),
            ask("never", cores=1, walltime="10m", account="other", reservation="not-qos"),
            ask("started", cores=1, walltime="10m", account="base", reservation="not-qos"),
            ask("never", cores=1, walltime="10m", partition="open", account="base", reservation="by-part"),
            ask("started", cores=1, walltime="10m", partition="deep", account="base", reservation="by-part"),
            ask("started", cores=1, walltime="10m", partition="open", account="base", reservation="not-part"),
            ask("never", cores=1, walltime="10m", partition="deep", account="base", reservation="not-part"),
        ),
        draws=0,
        slurms=("26.05",),
    ),
)
