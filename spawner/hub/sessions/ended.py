"""The one place where the end of a session is recorded: why, in the history, and better once slurmdbd has told more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import object_session

from ...errors import ResourceFormError
from ...i18n import _, using
from ...session.events import Event
from ...session.matching import is_own
from ...session.outcome import IDLE_GPUS, NO_ANSWER, START_TIMEOUT, STOPPED, Ending, Evidence, ending
from ...session.record import End, Record
from ...session.session import Session
from ...session.status_text import charge_of
from ...session.used import Used
from ...slurm.model import Job
from ...slurm.sacct import FinishedJob
from ...slurm.states import ENDED
from ...slurm.tres import tres_of_job
from ...units import parse_memory_mb, parse_walltime
from ..database import Transaction
from ..known import name_of
from ..labels import labels_of
from ..locale import language_spoken
from ..metrics.counts import session_ended
from ..protocol import HubSpawner
from ..state import HubState
from .history import History, HistoryMemory, PastSession
from .options import given_name, kept_request, shown_name
from .storage import Storage, put_into_row, stored_state
from .tables import session_key
from .tell import tell_ended

WANTED_SOON = frozenset({"cancelled", "server_exit", "out_of_memory", "gone", "unknown"})
"""Ends that slurmdbd may know the reason of; of the others it only knows what they used."""

TOOK_TOO_LONG = (START_TIMEOUT, NO_ANSWER)
"""Starts that JupyterHub gives up for their time. The queue or the user's own settings are to blame, and no Hub is to end for them."""

TELL_SECONDS = 30.0
"""So long the message of an end waits for what slurmdbd knows of its reason."""

LATE_SECONDS = 5.0
"""JupyterHub stops a start that has taken too long within this time."""


def history_of(spawner: HubSpawner) -> History:
    """Return the record of past sessions, with the length and days that the admin has set."""
    memory = HubState.of(spawner).part(HistoryMemory)
    return History(Storage.of(spawner), length=spawner.history_length, days=spawner.history_days, memory=memory, labels=labels_of(spawner))


def stop_cause(spawner: HubSpawner, begun: float | None, listening: float | None) -> str:
    """Return why JupyterHub stops a session: a person or a program ordered it, or it has taken too long to start.

    Parameters
    ----------
    begun, listening
        When the start began, and when its server was known to listen, in seconds since the epoch; None if it did not come to that.
    """
    now = spawner.cluster.clock()
    if begun is not None and listening is None and 0 <= now - begun - spawner.start_timeout < LATE_SECONDS:
        return START_TIMEOUT
    # JupyterHub gives no other sign of a server that it cannot reach. It may hang on its last question for minutes after that.
    waits = getattr(spawner, "_waiting_for_response", False)
    if waits and listening is not None and now - listening >= spawner.http_timeout - 1:
        return NO_ANSWER
    return STOPPED


def refused(session: Session, error: ResourceFormError) -> None:
    """Add to the end of a session whose job was not submitted why it was not."""
    if session.end is not None and session.end.state == "NOT_SUBMITTED":
        session.end = replace(session.end, sentence=f"{session.end.sentence} {_(error.sentence)}")


def record_end(spawner: HubSpawner, session: Session) -> None:
    """Record that the session is over, if it is and that has not been done, and have slurmdbd asked about it.

    Sets the spawner's ``last_end`` and the session's ``end``. It never asks twice, nor records the same session twice.
    """
    end = _end_of(spawner, session)
    if end is None:
        return
    if end.category:
        spawner.last_end = end
        return
    with using(language_spoken(spawner)):
        _Noted.of(spawner, session, end).record_end()


