"""Reports of GPUs at a real Hub: what is taken in shows, and what is refused costs nothing and loses nothing."""

from __future__ import annotations

import http.client
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from private_slurm.cluster import PrivateCluster

from spawner.gpu.agent.schema import LARGEST_REPORT, Device, NodeReport, as_json
from spawner.gpu.agent.tokens import node_token
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for

SERVICE = secrets.token_hex(32)
WEAKER = secrets.token_hex(16)
"""The token of another service of this Hub, which has many rights, though not this one."""

NODE, OTHER = "g001", "g002"
PATH = "hub/api/resource-form/gpu-reports"
LARGE = 100 * 1024 * 1024
PIECE = b" " * (64 * 1024)
MAX_GROWN_MB = 8
MAX_SECONDS = 5.0


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose configuration names a file with the service's token, as the docs say."""
    path = environments.folder / "gpu-report-token"
    path.touch(mode=0o600)
    path.write_text(f"{SERVICE}\n")
    more = f"""
c.JupyterHub.services.append({{"name": "weaker", "api_token": {WEAKER!r}}})
c.JupyterHub.load_roles.append(
    {{"name": "weaker", "services": ["weaker"], "scopes": ["admin:servers", "admin:users", "admin:services", "tokens", "proxy"]}}
)
spawner.configure(c, gpu_report_token_file={str(path)!r})
"""
    with open_site("hub-gpu-reports", environments, cluster, users, more) as site:
        # Nobody has looked at the cluster yet: the first report makes the Hub ask for its nodes.
        assert send(site, report(NODE, 1)).status_code == 204
        yield site


def report(node: str, utilisation: int) -> str:
    """Of the two GPUs of a node."""
    return as_json(
        NodeReport(
            node,
            time.time(),
            "535.104.05",
            tuple(Device(number, f"GPU-{node}-{number}", "Tesla V100-SXM2-32GB", utilisation=utilisation) for number in range(2)),
        )
    )


def address(site: Site, *, straight: bool = False) -> str:
    """Of the Hub through its proxy, or of the Hub itself."""
    return f"http://127.0.0.1:{site.hub._hub_port}/" if straight else site.hub.url


def send(site: Site, body: str | bytes, token: str = SERVICE, *, straight: bool = False, **headers: str) -> requests.Response:
    """One report; it waits its turn if the node has reported too often."""
    sent = {"Content-Type": "application/json", **headers} | ({"Authorization": f"token {token}"} if token else {})
    with requests.Session() as session:
        session.trust_env = False

        def post() -> requests.Response | None:
            answer = session.post(f"{address(site, straight=straight)}{PATH}", data=body, headers=sent, timeout=30)
            return None if answer.status_code == 429 else answer

        # An answer of 400 or more is false.
        found = wait_for(lambda: [answer] if (answer := post()) is not None else None, "the node's turn")
        return found[0]


def shown(site: Site, node: str = NODE) -> list[int | None]:
    """The utilisation of the node's devices as the Hub tells it."""
    status, answer = site.call("GET", "/resource-form/cluster")
    assert status == 200, answer
    return [device["utilisation"] for entry in answer["nodes"] if entry["name"] == node for device in entry["devices"]]


@contextmanager
def unchanged(site: Site) -> Iterator[None]:
    """A report is there; whatever is tried meanwhile, it is there in the end, and the next one is taken."""
    before = secrets.randbelow(90)
    assert send(site, report(NODE, before)).status_code == 204
    yield
    assert shown(site) == [before, before]
    assert send(site, report(NODE, before + 1)).status_code == 204
    assert shown(site) == [before + 1, before + 1]


def own_token(site: Site, user: str) -> str:
    """A token that a user makes on their token page."""
    answer = site.visitor(user).api("POST", f"users/{user}/tokens", json={})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def test_reports_show(running_site: Site) -> None:
    """From the service and from a node itself, through the proxy and straight to the Hub."""
    for number, (token, straight) in enumerate(
        ((SERVICE, False), (SERVICE, True), (node_token(SERVICE, NODE), False), (node_token(SERVICE, NODE), True)), 40
    ):
        answer = send(running_site, report(NODE, number), token, straight=straight)
        assert (answer.status_code, answer.content) == (204, b"")
        assert shown(running_site) == [number, number]


