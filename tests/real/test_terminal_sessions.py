"""What ``resource-form`` says of sessions and does with them, against the real Hub and cluster (T42 to T44, T54)."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from private_slurm.cluster import PrivateCluster

from spawner._data import folder
from tests.support.login_node import free_port, listens, login_node
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for
from tests.support.terminal import NOWHERE, Terminal, asked_of_the_hub

SETTINGS = """
c.SlurmCluster.jobs_interval = 2
c.SlurmCluster.command_timeout = 5
c.SlurmCluster.estimates = False
c.ResourceFormSpawner.login_host = "127.0.0.1"
c.ResourceFormSpawner.presets = [
    {"name": "scipy-ml", "label": "SciPy and ML", "values": {"cores": 2, "memory": "8G", "gpus": 0, "walltime": "2h"}},
]
"""

WEB_SERVER = """
import http.server, threading
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"the program of the session")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("", 0), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port)
"""
COMMANDS = ("list", "status", "why", "logs", "stop", "open", "partitions", "check")
"""Those that can be called without an argument."""

WHOLE_NODE = ("--gres=gpu:2", "--mem=1G", "--account=cin_train", "--partition=g100_int")


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose admin has named a login node and a preset."""
    with open_site("hub-terminal", environments, cluster, users, SETTINGS) as site:
        yield site


@pytest.fixture
def terminal(site: Site, tmp_path: Path) -> Terminal:
    """The first user's."""
    return Terminal.of(site, tmp_path)


def test_a_session_until_it_is_stopped(site: Site, terminal: Terminal) -> None:
    """Launched, attached to, listed, its log read, opened, stopped: and when stop returns Slurm has no job any more."""
    user = site.users[0]
    nothing = terminal.run("list")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "No session is waiting or running" in nothing.stderr
    assert terminal.run("status").returncode == 6
    assert terminal.run("launch", "-c", "1", "-m", "2", "-g", "1", "-N", "mine", "--quiet").returncode == 0
    attached = terminal.run("launch", "-N", "mine")
    assert attached.stdout == f"You may access your Jupyter notebook at: {site.hub.url}user/{user}/mine/\n"
    (job,) = site.cluster.active_jobs()
    listed = terminal.run("list").stdout.splitlines()
    assert listed[0].split() == ["Name", "State", "Job", "Node", "Release", "Has", "Time"]
    assert listed[1].split()[:5] == ["mine", "Running", str(job), site.cluster.job(job)["BatchHost"], "2026.10"]
    assert "1 × V100, 1 core, 2 GB" in listed[1]
    assert listed[1].endswith("left")
    status = terminal.run("status", "mine")
    assert status.returncode == 0
    assert status.stdout.startswith("mine: Running\n")
    assert f"job {job} on " in status.stdout
    told = json.loads(terminal.run("status", "mine", "--json").stdout)
    assert (told["exit"], told["state"], told["job_id"]) == (0, "running", job)
    assert terminal.run("why", "mine").returncode == 0
    logs = terminal.run("logs", "mine", "--all")
    assert (logs.returncode, logs.stderr) == (0, "")
    assert "the server listens on port" in logs.stdout
    opened = terminal.run("open", "mine", DISPLAY="", WAYLAND_DISPLAY="")
    assert opened.stdout == f"{site.hub.url}user/{user}/mine/\n"
    assert "There is no browser here" in opened.stderr
    follows = terminal.start("logs", "-f", "mine")
    stopped = terminal.run("stop", "mine")
    assert stopped.returncode == 0, stopped.stderr
    assert site.cluster.active_jobs() == []
    assert stopped.stdout == f"mine is stopped, and job {job} is gone.\n"
    printed, trouble = follows.communicate(timeout=60)
    assert (follows.returncode, trouble) == (0, "")
    assert printed.startswith(logs.stdout.splitlines()[0])
    again = terminal.run("stop", "mine")
    assert (again.returncode, again.stderr) == (0, "mine is over already.\n")
    past = terminal.run("list", "--past", "1").stdout.splitlines()
    assert past[1].split()[:3] == ["mine", "Ended", str(job)]
    over = terminal.run("why", "mine")
    assert over.returncode == 6
    assert "mine: Ended" in over.stdout


