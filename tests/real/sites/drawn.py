"""Sites drawn at random: what no list of kinds has together. The same seed and number draw the same site."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

from private_slurm.spec import NodeGroup, Partition

from tests.support.slurm_sites import SlurmSite

SHAPES = (
    (8, "", "gpu:v100:2"),
    (8, "Sockets=1 CoresPerSocket=4 ThreadsPerCore=2", "gpu:A100-SXM4:4"),
    (4, "Sockets=1 CoresPerSocket=4 ThreadsPerCore=2", ""),
    (12, "Sockets=2 CoresPerSocket=6 ThreadsPerCore=1", "gpu:t4:1,gpu:v100:2"),
    (16, "Sockets=2 CoresPerSocket=4 ThreadsPerCore=2 CoreSpecCount=1", "gpu:3"),
    (6, "MemSpecLimit=1000", ""),
    (8, "", "gpu:t4:2,shard:t4:8"),
)
SHARING = ("", "", "", "OverSubscribe=YES:2", "OverSubscribe=FORCE:2", "OverSubscribe=EXCLUSIVE")
SELECT = ("CR_Core_Memory", "CR_Core_Memory", "CR_CPU_Memory", "CR_Core", "CR_Socket_Memory")
PREEMPTION = (
    ("preempt/partition_prio", "REQUEUE"),
    ("preempt/partition_prio", "CANCEL"),
    ("preempt/partition_prio", "SUSPEND,GANG"),
    ("preempt/qos", "REQUEUE"),
    ("preempt/qos", "CANCEL"),
)
LIMITS = ("MaxTRESPerJob", "MaxTRESPerUser", "GrpTRES", "MinTRES", "MaxTRESPerAccount")


@dataclass
class _Draw:
    """What has been drawn so far."""

    dice: random.Random
    groups: list[NodeGroup] = field(default_factory=list)
    partitions: list[Partition] = field(default_factory=list)
    conf: dict[str, str] = field(default_factory=dict)

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def groups_of(self, partition: Partition) -> list[NodeGroup]:
        return [group for group in self.groups if group.nodes in partition.nodes]

    def draw_nodes(self) -> None:
        for letter in "ab"[: self.dice.choice((1, 2, 2))]:
            cpus, options, gres = self.dice.choice(SHAPES)
            names = f"{letter}{'[1-2]' if self.chance(0.6) else '1'}"
            self.groups.append(NodeGroup(names, cpus=cpus, memory_mb=self.dice.choice((8000, 16000, 33000)), gres=gres, options=options))

    def draw_partitions(self) -> None:
        choose = self.dice.choice
        for number, name in enumerate(("Main", "long", "debug-2")[: choose((1, 2, 3))]):
            groups = self.groups if number == 0 else self.dice.sample(self.groups, choose(range(1, len(self.groups) + 1)))
            options = [f"MaxTime={choose(('2:00:00', '8:00:00', 'INFINITE'))}", choose(SHARING), f"PriorityTier={choose((1, 1, 2, 3))}"]
            options += ["Default=YES"] if number == 0 else []
            options += ["ExclusiveUser=YES"] if self.chance(0.1) else []
            options += [f"MaxCPUsPerNode={choose((3, 4, 6))}"] if self.chance(0.15) else []
            options += [choose(("MaxMemPerNode=6000", "MaxMemPerCPU=2000", "DefMemPerCPU=500"))] if self.chance(0.25) else []
            options += ["QOS=PartLimits"] if self.chance(0.2) else []
            options += (
                [choose(("AllowAccounts=base", "AllowAccounts=Child", "DenyAccounts=other", "AllowQos=normal,Own"))]
                if self.chance(0.2)
                else []
            )
            options += ["LLN=YES"] if self.chance(0.1) else []
            self.partitions.append(Partition(name, ",".join(group.nodes for group in groups), " ".join(filter(None, options))))

    def draw_configuration(self) -> None:
        self.conf["SelectTypeParameters"] = self.dice.choice(SELECT)
        if self.chance(0.4):
            kind, mode = self.dice.choice(PREEMPTION)
            self.conf.update({"PreemptType": kind, "PreemptMode": mode})
        if self.chance(0.1):
            self.conf.update({"MCSPlugin": self.dice.choice(("mcs/user", "mcs/account")), "MCSParameters": "enforced,select"})

    def limit(self) -> str:
        """A limit of a QOS or an association on something that the site has."""
        types = [entry for group in self.groups for entry in group.resources if entry.name == "gpu"]
        what = [("cpu", (2, 4, 6)), ("mem", ("4G", "9000M"))]
        what += [("gres/gpu", (1, 2))] * bool(types) + [(f"gres/gpu:{entry.type}", (1, 2)) for entry in types if entry.type]
        name, amounts = self.dice.choice(what)
        kind = self.dice.choice(LIMITS)
        return f"{kind}={name}={1 if kind == 'MinTRES' and name != 'mem' else self.dice.choice(amounts)}"

    def accounting(self) -> str:
        lines = [
            "add account base",
            "add account Other",
            "add account child parent=base",
            "add qos PartLimits",
            "add qos Own",
            "add qos low",
        ]
        lines += ["modify qos own set preempt=low"]
        lines += [
            f"add user {{ada}} account={account} defaultaccount=base"
            for account in ("base", "other", "child")[: self.dice.choice((1, 2, 3))]
        ]
        return "\n".join([*lines, "add user {grace} account=base defaultaccount=base"])

    def limits(self) -> str:
        lines = ["modify user {grace} set qos=normal,low,own"]
        own = self.dice.choice(("normal", "normal,own", "own", "normal,own,low"))
        lines += [f"modify user {{ada}} set qos={own} defaultqos={self.dice.choice(own.split(','))}"]
        lines += [f"modify qos {name} set {self.limit()}" for name in ("partlimits", "own") if self.chance(0.6)]
        lines += (
            [f"modify account base set {self.limit().replace('MaxTRESPerUser', 'GrpTRES').replace('MinTRES', 'MaxTRES')}"]
            if self.chance(0.2)
            else []
        )
        return "\n".join(line.replace("MaxTRESPerAccount", "GrpTRES") if " account " in line else line for line in lines)

    def reservations(self) -> dict[str, str]:
        found = {}
        node = self.groups[0].names[0]
        if self.chance(0.25):
            found["Course"] = f"StartTime=now Duration=4:00:00 Nodes={node} Users={{ada}}"
        elif self.chance(0.25):
            found["theirs"] = f"StartTime=now Duration=4:00:00 Nodes={node} Users={{grace}}"
        if self.chance(0.2):
            found["maint"] = (
                f"StartTime=now+{self.dice.choice((40, 100))}minutes Duration=1:00:00 Nodes=ALL Users=root Flags=MAINT,IGNORE_JOBS"
            )
        return found

    def busy(self) -> tuple[str, ...]:
        """Up to four jobs of grace's, each of which fits on some node of its partition."""
        lines = []
        for _number in range(self.dice.choice((0, 1, 2, 3, 4))):
            partition = self.dice.choice(self.partitions)
            if "Allow" in partition.options and "base" not in partition.options:
                continue
            group = self.dice.choice(self.groups_of(partition))
            words = [f"-p {partition.name}", f"-c{self.dice.randint(1, max(1, group.cpus // 2))}", f"-t{self.dice.choice((20, 90))}"]
            gpus = [entry for entry in group.resources if entry.name == "gpu"]
            if gpus and self.chance(0.6):
                entry = self.dice.choice(gpus)
                words.append(f"--gres=gpu:{entry.type}:1" if entry.type else "--gres=gpu:1")
            words += ["--qos=low"] if self.chance(0.3) and "AllowQos" not in partition.options else []
            words += ["--exclusive"] if self.chance(0.15) else []
            lines.append(f"grace: {' '.join(words)}")
        return tuple(lines)


def drawn_site(seed: str, number: int) -> SlurmSite:
    """The site of this number, and what six requests of its form meet."""
    draw = _Draw(random.Random(f"{seed} site {number}"))
    draw.draw_nodes()
    draw.draw_partitions()
    draw.draw_configuration()
    about = "; ".join(
        [
            *(f"{group.nodes} {group.cpus} {group.options} {group.gres}" for group in draw.groups),
            *(f"{entry.name} {entry.options}" for entry in draw.partitions),
        ]
    )
    return SlurmSite(
        f"drawn-{number:03}",
        f"{about}; {draw.conf}",
        nodes=tuple(draw.groups),
        partitions=tuple(draw.partitions),
        slurm_conf=draw.conf,
        accounting=draw.accounting(),
        limits=draw.limits(),
        reservations=draw.reservations(),
        busy=draw.busy(),
        draws=6,
        drawn=True,
    )


SEED = os.environ.get("RESOURCE_FORM_SEED", "20261129")
SITES = tuple(drawn_site(SEED, number) for number in range(int(os.environ.get("RESOURCE_FORM_DRAWN_SITES", "6"))))
"""A few, and in a longer run some hundreds: ``RESOURCE_FORM_DRAWN_SITES=200 scripts/test tests/real/sites``."""
