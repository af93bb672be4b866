"""SQLite's lock in other hands while sessions start, end and stop: nobody waits for what we write, and in the end all of it is there."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from private_slurm.cluster import PrivateCluster

from spawner.hub.database import LOCK_PATIENCE_MS, REST_FACTOR
from tests.support.injected_faults import NONCE_IS_STORED, STOP_IS_STORED, Orders
from tests.support.invariant import ask_to_start, ask_to_stop, assert_consistent, tagged_jobs
from tests.support.lock_waits import asked_in
from tests.support.real_hub import CHECKOUT, Environments, open_site
from tests.support.site_under_test import Site, wait_for
from tests.support.stalls import Stall, stalls_in

PLAIN = {"gpus": 0}
START_IS_STORED = "^UPDATE spawners SET started="
"""The last that JupyterHub itself stores before it asks the spawner to start."""
STALL_SECONDS = 0.5
"""What a request may take that needs no database, on a machine that runs the tests besides. JupyterHub itself waits for 5 s."""


@pytest.fixture(scope="module")
def orders(environments: Environments) -> Orders:
    """What the Hub of these tests is told to do to itself."""
    folder = environments.folder / "hub-locked-orders"
    folder.mkdir(exist_ok=True)
    orders = Orders(folder)
    orders.take_all_back()
    return orders


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], orders: Orders) -> Iterator[Site]:
    """A Hub of these tests' own, which polls every three seconds."""
    more = f"""
import pathlib, sys
sys.path.insert(0, {str(CHECKOUT)!r})
from tests.support import injected_faults, lock_waits, stalls
injected_faults.obey(c, pathlib.Path({str(orders.folder)!r}))
stalls.watch(pathlib.Path({str(orders.folder)!r}))
lock_waits.watch(pathlib.Path({str(orders.folder)!r}), lambda: (pathlib.Path({str(orders.folder)!r}) / "locked").exists())
c.SlurmCluster.jobs_interval = 2
c.Spawner.poll_interval = 3
"""
    with open_site("hub-locked", environments, cluster, users, more) as site:
        yield site


def stalls_since(orders: Orders, moment: float) -> list[Stall]:
    """What has kept the loop waiting since then."""
    return [stall for stall in stalls_in(orders.folder) if stall.at >= moment]


