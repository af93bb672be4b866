"""ResourceFormSpawner: the life of one session, as JupyterHub drives it. Glue: the rules are in the rooms below."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from jupyterhub.utils import url_escape_path, url_path_join
from tornado.httputil import url_concat
from traitlets import Callable, Dict, Union, default

from .cluster.users import Member
from .errors import RequestRejected, RequestTooLarge, ResourceFormError, SessionFailed, SlurmRefused
from .hub import links
from .hub.background.unfinished import UnfinishedStops
from .hub.base import SlurmSpawner
from .hub.errors import FormIsFilled, HubRefusal, refusal_of
from .hub.form import flash
from .hub.form.flash import Rejection
from .hub.form.page import form_page
from .hub.known import name_of, value_of
from .hub.locale import language_asked, language_spoken, restore
from .hub.logged_in import PRESSED
from .hub.prepare import names_of_nodes, prepared_job
from .hub.sessions.before_start import is_not_counted, note_failed_start, run_hook
from .hub.sessions.ended import TOOK_TOO_LONG, record_end, refused, stop_cause
from .hub.sessions.start import startup_log_of, submit_and_wait, wait_for_adopted
from .hub.sessions.storage import revoke_tokens, store_state
from .hub.sessions.take_up import is_taken_up
from .hub.start_line import StartLine
from .hub.state import AdminWarnings, HubState
from .hub.user_choices import UserChoices
from .hub.variables import keep_typed, with_known_variables
from .humanize import iso_time
from .i18n import ENGLISH, using
from .job.sbatch import PreparedJob, TagOfScript, is_token_of
from .request.form_data import as_the_page_means, read_form
from .request.model import FIELDS, SessionRequest, at_field, label_of
from .request.recent import Recent, as_state, recent_of, remember
from .session.record import End, Limits, Record
from .session.session import Session

MAX_SHOWN = 1000
"""Characters of what a user typed into one field that the form shows again. What is longer was not typed."""


def _no_hook(_spawner: Any, _user_options: Any) -> None:
    """For JupyterHub, which warns about user_options that no hook takes; ours are taken in start(), whatever door they came through."""


class ResourceFormSpawner(UserChoices, SlurmSpawner):
    """A spawner that starts a server as a Slurm job, from a form that knows the cluster."""

    user_options: dict[str, Any]

    @default("options_form")
    def _default_options_form(self) -> Any:
        return ResourceFormSpawner.options_form_html

    # None as JupyterHub's own has it: a spawner that wraps this one hands its values down.
    apply_user_options = Union([Callable(), Dict()], default_value=_no_hook, allow_none=True).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.user is not None:
            self.log_name  # noqa: B018 - is known from now on
        self.session: Session | None = None
        self.last_end: End | None = None
        self.stop_reason = ""
        """Why the latest stop was ordered (:func:`.ended.stop_cause`)."""
        self._is_begun = asyncio.Event()
        self._begun_at: float | None = None
        self._listens_since: float | None = None
        self._typed: dict[str, Any] | None = None
        self._adopted: Record | None = None
        self._certificates: dict[str, str] = {}
        self.member: Member | None = None
        """The user on the cluster; None before the first start since the Hub runs."""
        self.is_stopped = asyncio.Event()
        """Set once JupyterHub has stopped this server."""
        self.kept_options: dict[str, Any] | None = None
        """What the Hub's database is to have of the request, where that is not what JupyterHub has put there."""
        self._recent: tuple[Recent, ...] = ()
        self.accepted_options = dict(self.orm_spawner.user_options or {}) if self.orm_spawner else {}

    @property
    def log_name(self) -> str:
        """User and server, as the Hub's log names them."""
        return f"{name_of(self.user)}:{self.name}" if self.name else name_of(self.user)

    @property
    def name(self) -> str:
        """The server's name; unlike JupyterHub's own, it asks no database."""
        return str(value_of(self.orm_spawner, "name")) if self.orm_spawner else ""

    def remember_request(self, request: SessionRequest) -> None:
        """Note what was asked for last, of which Slurm has taken the job: for the next form."""
        self.accepted_options = request.options()
        self._recent = remember(self._recent, self.accepted_options, self.cluster.clock())

    def recent(self) -> tuple[Recent, ...]:
        """Return the last requests of the user, of all servers together, newest first."""
        stored = [server.state for server in self.user.orm_user.orm_spawners.values()]
        return recent_of([{"recent": as_state(self._recent)}, *stored])

    # --- the form -----------------------------------------------------------------------------------------------------------

    async def options_form_html(self) -> str:
        """Return the form as HTML, for this session's user."""
        await self.take_group_overrides()
        with using(language_asked(self)):
            return await form_page(self)

    def again_url(self, url: str) -> str:
        """Return the form at ``url``, with what makes sense to change after the last session's end, for the Hub's own pages."""
        if self.last_end is None or not self.last_end.change:
            return url
        values = {**links.options_in_link(self.accepted_options), **self.last_end.change}
        # The form has the last session's variables anyway, and presets have no change.
        values = {name: value for name, value in values.items() if name not in ("environment", "preset")}
        return str(url_concat(url, {f"opt-{name}": str(value) for name, value in values.items()}))

    def options_from_form(self, form_data: Mapping[str, Any]) -> dict[str, Any]:
        """Read the posted form as ``user_options``. It is judged in :meth:`start`, for every door alike.

        Raises
        ------
        HubRefusal
            A field came twice, or is a file, or there is more than a request can hold.
        """
        return self._read(as_the_page_means(form_data))

    def _read(self, form_data: Mapping[str, Any]) -> dict[str, Any]:
        bounds = HubState.of(self).bounds
        typed = (
            (key, values[0]) for key, values in islice(form_data.items(), bounds.request_keys) if values and isinstance(values[0], str)
        )
        self._typed = {key: value if key == "environment" else value[:MAX_SHOWN] for key, value in typed}
        with using(language_asked(self)):
            try:
                return with_known_variables(self, read_form(form_data, bounds))
            except RequestRejected as error:
                raise self.refusal(error) from None

    def options_from_query(self, query_data: Mapping[str, Any]) -> dict[str, Any]:
        """Fill the form from a link with options. It starts no session, for a foreign page may have made it: that takes a press of Start.

        With :attr:`links_may_start` some links start one (:func:`.links.may_start`).

        Raises
        ------
        FormIsFilled
            JupyterHub is to show the form.
        """
        # JupyterHub 6 takes the prefix off, 5 does not know it.
        query_data = {key.removeprefix("opt-"): entries for key, entries in query_data.items()}
        given = ((key, entries[0]) for key, entries in islice(query_data.items(), len(FIELDS)) if entries and isinstance(entries[0], str))
        values = {key: value if key == "environment" else value[:MAX_SHOWN] for key, value in given}
        was_pressed = bool(values.pop(PRESSED, ""))
        headers = self.handler.request.headers if self.handler is not None else {}
        if self.links_may_start and not was_pressed and links.may_start(headers, self.hub.public_host) and "environment" not in values:
            return self._read(query_data)
        flash.keep(self, Rejection(values, {}, is_link=True, was_pressed=was_pressed))
        raise FormIsFilled

    def refusal(self, error: ResourceFormError) -> HubRefusal:
        """Return an error for the Hub; what was typed into the form is kept for the form that is shown next."""
        typed, self._typed = self._typed, None
        if typed is not None:
            errors = error.errors if isinstance(error, RequestRejected) else {}
            if isinstance(error, SlurmRefused) and error.field:
                errors = {error.field: at_field(label_of(error.field), error.sentence)}
            flash.keep(self, Rejection(keep_typed(self, typed), errors))
        return refusal_of(self, error)

    # --- the life of a session ----------------------------------------------------------------------------------------------

    async def run_pre_spawn_hook(self) -> None:
        """Run the site's hook. What it says to the user by raising an error is shown as ours are; a mistake in it is an error of the Hub.

        Raises
        ------
        HubRefusal
            The hook does not let the session start.
        HTTPError
            500: the hook is wrong.
        """
        await run_hook(self, super().run_pre_spawn_hook)

    async def start(self) -> tuple[str, int]:
        """Submit the job and wait until its server listens; return its address and port.

        Raises
        ------
        HubRefusal
            The request cannot be had, Slurm refused the job, or the job ended before the server listened.
        """
        HubState.of(self).part(StartLine).let_go(self.handler)
        self._compare_time_limits()
        adopted, self._adopted = self._adopted, None
        session = self.session = self._new_session(adopted)
        self._is_begun.set()
        self.last_end, self.kept_options = None, None
        self._begun_at, self._listens_since = self.cluster.clock(), None
        with using(language_asked(self)):
            endpoint = await self._started(session, take_up=adopted is not None)
        self._listens_since = self.cluster.clock()
        return endpoint

    async def _started(self, session: Session, *, take_up: bool) -> tuple[str, int]:
        try:
            return await (wait_for_adopted(self, session) if take_up else submit_and_wait(self, session))
        except ResourceFormError as error:
            refused(session, error)
            if isinstance(error, (RequestRejected, SlurmRefused)):
                # JupyterHub has stored what was refused (docs/jupyterhub-facts.md#stored-options); the next form is to
                # show what was accepted last.
                self.kept_options = self.accepted_options
                if isinstance(error, RequestTooLarge):
                    self.user_options = self.accepted_options  # JupyterHub's answers about a user tell these
                with suppress(Exception):  # it is done later, or JupyterHub's own failure tells of it
                    self.keep_state()
            if isinstance(error, SessionFailed) and session.end is not None and (log := startup_log_of(self, session)) is not None:
                error = await log.explained(error, session.end.state)
                session.end = replace(session.end, log=session.end.log or error.details)
            is_not_counted(self)
            raise self.refusal(error) from None
        finally:
            session.progress.close()
            session.report.close()
            self._typed = None

    def _compare_time_limits(self) -> None:
        limits = (self.start_timeout, self.queue_timeout, self.listen_timeout)
        if limits[0] < limits[1] + limits[2] and HubState.of(self).part(AdminWarnings).is_due("time limits", limits):
            self.log.warning(
                "start_timeout (%d s) is below queue_timeout plus listen_timeout (%d + %d s): JupyterHub will give up jobs that wait in "
                "the queue, without saying why. Leave start_timeout unset, or set the other two lower.",
                *limits,
            )

    async def prepare(self, request: SessionRequest, tagged: TagOfScript, home: str) -> PreparedJob:
        """Return what is handed to sbatch for ``request``: the very same for a start, for an estimate and for a look at the script.

        Raises
        ------
        SessionFailed
            The release has just been taken off the list.
        """
        return await prepared_job(self, request, tagged, home, certificates=self._certificates)

    # --- internal_ssl ---------------------------------------------------------------------------------------------------------

    @default("ssl_alt_names")
    def _default_ssl_alt_names(self) -> Any:
        return names_of_nodes

    async def move_certs(self, paths: Mapping[str, str]) -> Mapping[str, str]:
        """Take the certificates up, to go with the job: the Hub need not be able to write where the node reads."""
        self._certificates = {name: await asyncio.to_thread(Path(path).read_text) for name, path in paths.items()}
        return paths

    # --- a job that was lost and found ----------------------------------------------------------------------------------------

    def adopt(self, record: Record) -> None:
        """Let the next :meth:`start` take up the job of ``record``, which no session owns, instead of asking for one."""
        self._adopted = record

    def _new_session(self, record: Record | None = None) -> Session:
        return Session(
            self.cluster,
            name_of(self.user),
            keep=self.keep_state,
            name=self.log_name,
            log=self.log,
            limits=Limits(queue=self.queue_timeout, listen=self.listen_timeout),
            record=record,
            server=self.name,
        )

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """Return the environment with HOME, USER and SHELL as the system has them, looked up before and off the Hub's loop."""
        if self.member is None:
            return dict(super().user_env(env))
        identity = self.member.identity
        return {**env, "USER": identity.name, "LOGNAME": identity.name, "HOME": identity.home, "SHELL": identity.shell}

    def owns_token(self, token: str) -> bool:
        """Tell whether ``token`` is that of this session's job, by the job's nonce: JupyterHub forgets tokens when it restarts."""
        return self.session is not None and is_token_of(self.session.record.nonce, token)

    async def server_listens(self, port: int, token: str) -> bool:
        """Take the launcher's report, with the session's own token. False: the session waits for none, or its job does not run."""
        session = self.session
        if session is None or not (session.record.port or await session.may_listen()) or not session.listens_on(port):
            return False
        # An adopted job has a token that JupyterHub has forgotten; after start() it makes the token valid again.
        self.api_token = token
        return True

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the messages of this start, from its first: a reload and a second tab see them all."""
        if self.session is None and self._start_pending:
            await self._is_begun.wait()  # a hook of the site's takes its time
        if self.session is not None:
            async for message in self.session.progress.follow():
                yield {**message.details, "progress": message.progress, "message": message.text, "at": iso_time(message.at)}

    async def poll(self) -> int | None:
        """Return None while the session lives or nobody knows; 0 or 1 on evidence that it is over."""
        session = self.session
        if session is None:
            return 0
        with using(language_spoken(self)):
            if self._check_pending and not await is_taken_up(self, session):
                return 1
            status = await session.poll()
            if status is not None:
                record_end(self, session)
                UnfinishedStops.of(self).watch(self)
            return status

    async def stop(self, now: bool = False) -> None:
        """Cancel the job and return when Slurm has let go of it; while Slurm is away, keep at it. With ``now``, only give the order."""
        if self.session is not None:
            self.stop_reason = stop_cause(self, self._begun_at, self._listens_since)
            if self.stop_reason in TOOK_TOO_LONG:
                is_not_counted(self, as_error=True)
            await self.session.stop(now=now)
            UnfinishedStops.of(self).watch(self)

    def run_post_stop_hook(self) -> Any:
        """Revoke the server's token, then do what the admin wants done after a stop.

        JupyterHub revokes the token itself unless it was restarted meanwhile: then it does not know any more which one it is.
        """
        base_url = url_path_join(self.user.base_url, url_escape_path(self.name), "/")
        revoke_tokens(self, (f"Server at {base_url}", f"retrieved from spawner {self.name}"))
        self.is_stopped.set()
        return super().run_post_stop_hook()

    # --- state --------------------------------------------------------------------------------------------------------------

    def keep_state(self) -> None:
        """Make the session's state durable now, not when start() returns (docs/jupyterhub-facts.md#late-state); else it is done later.

        Raises
        ------
        TimeoutError
            Somebody holds the database's lock: it may work in a moment.
        """
        store_state(self)

    def get_state(self) -> dict[str, Any]:
        """Return what finds the session's job again, how the last session ended, and the last requests."""
        state = dict(super().get_state())
        if self.session is not None and self.session.record.nonce:
            state["session"] = self.session.record.as_state()
        if self.last_end is not None:
            state["last_end"] = asdict(self.last_end)
        if self._recent:
            state["recent"] = as_state(self._recent)
        if (language := language_spoken(self)) != ENGLISH:
            state["language"] = language
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up a session that an earlier run of the Hub left."""
        super().load_state(state)
        restore(self, str(state.get("language", "")))
        record = Record.from_state(state.get("session", {}))
        self.session = self._new_session(record) if record.nonce else None
        self.last_end = End.from_state(state.get("last_end"))
        self._recent = recent_of([state])

    def clear_state(self) -> None:
        """Forget the job; how it ended and the last requests are kept for the next form."""
        super().clear_state()
        if self.session is not None:
            record_end(self, self.session)
        elif (future := self._spawn_future) is not None and not future.done():
            # A start begins, or has failed before it came to ours: the end of the session before is not its.
            self.last_end = None
            self._is_begun.clear()
            future.add_done_callback(partial(note_failed_start, self))
        self.session = None
