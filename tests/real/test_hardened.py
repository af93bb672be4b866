"""The example of a hardened set-up: nginx takes its configuration, and sessions go through it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from private_slurm import packages
from private_slurm.ports import PortReservations
from private_slurm.processes import ProcessFolder
from private_slurm.services import SYSTEM_PATH

from tests.support.real_hub import CHECKOUT
from tests.support.site_under_test import Site, Visitor, wait_for

FOLDER = CHECKOUT / "share" / "resource_form" / "hardened"


@dataclass(frozen=True)
class Front:
    """nginx with the example's configuration in front of a Hub: only addresses are other ones."""

    url: str
    certificate: Path

    def visitor(self, name: str) -> Visitor:
        """A user who comes by it, logged in."""
        visitor = Visitor(self, name)  # type: ignore[arg-type] # it has the address that a Hub has
        visitor.session.verify = str(self.certificate)
        return visitor.log_in()


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """The text with each of these in the other's place; all of them are there."""
    for known, other in pairs:
        assert known in text
        text = text.replace(known, other)
    return text


@pytest.fixture
def front(running_site: Site, tmp_path: Path) -> Iterator[Front]:
    """nginx, running, after it has found no fault with its configuration."""
    packages.ensure_debian_packages(["nginx-light", "openssl"])
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=jupyter.example.org", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *request, "-days", "1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    ports, processes = PortReservations(), ProcessFolder(tmp_path)
    port = ports.take_any()
    text = replaced(
        (FOLDER / "nginx.conf").read_text(),
        ("/etc/ssl/certs/jupyter.example.org.pem", str(certificate)),
        ("/etc/ssl/private/jupyter.example.org.key", str(key)),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("http://127.0.0.1:8000", running_site.hub.url.rstrip("/")),
    )
    (tmp_path / "site.conf").write_text(text)
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off; include {tmp_path}/site.conf; }}\n"
    )
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert nginx is not None
    command = [nginx, "-c", str(whole), "-p", str(tmp_path)]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    assert "warn" not in tried.stderr
    processes.start("nginx", [*command, "-g", "daemon off;"], {"PATH": SYSTEM_PATH})
    try:
        yield Front(f"https://127.0.0.1:{port}/", certificate)
    finally:
        processes.stop(["nginx"])
        ports.release()


def test_a_session_through_nginx(site: Site, front: Front) -> None:
    """The form, a start, its waiting page, its server and the stream of events come through, events at once. What is too large for nginx or
    for the Hub, and what comes too often, is refused, by each with its own words.
    """
    user = wait_for(lambda: logged_in(front, site.users[0]), "nginx to answer", 20)
    form = user.form()
    assert form.soup.select_one("#spawn_form button[type=submit]") is not None, form.text
    assert user.start({"gpus": "0"}, page=form).status == 302
    assert "You may close this page" in user.get(f"hub/spawn-pending/{user.name}").text

    events = user.session.get(f"{front.url}hub/api/resource-form/sessions/events", stream=True, timeout=30)
    assert events.status_code == 200, events.text
    lines = events.iter_lines(chunk_size=1)
    told = json.loads(next(line for line in lines if line.startswith(b"data: ")).removeprefix(b"data: "))
    assert [session["state"] for session in told["sessions"]][:1] != ["ended"]
    ready = next(line for line in lines if line.startswith(b"data: ") and b'"state": "running"' in line)
    assert json.loads(ready.removeprefix(b"data: "))["sessions"][0]["state"] == "running"
    events.close()
    wait_for(lambda: site.server(user.name).get("ready"), "the server to be ready")
    page = user.get(f"user/{user.name}/lab")
    assert (page.status, page.url) == (200, f"{front.url}user/{user.name}/lab")

    address = f"{front.url}hub/api/resource-form/check"
    too_large = user.session.post(address, data=b"x" * 2_000_000, timeout=30)
    assert (too_large.status_code, "nginx" in too_large.text) == (413, True)
    between = user.session.post(address, data=b"x" * 1_020_000, timeout=30)
    assert (between.status_code, between.json()["message"]) == (413, "That is more than the service reads of one request.")
    upload = user.session.get(f"{front.url}user/{user.name}/api/contents", timeout=30)
    assert upload.status_code == 200

    def ask(path: str) -> int:
        return requests.get(f"{front.url}{path}", verify=str(front.certificate), allow_redirects=False, timeout=60).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(ask, ["hub/login"] * 60))
    assert set(statuses) == {200, 429}, statuses
    assert 20 <= statuses[200] < 60
    assert user.form().status == 200, "what comes elsewhere is counted elsewhere"


def logged_in(front: Front, name: str) -> Visitor | None:
    """The user, once nginx listens."""
    try:
        return front.visitor(name)
    except requests.ConnectionError:
        return None
