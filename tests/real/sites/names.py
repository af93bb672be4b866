"""Names as Slurm allows them: what it offers can be asked for, judged and submitted."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

LONG = "institute_of_very_long_names_and_their_consequences_in_accounting_tables_"
"""With what follows more than 74 characters."""

ODD_ACCOUNTS = ("genome lab", "umbrella/sub:one", "a&b+c@d.e", "größe", f"{LONG}account", "-dash", "(p)=50%*")


def accounts(names: tuple[str, ...]) -> str:
    """Accounts of ada's, the first of them her default."""
    lines = [f'add account name="{name}"\nadd user {{ada}} account="{name}"' for name in names]
    return "\n".join(["add account base\nadd user {grace} account=base defaultaccount=base", *lines])


SITES = (
    SlurmSite(
        "names-of-accounts",
        "Accounts with blanks and signs, one of them the default, with limits of their own",
        accounting=accounts(ODD_ACCOUNTS),
        limits='modify account name="genome lab" set GrpTRES=cpu=3\nmodify account name="umbrella/sub:one" set MaxTRES=cpu=2',
        asks=(
            ask("started"),
            *(ask("started", account=name) for name in ODD_ACCOUNTS),
            ask("started", account="genome lab", cores=3),
            ask("never", account="genome lab", cores=4),
            ask("waited", account="genome lab", cores=2, busy=("ada: -c2 '--account=genome lab'",)),
            ask("never", account="umbrella/sub:one", cores=3),
        ),
    ),
    SlurmSite(
        "names-of-partitions",
        "Partitions with blanks and signs, kept to accounts and QOS with such names",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=16000, gres="gpu:h100/80+x:2"),),
        partitions=(
            Partition("a&b", "n[1-2]", "Default=YES MaxTime=8:00:00"),
            Partition('"deep learning"', "n1", "MaxTime=8:00:00 AllowAccounts=base"),
            Partition("umbrella/x:y@z+w", "n1", "MaxTime=8:00:00"),
            Partition("größe", "n2", "MaxTime=8:00:00 QOS=groß/klein"),
            Partition(f"{LONG}partition", "n2", "MaxTime=8:00:00"),
            Partition("x%y!z~$HOME;'", "n2", "MaxTime=8:00:00"),
        ),
        accounting=ACCOUNTING + '\nadd qos name="groß/klein" MaxTRESPerJob=cpu=2',
        asks=(
            ask("started"),
            *(ask("started", partition=name) for name in ("a&b", "deep learning", "umbrella/x:y@z+w", "größe", f"{LONG}partition")),
            ask("started", partition="x%y!z~$HOME;'"),
            ask("never", partition="größe", cores=3, words="groß/klein"),
            ask("started", gpus="h100/80+x:2"),
            ask("waited", gpus="h100/80+x:1", busy=("grace: -w n1 --gres=gpu:2", "grace: -w n2 --gres=gpu:2")),
            ask("waited", partition="deep learning", cores=8, busy=("grace: -w n1 -c2 '--partition=deep learning'",)),
        ),
    ),
    SlurmSite(
        "names-of-reservations",
        "Reservations with blanks and signs beside others",
        nodes=(NodeGroup("n[1-4]", cpus=8, memory_mb=16000),),
        partitions=(Partition("open", "n[1-4]", "Default=YES MaxTime=8:00:00"),),
        reservations={
            "class:2026/A": "Nodes=n1 Users={ada}",
            "a&b+c@d": "Nodes=n2 Users={ada}",
            f"{LONG}reservation": "Nodes=n3 Users={ada}",
        },
        asks=(
            ask("started"),
            ask("started", reservation="class:2026/A"),
            ask("started", reservation="a&b+c@d"),
            ask("started", reservation=f"{LONG}reservation"),
        ),
    ),
    SlurmSite(
        "name-of-the-only-reservation",
        "The only reservation has blanks in its name",
        reservations={"summer school 2026": "Nodes=n1 Users={ada}"},
        asks=(
            ask("started", reservation="summer school 2026"),
            ask("started"),
            ask("waited", cores=8, busy=("grace: -w n2 -c1",)),
        ),
    ),
)
