"""Jobs that carry this Hub's name and belong to none of its sessions, as the last sweep has left them: their owners may end them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...cluster.cluster import SlurmCluster
from ...cluster.users import Member
from ...job.sbatch import Tag
from ...slurm.model import Job
from ...slurm.states import ENDED, ENDING
from ..own_spawner import own_spawner
from ..protocol import HubUser


@dataclass(slots=True)
class LeftOver:
    """What a Hub knows of them: those that only say to be a session's, and those that could not be made a session again, by nonce."""

    refused: tuple[Job, ...] = ()
    reported: dict[str, Job] = field(default_factory=dict)

    def keep(self, refused: Iterable[Job], nonces: Iterable[str]) -> None:
        """Take what a sweep has found: of those that were reported, the ones with these nonces still go on."""
        still = set(nonces)
        self.refused = tuple(refused)
        self.reported = {nonce: job for nonce, job in self.reported.items() if nonce in still}

    def of(self, member: Member, cluster: SlurmCluster) -> list[Job]:
        """Return those of one user that go on, as far as is known without asking Slurm."""
        listed = cluster.jobs.last_value or {}
        names = {member.identity.name, *member.spellings}
        found = {job.job_id: job for job in (*self.refused, *self.reported.values()) if job.user in names}
        return [
            listed.get(number, found[number]) for number in sorted(found) if number not in listed or _goes_on(listed[number], found[number])
        ]


def _goes_on(now: Job, before: Job) -> bool:
    return now.state not in ENDED and now.state not in ENDING and now.submit == before.submit


async def is_left_over(job: Job, user: HubUser, cluster: SlurmCluster) -> bool:
    """Ask Slurm whether the job is there still, with this Hub's name on it, and is not the one of a session by now.

    Raises
    ------
    ResourceFormError
        Slurm does not say.
    """
    there = [found for found in await cluster.tagged_jobs(job.user) if found.job_id == job.job_id and found.submit == job.submit]
    tags = [tag for found in there if _goes_on(found, job) and (tag := Tag.parse(found.comment)) is not None]
    own = [own_spawner(spawner) for spawner in user.spawners.values() if spawner.active]
    sessions = [spawner.session.record.job_id for spawner in own if spawner is not None and spawner.session is not None]
    return job.job_id not in sessions and any(tag.hub == cluster.hub_name for tag in tags)
