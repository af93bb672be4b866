"""What the form offers against what sbatch really accepts, as that user: both ways.

Each row of the table says what the rules must answer and what Slurm must do with the very same job. A job is offered if, and only if,
Slurm starts it on the empty cluster; any other is refused by sbatch, or waits with a reason that nobody else's job explains: for ever.
"""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.errors import PrivateSlurmError
from private_slurm.newer_slurm import slurm_of
from private_slurm.processes import wait_until
from private_slurm.spec import ClusterSpec, NodeGroup, Partition, SlurmInstallation
from private_slurm.users import primary_group

from spawner.cluster.cluster import SlurmCluster
from spawner.errors import NoAccount, RequestRejected
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.choices import Choices
from spawner.request.model import SessionRequest, parse_request
from spawner.request.qos import choices_for
from spawner.request.validation import check_request, resolve_request
from spawner.site.catalogue import parse_catalogue
from tests.support.real_hub import needs_users
from tests.support.slurm_versions import READ

CATALOGUE = parse_catalogue({"releases": [{"tag": "one", "date": "2026-10-01", "interfaces": ["lab"]}]})

QOS = {
    "small": "MaxTRESPerJob=cpu=4,mem=4000M,gres/gpu=1 MaxWall=120",
    "denies": "MaxTRESPerJob=cpu=4 Flags=DenyOnLimit",
    "person": "MaxTRESPerUser=cpu=4,gres/gpu=1",
    "team": "MaxTRESPerAccount=cpu=4",
    "few": "MaxJobsPerUser=1",
    "typed": "MaxTRESPerJob=gres/gpu:v100=1",
    "gpusonly": "MinTRESPerJob=gres/gpu=1",
    "pernode": "MaxTRESPerNode=cpu=3",
    "minutes": "MaxTRESMinsPerJob=cpu=120",
    "running": "GrpTRESRunMins=cpu=120",
    "together": "GrpTRES=cpu=6",
    "over": "MaxTRESPerJob=cpu=6 Flags=OverPartQOS",
    "wide": "MaxTRESPerJob=cpu=6 MaxWall=2-00:00:00",
    "long": "MaxWall=2-00:00:00 Flags=PartitionTimeLimit",
    "resvonly": "Flags=RequiresReservation",
    "part": "MaxTRESPerJob=cpu=2 MaxWall=60",
}
"""Each QOS has an account of its name, whose jobs run under it, but ``part``, which is a partition's."""

ACCOUNTS = {
    "base": "",
    "capped": "MaxTRES=cpu=4,mem=4000M MaxWall=60",
    "raised": "MaxTRES=cpu=4",
    "nogpu": "MaxTRES=gres/gpu=0",
    "nojobs": "MaxJobs=0",
    "nosubmit": "MaxSubmit=0",
    "groupless": "GrpJobs=0",
    "poor": "GrpTRESMins=cpu=0",
    "parent": "GrpTRES=cpu=4",
    "qosfirst": "MaxTRES=cpu=2",
    "grpqos": "GrpTRES=cpu=2",
    "noqos": "",
    "twoqos": "",
    "onepart": "",
    "theirs": "",
}
"""Accounts below ``top``; ``child`` with GrpTRES=cpu=6 is below ``parent``."""

RESERVATIONS = {
    "r_user": "Nodes=r1 Users={ada}",
    "r_theirs": "Nodes=r2 Users={grace}",
    "r_account": "Nodes=r3 Accounts=top",
    "r_child": "Nodes=r4 Accounts=theirs",
    "r_butnot": "Nodes=r5 Accounts=-base",
    "r_group": "Nodes=r6 Groups={group}",
    "r_later": "Nodes=r7 Users={ada} StartTime=now+1day",
    "r_flex": "Nodes=r7 Users={ada} StartTime=now+3days Flags=FLEX",
    "r_maint": "Nodes=r8 Users=root Flags=MAINT",
    "r_both": "Nodes=r9 Users={ada} Accounts=capped",
}

UPDATES = {
    "down": "State=DOWN",
    "drained": "State=DRAIN",
    "inactive": "State=INACTIVE",
    "allowqos": "AllowQos=small",
    "denyqos": "DenyQos=small",
    "partqos": "QOS=part",
}
"""What partitions become once the cluster runs, and knows the QOS."""


