"""The licences of ``scontrol show licenses --oneliner``. Pure."""

from __future__ import annotations

import re

from .model import License
from .reading import Reading
from .values import unreadable

_LICENSE = re.compile(r"LicenseName=(\S+) Total=([0-9]{1,18}) Used=[0-9]{1,18} Free=([0-9]{1,18})", re.ASCII)
_START = "LicenseName="
_NOTHING = "No licenses configured"


def parse_licenses(text: str, reading: Reading | None = None) -> tuple[License, ...]:
    """Read every licence: what Slurm counts itself, and those of other servers that slurmdbd knows (``Remote=yes``).

    Raises
    ------
    SlurmOutputError
        It is another answer, none of it can be read, or it was cut short.
    """
    reading = reading or Reading()
    lines = [line for line in reading.lines(text, "scontrol show licenses") if line.startswith(_START)]
    if not lines and _NOTHING not in text:
        unreadable("no licences in scontrol's answer", text)
    return tuple(reading.each(lines, _license))


def _license(line: str) -> License:
    match = _LICENSE.match(line)
    if match is None:
        unreadable("a licence without its numbers", line)
    return License(match[1], int(match[2]), int(match[3]))
