"""A session's own GPUs on its card: which they are the job itself tells, what they do the node."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from spawner.gpu.agent.schema import Device, NodeReport, as_json
from tests.support.attacks import own_token
from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, Visitor, run_in_kernel, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

SERVICE = secrets.token_hex(32)
FRESH_SECONDS = 20
"""So old a report may be on this Hub."""

SOON_MS = 15_000
"""A page hears of a report a few seconds later."""

ONE_GPU = {"cores": 1, "memory": "1G", "gpus": 1, "walltime": "30m"}
OWN = "resource-form/own-gpus"
ROOT = "#resource-form-sessions"
ENVIRONMENT = """
import os
print(os.environ["SLURM_JOB_GPUS"], os.environ["CUDA_VISIBLE_DEVICES"], os.environ["JUPYTERHUB_API_TOKEN"])
"""


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub that takes in reports."""
    path = environments.folder / "session-gpus-token"
    path.touch(mode=0o600)
    path.write_text(SERVICE)
    more = f"spawner.configure(c, gpu_report_token_file={str(path)!r})\n"
    more += f"c.SlurmCluster.gpu_reports_fresh = {FRESH_SECONDS}\nc.SlurmCluster.jobs_interval = 3\n"
    with open_site("hub-session-gpus", environments, cluster, users, more) as site:
        yield site


def report(site: Site, node: str, *use: int | None, **changes: Any) -> None:
    """The node tells how busy its two GPUs are; ``changes`` are of the second."""
    first = Device(0, f"GPU-{node}-0", "Tesla V100-SXM2-32GB", 0, 32768, 30720, use[0], use[0], 81, 300, 300, False, processes=1)
    values: dict[str, Any] = {"memory_total_mb": 32768, "memory_used_mb": 8192, "temperature": 55, "power": 120, **changes}
    second = Device(1, f"GPU-{node}-1", "Tesla V100-SXM2-32GB", 1, utilisation=use[1], utilisation_peak=use[1], mig=False, **values)
    body = as_json(NodeReport(node, time.time(), "570.1", (first, second)))

    def taken_in() -> bool:
        headers = {"Authorization": f"token {SERVICE}"}
        answer = requests.post(f"{site.hub.url}hub/api/resource-form/gpu-reports", data=body, headers=headers, timeout=30)
        assert answer.status_code in (204, 429), answer.text
        return answer.status_code == 204

    wait_for(taken_in, "the Hub to take in the report", 10, every=0.5)


def take_the_first_gpus(site: Site) -> None:
    """Somebody else has the first GPU of each node on which a session may start."""
    user = site.users[1]
    jobs = [
        site.cluster.submit(f"--nodelist={node}", "--gres=gpu:1", "--mem=1G", "--time=40", "--partition=g100_int", user=user)
        for node in ("g001", "g002", "g003")
    ]
    for job in jobs:
        site.cluster.wait_for_job_state(job, "RUNNING")


def running(visitor: Visitor) -> dict[str, Any]:
    """The visitor's one session that goes on."""
    (found,) = (one for one in visitor.api("GET", "resource-form/sessions").json()["sessions"] if one["kind"] == "running")
    return dict(found)


def session_on_the_second_gpu(site: Site, **more: Any) -> tuple[str, str]:
    """A session of the first user's beside somebody else's job: its node, and its job's token."""
    take_the_first_gpus(site)
    site.start({**ONE_GPU, **more})
    numbers, visible, token = run_in_kernel(site, ENVIRONMENT)[0].split()
    assert (numbers, visible) == ("1", "1")
    return site.job_of()["BatchHost"], token


def test_only_its_own(site: Site, browser: Browser) -> None:
    """One of a node's two GPUs, the other one somebody else's: told of that one, to its owner, on the page as things change."""
    needs_users(site.users, 2)
    ada, grace = (site.visitor(name) for name in site.users[:2])
    node, _token = session_on_the_second_gpu(site)
    assert running(ada)["gpus"] is None
    report(site, node, 97, 42)
    found = running(ada)["gpus"]
    assert 0 <= found["age"] < FRESH_SECONDS
    (device,) = found["devices"]
    assert (device["index"], device["type"], device["label"], device["mig"]) == (1, "v100", "V100", None)
    assert (device["utilisation"], device["memory_used_mb"], device["memory_total_mb"], device["temperature"]) == (42, 8192, 32768, 55)
    assert (device["faulty"], device["shared"]) == (False, False)
    assert "gpus" not in grace.api("GET", "resource-form/sessions").text
    assert grace.api("GET", "resource-form/sessions?all=1").status_code == 403
    assert requests.get(f"{site.hub.url}hub/api/resource-form/sessions", timeout=30).status_code == 403
    _, everybody = site.call("GET", "/resource-form/sessions?all=1")
    (told,) = (one["gpus"]["devices"] for one in everybody["sessions"] if one["kind"] == "running")
    assert [(one["index"], one["history"]) for one in told] == [(1, [])]

    page = log_in(site, browser, ada.name, path="hub/home", shows=".sessions-gpu")
    line = page.locator(".sessions-card .sessions-gpu")
    expect(line).to_have_count(1)
    expect(line).to_contain_text("GPU 1 · V100")
    expect(line).to_contain_text("42%")
    expect(line).to_contain_text("8 of 32 GB")
    assert serious_findings(page, ROOT) == []
    report(site, node, 97, 0, memory_used_mb=None, temperature=None)
    expect(line).to_contain_text("0%", timeout=SOON_MS)
    expect(line).to_contain_text("memory not known")
    report(site, node, 97, None, memory_used_mb=None, faults=("lost",))
    expect(line).to_have_text(re.compile("GPU 1 has failed"), timeout=SOON_MS)
    expect(page.locator(".sessions-gpus")).to_have_text("What its GPUs do is not known now.", timeout=(FRESH_SECONDS + 15) * 1000)
    assert running(ada)["gpus"] == {"age": None, "devices": []}


