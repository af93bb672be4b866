"""Where a session's token is not, and who sees what of whose session."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from private_slurm.cluster import PrivateCluster
from private_slurm.users import home_of

from spawner.hub.routes import API, PAGES
from tests.support.attacks import WEAK_TOKEN, next_job_id, own_token, watched
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, Visitor, run_in_kernel, wait_for

CANARY = "canary-of-the-first-user-c3a1"
"""A value among the first user's environment variables: nobody else has any business with it."""

LOGS = ".local/state/jupyterhub-resource-form"


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub that writes all that it can into its log, and whose third user is an admin."""
    more = watched(environments.folder / "hub-secrets", boss=users[-1] if len(users) > 2 else "")
    more += "c.Spawner.debug = True\n"
    with open_site("hub-secrets", environments, cluster, users, more) as site:
        yield site


# --- the token -------------------------------------------------------------------------------------------------------------------


def command_lines() -> str:
    """argv of every process on this machine, as any user may read it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)


def what_slurm_tells(site: Site, job: int) -> dict[str, str]:
    """Everything about a job that Slurm tells to anybody, or to its owner."""
    user = site.users[0]
    run = site.cluster.run
    columns = ",".join(run("sacct", "--helpformat").stdout.split())
    return {
        "scontrol show job": run("scontrol", "show", "job", "-dd", str(job), user=user, check=False).stdout,
        "the job's script": run("scontrol", "write", "batch_script", str(job), "-", user=user, check=False).stdout,
        "sacct": run("sacct", "-j", str(job), "--parsable2", f"--format={columns}", user=user).stdout,
        "sacct's script": run("sacct", "-j", str(job), "--batch-script", user=user, check=False).stdout,
        "sacct's environment": run("sacct", "-j", str(job), "--env-vars", user=user, check=False).stdout,
        "squeue": run("squeue", "-j", str(job), "--states=all", "--Format=ALL", check=False).stdout + run("squeue", "-o", "%all").stdout,
    }


def pages_of(site: Site, visitor: Visitor, user: str) -> dict[str, str]:
    """Every page and answer of the Hub's about this user's session that the visitor gets, headers included."""
    # First what tells of a start that failed: JupyterHub forgets it when the form is shown.
    paths = [
        f"hub/spawn-pending/{user}",
        f"hub/api/users/{user}/server/progress",
        "hub/home",
        "hub/spawn",
        f"hub/spawn/{user}",
        f"hub/spawn/{user}/second",
        "hub/token",
        "hub/admin",
        "hub/resource-form/availability",
        "hub/api/user",
        "hub/api/info",
        "hub/api/users",
        f"hub/api/users/{user}",
        f"hub/api/users/{user}/server",
        f"hub/api/users/{user}/tokens",
        "hub/api/services",
        "hub/api/proxy",
        "hub/api/resource-form/cluster",
        "hub/metrics",
        "hub/error/404",
    ]
    answers = {}
    for path in paths:
        parameters = {"_xsrf": visitor.session.cookies.get("_xsrf", path="/hub/") or ""}
        url = urljoin(site.hub.url, path)
        with visitor.session.get(url, params=parameters if "/api/" in path else {}, timeout=60, stream=True) as answer:
            answers[f"{visitor.name}: {path}"] = f"{answer.status_code} {answer.url} {answer.headers} {text_of(answer)}"
    return answers


def text_of(answer: requests.Response) -> str:
    """The whole answer; of the progress of a start, which goes on until that ends, what there is by now."""
    if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
        return answer.text
    text = ""
    for chunk in answer.iter_content(None):
        text += chunk.decode()
        if "data:" in text:
            break
    return text


def files_of(*folders: Path) -> dict[str, str]:
    """The content of every file below these folders."""
    found = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                found[str(path)] = path.read_bytes().decode(errors="replace")
    return found