def spec(ada: str, grace: str, slurm: SlurmInstallation) -> ClusterSpec:
    """Two nodes with GPUs, one whose cores have threads, one with two types of GPU, and nine small ones for the reservations."""
    plain = "MaxTime=8:00:00"
    return ClusterSpec(
        name="entitled",
        nodes=(
            NodeGroup("n[1-2]", cpus=8, memory_mb=32000, gres="gpu:v100:2"),
            NodeGroup("m1", cpus=8, memory_mb=16000, gres="gpu:v100:1,gpu:a100:1"),
            NodeGroup("t1", cpus=8, memory_mb=16000, options="Sockets=1 CoresPerSocket=4 ThreadsPerCore=2"),
            NodeGroup("r[1-9]", cpus=2, memory_mb=4000),
        ),
        partitions=(
            Partition("open", "n[1-2],r[1-9]", f"{plain} Default=YES"),
            Partition("gpu", "n[1-2]", plain),
            Partition("short", "n[1-2]", "MaxTime=30"),
            Partition("allow", "n[1-2]", f"{plain} AllowAccounts=base"),
            Partition("deny", "n[1-2]", f"{plain} DenyAccounts=base"),
            Partition("mygroup", "n[1-2]", f"{plain} AllowGroups={primary_group(ada)},nobody"),
            Partition("theirgroup", "n[1-2]", f"{plain} AllowGroups={primary_group(grace)}"),
            Partition("capnode", "n[1-2]", f"{plain} MaxCPUsPerNode=4 MaxMemPerNode=2000"),
            Partition("percore", "n[1-2]", f"{plain} MaxMemPerCPU=1000"),
            Partition("many", "n[1-2]", f"{plain} MinNodes=2"),
            Partition("rootonly", "n[1-2]", f"{plain} RootOnly=YES"),
            Partition("resv", "n[1-2],r[1-9]", f"{plain} ReqResv=YES"),
            Partition("whole", "n[1-2]", f"{plain} OverSubscribe=EXCLUSIVE"),
            Partition("threads", "t1", plain),
            Partition("mixed", "m1", plain),
            *(Partition(name, "n[1-2]", plain) for name in UPDATES),
        ),
        slurm_conf={"EnforcePartLimits": "NO"},
        slurm=slurm,
    )


def accounting(ada: str, grace: str) -> str:
    """The lines for one sacctmgr: each command of it takes half a second."""
    qos = [name for name in QOS if name != "part"]
    lines = [f"add qos {name} {options}" for name, options in QOS.items()]
    lines += ["add account top", f"add account {','.join([*qos, *ACCOUNTS])} parent=top", "add account child parent=parent"]
    lines.append("modify account child set GrpTRES=cpu=6")
    lines += [f"modify account {name} set {options}" for name, options in ACCOUNTS.items() if options]
    plain = [name for name in (*ACCOUNTS, "child") if name not in ("onepart", "theirs")]
    lines.append(f"add user {ada} account={','.join(plain)} defaultaccount=base")
    lines += [f"add user {ada} account={name} qos=normal,{name} defaultqos={name}" for name in qos]
    lines.append(f"add user {ada} account=onepart partition=short")
    lines.append(f"add user {grace} account=theirs,base defaultaccount=theirs")
    lines.append(f"modify user {ada} where account=raised set MaxTRES=cpu=6")
    lines.append(f"modify user {ada} where account=qosfirst set qos=normal,small defaultqos=small")
    lines.append(f"modify user {ada} where account=grpqos set qos=together")
    lines.append(f"modify user {ada} where account=noqos set qos=small,wide")
    lines.append(f"modify user {ada} where account=twoqos set qos=normal,wide")
    return "\n".join(lines) + "\n"


