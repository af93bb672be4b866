"""Users of the system with their groups, as whom jobs are submitted and by whom access is told."""

from __future__ import annotations

import asyncio
import grp
import pwd
from collections.abc import Callable
from dataclasses import dataclass

from ..cache import BoundedDict
from ..errors import SlurmRefused
from ..i18n import N_
from ..slurm.names import in_accounting
from ..slurm.runner import Identity

IDENTITY_SECONDS = 300.0
"""For so long a user is not looked up again."""

MAX_MEMBERS = 4096
"""Users who are remembered; beyond so many, the one who was looked up the longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class Member:
    """A user of the system with the names of all their groups. ``spellings`` are names that the system has the same uid for."""

    identity: Identity
    groups: frozenset[str]
    spellings: tuple[str, ...] = ()


class SystemUsers:
    """The system's users who have been looked up, remembered for :data:`IDENTITY_SECONDS`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._members: BoundedDict[str, tuple[float, Member]] = BoundedDict(MAX_MEMBERS)

    async def member(self, user: str) -> Member:
        """Return the system's user of this name, with their groups; remembered for a few minutes.

        Raises
        ------
        SlurmRefused
            The system does not know the user, so no job could be theirs.
        """
        known = self._members.get(user)
        if known is not None and self._clock() - known[0] < IDENTITY_SECONDS:
            return known[1]
        try:
            member = await asyncio.to_thread(_member, user)
        except KeyError:
            raise SlurmRefused(
                N_("You have no user account on this cluster. Ask the support for one."), log=f"the system knows no user {user!r}"
            ) from None
        self._members[user] = (self._clock(), member)
        return member


def _member(user: str) -> Member:
    identity = Identity.of(user)
    names = set()
    for gid in identity.groups:
        try:
            names.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    return Member(identity, frozenset(names), _spellings(user, identity))


def _spellings(user: str, identity: Identity) -> tuple[str, ...]:
    """What Slurm may call the user, the system's own name first. slurmdbd writes names in lower case, and a directory may know both."""
    found = []
    for name in dict.fromkeys((identity.name, user, in_accounting(identity.name), in_accounting(user))):
        try:
            if pwd.getpwnam(name).pw_uid == identity.uid:
                found.append(name)
        except KeyError:
            continue
    return tuple(found)
