"""Everything that the page says about one request: is it allowed, does it start now, what would, what does it cost, what follows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from ..accounting.billing import Cost, cost_of
from ..accounting.billing_rule import BillingRule
from ..accounting.budgets import Budget
from ..accounting.limits import Limit
from ..availability.forecast import ClusterForecast
from ..humanize import cores_in_words, dated, day_and_time, duration, gpu_type_in_words, limit_of_memory, part_of_gpu
from ..i18n import _, ngettext
from ..request.choices import Choices
from ..request.field_values import quoted
from ..request.gpus import GpuRequest
from ..request.model import SessionRequest
from ..request.ranges import Range, gpus_there, ranges
from ..request.reconcile import reconcile
from ..request.shared_memory import shared_memory_notes
from ..request.start_folder import folder_notes
from ..request.validation import check_request, judge_request
from ..slurm.resources import CORES, GPUS, JOBS, MEMORY, NODES, SUBMITTED
from ..slurm.shared_gres import SHARED
from .alternatives import SHORTEST_MINUTES, Alternative, alternatives
from .price import cost_in_words
from .verdict import Verdict, free_nodes, verdict_for


@dataclass(frozen=True, slots=True)
class Assessment:
    """``request`` is what was asked for, completed and reconciled; what could not be read has its default.

    ``errors`` and ``moved`` have a sentence by field. ``cost`` is None where nobody knows it. ``gpus`` are the configurations that the
    chosen partition has; ``ranges`` the bounds of the numbers there. ``only_gpu_type`` is the type of GPU where the user has no other.
    ``asks_for_memory``: the job says how much memory it needs. ``notes`` are sentences about the folder in which it opens.
    """

    request: SessionRequest
    errors: Mapping[str, str]
    verdict: Verdict
    moved: Mapping[str, str] = field(default_factory=dict)
    alternatives: tuple[Alternative, ...] = ()
    cost: Cost | None = None
    budgets: tuple[Budget, ...] = ()
    gpus: tuple[GpuRequest, ...] = ()
    only_gpu_type: str = ""
    ranges: Mapping[str, Range] = field(default_factory=dict)
    forecast: ClusterForecast | None = None
    asks_for_memory: bool = True
    notes: tuple[str, ...] = ()


def read_and_reconcile(options: Mapping[str, Any], choices: Choices, changed: str = "") -> Assessment:
    """Return the request that ``options`` ask for, fitted to the one field that the user has just changed, and what is wrong with it.

    Raises
    ------
    NoAccount
        The user has no account in Slurm.
    """
    request, errors = judge_request(options, choices)
    judged = check_request(request, choices)
    unreadable = {name: sentence for name, sentence in errors.items() if name not in judged}
    reconciled = reconcile(request, choices, "" if changed in unreadable else changed)
    request = reconciled.request
    moved = {name: sentence for name, sentence in reconciled.moved.items() if name not in unreadable}
    errors = {**check_request(request, choices), **unreadable}
    types = choices.entitlement.gpu_types
    partition = choices.partition(request.partition)
    return Assessment(
        request=request,
        errors=errors,
        verdict=Verdict("unknown", ""),
        moved=moved,
        gpus=_with_asked(gpus_there(request, choices), request.gpus, errors),
        only_gpu_type=types[0] if len(types) == 1 else "",
        ranges=ranges(request, choices),
        asks_for_memory=partition is None or partition.asks_for_memory,
        notes=(*folder_notes(request, choices), *shared_memory_notes(request, choices)),
    )


def _with_asked(offered: tuple[GpuRequest, ...], asked: GpuRequest, errors: Mapping[str, str]) -> tuple[GpuRequest, ...]:
    """With the part of a GPU that is asked for, which can be had though it is none of those to choose from."""
    return (*offered, asked) if asked.is_part and asked not in offered and "gpus" not in errors else offered


def verdict_of(request: SessionRequest, errors: Mapping[str, str], forecast: ClusterForecast | None, choices: Choices) -> Verdict:
    """Judge: now, wait, never or unknown. What is refused can never run, what shared limits hold back waits, else the nodes decide."""
    if errors:
        name, sentence = next(iter(errors.items()))
        return Verdict("never", sentence, name)
    if forecast is None:
        return Verdict("unknown", _("Slurm has not said yet what is free."))
    found = _on_nodes(request, forecast, choices)
    if found.kind == "now" and (held_back := choices.waits_for(request)):
        return _held_back(held_back[0], request, choices, found.nodes_that_fit)
    if (found.kind == "now" and not choices.knows_limits_of(request)) or (found.kind == "wait" and not choices.entitlement.limits_known):
        return replace(found, kind="unknown", sentence=_perhaps_not_allowed(found))
    if found.kind != "never" and (magnet := choices.cut_short_by(request)):
        sentence = _("Reservation {reservation} may draw this session in, and end it at {moment} with itself. Ask for less time.")
        moment = day_and_time(magnet.end, forecast.now)
        return replace(found, kind="unknown", sentence=dated(sentence, reservation=quoted(magnet.name), moment=moment), field="walltime")
    return found


def _on_nodes(request: SessionRequest, forecast: ClusterForecast, choices: Choices) -> Verdict:
    """What nodes have for it, also those of reservations that draw a job in which names none."""
    found = verdict_for(request, forecast, choices)
    for name in () if found.kind == "now" else choices.magnetic_for(request):
        inside = verdict_for(request.model_copy(update={"reservation": name}), forecast, choices)
        if inside.kind == "now" or found.kind == "never":
            found = inside
    return found


def _perhaps_not_allowed(found: Verdict) -> str:
    if found.kind == "wait":
        return dated(
            "{wait} {perhaps}", wait=found.sentence, perhaps=_("Whether your account allows it, Slurm does not tell this service.")
        )
    return ngettext(
        "{number} node has all of it free, but Slurm does not tell this service what your account allows now.",
        "{number} nodes have all of it free, but Slurm does not tell this service what your account allows now.",
        found.nodes_that_fit,
    ).format(number=found.nodes_that_fit)


def _held_back(limit: Limit, request: SessionRequest, choices: Choices, number: int) -> Verdict:
    """The nodes have it, but jobs that run already use up what the limit allows to all of them together."""
    limits = choices.limits_for(request)
    wanted = limit.counts(limits.amounts(request.demand)) if limits is not None else 0
    left = _amount(limit, max(0, limit.most - limit.held))
    if limit.budget:
        sentence = _("{source} has only {left} left, and this takes {wanted}.")
        return Verdict("never", sentence.format(source=limit.whose, left=left, wanted=_amount(limit, wanted)), "account")
    if limit.resource == NODES:
        # Nodes on which their jobs run already count once (measured, 22.05.8 and 24.11.5): which it gets nobody knows.
        sentence = _("{source} allows {most} nodes: it starts now if Slurm chooses nodes on which such jobs run already.")
        return Verdict("unknown", sentence.format(source=limit.whose, most=limit.most), "", number)
    if limit.resource in (JOBS, SUBMITTED):
        sentence = _("Will wait: {source} allows {most} jobs, and as many are there.")
        return Verdict("wait", sentence.format(source=limit.whose, most=limit.most), "", number)
    if limit.scope == "user":
        sentence = _("Will wait: your sessions and jobs leave {left} of the {most} that {source} allows.")
    else:
        sentence = _("Will wait: the jobs of all who share it leave {left} of the {most} that {source} allows.")
    return Verdict("wait", sentence.format(left=left, most=_amount(limit, limit.most), source=limit.whose), "", number)


def _amount(limit: Limit, amount: int) -> str:
    if limit.measure == "minutes":
        return _("{time} of {resource}").format(time=duration(amount), resource=limit.resource.replace(":", " "))
    if limit.resource == MEMORY:
        return limit_of_memory(amount)
    kind, _colon, gpu_type = limit.resource.partition(":")
    if kind in SHARED:
        return part_of_gpu(kind, gpu_type, amount, None)
    if gpu_type:
        return f"{amount} {gpu_type_in_words(gpu_type)}"
    if kind == CORES:
        return cores_in_words(amount)
    return ngettext("{number} GPU", "{number} GPUs", amount).format(number=amount) if kind == GPUS else f"{amount} {kind}"


def cost_there(request: SessionRequest, choices: Choices, rule: BillingRule | None) -> Cost | None:
    """Return what the whole session would be billed; None where that is not known."""
    limits = choices.limits_for(request)
    factor = limits.rules_for(request.account).usage_factor if limits is not None else 1.0
    return cost_of(rule, request.demand, usage_factor=factor)


def budgets_there(request: SessionRequest, choices: Choices) -> tuple[Budget, ...]:
    """Return the budgets that Slurm charges the session to."""
    limits = choices.limits_for(request)
    return limits.rules_for(request.account).budgets if limits is not None else ()


def alternatives_to(request: SessionRequest, found: Verdict, forecast: ClusterForecast | None, choices: Choices) -> tuple[Alternative, ...]:
    """Return what would start now instead, where this does not; none where nobody knows."""
    if forecast is None or found.kind not in ("wait", "never"):
        return ()
    others = alternatives(request, forecast, choices, refused=True)
    return tuple(entry for entry in others if not choices.waits_for(entry.request) and choices.knows_limits_of(entry.request))


def nodes_with_room(assessment: Assessment, choices: Choices, most: int) -> tuple[str, ...]:
    """Return the names of nodes that have all of it free for as long as it lasts, ``most`` of them; none where that is not known."""
    request, forecast = assessment.request, assessment.forecast
    if forecast is None or assessment.verdict.kind not in ("now", "wait"):
        return ()
    own = forecast.for_job(request.partition, choices.submitter(request)).plain
    return tuple(islice((name for node_class in free_nodes(request, own) for name in node_class.names), most))


def warnings(assessment: Assessment) -> tuple[str, ...]:
    """Return what is allowed and hardly meant, a sentence each."""
    minutes = assessment.request.walltime
    if assessment.errors:
        return ()
    if minutes >= SHORTEST_MINUTES:
        return assessment.notes
    return (
        *assessment.notes,
        _("Only {time}: that is over before much is done. For hours, write {example}.").format(
            time=duration(minutes), example=f"{minutes}h"
        ),
    )


def request_in_words(request: SessionRequest, only_gpu_type: str = "", *, asks_for_memory: bool = True) -> str:
    """Return ``2 × V100, 16 cores, 128 GB for 4 hours on g100_int as physics``."""
    gpus = request.gpus
    if not gpus.is_part and not gpus.type:
        gpus = replace(gpus, type=only_gpu_type)
    parts = [gpus.words] if gpus.count else []
    parts += request.cores_and_memory[: None if asks_for_memory else 1]
    values = {
        "resources": ", ".join(parts),
        "time": duration(request.walltime),
        "partition": request.partition,
        "reservation": request.reservation,
        "account": request.account,
    }
    if request.account and request.reservation:
        return _("{resources} for {time} on {partition} in reservation {reservation} as {account}").format(**values)
    if request.account:
        return _("{resources} for {time} on {partition} as {account}").format(**values)
    if request.reservation:
        return _("{resources} for {time} on {partition} in reservation {reservation}").format(**values)
    return _("{resources} for {time} on {partition}").format(**values)


def _in_short(kind: str) -> str:
    words = {"now": _("starts now"), "wait": _("will wait"), "never": _("cannot be had")}
    return words.get(kind, "")


def review(assessment: Assessment, *, charged: bool = True) -> str:
    """Return the one live sentence: what is asked for, what it costs, whether it starts now."""
    price = cost_in_words(assessment.cost) if charged else _("not charged")
    tail = "; ".join(part for part in (price, _in_short(assessment.verdict.kind)) if part)
    words = request_in_words(assessment.request, assessment.only_gpu_type, asks_for_memory=assessment.asks_for_memory)
    return f"{words}: {tail}." if tail else f"{words}."
