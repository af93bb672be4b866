"""Where the user's settings of the command stand. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path


def settings_folder() -> Path:
    """Return the folder of the user's settings: ``~/.config/resource-form``, or where XDG_CONFIG_HOME says."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".config") / "resource-form"
