"""The address to which the waiting page posts what would start now: the job that waits is cancelled, and the other one submitted."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web
from tornado.httputil import url_concat

from ...advice.service import PATIENCE_SECONDS, refuse_over_budget
from ...errors import ResourceFormError, StartRefused
from ...i18n import _, using
from ...request.model import FORM_FIELDS
from ...request.validation import resolve_request
from ...session.session import Session
from ..locale import language_of
from ..own_spawner import own_spawner
from ..protocol import FormSpawner
from ..reach import server_of_page
from ..sessions.offers import WAITS, starts_now
from ..sessions.switching import Switching
from ..state import HubState
from .stale import AsksAgain

PATH = "resource-form/switch"

BEGINS_SECONDS = 1.0
"""As long JupyterHub's own form waits for a start to be refused."""

LONGEST_ANSWER_SECONDS = 15.0
"""Where Slurm takes longer to let go of the job, the page of the stop is shown, and the other one is submitted all the same."""


class SwitchHandler(AsksAgain, BaseHandler):  # type: ignore[misc]
    """``POST /hub/resource-form/switch?server=NAME[&user=NAME]`` with the number of the waiting job as ``job``, and the fields to change.

    It leads back to the waiting page, which says why if nothing was changed. Without JavaScript as well.
    """

    async def post(self) -> None:
        if self.leads_back(url_path_join(self.hub.base_url, "home")):
            return
        spawner = self._spawner()
        switching = HubState.of(spawner).part(Switching)
        with using(language_of(self, spawner)):
            if not switching.is_under_way(spawner):
                try:
                    options = await self._judged(spawner)
                except ResourceFormError as error:
                    switching.note(spawner, error.sentence)
                else:
                    order = switching.begin(spawner, self._carried_out(spawner, options))
                    await asyncio.wait({order}, timeout=LONGEST_ANSWER_SECONDS)
        self.redirect(self._waiting_page(spawner))

    def _spawner(self) -> FormSpawner:
        """The spawner that is asked for.

        Raises
        ------
        HTTPError
            404: :func:`.server_of_page`; or the server is not ours, but somebody else's that is put in its place.
        """
        spawner = server_of_page(self)
        own = own_spawner(spawner)
        if own is None or own is not spawner:
            raise web.HTTPError(404, "There is no such session.")
        return own

    def _waiting_page(self, spawner: FormSpawner) -> str:
        url = url_path_join(self.hub.base_url, "spawn-pending", spawner.user.escaped_name, url_escape_path(spawner.name))
        after = self.get_body_argument("next", "")
        return str(url_concat(url, {"next": after}) if after else url)

    async def _judged(self, spawner: FormSpawner) -> dict[str, Any]:
        """What is to be asked for, found to start now: from here on nothing but the clock can come between.

        Raises
        ------
        ResourceFormError
            Nothing is changed, and why.
        """
        session = self._waiting(spawner)
        change = {name: self.get_body_argument(name) for name in FORM_FIELDS if self.get_body_argument(name, None) is not None}
        options = {**(spawner.user_options or {}), **change}
        options.pop("preset", None)
        choices = await spawner.choices(options=options, patience=PATIENCE_SECONDS)
        request = resolve_request(options, choices)
        await refuse_over_budget(spawner.cluster, choices, request, await spawner.terms())
        if not await starts_now(spawner, session, request, choices):
            raise _unchanged(_("Somebody was faster: that would not start now any more. You keep your place in the queue."))
        self._waiting(spawner)
        return request.options()

    def _waiting(self, spawner: FormSpawner) -> Session:
        session = spawner.session
        if self.is_stale:
            raise _unchanged(_("You have logged in again since this page was made, so nothing was changed. Press once more."))
        is_it = session is not None and str(session.record.job_id or "") == self.get_body_argument("job", "")
        if session is None or not is_it or spawner.pending != "spawn":
            raise _unchanged(_("This is not the session any more that you were asked about, so nothing was changed."))
        if session.progress.latest.details.get("stage") != WAITS:
            raise _unchanged(_("The session does not wait any more, so nothing was changed."))
        return session

    async def _carried_out(self, spawner: FormSpawner, options: dict[str, Any]) -> None:
        try:
            await self._switch(spawner, options)
        except Exception:
            self.log.exception("%s was to be given up for another request, and that failed", spawner.log_name)

    async def _switch(self, spawner: FormSpawner, options: dict[str, Any]) -> None:
        user, server = spawner.user, spawner.name
        self.log.info("%s asks for something else: the job that waits is cancelled", spawner.log_name)
        starting = spawner._spawn_future  # noqa: SLF001 - what JupyterHub itself cancels where a start is interrupted
        if starting is None or starting.done():
            return
        starting.cancel()
        await asyncio.wait({starting})
        await asyncio.sleep(0)  # JupyterHub notes it in a callback
        if spawner.active and not spawner.pending:
            await self.stop_single_user(user, server)
        stopping = getattr(spawner, "_stop_future", None)  # there is none before the first stop
        if stopping is not None:
            await asyncio.wait({stopping})
        started = asyncio.ensure_future(self.spawn_single_user(user, server, options=options))
        # What comes of it the waiting page tells.
        started.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.wait({started}, timeout=BEGINS_SECONDS)


def _unchanged(sentence: str) -> StartRefused:
    return StartRefused(sentence, status=409, log=f"not switched: {sentence}")
