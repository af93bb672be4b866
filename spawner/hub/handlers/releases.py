"""The page of the releases: what is in each, what changed; administrators mark them, and read the admin's file again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join
from markupsafe import Markup
from tornado import web

from ...advice.service import patience_of_open_page
from ...errors import CatalogueError, ResourceFormError
from ...humanize import date_in_words, day_and_time
from ...i18n import _, in_use, using
from ...request.release_words import releases_on_page
from ...site.catalogue import Catalogue
from ...site.release import Release, day_of
from ..form.render import render
from ..locale import language_of
from ..own_spawner import own_spawner
from ..protocol import FormSpawner
from ..releases import ReleaseMarks, administers, broken_in_words, mark_release, read_mark, reload_catalogue
from ..state import HubState
from .stale import AsksAgain

PATH = "resource-form/releases"
RELOAD = ":reload"
"""What was done, where it is no release's tag."""


class ReleasesPage(AsksAgain, BaseHandler):  # type: ignore[misc]
    """``/hub/resource-form/releases``: GET shows the releases that the visitor may choose; administrators see all.

    POST, for administrators, marks one (``tag``, ``what``), or reads the admin's file again (``reload``). Works without JavaScript.
    """

    @web.authenticated
    async def get(self) -> None:
        with using(language_of(self, self.current_user.spawner)):
            await self._show(done=self.get_query_argument("done", ""))

    async def post(self) -> None:
        if self.leads_back(self.request.uri):
            return
        with using(language_of(self, self.current_user.spawner)):
            spawner = self._spawner()
            if not administers(self):
                raise web.HTTPError(403, _("Only administrators mark releases."))
            if self.is_stale:
                await self._show(problem=_("You have logged in again since this page was made. Press once more."))
                return
            try:
                done = self._do(spawner)
            except ResourceFormError as error:
                await self._show(problem=error.sentence)
                return
            self.redirect(f"{url_path_join(self.hub.base_url, PATH)}?{urlencode({'done': done})}")

    def _do(self, spawner: FormSpawner) -> str:
        by = str(self.current_user.name)
        if self.get_body_argument("reload", ""):
            reload_catalogue(HubState.of(self), by)
            return RELOAD
        tag = str(self.get_body_argument("tag", ""))
        mark_release(HubState.of(self), spawner.current_catalogue(), tag, read_mark(self.get_body_argument("what", "")), by)
        return tag

    def _spawner(self) -> FormSpawner:
        spawner = own_spawner(self.current_user.spawner)
        if spawner is None:
            raise web.HTTPError(404, _("There are no releases here."))
        return spawner

    async def _show(self, *, problem: str = "", done: str = "") -> None:
        spawner, now = self._spawner(), time.time()
        own: tuple[Release, ...] = ()
        try:
            own = (await spawner.choices(patience=patience_of_open_page(spawner.cluster))).releases
        except ResourceFormError as error:
            # Slurm has never answered: whose the releases are is not known, which is not that there are none.
            problem = problem or error.sentence
        is_administrator = administers(self)
        catalogue = None
        try:
            catalogue = spawner.current_catalogue()
        except CatalogueError as error:
            self.set_status(503)
            problem = problem or error.sentence
        just_marked = catalogue.get(done) if catalogue is not None else None
        self.set_header("Cache-Control", "no-store")
        html = await self.render_template(
            "releases.html",
            gettext=_,
            language=in_use(),
            releases=self._entries(spawner, catalogue, own, now) if catalogue is not None else [],
            action=url_path_join(self.hub.base_url, PATH),
            is_administrator=is_administrator,
            problem=problem,
            broken=broken_in_words(HubState.of(self)) if is_administrator else "",
            just_marked=just_marked.title if just_marked is not None else "",
            was_reloaded=done == RELOAD,
            form_url=url_path_join(self.hub.base_url, "spawn"),
        )
        self.finish(html)

    def _entries(self, spawner: FormSpawner, catalogue: Catalogue, own: Sequence[Release], now: float) -> list[dict[str, Any]]:
        """What the page says of each release: all of them for administrators, else the visitor's own."""
        is_administrator, today = administers(self), day_of(now)
        state = HubState.of(self)
        marks = state.part(ReleaseMarks).by_key(state) if is_administrator else {}
        tags = {release.tag for release in own}
        entries = []
        for shown in releases_on_page(catalogue, catalogue.releases if is_administrator else own, today):
            mark = marks.get(shown.release.tag)
            kernels = render("resource_form/kernels.html", spawner.template_paths, shown=shown)
            entries.append(
                {
                    "shown": shown,
                    "date": date_in_words(shown.release.date),
                    "state": shown.state_in_words(today),
                    "opens": " · ".join(_(interface.label) for interface in shown.interfaces),
                    "kernels": Markup(kernels),  # noqa: S704 - a template's # nosec B704
                    "mark": mark,
                    "marked_at": day_and_time(mark.at, now) if mark is not None else "",
                    "is_offered": shown.release.tag in tags,
                }
            )
        return entries
