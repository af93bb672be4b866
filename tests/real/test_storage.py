"""Where a session opens: in a folder of the site's areas, in the file browser, for kernels and in terminals; and what is said of them."""

from __future__ import annotations

import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, Visitor, run_in_kernel, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

SMALL = {"cores": 1, "memory": "2G", "gpus": 0, "walltime": "1h", "account": "cin_staff"}
LOCAL = "Scratch is on the node itself: what is left there is lost when the session ends."
QUOTA = """#!/usr/bin/python3
# A site's command: it answers what stands beside it, with the number of the user as whom it runs, once that is there; and only then.
import json, os, sys, time
with open(os.path.join(os.path.dirname(__file__), "answer")) as file:
    print(json.dumps({"area": "work", "used_files": os.getuid(), "limit_files": 10**6, **json.load(file)}))
assert sys.argv[1:] == [__import__("pwd").getpwuid(os.getuid()).pw_name], sys.argv
"""


@pytest.fixture(scope="module")
def areas(environments: Environments) -> Path:
    """The site's storage: a folder for the account, with one in it."""
    folder = environments.folder / "areas"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "cin_staff" / "thesis").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], areas: Path) -> Iterator[Site]:
    """Three areas: the home, one for each account whose variable the release sets, one that is the node's."""
    catalogue = yaml.load(environments.catalogue.read_text(), yaml.BaseLoader)
    for release in catalogue["releases"]:
        release["environment"] = {"AREAS": str(areas)}
    quota = areas / "quota"
    quota.write_text(QUOTA)
    quota.chmod(0o755)
    file = environments.folder / "releases-with-areas.yaml"
    file.write_text(yaml.safe_dump(catalogue, sort_keys=False))
    more = f"""
c.ResourceFormSpawner.catalogue_file = {str(file)!r}
c.ResourceFormSpawner.home_links = {{"work": "$AREAS/{{account}}"}}
c.ResourceFormSpawner.start_folders = {{
    "home": "$HOME",
    "work": "$AREAS/{{account}}",
    "scratch": {{"path": "/tmp", "label": "Scratch", "local": True}},
}}
c.ResourceFormSpawner.storage_command = [{str(quota)!r}, "{{user}}"]
c.ResourceFormSpawner.storage_interval = 3
"""
    with open_site("hub-storage", environments, cluster, users, more) as site:
        yield site


@pytest.fixture
def home(site: Site) -> Iterator[Path]:
    """The user's home, without what the tests leave there."""
    place = Path(pwd.getpwnam(site.users[0]).pw_dir)

    def clean() -> None:
        for name in ("work", "out"):
            (place / name).unlink(missing_ok=True)
        (place / ".local" / "state" / "jupyterhub-resource-form" / "links.json").unlink(missing_ok=True)

    clean()
    yield place
    clean()


FOLDERS = """
import glob, os
here = str(os.getppid())
found = set()
for status in glob.glob("/proc/[0-9]*/stat"):
    try:
        if open(status).read().rpartition(")")[2].split()[1] == here and "bash" in open(os.path.dirname(status) + "/cmdline").read():
            found.add(os.readlink(os.path.dirname(status) + "/cwd"))
    except OSError:
        pass
print(os.getcwd(), found)
"""


def folders(site: Site) -> str:
    """Where a kernel and a terminal of the running session begin."""
    url = f"{site.hub.url}user/{site.users[0]}/api/terminals"
    answer = requests.post(url, headers={"Authorization": f"token {site.token}"}, json={}, timeout=60)
    assert answer.status_code == 200, answer.text
    return run_in_kernel(site, FOLDERS)[0].strip()


