"""The log of a session as a page and as a file."""

from __future__ import annotations

from urllib.parse import urlencode

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join
from tornado import web

from ...i18n import _, in_use, using
from ...session.log_reader import configured_state_home, log_place
from ..apihandlers.session_log import LogDownload, job_asked, owner_of_log
from ..locale import language_of


class LogDownloadPage(LogDownload, BaseHandler):  # type: ignore[misc]
    """``GET /hub/resource-form/log/download?job=ID[&user=NAME]``: the same for a link on a page, which sends no token of its own."""

    @web.authenticated
    async def get(self) -> None:
        await self.send()


class LogPage(BaseHandler):  # type: ignore[misc]
    """``GET /hub/resource-form/log?job=ID[&user=NAME]``: the page that shows the log and follows it."""

    @web.authenticated
    async def get(self) -> None:
        user, job = owner_of_log(self), job_asked(self)
        query = urlencode({"job": job, "user": user.name})
        with using(language_of(self, user.spawner)):
            html = await self.render_template(
                "session_log.html",
                gettext=_,
                language=in_use(),
                job=job,
                of_user=user.name if user.name != self.current_user.name else "",
                place=log_place(job, configured_state_home(user.spawner.environment)),
                data_url=f"{url_path_join(self.hub.base_url, 'api/resource-form/log')}?{query}",
                download_url=f"{url_path_join(self.hub.base_url, 'resource-form/log/download')}?{query}",
                texts=_texts(),
            )
        self.set_header("Cache-Control", "no-store")
        self.finish(html)


def _texts() -> dict[str, str]:
    """What the page's script says, in the language in use."""
    return {
        "following": _("The session is going on; new lines appear by themselves."),
        "paused": _("Paused. New lines do not appear."),
        "over": _("The session is over. This is all of its log."),
        "elsewhere": _("You are looking at an earlier part of the log."),
        "empty": _("The log is empty so far."),
        "began_anew": _("The log was begun anew."),
        "no_answer": _("The service does not answer at the moment. Trying again."),
        "not_allowed": _("You are not logged in any more. Load the page again."),
        "pause": _("Pause"),
        "go_on": _("Follow"),
        "again": _("Look again"),
        "found_none": _("Nothing found."),
        "found_some": _("Lines found: {number}."),
        "found_many": _("Lines found: {number}. These are the last {shown}."),
        "found_in_part": _("Only the end of this long log was searched."),
    }
