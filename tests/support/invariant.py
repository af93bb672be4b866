"""What must hold after every fault: the active jobs with our tag are exactly the sessions that the Hub knows.

None is doubled, none lost, none orphaned.
"""

from __future__ import annotations

import contextlib
import threading
import time
from urllib.parse import unquote

import requests

from tests.support.site_under_test import Site, run_in_kernel

Job = tuple[str, str, int]
"""User, server and id of a job."""


def tagged_jobs(site: Site) -> list[Job]:
    """User, server and id of each active job that carries a tag of ours."""
    found = []
    for number in site.cluster.active_jobs():
        job = site.cluster.job(number)
        parts = job.get("Comment", "").split(":")
        if len(parts) == 5 and parts[0] == "jupyterhub" and job["JobState"] not in ("COMPLETING", "CANCELLED"):
            found.append((unquote(parts[2]), unquote(parts[3]), number))
    return sorted(found)


def sessions(site: Site) -> list[tuple[str, str]]:
    """User and server of each session that the Hub knows: ready, or on its way. A Hub that does not tell is no Hub without sessions."""
    found = []
    for user in site.users:
        status, model = site.call("GET", f"/users/{user}")
        if status != 200:
            found.append((user, f"HTTP {status}"))
        else:
            found += [(user, name) for name, server in model["servers"].items() if server.get("ready") or server.get("pending")]
    return sorted(found)


def consistent(site: Site) -> bool:
    """The invariant, at this moment."""
    return [(user, server) for user, server, _ in tagged_jobs(site)] == sessions(site)


def answering(site: Site) -> bool:
    """Whether each session that the Hub calls ready answers at its address."""
    for user, server in sessions(site):
        if site.server(user, server).get("ready"):
            url = f"{site.hub.url}user/{user}/{f'{server}/' if server else ''}api"
            answer = requests.get(url, headers={"Authorization": f"token {site.token}"}, timeout=30)
            if answer.status_code != 200 or "/hub/" in answer.url:
                return False
    return True


def assert_consistent(site: Site, seconds: float = 100.0) -> None:
    """The invariant holds once things have settled, and each session that is said to be ready answers."""
    deadline = time.monotonic() + seconds
    while not (consistent(site) and answering(site)):
        assert time.monotonic() < deadline, f"jobs {tagged_jobs(site)} are not sessions {sessions(site)} that answer\n{site.logs()}"
        time.sleep(0.3)


def ask_to_start(site: Site, user: str, options: dict[str, object] | None = None) -> threading.Thread:
    """Press Start and do not wait for the answer: the Hub may be gone before it gives one."""
    return _ask(site, "POST", f"/users/{user}/server", options or {})


def ask_to_stop(site: Site, user: str) -> threading.Thread:
    """Press Stop and do not wait for the answer."""
    return _ask(site, "DELETE", f"/users/{user}/server")


def _ask(site: Site, method: str, path: str, body: object = None) -> threading.Thread:
    def call() -> None:
        with contextlib.suppress(OSError):
            site.call(method, path, body)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def kernels(site: Site, *users: str) -> dict[str, str]:
    """A kernel that remembers something in the session of each of these users (by default the first two), by user."""
    return {user: run_in_kernel(site, f"kept = {user!r}", user=user)[1] for user in users or site.users[:2]}


def assert_kept(site: Site, kernel_of: dict[str, str], jobs: list[Job]) -> None:
    """The same jobs, and the same kernels with what they remember."""
    assert tagged_jobs(site) == jobs
    for user, kernel in kernel_of.items():
        assert run_in_kernel(site, "print(kept)", user=user, kernel=kernel)[0].strip() == user
    assert consistent(site)
