"""What would start now instead: the nearest requests that the user may have and that some node has room for, one press away each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..accounting.billing import Cost
from ..accounting.partition_limits import PartitionLimits
from ..availability.forecast import ClusterForecast
from ..availability.node_fit import NodeClass
from ..availability.node_state import GpuCount
from ..humanize import cores_in_words, duration, share_of_gpu
from ..i18n import _, ngettext
from ..request.choices import Choices
from ..request.gpus import GpuRequest
from ..request.model import SessionRequest, memory_value
from ..request.policy import number_of
from ..request.validation import check_request
from ..slurm.shared_gres import Parts
from ..units import format_memory, format_walltime
from .verdict import verdict_for

MAX_ALTERNATIVES = 4
MAX_PARTITIONS = 20
"""Partitions that are looked at: more of them would make the answer slower, and nobody reads more than four alternatives."""

SHORTEST_MINUTES = 10
"""A shorter time than this is no session, unless that is what was asked for."""

_NODES = 1.0
_WEIGHTS = {"walltime": 1.0, "memory": 0.5, "cores": 0.6}
_GPUS, _NO_GPU, _GPU_TYPE, _PARTITION, _ACCOUNT, _RESERVATION, _PART = 1.2, 3.0, 0.8, 1.5, 0.3, 1.0, 0.5
"""How much a change hurts. A number counts by how often it is halved: from 64 to 32 GB is 1 times its weight."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """``change`` holds the fields to change, with values as a form posts them; ``words`` name it: ``1 × V100 instead of 2``.

    ``cost`` is None where it is not known, or not charged.
    """

    change: Mapping[str, str]
    words: str
    request: SessionRequest
    cost: Cost | None = None

    @property
    def sentence(self) -> str:
        """That it starts now, where it stands by itself."""
        return _("{changes}: starts now.").format(changes=self.words)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the request could go instead, and what that alone costs."""

    partition: PartitionLimits
    reservation: str
    account: str
    most_minutes: int
    cost: float


_Values = tuple[int, int, int]
"""Cores, memory in MB, minutes."""


def alternatives(
    request: SessionRequest, forecast: ClusterForecast, choices: Choices, *, most: int = MAX_ALTERNATIVES, refused: bool = False
) -> tuple[Alternative, ...]:
    """Return the nearest requests that would start now, nearest first; none where the request itself would, or where nobody knows.

    A request that is ``refused``, or held back by a limit, would not start though the nodes have it.
    """
    if verdict_for(request, forecast, choices).kind not in (("now", "wait", "never") if refused else ("wait", "never")):
        return ()
    offered = choices.gpus.values()
    if request.gpus not in offered:
        offered = (*offered, request.gpus)
    candidates = sorted(
        (cost, _key(candidate), candidate)
        for place in _places(request, forecast, choices)
        for cost, candidate in _candidates(request, place, offered, forecast, choices)
    )
    found: list[Alternative] = []
    for _cost, _order, candidate in candidates:
        change = _change(request, candidate)
        if not change or any(_is_more_of(candidate, change, nearer) for nearer in found):
            continue
        if verdict_for(candidate, forecast, choices).kind != "now" or check_request(candidate, choices):
            continue
        found.append(Alternative(change, _words(request, candidate), candidate))
        if len(found) == most:
            break
    return tuple(found)


def _places(request: SessionRequest, forecast: ClusterForecast, choices: Choices) -> Iterator[_Place]:
    """The asked partition first, then the others; each with the asked reservation, and, where that is another, without or with one."""
    names = [entry.name for entry in choices.reservations if entry.start <= forecast.now < entry.end]
    reservations = [request.reservation, *(value for value in ("", *names) if value != request.reservation)]
    partitions = sorted(choices.partitions, key=lambda entry: entry.name != request.partition)
    for partition in partitions[:MAX_PARTITIONS]:
        account = request.account
        if choices.accounts is not None and account not in partition.accounts:
            account = next(iter(choices.accounts_in(partition)), account)
        for reservation in reservations:
            if reservation not in choices.reservation_values:
                continue
            cost = _PARTITION * (partition.name != request.partition) + _ACCOUNT * (account != request.account)
            cost += _RESERVATION * (reservation != request.reservation)
            moved = request.model_copy(update={"partition": partition.name, "reservation": reservation, "account": account})
            limit = choices.walltime_limit(moved)[0]
            yield _Place(partition, reservation, account, request.walltime if limit is None else min(limit, request.walltime), cost)


