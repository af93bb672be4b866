"""Sessions on a cluster that confines its jobs by control groups, as nearly every site does: memory, devices and cores.

A kernel that takes more memory than the session has is killed by the node's kernel while the session lives: its user is told of it within
seconds, and again at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from private_slurm import control_groups
from private_slurm.cluster import PrivateCluster
from private_slurm.newer_slurm import slurm_of
from private_slurm.spec import NodeGroup, Partition

from tests.support.browsing import log_in
from tests.support.real_hub import Environments, cluster_spec, needs_users, open_site
from tests.support.site_under_test import Site, had_by, run_in_kernel, wait_for
from tests.support.slurm_versions import READ

SMALL = {"partition": "confined", "gpus": 0, "cores": 1, "memory": "600M", "walltime": "30m", "reservation": ""}
HOG = "import threading; held = bytearray(200_000_000); threading.Timer(3, lambda: bytearray(1_200_000_000)).start()"
"""Holds for a while what makes a peak: Slurm looks every second, and what takes all of the memory at once is killed between two looks."""
WORDS = "A kernel or program of this session was killed, because the memory of 600 MB was used up. Ask for more memory next time."
BEFORE = "Before that, something in it was ended because its memory was full."
PROGRAM_MB = 1200
CACHE_MB = 1500
BUSY_SECONDS = 3
CACHE = f"""
import tempfile, time
file = tempfile.NamedTemporaryFile(dir=".")
for _ in range({CACHE_MB}):
    _ = file.write(bytes(1 << 20))
file.flush()
end = time.process_time() + {BUSY_SECONDS}
while time.process_time() < end:
    pass
"""
"""Fills the cache, and uses the CPU."""
PROGRAM = f"held = bytearray({PROGRAM_MB} << 20); del held"
SETTINGS = {"JobAcctGatherFrequency": "task=1"}
MORE = """
c.SlurmCluster.jobs_interval = 2
c.SlurmCluster.starting_interval = 2
c.Spawner.poll_interval = 2
import spawner.cluster.job_history
spawner.cluster.job_history.IDLE_SECONDS = 5
"""


@pytest.fixture(scope="module", params=READ)
def running_site(request: pytest.FixtureRequest, environments: Environments, users: tuple[str, ...]) -> Iterator[Site]:
    """A cluster of these tests' own, of nodes whose names no other cluster of this machine has, and a Hub on it."""
    needs_users(users, 2)
    if reason := control_groups.why_not():
        pytest.skip(reason)
    name = f"k{request.param.replace('.', '')}"
    spec = replace(
        cluster_spec(users, slurm_of(request.param, environments.installed)),
        name="confined",
        nodes=(NodeGroup(f"{name}[1-2]", cpus=2, memory_mb=8000, gres="gpu:v100:2"),),
        partitions=(Partition("confined", f"{name}[1-2]", "Default=YES MaxTime=8:00:00"),),
        reservations=(),
        slurm_conf=SETTINGS,
        control_groups=True,
    )
    cluster = PrivateCluster(spec, environments.folder / "slurm-groups")
    with cluster, open_site("hub-groups", environments, cluster, users, MORE) as site:
        yield site
    left = [str(path) for path in control_groups.ROOT.glob(f"*/slurm_{name}*")]
    assert left == [], "the cluster has left control groups behind"


def started(site: Site, server: str = "", **options: Any) -> None:
    """A session with these options runs."""
    site.start({**SMALL, **options}, server=server)


def session_of(site: Site) -> dict[str, Any]:
    """The user's one session, as JSON."""
    found = site.visitor().api("GET", "resource-form/sessions").json()["sessions"]
    running = [session for session in found if session["kind"] == "running"]
    return dict((running or found)[0])


def killed(site: Site) -> dict[str, Any]:
    """What the JSON says of killed processes; empty for nothing."""
    return session_of(site)["killed"] or {}


