"""Can this very request start now? One answer, in a sentence, from what Slurm has said is free.

It is advice: between the answer and the submission somebody else may take the nodes. Nothing is refused here; that is ``check``'s part.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from .fit import MAINTENANCE, QUEUE, Outlook, Room
from .request import GpuRequest, SessionRequest, quoted
from .slurm.grammar import format_memory
from .words import clock_time, duration, limit_of_memory

TOO_OLD_SECONDS = 180
"""Slurm starts jobs every few seconds: what was free minutes ago says nothing."""

Kind = Literal["now", "wait", "never", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``field`` is the one at fault where the request can never run. ``nodes_that_fit`` have all of it free now."""

    kind: Kind
    sentence: str
    field: str = ""
    nodes_that_fit: int = 0


def verdict(request: SessionRequest, outlook: Outlook) -> Verdict:
    """Whether the request would start now, has to wait, can never run, or nobody knows."""
    gpus = request.gpus
    if not outlook.nodes or request.partition not in outlook.partitions:
        return Verdict("unknown", "Slurm has not said yet what is free.")
    if outlook.now - outlook.as_of > TOO_OLD_SECONDS:
        return Verdict("unknown", f"Slurm has not said since {clock_time(outlook.as_of)} what is free.")
    if gpus.count and gpus.gres != "gpu":
        return Verdict("unknown", f"Slurm does not say how much of a {gpus.gres} is free.")
    problem = _never(request, outlook)
    if problem is not None:
        return Verdict("never", f"Can never run here: {problem[1]}", problem[0])
    rooms = outlook.rooms(request.partition, request.reservation)
    reservation = outlook.reservations.get(request.reservation)
    if reservation is not None and reservation.start > outlook.now:
        return _wait(f"reservation {reservation.name} begins {_at(reservation.start, outlook.now)}.")
    if outlook.partitions[request.partition].state == "DOWN":
        return _wait(f"partition {request.partition} is closed for the moment.")
    size, minutes = _size(request), request.walltime
    fitting = [room for room in rooms if room.holds(*size) and room.minutes(outlook.now) >= minutes]
    if not fitting:
        return _wait(_why_wait(request, rooms, outlook))
    number = sum(room.nodes for room in fitting)
    waiting, unplanned = outlook.in_line(request.partition)
    if unplanned:
        return _wait(
            f"{_jobs(unplanned)} in front, and Slurm has not decided yet where {'it runs' if unplanned == 1 else 'they run'}.", number
        )
    sentence = f"Starts now: {_nodes(number)} {'has' if number == 1 else 'have'} all of it free"
    if all(room.asleep for room in fitting):
        sentence += (
            "; it has to be switched on first, which takes minutes" if number == 1 else "; all are switched off, which takes minutes"
        )
    elif waiting:
        sentence += f". Starts as soon as Slurm looks at the gaps between {_jobs(waiting)} that {'waits' if waiting == 1 else 'wait'}"
    return Verdict("now", f"{sentence}.", nodes_that_fit=number)


def _size(request: SessionRequest) -> tuple[int, int, str, int]:
    return request.cores, request.memory, request.gpus.type, request.gpus.count


def _wait(why: str, number: int = 0) -> Verdict:
    return Verdict("wait", f"Will wait: {why}", nodes_that_fit=number)


# --- never ---


def _never(request: SessionRequest, outlook: Outlook) -> tuple[str, str] | None:
    """The field at fault and why, where no node could take the request even if it were empty."""
    partition = outlook.partitions[request.partition]
    if partition.state not in ("UP", "DOWN"):
        return "partition", f"partition {partition.name} takes no jobs."
    if request.reservation and request.reservation not in outlook.reservations:
        return "reservation", f"there is no reservation {quoted(request.reservation)}."
    if partition.max_minutes is not None and request.walltime > partition.max_minutes:
        return "walltime", f"a session on {partition.name} lasts at most {duration(partition.max_minutes)}."
    rooms = outlook.rooms(request.partition, request.reservation)
    where = f"of reservation {request.reservation} in {partition.name}" if request.reservation else f"of {partition.name}"
    if not rooms:
        return ("reservation" if request.reservation else "partition"), f"there is no node {where}."
    size = _size(request)
    if any(room.could_hold(*size) for room in rooms):
        return None
    return _what_is_too_much(request, rooms, where)


