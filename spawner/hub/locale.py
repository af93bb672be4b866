"""Which language a browser, or a session, is answered in; and the pages of the Hub in it."""

from __future__ import annotations

import jinja2

from ..cache import BoundedDict
from ..i18n import _, languages, negotiated, ngettext
from .class_settings import class_settings
from .known import name_of
from .own_spawner import own_spawner
from .protocol import HubHandler, HubSpawner, OfUser
from .state import HubState

MAX_USERS = 10_000


class LatestLanguages:
    """The language of each user's latest request for a form or a start."""

    def __init__(self, max_users: int = MAX_USERS) -> None:
        self._of: BoundedDict[str, str] = BoundedDict(max_users)

    def of(self, user: str) -> str:
        """Return the language of a user; empty for one who has asked nothing yet."""
        return self._of.get(user, "")

    def remember(self, user: str, language: str) -> None:
        """Remember that this was the language of the user's latest request, if there is such a language."""
        if language in languages():
            self._of[user] = language

    def restore(self, user: str, language: str) -> None:
        """Remember the language that an earlier run of the Hub knew, unless there was a request since."""
        if user not in self._of:
            self.remember(user, language)


def language_of(handler: HubHandler | None, spawner: OfUser | None = None) -> str:
    """Return the language for whoever sends this request: the admin's choice, else what their browser prefers.

    Parameters
    ----------
    handler
        None where nobody asks, as when the Hub goes on with a session by itself.
    spawner
        Whose :attr:`.SpawnerSettings.language` counts; without one of ours, that of the Hub's class of spawners.
    """
    request = getattr(handler, "request", None)
    header = request.headers.get("Accept-Language", "") if request is not None else ""
    owner = spawner if spawner is not None else handler
    return negotiated(header, _set_language(owner) if owner is not None else "")


def _set_language(owner: HubHandler | OfUser) -> str:
    own = own_spawner(owner)
    return own.language if own is not None else class_settings(owner).language


def language_asked(spawner: HubSpawner) -> str:
    """Return the language of the request at hand, and remember it for the spawner's user."""
    if spawner.handler is not None:
        _latest(spawner).remember(name_of(spawner.user), language_of(spawner.handler, spawner))
    return language_spoken(spawner)


def language_spoken(spawner: OfUser) -> str:
    """Return the language of the latest request for the spawner's user.

    JupyterHub shows a refused form without the request (docs/jupyterhub-facts.md#refused-form), and asks nobody when it goes on with a
    session by itself.
    """
    return negotiated("", _set_language(spawner) or _latest(spawner).of(name_of(spawner.user)))


def restore(spawner: HubSpawner, language: str) -> None:
    """Remember the language in which an earlier run of the Hub spoke to the spawner's user, unless there was a request since."""
    _latest(spawner).restore(name_of(spawner.user), language)


def _latest(spawner: OfUser) -> LatestLanguages:
    return HubState.of(spawner).part(LatestLanguages)


def translated(sentence: object) -> str:
    """Translate a sentence of the catalogue that is not written in a template; not marked as safe, unlike what ``_()`` gives there."""
    return _(str(sentence))


def speak(environment: jinja2.Environment) -> None:
    """Give the templates of an environment ``_()``, ``{% trans %}`` and the filter ``translated``, in the language in use when they render.

    What stands in the template is HTML; values that are filled in are escaped.
    """
    environment.policies["ext.i18n.trimmed"] = True
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(_, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["translated"] = translated
