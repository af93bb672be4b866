"""For how many sessions alike there is room: counted on the nodes, and bounded by what all of them share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.advice.assessment import nodes_with_room, read_and_reconcile
from spawner.advice.room import room_for
from spawner.advice.verdict import Verdict
from spawner.availability.forecast import ClusterForecast
from spawner.availability.ownership import NO_LABELS, SecurityLabels
from spawner.request.choices import Choices
from spawner.request.validation import resolve_request
from spawner.slurm.model import Job, Node, Partition
from tests.support.builders import HOUR, NOW, choices, cpu_partition, demo_nodes, limited, node, partition


def room(*nodes: Node, own: Choices | None = None, changes: dict[str, Any] | None = None, **request: Any) -> int | None:
    """For a session of one core, 4 GB and an hour, or of what is asked for, on these nodes or the demo's."""
    offered = own or choices()
    there = partition(**(changes or {}))
    forecast = ClusterForecast(nodes or demo_nodes(), (there, cpu_partition()), (), (), now=NOW, as_of=NOW)
    return room_for(resolve_request(request, offered), forecast, offered)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"gpus": 1}, 8),
        ({"gpus": 2}, 4),
        ({"gpus": 1, "memory": "200G"}, 4),
        ({"gpus": 1, "memory": "366G"}, 4),
        ({"cores": 1, "memory": "36G"}, 40),
    ],
)
def test_what_runs_out_first(asked: dict[str, Any], expected: int) -> None:
    """GPUs, memory or cores, on each of the demo's four nodes."""
    assert room(**asked) == expected


def test_cores_that_are_not_shared() -> None:
    """Each once; the nodes of another kind count for themselves."""
    alone = {"oversubscribe": "NO", "oversubscribe_count": 1}
    assert room(node("g001"), node("g002", cores_allocated=40), changes=alone, cores=12, memory="1G") == 4
    assert room(node("g001"), node("g002", cores_allocated=30), changes=alone, cores=12, memory="1G") == 5


def test_a_whole_node_is_one() -> None:
    """However little of it is asked for."""
    assert room(changes={"oversubscribe": "EXCLUSIVE", "oversubscribe_count": 1}, cores=1, memory="1G") == 4


def test_none_where_it_waits_and_unknown_where_nobody_knows() -> None:
    taken = [node(f"g00{number}", used="gpu:v100:2") for number in range(1, 5)]
    assert room(*taken, gpus=1) == 0
    offered = choices()
    request = resolve_request({}, offered)
    assert room_for(request, None, offered) is None
    old = ClusterForecast(demo_nodes(), (partition(),), (), (), now=NOW, as_of=NOW - 10 * HOUR)
    assert room_for(request, old, offered) is None


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"group": (("gres/gpu", 3),)}, 3),
        ({"group_jobs": 2}, 2),
        ({"per_user": (("gres/gpu", 1),)}, 8),
        ({"per_job": (("gres/gpu", 1),)}, 8),
    ],
)
def test_limits_that_all_share(limits: dict[str, Any], expected: int) -> None:
    """What one user may have says nothing of a class."""
    assert room(own=limited(**limits), changes={"qos": "int"}, gpus=1) == expected


def test_nodes_of_somebody_else_are_none() -> None:
    """In a partition of one user's nodes (ExclusiveUser) a node with another's job is not offered, neither by number nor by name."""
    offered = choices()
    job = Job(job_id=1, user="eve", state="RUNNING", partition="g100_int", nodes=("g001",))
    alone = partition(exclusive_user=True, oversubscribe="NO", oversubscribe_count=1)
    forecast = ClusterForecast(demo_nodes(), (alone, cpu_partition()), (), (job,), now=NOW, as_of=NOW)
    assessment = read_and_reconcile({"gpus": 2}, offered)
    assert room_for(assessment.request, forecast, offered) == 3
    known = replace(assessment, forecast=forecast, verdict=Verdict("now", ""))
    assert nodes_with_room(known, offered, 10) == ("g002", "g003", "g004")


def test_a_node_of_one_user_is_one() -> None:
    """Each session of a class is another user's: a node that is one user's has one of them, and one of the leader's own has none."""
    offered = choices()
    own = Job(job_id=1, user=offered.entitlement.user, state="RUNNING", partition="g100_int", nodes=("g001",))
    alone = partition(exclusive_user=True, oversubscribe="NO", oversubscribe_count=1)
    request = resolve_request({"gpus": 1}, offered)

    def room_with(*jobs: Job, there: Partition = alone, labels: SecurityLabels = NO_LABELS) -> int | None:
        forecast = ClusterForecast(demo_nodes(), (there, cpu_partition()), (), jobs, now=NOW, as_of=NOW, labels=labels)
        return room_for(request, forecast, offered)

    assert room_with() == 4
    assert room_with(own) == 3
    assert room_with(*(replace(own, job_id=number, nodes=(f"g00{number}",)) for number in range(1, 5))) == 0
    assert room_with(there=partition()) == 8
    assert room_with(there=partition(), labels=SecurityLabels("user", enforced=True, select=True)) == 4
    assert room_with(there=partition(), labels=SecurityLabels("account", enforced=True, select=True)) == 8
