"""Whether the Hub takes a request at all: how large it is, how often its sender asks, how many streams they hold.

It is decided before JupyterHub looks at the request, from its headers alone: a refusal costs a tenth of what a handler costs. So the sender
is known by the credentials that an earlier request came with, and for whom JupyterHub took them; until then by their address.
"""

from __future__ import annotations

import hashlib
import math
import re
import resource
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tornado.httputil import HTTPServerRequest

from ..bounds import Bounds
from ..cache import BoundedDict
from ..i18n import N_
from .known import name_at_hand
from .metrics.definitions import REFUSED
from .numbers import whole_number
from .pace import MAX_CALLERS, Pace, RefusalLog
from .state import HubState

SECONDS = {"requests": 10.0, "requests_of_strangers": 10.0, "pages": 10.0, "checks": 10.0, "refusals": 10.0, "start_requests": 60.0}
"""The time for which each of these is counted."""

SHARE_OF_FILES = 2
"""One in so many of the files that the Hub may have open (``LimitNOFILE``, often 1,024) may be an event stream."""

SHARE_OF_FILES_HELD = 8
"""One in so many may be a refusal that waits to be answered."""

STREAM_RETRY_SECONDS = 30

MOST_DROPPED_BYTES = 50_000_000
"""So large a body is read and dropped, for whoever is cut off while sending does not get to read the answer."""

PAUSE_SECONDS = 0.9
"""Refusals cost as well: a program that goes on whatever it is told asks thousands of times a second, or fifty times if it has to wait."""

_OWN_BOUNDS = "api/resource-form/gpu-reports"
_CHECK = "api/resource-form/check"
_STREAM = re.compile(r"api/(resource-form/sessions/events|users/[^/]+/servers?(/[^/]*)?/progress)/?", re.ASCII)
_START = re.compile(r"(api/users/[^/]+/servers?(/[^/]*)?/?|spawn(/.*)?|resource-form/switch)", re.ASCII)
_LIGHT = re.compile(r"(static|resource-form/static|logo|health|api(?!/resource-form/))(/|$)", re.ASCII)

_TOO_OFTEN = N_("You ask more often than the service can answer. Wait {seconds} s, then go on.")


@dataclass(frozen=True, slots=True)
class TooMuch:
    """Why a request is not taken: ``bound`` is the name of the bound that it is over, ``again`` the seconds until another one may come.

    ``after`` so many seconds it is answered: 0 is at once.
    """

    bound: str
    status: int
    sentence: str
    again: int = 0
    after: float = 0.0


