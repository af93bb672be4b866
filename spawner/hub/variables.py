"""A user's variables of the environment between the Hub and its pages: what looks secret is not sent out, but known when it comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..cache import BoundedDict
from ..i18n import _
from ..request.variables import MASK, as_text, masked, masked_text, read_text, secrets_in, with_known
from .known import name_of, value_of
from .protocol import HubSpawner
from .state import HubState

KEPT_SECONDS = 3600.0
MAX_USERS = 10_000

TOLD_CHARACTERS = 2_000
"""Of all variables of a session, names and values: they stand in addresses, and in every list of sessions."""


class TypedSecrets:
    """What users have typed into a form that was refused and looks secret, for :data:`KEPT_SECONDS`: the form that is shown next has the
    mask in its place. In the Hub's memory only.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_users: int = MAX_USERS) -> None:
        self._clock = clock
        self._kept: BoundedDict[str, tuple[float, dict[str, str]]] = BoundedDict(max_users)

    def keep(self, user: str, variables: Mapping[str, str]) -> None:
        """Keep a user's variables, beside those that were typed before."""
        if variables:
            self._kept[user] = (self._clock(), {**self.of(user), **variables})

    def of(self, user: str) -> dict[str, str]:
        """Return what a user has typed."""
        kept = self._kept.get(user)
        return kept[1] if kept is not None and self._clock() - kept[0] <= KEPT_SECONDS else {}

    def forget(self, user: str) -> None:
        """Forget it: the session has it."""
        self._kept.pop(user, None)


def with_known_variables(spawner: HubSpawner, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's options with the values that masks in it stand for.

    Those are what the user has just typed, what the spawner's last session had, or what all the user's other servers that have such a
    variable agree on. What is not known stays a mask, which :func:`.field_values.read_environment` refuses.
    """
    if not options.get("environment"):
        return dict(options)
    variables = with_known(options["environment"])
    if isinstance(variables, Mapping) and MASK in variables.values():
        typed = HubState.of(spawner).part(TypedSecrets).of(name_of(spawner.user))
        variables = with_known(variables, typed, _own(spawner), _others(spawner))
    return {**options, "environment": variables}


def _own(spawner: HubSpawner) -> Mapping[str, str]:
    variables = spawner.accepted_options.get("environment")
    return variables if isinstance(variables, Mapping) else {}


def _others(spawner: HubSpawner) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for server in spawner.user.orm_user.orm_spawners.values():
        for name, value in secrets_in((value_of(server, "user_options") or {}).get("environment")).items():
            found.setdefault(name, set()).add(value)
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1}


def keep_typed(spawner: HubSpawner, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed into a form as the form may show it again; what looks secret in it is kept in the Hub's memory."""
    if not typed.get("environment"):
        return dict(typed)
    HubState.of(spawner).part(TypedSecrets).keep(name_of(spawner.user), secrets_in(typed["environment"]))
    return {**typed, "environment": masked_text(typed["environment"])}


def shown_text(variables: object) -> str:
    """Return variables as the form shows them, from names with values or from text."""
    if isinstance(variables, str):
        return masked_text(variables)
    return as_text(masked(variables)) if isinstance(variables, Mapping) else ""


def told_variables(variables: object) -> dict[str, str]:
    """Return variables for lists, links and the record of past sessions: no secrets, and not more than :data:`TOLD_CHARACTERS`.

    A value beyond is a mask. What cannot be read, as another spawner has left it, is left out.
    """
    if not isinstance(variables, Mapping):
        return {}
    told, size = {}, 0
    for name, value in variables.items():
        if isinstance(name, str) and isinstance(value, str):
            size += len(name) + len(value)
            told[name] = value if size <= TOLD_CHARACTERS else MASK
    return masked(told)


def from_link(spawner: HubSpawner, text: str) -> tuple[str, list[str]]:
    """Return what a link fills in as variables, as text, and what the user is to be told of them.

    Anybody may have made the link, or the file. Values that are the user's own already are no news. If there are others, the user is told
    their names, and a mask stands for nothing: another's server must not be sent the user's token. A secret in full is not taken either:
    the form would have to show it.
    """
    try:
        given = read_text(text)
    except ValueError as error:
        return "", [_("The variables that came along cannot be read. {why}").format(why=error)]
    own = _own(spawner)
    news = {name: value for name, value in given.items() if value != MASK and own.get(name) != value}
    secrets = secrets_in(news)
    news = {name: value for name, value in news.items() if name not in secrets}
    unknown = [name for name, value in given.items() if name in secrets or (value == MASK and (news or name not in own))]
    notes = []
    if news:
        words = _("Variables of the environment came along: {list}. Start only if you know who set them.")
        notes.append(words.format(list=", ".join(news)))
    if unknown:
        notes.append(_("No value came along for {list}: secrets are not passed on. Type it below.").format(list=", ".join(unknown)))
    return as_text({name: "" if name in unknown else value for name, value in given.items()}), notes
