"""A pinned version is met by what begins as it does."""

from __future__ import annotations

import pytest

from spawner.cli.release_check.versions import meets


@pytest.mark.parametrize(
    ("found", "pinned"),
    [
        ("3.11.9", "3.11"),
        ("3.11", "3.11"),
        ("2024.4.0", "2024.04"),
        ("24.4.1", "24.04"),
        ("2.3.0+cu121", "2.3.0"),
        ("2.3.0+cu121", "2.3.0+cu121"),
        ("1.7.3", "1.7-3"),
        ("v18.2", "18"),
        ("5.0b1", "5.0b1"),
    ],
)
def test_what_meets_it(found: str, pinned: str) -> None:
    """T16: as precise as it is written; a zero in front is nothing."""
    assert meets(found, pinned)


@pytest.mark.parametrize(
    ("found", "pinned"),
    [("3.10", "3.1"), ("3.1", "3.10"), ("3", "3.11"), ("", "1"), ("1", ""), ("1", "any"), ("2.3.0+cu118", "2.3.0+cu121")],
)
def test_what_does_not(found: str, pinned: str) -> None:
    """3.10 is not 3.1; what says nothing meets nothing."""
    assert not meets(found, pinned)
