"""What the rules say a session costs against what Slurm itself writes on the running job: ``billing=``, with no tolerance.

Two Slurms, the first with PriorityFlags=MAX_TRES as well (what the second did with that is in tests/fixtures/slurm). All jobs of one round
run at once; those that are given a whole node have one of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.newer_slurm import slurm_of
from private_slurm.processes import wait_until
from private_slurm.spec import Account, ClusterSpec, Member, NodeGroup, Partition, Qos, SlurmInstallation

from spawner.accounting.billing import Cost, cost_of
from spawner.accounting.billing_rule import BillingRule, billing_rule
from spawner.accounting.budgets import Budget, budgets_of
from spawner.accounting.qos import line_of, parents_of
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.model import SessionRequest, parse_request
from spawner.slurm import commands, sacctmgr, sbatch, scontrol
from spawner.slurm.model import Association, Holdings
from spawner.slurm.model import Qos as KnownQos
from tests.support.slurm_versions import READ

WEIGHTS = "TRESBillingWeights=CPU=1.0,Mem=0.25G,GRES/gpu=16"
TYPED = "TRESBillingWeights=CPU=0.5,Mem=0.1G,GRES/gpu=3,GRES/gpu:a100=20.7,gres/GPU:A100_3g.20gb=5"
SHARED = "MaxTime=8:00:00 OverSubscribe=FORCE:30"
WHOLE = "MaxTime=8:00:00 OverSubscribe=EXCLUSIVE"
SLICES = "gpu:a100:8,gpu:a100_3g.20gb:12"
LESS_TWO = "Sockets=2 CoresPerSocket=32 CoreSpecCount=2 MemSpecLimit=8192"

BUDGETS = {
    **dict.fromkeys(("exact", "over", "dearer", "toodear", "used"), "billing=1680"),
    **dict.fromkeys(("short", "parent"), "billing=1679"),
    **dict.fromkeys(("cores", "morecores"), "cpu=240"),
    **dict.fromkeys(("gpus", "fewergpus"), "gres/gpu=59"),
    **dict.fromkeys(("empty", "funded", "uncharged"), "billing=0"),
    **dict.fromkeys(("nogpus", "nogpu"), "gres/gpu=0"),
}
"""Accounts with their GrpTRESMins; ``below`` and ``wellbelow`` are below ``parent``."""

QOS = {
    "free": "UsageFactor=0",
    "safe": "UsageFactor=2.5 Flags=UsageFactorSafe",
    "funded": "GrpTRESMins=billing=100000",
}


def spec(slurm: SlurmInstallation, ada: str) -> ClusterSpec:
    """Nodes of every kind that Slurm bills in its own way, and a partition for each rule."""
    return ClusterSpec(
        name="cost",
        slurm=slurm,
        nodes=(
            NodeGroup("g[1-3]", cpus=48, memory_mb=375300, gres="gpu:v100:8"),
            NodeGroup("m1", cpus=64, memory_mb=500000, gres=SLICES, options=LESS_TWO),
            NodeGroup("t1", cpus=64, memory_mb=500000, gres="gpu:t4:8,shard:t4:32", options="Sockets=1 CoresPerSocket=32 ThreadsPerCore=2"),
            NodeGroup("c[1-2]", cpus=16, memory_mb=64000, options="Sockets=1 CoresPerSocket=16 ThreadsPerCore=2"),
            NodeGroup("s1", cpus=16, memory_mb=64000, options="Sockets=2 CoresPerSocket=4 ThreadsPerCore=2"),
            NodeGroup("x1", cpus=48, memory_mb=375300, gres="gpu:v100:2"),
            NodeGroup("x2", cpus=64, memory_mb=500000, gres=SLICES, options=LESS_TWO),
            NodeGroup("x3", cpus=16, memory_mb=64000, gres="gpu:t4:2,shard:t4:8", options="Sockets=1 CoresPerSocket=8 ThreadsPerCore=2"),
        ),
        partitions=(
            Partition("demo", "g[1-3]", f"{SHARED} Default=YES {WEIGHTS}"),
            Partition("plain", "g[1-3]", SHARED),
            Partition("threads", "t1", SHARED),
            Partition("cores", "c1", SHARED),
            Partition("typed", "m1", f"{SHARED} {TYPED}"),
            Partition("shards", "t1", f"{SHARED} TRESBillingWeights=CPU=0.5,GRES/gpu=3,gres/shard=2.5,gres/shard:t4=0.25"),
            Partition("node", "g[1-3]", f"{SHARED} TRESBillingWeights=node=10.9"),
            Partition("capped", "g[1-3]", f"{SHARED} MaxMemPerCPU=4000 {WEIGHTS}"),
            Partition("cappedthreads", "t1", f"{SHARED} MaxMemPerCPU=4000 {WEIGHTS}"),
            Partition("units", "g[1-3]", f"{SHARED} TRESBillingWeights=CPU=1000K,Mem=0.001K"),
            Partition("parts", "g[1-3]", f"{SHARED} TRESBillingWeights=cpu=0.1,mem=0.3gb,GRES/gpu=1.5e0,Node=.7,vmem=9,billing=5"),
            Partition("nothing", "g[1-3]", f"{SHARED} TRESBillingWeights=CPU=0.0"),
            Partition("memoryless", "c2", f"{SHARED} SelectTypeParameters=CR_Core TRESBillingWeights=CPU=1,Mem=1G"),
            Partition("sockets", "s1", f"{SHARED} SelectTypeParameters=CR_Socket_Memory {WEIGHTS}"),
            Partition("either", "g[1-3],m1", f"{SHARED} {TYPED},GRES/gpu:v100=1"),
            Partition("whole", "x1", f"{WHOLE} {WEIGHTS}"),
            Partition("wholeslices", "x2", f"{WHOLE} {TYPED}"),
            Partition("wholethreads", "x3", f"{WHOLE}"),
        ),
        accounts=(
            Account("base"),
            *(Account(name, options="" if "gres" in limit else f"GrpTRESMins={limit}") for name, limit in BUDGETS.items()),
            *(Account(name, "parent", "GrpTRESMins=billing=100000") for name in ("below", "wellbelow")),
        ),
        members=(Member(ada, ("base", "below", "wellbelow", *BUDGETS), f"qos=normal,{','.join(QOS)}"),),
        qos=tuple(Qos(name, options) for name, options in QOS.items()),
        slurm_conf={
            "PriorityFlags": "ACCRUE_ALWAYS",
            "PriorityDecayHalfLife": "0",
            "PriorityUsageResetPeriod": "YEARLY",
            "AccountingStorageEnforce": "associations,limits,qos,safe",
            "KillWait": "1",
        },
    )


@dataclass(frozen=True)
class Case:
    """A request. ``added`` and ``largest`` are what it is billed, by hand, without a flag and with MAX_TRES; None where versions differ.

    Where ``exact`` is false the node or the GPU's type decides, and the numbers are the most that it can be.
    """

    partition: str
    cores: int
    memory: str
    gpus: str
    added: int | None
    largest: int | None
    exact: bool = True

    @property
    def request(self) -> SessionRequest:
        """As a form would have it."""
        options = {"partition": self.partition, "cores": self.cores, "memory": self.memory, "gpus": self.gpus, "walltime": "60"}
        return parse_request({**options, "account": "base"})


CASES = (
    Case("demo", 4, "32G", "1", 28, 16),
    Case("demo", 1, "1M", "0", 1, 1),
    Case("demo", 3, "1000M", "v100:2", 35, 32),
    Case("demo", 8, "375300M", "0", 99, 91),
    Case("demo", 40, "4G", "v100:1", 57, 40),
    Case("plain", 3, "64G", "1", 3, 3),
    Case("plain", 24, "1G", "0", 24, 24),
    Case("threads", 3, "1000M", "0", 4, 4),
    Case("threads", 4, "1000M", "t4:1", 4, 4),
    Case("cores", 3, "1000M", "0", 3, 3),
    Case("typed", 3, "1000M", "a100:1", 25, 20),
    Case("typed", 3, "1000M", "a100_3g.20gb:3", 25, 15),
    Case("typed", 2, "20G", "0", 3, 2),
    Case("shards", 3, "1000M", "shard:3", 10, 7),
    Case("shards", 4, "1000M", "shard:t4:2", 7, 5),
    Case("shards", 1, "1000M", "t4:1", 4, 3),
    Case("node", 3, "1000M", "0", 10, 10),
    Case("capped", 1, "4000M", "0", 1, 1),
    Case("capped", 1, "9000M", "0", 5, 3),
    Case("capped", 1, "31999M", "0", 15, 8),
    Case("capped", 1, "31999M", "1", None, 16),
    Case("capped", 2, "17000M", "v100:1", None, 16),
    Case("capped", 3, "13000M", "0", None, None),
    Case("capped", 3, "24000M", "0", 11, 6),
    Case("capped", 4, "33000M", "0", None, None),
    Case("cappedthreads", 1, "9000M", "0", 6, 4),
    Case("cappedthreads", 3, "25000M", "0", None, None),
    Case("cappedthreads", 1, "9000M", "t4:1", None, 16),
    Case("units", 3, "9000M", "0", 11, 9),
    Case("parts", 3, "2G", "1", 3, 1),
    Case("parts", 7, "5000M", "2", 5, 3),
    Case("nothing", 5, "9G", "1", 0, 0),
    Case("memoryless", 3, "9000M", "0", 3, 3),
    Case("sockets", 3, "4G", "0", 9, 8),
    Case("either", 2, "10G", "1", 25, 20, exact=False),
    Case("typed", 2, "10G", "9", 199, 165, exact=False),
    Case("whole", 3, "1000M", "1", 80, 48),
    Case("wholeslices", 3, "1000M", "a100:1", 316, 165),
    Case("wholethreads", 3, "1000M", "0", 16, 16),
)


@dataclass
class Rig:
    """The cluster, one of its users, and the PriorityFlags to try."""

    cluster: PrivateCluster
    ada: str
    rounds: tuple[str, ...]

    def ask(self, argv: tuple[str, ...]) -> str:
        """What Slurm answers one of the product's own questions."""
        return self.cluster.run(*argv, user=self.ada, env={"SLURM_TIME_FORMAT": "%s"}).stdout

    def rules(self) -> dict[str, BillingRule | None]:
        """Each partition's, from Slurm's own answers."""
        nodes = {node.name: node for node in scontrol.parse_nodes(self.ask(commands.show_nodes()))}
        config = scontrol.parse_config(self.ask(commands.show_config()))
        partitions = scontrol.parse_partitions(self.ask(commands.show_partitions()))
        return {entry.name: billing_rule(entry, [nodes[name] for name in entry.nodes], config) for entry in partitions}

    def submit(self, request: SessionRequest, *extra: str) -> int:
        """Hand in the very job of the product, but for its script."""
        argv = sbatch_arguments(request, Tag("hub", self.ada, "", "nonce"), home="/tmp", extra=extra)
        return sbatch.parse_job_id(self.cluster.run(*argv, user=self.ada, input="#!/bin/bash\nexec sleep 600\n").stdout)

    def jobs(self) -> dict[int, dict[str, str]]:
        """Every job as ``scontrol show job`` has it."""
        lines = self.cluster.run("scontrol", "-o", "show", "job").stdout.splitlines()
        found = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
        return {int(job["JobId"]): job for job in found if "JobId" in job}

    def running(self, jobs: Sequence[int], since: str = "00:00:00") -> dict[int, dict[str, str]]:
        """These jobs, once all of them run, and have for a while."""

        def all_run() -> dict[int, dict[str, str]]:
            found = {number: job for number, job in self.jobs().items() if number in jobs}
            return found if all(job["JobState"] == "RUNNING" and job["RunTime"] >= since for job in found.values()) else {}

        return wait_until(
            all_run, "all jobs to run", 30, lambda: str([job for job in self.jobs().values() if job["JobState"] != "RUNNING"])
        )


