"""What the open form fetches: the table of free GPUs."""

from __future__ import annotations

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from ...advice.service import patience_of_open_page
from ...i18n import using
from ..common import cluster_of, template_paths
from ..form.free import free_gpus, table_of
from ..locale import language_of
from ..own_spawner import own_spawner
from ..reach import spawner_asked_about


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