@dataclass
class Pulse:
    """How long a request takes that needs no database, again and again while something goes on."""

    site: Site
    seconds: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def _beat(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while not self.over.is_set():
            began = time.monotonic()
            with contextlib.suppress(OSError):
                opener.open(f"{self.site.hub.url}hub/health", timeout=60).close()
            self.seconds.append(time.monotonic() - began)

    @classmethod
    @contextlib.contextmanager
    def of(cls, site: Site) -> Iterator[Pulse]:
        """Feel it until the end of the block."""
        pulse = cls(site)
        thread = threading.Thread(target=pulse._beat, daemon=True)
        thread.start()
        yield pulse
        pulse.over.set()
        thread.join(60)


@contextlib.contextmanager
def watching(site: Site, user: str) -> Iterator[None]:
    """A page of the user's with a stream of events is open until the end of the block."""
    token = site.visitor(user).api("POST", f"users/{user}/tokens", json={"note": "for a page"}).json()["token"]
    address = urlsplit(site.hub.url)
    with socket.create_connection((str(address.hostname), int(address.port or 80)), timeout=60) as page:
        path = f"{address.path}hub/api/resource-form/sessions/events"
        page.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: token {token}\r\n\r\n".encode())
        assert page.recv(12).split()[1] == b"200"
        yield


def stored(site: Site) -> dict[str, Any]:
    """What the Hub's database has of the session of the first user's default server."""
    path = site.hub.folder / "jupyterhub.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        query = "select spawners.state from spawners join users on users.id = spawners.user_id where users.name = ? and spawners.name = ''"
        ((state,),) = database.execute(query, (site.users[0],))
    session: dict[str, Any] = json.loads(state).get("session", {})
    return session


def test_a_start_waits_for_the_lock(site: Site, orders: Orders) -> None:
    """Locked for 12 s right before the nonce is stored: nobody waits meanwhile, nothing is submitted before the nonce is durable, and the
    session comes up.
    """
    orders.lock_after(START_IS_STORED, 12)
    start = ask_to_start(site, site.users[0], PLAIN)
    wait_for(lambda: orders.pending("locked"), "the lock", 60, every=0.02)
    with Pulse.of(site) as pulse:
        while orders.pending("locked"):
            assert not tagged_jobs(site)
            time.sleep(0.2)
    assert max(pulse.seconds) < STALL_SECONDS, sorted(pulse.seconds)[-5:]
    start.join(60)
    wait_for(lambda: site.server(site.users[0]).get("ready"), f"the session to be ready\n{site.logs()}", 60)
    ((_, _, number),) = tagged_jobs(site)
    assert stored(site)["job_id"] == number
    assert_consistent(site)


def test_what_was_not_stored_is_stored_later(site: Site, orders: Orders) -> None:
    """Locked for 12 s right before the job's id is stored. The job waits in the queue, so that nothing else happens to its session which
    would be stored: nobody waits, and the id is there once the lock is free.
    """
    site.cluster.run("scontrol", "update", "partition=g100_int", "state=DOWN")
    try:
        orders.lock_after(NONCE_IS_STORED, 12)
        ask_to_start(site, site.users[0], {**PLAIN, "partition": "g100_int"})
        wait_for(lambda: orders.pending("locked"), "the lock", 60, every=0.02)
        with Pulse.of(site) as pulse:
            wait_for(lambda: not orders.pending("locked"), "the lock to be free", 60)
        # No job that runs asks JupyterHub for anything, which would wait for the lock on its own account.
        assert max(pulse.seconds) < STALL_SECONDS, sorted(pulse.seconds)[-5:]
        wait_for(lambda: stored(site).get("job_id"), f"the id to be stored\n{site.logs()}", 30)
        ((_, _, number),) = tagged_jobs(site)
        assert stored(site)["job_id"] == number
    finally:
        site.cluster.run("scontrol", "update", "partition=g100_int", "state=UP")


@pytest.mark.parametrize("how", ["stopped", "cancelled in Slurm"])
def test_an_end(site: Site, orders: Orders, how: str) -> None:
    """Locked for 20 s, so that JupyterHub cannot store that the server is stopped: the job is given back, and without anybody's doing the
    server is stopped in the end, its token revoked, and the user can start another one.

    JupyterHub has let go of all that it had read by then, and its own statements wait for 5 s each. We ask for nothing meanwhile: not for
    an answer's sender, a stream, or what slurmdbd tells of the job. In the order of the calls, nothing of ours takes 0.3 s.
    """
    user = site.users[0]
    site.start(PLAIN)
    ((_, _, number),) = tagged_jobs(site)
    log = len(site.hub.log())
    began = time.time()
    with watching(site, user):
        if how == "stopped":
            orders.lock_after(STOP_IS_STORED, 20)
            ask_to_stop(site, user).join(60)
        else:
            orders.lock_after("^INSERT INTO resource_form_sessions", 20)
            site.cluster.run("scancel", str(number))
            wait_for(lambda: orders.pending("locked"), "the lock", 60, every=0.02)
        wait_for(lambda: not orders.pending("locked"), "the lock to be free", 60)
    found = stalls_since(orders, began)
    told = "\n".join(map(str, found))
    asked = [asked for asked in asked_in(orders.folder) if asked.at >= began]
    waited = [one for one in asked if one.most_ms]
    print(
        f"{how}: JupyterHub {sum(stall.of('jupyterhub') for stall in found):.1f} s, ours {sum(stall.of('ours') for stall in found):.2f} s; "
        f"{len(asked)} statements of ours, {len(waited)} of which might wait"
    )
    assert max((stall.of("jupyterhub") for stall in found), default=0.0) > 1, f"JupyterHub did not wait: nothing was tried\n{told}"
    assert waited, "nothing of ours met the lock: nothing was tried"
    longer = [one for one in waited if one.most_ms > LOCK_PATIENCE_MS]
    assert not longer, "\n".join(map(str, longer))
    least = REST_FACTOR * LOCK_PATIENCE_MS / 1000
    assert all(later.at - earlier.at >= least for earlier, later in pairwise(waited)), "\n".join(map(str, waited))
    wait_for(lambda: "could not be stored before; it is now" in site.hub.log()[log:], f"the stop to be made up for\n{site.logs()}", 60)
    wait_for(lambda: site.server(user) == {}, f"the server to be stopped\n{site.logs()}", 30)
    assert site.cluster.job_state(number) == "CANCELLED"
    assert stored(site) == {}
    site.start(PLAIN)
    assert_consistent(site)
