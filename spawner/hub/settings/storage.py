"""What the admin may set of storage: the areas in which a session may start."""

from __future__ import annotations

from typing import Any

from traitlets import Dict, HasTraits, TraitError, validate

from ...site.areas import parse_areas


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

    @validate("start_folders")
    def _check_start_folders(self, proposal: Any) -> Any:
        try:
            parse_areas(proposal["value"])
        except ValueError as error:
            raise TraitError(f"ResourceFormSpawner.start_folders: {error}") from error
        return proposal["value"]
