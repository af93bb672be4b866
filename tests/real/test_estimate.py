"""When would it start? Asked of a real Slurm: idle, with all GPUs taken, and what cannot be; no job ever comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from private_slurm.processes import wait_until

from spawner.bounds import DEFAULTS
from spawner.cluster.estimator import Estimator, estimate_in_words, no_start_in_words
from spawner.errors import EstimateUnavailable, SlurmRefused
from spawner.job.sbatch import Tag, sbatch_arguments
from spawner.request.model import parse_request
from spawner.slurm.runner import Identity, SlurmRunner
from spawner.slurm.test_only import Estimate
from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site
from tests.support.slurm_versions import MAIN

NAMED = "g002" if MAIN == "26.05" else "g001"
"""The node of which Slurm tells where g001 to g003 are idle: 26.05 names the second that could run it (docs/slurm-versions.md)."""

MINUTES = (10, 20, 30)
"""How long the jobs may run that take the GPUs of g001 to g003; g004 is reserved."""


def ask(site: Site, **changes: object) -> Estimate:
    """The product's own question, as a page asks it for the first user."""
    options = {"cores": 4, "memory": "8G", "gpus": "1", "walltime": 60, "partition": "g100_int", "release": "a", "interface": "lab"}
    user = site.users[0]
    argv = sbatch_arguments(parse_request({**options, **changes}), Tag("tests", user, "asked", "0"), home="/tmp")
    runner = SlurmRunner(slurm_conf=str(site.cluster.slurm_conf), bin_dir=str(site.cluster.bin_dir))
    estimator = Estimator(runner, log=logging.getLogger("tests.estimate"), timeout=lambda: 20.0)  # the machine may be busy
    return asyncio.run(estimator.ask(argv, "#!/bin/sh\n", {}, Identity.of(user)))


def test_estimates(site: Site) -> None:
    """Idle: now. All GPUs taken: when the first of the running jobs has to end. More than a node has: not, and why."""
    idle = ask(site)
    assert idle.start == pytest.approx(time.time(), abs=20)
    assert (idle.nodes, idle.cores, idle.partition) == ((NAMED,), 4, "g100_int")
    assert estimate_in_words(idle, idle.as_of) == f"Slurm's estimate: now on {NAMED}."
    assert site.cluster.active_jobs() == []

    wanted = ("--partition=g100_int", "--gres=gpu:2", "--mem=1000M")
    jobs = [site.cluster.submit(*wanted, f"--time={minutes}", user=site.users[0]) for minutes in MINUTES]
    for job in jobs:
        site.cluster.wait_for_job_state(job, "RUNNING")
    ends = [int(line) for line in site.cluster.run("squeue", "--noheader", "--format=%e", env={"SLURM_TIME_FORMAT": "%s"}).stdout.split()]
    busy = ask(site)
    assert busy.start == pytest.approx(min(ends), abs=60)
    assert busy.nodes == ("g001",)
    assert "(in 10 min) on g001. It changes" in estimate_in_words(busy, min(ends) - 595)
    assert ask(site, gpus="0", partition="g100_cpu").start == pytest.approx(time.time(), abs=20)

    with pytest.raises(SlurmRefused) as caught:
        ask(site, gpus="3")
    assert no_start_in_words(caught.value).startswith("Slurm could not start it as things are. No node can be had for it:")
    with pytest.raises(SlurmRefused) as caught:
        ask(site, reservation="no_such_one")
    assert caught.value.field == "reservation"
    assert site.cluster.active_jobs() == jobs


def test_a_user_who_stops_their_own_question(site: Site) -> None:
    """Whoever has a log-in on the Hub's machine may stop what runs as them there: they get no estimate for a while, all others do."""
    needs_users(site.users, 2)
    runner = SlurmRunner(slurm_conf=str(site.cluster.slurm_conf), bin_dir=str(site.cluster.bin_dir))
    estimator = Estimator(runner, log=logging.getLogger("tests.estimate"), timeout=lambda: 5.0)
    mallory, ada = (Identity.of(user) for user in site.users[:2])
    over, stopped = threading.Event(), []

    def stops() -> None:
        while not over.is_set():
            for pid in questions_of(mallory):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                    stopped.append(pid)

    def question(user: str, cores: int = 1) -> tuple[str, ...]:
        options = {"cores": cores, "memory": "1G", "gpus": "0", "walltime": 60, "partition": "g100_cpu", "release": "a", "interface": "lab"}
        return sbatch_arguments(parse_request(options), Tag("tests", user, "asked", "0"), home="/tmp")

    async def until_stopped() -> None:
        # A question takes some hundredths of a second: the first ones may come through.
        for cores in range(2, 2 + DEFAULTS.estimates):
            await estimator.ask(question(mallory.name, cores), "#!/bin/sh\n", {}, mallory)

    async def ask_both() -> Estimate:
        with pytest.raises(EstimateUnavailable, match="ran longer than 5 s"):
            await until_stopped()
        asked = estimator.asked
        with pytest.raises(EstimateUnavailable):
            await estimator.ask(question(mallory.name), "#!/bin/sh\n", {}, mallory)
        assert estimator.asked == asked
        return await estimator.ask(question(ada.name), "#!/bin/sh\n", {}, ada)

    thread = threading.Thread(target=stops, daemon=True)
    thread.start()
    try:
        assert asyncio.run(ask_both()).partition == "g100_cpu"
    finally:
        over.set()
        thread.join(10)
    assert stopped
    assert questions_of(mallory) == []


def questions_of(user: Identity) -> list[int]:
    """The processes of a user's questions."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == user.uid and b"--test-only" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def test_no_job_comes_of_it(site: Site) -> None:
    """Neither the queue, looked at all the while, nor the accounting ever has a job of a question."""

    def seen() -> set[str]:
        return set(site.cluster.run("squeue", "--all", "--states=all", "--noheader", "--format=%j").stdout.split())

    async def watch() -> set[str]:
        names: set[str] = set()
        questions = [asyncio.ensure_future(asyncio.to_thread(ask, site, cores=number)) for number in range(1, 7)]
        while not all(question.done() for question in questions):
            names |= await asyncio.to_thread(seen)
        assert len(await asyncio.gather(*questions)) == 6
        return names | await asyncio.to_thread(seen)

    assert "jupyterhub-asked" not in asyncio.run(watch())
    known = site.cluster.submit("--partition=g100_cpu", "--mem=1000M", "--job-name=known", script="true", user=site.users[0])
    wait_until(lambda: "known" in recorded(site), f"job {known} to be in the accounting", 20)
    assert "jupyterhub-asked" not in recorded(site)


def recorded(site: Site) -> set[str]:
    """The names of all jobs that the accounting has."""
    return set(site.cluster.run("sacct", "--allusers", "--allocations", "--noheader", "--parsable2", "--format=JobName").stdout.split())
