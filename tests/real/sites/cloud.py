"""Nodes that are switched off to save power, also those of a cloud that Slurm does not show then; nodes that boot, go down, or reboot."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import SlurmSite, ask

POWER = {
    "ResumeProgram": "/bin/true",
    "SuspendProgram": "/bin/true",
    "RebootProgram": "/bin/true",
    "SuspendTime": "36000",
    "ResumeTimeout": "36000",
    "SuspendTimeout": "1",
    "SlurmctldParameters": "idle_on_node_suspend",
}
"""Nodes that are switched on never come up, so that all that waits for them stays in front of our eyes."""

ALWAYS_ON = NodeGroup("n1", cpus=8, memory_mb=16000)
CLOUD = NodeGroup("c[1-2]", cpus=8, memory_mb=16000, gres="gpu:v100:2", options="State=CLOUD NodeAddr=127.0.9.[1-2]", with_slurmd=False)
PARTITIONS = (
    Partition("open", "n1", "Default=YES MaxTime=8:00:00"),
    Partition("cloud", "c[1-2]", "MaxTime=8:00:00"),
    Partition("both", "n1,c[1-2]", "MaxTime=8:00:00"),
)
OFF = ("update NodeName=c[1-2] State=POWER_DOWN_FORCE", "wait c1 hidden", "wait c2 hidden")
HIDES = ("22.05",)
"""Since 23.02 nodes of a cloud are shown while they are off, whatever PrivateData says."""

SITES = (
    SlurmSite(
        "cloud-hidden",
        "The nodes of a cloud, which Slurm does not show while they are off",
        nodes=(ALWAYS_ON, CLOUD),
        partitions=PARTITIONS,
        slurm_conf=POWER,
        slurms=HIDES,
        asks=(
            ask("started", partition="cloud", cores=8, unknown=True),
            ask("never", partition="cloud", cores=9),
            ask("never", partition="cloud", gpus="v100:3"),
            ask("started", partition="cloud", gpus="v100:2", cores=2, unknown=True, before=OFF),
            ask("started", partition="both", cores=4, unknown=True, before=OFF, busy=("grace: -p open -w n1 -c8",)),
            ask("started", partition="both", cores=4, before=OFF, busy=("grace: -p open -w n1 -c4",)),
            ask("started", partition="cloud", cores=8, unknown=True, busy=("grace: -p cloud -w c1 -c2",)),
        ),
        draws=0,
    ),
    SlurmSite(
        "cloud-booting",
        "Nodes of a cloud that are being switched on",
        nodes=(ALWAYS_ON, CLOUD),
        partitions=PARTITIONS,
        slurm_conf=POWER,
        asks=(
            ask(
                "started",
                partition="cloud",
                cores=6,
                busy=("grace: -p cloud -w c1 -c2", "grace: -p cloud -w c2 -c2"),
                before=("wait c1 POWERING_UP", "wait c2 POWERING_UP"),
            ),
            ask("waited", partition="cloud", cores=7, busy=("grace: -p cloud -w c1 -c2", "grace: -p cloud -w c2 -c2")),
            ask("started", partition="both", cores=8, busy=("grace: -p cloud -w c1 -c2", "grace: -p cloud -w c2 -c2")),
        ),
    ),
    SlurmSite(
        "cloud-shown",
        "The nodes of a cloud, which PrivateData=cloud shows while they are off",
        nodes=(ALWAYS_ON, CLOUD),
        partitions=PARTITIONS,
        slurm_conf={**POWER, "PrivateData": "cloud"},
        asks=(
            ask("started", partition="cloud", cores=8, gpus="2", words="switched"),
            ask("never", partition="cloud", cores=9),
            ask("started", partition="both", cores=4, busy=("grace: -p open -w n1 -c8",)),
        ),
    ),
    SlurmSite(
        "powering-down",
        "Nodes that are being switched off, and that are to be once their jobs end",
        nodes=(ALWAYS_ON, CLOUD),
        partitions=PARTITIONS,
        slurm_conf={**POWER, "PrivateData": "cloud", "SuspendTimeout": "3000"},
        asks=(
            ask(
                "waited",
                partition="cloud",
                cores=2,
                busy=("grace: -p cloud -w c1 -c2", "grace: -p cloud -w c2 -c8"),
                before=("update NodeName=c1 State=POWER_DOWN_ASAP",),
            ),
        ),
        draws=0,
    ),
    SlurmSite(
        "reboot-asked-for",
        "A node that is to be rebooted once its jobs end",
        nodes=(ALWAYS_ON,),
        partitions=PARTITIONS[:1],
        slurm_conf=POWER,
        asks=(ask("started", partition="open", cores=2, busy=("grace: -c2",), before=("reboot n1", "wait n1 REBOOT_REQUESTED")),),
        draws=0,
    ),
    SlurmSite(
        "future-nodes",
        "A partition names nodes that are not there yet",
        nodes=(ALWAYS_ON, NodeGroup("f1", cpus=16, memory_mb=16000, options="State=FUTURE", with_slurmd=False)),
        partitions=(Partition("open", "n1,f1", "Default=YES MaxTime=8:00:00"),),
        slurm_conf=POWER,
        asks=(
            ask("started", cores=8),
            ask("never", cores=9),
            ask("waited", cores=8, busy=("grace: -c1",)),
        ),
    ),
)
