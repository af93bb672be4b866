"""``scripts/demo``: one command to a running site, one to its end, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from private_slurm.newer_slurm import OWN

from tests.support.real_hub import CHECKOUT, Environments
from tests.support.site_under_test import Visitor, wait_for
from tests.support.slurm_versions import MAIN

DEMO = (str(CHECKOUT / "scripts" / "demo"), *(() if MAIN == OWN else ("--slurm", MAIN)))


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with its folder, run to its end."""
    return subprocess.run([*DEMO, "--dir", str(folder), *arguments], capture_output=True, text=True, timeout=300, check=False)


def processes_in(folder: Path) -> list[str]:
    """Command lines of all processes that speak of the folder or are of its cluster, this test's own left aside."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if (
                f"{folder}/slurm/" in line + environment
                or f"{folder}/hub/" in line
                or (f"{folder} " in line and "private_slurm.demo" in line)
            ):
                found.append(line)
    return found


def heed_signals() -> None:
    """Undo what a test run in the background is born with: signals that are ignored, which a child would inherit."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def folder(environments: Environments) -> Iterator[Path]:
    """The tests' own folder, so that the demo finds its environments made; no demo runs in it before and after."""
    run_demo(environments.installed, "--stop")
    yield environments.installed
    run_demo(environments.installed, "--stop")


def test_demo_from_start_to_stop(folder: Path) -> None:
    """Detached, it answers and describes itself; a session starts through its token; started twice it says so; --stop leaves nothing."""
    port = free_port()
    # The first time it may have to make the Hub's environment; the second time everything is there.
    run_demo(folder, "--detach", "--port", str(port))
    run_demo(folder, "--stop")
    begun = time.monotonic()
    started = run_demo(folder, "--detach", "--port", str(port))
    assert started.returncode == 0, started.stdout + started.stderr
    assert time.monotonic() - begun < 60, f"the demo took {time.monotonic() - begun:.0f} s:\n{started.stdout}"
    assert f"http://127.0.0.1:{port}/" in started.stdout
    description = json.loads((folder / "demo.json").read_text())
    assert set(description) == {"url", "api_url", "api_token", "users", "slurm_conf", "admin"}
    assert stat.S_IMODE((folder / "demo.json").stat().st_mode) == 0o600
    assert description["url"] == f"http://127.0.0.1:{port}/"
    assert Path(description["slurm_conf"]).is_file()
    assert description["users"]
    for user in description["users"]:
        assert user["name"] in started.stdout
        assert user["password"] in started.stdout
    headers = {"Authorization": f"token {description['api_token']}"}
    cluster = requests.get(f"{description['api_url']}/resource-form/cluster", headers=headers, timeout=30).json()
    assert cluster["partitions"]["g100_int"]["gpu_table"] == {"v100": {"0": 0, "1": 0, "2": 3}}
    name = description["users"][0]["name"]
    requests.post(f"{description['api_url']}/users/{name}", headers=headers, timeout=30)
    answer = requests.post(f"{description['api_url']}/users/{name}/server", headers=headers, json={"gpus": 1}, timeout=90)
    assert answer.status_code in (201, 202), answer.text

    shows_the_product(description)
    again = run_demo(folder, "--detach", "--port", str(port))
    assert again.returncode == 1
    assert "already runs" in again.stderr + again.stdout
    assert len((again.stderr + again.stdout).strip().splitlines()) == 1

    stopped = run_demo(folder, "--stop")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert not (folder / "demo.json").exists()
    assert processes_in(folder) == []


def visitor_of(description: dict[str, Any], who: dict[str, str]) -> Visitor:
    """A log-in of the demo's, at its Hub."""
    return Visitor(SimpleNamespace(url=description["url"]), who["name"]).log_in(who["password"])  # type: ignore[arg-type]


def shows_the_product(description: dict[str, Any]) -> None:
    """Presets of a file, a course, notices, a budget, several sessions, the GPUs' own reports, and an administrator who sees all."""
    ada, grace, admin = *description["users"][:2], description["admin"]
    visitor = visitor_of(description, ada)
    form = visitor.form("another")
    assert {card["data-preset"] for card in form.soup.select("[data-preset]")} == {"notebook", "gpu", "school"}
    assert "This is a demo" in form.text
    assert "core hours left" in form.soup.get_text(" ", strip=True)
    assert "Room for" in visitor.get("hub/resource-form/class?preset=school").text
    assert "New session" in visitor.get("hub/home").text

    def reports() -> list[Any]:
        return [device for node in visitor.api("GET", "resource-form/cluster").json()["nodes"] for device in node["devices"]]

    wait_for(reports, "the GPUs to be reported", 30)
    assert [session["user"] for session in running(visitor_of(description, admin), "?all=1")] == [ada["name"]]
    assert running(visitor_of(description, grace)) == []


def running(visitor: Visitor, query: str = "") -> list[dict[str, Any]]:
    """The sessions that go on and that somebody sees."""
    sessions = visitor.api("GET", f"resource-form/sessions{query}").json()["sessions"]
    return [session for session in sessions if session["state"] != "ended"]


def test_a_plain_demo(folder: Path) -> None:
    """Presets and nothing else of what a site may add; its users are those of no other folder's demo."""
    started = run_demo(folder, "--detach", "--plain", "--port", str(free_port()))
    assert started.returncode == 0, started.stdout + started.stderr
    description = json.loads((folder / "demo.json").read_text())
    assert set(description) == {"url", "api_url", "api_token", "users", "slurm_conf"}
    form = visitor_of(description, description["users"][0]).form()
    assert {card["data-preset"] for card in form.soup.select("[data-preset]")} == {"notebook", "gpu", "school"}
    assert "This is a demo" not in form.text
    names = [user["name"] for user in description["users"]]
    assert os.geteuid() != 0 or not {"demo-ada", "demo-grace"} & set(names)
    assert run_demo(folder, "--stop").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL], ids=lambda number: number.name)
def test_demo_ended_in_the_middle_of_its_start(folder: Path, number: signal.Signals) -> None:
    """Whatever ends it while the cluster comes up, nothing of it goes on; after SIGKILL, that is for --stop to do."""
    with subprocess.Popen(
        [*DEMO, "--dir", str(folder), "--port", str(free_port())],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,
    ) as demo:
        try:
            wait_for(lambda: any("slurmctld" in line for line in processes_in(folder)), "slurmctld to be started", 120, every=0.05)
            demo.send_signal(number)
            demo.communicate(timeout=60)
        finally:
            demo.kill()
    if number == signal.SIGKILL:
        run_demo(folder, "--stop")
    wait_for(lambda: not processes_in(folder), "everything to have ended", 30)
    assert not (folder / "demo.json").exists()