def _end_of(spawner: HubSpawner, session: Session) -> End | None:
    """How it ended, as far as the session itself knows, and the order to stop it; None if it is not over."""
    end, record = session.end, session.record
    if not (record.nonce and record.stopping):
        return end
    if record.idle_minutes and (end is None or (end.state == "CANCELLED" and not end.category)):
        return End(IDLE_GPUS, "", end.at if end is not None else spawner.cluster.clock(), reference=session.reference)
    return end or End(getattr(spawner, "stop_reason", "") or STOPPED, "", spawner.cluster.clock(), reference=session.reference)


@dataclass(slots=True)
class _Noted:
    """One end, as it is recorded."""

    spawner: HubSpawner
    session: Session
    evidence: Evidence
    end: End
    past: PastSession
    record: Record
    to_tell: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, spawner: HubSpawner, session: Session, end: End) -> _Noted:
        # Else as it was seen last.
        record, job = session.record, session.listed_job() or session.seen
        options = dict(spawner.user_options or {})
        evidence = Evidence(
            state=end.state,
            sentence=end.sentence,
            exit_status=job.exit_code if job is not None and job.state in ENDED else None,
            stopped=record.stopping,
            idle_minutes=record.idle_minutes,
            killed=record.killed,
            by_admin=record.by_admin,
            why=record.why,
            listened=bool(record.node),
            memory_mb=_read(parse_memory_mb, options.get("memory")),
            minutes=_read(parse_walltime, options.get("walltime")),
            ran_minutes=_minutes_of(job),
        )
        node = record.node or (job.batch_host if job is not None else "")
        better = _with(replace(end, job_id=record.job_id, node=node), ending(evidence))
        better = replace(better, use=_used(session, None))
        past = PastSession(
            session=session_key(record.nonce, user=name_of(spawner.user), server=spawner.name, at=end.at),
            user=name_of(spawner.user),
            name=spawner.name,
            ended=(job.end if job is not None and job.state in ENDED else None) or end.at,
            display_name=given_name(spawner.orm_spawner, options),
            color=str(options.get("color") or ""),
            request=kept_request(options),
            submitted=record.queued_at or record.submitted or None,
            started=(job.start if job is not None and job.batch_host else None) or record.started or None,
        )
        if job is not None and past.started is not None:
            past = replace(past, cost=_cost(job.tres, session, past.ended - past.started))
        better = _with_use(better, past)
        return cls(spawner, session, evidence, better, past.with_end(better), record)

    def record_end(self) -> None:
        self.spawner.last_end = self.session.end = self.end
        history_of(self.spawner).add(self.past)
        session_ended(self.past.category)
        if not self.session.is_told:
            self._note("ended")
        if self.record.job_id:
            soon = self.end.category in WANTED_SOON and not (self.end.category == "server_exit" and self.end.exit_code == 0)
            self.spawner.cluster.job_history.expect(self.record.job_id, self.told, is_it=self._is_it, soon=soon)
            patience = TELL_SECONDS if soon else 0.0
            self.to_tell = asyncio.get_running_loop().call_later(patience, self._tell_user)

    def _tell_user(self) -> None:
        """Send the message of the end, once: with what slurmdbd has told of it, or without where that takes long."""
        if self.to_tell is not None:
            self.to_tell.cancel()
            self.to_tell = None
            if self.end.category != "stopped":
                past, labels = self.past, labels_of(self.spawner)
                with using(language_spoken(self.spawner)):
                    name = shown_name(past.display_name, past.request, past.name, labels)
                tell_ended(self.spawner, self.session, self.end, name)

    def _is_it(self, finished: FinishedJob) -> bool:
        """Whether sacct's job is the session's own: see :func:`.matching.is_own`."""
        job = Job(finished.job_id, self.session.owner, finished.state, submit=finished.submit)
        return is_own(job, self.record, user=self.session.owner)

    def told(self, finished: FinishedJob) -> None:
        """Add what slurmdbd has told of the job's end, to the record and to what the Hub shows."""
        try:
            self._take_in(finished)
        except SQLAlchemyError:  # JupyterHub's own database session is in trouble
            Storage.of(self.spawner).later(("told", self.past.session), lambda: self._take_in(finished))

    def _take_in(self, finished: FinishedJob) -> None:
        spawner, before = self.spawner, self.end
        with using(language_spoken(spawner)):
            self.evidence = replace(self.evidence, finished=finished, uid=finished.uid)
            self.end = _with(replace(before, node=before.node or next(iter(finished.nodes), "")), ending(self.evidence))
            # The session's own last report may have come after the end was noticed.
            self.end = replace(self.end, use=_used(self.session, finished))
        past = self.past.with_end(self.end)
        cost = _cost(finished.tres, self.session, finished.seconds) if finished.seconds else None
        started = finished.start if finished.nodes else None
        self.past = replace(
            past, started=past.started or started, ended=finished.end or past.ended, cost=past.cost if cost is None else cost
        )
        self.end = _with_use(self.end, self.past)
        if (self.end.category, self.end.sentence) != (before.category, before.sentence):
            self._note("explained")
        history_of(spawner).update(self.past, lambda own: self._put_into_state(own, before))
        if self.session.end == before:
            self.session.end = self.end
        self._tell_user()
        # By now the server's spawner may be another object, with a session of its own.
        current = spawner.user.spawners.get(spawner.name)
        for known in (spawner, current):
            if known is not None and known.last_end == before:
                known.last_end = self.end

    def _note(self, event: Event) -> None:
        end, record = self.end, self.record
        self.session.note(
            event,
            job_id=record.job_id,
            node=end.node,
            state=end.state,
            category=end.category,
            text=f"{end.sentence} {end.what_to_do}".strip(),
        )

    def _put_into_state(self, own: Transaction, before: End) -> None:
        """Into what the Hub's database has of the server, unless another session has ended there since."""
        server = self.spawner.orm_spawner
        state = stored_state(own, server) if object_session(server) is not None else None
        if isinstance(state, Mapping) and End.from_state(state.get("last_end")) in (before, self.end):
            put_into_row(own, server, state={**state, "last_end": asdict(self.end)})