@dataclass
class Rig:
    """The cluster with its two users, and the answers of the rules, each asked once."""

    cluster: PrivateCluster
    ada: str
    grace: str
    asked: dict[tuple[str, str], Choices] = field(default_factory=dict)

    def choices(self, user: str = "", *, job_qos: str = "", fresh: bool = False) -> Choices:
        """What ``user`` (ada) may choose, from Slurm's own answers."""
        key = (user or self.ada, job_qos)
        if fresh or key not in self.asked:
            self.asked[key] = asyncio.run(self._ask(*key))
        return self.asked[key]

    async def _ask(self, user: str, job_qos: str) -> Choices:
        cluster = new_cluster(self)
        own = await cluster.entitlement(user, job_qos=job_qos)
        by_qos = {} if job_qos else {name: await cluster.entitlement(user, job_qos=name) for name in ("", *own.qos)}
        return replace(choices_of(own), by_qos=by_qos, forced_qos=job_qos)

    def submit(self, request: SessionRequest, user: str = "", job_qos: str = "", script: str = "exec sleep 600") -> int | str:
        """Hand in the very job of the product, but for its script: its id, or sbatch's complaint."""
        extra = (f"--qos={job_qos}",) if job_qos else ()
        own = self.choices(user, job_qos=job_qos).entitlement
        qos = request.qos or own.qos_to_ask_for(request.partition, request.account)
        argv = sbatch_arguments(request, Tag("hub", user or self.ada, "", "nonce"), home="/tmp", extra=extra, qos=qos)
        done = self.cluster.run(*argv, user=user or self.ada, input=f"#!/bin/bash\n{script}\n", check=False)
        return int(done.stdout.split(";")[0]) if done.returncode == 0 else f"refused: {done.stderr.strip()}"

    def outcomes(self, jobs: Sequence[int], settle_s: float = 2.0) -> dict[int, str]:
        """What becomes of each: ``RUNNING``, or the reason to wait that it still has after a few of the scheduler's rounds.

        At first every job waits for no reason, or for a general one.
        """
        started = time.monotonic()

        def all_known() -> dict[int, str]:
            found = self.fates()
            known = {job: found.get(job, "") for job in jobs}
            unclear = {"", "Priority", "None", "PartitionConfig"} if time.monotonic() < started + settle_s else {"", "None"}
            return {} if set(known.values()) & unclear else known

        return wait_until(all_known, f"jobs {jobs} to start or to wait for something", 15, lambda: str(self.fates()))

    def have_run(self, jobs: Sequence[int]) -> dict[int, str]:
        """``RUNNING`` for each that has run to its end by now or a while later, the others' reasons to wait."""
        with contextlib.suppress(PrivateSlurmError):
            wait_until(lambda: {self.fates().get(job) for job in jobs} == {"COMPLETED"}, "the jobs to have run", 30)
        return {job: RUNS if fate == "COMPLETED" else fate for job, fate in self.fates().items() if job in jobs}

    def fates(self) -> dict[int, str]:
        """Of every job its reason to wait, or else its state."""
        said = self.cluster.run("squeue", "--noheader", "--all", "--states=all", "--Format=JobID:|,State:|,Reason:").stdout
        rows = [line.split("|") for line in said.splitlines()]
        return {int(job): reason if state == "PENDING" else state for job, state, reason in rows}

    def clean(self) -> None:
        """No job, and no node that still ends one."""
        self.cluster.cancel_all()


def new_cluster(rig: Rig, **settings: Any) -> SlurmCluster:
    """A Hub's SlurmCluster that knows nothing yet."""
    return SlurmCluster(slurm_conf=str(rig.cluster.slurm_conf), bin_dir=str(rig.cluster.bin_dir), **settings)


def choices_of(own: Any) -> Choices:
    """What the form offers of it."""
    return Choices(own, CATALOGUE, now=time.time())


@pytest.fixture(scope="module", params=READ)
def running_rig(request: pytest.FixtureRequest, installed: Path, test_folder: Path, users: tuple[str, ...]) -> Iterator[Rig]:
    """The cluster, with all its accounts, QOS and reservations."""
    needs_users(users, 2)
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    ada, grace = users[:2]
    with PrivateCluster(spec(ada, grace, slurm_of(request.param, installed)), test_folder / "slurm-qos") as cluster:
        said = cluster.run("sacctmgr", "--immediate", "--quiet", input=accounting(ada, grace), timeout_s=120)
        assert not re.search("error|unknown|nothing|invalid", said.stdout + said.stderr, re.IGNORECASE), said.stdout + said.stderr
        for name, options in RESERVATIONS.items():
            cluster.create_reservation(name, options.format(ada=ada, grace=grace, group=primary_group(ada)))
        for name, options in UPDATES.items():
            cluster.run("scontrol", "update", f"PartitionName={name}", *options.split())
        yield Rig(cluster, ada, grace)


@pytest.fixture
def rig(running_rig: Rig) -> Iterator[Rig]:
    """The cluster with nothing on it."""
    running_rig.clean()
    yield running_rig
    running_rig.clean()


RUNS = "RUNNING"


@dataclass(frozen=True)
class Case:
    """``options`` of a request of ada's; ``field`` is the one that the rules refuse (empty: offered), ``slurm`` how Slurm's answer
    begins, in one of these ways."""

    name: str
    options: Mapping[str, Any]
    field: str
    slurm: str | tuple[str, ...]
    job_qos: str = ""
    user: str = "ada"
    words: str = ""


def case(
    name: str, field: str, slurm: str | tuple[str, ...], *, job_qos: str = "", user: str = "ada", words: str = "", **options: Any
) -> Case:
    """A row."""
    given = {"account": "base", "partition": "gpu", "cores": 1, "memory": "100M", "walltime": "10m", "gpus": "0", "reservation": ""}
    return Case(name, {**given, **options}, field, slurm, job_qos, user, words)


