"""What one user may ask of the Hub: over it comes 429 at once, and the others hardly notice."""

from __future__ import annotations

import itertools
import resource
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from spawner.bounds import DEFAULTS
from spawner.hub.configure import NAMED_SERVERS
from tests.support.browsing import log_in
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, wait_for

FILES = 1024
"""What a Hub may have open where the administrator says nothing."""

MOMENT_SECONDS = 2.5
CHECKS, CLIENTS = 6, 30

CONFIG = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
c.ResourceFormBounds = type(c)()
c.ResourceFormBounds.checks = {CHECKS}
del c.JupyterHub.named_server_limit_per_user
spawner.configure(c)
c.JupyterHub.authenticate_prometheus = False
"""


@pytest.fixture(scope="module")
def submissions(environments: Environments, cluster: PrivateCluster) -> Path:
    """A folder of Slurm's commands in which each sbatch notes when it begins and ends; where it does."""
    folder = environments.folder / "noted"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    lines = folder / "noted"
    lines.touch()
    lines.chmod(0o666)
    for name in ("squeue", "scontrol", "sacct", "sacctmgr", "sstat", "scancel"):
        (folder / name).symlink_to(cluster.bin_dir / name)
    command, sbatch = folder / "sbatch", cluster.bin_dir / "sbatch"
    command.write_text(
        f'#!/bin/sh\ncase "$*" in *--test-only*) exec "{sbatch}" "$@";; esac\n'
        f'echo begin >>{lines}\n"{sbatch}" "$@"\ncode=$?\necho end >>{lines}\nexit $code\n'
    )
    command.chmod(0o755)
    return lines


@pytest.fixture(scope="module")
def site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], submissions: Path) -> Iterator[Site]:
    """A Hub with the bounds as they are shipped, but for fewer checks."""
    config = f'import spawner\n{CONFIG}c.SlurmCluster.bin_dir = "{submissions.parent}"\n'
    with open_site("hub-bounds", environments, cluster, users, config) as site:
        yield site


