"""Nodes of one user at a time: which of them the form frames, and for how many of a class there is room; Slurm is asked by doing."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_slurm import packages
from private_slurm.newer_slurm import slurm_of
from private_slurm.spec import Partition

from spawner.advice.room import room_for
from spawner.advice.service import PricingSettings, advise
from spawner.hub.apihandlers.check import check_answer
from tests.support.conformance import Laboratory, laboratory
from tests.support.real_hub import needs_users
from tests.support.slurm_sites import SlurmSite
from tests.support.slurm_versions import MAIN

SITE = SlurmSite(
    "one-user-each",
    "All nodes are one user's at a time",
    partitions=(Partition("mine", "n[1-2]", "Default=YES ExclusiveUser=YES MaxTime=8:00:00"),),
    accounting="add account base\nadd user {ada},{grace},{alan} account=base defaultaccount=base",
)
OPTIONS = {"release": "one", "interface": "lab", "partition": "mine", "cores": 1, "memory": "1G", "walltime": "30m"}
SLURMS = ("--partition=mine", "--cpus-per-task=1", "--mem=1G", "--time=30")


@pytest.fixture(scope="module")
def there(installed: Path, test_folder: Path, users: tuple[str, ...]) -> Iterator[Laboratory]:
    """The site, with two nodes of eight cores."""
    needs_users(users, 3)
    packages.ensure_debian_packages(packages.SLURM_PACKAGES)
    names = {"ada": users[0], "grace": users[1], "alan": users[2], "root": "root"}
    umask = os.umask(0o022)
    with laboratory(SITE, slurm_of(MAIN, installed), test_folder / "one-user", names, "") as there:
        yield there
    os.umask(umask)


def said(there: Laboratory) -> tuple[list[str], int | None]:
    """What ada is told now: the nodes that the form frames, and the number of the class's page."""

    async def ask() -> tuple[list[str], int | None]:
        choices = await there.choices()
        advice = await advise(there.product, choices, OPTIONS, PricingSettings())
        fits: list[str] = check_answer(advice, choices, now=time.time())["fits"]
        return fits, room_for(advice.assessment.request, advice.assessment.forecast, choices)

    return asyncio.run(ask())


def start(there: Laboratory, *users: str) -> list[int]:
    """Such a job for each of these users, one after the other: all of them run."""
    jobs = []
    for user in users:
        jobs.append(there.slurm.submit(*SLURMS, user=there.users[user], script="exec sleep 3600"))
        there.slurm.wait_for_job_state(jobs[-1], "RUNNING")
    return jobs


def waits(there: Laboratory, user: str) -> bool:
    """Whether one more of this user's waits: it still does after two cycles of the scheduler."""
    job = there.slurm.submit(*SLURMS, user=there.users[user], script="exec sleep 3600")
    there._settle([job])
    state, _reason = there.fates()[job]
    return state == "PENDING"


def test_as_many_start_as_there_is_room_for(there: Laboratory) -> None:
    """Two users start one each, although each node has eight cores, and the third one waits."""
    there.occupy(())
    assert said(there) == (["n1", "n2"], 2)
    start(there, "grace", "alan")
    assert said(there) == ([], 0)
    assert waits(there, "ada")


def test_a_node_of_another_user_is_not_framed(there: Laboratory) -> None:
    """With grace's job on it n1 is neither named nor counted; one more starts, on the other one, and the next one waits."""
    there.occupy(("grace: -w n1 -c1",))
    assert said(there) == (["n2"], 1)
    start(there, "alan")
    assert waits(there, "ada")


def test_ones_own_node_is_framed_and_not_for_the_class(there: Laboratory) -> None:
    """Ada's next one starts on the node that she has: it is framed. Another user's would not."""
    there.occupy(("ada: -w n1 -c1", "grace: -w n2 -c1"))
    assert said(there) == (["n1"], 0)
    assert waits(there, "alan")
    start(there, "ada")
