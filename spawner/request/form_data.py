"""What a browser posts, as options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..bounds import DEFAULTS, Bounds
from ..errors import MAX_ERRORS, RequestRejected
from ..i18n import _
from .field_values import quoted
from .model import FIELDS, IGNORED_KEYS, label_of, refuse_too_large

MAY_BE_EMPTY = ("reservation", "qos", "constraint", "nodes", "tasks", "start_folder", "shared_memory")
_HOURS = re.compile(r"[0-9]{1,5}", re.ASCII)
_HOURS_AND_MINUTES = re.compile(r"[0-9]{1,5}:[0-9]{2}", re.ASCII)


def hours_as_typed(text: str) -> str:
    """Return a time that was typed into the page as :func:`.parse_walltime` reads it.

    The page counts in hours: ``2`` is ``2h`` there and ``1:30`` an hour and a half. For sbatch they are minutes, and minutes and seconds.
    """
    if _HOURS.fullmatch(text):
        return f"{text}h"
    return f"{text}:00" if _HOURS_AND_MINUTES.fullmatch(text) else text


def as_the_page_means(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a browser posts from the page, lists of strings, with its times as they are read everywhere else."""
    times = form.get("walltime")
    if not isinstance(times, (list, tuple)):
        return dict(form)
    return {**form, "walltime": [hours_as_typed(time.strip()) if isinstance(time, str) else time for time in times]}


def read_form(form: Mapping[str, Any], bounds: Bounds = DEFAULTS) -> dict[str, Any]:
    """Read what a browser posts, lists of strings, as options: one value a field, empty ones left out so that the default holds.

    Those of :data:`MAY_BE_EMPTY` may be empty: that is their value for none; so may ``environment``, which keeps all blanks.

    Raises
    ------
    RequestRejected
        A field came more than once, or is a file.
    RequestTooLarge
        It holds more than any request needs (:func:`.refuse_too_large`).
    """
    refuse_too_large(form, bounds)
    options: dict[str, Any] = {}
    errors = {}
    for key, values in form.items():
        if key in IGNORED_KEYS:
            continue
        if not isinstance(values, (list, tuple)) or len(values) != 1 or not isinstance(values[0], str):
            errors[key] = _("{field} must be given once, as text.").format(field=label_of(key) if key in FIELDS else quoted(key))
        elif key == "environment":
            options[key] = values[0]
        elif values[0].strip() or key in MAY_BE_EMPTY:
            options[key] = values[0].strip()
    refuse_too_large(options, bounds)
    if errors:
        names = ", ".join(quoted(key) for key in list(errors)[:MAX_ERRORS])
        raise RequestRejected(errors, log=f"request rejected: given more than once, or not as text: {names}")
    return options
