"""The check of a request's numbers: cores, memory, GPUs and time, against the nodes, the admin's bounds and Slurm's limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ..accounting.limits import Limit, typed
from ..accounting.partition_limits import PartitionLimits
from ..humanize import duration, gpu_type_in_words, gpus_in_words, joined, limit_of_memory, part_of_gpu
from ..i18n import _, ngettext
from ..slurm.resources import CORES, GPUS, JOBS, MEMORY, MINUTES, NODES, SUBMITTED
from ..units import format_memory
from .choices import Choices
from .field_values import quoted
from .gpus import GpuRequest, parse_gpus
from .model import NUMBERS_IN_WORDS, SessionRequest
from .release_rules import least_of, too_few, too_few_gpus

ENDING_SOON_MINUTES = 1

Refuse = Callable[[str, str], None]
"""Called with a field and the sentence that refuses its value."""

FIELD_OF = {CORES: "cores", MEMORY: "memory", MINUTES: "walltime", NODES: "account", JOBS: "account", SUBMITTED: "account"}
"""The field that a limit of a resource is told at; ``gpus`` for GPUs of any type."""


def listed(values: Sequence[str]) -> str:
    """Return the first eight, and how many more there are."""
    shown = ", ".join(values[:8])
    return _("{list} and {number} more").format(list=shown, number=len(values) - 8) if len(values) > 8 else shown


def labelled(label: str, name: str) -> str:
    """Return what people see with what programs, links and files say for it, unless that stands there: ``Terminal (terminal)``."""
    return label if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", label) else f"{label} ({name})"


def check_size(request: SessionRequest, choices: Choices, limits: PartitionLimits, account: str, refuse: Refuse) -> None:
    """Refuse numbers that one session of ``account`` cannot have in the partition; ``limits`` are those of the account and reservation."""
    if not limits.kinds:
        return
    most_cores = _check_amount(CORES, request, choices, limits, refuse)
    most_memory = _check_amount(MEMORY, request, choices, limits, refuse)
    problem = _gpu_problem(request.gpus, choices, limits, request.nodes)
    problem = problem or too_few_gpus(request.gpus.whole, choices.release(request.release))
    if problem:
        refuse("gpus", problem)
    elif request.cores <= most_cores and request.memory <= most_memory:
        _check_together(request, limits, account, refuse)


def _clause(limits: PartitionLimits, resource: str, most: int) -> str:
    """Whose limit it is that leaves ``most``: accounting's, else the partition's or the admin's."""
    bound = limits.binding.get(resource)
    within = bound is not None and bound.most >= most and limits_most(limits, resource) == most
    return bound.clause if bound is not None and within else _there(limits)


def _there(limits: PartitionLimits) -> str:
    # Translators: what a number allows: "more than the 48 that one session can have in partition p"
    return _("that one session can have in partition {partition}").format(partition=limits.name)


def more_than(value: str, most: str, clause: str, number: int = 1) -> str:
    """Return the refusal of a value above a limit; ``clause`` says whose, ``number`` whether the value is one thing or several."""
    return ngettext(
        "{value} is more than the {most} {clause}. Ask for at most {most}.",
        "{value} are more than the {most} {clause}. Ask for at most {most}.",
        number,
    ).format(value=value, most=most, clause=clause)


def less_than(value: str, least: str) -> str:
    """Return the refusal of a value below the admin's minimum."""
    return _("{value} is less than the {least} that a session has here. Ask for at least {least}.").format(value=value, least=least)


def less_than_asked(value: str, least: str, limit: Limit) -> str:
    """Return the refusal of a value below what accounting asks for."""
    return _("{value} is less than the {least} that {source} asks for. Ask for at least {least}.").format(
        value=value, least=least, source=limit.whose
    )


def limits_most(limits: PartitionLimits, resource: str) -> int:
    """Return the most cores or MB that the partition and accounting leave."""
    return limits.max_cores if resource == CORES else limits.max_memory_mb