def token_of(site: Site, user: str) -> str:
    """A new token with which a user's programs call the Hub."""
    answer = site.visitor(user).api("POST", f"users/{user}/tokens", json={"note": "for programs"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


@contextmanager
def many_files(number: int) -> Iterator[None]:
    """Let this process open so many files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(number, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def counted(site: Site, bound: str) -> float:
    """How often the Hub's metrics say that something was over a bound."""
    text = requests.get(f"{site.hub.url}hub/metrics", timeout=30).text
    name = f'jupyterhub_resource_form_refused_total{{bound="{bound}"}} '
    return float(next(line for line in text.splitlines() if line.startswith(name)).removeprefix(name))


def test_streams_of_one_user(site: Site) -> None:
    """A thousand streams of one token: a few are open, the others are refused at once, and everybody else gets pages and a stream."""
    needs_users(site.users, 2)
    token, address = token_of(site, site.users[0]), urlsplit(site.hub.url)
    other, token_of_other = site.visitor(site.users[1]), token_of(site, site.users[1])
    bounds = ("streams", "pages", "requests")
    before = sum(counted(site, bound) for bound in bounds)
    assert requests.get(f"{site.hub.url}hub/api/user", headers={"Authorization": f"token {token}"}, timeout=30).ok

    def ask(bearer: str) -> tuple[socket.socket, int]:
        found = socket.create_connection((address.hostname, address.port), timeout=60)
        path = f"{address.path}hub/api/resource-form/sessions/events"
        found.sendall(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: token {bearer}\r\n\r\n".encode())
        return found, int(found.recv(12).split()[1])

    with many_files(4096), ThreadPoolExecutor(100) as pool:
        answered = list(pool.map(lambda _number: ask(token), range(1040)))
        try:
            assert Counter(status for _socket, status in answered) == {200: DEFAULTS.streams, 429: 1040 - DEFAULTS.streams}
            assert sum(counted(site, bound) for bound in bounds) - before == 1040 - DEFAULTS.streams
            assert counted(site, "streams") > 0
            begun = time.monotonic()
            assert other.form().status == 200
            assert time.monotonic() - begun < MOMENT_SECONDS
            answered.append(ask(token_of_other))
            assert answered[-1][1] == 200
        finally:
            for found, _status in answered:
                found.close()
    wait_for(lambda: ask(token)[1] == 200, "another stream once the first ones are closed")


def test_checks_of_one_user(site: Site) -> None:
    """Thirty clients ask without a pause: so many are answered as may be, the others at once with the time to wait; a form opens."""
    needs_users(site.users, 2)
    token, other = token_of(site, site.users[0]), site.visitor(site.users[1])
    headers = {"Authorization": f"token {token}"}
    assert requests.get(f"{site.hub.url}hub/api/user", headers=headers, timeout=30).ok
    is_over = threading.Event()

    def ask() -> Counter[int]:
        statuses: Counter[int] = Counter()
        with requests.Session() as session:
            while not is_over.is_set():
                answer = session.post(f"{site.hub.url}hub/api/resource-form/check", headers=headers, json={"cores": 1}, timeout=60)
                statuses[answer.status_code] += 1
                if answer.status_code == 429:
                    assert 1 <= int(answer.headers["Retry-After"]) <= 10
                    assert answer.json()["message"].startswith("You ask more often than the service can answer.")
        return statuses

    other.form()
    begun = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(ask) for _client in range(CLIENTS)]
        waits = []
        try:
            for _turn in range(10):
                asked = time.monotonic()
                assert other.form().status == 200
                waits.append(time.monotonic() - asked)
        finally:
            is_over.set()
        took = time.monotonic() - begun
        statuses = sum((each.result() for each in asking), Counter())
    assert set(statuses) == {200, 429}
    assert CHECKS <= statuses[200] <= CHECKS + CHECKS * took / 10 + 1
    assert sorted(waits)[len(waits) // 2] < MOMENT_SECONDS


def test_a_body_in_chunks(site: Site) -> None:
    """Whoever sends more than the bound without saying so before is refused as whoever says it: with a sentence, and counted."""
    needs_users(site.users, 2)
    headers = {"Authorization": f"token {token_of(site, site.users[1])}", "Content-Type": "application/json"}
    before = counted(site, "body_bytes")

    def post(pieces: int) -> requests.Response:
        body = (b" " * 100_000 for _piece in range(pieces))
        return requests.post(f"{site.hub.url}hub/api/resource-form/check", headers=headers, data=itertools.chain(body, [b"{}"]), timeout=60)

    assert (taken := post(9)).status_code == 200, taken.text
    refused = post(30)
    assert (refused.status_code, refused.json()["message"]) == (413, "That is more than the service reads of one request.")
    assert counted(site, "body_bytes") - before == 1


def test_many_starts_at_once(site: Site, submissions: Path) -> None:
    """Sixty named servers of one user: as many as there may be, a few at a time; others' forms open meanwhile.

    All GPUs are taken, so that no session starts whose server would keep this machine busy.
    """
    needs_users(site.users, 2)
    user, other = site.users[0], site.visitor(site.users[1])
    options = ("--gres=gpu:2", "--mem=1G", "--account=cin_train", "--partition=g100_int")
    for node in ("g001", "g002", "g003"):
        site.cluster.wait_for_job_state(site.cluster.submit(f"--nodelist={node}", *options, user=user), "RUNNING")
    submissions.write_text("")

    def start(number: int) -> int:
        return site.call("POST", f"/users/{user}/servers/s{number}", {"cores": 1, "memory": "1G", "gpus": 2})[0]

    with ThreadPoolExecutor(60) as pool:
        starting = [pool.submit(start, number) for number in range(60)]
        waits = []
        while not all(each.done() for each in starting):
            asked = time.monotonic()
            assert other.form().status == 200
            waits.append(time.monotonic() - asked)
            wait(starting, timeout=0.5)
        statuses = Counter(each.result() for each in starting)
    wait_for(lambda: submissions.read_text().split().count("end") >= statuses[202] + statuses[201], "all jobs to be submitted", 60)
    site.clean()
    assert statuses[400] == 60 - NAMED_SERVERS, statuses
    under_way, most = 0, 0
    for word in submissions.read_text().split():
        under_way += 1 if word == "begin" else -1
        most = max(most, under_way)
    assert 1 <= most <= DEFAULTS.starts
    print(f"{statuses}, at most {most} at once, others' forms {max(waits):.2f} s at most")
    assert sorted(waits)[len(waits) // 2] < MOMENT_SECONDS


def test_a_page_that_asked_too_often(site: Site, browser: Browser) -> None:
    """It says nothing of it: it waits as long as it is to, and then asks about what is chosen by then."""
    page = log_in(site, browser, site.users[0])
    expect(page.locator(".resource-form-sentence")).to_contain_text("Starts now")
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if "resource-form/check" in answer.url else None)
    for cores in [*range(2, 2 + 3 * CHECKS), 49]:
        with page.expect_response(lambda answer: "resource-form/check" in answer.url):
            page.fill("[name=cores]", str(cores))
    assert 429 in answers
    expect(page.locator("#resource-form-cores-error")).to_contain_text("49 is more than", timeout=30_000)
    expect(page.locator(".resource-form-sentence")).to_contain_text("Look at: Number of cores")
    assert answers[-1] == 200
    page.context.close()
