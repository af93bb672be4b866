"""The one exception of this package: its text is a sentence (and perhaps a log's tail) for whoever started the cluster."""

from __future__ import annotations


class PrivateSlurmError(RuntimeError):
    """Something that the private cluster or its Hub needs is missing or did not start."""
