"""Every page of ours on the narrowest screen that counts (WCAG 2.1, 1.4.10), light and dark: nothing is wider than the window."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.real.test_pending_page import take_a_gpu_of_each
from tests.support.browsing import log_in
from tests.support.site_under_test import Site, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

WIDTH = 320
SCHEMES = ("light", "dark")
LONG_NAME = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerk"


def too_wide(page: Page) -> int:
    """By how many pixels the page runs out of the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def logo_is_dark(page: Page) -> bool:
    """Whether the Hub's logo has the dark letters that it has as a file."""
    return page.locator("#jupyterhub-logo img").evaluate("(image) => getComputedStyle(image).filter") == "none"


@contextmanager
def narrow(site: Site, browser: Browser, scheme: str) -> Iterator[Page]:
    """A phone on which the first user has logged in."""
    page = log_in(site, browser, site.users[0], width=WIDTH, height=640, scheme=scheme, path="hub/home", shows="#resource-form-sessions")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
    yield page
    page.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_while_a_session_waits_and_runs(site: Site, browser: Browser, scheme: str) -> None:
    """Home, sessions, form, waiting page with what would start now, stop, log, and the page of what is refused before the Hub reads it."""
    user = site.users[0]
    take_a_gpu_of_each(site)
    site.start({"cores": 1, "memory": "1G", "gpus": 0, "name": LONG_NAME}, server="runs")
    job = max(site.cluster.active_jobs())
    assert site.visitor().start({"gpus": "2", "walltime": "30m"}, server="waits").status == 302
    with narrow(site, browser, scheme) as page:
        found = {}
        for name, path, shows in (
            ("waiting", f"hub/spawn-pending/{user}/waits", "#pending-offers-list li"),
            ("home", "hub/home", "#resource-form-sessions"),
            ("sessions", "hub/resource-form/sessions", "#resource-form-sessions"),
            ("form", f"hub/spawn/{user}/another", "#resource-form"),
            ("stop", f"hub/resource-form/stop?server=runs&user={user}", "#stop"),
            ("log", f"hub/resource-form/log?job={job}&user={user}", "#session-log-text"),
            ("refused", "hub/home?x=%ff", "main"),
            ("not there", "hub/resource-form/stop?server=none", ".error"),
        ):
            page.goto(urljoin(site.hub.url, path))
            page.locator(shows).first.wait_for(timeout=40_000)
            found[name] = too_wide(page)
            assert name == "refused" or logo_is_dark(page) is (scheme == "light"), name
        assert found == dict.fromkeys(found, 0)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_when_it_is_over(site: Site, browser: Browser, scheme: str) -> None:
    """The page of a start that failed, and of a session that is over."""
    user = site.users[0]
    take_a_gpu_of_each(site)
    visitor, before = site.visitor(), set(site.cluster.active_jobs())
    assert visitor.start({"gpus": "2", "walltime": "30m"}, server="held").status == 302
    (held,) = wait_for(lambda: set(site.cluster.active_jobs()) - before, "the job", 20)
    site.cluster.run("scontrol", "hold", str(held))
    wait_for(lambda: not site.server(user, "held").get("pending"), "the start to fail", 40)
    site.start({"cores": 1, "memory": "1G", "gpus": 0, "name": LONG_NAME}, server="ends")
    site.cluster.run("scancel", str(max(site.cluster.active_jobs())))
    wait_for(lambda: not site.server(user, "ends").get("ready"), "the Hub to notice", 60)
    with narrow(site, browser, scheme) as page:
        found = {}
        for name in ("held", "ends"):
            page.goto(urljoin(site.hub.url, f"hub/spawn-pending/{user}/{name}"))
            page.locator("#resource-form-ended").wait_for()
            found[name] = too_wide(page)
            assert logo_is_dark(page) is (scheme == "light"), name
        assert found == dict.fromkeys(found, 0)
