"""What is worked out of Slurm's answers: what is free, the forecast, who may choose what, how jobs are billed, who is in line.

Everything is worked out once for each answer, off the Hub's loop, for everybody who asks meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..accounting.billing_rule import BillingRule, billing_rule
from ..accounting.entitlement import Entitlement, entitlement, shapes_of
from ..accounting.partition_limits import NodeKind
from ..accounting.qos import AccountingData
from ..availability.forecast import ClusterForecast
from ..availability.node_fit import sharing_jobs
from ..availability.queue_position import QueuePosition, queue_positions_of
from ..availability.table import Availability, Excerpt, availability, excerpt, of_partitions
from ..availability.totals import NodePool, Running, pools_of, running_jobs
from ..cache import AsyncMemo, Snapshot
from ..errors import ResourceFormError
from ..i18n import in_use
from ..slurm.model import Node, Partition, Reservation, SlurmConfig
from ..slurm.shared_gres import needs_jobs
from .queries import SlurmQueries
from .settings import ClusterSettings
from .users import SystemUsers
from .visibility import JobVisibility

FORECAST_SECONDS = 20
"""For so long at most a forecast is of one moment: reservations and ends of jobs come nearer."""

MAX_RESERVATIONS = 16
MAX_USERS = 128
MAX_RULES = 256
"""Results that are kept of what is worked out by reservation, by user, and by partition and reservation."""


@dataclass(frozen=True, slots=True)
class _Shapes:
    """The nodes by name, the shapes of each partition's nodes, and a number that changes when a node's shape does, not its state."""

    by_name: dict[str, Node]
    kinds: dict[str, tuple[NodeKind, ...]]
    number: int


class _Free:
    """What is worked out of one answer about the nodes, and given up with it: each result may hold on to all nodes as they were."""

    def __init__(self, as_of: float) -> None:
        self.as_of = as_of
        self.all: AsyncMemo[Availability] = AsyncMemo(MAX_RESERVATIONS)
        self.pools: AsyncMemo[tuple[Availability, tuple[NodePool, ...]]] = AsyncMemo(MAX_RESERVATIONS)
        self.to_users: AsyncMemo[tuple[Availability, Availability]] = AsyncMemo(MAX_USERS)
        self.needs_jobs: AsyncMemo[bool] = AsyncMemo()
        self.excerpts: AsyncMemo[tuple[Availability, Excerpt]] = AsyncMemo(MAX_USERS)
        """Each with what it was made of, which must not be forgotten while its identity is a key."""


class DerivedViews:
    """Results of Slurm's answers for the form, the pages and the advice."""

    def __init__(
        self,
        queries: SlurmQueries,
        users: SystemUsers,
        visibility: JobVisibility,
        settings: ClusterSettings,
        clock: Callable[[], float],
    ) -> None:
        self._queries = queries
        self._users = users
        self._visibility = visibility
        self._settings = settings
        self._clock = clock
        self._shapes: AsyncMemo[_Shapes] = AsyncMemo()
        self._free = _Free(0.0)
        self._entitlements: tuple[Hashable, AsyncMemo[Entitlement]] = (None, AsyncMemo(MAX_USERS))
        """With the answers of Slurm that they follow from."""
        self._forecast: AsyncMemo[ClusterForecast] = AsyncMemo()
        self._billing: AsyncMemo[BillingRule | None] = AsyncMemo(MAX_RULES)
        self._running: AsyncMemo[Running] = AsyncMemo()
        self._queue_positions: AsyncMemo[dict[int, QueuePosition]] = AsyncMemo()

    def _allowed(self, partitions: Sequence[Partition]) -> list[Partition]:
        if self._settings.partitions:
            return [partition for partition in partitions if partition.name in self._settings.partitions]
        return [partition for partition in partitions if not partition.hidden]

    async def lets_sessions_into(self, partitions: Collection[str]) -> bool:
        """Tell whether the admin lets sessions run in each of these partitions; no if there is none.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        allowed = {partition.name for partition in self._allowed((await self._queries.all_partitions.get()).value)}
        return bool(partitions) and allowed.issuperset(partitions)

    async def entitlement(self, user: str, *, job_qos: str = "", patience: float | None = None) -> Entitlement:
        """Return what ``user`` may choose, from the last good data where Slurm does not answer within ``patience`` seconds.

        ``job_qos`` is the QOS that the admin's own options give to every job (:func:`.entitlement.forced_qos`).

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        member, nodes, partitions, reservations, accounting, config = await asyncio.gather(
            self._users.member(user),
            self._queries.nodes.get(patience),
            self._queries.all_partitions.get(patience),
            self._queries.reservations.get(patience),
            self._queries.accounting.get(patience),
            self._queries.known_configuration(patience),
        )
        holdings = await self._queries.held(user, accounting.value, patience)
        held_at = self._queries.holdings.as_of if holdings is not None else None
        if holdings is not None and accounting.value is not None and accounting.value.lacks(holdings):
            accounting = await self._queries.accounting.get(patience)
        shapes = await self._node_shapes(nodes, partitions, config)
        records, now = accounting.value, self._clock()
        moment = _begun_and_ended(reservations.value, now)
        answers = (shapes.number, partitions.as_of, reservations.as_of, accounting.as_of, config, moment, *self._settings.partitions)
        if self._entitlements[0] != answers:
            self._entitlements = (answers, AsyncMemo(MAX_USERS))
        own = await self._entitlements[1].get(
            (user, member, job_qos, in_use(), held_at),
            lambda: entitlement(
                user,
                AccountingData(records, holdings, config, job_qos),
                groups=member.groups,
                partitions=self._allowed(partitions.value),
                reservations=reservations.value,
                nodes=shapes.by_name,
                now=now,
                uid=member.identity.uid,
                shapes=shapes.kinds,
            ),
        )
        stale = accounting.stale or (records is not None and records.from_controller)
        partial = records is not None and records.is_partial
        return replace(own, accounts_as_of=accounting.as_of, accounts_stale=stale, accounts_partial=partial)

    async def _node_shapes(
        self, nodes: Snapshot[tuple[Node, ...]], partitions: Snapshot[tuple[Partition, ...]], config: SlurmConfig
    ) -> _Shapes:
        """Return the shapes of the nodes: worked out once for all users, off the loop."""

        def compute() -> _Shapes:
            by_name = {node.name: node for node in nodes.value}
            shapes = tuple(
                (node.name, node.cores_schedulable, node.memory_mb_schedulable, node.threads_per_core, node.gres) for node in nodes.value
            )
            return _Shapes(by_name, shapes_of(partitions.value, by_name, config), hash(shapes))

        return await self._shapes.get((nodes.as_of, partitions.as_of, self._queries.configuration.as_of), compute)

    def _free_as_of(self, as_of: float) -> _Free:
        if self._free.as_of != as_of:
            self._free = _Free(as_of)
        return self._free

    async def availability(self, *, reservation: str = "", patience: float | None = None) -> Snapshot[Availability]:
        """Return what is free now in every partition of the service, for a job that asks for ``reservation``.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        nodes, partitions, reservations = await asyncio.gather(
            self._queries.nodes.get(patience), self._queries.all_partitions.get(patience), self._queries.reservations.get(patience)
        )
        jobs = None
        # Before Slurm 23.11 what is free in parts of GPUs follows from the jobs. Of nodes without such jobs nothing does.
        if await self._free_as_of(nodes.as_of).needs_jobs.get((), lambda: needs_jobs(nodes.value)):
            with contextlib.suppress(ResourceFormError):
                jobs = await self._queries.jobs.get(patience)
        now = self._clock()
        computed = await self._free_as_of(nodes.as_of).all.get(
            (partitions.as_of, reservations.as_of, jobs.as_of if jobs else None, reservation, _begun_and_ended(reservations.value, now)),
            lambda: availability(
                nodes.value,
                self._allowed(partitions.value),
                reservations.value,
                now=now,
                reservation=reservation,
                sharing=sharing_jobs(jobs.value.values()) if jobs else None,
            ),
        )
        return Snapshot(computed, nodes.as_of, nodes.stale, nodes.error)

    async def forecast(self, *, features: frozenset[str] = frozenset(), patience: float | None = None) -> ClusterForecast:
        """Return the cluster as one more job would meet it; ``features`` are what the admin's own options ask of every job's node.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        nodes, partitions, reservations = await asyncio.gather(
            self._queries.nodes.get(patience), self._queries.all_partitions.get(patience), self._queries.reservations.get(patience)
        )
        try:
            jobs = await self._queries.jobs.get(patience)
        except ResourceFormError:
            jobs = None
        now = self._clock()
        answers = (nodes.as_of, partitions.as_of, reservations.as_of, jobs.as_of if jobs else None)
        return await self._forecast.get(
            (*answers, features, int(now) // FORECAST_SECONDS),
            lambda: ClusterForecast(
                nodes.value,
                partitions.value,
                reservations.value,
                jobs.value.values() if jobs else None,
                now=now,
                as_of=nodes.as_of,
                features=features,
            ),
        )

    async def billing_rule(self, partition: str, reservation: str = "", *, patience: float | None = None) -> BillingRule | None:
        """Return how jobs in the partition, or in a reservation there, are billed; None where that is not known."""
        try:
            nodes, partitions, reservations = await asyncio.gather(
                self._queries.nodes.get(patience), self._queries.all_partitions.get(patience), self._queries.reservations.get(patience)
            )
        except ResourceFormError:
            return None
        config = await self._queries.known_configuration(patience)
        found = next((entry for entry in partitions.value if entry.name == partition), None)
        if found is None:
            return None
        inside = next((set(entry.nodes) for entry in reservations.value if reservation and entry.name == reservation), None)
        there = set(found.nodes) if inside is None else inside & set(found.nodes)
        return await self._billing.get(
            (nodes.as_of, partitions.as_of, reservations.as_of, self._queries.configuration.as_of, partition, reservation),
            lambda: billing_rule(found, [node for node in nodes.value if node.name in there], config),
        )

    async def running_and_pools(
        self, *, reservation: str = "", patience: float | None = None
    ) -> tuple[Running | None, tuple[NodePool, ...] | None]:
        """Return what everybody's jobs hold, and what the nodes have; None for what is not known.

        :func:`.usage_bars.resource_usage_of` makes the bars of it.
        """
        running, listed = None, 0.0
        with contextlib.suppress(ResourceFormError):
            if await self._visibility.sees_all_jobs():
                jobs = await self._queries.jobs.get(patience)
                running, listed = await self._running.get(jobs.as_of, lambda: running_jobs(jobs.value.values())), jobs.as_of
        try:
            available = await self.availability(reservation=reservation, patience=patience)
        except ResourceFormError:
            return running, None
        key = (id(available.value), listed)
        pools = await self._free_as_of(available.as_of).pools.get(key, lambda: (available.value, pools_of(available.value, running)))
        return running, pools[1]

    async def availability_for(
        self, user: str, *, reservation: str = "", job_qos: str = "", patience: float | None = None
    ) -> Snapshot[Availability]:
        """Return what is free now in the partitions of ``user``; a reservation that is not theirs counts as none.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        own = await self.entitlement(user, job_qos=job_qos, patience=patience)
        if reservation not in {entry.name for entry in own.reservations}:
            reservation = ""
        snapshot = await self.availability(reservation=reservation, patience=patience)
        names = frozenset(partition.name for partition in own.partitions)
        free = self._free_as_of(snapshot.as_of)
        found = await free.to_users.get((id(snapshot.value), names), lambda: (snapshot.value, of_partitions(snapshot.value, names)))
        return replace(snapshot, value=found[1])

    async def availability_shown(
        self, user: str, *, partition: str = "", reservation: str = "", job_qos: str = "", patience: float | None = None
    ) -> Snapshot[Excerpt]:
        """Return as much of :meth:`availability_for` as a page shows to ``user``, who has chosen ``partition``.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        snapshot = await self.availability_for(user, reservation=reservation, job_qos=job_qos, patience=patience)
        free = self._free_as_of(snapshot.as_of)
        shown = await free.excerpts.get((id(snapshot.value), partition), lambda: (snapshot.value, excerpt(snapshot.value, partition)))
        return Snapshot(shown[1], snapshot.as_of, snapshot.stale, snapshot.error)

    async def queue_positions(self) -> Mapping[int, QueuePosition]:
        """Return the positions of the waiting jobs of the last list, by their ids. Asks for no list.

        Where the Hub does not see all jobs there are none.
        """
        known = self._queries.jobs.last
        if known is None or not await self._visibility.sees_all_jobs():
            return {}
        return await self._queue_positions.get(known.as_of, lambda: queue_positions_of(known.value.values()))


def _begun_and_ended(reservations: Sequence[Reservation], now: float) -> int:
    """Return a number that changes when a reservation begins or ends: from one moment to the next nothing else makes a difference."""
    return sum((entry.start <= now) + (entry.end <= now) for entry in reservations)
