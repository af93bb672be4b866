"""How long jobs waited, as a real slurmdbd tells it: of jobs that began, that were cancelled before, that wait and that were held."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.spec import Account, ClusterSpec, Member, NodeGroup, Partition, SlurmInstallation

from spawner.slurm.reading import Reading
from spawner.slurm.runner import READING_ENVIRONMENT
from spawner.slurm.waits import PastWait, parse_waits, show_waits
from tests.support.site_under_test import wait_for


@pytest.fixture(scope="module")
def small(test_folder: Path, slurm: SlurmInstallation, users: tuple[str, ...]) -> Iterator[PrivateCluster]:
    """One node with two cores, in a partition."""
    spec = ClusterSpec(
        nodes=(NodeGroup("w001", cpus=2, memory_mb=1000),),
        partitions=(Partition("work", "w001", "Default=YES"),),
        accounts=(Account("lab"),),
        members=(Member(users[0], ("lab",)),),
        name="waits",
        slurm=slurm,
    )
    with PrivateCluster(spec, test_folder / "slurm-waits") as cluster:
        yield cluster


def told(cluster: PrivateCluster, reading: Reading) -> tuple[PastWait, ...]:
    """What sacct says now of the last day."""
    text = cluster.run(*show_waits(1), env=READING_ENVIRONMENT).stdout
    return parse_waits(text, int(time.time()), reading)


def test_who_began_and_who_did_not(small: PrivateCluster, users: tuple[str, ...]) -> None:
    """Three rows: one began, one was cancelled before, one waits; the held one was never eligible. Each has what it asked for."""

    def submit(minutes: int, *more: str) -> int:
        return small.submit(f"--time={minutes}", "--partition=work", "--mem=100M", *more, user=users[0])

    began = submit(10, "--cpus-per-task=2")
    small.wait_for_job_state(began, "RUNNING")
    gave_up, waits = submit(20), submit(30)
    submit(40, "--hold")
    small.wait_for_job_state(gave_up, "PENDING")
    small.run("scancel", str(gave_up))
    small.wait_for_job_state(waits, "PENDING")
    reading = Reading()
    wait_for(lambda: len(told(small, reading)) == 3, "slurmdbd to know of the three jobs", 60)
    found = {wait.minutes: wait for wait in told(small, reading)}
    assert {minutes: (wait.partition, wait.began, wait.cores) for minutes, wait in found.items()} == {
        10: ("work", True, 2),
        20: ("work", False, 1),
        30: ("work", False, 1),
    }
    assert (reading.rows_left_out, reading.values_unknown) == (0, 0)
    assert all(0 <= wait.seconds <= time.time() - wait.eligible for wait in found.values())
    small.run("scancel", str(began))
    wait_for(lambda: {wait.minutes for wait in told(small, reading) if wait.began} == {10, 30}, "the job that waited to begin", 60)
