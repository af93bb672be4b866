"""PrivateData hides what belongs to others from a Hub that is not root: in slurm.conf, and in slurmdbd.conf (slurm.conf(5))."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

EIGHT = (NodeGroup("n[1-2]", cpus=8, memory_mb=16000),)
SHARED = "modify qos normal set GrpTRES=cpu=4"
OPERATOR = ACCOUNTING + "\nadd user {alan} account=base adminlevel=operator"

SITES = (
    SlurmSite(
        "hides-accounts",
        "slurmdbd shows the Hub's user nobody's accounts, slurmctld does",
        nodes=EIGHT,
        hub_user="alan",
        slurmdbd_conf={"PrivateData": "accounts,users"},
        limits="modify user {ada} set MaxTRES=cpu=4",
        asks=(
            ask("started", account="base", cores=2, unknown=True),
            ask("never", account="base", cores=6, unknown=True),
            ask("never", account="base", cores=8, busy=("grace: -w n1 -c1", "grace: -w n2 -c1"), unknown=True),
        ),
        draws=0,
        by_version=True,
    ),
    SlurmSite(
        "hides-accounts-twice",
        "Neither slurmdbd nor slurmctld shows the Hub's user who has which account",
        nodes=EIGHT,
        hub_user="alan",
        slurmdbd_conf={"PrivateData": "accounts,users"},
        slurm_conf={"PrivateData": "accounts,users,usage"},
        accounting=ACCOUNTING + "\nadd account other\nadd user {ada} account=other",
        limits="modify qos normal set MaxTRESPerJob=cpu=4",
        asks=(
            ask("started", cores=2, unknown=True),
            ask("started", account="other", cores=2, unknown=True),
            ask("never", cores=6, unknown=True),
        ),
        draws=0,
    ),
    SlurmSite(
        "hides-own-account-too",
        "As before, and the Hub's user has an account, so that slurmdbd's answer is not empty",
        nodes=EIGHT,
        hub_user="alan",
        slurmdbd_conf={"PrivateData": "users"},
        slurm_conf={"PrivateData": "users"},
        accounting=ACCOUNTING + "\nadd user {alan} account=base",
        asks=(ask("started", cores=2, unknown=True),),
        draws=0,
    ),
    SlurmSite(
        "hides-use",
        "slurmctld does not show the Hub's user what others hold of a limit that they share",
        nodes=EIGHT,
        hub_user="alan",
        slurm_conf={"PrivateData": "usage"},
        limits=SHARED,
        asks=(
            ask("waited", cores=2, busy=("grace: -c3",), unknown=True),
            ask("started", cores=1, busy=("grace: -c3",), unknown=True),
            ask("never", cores=5),
        ),
        draws=0,
    ),
    SlurmSite(
        "hides-jobs",
        "slurmctld does not show the Hub's user other people's jobs",
        nodes=EIGHT,
        hub_user="alan",
        slurm_conf={"PrivateData": "jobs"},
        asks=(
            ask("started", cores=2, unknown=True),
            ask("waited", cores=8, busy=("grace: -w n1 -c1", "grace: -w n2 -c1")),
            ask(
                "waited",
                cores=8,
                walltime="4h",
                busy=("grace: -w n1 -c8 -t 60", "grace: -N2 -n2 -c8 -t 60"),
                unknown=True,
            ),
            ask("started", cores=8, walltime="10m", busy=("grace: -w n1 -c8 -t 60", "grace: -N2 -n2 -c8 -t 60"), unknown=True),
        ),
        draws=0,
    ),
    SlurmSite(
        "hides-reservations",
        "slurmctld does not show the Hub's user reservations that it may not use",
        nodes=EIGHT,
        hub_user="alan",
        slurm_conf={"PrivateData": "reservations"},
        reservations={"later": "Nodes=n1 Users={grace} StartTime=now+30minutes Duration=60"},
        busy=("grace: -w n2 -c8",),
        asks=(
            ask("started", cores=2, walltime="10m", unknown=True),
            ask("waited", cores=2, walltime="2h", unknown=True),
        ),
        draws=0,
    ),
    SlurmSite(
        "hides-other-things",
        "events and cloud hide nothing from the Hub's user, nor accounts where slurmdbd is asked for associations",
        nodes=EIGHT,
        hub_user="alan",
        slurmdbd_conf={"PrivateData": "accounts,events,jobs,reservations,usage"},
        slurm_conf={"PrivateData": "accounts,events,cloud"},
        limits=SHARED,
        asks=(
            ask("waited", cores=2, busy=("grace: -c3",)),
            ask("started", cores=1, busy=("grace: -c3",)),
            ask("never", cores=5),
        ),
    ),
    SlurmSite(
        "hides-all-but-from-operators",
        "Everything is private, and the Hub's user is an operator",
        nodes=EIGHT,
        partitions=(Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00"),),
        hub_user="alan",
        slurmdbd_conf={"PrivateData": "accounts,events,jobs,reservations,usage,users"},
        slurm_conf={"PrivateData": "accounts,events,jobs,nodes,partitions,reservations,usage,users"},
        accounting=OPERATOR,
        limits="modify qos normal set GrpTRES=cpu=9",
        reservations={"later": "Nodes=n1 Users={grace} StartTime=now+30minutes Duration=60"},
        asks=(
            ask("waited", cores=2, walltime="10m", busy=("grace: -w n2 -c8",)),
            ask("started", cores=1, walltime="10m", busy=("grace: -w n2 -c8",)),
            ask("waited", cores=1, walltime="2h", busy=("grace: -w n2 -c8",)),
            ask("never", cores=9),
        ),
    ),
)
