"""The logs of sessions, read as the users whose sessions they are: in pieces, each user's one at a time, and shared by all who look.

A log lies in the user's home, where nobody else can read it: a small program (share/resource_form/session_log.py) runs as the user and
prints a piece of it. A Hub that is root hands the program's text to the system's python3. Any other Hub runs the installed copy through
sudo (:data:`INSTALLED_READER`), if its rule allows that; if not, what is raised says in words where the log is.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from .._data import folder
from ..cache import BoundedDict
from ..errors import LogError, LogGone, LogRefused, LogUnreadable, NoLogYet, ResourceFormError
from ..i18n import N_
from ..slurm.runner import Identity, Runner, last_line
from .log_excerpt import Excerpt, excerpt, shown, telling_lines

INSTALLED_READER = "/usr/local/libexec/jupyterhub-resource-form/session_log"
"""Where the rule for sudo expects a copy of the reader, owned by root."""

PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3", "/bin/python3", sys.executable)
"""The system's own first: the Hub's may lie where its users cannot run it."""

PIECE_BYTES = 64 << 10
TAIL_BYTES = 128 << 10
"""So much of a log's end is read at a time, for everybody who follows it."""

DOWNLOAD_BYTES = 4 << 20
READ_TIMEOUT_SECONDS = 15.0
MIN_INTERVAL_SECONDS = 1.0
READS_AT_A_TIME = 8
MAX_LOGS = 64
MAX_USERS = 1000
MAX_SEARCHED_FOR = 200
YEAR_10000 = 253_402_300_800.0
MAX_HEADER = 1_000_000
"""Characters of the reader's first line: the 200 lines that a search finds, each byte of them escaped, are half of that."""

Said = TypeVar("Said", str, bytes)


@dataclass(frozen=True, slots=True)
class LogPiece:
    """A piece of a log: ``size``, ``start`` and ``end`` in bytes, ``inode`` and ``modified`` (seconds since the epoch) of the file."""

    size: int
    start: int
    end: int
    inode: int
    modified: float
    content: bytes

    def excerpt(self, start: int | None = None, *, latest: bool = True) -> Excerpt:
        """Return its whole lines from byte ``start`` of the log on, where a line begins; without one, from the first whole line."""
        begin = self.start if start is None else start
        found = excerpt(self.content[begin - self.start :], begin, latest=latest, at_a_line=start is not None)
        return found if self.end >= self.size else Excerpt(found.start, found.end, found.text, "")


@dataclass(frozen=True, slots=True)
class Match:
    """A line with what was searched for; ``at`` is the byte of the log where the line begins."""

    at: int
    line: str


@dataclass(frozen=True, slots=True)
class Search:
    """The last lines with what was searched for, the ``number`` of them all, and whether the ``whole`` log was looked through."""

    matches: tuple[Match, ...]
    number: int
    whole: bool


def log_place(job_id: int, state_home: str = "") -> str:
    """Return the log's path as a person would type it on the cluster."""
    return f"{state_home.rstrip('/') or '~/.local/state'}/jupyterhub-resource-form/{job_id}.log"


def configured_state_home(environment: Mapping[str, object]) -> str:
    """Return XDG_STATE_HOME of all jobs, if the admin has set one in ``Spawner.environment``; else empty."""
    value = environment.get("XDG_STATE_HOME", "")
    return value if isinstance(value, str) and value.startswith("/") else ""


@functools.cache
def _source() -> str:
    return (folder("share") / "resource_form" / "session_log.py").read_text(encoding="utf-8")


