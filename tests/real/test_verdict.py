"""The verdict against a real cluster: random requests on a randomly filled one, each really submitted.

The cluster has every mode of sharing: FORCE:5 on GPU nodes with a second partition of NO on the same nodes, NO with another type of GPU,
and EXCLUSIVE beside NO on nodes without GPUs. Backfill looks every second, so that its next cycle is near.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.newer_slurm import slurm_of
from private_slurm.processes import wait_until
from private_slurm.spec import Account, ClusterSpec, Member, NodeGroup, Partition, SlurmInstallation

from spawner.accounting.entitlement import entitlement
from spawner.accounting.qos import AccountingData
from spawner.advice.alternatives import alternatives
from spawner.advice.assessment import verdict_of
from spawner.advice.verdict import Verdict
from spawner.availability.forecast import ClusterForecast
from spawner.availability.table import availability
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.choices import Choices
from spawner.request.model import SessionRequest, parse_request
from spawner.request.validation import check_request
from spawner.site.catalogue import parse_catalogue
from spawner.slurm import commands, scontrol, squeue
from spawner.slurm.capture.document import ask, capture_of
from spawner.slurm.runner import SlurmRunner
from tests.support.captured_site import CapturedSite
from tests.support.conformance_table import Counts, record
from tests.support.slurm_versions import READ

SEED = int(os.environ.get("RESOURCE_FORM_SEED", "20261121"))
FILLINGS = 5
ROUNDS = 4
NEXT_CYCLE_SECONDS = 10.0
CYCLES_SECONDS = 2.0
"""Two cycles of backfill: what has not started by then is not starting now."""

NEVER = ("PartitionConfig", "PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "MaxMemPerLimit")
NODE_SETS = (("g100_int", "alone"), ("a100",), ("g100_cpu", "whole"))
"""Partitions that share nodes. Of each set one request is under test at a time, so that none takes what another was promised."""

GPUS = {"g100_int": ("0", "0", "1", "1", "2", "v100:1", "v100:2"), "alone": ("0", "v100:1"), "a100": ("0", "1", "2", "a100:3", "4")}
NODES = {"g100_int": ("g001", "g002", "g003", "g004"), "a100": ("a001", "a002"), "g100_cpu": ("c001", "c002", "c003")}
CORES = (1, 2, 4, 8, 16, 24, 32, 40, 48)
MEMORY_GB = (1, 4, 16, 32, 64, 100, 128, 200, 240)
MINUTES = (10, 30, 60, 120, 240, 480)

CATALOGUE = parse_catalogue({"releases": [{"tag": "2026.10", "label": "Release", "date": "2026-10-01", "interfaces": ["lab"]}]})


def spec(user: str, slurm: SlurmInstallation) -> ClusterSpec:
    """Nine nodes in five partitions."""
    return ClusterSpec(
        name="verdict",
        nodes=(
            NodeGroup("g[001-004]", cpus=48, memory_mb=375300, gres="gpu:v100:2"),
            NodeGroup("a[001-002]", cpus=32, memory_mb=256000, gres="gpu:a100:4"),
            NodeGroup("c[001-003]", cpus=48, memory_mb=250000),
        ),
        partitions=(
            Partition("g100_int", "g[001-004]", "Default=YES MaxTime=8:00:00 OverSubscribe=FORCE:5"),
            Partition("alone", "g[003-004]", "MaxTime=8:00:00"),
            Partition("a100", "a[001-002]", "MaxTime=8:00:00 MaxCPUsPerNode=30"),
            Partition("g100_cpu", "c[001-003]", "MaxTime=8:00:00"),
            Partition("whole", "c[001-003]", "MaxTime=8:00:00 OverSubscribe=EXCLUSIVE"),
        ),
        accounts=(Account("cin_ada"),),
        members=(Member(user, ("cin_ada",)),),
        slurm_conf={"SchedulerParameters": "batch_sched_delay=0,bf_interval=1,bf_window=2880,bf_continue"},
        slurm=slurm,
    )


@dataclass
class Trial:
    """One request, what was said of it, and what Slurm did with it."""

    request: SessionRequest
    said: Verdict
    job_id: int = 0
    did: str = ""

    @property
    def wrong(self) -> bool:
        """Whether Slurm did something else than was said."""
        return {"now": self.did != "started", "wait": self.did != "waited", "never": self.did != "never"}.get(self.said.kind, True)

    def __str__(self) -> str:
        return f"{self.request.summary}: {self.said.sentence} ({self.said.kind}); Slurm: {self.did}"


@dataclass
class Laboratory:
    """The cluster, filled at random and asked at random."""

    cluster: PrivateCluster
    user: str
    random: random.Random
    trials: list[Trial] = field(default_factory=list)

    def ask(self, argv: Sequence[str]) -> str:
        """The answer of one of the product's own questions."""
        return self.cluster.run(*argv, env={"SLURM_TIME_FORMAT": "%s"}).stdout

    def forecast(self) -> tuple[ClusterForecast, Choices]:
        """The cluster as the product sees it now, and what the user may choose."""
        nodes = scontrol.parse_nodes(self.ask(commands.show_nodes()))
        partitions = scontrol.parse_partitions(self.ask(commands.show_partitions()))
        reservations = scontrol.parse_reservations(self.ask(commands.show_reservations()))
        jobs = squeue.parse_jobs(self.ask(commands.list_jobs()))
        now = time.time()
        own = entitlement(
            self.user,
            AccountingData(),
            groups=(),
            partitions=partitions,
            reservations=reservations,
            nodes=nodes,
            now=now,
        )
        return ClusterForecast(nodes, partitions, reservations, jobs, now=now), Choices(own, CATALOGUE, now=now)

    def any_request(self, partition: str) -> SessionRequest:
        """A request that may fit, may have to wait, and may be more than any node has."""
        choose = self.random.choice
        too_much = self.random.random()
        most = 30 if partition == "a100" else 48
        return parse_request(
            {
                "partition": partition,
                "cores": 99 if too_much < 0.05 else min(most, choose(CORES)),
                "memory": f"{choose(MEMORY_GB)}G",
                "gpus": choose(GPUS.get(partition, ("0",) * 9 + ("1",))),
                "walltime": 600 if too_much > 0.96 else choose(MINUTES),
                "release": "2026.10",
                "interface": "lab",
            }
        )

    def submit(self, request: SessionRequest) -> int:
        """Hand the job to Slurm with the product's own arguments; 0 if it is refused."""
        argv = sbatch_arguments(request, Tag("verdict", self.user, "", "0"), home="/tmp")
        done = self.cluster.run(*argv, user=self.user, input="#!/bin/bash\nsleep 3600\n", check=False)
        return int(done.stdout.strip().split(";")[0]) if done.returncode == 0 else 0

    def jobs(self) -> dict[int, tuple[str, str]]:
        """State and reason of every job."""
        return {job.job_id: (job.state, job.reason) for job in squeue.parse_jobs(self.ask(commands.list_jobs()))}

    def fill(self) -> None:
        """Other people's jobs on every part of the cluster, and now and then a drained node and reservations."""
        choose, chance = self.random.choice, self.random.random
        if chance() < 0.4:
            self.cluster.create_reservation("some_cores", f"Nodes={choose(NODES['g100_cpu'])} CoreCnt=12 Users=root")
        if chance() < 0.5:
            self.cluster.create_reservation("held", f"Nodes={choose(NODES['g100_int'])} Users=root")
        if chance() < 0.5:
            nodes = ",".join(choose(names) for names in NODES.values())
            when = f"StartTime=now+{choose((1, 3))}hours Duration=2:00:00"
            self.cluster.create_reservation("service", f"Nodes={nodes} Users=root Flags=MAINT,IGNORE_JOBS,OVERLAP {when}")
        for names in NODES.values():
            if chance() < 0.3:
                self.cluster.drain(choose(names))
        for partitions in NODE_SETS:
            for _ in range(self.random.randint(1, 10 if "g100_int" in partitions else 4)):
                partition = partitions[0] if chance() < 0.7 else choose(partitions)
                request = self.any_request(partition)
                if request.cores < 99:
                    self.submit(request)
        self.reconcile()

    def reconcile(self) -> None:
        """Until no job is on its way and backfill has looked at every one that waits."""
        on_the_way = {"COMPLETING", "CONFIGURING"}

        def settled() -> bool:
            return not any(state in on_the_way or (state == "PENDING" and reason == "None") for state, reason in self.jobs().values())

        wait_until(settled, "the scheduler to have looked at all jobs", 20, lambda: str(self.jobs()), interval_s=0.2)
        time.sleep(CYCLES_SECONDS / 2)

    def test(self, requests: Sequence[SessionRequest], forecast: ClusterForecast, choices: Choices) -> list[Trial]:
        """Submit each of the requests, one a set of nodes, watch what Slurm does with it, and take it back."""
        trials = [Trial(request, verdict_of(request, check_request(request, choices), forecast, choices)) for request in requests]
        for trial in trials:
            trial.job_id = self.submit(trial.request)
        begun = time.monotonic()
        while True:
            jobs = self.jobs()
            for trial in trials:
                state, reason = jobs.get(trial.job_id, ("", ""))
                if not trial.job_id or reason.startswith(NEVER):
                    trial.did = "never"
                elif state == "RUNNING":
                    trial.did = "started"
            waited = time.monotonic() - begun
            open_ones = [trial for trial in trials if not trial.did]
            if (
                not open_ones
                or waited > NEXT_CYCLE_SECONDS
                or (waited > CYCLES_SECONDS and all(one.said.kind != "now" for one in open_ones))
            ):
                break
            time.sleep(0.15)
        for trial in open_ones:
            state, reason = self.jobs()[trial.job_id]
            trial.did = "waited" if state == "PENDING" and reason != "None" else f"{state} {reason}"
        mine = [trial.job_id for trial in trials if trial.job_id]
        if mine:
            self.cluster.run("scancel", *map(str, mine))
        wait_until(
            lambda: not {"PENDING", "RUNNING", "COMPLETING"} & {state for job, (state, _) in self.jobs().items() if job in mine},
            "the jobs of the trial to be gone",
            15,
            interval_s=0.1,
        )
        self.trials += trials
        return trials

    def nearest(self, request: SessionRequest, forecast: ClusterForecast, choices: Choices) -> SessionRequest | None:
        """The first alternative on the same set of nodes."""
        here = next(partitions for partitions in NODE_SETS if request.partition in partitions)
        found = (entry.request for entry in alternatives(request, forecast, choices))
        return next((candidate for candidate in found if candidate.partition in here), None)

    def clear(self) -> None:
        """An empty cluster with all nodes in service."""
        self.cluster.cancel_all()
        for reservation in scontrol.parse_reservations(self.ask(commands.show_reservations())):
            self.cluster.delete_reservation(reservation.name)
        for names in NODES.values():
            for name in names:
                if "DRAIN" in self.cluster.node(name)["State"]:
                    self.cluster.resume(name)


