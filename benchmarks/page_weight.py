"""How much does a browser fetch for each page, the first time: all of it and what of it is ours?

``python benchmarks/page_weight.py``: the demo's Slurm and Hub, and Chromium with nothing in its cache. ``--checkout DIR`` measures another
checkout of this project with the same code. Exits with 1 if a page is heavier than at :data:`BEFORE`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from playwright.sync_api import Page, Response, sync_playwright
from private_slurm.processes import wait_until

CHECKOUT = Path(__file__).parents[1]
OURS = "/resource-form/static/"
KINDS = {"document": "HTML", "stylesheet": "CSS", "script": "JS", "font": "other", "image": "other"}
"""What is counted, by Chromium's word for it. Answers that a script asks for come again and again, and are not the page."""
COLUMNS = ("HTML", "CSS", "JS", "other")
BEFORE = "09efbad, before the pages were begun anew in November 2026"
LIMITS_KB = {"form": (776.2, 270.0), "home": (788.0, 276.1), "log": (742.6, 263.2), "waiting": (762.1, 268.5)}
"""What this script measured at :data:`BEFORE`, on the same JupyterHub: kB as sent, and each file as ``gzip -6``."""
PLAIN = {"cores": 1, "memory": "1G", "walltime": "30m"}
GPU_NODES = ("g001", "g002", "g003")
CHROMIUM = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"


@dataclass
class Weight:
    """The bytes of one page by kind: of the whole page and of our own files, as they were sent and as ``gzip -6``."""

    files: int = 0
    own_files: int = 0
    sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    packed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    own_sent: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    own_packed: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, response: Response) -> None:
        """Count one answer."""
        kind = KINDS.get(response.request.resource_type)
        if kind is None or response.status != 200:
            return
        sent, packed = response.request.sizes()["responseBodySize"], len(gzip.compress(response.body(), 6, mtime=0))
        self.files += 1
        self.sent[kind] += sent
        self.packed[kind] += packed
        if OURS in response.url or kind == "HTML":
            self.own_files += kind != "HTML"
            self.own_sent[kind] += sent
            self.own_packed[kind] += packed


@contextmanager
def demo(checkout: Path, folder: Path) -> Iterator[dict[str, Any]]:
    """The demo of a checkout, running: what its description says."""
    command = [str(checkout / "scripts" / "demo"), "--dir", str(folder)]
    subprocess.run([*command, "--detach"], check=True, stdout=subprocess.DEVNULL)
    try:
        yield json.loads((folder / "demo.json").read_text())
    finally:
        subprocess.run([*command, "--stop"], check=True, stdout=subprocess.DEVNULL)


class Sessions:
    """The session of the demo's first user, whose pages are weighed."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.described = described
        self.user = described["users"][0]["name"]

    def _api(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.described['api_token']}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.described['api_url']}{path}", data, headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def _server(self) -> dict[str, Any]:
        server: dict[str, Any] = self._api("GET", f"/users/{self.user}")["servers"].get("", {})
        return server

    def _as_user(self, command: str, *arguments: str) -> str:
        slurm_conf = self.described["slurm_conf"]
        path = Path(slurm_conf).parents[1] / "bin" / command
        user = self.user if os.geteuid() == 0 else None
        done = subprocess.run(
            [path, *arguments], env={"SLURM_CONF": slurm_conf}, cwd="/", user=user, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    @property
    def job(self) -> str:
        """The number of the session's job, while no other runs."""
        return self._as_user("squeue", "-h", "-t", "R", "-o", "%i").strip()

    def run(self) -> str:
        """Have the session run; the address of the page that shows it."""
        self._api("POST", f"/users/{self.user}/server", {**PLAIN, "gpus": 0, "partition": "g100_cpu"})
        wait_until(lambda: self._server().get("ready"), "the session to be ready", 90)
        return "hub/home"

    def wait(self) -> str:
        """End it, and have another one wait; the address of its page.

        Of the nodes with two GPUs each that are not reserved, none has both free any more.
        """
        self._api("DELETE", f"/users/{self.user}/server")
        wait_until(lambda: not self._server(), "the session to be over", 60)
        for node in GPU_NODES:
            options = (f"--nodelist={node}", "--gres=gpu:1", "--mem=1G", "--time=40", "--partition=g100_int", "--output=/dev/null")
            self._as_user("sbatch", *options, "--wrap=sleep 2400")
        wait_until(lambda: len(self._as_user("squeue", "-h", "-t", "R").splitlines()) == len(GPU_NODES), "the nodes to be taken", 60)
        self._api("POST", f"/users/{self.user}/server", {**PLAIN, "gpus": "2", "partition": "g100_int"})
        wait_until(lambda: self._server().get("pending"), "the session to wait", 30)
        return f"hub/spawn-pending/{self.user}"