def _what_is_too_much(request: SessionRequest, rooms: Sequence[Room], where: str) -> tuple[str, str]:
    gpus = request.gpus
    most_gpus = max(room.gpus_total(gpus.type) for room in rooms)
    if gpus.count > most_gpus:
        have = f"more than {most_gpus}" if most_gpus else "any"
        return "gpus", f"no node {where} has {have} {_kind(gpus)}."
    most_cores = max(room.cores_total for room in rooms)
    if all(room.cores_taken(request.cores) > room.cores_total for room in rooms):
        return "cores", f"no node {where} has more than {_cores(most_cores)}."
    most_memory = max(room.memory_mb_total for room in rooms)
    if request.memory > most_memory:
        return "memory", f"no node {where} has more than {limit_of_memory(most_memory)}."
    # Each can be had, together they cannot.
    parts = [gpus.words] if gpus.count else []
    return "gpus" if gpus.count else "memory", f"no node {where} has {_list([*parts, *_cores_and_memory(request)])} together."


# --- wait ---


def _why_wait(request: SessionRequest, rooms: Sequence[Room], outlook: Outlook) -> str:
    size = _size(request)
    able = [room for room in rooms if room.could_hold(*size)]
    usable = [room for room in able if not room.why_not]
    if not usable:
        return _out_of_service(able, outlook.now)
    brief = [room for room in usable if room.holds(*size)]
    if brief:
        return _too_long(max(brief, key=lambda room: room.until), outlook.now)
    gpus = request.gpus
    if gpus.count:
        with_gpus = [room for room in usable if room.gpus_free(gpus.type) >= gpus.count]
        if not with_gpus:
            return _too_few_gpus(gpus, usable)
        lacking = _lacking(request, with_gpus)
        return f"no node with {gpus.count if gpus.count > 1 else 'a'} free {_kind(gpus, gpus.count)} has {lacking} free."
    return f"no node has {_lacking(request, usable)} free."


def _out_of_service(rooms: Iterable[Room], now: float) -> str:
    """Why none of the nodes takes a job: ``the nodes that could run it are drained (2), reserved until 14:00 (1).``"""
    counts: dict[str, int] = {}
    for room in rooms:
        why = room.why_not + (f" until {_clock(room.back, now)}" if room.back else "")
        counts[why] = counts.get(why, 0) + room.nodes
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    if len(ordered) == 1:
        why, number = ordered[0]
        return f"the only node that could run it is {why}." if number == 1 else f"all {number} nodes that could run it are {why}."
    return f"the nodes that could run it are {', '.join(f'{why} ({number})' for why, number in ordered)}."


def _too_long(room: Room, now: float) -> str:
    minutes = int(room.minutes(now)) if room.until < math.inf else 0
    at_most = f": choose at most {duration(minutes)}" if minutes else ""
    if room.until_for == QUEUE:
        return f"the free nodes are kept for jobs that wait already and start {_at(room.until, now)}{at_most}."
    if room.until_for == MAINTENANCE:
        return f"it runs into the maintenance {_at(room.until, now)}{at_most}."
    return f"the free nodes are reserved from {_clock(room.until, now)} on{at_most}."


def _too_few_gpus(gpus: GpuRequest, rooms: Iterable[Room]) -> str:
    counts: dict[int, int] = {}
    for room in rooms:
        free = room.gpus_free(gpus.type)
        counts[free] = counts.get(free, 0) + room.nodes
    most = max(counts)
    have = f"no node has {gpus.count} free {_kind(gpus)}" if gpus.count > 1 else f"no node has a free {_kind(gpus, 1)}"
    return f"{have}; {counts[most]} {'has' if counts[most] == 1 else 'have'} {'one' if most == 1 else most}." if most else f"{have}."


def _lacking(request: SessionRequest, rooms: Sequence[Room]) -> str:
    """The part of cores and memory that none of the nodes has free: one of them, or both where each can be had by itself."""
    if all(room.cores_taken(request.cores) > room.cores for room in rooms):
        return _cores(request.cores)
    if all(request.memory > room.memory_mb for room in rooms):
        return format_memory(request.memory)
    return _list(_cores_and_memory(request))


# --- words ---


def _kind(gpus: GpuRequest, number: int = 2) -> str:
    return gpus.type.upper() or ("GPU" if number == 1 else "GPUs")


def _cores(number: int) -> str:
    return f"{number} core{'' if number == 1 else 's'}"


def _cores_and_memory(request: SessionRequest) -> list[str]:
    return [_cores(request.cores), format_memory(request.memory)]


def _list(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _nodes(number: int) -> str:
    return f"{number} node{'' if number == 1 else 's'}"


def _jobs(number: int) -> str:
    return "a job" if number == 1 else f"{number} jobs"


def _clock(moment: float, now: float) -> str:
    """``14:00``, with the day where it is not today, in the Hub's time zone."""
    then, today = (datetime.datetime.fromtimestamp(value).astimezone() for value in (moment, now))
    return then.strftime("%H:%M" if then.date() == today.date() else "%H:%M on %d %B")


def _at(moment: float, now: float) -> str:
    return f"at {_clock(moment, now)}" if moment > now else "any moment"
