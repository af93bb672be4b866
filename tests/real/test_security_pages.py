"""What comes from Slurm, the catalogue and the configuration is text on our pages, and all that we add works under script-src 'self'."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site
from tests.support.strict_policy import under_a_strict_policy

ATTACK = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"

MORE = f"""
c.ResourceFormSpawner.support_text = {ATTACK + "support"!r}
c.ResourceFormSpawner.catalogue_file = ""
c.ResourceFormSpawner.catalogue = {{"releases": [
    {{"tag": "one", "label": {ATTACK + "release"!r}, "date": "2026-01-01", "interfaces": ["lab"]}},
    {{"tag": "two", "label": "Two", "date": "2025-01-01", "interfaces": ["lab"]}},
]}}
c.ResourceFormSpawner.fields = {{"cores": {{"label": {ATTACK + "label"!r}, "help": {ATTACK + "help"!r}}}}}
"""


@pytest.fixture(scope="module")
def site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose admin, catalogue and cluster have said hostile things."""
    with open_site("hub-pages", environments, cluster, users, MORE) as site:
        site.cluster.drain("g001", ATTACK + "reason")
        try:
            yield site
        finally:
            site.cluster.resume("g001")


def test_what_others_say_is_text(site: Site) -> None:
    """A reason of a drained node, a release's label, the admin's words, and what a user typed: none becomes an element."""
    visitor = site.visitor()
    for page in (visitor.form(), visitor.start({"cores": ATTACK + "typed"}), visitor.get("hub/resource-form/availability")):
        hostile = [element for element in page.soup.select("script, img") if "owned" in str(element)]
        assert hostile == []
    form = visitor.form()
    for words in ("support", "release", "label", "help"):
        assert f"{ATTACK}{words}" in form.text, words
    refused = visitor.start({"cores": ATTACK + "typed"})
    assert refused.status == 400
    assert "<script>document.title" in refused.text


def test_nothing_inline_is_ours(site: Site) -> None:
    """The form has no inline script, no style attribute and no attribute that is a script."""
    form = site.visitor().form().soup.select_one("#spawn_form")
    assert form is not None
    found: list[Any] = [element for element in form.select("script:not([src]), style") if element.get("type") != "application/json"]
    for element in form.find_all(True):
        found += [name for name in element.attrs if name == "style" or name.startswith("on")]
        found += [value for value in element.attrs.values() if isinstance(value, str) and value.strip().lower().startswith("javascript:")]
    assert found == []


def test_the_form_under_a_strict_policy(site: Site, browser: Browser) -> None:
    """In Chromium, with script-src 'self' and style-src 'self': nothing of ours is blocked, and the attack is."""
    page = log_in(site, browser, site.users[0])
    violations = under_a_strict_policy(page)
    page.goto(f"{site.hub.url}hub/spawn")
    page.wait_for_selector("#resource-form")
    with page.expect_response(lambda answer: "/resource-form/availability" in answer.url, timeout=60_000) as refreshed:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert refreshed.value.status == 200
    assert page.title() != "owned"
    assert page.locator(".resource-form-start").evaluate("element => getComputedStyle(element).minHeight") != ""
    ours = [text for text in violations if "resource-form" in text]
    assert ours == []
    assert not [text for text in violations if "inline" in text.lower() and "script" in text.lower()], violations
    # The policy is in force: a script that is put into the page is blocked, and said to be.
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.injected = 1'}))")
    assert page.evaluate("window.injected") is None
    assert [text for text in violations if "inline" in text.lower() and "script" in text.lower()]
    page.unroute_all(behavior="wait")  # an answer that is under way would come to a page that is closed
    page.context.close()
