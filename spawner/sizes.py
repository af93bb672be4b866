"""The check of a request's numbers: cores, memory, GPUs and time, against the nodes, the admin's bounds and Slurm's limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .choices import Choices, amounts_in
from .limits import CORES, GPUS, JOBS, MEMORY, MINUTES, NODES, SUBMITTED, Limit
from .offer import PartitionLimits
from .request import GpuRequest, SessionRequest, parse_gpus, quoted
from .slurm.grammar import format_memory, format_walltime
from .words import limit_of_memory

ENDING_SOON_MINUTES = 1

Refuse = Callable[[str, str], None]
"""Called with a field and the sentence that refuses its value."""

FIELD_OF = {CORES: "cores", MEMORY: "memory", MINUTES: "walltime", NODES: "account", JOBS: "account", SUBMITTED: "account"}
"""The field that a limit of a resource is told at; ``gpus`` for GPUs of any type."""


def listed(values: Sequence[str]) -> str:
    """The first eight, and how many more there are."""
    shown = ", ".join(values[:8])
    return f"{shown} and {len(values) - 8} more" if len(values) > 8 else shown


def check_size(request: SessionRequest, choices: Choices, limits: PartitionLimits, account: str, refuse: Refuse) -> None:
    """Refuse numbers that one session of ``account`` cannot have in the partition; ``limits`` are those of the account and reservation."""
    if not limits.kinds:
        return
    most_cores = _check_cores(request, choices, limits, refuse)
    most_memory = _check_memory(request, choices, limits, refuse)
    problem = _gpu_problem(request.gpus, choices, limits)
    if problem:
        refuse("gpus", problem)
    elif request.cores <= most_cores and request.memory <= most_memory:
        _check_together(request, limits, account, refuse)


def _clause(limits: PartitionLimits, resource: str, most: int) -> str:
    """Whose limit it is that leaves ``most``: accounting's, else the partition's or the admin's."""
    bound = limits.binding.get(resource)
    within = bound is not None and bound.most >= most and limits_most(limits, resource) == most
    return bound.clause if bound is not None and within else f"that one session can have in partition {limits.name}"


def limits_most(limits: PartitionLimits, resource: str) -> int:
    """The most cores or MB that the partition and accounting leave."""
    return limits.max_cores if resource == CORES else limits.max_memory_mb


def _check_cores(request: SessionRequest, choices: Choices, limits: PartitionLimits, refuse: Refuse) -> int:
    most = min(limits.max_cores, choices.bound("cores", "maximum", limits.max_cores))
    least = choices.bound("cores", "minimum", 1)
    if request.cores > most:
        refuse("cores", f"{request.cores} is more than the {most} {_clause(limits, CORES, most)}. Ask for at most {most}.")
    elif request.cores < least:
        refuse("cores", f"{request.cores} is less than the {least} that a session has here. Ask for at least {least}.")
    elif request.cores < limits.at_least(CORES):
        least = limits.at_least(CORES)
        refuse("cores", f"{request.cores} is less than the {least} that {limits.least[CORES].source} asks for. Ask for at least {least}.")
    return most


def _check_memory(request: SessionRequest, choices: Choices, limits: PartitionLimits, refuse: Refuse) -> int:
    most = min(limits.max_memory_mb, choices.bound("memory", "maximum", limits.max_memory_mb))
    least = choices.bound("memory", "minimum", 1)
    if request.memory > most:
        words = limit_of_memory(most)
        refuse(
            "memory", f"{format_memory(request.memory)} is more than the {words} {_clause(limits, MEMORY, most)}. Ask for at most {words}."
        )
    elif request.memory < least:
        refuse(
            "memory",
            f"{format_memory(request.memory)} is less than the {format_memory(least)} that a session has here. "
            f"Ask for at least {format_memory(least)}.",
        )
    elif request.memory < limits.at_least(MEMORY):
        words = format_memory(limits.at_least(MEMORY))
        refuse(
            "memory",
            f"{format_memory(request.memory)} is less than the {words} that {limits.least[MEMORY].source} asks for. "
            f"Ask for at least {words}.",
        )
    return most


def _check_together(request: SessionRequest, limits: PartitionLimits, account: str, refuse: Refuse) -> None:
    """What each can be had, but not on one node, or not for that time."""
    gpus = request.gpus
    if gpus.count and not limits.fits_one_node(request.cores, request.memory, gpus.type, gpus.count):
        refuse(
            "gpus",
            f"no node of partition {limits.name} has {gpus.words}, {_cores(request)} and "
            f"{format_memory(request.memory)} together. Ask for less of one of them.",
        )
    elif not limits.fits_one_node(request.cores, request.memory, "", 0):
        refuse(
            "memory",
            f"no node of partition {limits.name} has {_cores(request)} and {format_memory(request.memory)} "
            "together. Ask for less of one of them.",
        )
    else:
        _check_counted(request, limits, account, refuse)