def page_of(site: Site, visitor: Visitor, path: str) -> str:
    """A page of the session."""
    answer = visitor.session.get(f"{site.hub.url}user/{visitor.name}/{path}", timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


def told(visitor: Visitor) -> dict[str, Any] | None:
    """What is said of the folder of the session that runs."""
    (session,) = [entry for entry in visitor.api("GET", "resource-form/sessions").json()["sessions"] if entry["state"] == "running"]
    found: dict[str, Any] | None = session["start_folder"]
    return found


def test_a_session_opens_in_the_folder(site: Site, home: Path, areas: Path) -> None:
    """The server of the session starts there; JupyterLab and Notebook open there, through the link, with the home in reach."""
    visitor = site.visitor()
    assert visitor.start({**{key: str(value) for key, value in SMALL.items()}, "start_folder": "work/thesis"}).status == 302
    wait_for(lambda: site.server(site.users[0]).get("ready"), f"the session\n{site.logs()}", 90)
    folder = str(areas / "cin_staff" / "thesis")
    assert folders(site) == f"{folder} {{{folder!r}}}"
    assert '"preferredPath": "work/thesis"' in page_of(site, visitor, "lab")
    assert '"preferredPath": "/work/thesis"' in page_of(site, visitor, "tree")
    listed = visitor.session.get(f"{site.hub.url}user/{visitor.name}/api/contents/", timeout=60).json()
    assert "work" in [entry["name"] for entry in listed["content"]]
    assert told(visitor) == {"folder": "work/thesis", "trouble": "", "local": False, "sentence": ""}
    # The next form has it, as the other values.
    assert visitor.form("another").values()["start_folder"] == ""
    site.stop()
    assert visitor.form().values()["start_folder"] == "work/thesis"


def test_beside_the_home(site: Site, home: Path) -> None:
    """An area without a link in the home is what the browser shows; its files are the node's, and the card says what is lost."""
    visitor = site.visitor()
    site.start({**SMALL, "start_folder": "scratch"})
    assert folders(site) == "/tmp {'/tmp'}"
    assert '"serverRoot": "/tmp"' in page_of(site, visitor, "lab")
    found = told(visitor)
    assert found is not None
    assert (found["trouble"], found["local"]) == ("", True)
    assert LOCAL in found["sentence"]


@pytest.mark.parametrize(
    ("folder", "trouble", "words"),
    [("work/none", "missing", "The folder work/none is not there"), ("home/out", "outside", "The folder home/out leads out of its area")],
)
def test_it_cannot_be_had(site: Site, home: Path, folder: str, trouble: str, words: str) -> None:
    """The session opens where it always does; its log says why, and its card."""
    (home / "out").symlink_to("/etc")
    visitor = site.visitor()
    site.start({**SMALL, "start_folder": folder})
    wait_for(lambda: (told(visitor) or {}).get("trouble") == trouble, "the word of the launcher")
    assert words in (told(visitor) or {})["sentence"]
    assert folders(site) == f"{home} {{{str(home)!r}}}"
    job = site.job_of()["JobId"]
    wait_for(lambda: "opens where it always does" in visitor.api("GET", f"resource-form/log?job={job}").text, "the log to say it")
    site.hub.restart()
    again = site.visitor()
    wait_for(lambda: site.server(site.users[0]).get("ready"), "the session after the restart")
    assert words in (told(again) or {})["sentence"]


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("etc", "is in none of the areas of this service. Choose one of: home, work, scratch"),
        ("work/../..", "is no folder to start in"),
        ("/etc", "is no folder to start in"),
    ],
)
def test_what_is_refused(site: Site, folder: str, words: str) -> None:
    """By form, REST, check and link, in words; nothing starts."""
    visitor = site.visitor()
    refused = visitor.start({"start_folder": folder})
    assert (refused.status, words in refused.text) == (400, True), refused.text
    assert refused.values()["start_folder"] == folder
    status, body = site.call("POST", f"/users/{visitor.name}/server", {**SMALL, "start_folder": folder})
    assert (status, words in str(body)) == (400, True), body
    assert words in visitor.api("POST", "resource-form/check", json={"start_folder": folder}).json()["errors"]["start_folder"]
    page = visitor.get(f"hub/spawn?opt-start_folder={folder}")
    assert words in page.text
    assert not site.server(visitor.name).get("url")