@pytest.fixture(params=READ)
def laboratory(request: pytest.FixtureRequest, installed: Path, test_folder: Path, users: tuple[str, ...]) -> Iterator[Laboratory]:
    """A cluster of its own, with real users, as the demo's has."""
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    with PrivateCluster(spec(users[0], slurm_of(request.param, installed)), test_folder / "slurm-verdict") as cluster:
        yield Laboratory(cluster, users[0], random.Random(SEED))


def test_a_capture_says_the_same(laboratory: Laboratory) -> None:
    """Of the file of ``resource-form capture`` the product says what it says of the cluster: what is free, and of 20 drawn requests.

    The file holds no name of the cluster's users, accounts, partitions and hosts, and no path or address.
    """
    laboratory.fill()
    cluster = laboratory.cluster
    runner = SlurmRunner(slurm_conf=str(cluster.slurm_conf), bin_dir=str(cluster.bin_dir))
    forecast, choices = laboratory.forecast()
    answers = asyncio.run(ask(runner))
    capture = capture_of(answers, now=forecast.now, product="")
    site = CapturedSite(capture.document, forecast.now)

    def said(argv: Sequence[str]) -> str:
        return asyncio.run(site.run(argv)).stdout

    nodes, partitions = scontrol.parse_nodes(said(commands.show_nodes())), scontrol.parse_partitions(said(commands.show_partitions()))
    reservations, jobs = scontrol.parse_reservations(said(commands.show_reservations())), squeue.parse_jobs(said(commands.list_jobs()))
    other_names = dict(zip(forecast.partitions, (partition.name for partition in partitions), strict=True))
    captured = ClusterForecast(nodes, partitions, reservations, jobs, now=forecast.now)
    free = availability(list(forecast.nodes.values()), list(forecast.partitions.values()), (), now=forecast.now)
    free_there = availability(nodes, partitions, (), now=forecast.now)
    assert [counts(entry) for entry in free.partitions] == [counts(entry) for entry in free_there.partitions]
    own = entitlement("x", AccountingData(), groups=(), partitions=partitions, reservations=reservations, nodes=nodes, now=forecast.now)
    theirs = Choices(own, CATALOGUE, now=forecast.now)
    for _ in range(20):
        request = laboratory.any_request(laboratory.random.choice([name for names in NODE_SETS for name in names]))
        there = request.model_copy(update={"partition": other_names[request.partition]})
        here_said = verdict_of(request, check_request(request, choices), forecast, choices)
        there_said = verdict_of(there, check_request(there, theirs), captured, theirs)
        assert (there_said.kind, there_said.nodes_that_fit) == (here_said.kind, here_said.nodes_that_fit), str(request)
    written = json.dumps(capture.document["answers"]).lower()
    names = (
        laboratory.user,
        "cin_ada",
        "g100_int",
        "g100_cpu",
        "alone",
        "whole",
        "verdict",
        "g001",
        "c001",
        "a001",
        str(cluster.folder),
        "127.0",
    )
    assert [name for name in names if name in written] == []


