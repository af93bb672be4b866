"""How much of anything the Hub takes: every bound in one place, with its unit and its reason.

A bound is checked before work is done on what it bounds. What is over it is refused at once, with a sentence, and counted. The admin may
change each (``c.ResourceFormBounds``); the rooms below the Hub are handed the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


def _bound(default: int, unit: str, reason: str) -> int:
    return field(default=default, metadata={"unit": unit, "reason": reason})


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one Hub. The metadata of each field has its ``unit`` and its ``reason``, one sentence for the admin."""

    request_keys: int = _bound(100, "keys", "A request has some twenty fields; a sentence is made for each key that is none.")
    request_characters: int = _bound(
        100_000, "characters", "Of one key or value of a request. Variables, the longest field, may come as text."
    )
    request_values: int = _bound(2_000, "values", "Of a request, with all that lists and objects in it hold.")
    request_depth: int = _bound(4, "levels", "Of lists and objects within a request: variables are an object within one.")
    body_bytes: int = _bound(
        1_000_000, "bytes", "Of a request's body, on any address of the Hub: it is held in memory and read in one piece."
    )
    requests: int = _bound(
        300, "requests in ten seconds", "Of one user, whatever they ask for: a page with its styles and scripts takes up to three dozen."
    )
    requests_of_strangers: int = _bound(
        1_000,
        "requests in ten seconds",
        "From one address, of those who are not logged in or not known yet: a class may share one.",
    )
    pages: int = _bound(
        40, "pages in ten seconds", "Of one user, forms and lists of sessions among them: each takes some 30 ms, programs' too."
    )
    start_requests: int = _bound(
        20,
        "starts a minute",
        "Of one user, refused ones too: each takes JupyterHub some 100 ms, with writes to its database.",
    )
    checks: int = _bound(
        30, "checks in ten seconds", "Of one user: a check while the user chooses takes some 20 ms, and a page asks twice a second at most."
    )
    estimates: int = _bound(10, "estimates a minute", "Of one user: each is an sbatch --test-only, which takes the controller's locks.")
    estimates_in_all: int = _bound(240, "estimates a minute", "Of all users together: each takes one of Slurm's job ids.")
    refusals: int = _bound(
        20, "refusals in ten seconds", "Of one user that are answered at once; who goes on asking all the same waits a second for each."
    )
    streams: int = _bound(20, "event streams", "Of one user at a time: a tab holds one, and each is an open file of the Hub's.")
    streams_in_all: int = _bound(
        2000, "event streams", "Of all users at a time; never more than half of the files that the Hub may have open."
    )
    starts: int = _bound(3, "starts", "Of one user that are handed to Slurm at a time; more wait for their turn.")
    starts_in_all: int = _bound(
        8, "starts", "Of all users that are handed to Slurm at a time: each is a process and some writes to the database."
    )
    ended_sessions: int = _bound(
        1000,
        "sessions",
        "Of one user, whose ends are remembered so that no copy of their jobs' tags is adopted: each is a row of 150 bytes.",
    )
    ended_days: int = _bound(30, "days", "For so long the end of a session is remembered; a job that began before is not adopted any more.")
    process_bytes: int = _bound(
        128_000_000, "bytes", "Of what one command may print that asks Slurm as the Hub: 100,000 jobs take 30 MB, 10,000 nodes 20 MB."
    )
    user_process_bytes: int = _bound(
        8_000_000,
        "bytes",
        "Of what one command may print that runs as a user, who may write into it: sbatch, scancel, and the reader of logs, "
        "whose pieces of 4 MB are half as long again on their way.",
    )
    complaint_bytes: int = _bound(
        200_000,
        "bytes",
        "Of what any command may print on its standard error: words for people, which are searched for those that we know.",
    )
    list_rows: int = _bound(
        1_000_000, "rows", "Of one list of Slurm's. The largest queues have some 100,000 jobs; an array that waits is one row."
    )
    value_characters: int = _bound(
        1_000_000, "characters", "Of one value in a list of Slurm's. The names of 20,000 nodes without any order take 200,000."
    )
    site_process_bytes: int = _bound(
        8_000_000, "bytes", "Of what one of the site's own commands may print: the budgets of 50,000 accounts take 5 MB."
    )


class Counts(Protocol):
    """What counts, for whoever runs the Hub. Rooms below the Hub are handed one, for they know no metrics."""

    def over(self, bound: str) -> None:
        """Count something that was over a bound, by the name of its field of :class:`Bounds`."""

    def unread(self, name: str, rows: int, values: int) -> None:
        """Count the rows that were left out and the values that are unknown of Slurm's answers about ``name``, such as ``jobs``."""

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """Count a command that was run, by what it is and how it ended (:mod:`.slurm.runner`), and how long it ran."""


class NoCounts:
    """Counts nothing, where nobody asks for it."""

    def over(self, bound: str) -> None:
        """Count nothing."""

    def unread(self, name: str, rows: int, values: int) -> None:
        """Count nothing."""

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """Count nothing."""


NO_COUNTS = NoCounts()

DEFAULTS = Bounds()
"""The bounds where no admin has said otherwise."""