def test_on_the_form(site: Site, browser: Browser, screenshots: Path) -> None:
    """In Chromium: one fold more; what is lost is said with the verdict once the area is typed; a link has it."""
    page = log_in(site, browser, site.users[0], path=f"hub/spawn/{site.users[0]}/new?opt-walltime=2h", width=1280)
    fold = page.locator("details.resource-form-look", has_text="Start folder")
    expect(page.locator("#resource-form-start_folder")).to_be_hidden()
    fold.locator("summary").click()
    page.fill("#resource-form-start_folder", "scratch/mine")
    panel = page.locator("#resource-form-panel")
    expect(panel).to_contain_text(LOCAL)
    assert serious_findings(page) == []
    page.screenshot(path=screenshots / "start-folder.png", full_page=True)
    page.fill("#resource-form-start_folder", "nowhere")
    expect(page.locator("#resource-form-start_folder-error")).to_contain_text("is in none of the areas")
    page.fill("#resource-form-start_folder", "work")
    expect(page.locator("#resource-form-start_folder-error")).to_be_hidden()
    expect(panel).not_to_contain_text("on the node itself")
    for name, width, scheme in (("phone", 390, "light"), ("phone-dark", 390, "dark")):
        other = log_in(site, browser, site.users[0], path="hub/spawn?opt-start_folder=scratch", width=width, height=844, scheme=scheme)
        expect(other.locator("#resource-form-start_folder")).to_have_value("scratch")
        other.locator("#resource-form-start_folder").scroll_into_view_if_needed()
        other.screenshot(path=screenshots / f"start-folder-{name}.png")
        assert other.evaluate("document.documentElement.scrollWidth") <= width
        other.context.close()


def test_what_is_used(site: Site, areas: Path, browser: Browser, screenshots: Path) -> None:
    """The site's command is asked as the user; the open form gets its answer, and a warning above 90 %; while it fails there is nothing."""
    user, answer = site.users[0], areas / "answer"
    uid = f"{pwd.getpwnam(user).pw_uid:,}"
    page = log_in(site, browser, user, path=f"hub/spawn/{user}/used", width=1280)
    page.locator("details.resource-form-look", has_text="Start folder").locator("summary").click()
    use, panel = page.locator("#resource-form-storage"), page.locator("#resource-form-panel")
    wait_for(lambda: f"No answer from Slurm about the storage of {user}" in site.hub.log(), "the command to fail")
    expect(use).to_be_empty()

    def until_told(words: str) -> None:
        """Look as a page does that is open for longer."""

        def looked() -> bool:
            page.fill("#resource-form-start_folder", "work" if page.input_value("#resource-form-start_folder") == "" else "")
            with page.expect_response("**/resource-form/check*"):
                pass
            return words in use.inner_text()

        wait_for(looked, f"the page to say {words}", 60)

    answer.write_text('{"used_bytes": 442381631488, "limit_bytes": 536870912000}')
    until_told("412 of 500 GB used")
    expect(use).to_contain_text(f"{uid} of 1,000,000 files")
    expect(panel).not_to_contain_text("nearly full")
    page.locator("details.resource-form-look", has_text="Start folder").screenshot(path=screenshots / "storage-used.png")
    answer.write_text('{"used_bytes": 510027366400, "limit_bytes": 536870912000}')
    until_told("475 of 500 GB used")
    expect(panel).to_contain_text("work is nearly full: 475 of 500 GB used.")
    assert serious_findings(page) == []
    page.screenshot(path=screenshots / "storage-nearly-full.png", full_page=True)
    for name, width, scheme in (("phone", 390, "light"), ("dark", 1280, "dark")):
        other = log_in(site, browser, user, path="hub/spawn?opt-start_folder=work", width=width, height=900, scheme=scheme)
        wait_for(lambda page=other: "475" in page.locator("#resource-form-storage").inner_text(), "the bar", 60)  # type: ignore[misc]
        other.locator("#resource-form-storage").scroll_into_view_if_needed()
        other.screenshot(path=screenshots / f"storage-{name}.png")
        assert other.evaluate("document.documentElement.scrollWidth") <= width
        other.context.close()
    said, runs = (site.hub.log().count(words) for words in (f"about the storage of {user}: storage_command", "Running JupyterHub version"))
    assert 1 <= said <= runs, "one line in each run of the Hub"
    answer.unlink()
