"""The values of a number that can be pressed."""

from __future__ import annotations

import pytest

from spawner.request.ranges import Range
from spawner.request.useful_values import MOST_VALUES, useful_values

GB, H, DAY = 1024, 60, 24 * 60


@pytest.mark.parametrize(
    ("name", "found", "values"),
    [
        pytest.param("cores", Range(1, 48), (1, 2, 4, 8, 16, 32, 48), id="up-to-the-largest"),
        pytest.param("cores", Range(1, 4), (1, 2, 4), id="the-largest-once"),
        pytest.param("cores", Range(1, 1), (1,), id="only-one"),
        pytest.param("cores", Range(4, 6), (4, 6), id="from-the-least"),
        pytest.param("cores", Range(3, 3), (3,), id="neither-one-nor-two"),
        pytest.param("cores", Range(5, 3), (), id="nothing-may-be-had"),
        pytest.param("cores", Range(1, 256), (1, 4, 8, 16, 32, 64, 128, 256), id="the-smallest-stays"),
        pytest.param("cores", Range(1, 48, (2, 12, 24, 96)), (2, 12, 24), id="those-of-the-admin"),
        pytest.param("memory", Range(1, 8 * GB), (1 * GB, 2 * GB, 4 * GB, 8 * GB), id="little-memory"),
        pytest.param("memory", Range(1, 375300), (4 * GB, 8 * GB, 16 * GB, 32 * GB, 64 * GB, 128 * GB, 256 * GB, 375300), id="much-memory"),
        pytest.param("memory", Range(1, 500), (500,), id="less-than-a-GB"),
        pytest.param("walltime", Range(1, 8 * H), (30, 1 * H, 2 * H, 4 * H, 8 * H), id="a-working-day"),
        pytest.param("walltime", Range(1, 119), (30, 1 * H, 119), id="until-the-reservation-ends"),
        pytest.param("walltime", Range(1, 7 * DAY), (1 * H, 2 * H, 4 * H, 8 * H, 1 * DAY, 2 * DAY, 4 * DAY, 7 * DAY), id="a-week"),
        pytest.param("walltime", Range(1, None), (1 * H, 2 * H, 4 * H, 8 * H, 1 * DAY, 2 * DAY, 4 * DAY, 7 * DAY), id="no-bound"),
    ],
)
def test_values_to_press(name: str, found: Range, values: tuple[int, ...]) -> None:
    """Doubled from one to the next, the largest that may be had among them, and no more than a row of them."""
    assert useful_values(name, found) == values
    assert len(values) <= MOST_VALUES
