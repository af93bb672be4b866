"""A session in words: what it holds, what it is charged, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from ..gpu.idle import Notice
from ..humanize import cores_in_words, day_and_time, gpus_in_words, part_of_gpu
from ..i18n import _
from ..site.areas import local_in_words
from ..slurm.model import Job
from ..slurm.reasons import Advice
from ..slurm.shared_gres import SHARED
from ..slurm.tres import tres_of_job
from ..units import format_memory


@dataclass(frozen=True, slots=True)
class Charge:
    """What a session costs in billing units: an hour, and since the job started (None where it is not said)."""

    per_hour: float
    used: float | None = None


def held_by(tres: str) -> tuple[tuple[str, int], ...]:
    """Return what a job has by name: ``GPU v100``, ``GPU``, other GRES by their own names, ``cores``, ``memory`` in MB; GPUs stand first.

    Parameters
    ----------
    tres
        As Slurm prints it: ``cpu=4,mem=32G,node=1,billing=28,gres/gpu=1,gres/gpu:v100=1``.
    """
    amounts = dict(tres_of_job(tres))
    typed = sorted((name.removeprefix("gres/gpu:"), count) for name, count in amounts.items() if name.startswith("gres/gpu:"))
    held = [(f"GPU {name}", count) for name, count in typed]
    held.append(("GPU", amounts.get("gres/gpu", 0) - sum(count for _name, count in typed)))
    held += sorted(
        (name.removeprefix("gres/"), count)
        for name, count in amounts.items()
        if name.startswith("gres/") and ":" not in name and name != "gres/gpu"
    )
    held += [("cores", amounts.get("cpu", 0)), ("memory", amounts.get("mem", 0))]
    return tuple((name, count) for name, count in held if count > 0)


def held_in_words(held: tuple[tuple[str, int], ...]) -> str:
    """Say what a job has: ``2 × V100, 8 cores, 64 GB``; empty where nothing is known."""
    return ", ".join(_amount_in_words(name, count) for name, count in held)


def _amount_in_words(name: str, count: int) -> str:
    if name == "cores":
        return cores_in_words(count)
    if name == "memory":
        return format_memory(count)
    if name == "GPU":
        return gpus_in_words(count, "")
    if name.startswith("GPU "):
        return gpus_in_words(count, name.removeprefix("GPU "))
    if name in SHARED:
        # Translators: what a session has: "1 shard of a GPU"
        return _("{part} of a GPU").format(part=part_of_gpu(name, "", count, None))
    return f"{count} × {name}"


def charge_of(tres: str, usage_factor: float | None, seconds: float | None, expected: int | None = None) -> Charge | None:
    """Return what a job costs by the number that Slurm itself has written on it (``billing=``); None where there is none.

    Parameters
    ----------
    usage_factor
        UsageFactor of the job's QOS; None where the session is not charged, or that is not known.
    seconds
        For how long it has run; None where that is not to be said. Time in which it was suspended counts here: Slurm's list does not
        tell how long that was.
    expected
        The number that will stand there once the job runs, by our own rules; None where it runs, or nobody knows. Slurm 26.05 writes none
        on some jobs that wait.
    """
    billing = dict(tres_of_job(tres)).get("billing", expected)
    if billing is None or usage_factor is None:
        return None
    per_hour = billing * usage_factor
    return Charge(per_hour, None if seconds is None else per_hour * max(0.0, seconds) / 3600)


def charge_in_all(used: float | None, seconds: float) -> Charge | None:
    """Return what a session cost that is over and has run for so long; None where that is not known."""
    return Charge(used * 3600 / seconds, used) if used is not None and seconds > 0 else None


def killed_in_words(number: int, held: tuple[tuple[str, int], ...]) -> str:
    """Say that processes were killed for want of memory, and what helps; empty where none was, or nobody knows how much memory it has."""
    memory = dict(held).get("memory")
    if not number or memory is None:
        return ""
    sentence = _(
        "A kernel or program of this session was killed, because the memory of {memory} was used up. Ask for more memory next time."
    )
    return sentence.format(memory=format_memory(memory))


def setup_in_words(state: str, label: str) -> str:
    """Say how the set-up of a user's first session with a release goes; empty where there is nothing to say any more."""
    if state == "running":
        going_on = label or _("The software of this release is being set up for you")
        return _("{what}, in the background, this once. Some minutes later load the page of the session again.").format(what=going_on)
    if state == "failed":
        return _("What is set up for you once in this release could not be set up; the log of the session says why.")
    return ""


def folder_in_words(trouble: str, folder: str, local_area: str) -> str:
    """Say what to know of the folder in which a session was to open; empty where there is nothing, or none was chosen."""
    if trouble == "missing":
        return _("The folder {folder} is not there on this node, so the session opened where it always does.").format(folder=folder)
    if trouble == "outside":
        return _("The folder {folder} leads out of its area, so the session opened where it always does.").format(folder=folder)
    return local_in_words(local_area) if local_area else ""


def what_to_do_about(reason: str, advice: Advice) -> str:
    """Say what a user whose job waits for ``reason`` can do, in a sentence."""
    if advice.waiting_helps is False:
        return _("Cancel, change the request and start again.")
    if reason.startswith(("ReqNodeNotAvail", "Nodes required for job are DOWN", "NodeDown", "PartitionDown", "PartitionInactive")):
        return _("Wait until they are back, or cancel and choose another partition.")
    if reason.startswith(("AssocGrp", "QOSGrp", "AssocMax", "QOSMax", "MaxGRESPerAccount", "MaxJobsPerAccount")):
        return _("Wait, or stop another session of yours.")
    if reason.startswith(("Priority", "Resources")):
        return _("Wait, or cancel and ask for less to start sooner.")
    return _("Wait: the session starts by itself.") if advice.waiting_helps else ""


def suspended(job: Job) -> str:
    """Say that the session is suspended, and whether GPUs are still held.

    ``scontrol suspend`` stops the processes; GPUs and memory stay the job's (measured on 22.05.8 and 24.11.5).
    """
    if any(name.startswith("GPU") for name, _count in held_by(job.tres)):
        return _("The session is suspended; its GPUs are still held. Ask the administrators.")
    return _("The session is suspended. Ask the administrators.")


def silence_in_words(since: float, now: float) -> str:
    """Say that Slurm does not answer (``since`` and ``now``: seconds since the epoch), and that this ends no session."""
    return _("Slurm has not answered since {time}. The session is kept; nothing has to be done.").format(time=day_and_time(since, now))


def idle_in_words(notice: Notice, now: float) -> str:
    """Say that the session's GPUs do nothing, and what follows; ``now`` in seconds since the epoch."""
    sentence = _("No GPU of this session has done anything since {time}.").format(time=day_and_time(notice.since, now))
    if notice.stops_at is None:
        return sentence + " " + _("Stop it if you do not need it: others may be waiting for GPUs.")
    stops = _("If that is still so at {time}, the session is stopped, and what is not saved is lost.")
    return f"{sentence} {stops.format(time=day_and_time(notice.stops_at, now))}"
