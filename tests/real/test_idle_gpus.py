"""Sessions whose GPUs do nothing, at a real Hub with a clock of seconds: told on the card, by command and webhook, and stopped."""

from __future__ import annotations

import http.server
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from spawner.gpu.agent.schema import Device, NodeReport, as_json
from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

SERVICE = secrets.token_hex(32)
ONE_GPU = {"cores": 1, "memory": "1G", "gpus": 1, "walltime": "30m"}
TELL_SECONDS = 9
STOP_SECONDS = 12
FRESH_SECONDS = 6
EVERY_SECONDS = 1.5
WORDS = "No GPU of this session has done anything since"


class Hook(http.server.BaseHTTPRequestHandler):
    """The webhook."""

    got: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Take it."""
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Reporter:
    """Both GPUs of each node, reported again and again; ``use`` is of the first and the second, None while nothing is sent."""

    url: str
    use: tuple[int, int] | None = (0, 100)
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until it is done."""
        with requests.Session() as session:
            session.trust_env = False
            while not self.done.wait(EVERY_SECONDS):
                for node in ("g001", "g002", "g003", "g004") if self.use else ():
                    devices = tuple(
                        Device(number, f"GPU-{node}-{number}", "Tesla V100-SXM2-32GB", number, utilisation=use, utilisation_peak=use)
                        for number, use in enumerate(self.use or ())
                    )
                    body = as_json(NodeReport(node, time.time(), "570.1", devices))
                    session.post(self.url, data=body, headers={"Authorization": f"token {SERVICE}"}, timeout=30)


@pytest.fixture(scope="module")
def told() -> Iterator[tuple[list[dict[str, Any]], str]]:
    """What the webhook has got, and its address."""
    Hook.got = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Hook.got, f"http://127.0.0.1:{server.server_address[1]}/hooks/a-secret"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def mail(environments: Environments) -> Path:
    """Where the command writes what it was told."""
    path = environments.folder / "idle-mail"
    path.unlink(missing_ok=True)
    return path


@pytest.fixture(scope="module")
def running_site(
    environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], told: tuple[list[dict[str, Any]], str], mail: Path
) -> Iterator[Site]:
    """A Hub that wants idle GPUs back, and looks each second."""
    path = environments.folder / "idle-token"
    path.touch(mode=0o600)
    path.write_text(SERVICE)
    more = f"""
spawner.configure(c, gpu_report_token_file={str(path)!r})
c.SlurmCluster.gpu_reports_fresh = {FRESH_SECONDS}
c.SlurmCluster.jobs_interval = 3
c.ResourceFormSpawner.idle_gpu_minutes = {TELL_SECONDS / 60}
c.ResourceFormSpawner.idle_gpu_stop_minutes = {STOP_SECONDS / 60}
c.ResourceFormSpawner.message_command = ["/bin/sh", "-c", 'cat >> "$0"; echo >> "$0"', {str(mail)!r}]
c.ResourceFormSpawner.message_webhook = {told[1]!r}
import spawner.hub.background.idle_gpus
spawner.hub.background.idle_gpus.LOOK_SECONDS = 1.0
spawner.hub.background.idle_gpus.CONFIRM_SECONDS = 0.2
"""
    with open_site("hub-idle-gpus", environments, cluster, users, more) as site:
        yield site


@pytest.fixture
def reporter(site: Site) -> Iterator[Reporter]:
    """All nodes report: the first GPU of each does nothing, the second is busy."""
    reporter = Reporter(f"{site.hub.url}hub/api/resource-form/gpu-reports")
    thread = threading.Thread(target=reporter.run, daemon=True)
    thread.start()
    yield reporter
    reporter.done.set()
    thread.join(30)


def session_of(site: Site) -> dict[str, Any]:
    """The first user's latest session, as its owner is told of it."""
    found: list[dict[str, Any]] = site.visitor().api("GET", "resource-form/sessions").json()["sessions"]
    return found[0]