def _command(identity: Identity, arguments: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """argv and standard input of the reader."""
    if os.geteuid() not in (0, identity.uid):
        return (INSTALLED_READER, *arguments), ""
    python = next((path for path in PYTHONS if os.access(path, os.X_OK)), sys.executable)
    # -S: the reader needs no site-packages, and starts in half the time without.
    return (python, "-I", "-S", "-", *arguments), _source()


def no_log_yet(job_id: int, place: str) -> NoLogYet:
    """Return the error that says that the job has not begun to write its log."""
    return NoLogYet(N_("There is no log yet. It begins when the job runs."), log=f"job {job_id} has no log yet", place=place, job=job_id)


def _missing(job_id: int, place: str, *, going_on: bool) -> LogError:
    if going_on:
        return no_log_yet(job_id, place)
    gone = N_("There is no log of job {job}. Either the job never ran, or its log was deleted: {place}")
    return LogGone(gone, log=f"job {job_id} has no log", place=place, job=job_id)


async def _ask(
    runner: Runner, identity: Identity, job_id: int, *arguments: str, state_home: str, going_on: bool, searched_for: str = ""
) -> tuple[dict[str, Any], bytes]:
    if job_id < 1:
        raise ValueError(f"{job_id!r} is not the id of a job.")
    argv, source = _command(identity, (str(job_id), *arguments))
    environment = {"LC_ALL": "C"}
    if state_home:
        environment["XDG_STATE_HOME"] = state_home
    if searched_for:
        environment["RESOURCE_FORM_SEARCH"] = searched_for
    place = log_place(job_id, state_home)
    unreadable = N_("The log cannot be read from here. It is in a file on the cluster: {place}")
    try:
        result = await runner.run(argv, stdin=source, environment=environment, identity=identity, timeout=READ_TIMEOUT_SECONDS)
    except ResourceFormError as error:
        raise LogUnreadable(unreadable, log=f"the log of job {job_id} of {identity.name}: {error.log}", place=place) from None
    if not result.ok:
        why = f"exit status {result.returncode}: {last_line(result.stderr)}"
        raise LogUnreadable(unreadable, log=f"the log of job {job_id} of {identity.name}: {why}", place=place)
    first, _newline, second = result.stdout.partition("\n")
    # Its user may have written into the process: what comes may be anything.
    try:
        first = _not_longer(first, MAX_HEADER)
        header, content = json.loads(first), base64.b64decode(second.strip(), validate=True)
        error_word = str(header.get("error", ""))[:40]
    except (ValueError, AttributeError, binascii.Error, RecursionError) as error:
        raise LogUnreadable(unreadable, log=f"the log of job {job_id} of {identity.name}: {error!s:.300}", place=place) from None
    if error_word == "missing":
        raise _missing(job_id, place, going_on=going_on)
    if error_word == "refused":
        odd = N_("What is in the place of the log is not a file of its owner's: {place}")
        raise LogRefused(odd, log=f"the log of job {job_id} of {identity.name} is no regular file of theirs", place=place)
    if error_word:
        why = f"the log of job {job_id} of {identity.name}: {header.get('why', error_word)!s:.300}"
        raise LogUnreadable(unreadable, log=why, place=place)
    return header, content


async def read_log(
    runner: Runner,
    identity: Identity,
    job_id: int,
    *,
    start: int | None = None,
    length: int = PIECE_BYTES,
    state_home: str = "",
    going_on: bool = False,
) -> LogPiece:
    """Read a piece of the log of ``identity``'s job, as that user.

    Parameters
    ----------
    start
        The first byte; None: the last ``length`` bytes.
    state_home
        XDG_STATE_HOME of the job, where the admin has set it.
    going_on
        Whether the session is not over: then a log that is not there may still come.

    Raises
    ------
    NoLogYet, LogGone
        There is none.
    LogRefused
        What is in its place is no regular file of theirs.
    LogUnreadable
        It cannot be read from here; the sentence says where it is.
    """
    what = ("tail", str(length)) if start is None else ("from", str(max(0, start)), str(length))
    header, content = await _ask(runner, identity, job_id, *what, state_home=state_home, going_on=going_on)
    try:
        begin = int(header["from"])
        content = _not_longer(content, length)
        return LogPiece(int(header["size"]), begin, begin + len(content), int(header["inode"]), _moment(header["modified"]), content)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise LogUnreadable(
            N_("The log cannot be read from here. It is in a file on the cluster: {place}"),
            log=f"the log of job {job_id} of {identity.name}: {error!r:.300}",
            place=log_place(job_id, state_home),
        ) from None


def _not_longer(said: Said, most: int) -> Said:
    if len(said) > most:
        raise ValueError(f"{len(said)}, which is more than {most}")
    return said


def _moment(modified: Any) -> float:
    """The time of a file, which its owner may set to any; 0 for one that no calendar has."""
    moment = float(modified)
    return moment if 0 <= moment < YEAR_10000 else 0.0


class SessionLogs:
    """The logs that people look at now.

    Each user's are read one at a time, and a log's at most once a second, however many pages follow it: they share its end. None of this
    asks Slurm anything.
    """

    def __init__(self, runner: Runner, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._runner = runner
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Of users; a lock lives as long as somebody holds it or waits for it."""
        self._slots = asyncio.Semaphore(READS_AT_A_TIME)
        self._tails: BoundedDict[tuple[str, int], tuple[float, LogPiece | ResourceFormError]] = BoundedDict(MAX_LOGS)
        self._latest_read: BoundedDict[tuple[str, int], float] = BoundedDict(MAX_USERS)

    def _lock(self, user: str) -> asyncio.Lock:
        return self._locks.setdefault(user, asyncio.Lock())

    async def _pause(self, key: tuple[str, int]) -> None:
        await asyncio.sleep(max(0.0, self._latest_read.get(key, float("-inf")) + MIN_INTERVAL_SECONDS - self._clock()))
        self._latest_read[key] = self._clock()

    async def tail(self, identity: Identity, job_id: int, *, state_home: str = "", going_on: bool = False, fresh: bool = False) -> LogPiece:
        """Return the end of the log as it was no more than a second ago, or, if ``fresh``, as it is from now on.

        Raises
        ------
        ResourceFormError
            As :func:`read_log`.
        """
        key = (identity.name, job_id)
        async with self._lock(identity.name):
            known = self._tails.get(key)
            if fresh or known is None or not 0 <= self._clock() - known[0] < MIN_INTERVAL_SECONDS:
                await self._pause(key)
                found: LogPiece | ResourceFormError
                try:
                    async with self._slots:
                        found = await read_log(self._runner, identity, job_id, length=TAIL_BYTES, state_home=state_home)
                except ResourceFormError as error:
                    found = error
                known = (self._clock(), found)
            self._tails[key] = known
        latest = known[1]
        if isinstance(latest, LogGone):
            raise _missing(job_id, latest.place, going_on=going_on)
        if isinstance(latest, ResourceFormError):
            raise latest
        return latest

    async def since(self, identity: Identity, job_id: int, start: int, *, state_home: str = "", going_on: bool = False) -> LogPiece:
        """Return what the log has from byte ``start`` on, from the shared end where that goes back so far.

        Where the log is shorter than that by now, it is another one: then its whole end.

        Raises
        ------
        ResourceFormError
            As :func:`read_log`.
        """
        latest = await self.tail(identity, job_id, state_home=state_home, going_on=going_on)
        if latest.start <= start or start > latest.size:
            return latest
        return await self.piece(identity, job_id, start, PIECE_BYTES, state_home=state_home)

    async def piece(self, identity: Identity, job_id: int, start: int, length: int, *, state_home: str = "") -> LogPiece:
        """Read any piece of the log.

        Raises
        ------
        ResourceFormError
            As :func:`read_log`.
        """
        async with self._lock(identity.name):
            await self._pause((identity.name, job_id))
            async with self._slots:
                return await read_log(self._runner, identity, job_id, start=start, length=length, state_home=state_home)

    async def download(self, identity: Identity, job_id: int, start: int, length: int, *, state_home: str = "") -> LogPiece:
        """Read a piece as :meth:`piece`, and larger: a user's next one may follow at once.

        Raises
        ------
        ResourceFormError
            As :func:`read_log`.
        """
        async with self._lock(identity.name), self._slots:
            return await read_log(self._runner, identity, job_id, start=start, length=length, state_home=state_home)

    async def search(self, identity: Identity, job_id: int, text: str, *, state_home: str = "") -> Search:
        """Search for the lines with ``text``, small and capital letters alike, in the last 64 MB of the log.

        Raises
        ------
        ResourceFormError
            As :func:`read_log`.
        """
        async with self._lock(identity.name):
            await self._pause((identity.name, job_id))
            async with self._slots:
                header, _content = await _ask(
                    self._runner, identity, job_id, "search", state_home=state_home, going_on=False, searched_for=text
                )
        try:
            matches = tuple(Match(int(entry["at"]), shown(str(entry["line"]).encode(errors="replace"))) for entry in header["matches"])
            return Search(matches, int(header["number"]), header["whole"] is True)
        except (KeyError, TypeError, ValueError) as error:
            raise LogUnreadable(
                N_("The log cannot be read from here. It is in a file on the cluster: {place}"),
                log=f"searching the log of job {job_id} of {identity.name}: {error!r:.300}",
                place=log_place(job_id, state_home),
            ) from None

    async def telling_lines(
        self, identity: Identity, job_id: int, *, max_lines: int = 3, state_home: str = "", patience: float = 3.0
    ) -> tuple[str, ...]:
        """Return the lines at the end of the log that say what went wrong (:func:`.log_excerpt.telling_lines`). Never raises.

        There are none where there is no log, or it cannot be read, or not within ``patience`` seconds.
        """
        reading = asyncio.ensure_future(self._end_of(identity, job_id, max_lines, state_home))
        await asyncio.wait({reading}, timeout=patience)
        if not reading.done():
            reading.cancel()
            return ()
        return reading.result()

    async def _end_of(self, identity: Identity, job_id: int, max_lines: int, state_home: str) -> tuple[str, ...]:
        try:
            piece = await self.tail(identity, job_id, state_home=state_home, fresh=True)
            content = piece.content[-PIECE_BYTES:]
            return await asyncio.to_thread(lambda: telling_lines(shown(content), max_lines))
        except Exception:  # noqa: BLE001 - what is asked for is an addition to a message that must come
            return ()
