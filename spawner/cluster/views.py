"""What is worked out of Slurm's answers: what is free, the forecast, who may choose what, how jobs are billed, who is in line.

Everything is worked out once for each answer, off the Hub's loop, for everybody who asks meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..accounting.billing_rule import BillingRule, billing_rule
from ..accounting.entitlement import Entitlement, entitlement, shapes_of
from ..accounting.partition_limits import NodeKind
from ..accounting.qos import AccountingData
from ..availability.age import is_old
from ..availability.allocation import in_force, memory_rule_of
from ..availability.demand import AS_ASKED, MemoryRule
from ..availability.forecast import ClusterForecast
from ..availability.hidden_nodes import with_hidden
from ..availability.licenses import MissingLicense, licenses_of, missing
from ..availability.node_choice import WHOLE_NODES, node_choice_of
from ..availability.node_fit import sharing_jobs
from ..availability.ownership import SecurityLabels
from ..availability.preemption import Preemption
from ..availability.queue_position import QueuePosition, queue_positions_of
from ..availability.table import Availability, Excerpt, availability, excerpt, of_partitions
from ..availability.totals import NodePool, Running, pools_of, running_jobs
from ..cache import AsyncMemo, Snapshot, countdown
from ..errors import ResourceFormError
from ..i18n import in_use
from ..slurm.model import Node, Partition, Reservation, SlurmConfig
from ..slurm.shared_gres import needs_jobs
from .queries import SlurmQueries
from .settings import ClusterSettings
from .submit_hosts import SubmitHosts
from .users import SystemUsers
from .visibility import Visibility

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
        visibility: Visibility,
        settings: ClusterSettings,
        clock: Callable[[], float],
    ) -> None:
        self._queries = queries
        self._users = users
        self._visibility = visibility
        self._settings = settings
        self._clock = clock
        self._hosts = SubmitHosts(lambda: settings.submit_hosts)
        self._shapes: AsyncMemo[_Shapes] = AsyncMemo()
        self._free = _Free(0.0)
        self._entitlements: tuple[Hashable, AsyncMemo[Entitlement]] = (None, AsyncMemo(MAX_USERS))
        """With the answers of Slurm that they follow from."""
        self._forecast: AsyncMemo[ClusterForecast] = AsyncMemo()
        self._billing: AsyncMemo[BillingRule | None] = AsyncMemo(MAX_RULES)
        self._running: AsyncMemo[Running] = AsyncMemo()
        self._queue_positions: AsyncMemo[dict[int, QueuePosition]] = AsyncMemo()

    def allowed(self, partitions: Sequence[Partition]) -> list[Partition]:
        """Return those of Slurm's partitions that the admin lets sessions run in."""
        named = self._settings.partitions
        return [partition for partition in partitions if (partition.name in named if named else not partition.hidden)]

    async def lets_sessions_into(self, partitions: Collection[str]) -> bool:
        """Tell whether the admin lets sessions run in each of these partitions; no if there is none.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        allowed = {partition.name for partition in self.allowed((await self._queries.all_partitions.get()).value)}
        return bool(partitions) and allowed.issuperset(partitions)

    async def entitlement(self, user: str, *, job_qos: str = "", whole_nodes: bool = False, patience: float | None = None) -> Entitlement:
        """Return what ``user`` may choose, from the last good data where Slurm does not answer within ``patience`` seconds.

        ``job_qos`` is the QOS that the admin's own options give to every job (:func:`.entitlement.forced_qos`), ``whole_nodes`` tells
        whether they ask for whole nodes (:func:`.node_choice_of`).

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        left = countdown(patience)
        member, nodes, partitions, reservations, accounting, config = await asyncio.gather(
            self._users.member(user),
            self._queries.nodes.get(patience),
            self._queries.all_partitions.get(patience),
            self._queries.reservations.get(patience),
            self._queries.accounting.get(patience),
            self._queries.known_configuration(patience),
        )
        holdings = await self._queries.held(user, accounting.value, left())
        held_at = self._queries.holdings.as_of if holdings is not None else None
        if holdings is not None and accounting.value is not None and accounting.value.lacks(holdings):
            accounting = await self._queries.accounting.get(left())
        shapes = await self._node_shapes(nodes, partitions, config)
        records, now = accounting.value, self._clock()
        # What it costs to look a name up is spent only where a partition asks for it.
        hosts = await self._hosts.names() if any(entry.alloc_nodes is not None for entry in partitions.value) else None
        moment = _begun_and_ended(reservations.value, now)
        answers = (shapes.number, partitions.as_of, reservations.as_of, accounting.as_of, config, moment, *self._settings.partitions)
        if self._entitlements[0] != answers:
            self._entitlements = (answers, AsyncMemo(MAX_USERS))
        # slurmdbd may have the user by another of their names than the system.
        known = next((name for name in member.spellings if records is not None and records.has_user(name)), user)
        own = await self._entitlements[1].get(
            (user, member, job_qos, whole_nodes, in_use(), held_at, hosts),
            lambda: entitlement(
                known,
                AccountingData(records, holdings, config, job_qos),
                spellings=member.spellings,
                groups=member.groups,
                partitions=_as_asked(self.allowed(partitions.value), whole_nodes=whole_nodes),
                reservations=reservations.value,
                nodes=shapes.by_name,
                now=now,
                uid=member.identity.uid,
                shapes=shapes.kinds,
                memory_option=self._settings.memory_option,
                hosts=hosts,
            ),
        )
        stale = accounting.stale or (records is not None and records.is_substitute)
        partial = records is not None and records.is_partial
        return replace(own, user=member.identity.name, accounts_as_of=accounting.as_of, accounts_stale=stale, accounts_partial=partial)

    async def _node_shapes(
        self, nodes: Snapshot[tuple[Node, ...]], partitions: Snapshot[tuple[Partition, ...]], config: SlurmConfig
    ) -> _Shapes:
        """Return the shapes of the nodes: worked out once for all users, off the loop."""

        def compute() -> _Shapes:
            everything = with_hidden(nodes.value, partitions.value, config)
            by_name = {node.name: node for node in everything}
            shapes = tuple(
                (node.name, node.cores_schedulable, node.memory_mb_schedulable, node.cpus_per_core, node.sockets, node.gres)
                for node in everything
            )
            return _Shapes(by_name, shapes_of(partitions.value, by_name, config, self._settings.memory_option), hash(shapes))

        return await self._shapes.get((nodes.as_of, partitions.as_of, self._queries.configuration.as_of), compute)

    def _free_as_of(self, as_of: float) -> _Free:
        if self._free.as_of != as_of:
            self._free = _Free(as_of)
        return self._free

    async def availability(self, *, reservation: str = "", patience: float | None = None) -> Snapshot[Availability]:
        """Return what is free now in every partition of the service, for a job that asks for ``reservation``.

        It is stale when the verdict about a request (:mod:`.advice.verdict`) says that nobody knows any more.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        left = countdown(patience)
        nodes, partitions, reservations = await asyncio.gather(
            self._queries.nodes.get(patience), self._queries.all_partitions.get(patience), self._queries.reservations.get(patience)
        )
        jobs = None
        # Before Slurm 23.11 what is free in parts of GPUs follows from the jobs. Of nodes without such jobs nothing does.
        if await self._free_as_of(nodes.as_of).needs_jobs.get((), lambda: needs_jobs(nodes.value)):
            with contextlib.suppress(ResourceFormError):
                jobs = await self._queries.jobs.get(left())
        now = self._clock()
        computed = await self._free_as_of(nodes.as_of).all.get(
            (partitions.as_of, reservations.as_of, jobs.as_of if jobs else None, reservation, _begun_and_ended(reservations.value, now)),
            lambda: availability(
                [node for node in nodes.value if node.state != "future"],
                self.allowed(partitions.value),
                reservations.value,
                now=now,
                reservation=reservation,
                sharing=sharing_jobs(jobs.value.values()) if jobs else None,
            ),
        )
        return Snapshot(computed, nodes.as_of, is_old(nodes.as_of, now, silent=nodes.silent), nodes.error, nodes.silent)

    async def forecast(self, *, sbatch_options: Sequence[str] = (), patience: float | None = None) -> ClusterForecast:
        """Return the cluster as one more job would meet it; ``sbatch_options`` are the admin's own: nodes, licences.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        left = countdown(patience)
        nodes, partitions, reservations, config = await asyncio.gather(
            self._queries.nodes.get(patience),
            self._queries.all_partitions.get(patience),
            self._queries.reservations.get(patience),
            self._queries.known_configuration(patience),
        )
        hidden, jobs = frozenset[str](), None
        with contextlib.suppress(ResourceFormError):
            hidden = await self._visibility.hidden(left())
            # A list of some of the jobs would pass for all of them.
            jobs = None if "jobs" in hidden else await self._queries.jobs.get(left())
        records = self._queries.accounting.last
        choice, wanted = node_choice_of(sbatch_options), licenses_of(sbatch_options)
        short: MissingLicense | None = None
        if wanted:
            with contextlib.suppress(ResourceFormError):
                short = missing(wanted, (await self._queries.licenses.get(left())).value)
        now = self._clock()
        silent = [known for known in (nodes, jobs) if known is not None and known.silent]
        # A part that Slurm does not renew makes the whole as old as that part.
        as_of = min((known.as_of for known in silent), default=nodes.as_of)
        answers = (nodes.as_of, partitions.as_of, reservations.as_of, jobs.as_of if jobs else None, as_of, bool(silent))
        return await self._forecast.get(
            (
                *answers,
                self._queries.configuration.as_of,
                records.as_of if records else None,
                choice,
                hidden,
                short,
                int(now) // FORECAST_SECONDS,
            ),
            lambda: ClusterForecast(
                with_hidden(nodes.value, partitions.value, config),
                [choice.asked_of(in_force(partition, config)) for partition in partitions.value],
                reservations.value,
                jobs.value.values() if jobs else None,
                now=now,
                as_of=as_of,
                is_silent=bool(silent),
                choice=choice,
                preemption=Preemption.parse(config, records.value.qos if records and records.value else ()),
                labels=SecurityLabels.parse(config),
                hidden=hidden,
                missing_license=short,
                memory_option=self._settings.memory_option,
            ),
        )

    async def billing_rule(
        self, partition: str, reservation: str = "", *, whole_nodes: bool = False, patience: float | None = None
    ) -> BillingRule | None:
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
        (found,) = _as_asked([found], whole_nodes=whole_nodes)
        inside = next((set(entry.nodes) for entry in reservations.value if reservation and entry.name == reservation), None)
        there = set(found.nodes) if inside is None else inside & set(found.nodes)
        everything = with_hidden(nodes.value, partitions.value, config)
        memory = self._rule_of_memory(found, everything, config)
        return await self._billing.get(
            (nodes.as_of, partitions.as_of, reservations.as_of, self._queries.configuration.as_of, partition, reservation, whole_nodes),
            lambda: billing_rule(found, [node for node in everything if node.name in there], config, memory),
        )

    async def memory_rule(self, partition: str, *, patience: float | None = None) -> MemoryRule:
        """Return how a job of the partition asks for memory.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        nodes, partitions = await asyncio.gather(self._queries.nodes.get(patience), self._queries.all_partitions.get(patience))
        config = await self._queries.known_configuration(patience)
        found = next((entry for entry in partitions.value if entry.name == partition), None)
        return AS_ASKED if found is None else self._rule_of_memory(found, with_hidden(nodes.value, partitions.value, config), config)

    def _rule_of_memory(self, partition: Partition, nodes: Sequence[Node], config: SlurmConfig) -> MemoryRule:
        names = frozenset(partition.nodes)
        there = [node for node in nodes if node.name in names]
        return memory_rule_of(in_force(partition, config), there, self._settings.memory_option)

    async def running_and_pools(
        self, *, reservation: str = "", patience: float | None = None
    ) -> tuple[Running | None, tuple[NodePool, ...] | None]:
        """Return what everybody's jobs hold, and what the nodes have; None for what is not known, or not known any more.

        :func:`.usage_bars.resource_usage_of` makes the bars of it.
        """
        left = countdown(patience)
        running, listed = None, 0.0
        with contextlib.suppress(ResourceFormError):
            if await self._visibility.sees_all_jobs(left()):
                jobs = await self._queries.jobs.get(left())
                if not is_old(jobs.as_of, self._clock(), silent=jobs.silent):
                    running, listed = await self._running.get(jobs.as_of, lambda: running_jobs(jobs.value.values())), jobs.as_of
        try:
            available = await self.availability(reservation=reservation, patience=left())
        except ResourceFormError:
            return running, None
        if available.stale:
            return running, None
        key = (id(available.value), listed)
        pools = await self._free_as_of(available.as_of).pools.get(key, lambda: (available.value, pools_of(available.value, running)))
        return running, pools[1]

    async def availability_for(self, user: str, *, reservation: str = "", patience: float | None = None) -> Snapshot[Availability]:
        """Return what is free now in the partitions of ``user``; a reservation that is not theirs counts as none.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        left = countdown(patience)
        own = await self.entitlement(user, patience=left())
        if reservation not in {entry.name for entry in own.reservations}:
            reservation = ""
        return await self.availability_in({entry.name for entry in own.partitions}, reservation=reservation, patience=left())

    async def availability_in(
        self, partitions: Iterable[str], *, reservation: str = "", patience: float | None = None
    ) -> Snapshot[Availability]:
        """Return what is free now in these partitions, for a job that asks for ``reservation``.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        snapshot, names = await self.availability(reservation=reservation, patience=patience), frozenset(partitions)
        free = self._free_as_of(snapshot.as_of)
        found = await free.to_users.get((id(snapshot.value), names), lambda: (snapshot.value, of_partitions(snapshot.value, names)))
        return replace(snapshot, value=found[1])

    async def excerpt_of(self, found: Snapshot[Availability], partition: str) -> Snapshot[Excerpt]:
        """Return as much of it as a page shows to somebody who has chosen ``partition``."""
        free = self._free_as_of(found.as_of)
        shown = await free.excerpts.get((id(found.value), partition), lambda: (found.value, excerpt(found.value, partition)))
        return Snapshot(shown[1], found.as_of, found.stale, found.error, found.silent)

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


def _as_asked(partitions: Sequence[Partition], *, whole_nodes: bool) -> list[Partition]:
    """The partitions as jobs meet them that ask for whole nodes by the admin's own options, or do not."""
    return [WHOLE_NODES.asked_of(partition) for partition in partitions] if whole_nodes else list(partitions)