def test_several_are_stopped(site: Site, terminal: Terminal) -> None:
    """--all, where nobody can be asked, asks nothing; a name that there is not is named with those that there are."""
    for name in ("one", "two"):
        assert terminal.run("launch", "-N", name, "-b", "-c", "1", "-m", "2", "-g", "0").returncode == 0
    wrong = terminal.run("stop", "three")
    assert wrong.returncode == 1
    assert "There is no session named three. There are: one, two" in wrong.stderr.replace("two, one", "one, two")
    waited = terminal.run("status", "two", "--wait", "60", "--quiet")
    assert (waited.returncode, waited.stdout, waited.stderr) == (0, "", "")
    stopped = terminal.run("stop", "--all", "--json")
    assert stopped.returncode == 0, stopped.stderr
    assert site.cluster.active_jobs() == []
    assert {entry["name"] for entry in json.loads(stopped.stdout)["stopped"]} == {"one", "two"}


def test_a_session_that_waits(site: Site, terminal: Terminal) -> None:
    """It says why, since when, what would start now; status 3; it has no log yet; it can be stopped."""
    busy = [site.cluster.submit(f"--nodelist={node}", *WHOLE_NODE, user=site.users[0]) for node in ("g001", "g002", "g003", "g004")]
    for job in busy[:3]:
        site.cluster.wait_for_job_state(job, "RUNNING")
    wait_for(lambda: terminal.run("check", "-g", "2").returncode == 3, "the Hub to know that nothing is free")
    checked = terminal.run("check", "-g", "2")
    assert "Will wait" in checked.stdout
    assert terminal.run("check", "-g", "0", "-p", "g100_cpu").returncode == 0
    assert terminal.run("launch", "-g", "2", "-b", "--quiet", "-N", "later").returncode == 0
    wait_for(lambda: terminal.run("status", "later", "--quiet").returncode == 3, "the session to wait")
    wait_for(lambda: json.loads(terminal.run("status", "later", "--json").stdout)["stage"] == "queue", "its job to wait")
    why = terminal.run("why", "later")
    assert why.returncode == 3
    assert "later: Waiting" in why.stdout
    assert "These would start now:" in why.stdout
    assert terminal.run("status", "later", "--wait", "1", "--quiet").returncode == 3
    log = terminal.run("logs", "later")
    assert log.returncode == 1
    assert log.stderr.startswith("resource-form logs: ")
    assert terminal.run("open", "later").returncode == 3
    assert terminal.run("forward", "8000", "later").returncode == 3
    assert terminal.run("stop", "later").returncode == 0
    assert set(site.cluster.active_jobs()) <= set(busy)


def test_a_port_behind_a_session(site: Site, terminal: Terminal, environments: Environments) -> None:
    """What listens on the node answers at the address that is printed, behind the log-in, and by ssh (T54)."""
    user = site.users[0]
    site.start({"gpus": 0})
    port = run_in_kernel(site, WEB_SERVER)[0].strip()
    local = free_port()
    printed = terminal.run("forward", port, "--local", str(local))
    assert printed.returncode == 0, printed.stderr
    ssh, address = printed.stdout.splitlines()
    node = re.search(r"NodeAddr=(\S+)", site.cluster.run("scontrol", "show", "node", site.job_of()["BatchHost"]).stdout)
    assert node is not None
    assert ssh == f"ssh -N -L {local}:{node[1]}:{port} {user}@127.0.0.1"
    assert address == f"{site.hub.url}user/{user}/proxy/{port}/"
    assert f"http://localhost:{local}/" in printed.stderr
    answer = requests.get(address, headers={"Authorization": f"token {terminal.token.read_text()}"}, timeout=30)
    assert (answer.status_code, answer.text) == (200, "the program of the session")
    assert "/hub/login" in requests.get(address, timeout=30).url
    other = terminal.run("forward", port, "--login-host", "me@login.example.org", "--jump", "-l", "8000")
    assert other.stdout.splitlines()[0] == f"ssh -N -L 8000:localhost:{port} -J me@login.example.org me@{node[1]}"
    if os.geteuid() != 0:
        pytest.skip("needs root: an sshd for other users")
    with login_node(environments.folder / "login-node", user) as binaries:
        path = f"{binaries}:{os.environ['PATH']}"
        by_hand = subprocess.Popen(shlex.split(ssh), env={**os.environ, "PATH": path}, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: listens(local), "ssh to listen", 20)
            assert requests.get(f"http://localhost:{local}/", timeout=30).text == "the program of the session"
        finally:
            by_hand.terminate()
            by_hand.wait(10)
        again = free_port()
        runs = terminal.start("forward", port, "--run", "--local", str(again), PATH=path)
        try:
            wait_for(lambda: listens(again), "ssh to listen", 20)
            assert requests.get(f"http://localhost:{again}/", timeout=30).text == "the program of the session"
        finally:
            runs.send_signal(signal.SIGINT)
            runs.communicate(timeout=20)


