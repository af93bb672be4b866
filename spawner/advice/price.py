"""What a session costs, in words: one way to write money, for every page, message and program."""

from __future__ import annotations

import math

from ..accounting.billing import Cost
from ..accounting.billing_rule import BillingRule
from ..humanize import gpu_type_in_words, joined
from ..i18n import _, decimal, ngettext

_MB_IN_A_GB = 1024


def units(number: float) -> str:
    """Return a number of billing units, with no more digits than help: ``60``, ``7.5``, ``0.25``."""
    magnitude = math.floor(math.log10(number)) if number > 0 else 0
    return decimal(number, max(0, 3 - magnitude) if number < 1000 else 0)


def _grammatical(number: float) -> int:
    return 1 if number == 1 else 2


def units_in_words(number: float) -> str:
    """Return ``1 unit``, ``7.5 units``."""
    return ngettext("{units} unit", "{units} units", _grammatical(number)).format(units=units(number))


def cost_in_words(cost: Cost | None) -> str:
    """Return ``60 units an hour``, ``up to 60 units an hour`` where it depends on the node; empty where it is not known."""
    if cost is None:
        return ""
    number = _grammatical(cost.per_hour)
    if cost.exact:
        return ngettext("{units} unit an hour", "{units} units an hour", number).format(units=units(cost.per_hour))
    return ngettext("up to {units} unit an hour", "up to {units} units an hour", number).format(units=units(cost.per_hour))


def total_in_words(cost: Cost | None) -> str:
    """Return what the whole session costs, ``96 units`` or ``up to 96 units``; empty where it is not known."""
    if cost is None:
        return ""
    if cost.exact:
        return units_in_words(cost.total)
    return ngettext("up to {units} unit", "up to {units} units", _grammatical(cost.total)).format(units=units(cost.total))


def price_in_words(cost: Cost | None) -> str:
    """Return ``48 units an hour, 96 in all``; of one hour ``48 units``; empty where it is not known."""
    if cost is None or cost.per_hour == cost.total:
        return total_in_words(cost)
    return _("{price_of_an_hour}, {total} in all").format(price_of_an_hour=cost_in_words(cost), total=units(cost.total))


def unit_in_words(rule: BillingRule | None) -> str:
    """Return what a unit is in the partition of the rule: what Slurm counts for an hour of each thing that a session has."""
    if rule is None:
        return ""
    weights = rule.weights or (("cpu", 1.0),)
    prices = [
        _("{units} for {thing}").format(units=units(weight), thing=thing)
        for weight, thing in map(_each, *zip(*weights, strict=True))
        if weight
    ]
    if not prices:
        return ""
    counted = joined(prices)
    if len(prices) == 1 or rule.combinings == ("sum",):
        return _("Units are what Slurm counts against your account, for each hour: {prices}.").format(prices=counted)
    if "sum" in rule.combinings or len(rule.combinings) > 1:
        return _("Units are what Slurm counts against your account, for each hour at most: {prices}.").format(prices=counted)
    return _("Units are what Slurm counts against your account, for each hour the largest of these: {prices}.").format(prices=counted)


def _each(tres: str, weight: float) -> tuple[float, str]:
    """The weight of one such thing, and its name in words; of memory that of a GB."""
    kind, _colon, gpu_type = tres.partition(":")
    if tres == "cpu":
        return weight, _("each core")
    if tres == "mem":
        return weight * _MB_IN_A_GB, _("each GB")
    if tres == "node":
        return weight, _("the node")
    if kind == "gres/gpu":
        return weight, _("each {gpu}").format(gpu=gpu_type_in_words(gpu_type) or "GPU")
    return weight, _("each {gpu}").format(gpu=tres.removeprefix("gres/"))
