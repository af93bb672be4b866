"""What is told of a server's ``user_options``: what it is called, and its request without what looks secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import RequestRejected
from ...humanize import cores_in_words
from ...i18n import _
from ...request.model import SessionRequest, parse_request
from ...request.server_names import WITHOUT_LETTERS
from ...request.variables import MASK
from ...site.catalogue import BUILT_IN_LABELS, Labels
from ..known import value_of
from ..variables import told_variables

MADE_UP = re.compile(rf"{WITHOUT_LETTERS}(-[0-9]{{1,4}})?")
"""A name that a server has because its user gave none."""

SUMMARY = "profile"
"""The line that the other options are summed up in, for JupyterHub's admin page."""


def given_name(server: Any, options: Mapping[str, Any] | None = None) -> str:
    """Return what the user has called a server: in ``options``, else JupyterHub's display name, else the server's name; empty for none.

    A server's name that we have made up ourselves is no name. ``server`` is the Hub's ``orm.Spawner``.
    """
    given = (options or {}).get("name")
    return str(given or _known(server, "display_name") or _unless_made_up(_known(server, "name")))


def display_name(server: Any, options: Mapping[str, Any] | None = None, labels: Labels = BUILT_IN_LABELS) -> str:
    """Return what a server is called on every page and in every answer: what its user called it, else what its session is."""
    return shown_name(given_name(server, options), options or {}, _known(server, "name"), labels)


def shown_name(given: str, options: Mapping[str, Any], server: str = "", labels: Labels = BUILT_IN_LABELS) -> str:
    """Return a session's name: the given one, else what it is by its request, in the language in use; ``server`` is the server's name.

    ``JupyterLab · 1 × V100 · g100_int``, ``Terminal · 4 cores · g100_cpu``: the interface by its label in the catalogue.
    """
    return _unless_made_up(given) or _what_it_is(options, labels) or server or _("Default server")


def read_again(options: Mapping[str, Any]) -> SessionRequest:
    """Read the request of a session that there was, apart from its variables, of which lists and records have masks.

    Raises
    ------
    RequestRejected
        It is an older version's, or not yet judged.
    """
    return parse_request({name: value for name, value in options.items() if name != "environment"})


def had_in_words(options: Mapping[str, Any]) -> str:
    """Return what a session that is over had, by its request: ``1 × V100, 4 cores, 8 GB``; empty where that cannot be read."""
    try:
        request = read_again(options)
    except RequestRejected:
        return ""
    return ", ".join([*([request.gpus.words] if request.gpus.count else []), *request.cores_and_memory])


def _unless_made_up(name: str) -> str:
    return "" if MADE_UP.fullmatch(name or "") else name


def _what_it_is(options: Mapping[str, Any], labels: Labels) -> str:
    """Empty where there is no request yet, or none that can be read."""
    if not options.get("partition"):
        return ""
    try:
        request = read_again(options)
    except RequestRejected:
        return ""
    size = request.gpus.words if request.gpus.count else cores_in_words(request.cores)
    return " · ".join(part for part in (labels.interface(request.interface), size, request.partition) if part)


def _known(server: Any, name: str) -> Any:
    # JupyterHub 5 has no display names.
    return value_of(server, name) if hasattr(type(server), name) or name in getattr(server, "__dict__", ()) else ""


def told_request(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as they may be shown: with :func:`.told_variables`."""
    variables = told_variables(options.get("environment"))
    told = {name: value for name, value in options.items() if name != "environment"}
    return {**told, "environment": variables} if variables else told


def veiled_request(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return told options for somebody else than their user: the variables by name only."""
    variables = options.get("environment")
    return {**options, "environment": dict.fromkeys(variables, MASK)} if variables else dict(options)


def kept_request(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that the record of past sessions keeps: the summary is made anew when it is read."""
    return {name: value for name, value in told_request(options).items() if name != SUMMARY}