def _with(end: End, found: Ending) -> End:
    return replace(
        end,
        state=found.state,
        sentence=found.sentence,
        category=found.category,
        kind=found.kind,
        what_to_do=found.what_to_do,
        change=dict(found.change),
        exit_code=found.exit_code,
        used_mb=found.used_mb,
        asked_mb=found.asked_mb,
    )


def _with_use(end: End, past: PastSession) -> End:
    """The end with what its server's card says of the session: when it began, and what it used."""
    return replace(end, submitted=past.submitted, started=past.started, cost=past.cost)


def _used(session: Session, finished: FinishedJob | None) -> Used | None:
    """What the session really used, as far as it is known by now; ``finished`` is what slurmdbd says, None until it does."""
    gpus = session.gpu_use
    used = Used(
        peak_mb=session.record.peak_mb or None,
        gpus=gpus.gpus or None,
        gpu_percent=gpus.mean_percent,
        gpu_memory_mb=gpus.memory_mb,
        gpu_memory_total_mb=gpus.memory_total_mb,
        gpu_minutes=gpus.minutes or None,
    )
    if finished is not None:
        cores = dict(tres_of_job(finished.tres)).get("cpu")
        used = replace(used, cpu_seconds=finished.cpu_seconds, cores=cores, seconds=finished.seconds or None)
    return used.or_none()


def _read(parse: Any, value: Any) -> int:
    try:
        return int(parse(value)) if value else 0
    except (TypeError, ValueError):
        return 0


def _cost(tres: str, session: Session, seconds: float) -> float | None:
    charge = charge_of(tres, session.usage_factor, seconds)
    return charge.used if charge is not None else None


def _minutes_of(job: Job | None) -> int:
    """For how many whole minutes Slurm had a job run that is over; 0 where that is not known."""
    if job is None or job.state not in ENDED or not job.start or not job.end:
        return 0
    return max(0, job.end - job.start) // 60
