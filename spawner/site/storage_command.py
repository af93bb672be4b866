"""What the site's own command tells of a user's storage: asked seldom, as that user, in the background, and never waited for."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..cache import CachedQueries, CachedQuery
from ..errors import ResourceFormError, SlurmUnavailable
from ..i18n import N_
from ..slurm.runner import Identity, Runner, last_line

USER = "{user}"
"""The word of the command that the user's name takes the place of."""

TIMEOUT_SECONDS = 10.0
MAX_USERS = 1000
"""Users whose answers are kept, those who have not looked for longest are forgotten first."""

AT_A_TIME = 4
"""Commands that run together."""

MAX_LINES = 200
NEARLY_FULL = 0.9
_NO_ANSWER = N_("What is used of the storage is not known at the moment.")


@dataclass(frozen=True, slots=True)
class AreaUsage:
    """What is used of one area, in bytes and files; None for what is not known, or has no limit."""

    used_bytes: int | None = None
    limit_bytes: int | None = None
    used_files: int | None = None
    limit_files: int | None = None

    @property
    def bytes_share(self) -> float | None:
        """The share of the bytes that is used; None without a limit."""
        return _share(self.used_bytes, self.limit_bytes)

    @property
    def files_share(self) -> float | None:
        """The share of the files that there may be; None without a limit."""
        return _share(self.used_files, self.limit_files)


Answer = Mapping[str, AreaUsage]


def _share(used: int | None, limit: int | None) -> float | None:
    return used / limit if used is not None and limit else None


def parse_storage_usage(text: str) -> dict[str, AreaUsage]:
    """Read what the command has printed, a JSON object a line, by area; keys that are not known here are left out.

    Raises
    ------
    ResourceFormError
        A line is something else. One that cannot be read makes the whole answer one that cannot be trusted.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        raise _unreadable(f"{len(lines)} lines are more than {MAX_LINES}")
    found = {}
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _unreadable(f"a line is no JSON: {error}") from None
        area = row.get("area") if isinstance(row, dict) else None
        if not isinstance(area, str) or not area:
            raise _unreadable(f"a line names no area: {line!r:.100}")
        found[area] = AreaUsage(**{key: _number(row.get(key), key, area) for key in AreaUsage.__slots__})
    return found


def _number(value: Any, key: str, area: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e24:
        raise _unreadable(f"{key} of {area!r:.100} is no number: {value!r:.100}")
    return int(value)


def _unreadable(what: str) -> ResourceFormError:
    return ResourceFormError(_NO_ANSWER, log=f"the answer of storage_command: {what}"[:500])


class StorageUsage:
    """The answers of ``storage_command``.

    Parameters
    ----------
    command
        argv, its first word an absolute path; a word ``{user}`` becomes the user's name.
    runner
        Starts it.
    identity
        Finds the system's user as whom it is started.
    interval
        Seconds for which an answer is fresh.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        runner: Runner,
        identity: Callable[[str], Awaitable[Identity]],
        interval: Callable[[], float],
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.command = tuple(command)
        self._runner = runner
        self._identity = identity
        common: dict[str, Any] = {"interval": interval, "log": log, "clock": clock, "sparing": True}
        self._answers = CachedQueries[Answer](
            MAX_USERS, lambda user: CachedQuery(f"the storage of {user}", lambda: self._ask(user), **common)
        )
        self._slots = asyncio.Semaphore(AT_A_TIME)

    async def of(self, user: str) -> Answer:
        """Return what is known now of the user's areas, by name, and have the command asked where that is old; empty for nothing known.

        It is not waited for, and what it fails to tell is not told: a form without it is better than none.
        """
        try:
            snapshot = await self._answers.of(user).get(patience=0)
        except ResourceFormError:
            return {}
        return {} if snapshot.stale else snapshot.value

    async def _ask(self, user: str) -> Answer:
        identity = await self._identity(user)
        argv = tuple(identity.name if word == USER else word for word in self.command)
        async with self._slots:
            result = await self._runner.run(argv, identity=identity, timeout=TIMEOUT_SECONDS)
        if not result.ok:
            raise SlurmUnavailable(
                _NO_ANSWER, log=f"storage_command exited with {result.returncode}: {last_line(result.stderr)}", stderr=result.stderr
            )
        return await asyncio.to_thread(parse_storage_usage, result.stdout)
