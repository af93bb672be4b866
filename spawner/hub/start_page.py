"""What the pages of a start say of it that only the Hub knows: until when it waits, where it stopped, what is posted to try again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..errors import RequestRejected
from ..humanize import day_and_time
from ..i18n import _
from ..request.model import FIELDS_OF_THE_PAGE, parse_request
from ..session.record import End
from ..session.startup_log import NEVER_RAN
from ..session.status import Stage
from .protocol import FormSpawner
from .state import HubState
from .variables import shown_text

WOULD_END_ALIKE = frozenset({"NOT_SUBMITTED", "NEVER_STARTS"})
"""Ends of a start after which the same request would only be refused again."""


def starts_about(estimate: str, now: float) -> str:
    """Return ``Starts about 17:30``, with the day where it is not today; empty where that is past. ``estimate`` is ISO 8601."""
    when = datetime.fromisoformat(estimate.replace("Z", "+00:00")).timestamp()
    return _("Starts about {time}").format(time=day_and_time(when, now)) if when > now else ""


def stage_of_end(end: End | None) -> Stage:
    """Return the stage that a start had come to when it failed, as far as its end tells."""
    if end is None or not end.job_id or end.state == "NOT_SUBMITTED":
        return "submitting"
    return "queue" if end.state in NEVER_RAN or not (end.node or end.started) else "environment"


def request_to_post(spawner: FormSpawner) -> Mapping[str, Any]:
    """Return what the form would post for the last request; empty where it would be refused again, or cannot be read."""
    end = spawner.last_end
    if end is not None and end.state in WOULD_END_ALIKE:
        return {}
    options = spawner.user_options or {}
    try:
        parse_request(options, HubState.of(spawner).bounds)
    except RequestRejected:
        return {}
    # An empty reservation is a choice: none.
    posted = {name: options[name] for name in FIELDS_OF_THE_PAGE if options.get(name) or (name == "reservation" and name in options)}
    return {**posted, "environment": shown_text(posted["environment"])} if "environment" in posted else posted
