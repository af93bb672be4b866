"""What else stands in Slurm's queue: arrays, heterogeneous jobs, jobs that wait for something of their own."""

from __future__ import annotations

from private_slurm.spec import Partition

from tests.support.slurm_sites import SlurmSite, ask

FULL = ("grace: -w n1 --exclusive", "grace: -w n2 --exclusive")

SITES = (
    SlurmSite(
        "arrays",
        "Arrays and heterogeneous jobs stand in front",
        asks=(
            ask("waited", cores=1, busy=(*FULL, "grace: --array=0-49 -c8"), place="51 of 51"),
            ask("waited", cores=1, busy=(*FULL, "grace: --array=0-49%3 -c8"), place="4 of 4"),
            ask("waited", cores=1, busy=(*FULL, "grace: --array=1,3,7-9:2 -c8"), place="5 of 5"),
            ask("waited", cores=1, busy=(*FULL, "grace: -c8 : -c8"), place="2 of 2"),
            ask("waited", cores=1, busy=(*FULL, "grace: -c8 --hold --array=0-9"), place="1 of 1"),
            ask("started", cores=1, busy=("grace: -w n1 --exclusive", "grace: --array=0-9 --begin=now+1hour")),
        ),
    ),
    SlurmSite(
        "arrays-half-way",
        "Arrays some of whose tasks run already, of the user's own and in another partition",
        partitions=(Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00"), Partition("other", "n[1-2]", "MaxTime=8:00:00")),
        asks=(
            ask("waited", cores=1, busy=("grace: --array=0-9 -c8",), place="9 of 9"),
            ask("waited", cores=1, busy=("ada: --array=2-8:2 -c8",), place="3 of 3"),
            ask("waited", cores=1, busy=(*FULL, "grace: -p other --array=0-9 -c8", "grace: -c8"), place="2 of 2"),
            ask("waited", cores=1, busy=(*FULL, "grace: -p open,other --array=0-4 -c8"), place="6 of 6"),
        ),
        draws=0,
    ),
)
