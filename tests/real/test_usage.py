"""What a running session uses of CPU and memory, as sstat measures it, on the real cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, had_by, run_in_kernel, wait_for

MEASURED_SECONDS = 90
SHORT_MB = 900
SHORT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'held = bytearray({SHORT_MB} << 20)'], check=True)"
HELD_MB = 300
BUSY = f"""
import subprocess, sys, threading
held = bytearray({HELD_MB} << 20)
def work():
    while True:
        pass
threading.Thread(target=work, daemon=True).start()
subprocess.Popen([sys.executable, "-c", "while True: pass"])
"""


@pytest.fixture
def measured_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub that measures more often than others."""
    more = "c.SlurmCluster.usage_interval = 6\nc.SlurmCluster.jobs_interval = 3\n"
    with open_site("hub-usage", environments, cluster, users, more) as site:
        yield site


def test_a_busy_session(measured_site: Site) -> None:
    """Nothing much at first; then the cores that two busy processes have, and what they hold in memory. In the end what it had at most."""
    site = measured_site
    visitor = site.visitor()
    site.start({"cores": 2, "memory": "2G", "gpus": 0})

    def usage() -> dict[str, Any]:
        (session,) = (one for one in visitor.api("GET", "resource-form/sessions").json()["sessions"] if one["kind"] == "running")
        return session["usage"] or {}

    first = wait_for(usage, "the first measurement", MEASURED_SECONDS, every=1)
    assert 0 < first["memory_mb"] < HELD_MB
    run_in_kernel(site, BUSY)
    busy = wait_for(
        lambda: found if (found := usage()).get("cores", 0) > 0.5 and found["memory_mb"] > HELD_MB else {},
        "more than half a core to be busy",
        MEASURED_SECONDS,
        every=1,
    )
    assert busy["cores"] <= 2.5
    assert busy["memory_mb"] < 2048
    status, everybody = site.call("GET", "/resource-form/sessions?all=1")
    assert status == 200
    assert [one["usage"]["memory_mb"] > HELD_MB for one in everybody["sessions"] if one["kind"] == "running"] == [True]
    # A program that is over before anybody looks.
    before = had_by(int(site.job_of()["JobId"]))
    assert before > HELD_MB
    run_in_kernel(site, SHORT)
    site.stop()

    def used() -> dict[str, Any]:
        (session,) = visitor.api("GET", "resource-form/sessions").json()["sessions"]
        return session["used"] or {}

    told = wait_for(used, "the session to be over", MEASURED_SECONDS, every=1)
    assert abs(told["memory_mb"] - before - SHORT_MB) <= 0.05 * (before + SHORT_MB)
    assert told["memory_by"] == "session"