def _check_amount(resource: str, request: SessionRequest, choices: Choices, limits: PartitionLimits, refuse: Refuse) -> int:
    """Refuse cores or MB that are more than may be, or less; return the most that may be."""
    asked: int = getattr(request, resource)
    words = NUMBERS_IN_WORDS[resource]
    there = limits_most(limits, resource)
    most = min(there, choices.bound(resource, "maximum", there))
    least = choices.bound(resource, "minimum", 1)
    if asked > most:
        most_in_words = limit_of_memory(most) if resource == MEMORY else words(most)
        refuse(resource, more_than(words(asked), most_in_words, _clause(limits, resource, most)))
    elif asked < least:
        refuse(resource, less_than(words(asked), words(least)))
    elif asked * request.nodes < limits.at_least(resource):
        refuse(resource, less_than_asked(words(asked), words(limits.at_least(resource)), limits.least[resource]))
    elif (release := choices.release(request.release)) is not None and asked < least_of(release, resource):
        refuse(resource, too_few(words(asked), words(least_of(release, resource)), release))
    return most


def _check_together(request: SessionRequest, limits: PartitionLimits, account: str, refuse: Refuse) -> None:
    """What each can be had, but not on one node, or not for that time."""
    gpus = request.gpus
    if gpus.count and not limits.fits_one_node(request.demand):
        refuse("gpus", _not_together(limits, [gpus.words, *request.cores_and_memory]))
    elif not limits.fits_one_node(request.demand.without_gpus):
        refuse("memory", _not_together(limits, request.cores_and_memory))
    else:
        _check_counted(request, limits, account, refuse)


def _not_together(limits: PartitionLimits, amounts: Sequence[str]) -> str:
    return _("no node of partition {partition} has {amounts} together. Ask for less of one of them.").format(
        partition=limits.name, amounts=joined(amounts)
    )


def _check_counted(request: SessionRequest, limits: PartitionLimits, account: str, refuse: Refuse) -> None:
    """Limits that the numbers alone do not show: of the job as Slurm counts it (whole nodes, cores for memory), or over its time."""
    amounts = limits.amounts(request.demand)
    for limit in limits.rules_for(account).limits:
        if limit.least or limit.resource == MINUTES or not limit.forbids(amounts):
            continue
        counted = limit.counts(amounts)
        field = FIELD_OF.get(limit.resource, "gpus")
        if limit.measure == "minutes":
            if limit.most < amounts[limit.resource]:
                sentence = _("{value} is more than {source} has minutes for. Ask for less.")
                refuse(field, sentence.format(value=_amount(limit, amounts[limit.resource]), source=limit.whose))
        elif request.nodes > 1:
            sentence = _("{number} nodes have {value} together, more than the {most} {clause}. Ask for fewer, or for less.")
            counted_in_words, most = _amount(limit, counted), _amount(limit, limit.most)
            refuse("nodes", sentence.format(number=request.nodes, value=counted_in_words, most=most, clause=limit.clause))
        elif field == "cores":
            # The cores that were asked for were judged before: these are what the memory takes (MaxMemPerCPU).
            sentence = _("{memory} takes {cores} cores in partition {partition}, more than the {most} {clause}. Ask for less memory.")
            memory = format_memory(request.memory)
            refuse("memory", sentence.format(memory=memory, cores=counted, partition=limits.name, most=limit.most, clause=limit.clause))
        else:
            sentence = _("{value} is more than the {most} {clause}. Ask for less.")
            refuse(field, sentence.format(value=_amount(limit, counted), most=_amount(limit, limit.most), clause=limit.clause))


def _amount(limit: Limit, amount: int) -> str:
    return limit_of_memory(amount) if limit.resource == MEMORY else str(amount)


def _gpu_problem(gpus: GpuRequest, choices: Choices, partition: PartitionLimits, nodes: int) -> str:
    policy = choices.policy("gpus")
    if policy.only_value is not None and gpus != choices.gpus.known(parse_gpus(policy.only_value), partition.name):
        return locked_to(gpus.words, str(policy.only_value))
    if policy.choices is not None and gpus not in {choices.gpus.known(parse_gpus(choice), partition.name) for choice in policy.choices}:
        return not_among(gpus.words, [str(choice) for choice in policy.choices])
    low = choices.bound("gpus", "minimum", 0)
    if gpus.whole < low:
        return less_than(gpus.words, str(low))
    problem = _too_few_gpus(gpus, partition, nodes)
    if problem or not gpus.count:
        return problem
    if gpus.is_part:
        return _part_problem(gpus, choices, partition)
    if not partition.gpus:
        return _("partition {partition} has no GPUs. Choose None, or another partition.").format(partition=partition.name)
    if gpus.type and not dict(partition.gpus).get(gpus.type, 0) and not partition.binding.get(GPUS):
        types = [name for name, _count in partition.gpus if name]
        if types:
            sentence = _("partition {partition} has no GPU of type {type}. Choose one of: {list}.")
        else:
            sentence = _("partition {partition} has no GPU of type {type}. Choose a number without a type.")
        return sentence.format(partition=partition.name, type=quoted(gpus.type), list=listed(types))
    there = partition.gpus_of(gpus.type)
    most = min(there, choices.bound("gpus", "maximum", there))
    if gpus.count > most:
        bound = _tightest(partition, gpus.type) if most == there else None
        clause = bound.clause if bound else _there(partition)
        if most:
            return more_than(gpus.words, str(most), clause, gpus.count)
        sentence = ngettext(
            "{value} is more than the {most} {clause}. Choose None.", "{value} are more than the {most} {clause}. Choose None.", gpus.count
        )
        return sentence.format(value=gpus.words, most=most, clause=clause)
    return ""


