"""A Hub whose clock is hours away from Slurm's: its sessions go on, and Stop gives them back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

HOUR = 3600
ANOTHER_CLOCK = """
import time
from spawner.cluster.cluster import SlurmCluster

_made = SlurmCluster.__init__
SlurmCluster.__init__ = lambda self, **more: _made(self, clock=lambda: time.time() + {ahead}, **more)
c.SlurmCluster.jobs_interval = 2
c.SlurmCluster.sweep_interval = 5
c.Spawner.poll_interval = 1
"""


@pytest.fixture(scope="module", params=[-5 * HOUR, 5 * HOUR], ids=["behind", "ahead"])
def running_site(
    request: pytest.FixtureRequest, environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]
) -> Iterator[Site]:
    """A Hub whose clock goes wrong; that of Slurm is the machine's."""
    name = f"hub-clock-{request.node.callspec.id if hasattr(request.node, 'callspec') else request.param}"
    more = f"c.SlurmCluster.hub_name = {name!r}\n" + ANOTHER_CLOCK.format(ahead=request.param)
    with open_site(name, environments, cluster, users, more) as site:
        yield site


def test_a_session_goes_on(site: Site) -> None:
    """Looked at many times, also by a Hub that comes back; its log is shown, and Stop ends the job."""
    user = site.users[0]
    site.start({"gpus": 0, "cores": 1, "memory": "1G", "walltime": "30m"})
    job = int(site.job_of()["JobId"])
    printed, kernel = run_in_kernel(site, "x = 41; print(x)")
    assert printed.strip() == "41"

    def stays() -> None:
        """One question of ours takes some hundredths of a second: meanwhile the Hub looks at the job some ten times."""
        asked = iter(range(200))
        wait_for(lambda: not site.server(user).get("ready") or next(asked, None) is None, "the Hub to look at the session", 120)
        assert site.server(user).get("ready"), site.logs()
        assert site.cluster.job_state(job) == "RUNNING"

    stays()
    site.hub.restart()
    wait_for(lambda: site.server(user).get("ready"), "the session to be known again", 60)
    stays()
    assert run_in_kernel(site, "print(x + 1)", kernel=kernel)[0].strip() == "42"
    answer = site.visitor().api("GET", f"resource-form/log?job={job}").json()
    assert (answer["live"], "the server listens on port" in answer["text"]) == (True, True)
    log = site.hub.log()
    assert "no longer known to Slurm" not in log
    assert "GONE" not in log
    site.stop()
    wait_for(lambda: site.cluster.job_state(job) == "CANCELLED", "the job to be cancelled", 20)
    site.start({"gpus": 0, "cores": 1, "memory": "1G", "walltime": "30m"})
    site.stop()
    assert site.cluster.active_jobs() == []
