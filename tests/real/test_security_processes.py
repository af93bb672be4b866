"""Processes that the Hub runs as its users, whose owners have a log-in on its machine and do to them what the kernel lets them."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from private_slurm.users import credentials

from tests.support.real_hub import Environments, needs_users
from tests.support.site_under_test import Site, Visitor, wait_for

TAKE_OVER = """
import ctypes, os, signal, sys, time

job, said = sys.argv[1], sys.argv[2]
libc = ctypes.CDLL(None)
PIDFD_OPEN, PIDFD_GETFD = 434, 438


def readers():
    for name in os.listdir("/proc"):
        try:
            words = open(f"/proc/{name}/cmdline", "rb").read().split(b"\\0") if name.isdigit() else []
            own = words and os.stat(f"/proc/{name}").st_uid == os.getuid() and int(name) != os.getpid()
        except OSError:
            continue
        if own and words[1:4] == [b"-I", b"-S", b"-"] and job.encode() in words:
            yield int(name)


open(said, "w").write("looks")
while True:
    for pid in readers():
        try:
            os.kill(pid, signal.SIGSTOP)
            handle = libc.syscall(PIDFD_OPEN, pid, 0)
            output = libc.syscall(PIDFD_GETFD, handle, 1, 0)
            if output < 0:
                continue
            open(said, "w").write("writes")
            while True:
                os.write(output, b"x" * 65536)
        except OSError:
            continue
"""
"""A program of the user's: it stops the reader of their own log, takes its standard output over, and writes there without end."""


@contextmanager
def program(site: Site, user: str, text: str, *arguments: str) -> Iterator[None]:
    """Run a program of the user's on the Hub's machine meanwhile."""
    process = subprocess.Popen(
        [sys.executable if os.geteuid() else "/usr/bin/python3", "-I", "-c", text, *arguments], cwd="/", **credentials(user)
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def peak_kb(site: Site) -> int:
    """The most memory that the Hub has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{site.hub.pid}/status").read_text())
    assert found is not None
    return int(found[1])


def log_of(visitor: Visitor, job: str) -> tuple[int, str]:
    """How the Hub answers for a log, and in which words if there is none."""
    answer = visitor.api("GET", f"resource-form/log?job={job}")
    return answer.status_code, answer.json().get("reason", "")


def test_a_user_who_writes_into_their_own_reader(site: Site, environments: Environments) -> None:
    """The Hub reads a few MB of it, ends the reader, says that the log cannot be read, and serves others at once."""
    needs_users(site.users, 2)
    ada, grace = site.users[:2]
    site.start(user=ada)
    job = site.job_of(ada)["JobId"]
    visitor, other = site.visitor(ada), site.visitor(grace)
    assert log_of(visitor, job) == (200, "")
    other.form()
    drop = environments.folder / "drop"
    shutil.rmtree(drop, ignore_errors=True)
    drop.mkdir()
    os.chown(drop, pwd.getpwnam(ada).pw_uid, -1)
    said, before, log = drop / "said", peak_kb(site), len(site.hub.log())
    with program(site, ada, TAKE_OVER, job, str(said)):
        wait_for(said.exists, "the user's program to look for readers")
        # A reader lives for some hundredths of a second: the program may miss the first ones.
        answers: list[tuple[int, str]] = []

        def caught() -> bool:
            answers.append(log_of(visitor, job))
            return said.read_text() == "writes"

        wait_for(caught, "the user's program to catch a reader", 60)
        begun = time.monotonic()
        assert other.form().status == 200
        assert time.monotonic() - begun < 5
    assert answers[-1] == (503, "log_unreadable")
    assert set(answers[:-1]) <= {(200, "")}
    assert peak_kb(site) - before < 60_000
    counted = requests.get(f"{site.hub.url}hub/metrics", timeout=30).text
    assert re.search(r'^jupyterhub_resource_form_refused_total\{bound="user_process_bytes"\} [1-9]', counted, re.MULTILINE), counted[:300]
    assert "printed more than 8000000 bytes and was ended" in site.hub.log()[log:]
    assert "Traceback" not in site.hub.log()[log:]
    wait_for(lambda: log_of(visitor, job) == (200, ""), "the log to be read again", 20)
    assert not [pid for pid in readers_of(ada) if job in pid], "no reader is left"


def readers_of(user: str) -> list[str]:
    """The arguments of the user's readers that there still are."""
    done = subprocess.run(["ps", "-u", user, "-o", "args="], capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if " -I -S - " in line]