NOT_AVAILABLE = "refused: sbatch: error: Batch job submission failed: Requested node configuration is not available"
NO_ACCOUNT = "refused: sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"
NO_QOS = "refused: sbatch: error: Batch job submission failed: Invalid qos specification"
CORES = "refused: sbatch: error: CPU count per node can not be satisfied"
NO_GROUP = ("refused: sbatch: error: Batch job submission failed: User's group not permitted to use this partition", "uid ")
"""Until 22.05 at once, from 24.11 on by waiting for ever: ``uid 1001 not in group permitted to use this partition``."""

PERMISSION = "refused: sbatch: error: Batch job submission failed: Access/permission denied"
CLOSED = "refused: sbatch: error: Batch job submission failed: Required partition not available (inactive or drain)"
MEMORY = "refused: sbatch: error: Memory specification can not be satisfied"
NOT_IN = "refused: sbatch: error: Batch job submission failed: Access denied to requested reservation"

CASES = [
    # nodes and partitions
    case("all-of-a-node", "", RUNS, cores=8, memory="32000M", gpus="2"),
    case("more-cores-than-a-node", "cores", CORES, cores=9),
    case("more-memory-than-a-node", "memory", MEMORY, memory="32001M"),
    case("more-gpus-than-a-node", "gpus", NOT_AVAILABLE, gpus="3"),
    case("maxtime", "", RUNS, partition="short", walltime="30m"),
    case("beyond-maxtime", "walltime", "PartitionTimeLimit", partition="short", walltime="31m"),
    case("max-cpus-per-node", "", RUNS, partition="capnode", cores=4),
    case("beyond-max-cpus-per-node", "cores", NOT_AVAILABLE, partition="capnode", cores=5),
    case("max-mem-per-node", "", RUNS, partition="capnode", memory="2000M"),
    case("beyond-max-mem-per-node", "memory", "MaxMemPerLimit", partition="capnode", memory="2001M"),
    case("max-mem-per-cpu-takes-cores", "", RUNS, partition="percore", memory="8000M"),
    case("beyond-max-mem-per-cpu-of-the-node", "memory", CORES, partition="percore", memory="8001M"),
    case("min-nodes", "partition", "PartitionNodeLimit", partition="many"),
    case("down", "partition", "PartitionDown", partition="down"),
    case("drained", "partition", CLOSED, partition="drained"),
    case("inactive", "partition", CLOSED, partition="inactive"),
    case("root-only", "partition", PERMISSION, partition="rootonly"),
    case("threads-all", "", RUNS, partition="threads", cores=8),
    case("untyped-gpus-of-two-types", "", RUNS, partition="mixed", gpus="2"),
    case("typed-gpus-of-two-types", "gpus", NOT_AVAILABLE, partition="mixed", gpus="a100:2"),
    # who may where
    case("allow-accounts", "", RUNS, partition="allow"),
    case("allow-accounts-others", "account", "", account="capped", partition="allow"),
    case("deny-accounts", "account", "", partition="deny"),
    case("deny-accounts-others", "", RUNS, account="capped", partition="deny"),
    case("allow-groups", "", RUNS, partition="mygroup"),
    case("allow-groups-others", "partition", NO_GROUP, partition="theirgroup"),
    case("allow-groups-the-other-user", "", RUNS, partition="theirgroup", user="grace"),
    case("somebody-elses-account", "account", NO_ACCOUNT, account="theirs"),
    case("association-of-this-partition", "", RUNS, account="onepart", partition="short"),
    case("association-of-another-partition", "account", NO_ACCOUNT, account="onepart"),
    case("allow-qos", "", RUNS, account="small", partition="allowqos"),
    case("allow-qos-others", "account", "", partition="allowqos", words="QOS normal may not be used there"),
    case("deny-qos-of-the-default", "", RUNS, account="small", partition="denyqos"),
    case("deny-qos-of-the-admins", "partition", "", account="small", partition="denyqos", job_qos="small", words="“denyqos” is not"),
    case("deny-qos-others", "", RUNS, partition="denyqos"),
    # which QOS
    case("no-default-among-several", "account", NO_QOS, account="noqos", words="may not use QOS normal"),
    case("normal-among-several", "", RUNS, account="twoqos", cores=8),
    case("the-only-qos", "cores", "QOSGrpCpuLimit", account="grpqos", cores=7, words="QOS together"),
    case("qos-by-the-admin", "cores", "QOSMaxCpuPerJobLimit", account="small", cores=5, job_qos="small"),
    case("qos-by-the-admin-over-the-default", "", RUNS, account="small", cores=8, job_qos="normal"),
    case("qos-by-the-admin-not-the-accounts", "account", NO_QOS, job_qos="small"),
    case("qos-that-does-not-exist", "account", NO_QOS, job_qos="gone"),
    case("qos-requires-reservation", "reservation", NO_QOS, account="resvonly"),
    case("qos-requires-reservation-and-has-it", "", RUNS, account="resvonly", partition="open", reservation="r_user"),
    # limits of one job
    case("qos-cores", "", RUNS, account="small", cores=4),
    case("qos-cores-beyond", "cores", "QOSMaxCpuPerJobLimit", account="small", cores=5, words="more than the 4 that QOS small allows one session"),
    case("qos-memory", "", RUNS, account="small", memory="4000M"),
    case("qos-memory-beyond", "memory", "QOSMaxMemoryPerJob", account="small", memory="4001M", words="QOS small"),
    case("qos-gpus", "", RUNS, account="small", gpus="v100:1"),
    case("qos-gpus-beyond", "gpus", "QOSMaxGRESPerJob", account="small", gpus="2", words="QOS small"),
    case("qos-time", "", RUNS, account="small", walltime="2h"),
    case("qos-time-beyond", "walltime", "QOSMaxWallDurationPerJobLimit", account="small", walltime="121m", words="QOS small"),
    case("qos-that-denies", "", RUNS, account="denies", cores=4),
    case("qos-that-denies-beyond", "cores", "refused: sbatch: error: QOSMaxCpuPerJobLimit", account="denies", cores=5),
    case("qos-typed-gpus", "", RUNS, account="typed", gpus="v100:1"),
    case("qos-typed-gpus-beyond", "gpus", "QOSMaxGRESPerJob", account="typed", gpus="v100:2"),
    case("qos-typed-gpus-asked-untyped", "", RUNS, account="typed", gpus="2"),
    case("qos-least-gpus", "", RUNS, account="gpusonly", gpus="1"),
    case("qos-least-gpus-none", "gpus", "QOSMinGRES", account="gpusonly", words="less than the 1 that QOS gpusonly asks for"),
    case("qos-per-node", "", RUNS, account="pernode", cores=3),
    case("qos-per-node-beyond", "cores", "QOSMaxCpuPerNode", account="pernode", cores=4),
    case("qos-cpu-minutes", "", RUNS, account="minutes", cores=4, walltime="30m"),
    case("qos-cpu-minutes-beyond", "walltime", "QOSMaxCpuMinutesPerJobLimit", account="minutes", cores=4, walltime="31m", words="30 min"),
    case("account-cores", "", RUNS, account="capped", cores=4),
    case("account-cores-beyond", "cores", "AssocMaxCpuPerJobLimit", account="capped", cores=5, words="account capped"),
    case("account-memory-beyond", "memory", "AssocMaxMemPerJob", account="capped", memory="4001M"),
    case("account-time-beyond", "walltime", "AssocMaxWallDurationPerJobLimit", account="capped", walltime="61m", words="of account capped"),
    case("account-without-gpus", "", RUNS, account="nogpu"),
    case("account-without-gpus-beyond", "gpus", "AssocMaxGRESPerJob", account="nogpu", gpus="1", words="Choose None"),
    # limits that jobs share, each larger than the job alone
    case("user-cores", "", RUNS, account="person", cores=4, gpus="1"),
    case("user-cores-beyond", "cores", "QOSMaxCpuPerUserLimit", account="person", cores=5, words="allows one user"),
    case("user-gpus-beyond", "gpus", "QOSMaxGRESPerUser", account="person", gpus="2"),
    case("per-account-beyond", "cores", "MaxCpuPerAccount", account="team", cores=5),
    case("group-of-the-qos", "", RUNS, account="together", cores=6),
    case("group-of-the-qos-beyond", "cores", "QOSGrpCpuLimit", account="together", cores=7),
    case("running-minutes", "", RUNS, account="running", cores=2, walltime="1h"),
    case("running-minutes-beyond", "walltime", "QOSGrpCPURunMinutesLimit", account="running", cores=2, walltime="61m"),
    case("no-jobs", "account", "AssocMaxJobsLimit", account="nojobs", words="allows no jobs"),
    case("no-submission", "account", "refused: sbatch: error: AssocMaxSubmitJobLimit", account="nosubmit"),
    case("no-jobs-of-the-group", "account", "AssocGrpJobsLimit", account="groupless"),
    case("no-budget", "account", "AssocGrpCPUMinutesLimit", account="poor", words="a budget of 0"),
    # precedence
    case("partition-qos", "", RUNS, partition="partqos", cores=2),
    case("partition-qos-beyond", "cores", "QOSMaxCpuPerJobLimit", partition="partqos", cores=3, words="QOS part"),
    case("partition-qos-over-job-qos", "cores", "QOSMaxCpuPerJobLimit", account="wide", partition="partqos", cores=3),
    case("partition-qos-time-over-job-qos", "walltime", "QOSMaxWallDurationPerJobLimit", account="wide", partition="partqos", walltime="61m"),
    case("job-qos-over-part-qos", "", RUNS, account="over", partition="partqos", cores=6),
    case("job-qos-over-part-qos-beyond", "cores", "QOSMaxCpuPerJobLimit", account="over", partition="partqos", cores=7),
    case("user-over-account", "", RUNS, account="raised", cores=6),
    case("user-over-account-beyond", "cores", "AssocMaxCpuPerJobLimit", account="raised", cores=7),
    case("qos-over-account", "", RUNS, account="qosfirst", cores=4),
    case("group-of-the-qos-over-the-accounts", "", RUNS, account="grpqos", cores=6),
    case("group-of-the-parent", "", RUNS, account="child", cores=4),
    case("group-of-the-parent-beyond", "cores", "AssocGrpCpuLimit", account="child", cores=5, words="account parent"),
    case("partition-caps-the-time-of-the-qos", "walltime", "PartitionTimeLimit", account="wide", partition="short", walltime="31m"),
    case("qos-beyond-the-partitions-time", "", RUNS, account="long", partition="short", walltime="1-12:00:00"),
    # as Slurm counts
    case("whole-nodes", "", RUNS, partition="whole"),
    case("whole-nodes-beyond-the-qos", "account", "QOSMaxCpuPerJobLimit", account="small", partition="whole", words="whole nodes"),
    case("whole-cores", "", RUNS, account="pernode", partition="threads", cores=2),
    case("whole-cores-beyond", "cores", "QOSMaxCpuPerNode", account="pernode", partition="threads", cores=3),
    case("cores-for-memory", "", RUNS, account="small", partition="percore", memory="4000M"),
    case("cores-for-memory-beyond", "memory", "QOSMaxCpuPerUserLimit", account="person", partition="percore", memory="5000M", words="takes 5 cores"),
    # a QOS that the user asks for
    case("qos-asked-for", "", RUNS, account="small", cores=8, qos="normal"),
    case("qos-asked-for-in-capitals", "", RUNS, account="small", cores=8, qos="NORMAL"),
    case("qos-asked-for-and-its-limit", "cores", "QOSMaxCpuPerJobLimit", account="noqos", cores=5, qos="small"),
    case("qos-asked-for-and-its-wider-limit", "", RUNS, account="noqos", cores=5, qos="wide"),
    case("qos-asked-for-not-the-accounts", "account", NO_QOS, account="base", qos="small", words="the account may not use QOS small"),
    case("qos-asked-for-of-nobody", "qos", NO_QOS, account="base", qos="part"),
    case("qos-asked-for-that-does-not-exist", "qos", NO_QOS, account="base", qos="gone"),
    case("qos-asked-for-where-it-is-allowed", "", RUNS, account="qosfirst", partition="allowqos", cores=2, qos="small"),
    case("qos-asked-for-where-another-is-allowed", "qos", "", account="qosfirst", partition="allowqos", qos="normal"),
    case("qos-asked-for-where-it-is-denied", "qos", "", account="qosfirst", partition="denyqos", qos="small"),
    case("qos-asked-for-beside-the-denied", "", RUNS, account="qosfirst", partition="denyqos", cores=2, qos="normal"),
    case("qos-asked-for-beyond-the-partitions-time", "", RUNS, account="long", walltime="16:00:00", qos="long"),
    case("qos-asked-for-without-more-time", "walltime", "PartitionTimeLimit", account="long", walltime="16:00:00", qos="normal"),
    case("qos-asked-for-in-place-of-one-for-gpus", "", RUNS, account="gpusonly", gpus=0, qos="normal"),
    # reservations
    case("reserved", "", RUNS, partition="open", reservation="r_user"),
    case("reserved-for-another", "reservation", NOT_IN, partition="open", reservation="r_theirs"),
    case("reserved-for-the-parent", "", RUNS, partition="open", reservation="r_account"),
    case("reserved-for-another-account", "reservation", NOT_IN, partition="open", reservation="r_child"),
    case("reserved-for-all-but-this-account", "reservation", NOT_IN, partition="open", reservation="r_butnot"),
    case("reserved-for-all-but-another", "", RUNS, account="capped", partition="open", reservation="r_butnot"),
    case("reserved-for-a-group", "", RUNS, partition="open", reservation="r_group"),
    case("reserved-for-another-group", "reservation", NOT_IN, partition="open", reservation="r_group", user="grace"),
    case("reserved-user-and-account", "", RUNS, account="capped", partition="open", reservation="r_both"),
    case("reserved-user-not-account", "reservation", NOT_IN, partition="open", reservation="r_both"),
    case("reserved-later", "reservation", "Reservation", partition="open", reservation="r_later", words="begins at"),
    case("reserved-later-but-flexible", "", RUNS, partition="open", reservation="r_flex"),
    case("maintenance", "reservation", NOT_IN, partition="open", reservation="r_maint"),
    case("reservation-elsewhere", "reservation", NOT_AVAILABLE, partition="gpu", reservation="r_user", words="no node of partition gpu"),
    case("larger-than-the-reservation", "cores", CORES, partition="open", reservation="r_user", cores=3),
    case("reservation-required", "reservation", PERMISSION, partition="resv"),
    case("reservation-required-and-given", "", RUNS, partition="resv", reservation="r_user"),
    case("unknown-reservation", "reservation", "refused: sbatch: error: Batch job submission failed: Requested reservation is invalid", partition="open", reservation="gone"),
]  # fmt: skip