def counts(partition: Any) -> Any:
    """How many nodes of a partition are usable, and have how many GPUs free."""
    return partition.nodes_usable, partition.gpu_table


def test_verdicts_hold(laboratory: Laboratory, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
    """What is said to start now starts within the next cycles, what is to wait waits, what can never run is refused or hangs.

    Less than 1 % of "now" may be wrong, less than 5 % of "wait", and none of the others. The first alternative starts now as well.
    """
    offered: list[Trial] = []
    for _ in range(FILLINGS):
        laboratory.fill()
        for number in range(ROUNDS):
            forecast, choices = laboratory.forecast()
            requests = [laboratory.any_request(laboratory.random.choice(partitions)) for partitions in NODE_SETS]
            laboratory.test(requests, forecast, choices)
            if number % 2 == 0:
                forecast, choices = laboratory.forecast()
                nearest = [laboratory.nearest(request, forecast, choices) for request in requests]
                staying = [request for request in nearest if request is not None]
                offered += laboratory.test(staying, forecast, choices) if staying else []
        laboratory.clear()
    trials = laboratory.trials
    slurm = request.node.callspec.params["laboratory"]
    record(record_property, Counts.of("requests at random", slurm, ((trial.said.kind, trial.wrong) for trial in trials)))
    said = Counter(trial.said.kind for trial in trials)
    wrong = Counter(trial.said.kind for trial in trials if trial.wrong)
    report = f"seed {SEED}: " + ", ".join(f"{kind}: {wrong[kind]} of {said[kind]} wrong" for kind in ("now", "wait", "never", "unknown"))
    print(f"\n{report}; {len(offered)} alternatives tried")
    report += "".join(f"\n{trial}" for trial in trials if trial.wrong)
    assert len(trials) >= 60, report
    assert min(said["now"], said["wait"]) >= 12, report
    assert said["never"], report
    assert len(offered) >= 3, report
    assert wrong["now"] < 0.01 * said["now"], report
    assert wrong["wait"] < 0.05 * said["wait"], report
    assert not wrong["never"] + said["unknown"], report
