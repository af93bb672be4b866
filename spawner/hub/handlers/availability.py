"""What the open form fetches: the table of free GPUs, scripts and stylesheets."""

from __future__ import annotations

import re

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from ...advice.service import patience_of_open_page
from ...i18n import using
from ..common import cluster_of, template_paths
from ..form.free import free_gpus, table_of
from ..locale import language_of
from ..own_spawner import own_spawner
from ..reach import spawner_asked_about
from ..static import static_version

_VERSION = re.compile("[0-9a-f]{12}")


class AvailabilityHandler(BaseHandler):  # type: ignore[misc]
    """``GET /hub/resource-form/availability``: the table as a piece of HTML, for the open page to put in place of its own.

    ``?user=`` says for whom the form is: one's own, or that of somebody whose servers the visitor may start.
    """

    @web.authenticated
    async def get(self) -> None:
        cluster, caller = cluster_of(self), self.current_user
        is_for_another = self.get_argument("user", caller.name) != caller.name
        spawner = spawner_asked_about(self) if is_for_another else own_spawner(caller.spawner)
        partition, reservation = self.get_argument("partition", ""), self.get_argument("reservation", "")
        all_devices, patience = self.get_argument("devices", "") == "all", patience_of_open_page(cluster)
        with using(language_of(self, spawner)):
            if spawner is not None:
                html = await free_gpus(spawner, partition=partition, reservation=reservation, all_devices=all_devices, patience=patience)
            else:  # JupyterHub starts other servers than ours
                found = cluster.availability_for(caller.name, reservation=reservation, patience=patience)
                paths = template_paths(self)
                html = await table_of(found, cluster, partition=partition, all_devices=all_devices, template_paths=paths)
        self.set_header("Cache-Control", "no-store")
        self.finish(html)


class StaticHandler(web.StaticFileHandler):
    """``/hub/resource-form/static/VERSION/…``: our stylesheets and scripts.

    The version is a part of the path, so that what a script imports by its relative name has it as well. A browser keeps what it
    got under the version that is in use. Under another, as that of a page from before an upgrade, it gets the file, and asks again.
    """

    _is_current = False

    def parse_url_path(self, url_path: str) -> str:
        if "\0" in url_path:
            raise web.HTTPError(404)
        version, _slash, name = url_path.partition("/")
        self._is_current = version == static_version()
        return str(super().parse_url_path(name if _VERSION.fullmatch(version) else url_path))

    def get_cache_time(self, path: str, modified: object, mime_type: str) -> int:  # noqa: ARG002 - tornado's signature
        return self.CACHE_MAX_AGE if self._is_current else 0

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - tornado's signature
        self.set_header("X-Content-Type-Options", "nosniff")
        if not self._is_current:
            self.set_header("Cache-Control", "no-cache")
