"""Why a request has to wait, in words: what its nodes lack now, or until when they are kept for others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..availability.forecast import ClusterForecast
from ..availability.node_fit import MAINTENANCE, QUEUE, NodeClass
from ..humanize import cores_in_words, dated, day_and_time, duration, gpu_type_in_words, joined, share_of_gpu
from ..i18n import _, ngettext
from ..request.gpus import GpuRequest
from ..request.model import SessionRequest
from ..units import format_memory


def kind_of(gpus: GpuRequest, number: int = 2) -> str:
    return gpu_type_in_words(gpus.type) or ngettext("GPU", "GPUs", number)


def why_wait(request: SessionRequest, node_classes: Sequence[NodeClass], forecast: ClusterForecast) -> str:
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
        ).format(number=gpus.count, gpus=kind_of(gpus, gpus.count), amounts=lacking)
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
        return _("no node has a free {gpus}.").format(gpus=kind_of(gpus, 1))
    kind = kind_of(gpus)
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
