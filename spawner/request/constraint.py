"""The features that a request asks of its node (sbatch(1), --constraint): which there are, and why they cannot be had."""

from __future__ import annotations

from ..i18n import _
from .choices import Choices
from .field_values import quoted
from .model import SessionRequest
from .size_validation import Refuse, listed


def features_in(constraint: str) -> tuple[str, ...]:
    """Return the features of a constraint, all of which the node has to have."""
    return tuple(constraint.split("&")) if constraint else ()


def constraint_values(choices: Choices) -> tuple[str, ...]:
    """Return every value that the form offers, empty for any node in front; none where there is nothing to choose.

    These are the features of the nodes that this user may have, or what the admin names in their place (``a&b`` among them).
    """
    policy = choices.policy("constraint")
    if policy.only_value is not None:
        return (str(policy.only_value),)
    there = sorted({feature for partition in choices.partitions for feature in choices.features.get(partition.name) or ()})
    named = [str(value) for value in policy.choices or () if value]
    offered = tuple(value for value in named if set(features_in(value)) <= set(there)) if policy.choices is not None else tuple(there)
    return ("", *offered) if offered else ()


def check_constraint(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    """Refuse features that no node of the partition has, or that the admin does not offer; where they are not known, Slurm judges."""
    policy, asked = choices.policy("constraint"), request.constraint
    if policy.only_value is not None:
        if asked != policy.only_value:
            refuse("constraint", _("It is set to {default} on this service. Choose that one.").format(default=policy.only_value))
        return
    if not asked:
        return
    if policy.choices is not None and asked not in (values := constraint_values(choices)):
        refuse("constraint", _not_there(asked, [value for value in values if value]))
        return
    there = _there(request.partition, choices)
    missing = "" if there is None else next((feature for feature in features_in(asked) if feature not in there), "")
    if missing:
        offered = sorted(there or ())
        sentence = _not_there(missing, offered)
        if offered and choices.partition(request.partition) is not None:
            sentence = _("No node of partition {partition} has the feature {value}. Choose one of: {list}.").format(
                partition=request.partition, value=quoted(missing), list=listed(offered)
            )
        refuse("constraint", sentence)


def _there(partition: str, choices: Choices) -> frozenset[str] | None:
    """The features of the partition's nodes; of all nodes where it is none. None where not all are known."""
    if partition in choices.features:
        return choices.features[partition]
    known = [found for found in choices.features.values() if found is not None]
    return frozenset().union(*known) if len(known) == len(choices.features) > 0 else None


def _not_there(value: str, offered: list[str]) -> str:
    if not offered:
        return _("{value} is not a feature of the nodes here. Leave it empty.").format(value=quoted(value))
    sentence = _("{value} is not a feature that you may ask for. Leave it empty, or choose one of: {list}.")
    return sentence.format(value=quoted(value), list=listed(offered))
