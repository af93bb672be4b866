"""Can this very request start now? One answer, in a sentence, from what Slurm has said is free.

It is advice: between the answer and the submission somebody else may take the nodes. Nothing is refused here; that is ``check``'s part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..availability.forecast import ClusterForecast
from ..availability.node_fit import MAINTENANCE, QUEUE, NodeClass
from ..availability.ownership import NOBODY, Submitter
from ..humanize import cores_in_words, dated, day_and_time, duration, gpu_type_in_words, joined, limit_of_memory, share_of_gpu
from ..i18n import _, ngettext
from ..request.choices import Choices
from ..request.field_values import quoted
from ..request.gpus import GpuRequest
from ..request.model import SessionRequest
from ..units import format_memory

Kind = Literal["now", "wait", "never", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``field`` is the one at fault where the request can never run. ``nodes_that_fit`` have all of it free now."""

    kind: Kind
    sentence: str
    field: str = ""
    nodes_that_fit: int = 0


def verdict(
    request: SessionRequest,
    forecast: ClusterForecast,
    submitter: Submitter = NOBODY,
    too_large: Callable[[NodeClass], bool] = lambda _node: False,
) -> Verdict:
    """Judge whether the submitter's request would start now, has to wait, can never run, or nobody knows.

    Whose jobs make room for it is not said. ``too_large`` tells of a node that the job would get as a whole whether that is more than the
    submitter may have: Slurm chooses a node before it looks.
    """
    meets = forecast.for_job(request.partition, submitter)
    found = _judge(request, meets.plain, too_large)
    if found.kind != "wait":
        return found
    if meets.with_room is not None:
        better = _judge(request, meets.with_room, too_large)
        if better.kind == "now":
            return replace(better, sentence=_starts_with_room(meets.room_seconds))
    if meets.with_perhaps_room is not None and _judge(request, meets.with_perhaps_room, too_large).kind == "now":
        return Verdict("unknown", _("It starts now if Slurm ranks it above jobs that run and would have to make room, or waits for them."))
    return found


def verdict_for(request: SessionRequest, forecast: ClusterForecast, choices: Choices) -> Verdict:
    """Judge, as :func:`verdict`, for the user of ``choices``."""
    return verdict(request, forecast, choices.submitter(request), lambda node: choices.takes_too_much(node, request))


def free_nodes(request: SessionRequest, forecast: ClusterForecast) -> list[NodeClass]:
    """Return the nodes that have all of it free for as long as it lasts."""
    demand, minutes, classes = request.demand, request.walltime, forecast.node_classes(request.partition, request.reservation)
    return [node_class for node_class in classes if node_class.holds(demand) and node_class.minutes(forecast.now) >= minutes]


