"""What a session that is over really used of what it had: kept with its end, and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from ..humanize import duration, joined, tenths
from ..i18n import _, decimal, ngettext
from ..units import format_memory

MOSTLY = 0.8
"""Where the GPUs were watched for a smaller part of the time than this, it is said for how long they were."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a session used, as far as it was measured; None, and never 0, for what was not.

    ``peak_mb`` is the most memory that its processes had at once, in MB, as its own launcher says: exact, but its user can make it up, so
    it is shown to that user alone and counts in no report. (What Slurm saw of its memory is ``End.used_mb``.) ``cpu_seconds`` of CPU time
    were used on ``cores`` in ``seconds``, as slurmdbd has it. ``gpu_percent`` is how busy its ``gpus`` were on average, and
    ``gpu_memory_mb`` the most that one of them had in use of its ``gpu_memory_total_mb``: by the nodes' reports, over ``gpu_minutes``.
    """

    peak_mb: int | None = None
    cpu_seconds: float | None = None
    cores: int | None = None
    seconds: int | None = None
    gpus: int | None = None
    gpu_percent: float | None = None
    gpu_memory_mb: int | None = None
    gpu_memory_total_mb: int | None = None
    gpu_minutes: int | None = None

    @property
    def cores_busy(self) -> float | None:
        """Return how many cores were busy on average."""
        return self.cpu_seconds / self.seconds if self.cpu_seconds is not None and self.seconds else None

    def for_others(self) -> Used:
        """Return it without what the session says of itself."""
        return replace(self, peak_mb=None)

    def or_none(self) -> Used | None:
        """Return None in the place of one in which nothing is known."""
        return self if any(value is not None for value in asdict(self).values()) else None

    @classmethod
    def from_state(cls, state: object) -> Used | None:
        """Read it from the database; None where there is nothing that can be read. What a later version has added is left out."""
        if not isinstance(state, Mapping):
            return None
        return cls(**{each.name: state[each.name] for each in fields(cls) if _is_amount(state.get(each.name))}).or_none()


def used_in_words(use: Used | None, memory_mb: int | None, asked_mb: int | None) -> str:
    """Say what a session used: ``Used 3.1 of 32 GB, 0.4 of 4 cores and 10 % of the GPU.`` Empty where nobody measured anything.

    Parameters
    ----------
    memory_mb, asked_mb
        What Slurm saw of its memory, and what it had, in MB; None where that is not known.
    """
    use = use or Used()
    most = memory_mb if use.peak_mb is None else use.peak_mb
    parts = [_memory(most, asked_mb) if most else "", _cores(use), _gpus(use)]
    what = joined([part for part in parts if part])
    if not what:
        return ""
    # Translators: what a session that is over used: "Used 3.1 of 32 GB, 0.4 of 4 cores and 10 % of the GPU."
    sentence = _("Used {what}.").format(what=what)
    return f"{sentence} {_watched(use)}".strip()


def _memory(used: int, asked: int | None) -> str:
    alone = format_memory(used) if used < 1024 else f"{tenths(used)} GB"
    if asked is None:
        return alone
    if used < 1024 or asked < 1024:
        # Translators: memory: "300 MB of 32 GB"
        return _("{used} of {asked}").format(used=alone, asked=format_memory(asked))
    # Translators: memory: "3.1 of 32 GB"
    return _("{used} of {asked} GB").format(used=tenths(used), asked=tenths(asked))


def _cores(use: Used) -> str:
    if use.cores_busy is None:
        return ""
    # A program that waits for its user has some hundredths of a core: not none.
    busy = decimal(max(0.1, use.cores_busy), 1)
    if not use.cores:
        return ngettext("{busy} core", "{busy} cores", math.ceil(use.cores_busy)).format(busy=busy)
    return ngettext("{busy} of {number} core", "{busy} of {number} cores", use.cores).format(busy=busy, number=use.cores)


def _gpus(use: Used) -> str:
    if not use.gpus:
        return ""
    memory = ""
    if use.gpu_memory_mb is not None and use.gpu_memory_total_mb:
        memory = _("{used} of {asked} GB").format(used=tenths(use.gpu_memory_mb), asked=tenths(use.gpu_memory_total_mb))
    if use.gpu_percent is None:
        # Translators: "5.2 of 80 GB of GPU memory"
        return _("{memory} of GPU memory").format(memory=memory) if memory else ""
    percent = math.ceil(use.gpu_percent)
    # Translators: "10 % of the GPU", "10 % of 2 GPUs"
    busy = ngettext("{percent} % of the GPU", "{percent} % of {number} GPUs", use.gpus).format(percent=percent, number=use.gpus)
    return f"{busy} ({memory})" if memory else busy


def _watched(use: Used) -> str:
    if not use.gpu_minutes or not use.seconds or not _gpus(use) or use.gpu_minutes * 60 >= MOSTLY * use.seconds:
        return ""
    return _("What GPUs do was watched for {duration} of that time.").format(duration=duration(use.gpu_minutes))


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf
