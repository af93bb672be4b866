"""Licences that the admin's own options ask for with every job (``sbatch --licenses``), and whether so many are free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..slurm.model import License


def licenses_of(sbatch_options: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Return the licences that a job asks for and how many of each; the last ``--licenses`` counts.

    Only names joined by ``,`` are understood (sbatch(1)). Of anything else nothing follows here, and a verdict may be too hopeful.
    """
    wanted: tuple[tuple[str, int], ...] = ()
    for option in sbatch_options:
        name, _equals, value = option.partition("=")
        if name == "--licenses":
            wanted = () if "|" in value else tuple(_one(entry) for entry in value.split(",") if entry)
    return tuple(entry for entry in wanted if entry[1])


def _one(entry: str) -> tuple[str, int]:
    name, _colon, count = entry.replace("=", ":").partition(":")
    return name.strip(), int(count) if count.isascii() and count.isdigit() else 1


@dataclass(frozen=True, slots=True)
class MissingLicense:
    """One licence of which there are too few: ``free`` of ``total``, where ``wanted`` are asked for."""

    name: str
    wanted: int
    free: int
    total: int


def missing(wanted: Iterable[tuple[str, int]], licenses: Iterable[License]) -> MissingLicense | None:
    """Return the licence that keeps a job from starting, the one that is never enough first; None if there is none.

    A licence that Slurm does not name has none.
    """
    known = {entry.name: entry for entry in licenses}
    short = []
    for name, count in wanted:
        there = known.get(name, License(name))
        if count > there.free:
            short.append(MissingLicense(name, count, there.free, there.total))
    return min(short, key=lambda entry: entry.total >= entry.wanted, default=None)
