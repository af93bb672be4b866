"""Nodes of two architectures, which the features of nodes tell apart for sbatch; slurmd here can tell of one only."""

from __future__ import annotations

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import SlurmSite, ask

AARCH64 = r"""
"$REAL" "$@" | sed -E '/NodeName=n[34]/,/^$/ s/Arch=x86_64/Arch=aarch64/'
exit ${PIPESTATUS[0]}
"""
"""What scontrol prints where n3 and n4 are of arm64: whatever else it says stays."""

NODES = (
    NodeGroup("n[1-2]", cpus=8, memory_mb=16000, options="Feature=intel"),
    NodeGroup("n[3-4]", cpus=8, memory_mb=16000, options="Feature=grace"),
)
RELEASES = (
    {"tag": "any", "date": "2026-10-01", "interfaces": ["lab"]},
    {"tag": "arm", "date": "2026-09-01", "interfaces": ["lab"], "architectures": {"arm64": {"path": "/a", "constraint": "grace"}}},
    {"tag": "x86", "date": "2026-08-01", "interfaces": ["lab"], "architectures": {"x86_64": {"path": "/x", "constraint": "intel"}}},
)
TAKEN = ("grace: -w n3 -c8", "grace: -w n4 -c8")

SITES = (
    SlurmSite(
        "architectures-mixed",
        "A release of one architecture, in a partition that has two: it starts, and waits, for its own nodes",
        nodes=NODES,
        partitions=(
            Partition("open", "n[1-4]", "Default=YES MaxTime=8:00:00"),
            Partition("intel", "n[1-2]", "MaxTime=8:00:00"),
            Partition("grace", "n[3-4]", "MaxTime=8:00:00"),
        ),
        wrappers={"scontrol": AARCH64},
        releases=RELEASES,
        asks=(
            ask("started", release="arm", partition="open", cores=8),
            ask("waited", release="arm", partition="open", cores=1, busy=TAKEN),
            ask("started", release="x86", partition="open", cores=8, busy=TAKEN),
            ask("started", release="any", partition="open", cores=8, busy=TAKEN),
            ask("waited", release="arm", partition="grace", cores=1, busy=TAKEN),
            ask("never", release="arm", partition="intel", words="is built for aarch64"),
            ask("never", release="x86", partition="grace", words="is built for x86_64"),
            ask("started", release="any", partition="open", constraint="intel", cores=8, busy=TAKEN),
            ask("waited", release="any", partition="open", constraint="grace", cores=1, busy=TAKEN),
            ask("never", release="any", partition="intel", constraint="grace", words="No node of partition intel has the feature"),
        ),
        draws=2,
    ),
    SlurmSite(
        "architectures-and-a-constraint",
        "The admin's own constraint and the release's hold together",
        nodes=(
            NodeGroup("n[1-2]", cpus=8, memory_mb=16000, options="Feature=intel,fast"),
            NodeGroup("n3", cpus=8, memory_mb=16000, options="Feature=grace,fast"),
            NodeGroup("n4", cpus=8, memory_mb=16000, options="Feature=grace"),
        ),
        partitions=(Partition("open", "n[1-4]", "Default=YES MaxTime=8:00:00"),),
        wrappers={"scontrol": AARCH64},
        releases=RELEASES,
        sbatch_options=("--constraint=fast",),
        asks=(
            ask("started", release="arm", cores=8, busy=()),
            ask("waited", release="arm", cores=1, busy=("grace: -w n3 -c8",)),
            ask("started", release="x86", cores=8, busy=("grace: -w n3 -c8",)),
            # What the user asks for holds with both.
            ask("started", release="any", constraint="grace", cores=8, busy=()),
            ask("waited", release="any", constraint="grace", cores=1, busy=("grace: -w n3 -c8",)),
            ask("started", release="any", constraint="intel&fast", cores=8, busy=("grace: -w n3 -c8",)),
            ask("never", release="any", constraint="grace&intel", cores=1),
            ask("never", release="arm", constraint="intel", cores=1),
            ask("never", release="any", constraint="Fast", words="No node of partition open has the feature “Fast”"),
        ),
        draws=0,
    ),
    SlurmSite(
        "architectures-and-a-choice",
        "One of several features is enough for the admin, and the user asks for one more",
        nodes=(
            NodeGroup("n1", cpus=8, memory_mb=16000, options="Feature=intel"),
            NodeGroup("n2", cpus=8, memory_mb=16000, options="Feature=grace,fast"),
            NodeGroup("n3", cpus=8, memory_mb=16000, options="Feature=other,fast"),
        ),
        partitions=(Partition("open", "n[1-3]", "Default=YES MaxTime=8:00:00"),),
        releases=RELEASES[:1],
        sbatch_options=("--constraint=intel|grace",),
        asks=(
            ask("started", cores=8, busy=("grace: -w n1 -c8",)),
            ask("started", constraint="fast", cores=8, busy=("grace: -w n1 -c8", "grace: -w n3 -c8")),
            ask("waited", constraint="fast", cores=1, busy=("grace: -w n2 -c8",)),
            ask("never", constraint="other", cores=1),
        ),
        draws=0,
    ),
)
