"""Which place a waiting job has, and which jobs stand in line at all."""

from __future__ import annotations

from typing import Any

import pytest

from spawner.availability.queue_position import QueuePosition, in_line, queue_positions_of
from spawner.slurm.model import Job


def waiting(job_id: int = 1, **changes: Any) -> Job:
    """A job that waits for its turn in the partition ``a``."""
    return Job(**{"job_id": job_id, "user": "eve", "state": "PENDING", "reason": "Priority", "partition": "a", "priority": 10, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="priority"),
        pytest.param({"reason": "Resources"}, True, id="resources"),
        pytest.param({"reason": ""}, True, id="no-reason-yet"),
        pytest.param({"reason": "WordOfALaterSlurm"}, True, id="unknown-reason"),
        pytest.param({"state": "REQUEUED"}, True, id="requeued"),
        pytest.param({"state": "RUNNING"}, False, id="runs"),
        pytest.param({"state": "COMPLETED"}, False, id="over"),
        pytest.param({"state": "REQUEUE_HOLD"}, False, id="on-hold"),
        pytest.param({"reason": "Dependency"}, False, id="after-another-job"),
        pytest.param({"reason": "BeginTime"}, False, id="later"),
        pytest.param({"reason": "JobHeldUser"}, False, id="held"),
        pytest.param({"reason": "QOSMaxWallDurationPerJobLimit"}, False, id="too-large-for-ever"),
        pytest.param({"reason": "AssocGrpCPUMinutesLimit"}, False, id="over-budget"),
    ],
)
def test_in_line(changes: dict[str, Any], expected: bool) -> None:
    """Who waits for a turn and can get one; nobody else has a place or makes others stand further back."""
    assert in_line(waiting(**changes)) is expected
    found = queue_positions_of([waiting(1, **{**changes, "priority": 99}), waiting(2)])
    assert found == ({1: QueuePosition(1, 2), 2: QueuePosition(2, 2)} if expected else {2: QueuePosition(1, 1)})


def test_order() -> None:
    """The largest priority first; of equal ones the older job; each partition has its own line."""
    jobs = [waiting(4), waiting(3), waiting(9, priority=11), waiting(1, priority=9), waiting(7, partition="b", priority=0)]
    assert queue_positions_of(jobs) == {
        9: QueuePosition(1, 4),
        3: QueuePosition(2, 4),
        4: QueuePosition(3, 4),
        1: QueuePosition(4, 4),
        7: QueuePosition(1, 1),
    }


def test_tasks_of_an_array() -> None:
    """Those that wait stand in one row of Slurm's list and count one by one; further components of a heterogeneous job do not count."""
    jobs = [waiting(1, priority=20, tasks=50), waiting(2), waiting(3, priority=15), waiting(4, priority=15, tasks=0)]
    assert queue_positions_of(jobs) == {
        1: QueuePosition(1, 52),
        3: QueuePosition(51, 52),
        4: QueuePosition(52, 52),
        2: QueuePosition(52, 52),
    }


@pytest.mark.parametrize("names", ["a,b", "b,a"])
def test_in_several_partitions(names: str) -> None:
    """The best place of those lines, with the length of that line."""
    ahead, both, behind = waiting(1, priority=20), waiting(2, partition=names), waiting(3, partition="b", priority=5)
    assert queue_positions_of([ahead, both, behind])[2] == QueuePosition(1, 2)
    assert queue_positions_of([ahead, waiting(4, priority=20), both, waiting(5, partition="b", priority=20)])[2] == QueuePosition(2, 2)
    for jobs in ([both, waiting(4, partition="b", priority=20)], [both, waiting(4, partition="a", priority=20)]):
        assert queue_positions_of(jobs)[2] == QueuePosition(1, 1)
    assert queue_positions_of([both]) == {2: QueuePosition(1, 1)}
