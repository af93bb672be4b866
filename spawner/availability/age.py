"""How long what Slurm has said of its nodes and jobs says what is free now."""

from __future__ import annotations

TOO_OLD_SECONDS = 180
"""Slurm starts jobs every few seconds: what was free minutes ago says nothing."""


def is_old(as_of: float, now: float, *, silent: bool) -> bool:
    """Tell whether what Slurm said at ``as_of`` says nothing any more of what is free ``now``: it was asked since and does not say
    (``silent``), or nobody has asked for long. Both in seconds since the epoch.
    """
    return silent or now - as_of > TOO_OLD_SECONDS
