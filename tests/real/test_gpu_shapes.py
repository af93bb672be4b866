"""Every shape of GPU against a real cluster: what the table and the verdict say is free, and what Slurm then starts.

Each shape has a node and a partition of its own. They are filled in several ways, and in each state each request is really submitted, one a
partition at a time, and taken back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.newer_slurm import slurm_of
from private_slurm.processes import wait_until
from private_slurm.spec import Account, ClusterSpec, Member, NodeGroup, Partition, SlurmInstallation

from spawner.accounting.entitlement import entitlement
from spawner.accounting.qos import AccountingData
from spawner.advice.assessment import verdict_of
from spawner.advice.verdict import Verdict
from spawner.availability.forecast import ClusterForecast
from spawner.availability.node_fit import sharing_jobs
from spawner.availability.table import PartitionAvailability, availability
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.choices import Choices
from spawner.request.gpus import GpuRequest
from spawner.request.validation import judge_request
from spawner.site.catalogue import parse_catalogue
from spawner.slurm import commands, scontrol, squeue
from tests.support.conformance_table import Counts, record
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for
from tests.support.slurm_versions import READ

CATALOGUE = parse_catalogue({"releases": [{"tag": "2026.10", "label": "Release", "date": "2026-10-01", "interfaces": ["lab"]}]})

GRES = {
    "whole": "gpu:v100:2",
    "mixed": "gpu:v100:2,gpu:a100:4",
    "slices": "gpu:a100:2,gpu:a100_3g.20gb:2,gpu:a100_1g.5gb:3",
    "fifths": "gpu:v100:2,shard:10",
    "quarters": "gpu:t4:3,shard:t4:12",
    "both": "gpu:v100:2,gpu:a100:2,shard:20",
    "mps": "gpu:v100:2,mps:200",
    "untyped": "gpu:2",
    "nothing": "gpu:0",
    "none": "",
}
"""By partition, what its only node has."""

ASKED = {
    "whole": ("v100:1", "v100:2", "1", "2", "3", "shard:1"),
    "mixed": ("v100:1", "v100:2", "a100:2", "a100:4", "1", "3", "5", "6", "7"),
    "slices": ("a100:1", "a100:2", "a100_3g.20gb:1", "a100_3g.20gb:2", "a100_1g.5gb:1", "a100_1g.5gb:3", "5", "7"),
    "fifths": ("v100:1", "v100:2", "shard:1", "shard:2", "shard:3", "shard:4", "shard:5", "shard:v100:3", "shard:6"),
    "quarters": ("t4:1", "t4:2", "t4:3", "shard:1", "shard:2", "shard:3", "shard:4", "shard:13"),
    "both": ("v100:2", "a100:1", "2", "shard:v100:2", "shard:v100:4", "shard:a100:1", "shard:a100:3", "shard:2", "shard:4"),
    "mps": ("v100:1", "v100:2", "mps:10", "mps:40", "mps:41", "mps:70", "mps:90", "mps:100", "mps:150"),
    "untyped": ("1", "2", "3"),
    "nothing": ("0", "1"),
    "none": ("0", "1", "shard:1"),
}
"""By partition, what is asked for in each state, as a form or a program would post it."""

STATES = (
    {},
    {
        "whole": ("gpu:1",),
        "mixed": ("gpu:3",),
        "slices": ("gpu:a100:1", "gpu:a100_3g.20gb:1", "gpu:a100_1g.5gb:2"),
        "fifths": ("shard:3", "shard:3"),
        "quarters": ("shard:3", "shard:2", "shard:2", "gpu:1"),
        "both": ("gpu:v100:1", "shard:v100:4", "shard:a100:1"),
        "mps": ("mps:60",),
        "untyped": ("gpu:1",),
    },
    {
        "whole": ("gpu:v100:2",),
        "mixed": ("gpu:v100:1", "gpu:a100:3"),
        "slices": ("gpu:a100:2", "gpu:a100_3g.20gb:2"),
        "fifths": ("shard:1", "shard:1", "gpu:1"),
        "quarters": ("shard:4", "shard:1", "shard:1", "shard:1", "shard:1", "shard:1"),
        "both": ("gpu:a100:2", "shard:v100:2", "shard:v100:4"),
        "mps": ("gpu:1", "mps:30", "mps:30"),
        "untyped": ("gpu:2",),
    },
    {
        "mixed": ("gpu:a100:4",),
        "fifths": ("shard:5", "shard:1", "shard:1"),
        "quarters": ("shard:3",) * 3,
        "both": ("shard:a100:3", "shard:a100:3", "shard:v100:1"),
        "mps": ("gpu:2",),
    },
)
"""By partition, the jobs that run in each state."""


def spec(user: str, slurm: SlurmInstallation) -> ClusterSpec:
    """A node and a partition for each shape."""
    return ClusterSpec(
        name="shapes",
        nodes=tuple(NodeGroup(f"{name}1", cpus=32, memory_mb=64000, gres=gres) for name, gres in GRES.items()),
        partitions=tuple(Partition(name, f"{name}1", "MaxTime=8:00:00") for name in GRES),
        accounts=(Account("cin_ada"),),
        members=(Member(user, ("cin_ada",)),),
        slurm_conf={"SchedulerParameters": "batch_sched_delay=0,bf_interval=1,bf_window=2880,bf_continue"},
        slurm=slurm,
    )


@dataclass
class Trial:
    """One request in one state: what was said of it, and what Slurm did with the job."""

    partition: str
    text: str
    gpus: GpuRequest
    refused: bool
    said: Verdict
    job_id: int = 0
    did: str = ""

    @property
    def wrong(self) -> bool:
        """Whether Slurm did something else than was said."""
        if self.said.kind == "unknown":
            return self.did not in ("started", "waited")
        return self.did not in {"now": ("started",), "wait": ("waited",), "never": ("waited", "never")}[self.said.kind]

    def __str__(self) -> str:
        return f"{self.partition}, {self.text} ({self.gpus.words}): {self.said.sentence} ({self.said.kind}); Slurm: {self.did}"


@dataclass
class Laboratory:
    """The cluster, and what the product says of it."""

    cluster: PrivateCluster
    user: str
    trials: list[Trial] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    """What was wrong with the table, in words."""

    def ask(self, argv: Sequence[str]) -> str:
        """The answer of one of the product's own questions."""
        return self.cluster.run(*argv, env={"SLURM_TIME_FORMAT": "%s"}).stdout

    def look(self) -> tuple[ClusterForecast, Choices, dict[str, PartitionAvailability]]:
        """The cluster as the product sees it now: for verdicts, for what may be chosen, and the table."""
        nodes = scontrol.parse_nodes(self.ask(commands.show_nodes()))
        partitions = scontrol.parse_partitions(self.ask(commands.show_partitions()))
        jobs = squeue.parse_jobs(self.ask(commands.list_jobs()))
        now = time.time()
        own = entitlement(self.user, AccountingData(), groups=(), partitions=partitions, reservations=(), nodes=nodes, now=now)
        table = availability(nodes, partitions, (), now=now, sharing=sharing_jobs(jobs))
        return (
            ClusterForecast(nodes, partitions, (), jobs, now=now),
            Choices(own, CATALOGUE, now=now),
            {entry.name: entry for entry in table.partitions},
        )

    def states(self) -> dict[int, tuple[str, str]]:
        """State and reason of every job."""
        return {job.job_id: (job.state, job.reason) for job in squeue.parse_jobs(self.ask(commands.list_jobs()))}

    def fill(self, jobs: dict[str, tuple[str, ...]]) -> None:
        """Run these jobs, in their order, on top of nothing."""
        self.cluster.cancel_all()
        for number in range(max((len(each) for each in jobs.values()), default=0)):
            for partition, each in jobs.items():
                if number < len(each):
                    self.cluster.submit("-p", partition, f"--gres={each[number]}", "-c1", "--mem=100", "--time=60", user=self.user)
            self._until_all_run()

    def _until_all_run(self) -> None:
        def all_run() -> bool:
            return not any(state in ("PENDING", "COMPLETING") for state, _ in self.states().values())

        wait_until(all_run, "the jobs of the state to run", 20, lambda: str(self.states()), interval_s=0.1)

    def submit(self, trial: Trial, choices: Choices) -> int:
        """Hand the job to Slurm with the product's own arguments, what it refuses as it was asked for; 0 if Slurm refuses it as well."""
        options = {"partition": trial.partition, "cores": 1, "memory": "1G", "gpus": "0", "walltime": "1h"}
        request = judge_request(options, choices)[0].model_copy(update={"gpus": trial.gpus})
        argv = sbatch_arguments(request, Tag("shapes", self.user, "", "0"), home="/tmp")
        done = self.cluster.run(*argv, user=self.user, input="#!/bin/bash\nsleep 3600\n", check=False)
        return int(done.stdout.strip().split(";")[0]) if done.returncode == 0 else 0

    def try_all(self) -> None:
        """Ask for everything, in all partitions at once, one after the other in each."""
        for number in range(max(len(each) for each in ASKED.values())):
            # The end of one job changes more than it should in 22.05 (spawner/slurm/shared_gres.py), so each round has its own answer.
            forecast, choices, table = self.look()
            asked = [(name, ASKED[name][number]) for name in ASKED if number < len(ASKED[name])]
            trials = self._try([self._judge(partition, text, forecast, choices) for partition, text in asked], choices)
            self.trials += trials
            for trial in trials:
                row = _in_the_table(trial, table[trial.partition])
                if row is not None and (trial.did == "started") != (trial.gpus.count <= row):
                    self.tables.append(f"{trial}; the table has {row}")

    def _judge(self, partition: str, text: str, forecast: ClusterForecast, choices: Choices) -> Trial:
        request, errors = judge_request({"partition": partition, "cores": 1, "memory": "1G", "gpus": text, "walltime": "1h"}, choices)
        return Trial(partition, text, request.gpus, bool(errors), verdict_of(request, errors, forecast, choices))

    def _try(self, trials: list[Trial], choices: Choices) -> list[Trial]:
        for trial in trials:
            trial.job_id = self.submit(trial, choices)

        def judged() -> bool:
            states = self.states()
            for trial in trials:
                state, reason = states.get(trial.job_id, ("", ""))
                if not trial.job_id:
                    trial.did = "never"
                elif state == "RUNNING":
                    trial.did = "started"
                elif state == "PENDING" and reason == "Resources":
                    trial.did = "waited"
            return all(trial.did for trial in trials)

        wait_until(judged, "Slurm to have looked at the jobs", 20, lambda: str(self.states()), interval_s=0.1)
        mine = {trial.job_id for trial in trials if trial.job_id}
        self.cluster.run("scancel", *map(str, mine))
        wait_until(
            lambda: not {"PENDING", "RUNNING", "COMPLETING"} & {state for job, (state, _) in self.states().items() if job in mine},
            "the jobs of the trial to be gone",
            15,
            interval_s=0.1,
        )
        return trials