def complete(options: Mapping[str, Any]) -> SessionRequest:
    """The request as it would reach sbatch if no rule stood before it."""
    return parse_request({**options, "release": "one", "interface": "lab"})


def judged(options: Mapping[str, Any], choices: Choices) -> dict[str, str]:
    """What the gate of every door says: a sentence for each field at fault."""
    try:
        request = resolve_request(options, choices)
    except RequestRejected as refused:
        return refused.errors
    except NoAccount as refused:
        return {"account": refused.sentence}
    assert request == complete(options)
    assert check_request(request, choices) == {}
    return {}


def user_of(entry: Case, rig: Rig) -> str:
    """The system's user that the case is about."""
    return {"ada": rig.ada, "grace": rig.grace}[entry.user]


@pytest.fixture(scope="module")
def slurm_says(running_rig: Rig) -> dict[str, str]:
    """What Slurm makes of the job of each case: first of those that must run, all of them together; then, with nothing left, of the others.

    Neither stand in another's way for long: those that run end at once, the others hold nothing.
    """
    outcomes: dict[str, str] = {}
    for group, script, see in (
        ([entry for entry in CASES if not entry.field], "exit 0", running_rig.have_run),
        ([entry for entry in CASES if entry.field], "exec sleep 600", running_rig.outcomes),
    ):
        answers = {
            entry.name: running_rig.submit(complete(entry.options), user_of(entry, running_rig), entry.job_qos, script) for entry in group
        }
        fates = see([answer for answer in answers.values() if isinstance(answer, int)])
        outcomes |= {name: fates[answer] if isinstance(answer, int) else answer for name, answer in answers.items()}
        running_rig.clean()
    return outcomes


