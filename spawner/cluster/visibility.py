"""What the Hub may see of other people's things: Slurm's PrivateData, and who is exempt from it."""

from __future__ import annotations

import logging

from ..cache import countdown
from ..errors import ResourceFormError
from ..slurm.privacy import is_slurm_user, private_data, what_to_change
from .hub_user import HubUser
from .queries import CONFIGURATION_PATIENCE_SECONDS, SlurmQueries


class Visibility:
    """The Hub's right to see what is other people's, by Slurm's configuration and accounts."""

    def __init__(self, queries: SlurmQueries, hub_user: HubUser, *, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        self._queries = queries
        self._hub_user = hub_user
        self._log = log
        self._has_warned = False

    async def hidden(self, patience: float | None = CONFIGURATION_PATIENCE_SECONDS) -> frozenset[str]:
        """Return the words of slurm.conf's PrivateData that bind the Hub's user; empty: slurmctld shows it everything.

        Raises
        ------
        ResourceFormError
            The configuration cannot be read.
        """
        if self._hub_user.is_root:
            return frozenset()
        left = countdown(patience)
        configuration = (await self._queries.configuration.get(left())).value
        words = private_data(configuration)
        if not words or is_slurm_user(self._hub_user.name, configuration):
            return frozenset()
        try:
            accounting = (await self._queries.accounting.get(left())).value
        except ResourceFormError:
            return words
        # slurmdbd alone knows who is an operator: where it has not answered yet nobody is.
        return frozenset() if accounting is not None and accounting.is_operator(self._hub_user.name) else words

    async def what_to_change(self) -> str:
        """Return what the admin should change in Slurm so that the Hub sees what it needs; empty for nothing.

        Raises
        ------
        ResourceFormError
            Nobody knows yet.
        """
        words = await self.hidden()
        accounting = None if self._hub_user.is_root else (await self._queries.accounting.get(CONFIGURATION_PATIENCE_SECONDS)).value
        in_slurmdbd = ("users",) if accounting is not None and accounting.hides_users else ()
        return what_to_change(self._hub_user.name, words, in_slurmdbd)

    async def sees_all_jobs(self, patience: float | None = CONFIGURATION_PATIENCE_SECONDS) -> bool:
        """Tell whether a list without a job says anything: not where PrivateData hides other people's jobs (slurm.conf(5)).

        Where that cannot be read the answer is no: then only a terminal state ends a session.
        """
        left = countdown(patience)
        try:
            await self._queries.configuration.get(left())
            hidden = await self.hidden(left())
        except ResourceFormError:
            return False
        if "jobs" in hidden and not self._has_warned:
            self._has_warned = True
            self._log.warning("%s", what_to_change(self._hub_user.name, hidden, ()))
        return "jobs" not in hidden
