"""SlurmCluster: the shared, aged answers of Slurm, and the commands that change something (sbatch, scancel).

One object for the whole Hub. The number of commands depends on the clock, never on the number of users or open pages.
What it does stands in parts, each in a module of its own; here are the names by which the rest of the Hub knows them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from traitlets.config import SingletonConfigurable

from ..accounting.billing_rule import BillingRule
from ..accounting.entitlement import Entitlement
from ..availability.demand import MemoryRule
from ..availability.forecast import ClusterForecast
from ..availability.queue_position import QueuePosition
from ..availability.table import Availability, Excerpt
from ..availability.totals import NodePool, Running
from ..bounds import DEFAULTS, NO_COUNTS, Bounds, Counts
from ..cache import BoundedDict, Snapshot
from ..gpu.claims import MAX_CLAIMS, GpuClaims
from ..gpu.device_matching import Reported
from ..slurm.job_gres import JobGres
from ..slurm.model import Job
from ..slurm.runner import Identity, Runner, SlurmRunner
from .device_reports import DeviceReports
from .ended import EndedSessions
from .estimator import Estimator
from .features import NodeFeatures
from .hub_user import HubUser
from .job_commands import JobCommands
from .job_history import MIN_INTERVAL_SECONDS, MIN_INTERVAL_WHILE_STARTING_SECONDS, JobHistory
from .job_usage import UsageOfSessions
from .queries import SlurmQueries
from .readings import Readings
from .settings import OLD_SECTION, ClusterSettings, warn_of_old_section
from .users import Member, SystemUsers
from .views import DerivedViews
from .visibility import Visibility

JITTER = 0.1


class SlurmCluster(ClusterSettings, SingletonConfigurable):
    """The Slurm cluster that sessions run on.

    In the configuration the section ``c.Cluster``, its name of before, counts too; ``c.SlurmCluster`` wins where both set a trait.
    """

    @classmethod
    def section_names(cls) -> list[str]:
        """Return the sections of the configuration that are read, the one that wins last."""
        return [OLD_SECTION, *super().section_names()]

    def __init__(
        self,
        *,
        runner: Runner | None = None,
        clock: Callable[[], float] = time.time,
        jitter: float = JITTER,
        bounds: Bounds = DEFAULTS,
        counts: Counts = NO_COUNTS,
        hub_user: HubUser | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        warn_of_old_section(self.config, self.log)
        self.clock = clock
        self.bounds = bounds
        self.runner: Runner = runner or SlurmRunner(
            slurm_conf=self.slurm_conf, bin_dir=self.bin_dir, sudo=tuple(self.sudo), bounds=bounds, counts=counts
        )
        hub_user = hub_user or HubUser()
        self.ended = EndedSessions()
        log = self.log
        self.device_reports = DeviceReports(self, clock)
        self.gpu_claims = GpuClaims()
        self.session_jobs: BoundedDict[int, str] = BoundedDict(MAX_CLAIMS)
        """The nonces of sessions by the ids of their jobs, as the sessions themselves have them."""
        self.readings = Readings(log=log, clock=clock, bounds=bounds, counts=counts)
        self.gpu_reports = self.device_reports.store
        self.queries = queries = SlurmQueries(
            self.runner,
            self,
            self.device_reports,
            readings=self.readings,
            others=lambda: self.job_history.is_busy + self.usage.is_busy,
            log=log,
            clock=clock,
            jitter=jitter,
            hub_user=hub_user,
        )
        self.nodes, self.jobs, self.all_partitions, self.reservations = (
            queries.nodes,
            queries.jobs,
            queries.all_partitions,
            queries.reservations,
        )
        self.accounting, self.configuration, self.holdings = queries.accounting, queries.configuration, queries.holdings
        self.users = SystemUsers(clock)
        self.visibility = Visibility(queries, hub_user, log=log)
        self.features = NodeFeatures(queries)
        self.views = DerivedViews(queries, self.users, self.visibility, self, clock)
        self.commands = JobCommands(self.runner, changed=queries.expire_changed)
        self.estimator = Estimator(
            self.runner, log=log, clock=clock, timeout=lambda: self.estimate_timeout, enabled=lambda: self.estimates, bounds=bounds
        )
        self.job_history = JobHistory(
            self.runner,
            log=log,
            clock=clock,
            min_interval=lambda: MIN_INTERVAL_WHILE_STARTING_SECONDS if queries.is_starting else MIN_INTERVAL_SECONDS,
            timeout=lambda: self.command_timeout,
            readings=self.readings,
        )
        self.usage = UsageOfSessions(
            self.runner,
            log=log,
            clock=clock,
            jitter=jitter,
            interval=lambda: self.usage_interval,
            started=queries.started_at,
            is_starting=lambda: queries.is_starting,
            timeout=lambda: self.command_timeout,
            readings=self.readings,
        )

    # --- Slurm's answers: queries ---

    def starting(self) -> AbstractContextManager[None]:
        """Read the list of jobs more often while a session starts, for all of them together."""
        return self.queries.starting()

    async def job(self, job_id: int, *, patience: float | None = None) -> tuple[Job | None, Snapshot[dict[int, Job]]]:
        """Return the job as the last list has it, None if it is not in it, and the list's own age."""
        return await self.queries.job(job_id, patience=patience)

    async def tagged_jobs(self, user: str | None = None) -> tuple[Job, ...]:
        """Return the jobs of ``user``, or of all, with their comments, as Slurm has them now (:meth:`.SlurmQueries.tagged_jobs`)."""
        return await self.queries.tagged_jobs(user)

    async def submitted_script(self, job_id: int) -> str | None:
        """Return the script of a job as Slurm has it; None where the Hub may not read it (:meth:`.SlurmQueries.submitted_script`)."""
        return await self.queries.submitted_script(job_id)

    async def job_gres(self, job_id: int, node: str = "") -> JobGres | None:
        """Return what a running job has of a node's GRES, asked now (:meth:`.SlurmQueries.job_gres`)."""
        return await self.queries.job_gres(job_id, node)

    async def message_timeout(self) -> float:
        """Return Slurm's MessageTimeout in seconds; its default where the configuration cannot be read."""
        return await self.queries.message_timeout()

    async def node_address(self, name: str, *, patience: float | None = None) -> str:
        """Return where the node can be reached (:meth:`.SlurmQueries.node_address`)."""
        return await self.queries.node_address(name, patience=patience)

    @property
    def node_names(self) -> frozenset[str] | None:
        """The names of the last answer about the nodes, whatever its age; None before there was one."""
        return self.device_reports.node_names

    def reported(self, names: Iterable[str]) -> Reported:
        """Return what the devices of these nodes say, as far as the reports are fresh. Asks nobody."""
        return self.device_reports.reported(names)

    # --- who may see and be what: users, visibility ---

    async def member(self, user: str) -> Member:
        """Return the system's user of this name, with their groups (:meth:`.SystemUsers.member`)."""
        return await self.users.member(user)

    async def sees_all_jobs(self) -> bool:
        """Tell whether a list without a job says anything (:meth:`.Visibility.sees_all_jobs`)."""
        return await self.visibility.sees_all_jobs()

    # --- what follows from the answers: views ---

    async def entitlement(self, user: str, *, job_qos: str = "", whole_nodes: bool = False, patience: float | None = None) -> Entitlement:
        """Return what ``user`` may choose (:meth:`.DerivedViews.entitlement`)."""
        return await self.views.entitlement(user, job_qos=job_qos, whole_nodes=whole_nodes, patience=patience)

    async def lets_sessions_into(self, partitions: Collection[str]) -> bool:
        """Tell whether sessions may run in each of these partitions (:meth:`.DerivedViews.lets_sessions_into`)."""
        return await self.views.lets_sessions_into(partitions)

    async def availability(self, *, reservation: str = "", patience: float | None = None) -> Snapshot[Availability]:
        """Return what is free now in every partition of the service (:meth:`.DerivedViews.availability`)."""
        return await self.views.availability(reservation=reservation, patience=patience)

    async def availability_for(self, user: str, *, reservation: str = "", patience: float | None = None) -> Snapshot[Availability]:
        """Return what is free now in the partitions of ``user`` (:meth:`.DerivedViews.availability_for`)."""
        return await self.views.availability_for(user, reservation=reservation, patience=patience)

    async def availability_in(
        self, partitions: Iterable[str], *, reservation: str = "", patience: float | None = None
    ) -> Snapshot[Availability]:
        """Return what is free now in these partitions (:meth:`.DerivedViews.availability_in`)."""
        return await self.views.availability_in(partitions, reservation=reservation, patience=patience)

    async def excerpt_of(self, found: Snapshot[Availability], partition: str) -> Snapshot[Excerpt]:
        """Return as much of it as a page shows (:meth:`.DerivedViews.excerpt_of`)."""
        return await self.views.excerpt_of(found, partition)

    async def forecast(self, *, sbatch_options: Sequence[str] = (), patience: float | None = None) -> ClusterForecast:
        """Return the cluster as one more job would meet it (:meth:`.DerivedViews.forecast`)."""
        return await self.views.forecast(sbatch_options=sbatch_options, patience=patience)

    async def billing_rule(
        self, partition: str, reservation: str = "", *, whole_nodes: bool = False, patience: float | None = None
    ) -> BillingRule | None:
        """Return how jobs in the partition, or in a reservation there, are billed (:meth:`.DerivedViews.billing_rule`)."""
        return await self.views.billing_rule(partition, reservation, whole_nodes=whole_nodes, patience=patience)

    async def memory_rule(self, partition: str, *, patience: float | None = None) -> MemoryRule:
        """Return how a job of the partition asks for memory (:meth:`.DerivedViews.memory_rule`)."""
        return await self.views.memory_rule(partition, patience=patience)

    async def running_and_pools(
        self, *, reservation: str = "", patience: float | None = None
    ) -> tuple[Running | None, tuple[NodePool, ...] | None]:
        """Return what everybody's jobs hold, and what the nodes have (:meth:`.DerivedViews.running_and_pools`)."""
        return await self.views.running_and_pools(reservation=reservation, patience=patience)

    async def queue_positions(self) -> Mapping[int, QueuePosition]:
        """Return the positions of the waiting jobs of the last list, by their ids (:meth:`.DerivedViews.queue_positions`)."""
        return await self.views.queue_positions()

    # --- what changes something: commands ---

    async def submit(self, argv: Sequence[str], script: str, environment: Mapping[str, str], identity: Identity) -> int:
        """Hand a job to Slurm as ``identity``, and return its id (:meth:`.JobCommands.submit`)."""
        return await self.commands.submit(argv, script, environment, identity)

    async def cancel(self, job_id: int, identity: Identity) -> None:
        """Ask Slurm to end the job, as its owner (:meth:`.JobCommands.cancel`)."""
        await self.commands.cancel(job_id, identity)

    async def ask_for_report(self, job_id: int, identity: Identity) -> None:
        """Ask the launcher of a running job to report its port again (:meth:`.JobCommands.ask_for_report`)."""
        await self.commands.ask_for_report(job_id, identity)

    async def is_being_submitted(self, nonce: str, identity: Identity) -> bool:
        """Tell whether an sbatch of this nonce still runs for the user (:meth:`.JobCommands.is_being_submitted`)."""
        return await self.commands.is_being_submitted(nonce, identity)
