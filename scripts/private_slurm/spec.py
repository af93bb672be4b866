"""What a private cluster consists of, as frozen values; and the demo's own cluster."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from private_slurm.errors import PrivateSlurmError


@dataclass(frozen=True)
class SlurmInstallation:
    """Where one version of Slurm lives; empty fields mean the system's own packages."""

    commands: Path = Path("/usr/bin")
    daemons: Path = Path("/usr/sbin")
    plugins: Path | None = None


@dataclass(frozen=True)
class Gres:
    """One kind of generic resource on each node of a group, such as two V100."""

    name: str
    type: str
    count: int

    def __str__(self) -> str:
        return ":".join(filter(None, [self.name, self.type, str(self.count)]))

    @classmethod
    def parse(cls, text: str) -> Gres:
        """Read Slurm's `gpu:v100:2`, `gpu:2` or `shard:8`."""
        parts = text.split(":")
        if len(parts) not in (2, 3) or not parts[-1].isdigit():
            raise PrivateSlurmError(f"{text!r} is no generic resource such as gpu:v100:2.")
        return cls(parts[0], parts[1] if len(parts) == 3 else "", int(parts[-1]))


@dataclass(frozen=True)
class NodeGroup:
    """Nodes that are alike, named as Slurm names them: `g[001-004]`.

    Without `with_slurmd` the nodes stand in the configuration only, for tests of large clusters.
    """

    nodes: str
    cpus: int
    memory_mb: int
    gres: str = ""
    options: str = ""
    with_slurmd: bool = True

    @property
    def names(self) -> list[str]:
        """The names of the nodes, one by one."""
        return expand_hostlist(self.nodes)

    @property
    def resources(self) -> list[Gres]:
        """The generic resources of each node."""
        return [Gres.parse(text) for text in self.gres.split(",") if text]


@dataclass(frozen=True)
class Partition:
    """A partition; `options` are those of slurm.conf, `MaxTime=8:00:00 Default=YES`."""

    name: str
    nodes: str
    options: str = ""


@dataclass(frozen=True)
class Account:
    """An account of the cluster; `options` are those of sacctmgr, `GrpTRESMins=billing=100`."""

    name: str
    parent: str = "root"
    options: str = ""


@dataclass(frozen=True)
class Member:
    """A user and the accounts that this user may charge, the default one first."""

    user: str
    accounts: tuple[str, ...]
    options: str = ""


@dataclass(frozen=True)
class Qos:
    """A quality of service; `options` are those of sacctmgr, `MaxTRESPerUser=gres/gpu=2`."""

    name: str
    options: str = ""


@dataclass(frozen=True)
class Reservation:
    """A reservation made once the nodes are up; `options` are those of scontrol, `Nodes=g004 Users=ada`."""

    name: str
    options: str


@dataclass(frozen=True)
class ClusterSpec:
    """A whole cluster. Ports and sockets are the cluster's own affair: free ones are chosen when it starts."""

    nodes: tuple[NodeGroup, ...]
    partitions: tuple[Partition, ...]
    accounts: tuple[Account, ...] = ()
    members: tuple[Member, ...] = ()
    qos: tuple[Qos, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    slurm_conf: Mapping[str, str] = field(default_factory=dict)
    slurm_conf_lines: tuple[str, ...] = ()
    slurmdbd_conf: Mapping[str, str] = field(default_factory=dict)
    sacctmgr_lines: tuple[str, ...] = ()
    """More for sacctmgr, after QOS, accounts and members."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Other files of Slurm's configuration, by their name beside slurm.conf: `job_submit.lua`, `topology.conf`."""
    name: str = "demo"
    slurm: SlurmInstallation = SlurmInstallation()
    control_groups: bool = False
    """Jobs are confined to the memory, devices and cores that they asked for: where :func:`control_groups.why_not` is empty."""

    @property
    def daemon_nodes(self) -> list[str]:
        """The nodes that have a slurmd."""
        return [name for group in self.nodes if group.with_slurmd for name in group.names]


def demo_spec(
    users: Sequence[str], *, name: str = "demo", slurm: SlurmInstallation | None = None, control_groups: bool = False
) -> ClusterSpec:
    """The demo's cluster, modelled on CINECA's Galileo100.

    The first user belongs to two accounts and to the reservation, the second to one account; nobody belongs to `cin_other`.
    """
    first, others = users[0], users[1:]
    return ClusterSpec(
        name=name,
        slurm=slurm or SlurmInstallation(),
        control_groups=control_groups,
        nodes=(
            NodeGroup("g[001-004]", cpus=48, memory_mb=375300, gres="gpu:v100:2"),
            NodeGroup("c[001-002]", cpus=48, memory_mb=375300),
        ),
        partitions=(
            Partition(
                "g100_int",
                "g[001-004]",
                "Default=YES MaxTime=8:00:00 DefaultTime=1:00:00 OverSubscribe=FORCE:5 TRESBillingWeights=CPU=1.0,Mem=0.25G,GRES/gpu=16",
            ),
            Partition("g100_cpu", "c[001-002]", "MaxTime=1-00:00:00 DefaultTime=1:00:00"),
        ),
        accounts=(Account("cineca"), Account("cin_staff", "cineca"), Account("cin_train", "cineca"), Account("cin_other")),
        members=(Member(first, ("cin_staff", "cin_train")), *(Member(user, ("cin_train",)) for user in others)),
        reservations=(Reservation("s_tra_school", f"Nodes=g004 Users={first} StartTime=now Duration=30-00:00:00"),),
    )


def expand_hostlist(text: str) -> list[str]:
    """Expand `g[001-003,7],login` to names; nested brackets are not needed here."""
    names: list[str] = []
    for item in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", text):
        pieces = [
            list(_expand_ranges(piece[1:-1])) if piece.startswith("[") else [piece] for piece in re.findall(r"\[[^\]]*\]|[^\[]+", item)
        ]
        names.extend("".join(choice) for choice in itertools.product(*pieces))
    return names


def _expand_ranges(text: str) -> list[str]:
    numbers: list[str] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers.extend(str(number).zfill(len(first)) for number in range(int(first), int(last or first) + 1))
    return numbers
