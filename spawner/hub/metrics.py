"""What the Hub counts for the metrics at ``/hub/metrics``, beside JupyterHub's own.

The counters are the library's: one registry for each process, whatever Hubs run in it.
"""

from __future__ import annotations

from dataclasses import fields

from prometheus_client import Counter

from ..bounds import Bounds

REFUSED = Counter(
    "jupyterhub_resource_form_refused", "Requests that were refused because they were over a bound (c.ResourceFormBounds).", ["bound"]
)
for _bound in fields(Bounds):
    REFUSED.labels(_bound.name)
