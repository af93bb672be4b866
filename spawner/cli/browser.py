"""Opens an address in the browser of whoever sits at this machine. Standard library only."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping


def has_browser(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether there is a screen for a browser: not over SSH, nor on Linux without a display.

    On a login node, :mod:`webbrowser` would take a browser of text and with it the terminal.
    """
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return False
    return sys.platform in ("darwin", "win32") or bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def open_in_browser(address: str) -> bool:
    """Open an address if there is a screen; return whether a browser was started."""
    if not has_browser():
        return False
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False
