"""Pages that were made before their user logged out, or in again, in another tab: their token against forged requests has become another.

JupyterHub answers what they post with an error page, and what was typed is lost. Ours ask again, with what was typed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.handlers.pages import SpawnHandler
from jupyterhub.utils import maybe_future
from tornado import web
from tornado.httputil import url_concat

from ...errors import StartRefused
from ...i18n import _, using
from ...request.form_data import as_the_page_means
from ...request.model import FIELDS_OF_THE_PAGE
from ...request.variables import masked_text
from ..errors import HubRefusal
from ..locale import language_of
from ..logged_in import PRESS_AGAIN, PRESSED, is_of_our_own
from ..own_spawner import own_spawner
from ..variables import TOLD_CHARACTERS

STATUS = 403
LONGEST_VALUE = 200
"""Characters of what was typed into one field that are carried across a log-in."""


class AsksAgain:
    """A handler of the Hub's whose ``post`` is called for a page of the Hub's with another token too: ``is_stale`` says so.

    It then changes nothing.
    """

    is_stale = False

    def check_xsrf_cookie(self) -> None:
        """Note that the token is not the right one, where JupyterHub would end the request."""
        try:
            super().check_xsrf_cookie()  # type: ignore[misc]
        except web.HTTPError:
            request: Any = getattr(self, "request")  # noqa: B009 - the handler's, which this class is a part of
            if request.method != "POST" or not is_of_our_own(request):
                raise
            self.is_stale = True

    def leads_back(self, url: str) -> bool:
        """Lead a visitor who was logged out while the page was open to the log-in, and from there to ``url``; False: they are logged in.

        Raises
        ------
        HTTPError
            403: nobody is logged in, and no page of ours has sent it.
        """
        handler: Any = self
        if handler.current_user is not None:
            return False
        if not is_of_our_own(handler.request):
            raise web.HTTPError(STATUS)
        handler.redirect(url_concat(handler.get_login_url(), {"next": url}))
        return True


def _note_that_it_is_known(task: asyncio.Task[Any] | None) -> None:
    """Have no traceback of a user's mistake in the log: JupyterHub asks no more for what took longer than a second."""
    if task is not None:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())


class FormPage(AsksAgain, SpawnHandler):  # type: ignore[misc]
    """``/hub/spawn/…``, JupyterHub's own page. With a token of before it shows the form again as it was filled, and starts nothing; to
    whoever has been logged out meanwhile as soon as they have logged in.
    """

    async def post(self, *args: Any, **kwargs: Any) -> None:
        """Start the server, as JupyterHub does."""
        if not self.leads_back(url_concat(self.request.path, self._typed())):
            await maybe_future(super().post(*args, **kwargs))

    def _typed(self) -> dict[str, str]:
        posted = as_the_page_means({name: [self.get_body_argument(name, "", strip=name != "environment")] for name in FIELDS_OF_THE_PAGE})
        values = {name: entries[0] for name, entries in posted.items()}
        values["environment"] = masked_text(values["environment"])
        most = {"environment": TOLD_CHARACTERS}
        typed = {f"opt-{name}": value for name, value in values.items() if value and len(value) <= most.get(name, LONGEST_VALUE)}
        return {**typed, f"opt-{PRESSED}": "1"}

    async def spawn_single_user(self, user: Any, server_name: str = "", *args: Any, **kwargs: Any) -> Any:
        """Start the server, as JupyterHub does.

        Raises
        ------
        HubRefusal
            403: the page that was posted was made before the user logged in again.
        """
        if not self.is_stale:
            try:
                return await super().spawn_single_user(user, server_name, *args, **kwargs)
            except HubRefusal:
                _note_that_it_is_known(asyncio.current_task())
                raise
        spawner = user.spawners[server_name]
        with using(language_of(self, spawner)):
            own = own_spawner(spawner)
            if own is None or own is not spawner:
                raise web.HTTPError(STATUS, _(PRESS_AGAIN))
            raise own.refusal(StartRefused(PRESS_AGAIN, status=STATUS, log=f"{own.log_name} posted a form of before a log-in"))
