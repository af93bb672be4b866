"""A cluster of 10,000 nodes as text: what scontrol, sacctmgr and squeue of Slurm 22.05 would print of it, and commands that print it.

The same every time. Jobs are placed first; what the nodes have left follows from them. The commands are real ones, so that the process,
its pipe and the parsers are part of what is measured.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spawner.slurm.sacctmgr import ASSOCIATION_COLUMNS, QOS_COLUMNS, USER_COLUMNS
from spawner.slurm.squeue import JOB_COLUMNS

PARTITIONS, ASSOCIATIONS, RUNNING, PENDING, OWN_ACCOUNTS = 200, 500, 5_000, 2_000, 20
HOUR = 3600

SHAPES: Sequence[tuple[int, str, int, int, tuple[tuple[str, int], ...]]] = (
    (3500, "c", 48, 192_000, ()),
    (2500, "d", 128, 512_000, ()),
    (200, "f", 96, 3_000_000, ()),
    (2000, "a", 64, 512_000, (("a100", 4),)),
    (1000, "v", 48, 375_300, (("v100", 2),)),
    (600, "h", 96, 1_024_000, (("h100", 8),)),
    (200, "m", 64, 512_000, (("a100", 2), ("a100_3g.20gb", 4))),
)
"""How many, the first letter of their names, cores, memory in MB, GPUs: 10,000 in all."""

COMMAND = r"""#!/bin/sh
cd "$(dirname "$0")"
case "$(basename "$0") $*" in
  squeue*Comment*) exit 0 ;;
  squeue*) mark=${*#*JobID:^}; exec sed "s/\^MARK\^/^${mark%%^*}^/" jobs ;;
  *show\ node) exec cat nodes ;;
  *show\ partition) exec cat partitions ;;
  *show\ reservation) exec cat reservations ;;
  *show\ config) exec cat config ;;
  *assoc_mgr*) exec cat holdings ;;
  *show\ association*) exec cat associations ;;
  *show\ user*) exec cat users ;;
  *show\ qos*) exec cat qos ;;
esac
exit 1
"""


@dataclass
class Node:
    """A node, and what the jobs on it hold."""

    name: str
    cores: int
    memory_mb: int
    gpus: tuple[tuple[str, int], ...] = ()
    features: str = "(null)"
    out: str = ""
    partitions: list[str] = field(default_factory=list)
    cores_used: int = 0
    memory_used: int = 0
    gpus_used: dict[str, int] = field(default_factory=dict)

    def line(self, number: int) -> str:
        """As ``scontrol -d -o show node`` prints it."""
        state = "IDLE" if not self.cores_used else "ALLOCATED" if self.cores_used == self.cores else "MIXED"
        state = self.out if self.out == "DOWN*" else state + self.out
        gres = ",".join(f"gpu:{name}:{count}" for name, count in self.gpus) or "(null)"
        used = ",".join(self._used(name) for name, _ in self.gpus) or "gpu:0"
        reason = " Reason=memory errors [root@1795221516]" if "DRAIN" in self.out else ""
        return (
            f"NodeName={self.name} Arch=x86_64 CoresPerSocket={self.cores // 2}  CPUAlloc={self.cores_used} CPUEfctv={self.cores} "
            f"CPUTot={self.cores} CPULoad={self.cores_used}.26 AvailableFeatures={self.features} ActiveFeatures={self.features} "
            f"Gres={gres} GresDrain=N/A GresUsed={used} NodeAddr=10.0.{number // 250}.{number % 250} NodeHostName={self.name} Port=6818 "
            "Version=22.05.8 OS=Linux 5.14.0-503.el9.x86_64 #1 SMP PREEMPT_DYNAMIC Thu Oct 24 09:37:33 EDT 2024  "
            f"RealMemory={self.memory_mb} AllocMem={self.memory_used} FreeMem={self.memory_mb - self.memory_used} Sockets=2 Boards=1 "
            f"State={state} ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A Partitions={','.join(self.partitions)}  "
            "BootTime=1795218960 SlurmdStartTime=1795221502 LastBusyTime=1795221502 "
            f"CfgTRES=cpu={self.cores},mem={self.memory_mb}M,billing={self.cores} AllocTRES=cpu={self.cores_used},mem={self.memory_used}M "
            f"CapWatts=n/a CurrentWatts=0 AveWatts=0 ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s{reason}"
        )

    def _used(self, gpu_type: str) -> str:
        count = self.gpus_used.get(gpu_type, 0)
        return f"gpu:{gpu_type}:{count}(IDX:{'N/A' if not count else 0 if count == 1 else f'0-{count - 1}'})"


def hostlist(names: Iterable[str]) -> str:
    """``c[00001-00004,00007],g00001``, of names that end in five digits."""
    by_prefix: dict[str, list[int]] = {}
    for name in sorted(names):
        by_prefix.setdefault(name[:-5], []).append(int(name[-5:]))
    parts = []
    for prefix, numbers in by_prefix.items():
        runs: list[list[int]] = []
        for number in numbers:
            if runs and number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        ranges = [f"{first:05}" if first == last else f"{first:05}-{last:05}" for first, last in runs]
        parts.append(f"{prefix}{ranges[0]}" if len(numbers) == 1 else f"{prefix}[{','.join(ranges)}]")
    return ",".join(parts)


def row(columns: Sequence[str], **cells: str) -> str:
    """A row of sacctmgr's: the cells that are named, the others empty."""
    assert cells.keys() <= set(columns)
    return "|".join(cells.get(column, "") for column in columns)


