"""What the site's own command tells of budgets: asked seldom, for all users together where it can be, and never waited for long."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..accounting.budget_policy import SiteBudget, parse_site_budgets
from ..cache import CachedQueries, CachedQuery
from ..errors import ResourceFormError, SlurmUnavailable
from ..i18n import N_
from ..slurm.runner import Runner, last_line

USER = "{user}"
"""The word of the command that the user's name takes the place of."""

TIMEOUT_SECONDS = 10.0
PATIENCE_SECONDS = 0.5
MAX_USERS = 1000
"""Users whose answers are kept, those who have not looked for longest are forgotten first."""

AT_A_TIME = 4
"""Commands that run together, where each user has one."""

Answer = tuple[SiteBudget, ...]


class SiteBudgets:
    """The answers of ``budget_command``.

    Parameters
    ----------
    command
        argv, its first word an absolute path. If one of the words is ``{user}``, it is asked for each user alone.
    runner
        Starts it, as the Hub's own user.
    interval
        Seconds for which an answer is fresh.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        runner: Runner,
        interval: Callable[[], float],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], float] = time.time,
        jitter: float = 0.0,
    ) -> None:
        self.command = tuple(command)
        self._runner = runner
        self._clock = clock
        common: dict[str, Any] = {"interval": interval, "log": log, "clock": clock, "jitter": jitter, "sparing": True}
        self._answers = CachedQueries[Answer](
            MAX_USERS, lambda user: CachedQuery(f"budgets{user and f' of {user}'}", lambda: self._ask(user), **common)
        )
        self._slots = asyncio.Semaphore(AT_A_TIME)

    async def of(self, user: str, accounts: Iterable[str], patience: float | None = PATIENCE_SECONDS) -> Answer | None:
        """Return the budgets of these accounts, from the last good answer where there is none within ``patience`` seconds.

        Empty where the site keeps none for them; None where nobody knows. Never raises: a form without them is better than none.
        """
        if not self.command:
            return ()
        if USER in self.command and not _may_be_an_argument(user):
            return None
        try:
            snapshot = await self._answers.of(user if USER in self.command else "").get(patience)
        except ResourceFormError:
            return None
        wanted = set(accounts)
        return tuple(budget for budget in snapshot.value if budget.account in wanted)

    async def _ask(self, user: str) -> Answer:
        argv = tuple(user if word == USER else word for word in self.command)
        async with self._slots:
            asked_at = self._clock()
            result = await self._runner.run(argv, timeout=TIMEOUT_SECONDS)
        if not result.ok:
            raise SlurmUnavailable(
                N_("What is left of the budgets is not known at the moment."),
                log=f"budget_command exited with {result.returncode}: {last_line(result.stderr)}",
                stderr=result.stderr,
            )
        return await asyncio.to_thread(parse_site_budgets, result.stdout, asked_at)


def _may_be_an_argument(user: str) -> bool:
    """Whether the name can be nothing but a name to whatever reads it: no option, no control character."""
    return bool(user) and not user.startswith("-") and user.isprintable()
