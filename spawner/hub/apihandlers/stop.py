"""``POST /hub/api/resource-form/stop``: JupyterHub's own stop of a server, with a word for its user."""

from __future__ import annotations

from typing import Any

from jupyterhub.apihandlers import APIHandler
from jupyterhub.apihandlers.users import UserServerAPIHandler
from tornado import web

from ...errors import RequestRejected
from ...i18n import using
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..stopping import note_stop, read_why, server_to_stop

KEYS = ("user", "server", "why")


class StopHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``POST /hub/api/resource-form/stop`` with ``{"user", "server", "why"}``: what JupyterHub's ``DELETE …/servers/SERVER`` does.

    If it is not one's own, the user reads that an administrator stopped the session, and why.
    """

    async def post(self) -> None:
        require_log_in(self)
        given = self._given()
        spawner = server_to_stop(self, given["user"], given["server"])
        if spawner is None:
            raise web.HTTPError(404, "There is no such session.")
        with using(language_of(self)):
            try:
                why = read_why(given["why"])
            except RequestRejected as error:
                raise web.HTTPError(400, error.sentence) from None
        note_stop(self, spawner, why)
        try:
            await UserServerAPIHandler.delete(self, given["user"], given["server"])
        except Exception:
            note_stop(self, spawner, why, ordered=False)
            raise

    def _given(self) -> dict[str, Any]:
        body = self.get_json_body()
        if not isinstance(body, dict) or not all(key in KEYS and isinstance(value, str) for key, value in body.items()):
            raise web.HTTPError(400, f"Expected an object with texts: {', '.join(KEYS)}.")
        caller = self.current_user
        own = caller.name if getattr(caller, "kind", "user") == "user" else ""
        return {"user": own, "server": "", "why": "", **body}