def test_who_may_not(running_site: Site) -> None:
    """No token, a wrong one, other services', users', an admin's, another node's, a cookie."""
    user = running_site.users[0]
    with unchanged(running_site):
        tokens = {
            "none": "",
            "wrong": secrets.token_hex(32),
            "another service's": WEAKER,
            "that of a service with all rights over sessions": running_site.token,
            "a node's, made from another service's": node_token(WEAKER, NODE),
            "a node's, made up": f"rfgpu.{NODE}.{secrets.token_hex(32)}",
            "a user's": own_token(running_site, user),
            "another node's": node_token(SERVICE, OTHER),
        }
        for whose, token in tokens.items():
            for straight in (False, True):
                answer = send(running_site, report(NODE, 99), token, straight=straight)
                assert answer.status_code == 403, whose
                assert set(answer.json()) == {"status", "message"}
        answer = running_site.visitor(user).api("POST", "resource-form/gpu-reports", data=report(NODE, 99))
        assert answer.status_code == 403
        # Nor does the token of reports open anything else.
        for token in (SERVICE, node_token(SERVICE, NODE)):
            status, _ = running_site.hub.api("GET", "/users", token)
            assert status == 403
            status, _ = running_site.hub.api("GET", "/resource-form/cluster", token)
            assert status == 403
    assert shown(running_site, OTHER) == [None, None] or shown(running_site, OTHER) == []


def test_a_session_may_not(site: Site) -> None:
    """The token that lies in a job's environment reports nothing, not even for the job's own node."""
    user = site.users[0]
    site.start({"gpus": 1}, user=user)
    node = site.job_of(user)["BatchHost"]
    token, _ = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", user=user)

    with unchanged(site):
        assert send(site, report(node, 99), token.strip()).status_code == 403
        assert send(site, report(NODE, 99), token.strip()).status_code == 403


def test_a_node_that_slurm_has_not(running_site: Site) -> None:
    with unchanged(running_site):
        for token in (SERVICE, node_token(SERVICE, "x999")):
            answer = send(running_site, report("x999", 99), token)
            assert answer.status_code == 404
            assert "x999" not in answer.text


HOSTILE = "<img src=x onerror=alert(1)>\r\n[E] forged line \x1b[31m"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"\x00\xff" * 1000,
        b"[" * 200_000,
        report(NODE, 99).replace(f"GPU-{NODE}-0", HOSTILE.replace("\r\n", "\\r\\n").replace("\x1b", "\\u001b")).encode(),
        report(NODE, 99).replace('"535.104.05"', '"<script>forged line</script>"').encode(),
        report(NODE, 99).replace('"utilisation": 99', '"utilisation": 101').encode(),
        report(NODE, 99).replace('"utilisation": 99', '"user": "ada"').encode(),
        report(NODE, 99).replace(f'"{NODE}"', '"../../etc/passwd"').encode(),
    ],
)
def test_what_is_no_report(running_site: Site, body: bytes) -> None:
    """The answer is one line and holds nothing of what was sent, and nor does the log."""
    with unchanged(running_site):
        answer = send(running_site, body)
        assert answer.status_code == 400
        assert len(answer.json()["message"].splitlines()) == 1
        for text in (answer.text, running_site.hub.log()):
            assert "onerror" not in text
            assert "forged line" not in text
            assert "etc/passwd" not in text


def test_compressed_reports_are_not_taken(running_site: Site) -> None:
    with unchanged(running_site):
        assert send(running_site, b"\x1f\x8b" + b"\0" * 100, **{"Content-Encoding": "gzip"}).status_code == 415


def test_reports_that_follow_each_other_too_fast(running_site: Site) -> None:
    """Those of one node; what it sends is not even read as a report then."""
    headers = {"Authorization": f"token {node_token(SERVICE, OTHER)}"}
    with unchanged(running_site), requests.Session() as session:
        session.trust_env = False

        def post() -> requests.Response:
            return session.post(f"{running_site.hub.url}{PATH}", data="no report", headers=headers, timeout=30)

        assert post().status_code == 400
        answer = wait_for(lambda: [answer] if (answer := post()).status_code == 429 else None, "an answer that it is too fast", every=0)[0]
        assert answer.headers["Retry-After"] == "1"
        assert wait_for(lambda: post().status_code == 400, "its turn", every=0.2)


