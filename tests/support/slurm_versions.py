"""Which versions of Slurm the tests run on: one for all that has to do with Hubs and pages, all of them for what reads Slurm's answers."""

from __future__ import annotations

import os

from private_slurm.newer_slurm import OWN, SLURMS

CHOSEN = os.environ.get("RESOURCE_FORM_SLURM", "")
"""The argument of ``scripts/test --slurm``: one of the versions, for all tests; ``all``, for every site on every version; or nothing."""

EVERY_SITE_ON_ALL = CHOSEN == "all"

if CHOSEN not in ("", "all", *SLURMS):
    raise ValueError(f"RESOURCE_FORM_SLURM={CHOSEN} is none of all, {', '.join(SLURMS)}")

MAIN: str = CHOSEN if CHOSEN in SLURMS else OWN
"""The one that the whole suite runs on."""

READ: tuple[str, ...] = (MAIN,) if CHOSEN in SLURMS else SLURMS
"""Those that the tests run on which ask what Slurm answers and does."""
