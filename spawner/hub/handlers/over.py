"""Where JupyterLab's bar leads once its session is over: to the page that says why, and starts it again."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web

from ..own_spawner import own_spawner
from ..protocol import HubSpawner
from ..reach import may_have_server, server_of_page

PATH = "resource-form/over"

LOOKS = 8
"""So often, a second apart, it is looked whether a session has ended whose time is up: Slurm gives its processes time to end."""

OLD_SECONDS = 5.0
"""A list of jobs that is older may not know yet that this one is over."""


def over_url(host: str, hub_url: str, user: str, server: str) -> str:
    """Return the address of the page for a user's server, seen from the session's page (see :func:`.stop.stop_url`)."""
    return f"{host}{url_path_join(hub_url, PATH)}?{urlencode({'user': user, 'server': server})}"


class OverPage(BaseHandler):  # type: ignore[misc]
    """``GET /hub/resource-form/over?server=NAME[&user=NAME]``: on to the page of a session that is over; to one that is not, into it.

    The Hub looks for itself: its own next look may be half a minute away, and until then it would lead to a server that is gone.
    """

    @web.authenticated
    async def get(self) -> None:
        spawner = server_of_page(self, "access:servers")
        if spawner.ready and await self._goes_on(spawner):
            self.redirect(spawner.user.server_url(spawner.name))
            return
        stopping = getattr(spawner, "_stop_future", None)  # there is none before the first stop
        if stopping is not None:
            await asyncio.wait({stopping}, timeout=LOOKS)
        # JupyterHub shows a guest the page of a session that is over at its own address alone.
        page = "spawn-pending" if may_have_server(self.parsed_scopes, spawner) else "user"
        address = url_path_join(self.hub.base_url, page, spawner.user.escaped_name, url_escape_path(spawner.name))
        self.redirect(address if page == "spawn-pending" or spawner.name else f"{address.rstrip('/')}/")

    async def _goes_on(self, spawner: HubSpawner) -> bool:
        last = spawner.cluster.jobs.last
        if last is not None and spawner.cluster.clock() - last.as_of > OLD_SECONDS:
            spawner.cluster.jobs.expire()
        for _look in range(LOOKS):
            if await spawner.poll_and_notify() is not None or not spawner.ready:
                return False
            if not _time_is_up(spawner):
                break
            spawner.cluster.jobs.expire()
            await asyncio.sleep(1)
        return True


def _time_is_up(spawner: HubSpawner) -> bool:
    """Whether Slurm has it that the session's job is to be over by now."""
    own = own_spawner(spawner)
    if own is None or own.session is None:
        return False
    job = own.session.listed_job() or own.session.seen
    return job is not None and job.end is not None and job.end <= spawner.cluster.clock()