def _in_the_table(trial: Trial, table: PartitionAvailability) -> int | None:
    """What the table says the only node of the partition has free of the kind that is asked for; None where it does not say."""
    gpus = trial.gpus
    if trial.refused or not gpus.count:
        return None
    if not gpus.is_part:
        return next((int(free) for free, nodes in table.gpu_table.get(gpus.type, {}).items() if nodes), None)
    of_kind = [parts for parts in table.part_tables if parts.gres == gpus.gres and gpus.type in ("", parts.type) and not parts.unknown]
    return next((size for size, nodes in of_kind[0].rows if nodes), None) if len(of_kind) == len(table.part_tables) == 1 else None


@pytest.fixture(params=READ)
def laboratory(request: pytest.FixtureRequest, installed: Path, test_folder: Path, users: tuple[str, ...]) -> Iterator[Laboratory]:
    """A cluster of its own, of Slurm before and after it says how full each card is."""
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    slurm = slurm_of(request.param, installed)
    with PrivateCluster(spec(users[0], slurm), test_folder / f"slurm-shapes-{request.param}") as cluster:
        yield Laboratory(cluster, users[0])


def test_what_is_said_to_be_free_starts(
    laboratory: Laboratory, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> None:
    """Table and verdict are right for each request in each state; nobody knows it only where Slurm does not say how full the cards are."""
    for jobs in STATES:
        laboratory.fill(jobs)
        laboratory.try_all()
    trials = laboratory.trials
    slurm = request.node.callspec.params["laboratory"]
    record(record_property, Counts.of("shapes of GPUs", slurm, ((trial.said.kind, trial.wrong) for trial in trials)))
    wrong = [str(trial) for trial in trials if trial.wrong]
    unknown = [trial for trial in trials if trial.said.kind == "unknown"]
    print(f"\n{len(trials)} trials, {len(wrong)} wrong, {len(unknown)} unknown")
    assert not wrong, "\n".join(wrong)
    assert not laboratory.tables, "\n".join(laboratory.tables)
    assert {trial.did for trial in trials} == {"started", "waited", "never"}
    if laboratory.cluster.slurm_release() >= (23, 11):
        assert not unknown
    else:
        assert {trial.partition for trial in unknown} <= {"quarters", "both"}
        assert len(unknown) <= 10, "\n".join(map(str, unknown))


@pytest.fixture
def site_of_fifths(environments: Environments, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub on one node whose two cards are given out in fifths."""
    spec = ClusterSpec(
        name="fifths",
        nodes=(NodeGroup("s001", cpus=32, memory_mb=64000, gres="gpu:v100:2,shard:10"),),
        partitions=(Partition("fifths", "s001", "Default=YES MaxTime=8:00:00"),),
        accounts=(Account("cin_ada"),),
        members=tuple(Member(user, ("cin_ada",)) for user in users[:1]),
        slurm=environments.slurm,
    )
    cluster = PrivateCluster(spec, environments.folder / "slurm-fifths")
    with cluster, open_site("hub-fifths", environments, cluster, users) as site:
        yield site


def test_two_fifths_from_the_form_to_the_job(site_of_fifths: Site) -> None:
    """They are offered, asked for, given, and called the same on every page; five of them are the GPU."""
    site = site_of_fifths
    user = site.visitor()
    page = user.form()
    assert page.choices("gpus") == ["0", "1", "2", "shard:1", "shard:2", "shard:3", "shard:4"]
    assert "2/5 of a V100, memory not isolated" in page.text
    assert "parts of one V100" in page.text
    assert user.start({"gpus": "shard:2"}, page=page).status == 302
    wait_for(lambda: site.server(user.name).get("ready"), "the session to be ready", 90)
    assert "shard:2" in site.job_of()["TresPerNode"]
    session = user.api("GET", "resource-form/sessions").json()["sessions"][0]
    assert session["summary"].startswith("2/5 of a V100, 1 core")
    assert session["held_text"].startswith("2 shards of a GPU, 1 core")
    table = {"0": 0, "1": 0, "2": 0, "3": 0, "4": 0, "5": 1, "unknown": 0}

    def tables() -> bool:
        found = user.api("GET", "resource-form/cluster").json()["partitions"]["fifths"]
        return bool(found["gpu_table"] == {"v100": {"0": 0, "1": 1, "2": 0}} and found["shared_gpu_table"] == {"shard:v100": table})

    wait_for(tables, "the table to count the card that carries parts as no free GPU", 15)
    answer = user.api("POST", "resource-form/check", json={"gpus": "shard:5"}).json()
    assert (answer["request"]["gpus"], answer["verdict"]) == ("v100:1", "now")
    assert len(answer["fits"]) == 1
    site.stop()
