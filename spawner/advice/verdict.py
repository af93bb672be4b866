"""Can this very request start now? One answer, in a sentence, from what Slurm has said is free.

It is advice: between the answer and the submission somebody else may take the nodes. Nothing is refused here; that is ``check``'s part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..availability.forecast import ClusterForecast
from ..availability.node_fit import NodeClass
from ..availability.ownership import NOBODY, Submitter
from ..humanize import cores_in_words, dated, day_and_time, duration, joined, limit_of_memory
from ..i18n import _, ngettext
from ..request.choices import Choices
from ..request.field_values import quoted
from ..request.gpus import GpuRequest
from ..request.model import SessionRequest
from .why_wait import kind_of, why_wait

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
        return _wait(why_wait(request, node_classes, forecast))
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
            return "gpus", _("no node {where} has any {gpus}.").format(where=where, gpus=kind_of(gpus))
        return "gpus", _("no node {where} has more than {number} {gpus}.").format(where=where, number=most_gpus, gpus=kind_of(gpus))
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