CLAIMS_THE_OTHERS = """
import json, os, threading, time, urllib.error, urllib.request


def claim():
    address = os.environ["JUPYTERHUB_API_URL"].rstrip("/") + "/resource-form/own-gpus"
    headers = {"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"], "Content-Type": "application/json"}
    for _ in range(3000):
        try:
            urllib.request.urlopen(urllib.request.Request(address, data=json.dumps({"gpus": "0"}).encode(), headers=headers)).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            time.sleep(0.005)


for _ in range(4):
    threading.Thread(target=claim, daemon=True).start()
"""
"""Configuration of a user's own server: it calls the node's first GPU its own, again and again, until it is believed."""


def test_a_session_that_claims_its_neighbours_gpu(site: Site, environments: Environments) -> None:
    """Before its launcher says the truth: it is told of its own GPU, where Slurm knows which that is, and the log says that it lied."""
    needs_users(site.users, 2)
    ada = site.users[0]
    configuration = environments.folder / "claims-configuration"  # where every user can read
    configuration.mkdir(exist_ok=True)
    (configuration / "jupyter_server_config.py").write_text(CLAIMS_THE_OTHERS)
    log = len(site.hub.log())
    node, token = session_on_the_second_gpu(site, environment={"JUPYTER_CONFIG_PATH": str(configuration)})
    report(site, node, 97, 42)
    visitor = site.visitor()
    assert [(one["index"], one["utilisation"]) for one in running(visitor)["gpus"]["devices"]] == [(1, 42)]
    wait_for(lambda: f"GPUs (0,) were reported by {ada}" in site.hub.log()[log:], "the Hub to tell of the lie", 20)
    assert site.hub.api("POST", f"/{OWN}", token, {"gpus": "1"})[0] == 201
    assert site.hub.api("POST", f"/{OWN}", token, {"gpus": "0"})[0] == 409


def test_what_the_job_said_outlives_the_hub(site: Site) -> None:
    """A Hub that comes back knows still which one it is, and says nothing of it before the node has reported anew."""
    needs_users(site.users, 2)
    node, _token = session_on_the_second_gpu(site)
    report(site, node, 97, 42)
    site.hub.restart()
    ada = site.visitor()
    wait_for(lambda: running(ada)["state"] == "running", "the session to be known again", 30)
    assert running(ada)["gpus"] is None
    report(site, node, 97, 43)
    assert [(one["index"], one["utilisation"]) for one in running(ada)["gpus"]["devices"]] == [(1, 43)]


def test_whose_word_counts(site: Site) -> None:
    """Only the session's own token is heard, once, and only numbers of GPUs; whatever else comes changes nothing."""
    needs_users(site.users, 2)
    ada = site.visitor()
    node, token = session_on_the_second_gpu(site)
    site.start({**ONE_GPU, "gpus": 0}, user=site.users[1])
    others = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", user=site.users[1])[0].strip()

    def post(body: object, given: str) -> int:
        return site.hub.api("POST", f"/{OWN}", given, body)[0]

    word = {"gpus": "0"}
    assert [post(word, wrong) for wrong in ("", "0" * 32)] == [403, 403]
    assert [post(word, wrong) for wrong in (site.token, own_token(ada), SERVICE)] == [404, 404, 404]
    assert ada.api("POST", OWN, json=word).status_code == 404, "a browser's cookie is no token"
    assert post(word, token) == 409, "another GPU than it has reported"
    assert post({"gpus": "1"}, token) == 201, "the same again"
    texts = ("1,1", "64", "1\n", "", "0-1", "0," * 99, 1, [1], None)
    for body in (*({"gpus": text} for text in texts), {"gpus": "1", "user": "x"}, {}, [], None, "1"):
        assert post(body, token) == 400, body
    assert post(word, others) == 409, "Slurm has given it none"
    grace = site.visitor(site.users[1])
    for each in {node, running(grace)["node"]}:
        report(site, each, 97, 42)
    assert [one["index"] for one in running(ada)["gpus"]["devices"]] == [1]
    assert running(grace)["gpus"] is None, "it has no GPU, whatever it says"
    site.stop()
    assert post({"gpus": "1"}, token) == 403