class LargeCluster:
    """The answers, by the name of the file that each is written to. ``user`` has 20 of the accounts."""

    def __init__(self, user: str, uid: int) -> None:
        self._random = random.Random(1)  # the same cluster every time
        self._user, self._uid, self._now = user, uid, int(time.time())
        self._nodes = self._make_nodes()
        self._partitions = self._make_partitions()
        self._accounts = [f"acc{number:03}" for number in range(80)]
        self.answers = {
            "jobs": ["^".join(["JOBID", "MARK", *JOB_COLUMNS[1:]]), *self._job_lines()],
            "nodes": [],
            "partitions": self._partition_lines(),
            "reservations": self._reservation_lines(),
            "associations": self._association_lines(),
            "holdings": self._holding_lines(),
            "users": [self._user_row(user, 0), *(self._user_row(f"user{number:03}", number % 60) for number in range(100))],
            "qos": self._qos_lines(),
            "config": [
                f"Configuration data as of {self._now}",
                "AccountingStorageEnforce = associations,limits,qos",
                "AccountingStorageTRES   = cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu",
                "ClusterName             = large",
                "MessageTimeout          = 10 sec",
                "PrivateData             = none",
                "SlurmUser               = slurm(64030)",
                "SLURM_VERSION           = 22.05.8",
            ],
        }
        self.answers["nodes"] = [node.line(number) for number, node in enumerate(self._nodes)]

    def write(self, folder: Path) -> None:
        """The answers, and the commands that print them, into ``folder``."""
        for name, lines in self.answers.items():
            (folder / name).write_text("\n".join(lines) + "\n")
        for name in ("scontrol", "sacctmgr", "squeue"):
            (folder / name).write_text(COMMAND)
            (folder / name).chmod(0o755)

    # --- nodes, partitions, reservations ---

    def _make_nodes(self) -> list[Node]:
        nodes = [
            Node(f"{prefix}{number:05}", cores, memory, gpus, f"{prefix},rack{number // 40}")
            for count, prefix, cores, memory, gpus in SHAPES
            for number in range(count)
        ]
        for node in self._random.sample(nodes, 500):
            node.out = self._random.choice(("+DRAIN", "+DRAIN", "+DRAIN", "DOWN*", "+MAINTENANCE"))
        for node in nodes:
            if node.name.startswith("v") and not node.out and int(node.name[1:]) >= 900:
                node.out = "+POWERED_DOWN"
        return nodes

    def _make_partitions(self) -> dict[str, list[Node]]:
        everything = {prefix: [node for node in self._nodes if node.name[0] == prefix] for prefix in "cdfavhm"}
        found = {"batch": [*everything["c"], *everything["d"]], "gpu": [node for prefix in "avhm" for node in everything[prefix]]}
        found |= {f"{prefix}{kind}": nodes for prefix, nodes in everything.items() for kind in ("short", "long")}
        while len(found) < PARTITIONS:
            nodes = everything[self._random.choice("ccddfaaavvhhm")]
            first, size = self._random.randrange(len(nodes)), self._random.randint(10, 400)
            found[f"dept{len(found):03}"] = nodes[first : first + size]
        for name, nodes in found.items():
            for node in nodes:
                node.partitions.append(name)
        return found

    def _partition_lines(self) -> list[str]:
        lines = []
        for number, (name, nodes) in enumerate(self._partitions.items()):
            accounts = "ALL" if number % 4 else ",".join(f"acc{(number + step) % 80:03}" for step in range(0, 80, 5))
            shared = "FORCE:5" if name.startswith("dept") and number % 11 == 0 else "NO"
            lines.append(
                f"PartitionName={name} AllowGroups=ALL AllowAccounts={accounts} AllowQos=ALL AllocNodes=ALL "
                f"Default={'YES' if name == 'batch' else 'NO'} QoS={'partition' if number % 3 == 0 else 'N/A'} DefaultTime=01:00:00 "
                f"DisableRootJobs=NO ExclusiveUser=NO GraceTime=0 Hidden=NO MaxNodes=UNLIMITED MaxTime={1 + number % 7}-00:00:00 "
                f"MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED Nodes={hostlist(node.name for node in nodes)} PriorityJobFactor=1 "
                f"PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe={shared} OverTimeLimit=NONE PreemptMode=OFF State=UP TotalCPUs=1 "
                f"TotalNodes={len(nodes)} SelectTypeParameters=NONE JobDefaults=(null) DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED "
                "TRESBillingWeights=CPU=1.0,Mem=0.25G,GRES/gpu=16"
            )
        return lines

    def _reservation_lines(self) -> list[str]:
        lines = []
        for number in range(20):
            nodes = self._nodes[number * 450 : number * 450 + 60]
            begins = self._now - HOUR if number % 2 else self._now + 3 * HOUR
            who = f"Users={self._user},user001" if number == 1 else f"Users=user{number:03}"
            lines.append(
                f"ReservationName=course{number:02} StartTime={begins} EndTime={begins + 8 * HOUR} Duration=08:00:00 "
                f"Nodes={hostlist(node.name for node in nodes)} NodeCnt=60 CoreCnt={60 * nodes[0].cores // (1 if number % 3 else 4)} "
                f"Features=(null) PartitionName=(null) Flags={'MAINT,SPEC_NODES' if number == 4 else 'SPEC_NODES'} TRES=cpu=60 {who} "
                "Groups=(null) Accounts=(null) Licenses=(null) State=ACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)"
            )
        return lines

    # --- jobs ---

    def _job_lines(self) -> list[str]:
        rows = [self._running_job(number) for number in range(RUNNING)]
        return rows + [self._pending_job(RUNNING + number, number) for number in range(PENDING)]

    def _owner(self, number: int) -> str:
        return self._user if number % 100 == 0 else f"user{number % 100:03}"

    def _running_job(self, number: int) -> str:
        name = self._random.choice(list(self._partitions)) if number % 2 else self._random.choice(("batch", "gpu", "ashort", "hlong"))
        there = [node for node in self._random.choices(self._partitions[name], k=20) if node.cores_used < node.cores and not node.out]
        wanted = self._random.choice((1, 1, 1, 1, 2, 4, 16))
        cores, memory = self._random.choice((1, 4, 8, 16, 48, 999)), 1024 * self._random.choice((4, 16, 64, 128, 180))
        taken: dict[str, Node] = {}
        given = gpus = 0
        for node in there:
            if node.name in taken or len(taken) == wanted or node.memory_used + memory > node.memory_mb:
                continue
            taken[node.name] = node
            here = min(cores, node.cores - node.cores_used)
            given += here
            node.cores_used += here
            node.memory_used += memory
            for gpu_type, total in node.gpus[:1]:
                count = min(self._random.choice((1, 1, 2, 4)), total - node.gpus_used.get(gpu_type, 0))
                node.gpus_used[gpu_type] = node.gpus_used.get(gpu_type, 0) + count
                gpus += count
        state = "RUNNING" if taken else "COMPLETED"
        tres = f"cpu={given},mem={memory * len(taken) // 1024}G,node={len(taken)},billing={given}{f',gres/gpu={gpus}' if gpus else ''}"
        begun = self._now - self._random.randrange(1, 40 * HOUR)
        cells = (number + 1, "MARK", self._owner(number), state, min(taken, default="n/a"), name, begun - 60, begun, begun + 48 * HOUR, 0)
        return "^".join(map(str, (*cells, given, hostlist(taken), "(null)", 1_000_000 - number, tres, "N/A", "N/A", "normal", "None")))

    def _pending_job(self, job: int, number: int) -> str:
        # None without a plan in cshort and ashort, so that something can start there now.
        names = [name for name in self._partitions if name.startswith("dept")]
        planned, start = "(null)", "N/A"
        reason = self._random.choice(("Priority", "Priority", "Resources", "QOSMaxJobsPerUserLimit", "Dependency"))
        name = self._random.choice([*names[: len(names) // 2], "batch", "gpu", "hlong"])
        if number % 10 == 0:
            name = self._random.choice([*names, "cshort", "ashort"])
            chosen = self._random.sample(self._partitions[name], 2)
            planned, reason = hostlist(node.name for node in chosen), "Resources"
            start = str(self._now + self._random.randrange(HOUR, 9 * HOUR))
        cells = (job + 1, "MARK", self._owner(number), "PENDING", "n/a", name, self._now - number, start, "N/A", 0, 64, "")
        more = (planned, 1_000_000 - number, "cpu=64,mem=128G,node=1,billing=64", "N/A", "N/A", "normal", reason)
        return "^".join(map(str, (*cells, *more)))

    # --- accounting ---

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("root", ""), *((account, "") for account in self._accounts)]
        rows += [(account, self._user) for account in self._accounts[:OWN_ACCOUNTS]]
        rows += [(self._accounts[number % 80], f"user{number // 4:03}") for number in range(ASSOCIATIONS - len(rows))]
        return list(dict.fromkeys(rows))

    @staticmethod
    def _user_row(user: str, account: int) -> str:
        return row(USER_COLUMNS, User=user, DefaultAccount=f"acc{account:03}", AdminLevel="None")

    def _association_lines(self) -> list[str]:
        lines = []
        for number, (account, user) in enumerate(self._rows()):
            qos = ["normal", *(f"qos{step:02}" for step in range(number % 10))]
            cells = {"Cluster": "large", "Account": account, "User": user, "QOS": ",".join(qos)}
            if user and number % 10 > 6:
                cells["DefaultQOS"] = f"qos{number % 7:02}"
            elif not user and account != "root":
                cells |= {"ParentName": "root", "GrpTRES": "cpu=20000", "GrpTRESMins": "cpu=90000000"}
            lines.append(row(ASSOCIATION_COLUMNS, **cells))
        return lines

    def _qos_lines(self) -> list[str]:
        limits = {"MaxTRESPU": "cpu=4096,gres/gpu=64", "MaxJobsPU": "100", "UsageFactor": "1.000000"}
        long = [row(QOS_COLUMNS, Name=f"qos{number:02}", MaxWall=f"{1 + number}-00:00:00", **limits) for number in range(10)]
        normal = row(QOS_COLUMNS, Name="normal", UsageFactor="1.000000")
        return [normal, *long, row(QOS_COLUMNS, Name="partition", UsageFactor="1.000000", MaxTRES="cpu=8192")]

    def _holding_lines(self) -> list[str]:
        names = ("cpu", "mem", "energy", "node", "billing", "fs/disk", "vmem", "pages", "gres/gpu", "gres/gpu:a100", "gres/gpu:v100")

        def held(scale: int) -> str:
            return ",".join(f"{name}=N({scale * self._random.randrange(9) if name in ('cpu', 'mem', 'gres/gpu') else 0})" for name in names)

        def group() -> str:
            jobs = self._random.randrange(30)
            return (
                f"GrpJobs=N({jobs}) GrpJobsAccrue=N(1) GrpSubmitJobs=N({jobs + 3}) GrpWall=N(6.61) GrpTRES={held(10)} "
                f"GrpTRESMins={held(10_000)} GrpTRESRunMins={held(1_000)}"
            )

        lines = ["Current Association Manager state", "Association Records"]
        for number, (account, user) in enumerate(self._rows()):
            who = f"{user}({self._uid if user == self._user else 2000 + number})" if user else ""
            lines.append(
                f"ClusterName=large Account={account} UserName={who} Partition= Priority=0 ID={number + 1} SharesRaw/Norm/Level/Factor="
                f"1/0.00/1/0.00 UsageRaw/Norm/Efctv=824.60/1.00/1.00 ParentAccount= Lft=1 DefAssoc=No {group()} MaxJobs= MaxJobsAccrue= "
                "MaxSubmitJobs= MaxWallPJ= MaxTRESPJ= MaxTRESPN= MaxTRESMinsPJ= MinPrioThresh="
            )
        lines.append("QOS Records")
        for number, name in enumerate(["normal", *(f"qos{step:02}" for step in range(10)), "partition"]):
            users = " ".join(
                f"{2000 + user}={{MaxJobsPU=100(1) MaxJobsAccruePU=N(0) MaxSubmitJobsPU=N(2) MaxTRESPU={held(4)}}}" for user in range(60)
            )
            lines.append(
                f"QOS={name}({number + 1}) UsageRaw=266.862206 {group()} MaxWallPJ= MaxTRESPJ= MaxTRESPN= MaxTRESMinsPJ= MinPrioThresh=  "
                f"MinTRESPJ= PreemptMode=OFF Priority=0 Account Limits= No Accounts User Limits= {users}"
            )
        return lines
