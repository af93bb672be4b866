"""What ends a start before it is ours: a site's hook, its authenticator, JupyterHub itself; in the words that are meant for the user."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from jupyterhub import spawner as jupyterhub_spawner
from jupyterhub.utils import maybe_future
from markupsafe import Markup
from tornado import web

from ...errors import StartRefused
from ...humanize import as_sentence
from ...i18n import N_, _, using
from ...session.events import SessionEvent, new_reference, note
from ...session.record import End
from ..errors import HubRefusal
from ..known import name_of
from ..locale import language_spoken
from ..protocol import FormSpawner, HubSpawner, StartingSpawner
from ..state import HubState
from .storage import store_state

MAX_WORDS = 1000
"""Characters of a refusal that are shown."""

PLAIN = (Exception, RuntimeError, ValueError, PermissionError)
"""What a hook raises with words of its own; Python's other kinds (KeyError, OSError) are mistakes in it, whose words are for the log."""

NO_WORDS = N_("The service does not start this session. Ask its administrators.")
MISTAKE = N_("The service could not prepare the session. Its administrators find the reason in the Hub's log.")

COUNTS_REFUSALS = not hasattr(jupyterhub_spawner, "SpawnException")
"""JupyterHub 5 counts every failed start towards ``consecutive_failure_limit``, JupyterHub 6 errors only
(docs/jupyterhub-facts.md#failures-that-count)."""


def words_of(error: BaseException, *, plain: bool = False) -> str | None:
    """Return what an error says to users: JupyterHub's attributes for it, or an HTTPError's message; None where it says nothing to them.

    With ``plain`` also the text of an error that is nothing but words.
    """
    text = getattr(error, "jupyterhub_message", None)
    if not text and (html := getattr(error, "jupyterhub_html_message", None)):
        text = Markup(html).striptags()  # noqa: S704 - its tags are taken off, and what is shown is escaped again # nosec B704
    if not text and isinstance(error, web.HTTPError):
        text = _message_of(error)
    elif text is None and plain:
        text = str(error)
    return " ".join(str(text).split())[:MAX_WORDS] if text is not None else None


def _message_of(error: web.HTTPError) -> str:
    try:
        return str(error.log_message) % error.args if error.log_message else error.reason or ""
    except (TypeError, ValueError):  # a % of the site's own that stands for itself
        return str(error.log_message)


def refusal_by(error: Exception, hook: object) -> StartRefused | None:
    """Return what a hook says to the user by raising an error; None where that is a mistake in it.

    An error whose class stands where the hook stands is the site's own and says what it says.
    """
    places = {getattr(hook, "__module__", None) or "builtins", "builtins"}
    is_sites = type(error).__module__ in places and getattr(builtins, type(error).__name__, None) is not type(error)
    try:
        words = words_of(error, plain=type(error) in PLAIN or is_sites)
    except Exception:  # noqa: BLE001 - whatever its __str__ raises
        return None
    if words is None:
        return None
    status = error.status_code if isinstance(error, web.HTTPError) and error.status_code >= 400 else 403
    return StartRefused(
        as_sentence(words) or NO_WORDS, status=status, log=f"refused by the Hub's pre_spawn_hook: {words or type(error).__name__}"
    )


async def run_hook(spawner: FormSpawner, hook: Callable[[], Any]) -> None:
    """Run the site's ``pre_spawn_hook``. What it says to the user by raising an error is shown as refusals of ours are.

    Raises
    ------
    HubRefusal
        The hook does not let the session start.
    HTTPError
        500: the hook is wrong.
    """
    try:
        await maybe_future(hook())
    except Exception as error:
        with using(language_spoken(spawner)):
            refusal = refusal_by(error, spawner.pre_spawn_hook)
            if refusal is not None:
                is_not_counted(spawner)
                raise spawner.refusal(refusal) from None
            spawner.log.exception("The pre_spawn_hook failed for %s", spawner.log_name)
            mistake: Any = web.HTTPError(500, MISTAKE)
            mistake.jupyterhub_message = _(MISTAKE)
            raise mistake from None


def note_failed_start(spawner: StartingSpawner, future: asyncio.Future[Any]) -> None:
    """Record why a start failed that did not come to ours, where the end of the session before was forgotten.

    In the database as well: JupyterHub gives a server whose start failed another spawner.
    """
    error = None if future.cancelled() else future.exception()
    if error is not None and spawner.session is None and spawner.last_end is None:
        with using(language_spoken(spawner)):
            words, at = as_sentence(words_of(error) or "") or _(MISTAKE), spawner.cluster.clock()
        reference = (error.reference if isinstance(error, HubRefusal) else "") or new_reference()
        spawner.last_end = End("NOT_SUBMITTED", words, at, category="never_started", kind="others", reference=reference)
        if not isinstance(error, HubRefusal):  # it has its line already
            event = SessionEvent("failed", name_of(spawner.user), spawner.name, reference=reference, category="never_started", text=words)
            note(spawner.log, event, logging.WARNING)
        with suppress(Exception):  # it is done later
            store_state(spawner)


def is_not_counted(spawner: HubSpawner, *, as_error: bool = False) -> None:
    """See to it that JupyterHub 5 does not count the refusal that is about to be raised: it adds one once the start is over.

    With ``as_error`` it is an error in JupyterHub's eyes, which JupyterHub 6 counts as well.
    """
    future = spawner._spawn_future  # noqa: SLF001 - there is no other sign of a start that JupyterHub counts
    app: Any = HubState.of(spawner).settings.get("app")
    if (COUNTS_REFUSALS or as_error) and app is not None and future is not None and not future.done():
        settings = app.tornado_application.settings
        settings["failure_count"] = settings.get("failure_count", 0) - 1