def places(site: Site, job: int) -> dict[str, str]:
    """Every place in which somebody might find a token that should not be there."""
    user = site.users[0]
    found = {"the command lines": command_lines(), "the logs of the Hub and the proxy": site.hub.log(), **what_slurm_tells(site, job)}
    names = dict.fromkeys((user, *site.users[1:2], site.users[-1]))
    for name in names:
        found.update(pages_of(site, site.visitor(name), user))
    for path in (f"/users/{user}?include_stopped_servers=1", "/users", "/proxy", "/services", f"/users/{user}/tokens"):
        found[f"the service: {path}"] = json.dumps(site.call("GET", path))
    found.update(files_of(Path(home_of(user)) / LOGS, site.cluster.folder / "log", site.hub.folder))
    found["the processes of the Hub"] = Path(f"{site.hub.folder}.processes").read_text()
    return found


def assert_absent(token: str, found: Mapping[str, str]) -> None:
    """No place has the token, whole or its better half."""
    assert len(token) >= 32
    assert [where for where, text in found.items() if token in text or token[:20] in text or token[-20:] in text] == []


def test_the_token_is_nowhere(site: Site) -> None:
    """While a session starts, while it runs, after it ended, and after one that failed: its token is in no command line, script, log, page,
    answer or file, but in the environment of the job alone.
    """
    user = site.users[0]
    site.start({"environment": {"CANARY": CANARY}})
    (job,) = site.cluster.active_jobs()
    printed, _ = run_in_kernel(site, "import json, os; print(json.dumps(dict(os.environ)))")
    session = json.loads(printed)
    token = session["JUPYTERHUB_API_TOKEN"]
    comment = f"--comment=jupyterhub:hub-secrets:{user}"
    sacct = ("sacct", "-j", str(job), "--parsable2", "--format=SubmitLine")
    wait_for(lambda: comment in site.cluster.run(*sacct, user=user).stdout, "slurmdbd to know the job's command line")
    found = places(site, job)
    assert "scontrol show job" in found
    assert "BatchHost" in found["scontrol show job"]
    assert "RESOURCE_FORM_LAUNCHER" in found["the job's script"]
    assert comment in found["sacct"], "SubmitLine is among the columns"
    assert "jupyterhub-singleuser" in found["the command lines"]
    assert any(path.endswith(f"/{job}.log") for path in found)
    assert_absent(token, found)
    # The user's other variables are no arguments either; their owner and admins see them as options of the session.
    for where in ("the command lines", "scontrol show job", "the job's script", "sacct", "the processes of the Hub"):
        assert CANARY not in found[where], where
    site.stop()
    assert_absent(token, places(site, job))
    own = dict(entry.split("=", 1) for entry in _environ(site.hub.pid) if "=" in entry)
    assert "CONFIGPROXY_AUTH_TOKEN" in own
    assert {name for name in own if session.get(name) == own[name]} <= {"LANG", "SLURM_CONF"}, "nothing of the Hub's own"
    assert own["CONFIGPROXY_AUTH_TOKEN"] not in printed


def _environ(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")


def test_the_token_of_a_start_that_fails(site: Site) -> None:
    """A session whose job waits and is then cancelled: neither the page of the start nor the one that says why it failed has the token."""
    user = site.users[0]
    site.visitor(user).form()
    site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=DOWN")
    try:
        visitor = site.visitor(user)
        assert visitor.start({"partition": "g100_cpu"}).status == 302
        wait_for(site.cluster.active_jobs, "the job to be submitted")
        (job,) = site.cluster.active_jobs()
        (kept,) = (site.cluster.folder / "state").glob(f"hash.*/job.{job}/environment")
        token = re.search(rb"JUPYTERHUB_API_TOKEN=([0-9a-f]+)", kept.read_bytes())
        assert token is not None
        assert_absent(token[1].decode(), places(site, job))
        site.cluster.run("scancel", str(job))
        wait_for(lambda: not site.server(user), "the Hub to notice", 30)
        found = places(site, job)
        assert "cancelled" in found[f"{user}: hub/spawn-pending/{user}"]
        assert_absent(token[1].decode(), found)
    finally:
        site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=UP")


def test_what_is_kept_is_its_owners_alone(site: Site) -> None:
    """The session's log and its folder are the user's and nobody else's; the Hub's state is the Hub's; nobody else can read either."""
    user = site.users[0]
    folder = Path(home_of(user)) / LOGS
    # A file that is there already, of a cluster that began to count anew, would keep its mode.
    (folder / f"{next_job_id(site.cluster)}.log").unlink(missing_ok=True)
    site.start()
    job = site.job_of()["JobId"]
    for path in (folder, folder / f"{job}.log"):
        assert path.owner() == user
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for path in (site.hub.folder, *site.hub.folder.rglob("*")):
        reachable = stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or stat.S_IMODE(site.hub.folder.stat().st_mode) & 0o077 == 0
        assert reachable, path
    if len(site.users) > 1:
        for path in (folder / f"{job}.log", site.hub.folder / "jupyterhub.sqlite", site.hub.config_file):
            assert site.cluster.run("cat", str(path), user=site.users[1], check=False).returncode != 0, path


# --- who sees what ---------------------------------------------------------------------------------------------------------------


@dataclass
class Caller:
    """Somebody who asks: with a browser's cookie, with a token, or with nothing."""

    visitor: Visitor | None = None
    token: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, site: Site, method: str, path: str, body: str | None = None) -> requests.Response:
        """Redirects are not followed: where to is the answer."""
        session = self.visitor.session if self.visitor else self.session
        session.trust_env = False
        headers = {"Authorization": f"token {self.token}"} if self.token else {}
        parameters = {"_xsrf": session.cookies.get("_xsrf", path="/hub/") or ""} if self.visitor else {}
        url = urljoin(site.hub.url, path)
        answer = session.request(method, url, data=body, headers=headers, params=parameters, timeout=60, allow_redirects=False, stream=True)
        # A stream of events does not end by itself: its first one is its text here.
        answer._content = text_of(answer).encode()
        answer.close()
        return answer


