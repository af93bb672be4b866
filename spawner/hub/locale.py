"""Which language a browser, or a session, is answered in; and the pages of the Hub in it."""

from __future__ import annotations

from typing import Any

import jinja2

from ..i18n import _, languages, negotiated, ngettext

MAX_USERS = 10_000

_latest: dict[str, str] = {}
"""The language of each user's latest request for a form or a start."""


def language_of(handler: Any, spawner: Any = None) -> str:
    """The language for whoever sends this request: the admin's choice, else what their browser prefers.

    Parameters
    ----------
    handler
        None where nobody asks, as when the Hub goes on with a session by itself.
    spawner
        Whose :attr:`.SpawnerSettings.language` counts; without one, that of the configuration.
    """
    request = getattr(handler, "request", None)
    header = request.headers.get("Accept-Language", "") if request is not None else ""
    if spawner is not None:
        chosen = spawner.language
    else:
        config = getattr(handler, "config", None)
        chosen = config.ResourceFormSpawner.get("language", "") if config is not None else ""
    return negotiated(header, str(chosen))


def language_asked(spawner: Any) -> str:
    """The language of the request at hand, which is remembered for the spawner's user."""
    if spawner.handler is not None:
        remember(spawner.user.name, language_of(spawner.handler, spawner))
    return language_spoken(spawner)


def language_spoken(spawner: Any) -> str:
    """The language of the latest request for the spawner's user.

    JupyterHub shows a refused form without the request (docs/jupyterhub-facts.md#refused-form), and asks nobody when it goes on with a
    session by itself.
    """
    return negotiated("", spawner.language or _latest.get(spawner.user.name, ""))


def remember(user: str, language: str) -> None:
    """That this was the language of the user's latest request."""
    if language in languages():
        _latest.pop(user, None)
        while len(_latest) >= MAX_USERS:
            del _latest[next(iter(_latest))]
        _latest[user] = language


def restore(user: str, language: str) -> None:
    """As :func:`remember`, of an earlier run of the Hub, unless there was a request since."""
    if user not in _latest:
        remember(user, language)


def translated(sentence: object) -> str:
    """A sentence of the catalogue that is not written in a template; not marked as safe, unlike what ``_()`` gives in a template."""
    return _(str(sentence))


def speak(environment: jinja2.Environment) -> None:
    """Give the templates of an environment ``_()``, ``{% trans %}`` and the filter ``translated``, in the language in use when they render.

    What stands in the template is HTML; values that are filled in are escaped.
    """
    environment.policies["ext.i18n.trimmed"] = True
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(_, ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters["translated"] = translated
