"""By which names Slurm knows the machine that the Hub submits jobs from: partitions may take jobs of some hosts only (AllocNodes)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence

LOOK_UP_SECONDS = 5.0


class SubmitHosts:
    """The names of this machine, worked out once; those that the admin gives count alone.

    slurmctld takes the name that it finds for munge's address of the machine, without its domain, or the one that sbatch has sent
    (``auth_p_get_host`` in src/plugins/auth/munge/auth_munge.c): any of them may be the one.
    """

    def __init__(self, given: Callable[[], Sequence[str]]) -> None:
        self._given = given
        self._found: frozenset[str] | None = None

    async def names(self) -> frozenset[str]:
        """Return the names."""
        if self._given():
            return frozenset(self._given())
        if self._found is None:
            found = frozenset({socket.gethostname(), socket.gethostname().partition(".")[0]})
            with contextlib.suppress(asyncio.TimeoutError):
                found |= await asyncio.wait_for(asyncio.to_thread(_looked_up), LOOK_UP_SECONDS)
            self._found = found
        return self._found


def _looked_up() -> frozenset[str]:
    """The name that the address of this machine's name has; none where nobody knows."""
    try:
        name = socket.gethostbyaddr(socket.gethostbyname(socket.gethostname()))[0]
    except OSError:
        return frozenset()
    return frozenset({name, name.partition(".")[0]})
