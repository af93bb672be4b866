"""What the Hub counts for the metrics at ``/hub/metrics``, beside JupyterHub's own.

The counters are the library's: one registry for each process, whatever Hubs run in it.
"""

from __future__ import annotations

from dataclasses import fields

from prometheus_client import Counter

from ..bounds import Bounds

REFUSED = Counter(
    "jupyterhub_resource_form_refused",
    "What was refused because it was over a bound (c.ResourceFormBounds): requests, and what commands print.",
    ["bound"],
)
UNREAD = Counter(
    "jupyterhub_resource_form_unread",
    "Rows of Slurm's answers that could not be read and were left out, and values that count as unknown.",
    ["list", "what"],
)


class HubCounts:
    """Counts for the Hub's metrics what the rooms below it tell (:class:`.bounds.Counts`)."""

    def over(self, bound: str) -> None:
        """Count something that was over a bound."""
        REFUSED.labels(bound).inc()

    def unread(self, name: str, rows: int, values: int) -> None:
        """Count what of a list could not be read."""
        UNREAD.labels(name, "rows").inc(rows)
        UNREAD.labels(name, "values").inc(values)


for _bound in fields(Bounds):
    REFUSED.labels(_bound.name)
