"""What slurmdbd keeps of a session's job where the site has it keep all it can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, cluster_spec, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

SETTINGS = {"AccountingStoreFlags": "job_comment,job_env,job_script"}
OWN_SECRET = "a secret of the user's own"


@pytest.fixture(scope="module")
def site(environments: Environments, users: tuple[str, ...]) -> Iterator[Site]:
    """A cluster of these tests' own, and a Hub on it."""
    spec = replace(cluster_spec(users, environments.slurm), name="keeping", slurm_conf=SETTINGS)
    cluster = PrivateCluster(spec, environments.folder / "slurm-keeping")
    with cluster, open_site("hub-keeping", environments, cluster, users) as site:
        yield site


def test_what_is_kept_and_that_the_admin_is_told(site: Site) -> None:
    """The variables with the session's token are kept, which the Hub's log says at its start; in the script there is no secret, and the
    token is worth nothing after Stop.
    """
    wait_for(lambda: "Slurm's AccountingStoreFlags has job_env" in site.hub.log(), f"the warning\n{site.logs()}", 60)
    user = site.users[0]
    site.start({"gpus": 0, "cores": 1, "memory": "1G", "walltime": "10m", "environment": {"MINE": OWN_SECRET}}, user=user)
    token = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", user=user)[0].strip()
    job = site.job_of(user)["JobId"]
    kept = wait_for(lambda: variables if token in (variables := sacct(site, "--env-vars", job)) else "", "slurmdbd to have the job", 60)
    assert OWN_SECRET in kept
    script = sacct(site, "--batch-script", job)
    assert "resource-form launcher" in script
    assert token not in script
    assert OWN_SECRET not in script
    assert site.hub.api("GET", "/user", token)[0] == 200
    site.stop(user=user)
    assert site.hub.api("GET", "/user", token)[0] == 403


def sacct(site: Site, what: str, job: str) -> str:
    """What sacct shows of the job to an operator."""
    return site.cluster.run("sacct", what, f"--jobs={job}").stdout
