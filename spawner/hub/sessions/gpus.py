"""A session's own GPUs: the launcher tells which they are, the nodes' reports what they do."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from ...gpu.device_matching import device_views
from ...gpu.session_gpus import Held, SessionGpus, as_json, counts_gpus, own_indices, session_gpus
from ...gpu.store import Sample
from ...session.session import Session
from ...session.status_text import held_by
from ...slurm.model import Job, Node
from ...slurm.states import RUNNING

MIN_INTERVAL_SECONDS = 5.0
"""So often at most a stream tells what GPUs do, those of several nodes together."""


Answer = TypeVar("Answer")
Made = TypeVar("Made")


class _MadeOf(Generic[Answer, Made]):
    """What is made of Slurm's latest answer, once."""

    def __init__(self, make: Callable[[Answer], Made]) -> None:
        self._make = make
        self._known: tuple[Answer, Made] | None = None

    def __call__(self, answer: Answer) -> Made:
        if self._known is None or self._known[0] is not answer:
            self._known = (answer, self._make(answer))
        return self._known[1]


class GpusOfSessions:
    """What is said of the GPUs of one Hub's sessions. Slurm's latest answers are looked through once for all of them."""

    def __init__(self) -> None:
        self._by_name: _MadeOf[tuple[Node, ...], dict[str, Node]] = _MadeOf(lambda nodes: {node.name: node for node in nodes})
        self._counts_gpus = _MadeOf(counts_gpus)

    def _held(self, session: Session, job: Job) -> Held | None:
        held, config = Held.of(held_by(job.tres)), session.cluster.configuration.last_value
        return held if held != Held() or (config is not None and self._counts_gpus(config)) else None

    def has_gpus(self, session: Session, job: Job) -> bool:
        """Tell whether the session's job has GPUs, or parts of some."""
        held = self._held(session, job)
        return held != Held() if held is not None else session.record.gpu_indices is not None

    def can_be_told(self, session: Session, job: Job) -> bool:
        """Tell whether the session has GPUs and its node reports, or has done so."""
        has_reported = session.node_has_reported or session.cluster.gpu_reports.latest(session.record.node) is not None
        return has_reported and self.has_gpus(session, job)

    def gpus_of(self, session: Session, job: Job, *, history: bool = True) -> SessionGpus | None:
        """Return what the GPUs of a running session do; None where it has none, or its node has never told of them.

        ``job`` is the session's own. ``history``: with the last hour, as far as the job has run.
        """
        cluster, held, name = session.cluster, self._held(session, job), session.record.node
        job = _by_hubs_clock(session, job)
        if not name or not self.has_gpus(session, job):
            return None
        now, latest = cluster.clock(), cluster.gpu_reports.latest(name)
        if latest is None:
            return SessionGpus(now, None) if session.node_has_reported else None
        session.node_has_reported = True
        age, answer = max(0.0, now - latest.received), cluster.nodes.last
        node = self._by_name(answer.value).get(name) if answer is not None else None
        if answer is None or node is None:
            return SessionGpus(now, age)
        views = device_views(node, latest.report, age)
        indices = own_indices(
            session.record.gpu_indices,
            held,
            job,
            views,
            answer.as_of,
            confirmed=session.record.gpus_confirmed,
            doubted=self._claimed_by_others(session, held),
        )
        indices = indices or session.gpus_inferred
        if session.record.gpu_indices and indices != session.record.gpu_indices and not session.gpus_are_doubted:
            session.gpus_are_doubted = True
            session.log.warning("%s calls GPUs %s its own, and what else is known contradicts it", session.name, session.record.gpu_indices)
        if session.record.gpu_indices is None:
            session.gpus_inferred = indices

        def own_history(key: str) -> Sequence[Sample]:
            # What a GPU did before the job began is somebody else's.
            samples = cluster.gpu_reports.history(name, key) if history and job.start is not None else ()
            return [sample for sample in samples if sample.at >= (job.start or 0)]

        return session_gpus(
            views,
            indices,
            own_history,
            at=now,
            age=age,
            shared=held is not None and held.shares > 0 and not held.gpus,
        )

    def _claimed_by_others(self, session: Session, held: Held | None) -> frozenset[int]:
        """The numbers that others on the node call their own, whose jobs run; parts of one card may be several jobs'."""
        record, listed = session.record, session.cluster.jobs.last_value or {}
        if record.gpus_confirmed or not record.gpu_indices:
            return frozenset()
        found: set[int] = set()
        for claim in session.cluster.gpu_claims.of_others(record.nonce, record.node):
            job = listed.get(claim.job_id)
            if job is None or job.state not in RUNNING or job.batch_host != record.node:
                continue
            shares = held is not None and held.shares and Held.of(held_by(job.tres)).shares
            if not shares:
                found |= set(claim.indices)
        return frozenset(found)

    def needs_nodes(self, session: Session, job: Job) -> bool:
        """Tell whether Slurm has to be asked for the nodes before anything can be said of the session's GPUs."""
        cluster = session.cluster
        if not self.has_gpus(session, job) or cluster.gpu_reports.latest(session.record.node) is None:
            return False
        answer = cluster.nodes.last
        if answer is None:
            return True
        job = _by_hubs_clock(session, job)
        is_known = session.record.gpu_indices is not None or session.gpus_inferred is not None
        return not is_known and job.start is not None and answer.as_of <= job.start


def _by_hubs_clock(session: Session, job: Job) -> Job:
    """The job with its beginning as the Hub's clock had it: reports and answers are dated by that."""
    return job if job.start is None else replace(job, start=math.ceil(session.record.by_hubs_clock(job.start)))


# --- for streams -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WithGpus:
    """A running session that has GPUs: of whom, on which server, and its job."""

    user: str
    name: str
    session: Session
    job: Job


class GpuNews:
    """What one stream tells of GPUs: after a node's report, with the last hour once a minute. Looks every :data:`MIN_INTERVAL_SECONDS`.

    Parameters
    ----------
    clock
        The time in seconds since the epoch; ``monotonic``: seconds since some moment.
    """

    def __init__(self, gpus: GpusOfSessions, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._gpus = gpus
        self._clock = clock
        self._monotonic = monotonic
        self._heard: list[object] = []
        self._looked: float | None = None
        self._minute = 0

    def _heard_of(self, each: WithGpus) -> object:
        """Another one once its node has reported, or is taken to be silent, or Slurm has answered."""
        latest = each.session.cluster.gpu_reports.latest(each.session.record.node)
        return each.name, each.session.record, latest and latest.received, self._gpus.needs_nodes(each.session, each.job)

    def told(self, sessions: Sequence[WithGpus]) -> None:
        """Remember that the stream has just told all of it."""
        self._heard, self._minute = [self._heard_of(each) for each in sessions], int(self._clock() // 60)
        self._looked = self._monotonic()

    def event(self, look: Callable[[], Sequence[WithGpus]]) -> str:
        """Return an event for these sessions; empty if there is nothing new, or it is too soon to look."""
        if self._looked is not None and self._monotonic() - self._looked < MIN_INTERVAL_SECONDS:
            return ""
        self._looked = self._monotonic()
        sessions = look()
        if [self._heard_of(each) for each in sessions] == self._heard:
            return ""
        minute = self._minute
        self.told(sessions)
        history = minute != self._minute
        found = [
            {
                "user": each.user,
                "name": each.name,
                "id": str(each.session.record.job_id),
                "gpus": as_json(self._gpus.gpus_of(each.session, each.job, history=history), history=history),
            }
            for each in sessions
        ]
        return f"event: gpus\ndata: {json.dumps({'sessions': found})}\n\n"
