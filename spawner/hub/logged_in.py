"""Open pages whose user has logged out meanwhile, or in again: what they ask is refused, in words for the user.

It is not answered all the same: other pages of the same host, as those of sessions, have another token, and are not to be told.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tornado import web

from ..i18n import N_, _, using
from .locale import language_of

LOGGED_OUT = N_("You are not logged in any more. Log in again in another tab, and go on here.")
LOGGED_IN_AGAIN = N_("You have logged in again since this page was made. Load the page again.")
PRESS_AGAIN = N_("You have logged in again since this page was made, so nothing was started. Press Start once more.")
PRESSED = "pressed-before"
"""The option of a link to the form that says that Start was pressed while its user was logged out."""
STATUS = 403


def is_of_our_own(request: Any) -> bool:
    """Tell whether a browser says that a page of this Hub's own host has sent a request: by ``Sec-Fetch-Site``, else by ``Origin``.

    Without either it is anybody's. A foreign page's form is not to come back as one of ours that asks to be sent again.
    """
    if site := request.headers.get("Sec-Fetch-Site", ""):
        return bool(site == "same-origin")
    return bool(urlsplit(request.headers.get("Origin", "")).netloc == request.host)


def require_log_in(handler: Any, otherwise: str = "Log in, or send a token.") -> None:
    """See to it that somebody asks.

    Raises
    ------
    HTTPError
        403: nobody is logged in, and there is no token. Programs are told ``otherwise``.
    """
    if handler.current_user is not None:
        return
    with using(language_of(handler)):
        words = _(LOGGED_OUT) if is_of_our_own(handler.request) else otherwise
    raise web.HTTPError(STATUS, words)


class TellsPages:
    """A handler of the API's that open pages ask: to those whose user has logged out, or in again, it says so."""

    def check_xsrf_cookie(self) -> None:
        """Refuse another token than the right one, as JupyterHub does.

        Raises
        ------
        HTTPError
            403: with what to do about it, where a page of the Hub's own host asks.
        """
        try:
            super().check_xsrf_cookie()  # type: ignore[misc]
        except web.HTTPError:
            handler: Any = self
            if not is_of_our_own(handler.request):
                raise
            with using(language_of(handler)):
                raise web.HTTPError(STATUS, _(LOGGED_OUT if handler.current_user is None else LOGGED_IN_AGAIN)) from None