def _candidates(
    request: SessionRequest, place: _Place, offered: Sequence[GpuRequest], forecast: ClusterForecast, choices: Choices
) -> Iterator[tuple[float, SessionRequest]]:
    """The request, made to fit each kind of node that is free in this place."""
    for (cores, memory, minutes), kinds in _distinct(request, place, offered, forecast, choices):
        moved = {"partition": place.partition.name, "reservation": place.reservation, "account": place.account}
        values = {"cores": cores, "memory": memory, "walltime": minutes}
        cost = place.cost + sum(_WEIGHTS[name] * _halvings(getattr(request, name), value) for name, value in values.items())
        for gpus in kinds:
            candidate = request.model_copy(update={**moved, **values, "gpus": gpus})
            for nodes in _fewer_nodes(request.nodes):
                more = _NODES * _halvings(request.nodes, nodes)
                yield cost + more + _cost_of_gpus(request.gpus, gpus), candidate.model_copy(update={"nodes": nodes})


def _fewer_nodes(asked: int) -> Iterator[int]:
    """As many as are asked for, one less, and each time half of them."""
    offered = {asked, max(1, asked - 1)}
    while asked > 1:
        asked //= 2
        offered.add(asked)
    yield from sorted(offered, reverse=True)


def _distinct(
    request: SessionRequest, place: _Place, offered: Sequence[GpuRequest], forecast: ClusterForecast, choices: Choices
) -> Iterable[tuple[_Values, tuple[GpuRequest, ...]]]:
    """What the free nodes have of the request, each combination once: a cluster has many nodes and few of these."""
    asked: dict[str, int] = {name: getattr(request, name) for name in _WEIGHTS}
    known: dict[tuple[str, int], int | None] = {}

    def value(name: str, most: int) -> int | None:
        if most >= asked[name]:
            return asked[name]
        if (name, most) not in known:
            known[name, most] = _offered(name, most, asked[name], choices)
        return known[name, most]

    found: dict[tuple[_Values, tuple[GpuRequest, ...]], None] = {}
    kinds_of: dict[tuple[tuple[GpuCount, ...], tuple[Parts, ...]], tuple[GpuRequest, ...]] = {}
    moved = request.model_copy(update={"partition": place.partition.name, "reservation": place.reservation, "account": place.account})
    meets = forecast.for_job(place.partition.name, choices.submitter(moved))
    for node_class in meets.roomiest.node_classes(place.partition.name, place.reservation):
        if node_class.why_not:
            continue
        cores = value("cores", node_class.whole_cores)
        memory = value("memory", node_class.memory_to_ask if node_class.memory_rule.is_asked_for else asked["memory"])
        minutes = value(
            "walltime",
            place.most_minutes if node_class.until == math.inf else min(place.most_minutes, int(node_class.minutes(forecast.now))),
        )
        if cores and memory and minutes:
            free = (node_class.gpus, node_class.parts)
            if free not in kinds_of:
                kinds_of[free] = _gpus_to_be_had(request.gpus, node_class, offered)
            found[(cores, memory, minutes), kinds_of[free]] = None
    return found


def _gpus_to_be_had(asked: GpuRequest, node_class: NodeClass, offered: Sequence[GpuRequest]) -> tuple[GpuRequest, ...]:
    """Of each kind that is offered the largest amount that is asked for and free, one GPU for a part of one; as the last resort none."""
    if not asked.count:
        return (asked,)
    most: dict[tuple[str, str], GpuRequest] = {}
    for gpus in offered:
        wanted = 0 < gpus.amount <= max(asked.amount, 0 if gpus.is_part else 1)
        if wanted and node_class.has_free(gpus.type, gpus.count, gpus.gres):
            known = most.get((gpus.gres, gpus.type))
            if known is None or known.count < gpus.count:
                most[gpus.gres, gpus.type] = gpus
    nothing = tuple(gpus for gpus in offered if not gpus.count)[:1]
    return (*most.values(), *nothing)


