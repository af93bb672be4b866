"""The page that stops a session: where the Stop of JupyterLab's session bar leads.

JupyterLab's own page cannot stop its server by itself: the Hub takes that from pages of the Hub's alone. So it leads here, where the user
is told what is given back, and confirms.
"""

from __future__ import annotations

from urllib.parse import urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web

from ...errors import RequestRejected
from ...i18n import _, in_use, using
from ...session.status import SessionStatus
from ..locale import language_of
from ..own_spawner import own_spawner
from ..protocol import HubSpawner
from ..reach import user_within_reach
from ..sessions.view import server_of
from ..stopping import LONGEST_WHY, note_stop, read_why, server_to_stop
from .stale import AsksAgain

PATH = "resource-form/stop"


def stop_url(host: str, hub_url: str, user: str, server: str) -> str:
    """Return the address of the page for a user's server, seen from the session's page.

    Parameters
    ----------
    host
        The Hub's, where sessions have another one (``JupyterHub.subdomain_host``); else empty.
    hub_url
        The Hub's path, such as ``/hub/``.
    """
    return f"{host}{url_path_join(hub_url, PATH)}?{urlencode({'user': user, 'server': server})}"


class StopPage(AsksAgain, BaseHandler):  # type: ignore[misc]
    """``/hub/resource-form/stop?server=NAME[&user=NAME]``: GET asks whether to stop the session, POST stops it; without JavaScript."""

    @web.authenticated
    async def get(self) -> None:
        spawner = self._spawner()
        with using(language_of(self, spawner)):
            if spawner.pending == "spawn":
                # The waiting page has a Cancel of its own.
                self.redirect(url_path_join(self.hub.base_url, "spawn-pending", spawner.user.escaped_name, url_escape_path(spawner.name)))
                return
            await self._show(spawner)

    async def post(self) -> None:
        if self.leads_back(self.request.uri):
            return
        spawner = self._spawner()
        with using(language_of(self, spawner)):
            done = f"{self._own_url(spawner)}&stopped=1"
            if not spawner.active or spawner.pending == "stop":
                self.redirect(done)
                return
            if self.is_stale:
                await self._show(spawner, problem=_("You have logged in again since this page was made. Stop this session?"))
                return
            if self.get_body_argument("job", "") != _job_of(spawner):
                await self._show(spawner, problem=_("This is another session than the one that you were asked about. Stop this one?"))
                return
            if spawner.pending:
                await self._show(spawner, problem=_("The session is changing at the moment. Try again."))
                return
            try:
                why = read_why(self.get_body_argument("why", ""))
            except RequestRejected as error:
                await self._show(spawner, problem=error.sentence)
                return
            note_stop(self, spawner, why)
            # A session that is over already is noticed here, and JupyterHub then tidies up after it.
            if await spawner.poll_and_notify() is None and spawner.ready:
                await self.stop_single_user(spawner.user, spawner.name)
            if _is_up(spawner):
                note_stop(self, spawner, why, ordered=False)
                await self._show(spawner, problem=_("The session could not be stopped. Try again."))
                return
            self.redirect(done)

    def _spawner(self) -> HubSpawner:
        """The spawner that is asked for.

        Raises
        ------
        HTTPError
            404 for one that there is not, or that the visitor has no part in: the two look alike. 403: a guest, who may not stop it.
        """
        name, server = self.get_query_argument("user", "") or self.current_user.name, self.get_query_argument("server", "")
        spawner = server_to_stop(self, name, server)
        if spawner is not None:
            return spawner
        self._say_to_a_guest(name, server)
        raise web.HTTPError(404, "There is no such session.")

    def _say_to_a_guest(self, name: str, server: str) -> None:
        """Tell whoever may look into a session but not stop it why; JupyterLab's bar shows everybody the same Stop.

        Raises
        ------
        HTTPError
            403: the visitor has a share of the session.
        """
        user = user_within_reach(self, name, "access:servers")
        spawner = user.spawners[server] if user is not None and (not server or server in user.orm_user.orm_spawners) else None
        if spawner is not None and self.get_scope_filter("access:servers")(spawner.orm_spawner, "server"):
            with using(language_of(self, spawner)):
                sentence = _("This session is {name}'s, and only they can stop it. You can leave it by closing its page.")
                raise web.HTTPError(403, sentence.format(name=name))

    def _own_url(self, spawner: HubSpawner) -> str:
        return stop_url("", self.hub.base_url, spawner.user.name, spawner.name)

    async def _show(self, spawner: HubSpawner, *, problem: str = "") -> None:
        user, server, own = spawner.user, server_of(spawner, self.hub.base_url), own_spawner(spawner)
        status = self._status(spawner)
        html = await self.render_template(
            "stop.html",
            gettext=_,
            language=in_use(),
            server=server,
            status=status,
            job=_job_of(spawner),
            held=(status.held_text if status is not None else "") or server.summary,
            state="stopping" if spawner.pending == "stop" else "running" if spawner.active else "over",
            stopped=bool(self.get_query_argument("stopped", "")),
            end=own.last_end if own is not None else None,
            problem=problem,
            longest_why=LONGEST_WHY,
            of_user=user.name if user.name != self.current_user.name else "",
            action=self._own_url(spawner),
            lab_url=user.server_url(spawner.name) if spawner.ready else "",
        )
        self.set_header("Cache-Control", "no-store")
        self.finish(html)

    def _status(self, spawner: HubSpawner) -> SessionStatus | None:
        own = own_spawner(spawner)
        session = own.session if own is not None and spawner.active else None
        if session is None:
            return None
        status: SessionStatus = session.status(session.listed_job(), server=server_of(spawner, self.hub.base_url))
        return status


def _is_up(spawner: HubSpawner) -> bool:
    return spawner.active and not spawner.pending


def _job_of(spawner: HubSpawner) -> str:
    own = own_spawner(spawner)
    return str(own.session.record.job_id or "") if own is not None and own.session is not None else ""