OURS = {
    r"/resource-form/sessions": ("GET", "hub/resource-form/sessions?list=finished"),
    r"/resource-form/new": ("GET", "hub/resource-form/new?name=mine"),
    r"/api/resource-form/cluster": ("GET", "hub/api/resource-form/cluster"),
    r"/api/resource-form/check": ("POST", "hub/api/resource-form/check"),
    r"/api/resource-form/sessions": ("GET", "hub/api/resource-form/sessions"),
    r"/api/resource-form/sessions/events": ("GET", "hub/api/resource-form/sessions/events"),
    r"/api/resource-form/new-names": ("GET", "hub/api/resource-form/new-names?name=mine"),
    r"/api/batchspawner": ("POST", "hub/api/batchspawner"),
    r"/api/resource-form/own-end": ("GET", "hub/api/resource-form/own-end"),
    r"/api/resource-form/own-gpus": ("POST", "hub/api/resource-form/own-gpus"),
    r"/api/resource-form/own-memory": ("POST", "hub/api/resource-form/own-memory"),
    r"/api/resource-form/own-setup": ("POST", "hub/api/resource-form/own-setup"),
    r"/api/resource-form/gpu-reports": ("POST", "hub/api/resource-form/gpu-reports"),
    r"/resource-form/availability": ("GET", "hub/resource-form/availability"),
    r"/resource-form/log": ("GET", "hub/resource-form/log?job=999999999"),
    r"/resource-form/log/download": ("GET", "hub/resource-form/log/download?job=999999999"),
    r"/resource-form/stop": ("GET", "hub/resource-form/stop"),
    r"/api/resource-form/stop": ("POST", "hub/api/resource-form/stop"),
    r"/api/resource-form/partitions": ("GET", "hub/api/resource-form/partitions"),
    r"/api/resource-form/presets": ("GET", "hub/api/resource-form/presets"),
    r"/api/resource-form/forward": ("GET", "hub/api/resource-form/forward?port=8000"),
    r"/resource-form/job": ("GET", "hub/resource-form/job?job=999999999"),
    r"/resource-form/class": ("GET", "hub/resource-form/class?preset=none"),
    r"/resource-form/releases": ("GET", "hub/resource-form/releases"),
    r"/resource-form/messages": ("GET", "hub/resource-form/messages"),
    r"/api/resource-form/releases": ("GET", "hub/api/resource-form/releases"),
    r"/resource-form/request": ("GET", "hub/resource-form/request"),
    r"/resource-form/request/file": ("POST", "hub/resource-form/request/file"),
    r"/api/resource-form/request": ("GET", "hub/api/resource-form/request"),
    r"/api/resource-form/report": ("GET", "hub/api/resource-form/report?month=2020-01"),
    r"/api/resource-form/releases/([^/]+)/check": ("POST", "hub/api/resource-form/releases/none/check"),
    r"/resource-form/switch": ("POST", "hub/resource-form/switch"),
    r"/resource-form/over": ("GET", "hub/resource-form/over"),
    r"/api/resource-form/log": ("GET", "hub/api/resource-form/log?job=999999999"),
    r"/api/resource-form/log/download": ("GET", "hub/api/resource-form/log/download?job=999999999"),
    r"/resource-form/static/(.*)": ("GET", "hub/resource-form/static/form/main.js"),
}
"""Our routes, each with a request."""

