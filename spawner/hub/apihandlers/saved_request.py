"""``/hub/api/resource-form/request``: a request as a YAML file, and such a file as a request. Nothing is started."""

from __future__ import annotations

import json
from typing import Any

from jupyterhub.apihandlers import APIHandler
from tornado import web

from ...advice.service import patience_of_open_page
from ...errors import RequestRejected, ResourceFormError
from ...i18n import using
from ...request.saved import read_saved
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..protocol import HubSpawner
from ..reach import spawner_asked_about
from ..saved_request import file_of, last_file_of, send_file

FORMATS = ("json", "yaml")


class SavedRequestHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET``: the request of the server's last session as a file; ``?user=`` and ``?server=`` say whose.

    ``POST`` with a file, YAML or JSON, answers ``{"request": {…}}``, which a start takes; ``?format=yaml``: the file anew, complete.
    """

    async def get(self) -> None:
        require_log_in(self)
        spawner = spawner_asked_about(self)
        if spawner.name != self.get_argument("server", ""):
            raise web.HTTPError(404, "There is no such session.")
        with using(language_of(self, spawner)):
            try:
                text = last_file_of(spawner)
            except RequestRejected as error:
                raise web.HTTPError(404, error.sentence) from None
        send_file(self, text)

    async def post(self) -> None:
        require_log_in(self)
        spawner = spawner_asked_about(self)
        wanted = self.get_argument("format", FORMATS[0])
        if wanted not in FORMATS:
            raise web.HTTPError(400, f"format: expected one of {', '.join(FORMATS)}.")
        with using(language_of(self, spawner)):
            try:
                options = read_saved(self.request.body.decode("utf-8", "replace"))
                if wanted == "yaml":
                    send_file(self, await self._complete(spawner, options))
                    return
            except ResourceFormError as error:
                raise web.HTTPError(503 if error.status >= 500 else error.status, error.sentence) from None
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"request": options}))

    async def _complete(self, spawner: HubSpawner, options: dict[str, Any]) -> str:
        return await file_of(spawner, options, patience=patience_of_open_page(spawner.cluster))