def _part_problem(gpus: GpuRequest, choices: Choices, partition: PartitionLimits) -> str:
    most = partition.card_in_parts(gpus.gres, gpus.type)
    if choices.bound("gpus", "maximum", 1) < 1 or not most:
        if partition.exclusive and any(kind.parts for kind in partition.kinds):
            sentence = _("partition {partition} gives whole nodes, and no parts of GPUs. Choose whole GPUs, or another partition.")
        elif gpus.type and partition.card_in_parts(gpus.gres, ""):
            sentence = _("partition {partition} gives no parts of GPUs of type {type}. Choose whole GPUs, or another type.")
        else:
            sentence = _("partition {partition} gives no parts of GPUs. Choose whole GPUs, or another partition.")
        return sentence.format(partition=partition.name, type=gpu_type_in_words(gpus.type))
    if not partition.has_part(gpus.gres, gpus.type, gpus.count):
        sentence = _("{value} is not less than one GPU, and a part of a GPU is: at most {most}. Choose a smaller part, or whole GPUs.")
        return sentence.format(value=quoted(gpus.value), most=part_of_gpu(gpus.gres, gpus.type or gpus.card, most - 1, most))
    return ""


def locked_to(value: str, default: str) -> str:
    """Return the refusal of another value than the one that the admin has set."""
    return _("{value} cannot be chosen, it is set to {default} on this service. Leave it as it is.").format(value=value, default=default)


def not_among(value: str, offered: Sequence[str]) -> str:
    """Return the refusal of a value that the admin does not offer."""
    return _("{value} cannot be chosen. Choose one of: {list}.").format(value=value, list=listed(offered))


def _too_few_gpus(gpus: GpuRequest, partition: PartitionLimits, nodes: int) -> str:
    """Some QOS are only for jobs with GPUs (MinTRESPerJob)."""
    limit = partition.least_gpus_missing(gpus.type, gpus.whole * nodes)
    if limit is None:
        return ""
    of_type = limit.resource.partition(":")[2]
    return less_than_asked(gpus.words, gpus_in_words(limit.most, of_type) if of_type else str(limit.most), limit)


def _tightest(partition: PartitionLimits, gpu_type: str) -> Limit | None:
    """The limit of accounting that leaves fewer GPUs than the nodes have."""
    bounds = [partition.binding[key] for key in (GPUS, typed(GPUS, gpu_type)) if key in partition.binding]
    tightest = min(bounds, key=lambda limit: limit.most, default=None)
    return tightest if tightest is not None and tightest.most == partition.gpus_of(gpu_type) else None


def check_walltime(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    """Refuse a time that is longer than may be, or shorter."""
    limit, why = choices.walltime_limit(request)
    least = choices.bound("walltime", "minimum", 1)
    if limit is not None and request.walltime > limit:
        if limit < ENDING_SOON_MINUTES:
            sentence = _("{reservation} is about to end. Choose None or another reservation.")
            refuse("reservation", sentence.format(reservation=quoted(request.reservation)))
            return
        # Translators: {whose} is "of partition p", "of this service", "until reservation r ends"
        sentence = _("{value} is more than the limit of {most} {whose}. Choose at most {most}.")
        refuse("walltime", sentence.format(value=duration(request.walltime), most=duration(limit), whose=why))
    elif request.walltime < least:
        sentence = _("{value} is less than the {least} that a session lasts here. Choose at least {least}.")
        refuse("walltime", sentence.format(value=duration(request.walltime), least=duration(least)))
