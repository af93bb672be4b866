"""How long sessions wait and come up, by partition and type of GPU, against the fake controller."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from spawner.hub.metrics.starts import OTHERS, Pairs, create, gpu_of, pairs_of, server_started
from spawner.session.record import Record
from spawner.session.session import Session
from spawner.slurm.model import Gres, Node, Partition
from tests.support.fake_slurm import FakeSlurm
from tests.support.session_rig import LOG, make_cluster, virtually

GPUS = Gres("gpu", "v100", 2)


def sample(name: str, **labels: str) -> float | None:
    """A sample of ours, None where it is not there."""
    return REGISTRY.get_sample_value(f"jupyterhub_resource_form_{name}", labels)


@pytest.mark.parametrize(
    ("options", "tres", "gpu"),
    [
        ({}, "cpu=4,mem=8G", "none"),
        ({"gpus": "0"}, "cpu=4,gres/gpu:v100=1", "none"),
        ({"gpus": "a100:2"}, "cpu=4,gres/gpu:v100=1", "a100"),
        ({"gpus": 1}, "cpu=4,mem=8G,gres/gpu=1,gres/gpu:v100=1", "v100"),
        ({"gpus": 1}, "cpu=4,mem=8G,gres/gpu=1", "any"),
        ({"gpus": "shard:1", "gpu_card": "t4/5"}, "", "t4"),
        ({"gpus": "many"}, "", "none"),
    ],
)
def test_the_type_of_gpu(options: dict[str, Any], tres: str, gpu: str) -> None:
    """The request's word, else Slurm's; of a part the GPU that it is a part of."""
    assert gpu_of(options, tres) == gpu


def test_what_there_may_be_sessions_with() -> None:
    """Each partition without a GPU, and with the types of its nodes; a partition that Slurm does not name has none."""
    partitions = [Partition("gpu"), Partition("cpu")]
    nodes = [
        Node("n1", "n1", "idle", gres=(GPUS,), partitions=("gpu", "hidden")),
        Node("n2", "n2", "idle", gres=(Gres("gpu", "", 1),), partitions=("gpu",)),
        Node("n3", "n3", "idle", partitions=("cpu",)),
    ]
    assert pairs_of(partitions, nodes) == [("gpu", "none"), ("gpu", "any"), ("gpu", "v100"), ("cpu", "none")]


def test_there_are_only_so_many_pairs() -> None:
    """What comes later counts with the others; what is known stays known."""
    pairs = Pairs(most=2)
    assert [pairs.known(name, "none") for name in "abca"] == [("a", "none"), ("b", "none"), OTHERS, ("a", "none")]


def test_a_pair_is_there_before_its_first_session() -> None:
    """At nought, so that a rate has a beginning."""
    assert sample("queue_wait_seconds_count", partition="other", gpu="other") == 0
    create([("new_partition", "h100")])
    assert sample("queue_wait_seconds_count", partition="new_partition", gpu="h100") == 0
    assert sample("server_start_seconds_count", partition="new_partition", gpu="h100") == 0


def test_a_start_is_measured() -> None:
    """What it waited in the queue by Slurm's clock, and the rest by the Hub's, which may be ahead; without moments nothing."""

    async def scenario() -> None:
        slurm = FakeSlurm(asyncio.get_running_loop())
        cluster = make_cluster(slurm, ahead=100.0)
        now = int(slurm.now())
        record = Record("n", job_id=7, submitted=now + 100.0 - 50, queued_at=now - 50, started=now - 30)
        session = Session(cluster, "ada", keep=lambda: None, name="ada", log=LOG, record=record)
        labels = {"partition": "measured", "gpu": "v100"}
        server_started(session, {"partition": "measured", "gpus": "v100:1"})
        assert sample("queue_wait_seconds_sum", **labels) == 20
        assert sample("server_start_seconds_sum", **labels) == pytest.approx(30, abs=1)
        session.record = Record("n", job_id=7, submitted=slurm.now())
        server_started(session, {"partition": "measured", "gpus": "v100:1"})
        assert sample("queue_wait_seconds_count", **labels) == 1

    virtually(scenario)