@pytest.fixture(scope="module", params=READ)
def running_rig(request: pytest.FixtureRequest, installed: Path, test_folder: Path, users: tuple[str, ...]) -> Iterator[Rig]:
    """The cluster of one version, with its accounts."""
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    slurm = slurm_of(request.param, installed)
    with PrivateCluster(spec(slurm, users[0]), test_folder / "slurm-cost") as cluster:
        # slurmdbd knows GPUs only once slurmctld has told it of them.
        gpu_limits = [f"modify account {name} set GrpTRESMins={limit}" for name, limit in BUDGETS.items() if "gres" in limit]
        said = cluster.run("sacctmgr", "--immediate", "--quiet", input="\n".join(gpu_limits))
        assert "rror" not in said.stdout + said.stderr, said.stdout + said.stderr
        yield Rig(cluster, users[0], ("ACCRUE_ALWAYS", "MAX_TRES") if request.param == "22.05" else ("ACCRUE_ALWAYS",))


@pytest.fixture
def rig(running_rig: Rig) -> Iterator[Rig]:
    """The cluster with nothing on it."""
    running_rig.cluster.cancel_all()
    yield running_rig
    running_rig.cluster.cancel_all()


def amounts_of(job: dict[str, str]) -> dict[str, str]:
    """The TRES that Slurm has given to a job."""
    return dict(entry.split("=", 1) for entry in (job.get("AllocTRES") or job["TRES"]).split(","))