def weights(described: dict[str, Any]) -> dict[str, Weight]:
    """Each page, in a browser that has fetched nothing before but knows its user."""
    sessions = Sessions(described)
    user, password = sessions.user, described["users"][0]["password"]
    pages: dict[str, Callable[[], str]] = {
        "form": lambda: f"hub/spawn/{user}",
        "home": sessions.run,
        "log": lambda: f"hub/resource-form/log?user={user}&job={sessions.job}",
        "waiting": sessions.wait,
    }
    found: dict[str, Weight] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM.split())
        page = browser.new_page()
        page.goto(f"{described['url']}hub/login?next=%2Fhub%2Fhome")
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", password)
        page.click("#login_submit")
        page.wait_for_url("**/hub/home")
        known = page.context.storage_state()
        page.context.close()
        for name, path in pages.items():
            found[name] = weigh(lambda: browser.new_context(storage_state=known).new_page(), described["url"] + path())
        browser.close()
    return found


def weigh(new_page: Callable[[], Page], url: str) -> Weight:
    """One page: all that it fetches by itself until its scripts have run."""
    page = new_page()
    responses: list[Response] = []

    def note(response: Response) -> None:
        responses.append(response)

    page.on("response", note)
    answer = page.goto(url)  # until its scripts have run
    assert answer is not None
    assert answer.ok, (answer.status, answer.url)
    assert page.url == url, f"{url} leads to {page.url}"
    page.evaluate("document.fonts.ready")
    weight = Weight()
    for response in responses:
        weight.add(response)
    page.context.close()
    return weight


def table(found: dict[str, Weight]) -> str:
    """The weights as text, in kB."""

    def row(name: str, files: int, bytes_of: dict[str, int]) -> str:
        return (
            f"{name:34} {files:6} "
            + " ".join(f"{bytes_of[kind] / 1000:8.1f}" for kind in COLUMNS)
            + f" {sum(bytes_of.values()) / 1000:8.1f}"
        )

    lines = [f"{'':34} {'files':>6} " + " ".join(f"{kind:>8}" for kind in (*COLUMNS, "all"))]
    for name, weight in found.items():
        lines.append(row(f"{name}: as sent", weight.files, weight.sent))
        lines.append(row("  as gzip -6", weight.files, weight.packed))
        lines.append(row("  ours and the HTML, as sent", weight.own_files, weight.own_sent))
        lines.append(row("  ours and the HTML, as gzip -6", weight.own_files, weight.own_packed))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkout", type=lambda text: Path(text).absolute(), default=CHECKOUT, help="whose pages (%(default)s)")
    parser.add_argument(
        "--dir", type=lambda text: Path(text).absolute(), help="the demo's folder, which is kept: the next run starts sooner"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="page-weight-") as passing:
        Path(passing).chmod(0o711)  # the demo's users have their homes below it
        with demo(arguments.checkout, arguments.dir or Path(passing) / "demo") as described:
            found = weights(described)
    print(f"kB\n\n{table(found)}\n")
    kept = True
    for name, weight in found.items():
        for how, bytes_of, limit in zip(("as sent", "as gzip -6"), (weight.sent, weight.packed), LIMITS_KB[name], strict=True):
            total = sum(bytes_of.values()) / 1000
            over = total > limit
            kept = kept and not over
            print(f"{name}, {how}: {total:.1f} kB, before {limit:.1f}{'  HEAVIER' if over else ''}")
    print(f"\nBefore: {BEFORE}.")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