WHO = ("nobody", "A", "B", "boss", "weak", "name only", "A's token", "stopped")
"""Who asks: "name only" is a token of A's that may read no more than A's name."""

EXPECTED = {
    name: dict(zip(WHO, statuses, strict=True))
    for name, statuses in {
        "cluster": (403, 200, 200, 200, 403, 403, 200, 403),
        "check": (403, 200, 200, 400, 404, 404, 200, 403),
        "api/resource-form/sessions": (403, 200, 200, 200, 403, 403, 200, 403),
        "new-names": (403, 200, 200, 200, 403, 403, 200, 403),
        "sessions/events": (403, 200, 200, 200, 403, 403, 200, 403),
        "batchspawner": (403, 404, 404, 404, 404, 404, 404, 403),
        "own-end": (403, 404, 404, 404, 404, 404, 404, 403),
        "own-gpus": (403, 404, 404, 404, 404, 404, 404, 403),
        "own-memory": (403, 404, 404, 404, 404, 404, 404, 403),
        "own-setup": (403, 404, 404, 404, 404, 404, 404, 403),
        # Of nodes and of services with the scope alone; test_gpu_reports.py has their tokens.
        "gpu-reports": (403, 403, 403, 403, 403, 403, 403, 403),
        "availability": (302, 200, 200, 200, 302, 302, 302, 302),
        "/resource-form/sessions": (302, 200, 200, 200, 302, 302, 302, 302),
        "/resource-form/new": (302, 302, 302, 302, 302, 302, 302, 302),
        # One's own log; test_session_log.py asks for others'.
        "/resource-form/log": (302, 200, 200, 200, 302, 302, 302, 302),
        "/resource-form/log/download": (302, 404, 404, 404, 302, 302, 302, 302),
        # One's own default server; test_lab_extension.py asks for others'.
        # The body that all of these get is none of its.
        "api/resource-form/stop": (403, 400, 400, 400, 400, 400, 400, 403),
        "api/resource-form/partitions": (403, 200, 200, 200, 404, 404, 200, 403),
        "api/resource-form/presets": (403, 200, 200, 200, 404, 404, 200, 403),
        # Of one's own session that runs.
        "api/resource-form/forward": (403, 200, 409, 409, 404, 404, 200, 403),
        "/resource-form/stop": (302, 200, 200, 200, 302, 302, 302, 302),
        # One's own job that is no session; test_orphans.py has one.
        "/resource-form/job": (302, 404, 404, 404, 302, 302, 302, 302),
        # A preset that there is not; test_class.py has one.
        "/resource-form/class": (302, 404, 404, 404, 302, 302, 302, 302),
        # What marks releases is in test_releases.py.
        "/resource-form/releases": (302, 200, 200, 200, 302, 302, 302, 302),
        # This Hub sends none; test_messages.py has one that does.
        "/resource-form/messages": (302, 404, 404, 404, 302, 302, 302, 302),
        "api/resource-form/releases": (403, 200, 200, 200, 404, 404, 200, 403),
        # One's own; test_saved_requests.py asks for others'.
        "/resource-form/request": (302, 200, 200, 200, 302, 302, 302, 302),
        "/resource-form/request/file": (403, 200, 200, 400, 403, 403, 403, 403),
        "api/resource-form/request": (403, 200, 404, 404, 404, 404, 200, 403),
        # Of administrators alone; test_release_check.py has what they send.
        "api/resource-form/report": (403, 403, 403, 200, 403, 403, 403, 403),
        "api/resource-form/releases/([^/]+)/check": (403, 403, 403, 400, 403, 403, 403, 403),
        # One's own default server; test_switch.py and test_lab_extension.py ask for others'.
        "/resource-form/switch": (403, 302, 302, 302, 403, 403, 403, 403),
        "/resource-form/over": (302, 302, 302, 302, 302, 302, 302, 302),
        "api/resource-form/log": (403, 404, 404, 404, 404, 404, 404, 403),
        "api/resource-form/log/download": (403, 404, 404, 404, 404, 404, 404, 403),
        "static": (200, 200, 200, 200, 200, 200, 200, 200),
    }.items()
}


