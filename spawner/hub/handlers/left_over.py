"""The page of a job that carries this Hub's name and is no session of it: its owner looks at it, and ends it."""

from __future__ import annotations

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import url_path_join
from tornado import web

from ...cluster.users import Member
from ...errors import ResourceFormError, SlurmRefused
from ...humanize import day_and_time
from ...i18n import _, in_use, using
from ...session.status_text import held_by, held_in_words
from ...slurm.model import Job
from ..common import cluster_of
from ..locale import language_of
from ..numbers import whole_number
from ..sessions.left_over import LeftOver, is_left_over
from ..state import HubState
from .stale import AsksAgain

PATH = "resource-form/job"
MAX_JOB_ID = 2**32


class LeftOverPage(AsksAgain, BaseHandler):  # type: ignore[misc]
    """``/hub/resource-form/job?job=ID``: GET shows a job of one's own that is no session, POST ends it; without JavaScript."""

    @web.authenticated
    async def get(self) -> None:
        with using(language_of(self, self.current_user.spawner)):
            if self.get_query_argument("ended", ""):
                await self._show(None)
                return
            job, _member = await self._asked()
            await self._show(job)

    async def post(self) -> None:
        if self.leads_back(self.request.uri):
            return
        with using(language_of(self, self.current_user.spawner)):
            job, member = await self._asked()
            if self.is_stale:
                await self._show(job, problem=_("You have logged in again since this page was made. End this job?"))
                return
            try:
                if await is_left_over(job, self.current_user, cluster_of(self)):
                    await cluster_of(self).cancel(job.job_id, member.identity)
                    self.log.info("%s has ended job %s, which was no session's", self.current_user.name, job.job_id)
            except ResourceFormError as error:
                await self._show(job, problem=error.sentence)
                return
            self.redirect(f"{url_path_join(self.hub.base_url, PATH)}?job={job.job_id}&ended=1")

    async def _asked(self) -> tuple[Job, Member]:
        """The job that is asked for, and its owner.

        Raises
        ------
        HTTPError
            404: there is none such of the visitor's.
        """
        cluster, number = cluster_of(self), whole_number(self.get_query_argument("job", ""), most=MAX_JOB_ID)
        try:
            member = await cluster.member(self.current_user.name)
        except SlurmRefused as error:
            raise web.HTTPError(404, error.sentence) from None
        for job in HubState.of(self).part(LeftOver).of(member, cluster):
            if job.job_id == number:
                return job, member
        raise web.HTTPError(404, _("There is no such job."))

    async def _show(self, job: Job | None, *, problem: str = "") -> None:
        html = await self.render_template(
            "left_over.html",
            gettext=_,
            language=in_use(),
            job=job,
            number=self.get_query_argument("job", "") if job is None else job.job_id,
            held=held_in_words(held_by(job.tres)) if job is not None else "",
            submitted=day_and_time(job.submit, cluster_of(self).clock()) if job is not None and job.submit else "",
            problem=problem,
            action=self.request.uri,
        )
        self.set_header("Cache-Control", "no-store")
        self.finish(html)
