"""What the Hub may see of other people's jobs: Slurm's PrivateData, and who is exempt from it."""

from __future__ import annotations

import logging
import os
import pwd

from ..errors import ResourceFormError
from .queries import CONFIGURATION_PATIENCE_SECONDS, SlurmQueries


class JobVisibility:
    """The Hub's right to see other people's jobs, by Slurm's configuration and accounts."""

    def __init__(self, queries: SlurmQueries, *, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
        self._queries = queries
        self._log = log
        self._has_warned = False

    async def sees_all_jobs(self) -> bool:
        """Tell whether a list without a job says anything: not where PrivateData hides other people's jobs (slurm.conf(5)).

        Where the configuration cannot be read the answer is no: then only a terminal state ends a session.
        """
        try:
            configuration = (await self._queries.configuration.get(CONFIGURATION_PATIENCE_SECONDS)).value
        except ResourceFormError:
            return False
        private = configuration.get("PrivateData", "").lower().replace(" ", "").split(",")
        if "jobs" not in private or os.geteuid() == 0:
            return True
        own_name = pwd.getpwuid(os.geteuid()).pw_name
        if configuration.get("SlurmUser", "").split("(")[0] == own_name:
            return True
        try:
            accounting = (await self._queries.accounting.get(CONFIGURATION_PATIENCE_SECONDS)).value
        except ResourceFormError:
            return False
        if accounting is not None and accounting.from_controller:
            # slurmdbd alone knows who is an operator, and has not answered yet.
            return False
        if accounting is not None and any(entry.user == own_name and entry.is_operator for entry in accounting.defaults):
            return True
        if not self._has_warned:
            self._has_warned = True
            self._log.warning(
                "Slurm's PrivateData hides jobs from the Hub's user: give it AdminLevel=Operator (sacctmgr modify user). "
                "Until then a job that has left the queue is not noticed."
            )
        return False
