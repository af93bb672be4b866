"""Sessions on several nodes, and with several tasks on a node: the same of each node, limits of all together."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import ACCOUNTING, SlurmSite, ask

FIELDS = {"nodes": {}, "tasks": {}}
NODES = (
    NodeGroup("n[1-2]", cpus=8, memory_mb=16000, gres="gpu:v100:2"),
    NodeGroup("n[3-4]", cpus=8, memory_mb=16000),
)
ONE = ("grace: -w n1 -c1",)

SITES = (
    SlurmSite(
        "several-nodes",
        "As many nodes as are asked for have to be free at once, each with all of it",
        nodes=NODES,
        partitions=(
            Partition("open", "n[1-4]", "Default=YES MaxTime=8:00:00"),
            Partition("two", "n[1-4]", "MaxTime=8:00:00 MaxNodes=2"),
            Partition("whole", "n[1-4]", "MaxTime=8:00:00 OverSubscribe=EXCLUSIVE"),
        ),
        fields=FIELDS,
        asks=(
            ask("started", nodes=4, cores=8),
            ask("waited", nodes=4, cores=8, busy=ONE, words="3 of the 4 nodes"),
            ask("started", nodes=3, cores=8, busy=ONE),
            ask("started", nodes=4, cores=7, busy=ONE),
            ask("never", nodes=5, cores=1, words="5 nodes are asked for, and 4 nodes"),
            ask("started", nodes=2, cores=1, gpus=2),
            ask("waited", nodes=2, cores=1, gpus=2, busy=("grace: -w n1 -c1 --gres=gpu:1",)),
            ask("started", nodes=2, cores=1, gpus=1, busy=("grace: -w n1 -c1 --gres=gpu:1",)),
            ask("never", nodes=3, cores=1, gpus=1, words="3 nodes are asked for, and 2 nodes"),
            ask("waited", nodes=2, cores=1, memory="15G", busy=tuple(f"grace: -w n{number} -c1 --mem=2000" for number in (1, 2, 3))),
            ask("started", nodes=2, cores=1, memory="13G", busy=tuple(f"grace: -w n{number} -c1 --mem=2000" for number in (1, 2, 3))),
            ask("started", partition="two", nodes=2, cores=8),
            ask("never", partition="two", nodes=3, cores=1, words="3 is more than the 2"),
            ask("started", partition="whole", nodes=4, cores=1),
            ask("waited", partition="whole", nodes=4, cores=1, busy=ONE),
            ask("started", partition="whole", nodes=3, cores=1, busy=ONE),
            ask("started", nodes=2, tasks=4, cores=8),
            ask("started", tasks=8, cores=8),
        ),
        draws=0,
    ),
    SlurmSite(
        "several-nodes-and-limits",
        "A limit of one job counts all of its nodes, one of a node each",
        nodes=NODES,
        partitions=(Partition("open", "n[1-4]", "Default=YES MaxTime=8:00:00"),),
        accounting=ACCOUNTING,
        limits=(
            "add qos small MaxTRESPerJob=cpu=16,mem=24G,gres/gpu=2 MaxTRESPerNode=cpu=6 GrpTRES=node=3\n"
            "modify user {ada} set qos=small defaultqos=small"
        ),
        fields=FIELDS,
        asks=(
            ask("started", nodes=2, cores=6, memory="4G"),
            ask("never", nodes=2, cores=7, memory="4G"),
            ask("never", nodes=3, cores=6, memory="4G", words="3 nodes have 18 together"),
            ask("started", nodes=3, cores=5, memory="4G"),
            ask("never", nodes=3, cores=1, memory="9G"),
            ask("started", nodes=3, cores=1, memory="8G"),
            ask("started", nodes=2, cores=1, memory="1G", gpus=1),
            ask("never", nodes=2, cores=1, memory="1G", gpus=2),
            ask("never", nodes=4, cores=1, memory="1G"),
            ask(nodes=2, cores=1, memory="1G", busy=("ada: --nodes=2 --ntasks=2 --mem=100",), unknown=True),
        ),
        draws=0,
    ),
    SlurmSite(
        "several-tasks-and-threads",
        "Where cores have two threads a job gets whole ones, however many tasks share them",
        nodes=(NodeGroup("n[1-2]", cpus=8, memory_mb=16000, options="Sockets=1 CoresPerSocket=4 ThreadsPerCore=2"),),
        partitions=(Partition("open", "n[1-2]", "Default=YES MaxTime=8:00:00"),),
        fields=FIELDS,
        asks=(
            ask("started", tasks=2, cores=6, busy=()),
            ask("started", tasks=2, cores=6, busy=("grace: -w n1 -c2", "grace: -w n2 -c2")),
            ask("waited", tasks=1, cores=7, busy=("grace: -w n1 -c2", "grace: -w n2 -c2")),
            ask("started", tasks=3, cores=3, busy=("grace: -w n1 -c4", "grace: -w n2 -c4")),
            ask("waited", tasks=5, cores=5, busy=("grace: -w n1 -c4", "grace: -w n2 -c4")),
            ask("started", tasks=1, cores=6, busy=("grace: -w n1 -c2", "grace: -w n2 -c2")),
            ask("started", tasks=3, cores=6, busy=("grace: -w n1 -c2", "grace: -w n2 -c2")),
            ask("started", nodes=2, tasks=2, cores=4, busy=("grace: -w n1 -c4", "grace: -w n2 -c4")),
            ask("waited", nodes=2, tasks=2, cores=8, busy=("grace: -w n1 -c2",)),
        ),
        draws=0,
    ),
)
