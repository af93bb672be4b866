"""What a partition, or the admin's own options, ask for beside resources: hosts that jobs come from, licences, a QOS that must be named."""

from __future__ import annotations

import socket

from private_slurm.spec import Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

HERE = f"{socket.gethostname().partition('.')[0]},localhost"
"""How the controller may call this machine, by what munge says of it."""

OPEN = Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00")
HIGH = "\nadd qos high MaxTRESPerJob=cpu=3\nadd qos other\n"

SITES = (
    SlurmSite(
        "hosts-that-may-submit",
        "AllocNodes: partitions that take jobs of some hosts only",
        partitions=(
            OPEN,
            Partition("portal", "n[1-2]", "MaxTime=8:00:00 AllocNodes=portal[01-02]"),
            Partition("here", "n[1-2]", f"MaxTime=8:00:00 AllocNodes={HERE}"),
        ),
        asks=(
            ask("never", partition="portal", cores=1),
            ask("started", partition="here", cores=1),
            ask("started", partition="open", cores=1),
        ),
    ),
    SlurmSite(
        "licences-used-up",
        "The admin's own options ask for licences, which others may use up",
        slurm_conf={"Licenses": "matlab:2,idl:4"},
        sbatch_options=("--licenses=matlab:1,idl:2",),
        asks=(
            ask("started", cores=1),
            ask("started", cores=1, busy=("grace: -L matlab:1",)),
            ask("waited", cores=1, busy=("grace: -L matlab:2",), words="matlab"),
            ask("waited", cores=1, busy=("grace: -L idl:3",), words="idl"),
        ),
    ),
    SlurmSite(
        "licences-too-many",
        "The admin's own options ask for more licences than there are",
        slurm_conf={"Licenses": "matlab:2"},
        sbatch_options=("--licenses=matlab:3",),
        asks=(ask("never", cores=1),),
    ),
    SlurmSite(
        "licences-remote",
        "The licences of another server, which slurmdbd counts",
        limits="add resource name=ansys server=flex servertype=flexlm count=4 type=license cluster=licences-remote percentallowed=50",
        sbatch_options=("--licenses=ansys@flex:2",),
        asks=(ask("started", cores=1), ask("waited", cores=1, busy=("grace: -L ansys@flex:1",))),
        draws=0,
    ),
    SlurmSite(
        "qos-to-be-named",
        "A partition for a QOS that its users have, and not by default",
        partitions=(OPEN, Partition("fat", "n[1-2]", "MaxTime=8:00:00 AllowQos=high")),
        accounting=ACCOUNTING + HIGH + "modify user {ada} set qos=normal,high defaultqos=normal",
        asks=(
            ask("started", partition="open", cores=4),
            ask("started", partition="fat", cores=3),
            ask("never", partition="fat", cores=4, words="high"),
        ),
    ),
    SlurmSite(
        "qos-denied",
        "DenyQos of the default QOS: one of the others has to be named; and a partition that takes none of them",
        partitions=(
            OPEN,
            Partition("fat", "n[1-2]", "MaxTime=8:00:00 DenyQos=normal,other"),
            Partition("none", "n[1-2]", "MaxTime=8:00:00 AllowQos=other"),
        ),
        accounting=ACCOUNTING + HIGH + "modify user {ada} set qos=normal,high defaultqos=normal",
        asks=(
            ask("started", partition="fat", cores=3),
            ask("never", partition="fat", cores=4),
            ask("never", partition="none", cores=1),
            ask("started", partition="open", cores=4),
        ),
    ),
    SlurmSite(
        "qos-of-the-admin",
        "The admin's own options name the QOS of every job: no other is asked for",
        partitions=(OPEN, Partition("fat", "n[1-2]", "MaxTime=8:00:00 AllowQos=high")),
        accounting=ACCOUNTING + HIGH + "modify user {ada} set qos=normal,high,other defaultqos=normal",
        sbatch_options=("--qos=other",),
        asks=(ask("started", partition="open", cores=4), ask("never", partition="fat", cores=1)),
    ),
)
