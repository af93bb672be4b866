"""The guide as a list of steps: its headings, and the commands below each. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

EXECUTED = "sh"
"""What stands behind the fence of a block that is executed; blocks of any other kind are shown to the reader only."""


class GuideError(Exception):
    """The guide is not what can be run."""


@dataclass(frozen=True)
class Step:
    """One block of commands, and the heading under which it stands."""

    heading: str
    commands: str
    line: int


def steps_of(text: str) -> tuple[Step, ...]:
    """The blocks that are executed, in their order.

    Raises
    ------
    GuideError
        A block does not end.
    """
    steps, heading, block, kind, begun = [], "", [], None, 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.fullmatch(r"```(\w*)", line)
        if kind is None and fence:
            kind, block, begun = fence[1], [], number + 1
        elif kind is not None and fence:
            if kind == EXECUTED:
                steps.append(Step(heading, "\n".join(block), begun))
            kind = None
        elif kind is not None:
            block.append(line)
        elif found := re.fullmatch(r"#+ (.*)", line):
            heading = found[1]
    if kind is not None:
        raise GuideError(f"The block that begins in line {begun} does not end.")
    return tuple(steps)


def values_of(step: Step) -> dict[str, str]:
    """The values that the reader is to put in: the lines NAME=value of the first block.

    Raises
    ------
    GuideError
        The block has other lines.
    """
    values = {}
    for line in step.commands.splitlines():
        found = re.fullmatch(r"([A-Z_]+)=(\S+)(?: +#.*)?", line)
        if not found:
            raise GuideError(f"{line!r} is not NAME=value.")
        values[found[1]] = found[2]
    return values


def with_values(values: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """The lines of the first block with our values in place of the example's.

    Raises
    ------
    GuideError
        A value of ours is none of the guide's, or the other way round.
    """
    if values.keys() != ours.keys():
        raise GuideError(f"The guide asks for {sorted(values)}, and there are {sorted(ours)}.")
    return "".join(f"{name}={value}\n" for name, value in ours.items())
