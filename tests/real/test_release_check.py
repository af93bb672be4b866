"""``resource-form releases check`` on a real Hub: releases that are what the catalogue says, and releases that are not."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, expect
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.releases import Release, ensure_release

from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, Visitor, wait_for

PAGE = "hub/resource-form/releases"
API = "/resource-form/releases"
COMMAND = Path(sys.executable).with_name("resource-form")
SIX = {"new": "1.17.0", "old": "1.16.0"}
WITH_NVDASHBOARD = Release(
    "nvdashboard", "With nvdashboard", "2026-11-01", ("jupyterlab==4.4.*", "ipykernel", "jupyterlab-nvdashboard==0.13.*")
)


@dataclass
class File:
    """The catalogue of the Hub under test; ``folder`` holds the locks, where every job can read them."""

    path: Path
    folder: Path
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, **changes: dict[str, Any]) -> None:
        """Write the releases as they were first, some with other values."""
        releases = [{**entry, **changes.get(tag, {})} for tag, entry in self.releases.items()]
        self.path.write_text(yaml.safe_dump({"releases": releases}, sort_keys=False))

    def lock(self, name: str, text: str) -> dict[str, str]:
        """Write a lock file; what the catalogue says of it."""
        path = self.folder / f"{name}.lock"
        path.write_text(text)
        return {"lock": str(path), "lock_sha256": hashlib.sha256(text.encode()).hexdigest()}


def add_kernel(folder: Path, name: str, language: str, *argv: str) -> None:
    """A kernel in a folder that is one of JUPYTER_PATH."""
    place = folder / "kernels" / name
    place.mkdir(parents=True, exist_ok=True)
    spec = {"argv": [*argv, "{connection_file}"], "display_name": name, "language": language}
    (place / "kernel.json").write_text(json.dumps(spec))


@pytest.fixture(scope="module")
def file(environments: Environments) -> File:
    """Two releases with different packages, both as declared; three that are not; one whose server does not come up."""
    packages.ensure_debian_packages(["r-cran-irkernel"])
    new = ensure_release(WITH_NVDASHBOARD, environments.installed / "releases")
    folder = environments.folder / "release-check"
    folder.mkdir(exist_ok=True)
    paths = {}
    for name, version in SIX.items():
        kernels = packages.ensure_venv(environments.installed / "kernels" / name, ["ipykernel", "bash_kernel", f"six=={version}"])
        add_kernel(folder / name, "own", "python", str(kernels / "python"), "-m", "ipykernel_launcher", "-f")
        add_kernel(folder / name, "bash", "bash", str(kernels / "python"), "-m", "bash_kernel", "-f")
        add_kernel(folder / name, "ir", "R", "/usr/bin/R", "--slave", "-e", "IRkernel::main()", "--args")
        paths[name] = {"JUPYTER_PATH": str(folder / name)}
    old = str(environments.installed / "releases" / "2025.10" / "bin")
    made = File(folder / "releases.yaml", folder)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    entries: list[dict[str, Any]] = [
        {
            "tag": "new",
            "date": "2026-11-01",
            "tested": "check",
            "path": str(new),
            "environment": paths["new"],
            "kernels": [
                {"name": "own", "packages": {"python": python, "six": SIX["new"]}},
                {"name": "bash", "packages": {"bash": "5"}},
                {"name": "ir", "packages": {"r": "4", "IRkernel": "1.3"}},
                {"name": "python3", "packages": {"jupyterlab": "4.4"}},
            ],
            "extensions": {"jupyterlab-nvdashboard": "0.13"},
            **made.lock("new", "six 1.17.0\n"),
        },
        {
            "tag": "old",
            "date": "2025-10-15",
            "path": old,
            "environment": paths["old"],
            "kernels": [{"name": "own", "packages": {"six": SIX["old"]}}, {"name": "python3", "packages": {"jupyterlab": "4.4"}}],
            **made.lock("old", "six 1.16.0\n"),
        },
        {
            "tag": "wrong",
            "date": "2025-09-01",
            "tested": "check",
            "path": old,
            "environment": paths["old"],
            "kernels": [{"name": "own", "packages": {"six": SIX["new"], "numpy": "2"}}, {"name": "gone"}],
            "extensions": {"jupyterlab-nvdashboard": "0.13"},
        },
        {
            "tag": "lock",
            "date": "2025-08-01",
            "path": old,
            "environment": paths["old"],
            "kernels": [{"name": "bash"}],
            **made.lock("changed", "six 1.16.0\n"),
        },
        {"tag": "dead", "date": "2025-07-01", "tested": "check", "path": str(folder / "nowhere"), "prologue": "exit 3"},
        {"tag": "off", "date": "2025-06-01", "disabled": True, "path": old},
    ]
    (folder / "changed.lock").write_text("six 1.17.0\n")
    made.releases = {entry["tag"]: {"interfaces": ["lab"], **entry} for entry in entries}
    made.write()
    return made


@pytest.fixture(scope="module")
def site(file: File, environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """The first user is nobody in particular, the second one is an administrator."""
    needs_users(users, 2)
    more = f"""
