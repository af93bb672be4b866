"""What the admin may set of the record of past sessions."""

from __future__ import annotations

from typing import Any

from traitlets import HasTraits, Integer, TraitError, validate


class HistorySettings(HasTraits):
    """The traits of the record of past sessions."""

    history_length = Integer(
        100,
        help="""
        So many past sessions of each user are kept in a table of ours in the Hub's database, for the list of sessions. 0: none is kept.

        Default: 100.
        """,
    ).tag(config=True)

    history_days = Integer(
        90,
        help="For so many days past sessions are kept (:attr:`history_length`). 0: none is kept. Default: 90.",
    ).tag(config=True)

    @validate("history_length", "history_days")
    def _check_history(self, proposal: Any) -> int:
        if proposal["value"] < 0:
            raise TraitError(f"ResourceFormSpawner.{proposal['trait'].name} must be 0 or more")
        return int(proposal["value"])
