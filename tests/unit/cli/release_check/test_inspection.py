"""What is found in a server, by what it answers and its kernels print."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from spawner.cli.hub_client import Hub, HubTrouble
from spawner.cli.release_check.cells import Cell, CellFailed
from spawner.cli.release_check.findings import Finding
from spawner.cli.release_check.inspection import Inspection
from spawner.site.catalogue import parse_catalogue
from spawner.site.release import Release

LOCK, DIGEST = "/opt/lock", "a" * 64


@dataclass
class Server:
    """A server with kernels by name, each of a language, and what is asked of it."""

    kernels: Mapping[str, str]
    printed: str | Exception = ""
    extensions: Any = ()
    refuses: str = "nothing"
    asked: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, body: Any = None) -> str:
        """As jupyter-server answers."""
        self.asked.append(f"{method} {path}")
        if self.refuses in path:
            raise HubTrouble("no", status=500, said="broken")
        if path == "api/kernelspecs":
            return json.dumps({"kernelspecs": {name: {"spec": {"language": language}} for name, language in self.kernels.items()}})
        if path.startswith("lab/api/extensions"):
            return json.dumps(self.extensions)
        return json.dumps({"id": f"id-{body['name']}"}) if body else ""

    def run(self, cell: Cell) -> str:
        """As a kernel prints: with the mark of the cell in front."""
        if isinstance(self.printed, Exception):
            raise self.printed
        marks = re.findall(r"m[0-9a-f]{16}", cell.code)
        return "".join(f"{marks[0]} {line}\n" for line in self.printed.splitlines()) if marks else "2"


def release(**fields: Any) -> Release:
    """The one release of a catalogue."""
    return parse_catalogue({"releases": [{"tag": "a", "date": "2026-01-01", **fields}]}).releases[0]


Look = Callable[..., tuple[Inspection, list[Finding]]]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Look:
    """Look at a server of a release."""

    def inspect(server: Server, lock: str = "", digest: str = "", **fields: Any) -> tuple[Inspection, list[Finding]]:
        monkeypatch.setattr(Hub, "ask", lambda _self, *arguments: server.ask(*arguments))
        found: list[Finding] = []
        inspection = Inspection(Hub("https://hub/user/a", "secret"), found.append, 5, server.run)
        inspection.look(release(**fields), lock, digest)
        return inspection, found

    return inspect


def wrong(found: list[Finding]) -> list[str]:
    """What is wrong."""
    return [finding.words for finding in found if not finding.good]


def test_all_is_well(look: Look) -> None:
    """T16: the kernel ran, is ended, and has told all that there is to know."""
    server = Server({"python3": "python"}, f"machine arm64\npackage 0 3.12.1\npackage 1 2.4\nlock {DIGEST}")
    kernels = [{"name": "python3", "packages": {"python": "3.12", "numpy": "2.4"}}]
    inspection, found = look(server, LOCK, DIGEST, kernels=kernels)
    assert [finding.words for finding in found] == ["kernel python3 runs: python 3.12.1, numpy 2.4", f"the lock {LOCK} is what it was"]
    assert wrong(found) == []
    assert (inspection.kernels, inspection.machine) == ({"python3"}, "arm64")
    assert server.asked == ["GET api/kernelspecs", "POST api/kernels", "DELETE api/kernels/id-python3"]


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (Server({}), "kernel k is not there"),
        (Server({"k": "python"}, "package 0 2.3"), "kernel k: numpy is 2.3, and not 2.4"),
        (Server({"k": "python"}, "package 0 "), "kernel k: numpy is not there, 2.4 is declared"),
        (Server({"k": "python"}, CellFailed("the kernel died")), "kernel k runs no cell (the kernel died)"),
        (Server({"k": "python"}, refuses="api/kernels/"), "kernel k: numpy is not there, 2.4 is declared"),
        (Server({"k": "python"}, refuses="api/kernelspecs"), "the server does not say which kernels it has (HTTP 500: broken)"),
    ],
)
def test_a_kernel_that_is_not_what_is_declared(look: Look, server: Server, words: str) -> None:
    """One sentence, which names the kernel."""
    assert wrong(look(server, kernels=[{"name": "k", "packages": {"numpy": "2.4"}}])[1]) == [words]


def test_a_language_that_tells_no_versions(look: Look) -> None:
    """It is said, and is no mistake."""
    inspection, found = look(Server({"k": "stata"}), kernels=[{"name": "k", "packages": {"stata": "18"}}])
    assert [finding.words for finding in found] == ["kernel k runs: a kernel of stata cannot be asked for versions: stata not looked at"]
    assert (wrong(found), inspection.kernels) == ([], {"k"})


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (f"lock {DIGEST}", None),
        (f"lock {'b' * 64}", f"the lock {LOCK} has changed: its SHA-256 is {'b' * 64}, and not {DIGEST}"),
        ("no-lock No such file", f"the lock {LOCK} cannot be read: No such file"),
        ("machine x", f"the lock {LOCK} was not read: no kernel of bash, julia, python, r runs"),
    ],
)
def test_the_lock_by_any_kernel(look: Look, printed: str, words: str | None) -> None:
    """Where none is declared that can read it, another of the server's does."""
    assert wrong(look(Server({"stata": "stata", "bash": "bash"}, printed), LOCK, DIGEST)[1]) == ([words] if words else [])


def test_no_kernel_reads_the_lock(look: Look) -> None:
    """That is a mistake: nobody knows whether it has changed."""
    assert "was not read" in wrong(look(Server({"stata": "stata"}), LOCK, DIGEST)[1])[0]


NVDASHBOARD = {"name": "jupyterlab_nvdashboard", "installed": True, "enabled": True, "installed_version": "0.13.0"}


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        ([NVDASHBOARD], None),
        ([], "extension jupyterlab-nvdashboard is not installed, 0.13 is declared"),
        ([{**NVDASHBOARD, "installed": False}], "extension jupyterlab-nvdashboard is not installed, 0.13 is declared"),
        ([{**NVDASHBOARD, "enabled": False}], "extension jupyterlab-nvdashboard is installed, and not enabled"),
        ([{**NVDASHBOARD, "installed_version": "0.12.0"}], "extension jupyterlab-nvdashboard is 0.12.0, and not 0.13"),
    ],
)
def test_nvdashboard(look: Look, listed: list[Any], words: str | None) -> None:
    """By what the server itself lists, whichever way it writes the name."""
    assert wrong(look(Server({}, extensions=listed), extensions={"jupyterlab-nvdashboard": "0.13"})[1]) == ([words] if words else [])


def test_more_extensions_than_one_page(look: Look) -> None:
    """A full page is followed by another; a server without JupyterLab is said to be one."""
    server = Server({}, extensions=[NVDASHBOARD] * 100)
    look(server, extensions={"jupyterlab-nvdashboard": "0.13"})
    assert len(server.asked) == 11
    (words,) = wrong(look(Server({}, refuses="lab/"), extensions={"jupyterlab-nvdashboard": "0.13"})[1])
    assert words == "JupyterLab does not say which extensions it has (HTTP 500: broken)"