def test_told_then_stopped(
    site: Site, reporter: Reporter, browser: Browser, told: tuple[list[dict[str, Any]], str], mail: Path, screenshots: Path
) -> None:
    """The card says so, then the session is stopped and its GPU free; the pages say why, and the user can start again at once."""
    user = site.users[0]
    site.start(ONE_GPU)
    job = site.job_of()
    page = log_in(site, browser, user, path="hub/home", shows=".sessions-card")
    notice = page.locator(".sessions-card .sessions-idle")
    expect(notice).to_contain_text(WORDS, timeout=60_000)
    expect(notice).to_contain_text("the session is stopped")
    assert serious_findings(page, "#resource-form-sessions") == []
    page.screenshot(path=screenshots / "idle-gpus.png")
    session = session_of(site)
    assert (session["state"], session["idle_gpus"]["gpus"]) == ("running", 1)
    assert session["idle_gpus"]["sentence"].startswith(WORDS)
    assert session["idle_gpus"]["since"] < session["idle_gpus"]["stops_at"]

    wait_for(lambda: not site.server(user).get("ready"), "the session to be stopped", 60)
    wait_for(lambda: site.cluster.job(int(job["JobId"]))["JobState"] == "CANCELLED", "the job to be cancelled", 30)
    expect(page.locator(".sessions-card .sessions-sentence")).to_contain_text("its GPUs did nothing for 1 min", timeout=60_000)
    expect(notice).to_be_hidden()
    ended = session_of(site)
    assert (ended["state"], ended["kind"], ended["category"], ended["slurm_state"]) == ("ended", "finished", "idle_gpus", "IDLE_GPUS")
    assert ended["idle_gpus"] is None
    assert "its GPUs did nothing for 1 min" in site.visitor().get(f"user/{user}/").text
    assert "its GPUs did nothing for 1 min" in site.visitor().form().text

    events = wait_for(lambda: len(told[0]) == 2 and told[0], "the webhook to be called twice", 30)
    assert [event["event"] for event in events] == ["idle", "ended"]
    assert (events[0]["gpus"], events[1]["category"]) == (1, "idle_gpus")
    assert events[0]["text"].startswith(WORDS)
    assert "its GPUs did nothing for 1 min" in events[1]["text"]
    for event in events:
        assert (event["user"], event["server"]) == (user, "")
        assert event["display_name"] == ended["display_name"]
        assert (event["job_id"], event["node"]) == (int(job["JobId"]), job["BatchHost"])
    mails = wait_for(lambda: mail.exists() and len(mail.read_text().splitlines()) == 2 and mail.read_text().splitlines(), "both mails", 30)
    assert [json.loads(line) for line in mails] == events
    assert "a-secret" not in site.hub.log()
    site.start(ONE_GPU)
    assert session_of(site)["state"] == "running"


def test_who_begins_to_work_is_left_alone(site: Site, reporter: Reporter) -> None:
    """The notice goes; long after the time that it named the session still runs. So it does where the node falls silent."""
    site.start(ONE_GPU)
    wait_for(lambda: session_of(site)["idle_gpus"], "the user to be told", 60)
    reporter.use = (80, 0)
    wait_for(lambda: session_of(site)["idle_gpus"] is None, "the notice to go", 30)
    deadline = time.monotonic() + TELL_SECONDS + STOP_SECONDS + 5
    while time.monotonic() < deadline:
        session = session_of(site)
        assert (session["state"], session["idle_gpus"]) == ("running", None)
        time.sleep(1)
    reporter.use = (0, 0)
    wait_for(lambda: session_of(site)["idle_gpus"], "the user to be told again", 60)
    reporter.use = None
    wait_for(lambda: session_of(site)["idle_gpus"] is None, "the notice to go", 30)
    deadline = time.monotonic() + STOP_SECONDS + FRESH_SECONDS
    while time.monotonic() < deadline:
        assert session_of(site)["state"] == "running"
        time.sleep(1)