def said_to_cost(request: SessionRequest, rules: dict[str, BillingRule | None], usage_factor: float = 1.0) -> Cost:
    """What the rules say."""
    cost = cost_of(rules[request.partition], request.demand, usage_factor=usage_factor)
    assert cost is not None, request.summary
    return cost


def test_what_slurm_bills(rig: Rig) -> None:
    """Every job is billed what the rules say, and has the amounts that they say, budgets being charged with these."""
    for flags in rig.rounds:
        rig.cluster.reconfigure(PriorityFlags=flags)
        rules = rig.rules()
        said = {rig.submit(case.request): (case, said_to_cost(case.request, rules)) for case in CASES}
        jobs = rig.running(list(said), since="00:00:02")  # 24.11 takes five seconds to end jobs that it is just starting
        wrong = [(case, cost, jobs[number]) for number, (case, cost) in said.items() if not is_right(case, cost, jobs[number], flags)]
        assert not wrong, "\n".join(map(str, wrong))
        rig.cluster.cancel_all()


def is_right(case: Case, cost: Cost, job: dict[str, str], flags: str) -> bool:
    """Whether the job is what the rules say, and what was reckoned by hand."""
    amounts = amounts_of(job)
    billing = int(amounts.get("billing", "0"))
    by_hand = case.largest if flags == "MAX_TRES" else case.added
    if by_hand not in (None, cost.billing) or cost.exact is not case.exact:
        return False
    if not case.exact:
        return billing <= cost.billing
    ours = dict(cost.tres)
    counted = {name: int(count) for name, count in amounts.items() if name == "cpu" or name.startswith("gres/")}
    return billing == cost.billing and counted == {name: ours[name] for name in ours if name == "cpu" or name.startswith("gres/")}


