"""A request as a file, for the page and the API: what is written into one, and what one says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import RequestRejected
from ..i18n import _
from ..request.model import parse_request
from ..request.saved import as_yaml
from ..request.validation import judge_request
from ..worker import run_in_worker
from .protocol import HubSpawner
from .variables import with_known_variables

FILE_NAME = "session.yaml"
MEDIA_TYPE = "application/yaml"


def send_file(handler: Any, text: str, *, download: bool = False) -> None:
    """Answer with a file; with ``download`` a browser keeps it, and stays on its page."""
    handler.set_header("Content-Type", f"{MEDIA_TYPE}; charset=utf-8")
    if download:
        handler.set_header("Content-Disposition", f'attachment; filename="{FILE_NAME}"')
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Cache-Control", "no-store")
    handler.finish(text)


async def file_of(spawner: HubSpawner, options: Mapping[str, Any], *, patience: float | None = None) -> str:
    """Return a request of the spawner's user as a file, complete with what holds where it says nothing.

    Whether it can be had now does not matter: it is kept for later.

    Raises
    ------
    RequestRejected
        It cannot be read.
    ResourceFormError
        What the user may choose is not known.
    """
    known = with_known_variables(spawner, options)
    choices = await spawner.choices(options=known, patience=patience)
    parse_request(known, choices.bounds)
    request = (await run_in_worker(lambda: judge_request(known, choices)))[0]
    return as_yaml(request)


def last_file_of(spawner: HubSpawner) -> str:
    """Return the request of the spawner's last session as a file.

    Raises
    ------
    RequestRejected
        There was none.
    """
    if not spawner.accepted_options:
        raise RequestRejected({"server": _("No session was started here yet.")}, log="a request was asked for where none was started")
    return as_yaml(parse_request(spawner.accepted_options))
