"""The gate in front of all of the Hub's addresses, JupyterHub's own among them: what is over a bound is answered there, at once."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

from tornado import httputil
from tornado.routing import AnyMatches, Router, Rule

from ..i18n import _, negotiated, using
from ..worker import working_for
from .admission import MOST_DROPPED_BYTES, Admission, Caller, TooMuch
from .class_settings import class_settings
from .form.render import render
from .numbers import whole_number
from .plain_answer import answer, json_body
from .protocol import HubApplication
from .start_line import FindsAnswer, StartLine
from .state import HubState
from .static import stylesheet
from .text_only import NO_TEXT, WholeRequest, has_text_address

UNREADABLE = 400
WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")


class Refused(httputil.HTTPMessageDelegate):
    """The answer to a request that is not taken. Nothing of its body is kept."""

    def __init__(self, admission: Admission, request: httputil.HTTPServerRequest, found: TooMuch, language: str) -> None:
        self._admission = admission
        self._request = request
        self._found = found
        self._language = language
        self._answered = False
        self._dropped = 0

    def headers_received(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,  # noqa: ARG002 - tornado's signature
        headers: httputil.HTTPHeaders,
    ) -> None:
        """Answer at once where the body is too large even to be dropped."""
        if whole_number(headers.get("Content-Length", "0"), most=MOST_DROPPED_BYTES) is None:
            self.answer(keep=False)

    def data_received(self, chunk: bytes) -> None:
        """Drop a piece of the body. Who sends without end is answered, and cut off."""
        self._dropped += len(chunk)
        if self._dropped > MOST_DROPPED_BYTES:
            self.answer(keep=False)

    def finish(self) -> None:
        """Answer, now that whoever sends has come to the end, and reads."""
        if self._answered:
            return
        if not self._found.after:
            self.answer()
            return
        self._admission.held += 1
        timer = asyncio.get_running_loop().call_later(self._found.after, self._answer_late)
        connection: Any = self._request.connection
        connection.set_close_callback(lambda: self._hung_up(timer))

    def _answer_late(self) -> None:
        self._admission.held -= 1
        self.answer()

    def _hung_up(self, timer: asyncio.TimerHandle) -> None:
        if not self._answered:
            self._admission.held -= 1
            self._answered = True
            timer.cancel()

    def answer(self, *, keep: bool = True) -> None:
        """Answer, once; the connection stays with ``keep``."""
        if self._answered:
            return
        self._answered = True
        found, request = self._found, self._request
        headers = httputil.HTTPHeaders({"Cache-Control": "no-store"})
        if found.again:
            headers["Retry-After"] = str(found.again)
        with using(self._language):
            sentence = _(found.sentence).format(seconds=found.again)
            if "text/html" in request.headers.get("Accept", ""):
                headers["Content-Type"] = "text/html; charset=utf-8"
                body = self._page(sentence).encode()
            else:
                headers["Content-Type"] = "application/json"
                body = json_body(found.status, sentence)
        answer(request.connection, found.status, headers, body, keep=keep, head=request.method == "HEAD")

    def _page(self, sentence: str) -> str:
        # A person who waits need not press anything; what was posted is not sent again by itself.
        again = self._found.again if self._request.method == "GET" else 0
        title = _("One moment") if self._found.again else _("Not readable") if self._found.status == UNREADABLE else _("Too large")
        values: dict[str, Any] = {"title": title, "sentence": sentence, "again": again, "language": self._language}
        return render("resource_form/refused.html", base_url=self._admission.base_url, stylesheet=stylesheet, **values)


class Measured(httputil.HTTPMessageDelegate):
    """What answers a request whose body comes in chunks, until there is more of it than the bound: from then on it is refused.

    Parameters
    ----------
    inner
        What answers it otherwise. It does nothing before the request has come as a whole.
    refuse
        Makes what refuses it.
    """

    def __init__(self, inner: Any, most: int, refuse: Callable[[], Refused]) -> None:
        self._inner = inner
        self._left = most
        self._refuse = refuse
        self._refused: Refused | None = None

    def headers_received(self, start_line: httputil.RequestStartLine | httputil.ResponseStartLine, headers: httputil.HTTPHeaders) -> None:
        """Hand the headers on."""
        self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Any:
        """Hand a piece of the body on, for as long as all of it is no more than the bound."""
        self._left -= len(chunk)
        if self._left >= 0:
            return self._inner.data_received(chunk)
        if self._refused is None:
            self._refused = self._refuse()
            self._inner.on_connection_close()  # whoever it is lets go of what it has kept
        return self._refused.data_received(chunk)

    def finish(self) -> None:
        """Have the request answered, or refused."""
        (self._refused or self._inner).finish()

    def on_connection_close(self) -> None:
        """Tell what answers that nobody waits any more."""
        if self._refused is None:
            self._inner.on_connection_close()


class Gate(Router):
    """The first of the Hub's rules: it answers what is not taken, and lets everything else through to the rules behind it.

    Parameters
    ----------
    find
        Finds the rule behind the gate that answers a request.
    """

    def __init__(self, admission: Admission, line: StartLine, find: FindsAnswer, language: str = "") -> None:
        self._admission = admission
        self._find = find
        self._language = language
        self._line = line
        self._read: weakref.WeakSet[httputil.HTTPServerRequest] = weakref.WeakSet()

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> httputil.HTTPMessageDelegate | None:  # noqa: ARG002
        """Return what refuses the request; None lets it through, and what is done for it counts as its sender's."""
        if self._line.has(request) or request in self._read:
            return None  # it was here before, and has been read or stood in line since
        caller = self._admission.callers.who(request)
        # The task that answers is begun from here, and all that it begins has it from there.
        working_for.set(str(caller))
        found = self._admission.judge(request, caller)
        if found is None and not has_text_address(request):
            found = self._no_text(caller)
        if found is not None:
            return self._refused(request, found)
        answered = partial(self._line.stand, user=str(caller), find=self._find) if self._admission.is_start(request) else None
        inner: httputil.HTTPMessageDelegate | None = None
        if request.method in WITH_BODY and not self._admission.has_own_bounds(request):
            self._read.add(request)
            inner = WholeRequest(request, answered or self._find, lambda: self._refused(request, self._no_text(caller)).answer())
        elif answered is not None:
            inner = answered(request)
        return self._measure(request, caller, inner) if self._admission.bounds_its_body(request) else inner

    def _measure(self, request: httputil.HTTPServerRequest, caller: Caller, inner: Any) -> Measured:
        if inner is None:
            self._read.add(request)
            inner = self._find(request)
        most = self._admission.bounds.body_bytes
        return Measured(inner, most, lambda: self._refused(request, self._admission.too_large_after_all(caller)))

    def _no_text(self, caller: Caller) -> TooMuch:
        self._admission.log.tell(str(caller), "not in UTF-8")
        return TooMuch("text", UNREADABLE, NO_TEXT)

    def _refused(self, request: httputil.HTTPServerRequest, found: TooMuch) -> Refused:
        return Refused(self._admission, request, found, negotiated(request.headers.get("Accept-Language", ""), self._language))


def install_gate(app: HubApplication) -> None:
    """Put the gate in front of all rules of a Hub that is about to start."""
    state = HubState.of(app)
    admission = state.part(Admission, lambda: Admission(state, base_url=app.hub.base_url, cookie=app.hub.cookie_name))
    language = class_settings(state).language
    application = app.tornado_application
    line = state.part(StartLine)
    gate = Gate(admission, line, application.find_handler, language)
    application.default_router.rules.insert(0, Rule(AnyMatches(), gate))
    logged = application.settings["log_function"]

    def log_request(handler: Any) -> None:
        admission.answered(handler)
        line.let_go(handler)
        logged(handler)

    application.settings["log_function"] = log_request