@pytest.mark.parametrize("entry", CASES, ids=lambda entry: entry.name)
def test_rules_and_slurm_agree(running_rig: Rig, slurm_says: dict[str, str], entry: Case) -> None:
    """Offered is what Slurm starts, refused what it never would."""
    choices = running_rig.choices(user_of(entry, running_rig), job_qos=entry.job_qos)
    errors = judged(entry.options, choices_for(entry.options, choices))
    outcome = slurm_says[entry.name]
    assert (not errors) is (outcome == RUNS), f"the rules say {errors or 'yes'}, Slurm says {outcome}"
    assert outcome.startswith(entry.slurm), outcome
    assert list(errors) == ([entry.field] if entry.field else []), errors
    assert entry.words in errors.get(entry.field, "")


def test_there_are_enough_cases() -> None:
    """Both directions have many, and no case stands there twice."""
    assert len({entry.name for entry in CASES}) == len(CASES) >= 30
    assert min(sum(not entry.field for entry in CASES), sum(bool(entry.field) for entry in CASES)) >= 15


# --- what changes -------------------------------------------------------------------------------------------------------------


def test_refused_or_accepted_for_ever_is_the_same_to_the_form(rig: Rig) -> None:
    """With EnforcePartLimits=ALL sbatch itself refuses what it otherwise lets wait for ever."""
    names = ("beyond-maxtime", "min-nodes", "beyond-max-mem-per-node")
    rig.cluster.reconfigure(EnforcePartLimits="ALL")
    try:
        for entry in (entry for entry in CASES if entry.name in names):
            answer = rig.submit(complete(entry.options))
            assert isinstance(answer, str), entry.name
            assert list(judged(entry.options, rig.choices())) == [entry.field]
    finally:
        rig.cluster.reconfigure()