def test_what_there_is(site: Site, terminal: Terminal) -> None:
    """Partitions with what is free and the limits, releases, GPUs, a request: as tables and as JSON; nothing in a pipe is an order."""
    rows = terminal.run("partitions").stdout.splitlines()
    assert re.split(r"\s{2,}", rows[1]) == ["g100_int", "3", "144", "6 × V100", "48 cores, 366.5 GB, 2 × V100", "8 h", "default"]
    answer = json.loads(terminal.run("partitions", "--json").stdout)
    own = next(entry for entry in answer["partitions"] if entry["name"] == "g100_int")
    assert (own["default"], own["gpus_free"], own["most"]["gpus"], own["most"]["minutes"]) == (True, {"v100": 6}, {"v100": 2}, 480)
    releases = terminal.run("releases", "list").stdout
    assert "2026.10" in releases
    assert "2025.10" in releases
    assert len(json.loads(terminal.run("releases", "list", "--json").stdout)["releases"]) == 2
    assert terminal.run("gpus").returncode == 0
    assert json.loads(terminal.run("list", "--json").stdout)["sessions"] == []
    now = terminal.run("check", "-c", "2", "-m", "3", "-t", "30")
    assert now.returncode == 0
    assert now.stdout.startswith("no GPU, 2 cores, 3 GB, 30 min on g100_int\nStarts now: ")
    never = terminal.run("check", "-c", "4000")
    assert (never.returncode, never.stderr) == (4, "")
    assert site.cluster.active_jobs() == []


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--past", "x"),
        ("list", "stray"),
        ("list", "--past", "501"),
        ("status", "--wait", "soon"),
        ("status", "a", "b"),
        ("why", "--bogus"),
        ("logs", "a", "b"),
        ("stop", "--all", "mine"),
        ("stop", "--bogus"),
        ("open", "a", "b"),
        ("forward",),
        ("forward", "0"),
        ("forward", "65536"),
        ("forward", "http"),
        ("forward", "8000", "--local", "x"),
        ("forward", "8000", "--login-host", "-oProxyCommand=x"),
        ("forward", "8000", "--run", "--json"),
        ("partitions", "stray"),
        ("releases", "list", "stray"),
        ("check", "-c", "x"),
        ("check", "-f", "/nowhere/request.yaml"),
    ],
)
def test_wrong_usage_asks_nothing(site: Site, terminal: Terminal, words: tuple[str, ...]) -> None:
    """Status 2 and a sentence, and not one request to the Hub, by its own log, in which a right call stands."""
    before = asked_of_the_hub(site)
    done = terminal.run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert asked_of_the_hub(site) == before


def test_right_calls_are_counted(site: Site, terminal: Terminal) -> None:
    """What the test above counts is there to be counted."""
    before = asked_of_the_hub(site)
    assert terminal.run("list").returncode == 0
    assert asked_of_the_hub(site) > before


def test_trouble_is_one_sentence(site: Site, terminal: Terminal, tmp_path: Path) -> None:
    """The Hub away, a token that has expired: each command says so in a line."""
    expired = Terminal.of(site, tmp_path, expires_in=1)
    wait_for(lambda: expired.run("list").returncode == 4, "the token to expire", 30)
    for command in COMMANDS:
        words = (command, "-y") if command == "stop" else (command,)
        away = terminal.run(*words, url=NOWHERE)
        assert (away.returncode, away.stdout, away.stderr.count("\n")) == (5, "", 1), away
        assert away.stderr.startswith(f"resource-form {command}: The Hub at {NOWHERE} cannot be reached")
        old = expired.run(*words)
        assert (old.returncode, old.stdout, old.stderr.count("\n")) == (4, "", 1), old
        assert "has expired, or was revoked" in old.stderr


