"""A Hub with all that a site has at once: its pages, a service's banner, an address of its own, guests by JupyterHub's shares."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from private_slurm.cluster import PrivateCluster
from private_slurm.processes import MARKER

from tests.support.browsing import log_in
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, Visitor, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

SMALL = {"cores": 1, "memory": "1G", "gpus": 0, "walltime": "20m"}
NAME = "hub-whole"
BANNER = "Manutenzione martedì, dalle 8 alle 12."
TEMPLATES = {
    "page.html": """{% extends "templates/page.html" %}
{% block announcement %}<div class="site-banner"></div>{% endblock %}
{% block footer %}<footer>{{ site_contact }} · così si aiuta {{ user.name if user else "" }}</footer>{% endblock %}
{% block script %}{{ super() }}
<script>
  $.get("{{ prefix }}services/banner/latest", (answer) => $(".site-banner").text(answer.announcement));
  document.documentElement.dataset.analytics = String(Number(document.documentElement.dataset.analytics || 0) + 1);
</script>{% endblock %}""",
    "home.html": '{% extends "ours/home.html" %}{% block main %}{{ super() }}<p>casa-del-sito</p>{% endblock %}',
    "spawn.html": '{% extends "ours/spawn.html" %}{% block stylesheet %}<link rel="icon" href="/x.png">{% endblock %}',
    "help.html": '{% extends "page.html" %}{% block main %}<p id="aiuto">Aiuto: {{ base_url }}</p>{% endblock %}',
    "logo.svg": '<svg xmlns="http://www.w3.org/2000/svg"><title>logo-del-sito</title></svg>',
}
SERVICE = f"""
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

class Latest(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({{"announcement": {BANNER!r}}}).encode())

