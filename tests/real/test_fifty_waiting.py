"""Fifty sessions that wait in the queue, each with an open page: Slurm is asked no more often than for one."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for

SESSIONS = 50
READS = ("squeue", "scontrol", "sacct", "sacctmgr", "sstat")
COMMANDS = (*READS, "sbatch", "scancel")
SETTLED, ROUNDS = 3, 12
INTERVAL_SECONDS, NODES_SECONDS = 2, 20
OTHERS = 1
"""Commands a minute for what is read every few minutes."""
MORE = f"""
c.SlurmCluster.nodes_interval = {NODES_SECONDS}
c.SlurmCluster.jobs_interval = {INTERVAL_SECONDS}
c.SlurmCluster.starting_interval = {INTERVAL_SECONDS}
"""
"""The list of jobs is read often, so that few seconds tell how often; how often by default is tested with a clock of its own."""


@pytest.fixture(scope="module")
def asked(environments: Environments) -> Path:
    """A folder of commands that note down that they were asked, and ask Slurm's; where each line is one of them."""
    folder = environments.folder / "counted"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    lines = folder / "asked"
    lines.touch()
    lines.chmod(0o666)
    for name in COMMANDS:
        command = folder / name
        command.write_text(f'#!/bin/sh\necho {name} >>{lines}\nexec "{environments.slurm.commands / name}" "$@"\n')
        command.chmod(0o755)
    return lines


@pytest.fixture(scope="module")
def site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], asked: Path) -> Iterator[Site]:
    """A Hub that asks Slurm through these commands, on a cluster whose GPUs are all taken."""
    with open_site("hub-fifty", environments, cluster, users, f'{MORE}c.SlurmCluster.bin_dir = "{asked.parent}"\n') as site:
        site.clean()
        options = ("--gres=gpu:2", "--mem=1G", "--account=cin_train", "--partition=g100_int")
        fillers = [cluster.submit(f"--nodelist={node}", *options, user=users[0]) for node in ("g001", "g002", "g003")]
        for filler in fillers:
            cluster.wait_for_job_state(filler, "RUNNING")
        yield site
        cluster.cancel_all()


class OpenPage:
    """What a page that is open asks for: the progress of its session, and the stream of all of its user's."""

    def __init__(self, site: Site, user: str, name: str) -> None:
        self.name = name
        self.messages: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self._sockets: list[socket.socket] = []
        self._follow(site, f"users/{user}/servers/{name}/progress", self.messages)
        self._follow(site, "resource-form/sessions/events?all=1", self.answers)

    def _follow(self, site: Site, path: str, into: list[dict[str, Any]]) -> None:
        connection = http.client.HTTPConnection(urlsplit(site.hub.url).netloc, timeout=120)
        connection.request("GET", f"{urlsplit(site.hub.url).path}hub/api/{path}", headers={"Authorization": f"token {site.token}"})
        self._sockets.append(connection.sock)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        threading.Thread(target=self._read, args=(answer, into), daemon=True).start()

    def _read(self, answer: http.client.HTTPResponse, into: list[dict[str, Any]]) -> None:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):  # closed from our side
            into.extend(json.loads(line[5:]) for line in answer if line.startswith(b"data:"))

    @property
    def knows_why(self) -> bool:
        """Whether both streams have said why this session waits."""
        told = any("waits in the queue" in message.get("message", "") for message in self.messages)
        listed = [entry for answer in self.answers[-1:] for entry in answer["sessions"] if entry["name"] == self.name]
        return told and [entry["state"] for entry in listed] == ["waiting"] and bool(listed[0]["sentence"])

    def close(self) -> None:
        """The page is closed."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def start(site: Site, user: str, names: list[str]) -> None:
    """Ask for these servers at the same time; each has a job that waits in the end."""

    def one(name: str) -> int:
        return site.call("POST", f"/users/{user}/servers/{name}", {"gpus": 2, "cores": 1, "memory": "1G"})[0]

    with ThreadPoolExecutor(len(names)) as pool:
        assert set(pool.map(one, names)) == {202}
    wait_for(
        lambda: sum(state == "PENDING" for _, state in queue(site)) >= len(names), f"{len(names)} jobs to wait in the queue", 120, every=0.5
    )


def queue(site: Site) -> list[tuple[str, str]]:
    """Id and state of every job of a session."""
    printed = site.cluster.run("squeue", "--noheader", "--format=%A %T %j").stdout
    rows = [line.split() for line in printed.splitlines()]
    return [(row[0], row[1]) for row in rows if row[2].startswith("jupyterhub")]


def reads_a_minute(asked: Path) -> float:
    """How often Slurm is asked anything, over some rounds of its list of jobs."""

    def counted() -> tuple[int, int]:
        names = asked.read_text().split()
        return names.count("squeue"), sum(name in READS for name in names)

    settled = counted()[0] + SETTLED
    wait_for(lambda: counted()[0] >= settled, "what has just begun to be old news", 60)
    first, reads = counted()
    begun = time.monotonic()
    wait_for(lambda: counted()[0] >= first + ROUNDS, f"the list of jobs to be read {ROUNDS} times", 120)
    return (counted()[1] - reads) / (time.monotonic() - begun) * 60


def test_fifty_ask_no_more_than_one(site: Site, asked: Path) -> None:
    user = site.users[0]
    names = [f"wait-{number}" for number in range(SESSIONS)]
    start(site, user, names[:1])
    pages = [OpenPage(site, user, names[0])]
    try:
        wait_for(lambda: pages[0].knows_why, "the page to say why the session waits")
        for_one = reads_a_minute(asked)
        start(site, user, names[1:])
        pages += [OpenPage(site, user, name) for name in names[1:]]
        wait_for(lambda: all(page.knows_why for page in pages), "every page to say why its session waits", 120, every=0.5)
        for_all = reads_a_minute(asked)
    finally:
        for page in pages:
            page.close()
    print(f"{for_all:.1f} commands a minute for {SESSIONS} sessions, {for_one:.1f} for one")
    # One page looks each second whether the list is old, so for one it is read a little less often than it may be. What would start now in
    # the place of what waits is worked out from the nodes.
    for rate in (for_one, for_all):
        assert 0 < rate <= 1.1 * (60 / INTERVAL_SECONDS + 60 / NODES_SECONDS + OTHERS)
