"""The Hub's log as lines of JSON, for programs that gather logs: one object a line, with the facts of a session's event as its keys."""

from __future__ import annotations

from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

NOT_SHOWN = (*RESERVED_ATTRS, "color", "end_color")
"""Of a record: what is shown of these has a name of ours; the last two are tornado's colours."""


class JsonLines(JsonFormatter):
    """Makes one line of each record: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, and ``traceback`` where there is one.

    The facts of a session's event (:class:`.events.SessionEvent`) stand beside them. The arguments are what :mod:`logging.config` gives
    every formatter; a format has no meaning here.
    """

    def __init__(self, fmt: str | None = None, datefmt: str | None = None, style: str = "%", **_others: Any) -> None:  # noqa: ARG002
        super().__init__(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
            reserved_attrs=NOT_SHOWN,
            timestamp="time",
            json_ensure_ascii=False,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Put the facts of a session's event beside the rest."""
        facts = log_data.pop("session_event", {})
        return {"time": log_data.pop("time"), **log_data, **facts}
