"""``GET /hub/api/resource-form/forward``: how a program that listens at a port of a session's node is reached from elsewhere."""

from __future__ import annotations

import json

from jupyterhub.apihandlers import APIHandler
from jupyterhub.utils import url_path_join
from tornado import web

from ...i18n import _, using
from ..labels import labels_of
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..numbers import whole_number
from ..own_spawner import own_spawner
from ..reach import spawner_asked_about

LARGEST_PORT = 65535


class ForwardHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/forward?port=8000``: the node, and the address below the session's own.

    ``?server=`` says of which session, ``?user=`` whose. ``address`` is where Slurm reaches the node, ``login_host`` what the admin has
    set, ``path`` the address on the Hub's host, behind its log-in; ``has_proxy`` whether the session's release is known to answer there,
    null where the catalogue does not say.
    """

    async def get(self) -> None:
        require_log_in(self)
        spawner = spawner_asked_about(self)
        port = whole_number(self.get_argument("port", ""), least=1, most=LARGEST_PORT)
        if port is None:
            raise web.HTTPError(400, f"port: expected 1 to {LARGEST_PORT}.")
        server = self.get_argument("server", "")
        asked = spawner.user.spawners[server] if server in spawner.user.orm_user.orm_spawners else None
        own = own_spawner(asked) if asked is not None else None
        session = own.session if own is not None else None
        with using(language_of(self, spawner)):
            if asked is None or session is None or session.endpoint is None:
                raise web.HTTPError(409, _("The session does not run, so there is no node to lead to."))
        release = (asked.orm_spawner.user_options or {}).get("release")
        answer = {
            "server": server,
            "job_id": session.record.job_id,
            "node": session.record.node,
            "address": session.record.address,
            "port": port,
            "user": session.owner,
            "login_host": spawner.login_host,
            "path": url_path_join(spawner.user.server_url(server), "proxy", str(port)) + "/",
            "has_proxy": any(not entry.is_the_servers for entry in labels_of(asked).opened_in(release)) or None,
        }
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(answer))
