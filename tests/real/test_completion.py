"""``resource-form completion`` in real shells: bash and zsh at a terminal, with the Tab key, and fish by its own question."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from private_slurm import packages

from spawner.cli.hubs import KnownHub, keep
from tests.support.site_under_test import Site

COMMANDS = str(Path(sys.executable).parent)
TOKEN = "0123456789abcdef"
BEGIN = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
READY = "completion-is-set-up"
SET_UP = {
    "bash": f'eval "$(resource-form completion bash)"; echo {READY[:3]}""{READY[3:]}\n',
    "zsh": f'autoload -U compinit; compinit -u; eval "$(resource-form completion zsh)"; echo {READY[:3]}""{READY[3:]}\n',
}


@pytest.fixture(scope="module", autouse=True)
def _shells() -> None:
    packages.ensure_debian_packages(["zsh", "fish"])


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log-in to two Hubs of which nobody answers."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("leonardo", "galileo"):
        keep(KnownHub(name, "http://127.0.0.1:9/hub/api", "ada", TOKEN))
    return tmp_path


def environment(settings: Path) -> dict[str, str]:
    """A clean one, in which the command is found."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB", "RESOURCE_FORM", "LC_", "LANG"))}
    path = f"{COMMANDS}:{kept['PATH']}"
    return {**kept, "PATH": path, "XDG_CONFIG_HOME": str(settings), "HOME": str(settings), "TERM": "dumb", "PS1": "> ", "LC_ALL": "C"}


def typed(shell: str, settings: Path, line: str, awaited: str) -> str:
    """What the terminal shows once the line and a Tab are typed, up to where the words that are awaited stand, or for ten seconds."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(BEGIN[shell][0], BEGIN[shell], environment(settings))
    try:
        os.write(terminal, SET_UP[shell].encode())
        _read(terminal, READY, 30)
        os.write(terminal, f"{line}\t".encode())
        return _read(terminal, awaited, 10)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def _read(terminal: int, awaited: str, seconds: float) -> str:
    shown, deadline = "", time.monotonic() + seconds
    while awaited not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    return shown


@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("resource-form lau", "resource-form launch "),
        ("resource-form launch --reserv", "resource-form launch --reservation "),
        ("resource-form gpus --hub leo", "resource-form gpus --hub leonardo "),
        ("resource-form completion z", "resource-form completion zsh "),
    ],
)
def test_the_tab_key(shell: str, settings: Path, line: str, completed: str) -> None:
    """Commands, their options, the Hubs' names and what may be chosen."""
    assert completed in typed(shell, settings, line, completed)


def in_fish(settings: Path, line: str) -> list[str]:
    """The words that fish would offer."""
    script = f"resource-form completion fish | source; complete -C '{line}'"
    done = subprocess.run(["fish", "-N", "-c", script], env=environment(settings), capture_output=True, text=True, check=True, timeout=30)
    return [words.split("\t")[0].strip() for words in done.stdout.splitlines()]


def test_fish(settings: Path) -> None:
    """The same words, as fish asks for them."""
    assert "launch" in in_fish(settings, "resource-form lau")
    assert "--reservation" in in_fish(settings, "resource-form launch --reserv")
    assert in_fish(settings, "resource-form gpus --hub ") == ["galileo", "leonardo"]


def test_names_that_the_hub_knows(site: Site, settings: Path) -> None:
    """Partitions, as the Hub that is asked has them; where it is away there are none, and nothing stands over the prompt."""
    assert in_fish(settings, "resource-form launch --partition g100_") == []
    keep(KnownHub("here", f"{site.hub.url}hub/api", site.users[0], _token(site)))
    assert {"g100_int", "g100_cpu"} <= set(in_fish(settings, "resource-form launch --hub here --partition g100_"))
    assert "2026.10" in in_fish(settings, "resource-form launch --hub here --release 2026")


def _token(site: Site) -> str:
    return str(site.visitor().api("POST", f"users/{site.users[0]}/tokens", json={}).json()["token"])
