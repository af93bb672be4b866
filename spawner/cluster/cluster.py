"""SlurmCluster: the shared, aged answers of Slurm, and the two commands that change something (sbatch, scancel).

One object for the whole Hub. The number of commands depends on the clock, never on the number of users or open pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import pwd
import secrets
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from traitlets.config import SingletonConfigurable

from ..accounting.billing import BillingRule, billing_rule
from ..accounting.entitlement import Entitlement, entitlement, shapes_of
from ..accounting.partition_limits import NodeKind
from ..accounting.qos import Accounting, accounting_of_controller
from ..availability.node_fit import sharing_jobs
from ..availability.outlook import ClusterForecast
from ..availability.queue_position import QueuePosition, queue_positions_of
from ..availability.table import Availability, Excerpt, availability, excerpt, of_partitions
from ..availability.totals import NodePool, Running, pools_of, running_jobs
from ..cache import AsyncMemo, CachedQuery, Snapshot
from ..errors import ResourceFormError, SlurmNotStarted, SlurmOutputError, SlurmRefused, SlurmUnavailable, SlurmUnconfirmed
from ..gpu.device_matching import NO_REPORTS, Reported
from ..gpu.store import ReportStore
from ..gpu.strays import StrayWatch
from ..i18n import N_, in_use
from ..slurm import commands, sacctmgr, sbatch, scontrol, squeue
from ..slurm.model import Holdings, Job, Node, Partition, Reservation, SlurmConfig
from ..slurm.reasons import Outcome, outcome_of_sbatch, refusal_for, slurm_words
from ..slurm.runner import Identity, Runner, SlurmRunner, last_line, read
from ..slurm.shared_gres import needs_jobs
from ..slurm.states import RUNNING
from .estimator import Estimator
from .job_history import MIN_INTERVAL_SECONDS, MIN_INTERVAL_WHILE_STARTING_SECONDS, JobHistory
from .job_usage import UsageOfSessions
from .settings import OLD_SECTION, ClusterSettings, warn_of_old_section

Parsed = TypeVar("Parsed")

SUBMIT_TIMEOUT_SECONDS = 300.0
CANCEL_TIMEOUT_SECONDS = 60.0
LARGE_OUTPUT = 200_000
JITTER = 0.1
IDENTITY_SECONDS = 300.0
CONFIGURATION_PATIENCE_SECONDS = 5.0
DEFAULT_MESSAGE_TIMEOUT_SECONDS = 10.0
STRETCH_WHILE_ASKING = 0.25
"""For each of the two other questions, the list of jobs is asked for so much more seldom."""

RETRY_SECONDS = 60.0
"""After so long slurmdbd is asked again that has never answered."""

OUTLOOK_SECONDS = 20
MAX_RESERVATIONS = 16
MAX_USERS = 128
MAX_RULES = 256
"""Results that are kept of what is worked out by reservation, by user, and by partition and reservation."""

NO_SUCH_JOB = "Invalid job id specified"
NO_ACCOUNTING = ("not running a supported accounting_storage plugin", "Slurm accounting storage is disabled")


@dataclass(frozen=True, slots=True)
class Member:
    """A user of the system with the names of all their groups."""

    identity: Identity
    groups: frozenset[str]


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
        self.lots: AsyncMemo[tuple[Availability, tuple[NodePool, ...]]] = AsyncMemo(MAX_RESERVATIONS)
        self.to_users: AsyncMemo[tuple[Availability, Availability]] = AsyncMemo(MAX_USERS)
        self.needs_jobs: AsyncMemo[bool] = AsyncMemo()
        self.excerpts: AsyncMemo[tuple[Availability, Excerpt]] = AsyncMemo(MAX_USERS)
        """Each with what it was made of, which must not be forgotten while its identity is a key."""


class SlurmCluster(ClusterSettings, SingletonConfigurable):
    """The Slurm cluster that sessions run on.

    In the configuration the section ``c.Cluster``, its name of before, counts too; ``c.SlurmCluster`` wins where both set a trait.
    """

    @classmethod
    def section_names(cls) -> list[str]:
        """Return the sections of the configuration that are read, the one that wins last."""
        return [OLD_SECTION, *super().section_names()]

    def __init__(
        self, *, runner: Runner | None = None, clock: Callable[[], float] = time.time, jitter: float = JITTER, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        warn_of_old_section(self.config, self.log)
        self.clock = clock
        self.runner: Runner = runner or SlurmRunner(slurm_conf=self.slurm_conf, bin_dir=self.bin_dir, sudo=tuple(self.sudo))
        shared: dict[str, Any] = {"log": self.log, "clock": clock, "jitter": jitter, "sparing": True}
        self.nodes: CachedQuery[tuple[Node, ...]] = CachedQuery("nodes", self._read_nodes, lambda: self.nodes_interval, **shared)
        self.jobs: CachedQuery[dict[int, Job]] = CachedQuery("jobs", self._read_jobs, self._jobs_interval_now, **shared)
        self._tags: CachedQuery[tuple[Job, ...]] = CachedQuery("comments of jobs", self._read_tags, lambda: self.jobs_interval, **shared)
        self.all_partitions: CachedQuery[tuple[Partition, ...]] = CachedQuery(
            "partitions", self._read_partitions, lambda: self.layout_interval, **shared
        )
        self.reservations: CachedQuery[tuple[Reservation, ...]] = CachedQuery(
            "reservations", self._read_reservations, lambda: self.layout_interval, **shared
        )
        self.accounting: CachedQuery[Accounting | None] = CachedQuery(
            "accounts", self._read_accounting, self._accounting_interval_now, **shared
        )
        self.configuration: CachedQuery[SlurmConfig] = CachedQuery(
            "its configuration", self._read_configuration, lambda: self.accounting_interval, **shared
        )
        self.holdings: CachedQuery[Holdings] = CachedQuery("what is held", self._read_holdings, self._holdings_interval_now, **shared)
        self.estimator = Estimator(
            self.runner, log=self.log, clock=clock, timeout=lambda: self.estimate_timeout, enabled=lambda: self.estimates
        )
        self.afterwards = JobHistory(
            self.runner, log=self.log, clock=clock, apart=self._apart_afterwards, timeout=lambda: self.command_timeout
        )
        self.usage = UsageOfSessions(
            self.runner,
            log=self.log,
            clock=clock,
            jitter=jitter,
            interval=lambda: self.usage_interval,
            started=self._started_at,
            is_starting=lambda: bool(self._starting),
            timeout=lambda: self.command_timeout,
        )
        self.node_names: frozenset[str] | None = None
        """Of the last answer about the nodes, whatever its age; None before there was one."""
        self.gpu_reports = ReportStore(clock, fresh_seconds=lambda: self.gpu_reports_fresh)
        self._stray_watch = StrayWatch()
        self._strays: Mapping[str, frozenset[str]] = {}
        self._newer_associations: frozenset[tuple[str, str, str]] = frozenset()
        self._shapes: AsyncMemo[_Shapes] = AsyncMemo()
        self._free = _Free(0.0)
        self._entitlements: tuple[Hashable, AsyncMemo[Entitlement]] = (None, AsyncMemo(MAX_USERS))
        """With the answers of Slurm that they follow from."""
        self._outlook: AsyncMemo[ClusterForecast] = AsyncMemo()
        self._billing: AsyncMemo[BillingRule | None] = AsyncMemo(MAX_RULES)
        self._running: AsyncMemo[Running] = AsyncMemo()
        self._places: AsyncMemo[dict[int, QueuePosition]] = AsyncMemo()
        self._members: dict[str, tuple[float, Member]] = {}
        self._starting = 0
        self.ended: set[str] = set()
        """The nonces of the sessions that this run of the Hub has seen end."""
        self._warned_of_private_data = False

    def _jobs_interval_now(self) -> float:
        if not self._starting:
            return self.jobs_interval
        # Where slurmdbd is asked about sessions that end meanwhile, or nodes what sessions use, Slurm gets no more commands for it.
        stretch = 1.0 + STRETCH_WHILE_ASKING * (self.afterwards.is_busy + self.usage.is_busy)
        return min(self.jobs_interval, self.starting_interval * stretch)

    def _accounting_interval_now(self) -> float:
        known = self.accounting.last_value
        return min(self.accounting_interval, RETRY_SECONDS) if known is not None and known.from_controller else self.accounting_interval

    def _holdings_interval_now(self) -> float:
        known = self.accounting.last
        if known is not None and known.value is not None and not known.value.has_shared_limits:
            return max(self.holdings_interval, self.accounting_interval)  # it only tells of new associations
        return self.holdings_interval * (3 if self._starting else 1)

    def _apart_afterwards(self) -> float:
        return MIN_INTERVAL_WHILE_STARTING_SECONDS if self._starting else MIN_INTERVAL_SECONDS

    def _started_at(self, job_id: int) -> float | None:
        """When the job started, if it runs."""
        job = (self.jobs.last_value or {}).get(job_id)
        return job.start if job is not None and job.state in RUNNING else None

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """While a session starts, the list of jobs is read more often, for all of them together."""
        self._starting += 1
        try:
            yield
        finally:
            self._starting -= 1

    async def _read(self, argv: Sequence[str], parser: Callable[[str], Parsed]) -> Parsed:
        text = await read(self.runner, argv, timeout=self.command_timeout)
        if len(text) > LARGE_OUTPUT:
            return await asyncio.to_thread(parser, text)
        return parser(text)

    async def _read_nodes(self) -> tuple[Node, ...]:
        asked = self.clock()
        nodes = tuple(await self._read(commands.show_nodes(), scontrol.parse_nodes))
        self.node_names = frozenset(node.name for node in nodes)
        self.gpu_reports.forget_others(self.node_names)
        return await self._less_unfit(nodes, asked)

    async def _less_unfit(self, nodes: tuple[Node, ...], asked: float) -> tuple[Node, ...]:
        """The nodes, of which those whose devices are not as free as Slurm calls them say so (:attr:`.Node.gpus_unfit`)."""
        reported = []
        if self.gpu_reports.any_fresh():
            for node in nodes:
                latest = self.gpu_reports.latest(node.name)
                if latest is not None:
                    reported.append((node, latest.report, latest.received))
        if not reported:
            self._strays = {}
            return nodes
        after = self.gpu_stray_after
        self._strays, unfit = await asyncio.to_thread(lambda: self._stray_watch.look(reported, as_of=asked, after=after))
        if not unfit or not self.trust_gpu_reports:
            return nodes
        return tuple(replace(node, gpus_unfit=unfit[node.name]) if node.name in unfit else node for node in nodes)

    def reported(self, names: Iterable[str]) -> Reported:
        """What the devices of these nodes say, as far as the reports are fresh. Asks nobody."""
        if not self.gpu_reports.any_fresh():
            return NO_REPORTS
        now = self.clock()
        latest = ((name, self.gpu_reports.latest(name)) for name in names)
        return Reported({name: (found.report, max(0.0, now - found.received)) for name, found in latest if found is not None}, self._strays)

    async def _read_jobs(self) -> dict[int, Job]:
        return {job.job_id: job for job in await self._read(commands.list_jobs(), squeue.parse_jobs)}

    async def _read_partitions(self) -> tuple[Partition, ...]:
        return tuple(await self._read(commands.show_partitions(), scontrol.parse_partitions))

    async def _read_reservations(self) -> tuple[Reservation, ...]:
        return tuple(await self._read(commands.show_reservations(), scontrol.parse_reservations))

    async def _read_configuration(self) -> SlurmConfig:
        return await self._read(commands.show_config(), scontrol.parse_config)

    async def _read_accounting(self) -> Accounting | None:
        try:
            associations = await self._read(commands.show_associations(), sacctmgr.parse_associations)
            defaults = await self._read(commands.show_users(), sacctmgr.parse_user_defaults)
            qos = await self._read(commands.show_qos(), sacctmgr.parse_qos)
        except SlurmUnavailable as error:
            if any(text in error.stderr for text in NO_ACCOUNTING):
                return None
            known = self.accounting.last
            if known is not None and not (known.value is not None and known.value.from_controller):
                raise
            self.log.warning("slurmdbd has not answered yet (%s): the accounts are those that slurmctld knows", error.log)
            return accounting_of_controller(await self._read(commands.show_holdings(), sacctmgr.parse_holdings))
        cluster = (await self.configuration.get()).value.cluster_name
        own = tuple(entry for entry in associations if entry.cluster in ("", cluster))
        return Accounting(own, tuple(defaults), tuple(qos))

    async def _read_holdings(self) -> Holdings:
        holdings = await self._read(commands.show_holdings(), sacctmgr.parse_holdings)
        known = self.accounting.last
        newer = known.value.lacks(holdings) if known is not None and known.value is not None else frozenset()
        if newer - self._newer_associations:
            self.accounting.expire()
        self._newer_associations = newer
        return holdings

    async def _held(self, user: str, accounting: Accounting | None, patience: float | None) -> Holdings | None:
        """What is held, where that matters to ``user``; None where it does not, or nobody knows: then nothing is taken off."""
        if accounting is None or (accounting.has_user(user) and not accounting.has_shared_limits):
            return None
        try:
            return (await self.holdings.get(patience)).value
        except ResourceFormError:
            return None

    def _something_changed(self) -> None:
        """A job has come or gone: what is known of it is out of date."""
        self.jobs.expire()
        self.nodes.expire()
        held = self.holdings.last
        if held is not None and self.clock() - held.as_of > self.nodes_interval:
            self.holdings.expire()

    async def member(self, user: str) -> Member:
        """The system's user of this name, with their groups; remembered for a few minutes.

        Raises
        ------
        SlurmRefused
            The system does not know the user, so no job could be theirs.
        """
        known = self._members.get(user)
        if known is not None and self.clock() - known[0] < IDENTITY_SECONDS:
            return known[1]
        try:
            member = await asyncio.to_thread(_member, user)
        except KeyError:
            raise SlurmRefused(
                N_("You have no user account on this cluster. Ask the support for one."), log=f"the system knows no user {user!r}"
            ) from None
        self._members[user] = (self.clock(), member)
        return member

    def _allowed(self, partitions: Sequence[Partition]) -> list[Partition]:
        if self.partitions:
            return [partition for partition in partitions if partition.name in self.partitions]
        return [partition for partition in partitions if not partition.hidden]

    async def entitlement(self, user: str, *, job_qos: str = "", patience: float | None = None) -> Entitlement:
        """What ``user`` may choose, from the last good data where Slurm does not answer within ``patience`` seconds.

        ``job_qos`` is the QOS that the admin's own options give to every job (:func:`.entitlement.forced_qos`).

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        member, nodes, partitions, reservations, accounting, config = await asyncio.gather(
            self.member(user),
            self.nodes.get(patience),
            self.all_partitions.get(patience),
            self.reservations.get(patience),
            self.accounting.get(patience),
            self._config(patience),
        )
        holdings = await self._held(user, accounting.value, patience)
        held_at = self.holdings.as_of if holdings is not None else None
        if holdings is not None and accounting.value is not None and accounting.value.lacks(holdings):
            accounting = await self.accounting.get(patience)
        shapes = await self._node_shapes(nodes, partitions, config)
        books, now = accounting.value, self.clock()
        moment = _begun_and_ended(reservations.value, now)
        answers = (shapes.number, partitions.as_of, reservations.as_of, accounting.as_of, config, moment, *self.partitions)
        if self._entitlements[0] != answers:
            self._entitlements = (answers, AsyncMemo(MAX_USERS))
        own = await self._entitlements[1].get(
            (user, member, job_qos, in_use(), held_at),
            lambda: entitlement(
                user,
                groups=member.groups,
                associations=books.rows_of(user) if books else None,
                defaults=books.defaults if books else (),
                partitions=self._allowed(partitions.value),
                reservations=reservations.value,
                nodes=shapes.by_name,
                now=now,
                qos=books.qos if books else (),
                holdings=holdings,
                config=config,
                job_qos=job_qos,
                uid=member.identity.uid,
                shapes=shapes.kinds,
            ),
        )
        stale = accounting.stale or (books is not None and books.from_controller)
        return replace(own, accounts_as_of=accounting.as_of, accounts_stale=stale)

    async def _config(self, patience: float | None) -> SlurmConfig:
        """The configuration; empty where it cannot be read, so that everything counts as enforced."""
        try:
            return (await self.configuration.get(patience)).value
        except ResourceFormError:
            return SlurmConfig()

    async def _node_shapes(
        self, nodes: Snapshot[tuple[Node, ...]], partitions: Snapshot[tuple[Partition, ...]], config: SlurmConfig
    ) -> _Shapes:
        """The shapes of the nodes: worked out once for all users, off the loop."""

        def compute() -> _Shapes:
            by_name = {node.name: node for node in nodes.value}
            shapes = tuple(
                (node.name, node.cores_schedulable, node.memory_mb_schedulable, node.threads_per_core, node.gres) for node in nodes.value
            )
            return _Shapes(by_name, shapes_of(partitions.value, by_name, config), hash(shapes))

        return await self._shapes.get((nodes.as_of, partitions.as_of, self.configuration.as_of), compute)

    def _free_as_of(self, as_of: float) -> _Free:
        if self._free.as_of != as_of:
            self._free = _Free(as_of)
        return self._free

    async def availability(self, *, reservation: str = "", patience: float | None = None) -> Snapshot[Availability]:
        """What is free now in every partition of the service, for a job that asks for ``reservation``.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        nodes, partitions, reservations = await asyncio.gather(
            self.nodes.get(patience), self.all_partitions.get(patience), self.reservations.get(patience)
        )
        jobs = None
        # Before Slurm 23.11 what is free in parts of GPUs follows from the jobs. Of nodes without such jobs nothing does.
        if await self._free_as_of(nodes.as_of).needs_jobs.get((), lambda: needs_jobs(nodes.value)):
            with contextlib.suppress(ResourceFormError):
                jobs = await self.jobs.get(patience)
        now = self.clock()
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

    async def outlook(self, *, features: frozenset[str] = frozenset(), patience: float | None = None) -> ClusterForecast:
        """The cluster as one more job would meet it; ``features`` are what the admin's own options ask of every job's node.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        nodes, partitions, reservations = await asyncio.gather(
            self.nodes.get(patience), self.all_partitions.get(patience), self.reservations.get(patience)
        )
        try:
            jobs = await self.jobs.get(patience)
        except ResourceFormError:
            jobs = None
        now = self.clock()
        answers = (nodes.as_of, partitions.as_of, reservations.as_of, jobs.as_of if jobs else None)
        return await self._outlook.get(
            (*answers, features, int(now) // OUTLOOK_SECONDS),
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
        """How jobs in the partition, or in a reservation there, are billed; None where that is not known."""
        try:
            nodes, partitions, reservations = await asyncio.gather(
                self.nodes.get(patience), self.all_partitions.get(patience), self.reservations.get(patience)
            )
        except ResourceFormError:
            return None
        config = await self._config(patience)
        found = next((entry for entry in partitions.value if entry.name == partition), None)
        if found is None:
            return None
        inside = next((set(entry.nodes) for entry in reservations.value if reservation and entry.name == reservation), None)
        there = set(found.nodes) if inside is None else inside & set(found.nodes)
        return await self._billing.get(
            (nodes.as_of, partitions.as_of, reservations.as_of, self.configuration.as_of, partition, reservation),
            lambda: billing_rule(found, [node for node in nodes.value if node.name in there], config),
        )

    async def standing(self, *, reservation: str = "", patience: float | None = None) -> tuple[Running | None, tuple[NodePool, ...] | None]:
        """What everybody's jobs hold, and what the nodes have, for :func:`.holding.resource_usage_of`; None for what is not known."""
        running, listed = None, 0.0
        with contextlib.suppress(ResourceFormError):
            if await self.sees_all_jobs():
                jobs = await self.jobs.get(patience)
                running, listed = await self._running.get(jobs.as_of, lambda: running_jobs(jobs.value.values())), jobs.as_of
        try:
            available = await self.availability(reservation=reservation, patience=patience)
        except ResourceFormError:
            return running, None
        key = (id(available.value), listed)
        lots = await self._free_as_of(available.as_of).lots.get(key, lambda: (available.value, pools_of(available.value, running)))
        return running, lots[1]

    async def availability_for(
        self, user: str, *, reservation: str = "", job_qos: str = "", patience: float | None = None
    ) -> Snapshot[Availability]:
        """What is free now in the partitions of ``user``; a reservation that is not theirs counts as none.

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
        """As much of :meth:`availability_for` as a page shows to ``user``, who has chosen ``partition``.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        snapshot = await self.availability_for(user, reservation=reservation, job_qos=job_qos, patience=patience)
        free = self._free_as_of(snapshot.as_of)
        shown = await free.excerpts.get((id(snapshot.value), partition), lambda: (snapshot.value, excerpt(snapshot.value, partition)))
        return Snapshot(shown[1], snapshot.as_of, snapshot.stale, snapshot.error)

    async def submit(self, argv: Sequence[str], script: str, environment: Mapping[str, str], identity: Identity) -> int:
        """Hand a job to Slurm as ``identity``; its id.

        Raises
        ------
        SlurmRefused
            Slurm said no: there is no job.
        SlurmUnavailable
            Ambiguous: the job may exist or not.
        """
        result = await self.runner.run(argv, stdin=script, environment=environment, identity=identity, timeout=SUBMIT_TIMEOUT_SECONDS)
        if result.ok:
            self._something_changed()
            return sbatch.parse_job_id(result.stdout)
        outcome = outcome_of_sbatch(result.returncode, result.stderr)
        failed = f"sbatch for {identity.name} exited with {result.returncode}: "
        refusal = refusal_for(result.stderr)
        refused = SlurmRefused(
            refusal.sentence,
            details=slurm_words(result.stderr),
            field=refusal.field,
            log=failed + " / ".join(slurm_words(result.stderr)),
            stderr=result.stderr,
        )
        if outcome is Outcome.REFUSED:
            raise refused
        if outcome is Outcome.NOT_ASKED:
            raise SlurmNotStarted(N_("Slurm is not set up on this service."), log=failed + last_line(result.stderr), stderr=result.stderr)
        raise SlurmUnconfirmed(
            N_("Slurm did not confirm the job."),
            log=failed + last_line(result.stderr),
            stderr=result.stderr,
            refusal=refused if outcome is Outcome.UNKNOWN_WORDS else None,
        )

    async def cancel(self, job_id: int, identity: Identity) -> None:
        """Ask Slurm to end the job, as its owner: Slurm itself refuses if the id belongs to somebody else by now.

        Raises
        ------
        SlurmUnavailable
            Slurm did not take the order; the job may still run.
        """
        argv = commands.cancel(job_id, identity.name)
        result = await self.runner.run(argv, identity=identity, timeout=CANCEL_TIMEOUT_SECONDS)
        self._something_changed()
        # With --user, scancel looks the job up first, and does not find one that is over.
        if not result.ok and NO_SUCH_JOB not in result.stderr:
            raise SlurmUnavailable(
                N_("Slurm did not take the order to end the job."),
                log=f"scancel {job_id} exited with {result.returncode}: {last_line(result.stderr)}",
                stderr=result.stderr,
            )

    async def ask_for_report(self, job_id: int, identity: Identity) -> None:
        """Ask the launcher of a running job to report its port again; without effect on a job that does not run yet.

        Raises
        ------
        SlurmUnavailable
            Slurm did not take the order.
        """
        argv = commands.ask_for_report(job_id, identity.name)
        result = await self.runner.run(argv, identity=identity, timeout=CANCEL_TIMEOUT_SECONDS)
        if not result.ok:
            raise SlurmUnavailable(
                N_("Slurm did not reach the job."),
                log=f"scancel --signal for job {job_id} exited with {result.returncode}: {last_line(result.stderr)}",
                stderr=result.stderr,
            )

    async def tagged_jobs(self, user: str | None = None) -> tuple[Job, ...]:
        """The jobs of ``user``, or of all, with their comments, as Slurm has them now: where jobs have to be told apart.

        One question serves all who ask at the same time. If its answer cannot be read, a user's own jobs are asked for alone.

        Raises
        ------
        SlurmError
            No answer: nothing follows about any job.
        """
        self._tags.expire()
        snapshot = await self._tags.get()
        if isinstance(self._tags.error, SlurmOutputError) and user is not None:
            return await self._read_tags(user)
        if snapshot.stale:
            raise self._tags.error or SlurmUnavailable(
                N_("Slurm does not answer at the moment."), log="comments of jobs: no answer in time"
            )
        return tuple(job for job in snapshot.value if user is None or job.user == user)

    async def _read_tags(self, user: str | None = None) -> tuple[Job, ...]:
        # Each question has a mark of its own: whoever reads the Hub's process list must not know it beforehand.
        mark = secrets.token_hex(8)
        return await self._read(commands.list_tagged_jobs(user, mark), lambda text: squeue.parse_tagged_jobs(text, mark))

    async def is_being_submitted(self, nonce: str) -> bool:
        """Whether an sbatch of this nonce still runs on this machine, perhaps one that an earlier run of the Hub has begun."""
        return await self.runner.is_running(nonce)

    async def message_timeout(self) -> float:
        """Slurm's MessageTimeout in seconds; its default where the configuration cannot be read."""
        try:
            snapshot = await self.configuration.get(CONFIGURATION_PATIENCE_SECONDS)
            return float(snapshot.value.get("MessageTimeout", "").split()[0])
        except (ResourceFormError, ValueError, IndexError):
            return DEFAULT_MESSAGE_TIMEOUT_SECONDS

    async def sees_all_jobs(self) -> bool:
        """Whether a list without a job says anything: not where PrivateData hides other people's jobs from the Hub (slurm.conf(5)).

        Where the configuration cannot be read the answer is no: then only a terminal state ends a session.
        """
        try:
            configuration = (await self.configuration.get(CONFIGURATION_PATIENCE_SECONDS)).value
        except ResourceFormError:
            return False
        private = configuration.get("PrivateData", "").lower().replace(" ", "").split(",")
        if "jobs" not in private or os.geteuid() == 0:
            return True
        own_name = pwd.getpwuid(os.geteuid()).pw_name
        if configuration.get("SlurmUser", "").split("(")[0] == own_name:
            return True
        try:
            accounting = (await self.accounting.get(CONFIGURATION_PATIENCE_SECONDS)).value
        except ResourceFormError:
            return False
        if accounting is not None and accounting.from_controller:
            # slurmdbd alone knows who is an operator, and has not answered yet.
            return False
        if accounting is not None and any(entry.user == own_name and entry.is_operator for entry in accounting.defaults):
            return True
        if not self._warned_of_private_data:
            self._warned_of_private_data = True
            self.log.warning(
                "Slurm's PrivateData hides jobs from the Hub's user: give it AdminLevel=Operator (sacctmgr modify user). "
                "Until then a job that has left the queue is not noticed."
            )
        return False

    async def job(self, job_id: int, *, patience: float | None = None) -> tuple[Job | None, Snapshot[dict[int, Job]]]:
        """The job as the last list has it, None if it is not in it, and the list's own age."""
        snapshot = await self.jobs.get(patience)
        return snapshot.value.get(job_id), snapshot

    async def places(self) -> Mapping[int, QueuePosition]:
        """The places of the waiting jobs of the last list, by their ids; none where the Hub does not see all jobs. Asks for no list."""
        known = self.jobs.last
        if known is None or not await self.sees_all_jobs():
            return {}
        return await self._places.get(known.as_of, lambda: queue_positions_of(known.value.values()))

    async def node_address(self, name: str, *, patience: float | None = None) -> str:
        """Where the node can be reached: its NodeAddr, for names need not resolve (slurm.md, "Measured").

        Raises
        ------
        ResourceFormError
            Slurm has never said anything about nodes.
        """
        for attempt in range(2):
            snapshot = await self.nodes.get(patience)
            for node in snapshot.value:
                if node.name == name:
                    return node.address or node.name
            if attempt == 0:
                self.nodes.expire()
        return name


def _begun_and_ended(reservations: Sequence[Reservation], now: float) -> int:
    """A number that changes when a reservation begins or ends: from one moment to the next nothing else makes a difference."""
    return sum((entry.start <= now) + (entry.end <= now) for entry in reservations)


def _member(user: str) -> Member:
    identity = Identity.of(user)
    names = set()
    for gid in identity.groups:
        try:
            names.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    return Member(identity, frozenset(names))
