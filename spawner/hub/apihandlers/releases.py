"""``/hub/api/resource-form/releases``: the releases that the caller may choose; administrators mark them, and say what checks found."""

from __future__ import annotations

import json
import time
from typing import Any

from jupyterhub.apihandlers import APIHandler
from tornado import web

from ...advice.service import patience_of_open_page
from ...errors import ResourceFormError
from ...i18n import using
from ...request.release_words import release_as_json, releases_on_page
from ...site.release import day_of
from ..class_settings import class_settings
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..reach import spawner_asked_about
from ..release_checks import keep_check, read_check
from ..releases import administers, catalogue_of, mark_release, read_mark, reload_catalogue
from ..state import HubState


class ReleasesHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET``: ``{"releases": […]}``, newest first; ``?user=`` says for whom.

    ``POST`` with ``{"tag", "mark"}`` or ``{"reload": true}``, for who administers everybody's servers.
    """

    async def get(self) -> None:
        require_log_in(self)
        spawner = spawner_asked_about(self)
        with using(language_of(self, spawner)):
            try:
                choices = await spawner.choices(patience=patience_of_open_page(spawner.cluster))
            except ResourceFormError as error:
                raise web.HTTPError(503 if error.status >= 500 else error.status, error.sentence) from None
            today = day_of(time.time())
            shown = releases_on_page(choices.catalogue, choices.releases, today)
            answer = {"releases": [release_as_json(entry, today, is_administrator=administers(self)) for entry in shown]}
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(answer))

    async def post(self) -> None:
        require_log_in(self)
        if not administers(self):
            raise web.HTTPError(403, "Only administrators mark releases: the scope admin:servers is needed.")
        body = self._given()
        with using(language_of(self)):
            try:
                answer = self._do(body)
            except ResourceFormError as error:
                raise web.HTTPError(error.status, error.sentence) from None
        self.finish(json.dumps(answer))

    def _given(self) -> dict[str, Any]:
        body = self.get_json_body()
        kinds = {"tag": str, "mark": str, "reload": bool}
        if not isinstance(body, dict) or not all(key in kinds and isinstance(value, kinds[key]) for key, value in body.items()):
            raise web.HTTPError(400, "Expected an object: {tag, mark}, or {reload: true}.")
        return body

    def _do(self, body: dict[str, Any]) -> dict[str, str]:
        by, state = str(self.current_user.name), HubState.of(self)
        if body.get("reload"):
            return {"problem": reload_catalogue(state, by)}
        what = read_mark(body.get("mark", ""))
        mark_release(state, catalogue_of(class_settings(state), state), body.get("tag", ""), what, by)
        return {"tag": body["tag"], "mark": what or ""}


class ReleaseCheckHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``POST /hub/api/resource-form/releases/TAG/check``: what a check of the release has found, from who may mark it.

    ``{"digest", "kernels", "problems"}``: what the release was, how many of its kernels have run, and what was wrong.
    """

    async def post(self, tag: str) -> None:
        require_log_in(self)
        if not administers(self):
            raise web.HTTPError(403, "Only administrators check releases: the scope admin:servers is needed.")
        state = HubState.of(self)
        with using(language_of(self)):
            try:
                check = read_check(self.get_json_body(), tag, str(self.current_user.name), state.cluster.clock())
                keep_check(state, catalogue_of(class_settings(state), state), check)
            except ResourceFormError as error:
                raise web.HTTPError(error.status, error.sentence) from None
        self.finish(json.dumps({"tag": tag, "passed": check.passed}))