def test_slurm_is_away(site: Site, terminal: Terminal) -> None:
    """What is known is told as such, and what is not is a sentence; the session is kept."""
    site.start({"gpus": 0})
    site.cluster.stop_munge()
    try:
        wait_for(lambda: "Slurm does not answer" in terminal.run("list").stderr, "the Hub to notice", 90, every=2)
        listed = terminal.run("list")
        assert (listed.returncode, len(listed.stdout.splitlines())) == (0, 2)
        asked = terminal.run("check", "-c", "1")
        assert (asked.returncode, asked.stderr) == (3, "")
        assert "Slurm has not said since" in asked.stdout
        status = terminal.run("status")
        assert (status.returncode, status.stderr) == (5, "")
        assert "Slurm has not answered since" in status.stdout
        partitions = terminal.run("partitions")
        assert (partitions.returncode, partitions.stderr) == (0, "Slurm does not answer. This is what it said last.\n")
    finally:
        site.cluster.start_munge()
    wait_for(lambda: terminal.run("list").stderr == "", "the Hub to hear from Slurm again", 60)
    wait_for(lambda: terminal.run("status", "--quiet").returncode == 0, "the session to be known again", 30)


def test_a_user_without_account(site: Site, tmp_path: Path) -> None:
    """A sentence for what takes one; what does not is answered."""
    needs_users(site.users, 3)
    stranger = Terminal.of(site, tmp_path, site.users[2])
    assert stranger.run("list").returncode == 0
    for words in (("check", "-c", "1"), ("launch", "-c", "1"), ("partitions",)):
        refused = stranger.run(*words)
        assert refused.returncode == 4, refused
        assert (refused.stdout + refused.stderr).count("\n") <= 2, refused
    assert site.cluster.active_jobs() == []


def test_a_launch_script(site: Site, terminal: Terminal, tmp_path: Path) -> None:
    """The one that is shipped: its preset, and what is typed instead (D02, D04, D05). Saved, it is the same request again (T68)."""
    program = tmp_path / "bin"
    program.mkdir()
    own = program / "resource-form"
    own.write_text("#!/bin/sh\nexec " + " ".join(shlex.quote(word) for word in terminal.bare()) + ' "$@"\n')
    own.chmod(0o755)
    variables = {
        "PATH": f"{program}:{os.environ['PATH']}",
        "RESOURCE_FORM_HUB_API_URL": f"{site.hub.url}hub/api",
        "RESOURCE_FORM_TOKEN_FILE": str(terminal.token),
    }
    script = folder("share") / "resource_form" / "launch-scipy-ml.sh"

    def called(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [str(script), *words]
        return subprocess.run(argv, env=terminal.environment(**variables), capture_output=True, text=True, timeout=120)

    dry = called("-d")
    assert dry.returncode == 0, dry.stderr
    assert "2 cores, 8 GB, 2 h" in dry.stderr
    done = called("-c", "8", "-m", "32")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"You may access your Jupyter notebook at: {site.hub.url}user/{site.users[0]}/\n"
    options = site.server(site.users[0])["user_options"]
    assert [options[name] for name in ("cores", "memory", "gpus", "walltime")] == [8, "32G", "0", "02:00:00"]
    presets = called("--list-presets")
    assert re.split(r"\s{2,}", presets.stdout.splitlines()[1])[:2] == ["scipy-ml", "SciPy and ML"]
    wrong = called("-c", "x")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    # What was asked for comes again from a file.
    wanted, saved = ("-P", "scipy-ml", "-c", "8", "-m", "32"), tmp_path / "mine.yaml"
    script = called("-c", "8", "-m", "32", "-d").stdout
    assert terminal.run("request", "save", "-o", str(saved)).returncode == 0
    assert terminal.run("stop").returncode == 0
    assert terminal.run("launch", "-f", str(saved), "-d").stdout == script
    answers = [json.loads(terminal.run("check", *words, "--json").stdout) for words in (wanted, ("-f", str(saved)))]
    assert answers[0]["request"] == answers[1]["request"]
    assert site.cluster.active_jobs() == []


def test_ctrl_c_ends_what_follows(site: Site, terminal: Terminal) -> None:
    """The log's reader goes, the session stays."""
    site.start({"gpus": 0})
    follows = terminal.start("logs", "-f")
    assert follows.stdout is not None
    assert follows.stdout.readline()
    begun = time.monotonic()
    follows.send_signal(signal.SIGINT)
    _, said = follows.communicate(timeout=30)
    assert (follows.returncode, said) == (130, "")
    assert time.monotonic() - begun < 5
    assert terminal.run("status", "--quiet").returncode == 0
