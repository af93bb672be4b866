"""For how many sessions alike there is room now: what a teacher wants to know before a class begins."""

from __future__ import annotations

from dataclasses import replace

from ..accounting.limits import Limit
from ..availability.demand import Demand
from ..availability.forecast import ClusterForecast
from ..availability.node_fit import NodeClass
from ..request.choices import Choices
from ..request.model import SessionRequest
from .verdict import free_nodes, verdict


def room_for(request: SessionRequest, forecast: ClusterForecast | None, choices: Choices) -> int | None:
    """Return how many sessions of several users start now that all ask for the same; None where nobody knows.

    Limits of one user and of one job do not count, for each session is another user's; those that all share do.
    """
    if forecast is None or request.nodes > 1:
        return None
    # One's own sessions may share a node that is one user's at a time; those of a class may not.
    somebody = replace(choices.submitter(request), user="")
    found = verdict(request, forecast, somebody, lambda node: choices.takes_too_much(node, request))
    if found.kind != "now":
        return None if found.kind == "unknown" else 0
    limits = choices.limits_for(request)
    amounts = limits.amounts(request.demand) if limits is not None else {}
    there = forecast.partitions[request.partition]
    alone = there.oversubscribe == "EXCLUSIVE" or forecast.choice.whole or there.exclusive_user or forecast.labels.one_user
    own = forecast.for_job(request.partition, somebody).plain
    number = sum(entry.nodes * (1 if alone else _on_one(entry, request.demand)) for entry in free_nodes(request, own))
    if not number:
        return None  # others have to make room, and nobody knows how often
    for limit in limits.rules_for(request.account).limits if limits is not None else ():
        number = min(number, _left_by(limit, limit.counts(amounts), number))
    return number


def _on_one(node_class: NodeClass, demand: Demand) -> int:
    """How many such jobs a node that has room for one has room for; of parts of GPUs only what one card has is known."""
    numbers = [node_class.whole_cores // max(1, node_class.cores_taken(demand))]
    if memory := node_class.memory_taken(demand):
        numbers.append(node_class.memory_mb // memory)
    if demand.gpus:
        is_whole = demand.gres == "gpu"
        free = node_class.gpus_free(demand.gpu_type) if is_whole else node_class.part_free(demand.gres, demand.gpu_type)
        numbers.append(free // demand.gpus)
    return max(1, min(numbers))


def _left_by(limit: Limit, wanted: int, otherwise: int) -> int:
    """How many sessions a limit leaves to all who share it."""
    if limit.scope in ("job", "user") or limit.least or not wanted:
        return otherwise
    return max(0, (limit.most - limit.held) // wanted)