_TOO_LARGE = TooMuch("body_bytes", 413, N_("That is more than the service reads of one request."))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: a user, or a service, which the admin set up and nobody bounds; else what is known of a stranger."""

    name: str
    is_service: bool = False
    is_known: bool = True

    def __str__(self) -> str:
        return self.name


class Callers:
    """The knowledge of whose credentials are whose, from the requests that JupyterHub has answered. Of credentials only hashes are kept."""

    def __init__(self, cookie: str) -> None:
        self._cookie = cookie
        self._known: BoundedDict[bytes, Caller] = BoundedDict(MAX_CALLERS)

    def who(self, request: HTTPServerRequest) -> Caller:
        """Return who sends the request, as far as that is known before JupyterHub looks at it."""
        for credential in self._credentials(request):
            known = self._known.get(credential)
            if known is not None:
                return known
        return Caller(str(request.remote_ip), is_known=False)

    def learn(self, handler: Any) -> None:
        """Remember for whom JupyterHub took the credentials of a request, once it is answered."""
        user = getattr(handler, "_jupyterhub_user", None)
        name = name_at_hand(user) if user is not None else ""
        if not name:
            return
        token = bool(getattr(handler, "_token_authenticated", False))
        found = Caller(name, is_service=getattr(user, "kind", "user") != "user")
        for credential in self._credentials(handler.request, tokens=token, cookies=not token):
            self._known[credential] = found

    def _credentials(self, request: HTTPServerRequest, *, tokens: bool = True, cookies: bool = True) -> Iterator[bytes]:
        if tokens:
            for text in (request.headers.get("Authorization", ""), *request.query_arguments.get("token", ())):
                if text:
                    yield hashlib.sha256(text if isinstance(text, bytes) else text.encode()).digest()
        if cookies:
            for name, morsel in request.cookies.items():
                if name.endswith(self._cookie):
                    yield hashlib.sha256(morsel.value.encode()).digest()


class OpenStreams:
    """The event streams that are open now, by whose they are."""

    def __init__(self) -> None:
        self._callers: weakref.WeakKeyDictionary[HTTPServerRequest, str] = weakref.WeakKeyDictionary()

    def number_of(self, caller: str) -> int:
        """Return how many a caller has open."""
        return sum(whose == caller for whose in self._open())

    def number(self) -> int:
        """Return how many there are of all callers together."""
        return len(self._open())

    def _open(self) -> list[str]:
        for request in [each for each in self._callers if _is_over(each)]:
            del self._callers[request]
        return list(self._callers.values())

    def add(self, caller: str, request: HTTPServerRequest) -> None:
        """Count one more."""
        self._callers[request] = caller

    def is_over(self, request: HTTPServerRequest) -> None:
        """Count it no more: it was answered to its end."""
        self._callers.pop(request, None)


def _is_over(request: HTTPServerRequest) -> bool:
    connection: Any = request.connection
    return bool(connection is None or connection.stream.closed())


class Admission:
    """What one Hub remembers of who asks how often.

    Parameters
    ----------
    base_url
        The Hub's own path, such as ``/hub/``.
    cookie
        The end of the name of the Hub's log-in cookie.
    """

    def __init__(self, state: HubState, *, base_url: str, cookie: str) -> None:
        self.bounds: Bounds = state.bounds
        self.callers = Callers(cookie)
        self.streams = OpenStreams()
        self.log = RefusalLog(state.log, "A request")
        self.base_url = base_url
        self._paces = {name: Pace(getattr(self.bounds, name), seconds) for name, seconds in SECONDS.items()}
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most_streams = min(self.bounds.streams_in_all, files // SHARE_OF_FILES)
        self._most_held = files // SHARE_OF_FILES_HELD
        self.held = 0
        """Refusals that wait to be answered; each is an open file."""

    def judge(self, request: HTTPServerRequest, caller: Caller) -> TooMuch | None:
        """Tell whether a request is over a bound; None if the Hub takes it, which then counts."""
        address = self._address(request)
        if address == _OWN_BOUNDS:
            return None
        found = self._too_large(request) or (None if caller.is_service else self._too_often(request, caller, address))
        return self._counted_as_refused(found, caller) if found is not None else None

    def too_large_after_all(self, caller: Caller) -> TooMuch:
        """Return why a request is not taken whose body, which came in chunks, has turned out to be over the bound; it counts."""
        return self._counted_as_refused(_TOO_LARGE, caller)

    def bounds_its_body(self, request: HTTPServerRequest) -> bool:
        """Tell whether a request's body has to be measured as it comes."""
        return self._address(request) != _OWN_BOUNDS and "Transfer-Encoding" in request.headers

    def _counted_as_refused(self, found: TooMuch, caller: Caller) -> TooMuch:
        REFUSED.labels(found.bound).inc()
        self.log.tell(str(caller), f"over c.ResourceFormBounds.{found.bound} ({getattr(self.bounds, found.bound)})")
        goes_on = self._paces["refusals"].wait(str(caller)) > 0
        return replace(found, after=PAUSE_SECONDS) if goes_on and self.held < self._most_held else found

    def _too_large(self, request: HTTPServerRequest) -> TooMuch | None:
        if whole_number(request.headers.get("Content-Length", "0"), most=self.bounds.body_bytes) is None:
            return _TOO_LARGE
        # What comes in chunks tells its length only as it comes. tornado cuts it off without a word: the gate does it earlier, with one.
        connection: Any = request.connection
        connection.set_max_body_size(2 * MOST_DROPPED_BYTES if self.bounds_its_body(request) else self.bounds.body_bytes)
        return None

    def _too_often(self, request: HTTPServerRequest, caller: Caller, address: str) -> TooMuch | None:
        for bound in self._counted(request, caller, address):
            if wait := self._paces[bound].wait(str(caller)):
                return TooMuch(bound, 429, _TOO_OFTEN, again=max(1, math.ceil(wait)))
        if not _STREAM.fullmatch(address):
            return None
        if self.streams.number_of(str(caller)) >= self.bounds.streams:
            return TooMuch("streams", 429, N_("Too many pages of yours are open at a time. Close some."), again=STREAM_RETRY_SECONDS)
        if self.streams.number() >= self._most_streams:
            return TooMuch(
                "streams_in_all",
                429,
                N_("Too many pages are open at a time."),
                again=STREAM_RETRY_SECONDS,
            )
        self.streams.add(str(caller), request)
        return None

    def has_own_bounds(self, request: HTTPServerRequest) -> bool:
        """Tell whether whoever answers a request bounds and reads it by itself."""
        return self._address(request) == _OWN_BOUNDS

    def is_start(self, request: HTTPServerRequest) -> bool:
        """Tell whether a request asks for a session."""
        return request.method == "POST" and bool(_START.fullmatch(self._address(request)))

    def _address(self, request: HTTPServerRequest) -> str:
        return request.path.removeprefix(self.base_url)

    def _counted(self, request: HTTPServerRequest, caller: Caller, address: str) -> Iterator[str]:
        """The bounds that count requests like this one."""
        if not caller.is_known:
            if not address.startswith(("static/", "resource-form/static/")):
                yield "requests_of_strangers"
            return
        yield "requests"
        if address == _CHECK:
            yield "checks"
        elif self.is_start(request):
            yield "start_requests"
        elif not _LIGHT.match(address):
            yield "pages"

    def answered(self, handler: Any) -> None:
        """Learn from a request that was answered."""
        self.callers.learn(handler)
        self.streams.is_over(handler.request)
