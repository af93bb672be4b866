"""Writes ``tests/fixtures/hub_state/captured.sql``, the database of a Hub with sessions of every kind; see the README there.

Its name keeps it out of the tests; it runs where it is named: ``python -m pytest -n0 tests/real/capture_older_state.py``.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3

from private_slurm.cluster import PrivateCluster

from tests.support.older_state import ENDED, HUB, RUNNING, WAITING, fixture, take_the_rest
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import wait_for

SMALL = {"gpus": 0, "memory": "2G", "walltime": "30m"}
FULL = {
    "account": "cin_train",
    "partition": "g100_int",
    "cores": 5,
    "memory": "7G",
    "gpus": 1,
    "walltime": "2h",
    "release": "2025.10",
    "interface": "notebook",
    "name": "Fit of July",
    "color": "teal",
    "environment": {"MY_VALUE": "seven"},
}


def test_capture(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> None:
    """One session stopped, one ended by an admin, two running, one waiting: the last one asked for by an Italian."""
    with open_site("hub-older", environments, cluster, users[:1], HUB) as site:
        database = site.hub.folder / "jupyterhub.sqlite"

        def dumped() -> str:
            with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                return "\n".join(connection.iterdump()) + "\n"

        site.start({**SMALL, "cores": 3, "name": "First"})
        site.stop()
        site.start({**SMALL, "cores": 1}, server=ENDED)
        site.cluster.run("scancel", site.job_of()["JobId"])
        wait_for(lambda: "An administrator cancelled the job." in dumped(), "the Hub to know why", 90, every=1)
        site.start(FULL)
        site.start({**SMALL, "cores": 2, "partition": "g100_cpu"}, server=RUNNING)
        take_the_rest(site)
        visitor = site.visitor()
        visitor.session.headers["Accept-Language"] = "it"
        asked = {"cores": "4", "memory": "3", "gpus": "2", "walltime": "1h", "name": "Later"}
        assert visitor.start(asked, server=WAITING).status == 302
        wait_for(lambda: re.search(r'"job_id": [1-9][^}]*"node": ""', dumped()), "the Hub to know the waiting job", 30, every=1)
        fixture("captured.sql").write_text(dumped())
