"""A Hub whose sessions have hosts of their own, with a server of a name as the default one, groups of the Hub's, and a guest."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import PASSWORD, Site

pytestmark = pytest.mark.usefixtures("pages_are_closed")

HOST = "hub.localhost"
ROOT = "#resource-form-sessions"
SMALL = {"cores": 1, "memory": "1G", "gpus": 0, "walltime": "20m"}


@pytest.fixture(scope="module")
def site_of_hosts(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """The Hub; the second user has a share of the first one's servers."""
    needs_users(users, 2)
    catalogue = yaml.safe_load(environments.catalogue.read_text())
    catalogue["releases"][1]["groups"] = ["of-the-hub"]
    (environments.folder / "hosts.yaml").write_text(yaml.safe_dump(catalogue))
    (environments.folder / "notices.yaml").write_text("notices: [{text: notice-of-the-hub, groups: [of-the-hub]}]\n")
    overrides = {"some": {"groups": ["of-the-hub"], "spawner_override": {"fields": {"cores": {"label": "Cores of the group"}}}}}
    guest = {"name": "guest", "users": [users[1]], "scopes": [f"access:servers!user={users[0]}", f"read:users:name!user={users[0]}"]}
    presets = [{"name": name, "label": name, "values": {"cores": 2}, "groups": [name]} for name in ("of-the-hub", "of-nobody")]
    more = f"""
from urllib.parse import urlsplit
c.JupyterHub.subdomain_host = f"http://{HOST}:{{urlsplit(c.JupyterHub.bind_url).port}}"
c.JupyterHub.default_server_name = "main"
c.JupyterHub.load_groups = {{"of-the-hub": {{"users": [{users[0]!r}]}}}}
c.JupyterHub.load_roles.append({guest!r})
c.ResourceFormSpawner.presets = {presets!r}
c.ResourceFormSpawner.catalogue_file = {str(environments.folder / "hosts.yaml")!r}
c.ResourceFormSpawner.notices_file = {str(environments.folder / "notices.yaml")!r}
c.Spawner.group_overrides = {overrides!r}
"""
    with open_site("hub-hosts", environments, cluster, users, more) as site:
        yield site


def at_home(site: Site, browser: Browser, user: str) -> Page:
    """The user's home page at the Hub's own host."""
    page = browser.new_context().new_page()
    page.goto(f"{address(site)}hub/login?next=%2Fhub%2Fhome")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("#login_submit")
    page.wait_for_selector(ROOT)
    return page


def address(site: Site) -> str:
    """Where a browser finds the Hub."""
    return f"http://{HOST}:{urlsplit(site.hub.url).port}/"


def test_a_new_session_is_the_default_one(site_of_hosts: Site, browser: Browser) -> None:
    """Without a name it is the server of ``default_server_name``."""
    site, user = site_of_hosts, site_of_hosts.users[0]
    page = at_home(site, browser, user)
    page.click("#start")
    page.wait_for_url(f"**/hub/spawn/{user}/main")
    page.fill("[name=walltime]", "20m")
    page.click("button.resource-form-start")
    page.wait_for_url(f"http://{user}.{HOST}:*/user/{user}/main/**", timeout=90_000)
    site.stop(user=user, server="main")


def test_the_hubs_groups(site_of_hosts: Site, browser: Browser) -> None:
    """Its members get presets, notices, releases and ``group_overrides``, nobody else."""
    site, (member, other) = site_of_hosts, site_of_hosts.users[:2]
    for user, number in ((member, 1), (other, 0)):
        page = at_home(site, browser, user)
        page.goto(f"{address(site)}hub/spawn/{user}/main")
        expect(page.locator("#resource-form")).to_be_visible()
        assert page.locator('[data-preset="of-the-hub"]').count() == number
        assert page.locator('[data-preset="of-nobody"]').count() == 0
        assert page.get_by_text("notice-of-the-hub").count() == number
        assert page.locator("select[name=release] option, input[name=release]").count() == 1 + number
        assert page.get_by_text("Cores of the group").count() == number


def test_every_link_leads_there(site_of_hosts: Site, browser: Browser) -> None:
    """Open leads to the session's host, from the cards and the list; all others to the Hub's; Stop in JupyterLab's bar as well."""
    site, user = site_of_hosts, site_of_hosts.users[0]
    site.start(SMALL, user=user, server="main")
    page = at_home(site, browser, user)
    stop = page.locator(".rf-stop")
    for path in ("hub/home", "hub/resource-form/sessions"):
        page.goto(f"{address(site)}{path}")
        link = page.locator('[data-action="open"]')
        expect(link).to_be_visible(timeout=15_000)
        assert str(link.get_attribute("href")).startswith(f"http://{user}.{HOST}:")
        for app in page.locator("main [data-action^=app-]").all():
            assert str(app.get_attribute("href")).startswith(f"http://{user}.{HOST}:")
        others = page.locator("main a:not([data-action=open], [data-action^=app-])").evaluate_all(
            "links => links.map((link) => link.host).filter(Boolean)"
        )
        assert set(others) <= {urlsplit(address(site)).netloc}
    link.click()
    page.wait_for_url(f"http://{user}.{HOST}:*/user/{user}/main/**")
    expect(stop).to_be_visible(timeout=60_000)
    assert str(stop.get_attribute("href")).startswith(f"{address(site)}hub/resource-form/stop")
    stop.click()
    page.wait_for_selector("#resource-form-stop")
    page.click("#stop")
    expect(page.locator("#resource-form-stop")).to_contain_text("Stopped.", timeout=30_000)


def test_a_guest(site_of_hosts: Site, browser: Browser) -> None:
    """Who has a share of a session is told why they cannot stop it, and gets no Start of a server that is not theirs."""
    site, (owner, guest) = site_of_hosts, site_of_hosts.users[:2]
    site.start(SMALL, user=owner)
    page = at_home(site, browser, guest)
    answer = page.goto(f"{address(site)}hub/resource-form/stop?user={owner}&server=")
    assert answer is not None
    assert answer.status == 403
    assert f"This session is {owner}'s" in page.content()
    answer = page.goto(f"{address(site)}hub/resource-form/stop?user=nobody-at-all&server=")
    assert answer is not None
    assert answer.status == 404
    site.stop(user=owner)
    page.goto(f"{address(site)}hub/user/{owner}/")
    expect(page.locator("#resource-form-ended")).to_be_visible()
    assert page.locator("#start").count() == 0
