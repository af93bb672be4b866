"""Where a session lands, and what can be opened in it besides: real pages and a real app, behind the Hub's log-in."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in, press_stop
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, Visitor, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

SMALL = {"cores": 1, "memory": "2G", "gpus": 0, "walltime": "1h"}
STARTED_MS = 60_000
"""By then a program that a page has started shows itself."""
CODE_SERVER = """#!/usr/bin/python3
# What of code-server matters here: it listens on the socket that its words name, with the mode that they name.
import os, socketserver, sys, http.server

words = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>Code</title>" + self.path.encode())

    def address_string(self):
        return "socket"

with socketserver.ThreadingUnixStreamServer(words["--socket"], Page) as server:
    os.chmod(words["--socket"], int(words["--socket-mode"], 8))
    server.serve_forever()
"""


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """The newest release has TensorBoard, and Visual Studio Code as an interface; the other one has neither."""
    programs = environments.folder / "code-server"
    programs.mkdir(exist_ok=True)
    program = programs / "code-server"
    program.write_text(CODE_SERVER)
    program.chmod(0o755)
    catalogue = yaml.load(environments.catalogue.read_text(), yaml.BaseLoader)
    newest = catalogue["releases"][0]
    newest["interfaces"] = [*newest["interfaces"], "vscode"]
    newest["prologue"] = f'PATH="$PATH:{programs}"'
    file = environments.folder / "releases-with-apps.yaml"
    file.write_text(yaml.safe_dump(catalogue, sort_keys=False))
    with open_site("hub-apps", environments, cluster, users, f"c.ResourceFormSpawner.catalogue_file = {str(file)!r}\n") as site:
        yield site


def running(visitor: Visitor) -> dict[str, Any]:
    """The user's sessions that run, as programs are told of them, by the name of their server."""
    sessions = visitor.api("GET", "resource-form/sessions").json()["sessions"]
    return {entry["name"]: entry for entry in sessions if entry["state"] == "running"}


def test_a_real_app(site: Site, browser: Browser, screenshots: Path) -> None:
    """T53: the card and JupyterLab's launcher offer TensorBoard while the session runs; it is opened through the Hub, with log-in."""
    user = site.users[0]
    address = f"user/{user}/tensorboard/"
    site.start({**SMALL, "release": "2026.10"})
    page = log_in(site, browser, user, path="hub/home", shows=".sessions-card")
    card = page.locator('.sessions-card[data-server=""]')
    card.locator(".sessions-menu summary").click()
    page.screenshot(path=screenshots / "app-on-the-card.png")
    app = card.get_by_role("link", name="Open TensorBoard")
    expect(app).to_have_attribute("href", f"{site.hub.url}{address}")
    app.click()
    expect(page).to_have_title("TensorBoard", timeout=STARTED_MS)  # the program begins when it is opened
    assert page.url.startswith(f"{site.hub.url}{address}")
    expect(page.locator("tb-webapp")).to_contain_text("No dashboards are active", timeout=STARTED_MS)
    page.screenshot(path=screenshots / "app-opened.png")
    page.goto(f"{site.hub.url}user/{user}/lab?reset")
    entry = page.locator(".jp-LauncherCard", has_text="TensorBoard")
    expect(entry).to_be_visible(timeout=STARTED_MS)
    page.screenshot(path=screenshots / "app-in-the-launcher.png")

    stranger = browser.new_context()
    unknown = stranger.new_page()
    unknown.goto(f"{site.hub.url}{address}")
    expect(unknown.locator("input[name=password]")).to_be_visible()
    assert unknown.url.startswith(f"{site.hub.url}hub/login")
    stranger.close()

    page.goto(f"{site.hub.url}hub/home")
    press_stop(card)
    expect(card.locator("[data-action=start], [data-action=again]").first).to_be_visible()
    assert card.get_by_role("link", name="Open TensorBoard", include_hidden=True).count() == 0
    answer = page.goto(f"{site.hub.url}{address}")
    assert answer is not None
    assert answer.status == 424, "as any address of a server that does not run"
    expect(page.locator("body")).not_to_contain_text("No dashboards are active")


def test_the_other_release_does_not_offer_it(site: Site) -> None:
    """T53: what a release does not name is neither on the card nor at its address."""
    user = site.users[0]
    site.start({**SMALL, "release": "2025.10"})
    visitor = site.visitor()
    assert [app["name"] for app in running(visitor)[""]["apps"]] == ["notebook", "terminal"]
    assert visitor.get(f"user/{user}/tensorboard/").status == 404
    assert visitor.get(f"user/{user}/lab").status == 200


PAGES = {"lab": "lab", "notebook": "tree", "terminal": "terminals/1", "vscode": "vscode/"}


def test_where_each_interface_lands(site: Site) -> None:
    """T33: each interface opens on its own page; Visual Studio Code is reached by its user alone, on the node as well."""
    user = site.users[0]
    for interface in PAGES:
        status, answer = site.call("POST", f"/users/{user}/servers/{interface}", {**SMALL, "release": "2026.10", "interface": interface})
        assert status in (201, 202), answer
    visitor = site.visitor()
    for interface, path in PAGES.items():
        wait_for(lambda name=interface: site.server(user, name).get("ready"), f"{interface} to be ready", 90)  # type: ignore[misc]
        page = visitor.get(f"user/{user}/{interface}/")
        assert (page.status, page.url) == (200, f"{site.hub.url}user/{user}/{interface}/{path}")
        others = [app["name"] for app in running(visitor)[interface]["apps"]]
        assert others == [name for name in (*PAGES, "tensorboard") if name != interface]
    assert page.soup.title is not None
    assert page.soup.title.text == "Code"
    places = [Path(line.split()[-1]) for line in Path("/proc/net/unix").read_text().splitlines() if line.endswith("/private/vscode")]
    sockets = [path for path in places if path.owner() == user]
    assert len(sockets) == 1, places
    assert sockets[0].is_socket()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (sockets[0], sockets[0].parent)] == [0o600, 0o700]
    site.stop(server="vscode")
    assert not sockets[0].exists()


@pytest.mark.parametrize(
    ("release", "interface", "words"),
    [
        ("2025.10", "vscode", "“Visual Studio Code” is not offered by 2025.10"),
        ("2026.10", "rstudio", "“RStudio” is not offered by 2026.10"),
        ("2026.10", "tensorboard", "“TensorBoard” is not offered by 2026.10"),
        ("2026.10", "emacs", "“emacs” is not offered by 2026.10"),
    ],
)
def test_an_interface_that_is_not_declared(site: Site, release: str, interface: str, words: str) -> None:
    """T33: by form, REST, check and link it is refused, in words; what a release has as an app is no interface of it either."""
    user, visitor = site.users[0], site.visitor()
    asked = {"release": release, "interface": interface}
    refused = visitor.start(asked)
    assert (refused.status, words in refused.text) == (400, True), refused.text
    status, body = site.call("POST", f"/users/{user}/server", asked)
    assert (status, words in str(body)) == (400, True), body
    checked = visitor.api("POST", "resource-form/check", json=asked).json()
    assert words in checked["errors"]["interface"]
    page = visitor.form(query=f"opt-release={release}&opt-interface={interface}")
    assert (page.status, words in page.text) == (200, True), page.text
    assert not site.server(user).get("url")
