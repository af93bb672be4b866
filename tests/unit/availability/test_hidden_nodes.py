"""Nodes that Slurm does not show while they are switched off, worked out of what their partitions have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spawner.advice.verdict import verdict
from spawner.availability.forecast import ClusterForecast
from spawner.availability.hidden_nodes import NOT_SHOWN, may_hide_nodes, with_hidden
from spawner.request.model import parse_request
from spawner.slurm.model import Gres, Node, Partition, SlurmConfig
from tests.support.builders import NOW, config, node

POWER = config(ResumeProgram="/usr/sbin/resume", PrivateData="none")
SHOWN = Node("n1", "n1", "idle", cores_total=4, memory_mb=8000)
CLOUD = Partition(
    "cloud", nodes=("c1", "c2"), total_nodes=2, tres=(("cpu", 16), ("mem", 32000), ("node", 2), ("gres/gpu", 4), ("gres/gpu:v100", 4))
)
BOTH = Partition("both", nodes=("n1", "c1", "c2", "c3"), tres=(("cpu", 28), ("mem", 60000), ("node", 4), ("gres/gpu", 4)))


@pytest.mark.parametrize(
    ("conf", "may"),
    [
        pytest.param(POWER, True, id="power-is-saved"),
        pytest.param(config(ResumeProgram="/usr/sbin/resume", PrivateData="jobs,cloud"), False, id="cloud-is-shown"),
        pytest.param(config(ResumeProgram="(null)"), False, id="nothing-is-switched-off"),
        pytest.param(replace(POWER, version=(23, 2)), False, id="shown-since-23.02"),
        pytest.param(config(), False, id="not-known"),
    ],
)
def test_where_nodes_may_be_hidden(conf: SlurmConfig, may: bool) -> None:
    """Only where nodes are switched off, and PrivateData does not say ``cloud``."""
    assert may_hide_nodes(conf) == may
    assert len(with_hidden((SHOWN,), (CLOUD,), conf)) == (3 if may else 1)


def test_what_they_have() -> None:
    """An equal part of what their partition has; typed GRES take the place of their sum."""
    shown, first, second = with_hidden((SHOWN,), (CLOUD,), POWER)
    assert shown is SHOWN
    assert (first.name, second.name) == ("c1", "c2")
    assert (first.cores_total, first.memory_mb, first.gres) == (8, 16000, (Gres("gpu", "v100", 2),))
    assert first.flags == {"cloud", "powered_down", NOT_SHOWN}


def test_what_is_left_beside_others() -> None:
    """What is shown is taken off, and so is what a smaller partition has told of already."""
    found = {entry.name: entry for entry in with_hidden((SHOWN,), (BOTH, CLOUD), POWER)}
    assert (found["c1"].cores_total, found["c3"].cores_total, found["c3"].memory_mb, found["c3"].gres) == (8, 8, 20000, ())
    assert found["c1"].partitions == ("both", "cloud")


@pytest.mark.parametrize(
    "partition",
    [
        pytest.param(Partition("p", nodes=("c1",)), id="no-tres"),
        pytest.param(Partition("p", nodes=("n1", "c1"), tres=(("cpu", 4), ("mem", 8000))), id="nothing-left"),
    ],
)
def test_what_nobody_tells(partition: Partition) -> None:
    """A node of which nothing is known is left out."""
    assert with_hidden((SHOWN,), (partition,), POWER) == (SHOWN,)


def test_nodes_of_the_future() -> None:
    """They are named by their partition and are not there: neither shown nor hidden."""
    future = Node("c1", "c1", "future", cores_total=8, memory_mb=16000)
    found = with_hidden((SHOWN, future), (CLOUD,), POWER)
    assert [entry.name for entry in found] == ["n1", "c2"]
    assert found[1].cores_total == 8
    assert with_hidden((SHOWN, future), (CLOUD,), config()) == (SHOWN,)


@pytest.mark.parametrize(
    ("cores", "busy", "kind"),
    [
        pytest.param(2, 0, "now", id="a-shown-one-is-free"),
        pytest.param(4, 1, "unknown", id="only-hidden-ones"),
        pytest.param(9, 0, "never", id="larger-than-any"),
    ],
)
def test_verdict(cores: int, busy: int, kind: str) -> None:
    """What fits on hidden nodes alone is not known: they may be down."""
    shown = Node("n1", "n1", "mixed" if busy else "idle", cores_total=4, cores_allocated=busy, memory_mb=8000)
    forecast = ClusterForecast(with_hidden((shown,), (BOTH, CLOUD), POWER), (BOTH, CLOUD), jobs=(), now=NOW)
    asked = parse_request({"partition": "both", "cores": cores, "memory": "1G", "walltime": "10m", "gpus": 0})
    assert verdict(asked, forecast).kind == kind


def test_a_booting_node_is_asleep() -> None:
    """It takes jobs, which begin in minutes."""
    booting = node("g001", state="mixed", flags="powering_up cloud not_responding")
    where = Partition("p", nodes=("g001",))
    assert [entry.asleep for entry in ClusterForecast((booting,), (where,), jobs=(), now=NOW).node_classes("p")] == [True]
