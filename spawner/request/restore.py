"""The values that a form begins with: the defaults, and what still holds of remembered values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import RequestRejected
from .choices import Choices
from .defaults import default_values
from .model import FIELDS, label_of
from .validation import resolve_request, text_of, true_preset, with_preset


def restore_valid(options: Mapping[str, Any], choices: Choices) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the defaults with those of the remembered ``options`` that still hold, and the labels of the fields that were dropped."""
    defaults = default_values(choices)
    preset, known = options.get("preset"), with_preset(options, choices)
    # Apart from its values, which stand here, a preset is but a name: as a preset it would bring back what is dropped below.
    kept = {key: value for key, value in known.items() if key in FIELDS and key != "preset"}
    dropped: list[str] = []
    if preset and choices.preset(text_of(preset) or "") is None:
        dropped.append(choices.policy("preset").label or label_of("preset"))
        preset = ""
    while True:  # each time fewer are kept
        try:
            request = resolve_request(kept, choices)
        except RequestRejected as error:
            at_fault = [name for name in error.errors if name in kept]
            if not at_fault:
                return defaults, tuple(dropped)
            for name in at_fault:
                del kept[name]
                dropped.append(choices.policy(name).label or label_of(name))
            continue
        request = true_preset(request.model_copy(update={"preset": preset or ""}), choices)
        return {**defaults, **request.options()}, tuple(dropped)
