"""What the numbers of a request may be, and the nearest that may be had."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from typing import Any

import pytest

from spawner.request.model import parse_request
from spawner.request.ranges import Range, gpus_there, ranges
from spawner.slurm.model import AccountingLimits, Association, Qos
from tests.support.builders import ADA_LINE, HOUR, MEMORY_MB, NOW, choices, cpu_partition, node, partition, reservation


@pytest.mark.parametrize(
    ("allowed", "nearest"),
    [
        pytest.param(Range(2, 8), {1: 2, 2: 2, 5: 5, 8: 8, 9: 8}, id="bounds"),
        pytest.param(Range(2, None), {1: 2, 9999: 9999}, id="no-limit"),
        pytest.param(Range(4, 2), {1: 4, 3: 4, 9: 4}, id="less-there-than-must-be-asked-for"),
        pytest.param(Range(1, None, (2, 8)), {1: 2, 4: 2, 5: 2, 6: 8, 99: 8}, id="values-of-two-as-near-the-smaller"),
        pytest.param(Range(1, 8, (2, 8, 16)), {15: 8, 99: 8, 5: 2}, id="values-that-are-there"),
        pytest.param(Range(1, 1, (2, 8)), {1: 2, 7: 8}, id="none-of-the-values-is-there"),
    ],
)
def test_nearest(allowed: Range, nearest: dict[int, int]) -> None:
    """The number itself where it may be had; of the admin's values those that are there, as long as one is."""
    assert {value: allowed.nearest(value) for value in nearest} == nearest


TWO_SIZES: dict[str, Any] = {
    "nodes": (node("g001"), node("g002", gres="gpu:v100:1", cores_total=64, memory_mb=500_000)),
    "partitions": (partition(nodes=("g001", "g002")), cpu_partition(max_minutes=None)),
}


TWO_ACCOUNTS: dict[str, Any] = {
    "associations": (*ADA_LINE, Association("cin_ada", "ada", "", ("small",)), Association("cin_extra", "ada", "", ("normal",))),
    "qos": (Qos("normal"), Qos("small", limits=AccountingLimits(per_job=(("cpu", 8),), least_per_job=(("cpu", 4),)))),
    "partitions": (partition(), cpu_partition(deny_qos=("small",))),
}