def _offered(name: str, most: int, asked: int, choices: Choices) -> int | None:
    """The largest value up to ``most`` that the admin offers and a person would type; None where there is none."""
    policy = choices.policy(name)
    if policy.choices is not None:
        return max((value for value in (number_of(name, choice) for choice in policy.choices) if value <= most), default=None)
    value = _round(name, most)
    least = max(choices.bound(name, "minimum", 1), min(asked, SHORTEST_MINUTES) if name == "walltime" else 1)
    return value if value >= least else None


def _round(name: str, most: int) -> int:
    """Whole GB; a time in quarters of an hour, or in five minutes where it is short."""
    if name == "memory" and most >= 1024:
        return most // 1024 * 1024
    if name == "walltime" and most >= 15:
        step = 15 if most >= 60 else 5
        return most // step * step
    return most


def _halvings(asked: int, value: int) -> float:
    return math.log2(asked / value)


def _cost_of_gpus(asked: GpuRequest, gpus: GpuRequest) -> float:
    if asked == gpus:
        return 0.0
    if not gpus.count:
        return _NO_GPU + _GPUS * max(0.0, math.log2(asked.amount))
    other = _GPU_TYPE * (bool(asked.type) and asked.type != gpus.type) + _PART * (asked.is_part != gpus.is_part)
    return other + _GPUS * abs(math.log2(asked.amount / gpus.amount))


def _is_more_of(candidate: SessionRequest, change: Mapping[str, str], nearer: Alternative) -> bool:
    """Whether the candidate changes all that a nearer one changes in the same way, and more besides: that helps nobody."""
    if candidate.partition != nearer.request.partition or not change.keys() >= nearer.change.keys():
        return False
    gpus, other = candidate.gpus, nearer.request.gpus
    return "gpus" not in nearer.change or (gpus.gres, gpus.type, bool(gpus.count)) == (other.gres, other.type, bool(other.count))


_FIELDS = ("gpus", "partition", "reservation", "account", "cores", "memory", "walltime", "nodes")


def _key(request: SessionRequest) -> tuple[str, ...]:
    """For an order that does not depend on the order of the nodes."""
    return tuple(_posted(request, name) for name in _FIELDS)


def _posted(request: SessionRequest, name: str) -> str:
    if name == "gpus":
        return request.gpus.value
    if name == "memory":
        return memory_value(request.memory)
    if name == "walltime":
        return format_walltime(request.walltime)
    return str(getattr(request, name))


def _change(request: SessionRequest, candidate: SessionRequest) -> dict[str, str]:
    return {name: _posted(candidate, name) for name in _FIELDS if _posted(candidate, name) != _posted(request, name)}


def _words(request: SessionRequest, candidate: SessionRequest) -> str:
    """``1 × V100 instead of 2``"""
    asked, gpus = request.gpus, candidate.gpus
    pairs = []
    if gpus != asked:
        pairs.append((gpus.words, _asked_in_short(asked, gpus)))
    if candidate.cores != request.cores:
        pairs.append((cores_in_words(candidate.cores), str(request.cores)))
    if candidate.memory != request.memory:
        pairs.append((format_memory(candidate.memory), format_memory(request.memory)))
    if candidate.nodes != request.nodes:
        pairs.append((ngettext("{number} node", "{number} nodes", candidate.nodes).format(number=candidate.nodes), str(request.nodes)))
    if candidate.walltime != request.walltime:
        pairs.append((duration(candidate.walltime), duration(request.walltime)))
    parts = [_("{amount} instead of {asked}").format(amount=amount, asked=before) for amount, before in pairs]
    if candidate.partition != request.partition:
        parts.append(_("partition {partition}").format(partition=candidate.partition))
    if candidate.reservation and candidate.reservation != request.reservation:
        parts.append(_("in reservation {reservation}").format(reservation=candidate.reservation))
    elif candidate.reservation != request.reservation:
        parts.append(_("without a reservation"))
    if candidate.account != request.account:
        parts.append(_("account {account}").format(account=candidate.account))
    changes = ", ".join(parts)
    return f"{changes[:1].upper()}{changes[1:]}"


def _asked_in_short(asked: GpuRequest, gpus: GpuRequest) -> str:
    """``2``, where the other amount is one of the same thing; else all of the words."""
    if not gpus.count or (gpus.gres, gpus.type) != (asked.gres, asked.type):
        return asked.words
    if not asked.is_part:
        return str(asked.count)
    return share_of_gpu(asked.gres, asked.count, asked.per_card) if asked.per_card else str(asked.count)
