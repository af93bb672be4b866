"""What the tests drive: a visitor who posts forms without JavaScript, a kernel's client, and waiting for conditions."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

import requests
from bs4 import BeautifulSoup
from private_slurm.cluster import PrivateCluster
from private_slurm.hub import PrivateHub
from websocket import create_connection

Found = TypeVar("Found")

PASSWORD = "a password of the test suite"


def wait_for(condition: Callable[[], Found], what: str, seconds: float = 60.0, every: float = 0.1) -> Found:
    """The first true answer of ``condition``; a failure that says what was waited for and what was seen last."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {seconds:.0f} s for {what}; the last answer was {answer!r}")
        time.sleep(every)


@dataclass
class Page:
    """A page of the Hub as a browser without JavaScript has it."""

    status: int
    url: str
    soup: BeautifulSoup

    @property
    def text(self) -> str:
        """What a person reads, blanks folded."""
        return " ".join(self.soup.get_text(" ").split())

    @property
    def alert(self) -> str:
        """The message at the top of the form; empty if there is none."""
        box = self.soup.select_one(".spawn-error-msg")
        return " ".join(box.get_text(" ").split()) if box else ""

    def values(self) -> dict[str, str]:
        """What the form would send as it stands."""
        values: dict[str, str] = {}
        for element in self.soup.select("#spawn_form [name]"):
            name = str(element["name"])
            if element.name == "select":
                chosen = element.select_one("option[selected]") or element.select_one("option")
                values[name] = str(chosen["value"]) if chosen else ""
            elif element.name == "textarea":
                values[name] = element.get_text().removeprefix("\n")
            elif element.get("type") != "radio" or element.has_attr("checked"):
                values[name] = str(element.get("value", ""))
        return values

    def choices(self, name: str) -> list[str]:
        """The values that a select or a row of buttons offers, in their order."""
        return [str(element["value"]) for element in self.soup.select(f"select[name={name}] option, input[type=radio][name={name}]")]

    def table(self, partition: str = "g100_int") -> dict[str, int]:
        """The GPU table of a partition: row to number of nodes."""
        rows = self.soup.select(f'.resource-form-partition[data-partition="{partition}"] tbody tr')
        return {row.th.get_text(strip=True): int(row.td.get_text(strip=True)) for row in rows if row.th and row.td}


