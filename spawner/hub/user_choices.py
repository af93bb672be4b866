"""What the user of a spawner may choose: Slurm's answer, and the admin's releases, presets, notices and budgets, for all users alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from jupyterhub.utils import maybe_future

from ..accounting.entitlement import Entitlement
from ..accounting.qos import forced_qos
from ..advice.service import PricingSettings
from ..availability.node_choice import node_choice_of
from ..cluster.cluster import SlurmCluster
from ..errors import FormFileError
from ..request.choices import Choices
from ..request.form_file import UNREADABLE, FormFile, FormRules
from ..request.policy import parse_policies
from ..request.presets import Preset, parse_presets
from ..request.qos import choices_for, qos_asked
from ..request.release_rules import with_own_releases
from ..site.areas import parse_areas
from ..site.audience import UNKNOWN_VIEWER, Audience
from ..site.budget_command import SiteBudgets
from ..site.catalogue import PLAIN_CATALOGUE, Catalogue, parse_catalogue
from ..site.notice_board import NoticeBoard
from ..site.notices import Announcement, announcements
from ..site.release_policy import AdvancedReleases
from ..site.storage_command import StorageUsage
from ..site.watched_file import ToldFile
from ..slurm.runner import Identity
from .group_overrides import GroupOverrides, groups_of_hub
from .known import name_of
from .protocol import HubUser, Log
from .releases import catalogue_of
from .settings.spawner import SpawnerSettings
from .state import AdminWarnings, HubState


class AdminSources:
    """What the admin's commands and notices have said, one object for each of them and all users of a Hub."""

    def __init__(self) -> None:
        self.storage_usage: dict[tuple[str, ...], StorageUsage] = {}
        self.site_budgets: dict[tuple[str, ...], SiteBudgets] = {}
        self.notice_boards: dict[tuple[str, ...], NoticeBoard] = {}
        self.form_files: dict[str, ToldFile[FormRules]] = {}