def _starts_with_room(seconds: int) -> str:
    if seconds <= 0:
        return _("Starts now: jobs of lower rank make room for it.")
    return _("Starts now: jobs of lower rank make room for it, which may take {time}.").format(time=duration(-(-seconds // 60)))


def _judge(request: SessionRequest, forecast: ClusterForecast, too_large: Callable[[NodeClass], bool]) -> Verdict:
    gpus = request.gpus
    if not forecast.nodes or request.partition not in forecast.partitions:
        return Verdict("unknown", _("Slurm has not said yet what is free."))
    if forecast.is_old:
        since = day_and_time(forecast.as_of, forecast.now)
        return Verdict("unknown", dated(_("Slurm has not said since {time} what is free."), time=since))
    problem = _never(request, forecast)
    if problem is not None:
        return Verdict("never", _("Can never run here: {why}").format(why=problem[1]), problem[0])
    node_classes = forecast.node_classes(request.partition, request.reservation)
    reservation = forecast.reservations.get(request.reservation)
    if reservation is not None and reservation.start > forecast.now:
        begins = day_and_time(reservation.start, forecast.now)
        return _wait(dated(_("reservation {reservation} begins at {moment}."), reservation=reservation.name, moment=begins))
    if (short := forecast.missing_license) is not None:
        sentence = _("{number} of licence {name} are needed, and {free} of {total} are free.")
        return _wait(sentence.format(number=short.wanted, name=short.name, free=short.free, total=short.total))
    if forecast.partitions[request.partition].state == "DOWN":
        return _wait(_("partition {partition} is closed for the moment.").format(partition=request.partition))
    free = free_nodes(request, forecast)
    if not free and gpus.is_part:
        perhaps = [each for each in node_classes if each.may_hold(request.demand) and each.minutes(forecast.now) >= request.walltime]
        if perhaps:
            return Verdict("unknown", _perhaps(gpus, sum(node_class.nodes for node_class in perhaps)))
    if not free:
        return _wait(_why_wait(request, node_classes, forecast))
    if (number := sum(node_class.nodes for node_class in free)) < request.nodes:
        sentence = ngettext(
            "{number} of the {nodes} nodes that it needs has all of it free.",
            "{number} of the {nodes} nodes that it needs have all of it free.",
            number,
        )
        return _wait(sentence.format(number=number, nodes=request.nodes))
    return _of_free_nodes(free, request, forecast, too_large)


def _of_free_nodes(
    fitting: Sequence[NodeClass], request: SessionRequest, forecast: ClusterForecast, too_large: Callable[[NodeClass], bool]
) -> Verdict:
    """What is said where these nodes have all of it free: what else may hold the job back."""
    large = [node_class for node_class in fitting if too_large(node_class)]
    if large:
        why = _("the free nodes are larger than your limits allow, and the partition gives whole nodes only.")
        unsure = _(
            "Some of the free nodes are larger than your limits allow, and the partition gives whole nodes: it depends on Slurm's choice."
        )
        return _wait(why) if len(large) == len(fitting) else Verdict("unknown", unsure)
    return _where_it_fits(request, forecast, fitting)


def _where_it_fits(request: SessionRequest, forecast: ClusterForecast, fitting: Sequence[NodeClass]) -> Verdict:
    """What becomes of it where some nodes have all of it free, as far as Slurm shows and this product judges what they depend on."""
    shown = [node_class for node_class in fitting if not node_class.not_shown]
    if not shown:
        return Verdict("unknown", _perhaps_switched_on(sum(node_class.nodes for node_class in fitting)))
    number = sum(node_class.nodes for node_class in shown)
    if number < request.nodes:
        return Verdict("unknown", _perhaps_switched_on(sum(node_class.nodes for node_class in fitting)))
    if not forecast.choice.is_known:
        return Verdict("unknown", _perhaps_not_these(number), nodes_that_fit=number)
    if sum(node_class.nodes for node_class in shown if not node_class.not_judged) < request.nodes:
        return Verdict("unknown", _depends(number, next(each.not_judged for each in shown if each.not_judged)), nodes_that_fit=number)
    if forecast.hides_what_comes_first:
        return Verdict("unknown", _perhaps_not_first(number), nodes_that_fit=number)
    waiting, unplanned = forecast.in_line(request.partition)
    if unplanned:
        why = ngettext(
            "a job in front, and Slurm has not decided yet where it runs.",
            "{number} jobs in front, and Slurm has not decided yet where they run.",
            unplanned,
        )
        return _wait(why.format(number=unplanned), number)
    return Verdict("now", _starts_now(number, waiting, asleep=all(node_class.asleep for node_class in shown)), nodes_that_fit=number)


def _starts_now(number: int, waiting: int, *, asleep: bool) -> str:
    if asleep:
        return ngettext(
            "Starts now: {number} node has all of it free; it has to be switched on first, which takes minutes.",
            "Starts now: {number} nodes have all of it free; all are switched off, which takes minutes.",
            number,
        ).format(number=number)
    sentence = ngettext("Starts now: {number} node has all of it free.", "Starts now: {number} nodes have all of it free.", number)
    if not waiting:
        return sentence.format(number=number)
    gaps = ngettext(
        "Starts as soon as Slurm looks at the gaps between a job that waits.",
        "Starts as soon as Slurm looks at the gaps between {number} jobs that wait.",
        waiting,
    )
    return f"{sentence.format(number=number)} {gaps.format(number=waiting)}"


def _perhaps(gpus: GpuRequest, number: int) -> str:
    return ngettext(
        "Slurm does not say how its jobs are spread over the GPUs of {number} node: {part} may be free on one of them, or not.",
        "Slurm does not say how its jobs are spread over the GPUs of {number} nodes: {part} may be free on one of them, or not.",
        number,
    ).format(number=number, part=gpus.words)


def _depends(number: int, field: str) -> str:
    return ngettext(
        "{number} node has all of it free, but whether it starts there depends on {field} of slurm.conf, which is not judged here.",
        "{number} nodes have all of it free, but whether it starts there depends on {field} of slurm.conf, which is not judged here.",
        number,
    ).format(number=number, field=field)


def _perhaps_switched_on(number: int) -> str:
    return ngettext(
        "Slurm may switch on {number} node for it, which takes minutes; while it is off nobody knows whether it can.",
        "Slurm may switch on one of {number} nodes for it, which takes minutes; while they are off nobody knows whether it can.",
        number,
    ).format(number=number)


def _perhaps_not_these(number: int) -> str:
    return ngettext(
        "{number} node has all of it free, but whether this service's own options of sbatch leave it to you is not known.",
        "{number} nodes have all of it free, but whether this service's own options of sbatch leave them to you is not known.",
        number,
    ).format(number=number)


def _perhaps_not_first(number: int) -> str:
    return ngettext(
        "{number} node has all of it free, but Slurm does not show this service all that may come first.",
        "{number} nodes have all of it free, but Slurm does not show this service all that may come first.",
        number,
    ).format(number=number)


def _wait(why: str, number: int = 0) -> Verdict:
    return Verdict("wait", dated(_("Will wait: {why}"), why=why), nodes_that_fit=number)


# --- never ---


def _never(request: SessionRequest, forecast: ClusterForecast) -> tuple[str, str] | None:
    """The field at fault and why, where no node could take the request even if it were empty.

    How long it may last is not the nodes' to say: a QOS may allow more than the partition's MaxTime (sacctmgr(1), PartitionTimeLimit).
    """
    partition = forecast.partitions[request.partition]
    if (short := forecast.missing_license) is not None and short.wanted > short.total:
        sentence = _("{number} of licence {name} are needed, and there are {total}.")
        return "partition", sentence.format(number=short.wanted, name=short.name, total=short.total)
    if partition.state not in ("UP", "DOWN"):
        return "partition", _("partition {partition} takes no jobs.").format(partition=partition.name)
    if request.reservation and request.reservation not in forecast.reservations:
        return "reservation", _("there is no reservation {reservation}.").format(reservation=quoted(request.reservation))
    node_classes = forecast.node_classes(request.partition, request.reservation)
    if request.reservation:
        # Translators: after "node", in sentences such as "no node of reservation r in p has more than 48 cores."
        where = _("of reservation {reservation} in {partition}").format(reservation=request.reservation, partition=partition.name)
    else:
        # Translators: after "node", in sentences such as "no node of p has more than 48 cores."
        where = _("of {partition}").format(partition=partition.name)
    if not node_classes:
        return ("reservation" if request.reservation else "partition"), _("there is no node {where}.").format(where=where)
    demand = request.demand
    able = sum(node_class.nodes for node_class in node_classes if node_class.could_hold(demand))
    if able >= request.nodes:
        return None
    if able:
        sentence = ngettext(
            "{nodes} nodes are asked for, and {number} node {where} could have it.",
            "{nodes} nodes are asked for, and {number} nodes {where} could have it.",
            able,
        )
        return "nodes", sentence.format(nodes=request.nodes, number=able, where=where)
    return _what_is_too_much(request, node_classes, where)


def _what_is_too_much(request: SessionRequest, node_classes: Sequence[NodeClass], where: str) -> tuple[str, str]:
    gpus = request.gpus
    most_gpus = max(node_class.gpus_total(gpus.type) for node_class in node_classes)
    if gpus.is_part:
        most_parts = max(node_class.part_total(gpus.gres, gpus.type) for node_class in node_classes)
        if not most_parts:
            return "gpus", _("no node {where} has GPUs of which a part could be had.").format(where=where)
        if gpus.count > most_parts:
            return "gpus", _("a part of a GPU cannot be more than one GPU.")
    elif gpus.count > most_gpus:
        if not most_gpus:
            return "gpus", _("no node {where} has any {gpus}.").format(where=where, gpus=_kind(gpus))
        return "gpus", _("no node {where} has more than {number} {gpus}.").format(where=where, number=most_gpus, gpus=_kind(gpus))
    most_cores = max(node_class.most_cores for node_class in node_classes)
    if request.cores > most_cores or all(node_class.cores_taken(request.demand) > node_class.cores_total for node_class in node_classes):
        return "cores", _("no node {where} has more than {amount}.").format(where=where, amount=cores_in_words(most_cores))
    most_memory = max(node_class.memory_mb_total for node_class in node_classes)
    if all(node_class.memory_taken(request.demand) > node_class.memory_mb_total for node_class in node_classes):
        return "memory", _("no node {where} has more than {amount}.").format(where=where, amount=limit_of_memory(most_memory))
    # Each can be had, together they cannot.
    parts = [gpus.words] if gpus.count else []
    together = joined([*parts, *request.cores_and_memory])
    return "gpus" if gpus.count else "memory", _("no node {where} has {amounts} together.").format(where=where, amounts=together)


# --- wait ---


def _why_wait(request: SessionRequest, node_classes: Sequence[NodeClass], forecast: ClusterForecast) -> str:
    demand = request.demand
    able = [node_class for node_class in node_classes if node_class.could_hold(demand)]
    usable = [node_class for node_class in able if not node_class.why_not]
    if not usable:
        return _out_of_service(able, forecast.now)
    brief = [node_class for node_class in usable if node_class.holds(demand)]
    if brief:
        return _too_long(max(brief, key=lambda node_class: node_class.until), forecast.now)
    gpus = request.gpus
    if gpus.count:
        with_gpus = [node_class for node_class in usable if node_class.has_free(gpus.type, gpus.count, gpus.gres)]
        if not with_gpus:
            too_little = _too_small_parts(gpus, usable) if gpus.is_part else _too_few_gpus(gpus, usable)
            return " ".join(filter(None, [too_little, _unfit_ones(gpus, usable)]))
        lacking = _lacking(request, with_gpus)
        if gpus.is_part:
            return _("no node with {part} free has {amounts} free.").format(part=gpus.words, amounts=lacking)
        return ngettext(
            "no node with a free {gpus} has {amounts} free.", "no node with {number} free {gpus} has {amounts} free.", gpus.count
        ).format(number=gpus.count, gpus=_kind(gpus, gpus.count), amounts=lacking)
    return _("no node has {amounts} free.").format(amounts=_lacking(request, usable))


def _out_of_service(node_classes: Iterable[NodeClass], now: float) -> str:
    """Why none of the nodes takes a job: ``the nodes that could run it are drained (2), reserved until 14:00 (1).``"""
    counts: dict[str, int] = {}
    for node_class in node_classes:
        why = _(node_class.why_not)
        if node_class.back:
            # Translators: the state of nodes: "reserved until 14:00"
            why = dated(_("{state} until {moment}"), state=why, moment=day_and_time(node_class.back, now))
        counts[why] = counts.get(why, 0) + node_class.nodes
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    if len(ordered) == 1:
        why, number = ordered[0]
        sentence = ngettext("the only node that could run it is {state}.", "all {number} nodes that could run it are {state}.", number)
        return dated(sentence, state=why, number=number)
    names = [f"state{index}" for index in range(len(ordered))]
    several = ", ".join(f"{{{name}}} ({number})" for name, (_why, number) in zip(names, ordered, strict=True))
    states = dated(several, **{name: why for name, (why, _number) in zip(names, ordered, strict=True)})
    return dated(_("the nodes that could run it are {states}."), states=states)


def _too_long(node_class: NodeClass, now: float) -> str:
    minutes = int(node_class.minutes(now)) if node_class.until < math.inf else 0
    if node_class.until_for == QUEUE and node_class.until <= now:
        # Without a time to choose: there are no minutes left.
        return _("the free nodes are kept for jobs that wait already and start any moment.")
    if node_class.until_for == QUEUE:
        without = _("the free nodes are kept for jobs that wait already and start at {moment}.")
        sentence = _("the free nodes are kept for jobs that wait already and start at {moment}: choose at most {time}.")
    elif node_class.until_for == MAINTENANCE and node_class.until <= now:
        return _("it runs into the maintenance any moment.")
    elif node_class.until_for == MAINTENANCE:
        without = _("it runs into the maintenance at {moment}.")
        sentence = _("it runs into the maintenance at {moment}: choose at most {time}.")
    else:
        without = _("the free nodes are reserved from {moment} on.")
        sentence = _("the free nodes are reserved from {moment} on: choose at most {time}.")
    return dated(sentence if minutes else without, moment=day_and_time(node_class.until, now), time=duration(minutes))


def _too_few_gpus(gpus: GpuRequest, node_classes: Iterable[NodeClass]) -> str:
    counts: dict[int, int] = {}
    for node_class in node_classes:
        free = node_class.gpus_free(gpus.type)
        counts[free] = counts.get(free, 0) + node_class.nodes
    most = max(counts)
    if gpus.count == 1:
        return _("no node has a free {gpus}.").format(gpus=_kind(gpus, 1))
    kind = _kind(gpus)
    if not most:
        return _("no node has {number} free {gpus}.").format(number=gpus.count, gpus=kind)
    if most == 1:
        sentence = ngettext(
            "no node has {number} free {gpus}; {nodes} has one.", "no node has {number} free {gpus}; {nodes} have one.", counts[most]
        )
    else:
        sentence = ngettext(
            "no node has {number} free {gpus}; {nodes} has {most}.", "no node has {number} free {gpus}; {nodes} have {most}.", counts[most]
        )
    return sentence.format(number=gpus.count, gpus=kind, nodes=counts[most], most=most)


def _unfit_ones(gpus: GpuRequest, node_classes: Iterable[NodeClass]) -> str:
    """What Slurm may do all the same, for it does not know that these GPUs are of no use; empty where it has too few even with them."""
    number = 0
    for node_class in node_classes:
        unfit = node_class.gpus_unfit(gpus.type)
        if unfit and node_class.gpus_free(gpus.type) + unfit >= gpus.count:
            number += unfit * node_class.nodes
    if not number:
        return ""
    return ngettext(
        "Slurm may still give you {number} that is faulty or in use outside of Slurm.",
        "Slurm may still give you some of {number} that are faulty or in use outside of Slurm.",
        number,
    ).format(number=number)


def _too_small_parts(gpus: GpuRequest, node_classes: Iterable[NodeClass]) -> str:
    """No card has so large a part free; the largest that one is known to have."""
    counts: dict[int, int] = {}
    for node_class in node_classes:
        free = node_class.part_free(gpus.gres, gpus.type)
        counts[free] = counts.get(free, 0) + node_class.nodes
    most = max(counts)
    if not most or gpus.per_card is None:
        return _("no GPU has {part} free.").format(part=gpus.words)
    sentence = ngettext(
        "no GPU has {part} free; {nodes} node has one with {most}.",
        "no GPU has {part} free; {nodes} nodes have one with {most}.",
        counts[most],
    )
    return sentence.format(part=gpus.words, nodes=counts[most], most=share_of_gpu(gpus.gres, most, gpus.per_card))


def _lacking(request: SessionRequest, node_classes: Sequence[NodeClass]) -> str:
    """The part of cores and memory that none of the nodes has free: one of them, or both where each can be had by itself."""
    if not any(node_class.has_cores(request.demand) for node_class in node_classes):
        return cores_in_words(request.cores)
    if all(node_class.memory_taken(request.demand) > node_class.memory_mb for node_class in node_classes):
        if not any(node_class.memory_rule.is_asked_for for node_class in node_classes):
            return _("as much memory as Slurm gives a session")
        return format_memory(request.memory)
    return joined(request.cores_and_memory)


# --- words ---


def _kind(gpus: GpuRequest, number: int = 2) -> str:
    return gpu_type_in_words(gpus.type) or ngettext("GPU", "GPUs", number)
