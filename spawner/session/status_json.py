"""A session as JSON, for pages and programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cluster.job_usage import Usage
from ..gpu import session_gpus
from ..humanize import iso_time
from ..i18n import _
from .status import SessionStatus
from .used import Used, used_in_words

DETAILS = (
    *("kind", "state", "stage", "slurm_state", "job_id", "node", "submitted", "started", "ends", "reason", "sentence", "waiting_helps"),
    *("what_to_do", "position", "estimate", "held_text", "cost", "unknown_since"),
)
"""Of a session's JSON, what goes with a message of its start."""


def as_json(status: SessionStatus) -> dict[str, Any]:
    """Return the session as programs and pages get it: moments in ISO 8601, UTC."""
    server, cost, place = status.server, status.cost, status.position
    return {
        "user": server.user,
        "name": server.name,
        "display_name": server.display_name,
        "named": server.named,
        "color": server.color,
        "id": str(status.job_id or ""),
        "kind": status.kind,
        "state": status.state,
        "stage": status.stage,
        "slurm_state": status.slurm_state,
        "job_id": status.job_id,
        "node": status.node,
        "request": dict(server.request),
        "summary": server.summary,
        "release_text": server.release_text,
        "interface_text": server.interface_text,
        "submitted": _iso(status.submitted),
        "started": _iso(status.started),
        "ends": _iso(status.ends),
        "ended": _iso(status.ended),
        "reason": status.reason,
        "sentence": status.sentence,
        "waiting_helps": status.waiting_helps,
        "what_to_do": status.what_to_do,
        "position": {"place": place.place, "of": place.of} if place is not None else None,
        "estimate": _iso(status.estimate),
        "seconds_waited": status.seconds_waited,
        "seconds_left": status.seconds_left,
        "held": [{"name": name, "amount": amount} for name, amount in status.held],
        "held_text": status.held_text,
        "cost": {"per_hour": cost.per_hour, "used": cost.used, "unit": _("units")} if cost is not None else None,
        "unknown_since": _iso(status.unknown_since),
        "progress": status.progress,
        "url": server.url,
        "progress_url": server.progress_url,
        "spawn_url": server.spawn_url,
        "log_url": server.log_url,
        "change": dict(status.change),
        "category": status.category,
        "reference": status.reference,
        "exit_code": status.exit_code,
        "used": _used(status),
        "asked": {"memory_mb": status.asked_memory_mb} if status.asked_memory_mb is not None else None,
        "usage": _usage(status.usage),
        "idle_gpus": _idle_gpus(status),
        "killed": {"number": status.killed, "sentence": status.killed_sentence} if status.killed else None,
        "setup": {"state": status.setup, "sentence": status.setup_sentence} if status.setup else None,
        "start_folder": _start_folder(status),
        "gpus": session_gpus.as_json(status.gpus),
        "warn_minutes": list(server.warn_minutes),
        "apps": [{"name": app.name, "label": app.label, "url": app.url} for app in server.apps],
    }


def _used(status: SessionStatus) -> dict[str, Any] | None:
    use, slurms = status.use or Used(), status.used_memory_mb
    own = use.peak_mb is not None
    known = {
        "memory_mb": use.peak_mb if own else slurms,
        "cpu_seconds": use.cpu_seconds,
        "cores": use.cores,
        "seconds": use.seconds,
        "gpus": use.gpus,
        "gpu_percent": use.gpu_percent,
        "gpu_memory_mb": use.gpu_memory_mb,
        "gpu_memory_total_mb": use.gpu_memory_total_mb,
        "gpu_minutes": use.gpu_minutes,
    }
    if all(value is None for value in known.values()):
        return None
    memory_by = "session" if own else "slurm" if slurms is not None else None
    return {**known, "memory_by": memory_by, "sentence": used_in_words(status.use, slurms, status.asked_memory_mb)}


def _usage(usage: Usage | None) -> dict[str, float | int] | None:
    known = {"cores": usage.cores, "memory_mb": usage.memory_mb} if usage is not None else {}
    return {name: value for name, value in known.items() if value is not None} or None


def _start_folder(status: SessionStatus) -> dict[str, Any] | None:
    server = status.server
    if not server.folder:
        return None
    return {"folder": server.folder, "trouble": status.folder, "local": bool(server.local_area), "sentence": status.folder_sentence}


def _idle_gpus(status: SessionStatus) -> dict[str, Any] | None:
    notice = status.idle_gpus
    if notice is None:
        return None
    return {"since": _iso(notice.since), "stops_at": _iso(notice.stops_at), "gpus": notice.gpus, "sentence": status.idle_sentence}


def details_of(status: SessionStatus) -> dict[str, Any]:
    """Return the part of :func:`as_json` that goes with a message of a start (:data:`DETAILS`).

    Nothing in it changes by time passing alone.
    """
    full = as_json(status)
    return {name: full[name] for name in DETAILS}


def without_clock(session: Mapping[str, Any]) -> dict[str, Any]:
    """Return a session's JSON without what changes by time passing alone.

    Two of them are equal if nothing has happened in between. Its GPUs are left out as well: they
    always do something, and are told of on their own.
    """
    still = {name: value for name, value in session.items() if name not in ("seconds_waited", "seconds_left", "gpus")}
    if still.get("cost"):
        still["cost"] = {**still["cost"], "used": None}
    return still


def _iso(moment: float | None) -> str | None:
    return iso_time(moment) if moment is not None else None
