"""The table of what was said and what Slurm did, which the end of a test run prints."""

from __future__ import annotations

import pytest

from tests.support.conformance_table import Counts, above_the_bar, as_markdown, as_text, record, recorded, total

ROWS = (
    Counts.of("threads", "22.05", [("now", False), ("now", True), ("wait", False), ("never", False)]),
    Counts.of("threads", "26.05", [("now", False)]),
    Counts.of("tiers", "22.05", [("wait", True)]),
)


def test_the_table() -> None:
    """A line a site, three columns a version, sums at the end; a site that did not run on a version has nothing there."""
    assert as_text(ROWS) == [
        "         22.05 now  22.05 wait  22.05 never  26.05 now  26.05 wait  26.05 never",
        "threads     1 of 2           1            1          1           0            0",
        "tiers            0      1 of 1            0                                    ",
        "all         1 of 2      1 of 2            1          1           0            0",
    ]
    assert as_markdown(ROWS).splitlines()[:3] == [
        "| site | 22.05 now | 22.05 wait | 22.05 never | 26.05 now | 26.05 wait | 26.05 never |",
        "| --- | --: | --: | --: | --: | --: | --: |",
        "| threads | 1 of 2 | 1 | 1 | 1 | 0 | 0 |",
    ]


def test_counts_travel_as_a_property() -> None:
    """What a test has recorded is found among the properties of its report, others are not looked at."""
    properties: list[tuple[str, object]] = [("other", 1)]
    record(lambda name, value: properties.append((name, value)), ROWS[0])
    assert recorded(properties) == [ROWS[0]]


@pytest.mark.parametrize(
    ("said", "wrong", "kinds"),
    [
        pytest.param({"now": 200, "wait": 40, "never": 9}, {"now": 1, "wait": 1}, (), id="below"),
        pytest.param({"now": 100}, {"now": 1}, ("now",), id="one-in-a-hundred-now"),
        pytest.param({"wait": 20}, {"wait": 1}, ("wait",), id="one-in-twenty-waits"),
        pytest.param({"never": 1000}, {"never": 1}, ("never",), id="never-means-never"),
        pytest.param({}, {}, (), id="nothing"),
    ],
)
def test_the_bar(said: dict[str, int], wrong: dict[str, int], kinds: tuple[str, ...]) -> None:
    """Less than 1 % of "now" may be wrong, less than 5 % of "wait", no "never"."""
    found = above_the_bar(Counts("all", "26.05", said, wrong))
    assert [kind for kind in ("now", "wait", "never") if any(f"“{kind}”" in line for line in found)] == list(kinds)


def test_sums() -> None:
    """All sites of a version together."""
    assert total(ROWS, "all", "").said == {"now": 3, "wait": 2, "never": 1}
    assert total(ROWS, "all", "").wrong == {"now": 1, "wait": 1}