def _check_counted(request: SessionRequest, limits: PartitionLimits, account: str, refuse: Refuse) -> None:
    """Limits that the numbers alone do not show: of the job as Slurm counts it (whole nodes, cores for memory), or over its time."""
    amounts = amounts_in(limits, request)
    for limit in limits.rules_for(account).limits:
        if limit.least or limit.resource == MINUTES or not limit.forbids(amounts):
            continue
        counted = limit.counts(amounts)
        field = FIELD_OF.get(limit.resource, "gpus")
        if limit.measure == "minutes":
            if limit.most < amounts[limit.resource]:
                refuse(field, f"{_amount(limit, amounts[limit.resource])} is more than {limit.source} has minutes for. Ask for less.")
        elif field == "cores" and limits.memory_mb_per_core and counted > request.cores:
            refuse(
                "memory",
                f"{format_memory(request.memory)} takes {counted} cores in partition {limits.name}, more than the {limit.most} "
                f"{limit.clause}. Ask for less memory.",
            )
        else:
            refuse(field, f"{_amount(limit, counted)} is more than the {_amount(limit, limit.most)} {limit.clause}. Ask for less.")


def _amount(limit: Limit, amount: int) -> str:
    return limit_of_memory(amount) if limit.resource == MEMORY else str(amount)


def _cores(request: SessionRequest) -> str:
    return f"{request.cores} core{'s' if request.cores > 1 else ''}"


def _gpu_problem(gpus: GpuRequest, choices: Choices, partition: PartitionLimits) -> str:
    policy = choices.policy("gpus")
    if policy.locked and policy.default is not None and gpus != parse_gpus(policy.default):
        return f"{gpus.words} cannot be chosen, it is set to {policy.default} on this service. Leave it as it is."
    if policy.choices is not None and gpus not in {parse_gpus(choice) for choice in policy.choices}:
        return f"{gpus.words} cannot be chosen. Choose one of: {listed([str(choice) for choice in policy.choices])}."
    low = choices.bound("gpus", "minimum", 0)
    if gpus.count < low:
        return f"{gpus.words} is less than the {low} that a session has here. Ask for at least {low}."
    problem = _too_few_gpus(gpus, partition)
    if problem or not gpus.count:
        return problem
    if gpus.gres != "gpu":
        return f"{quoted(gpus.value)} cannot be asked for here. Choose whole GPUs."
    if not partition.gpus:
        return f"partition {partition.name} has no GPUs. Choose None, or another partition."
    if gpus.type and not dict(partition.gpus).get(gpus.type, 0) and not partition.binding.get(GPUS):
        types = [name for name, _ in partition.gpus if name]
        have = f"Choose one of: {listed(types)}." if types else "Choose a number without a type."
        return f"partition {partition.name} has no GPU of type {quoted(gpus.type)}. {have}"
    there = partition.gpus_of(gpus.type)
    most = min(there, choices.bound("gpus", "maximum", there))
    if gpus.count > most:
        bound = _tightest(partition, gpus.type) if most == there else None
        clause = bound.clause if bound else f"that one session can have in partition {partition.name}"
        instead = f"Ask for at most {most}." if most else "Choose None."
        return f"{gpus.words} {'is' if gpus.count == 1 else 'are'} more than the {most} {clause}. {instead}"
    return ""


def _too_few_gpus(gpus: GpuRequest, partition: PartitionLimits) -> str:
    """Some QOS are only for jobs with GPUs (MinTRESPerJob)."""
    for resource, limit in partition.least.items():
        of_type = resource.partition(":")[2]
        have = gpus.count if of_type in ("", gpus.type) else 0
        if resource.startswith(GPUS) and have < limit.most:
            least = f"{limit.most} × {of_type.upper()}" if of_type else str(limit.most)
            return f"{gpus.words} is less than the {least} that {limit.source} asks for. Ask for at least {least}."
    return ""


def _tightest(partition: PartitionLimits, gpu_type: str) -> Limit | None:
    """The limit of accounting that leaves fewer GPUs than the nodes have."""
    bounds = [partition.binding[key] for key in (GPUS, f"{GPUS}:{gpu_type}") if key in partition.binding]
    tightest = min(bounds, key=lambda limit: limit.most, default=None)
    return tightest if tightest is not None and tightest.most == partition.gpus_of(gpu_type) else None


def check_walltime(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    """Refuse a time that is longer than may be, or shorter."""
    limit, why = choices.walltime_limit(request)
    least = choices.bound("walltime", "minimum", 1)
    if limit is not None and request.walltime > limit:
        if limit < ENDING_SOON_MINUTES:
            refuse("reservation", f"{quoted(request.reservation)} is about to end. Choose None or another reservation.")
            return
        refuse(
            "walltime",
            f"{format_walltime(request.walltime)} is more than the limit of {format_walltime(limit)} {why}. "
            f"Choose at most {format_walltime(limit)}.",
        )
    elif request.walltime < least:
        refuse(
            "walltime",
            f"{format_walltime(request.walltime)} is less than the {format_walltime(least)} that a session lasts here. "
            f"Choose at least {format_walltime(least)}.",
        )
