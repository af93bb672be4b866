"""Nodes that are one user's, or one security label's, at a time."""

from __future__ import annotations

from private_slurm.spec import Partition

from tests.support.slurm_sites import SlurmSite, ask

SMALL = ("grace: -w n1 -c1", "grace: -w n2 -c1")
OWN = ("ada: -w n1 -c1", "grace: -w n2 -c1")
PARTITIONS = (
    Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00"),
    Partition("mine", "n[1-2]", "ExclusiveUser=YES MaxTime=8:00:00"),
)

SITES = (
    SlurmSite(
        "one-user-at-a-time",
        "A partition whose nodes are one user's at a time",
        partitions=PARTITIONS,
        asks=(
            ask("waited", partition="mine", cores=1, busy=SMALL),
            ask("started", partition="mine", cores=1, busy=OWN),
            ask("waited", partition="mine", cores=8, busy=OWN),
            ask("started", partition="open", cores=1, busy=SMALL),
            ask("waited", partition="open", cores=1, busy=("grace: -p mine -w n1 -c1", "grace: -p mine -w n2 -c1")),
            ask("started", partition="open", cores=1, busy=("grace: -p mine -w n1 -c1", "ada: -p mine -w n2 -c1")),
            ask("waited", partition="open", cores=1, busy=("grace: --exclusive=user -w n1 -c1", "grace: --exclusive=user -w n2 -c1")),
        ),
    ),
    SlurmSite(
        "labels-of-users",
        "Jobs have the label of their user, and nodes take it",
        slurm_conf={"MCSPlugin": "mcs/user", "MCSParameters": "enforced,select"},
        asks=(
            ask("waited", cores=1, busy=SMALL),
            ask("started", cores=1, busy=OWN),
            ask("waited", cores=8, busy=OWN),
        ),
    ),
    SlurmSite(
        "labels-of-accounts",
        "Jobs have the label of their account, and nodes take it",
        slurm_conf={"MCSPlugin": "mcs/account", "MCSParameters": "enforced,select"},
        accounting="add account base\nadd account Other\nadd user {ada},{grace} account=base,other defaultaccount=base",
        asks=(
            ask("started", cores=1, account="base", busy=SMALL),
            ask("waited", cores=1, account="other", busy=SMALL),
            ask("started", cores=1, account="other", busy=("grace: -w n1 -c1 -A other", "grace: -w n2 -c1")),
        ),
    ),
    SlurmSite(
        "labels-on-demand",
        "Only jobs that ask for it keep a node to their label",
        slurm_conf={"MCSPlugin": "mcs/user", "MCSParameters": "ondemand,ondemandselect"},
        asks=(
            ask("started", cores=1, busy=SMALL),
            ask("waited", cores=1, busy=("grace: --exclusive=mcs -w n1 -c1", "grace: --exclusive=mcs -w n2 -c1")),
        ),
    ),
)
