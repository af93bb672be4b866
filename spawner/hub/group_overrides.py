"""``Spawner.group_overrides`` for our settings: JupyterHub takes them at a start alone, and the form has to show what holds then."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from jupyterhub.utils import maybe_future, recursive_update

from .settings.spawner import SpawnerSettings
from .state import AdminWarnings, HubState


def groups_of_hub(user: Any) -> frozenset[str]:
    """Return the names of the Hub's groups that a user is in: of the configuration, or the authenticator's."""
    return frozenset(group.name for group in getattr(user.orm_user, "groups", ()))


class GroupOverrides:
    """What one spawner's settings have been given for its user's groups, and what they were before."""

    def __init__(self) -> None:
        self._groups: frozenset[str] = frozenset()
        self._before: dict[str, Any] = {}

    async def take(self, spawner: Any) -> None:
        """Give the spawner's settings of ours the values for its user's groups, where those are others than the last time.

        A mistake in ``group_overrides`` is one line in the log; JupyterHub's own attempt, at the start, fails by it.
        """
        overrides, groups = getattr(spawner, "group_overrides", None), groups_of_hub(spawner.user)
        if not overrides or groups == self._groups:
            return
        for name, value in self._before.items():
            setattr(spawner, name, value)
        self._groups, self._before = groups, {}
        try:
            found = await maybe_future(overrides(spawner)) if callable(overrides) else overrides
            for key in sorted(found):
                if groups & set(found[key]["groups"]):
                    self._give(spawner, found[key]["spawner_override"])
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the admin's function or values
            if HubState.of(spawner).part(AdminWarnings).is_due("group_overrides", str(error)):
                spawner.log.error("group_overrides is wrong: %s: %s", type(error).__name__, error)  # noqa: TRY400 - one line is enough

    def _give(self, spawner: Any, values: Mapping[str, Any]) -> None:
        """As JupyterHub does it: a function is asked, what is a dictionary is put into the one that there is."""
        for name in values.keys() & set(SpawnerSettings.class_trait_names(config=True)):
            value, now = values[name], getattr(spawner, name)
            value = value(spawner) if callable(value) else value
            self._before.setdefault(name, now)
            if isinstance(value, dict) and isinstance(now, dict):
                merged = copy.deepcopy(now)
                recursive_update(merged, value)
                value = merged
            setattr(spawner, name, value)
