"""No two tests have one name; and at the end of a run: what was said of requests and what Slurm did with them, if such tests were in it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.conformance_table import as_markdown, as_text, recorded

# How long an example takes says how busy the machine is. What takes long is measured in benchmarks/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse tests that share a name: xdist would run the first of them, and say nothing of the others."""
    shared = [name for name, number in Counter(item.nodeid for item in items).items() if number > 1]
    if shared:
        raise pytest.UsageError(f"More than one test has the name {', '.join(shared)}.")
    # The longest file of all: at the end of the alphabet, one of three processes would be at it while the others have nothing left to do.
    items.sort(key=lambda item: item.nodeid.startswith("tests/real/") and not item.nodeid.startswith("tests/real/test_verdict.py"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table; with RESOURCE_FORM_SITES_TABLE write it into that file as well."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ()) if report.when == "call"]
    rows = sorted(recorded(entry for report in reports for entry in report.user_properties), key=lambda row: row.site)
    if not rows:
        return
    terminalreporter.section("what was said of requests, and how often Slurm did something else")
    for line in as_text(rows):
        terminalreporter.write_line(line)
    if path := os.environ.get("RESOURCE_FORM_SITES_TABLE"):
        Path(path).write_text(as_markdown(rows))
