"""Which GPU configurations there are to choose from."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.builders import choices, cpu_partition, demo_nodes, node, partition

TWO_TYPES = (*demo_nodes(), node("x001", gres="gpu:a100:4"))
TWO_TYPE_PARTITIONS = (partition(), partition("g100_x", nodes=("x001",), is_default=False))


@pytest.mark.parametrize(
    ("fields", "changes", "values"),
    [
        pytest.param({}, {}, ["0", "1", "2"], id="one-type-plain-counts"),
        pytest.param(
            {},
            {"nodes": TWO_TYPES, "partitions": TWO_TYPE_PARTITIONS},
            ["0", "a100:1", "a100:2", "a100:3", "a100:4", "v100:1", "v100:2"],
            id="two-types",
        ),
        pytest.param({}, {"partitions": (cpu_partition(),)}, ["0"], id="no-gpus"),
        pytest.param({"gpus": {"maximum": 1}}, {}, ["0", "1"], id="maximum"),
        pytest.param({"gpus": {"minimum": 1}}, {}, ["1", "2"], id="minimum"),
        pytest.param({"gpus": {"maximum": 0}}, {}, ["0"], id="none-allowed"),
        pytest.param({"gpus": {"choices": ["0", "2"]}}, {}, ["0", "2"], id="choices"),
        pytest.param({"gpus": {"choices": ["v100:1"]}}, {}, ["v100:1"], id="choices-written-otherwise"),
        pytest.param({"gpus": {"default": "1", "locked": True}}, {}, ["1"], id="locked"),
    ],
)
def test_gpu_values(fields: dict[str, Any], changes: dict[str, Any], values: list[str]) -> None:
    """None first, then every count of the largest node; by type where there are several types."""
    assert [gpus.value for gpus in choices(fields=fields, **changes).gpus.values()] == values
