"""Our errors as the Hub understands them: the right status, a sentence on every page, no traceback in the log."""

from __future__ import annotations

import collections
import logging
from typing import Any

from jupyterhub import spawner as jupyterhub_spawner
from markupsafe import Markup, escape
from tornado import web

from ..errors import MAX_ERRORS, RequestRejected, ResourceFormError, SessionFailed, SlurmRefused
from ..i18n import _
from ..request.model import FIELDS

# JupyterHub 6 has SpawnException, which it counts as a failure and not as an error; 5.x knows HTTPError only.
_Base: type[web.HTTPError] = getattr(jupyterhub_spawner, "SpawnException", web.HTTPError)


class HubRefusal(_Base):  # type: ignore[misc,valid-type]
    """An error of ours on its way through the Hub.

    ``jupyterhub_message`` and ``jupyterhub_html_message`` are what JupyterHub's pages print (docs/jupyterhub-facts.md#messages-of-errors).
    """

    def __init__(self, error: ResourceFormError) -> None:
        self.error = error
        if error.status < 500:
            _to_be_logged.append([error.log, False, error])
        if issubclass(_Base, web.HTTPError) and _Base is not web.HTTPError:
            super().__init__(
                error.sentence,
                reason=error.label,
                log_message=error.log,
                message_html=str(html_message(error)),
                status_code=error.status,
            )
        else:
            super().__init__(error.status, error.sentence)
        self.jupyterhub_message = text_message(error)
        self.jupyterhub_html_message = str(html_message(error))

    def __str__(self) -> str:
        return self.error.log


class FormIsFilled(Exception):
    """Not an error: a link filled the form, which JupyterHub shows when its attempt to start from the link fails."""

    jupyterhub_message = ""
    jupyterhub_html_message = ""


def text_message(error: ResourceFormError) -> str:
    """The error in plain text: the sentence, then Slurm's own words, or the log's."""
    if isinstance(error, SessionFailed) and error.details:
        said = _("The log of the session says: {words}").format(words="; ".join(error.details))
        return f"{error.sentence} {said}"
    details = error.details if isinstance(error, SlurmRefused) else ()
    if not details:
        return error.sentence.strip()
    said = _("Slurm says: {words}").format(words="; ".join(details))
    return f"{error.sentence} {said}"


def html_message(error: ResourceFormError) -> Markup:
    """The error as HTML: a list with a link to each field at fault; Slurm's own words or the log's, escaped, under the sentence."""
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
    return message


_to_be_logged: collections.deque[list[Any]] = collections.deque(maxlen=64)
"""The log lines of the latest refusals, each with whether it was logged."""


class QuietRefusals(logging.Filter):
    """JupyterHub logs a refused form three times as an error, once with a traceback; a user's mistake is one line, a warning."""

    def filter(self, record: logging.LogRecord) -> bool:
        cause = record.exc_info[1] if record.exc_info and not isinstance(record.exc_info, bool) else None
        if isinstance(cause, FormIsFilled):
            return False
        text = record.getMessage()
        if isinstance(cause, HubRefusal) and cause.error.status < 500:
            record.exc_info = record.exc_text = None
            text = f"{text}: {cause.error.log}"
        elif cause is not None or record.levelno < logging.WARNING:
            return True
        known = cause.error if isinstance(cause, HubRefusal) else None
        for entry in reversed(_to_be_logged):
            if entry[2] is known or (known is None and entry[0] in text):
                if entry[1]:
                    return False
                entry[1] = True
                # JupyterHub 5 logs an exception where there is none any more: "NoneType: None".
                record.exc_info = record.exc_text = None
                record.levelno, record.levelname = logging.WARNING, "WARNING"
                record.msg, record.args = "%s", (text,)
                break
        return True


def install_log_filter() -> None:
    """Put :class:`QuietRefusals` on the loggers that the Hub writes with, once."""
    for name in ("JupyterHub", "tornado.application", "tornado.general"):
        logger = logging.getLogger(name)
        if not any(isinstance(entry, QuietRefusals) for entry in logger.filters):
            logger.addFilter(QuietRefusals())