# --- a hundred megabytes -----------------------------------------------------------------------------------------------------------


def flood(port: int, token: str, *, chunked: bool) -> tuple[int, int]:
    """Send 100 MB, until the other end has enough: the status of its answer (0: it hung up first), and how many bytes went out."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("POST", f"/{PATH}")
    connection.putheader("Authorization", f"token {token}")
    if chunked:
        connection.putheader("Transfer-Encoding", "chunked")
    else:
        connection.putheader("Content-Length", str(LARGE))
    gone = 0
    try:
        connection.endheaders()
        while gone < LARGE:
            connection.send(b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
            gone += len(PIECE)
    except OSError:
        pass
    try:
        return connection.getresponse().status, gone
    except (OSError, http.client.HTTPException):
        return 0, gone
    finally:
        connection.close()


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
@pytest.mark.parametrize(
    ("token", "straight"),
    [(SERVICE, False), (SERVICE, True), (node_token(SERVICE, NODE), True), ("wrong", True)],
    ids=["service-through-the-proxy", "service", "node", "nobody"],
)
def test_a_hundred_megabytes(running_site: Site, token: str, chunked: bool, straight: bool) -> None:
    """Eight of them at once: the Hub answers everybody else, does not grow, and has the last report afterwards."""
    site = running_site
    port = site.hub._hub_port if straight else site.hub.port
    found: list[tuple[int, int]] = []
    with unchanged(site):
        flood(port, token, chunked=chunked)
        before = resident_mb(site.hub.pid)
        senders = [threading.Thread(target=lambda: found.append(flood(port, token, chunked=chunked))) for _ in range(8)]
        for sender in senders:
            sender.start()
        times = []
        while any(sender.is_alive() for sender in senders) or not times:
            begun = time.monotonic()
            assert site.hub.api("GET", "/")[0] == 200
            times.append(time.monotonic() - begun)
        for sender in senders:
            sender.join()
        grown = resident_mb(site.hub.pid) - before
    assert len(found) == 8
    statuses: Any = {status for status, _ in found}
    # Whoever goes on sending may find the connection closed before the answer was read; what the proxy makes of that is its own.
    assert statuses <= ({403, 413, 429, 0} if straight else {403, 413, 429, 0, 503})
    assert max(times) < MAX_SECONDS
    assert grown < MAX_GROWN_MB
    if straight:
        # What fits into the buffers of two sockets, and what the Hub has read before it had counted too much.
        assert max(gone for _, gone in found) < LARGE / 4


def test_many_reports_too_large_leave_nothing(running_site: Site) -> None:
    """As the one above, of bodies that are just too large."""
    with unchanged(running_site):
        send(running_site, b" " * (LARGEST_REPORT + 1), straight=True)
        before = resident_mb(running_site.hub.pid)
        for _ in range(100):
            assert send(running_site, b" " * (LARGEST_REPORT + 1), "wrong", straight=True).status_code == 403
        assert resident_mb(running_site.hub.pid) - before < MAX_GROWN_MB


# --- the Hub's own life ------------------------------------------------------------------------------------------------------------


def test_tokens_outlive_a_restart_and_reports_do_not(running_site: Site) -> None:
    """What was known of idleness before is no longer known, which errs on the safe side."""
    assert send(running_site, report(NODE, 33)).status_code == 204
    assert shown(running_site) == [33, 33]
    running_site.hub.restart()
    assert 33 not in shown(running_site)

    answer = send(running_site, report(NODE, 34), node_token(SERVICE, NODE))
    assert answer.status_code == 204
    assert shown(running_site) == [34, 34]


def test_the_log_tells_of_refusals_once(running_site: Site) -> None:
    """And of reports that were taken not at all; no token is in it."""
    log = running_site.hub.log()
    refused = [line for line in log.splitlines() if "A report of GPUs from" in line]
    answered = [line for line in log.splitlines() if "resource-form/gpu-reports" in line and "JupyterHub log:" in line]

    assert 0 < len(refused) < 40
    assert not [line for line in answered if " /hub/error/" not in line]
    assert SERVICE not in log
    assert "rfgpu." not in log
