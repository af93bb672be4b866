"""The whole path, without the browser, on the real Slurms of the next two releases of Debian."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.newer_slurm import OWN, slurm_of
from private_slurm.spec import demo_spec
from private_slurm.users import credentials

from spawner._data import folder
from spawner.slurm.sudo import packed
from spawner.slurm.test_only import parse_estimate
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, memory_of, run_in_kernel, wait_for
from tests.support.slurm_versions import READ


@pytest.fixture(scope="module", params=[version for version in READ if version != OWN])
def newer_site(request: pytest.FixtureRequest, environments: Environments, users: tuple[str, ...]) -> Iterator[Site]:
    """A cluster of a newer Slurm with its own Hub."""
    slurm = slurm_of(request.param, environments.installed)
    cluster = PrivateCluster(demo_spec(users[:2], name="newer", slurm=slurm), environments.folder / "slurm-newer")
    with cluster, open_site("hub-newer", environments, cluster, users) as site:
        assert f"slurm-wlm {request.param}" in site.cluster.run("scontrol", "--version").stdout.replace("slurm ", "slurm-wlm ")
        yield site


def test_from_form_to_stop(newer_site: Site) -> None:
    """The job is what the form asked for, a cell sees it, and Stop gives it all back to the table."""
    site = newer_site
    user = site.visitor()
    page = user.form()
    assert page.table() == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}
    assert page.choices("account") == ["cin_staff", "cin_train"]
    assert page.choices("reservation") == ["", "s_tra_school"]
    changes = {"account": "cin_train", "cores": "4", "memory": "8", "gpus": "2", "walltime": "90m"}
    assert user.start(changes, page=page).status == 302
    wait_for(lambda: site.server(user.name).get("ready"), "the session to be ready", 90)
    job = site.job_of()
    assert job["Account"] == "cin_train"
    assert job["CPUs/Task"] == "4"
    assert memory_of(job) == "8G"
    assert "gpu:2" in job["TresPerNode"]
    assert job["TimeLimit"] == "01:30:00"
    printed, _ = run_in_kernel(site, "import os; print(os.environ['SLURM_JOB_ID'], os.environ['CUDA_VISIBLE_DEVICES'])")
    assert printed.split() == [job["JobId"], "0,1"]
    assert sum(user.api("GET", "resource-form/cluster").json()["partitions"]["g100_int"]["gpu_table"]["v100"].values()) == 3
    wait_for(
        lambda: user.api("GET", "resource-form/cluster").json()["partitions"]["g100_int"]["gpu_table"]["v100"] == {"0": 1, "1": 0, "2": 2},
        "the table to count the GPUs as taken",
        15,
    )
    site.stop()
    assert site.cluster.active_jobs() == []
    assert user.form().table() == page.table()


def test_refusal_and_table(newer_site: Site) -> None:
    """A request that is too large is refused with no job; a drained node is left out of the table."""
    site = newer_site
    user = site.visitor()
    answer = user.start({"cores": "99"})
    assert answer.status == 400
    assert "99 is more than the 48" in answer.alert
    site.cluster.drain("g001")
    try:
        drained = {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 2}
        wait_for(lambda: user.form().table() == drained, "the table without the drained node", 15, every=0.5)
    finally:
        site.cluster.resume("g001")
    assert site.cluster.active_jobs() == []


def test_the_submitter_hands_variables_on(newer_site: Site) -> None:
    """What a Hub that is not root starts in sbatch's place: the job has the variables, none of them acts on sbatch, and a question gets the
    time as a number.
    """
    user, cluster = newer_site.users[0], newer_site.cluster
    program = Path(newer_site.hub.folder.parent) / "submit-newer"
    program.write_bytes((folder("share") / "resource_form" / "submit.py").read_bytes())
    program.chmod(0o755)
    drop = Path(tempfile.mkdtemp(dir=program.parent))
    drop.chmod(0o1777)
    job = {"PATH": "/usr/bin:/bin", "MINE": "a,b\n() { :; }", "SBATCH_PARTITION": "g100_cpu", "SLURM_TIME_FORMAT": "x"}
    given = packed(job) + f"#!/bin/sh\ncat /proc/self/environ >{drop}/new\nmv {drop}/new {drop}/environ\n".encode()
    options = ["--parsable", "--nodes=1", "--ntasks=1", "--mem=10M", "--export=ALL", "--output=/dev/null", "--chdir=/"]

    def submit(*more: str) -> str:
        argv = [str(program), str(cluster.bin_dir / "sbatch"), *more, *options]
        environment = {"SLURM_CONF": str(cluster.slurm_conf)}
        done = subprocess.run(argv, input=given, capture_output=True, env=environment, cwd="/", timeout=60, check=True, **credentials(user))
        return (done.stdout + done.stderr).decode()

    assert parse_estimate(submit("--test-only")).partition == "g100_int"
    assert submit().strip().isdigit()
    wait_for((drop / "environ").exists, "the job to run", 60)
    arrived = dict(entry.split("=", 1) for entry in (drop / "environ").read_text().split("\0") if entry)
    assert {name: arrived.get(name) for name in job} == job
    assert arrived["SLURM_JOB_PARTITION"] == "g100_int"
    wait_for(lambda: cluster.active_jobs() == [], "the job to end", 60)
