"""What a user typed and why it was refused, kept until the form is shown again.

JupyterHub renders the form after a refused POST from the default server's spawner, without the request and without the values
(docs/jupyterhub-facts.md#refused-form), so the values wait here, by user, for a short time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...cache import BoundedDict
from ..known import name_of
from ..protocol import HubSpawner
from ..state import HubState

KEPT_SECONDS = 600.0
MAX_USERS = 10_000


@dataclass(frozen=True, slots=True)
class Rejection:
    """One form that was refused: the typed values, and a sentence for each field at fault. Or, ``is_link``, what a link fills in.

    ``was_pressed``: the link is what became of a press of Start by somebody who was logged out.
    """

    values: Mapping[str, Any]
    errors: Mapping[str, str]
    is_link: bool = False
    was_pressed: bool = False


class Rejections:
    """The latest refused form of each user, for :data:`KEPT_SECONDS`, handed out once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_users: int = MAX_USERS) -> None:
        self._clock = clock
        self._kept: BoundedDict[str, tuple[float, Rejection]] = BoundedDict(max_users)

    def keep(self, user: str, rejection: Rejection) -> None:
        """Keep a user's refused form in place of an older one."""
        self._kept[user] = (self._clock(), rejection)

    def waiting(self, user: str) -> Rejection | None:
        """Return a user's refused form, which is kept; None where there is none, or it is too old."""
        kept = self._kept.get(user)
        return kept[1] if kept is not None and self._clock() - kept[0] <= KEPT_SECONDS else None

    def take(self, user: str) -> Rejection | None:
        """Hand out a user's refused form and forget it; None where there is none, or it is too old."""
        found = self.waiting(user)
        self._kept.pop(user, None)
        return found


def keep(spawner: HubSpawner, rejection: Rejection) -> None:
    """Keep what the spawner's user typed until the form is shown again."""
    HubState.of(spawner).part(Rejections).keep(name_of(spawner.user), rejection)


def waiting(spawner: HubSpawner) -> Rejection | None:
    """Return what the spawner's user typed, which is kept until it is taken; None where nothing waits."""
    return HubState.of(spawner).part(Rejections).waiting(name_of(spawner.user))


def take(spawner: HubSpawner) -> Rejection | None:
    """Hand out what the spawner's user typed, once; None where nothing waits."""
    return HubState.of(spawner).part(Rejections).take(name_of(spawner.user))
