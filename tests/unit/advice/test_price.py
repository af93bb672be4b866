"""What a session costs, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spawner.accounting.billing import Cost
from spawner.accounting.billing_rule import BillingRule
from spawner.advice.price import cost_in_words, price_in_words, total_in_words, unit_in_words, units, units_in_words


@pytest.mark.parametrize(
    ("billing", "exact", "words"),
    [
        (28, True, "28 units an hour"),
        (1, True, "1 unit an hour"),
        (28, False, "up to 28 units an hour"),
        (1, False, "up to 1 unit an hour"),
    ],
)
def test_cost_in_words(billing: int, exact: bool, words: str) -> None:
    assert cost_in_words(Cost(billing, exact, 60, 1.0, ())) == words
    assert cost_in_words(None) == ""


@pytest.mark.parametrize(
    ("number", "text"), [(60.0, "60"), (7.5, "7.5"), (0.25, "0.25"), (0.1 + 0.2, "0.3"), (999.96, "1,000"), (12345.6, "12,346")]
)
def test_units(number: float, text: str) -> None:
    assert units(number) == text


def price(billing: int, minutes: int, *, exact: bool = True) -> Cost:
    """What so many billing units cost for so many minutes."""
    return Cost(billing, exact, minutes, 1.0, ())


@pytest.mark.parametrize(
    ("cost", "total", "words"),
    [
        (price(48, 120), "96 units", "48 units an hour, 96 in all"),
        (price(48, 120, exact=False), "up to 96 units", "up to 48 units an hour, 96 in all"),
        (price(2, 60), "2 units", "2 units"),
        (price(1, 60), "1 unit", "1 unit"),
        (price(1, 60, exact=False), "up to 1 unit", "up to 1 unit"),
        (price(3, 30), "1.5 units", "3 units an hour, 1.5 in all"),
        (None, "", ""),
    ],
)
def test_the_whole_price(cost: Cost | None, total: str, words: str) -> None:
    """An hour is its own total."""
    assert total_in_words(cost) == total
    assert price_in_words(cost) == words


def test_units_in_words() -> None:
    assert [units_in_words(number) for number in (1, 1.2, 0)] == ["1 unit", "1.2 units", "0 units"]


RULE = BillingRule(
    weights=(("cpu", 1.0), ("mem", 0.25 / 1024), ("gres/gpu", 16.0)),
    combinings=("sum",),
    tracked=("cpu", "mem", "gres/gpu"),
    counts_memory=True,
    whole_nodes=False,
    whole_gres=False,
    shapes=(),
)


def test_what_a_unit_is() -> None:
    """The demo's weights; where the largest counts; where no weights are set; where nobody knows."""
    assert (
        unit_in_words(RULE)
        == "Units are what Slurm counts against your account, for each hour: 1 for each core, 0.25 for each GB and 16 for each GPU."
    )
    assert "the largest of these: 1 for each core" in unit_in_words(replace(RULE, combinings=("max",)))
    assert "at most: 1 for each core" in unit_in_words(replace(RULE, combinings=("sum", "max")))
    typed = replace(RULE, weights=(("gres/gpu:v100", 10.0), ("node", 2.0), ("license/matlab", 3.0), ("energy", 0.0)))
    assert unit_in_words(typed).endswith("10 for each V100, 2 for the node and 3 for each license/matlab.")
    assert unit_in_words(replace(RULE, weights=())).endswith("for each hour: 1 for each core.")
    assert unit_in_words(replace(RULE, weights=(("energy", 0.0),))) == ""
    assert unit_in_words(None) == ""
