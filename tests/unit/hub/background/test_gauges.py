"""What the metrics show that is read when somebody looks: from memory, whatever else fails."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from spawner.cluster.cluster import SlurmCluster
from spawner.hub.admission import Admission
from spawner.hub.background.gauges import Gauges, install_gauges
from spawner.hub.metrics.definitions import QUEUE_WAIT
from spawner.hub.sessions.left_over import LeftOver
from spawner.hub.state import HubState
from spawner.session.record import Record
from spawner.session.session import Session
from spawner.slurm.model import Job
from tests.support.fake_slurm import FakeSlurm
from tests.support.session_rig import LOG, make_cluster, virtually


@dataclass
class FakeHub:
    """A Hub with servers, as far as the collector looks at it."""

    cluster: SlurmCluster
    users: dict[int, Any] = field(default_factory=dict)
    tornado_settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = HubState.of(self)  # type: ignore[arg-type]
        self.state.part(SlurmCluster, lambda: self.cluster)
        self.state.part(Admission, lambda: Admission(self.state, base_url="/hub/", cookie="hub-login"))
        self.gauges = Gauges(self)  # type: ignore[arg-type]

    def add(self, record: Record | None) -> None:
        """One more user's server, with a session where there is a record."""
        session = None if record is None else Session(self.cluster, "ada", keep=lambda: None, name="ada", log=LOG, record=record)
        spawner = SimpleNamespace(last_end=None, session=session)
        self.users[len(self.users)] = SimpleNamespace(spawners={"": spawner, "other": SimpleNamespace()})

    def told(self) -> dict[str, dict[tuple[str, ...], float]]:
        """The samples by metric, each by the values of its labels."""
        return {
            family.name.removeprefix("jupyterhub_resource_form_"): {tuple(entry.labels.values()): entry.value for entry in family.samples}
            for family in self.gauges.collect()
        }


def test_how_sessions_stand() -> None:
    """By their jobs in the shared list; while Slurm is silent those that went on are unknown. Slurm is not asked for it."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        hub = FakeHub(make_cluster(slurm))
        assert set(hub.told()["sessions"].values()) == {0}
        waits, runs, ended = (slurm.make_job("ada") for _ in range(3))
        slurm.run_job(runs)
        slurm.run_job(ended)
        for job in (waits, runs, ended):
            on_node = {} if job is waits else {"node": "g001", "port": 5}
            hub.add(Record(f"nonce of {job.job_id}", job_id=job.job_id, submitted=slurm.now(), queued_at=job.submit, **on_node))
        hub.add(Record("not submitted yet", submitted=slurm.now()))
        hub.add(None)
        ended.state = "COMPLETED"
        await hub.cluster.jobs.get()
        asked = len(slurm.commands)
        await asyncio.sleep(20)
        told = hub.told()
        assert told["sessions"] == {("waiting",): 2, ("starting",): 0, ("running",): 1, ("stopping",): 1, ("unknown",): 0}
        assert told["longest_wait_seconds"][()] >= 20
        assert len(slurm.commands) == asked

    virtually(scenario)


def test_the_age_of_answers() -> None:
    """NaN before there was one; then what has passed since, and for how long the next one has failed."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        hub = FakeHub(make_cluster(slurm))
        told = hub.told()
        assert math.isnan(told["answer_age_seconds"]["jobs",])
        assert set(told["answer_failing_seconds"].values()) == {0}
        assert set(told["answer_age_seconds"]) == set(told["answer_failing_seconds"]) == {(name,) for name in hub.cluster.queries.questions}
        await hub.cluster.jobs.get()
        await asyncio.sleep(30)
        assert hub.told()["answer_age_seconds"]["jobs",] == pytest.approx(30, abs=1)
        slurm.answers = False
        hub.cluster.jobs.expire()
        await hub.cluster.jobs.get()
        await asyncio.sleep(7)
        failing = hub.told()["answer_failing_seconds"]
        assert failing["jobs",] >= 7
        assert failing["nodes",] == 0
        # Nobody asks any more: what was hours ago is no alarm now.
        await asyncio.sleep(3600)
        assert hub.told()["answer_failing_seconds"]["jobs",] == 0

    virtually(scenario)


def test_what_stands_beside() -> None:
    """Jobs that are no session, and streams that are open."""

    async def scenario() -> None:
        hub = FakeHub(make_cluster(FakeSlurm(asyncio.get_running_loop())))
        left_over = hub.state.part(LeftOver)
        left_over.reported["a nonce"] = Job(1, "ada", "RUNNING")
        left_over.refused = (Job(2, "ada", "RUNNING"), Job(3, "ada", "RUNNING"))
        request: Any = SimpleNamespaceWithReferences(connection=SimpleNamespace(stream=SimpleNamespace(closed=lambda: False)))
        hub.state.part(Admission).streams.add("ada", request)
        told = hub.told()
        assert told["orphaned_jobs"] == {("left_alone",): 1, ("false_tag",): 2}
        assert told["open_streams"] == {(): 1}
        assert set(told["info"].values()) == {1}

    virtually(scenario)


def test_they_are_put_among_the_hubs_metrics() -> None:
    """Once, however often that is asked for."""
    app: Any = SimpleNamespace(users={}, tornado_settings={})
    state = HubState.of(app)
    state.part(Admission, lambda: Admission(state, base_url="/hub/", cookie="hub-login"))
    try:
        install_gauges(app)
        install_gauges(app)
        found = [family for family in REGISTRY.collect() if family.name == "jupyterhub_resource_form_sessions"]
        assert [len(family.samples) for family in found] == [5]
    finally:
        REGISTRY.unregister(state.part(Gauges))


class SimpleNamespaceWithReferences(SimpleNamespace):
    """One that can be held weakly, as tornado's requests, and be a key."""

    __hash__ = object.__hash__


def test_a_failure_leaves_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be told is left out, and the log says so once; the Hub's address answers all the same."""

    async def scenario() -> None:
        hub = FakeHub(make_cluster(FakeSlurm(asyncio.get_running_loop())))
        hub.users[0] = None
        with caplog.at_level(logging.ERROR):
            for _look in range(2):
                told = hub.told()
                assert "sessions" not in told
                assert told["open_streams"] == {(): 0}
        assert [record.message for record in caplog.records] == ["Some metrics cannot be told"]

    virtually(scenario)


def test_pairs_are_those_of_the_service() -> None:
    """Of partitions that the admin lets sessions into, once Slurm has named them, each has its rows."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        hub = FakeHub(make_cluster(slurm))
        await hub.cluster.all_partitions.get()
        names = [partition.name for partition in hub.cluster.all_partitions.last_value or ()]
        assert len(names) > 1
        hub.cluster.partitions = [names[0]]
        hub.told()
        rows = "jupyterhub_resource_form_queue_wait_seconds_count"
        found = {entry.labels["partition"] for family in QUEUE_WAIT.collect() for entry in family.samples if entry.name == rows}
        assert names[0] in found
        assert not found & set(names[1:])

    virtually(scenario)
