"""The log of a session as a page, as JSON, and as a file.

Any job's id may be asked for, whether or not the Hub still knows the session: what is read is JOB.log in one folder of the user whose log
it is, by a process of that user's. So logs outlive what the Hub remembers of their sessions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from jupyterhub.apihandlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from ...errors import LogError, NoLogYet, ResourceFormError
from ...humanize import iso_time
from ...i18n import using
from ...session.log_excerpt import Excerpt
from ...session.log_reader import (
    DOWNLOAD_BYTES,
    MAX_SEARCHED_FOR,
    PIECE_BYTES,
    LogPiece,
    Search,
    SessionLogs,
    configured_state_home,
)
from ...slurm.runner import Identity
from ..common import cluster_of
from ..locale import language_of
from ..logged_in import TellsPages, require_log_in
from ..numbers import whole_number
from ..own_spawner import own_spawner
from ..protocol import HubHandler, HubUser
from ..reach import user_asked_about
from ..sessions.past import MAX_LISTED, history_for
from ..state import HubState

LARGEST_JOB_ID = 10**10 - 1
LARGEST_OFFSET = 10**18 - 1
BEFORE_A_MATCH = 2000
"""So many bytes in front of a line that was found are shown as well."""

ACCESS = ("access:servers", "admin:servers")
"""Who has one of these for a user can read that user's files anyway: in a session that they may open, or start with what they like."""


def owner_of_log(handler: HubHandler) -> HubUser:
    """Return the user whose log is asked for: ``?user=``, else the caller.

    Raises
    ------
    HTTPError
        404 for a user that is none, or whose logs the caller may not read: the two look alike.
    """
    return user_asked_about(handler, *ACCESS)


def job_asked(handler: HubHandler) -> int:
    """Return the id of the job that is asked for with ``?job=``.

    Raises
    ------
    HTTPError
        400: it is no job's id.
    """
    return _number(handler, "job", LARGEST_JOB_ID) or _refuse("job: expected the id of a job.")


def _number(handler: HubHandler, name: str, most: int = LARGEST_OFFSET) -> int:
    number = whole_number(handler.get_argument(name, ""), most=most)
    return _refuse(f"{name}: expected a number.") if number is None else number


def _refuse(sentence: str) -> int:
    raise web.HTTPError(400, sentence)


@dataclass(frozen=True, slots=True)
class JobOfLog:
    """What the Hub knows of the job whose log is asked for: when it was submitted (seconds since the epoch), and whether it goes on.

    ``may_come`` says whether a log that is not there may still come: the script opens it before the server begins.
    """

    submitted: float | None = None
    live: bool = False
    may_come: bool = False


def job_of_log(handler: HubHandler, user: HubUser, job: int) -> JobOfLog:
    """Return what the Hub knows of the user's job of this number: of a session that it has, else of the last one that is over."""
    sessions = [own.session for spawner in user.spawners.values() if (own := own_spawner(spawner)) is not None and own.session is not None]
    of_job = [session for session in sessions if session.record.job_id == job]
    for session in sorted(of_job, key=lambda session: session.end is not None):
        record, live = session.record, session.end is None
        return JobOfLog(record.queued_at or record.submitted or None, live, live and not record.port)
    past = history_for(handler, user.spawner).rows(frozenset({user.name}), MAX_LISTED).sessions
    return JobOfLog(next((session.submitted for session in past if session.job_id == job), None))


def logs_of(handler: HubHandler) -> SessionLogs:
    """Return the logs that people look at now."""
    return HubState.of(handler).session_logs


def piece_answer(piece: LogPiece, found: Excerpt) -> dict[str, Any]:
    """Return a piece for JSON: ``text`` is of whole lines, from byte ``from`` to ``to``; ``partial`` is the unfinished last line."""
    return {
        "size": piece.size,
        "modified": iso_time(piece.modified),
        "inode": str(piece.inode),
        "from": found.start,
        "to": found.end,
        "text": found.text,
        "partial": found.partial,
    }


def search_answer(found: Search) -> dict[str, Any]:
    """Return the last of the lines that were found, the ``number`` of all, and whether the ``whole`` log was looked through."""
    return {"matches": [{"at": entry.at, "line": entry.line} for entry in found.matches], "number": found.number, "whole": found.whole}


