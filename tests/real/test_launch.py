"""``resource-form launch`` against the real Hub and cluster: a session from a terminal, and what it says where there is none (T42, T43)."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for
from tests.support.terminal import NOWHERE, Terminal, asked_of_the_hub


@pytest.fixture
def terminal(site: Site, tmp_path: Path) -> Terminal:
    """The first user's."""
    return Terminal.of(site, tmp_path)


def launched(terminal: Terminal, *words: str, given: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """What it prints, and its exit code."""
    return terminal.run("launch", *words, given=given, **variables)


def options(site: Site, server: str = "") -> dict[str, Any]:
    """The request of the user's server, as the Hub has it."""
    found: dict[str, Any] = site.server(site.users[0], server)["user_options"]
    return found


def test_a_session_from_the_terminal(site: Site, terminal: Terminal) -> None:
    """Progress on stderr, the address alone on stdout, without a token: it leads to the log-in."""
    done = launched(terminal, "-c", "2", "-m", "3", "-g", "1", "-t", "45", "-e", "MINE=a b=c")
    assert done.returncode == 0, done.stderr
    address = f"{site.hub.url}user/{site.users[0]}/"
    assert done.stdout == f"You may access your Jupyter notebook at: {address}\n"
    assert "/hub/login" in requests.get(address, timeout=30).url
    assert "2 cores, 3 GB, 45 min" in done.stderr
    assert "Starts now" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert (options(site)["cores"], options(site)["memory"], options(site)["environment"]) == (2, "3G", {"MINE": "a b=c"})
    again = launched(terminal)
    assert again.returncode == 0
    assert "is there already, and taken up" in again.stderr
    assert again.stdout == done.stdout
    assert len(site.cluster.active_jobs()) == 1


def test_where_a_value_comes_from(site: Site, terminal: Terminal) -> None:
    """What is typed wins over the environment, that over the settings, that over a saved request; nothing is started by a dry run."""
    settings = terminal.folder / "resource-form"
    settings.mkdir()
    (settings / "config.ini").write_text("[launch]\ncores = 3\nmemory = 5G\nwalltime = 50\n")
    saved = terminal.folder / "mine.yaml"
    saved.write_text("cores: 4\nmemory: 6G\nwalltime: 55\ngpus: 1\nenvironment: {A: saved, B: saved}\n")
    wanted = ["-f", str(saved), "-c", "1", "-e", "A=typed", "-N", "mine"]
    dry = launched(terminal, *wanted, "-d", RESOURCE_FORM_LAUNCH_MEMORY="2G")
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.startswith("#!/bin/bash")
    assert site.cluster.active_jobs() == []
    done = launched(terminal, *wanted, "--json", RESOURCE_FORM_LAUNCH_MEMORY="2G")
    told = json.loads(done.stdout)
    assert (done.returncode, told["exit"], told["state"]) == (0, 0, "running")
    request = options(site, "mine")
    found = [request[name] for name in ("cores", "memory", "walltime", "gpus", "environment")]
    assert found == [1, "2G", "00:50:00", "1", {"A": "typed", "B": "saved"}]
    assert told["url"] == f"{site.hub.url}user/{site.users[0]}/mine/"


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["-c", "x"], {}, "--cores: 'x' is no value of it"),
        (["-c", "0"], {}, "--cores"),
        (["-m", "much"], {}, "--memory"),
        (["-t", "soon"], {}, "--time"),
        (["-g", "all"], {}, "--gpus"),
        (["-e", "NOTHING"], {}, "--env"),
        (["-e", "1A=x"], {}, "--env"),
        (["-w", "x"], {}, "--wait"),
        (["--bogus"], {}, "unrecognized arguments"),
        (["stray"], {}, "unrecognized arguments"),
        (["-f", "/nowhere/request.yaml"], {}, "cannot be read"),
        ([], {"RESOURCE_FORM_LAUNCH_CORES": "x"}, "the variable RESOURCE_FORM_LAUNCH_CORES"),
    ],
)
def test_wrong_usage_asks_nothing(site: Site, terminal: Terminal, arguments: list[str], variables: dict[str, str], words: str) -> None:
    """Status 2, a sentence, and not one request to the Hub: by its own log."""
    before = asked_of_the_hub(site)
    done = launched(terminal, *arguments, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert asked_of_the_hub(site) == before


def test_what_is_refused(site: Site, terminal: Terminal) -> None:
    """Status 4 with the form's own sentences; --now where it would wait, with what would start; a file with a mistake, with its line."""
    refused = launched(terminal, "-c", "4000", "-p", "nowhere")
    assert refused.returncode == 4
    assert "“nowhere” is not a partition that you may use" in refused.stderr
    wrong = launched(terminal, "-f", "-", given="cores: 1\nbogus: 2\n")
    assert wrong.returncode == 4
    assert "Line 2: “bogus” is not a field of a request" in wrong.stderr
    full = ("--gres=gpu:2", "--mem=1G", "--account=cin_train", "--partition=g100_int")
    busy = [site.cluster.submit(f"--nodelist={node}", *full, user=site.users[0]) for node in ("g001", "g002", "g003")]
    for job in busy:
        site.cluster.wait_for_job_state(job, "RUNNING")
    site.hub.restart()
    later = launched(terminal, "-g", "2", "--now")
    assert later.returncode == 4
    assert "Will wait" in later.stderr
    waits = launched(terminal, "-g", "2", "-w", "1")
    assert waits.returncode == 3, waits.stderr
    assert waits.stdout == f"It will be at: {site.hub.url}user/{site.users[0]}/\n"
    assert len(site.cluster.active_jobs()) == 4


def test_the_hub_is_away_or_knows_no_such_token(site: Site, terminal: Terminal) -> None:
    """One sentence each, no traceback."""
    terminal.token.write_text("0123456789abcdef0123456789abcdef")
    forbidden = launched(terminal)
    assert forbidden.returncode in (4, 5)
    assert forbidden.stderr.startswith("resource-form launch: ")
    away = terminal.run("launch", url=NOWHERE)
    assert away.returncode == 5
    assert "cannot be reached" in away.stderr
    assert "Traceback" not in forbidden.stderr + away.stderr


def test_ctrl_c_leaves_the_session(site: Site, terminal: Terminal) -> None:
    """Where nobody can be asked it goes on, and says how to stop it; status 130."""
    started = terminal.start("launch")
    wait_for(lambda: site.server(site.users[0]).get("pending") == "spawn", "the start to begin")
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert (started.returncode, "Traceback" in said) == (130, False)
    assert "The session goes on" in said
    wait_for(lambda: site.server(site.users[0]).get("ready"), "the session to be ready", 90)


@pytest.fixture(scope="module")
def lets_tokens_in(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose sessions take a token in their address."""
    more = 'c.Spawner.environment = {"JUPYTERHUB_ALLOW_TOKEN_IN_URL": "1"}\n'
    with open_site("hub-tokens", environments, cluster, users, more) as site:
        yield site


def test_the_address_with_a_token(lets_tokens_in: Site, tmp_path: Path) -> None:
    """It opens this session without a log-in, and nothing else; the token is not the one that the command was called with."""
    site = lets_tokens_in
    terminal = Terminal.of(site, tmp_path)
    done = launched(terminal, "-c", "1", "-m", "1", "--with-token")
    assert done.returncode == 0, done.stderr
    address = done.stdout.removeprefix("You may access your Jupyter notebook at: ").strip()
    assert address.startswith(f"{site.hub.url}user/{site.users[0]}/?token=")
    own = address.partition("?token=")[2]
    assert own != terminal.token.read_text()
    opened = requests.get(f"{site.hub.url}user/{site.users[0]}/api/kernels?token={own}", timeout=30, allow_redirects=False)
    assert opened.status_code == 200
    servers = f"{site.hub.url}hub/api/users/{site.users[0]}/servers/another"
    refused = requests.post(servers, headers={"Authorization": f"token {own}"}, json={}, timeout=30)
    assert refused.status_code in (403, 404)
    site.clean()


def test_a_token_that_sessions_do_not_take(site: Site, terminal: Terminal) -> None:
    """That is said, the address is the plain one, and the token that was tried is gone."""
    before = tokens_of(site)
    done = launched(terminal, "-c", "1", "-m", "1", "--with-token")
    assert (done.returncode, done.stdout) == (0, f"You may access your Jupyter notebook at: {site.hub.url}user/{site.users[0]}/\n")
    assert "take no token in their address" in done.stderr
    assert tokens_of(site) == before


def tokens_of(site: Site) -> list[str]:
    """The notes of the user's tokens, but for what a session itself is given."""
    found = site.visitor().api("GET", f"users/{site.users[0]}/tokens").json()["api_tokens"]
    return sorted(entry["note"] for entry in found if "launch --with-token" in entry["note"])