@dataclass
class Visitor:
    """A user in a browser without JavaScript: cookies, forms, and the Hub's token against forged requests."""

    hub: PrivateHub
    name: str
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self, password: str = PASSWORD) -> Visitor:
        """Fill the Hub's log-in page."""
        self.session.trust_env = False
        page = self.session.get(urljoin(self.hub.url, "hub/login"), timeout=30)
        token = BeautifulSoup(page.text, "html.parser").select_one("input[name=_xsrf]")
        assert token is not None, page.text
        answer = self.session.post(
            urljoin(self.hub.url, "hub/login"),
            data={"username": self.name, "password": password, "_xsrf": token["value"]},
            timeout=30,
            allow_redirects=False,
        )
        assert answer.status_code == 302, f"log-in of {self.name}: HTTP {answer.status_code}\n{answer.text}"
        return self

    def get(self, path: str) -> Page:
        """Any page, redirects followed."""
        return self._page(self.session.get(urljoin(self.hub.url, path), timeout=60))

    def form(self, server: str = "", query: str = "") -> Page:
        """The form for one of the user's servers."""
        return self.get(self._path(server) + (f"?{query}" if query else ""))

    def start(self, changes: Mapping[str, str | list[str]] | None = None, *, server: str = "", page: Page | None = None) -> Page:
        """Press Start, with some of the form's values changed. Not followed: 302 means that the session is on its way."""
        page = page or self.form(server)
        form = page.soup.select_one("#spawn_form")
        assert form is not None, page.text
        fields: list[tuple[str, tuple[None, str]]] = []
        for name, value in {**page.values(), **(changes or {})}.items():
            fields += [(name, (None, entry)) for entry in (value if isinstance(value, list) else [value])]
        answer = self.session.post(urljoin(page.url, str(form["action"])), files=fields, timeout=60, allow_redirects=False)
        return self._page(answer)

    def api(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """A call to the Hub's API with the user's cookie, as a page's script makes it."""
        headers = {"Referer": urljoin(self.hub.url, "hub/home"), "Content-Type": "application/json"}
        parameters = {"_xsrf": self.session.cookies.get("_xsrf", path=f"{urlsplit(self.hub.url).path}hub/") or ""}
        return self.session.request(
            method, urljoin(self.hub.url, f"hub/api/{path}"), headers=headers, params=parameters, timeout=60, **arguments
        )

    def _path(self, server: str) -> str:
        return f"hub/spawn/{self.name}/{server}" if server else "hub/spawn"

    def _page(self, answer: requests.Response) -> Page:
        return Page(answer.status_code, answer.url, BeautifulSoup(answer.content, "html.parser"))


@dataclass
class Site:
    """The cluster and the Hub together, as an admin sees them."""

    cluster: PrivateCluster
    hub: PrivateHub
    token: str
    users: tuple[str, ...]

    def visitor(self, name: str | None = None) -> Visitor:
        """A user who has logged in; the first one if none is named."""
        return Visitor(self.hub, name or self.users[0]).log_in()

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The Hub's API with an admin's token."""
        return self.hub.api(method, path, self.token, body, timeout_s=90)

    def start(self, options: Mapping[str, Any] | None = None, *, user: str | None = None, server: str = "") -> None:
        """Start a session through the API and wait until it is ready."""
        name = user or self.users[0]
        path = f"/users/{name}/servers/{server}" if server else f"/users/{name}/server"
        status, answer = self.call("POST", path, dict(options or {}))
        assert status in (201, 202), f"HTTP {status}: {answer}\n{self.logs()}"
        wait_for(lambda: self.server(name, server).get("ready"), f"the session of {name} to be ready\n{self.logs()}", 90)

    def stop(self, *, user: str | None = None, server: str = "") -> None:
        """Stop a session and wait until the Hub has let go of it."""
        name = user or self.users[0]
        path = f"/users/{name}/servers/{server}" if server else f"/users/{name}/server"
        status, answer = self.call("DELETE", path)
        assert status in (202, 204), f"HTTP {status}: {answer}\n{self.logs()}"
        wait_for(lambda: not self.server(name, server).get("url") or not self.server(name, server), f"the session of {name} to be gone")

    def server(self, user: str, server: str = "") -> dict[str, Any]:
        """The Hub's model of a server, empty if it is not there."""
        _, model = self.call("GET", f"/users/{user}")
        found: dict[str, Any] = model.get("servers", {}).get(server, {})
        return found

    def job_of(self, user: str | None = None) -> dict[str, str]:
        """The one job that is active for the user, as ``scontrol show job`` has it."""
        name = user or self.users[0]
        jobs = [self.cluster.job(number) for number in self.cluster.active_jobs()]
        own = [job for job in jobs if job.get("UserId", "").startswith(f"{name}(")]
        assert len(own) == 1, f"{name} has {len(own)} active jobs: {own}"
        return own[0]

    def logs(self) -> str:
        """What the Hub and Slurm printed last."""
        return f"--- the Hub\n{self.hub.log_tail(60)}\n--- Slurm\n{self.cluster.logs(15)}"

    def clean(self) -> None:
        """Stop all sessions, cancel all jobs, bring all nodes back."""
        _, users = self.call("GET", "/users?state=active")
        for user in users if isinstance(users, list) else []:
            path = f"/users/{quote(user['name'])}"
            for name in user.get("servers", {}):
                self.call("DELETE", f"{path}/servers/{name}" if name else f"{path}/server")
        self.cluster.cancel_all()
        self.cluster.resume_all()

        def all_idle() -> bool:
            _, active = self.call("GET", "/users?state=active")
            return active == []

        wait_for(all_idle, "the Hub to have no active user", 60)


def had_by(job: int) -> float:
    """What the processes of a job have of their own now, in MB, as the kernel says of each."""
    known = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"SLURM_JOB_ID={job}\0".encode() in (process / "environ").read_bytes():
                rows = (row.split() for row in (process / "status").read_text().splitlines())
                known += sum(int(row[1]) for row in rows if row[0] in ("RssAnon:", "RssShmem:"))
    return known / 1024


def run_in_kernel(
    site: Site, code: str, *, user: str | None = None, server: str = "", kernel: str = "", spec: str = "python3"
) -> tuple[str, str]:
    """Run ``code`` in a kernel of the running session (a new one of ``spec`` unless named); what it printed, and the kernel's id."""
    name = user or site.users[0]
    base = f"{site.hub.url}user/{name}/" + (f"{server}/" if server else "")
    headers = {"Authorization": f"token {site.token}"}
    if not kernel:
        answer = requests.post(f"{base}api/kernels", headers=headers, json={"name": spec}, timeout=60)
        assert answer.status_code == 201, f"HTTP {answer.status_code}: {answer.text}"
        kernel = answer.json()["id"]
    socket = create_connection(
        f"{base.replace('http', 'ws', 1)}api/kernels/{kernel}/channels",
        header=[f"Authorization: token {site.token}"],
        timeout=60,
        http_no_proxy=["127.0.0.1"],
    )
    try:
        number = uuid.uuid4().hex
        socket.send(
            json.dumps(
                {
                    "header": {
                        "msg_id": number,
                        "username": name,
                        "session": uuid.uuid4().hex,
                        "msg_type": "execute_request",
                        "version": "5.3",
                    },
                    "parent_header": {},
                    "metadata": {},
                    "content": {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False},
                    "channel": "shell",
                    "buffers": [],
                }
            )
        )
        printed = ""
        while True:
            message = json.loads(socket.recv())
            if message.get("parent_header", {}).get("msg_id") != number:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                printed += content["text"]
            elif kind == "error":
                raise AssertionError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return printed, kernel
    finally:
        socket.close()


def memory_of(job: Mapping[str, str]) -> str:
    """A job's memory as Slurm has it in TRES: ``8G``."""
    tres = dict(part.split("=", 1) for part in (job.get("ReqTRES") or job["TRES"]).split(","))
    return tres["mem"]
