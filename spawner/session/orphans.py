"""Finds jobs that carry this Hub's tag and belong to none of its sessions.

A job is left without a session where the Hub's database lost one: restored from an older copy, deleted, full at the wrong moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ..cluster.cluster import SlurmCluster
from ..job.sbatch import Tag, begun_at, is_signed
from ..slurm.model import Job
from ..slurm.states import ENDED, ENDING
from .record import Record

SUSPECTED_SECONDS = 60.0
SUBMITTED_WITHIN_SECONDS = 900.0
"""How far a job's time of submission may be from the beginning of its start: sbatch may try for minutes, and two clocks may differ."""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A job without a session. ``tag`` says whose it is, and Slurm that it is this user's indeed."""

    job: Job
    tag: Tag

    @property
    def record(self) -> Record:
        """What a session needs to take the job up."""
        return Record(nonce=self.tag.nonce, job_id=self.job.job_id, submitted=float(self.job.submit or 0), queued_at=self.job.submit or 0)

    def __str__(self) -> str:
        return f"job {self.job.job_id} of {self.tag.user}{f':{self.tag.server}' if self.tag.server else ''}"


class Sweep:
    """The search for orphans.

    A job is one once it was seen without a session twice, :attr:`grace` seconds apart or more: between the two a start or a stop that
    was under way has come to its end.
    """

    def __init__(self, cluster: SlurmCluster, key: bytes) -> None:
        self.cluster = cluster
        self._key = key
        self._first_seen: dict[str, float] = {}

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
        nonces, now = set(owned()), self.cluster.clock()
        found: list[Orphan] = []
        for job in sorted(jobs, key=lambda job: job.job_id):
            tag = Tag.parse(job.comment)
            if tag is None or tag.hub != self.cluster.hub_name or tag.user != job.user or tag.nonce in nonces:
                continue
            # Anybody may write a comment on a job of theirs: the tag must be the Hub's own, and the job as old as the tag says.
            if not is_signed(tag, self._key) or abs((job.submit or 0) - begun_at(tag)) > SUBMITTED_WITHIN_SECONDS:
                continue
            if any(orphan.tag.nonce == tag.nonce for orphan in found):
                continue
            if job.state not in ENDED and job.state not in ENDING:
                found.append(Orphan(job, tag))
        self._first_seen = {orphan.tag.nonce: self._first_seen.get(orphan.tag.nonce, now) for orphan in found}
        return tuple(orphan for orphan in found if now - self._first_seen[orphan.tag.nonce] >= self.grace)
