"""What is said of a request before it is submitted, from the cluster's latest answers: the glue between the rules and who asks."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..accounting.billing_rule import BillingRule
from ..accounting.budget_policy import NO_OBJECTION, BudgetPolicy, BudgetVerdict, OverBudget, budget_in_words, is_charged, judge_budget
from ..accounting.budgets import Budget
from ..availability.node_choice import node_choice_of
from ..cache import countdown
from ..cluster.cluster import SlurmCluster
from ..errors import RequestRejected, ResourceFormError
from ..request.choices import Choices
from ..request.model import SessionRequest, label_of
from ..request.release_rules import options_for
from ..site.budget_command import SiteBudgets
from ..worker import run_in_worker
from .alternatives import Alternative
from .assessment import Assessment, alternatives_to, budgets_there, cost_there, read_and_reconcile, verdict_of
from .price import unit_in_words
from .usage_bars import ResourceUsage, resource_usage_of
from .verdict import Verdict

PATIENCE_SECONDS = 5.0
"""How long a page waits for Slurm in all, once."""

CHECK_PATIENCE_SECONDS = 0.5
"""How long an open page waits for newer data, which asks again and again."""

MAX_BUDGETS = 3


def patience_of_open_page(cluster: SlurmCluster) -> float:
    """Return how long what an open page asks waits for Slurm: the table and the verdict alike, so that they age together.

    In seconds; more where some of it was never answered, nor refused, as by a Hub that has just begun.
    """
    asked = (cluster.nodes, cluster.all_partitions, cluster.reservations, cluster.accounting)
    begins = any(query.last is None and query.error is None for query in asked)
    return PATIENCE_SECONDS if begins else CHECK_PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class PricingSettings:
    """What the admin has set that advice depends on: his own options of sbatch, and what is said of budgets."""

    sbatch_options: Sequence[str] = ()
    not_charged: bool | Collection[str] = False
    over_budget: OverBudget = "warn"
    site_budgets: SiteBudgets | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """The assessment with what surrounds it: whether it is charged, what is left of budgets in words, what the user has already.

    ``unit`` says what a unit of the price is.
    """

    assessment: Assessment
    charged: bool = True
    unit: str = ""
    budgets: tuple[str, ...] = ()
    over: BudgetVerdict = NO_OBJECTION
    holdings: tuple[ResourceUsage, ...] = ()


async def advise(
    cluster: SlurmCluster,
    choices: Choices,
    options: Mapping[str, Any],
    pricing: PricingSettings,
    *,
    changed: str = "",
    patience: float | None = PATIENCE_SECONDS,
) -> Advice:
    """Work out everything that is to be said about the request that ``options`` ask for.

    Parameters
    ----------
    changed
        The field that the user has just changed: the others follow it. Empty for none.
    patience
        So many seconds Slurm is waited for in all, where there is older data or none.

    Raises
    ------
    NoAccount
        The user has no account in Slurm.
    """
    left = countdown(patience)
    assessment = await run_in_worker(lambda: read_and_reconcile(options, choices, changed))
    request = assessment.request
    try:
        forecast = await cluster.forecast(sbatch_options=options_for(request, choices, pricing.sbatch_options), patience=left())
    except ResourceFormError:
        forecast = None
    charge = await _charge(cluster, choices, request, pricing, left())
    if charge.over.refuse and not assessment.errors:
        assessment = replace(assessment, errors={charge.over.field: charge.over.sentence})

    running, pools = await cluster.running_and_pools(reservation=request.reservation, patience=left())
    configuration = cluster.configuration.last_value

    def judge() -> Advice:
        found = verdict_of(request, assessment.errors, forecast, choices)
        judged = replace(
            assessment,
            verdict=found,
            alternatives=alternatives_to(request, found, forecast, choices),
            cost=charge.assessment.cost,
            budgets=charge.assessment.budgets,
            forecast=forecast,
        )
        place = {"partition": request.partition, "account": request.account, "reservation": request.reservation}
        return replace(charge, assessment=judged, holdings=resource_usage_of(running, pools, choices, **place, config=configuration))

    # With thousands of nodes the first verdict after each answer of Slurm takes a while.
    advice = await run_in_worker(judge)
    with_price = [await priced(cluster, choices, entry, pricing, left()) for entry in advice.assessment.alternatives]
    return replace(advice, assessment=replace(advice.assessment, alternatives=tuple(with_price)))


async def priced(
    cluster: SlurmCluster, choices: Choices, entry: Alternative, pricing: PricingSettings, patience: float | None
) -> Alternative:
    """Return what would start instead with what it costs, as far as that is charged and known within ``patience`` seconds."""
    request = entry.request
    if not is_charged(pricing.not_charged, request.partition, request.account):
        return entry
    return replace(entry, cost=cost_there(request, choices, await _rule(cluster, request, pricing, patience)))


async def _rule(cluster: SlurmCluster, request: SessionRequest, pricing: PricingSettings, patience: float | None) -> BillingRule | None:
    whole = node_choice_of(pricing.sbatch_options).whole
    return await cluster.billing_rule(request.partition, request.reservation, whole_nodes=whole, patience=patience)


async def _charge(
    cluster: SlurmCluster, choices: Choices, request: SessionRequest, pricing: PricingSettings, patience: float | None = PATIENCE_SECONDS
) -> Advice:
    """The part of the advice that is about money."""
    plain = Assessment(request, {}, Verdict("unknown", ""))
    charged = is_charged(pricing.not_charged, request.partition, request.account)
    if not charged:
        return Advice(plain, charged=False)
    rule = await _rule(cluster, request, pricing, patience)
    cost = cost_there(request, choices, rule)
    budgets: tuple[Budget, ...] = budgets_there(request, choices)
    if pricing.site_budgets is not None:
        budgets += await pricing.site_budgets.of(choices.entitlement.user, [request.account]) or ()
    over = judge_budget(budgets, cost, BudgetPolicy(over=pricing.over_budget))
    if over.sentence and over.refuse:
        over = replace(over, sentence=f"{label_of(over.field)}: {over.sentence}")
    now = time.time()
    held = cluster.holdings.last
    words = [budget_in_words(budget, now=now, as_of=held.as_of if held is not None else None) for budget in budgets]
    shown = tuple(dict.fromkeys(filter(None, words)))[:MAX_BUDGETS]
    return Advice(replace(plain, cost=cost, budgets=budgets), unit=unit_in_words(rule), budgets=shown, over=over)


async def refuse_over_budget(cluster: SlurmCluster, choices: Choices, request: SessionRequest, pricing: PricingSettings) -> None:
    """Refuse, where the admin wants it, a session that a budget is known not to cover: for every door, right before it is submitted.

    Raises
    ------
    RequestRejected
        The budget does not cover it.
    """
    if pricing.over_budget == "refuse":
        over = (await _charge(cluster, choices, request, pricing)).over
        if over.refuse:
            raise RequestRejected({over.field: over.sentence})
