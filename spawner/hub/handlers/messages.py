"""The page of a user's messages: which of them they want."""

from __future__ import annotations

from urllib.parse import urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join
from tornado import web

from ...errors import ResourceFormError
from ...humanize import duration
from ...i18n import _, in_use, using
from ...session.message import KINDS, MessageKind
from ..locale import language_of
from ..own_spawner import own_spawner
from ..protocol import FormSpawner
from ..sessions.message_choices import MessageChoice, MessageChoices, offered_kinds, wanted_kinds
from ..sessions.tell import channels_of, sends_messages
from ..state import HubState
from .stale import AsksAgain

PATH = "resource-form/messages"


class MessagesPage(AsksAgain, BaseHandler):  # type: ignore[misc]
    """``/hub/resource-form/messages``: GET shows which messages the visitor gets, POST changes that; without JavaScript."""

    @web.authenticated
    async def get(self) -> None:
        with using(language_of(self, self.current_user.spawner)):
            await self._show(self._spawner(), saved=bool(self.get_query_argument("saved", "")))

    async def post(self) -> None:
        if self.leads_back(self.request.uri):
            return
        with using(language_of(self, self.current_user.spawner)):
            spawner = self._spawner()
            if self.is_stale:
                await self._show(spawner, problem=_("You have logged in again since this page was made. Press once more."))
                return
            # What is not offered now stays as it was: the admin may offer it again.
            state, offered, name = HubState.of(self), offered_kinds(spawner), str(self.current_user.name)
            asked = [kind for kind in offered if kind in self.get_body_arguments("kind")]
            before = state.part(MessageChoices).of(state, name)
            kept = [kind for kind in KINDS if kind not in offered and (before is None or kind in before)]
            try:
                state.part(MessageChoices).put(state, MessageChoice(name, frozenset((*asked, *kept)), state.cluster.clock()))
            except ResourceFormError as error:
                await self._show(spawner, problem=error.sentence)
                return
            self.redirect(f"{url_path_join(self.hub.base_url, PATH)}?{urlencode({'saved': 1})}")

    def _spawner(self) -> FormSpawner:
        """The visitor's own spawner.

        Raises
        ------
        HTTPError
            404: no message goes anywhere.
        """
        spawner = own_spawner(self.current_user.spawner)
        if spawner is None or not sends_messages(spawner):
            raise web.HTTPError(404, _("This Hub sends no messages."))
        return spawner

    async def _show(self, spawner: FormSpawner, *, problem: str = "", saved: bool = False) -> None:
        channels, wanted = channels_of(spawner), wanted_kinds(spawner)
        minutes = max(1, round(spawner.message_end_minutes))
        words: dict[MessageKind, str] = {
            "started": _("a session has started that had to wait"),
            "ends_soon": _("the time of a session is up in {duration}").format(duration=duration(minutes)),
            "ended": _("a session has ended that I have not stopped"),
            "idle": _("the GPUs of a session do nothing"),
        }
        html = await self.render_template(
            "messages.html",
            gettext=_,
            language=in_use(),
            kinds=[{"name": kind, "label": words[kind], "wanted": kind in wanted} for kind in offered_kinds(spawner)],
            address=channels.mail.to if channels is not None and channels.mail is not None else "",
            action=url_path_join(self.hub.base_url, PATH),
            problem=problem,
            saved=saved,
        )
        self.set_header("Cache-Control", "no-store")
        self.finish(html)
