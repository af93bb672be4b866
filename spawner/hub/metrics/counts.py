"""What counts: what the rooms below the Hub tell (:class:`.bounds.Counts`), and what becomes of sessions."""

from __future__ import annotations

from ...errors import ResourceFormError
from ...slurm.runner import OTHER
from .definitions import COMMAND_SECONDS, COMMANDS_RUN, ENDED, FAILED_STARTS, REASONS, REFUSED, UNREAD


class HubCounts:
    """Counts for the Hub's metrics what the rooms below it tell."""

    def over(self, bound: str) -> None:
        """Count something that was over a bound."""
        REFUSED.labels(bound).inc()

    def unread(self, name: str, rows: int, values: int) -> None:
        """Count what of a list could not be read."""
        UNREAD.labels(name, "rows").inc(rows)
        UNREAD.labels(name, "values").inc(values)

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """Count a command that was run, by one of :data:`.runner.COMMANDS` and :data:`.runner.OUTCOMES`."""
        COMMANDS_RUN.labels(name, outcome).inc()
        COMMAND_SECONDS.labels(name).observe(seconds)


def session_ended(category: str) -> None:
    """Count a session that is over, by one of :data:`.outcome.Category`."""
    ENDED.labels(category).inc()


def start_failed(error: ResourceFormError) -> None:
    """Count a start that was refused or failed, by its error's label."""
    FAILED_STARTS.labels(error.label if error.label in REASONS else OTHER).inc()