class UserChoices(SpawnerSettings):
    """The part of a spawner that knows what its user may ask for. ``user`` and ``log`` are the spawner's own."""

    user: HubUser
    log: Log
    _group_overrides: GroupOverrides | None = None

    @property
    def cluster(self) -> SlurmCluster:
        """The Hub's one SlurmCluster."""
        return HubState.of(self).cluster

    def current_catalogue(self) -> Catalogue:
        """Return the releases as the admin lists them now, with what administrators have marked.

        Raises
        ------
        CatalogueError
            The list is broken and there never was a good one.
        """
        return catalogue_of(self, HubState.of(self))

    async def choices(
        self, *, options: Mapping[str, Any] | None = None, beside: Iterable[Mapping[str, Any]] = (), patience: float | None = None
    ) -> Choices:
        """Return what this session's user may choose now; never what the visitor of the page may, for an admin starts for others.

        Parameters
        ----------
        options
            The request that is judged by it: what may be chosen depends on its QOS.
        beside
            Other requests that are judged by it, too; presets need not be among them.

        Raises
        ------
        ResourceFormError
            Slurm has never answered, or there is no catalogue.
        """
        offered = await self._offered(patience, self.current_catalogue)
        only = self.only_presets
        only_for = Audience.model_validate(only if isinstance(only, dict) else {}) if only is not False else None
        groups = await self._groups()
        policy = AdvancedReleases.model_validate(self.advanced_releases)
        own = with_own_releases(offered, policy, groups, is_admin=bool(self.user.admin))
        rules = (await self.form_rules()).over({}, await self._presets_of_the_configuration())
        own = own.with_presets(rules.presets, groups, only_for)
        named = {qos_asked(each, own) for each in (options or {}, *beside, *(preset.values for preset in own.presets))} - {""}
        if not named:
            return own
        by_qos = {name: await self._entitlement(name, patience) for name in sorted(named)}
        return choices_for(options or {}, replace(own, by_qos={"": own.entitlement, **by_qos}))

    async def _entitlement(self, qos: str, patience: float | None) -> Entitlement:
        """What Slurm lets the user's jobs have under a QOS."""
        options, user = self.sbatch_options, name_of(self.user)
        return await self.cluster.entitlement(
            user, job_qos=forced_qos(options) or qos, whole_nodes=node_choice_of(options).whole, patience=patience
        )

    async def open_to_user(self, *, patience: float | None = None) -> tuple[frozenset[str], frozenset[str]]:
        """Return the names of the partitions in which this user can start a session now, and of the reservations; without a catalogue, too.

        Raises
        ------
        ResourceFormError
            Slurm has never answered.
        """
        offered = await self._offered(patience, lambda: parse_catalogue(PLAIN_CATALOGUE))
        partitions = frozenset(entry.name for entry in offered.partitions) - offered.closed.keys()
        return partitions, frozenset(offered.reservation_values)

    async def _offered(self, patience: float | None, catalogue: Callable[[], Catalogue]) -> Choices:
        """The choices without presets."""
        await self.take_group_overrides()
        fields = self.fields
        if callable(fields):
            fields = await maybe_future(fields(self))
        own = await self._entitlement("", patience)
        now, areas = time.time(), parse_areas(self.start_folders)
        storage = self._storage_usage() if areas else None
        usage = await storage.of(name_of(self.user)) if storage is not None else {}
        closed = (await self.notice_board().current()).closed(now)
        return Choices(
            own,
            catalogue(),
            (await self.form_rules()).over(parse_policies(fields or {}), ()).fields,
            now=now,
            closed=closed,
            bounds=HubState.of(self).bounds,
            areas=areas,
            usage=usage,
            forced_qos=forced_qos(self.sbatch_options),
            features=await self.cluster.features.by_partition(patience),
        )

    async def take_group_overrides(self) -> None:
        """Give the settings the values that ``group_overrides`` has for the user's groups now (:class:`.GroupOverrides`)."""
        self._group_overrides = self._group_overrides or GroupOverrides()
        await self._group_overrides.take(self)

    async def _groups(self) -> frozenset[str]:
        """The names of the user's groups: the system's on the cluster, and the Hub's own."""
        return (await self.cluster.member(name_of(self.user))).groups | groups_of_hub(self.user)

    def told_form_file(self) -> ToldFile[FormRules] | None:
        """Return the admin's file of fields and presets, one object for all users; None where there is none."""
        files = HubState.of(self).part(AdminSources).form_files
        if self.form_file and self.form_file not in files:
            files[self.form_file] = ToldFile(FormFile(self.form_file), "fields and presets", self.log)
        return files.get(self.form_file)

    async def form_rules(self) -> FormRules:
        """Return what the admin's file says of the form.

        Raises
        ------
        FormFileError
            It never was in order: what it forbids is not known.
        """
        told = self.told_form_file()
        if told is None:
            return FormRules()
        rules = await told.latest()
        if rules is None:
            raise told.file.error or FormFileError(UNREADABLE)
        return rules

    async def _presets_of_the_configuration(self) -> tuple[Preset, ...]:
        """The presets of the setting; none where the admin's function gives something else: nobody's session depends on them."""
        presets = self.presets
        if callable(presets):
            presets = await maybe_future(presets(self))
        try:
            return parse_presets(presets or ())
        except ValueError as error:
            if HubState.of(self).part(AdminWarnings).is_due("presets", str(error)):
                self.log.error("There are no presets, the function that gives them is wrong: %s", error)  # noqa: TRY400 - one line is enough
            return ()

    def notice_board(self) -> NoticeBoard:
        """Return what the admin has to say: one board for all users."""
        boards = HubState.of(self).part(AdminSources).notice_boards
        key = (self.notices_file, *self.notices_command)
        if key not in boards:
            boards[key] = NoticeBoard(
                self.notices_file,
                self.notices_command,
                runner=self.cluster.runner,
                interval=lambda: self.notices_interval,
                log=self.log,
                clock=self.cluster.clock,
            )
        return boards[key]

    async def announcements(self, choices: Choices | None = None) -> tuple[Announcement, ...]:
        """Return what this user is to be told now.

        Without ``choices``, as while Slurm does not answer, it is what is for everyone."""
        board = await self.notice_board().current()
        viewer = UNKNOWN_VIEWER
        if choices is not None:
            viewer = choices.viewer(await self._groups())
        return announcements(board, time.time(), viewer)

    async def terms(self) -> PricingSettings:
        """Return what the admin has set that advice about a request depends on."""
        not_charged = self.not_charged
        if callable(not_charged):
            not_charged = await maybe_future(not_charged(self))
        return PricingSettings(
            tuple(self.sbatch_options), not_charged, "refuse" if self.over_budget == "refuse" else "warn", self._site_budgets()
        )

    def _site_budgets(self) -> SiteBudgets | None:
        budgets = HubState.of(self).part(AdminSources).site_budgets
        command = tuple(self.budget_command)
        if command and command not in budgets:
            budgets[command] = SiteBudgets(
                command, runner=self.cluster.runner, interval=lambda: self.budget_interval, log=self.log, clock=self.cluster.clock
            )
        return budgets.get(command)

    def _storage_usage(self) -> StorageUsage | None:
        known = HubState.of(self).part(AdminSources).storage_usage
        command, cluster = tuple(self.storage_command), self.cluster

        async def identity(user: str) -> Identity:
            return (await cluster.member(user)).identity

        if command and command not in known:
            known[command] = StorageUsage(
                command,
                runner=cluster.runner,
                identity=identity,
                interval=lambda: self.storage_interval,
                log=self.log,
                clock=cluster.clock,
            )
        return known.get(command)
