"""The QOS that a request asks for: which one it is, what follows for the choices, and why it cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..i18n import _
from ..slurm.names import in_accounting
from .choices import Choices
from .field_values import quoted
from .model import SessionRequest
from .presets import Preset
from .size_validation import Refuse, listed


def qos_values(choices: Choices) -> tuple[str, ...]:
    """Return every value of the field, empty for Slurm's own choice in front; none where there is nothing to choose.

    One that the admin has locked it to is the only one; where the admin's options ask for a QOS there are none.
    """
    names = () if choices.forced_qos else choices.narrowed("qos", choices.entitlement.qos)
    return names if choices.policy("qos").only_value or not names else ("", *names)


def qos_asked(options: Mapping[str, Any], choices: Choices) -> str:
    """Return the QOS by whose rules the options have to be judged: theirs, else their preset's, else the admin's default of the field.

    Empty where it is none that this user could be given: then the request is refused for it (:func:`check_qos`).
    """
    preset: Preset | None = choices.preset(options["preset"]) if isinstance(options.get("preset"), str) else None
    found = options.get("qos", preset.values.get("qos") if preset is not None else None)
    if found is None:
        found = choices.policy("qos").default
    name = in_accounting(found) if isinstance(found, str) else ""
    return name if name in qos_values(choices) else ""


def choices_for(options: Mapping[str, Any], choices: Choices) -> Choices:
    """Return the choices by which these options are judged: those under the QOS that they ask for, of :attr:`.Choices.by_qos`.

    Where the user may do nothing at all under it, the choices are those without it, of which the QOS bars all partitions.
    """
    name = qos_asked(options, choices)
    if name == choices.qos or not choices.by_qos:
        return choices
    plain = replace(choices, entitlement=choices.by_qos[""], qos="", barred=frozenset())
    own = choices.by_qos.get(name, plain.entitlement)
    there = {partition.name for partition in own.partitions}
    barred = frozenset(partition.name for partition in plain.partitions if partition.name not in there)
    return replace(plain, entitlement=own if there else plain.entitlement, qos=name, barred=barred)


def check_qos(request: SessionRequest, choices: Choices, refuse: Refuse) -> None:
    """Refuse a QOS that this user cannot have, or that the partition does not take."""
    name, values = request.qos, qos_values(choices)
    if choices.forced_qos:
        if name not in ("", choices.forced_qos):
            refuse("qos", _("{value} cannot be chosen: this service sets the QOS itself. Leave it empty.").format(value=quoted(name)))
    elif name in values or (not name and not values):
        if name and request.partition in choices.barred:
            sentence = _("{value} may not be used in partition {partition}. Choose another partition, or leave it empty.")
            refuse("qos", sentence.format(value=quoted(name), partition=request.partition))
    elif values and not name:
        refuse("qos", _("It is set to {default} on this service. Choose that one.").format(default=values[0]))
    elif not choices.entitlement.accounts_hidden:
        names = [value for value in values if value]
        sentence = _("{value} is not a QOS that you may use. Leave it empty, or choose one of: {list}.")
        if not names:
            sentence = _("{value} is not a QOS that you may use. Leave it empty.")
        refuse("qos", sentence.format(value=quoted(name), list=listed(names)))
