"""AllowAccounts and DenyAccounts of partitions, on sites with accounts below accounts: what a list means changed with Slurm 23.02."""

from __future__ import annotations

from private_slurm.newer_slurm import OWN, SUITES
from private_slurm.spec import Partition

from tests.support.slurm_sites import SlurmSite, ask

TREE = """add account cineca
add account staff,train parent=cineca
add account lab parent=staff
add account other
add user {ada} account=lab,train,other defaultaccount=other
add user {grace} account=other"""

NEWER = tuple(SUITES)
ALL_DAY = "MaxTime=8:00:00"

SITES = (
    SlurmSite(
        "allowed-above",
        "Partitions that allow an account two levels above the user's, and one that allows the root of all",
        partitions=(
            Partition("open", "n[1-2]", f"Default=YES {ALL_DAY}"),
            Partition("house", "n[1-2]", f"{ALL_DAY} AllowAccounts=Cineca"),
            Partition("everybody", "n[1-2]", f"{ALL_DAY} AllowAccounts=root"),
        ),
        accounting=TREE,
        asks=(
            ask("started", account="lab", partition="house"),
            ask("started", account="train", partition="house"),
            ask("never", account="other", partition="house"),
            ask("started", account="other", partition="everybody"),
        ),
        slurms=NEWER,
        by_version=True,
    ),
    SlurmSite(
        "allowed-above-22.05",
        "The same where the names are compared as they are",
        partitions=(
            Partition("open", "n[1-2]", f"Default=YES {ALL_DAY}"),
            Partition("house", "n[1-2]", f"{ALL_DAY} AllowAccounts=Cineca"),
            Partition("lab", "n[1-2]", f"{ALL_DAY} AllowAccounts=lab"),
            Partition("nolab", "n[1-2]", f"{ALL_DAY} DenyAccounts=staff"),
            Partition("nobody", "n[1-2]", f"{ALL_DAY} AllowAccounts=nosuch"),
        ),
        accounting=TREE,
        asks=(
            ask("never", account="lab", partition="house"),
            ask("started", account="lab", partition="lab"),
            ask("started", account="lab", partition="nolab"),
            ask("never", account="lab", partition="nobody"),
        ),
        slurms=(OWN,),
    ),
    SlurmSite(
        "deny-above",
        "Partitions that deny an account above the user's, and one that allows it as well, so that what it denies does not count",
        partitions=(
            Partition("open", "n[1-2]", f"Default=YES {ALL_DAY}"),
            Partition("nostaff", "n[1-2]", f"{ALL_DAY} DenyAccounts=staff"),
            Partition("both", "n[1-2]", f"{ALL_DAY} AllowAccounts=cineca"),
        ),
        accounting=TREE,
        once_up=("update PartitionName=both DenyAccounts=staff",),
        asks=(
            ask("never", account="lab", partition="nostaff"),
            ask("started", account="train", partition="nostaff"),
            ask("started", account="lab", partition="both"),
        ),
        slurms=NEWER,
        by_version=True,
    ),
    SlurmSite(
        "accounts-that-are-not-there",
        "Partitions whose lists name accounts that slurmdbd does not have",
        partitions=(
            Partition("open", "n[1-2]", f"Default=YES {ALL_DAY}"),
            Partition("gone", "n[1-2]", f"{ALL_DAY} AllowAccounts=nosuch"),
            Partition("half", "n[1-2]", f"{ALL_DAY} AllowAccounts=nosuch,train"),
            Partition("nodeny", "n[1-2]", f"{ALL_DAY} DenyAccounts=nosuch"),
        ),
        accounting=TREE,
        asks=(
            ask("started", account="lab", partition="gone"),
            ask("never", account="lab", partition="half"),
            ask("started", account="train", partition="half"),
            ask("started", account="lab", partition="nodeny"),
        ),
        slurms=NEWER,
        by_version=True,
    ),
)