def test_what_is_held_makes_a_job_wait_and_no_more(rig: Rig) -> None:
    """A limit that one's own jobs share refuses nothing that would start once they have ended; the rules name it, as Slurm does."""
    options = case("", "", "", account="person", cores=3).options
    first = rig.submit(complete(options))
    assert isinstance(first, int)
    assert rig.outcomes([first]) == {first: RUNS}
    choices = rig.choices(fresh=True)
    second = {**options, "cores": 2}
    assert judged(second, choices) == {}
    (limit,) = choices.waits_for(complete(second))
    assert (limit.source, limit.resource, limit.most, limit.held, limit.scope) == ("QOS person", "cores", 4, 3, "user")
    assert choices.waits_for(complete({**options, "cores": 1})) == ()
    waiting, fits = rig.submit(complete(second)), rig.submit(complete({**options, "cores": 1}))
    assert isinstance(waiting, int)
    assert isinstance(fits, int)
    assert rig.outcomes([waiting, fits]) == {waiting: "QOSMaxCpuPerUserLimit", fits: RUNS}
    rig.cluster.run("scancel", str(first))
    wait_until(lambda: rig.fates().get(waiting) == RUNS, "the second job to start", 15)
    rig.choices(fresh=True)


def test_new_association_is_seen_without_a_new_log_in(rig: Rig) -> None:
    """slurmctld tells of an association that is newer than what slurmdbd has said; nothing is restarted."""

    async def scenario() -> None:
        cluster = new_cluster(rig, holdings_interval=0.05)
        own = await cluster.entitlement(rig.ada)
        assert own.accounts is not None
        assert "theirs" not in own.accounts
        await asyncio.to_thread(rig.cluster.sacctmgr, "add", "user", rig.ada, "account=theirs")
        await asyncio.sleep(0.3)
        own = await cluster.entitlement(rig.ada)
        assert "theirs" in (own.accounts or ())

    try:
        asyncio.run(scenario())
    finally:
        rig.cluster.sacctmgr("delete", "user", rig.ada, "account=theirs")


