"""The page that opens a saved request on the form, and what the form saves one with. Both work without JavaScript."""

from __future__ import annotations

from urllib.parse import urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_escape_path, url_path_join
from tornado import web

from ...advice.service import patience_of_open_page
from ...errors import RequestRejected, ResourceFormError
from ...i18n import _, in_use, using
from ...request.form_data import as_the_page_means, read_form
from ...request.model import FIELDS_OF_THE_PAGE
from ...request.saved import read_saved
from ...request.variables import as_text
from ..form import flash
from ..form.flash import Rejection
from ..locale import language_of
from ..protocol import FormSpawner
from ..reach import spawner_asked_about
from ..saved_request import file_of, send_file
from .stale import AsksAgain

PATH = "resource-form/request"


class SavedRequestPage(AsksAgain, BaseHandler):  # type: ignore[misc]
    """``/hub/resource-form/request?user=&server=``: a file is chosen, or its text pasted, and the form is shown as it says."""

    @web.authenticated
    async def get(self) -> None:
        spawner = spawner_asked_about(self)
        with using(language_of(self, spawner)):
            await self._show(spawner)

    async def post(self) -> None:
        if self.leads_back(self.request.uri):
            return
        spawner = spawner_asked_about(self)
        with using(language_of(self, spawner)):
            text = self._given()
            if self.is_stale:
                await self._show(spawner, [_("You have logged in again since this page was made. Press once more.")], text)
                return
            try:
                options = read_saved(text)
            except RequestRejected as error:
                self.set_status(error.status)
                await self._show(spawner, list(error.errors.values()), text)
                return
        variables = options.get("environment")
        given = {**options, "environment": as_text(variables)} if isinstance(variables, dict) else options
        flash.keep(spawner, Rejection(given, {}, is_link=True))
        self.redirect(self._form_url(spawner))

    def _given(self) -> str:
        files = self.request.files.get("file", [])
        content = files[0]["body"] if files and files[0]["body"] else self.get_body_argument("text", "", strip=False).encode()
        return str(content.decode("utf-8", "replace"))

    def _form_url(self, spawner: FormSpawner) -> str:
        server = self.get_query_argument("server", "")
        return str(url_path_join(self.hub.base_url, "spawn", spawner.user.escaped_name, url_escape_path(server)))

    async def _show(self, spawner: FormSpawner, problems: list[str] | None = None, text: str = "") -> None:
        self.set_header("Cache-Control", "no-store")
        query = {name: value for name in ("user", "server") if (value := self.get_query_argument(name, ""))}
        html = await self.render_template(
            "saved_request.html",
            gettext=_,
            language=in_use(),
            action=f"{url_path_join(self.hub.base_url, PATH)}?{urlencode(query)}",
            form_url=self._form_url(spawner),
            problems=problems or [],
            text=text,
        )
        self.finish(html)


class SaveRequest(BaseHandler):  # type: ignore[misc]
    """``POST /hub/resource-form/request/file`` with what the form posts: the file. It changes nothing, so that it asks for no token."""

    def check_xsrf_cookie(self) -> None:
        """Let any page post here: the answer goes to the visitor, and is made of what was posted."""

    @web.authenticated
    async def post(self) -> None:
        spawner = spawner_asked_about(self)
        posted = {name: self.get_body_arguments(name, strip=False) for name in FIELDS_OF_THE_PAGE if name in self.request.body_arguments}
        with using(language_of(self, spawner)):
            try:
                options = read_form(as_the_page_means(posted), spawner.cluster.bounds)
                text = await file_of(spawner, options, patience=patience_of_open_page(spawner.cluster))
            except ResourceFormError as error:
                raise web.HTTPError(503 if error.status >= 500 else error.status, error.sentence) from None
        send_file(self, text, download=True)
