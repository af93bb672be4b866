"""Trackable resources (TRES) as Slurm prints them: ``cpu=8,mem=100G,gres/gpu:v100=2``. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from ..errors import SlurmOutputError
from .model import Tres
from .values import names_of, unreadable

_TRES = re.compile(r"([^=,\s]+)=([0-9]{1,20})(\.[0-9]{1,2})?([KMGTP]?)", re.ASCII)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def tres_of(text: str, what: str, *, rounded: bool = False) -> Tres:
    """Read ``cpu=8,mem=100G,gres/gpu:v100=2``: memory in MB, where a bare number is MB already.

    With ``rounded`` large amounts may have two decimal places, as a partition's: what they were before that is not known.

    Raises
    ------
    SlurmOutputError
        An entry is of another shape.
    """
    found = []
    for entry in names_of(text):
        match = _TRES.fullmatch(entry)
        if match is None or (match[3] and not rounded):
            unreadable(f"{what} is no list of TRES", text)
        name, number, fraction, unit = match[1].lower(), int(match[2]), match[3], match[4]
        power = _POWERS[unit or ("M" if name == "mem" else "")] - (2 if name == "mem" else 0)
        amount = number * 1024**power if power >= 0 else -(-number // 1024**-power)
        found.append((name, amount + (round(float(fraction) * 1024**power) if fraction else 0)))
    return tuple(found)


@lru_cache(maxsize=8192)  # most jobs are alike, and the pages ask again and again
def tres_of_job(text: str) -> Tres:
    """Read what a job has, as squeue prints it; nothing of what cannot be read, for this is told and decides nothing."""
    try:
        return tres_of(text, "tres-alloc")
    except SlurmOutputError:
        return ()
