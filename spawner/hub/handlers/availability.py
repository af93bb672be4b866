"""What the open form fetches: the table of free GPUs, scripts and stylesheets."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.base import BaseHandler
from tornado import web

from ...errors import ResourceFormError
from ...i18n import using
from ...worker import run_in_worker
from ..common import PATIENCE_SECONDS, cluster_of, template_paths
from ..form.render import render_availability
from ..locale import language_of


class AvailabilityHandler(BaseHandler):  # type: ignore[misc]
    """``GET /hub/resource-form/availability``: the table as a piece of HTML, for the open page to put in place of its own."""

    @web.authenticated
    async def get(self) -> None:
        cluster = cluster_of(self)
        shown: dict[str, Any] = {"template_paths": template_paths(self)}
        with using(language_of(self)):
            try:
                snapshot = await cluster.availability_shown(
                    self.current_user.name,
                    partition=self.get_argument("partition", ""),
                    reservation=self.get_argument("reservation", ""),
                    patience=PATIENCE_SECONDS,
                )
            except ResourceFormError as error:
                html = render_availability(None, sentence=error.sentence, **shown)
            else:
                shown["reported"] = cluster.reported(entry.node.name for entry in snapshot.value.nodes)
                shown["all_devices"] = self.get_argument("devices", "") == "all"
                html = await run_in_worker(lambda: render_availability(snapshot, **shown))
        self.set_header("Cache-Control", "no-store")
        self.finish(html)


class StaticHandler(web.StaticFileHandler):
    """``/hub/resource-form/static/…``: our stylesheet and script."""

    def parse_url_path(self, url_path: str) -> str:
        if "\0" in url_path:
            raise web.HTTPError(404)
        return str(super().parse_url_path(url_path))

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - tornado's signature
        self.set_header("X-Content-Type-Options", "nosniff")
