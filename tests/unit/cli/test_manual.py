"""The manual page that is shipped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="Python 3.11 writes the page; other versions word the options a little otherwise"
)
def test_it_is_that_of_the_commands() -> None:
    """After a change of an option: scripts/manual."""
    done = subprocess.run([sys.executable, str(CHECKOUT / "scripts" / "manual"), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
