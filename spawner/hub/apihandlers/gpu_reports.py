"""``POST /hub/api/resource-form/gpu-reports``: the Hub takes in what nodes say of their GPUs.

A thousand nodes that report every 15 s are 67 requests a second. So neither JupyterHub's handlers are used here nor tornado's own, but what
lies below them (benchmarks/README.md), and a request is judged as it comes in. Cookies authorise nothing here, so that no other site can
make a browser report.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
import weakref
from collections import deque
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from tornado import httputil
from tornado.routing import Router

from ...errors import ResourceFormError
from ...gpu.agent.schema import LARGEST_REPORT, NodeReport, ReportRefused, parse_report
from ..numbers import whole_number
from ..pace import Pace, RefusalLog
from ..plain_answer import answer, json_body
from ..state import HubState
from .gpu_reporters import BURST, MIN_INTERVAL_SECONDS, SCOPE, Reporter, Reporters

SHARE_OF_FILES = 4
"""One in so many of the files that the Hub may have open (``LimitNOFILE``, often 1,024) may be a node's connection."""

BATCH_WINDOW_SECONDS = 0.5
AT_ONCE = 25
"""Reports wait for each other for half a second: what is done for many at once takes half the time that it takes for each alone, when the
processor has done other things in between. But so many at once at most, since all others wait meanwhile."""

PATIENCE_SECONDS = 5.0
LIST_COUNTS_SECONDS = 300.0
"""A node that is not in a list older than this may be new."""

RETRY_SECONDS = 30


class ReportIngest:
    """What one Hub remembers between reports."""

    def __init__(self, state: HubState) -> None:
        log = state.log
        self.cluster = state.cluster
        self.reporters = Reporters(state.settings)
        self.pace = Pace(BURST, BURST * MIN_INTERVAL_SECONDS)
        self.refusals = RefusalLog(log, "A report of GPUs")
        self.log = log
        self._tasks: set[asyncio.Future[None]] = set()
        self._line: deque[Callable[[], None]] = deque()
        self._is_waiting = False
        self._streams: weakref.WeakSet[Any] = weakref.WeakSet()
        self._most_streams = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // SHARE_OF_FILES

    def line_up(self, work: Callable[[], None]) -> None:
        """Do a piece of work soon, together with what else has come by then."""
        self._line.append(work)
        if not self._is_waiting:
            self._is_waiting = True
            asyncio.get_running_loop().call_later(BATCH_WINDOW_SECONDS, self._work)

    def _work(self) -> None:
        for _turn in range(min(len(self._line), AT_ONCE)):
            self._line.popleft()()
        self._is_waiting = bool(self._line)
        if self._line:
            asyncio.get_running_loop().call_soon(self._work)

    def may_stay(self, stream: Any) -> bool:
        """Tell whether a connection is kept for the next report: not if so many are that the Hub could run out of files."""
        if stream not in self._streams:
            if len(self._streams) >= self._most_streams:
                return False
            self._streams.add(stream)
        return True

    def keep(self, task: asyncio.Future[None]) -> None:
        """Hold on to a task until it is done."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered in place of taking a report in; ``again`` seconds later another one may be. ``aside`` is for the log only."""

    status: int
    message: str
    again: int = 0
    aside: str = ""


NOT_ALLOWED = Refusal(403, f"Send the token of a node, or of a service that has the scope {SCOPE}.")
NOBODY_ALLOWED = Refusal(
    403, NOT_ALLOWED.message, aside=f"No service in JupyterHub.services and JupyterHub.load_roles has the scope {SCOPE}."
)
ANOTHER_NODE = Refusal(403, "This token is another node's.")
NOT_OF_SLURM = Refusal(404, "Slurm has no node of this name.")
COMPRESSED = Refusal(415, "A report is sent as it is, not compressed.")
NO_LENGTH = Refusal(400, "The Content-Length is no number.")
NO_POST = Refusal(405, "Reports are sent with POST.")
TOO_LARGE = Refusal(413, "The report is too large.")
NO_TOKENS = Refusal(503, "The Hub cannot look up tokens at the moment.", again=RETRY_SECONDS)
BROKEN = Refusal(500, "The Hub has failed to take the report in.")
NO_NODES = Refusal(503, "The Hub does not know Slurm's nodes at the moment.", again=RETRY_SECONDS)


