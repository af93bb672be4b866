"""The fields of how a session looks to its user, which stand one fold away on the form: its name and its colour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..i18n import N_, _
from .choices import Choices
from .field_values import COLOR, COLORS
from .form_fields import FormField, select
from .model import APPEARANCE_FIELDS, help_of, label_of

COLOR_NAMES: Mapping[str, str] = {
    "blue": N_("blue"),
    "teal": N_("teal"),
    "green": N_("green"),
    "yellow": N_("yellow"),
    "orange": N_("orange"),
    "red": N_("red"),
    "pink": N_("pink"),
    "purple": N_("purple"),
}


def appearance_fields(choices: Choices, values: Mapping[str, Any], errors: Mapping[str, str]) -> tuple[FormField, ...]:
    """Return the session's name and colour, as :func:`form_fields`. A colour has the kind ``colors``; one without a name is offered too."""
    built = []
    for key in APPEARANCE_FIELDS:
        policy = choices.policy(key)
        if policy.hidden:
            continue
        value = str(values.get(key, ""))
        widget: dict[str, Any] = {"kind": "text", "value": value}
        if key == "color":
            offered = [("", _("No colour")), *((COLORS[name], _(COLOR_NAMES[name])) for name in COLORS)]
            if value not in dict(offered) and COLOR.fullmatch(value):
                offered.append((value, value))
            widget = select(value, offered, kind="colors")
        built.append(
            FormField(key=key, label=policy.label or label_of(key), help=policy.help or help_of(key), error=errors.get(key, ""), **widget)
        )
    return tuple(built)