@pytest.mark.parametrize(
    ("options", "fields", "changes", "expected"),
    [
        pytest.param({}, {}, {}, (Range(1, 48), Range(1, MEMORY_MB), Range(1, 480)), id="slurms"),
        pytest.param({}, {}, TWO_SIZES, (Range(1, 64), Range(1, 500_000), Range(1, 480)), id="of-the-largest-node"),
        pytest.param({"gpus": 1}, {}, TWO_SIZES, (Range(1, 64), Range(1, 500_000), Range(1, 480)), id="of-those-with-the-gpus"),
        pytest.param({"gpus": 2}, {}, TWO_SIZES, (Range(1, 48), Range(1, MEMORY_MB), Range(1, 480)), id="of-the-one-with-two"),
        pytest.param({"gpus": 3}, {}, TWO_SIZES, (Range(1, 64), Range(1, 500_000), Range(1, 480)), id="no-node-has-the-gpus"),
        pytest.param(
            {}, {"cores": {"minimum": 2, "maximum": 24}}, {}, (Range(2, 24), Range(1, MEMORY_MB), Range(1, 480)), id="the-admins-bounds"
        ),
        pytest.param({}, {"cores": {"maximum": 99}}, {}, (Range(1, 48), Range(1, MEMORY_MB), Range(1, 480)), id="above-slurms"),
        pytest.param({}, {"cores": {"choices": [8, 2]}}, {}, (Range(1, 48, (2, 8)), Range(1, MEMORY_MB), Range(1, 480)), id="the-admins-values"),
        pytest.param(
            {}, {"cores": {"default": 4, "locked": True}}, {}, (Range(1, 48, (4,)), Range(1, MEMORY_MB), Range(1, 480)), id="locked"
        ),
        pytest.param({}, {"memory": {"default": "8G", "locked": True}}, {}, (Range(1, 48), Range(1, MEMORY_MB, (8192,)), Range(1, 480)), id="locked-in-words"),
        pytest.param({"account": "cin_ada"}, {}, TWO_ACCOUNTS, (Range(4, 8), Range(1, MEMORY_MB), Range(1, 480)), id="of-the-account"),
        pytest.param({"account": "cin_extra"}, {}, TWO_ACCOUNTS, (Range(1, 48), Range(1, MEMORY_MB), Range(1, 480)), id="of-the-other-account"),
        pytest.param({"account": "cin_ada", "partition": "g100_cpu"}, {}, TWO_ACCOUNTS, (Range(1, 48), Range(1, MEMORY_MB), Range(1, 1440)), id="an-account-that-may-not-be-used-there-has-none"),
        pytest.param({"reservation": "course"}, {}, {"reservations": (reservation(core_count=4, end=NOW + 9 * HOUR),)}, (Range(1, 4), Range(1, MEMORY_MB), Range(1, 480)), id="of-the-reservation"),
        pytest.param(
            {},
            {"walltime": {"maximum": "2h"}},
            {"partitions": (partition(max_minutes=None),)},
            (Range(1, 48), Range(1, MEMORY_MB), Range(1, 120)),
            id="the-admins-only-limit",
        ),
        pytest.param({"reservation": "course"}, {}, {"reservations": (reservation(end=NOW + HOUR),)}, (Range(1, 48), Range(1, MEMORY_MB), Range(1, 60)), id="until-the-reservation-ends"),
        pytest.param({"partition": "gone"}, {}, {}, (), id="no-such-partition"),
    ],
)  # fmt: skip
def test_ranges(options: dict[str, Any], fields: dict[str, Any], changes: dict[str, Any], expected: tuple[Range, ...]) -> None:
    """Cores, memory and minutes: of a node that has the GPUs, if there is one, and what the admin leaves of it."""
    asked = parse_request({"partition": "g100_int", "account": "cin_ada", **options})
    found = ranges(asked, choices(fields=fields, **changes))
    assert found == dict(zip(("cores", "memory", "walltime"), expected, strict=False))


@pytest.mark.parametrize(
    ("options", "expected"),
    [({"partition": "g100_int"}, ["0", "1", "2"]), ({"partition": "g100_cpu"}, ["0"]), ({"partition": "gone"}, ["0"])],
    ids=["with-gpus", "without", "no-such-partition"],
)
def test_gpus_there(options: dict[str, Any], expected: list[str]) -> None:
    """No more than a node of the partition has; none can always be asked for."""
    assert [gpus.value for gpus in gpus_there(parse_request(options), choices())] == expected


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        pytest.param((), ["0", "a100:1", "a100:2", "a100:3", "a100:4", "v100:1", "v100:2"], id="none"),
        pytest.param((("gres/gpu", 1),), ["0", "a100:1", "v100:1"], id="of-all-types"),
        pytest.param((("gres/gpu:v100", 1),), ["0", "a100:1", "a100:2", "a100:3", "a100:4", "v100:1"], id="of-one-type"),
    ],
)
def test_gpus_within_a_limit(limits: tuple[tuple[str, int], ...], expected: list[str]) -> None:
    """No more than accounting allows one session, though the nodes have them."""
    rows = (*ADA_LINE, Association("cin_ada", "ada", "", ("small",)), Association("cin_extra", "ada", "", ("normal",)))
    both = (node("g001"), node("g002", gres="gpu:a100:4"))
    qos = (Qos("normal"), Qos("small", limits=AccountingLimits(per_job=limits)))
    offered = choices(associations=rows, qos=qos, nodes=both, partitions=(partition(nodes=("g001", "g002")),))
    assert [gpus.value for gpus in gpus_there(parse_request({"partition": "g100_int", "account": "cin_ada"}), offered)] == expected