def test_without_slurmdbd_the_last_answer_counts(rig: Rig) -> None:
    """Accounts, QOS and limits stay as they were, with their date, and jobs are accepted as before."""
    entry = next(entry for entry in CASES if entry.name == "qos-cores-beyond")
    good = {**entry.options, "cores": 4}

    async def scenario() -> None:
        cluster = new_cluster(rig)
        before = await cluster.entitlement(rig.ada)
        assert not before.accounts_stale
        await asyncio.to_thread(rig.cluster.stop_accounting)
        cluster.accounting.expire()
        after = await cluster.entitlement(rig.ada)
        assert after.accounts_stale
        assert after.accounts_as_of == before.accounts_as_of
        assert (after.accounts, after.default_account) == (before.accounts, before.default_account)
        assert list(judged(entry.options, choices_of(after))) == ["cores"]
        assert judged(good, choices_of(after)) == {}

    try:
        asyncio.run(scenario())
        assert isinstance(rig.submit(complete(good)), int)
    finally:
        rig.cluster.start_accounting()


def test_limits_that_are_not_enforced_bind_nobody(rig: Rig) -> None:
    """With AccountingStorageEnforce=associations accounts count, limits and the lists of QOS do not."""
    cases = {entry.name: entry for entry in CASES}
    restart_with(rig, AccountingStorageEnforce="associations")
    try:
        choices = rig.choices(fresh=True)
        for name in ("qos-cores-beyond", "no-jobs", "group-of-the-parent-beyond", "no-default-among-several"):
            assert judged(cases[name].options, choices) == {}, name
            job = rig.submit(complete(cases[name].options), script="exit 0")
            assert isinstance(job, int), job
            assert rig.have_run([job]) == {job: RUNS}, name
        theirs = cases["somebody-elses-account"]
        assert list(judged(theirs.options, choices)) == ["account"]
        assert isinstance(rig.submit(complete(theirs.options)), str)
    finally:
        rig.clean()
        restart_with(rig)
        rig.asked.clear()


def restart_with(rig: Rig, **settings: str) -> None:
    """slurmctld takes some settings only when it starts."""
    rig.cluster.reconfigure(**settings)
    rig.cluster.stop_controller()
    rig.cluster.start_controller()