HTTPServer(("127.0.0.1", urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"]).port), Latest).serve_forever()
"""


@pytest.fixture(scope="module")
def whole(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """The Hub, below an address of its own; users may share their servers."""
    needs_users(users, 3)
    folder = environments.folder / "whole-site"
    folder.mkdir(exist_ok=True)
    for name, text in {**TEMPLATES, "banner.py": SERVICE}.items():
        (folder / name).write_text(text)
    before = f"""
import os, socket, sys
# Seen from where the Hub is started, as in many a configuration.
c.JupyterHub.template_paths = [os.path.relpath({str(folder)!r})]
c.JupyterHub.template_vars = {{"site_contact": "help@example.org", "name": "Galileo100"}}
c.JupyterHub.logo_file = {str(folder / "logo.svg")!r}
c.JupyterHub.default_server_name = "main"
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
"""
    more = f"""
from jupyterhub import handlers
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.pages import SpawnHandler

class OwnForm(SpawnHandler):
    def prepare(self):
        self.set_header("X-Site", "terms-accepted")
        return super().prepare()

class Help(BaseHandler):
    async def get(self):
        self.finish(await self.render_template("help.html"))

c.JupyterHub.extra_handlers = [("/help", Help)]
# JupyterHub's own handlers go before extra_handlers: who has one in the place of theirs puts it in front, as some sites do.
handlers.default_handlers[:0] = [("/spawn", OwnForm), ("/spawn/([^/]+)", OwnForm)]
c.JupyterHub.services.append(
    {{"name": "banner", "url": f"http://127.0.0.1:{{port}}", "command": [sys.executable, {str(folder / "banner.py")!r}], "display": False,
      "environment": {{{MARKER!r}: __import__("os").environ[{MARKER!r}]}}}}
)
c.JupyterHub.load_roles.append({{"name": "user", "scopes": ["self", "shares!user", "read:users:name"]}})
c.JupyterHub.allow_named_servers = False
c.ResourceFormSpawner.language = "it"
"""
    with open_site(NAME, environments, cluster, users, more, base_url="/jupyter/", before=before) as site:
        yield site


def has_what_the_site_adds(page: Page) -> None:
    """The banner that the site's script fetches, its analytics once, its footer, its logo; and that no script of any side has failed."""
    expect(page.locator(".site-banner")).to_have_text(BANNER)
    expect(page.locator("html")).to_have_attribute("data-analytics", "1")
    expect(page.locator("footer")).to_contain_text("help@example.org · così si aiuta")
    assert "logo-del-sito" in page.request.get(str(page.locator(".jpy-logo").evaluate("logo => logo.src"))).text()


def test_what_the_site_adds_is_on_every_page(whole: Site, browser: Browser) -> None:
    """Its relative folder, set before ``configure(c)``, its service's banner and its handler, on pages in Italian below /jupyter/."""
    site, user = whole, whole.users[0]
    site.start(SMALL)
    job = site.job_of()["JobId"]
    page = log_in(site, browser, user, path="hub/home", shows="#resource-form-sessions")
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    expect(page.get_by_text("casa-del-sito")).to_be_visible()
    expect(page.locator("h1", has_text="Le mie sessioni")).to_have_count(1)
    paths = ("home", "help", "resource-form/sessions?list=finished", f"resource-form/log?job={job}", "resource-form/stop?server=", "token")
    for path in (*paths, "user"):
        if path == "user":
            site.stop()
            path = f"user/{user}/"
        page.goto(f"{site.hub.url}hub/{path}")
        has_what_the_site_adds(page)
    page.goto(f"{site.hub.url}hub/spawn")
    has_what_the_site_adds(page)
    expect(page.locator("#resource-form")).to_be_visible()
    page.fill("[name=walltime]", "20m")
    page.click("button.resource-form-start")
    page.wait_for_url("**/hub/spawn-pending/**", wait_until="commit")
    has_what_the_site_adds(page)
    assert failures == []
    log = site.hub.log()
    assert "spawn.html fills the block stylesheet without {{ super() }}" in log
    assert "our pages have something else under the name name;" in log
    assert "have no link to the list" not in log


def test_a_handler_of_the_sites_and_no_named_servers(whole: Site) -> None:
    """Its own page of the form shows ours and starts it; JupyterHub leaves ``default_server_name`` out then, and so do ours."""
    site, visitor = whole, whole.visitor()
    site.clean()
    start = visitor.get("hub/home").soup.select_one("#sessions-new")
    assert start is not None
    assert start.select_one("input[name=name]") is None
    assert visitor.get("hub/resource-form/new").url == f"{site.hub.url}hub/spawn/{visitor.name}"
    own = visitor.session.get(f"{site.hub.url}hub/spawn", timeout=60)
    assert own.headers["X-Site"] == "terms-accepted"
    refused = visitor.start({"cores": "900", "walltime": "20m"})
    assert (refused.status, refused.values()["cores"]) == (400, "900")
    answer = visitor.start({"cores": "1", "memory": "1", "gpus": "0", "walltime": "20m"})
    assert answer.status == 302
    wait_for(lambda: site.server(visitor.name).get("ready"), "the session to be ready", 90)


def shares(site: Site, owner: Visitor, guest: str, *scopes: str) -> None:
    """The owner lets somebody into the server, as JupyterHub has it; without scopes, to look in."""
    body = {"user": guest, **({"scopes": [f"{scope}!server={owner.name}/" for scope in scopes]} if scopes else {})}
    answer = owner.api("POST", f"shares/{owner.name}/", json=body)
    assert answer.status_code == 200, answer.text


def test_a_guest_with_a_share(whole: Site) -> None:
    """They get what JupyterHub's share gives, and are told why not the rest: no Stop, no log, no Start, and an end that says why."""
    site, (owner_name, guest_name, stranger_name) = whole, whole.users[:3]
    site.clean()
    site.start(SMALL)
    owner, guest, stranger = (site.visitor(name) for name in (owner_name, guest_name, stranger_name))
    shares(site, owner, guest_name)
    job, here = site.job_of()["JobId"], f"{owner_name}&server="
    assert guest.api("GET", f"users/{owner_name}/server/progress").status_code in (403, 404)
    page = guest.get(f"hub/resource-form/stop?user={here}")
    assert (page.status, "può fermarla" in page.text) == (403, True), page.text
    assert guest.api("POST", "resource-form/stop", json={"user": owner_name}).status_code == 404
    assert guest.api("GET", f"resource-form/log?job={job}&user={owner_name}").status_code == 404
    assert guest.api("GET", "resource-form/sessions").json()["sessions"] == []
    assert guest.get("hub/resource-form/sessions?all=1").status == 403
    for path in (f"resource-form/stop?user={here}", f"resource-form/over?user={here}"):
        assert stranger.get(f"hub/{path}").status == 404
    assert site.server(owner_name)["ready"] is True
    # Where the bar in JupyterLab leads once the session is over: into it while it is not.
    running = guest.session.get(f"{site.hub.url}hub/resource-form/over?user={here}", allow_redirects=False, timeout=60)
    assert (running.status_code, running.headers["Location"]) == (302, f"/jupyter/user/{owner_name}/")
    site.stop()
    over = guest.get(f"hub/resource-form/over?user={here}")
    assert over.status == 424, over.text
    assert "fermata tramite JupyterHub" in over.text
    assert over.soup.select("#start, #again, a[href*='resource-form/log']") == []


def test_a_guest_who_may_stop(whole: Site, browser: Browser) -> None:
    """With a larger share the session is in the guest's list, with what they may do with it; no administrator has stopped it then."""
    site, (owner_name, guest_name) = whole, whole.users[:2]
    site.clean()
    site.start(SMALL)
    shares(site, site.visitor(), guest_name, "access:servers", "read:servers")
    page = log_in(site, browser, guest_name, path="hub/resource-form/sessions?list=running&all=1", shows=".sessions-table-row")
    row = page.locator(f'.sessions-table-row:has-text("{owner_name}")')
    expect(row.locator("[data-action=open]")).to_have_attribute("href", f"{site.hub.url}user/{owner_name}/")
    expect(row.locator("[data-action=stop], [data-action=log], input[type=checkbox]")).to_have_count(0)
    form = site.visitor(guest_name).get(f"hub/spawn/{owner_name}")
    assert form.status in (403, 404), "to start for others takes a larger share"
    shares(site, site.visitor(), guest_name, "delete:servers")
    page.reload()
    expect(row.locator("[data-action=stop]")).to_be_visible()
    row.locator("[data-action=stop]").click()
    page.locator("dialog[open] .btn-danger").click()
    wait_for(lambda: not site.server(owner_name), "the session to be stopped")
    said = site.visitor().api("GET", "resource-form/sessions").json()["sessions"]
    assert said[0]["sentence"] == "La sessione è stata fermata tramite JupyterHub."
    shares(site, site.visitor(), guest_name, "servers")
    form = site.visitor(guest_name).get(f"hub/spawn/{owner_name}")
    assert form.status == 200
    assert form.choices("account") == site.visitor().form().choices("account"), "what can be had is the user's, not the guest's"
    assert form.choices("account") != site.visitor(guest_name).form().choices("account")
