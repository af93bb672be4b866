"""Our errors as the Hub understands them: the right status, a sentence on every page, no traceback in the log."""

from __future__ import annotations

import collections
import logging
import re

from jupyterhub import spawner as jupyterhub_spawner
from markupsafe import Markup, escape
from tornado import web

from ..errors import MAX_ERRORS, RequestRejected, ResourceFormError, SessionFailed, SlurmRefused
from ..i18n import _
from ..request.model import FIELDS
from ..session.events import SessionEvent, note
from .known import name_of
from .metrics.counts import start_failed
from .protocol import HubApplication, HubSpawner
from .state import HubState

_SECRETS = re.compile(r"((?:[?&]|\b)(?:_xsrf|token|access_token|code|state)=)(?!\[secret\])[^&\s'\")]+")

MAX_NOTED = 64
"""Refusals that may wait for their lines in the log."""

# JupyterHub 6 has SpawnException, which it counts as a failure and not as an error; 5.x knows HTTPError only.
_Base: type[web.HTTPError] = getattr(jupyterhub_spawner, "SpawnException", web.HTTPError)


class HubRefusal(_Base):  # type: ignore[misc,valid-type]
    """An error of ours on its way through the Hub. ``reference`` is what the log calls the start by; a user's mistake is shown without.

    ``jupyterhub_message`` and ``jupyterhub_html_message`` are what JupyterHub's pages print (docs/jupyterhub-facts.md#messages-of-errors).
    """

    def __init__(self, error: ResourceFormError, noted_by: RecentRefusals | None = None, reference: str = "") -> None:
        self.error = error
        self.noted_by = noted_by
        self.reference = reference
        shown = "" if isinstance(error, RequestRejected) else reference
        if issubclass(_Base, web.HTTPError) and _Base is not web.HTTPError:
            super().__init__(
                error.sentence,
                reason=error.label,
                log_message=error.log,
                message_html=str(html_message(error, shown)),
                status_code=error.status,
            )
        else:
            super().__init__(error.status, error.sentence)
        self.jupyterhub_message = text_message(error, shown)
        self.jupyterhub_html_message = str(html_message(error, shown))

    def __str__(self) -> str:
        return self.error.log


class FormIsFilled(Exception):
    """Not an error: a link filled the form, which JupyterHub shows when its attempt to start from the link fails."""

    jupyterhub_message = ""
    jupyterhub_html_message = ""


def text_message(error: ResourceFormError, reference: str = "") -> str:
    """Return the error in plain text: the sentence, then Slurm's own words, or the log's; and what the Hub's log calls the start by."""
    return f"{_text_of(error)} {reference_in_words(reference)}".strip()


def reference_in_words(reference: str) -> str:
    """Return what users tell their administrators, to be found in the Hub's log; empty where there is none."""
    return _("Reference: {reference}").format(reference=reference) if reference else ""


def _text_of(error: ResourceFormError) -> str:
    if isinstance(error, SessionFailed) and error.details:
        said = _("The log of the session says: {words}").format(words="; ".join(error.details))
        return f"{error.sentence} {said}"
    details = error.details if isinstance(error, SlurmRefused) and not error.words else ()
    if not details:
        return error.sentence.strip()
    said = _("Slurm says: {words}").format(words="; ".join(details))
    return f"{error.sentence} {said}"


def html_message(error: ResourceFormError, reference: str = "") -> Markup:
    """Return the error as HTML: a list with a link to each field at fault; Slurm's own words or the log's, escaped, under the sentence."""
    if isinstance(error, RequestRejected) and error.errors:
        linked, plain = Markup('<li><a class="alert-link" href="#resource-form-{0}">{1}</a></li>'), Markup("<li>{1}</li>")
        items = Markup("").join(
            # A key that is none of a request's has no place on the page that a link could lead to.
            (linked if field in FIELDS else plain).format(field, sentence)
            for field, sentence in list(error.errors.items())[:MAX_ERRORS]
        )
        if len(error.errors) > MAX_ERRORS:
            items += Markup("<li>{}</li>").format(_("… and {number} more").format(number=len(error.errors) - MAX_ERRORS))
        return Markup('<p class="mb-1">{}</p><ul class="mb-0">{}</ul>').format(_("The session was not started:"), items)
    message = Markup("<p class='mb-0'>{}</p>").format(error.sentence)
    if isinstance(error, SlurmRefused) and error.details:
        lines = Markup("\n").join(escape(line) for line in error.details)
        details = Markup('<details class="mt-2"><summary>{}</summary><pre class="mb-0">{}</pre></details>')
        message += details.format(_("Details: Slurm's own words"), lines)
    if isinstance(error, SessionFailed) and error.details:
        lines = Markup("\n").join(escape(line) for line in error.details)
        said = Markup('<p class="mt-2 mb-1">{}</p><pre class="mb-0 text-wrap">{}</pre>')
        message += said.format(_("The log of the session says:"), lines)
    if reference:
        message += Markup('<p class="small text-body-secondary mt-2 mb-0">{}</p>').format(reference_in_words(reference))
    return message