def test_the_whole_time_and_the_usage_factor(rig: Rig) -> None:
    """What Slurm sets aside for a job until its time limit is the total that the rules say, by the UsageFactor of its QOS."""
    rig.cluster.reconfigure(PriorityFlags="ACCRUE_ALWAYS")
    rules = rig.rules()
    factors = {entry.name: entry.usage_factor for entry in sacctmgr.parse_qos(rig.ask(commands.show_qos()))}
    assert {name: factors[name] for name in ("normal", "safe", "free")} == {"normal": 1, "safe": 2.5, "free": 0}
    rig.running([rig.submit(CASES[0].request, f"--qos={name}") for name in ("normal", "safe", "free")])
    holdings = sacctmgr.parse_holdings(rig.ask(commands.show_holdings()))
    for name, total in (("normal", 28), ("safe", 70), ("free", 0)):
        cost = said_to_cost(CASES[0].request, rules, factors[name])
        assert (cost.per_hour, cost.total) == (total, total)
        assert dict(holdings.qos[name].run_minutes).get("billing", 0) == cost.minutes_of("billing") == 60 * total
        assert dict(holdings.qos[name].run_minutes).get("cpu", 0) == cost.minutes_of("cpu")


@dataclass(frozen=True)
class Paid:
    """A session of 28 units an hour (less without a GPU); ``why`` is Slurm's reason to let it wait, empty if it starts."""

    account: str
    minutes: int
    why: str
    qos: str = "normal"
    gpus: int = 1

    @property
    def request(self) -> SessionRequest:
        """As a form would have it."""
        options = {"partition": "demo", "cores": 4, "memory": "32G", "gpus": self.gpus, "walltime": self.minutes}
        return parse_request({**options, "account": self.account})


