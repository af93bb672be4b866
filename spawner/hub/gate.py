"""The gate in front of all of the Hub's addresses, JupyterHub's own among them: what is over a bound is answered there, at once."""

from __future__ import annotations

import asyncio
from typing import Any

from tornado import httputil
from tornado.routing import AnyMatches, Router, Rule

from ..i18n import _, negotiated, using
from ..worker import working_for
from .admission import Admission, TooMuch
from .common import static_version
from .form.render import render
from .numbers import whole_number
from .plain_answer import answer, json_body
from .protocol import HubApplication
from .start_line import FindsAnswer, StartLine
from .state import HubState

MOST_DROPPED_BYTES = 50_000_000
"""So large a body is read and dropped, for whoever is cut off while sending does not get to read the answer."""


class Refused(httputil.HTTPMessageDelegate):
    """The answer to a request that is not taken. Nothing of its body is kept."""

    def __init__(self, admission: Admission, request: httputil.HTTPServerRequest, found: TooMuch, language: str) -> None:
        self._admission = admission
        self._request = request
        self._found = found
        self._language = language
        self._answered = False

    def headers_received(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,  # noqa: ARG002 - tornado's signature
        headers: httputil.HTTPHeaders,
    ) -> None:
        """Answer at once where the body is too large even to be dropped."""
        if whole_number(headers.get("Content-Length", "0"), most=MOST_DROPPED_BYTES) is None:
            self._answer(keep=False)

    def data_received(self, chunk: bytes) -> None:
        """Drop a piece of the body."""

    def finish(self) -> None:
        """Answer, now that whoever sends has come to the end, and reads."""
        if not self._found.after:
            self._answer()
            return
        self._admission.held += 1
        timer = asyncio.get_running_loop().call_later(self._found.after, self._answer_late)
        connection: Any = self._request.connection
        connection.set_close_callback(lambda: self._hung_up(timer))

    def _answer_late(self) -> None:
        self._admission.held -= 1
        self._answer()

    def _hung_up(self, timer: asyncio.TimerHandle) -> None:
        if not self._answered:
            self._admission.held -= 1
            self._answered = True
            timer.cancel()

    def _answer(self, *, keep: bool = True) -> None:
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
        title = _("One moment") if self._found.again else _("Too large")
        values: dict[str, Any] = {"title": title, "sentence": sentence, "again": again, "language": self._language}
        return render("resource_form/refused.html", base_url=self._admission.base_url, static_version=static_version, **values)


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

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> httputil.HTTPMessageDelegate | None:  # noqa: ARG002
        """Return what refuses the request; None lets it through, and what is done for it counts as its sender's."""
        if self._line.has(request):
            return None  # it was here before, and stood in line since
        caller = self._admission.callers.who(request)
        # The task that answers is begun from here, and all that it begins has it from there.
        working_for.set(str(caller))
        found = self._admission.judge(request, caller)
        if found is None and self._admission.is_start(request):
            return self._line.stand(request, str(caller), self._find)
        if found is None:
            return None
        return Refused(self._admission, request, found, negotiated(request.headers.get("Accept-Language", ""), self._language))


def install_gate(app: HubApplication) -> None:
    """Put the gate in front of all rules of a Hub that is about to start."""
    state = HubState.of(app)
    admission = state.part(Admission, lambda: Admission(state, base_url=app.hub.base_url, cookie=app.hub.cookie_name))
    language = str(app.config.ResourceFormSpawner.get("language", ""))
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
