"""What of the unit tests counts for the coverage."""

import pytest


@pytest.hookimpl(trylast=True)  # Hypothesis sets its mark in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Random inputs would let the share wander from run to run, and tracing makes the thorough tests take twice as long."""
    for item in items:
        if item.get_closest_marker("thorough") or item.get_closest_marker("hypothesis"):
            item.add_marker(pytest.mark.no_cover)
