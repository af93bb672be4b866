"""``resource-form login`` against the real Hub: a token from the prompt, kept for the other commands, gone after a log-out."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import requests

from tests.support.site_under_test import Site, wait_for

PROGRAM = "import sys; from spawner.cli.main import main; sys.exit(main())"


@pytest.fixture
def token(site: Site) -> str:
    """A token of the first user's."""
    return token_of(site)


def token_of(site: Site, **more: object) -> str:
    """A new token of the first user's."""
    answer = site.visitor().api("POST", f"users/{site.users[0]}/tokens", json={"note": "for the terminal", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def environment(folder: Path) -> dict[str, str]:
    """A clean one, with the settings in a folder of the test's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB", "RESOURCE_FORM", "LC_", "LANG"))}
    return {**kept, "XDG_CONFIG_HOME": str(folder)}


def called(folder: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """What a command prints, and its exit code."""
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.run(command, env=environment(folder), input=given, capture_output=True, text=True, timeout=60)


def at_a_terminal(folder: Path, words: Sequence[str], typed: str) -> tuple[int, str]:
    """The exit code, and all that the terminal shows, where somebody types when the prompt is there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-c", PROGRAM, *words], {**environment(folder), "TERM": "xterm"})
    shown, sent, deadline = b"", False, time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                read = os.read(terminal, 4096)
            except OSError:  # how Linux says that nobody is left at the other end
                break
            shown += read
            if b"(it is not shown)" in shown and not sent:
                sent = True
                os.write(terminal, f"{typed}\n".encode())
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_a_log_in_at_the_prompt(site: Site, token: str, tmp_path: Path) -> None:
    """The token page is named, the token is not shown, and kept in a file that nobody else can read; every command finds it."""
    code, shown = at_a_terminal(tmp_path, ["login", site.hub.url], token)
    assert code == 0, shown
    assert f"{site.hub.url}hub/token" in shown
    assert f"as {site.users[0]}" in shown
    assert token not in shown
    file = tmp_path / "resource-form" / "hubs.ini"
    assert oct(file.stat().st_mode)[-3:] == "600"
    gpus = called(tmp_path, "gpus", "--json")
    assert gpus.returncode == 0, gpus.stderr
    assert "g100_int" in json.loads(gpus.stdout)["partitions"]
    listed = called(tmp_path, "login", "--list", "--json")
    assert [(hub["url"], hub["user"], hub["default"]) for hub in json.loads(listed.stdout)] == [
        (f"{site.hub.url}hub/api", site.users[0], True)
    ]
    assert token not in listed.stdout + called(tmp_path, "login", "--list").stdout


def test_a_log_out_ends_the_token(site: Site, token: str, tmp_path: Path) -> None:
    """It is gone from the file, and the Hub does not take it any more."""
    headers = {"Authorization": f"token {token}"}
    assert called(tmp_path, "login", site.hub.url, "--hub", "mine", given=token).returncode == 0
    assert requests.get(f"{site.hub.url}hub/api/user", headers=headers, timeout=30).status_code == 200
    out = called(tmp_path, "logout", "mine")
    assert (out.returncode, out.stdout) == (0, "")
    assert "not valid any more" in out.stderr
    assert requests.get(f"{site.hub.url}hub/api/user", headers=headers, timeout=30).status_code == 403
    assert token not in (tmp_path / "resource-form" / "hubs.ini").read_text()
    again = called(tmp_path, "logout")
    assert (again.returncode, again.stderr) == (1, "resource-form logout: You are logged in to no Hub.\n")


@pytest.mark.parametrize(
    ("given", "code", "words"), [("", 2, "That is no token"), ("two words", 2, "That is no token"), ("f" * 32, 4, "does not know")]
)
def test_what_is_no_token_is_not_kept(site: Site, tmp_path: Path, given: str, code: int, words: str) -> None:
    """One sentence, and no file."""
    done = called(tmp_path, "login", site.hub.url, given=given)
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "resource-form").exists()


def test_what_answers_is_no_hub(site: Site, token: str, tmp_path: Path) -> None:
    """Nobody is asked for a token then: it would go astray."""
    for address, words in (
        (f"{site.hub.url}other", "no such service"),
        ("http://127.0.0.1:9", "cannot be reached"),
        ("ftp://x", "begins with"),
    ):
        done = called(tmp_path, "login", address, given=token)
        assert done.returncode == (2 if "ftp" in address else 5), done.stderr
        assert words in done.stderr
        assert token not in done.stderr
    assert not (tmp_path / "resource-form").exists()


def test_a_token_that_has_expired(site: Site, tmp_path: Path) -> None:
    """It is said so, with the command that mends it."""
    token = token_of(site, expires_in=3)
    assert called(tmp_path, "login", site.hub.url, given=token).returncode == 0
    url, headers = f"{site.hub.url}hub/api/user", {"Authorization": f"token {token}"}
    wait_for(lambda: requests.get(url, headers=headers, timeout=30).status_code == 403, "the token to expire", 30)
    done = called(tmp_path, "launch", "-c", "1")
    assert (done.returncode, done.stdout) == (4, "")
    assert "it has expired, or was revoked. Log in again: resource-form login." in done.stderr
    assert len(done.stderr.splitlines()) == 1