class _Noted:
    """One refusal, and whether it was logged."""

    __slots__ = ("error", "is_logged")

    def __init__(self, error: ResourceFormError, *, is_logged: bool) -> None:
        self.error = error
        self.is_logged = is_logged


class RecentRefusals:
    """The latest refusals of one Hub that are the user's mistake, for its log."""

    def __init__(self) -> None:
        self.noted: collections.deque[_Noted] = collections.deque(maxlen=MAX_NOTED)

    def refusal(self, error: ResourceFormError, reference: str = "", *, is_logged: bool = False) -> HubRefusal:
        """Return the error for the Hub, and note that it is to be logged, unless it is already."""
        if error.status < 500:
            self.noted.append(_Noted(error, is_logged=is_logged))
        return HubRefusal(error, self, reference)


def refusal_of(spawner: HubSpawner, error: ResourceFormError) -> HubRefusal:
    """Return the error of a spawner for its Hub, whose log has it once; it counts as a start that failed.

    What is no mistake of the user's is shown with a reference. Where there was a job, the line of its end tells of it.
    """
    start_failed(error)
    session = getattr(spawner, "session", None)
    reference, has_job = (session.reference, bool(session.record.job_id)) if session is not None else ("", False)
    if not has_job:
        text = _text_of(error)
        event = SessionEvent(
            "refused" if error.status < 500 else "failed",
            name_of(spawner.user),
            spawner.name,
            reference=reference,
            category=error.label,
            text=text,
            log="" if error.sentence and error.sentence in error.log else error.log,
        )
        note(spawner.log, event, logging.WARNING)
        if session is not None:
            session.is_told = True
    return HubState.of(spawner).part(RecentRefusals).refusal(error, reference, is_logged=not has_job)


class QuietRefusals(logging.Filter):
    """The filter of one Hub's log: JupyterHub logs a refused form three times as an error, once with a traceback; a user's mistake is
    one line, a warning.
    """

    def __init__(self, refusals: RecentRefusals) -> None:
        super().__init__()
        self.refusals = refusals

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether to write the line; make it a warning without a traceback, if it is a user's mistake."""
        if hasattr(record, "session_event"):
            return True
        cause = record.exc_info[1] if record.exc_info and not isinstance(record.exc_info, bool) else None
        if isinstance(cause, FormIsFilled):
            return False
        if isinstance(cause, HubRefusal) and cause.noted_by is not self.refusals:
            return True  # another Hub's
        text = record.getMessage()
        if isinstance(cause, HubRefusal) and cause.error.status < 500:
            record.exc_info = record.exc_text = None
            text = f"{text}: {cause.error.log}"
        elif cause is not None or record.levelno < logging.WARNING:
            return True
        known = cause.error if isinstance(cause, HubRefusal) else None
        for entry in reversed(self.refusals.noted):
            if entry.error is known or (known is None and entry.error.log in text):
                if entry.is_logged:
                    return False
                entry.is_logged = True
                # JupyterHub 5 logs an exception where there is none any more: "NoneType: None".
                record.exc_info = record.exc_text = None
                record.levelno, record.levelname = logging.WARNING, "WARNING"
                record.msg, record.args = "%s", (text,)
                break
        return True


class NoSecrets(logging.Filter):
    """The filter of a Hub's log that leaves out what an address has that opens something: tornado writes it with each error."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Write the line, without secrets."""
        text = record.getMessage()
        if _SECRETS.search(text):
            record.msg, record.args = "%s", (_SECRETS.sub(r"\1[secret]", text),)
            facts = getattr(record, "session_event", None)
            if facts is not None:
                known = {name: _SECRETS.sub(r"\1[secret]", fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
                record.session_event = known
        return True


def install_log_filter(app: HubApplication) -> None:
    """Put the Hub's :class:`QuietRefusals` on the loggers that it writes with, once."""
    refusals = HubState.of(app).part(RecentRefusals)
    for name in ("JupyterHub", "tornado.application", "tornado.general"):
        logger = logging.getLogger(name)
        if not any(isinstance(entry, NoSecrets) for entry in logger.filters):
            logger.addFilter(NoSecrets())
        if not any(isinstance(entry, QuietRefusals) and entry.refusals is refusals for entry in logger.filters):
            logger.addFilter(QuietRefusals(refusals))
