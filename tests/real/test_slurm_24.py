"""The whole path, without the browser, on the real Slurm 24.11 of the next Debian."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.newer_slurm import ensure_newer_slurm
from private_slurm.spec import demo_spec

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, memory_of, run_in_kernel, wait_for


@pytest.fixture(scope="module")
def site_24(environments: Environments, users: tuple[str, ...]) -> Iterator[Site]:
    """A cluster of Slurm 24.11 with its own Hub."""
    slurm = ensure_newer_slurm(environments.installed / "slurm-24.11")
    cluster = PrivateCluster(demo_spec(users[:2], name="newer", slurm=slurm), environments.folder / "slurm-24")
    with cluster, open_site("hub-24", environments, cluster, users, f"c.SlurmCluster.bin_dir = {str(cluster.bin_dir)!r}\n") as site:
        yield site


def test_from_form_to_stop(site_24: Site) -> None:
    """The job is what the form asked for, a cell sees it, and Stop gives it all back to the table."""
    site = site_24
    version = site.cluster.run("scontrol", "--version").stdout
    assert "24.11" in version
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


def test_refusal_and_table(site_24: Site) -> None:
    """A request that is too large is refused with no job; a drained node is left out of the table."""
    site = site_24
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
