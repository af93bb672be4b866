"""Slurm's answers: each question shared by everybody, asked at most once in its interval, with the age of its answer.

The number of commands depends on the clock, never on the number of users or open pages.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..accounting.qos import AccountingRecords
from ..cache import CachedQuery, Snapshot
from ..errors import ResourceFormError, SlurmOutputError, SlurmUnavailable
from ..i18n import N_
from ..slurm import batch_script, commands, licenses, scontrol, squeue
from ..slurm.job_gres import JobGres, parse_job_gres
from ..slurm.model import UNREAD, Holdings, Job, License, Node, Partition, Reservation, SlurmConfig
from ..slurm.reading import Reading
from ..slurm.runner import Runner, read
from ..slurm.states import RUNNING
from .accounts import AccountsReader
from .device_reports import DeviceReports
from .hub_user import HubUser
from .readings import Readings
from .settings import ClusterSettings

Parsed = TypeVar("Parsed")

CONFIGURATION_PATIENCE_SECONDS = 5.0
DEFAULT_MESSAGE_TIMEOUT_SECONDS = 10.0
STRETCH_WHILE_ASKING = 0.25
"""For each of the two other questions, the list of jobs is asked for so much more seldom."""

NOT_UP = frozenset({"powered_down", "powering_up", "not_responding"})
"""Flags of a node that has not come up, as far as the last answer goes."""

RETRY_SECONDS = 60.0
"""After so long slurmdbd is asked again that has never answered."""


class SlurmQueries:
    """The questions that Slurm is asked again and again, and the latest answers.

    Parameters
    ----------
    settings
        Intervals and time limits, read anew for each question.
    reports
        What nodes report of their GPUs: what Slurm says of nodes is compared with it.
    readings
        Reads the answers.
    others
        How many other questions keep Slurm busy now (slurmdbd about ended jobs, nodes about sessions' use).
    hub_user
        Who asks: Slurm may hide other users' accounts from it.
    """

    def __init__(
        self,
        runner: Runner,
        settings: ClusterSettings,
        reports: DeviceReports,
        *,
        readings: Readings,
        others: Callable[[], int],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], float],
        jitter: float,
        hub_user: HubUser,
    ) -> None:
        self._runner = runner
        self._settings = settings
        self._reports = reports
        self._readings = readings
        self._others = others
        self._log = log
        self._clock = clock
        self._accounts = AccountsReader(self._read, hub_user, configuration=self._configuration, log=log)
        self._starting = 0
        self._newer_associations: frozenset[tuple[str, str, str]] = frozenset()
        common: dict[str, Any] = {"log": log, "clock": clock, "jitter": jitter, "sparing": True}
        self.nodes: CachedQuery[tuple[Node, ...]] = CachedQuery("nodes", self._read_nodes, lambda: settings.nodes_interval, **common)
        self.jobs: CachedQuery[dict[int, Job]] = CachedQuery("jobs", self._read_jobs, self._jobs_interval_now, **common)
        self._tags: CachedQuery[tuple[Job, ...]] = CachedQuery(
            "comments of jobs", self._read_tags, lambda: settings.jobs_interval, **common
        )
        self.all_partitions: CachedQuery[tuple[Partition, ...]] = CachedQuery(
            "partitions", self._read_partitions, lambda: settings.layout_interval, **common
        )
        self.reservations: CachedQuery[tuple[Reservation, ...]] = CachedQuery(
            "reservations", self._read_reservations, lambda: settings.layout_interval, **common
        )
        self.accounting: CachedQuery[AccountingRecords | None] = CachedQuery(
            "accounts", self._read_accounting, self._accounting_interval_now, **common
        )
        self.configuration: CachedQuery[SlurmConfig] = CachedQuery(
            "its configuration", self._read_configuration, lambda: settings.accounting_interval, **common
        )
        self.licenses: CachedQuery[tuple[License, ...]] = CachedQuery(
            "licences", self._read_licenses, lambda: settings.nodes_interval, **common
        )
        self.holdings: CachedQuery[Holdings] = CachedQuery("what is held", self._read_holdings, self._holdings_interval_now, **common)

    @property
    def questions(self) -> Mapping[str, CachedQuery[Any]]:
        """What Slurm is asked again and again, by short names, for whoever looks after the service."""
        return {
            "nodes": self.nodes,
            "jobs": self.jobs,
            "comments": self._tags,
            "partitions": self.all_partitions,
            "reservations": self.reservations,
            "accounts": self.accounting,
            "configuration": self.configuration,
            "licences": self.licenses,
            "holdings": self.holdings,
        }

    def _jobs_interval_now(self) -> float:
        if not self._starting:
            return self._settings.jobs_interval
        # Where slurmdbd is asked about sessions that end meanwhile, or nodes what sessions use, Slurm gets no more commands for it.
        stretch = 1.0 + STRETCH_WHILE_ASKING * self._others()
        return min(self._settings.jobs_interval, self._settings.starting_interval * stretch)

    def _accounting_interval_now(self) -> float:
        known = self.accounting.last_value
        interval = self._settings.accounting_interval
        return min(interval, RETRY_SECONDS) if known is not None and known.is_substitute else interval

    def _holdings_interval_now(self) -> float:
        known = self.accounting.last
        if known is not None and known.value is not None and not known.value.has_shared_limits:
            return max(self._settings.holdings_interval, self._settings.accounting_interval)  # it only tells of new associations
        return self._settings.holdings_interval * (3 if self._starting else 1)

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Read the list of jobs more often while a session starts, for all of them together."""
        self._starting += 1
        try:
            yield
        finally:
            self._starting -= 1

    @property
    def is_starting(self) -> bool:
        """Whether any session is starting."""
        return self._starting > 0

    def started_at(self, job_id: int) -> float | None:
        """Return when the job started (seconds since the epoch), None if it does not run."""
        job = (self.jobs.last_value or {}).get(job_id)
        return job.start if job is not None and job.state in RUNNING else None

    async def _read(self, name: str, argv: Sequence[str], parser: Callable[[str, Reading], Parsed]) -> tuple[Parsed, Reading]:
        text = await read(self._runner, argv, timeout=self._settings.command_timeout)
        return await self._readings.parse(name, text, parser)

    async def _read_nodes(self) -> tuple[Node, ...]:
        asked = self._clock()
        nodes, _reading = await self._read("nodes", commands.show_nodes(), scontrol.parse_nodes)
        return await self._reports.compare(nodes, asked)

    async def _read_jobs(self) -> dict[int, Job]:
        jobs, _reading = await self._read("jobs", commands.list_jobs(), lambda text, reading: squeue.parse_jobs(text, reading=reading))
        return {job.job_id: job for job in jobs}

    async def _read_partitions(self) -> tuple[Partition, ...]:
        return (await self._read("partitions", commands.show_partitions(), scontrol.parse_partitions))[0]

    async def _read_reservations(self) -> tuple[Reservation, ...]:
        return (await self._read("reservations", commands.show_reservations(), scontrol.parse_reservations))[0]

    async def _read_licenses(self) -> tuple[License, ...]:
        return (await self._read("licences", commands.show_licenses(), licenses.parse_licenses))[0]

    async def _read_configuration(self) -> SlurmConfig:
        return (await self._read("its configuration", commands.show_config(), scontrol.parse_config))[0]

    async def _configuration(self) -> SlurmConfig:
        return (await self.configuration.get()).value

    async def _read_accounting(self) -> AccountingRecords | None:
        known = self.accounting.last
        return await self._accounts.records(known.value if known is not None else None, has_known=known is not None)

    async def _read_holdings(self) -> Holdings:
        holdings, _reading = await self._accounts.holdings()
        known = self.accounting.last
        newer = known.value.lacks(holdings) if known is not None and known.value is not None else frozenset()
        if newer - self._newer_associations:
            self.accounting.expire()
        self._newer_associations = newer
        return holdings

    async def _read_tags(self, user: str | None = None) -> tuple[Job, ...]:
        # Each question has a mark of its own: whoever reads the Hub's process list must not know it beforehand.
        mark = secrets.token_hex(8)
        argv = commands.list_tagged_jobs(user, mark)
        return (await self._read("comments", argv, lambda text, reading: squeue.parse_tagged_jobs(text, mark, reading)))[0]

    async def held(self, user: str, accounting: AccountingRecords | None, patience: float | None) -> Holdings | None:
        """Return what is held, where that matters to ``user``; None where it does not, or nobody knows: then nothing is taken off."""
        if accounting is None or (accounting.has_user(user) and not accounting.has_shared_limits):
            return None
        try:
            if self._accounts.hides_use(accounting, await self.known_configuration(patience)):
                return None
            return (await self.holdings.get(patience)).value
        except ResourceFormError:
            return None

    async def known_configuration(self, patience: float | None) -> SlurmConfig:
        """Return the configuration; empty where it cannot be read, so that everything counts as enforced."""
        try:
            return (await self.configuration.get(patience)).value
        except ResourceFormError:
            return SlurmConfig()

    def expire_changed(self) -> None:
        """Take what is known as out of date, for a job has come or gone."""
        self.jobs.expire()
        self.nodes.expire()
        held = self.holdings.last
        if held is not None and self._clock() - held.as_of > self._settings.nodes_interval:
            self.holdings.expire()

    async def tagged_jobs(self, user: str | None = None) -> tuple[Job, ...]:
        """Return the jobs of ``user``, or of all, with their comments, as Slurm has them now: where jobs have to be told apart.

        One question serves all who ask at the same time. If its answer cannot be read, a user's own jobs are asked for alone. Jobs of whose
        rows only the id can be read, or not even that (:data:`.model.UNREAD`), are among those of every user.

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
        return tuple(job for job in snapshot.value if user is None or job.user == user or job.state == UNREAD)

    async def submitted_script(self, job_id: int) -> str | None:
        """Return the script of a job as Slurm has it, empty if it has none; None where the Hub's user may not read it.

        Raises
        ------
        SlurmError
            No answer: nothing follows about the job.
        """
        argv = commands.show_script(job_id)
        result = await self._runner.run(argv, timeout=self._settings.command_timeout)
        return batch_script.parse_script(result.stdout, result.stderr)

    async def job(self, job_id: int, *, patience: float | None = None) -> tuple[Job | None, Snapshot[dict[int, Job]]]:
        """Return the job as the last list has it, None if it is not in it, and the list's own age."""
        snapshot = await self.jobs.get(patience)
        return snapshot.value.get(job_id), snapshot

    async def job_gres(self, job_id: int, node: str = "") -> JobGres | None:
        """Return what a running job has of the GRES of ``node`` (empty: of its only one), asked now; None where Slurm does not say.

        Raises
        ------
        SlurmError
            No answer, or none that can be read.
        """
        return parse_job_gres(await read(self._runner, commands.show_job(job_id), timeout=self._settings.command_timeout), node)

    async def message_timeout(self) -> float:
        """Return Slurm's MessageTimeout in seconds; its default where the configuration cannot be read."""
        try:
            snapshot = await self.configuration.get(CONFIGURATION_PATIENCE_SECONDS)
            return float(snapshot.value.get("MessageTimeout", "").split()[0])
        except (ResourceFormError, ValueError, IndexError):
            return DEFAULT_MESSAGE_TIMEOUT_SECONDS

    async def node_address(self, name: str, *, patience: float | None = None) -> str:
        """Return where the node can be reached: its NodeAddr, for names need not resolve (slurm.conf(5), NodeAddr).

        Where Slurm names no such node it is the name. A node of a cloud may get its address while it boots: of one that was not up yet when
        Slurm was asked last, it is asked again.

        Raises
        ------
        ResourceFormError
            Slurm has never said anything about nodes.
        """
        for attempt in range(2):
            snapshot = await self.nodes.get(patience)
            known = next((node for node in snapshot.value if node.name == name), None)
            if known is not None and (attempt or not known.flags & NOT_UP):
                return known.address or known.name
            self.nodes.expire()
        return name