class Incoming(httputil.HTTPMessageDelegate):
    """One request, judged from its headers (who, how much, how often) as far as they tell, before the body is read.

    Of whom may not report no body is kept.

    A body that is not wanted is read and dropped if it is small: whoever is cut off while sending does not get to read the answer.
    """

    def __init__(self, ingest: ReportIngest, request: httputil.HTTPServerRequest) -> None:
        self._ingest = ingest
        self._request = request
        self._body = bytearray()
        self._came = 0
        self._reporter: Reporter | None = None
        self._refusal: Refusal | None = None
        self._answered = False
        self._has_asked = False

    def headers_received(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,  # noqa: ARG002 - tornado's signature
        headers: httputil.HTTPHeaders,
    ) -> None:
        """Judge the headers."""
        self._refusal = self._reporter_refused(headers)
        length = headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            self._refuse(self._refusal or NO_LENGTH)
        elif whole_number(length, most=LARGEST_REPORT) is None:
            self._refuse(self._refusal or TOO_LARGE)
        elif self._refusal is None and headers.get("Content-Encoding", "identity").lower() != "identity":
            self._refusal = COMPRESSED

    def _reporter_refused(self, headers: httputil.HTTPHeaders) -> Refusal | None:
        if self._request.method != "POST":
            return NO_POST
        reporters = self._ingest.reporters
        try:
            self._reporter = reporters.who(headers.get("Authorization", ""))
            if self._reporter is None:
                return NOT_ALLOWED if reporters.keys() else NOBODY_ALLOWED
        except SQLAlchemyError:
            return NO_TOKENS
        return self._too_often(self._reporter.node) if self._reporter.node else None

    def _too_often(self, node: str) -> Refusal | None:
        wait = self._ingest.pace.wait(node)
        return Refusal(429, "This node reports too often.", again=math.ceil(wait)) if wait else None

    def data_received(self, chunk: bytes) -> None:
        """Count a piece of the body, and keep it if it is wanted; of what is sent in chunks nobody knows the size before."""
        self._came += len(chunk)
        if self._came > LARGEST_REPORT:
            self._body.clear()
            if not self._answered:
                self._refuse(self._refusal or TOO_LARGE)
        elif self._refusal is None:
            self._body += chunk

    def finish(self) -> None:
        """Answer why the complete report is not taken in, or let it wait for its turn."""
        if self._refusal is not None or self._reporter is None:
            self._refuse(self._refusal or NOT_ALLOWED)
        else:
            self._ingest.line_up(partial(self._read, self._reporter))

    def _read(self, reporter: Reporter) -> None:
        try:
            self._judge(reporter)
        except Exception:  # whatever it is, the node gets an answer, and the reports of others have nothing to do with it
            if not self._answered and self._refuse(BROKEN):
                self._ingest.log.exception("A report of GPUs could not be taken in")

    def _judge(self, reporter: Reporter) -> None:
        try:
            report = parse_report(bytes(self._body))
        except ReportRefused as refused:
            self._refuse(Refusal(400, f"This is no report: {refused}."))
            return
        if reporter.node and report.node != reporter.node:
            self._refuse(ANOTHER_NODE)
        elif report.node in (self._ingest.cluster.node_names or ()):
            self._take(reporter, report)
        elif self._list_counts():
            self._refuse(NOT_OF_SLURM)
        elif self._has_asked:
            self._refuse(NO_NODES)
        else:
            self._ingest.keep(asyncio.ensure_future(self._ask_slurm(reporter)))

    async def _ask_slurm(self, reporter: Reporter) -> None:
        """Slurm is asked for its nodes when somebody looks at them: nobody may have yet, or the node may be newer."""
        self._has_asked = True
        with contextlib.suppress(ResourceFormError):
            await self._ingest.cluster.nodes.get(PATIENCE_SECONDS)
        self._read(reporter)

    def _list_counts(self) -> bool:
        cluster = self._ingest.cluster
        return cluster.node_names is not None and 0 <= cluster.clock() - cluster.nodes.as_of < LIST_COUNTS_SECONDS

    def _take(self, reporter: Reporter, report: NodeReport) -> None:
        refusal = None if reporter.node else self._too_often(report.node)
        if refusal is not None:
            self._refuse(refusal)
            return
        self._ingest.cluster.gpu_reports.put(report)
        connection: Any = self._request.connection
        self._answered = True
        answer(connection, 204, httputil.HTTPHeaders(), keep=self._ingest.may_stay(connection.stream))

    def _refuse(self, refusal: Refusal) -> bool:
        """Answer so; whether the log tells of it."""
        who = self._reporter.node if self._reporter and self._reporter.node else self._request.remote_ip
        told = self._ingest.refusals.tell(str(who), f"{refusal.message} {refusal.aside}".strip())
        body = json_body(refusal.status, refusal.message)
        headers = httputil.HTTPHeaders({"Content-Type": "application/json"})
        if refusal.again:
            headers["Retry-After"] = str(refusal.again)
        if refusal is NO_POST:
            headers["Allow"] = "POST"
        self._answered = True
        answer(self._request.connection, refusal.status, headers, body, head=self._request.method == "HEAD")
        return told


class GpuReports(Router):
    """The door itself, in the place that a handler has in JupyterHub's list of them.

    Parameters
    ----------
    settings
        The running Hub's settings, as its handlers have them; asked for with each report, for another Hub may be the running one.
    """

    def __init__(self, settings: Callable[[], MutableMapping[str, Any]]) -> None:
        self._settings = settings

    def find_handler(self, request: httputil.HTTPServerRequest, **kwargs: Any) -> Incoming:  # noqa: ARG002 - tornado's signature
        """Return what answers a request, whoever calls and whatever they send."""
        state = HubState.in_settings(self._settings())
        return Incoming(state.part(ReportIngest, lambda: ReportIngest(state)), request)
