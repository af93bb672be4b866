"""Sessions on several nodes, and with several tasks on a node: how many may be had, and why not."""

from __future__ import annotations

from ..accounting.partition_limits import PartitionLimits
from ..i18n import _
from .choices import Choices
from .model import SessionRequest
from .size_validation import Refuse, less_than


def most_nodes(choices: Choices, partition: PartitionLimits | None) -> int | None:
    """Return the most nodes that one session may have: what the admin says, and MaxNodes of the partition; None where neither does.

    One, where the admin says nothing of the field: several take what a session never took before.
    """
    if "nodes" not in choices.policies:
        return 1
    bounds = [partition.most_nodes if partition is not None else None]
    if choices.policy("nodes").maximum is not None:
        bounds.append(choices.bound("nodes", "maximum", 1))
    return min((bound for bound in bounds if bound is not None), default=None)


def check_nodes(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    """Refuse more nodes or tasks than may be, fewer than the admin wants, and tasks among which the cores cannot be shared out."""
    partition = choices.partition(request.partition)
    _check_number("nodes", request.nodes, choices, most_nodes(choices, partition), refuse)
    _check_number("tasks", request.tasks, choices, choices.bound("tasks", "maximum", request.tasks), refuse)
    if request.cores % request.tasks:
        sentence = _("{cores} cores cannot be shared out evenly among {tasks} tasks. Choose a number that divides the cores.")
        refuse("tasks", sentence.format(cores=request.cores, tasks=request.tasks))


def _check_number(name: str, value: int, choices: Choices, most: int | None, refuse: Refuse) -> None:
    if most is not None and value > most:
        sentence = _("{value} is more than the {most} that one session can have here. Ask for at most {most}.")
        refuse(name, sentence.format(value=value, most=most))
    elif value < (least := choices.bound(name, "minimum", 1)):
        refuse(name, less_than(str(value), str(least)))
