"""The nodes' reports about their GPUs beside what Slurm says of the same nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ..gpu.device_matching import NO_REPORTS, Reported
from ..gpu.store import ReportStore
from ..gpu.strays import StrayWatch
from ..slurm.model import Node
from .settings import ClusterSettings


class DeviceReports:
    """What nodes report of their GPUs, and which GPUs that Slurm calls free are not."""

    def __init__(self, settings: ClusterSettings, clock: Callable[[], float]) -> None:
        self.store = ReportStore(clock, fresh_seconds=lambda: settings.gpu_reports_fresh)
        self.node_names: frozenset[str] | None = None
        """Of the last answer about the nodes, whatever its age; None before there was one."""
        self._settings = settings
        self._clock = clock
        self._stray_watch = StrayWatch()
        self._strays: Mapping[str, frozenset[str]] = {}

    async def compare(self, nodes: tuple[Node, ...], asked: float) -> tuple[Node, ...]:
        """Return the nodes; one whose devices are not as free as Slurm calls them says so (:attr:`.Node.gpus_unfit`).

        Parameters
        ----------
        nodes
            All of Slurm's nodes; reports of others are forgotten.
        asked
            When Slurm was asked for them, in seconds since the epoch.
        """
        self.node_names = frozenset(node.name for node in nodes)
        self.store.forget_others(self.node_names)
        reported = []
        if self.store.any_fresh():
            for node in nodes:
                latest = self.store.latest(node.name)
                if latest is not None:
                    reported.append((node, latest.report, latest.received))
        if not reported:
            self._strays = {}
            return nodes
        after = self._settings.gpu_stray_after
        self._strays, unfit = await asyncio.to_thread(lambda: self._stray_watch.look(reported, as_of=asked, after=after))
        if not unfit or not self._settings.trust_gpu_reports:
            return nodes
        return tuple(replace(node, gpus_unfit=unfit[node.name]) if node.name in unfit else node for node in nodes)

    def reported(self, names: Iterable[str]) -> Reported:
        """Return what the devices of these nodes say, as far as the reports are fresh. Asks nobody."""
        if not self.store.any_fresh():
            return NO_REPORTS
        now = self._clock()
        latest = ((name, self.store.latest(name)) for name in names)
        return Reported({name: (found.report, max(0.0, now - found.received)) for name, found in latest if found is not None}, self._strays)