def test_every_route_has_its_row() -> None:
    """A route that is added later has to be added to the table of who may ask for it."""
    assert {entry[0] for entry in (*API, *PAGES)} == set(OURS)
    assert [name for name in EXPECTED if not any(name in route for route in OURS)] == []


@pytest.fixture
def callers(site: Site) -> dict[str, Caller]:
    """Everybody who might ask; the first user's default session runs, another one of theirs is over."""
    needs_users(site.users, 3)
    ada, grace, boss = site.users[:3]
    site.start({"environment": {"CANARY": CANARY}, "account": "cin_staff"}, user=ada)
    site.start(user=ada, server="second")
    stopped = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", user=ada, server="second")[0].strip()
    site.stop(user=ada, server="second")
    visitors = {name: site.visitor(user) for name, user in (("A", ada), ("B", grace), ("boss", boss))}
    for visitor in visitors.values():
        visitor.get("hub/home")
    return {
        "nobody": Caller(),
        "weak": Caller(token=WEAK_TOKEN),
        "stopped": Caller(token=stopped),
        "name only": Caller(token=own_token(visitors["A"], "read:users:name!user")),
        "A's token": Caller(token=own_token(visitors["A"])),
        "B's token": Caller(token=own_token(visitors["B"])),
        **{name: Caller(visitor) for name, visitor in visitors.items()},
    }


def test_who_gets_what(site: Site, callers: dict[str, Caller]) -> None:
    """Each of our routes, and each of JupyterHub's that shows something of ours, asked by everybody: no data but to whom it belongs."""
    ada = site.users[0]
    job = site.job_of(ada)
    node, nonce = job["BatchHost"], job["Comment"].rsplit(":", 1)[1]
    answers = {
        (name, who): caller.call(site, method, path, json.dumps({"port": 1}) if method == "POST" else None)
        for name, (method, path) in ((row, next(call for route, call in OURS.items() if row in route)) for row in EXPECTED)
        for who, caller in callers.items()
        if who in EXPECTED[name]
    }
    got = {name: {who: answers[name, who].status_code for who in row} for name, row in EXPECTED.items()}
    assert got == EXPECTED
    for (name, who), answer in answers.items():
        if answer.status_code != 200 and name != "static":
            assert "g100_int" not in answer.text, (name, who)
            assert node not in answer.text, (name, who)
        # One's own name, accounts and variables are no secret in the answer about one's own request or session, or on one's own page.
        own = (
            {"A": (ada, "cin_staff", CANARY), "A's token": (ada, "cin_staff", CANARY), "B": site.users[1:2], "boss": site.users[2:3]}.get(
                who, ()
            )
            if name
            in (
                "check",
                "api/resource-form/sessions",
                "sessions/events",
                "api/resource-form/request",
                "api/resource-form/partitions",
                "api/resource-form/forward",
            )
            or name.startswith("/")
            else ()
        )
        for secret in (CANARY, nonce, "cin_staff", *site.users):
            assert secret not in answer.text or name == "static" or secret in own, (name, who, secret)
    assert "login" in answers["availability", "nobody"].headers["Location"]
    private = [
        ("GET", f"hub/api/users/{ada}"),
        ("GET", f"hub/api/users/{ada}/server"),
        ("GET", f"hub/api/users/{ada}/server/progress"),
        ("GET", f"hub/api/users/{ada}/tokens"),
        ("POST", f"hub/api/users/{ada}/servers/theirs"),
        ("PUT", f"hub/api/users/{ada}/servers/theirs"),
        ("PATCH", f"hub/api/users/{ada}/server"),
        ("DELETE", f"hub/api/users/{ada}/server"),
        ("GET", f"hub/spawn/{ada}"),
        ("POST", f"hub/spawn/{ada}"),
        ("GET", f"hub/spawn-pending/{ada}"),
        ("GET", f"user/{ada}/api/status"),
    ]
    for who in ("nobody", "weak", "stopped", "B", "B's token"):
        for method, path in private:
            answer = callers[who].call(site, method, path, "{}" if method in ("POST", "PUT", "PATCH") else None)
            assert answer.status_code in (302, 403, 404), (who, method, path, answer.status_code)
            if answer.status_code == 302:
                assert re.search(r"/hub/(login|api/oauth2/authorize)", answer.headers["Location"]), (who, method, path)
            if who.startswith("B") and "api/users" in path:
                assert answer.status_code == 404, (who, method, path)
            for secret in (CANARY, nonce, "cin_staff", node):
                assert secret not in answer.text, (who, method, path, secret)
    assert site.job_of(ada)["JobId"] == job["JobId"]
    for who in ("A", "boss"):
        assert CANARY in callers[who].call(site, "GET", f"hub/api/users/{ada}").text, "who may see it does"


