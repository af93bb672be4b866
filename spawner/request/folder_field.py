"""The form's field of the folder in which the session opens, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .choices import Choices
from .form_fields import FormField, Option
from .model import help_of, label_of
from .start_folder import areas_in_words, areas_offered


def start_folder_field(choices: Choices, values: Mapping[str, Any], errors: Mapping[str, str]) -> FormField | None:
    """Return the field of the folder in which the session opens, of the kind ``folder``; None where the admin names no areas."""
    key, policy, areas = "start_folder", choices.policy("start_folder"), areas_offered(choices)
    if not areas or policy.hidden or choices.only_presets:
        return None
    return FormField(
        key=key,
        label=policy.label or label_of(key),
        help=policy.help or help_of(key),
        kind="folder",
        value=str(values.get(key, "")),
        range=areas_in_words(choices),
        options=tuple(Option(area.name, area.title) for area in areas),
        error=errors.get(key, ""),
        locked=policy.locked,
    )
