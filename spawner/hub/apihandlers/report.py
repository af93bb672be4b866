"""``GET /hub/api/resource-form/report?month=2026-11``: what was used in a month, for who administers everybody's servers."""

from __future__ import annotations

import json

from jupyterhub.apihandlers import APIHandler
from tornado import web

from ...errors import ResourceFormError
from ...i18n import using
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..releases import administers
from ..sessions.past import history_for
from ..sessions.report import report_of


class ReportHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET``: ``{"month", "complete", "note", "rows": [{"account", "release", "partition", "sessions", "hours", "gpu_hours"}]}``."""

    async def get(self) -> None:
        require_log_in(self)
        if not administers(self):
            raise web.HTTPError(403, "The report is for administrators: the scope admin:servers is needed.")
        with using(language_of(self)):
            try:
                report = await report_of(history_for(self, None), self.get_argument("month", ""))
            except ValueError:
                raise web.HTTPError(400, "month: expected one such as 2026-11.") from None
            except ResourceFormError as error:
                raise web.HTTPError(error.status, error.sentence) from None
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(report))