def test_the_clusters_answer_names_nobody(site: Site) -> None:
    """Who runs what, whose reservation it is, and what an admin wrote about whom on a node: none of it is in the answer or the table,
    whoever asks; and nobody sees partitions, reservations or nodes by asking for another's reservation.
    """
    needs_users(site.users, 2)
    ada, grace = site.users[:2]
    site.start(user=grace)
    site.cluster.drain("g002", f"{grace} broke it")
    site.cluster.create_reservation(f"of_{grace}", f"Nodes=g003 Users={grace}")
    try:
        visitor = site.visitor(ada)
        wait_for(lambda: "drained" in visitor.api("GET", "resource-form/cluster").text, "the drained node to be seen", 30, every=0.5)
        session = requests.Session()
        texts = [
            visitor.api("GET", "resource-form/cluster").text,
            session.get(f"{site.hub.api_url}/resource-form/cluster", headers={"Authorization": f"token {site.token}"}, timeout=30).text,
            visitor.session.get(urljoin(site.hub.url, "hub/resource-form/availability"), timeout=30).text,
            re.sub(rf'data-user="{ada}"|[?]user={ada}\b', "", str(visitor.form().soup.select_one("#resource-form"))),
        ]
        own = visitor.api("POST", "resource-form/check", json={}).text
        assert [name for name in (*site.users, "broke it") if name != ada and name in own] == []
        for text in texts:
            for name in (*site.users, "root", "broke it"):
                assert name not in text.replace(f"for {ada}", ""), name
        plain = visitor.session.get(urljoin(site.hub.url, "hub/resource-form/availability"), timeout=30).text
        foreign = visitor.session.get(
            urljoin(site.hub.url, "hub/resource-form/availability"), params={"reservation": f"of_{grace}"}, timeout=30
        )
        assert without_time(foreign.text) == without_time(plain)
    finally:
        site.cluster.delete_reservation(f"of_{grace}")
        site.cluster.resume("g002")


def without_time(html: str) -> str:
    """The table without its moment."""
    return re.sub(r"<time.*?</time>", "", html)


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd",
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/launcher.py",
        "../launcher.py",
        "..\\launcher.py",
        "/etc/passwd",
        "//etc/passwd",
        "form/main.js/../../../launcher.py",
        "form/main.js%00.css",
        "0123456789ab/../../launcher.py",
        "0123456789ab//etc/passwd",
        "0123456789ab/%2e%2e/launcher.py",
        "",
        ".",
    ],
)
def test_static_files_are_no_way_out(site: Site, path: str) -> None:
    """The address of our stylesheet and script leads to them and to no other file."""
    address = f"/hub/resource-form/static/{path}"
    status, text = raw_get(site, address)
    assert status in (400, 403, 404), status
    assert "root:" not in text
    assert "def main" not in text


def raw_get(site: Site, address: str) -> tuple[int, str]:
    """A GET of exactly this address: no client tidies it up."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", site.hub.port, timeout=30)
    connection.putrequest("GET", address, skip_host=False)
    connection.endheaders()
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, text
