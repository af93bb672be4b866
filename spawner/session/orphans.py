"""Finds jobs that carry this Hub's tag and belong to none of its sessions.

A job is left without a session where the Hub's database lost one: restored from an older copy, deleted, full at the wrong moment.
A comment can be written on any job by its owner, so a tag alone says little: of the jobs that carry one, at most the first is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ..cache import BoundedDict
from ..cluster.cluster import SlurmCluster
from ..cluster.job_commands import SUBMIT_TIMEOUT_SECONDS
from ..cluster.users import MAX_MEMBERS
from ..errors import SlurmRefused, SlurmUnavailable
from ..i18n import N_
from ..job.sbatch import Tag, begun_at, is_script_of, is_signed, tells_script
from ..slurm.model import UNREAD, Job
from ..slurm.states import ENDED, ENDING
from .record import Record

SUSPECTED_SECONDS = 60.0
CLOCKS_DIFFER_SECONDS = 300.0
"""So far the Hub's clock and Slurm's may be apart: munge bears no more."""
SUBMITTED_WITHIN_SECONDS = SUBMIT_TIMEOUT_SECONDS + CLOCKS_DIFFER_SECONDS
"""So long after the beginning of its start a job may have been submitted, by Slurm's clock: sbatch may try for minutes."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A job without a session. ``tag`` says whose it is, and Slurm that it is this user's indeed."""

    job: Job
    tag: Tag

    @property
    def record(self) -> Record:
        """What a session needs to take the job up."""
        return Record(
            nonce=self.tag.nonce,
            job_id=self.job.job_id,
            submitted=float(self.job.submit or 0),
            queued_at=self.job.submit or 0,
            owner=self.job.user,
        )

    def __str__(self) -> str:
        return f"job {self.job.job_id} of {self.tag.user}{f':{self.tag.server}' if self.tag.server else ''}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A job that carries a tag of this Hub's name and is no session's; ``why`` is for the log."""

    job: Job
    why: str


class Sweep:
    """The search for orphans.

    A job is one once it was seen without a session twice, :attr:`grace` seconds apart or more: between the two a start or a stop that
    was under way has come to its end.
    """

    def __init__(self, cluster: SlurmCluster, key: bytes) -> None:
        self.cluster = cluster
        self._key = key
        self._first_seen: dict[str, float] = {}
        self._names: BoundedDict[str, str] = BoundedDict(MAX_MEMBERS)
        """What the system calls users whom the Hub calls otherwise."""
        self.over: tuple[Tag, ...] = ()
        """The tags of sessions whose jobs are over, as of the last look."""
        self.refused: tuple[Refused, ...] = ()
        """The jobs that go on and carry a tag which is not theirs, as of the last look."""

    @property
    def grace(self) -> float:
        """Seconds for which a job is only suspected."""
        return min(SUSPECTED_SECONDS, self.cluster.sweep_interval)

    @property
    def suspects(self) -> bool:
        """Whether there are jobs that the next look may find to be orphans."""
        return bool(self._first_seen)

    async def look(self, owned: Callable[[], Collection[str]]) -> tuple[Orphan, ...]:
        """Find the orphans as of now.

        Parameters
        ----------
        owned
            The nonces of all sessions; asked after Slurm was, so that a session begun meanwhile counts.

        Raises
        ------
        ResourceFormError
            Slurm does not answer: nothing follows about any job.
        """
        jobs = await self.cluster.tagged_jobs()
        await self._learn_names(jobs)
        nonces, now = set(owned()), self.cluster.clock()
        found, over, refused = self._told_apart(jobs, nonces)
        self.over, self.refused = tuple(orphan.tag for orphan in over), tuple(refused)
        self._first_seen = {orphan.tag.nonce: self._first_seen.get(orphan.tag.nonce, now) for orphan in found}
        return tuple(orphan for orphan in found if now - self._first_seen[orphan.tag.nonce] >= self.grace)

    async def _learn_names(self, jobs: Iterable[Job]) -> None:
        """Look up what the system calls those whom our tags call otherwise than Slurm does: a user may have several names."""
        for job in jobs:
            tag = Tag.parse(job.comment)
            if (
                tag is not None
                and tag.user not in (job.user, *self._names)
                and tag.hub == self.cluster.hub_name
                and is_signed(tag, self._key)
            ):
                try:
                    self._names[tag.user] = (await self.cluster.member(tag.user)).identity.name
                except SlurmRefused:
                    continue

    def _is_of_its_user(self, job: Job, tag: Tag) -> bool:
        return job.user in (tag.user, self._names.get(tag.user))

    def _told_apart(self, jobs: Iterable[Job], owned: Collection[str]) -> tuple[list[Orphan], list[Orphan], list[Refused]]:
        """The first job of each start that is no session's, whether it goes on or is over; and those that go on and only say to be one."""
        first: dict[str, Job] = {}
        found: list[Orphan] = []
        over: list[Orphan] = []
        refused: list[Refused] = []
        # Slurm says when a job was submitted, whatever its owner writes on it: nobody can copy a tag before the job has it.
        for job in sorted(jobs, key=lambda job: (job.submit or 0, job.job_id)):
            tag = Tag.parse(job.comment)
            if tag is None or tag.hub != self.cluster.hub_name:
                continue
            goes_on = job.state not in ENDED and job.state not in ENDING
            if self._is_of_its_user(job, tag) and tag.nonce in owned:
                continue
            why = self._why_not(job, tag)
            if not why and tag.nonce in first:
                why = f"job {first[tag.nonce].job_id} was submitted before it with the same tag"
            if not why:
                first[tag.nonce] = job
                (found if goes_on else over).append(Orphan(job, tag))
            elif goes_on:
                refused.append(Refused(job, why))
        return found, over, refused

    def _why_not(self, job: Job, tag: Tag) -> str:
        if not self._is_of_its_user(job, tag):
            return "its tag is of another user"
        if not is_signed(tag, self._key):
            return "this Hub has not made its tag"
        if not -CLOCKS_DIFFER_SECONDS <= (job.submit or 0) - begun_at(tag) <= SUBMITTED_WITHIN_SECONDS:
            return "its tag is of another time than its submission"
        return ""


async def why_not_ours(cluster: SlurmCluster, orphan: Orphan, *, own_partitions: Collection[str] = ()) -> str:
    """Say why an orphan cannot be a session of the Hub's, by what was really submitted; empty if it can.

    Parameters
    ----------
    own_partitions
        Where the admin's own options of sbatch have jobs run, whatever users may choose.

    Raises
    ------
    ResourceFormError
        Slurm does not say.
    """
    number = orphan.job.job_id
    job, snapshot = await cluster.job(number)
    if snapshot.stale or job is None or job.state == UNREAD:
        raise SlurmUnavailable(
            N_("Slurm does not answer at the moment."), log=f"job {number} is not in the last list of all jobs, or cannot be read"
        )
    # A job that waits may name several.
    partitions = job.partition.split(",")
    chosen = [partition for partition in partitions if partition not in own_partitions]
    if chosen and not await cluster.lets_sessions_into(chosen):
        return f"sessions may not run in its partition {job.partition}"
    if not tells_script(orphan.tag.nonce):
        return ""  # an older version of ours has submitted it
    script = await cluster.submitted_script(number)
    return "" if script is None or is_script_of(orphan.tag.nonce, script) else "its script is not the one that this Hub has submitted"
