"""What a session's own job reports (where its server listens, its GPUs, its memory, how a set-up goes), and asks: when it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from batchspawner import BatchSpawnerBase
from jupyterhub.apihandlers import APIHandler
from tornado import web

from ...gpu.session_gpus import read_indices
from ...session.own_gpus import ASK_AGAIN_SECONDS, Word
from ...session.own_memory import MOST, MOST_MB, take_killed, take_peak
from ...session.own_setup import FOLDER_TROUBLES, SETUP_STATES, take_folder, take_setup
from ...session.session import Session
from ..background.orphans import AdoptingSpawners
from ..own_spawner import own_spawner
from ..protocol import HubHandler, HubSpawner
from ..settings.job import ports_of
from ..state import HubState

REFUSED = "X-Resource-Form-Refused"
"""The header of the launcher's that makes a refusal final."""


class Refusal(web.HTTPError):
    """A refusal that will be the same however often the launcher asks: all others it takes for trouble on the way, and asks again.

    Not knowing the caller is none: JupyterHub knows nobody while its database is away.
    """

    headers = {REFUSED: "yes"}  # noqa: RUF012 - JupyterHub reads it (APIHandler.write_error)


def spawner_with(handler: HubHandler, token: str) -> HubSpawner | None:
    """Return the spawner whose job has ``token``: one of the caller's, or one whose job is being adopted."""
    servers = getattr(handler.current_user, "spawners", {}).values()
    found = (own for spawner in servers if (own := own_spawner(spawner)) is not None and own.owns_token(token))
    return next(found, None) or HubState.of(handler).part(AdoptingSpawners).of_token(token)


def caller_of(handler: APIHandler, said: str, refusal: type[web.HTTPError] = Refusal) -> tuple[HubSpawner, str]:
    """Return the spawner whose session a job's report is of, and the session's token. ``said`` is what was done, for the log.

    Raises
    ------
    HTTPError
        403: nobody is known. ``refusal``, 404: the token belongs to no session.
    """
    user, token = handler.current_user, handler.get_auth_token()
    spawner = spawner_with(handler, token) if token else None
    if spawner is None and user is None:
        raise web.HTTPError(403, "Send the session's token.")
    if spawner is None or token is None:
        handler.log.warning("%s with a token of no session (%s)", said, getattr(user, "name", "?"))
        raise refusal(404, "This token belongs to no session.")
    return spawner, token


def _of_batchspawner(handler: HubHandler, token: str | None) -> Any:
    """The spawner of batchspawner's own whose job has the token, wrapped or not; None where there is none."""
    for spawner in getattr(handler.current_user, "spawners", {}).values():
        started = getattr(spawner, "child_spawner", None) or spawner
        if token and isinstance(started, BatchSpawnerBase) and own_spawner(started) is None and spawner.api_token == token:
            return started
    return None


class PortHandler(APIHandler):  # type: ignore[misc]
    """``POST /hub/api/batchspawner``: the launcher says that the server listens, and where.

    Takes ``{"port": 1..65535}``, within :attr:`port_range`, from the token of a session that is starting, and nothing else: batchspawner's
    own handler sets any attribute of the spawner to whatever a user sends (docs/jupyterhub-facts.md#callback). Where a Hub has
    batchspawner's spawners beside ours, those get their port here as well.
    """

    async def post(self) -> None:
        other = _of_batchspawner(self, self.get_auth_token())
        if other is not None:
            other.port = self._port(other._log_name)  # noqa: SLF001 - as the Hub's log names it
            self._known()
            return
        session, token = caller_of(self, "A port was reported")
        port = self._port(session.log_name)
        if port not in ports_of(session.port_range):
            self.log.warning("%s reported port %s, which is outside of port_range: refused", session.log_name, port)
            raise Refusal(400, "This Hub leads to no such port: ResourceFormSpawner.port_range.")
        if not await session.server_listens(port, token):
            self.log.warning("A port was reported by %s, which is not waiting for one", session.log_name)
            raise Refusal(409, "This session is not waiting for a port.")
        self._known()

    def _port(self, said_by: str) -> int:
        body = self.get_json_body()
        port = body.get("port") if isinstance(body, dict) else None
        if not isinstance(body, dict) or set(body) != {"port"} or type(port) is not int or not 1 <= port <= 65535:
            self.log.warning("A report of a port that is none was refused, from %s", said_by)
            raise Refusal(400, 'Expected {"port": 1-65535} and nothing else.')
        return port

    def _known(self) -> None:
        self.set_status(201)
        self.finish(json.dumps({"message": "The Hub knows the port."}))


