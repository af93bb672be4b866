"""The values of a number that people mostly want: a few of those that may be had, the largest among them."""

from __future__ import annotations

from collections.abc import Mapping

from ..slurm.resources import CORES, MEMORY
from .ranges import Range

MOST_VALUES = 8
"""More than that is no row to choose from, but a list."""

_HOUR, _DAY = 60, 24 * 60
STEPS: Mapping[str, tuple[int, ...]] = {
    CORES: tuple(2**power for power in range(11)),
    MEMORY: tuple(1024 * 2**power for power in range(13)),
    "walltime": (30, *(_HOUR * hours for hours in (1, 2, 4, 8, 12)), *(_DAY * days for days in (1, 2, 4, 7, 14, 28))),
}
"""By field, in its own unit: cores, MB, minutes."""

_ONLY_WHERE_LITTLE_MAY_BE_HAD = {"walltime": (30, 12 * _HOUR), MEMORY: (1024, 2048)}


def useful_values(name: str, found: Range) -> tuple[int, ...]:
    """Return the values to press for ``cores``, ``memory`` (MB) or ``walltime`` (minutes), the smallest first; at most eight.

    Those that the admin lists where there is a list. The largest that may be had is one of them, unless nothing bounds it.
    """
    if found.values:
        listed = [value for value in found.values if found.most is None or value <= found.most]
        return tuple(listed[:MOST_VALUES])
    most = found.most
    values = [value for value in STEPS[name] if value >= found.least and (most is None or value <= most)]
    if most is not None and most >= found.least and most not in values:
        values.append(most)
    for value in _ONLY_WHERE_LITTLE_MAY_BE_HAD.get(name, ()):
        if len(values) > MOST_VALUES and value in values:
            values.remove(value)
    if most is None:
        return tuple(values[:MOST_VALUES])
    # The smallest is what most people start from, so those behind it go first.
    return tuple(values if len(values) <= MOST_VALUES else [values[0], *values[1 - MOST_VALUES :]])
