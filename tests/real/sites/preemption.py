"""Jobs that make room for others, by partition and by QOS, in each of Slurm's modes; tiers of partitions without it."""

from __future__ import annotations

from private_slurm.spec import Partition

from tests.support.slurm_sites import Ask, SlurmSite, ask

FULL = ("grace: -p low -w n1 -c8 --gres=gpu:v100:2", "grace: -p low -w n2 -c8 --gres=gpu:v100:2")
HALF = ("grace: -p low -w n1 -c4 --gres=gpu:v100:2", "grace: -p same -w n1 -c4", "grace: -p same -w n2 -c8 --gres=gpu:v100:2")

PLANNED = ("wait n2 PLANNED",)


def partitions(low: str = "", high: str = "") -> tuple[Partition, ...]:
    """Three partitions of the same nodes; the first is the default, and jobs of ``low`` stand below it and ``same``."""
    times = "MaxTime=8:00:00"
    return (
        Partition("high", "n[1-2]", f"Default=YES PriorityTier=3 {times} {high}"),
        Partition("same", "n[1-2]", f"PriorityTier=3 {times} {high}"),
        Partition("low", "n[1-2]", f"PriorityTier=1 {times} {low}"),
    )


def by_partition(
    name: str, about: str, mode: str, low: str = "", *, asks: tuple[Ask, ...], high: str = "", draws: int = 3, **conf: str
) -> SlurmSite:
    """A site whose higher partitions preempt."""
    settings = {"PreemptType": "preempt/partition_prio", "PreemptMode": mode, **conf}
    return SlurmSite(name, about, partitions=partitions(low, high), slurm_conf=settings, asks=asks, draws=draws)


SITES = (
    by_partition(
        "tiers-requeue",
        "Jobs of a lower partition make room",
        "REQUEUE",
        asks=(
            ask("started", gpus="1", cores=8, busy=FULL, words="make room"),
            ask("started", gpus="v100:2", cores=4, memory="8000M", busy=HALF),
            ask("waited", gpus="1", cores=5, busy=HALF),
            ask("waited", partition="low", cores=1, busy=("grace: -p high -w n1 --exclusive", "grace: -p high -w n2 --exclusive")),
            ask("waited", partition="same", cores=1, busy=("grace: -p high -w n1 --exclusive", "grace: -p high -w n2 --exclusive")),
            ask(
                "started",
                cores=1,
                walltime="4h",
                busy=("grace: -w n1 -p low -c5 -t20", "grace: -w n2 -p low -c5", "grace: -p low -w n1 -c8 -t60"),
            ),
        ),
    ),
    by_partition(
        "tiers-but-low-is-spared",
        "The lower partition says PreemptMode=OFF",
        "CANCEL",
        "PreemptMode=OFF",
        asks=(ask("waited", gpus="1", cores=1, busy=FULL), ask("waited", cores=1, busy=FULL)),
    ),
    by_partition(
        "tiers-cancel-in-a-while",
        "Jobs of the lower partition are ended after a grace time",
        "CANCEL",
        "PreemptMode=CANCEL GraceTime=4",
        asks=(ask("started", gpus="1", cores=1, busy=FULL, words="1 min", seconds=60),),
        draws=0,
    ),
    by_partition(
        "tiers-exempt",
        "Jobs that have just begun are exempt",
        "REQUEUE",
        asks=(ask("waited", gpus="1", cores=1, busy=FULL),),
        PreemptExemptTime="01:00:00",
    ),
    by_partition(
        "tiers-suspend",
        "Jobs of the lower partition are suspended: they keep memory and GPUs",
        "SUSPEND,GANG",
        "OverSubscribe=FORCE:1",
        high="OverSubscribe=FORCE:1",
        asks=(
            ask("started", cores=8, memory="1000M", busy=FULL),
            ask("waited", gpus="1", cores=1, busy=FULL),
            ask("waited", cores=1, memory="15G", busy=("grace: -p low -w n1 -c8 --mem=8000", "grace: -p low -w n2 -c8 --mem=8000")),
        ),
    ),
    SlurmSite(
        "tiers-alone",
        "Tiers order the queue, and nobody has to make room",
        partitions=partitions(),
        asks=(
            ask("waited", gpus="1", cores=1, busy=FULL),
            ask(
                "started",
                cores=1,
                walltime="4h",
                busy=("grace: -w n1 -p low -c8 -t20", "grace: -w n2 -p low -c5", "grace: -p low -w n1 -c8 -t60"),
            ),
            ask(
                partition="low",
                cores=2,
                walltime="4h",
                busy=("grace: -w n1 -p low -c7 -t20", "grace: -w n2 -p low -c5", "grace: -p high -N2 -c8"),
            ),
        ),
    ),
    SlurmSite(
        "tiers-planned-ahead",
        "A job that waits in a lower partition, with nodes and time chosen by Slurm, keeps nobody of a higher one from these nodes",
        partitions=partitions(),
        busy=("grace: -p low -w n1 -c8 -t20", "grace: -p low -N2 -c8 -t60"),
        asks=(
            ask("waited", partition="low", cores=1, walltime="4h", before=PLANNED),
            ask("started", partition="low", cores=1, walltime="10m", before=PLANNED),
            ask("started", cores=1, walltime="4h", before=PLANNED),
            ask("started", partition="same", cores=8, walltime="8h", before=PLANNED),
            ask("waited", cores=1, walltime="4h", busy=("grace: -p same -w n1 -c8 -t20", "grace: -p same -N2 -c8 -t60"), before=PLANNED),
        ),
        draws=0,
    ),
    SlurmSite(
        "qos-preempts",
        "Jobs of a lower QOS make room, each in its own way",
        slurm_conf={"PreemptType": "preempt/qos", "PreemptMode": "REQUEUE"},
        accounting=(
            "add account base\nadd user {ada},{grace} account=base defaultaccount=base\nadd qos Scavenge\nadd qos spared PreemptMode=off\n"
            "add qos ended PreemptMode=cancel\nadd qos fresh PreemptExemptTime=01:00:00\nadd qos above preempt=scavenge,ended,fresh"
        ),
        limits="modify user {grace} set qos=normal,scavenge,spared,ended,fresh,above\nmodify user {ada} set qos=above defaultqos=above",
        asks=(
            ask(
                "started",
                gpus="1",
                cores=8,
                busy=("grace: --qos=scavenge -w n1 -c8 --gres=gpu:2", "grace: --qos=normal -w n2 -c8 --gres=gpu:2"),
            ),
            ask("started", gpus="v100:2", cores=8, busy=("grace: --qos=ended -w n1 -c8 --gres=gpu:2", "grace: -w n2 -c8 --gres=gpu:2")),
            ask(
                "waited",
                gpus="1",
                cores=1,
                busy=("grace: --qos=fresh -w n1 -c8 --gres=gpu:2", "grace: --qos=spared -w n2 -c8 --gres=gpu:2"),
            ),
            ask("waited", gpus="1", cores=1, busy=("grace: --qos=above -w n1 -c8 --gres=gpu:2", "grace: -w n2 -c8 --gres=gpu:2")),
        ),
    ),
    SlurmSite(
        "qos-by-rank-within",
        "Jobs of one QOS make room by priority, which nobody knows before",
        slurm_conf={"PreemptType": "preempt/qos", "PreemptMode": "REQUEUE,WITHIN"},
        asks=(ask(gpus="1", cores=8, busy=("grace: -w n1 -c8 --gres=gpu:2", "grace: -w n2 -c8 --gres=gpu:2"), unknown=True),),
        draws=0,
    ),
)
