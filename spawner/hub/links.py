"""What a link to the form has of a request, and which links may start a session by themselves.

Those the admin has to allow, and none on a page that another user could have made is among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..request.model import FIELDS_OF_THE_PAGE
from ..request.variables import as_text
from .variables import told_variables

PRESSED = ("navigate", "document", "?1")
"""What a browser says of a link that a person has pressed, and not of a picture, a frame or a script: Sec-Fetch-Mode, -Dest and -User."""


def may_start(headers: Mapping[str, str], public_host: str) -> bool:
    """Tell whether a link that was followed with these headers may start a session.

    What a browser sends as ``Sec-Fetch-Site`` no page can set. Of the ``Referer`` no page can forge the host; its path any page of the
    same host can, so that the Hub's own pages and those of sessions cannot be told apart where both have one host.

    Parameters
    ----------
    public_host
        The Hub's own scheme and host where sessions have others (``JupyterHub.subdomain_host``); else empty.
    """
    if (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"), headers.get("Sec-Fetch-User")) != PRESSED:
        return False
    site = headers.get("Sec-Fetch-Site")
    if site == "same-origin":
        return bool(public_host)
    referring = urlsplit(headers.get("Referer", "")).hostname or ""
    hub = urlsplit(public_host).hostname or ""
    return site == "same-site" and bool(referring) and not (hub and referring.endswith(f".{hub}"))


def options_in_link(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return as much of a request as a link to the form has, by field: no secret, for an address is kept in histories and logs."""
    values = {name: value for name, value in options.items() if name in FIELDS_OF_THE_PAGE and name != "environment"}
    variables = as_text(told_variables(options.get("environment")))
    return {**values, "environment": variables} if variables else values
