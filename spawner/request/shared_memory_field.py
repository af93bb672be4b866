"""The form's field of the shared memory, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..i18n import _
from .choices import Choices
from .form_fields import FormField
from .model import SessionRequest, help_of, label_of, memory_value
from .shared_memory import KEY, has_shared_memory, shared_memory_in_words


def shared_memory_field(
    request: SessionRequest, choices: Choices, values: Mapping[str, Any], errors: Mapping[str, str]
) -> FormField | None:
    """Return the field, of the kind ``text``; None where no release that the user may choose has shared memory to choose."""
    policy = choices.policy(KEY)
    if policy.hidden or choices.only_presets or not any(has_shared_memory(release) for release in choices.releases):
        return None
    value = values.get(KEY, "")
    return FormField(
        key=KEY,
        label=policy.label or label_of(KEY),
        help=policy.help or help_of(KEY),
        kind="text",
        unit=_("GB"),
        value=(memory_value(value) if isinstance(value, int) and value else str(value or "")).removesuffix("G"),
        range=shared_memory_in_words(request, choices),
        error=errors.get(KEY, ""),
    )