class LogHandler(TellsPages, APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/log?job=ID[&user=NAME]``: the end of the log.

    ``&offset=BYTE``: what comes from there on; ``&before=BYTE``: what comes in front of it; ``&around=BYTE``: what stands there;
    ``&search=TEXT``: the lines with that text. ``live`` says whether the session goes on. Where there is no log, the answer has
    ``message``, ``reason`` and ``place``: no_log_yet with HTTP 200, log_gone with 404, log_refused with
    403, log_unreadable with 503.
    """

    async def get(self) -> None:
        require_log_in(self)
        user, job = owner_of_log(self), job_asked(self)
        known = job_of_log(self, user, job)
        with using(language_of(self, user.spawner)):
            try:
                identity = (await cluster_of(self).member(user.name)).identity
                answer = await self._answer(identity, job, known, configured_state_home(user.spawner.environment))
            except ResourceFormError as error:
                answer = {"message": error.sentence, "reason": error.label}
                # Not an error where it only has to be waited for: the page asks again and again.
                if not isinstance(error, NoLogYet):
                    self.log.info("No log for %s: %s", getattr(self.current_user, "name", "?"), error.log)
                    self.set_status(error.status)
                    answer |= {"status": error.status}
                answer |= {"place": error.place} if isinstance(error, LogError) else {}
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps({"job": job, "live": known.live, **answer}))

    async def _answer(self, identity: Identity, job: int, known: JobOfLog, state_home: str) -> dict[str, Any]:
        logs = logs_of(self)
        asked = [name for name in ("offset", "before", "around", "search") if name in self.request.arguments]
        if len(asked) > 1:
            _refuse("Of offset, before, around and search only one can be asked for.")
        if asked == ["search"]:
            text = self.get_argument("search").strip()
            if not text or len(text) > MAX_SEARCHED_FOR or not text.isprintable():
                _refuse(f"search: expected 1 to {MAX_SEARCHED_FOR} characters.")
            return search_answer(await logs.search(identity, job, text, state_home=state_home, submitted=known.submitted))
        if asked == ["before"]:
            end = _number(self, "before")
            start = max(0, end - PIECE_BYTES)
            piece = await logs.piece(identity, job, start, end - start, state_home=state_home, submitted=known.submitted)
            return piece_answer(piece, piece.excerpt())
        if asked == ["around"]:
            start = max(0, _number(self, "around") - BEFORE_A_MATCH)
            piece = await logs.piece(identity, job, start, PIECE_BYTES, state_home=state_home, submitted=known.submitted)
            return piece_answer(piece, piece.excerpt(latest=False))
        return await self._latest(identity, job, known, state_home)

    async def _latest(self, identity: Identity, job: int, known: JobOfLog, state_home: str) -> dict[str, Any]:
        logs = logs_of(self)
        start = _number(self, "offset") if "offset" in self.request.arguments else None
        if start is None:
            piece = await logs.tail(identity, job, state_home=state_home, going_on=known.may_come, submitted=known.submitted)
        else:
            piece = await logs.since(identity, job, start, state_home=state_home, going_on=known.may_come, submitted=known.submitted)
        if start is not None and piece.start <= start <= piece.size:
            return piece_answer(piece, piece.excerpt(start, latest=False))
        return piece_answer(piece, piece.excerpt())


class LogDownload:
    """A handler that sends the whole log as it is at this moment, piece by piece; what it grows by meanwhile is left out."""

    async def send(self: Any) -> None:
        user, job = owner_of_log(self), job_asked(self)
        logs, state_home = logs_of(self), configured_state_home(user.spawner.environment)
        submitted = job_of_log(self, user, job).submitted
        with using(language_of(self, user.spawner)):
            try:
                identity = (await cluster_of(self).member(user.name)).identity
                piece = await logs.download(identity, job, 0, DOWNLOAD_BYTES, state_home=state_home, submitted=submitted)
            except ResourceFormError as error:
                raise web.HTTPError(error.status, error.sentence) from None
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="session-{job}.log"')
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        size = piece.size
        try:
            while piece.content:
                self.write(piece.content[: max(0, size - piece.start)])
                await self.flush()
                if piece.end >= size:
                    break
                piece = await logs.download(identity, job, piece.end, min(DOWNLOAD_BYTES, size - piece.end), state_home=state_home)
        except StreamClosedError:
            return
        except ResourceFormError as error:
            self.log.warning("The download of a log broke off: %s", error.log)
            # Not finished properly, so that the browser does not take it for the whole.
            self.request.connection.stream.close()
            return
        self.finish()


class LogDownloadHandler(LogDownload, APIHandler):  # type: ignore[misc]
    """``GET /hub/api/resource-form/log/download?job=ID[&user=NAME]``, for programs."""

    async def get(self) -> None:
        require_log_in(self)
        await self.send()
