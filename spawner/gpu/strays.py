"""Which of the GPUs that Slurm calls free somebody else fills: processes outside of Slurm, or left over from a job. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..slurm.model import Node
from .agent.schema import NodeReport
from .device_matching import device_views
from .devices import STRAY_MB_OF_PROCESS, DeviceView, looks_stray, unfit

LONGEST_PAUSE_SECONDS = 300.0
"""After so long without an answer of Slurm's nothing follows from the one before: whole jobs may have come and gone."""


class StrayWatch:
    """A watch that tells a stray process from a job that has just begun or ended.

    Slurm's answer and a report are never of the same moment.

    A GPU is a stray's once a report that came at least ``after`` seconds after Slurm first called it free still shows it filled, if Slurm
    has called it free each time since, and every report that was looked at showed it filled. Slurm's answers more than
    :data:`LONGEST_PAUSE_SECONDS` apart begin anew.
    """

    def __init__(self) -> None:
        self._since: dict[tuple[str, str], float] = {}
        self._as_of = 0.0

    def look(
        self, nodes: Iterable[tuple[Node, NodeReport, float]], *, as_of: float, after: float
    ) -> tuple[dict[str, frozenset[str]], dict[str, tuple[tuple[str, int], ...]]]:
        """Return, by node, the keys of the GPUs that strays have, and :func:`unfit`; nodes without any are left out.

        Parameters
        ----------
        nodes
            All that have a fresh report, with it and the moment at which it came.
        as_of
            When Slurm was asked for them. Moments are seconds since the epoch.
        """
        known = self._since if 0 <= as_of - self._as_of <= LONGEST_PAUSE_SECONDS else {}
        since: dict[tuple[str, str], float] = {}
        strays: dict[str, frozenset[str]] = {}
        taken_off: dict[str, tuple[tuple[str, int], ...]] = {}
        for node, report, received in nodes:
            if not _deserves_a_look(node, report):
                continue
            found: list[DeviceView] = []
            faulty: list[DeviceView] = []
            for view in device_views(node, report, None):
                if looks_stray(view):
                    first = since[node.name, view.key] = known.get((node.name, view.key), as_of)
                    # A report that came after Slurm was asked may show a job that began after that.
                    if received <= as_of and received - first >= after:
                        found.append(replace(view, stray=True))
                        continue
                if view.faulty:
                    faulty.append(view)
            if found:
                strays[node.name] = frozenset(view.key for view in found)
            if lost := unfit([*found, *faulty]):
                taken_off[node.name] = lost
        self._since, self._as_of = since, as_of
        return strays, taken_off


def _deserves_a_look(node: Node, report: NodeReport) -> bool:
    """Whether anything can come of it: most nodes' GPUs are empty, or all in use and sound."""
    if report.error == "version_mismatch":
        return True
    suspicious = any(
        device.faults
        or (device.memory_used_mb or 0) >= STRAY_MB_OF_PROCESS
        or any((each.memory_used_mb or 0) >= STRAY_MB_OF_PROCESS for each in device.instances)
        for device in report.devices
    )
    if not suspicious:
        return False
    used = sum(entry.count for entry in node.gres_used if entry.name == "gpu")
    return used < sum(entry.count for entry in node.gres if entry.name == "gpu")
