"""The Hub's log as lines of JSON."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from typing import Any

import pytest
from traitlets.config import Config

from spawner.hub.configure import configure
from spawner.hub.errors import NoSecrets
from spawner.hub.json_lines import JsonLines
from spawner.session.events import SessionEvent, note


@pytest.fixture
def log() -> Any:
    """A logger and what it has written, as :mod:`logging.config` sets it up."""
    c = Config()
    c.JupyterHub.logging_config = {"formatters": {"other": {"format": "%(message)s"}}}
    configure(c, json_log=True)
    formatters = c.JupyterHub.logging_config["formatters"]
    assert formatters["other"] == {"format": "%(message)s"}
    stream = io.StringIO()
    handlers = {"console": {"class": "logging.StreamHandler", "formatter": "console", "stream": stream}}
    # What traitlets has in the formatter's place, as JupyterHub says it.
    formatters["console"] = {**formatters["console"], "format": "%(color)s[%(levelname)s]%(end_color)s", "datefmt": "%Y"}
    loggers = {"tests.json": {"handlers": ["console"], "level": "INFO", "propagate": False}}
    settings = {"formatters": formatters, "handlers": handlers, "loggers": loggers}
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, **settings})
    logger = logging.getLogger("tests.json")
    assert isinstance(logger.handlers[0].formatter, JsonLines)
    yield logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers.clear()
    logger.filters.clear()


def test_a_line(log: Any) -> None:
    """Moment, level, who says it, what; in this order, and nothing else."""
    logger, lines = log
    logger.warning("Größe: %s", "a\nb")
    (line,) = lines()
    assert list(line) == ["time", "level", "logger", "message"]
    assert line["time"].endswith("+00:00")
    assert (line["level"], line["logger"], line["message"]) == ("WARNING", "tests.json", "Größe: a\nb")


def test_an_error(log: Any) -> None:
    """Its traceback is in the same line."""
    logger, lines = log
    try:
        int("canary")
    except ValueError:
        logger.exception("It failed")
    (line,) = lines()
    assert line["message"] == "It failed"
    assert line["traceback"].startswith("Traceback (most recent call last):")
    assert line["traceback"].endswith("invalid literal for int() with base 10: 'canary'")


def test_an_event(log: Any) -> None:
    """Its facts are keys; what opens something is left out of them as well."""
    logger, lines = log
    logger.addFilter(NoSecrets())
    note(logger, SessionEvent("failed", "ada", job_id=7, text="See https://hub/?token=abc123&x=1"))
    (line,) = lines()
    assert (line["event"], line["user"], line["job_id"]) == ("failed", "ada", 7)
    assert line["text"] == "See https://hub/?token=[secret]&x=1"
    assert "abc123" not in json.dumps(line)
