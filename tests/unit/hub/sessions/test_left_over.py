"""Jobs that carry this Hub's name and are no session's: which of them a user is told of, and may end."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from spawner.cluster.cluster import SlurmCluster
from spawner.hub.sessions.left_over import LeftOver, is_left_over
from spawner.job.sbatch import Tag
from spawner.slurm.model import Job
from tests.support.fake_slurm import FakeJob, FakeSlurm
from tests.support.session_rig import make_cluster, virtually


def with_jobs() -> tuple[FakeSlurm, SlurmCluster, dict[str, FakeJob]]:
    """A cluster with a job of ada's that carries the Hub's name, one that does not, and one of eve's."""
    slurm = FakeSlurm(asyncio.get_running_loop())
    cluster = make_cluster(slurm)
    jobs = {
        "tagged": slurm.make_job("ada", Tag(cluster.hub_name, "ada", "", "nonce").comment),
        "plain": slurm.make_job("ada"),
        "another Hub's": slurm.make_job("ada", Tag("elsewhere", "ada", "", "nonce").comment),
        "eve's": slurm.make_job("eve", Tag(cluster.hub_name, "ada", "", "nonce").comment),
    }
    return slurm, cluster, jobs


def as_swept(job: FakeJob) -> Job:
    """As the sweep has seen it."""
    return Job(job.job_id, job.user, "PENDING", submit=job.submit)


def nobody(session_of: int = 0) -> Any:
    """A user with a session of this job, or with none."""
    own = SimpleNamespace(active=True, last_end=None, session=SimpleNamespace(record=SimpleNamespace(job_id=session_of)))
    return SimpleNamespace(spawners={"": own if session_of else SimpleNamespace(active=False)})


def test_whose_they_are() -> None:
    """Each user is told of their own, under any of the system's names for them; of one that is over nobody is, as soon as that is known."""

    async def scenario() -> None:
        slurm, cluster, jobs = with_jobs()
        known = LeftOver()
        known.keep([as_swept(jobs["eve's"])], ())
        known.reported["nonce"] = as_swept(jobs["tagged"])
        ada, eve = await cluster.member("ada"), await cluster.member("eve")
        assert [job.job_id for job in known.of(ada, cluster)] == [jobs["tagged"].job_id]
        assert [job.job_id for job in known.of(eve, cluster)] == [jobs["eve's"].job_id]
        slurm.end_job(jobs["tagged"], "COMPLETED")
        await cluster.jobs.get()
        assert known.of(ada, cluster) == []
        known.keep((), ["another"])
        assert known.reported == {}
        assert known.of(eve, cluster) == []

    virtually(scenario)


@pytest.mark.parametrize(
    ("which", "session_of_it", "is_over", "expected"),
    [
        pytest.param("tagged", False, False, True, id="left-over"),
        pytest.param("eve's", False, False, True, id="a-copied-tag-on-ones-own-job"),
        pytest.param("tagged", True, False, False, id="a-session-by-now"),
        pytest.param("tagged", False, True, False, id="over-by-now"),
        pytest.param("plain", False, False, False, id="no-tag"),
        pytest.param("another Hub's", False, False, False, id="another-hubs"),
    ],
)
def test_what_may_be_ended(which: str, session_of_it: bool, is_over: bool, expected: bool) -> None:
    """What Slurm says of the job at that moment decides."""

    async def scenario() -> None:
        slurm, cluster, jobs = with_jobs()
        job = jobs[which]
        if is_over:
            slurm.end_job(job, "CANCELLED")
        assert await is_left_over(as_swept(job), nobody(job.job_id if session_of_it else 0), cluster) is expected

    virtually(scenario)
