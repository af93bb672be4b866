"""What the admin may set of storage: the areas in which a session may start, and who tells what is used of them."""

from __future__ import annotations

from typing import Any

from traitlets import Dict, Float, HasTraits, List, TraitError, Unicode, validate

from ...site.areas import parse_areas
from .checks import check_command


class StorageSettings(HasTraits):
    """The traits of storage."""

    start_folders = Dict(
        help="""
        The storage areas in which users may have a session start: an area's name to its place, or to a dictionary with ``path``, ``label``
        and ``local`` (True: it is on the node itself, and users are told that what is in it is lost). ``$NAME`` in a place is a variable of
        the session, as a module or ``/etc/profile`` sets it; ``{account}`` and ``{user}`` are the session's. Users choose an area, or a
        folder in it (``work/thesis``). The job looks whether it is there and within the area, as the user; where it is not, the session
        opens where it always does, and says so.

        Default: none, and the form has no such field.
        Example: ``{"home": "$HOME", "work": "/work/{account}", "scratch": {"path": "$TMPDIR", "local": True, "label": "Scratch"}}``
        """,
    ).tag(config=True)

    storage_command = List(
        Unicode(),
        help="""
        The site's own command that tells what a user has used of the areas of :attr:`start_folders`: the absolute path of a program, and
        its arguments; a word ``{user}`` becomes the user's name. It prints a JSON object a line, ``{"area": "work",
        "used_bytes": 442381631488, "limit_bytes": 536870912000, "used_files": 81000, "limit_files": 1000000}``; what it does not know it
        leaves out. It is run as the user on the Hub's machine, without a shell, for 10 seconds at most. Nobody waits for it: the form shows
        the answer once it is there.

        Default: none. Example: ``["/opt/site/bin/quota", "--json"]``
        """,
    ).tag(config=True)

    storage_interval = Float(
        600.0,
        help="Seconds for which the answer of :attr:`storage_command` counts as fresh, while its user looks at a form. Default: 600.",
    ).tag(config=True)

    @validate("storage_command")
    def _check_storage_command(self, proposal: Any) -> Any:
        return check_command(proposal)

    @validate("storage_interval")
    def _check_storage_interval(self, proposal: Any) -> float:
        if proposal["value"] <= 0:
            raise TraitError("ResourceFormSpawner.storage_interval must be a number of seconds above 0")
        return float(proposal["value"])

    @validate("start_folders")
    def _check_start_folders(self, proposal: Any) -> Any:
        try:
            parse_areas(proposal["value"])
        except ValueError as error:
            raise TraitError(f"ResourceFormSpawner.start_folders: {error}") from error
        return proposal["value"]