c.ResourceFormSpawner.catalogue_file = {str(file.path)!r}
c.Authenticator.post_auth_hook = lambda authenticator, handler, found: {{**found, "admin": found["name"] == {users[1]!r}}}
"""
    with open_site("hub-release-check", environments, cluster, users, more) as site:
        yield site


def call(site: Site, file: File, *options: str) -> list[str]:
    """The command as an admin calls it, with the token of a service."""
    token = file.folder / "token"
    token.touch(0o600)
    token.write_text(site.token)
    where = ["--hub-api-url", f"{site.hub.url}hub/api", "--token-file", str(token), "--user", site.users[0]]
    return [str(COMMAND), "releases", "check", str(file.path), *where, *options]


def check(site: Site, file: File, *options: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    done = subprocess.run(call(site, file, *options), capture_output=True, text=True, timeout=500, check=False)
    print(done.stdout, done.stderr)
    return done


def told(visitor: Visitor) -> dict[str, dict[str, Any]]:
    """What the API tells of each release, by tag; right after a start of the Hub, once Slurm has answered."""
    answer = wait_for(lambda: found if (found := visitor.api("GET", API[1:])).status_code == 200 else None, "the releases", 30)
    return {entry["tag"]: entry for entry in answer.json()["releases"]}


def preselected(visitor: Visitor) -> str:
    """The release that the form has before anybody has chosen."""
    return str(visitor.api("POST", "resource-form/check", json={}).json()["request"]["release"])


@pytest.fixture(scope="module")
def checked(site: Site, file: File) -> dict[str, dict[str, Any]]:
    """What the command says of each release in JSON; before, none of those that wait for a check is tested."""
    visitor = site.visitor(site.users[0])
    assert {tag: (entry["state"], entry["check"]) for tag, entry in told(visitor).items()} == {
        "new": ("untested", None),
        "old": ("tested", None),
        "wrong": ("untested", None),
        "lock": ("tested", None),
        "dead": ("untested", None),
    }
    assert preselected(visitor) == "old"
    done = check(site, file, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert site.cluster.active_jobs() == [], "Slurm has let go of every session"
    return {entry["tag"]: entry for entry in json.loads(done.stdout)["releases"]}


def wrong(entry: dict[str, Any]) -> list[str]:
    """What is wrong with a release."""
    return [finding["words"] for finding in entry["findings"] if not finding["good"]]


def test_two_releases_are_what_they_declare(checked: dict[str, dict[str, Any]]) -> None:
    """T16: each declared kernel of two releases with different packages runs in a real job, with its pins; nvdashboard is enabled."""
    assert {tag: (checked[tag]["outcome"], checked[tag]["kernels"]) for tag in ("new", "old")} == {
        "new": ("passed", 4),
        "old": ("passed", 2),
    }
    said = {tag: " | ".join(finding["words"] for finding in checked[tag]["findings"]) for tag in ("new", "old")}
    assert f"six {SIX['new']}" in said["new"]
    assert f"six {SIX['old']}" in said["old"]
    assert "kernel ir runs: r 4." in said["new"]
    assert "IRkernel 1.3" in said["new"]
    assert "kernel bash runs: a kernel of bash cannot be asked for versions: bash not looked at" in said["new"]
    assert "extension jupyterlab-nvdashboard 0.13" in said["new"]
    assert "is what it was" in said["old"]


def test_releases_that_are_not_what_they_declare(checked: dict[str, dict[str, Any]]) -> None:
    """T16: another version, what is not there (a package, a kernel, an extension), a lock that changed, a server that does not come up."""
    assert "off" not in checked
    assert wrong(checked["wrong"]) == [
        f"kernel own: six is {SIX['old']}, and not {SIX['new']}",
        "kernel own: numpy is not there, 2 is declared",
        "kernel gone is not there",
        "extension jupyterlab-nvdashboard is not installed, 0.13 is declared",
    ]
    (lock,) = wrong(checked["lock"])
    assert "has changed: its SHA-256 is" in lock
    (dead,) = wrong(checked["dead"])
    assert dead.startswith("the server does not come up: ")


def test_it_is_shown_beside_the_release(site: Site, checked: dict[str, dict[str, Any]], browser: Browser, screenshots: Path) -> None:
    """T26: people read when it was checked and that not all works, administrators what is wrong; programs as well."""
    user, admin = (site.visitor(name) for name in site.users[:2])
    mine, all_of_it = told(user), told(admin)
    assert (mine["new"]["state"], mine["new"]["check"]["state"], mine["new"]["check"]["kernels"]) == ("tested", "passed", 4)
    assert ": 4 kernels run." in mine["new"]["check"]["text"]
    assert (mine["wrong"]["state"], mine["wrong"]["check"]["state"]) == ("untested", "failed")
    assert "problems" not in mine["wrong"]["check"]
    assert all_of_it["wrong"]["check"]["problems"] == wrong(checked["wrong"])
    assert "kernel gone is not there" not in user.get(PAGE).text
    panel = user.form(query="opt-release=new").soup.select_one("#resource-form-release-is")
    assert panel is not None
    assert ": 4 kernels run." in panel.get_text()
    assert "Release wrong was checked by tests: " in site.hub.log()
    page = log_in(site, browser, admin.name, path=PAGE, shows="#release-wrong")
    expect(page.locator("#release-wrong .release-state")).to_contain_text("not all of it works")
    expect(page.locator("#release-new .release-check")).to_contain_text("4 kernels run.")
    expect(page.locator("#release-wrong .release-problems")).to_contain_text("kernel gone is not there")
    assert serious_findings(page, "#resource-form-releases") == []
    for width, scheme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("scheme => document.documentElement.setAttribute('data-bs-theme', scheme)", scheme)
        page.screenshot(path=str(screenshots / f"release-check-{width}.png"), full_page=True)
    page.context.close()
    page = log_in(site, browser, user.name, path="hub/spawn?opt-release=wrong")
    panel = page.locator("#resource-form-release-is")
    expect(panel).to_contain_text("not all of it works")
    page.check("input[name=release][value=new]")
    expect(panel).to_contain_text("4 kernels run.")
    assert serious_findings(page) == []
    for width, scheme in ((1280, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("scheme => document.documentElement.setAttribute('data-bs-theme', scheme)", scheme)
        panel.locator("xpath=..").screenshot(path=str(screenshots / f"release-check-form-{width}.png"))
    page.context.close()


def test_a_check_makes_it_the_default_until_a_later_one(site: Site, file: File, checked: dict[str, dict[str, Any]]) -> None:
    """T26: the newest whose check was good is preselected, over a restart too; not after its lock has changed, nor once it is another."""
    assert checked["new"]["outcome"] == "passed"
    assert preselected(site.visitor(site.users[0])) == "new"
    site.hub.restart()
    user, admin = (site.visitor(name) for name in site.users[:2])
    told(user)
    assert preselected(user) == "new"
    lock = file.folder / "new.lock"
    try:
        lock.write_text("six 1.18.0\n")
        done = check(site, file, "--release", "new")
        assert done.returncode == 1
        assert "new: WRONG: the lock " in done.stdout
        assert done.stdout.splitlines()[-1] == "new: FAILED, 1 thing is wrong"
        assert (told(user)["new"]["state"], preselected(user)) == ("untested", "old")
        assert admin.api("POST", API[1:], json={"tag": "new", "mark": "tested"}).status_code == 200
        assert preselected(user) == "new", "what an administrator says counts for more"
        assert admin.api("POST", API[1:], json={"tag": "new", "mark": "back"}).status_code == 200
    finally:
        lock.write_text("six 1.17.0\n")
    done = check(site, file, "--release", "new", "--account", "cin_staff", "--partition", "g100_cpu")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "new: passed, 4 kernels run"
    assert "on c00" in done.stdout
    assert preselected(user) == "new"
    try:
        file.write(new={"prologue": "true"})
        changed = told(user)["new"]
        assert (changed["state"], changed["check"]["state"]) == ("untested", "changed")
        assert changed["check"]["text"].startswith("Not checked since it was changed")
        digest = {"digest": checked["new"]["digest"], "kernels": 4, "problems": []}
        assert site.call("POST", f"{API}/new/check", digest)[0] == 400, "it is not what was checked"
    finally:
        file.write()


def test_on_each_architecture(site: Site, file: File) -> None:
    """T50: a release with several is started on each; where the job came on a node of another, that is said and nothing is kept."""
    before = told(site.visitor(site.users[1]))["old"]["check"]
    try:
        file.write(old={"architectures": {"x86_64": {"partitions": ["g100_cpu"]}, "arm64": {"partitions": ["g100_int"]}}})
        done = check(site, file, "--release", "old")
        assert done.returncode == 1
        assert "old: x86_64: kernel own runs: six" in done.stdout
        assert "Name a partition of such nodes: --partition aarch64=NAME" in done.stdout.splitlines()[-1]
    finally:
        file.write()
    assert told(site.visitor(site.users[1]))["old"]["check"] == before


def test_who_is_not_to_tell(site: Site) -> None:
    """Only who may mark releases; what is no check, too much of one, or of no release is refused, and nothing fails."""
    user, admin = (site.visitor(name) for name in site.users[:2])
    good = {"digest": "0" * 64, "kernels": 0, "problems": []}
    assert user.api("POST", f"{API[1:]}/old/check", json=good).status_code == 403
    for body in (
        [],
        {},
        {**good, "digest": "x"},
        {**good, "kernels": -1},
        {**good, "problems": [""]},
        {**good, "problems": ["x"] * 21},
        good,
    ):
        assert admin.api("POST", f"{API[1:]}/old/check", json=body).status_code == 400, body
    assert admin.api("POST", f"{API[1:]}/none/check", json=good).status_code == 400


def test_an_interrupt_gives_back_what_was_started(site: Site, file: File) -> None:
    """Ctrl-C: the session that it has started is stopped, and its server is gone from the Hub."""
    running = subprocess.Popen(call(site, file, "--release", "old"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(site.cluster.active_jobs, "the job of the check")
        os.kill(running.pid, signal.SIGINT)
        _out, errors = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 130
    assert errors == "resource-form releases check: ended before it was through.\n"
    assert site.server(site.users[0], "check-old") == {}
    wait_for(lambda: not site.cluster.active_jobs(), "Slurm to have let go of the job")
