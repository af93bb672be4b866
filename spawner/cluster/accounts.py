"""Who may charge what, read from slurmdbd; from slurmctld where slurmdbd is away, or hides other users from the Hub (PrivateData)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ..accounting.qos import AccountingRecords, records_of_controller
from ..errors import SlurmUnavailable
from ..slurm import commands, sacctmgr
from ..slurm.model import Association, Holdings, SlurmConfig, UserDefaults
from ..slurm.privacy import is_slurm_user, is_slurmdbds_own, private_data
from ..slurm.reading import Reading
from .hub_user import HubUser


class Read(Protocol):
    """Runs a command and reads its answer, ``name`` being what the log calls it."""

    async def __call__(self, name: str, argv: Sequence[str], parser: Callable[[str, Reading], Any], /) -> tuple[Any, Reading]:
        """Return what the parser makes of it, and what it could not read."""


class AccountsReader:
    """The questions about accounts, QOS and what is held of them.

    Parameters
    ----------
    hub_user
        Who asks: Slurm may hide other users' accounts from it.
    configuration
        Gives the controller's configuration.
    """

    def __init__(
        self,
        read: Read,
        hub_user: HubUser,
        *,
        configuration: Callable[[], Awaitable[SlurmConfig]],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
    ) -> None:
        self._read = read
        self._hub_user = hub_user
        self._configuration = configuration
        self._log = log

    async def records(self, known: AccountingRecords | None, *, has_known: bool) -> AccountingRecords | None:
        """Return what there is now; None: the site keeps no accounts. ``known`` is the answer of before, if there was one.

        Raises
        ------
        SlurmError
            No answer, and there was one of slurmdbd's before.
        """
        try:
            associations, of_accounts = await self._read("accounts", commands.show_associations(), sacctmgr.parse_associations)
            defaults, _of_users = await self._read("users", commands.show_users(), sacctmgr.parse_user_defaults)
            qos, of_qos = await self._read("QOS", commands.show_qos(), sacctmgr.parse_qos)
        except SlurmUnavailable as error:
            if sacctmgr.has_no_accounting(error.stderr):
                return None
            if has_known and not (known is not None and known.is_substitute):
                raise
            self._log.warning("slurmdbd has not answered yet (%s): the accounts are those that slurmctld knows", error.log)
            return await self._records_of_controller()
        config = await self._configuration()
        if await self._hides_users(associations, defaults):
            return await self._records_in_spite_of_privacy(config, defaults)
        own = tuple(entry for entry in associations if entry.cluster in ("", config.cluster_name))
        # A QOS that is not in the list would be refused as one that does not exist: then none is judged.
        return AccountingRecords(own, defaults, () if of_qos.rows_left_out else qos, is_partial=of_accounts.rows_left_out > 0)

    async def holdings(self) -> tuple[Holdings, Reading]:
        """Return what is held, as slurmctld knows it."""
        return await self._read("what is held", commands.show_holdings(), sacctmgr.parse_holdings)

    def hides_use(self, accounting: AccountingRecords, configuration: SlurmConfig) -> bool:
        """Tell whether slurmctld leaves out what others hold, without a word: it would seem that nobody holds anything."""
        if self._hub_user.is_root or accounting.is_operator(self._hub_user.name):
            return False
        return self._controller_hides(configuration)

    def _controller_hides(self, configuration: SlurmConfig) -> bool:
        return bool(private_data(configuration) & {"users", "usage"}) and not is_slurm_user(self._hub_user.name, configuration)

    async def _hides_users(self, associations: Sequence[Association], defaults: Sequence[UserDefaults]) -> bool:
        """Whether slurmdbd has left out other users' rows, without a word: PrivateData=users (slurmdbd.conf(5))."""
        if self._hub_user.is_root or any(entry.user == self._hub_user.name and entry.is_operator for entry in defaults):
            return False
        config, _reading = await self._read("slurmdbd's configuration", commands.show_accounting_config(), sacctmgr.parse_database_config)
        if not is_slurmdbds_own(config):
            # Nobody knows its words: one that shows another user's row shows them all.
            return all(entry.user in ("", self._hub_user.name) for entry in associations)
        return "users" in private_data(config) and not is_slurm_user(self._hub_user.name, config)

    async def _records_in_spite_of_privacy(self, config: SlurmConfig, defaults: tuple[UserDefaults, ...]) -> AccountingRecords:
        """The accounts that slurmctld knows; none where it hides them as well: then nobody's are known."""
        records = AccountingRecords((), ()) if self._controller_hides(config) else await self._records_of_controller()
        return replace(records, defaults=defaults, from_controller=True, hides_users=True)

    async def _records_of_controller(self) -> AccountingRecords:
        holdings, of_accounts = await self.holdings()
        return replace(records_of_controller(holdings), is_partial=of_accounts.rows_left_out > 0)