def test_a_kernel_that_is_killed(site: Site, browser: Browser) -> None:
    """Within seconds the bar's facts, the card and the JSON say so; the session goes on, and its end says it again, with its peak."""
    started(site)
    job = int(site.job_of()["JobId"])
    run_in_kernel(site, HOG)
    wait_for(lambda: killed(site), "the JSON to tell of a kernel that was killed", 20)
    assert killed(site) == {"number": 1, "sentence": WORDS}
    facts = [json.loads(path.read_text()) for path in Path("/tmp").glob("jupyterhub-lab-*/labextensions/*/data.json")]
    assert [fact["killed"] for fact in facts if str(fact["job_id"]) == str(job)] == [1]
    page = log_in(site, browser, site.users[0], path="hub/home", shows=".sessions-card")
    expect(page.locator(".sessions-card .sessions-warning")).to_contain_text("because the memory of 600 MB was used up")
    page.context.close()
    printed, _ = run_in_kernel(site, "print(6 * 7)")
    assert printed.strip() == "42"
    site.stop()
    wait_for(lambda: session_of(site)["state"] == "ended", "the session to be over", 20)
    over = session_of(site)
    assert over["category"] == "stopped"
    assert BEFORE in over["sentence"]
    assert over["change"]["memory"] == "1200M"
    wait_for(lambda: (session_of(site)["used"] or {}).get("memory_mb", 0) > 300, "the peak of memory of the job's own group", 40)
    assert session_of(site)["used"]["memory_mb"] <= 610


def test_what_was_used(site: Site, browser: Browser) -> None:
    """The peak of a program of known size within 5 %, though it had its memory for a moment only and the cache of a file was more; and the
    CPU that it used. Its user reads it on the page; others are told what Slurm saw, and not what the session says.
    """
    started(site, memory="3G")
    job = int(site.job_of()["JobId"])
    _, kernel = run_in_kernel(site, CACHE)
    before = had_by(job)
    assert 20 < before < PROGRAM_MB / 2
    run_in_kernel(site, PROGRAM, kernel=kernel)
    assert had_by(job) < before + 0.05 * PROGRAM_MB
    site.stop()
    wait_for(lambda: (session_of(site)["used"] or {}).get("cpu_seconds"), "slurmdbd to tell of the end", 40)
    used = session_of(site)["used"]
    assert abs(used["memory_mb"] - before - PROGRAM_MB) <= 0.05 * PROGRAM_MB
    assert (used["memory_by"], used["cores"], used["gpus"]) == ("session", 1, None)
    assert BUSY_SECONDS <= used["cpu_seconds"] <= used["seconds"]
    assert used["sentence"].startswith(f"Used {used['memory_mb'] / 1024:.1f} of 3 GB and 0.")
    _status, everybody = site.call("GET", "/resource-form/sessions?all=1")
    (as_others,) = (session["used"] for session in everybody["sessions"] if session["job_id"] == job)
    assert as_others["memory_by"] in (None, "slurm")
    assert as_others["cpu_seconds"] == used["cpu_seconds"]
    page = log_in(site, browser, site.users[0], path="hub/home", shows=".sessions-card")
    expect(page.locator(".sessions-card .sessions-used")).to_have_text(used["sentence"])
    page.context.close()


def test_out_of_memory_in_the_end(site: Site) -> None:
    """A session in which something was killed and that then ends by itself is OUT_OF_MEMORY to Slurm, and so it is called."""
    started(site)
    job = site.job_of()["JobId"]
    run_in_kernel(site, HOG)
    wait_for(lambda: killed(site), "the JSON to tell of a kernel that was killed", 20)
    user = site.visitor()
    site.cluster.run("scancel", "--batch", "--signal=TERM", job)
    wait_for(lambda: session_of(site)["state"] == "ended", "the session to be over", 40)
    wait_for(lambda: session_of(site)["category"] == "out_of_memory", f"the end: {session_of(site)}", 40)
    over = session_of(site)
    assert over["slurm_state"] == "OUT_OF_MEMORY"
    assert "The session ran out of memory" in over["sentence"]
    assert user.api("GET", "resource-form/sessions").status_code == 200


def test_devices_and_cores(site: Site) -> None:
    """A session without GPU can open no device of the node; one with a GPU its own and no other. Each has its own cores."""
    started(site)
    see = f"""
import errno, os
seen = {{}}
for index in (0, 1):
    try:
        os.close(os.open("{site.cluster.folder}/dev/" + os.environ["SLURMD_NODENAME"] + f"/nvidia{{index}}", os.O_RDWR))
        seen[index] = "opened"
    except OSError as error:
        seen[index] = errno.errorcode[error.errno]
print([seen[0], seen[1], len(os.sched_getaffinity(0)), os.environ.get("CUDA_VISIBLE_DEVICES", "")])
"""
    printed, _ = run_in_kernel(site, see)
    assert eval(printed) == ["EPERM", "EPERM", 1, ""]
    site.stop()
    started(site, gpus=1, cores=2)
    printed, _ = run_in_kernel(site, see)
    # There is no device behind the file, which is what the one is told that may open it.
    assert eval(printed) == ["ENXIO", "EPERM", 2, "0"]
