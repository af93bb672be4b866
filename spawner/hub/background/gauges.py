"""What ``/hub/metrics`` shows that is read when somebody looks: from memory, so that a look asks neither Slurm nor the database."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from jupyterhub.metrics import metrics_prefix
from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily

from ..._version import __version__
from ...session.matching import is_own
from ...session.session import Session
from ...session.status import State, state_and_stage
from ..admission import Admission
from ..metrics.definitions import SUBSYSTEM
from ..metrics.starts import create, pairs_of
from ..own_spawner import own_spawner
from ..protocol import HubApplication
from ..sessions.left_over import LeftOver
from ..state import AdminWarnings, HubState

STATES: tuple[str, ...] = tuple(state for state in get_args(State) if state != "ended")


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{metrics_prefix}_{SUBSYSTEM}_{name}", words, labels=labels)


class Gauges:
    """The collector of one Hub, which the library asks each time that the metrics are looked at."""

    def __init__(self, app: HubApplication) -> None:
        self._app = app
        self._state = HubState.of(app)
        self._paired: object = None
        """The answers of which pairs of partitions and GPUs were made last."""

    def describe(self) -> Iterable[Any]:
        """Return nothing: what there is is made when it is asked for."""
        return ()

    def collect(self) -> Iterator[Any]:
        """Give what is known now. What fails is left out and told in the log once: the Hub's other metrics must not fail with it."""
        for work in (self._pairs, self._sessions, self._answers, self._beside):
            try:
                yield from work()
            except Exception as error:
                if self._state.part(AdminWarnings).is_due("metrics", (work.__name__, type(error))):
                    self._state.log.exception("Some metrics cannot be told")

    def _pairs(self) -> Iterator[Any]:
        cluster = self._state.cluster
        partitions, nodes = cluster.all_partitions.last_value, cluster.nodes.last_value
        # Of ten thousand nodes that takes some milliseconds; partitions are asked for every few minutes.
        made_of = (cluster.all_partitions.as_of, nodes is not None)
        if partitions is not None and made_of != self._paired:
            self._paired = made_of
            create(pairs_of(cluster.views.allowed(partitions), nodes or ()))
        yield from ()

    def _sessions(self) -> Iterator[Any]:
        now = self._state.cluster.clock()
        numbers, longest = Counter[str](), 0.0
        for session in self._live():
            state = self._state_of(session)
            numbers[state] += 1
            begun = session.record.queued_at or session.record.submitted
            if state == "waiting" and begun:
                longest = max(longest, now - begun)
        sessions = _gauge("sessions", "Sessions that go on, by how they stand.", "state")
        for state in STATES:
            sessions.add_metric([state], numbers[state])
        yield sessions
        waits = _gauge("longest_wait_seconds", "How long the session that has waited the longest has waited; 0 where none waits.")
        waits.add_metric([], longest)
        yield waits

    def _live(self) -> Iterator[Session]:
        for user in list(self._app.users.values()):
            for spawner in list(user.spawners.values()):
                own = own_spawner(spawner)
                if own is not None and own.session is not None:
                    yield own.session

    def _state_of(self, session: Session) -> str:
        listed = self._state.cluster.jobs.last
        job = listed.value.get(session.record.job_id) if listed is not None else None
        if job is not None and not is_own(job, session.record, user=session.owner):
            job = None
        silent = listed.as_of if listed is not None and listed.silent else None
        state, _stage = state_and_stage(session.record, job, None, session.unknown_since or silent)
        # Its end is taken in by the next look of JupyterHub's.
        return "stopping" if state == "ended" or session.end is not None else state

    def _answers(self) -> Iterator[Any]:
        cluster = self._state.cluster
        now = cluster.clock()
        ages = _gauge("answer_age_seconds", "How old Slurm's last answer is; NaN before the first. Nobody may have asked since.", "answer")
        failing = _gauge(
            "answer_failing_seconds", "For how long Slurm has not answered a question that is asked; 0 where it does.", "answer"
        )
        for name, query in cluster.queries.questions.items():
            ages.add_metric([name], max(0.0, now - query.as_of) if query.as_of else math.nan)
            failing.add_metric([name], query.failing_for)
        yield ages
        yield failing

    def _beside(self) -> Iterator[Any]:
        left_over = self._state.part(LeftOver)
        jobs = _gauge(
            "orphaned_jobs", "Jobs with this Hub's name that are no session: left alone, or with a tag that is not theirs.", "why"
        )
        jobs.add_metric(["left_alone"], len(left_over.reported))
        jobs.add_metric(["false_tag"], len(left_over.refused))
        yield jobs
        streams = _gauge("open_streams", "Event streams that pages and programs have open.")
        streams.add_metric([], self._state.part(Admission).streams.number())
        yield streams
        info = _gauge("info", "1, with the version of this spawner.", "version")
        info.add_metric([__version__], 1)
        yield info


def install_gauges(app: HubApplication) -> None:
    """Have the metrics of a Hub that is about to start show these, behind :func:`.gate.install_gate`."""
    state = HubState.of(app)
    state.part(Gauges, lambda: _registered(app))


def _registered(app: HubApplication) -> Gauges:
    gauges = Gauges(app)
    REGISTRY.register(gauges)
    return gauges