NO_UNITS = "AssocGrpBillingMinutes"
PAID = (
    Paid("exact", 60, ""),
    Paid("over", 61, NO_UNITS),
    Paid("short", 60, NO_UNITS),
    Paid("below", 60, NO_UNITS),
    Paid("wellbelow", 59, ""),
    Paid("cores", 60, ""),
    Paid("morecores", 61, "AssocGrpCPUMinutesLimit"),
    Paid("fewergpus", 59, ""),
    Paid("gpus", 60, "AssocGrpGRESMinutes"),
    Paid("dearer", 24, "", "safe"),
    Paid("toodear", 25, NO_UNITS, "safe"),
    Paid("empty", 1, NO_UNITS),
    Paid("funded", 60, "", "funded"),
    Paid("uncharged", 1, NO_UNITS, "free"),
    Paid("nogpus", 1, "AssocGrpGRESMinutes"),
    Paid("nogpu", 60, "", gpus=0),
    Paid("base", 60, ""),
)


class Ledger:
    """The budgets of ada's jobs, from Slurm's own answers at one moment."""

    def __init__(self, rig: Rig) -> None:
        self.ada = rig.ada
        self.associations: Sequence[Association] = sacctmgr.parse_associations(rig.ask(commands.show_associations()))
        self.qos: dict[str, KnownQos] = {entry.name: entry for entry in sacctmgr.parse_qos(rig.ask(commands.show_qos()))}
        self.holdings: Holdings = sacctmgr.parse_holdings(rig.ask(commands.show_holdings()))

    def budgets(self, account: str, qos: str = "normal") -> tuple[Budget, ...]:
        """Those that such a job is charged to."""
        rows = {entry.account: entry for entry in self.associations if not entry.user}
        own = next(entry for entry in self.associations if (entry.account, entry.user) == (account, self.ada))
        line = [own, *(rows[name] for name in line_of(account, parents_of(self.associations)))]
        return budgets_of(qos=[self.qos[qos]], line=line, holdings=self.holdings)


def test_budgets_cover_what_slurm_starts(rig: Rig) -> None:
    """With AccountingStorageEnforce=safe a job starts if, and only if, every budget covers all of its time, to the minute.

    Slurm looks at a UsageFactor here only where the QOS has the flag UsageFactorSafe, but always charges by it.
    """
    rules, ledger = rig.rules(), Ledger(rig)
    said = {}
    for paid in PAID:
        cost = said_to_cost(paid.request, rules, ledger.qos[paid.qos].usage_factor)
        covered = {budget.source: budget.covers(cost) for budget in ledger.budgets(paid.account, paid.qos)}
        assert None not in covered.values(), paid
        said[rig.submit(paid.request, f"--qos={paid.qos}")] = (paid, covered)

    def decided() -> dict[int, str]:
        jobs = rig.jobs()
        found = {number: "" if jobs[number]["JobState"] == "RUNNING" else jobs[number]["Reason"] for number in said}
        return {} if {"None", "Priority"} & set(found.values()) else found

    found = wait_until(decided, "Slurm to decide on all jobs", 20, lambda: str(rig.jobs()))
    assert {number: paid.why for number, (paid, _) in said.items()} == found
    wrong = [(paid, covered) for paid, covered in said.values() if all(covered.values()) is bool(paid.why)]
    assert not wrong


def test_what_was_used_is_no_longer_left(rig: Rig) -> None:
    """A running job's time is set aside; when it has ended, the rest of that comes back, and what it used is gone."""
    (before,) = Ledger(rig).budgets("used")
    number = rig.submit(CASES[3].request.model_copy(update={"account": "used", "walltime": 15}))
    rig.running([number])
    (during,) = Ledger(rig).budgets("used")
    assert (before.used, during.used, during.running) == (0, 0, 99 * 15)
    assert during.left == 1680 - 99 * 15
    wait_until(lambda: rig.jobs()[number]["RunTime"] >= "00:00:01", "a billing minute to go by", 10)
    rig.cluster.cancel_all()
    seconds = int(rig.jobs()[number]["RunTime"].rsplit(":", 1)[1])
    (after,) = Ledger(rig).budgets("used")
    assert (after.used, after.running) == (99 * seconds // 60, 0)
    assert after.left == 1680 - 99 * seconds // 60 < 1680