class SessionGpusHandler(APIHandler):  # type: ignore[misc]
    """``POST /hub/api/resource-form/own-gpus``: the launcher says which of the node's GPUs are the job's.

    Takes ``{"gpus": "0,1"}``, Slurm's own numbers, from the session's own token, once its server listens. Whoever has that token may say
    anything: what contradicts Slurm is refused.
    """

    async def post(self) -> None:
        spawner, _token = caller_of(self, "GPUs were reported")
        try:
            indices = _indices_in(self.get_json_body())
        except ValueError:
            self.log.warning("A report of GPUs that is none was refused, from %s", spawner.log_name)
            raise Refusal(400, 'Expected {"gpus": "0,1"}, Slurm\'s numbers of GPUs, and nothing else.') from None
        session: Session | None = spawner.session
        word = await session.take_gpus(indices) if session is not None else Word.REFUSED
        if word is Word.LATER:
            self.set_header("Retry-After", str(int(ASK_AGAIN_SECONDS)))
            raise web.HTTPError(503, "Slurm does not say now which GPUs the job has. Try again later.")
        if word is Word.REFUSED:
            self.log.warning("GPUs were reported by %s that it does not have, or is not waiting for", spawner.log_name)
            raise Refusal(409, "These are not the GPUs of this session, or it is not waiting for them.")
        self.set_status(201)
        self.finish(json.dumps({"message": "The Hub knows the GPUs."}))


class SessionMemoryHandler(APIHandler):  # type: ignore[misc]
    """``POST /hub/api/resource-form/own-memory``: the launcher says how many of the session's processes were killed for want of memory, or
    the most memory that they had at once.

    Takes ``{"killed": 1}``, the number so far, or ``{"peak_mb": 3174}``, in MB, from the session's own token, once its server listens.
    """

    MOST: ClassVar[Mapping[str, int]] = {"killed": MOST, "peak_mb": MOST_MB}

    async def post(self) -> None:
        spawner, _token = caller_of(self, "Memory was reported", web.HTTPError)
        body = self.get_json_body()
        key, number = next(iter(body.items())) if isinstance(body, dict) and len(body) == 1 else ("", None)
        if type(number) is not int or not 1 <= number <= self.MOST.get(key, 0):
            self.log.warning("A report of memory that is none was refused, from %s", spawner.log_name)
            raise web.HTTPError(400, f'Expected {{"killed": 1-{MOST}}} or {{"peak_mb": 1-{MOST_MB}}} and nothing else.')
        session: Session | None = spawner.session
        take = take_killed if key == "killed" else take_peak
        if session is None or not take(session, number):
            raise web.HTTPError(409, "This session is not running.")
        self.set_status(201)
        self.finish(json.dumps({"message": "The Hub knows."}))


class SessionSetupHandler(APIHandler):  # type: ignore[misc]
    """``POST /hub/api/resource-form/own-setup``: the launcher says how the set-up of a user's first session with a release goes, or that
    the session does not open in the folder that was chosen.

    Takes ``{"state": "running" | "done" | "failed"}`` or ``{"folder": "missing" | "outside"}`` from the session's own token, once its
    server listens.
    """

    EXPECTED: ClassVar[Mapping[str, tuple[str, ...]]] = {"state": SETUP_STATES, "folder": FOLDER_TROUBLES}

    async def post(self) -> None:
        spawner, _token = caller_of(self, "A set-up was reported")
        body = self.get_json_body()
        key, word = next(iter(body.items())) if isinstance(body, dict) and len(body) == 1 else ("", None)
        if not isinstance(word, str) or word not in self.EXPECTED.get(key, ()):
            self.log.warning("A report of a set-up that is none was refused, from %s", spawner.log_name)
            expected = " or ".join(f"{{'{name}': one of {', '.join(words)}}}" for name, words in self.EXPECTED.items())
            raise Refusal(400, f"Expected {expected} and nothing else.")
        session: Session | None = spawner.session
        take = take_setup if key == "state" else take_folder
        if session is None or not take(session, word):
            raise web.HTTPError(409, "This session is not running.")
        self.set_status(201)
        self.finish(json.dumps({"message": "The Hub knows."}))


class SessionEndHandler(APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/own-end``: the launcher asks when Slurm ends the job, with the session's own token.

    Answers ``{"ends": SECONDS}`` since the epoch, of the shared list as it is, or null where that does not say: Slurm is asked nothing.
    """

    async def get(self) -> None:
        spawner, _token = caller_of(self, "The end was asked for", web.HTTPError)
        session: Session | None = spawner.session
        job = session.listed_job() if session is not None else None
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"ends": int(job.end) if job is not None and job.end is not None else None}))


def _indices_in(body: Any) -> tuple[int, ...]:
    if not isinstance(body, dict) or set(body) != {"gpus"}:
        raise ValueError("another shape")
    return read_indices(body["gpus"])
