"""The texts of a large cluster, and commands that print them as Slurm's own do: the real runner and the real parsers read it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

ACCOUNTS = 20
SHAPES = (
    ("", 48, 375300),
    ("gpu:v100:2", 48, 375300),
    ("gpu:a100:4", 64, 512000),
    ("gpu:a100:2,gpu:v100:2", 96, 768000),
    ("gpu:h100:8", 192, 2048000),
)
NODES_A_RANGE = 50


@dataclass
class LargeCluster:
    """``nodes`` nodes in ``partitions`` partitions, ``associations`` rights of users, so many jobs that run and that wait."""

    user: str
    nodes: int = 10_000
    partitions: int = 200
    associations: int = 500
    running: int = 5_000
    pending: int = 2_000
    seed: int = 1

    def __post_init__(self) -> None:
        self.now = int(time.time())
        chance = random.Random(self.seed)
        self._nodes = "".join(self._node(number, chance) for number in range(self.nodes))
        self._partitions = "".join(self._partition(number) for number in range(self.partitions))
        self._reservations = "".join(self._reservation(number) for number in range(10))
        self._jobs = [self._job(number, chance) for number in range(self.running + self.pending)]
        self._associations = self._rights()

    def _in(self, number: int) -> list[int]:
        """The partitions of a node: its own block's, and one of two that span many."""
        per_block = max(1, self.nodes // (self.partitions - 10))
        return [min(self.partitions - 1, 10 + number // per_block), number % 10]

    def _node(self, number: int, chance: random.Random) -> str:
        gres, cores, memory = SHAPES[number // NODES_A_RANGE % len(SHAPES)]
        kind = chance.random()
        state = "DOWN" if kind < 0.01 else "IDLE+DRAIN" if kind < 0.03 else "IDLE" if kind < 0.4 else "MIXED"
        busy = chance.choice((0.25, 0.5, 0.75, 1.0)) if state == "MIXED" else 0.0
        used = ",".join(
            f"{entry.rpartition(':')[0]}:{int(int(entry.rpartition(':')[2]) * busy)}(IDX:N/A)" for entry in gres.split(",") if entry
        )
        names = ",".join(f"p{index:03}" for index in self._in(number))
        return (
            f"NodeName=n{number:05} Arch=x86_64 CoresPerSocket=1  CPUAlloc={int(cores * busy)} CPUEfctv={cores} CPUTot={cores} "
            f"AvailableFeatures=(null) ActiveFeatures=(null) Gres={gres or '(null)'} GresDrain=N/A GresUsed={used or 'gpu:0'} "
            f"NodeAddr=10.{number // 65536}.{number // 256 % 256}.{number % 256} NodeHostName=n{number:05} Port=6818 Version=22.05.8 "
            f"OS=Linux 6.1.0  RealMemory={memory} AllocMem={int(memory * busy)} FreeMem=22766 Sockets={cores} Boards=1 State={state} "
            f"ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A Partitions={names}  BootTime=1795218960 "
            f"SlurmdStartTime=1795221502 LastBusyTime=1795221502 CfgTRES=cpu={cores},mem={memory}M,billing=48 AllocTRES= CapWatts=n/a "
            "CurrentWatts=0 AveWatts=0 ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s\n"
        )

    def _partition(self, number: int) -> str:
        mine = [node for node in range(self.nodes) if number in self._in(node)]
        ranges = ",".join(f"{node:05}" for node in mine)
        deny = " DenyAccounts=acct019" if number % 7 == 0 else ""
        return (
            f"PartitionName=p{number:03} AllowGroups=ALL AllowAccounts=ALL{deny} AllowQos=ALL AllocNodes=ALL "
            f"Default={'YES' if number == 0 else 'NO'} QoS=N/A DefaultTime=01:00:00 GraceTime=0 Hidden=NO "
            f"MaxNodes=UNLIMITED MaxTime={8 + number % 16}:00:00 MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED Nodes=n[{ranges}] "
            f"PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe={'FORCE:5' if number % 3 == 0 else 'NO'} "
            f"OverTimeLimit=NONE PreemptMode=OFF State=UP TotalCPUs={len(mine) * 48} TotalNodes={len(mine)} SelectTypeParameters=NONE "
            "DefMemPerNode=UNLIMITED MaxMemPerNode=UNLIMITED TRES=cpu=1 TRESBillingWeights=CPU=1.0,Mem=0.25G,GRES/gpu=16\n"
        )

    def _reservation(self, number: int) -> str:
        return (
            f"ReservationName=r{number} StartTime={self.now - 3600} EndTime={self.now + 86400} Duration=1-01:00:00 Nodes=n{number * 37:05} "
            f"NodeCnt=1 CoreCnt=48 Features=(null) PartitionName=(null) Flags=SPEC_NODES TRES=cpu=48 "
            f"Users={self.user if number % 2 else 'ada'} "
            "Groups=(null) Accounts=(null) Licenses=(null) State=ACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)\n"
        )

    def _job(self, number: int, chance: random.Random) -> tuple[str, str]:
        user = self.user if number % 500 == 0 else f"user{number % 300}"
        place = f"p{chance.randrange(self.partitions):03}"
        if number < self.running:
            node = f"n{chance.randrange(self.nodes):05}"
            times = f"{self.now - 3700}|{self.now - 3600}|{self.now + 7200}|0"
            return str(number + 1), f"{user}|RUNNING|{node}|{place}|{times}|4|{node}|(null)|cpu=4,mem=8G,node=1,billing=6|None"
        place = f"p{1 + 2 * chance.randrange(self.partitions // 2):03}"  # in the others nothing waits
        return str(number + 1), f"{user}|PENDING|n/a|{place}|{self.now - 60}|N/A|N/A|0|4||(null)||Priority"

    def _rights(self) -> str:
        accounts = [f"acct{number:03}" for number in range(ACCOUNTS)]
        rows = ["large|root|||normal" + "|" * 13, *(f"large|{account}|||normal||root" + "|" * 11 for account in accounts)]
        rows += [f"large|{account}|{self.user}||normal" + "|" * 13 for account in accounts]
        rows += [f"large|{accounts[number % ACCOUNTS]}|user{number}||normal" + "|" * 13 for number in range(self.associations - len(rows))]
        return "\n".join(rows) + "\n"

    def write(self, folder: Path) -> None:
        """Commands that print all this, and the texts beside them."""
        config = {
            "AccountingStorageEnforce": "associations,limits,qos",
            "AccountingStorageTRES": "cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu",
            "ClusterName": "large",
            "MessageTimeout": "10 sec",
            "PriorityFlags": "",
            "SelectType": "select/cons_tres",
            "SelectTypeParameters": "CR_CORE_MEMORY",
            "SlurmUser": "root(0)",
            "SLURM_VERSION": "22.05.8",
        }
        texts = {
            "node": self._nodes,
            "partition": self._partitions,
            "reservation": self._reservations,
            "config": "".join(f"{name} = {value}\n" for name, value in config.items()),
            "assoc_mgr": "Current Association Manager state\n\nAssociation Records\n",
            "association": self._associations,
            "user": f"{self.user}|acct000\n",
            "qos": "normal||1.000000||||||||||||||||\n",
            "jobs": "".join(f"{number}|@MARK@|{rest}\n" for number, rest in self._jobs),
        }
        for name, text in texts.items():
            (folder / f"{name}.txt").write_text(text)
        words = f'for word in "$@"; do [ -f "{folder}/$word.txt" ] && exec cat "{folder}/$word.txt"; done; exit 1'
        mark = 'mark=$(printf %s "$*" | sed -n "s/.*JobID:|\\([0-9a-z]*\\)|.*/\\1/p")'
        commands = {"scontrol": words, "sacctmgr": words, "squeue": f'{mark}; exec sed "s/@MARK@/$mark/" "{folder}/jobs.txt"'}
        for name, script in commands.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
