"""ResourceFormSpawner: the life of one session. Glue: the rules are on the floors below."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from batchspawner import SlurmSpawner
from jupyterhub.utils import url_escape_path, url_path_join
from sqlalchemy.orm import object_session
from tornado.httputil import url_concat
from traitlets import Callable, Dict, Union, default

from .advice.assessment import verdict_of
from .advice.service import refuse_over_budget
from .availability.node_fit import features_of
from .cache import run_in_worker
from .cluster.users import Member
from .errors import RequestRejected, ResourceFormError, SessionFailed, SlurmRefused, SlurmUnavailable
from .hub.common import iso_time, static_version
from .hub.errors import FormIsFilled, HubRefusal
from .hub.form.flash import Rejection
from .hub.form.page import form_page, rejections
from .hub.handlers.sessions import IN_A_LINK
from .hub.handlers.stop import stop_url
from .hub.locale import language_asked, language_spoken, restore
from .hub.sessions.ended import record_end, refused, stop_cause
from .hub.sessions.view import usage_factor_of
from .hub.user_choices import UserChoices
from .i18n import ENGLISH, _, using
from .job.lab_extension import session_bar
from .job.sbatch import PreparedJob, Tag, is_token_of, job_environment, job_script, new_tag, sbatch_arguments, signing_key
from .request.choices import Choices
from .request.form_data import read_form
from .request.model import SessionRequest, at_field, label_of, parse_request
from .request.recent import Recent, as_state, recent_of, remember
from .request.validation import resolve_request
from .session.log_reader import configured_state_home, session_logs
from .session.record import End, Limits, Record
from .session.session import Session
from .session.startup_log import StartupLog
from .slurm.runner import Identity
from .slurm.states import RUNNING
from .slurm.values import is_address

PRESSED = ("navigate", "document", "?1")
"""What a browser says of a link that a person has pressed, and not of a picture, a frame or a script: Sec-Fetch-Mode, -Dest and -User."""


def _no_hook(_spawner: Any, _user_options: Any) -> None:
    """For JupyterHub, which warns about user_options that no hook takes; ours are taken in start(), whatever door they came through."""


_time_limits_warned_of: set[tuple[int, int, int]] = set()

ESTIMATE_PATIENCE_SECONDS = 1.5
"""A job that has to wait is submitted so much later at most, to know until when."""


class ResourceFormSpawner(UserChoices, SlurmSpawner):  # type: ignore[misc]
    """Starts a server as a Slurm job from a form that knows the cluster."""

    user_options: dict[str, Any]

    @default("options_form")
    def _default_options_form(self) -> Any:
        return ResourceFormSpawner.options_form_html

    apply_user_options = Union([Callable(), Dict()], default_value=_no_hook).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.session: Session | None = None
        self.last_end: End | None = None
        self.stop_reason = ""
        """Why the latest stop was ordered (:func:`.hub.ended.stop_cause`)."""
        self._begun_at: float | None = None
        self._listens_since: float | None = None
        self._typed: dict[str, Any] | None = None
        self._adopted: Record | None = None
        self._certificates: dict[str, str] = {}
        self._member: Member | None = None
        self._is_stopped = asyncio.Event()
        self._recent: tuple[Recent, ...] = ()
        self._accepted_options = dict(self.orm_spawner.user_options or {}) if self.orm_spawner else {}

    @property
    def log_name(self) -> str:
        """User and server, as the Hub's log names them."""
        return str(self._log_name)

    def recent(self) -> tuple[Recent, ...]:
        """The last requests of the user, of all servers together, newest first."""
        stored = [server.state for server in self.user.orm_user.orm_spawners.values()]
        return recent_of([{"recent": as_state(self._recent)}, *stored])

    # --- the form -----------------------------------------------------------------------------------------------------------

    async def options_form_html(self) -> str:
        """The form as HTML, for this session's user."""
        with using(language_asked(self)):
            return await form_page(self)

    def gettext(self, sentence: str) -> str:
        """For the templates of the Hub's own pages: a sentence of the catalogue in the language of whoever looks at the form."""
        with using(language_spoken(self)):
            return _(sentence)

    @property
    def page_language(self) -> str:
        """For the templates of the Hub's own pages: the language that :meth:`gettext` answers in."""
        return language_spoken(self)

    @property
    def request_in_words(self) -> str:
        """For the templates of the Hub's own pages: what was asked for, in one line; empty where that cannot be read."""
        try:
            request = parse_request(self.user_options or {})
        except RequestRejected:
            return ""
        with using(language_spoken(self)):
            return request.in_words

    def static_version(self, name: str) -> str:
        """For the templates of the Hub's own pages: as :func:`.static_version`."""
        return static_version(name)

    def again_url(self, url: str) -> str:
        """For the templates of the Hub's own pages: the form at ``url``, with what makes sense to change after the last session's end."""
        if self.last_end is None or not self.last_end.change:
            return url
        asked = {name: value for name, value in self._accepted_options.items() if name in IN_A_LINK}
        values = {**asked, **self.last_end.change}
        values.pop("preset", None)
        return str(url_concat(url, {f"opt-{name}": str(value) for name, value in values.items()}))

    def options_from_form(self, form_data: Mapping[str, Any]) -> dict[str, Any]:
        """The posted form as ``user_options``, read but not yet judged: that is done in :meth:`start`, for every door alike.

        Raises
        ------
        HubRefusal
            A field came twice, or is a file.
        """
        self._typed = {key: values[0] for key, values in form_data.items() if values and isinstance(values[0], str)}
        with using(language_asked(self)):
            try:
                return read_form(form_data)
            except RequestRejected as error:
                refusal = self._refusal(error)
                self._typed = None
                raise refusal from None

    def options_from_query(self, query_data: Mapping[str, Any]) -> dict[str, Any]:
        """A link with options fills the form; it starts no session, for a foreign page may have made it: that takes a press of Start.

        With :attr:`links_may_start` a link on a page of the same site starts one, as the browser says where the link was
        (``Sec-Fetch-Site``, which no page can set), and if a person pressed it.

        Raises
        ------
        FormIsFilled
            JupyterHub is to show the form.
        """
        # JupyterHub 6 takes the prefix off, 5 does not know it.
        query_data = {key.removeprefix("opt-"): entries for key, entries in query_data.items()}
        values = {key: entries[0] for key, entries in query_data.items() if entries and isinstance(entries[0], str)}
        headers = self.handler.request.headers if self.handler is not None else {}
        followed = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest"), headers.get("Sec-Fetch-User")) == PRESSED
        if self.links_may_start and followed and headers.get("Sec-Fetch-Site") in ("same-origin", "same-site"):
            return self.options_from_form(query_data)
        rejections.keep(self.user.name, Rejection(values, {}))
        raise FormIsFilled

    def _refusal(self, error: ResourceFormError) -> HubRefusal:
        """``error`` for the Hub; what was typed into the form is kept for the form that is shown next."""
        if self._typed is not None:
            errors = error.errors if isinstance(error, RequestRejected) else {}
            if isinstance(error, SlurmRefused) and error.field:
                errors = {error.field: at_field(label_of(error.field), error.sentence)}
            rejections.keep(self.user.name, Rejection(self._typed, errors))
        return HubRefusal(error)

    # --- the life of a session ----------------------------------------------------------------------------------------------

    async def start(self) -> tuple[str, int]:
        """Submit the job and wait until its server listens; its address and port.

        Raises
        ------
        HubRefusal
            The request cannot be had, Slurm refused the job, or the job ended before the server listened.
        """
        self._compare_time_limits()
        adopted, self._adopted = self._adopted, None
        session = self.session = self._new_session(adopted)
        self.last_end = None
        self._begun_at, self._listens_since = self.cluster.clock(), None
        with using(language_asked(self)):
            endpoint = await self._started(session, take_up=adopted is not None)
        self._listens_since = self.cluster.clock()
        return endpoint

    async def _started(self, session: Session, *, take_up: bool) -> tuple[str, int]:
        try:
            return await (self._start_again(session) if take_up else self._start(session))
        except ResourceFormError as error:
            refused(session, error)
            if isinstance(error, (RequestRejected, SlurmRefused)):
                # JupyterHub has stored what was refused; the next form is to show what was accepted last (jupyterhub.md T14).
                self.orm_spawner.user_options = self._accepted_options
                self._keep_state()
            if isinstance(error, SessionFailed) and session.end is not None and (last_words := self._last_words(session)) is not None:
                error = await last_words.explained(error, session.end.state)
                session.end = replace(session.end, log=session.end.log or error.details)
            raise self._refusal(error) from None
        finally:
            session.progress.close()
            session.report.close()
            self._typed = None

    def _compare_time_limits(self) -> None:
        limits = (self.start_timeout, self.queue_timeout, self.listen_timeout)
        if limits[0] < limits[1] + limits[2] and limits not in _time_limits_warned_of:
            _time_limits_warned_of.add(limits)
            self.log.warning(
                "start_timeout (%d s) is below queue_timeout plus listen_timeout (%d + %d s): JupyterHub will give up jobs that wait in "
                "the queue, without saying why. Leave start_timeout unset, or set the other two lower.",
                *limits,
            )

    async def _start(self, session: Session) -> tuple[str, int]:
        choices = await self.choices()
        request = resolve_request(self.user_options or {}, choices)
        terms = await self.terms()
        await refuse_over_budget(self.cluster, choices, request, terms)
        self.user_options = request.options()
        self.orm_spawner.user_options = self.user_options
        self.port = 0
        self._member = await self.cluster.member(self.user.name)
        tag = new_tag(
            self.cluster.hub_name,
            self.user.name,
            self.name,
            token=self.api_token,
            key=signing_key(self.user.settings["cookie_secret"]),
            now=self.cluster.clock(),
        )
        job = await self.prepare(request, tag, self._member.identity.home)
        session.usage_factor, session.is_priced = usage_factor_of(choices, request.partition, request.account, terms), True
        session.say(5, _("Handing the job to Slurm"))
        session.expected = await self._expected_start(job, request, choices, self._member.identity)
        job_id = await session.submit(tag.nonce, job.argv, job.script, job.environment, self._member.identity)
        self._accepted_options = request.options()
        self._recent = remember(self._recent, self._accepted_options, self.cluster.clock())
        self.log.info("Job %s for %s: %s", job_id, self._log_name, request.summary)
        session.say(15, _("Job {number} is submitted").format(number=job_id))
        self.ip, self.port = await self._until_listening(session)
        self.log.info("Job %s of %s listens on %s:%s (%s)", job_id, self._log_name, self.ip, self.port, session.record.node)
        return self.ip, self.port

    async def _expected_start(self, job: PreparedJob, request: SessionRequest, choices: Choices, identity: Identity) -> float | None:
        """When Slurm would start the job, in seconds since the epoch, where it has to wait for others; None where nobody knows.

        Asked before the job is submitted: afterwards Slurm would tell when it starts a second one like it.
        """
        try:
            outlook = await self.cluster.forecast(features=features_of(self.sbatch_options), patience=0)
            found = await run_in_worker(lambda: verdict_of(request, {}, outlook, choices))
            if found.kind != "wait" or choices.waits_for(request):
                return None
            question = self.cluster.estimator.ask(job.argv, job.script, job.environment, identity)
            return (await asyncio.wait_for(question, ESTIMATE_PATIENCE_SECONDS)).start
        except (ResourceFormError, asyncio.TimeoutError):
            return None

    async def _until_listening(self, session: Session) -> tuple[str, int]:
        last_words = self._last_words(session)
        if last_words is None:
            return await session.until_listening()

        def runs() -> bool:
            job = (self.cluster.jobs.last_value or {}).get(session.record.job_id)
            return job is not None and job.state in RUNNING

        with last_words.shown_if_slow(session.progress, runs):
            return await session.until_listening()

    def _last_words(self, session: Session) -> StartupLog | None:
        """What can be read of the log of the session's job; None while there is none."""
        if self._member is None or not session.record.job_id:
            return None
        logs = session_logs(self.cluster.runner)
        return StartupLog(logs, self._member.identity, session.record.job_id, configured_state_home(self.environment))

    async def prepare(self, request: SessionRequest, tag: Tag, home: str) -> PreparedJob:
        """What is handed to sbatch for ``request``: the very same for a start, for an estimate and for a look at the script.

        Raises
        ------
        SessionFailed
            The release has just been taken off the list.
        """
        catalogue = self.current_catalogue()
        release = catalogue.get(request.release)
        if release is None:
            raise SessionFailed(
                _("Release {release} was taken off the list. Choose another one.").format(release=request.release),
                log=f"release {request.release} was taken off the list",
            )
        environment = job_environment(
            request,
            self.get_env(),
            command=[*self.cmd, *self.get_args()],
            interface=catalogue.interfaces[request.interface],
            ports=self.port_range,
            umask=self.job_umask,
            certificates=self._certificates,
            bar=self._session_bar(request) if self.lab_extension else None,
        )
        script = await asyncio.to_thread(job_script, release, template_folders=self.template_paths, lab_extension=self.lab_extension)
        return PreparedJob(sbatch_arguments(request, tag, home=home, extra=self.sbatch_options), script, environment)

    def _session_bar(self, request: SessionRequest) -> dict[str, Any]:
        name = request.name or getattr(self.orm_spawner, "display_name", "") or self.name or _("Default server")
        address = stop_url(self.hub.public_host, self.hub.base_url, self.user.name, self.name)
        return session_bar(request, display_name=name, stop_url=address, warn_minutes=self.warn_minutes)

    # --- internal_ssl ---------------------------------------------------------------------------------------------------------

    @default("ssl_alt_names")
    def _default_ssl_alt_names(self) -> Any:
        return ResourceFormSpawner.names_of_nodes

    async def names_of_nodes(self) -> list[str]:
        """What the server's certificate must be good for: the node is not known yet, so the names and addresses of all that may be it."""
        partition = str((self.user_options or {}).get("partition") or "")
        nodes = (await self.cluster.nodes.get()).value
        names = {name for node in nodes if partition in node.partitions for name in (node.name, node.address)}
        names = names or {name for node in nodes for name in (node.name, node.address)}
        return [f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in sorted(names - {""})]

    async def move_certs(self, paths: Mapping[str, str]) -> Mapping[str, str]:
        """Take the certificates up, to go with the job: the Hub need not be able to write where the node reads."""
        self._certificates = {name: await asyncio.to_thread(Path(path).read_text) for name, path in paths.items()}
        return paths

    # --- a job that was lost and found ----------------------------------------------------------------------------------------

    def adopt(self, record: Record) -> None:
        """Let the next :meth:`start` take up the job of ``record``, which no session owns, instead of asking for one."""
        self._adopted = record

    async def _start_again(self, session: Session) -> tuple[str, int]:
        """Take up an adopted job: its launcher is asked to report again, with the token that it has. If it does not, the job is left
        as it is: perhaps it is another Hub's.
        """
        self._keep_state()
        found = _("Job {number} of yours was found again. Waiting for its server.")
        session.say(15, found.format(number=session.record.job_id))
        self._member = await self.cluster.member(self.user.name)
        try:
            await self.cluster.ask_for_report(session.record.job_id, self._member.identity)
        except SlurmUnavailable as error:
            self.log.warning("Job %s of %s could not be asked for its port: %s", session.record.job_id, self._log_name, error.log)
        try:
            self.ip, self.port = await self._until_listening(session)
        except SessionFailed:
            if session.end is not None and session.end.state == "LISTEN_TIMEOUT":
                self.session = None
            raise
        return self.ip, self.port

    def _new_session(self, record: Record | None = None) -> Session:
        return Session(
            self.cluster,
            self.user.name,
            keep=self._keep_state,
            name=self._log_name,
            log=self.log,
            limits=Limits(queue=self.queue_timeout, listen=self.listen_timeout),
            record=record,
        )

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """HOME, USER and SHELL as the system has them, looked up before and off the Hub's loop."""
        if self._member is None:
            return dict(super().user_env(env))
        identity = self._member.identity
        return {**env, "USER": identity.name, "LOGNAME": identity.name, "HOME": identity.home, "SHELL": identity.shell}

    def owns_token(self, token: str) -> bool:
        """Whether ``token`` is that of this session's job; known from the job's nonce, for JupyterHub forgets tokens when it restarts."""
        return self.session is not None and is_token_of(self.session.record.nonce, token)

    async def server_listens(self, port: int, token: str) -> bool:
        """The launcher's report, with the session's own token; False if this session waits for none, or its job does not run."""
        session = self.session
        if session is None or not (session.record.port or await session.may_listen()) or not session.listens_on(port):
            return False
        # An adopted job has a token that JupyterHub has forgotten; after start() it makes the token valid again.
        self.api_token = token
        return True

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """The messages of this start, from its first: a reload and a second tab see them all."""
        if self.session is not None:
            async for message in self.session.progress.follow():
                yield {**message.details, "progress": message.progress, "message": message.text, "at": iso_time(message.at)}

    async def poll(self) -> int | None:
        """None while the session lives or nobody knows; 0 or 1 on evidence that it is over."""
        session = self.session
        if session is None:
            return 0
        with using(language_spoken(self)):
            if self._check_pending and not await self._is_taken_up(session):
                return 1
            status = await session.poll()
            if status is not None:
                self._record_end(session)
            return status

    async def _is_taken_up(self, session: Session) -> bool:
        """The Hub has just started and asks about a session of an earlier run: go on where that one left off; False if it is over.

        What the earlier run knew of the address may not have reached JupyterHub's own tables.
        """
        endpoint = session.endpoint or await self._take_up(session)
        if endpoint is None or self.server is None:
            self._record_end(session)
            return False
        self.ip, self.port = endpoint
        if (self.server.ip, self.server.port) != endpoint:
            self.server.proto = "https" if self.internal_ssl else "http"
            self.server.ip, self.server.port = endpoint
            self._keep_state()
        return True

    async def _take_up(self, session: Session) -> tuple[str, int] | None:
        """As :meth:`Session.take_up`; meanwhile JupyterHub finds a start under way that its Stop can interrupt, and that pages follow."""
        under_way: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        under_way.add_done_callback(self._interrupted)
        self._spawn_future: asyncio.Future[None] | None = under_way
        taken_up = asyncio.ensure_future(session.take_up())
        either: set[asyncio.Future[Any]] = {taken_up, under_way}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not under_way.cancelled():
                return await taken_up
        finally:
            taken_up.cancel()
            if not under_way.done():
                under_way.set_result(None)
            if self._spawn_future is under_way:
                self._spawn_future = None
        # An answer before the stop is over makes JupyterHub stop a second time; one long after it, what was started since.
        await self._is_stopped.wait()
        return None

    def _interrupted(self, under_way: asyncio.Future[None]) -> None:
        if under_way.cancelled():
            self._check_pending = False
            self._spawn_future = None

    async def stop(self, now: bool = False) -> None:
        """Cancel the job and return when Slurm has let go of it; while Slurm is away, keep at it. With ``now``, only give the order."""
        if self.session is not None:
            self.stop_reason = stop_cause(self, self._begun_at, self._listens_since)
            await self.session.stop(now=now)

    def run_post_stop_hook(self) -> Any:
        """Revoke the server's token, then do what the admin wants done after a stop.

        JupyterHub revokes the token itself unless it was restarted meanwhile: then it does not know any more which one it is.
        """
        base_url = url_path_join(self.user.base_url, url_escape_path(self.name), "/")
        for token in list(self.user.orm_user.api_tokens):
            if token.note in (f"Server at {base_url}", f"retrieved from spawner {self.name}"):
                self.user.db.delete(token)
        self.user.db.commit()
        self._is_stopped.set()
        return super().run_post_stop_hook()

    # --- state --------------------------------------------------------------------------------------------------------------

    def _record_end(self, session: Session) -> None:
        record_end(self, session)

    def _keep_state(self) -> None:
        """Make the session's state durable now, not when start() returns (jupyterhub.md T11)."""
        self.orm_spawner.state = self.get_state()
        session = object_session(self.orm_spawner)
        if session is not None:
            try:
                session.commit()
            except Exception:
                # The Hub's one database session must stay usable for everybody.
                session.rollback()
                raise

    def get_state(self) -> dict[str, Any]:
        """What finds the session's job again, how the last session ended, and the last requests."""
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
        restore(self.user.name, str(state.get("language", "")))
        record = Record.from_state(state.get("session", {}))
        self.session = self._new_session(record) if record.nonce else None
        self.last_end = End.from_state(state.get("last_end"))
        self._recent = recent_of([state])

    def clear_state(self) -> None:
        """Forget the job; how it ended and the last requests are kept for the next form."""
        super().clear_state()
        if self.session is not None:
            self._record_end(self.session)
        self.session = None
