"""The apps of a release as jupyter-server-proxy starts them, when their page is opened first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..site.interfaces import Interface


def servers_of(interfaces: Iterable[Interface]) -> dict[str, dict[str, Any]]:
    """Return what jupyter-server-proxy's setting ``ServerProxy.servers`` says of those that have a command, by the word of their address.

    The launcher fills in ``{home}`` and ``{private}``, jupyter-server-proxy ``{port}``, ``{unix_socket}`` and ``{base_url}``. JupyterLab
    has an entry for each. (jupyter-server-proxy's documentation, "Server Process options".)
    """
    return {
        interface.proxy_name: {
            "command": list(interface.command),
            "absolute_url": interface.absolute_url,
            # Nobody else gets at it in that folder, and it goes with the session. Without it the program is looked for at a port.
            **({"unix_socket": f"{{private}}/{interface.name}"} if any("{unix_socket}" in word for word in interface.command) else {}),
            "timeout": 60,
            "launcher_entry": {"enabled": True, "title": interface.label},
        }
        for interface in interfaces
        if interface.command
    }
