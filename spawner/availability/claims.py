"""What reservations and waiting jobs claim of each node."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..slurm.model import Node, Reservation
from .node_fit import MAINTENANCE, QUEUE, RESERVATION
from .node_state import is_active, partly_reserved, whole_node_reservations


@dataclass(frozen=True, slots=True)
class Claims:
    """What reservations and waiting jobs claim of one node, for a job in one reservation or in none.

    ``others``: another reservation holds all of it now, until ``back``. ``partly``: reservations hold some of its cores. ``inside``: it is
    in the job's own reservation, which gives ``cores_most`` of it. ``cores_kept`` are those that others' reservations hold. ``until`` is
    when it is needed for something else, and ``until_for`` what that is.
    """

    others: bool = False
    back: float | None = None
    partly: bool = False
    inside: bool = False
    cores_kept: int = 0
    cores_most: int | None = None
    until: float = math.inf
    until_for: str = ""


UNCLAIMED = Claims()


class ClaimsByNode:
    """The claims of each node for a job in one reservation or in none; nodes that nobody claims are left out of ``found``.

    ``planned`` says, by the names of nodes, when a waiting job is to start there. Moments are seconds since the epoch.
    """

    def __init__(
        self,
        own: Reservation | None,
        everything: Mapping[str, Reservation],
        nodes: Mapping[str, Node],
        planned: Mapping[str, float],
        now: float,
    ) -> None:
        self._nodes = nodes
        self._now = now
        others = tuple(entry for entry in everything.values() if entry is not own)
        if own is not None and own.flags & {"OVERLAP", "MAINT"}:
            # A job in an overlapping reservation runs on its nodes whoever else holds them (slurmctld, job_test_resv).
            others = ()
        partial = partly_reserved(everything.values(), nodes, now)
        self.found: dict[str, Claims] = {node: Claims(partly=True) for node in partial}
        if own is not None:
            for node in own.nodes:
                self._change(node, inside=True, cores_most=self._cores_of(own, node))
        for other in others:
            if other.end > now and other.nodes:
                self._claim(other)
        for node, start in planned.items():
            if start < self.found.get(node, UNCLAIMED).until:
                self._change(node, until=start, until_for=QUEUE)

    def _change(self, node: str, **values: Any) -> None:
        self.found[node] = replace(self.found.get(node, UNCLAIMED), **values)

    def _claim(self, other: Reservation) -> None:
        whole = bool(whole_node_reservations((other,), self._nodes, other.start))
        what = MAINTENANCE if "MAINT" in other.flags else RESERVATION
        for node in other.nodes:
            known = self.found.get(node, UNCLAIMED)
            if not whole:
                # A later one takes its cores away at once: to count until when they are free would need more than one class a node.
                self._change(node, cores_kept=known.cores_kept + self._cores_of(other, node))
            elif is_active(other, self._now):
                self._change(node, others=True, back=max(other.end, known.back or 0))
            elif other.start < known.until:
                self._change(node, until=float(other.start), until_for=what)

    def _cores_of(self, reservation: Reservation, name: str) -> int:
        """Threads of the node that a reservation holds: an equal share of each node, at most all; all where it says no number of cores."""
        node = self._nodes.get(name)
        if node is None:
            return 0
        if reservation.core_count is None:
            return node.cores_total
        share = -(-reservation.core_count // max(1, len(reservation.nodes))) * node.cpus_per_core
        return min(share, node.cores_total)
