"""What the tests in a browser share: a user who has logged in, the table on the page, what axe-core finds."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.support.site_under_test import PASSWORD, Site


def log_in(
    site: Site,
    browser: Browser,
    user: str,
    *,
    width: int = 1200,
    height: int = 900,
    scheme: str = "light",
    path: str = "hub/spawn",
    shows: str = "#resource-form",
    **options: Any,
) -> Page:
    """A new context in which the user has logged in and sees the form, or another page of the Hub's at ``path``, which ``shows`` that."""
    context: BrowserContext = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light", **options
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{site.hub.url}hub/login?next={quote(urlsplit(site.hub.url).path + path)}")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("#login_submit")
    page.wait_for_selector(shows)
    page.wait_for_load_state()  # the scripts have run
    return page


def table(page: Page, partition: str = "g100_int") -> dict[str, int]:
    """The GPU table on the page as it stands."""
    rows = page.locator(f'.resource-form-partition[data-partition="{partition}"] tbody tr').all_inner_texts()
    return {row.split("\t")[0].strip(): int(row.split("\t")[-1]) for row in rows}


def serious_findings(page: Page, context: str = "#spawn_form, .spawn-error-msg") -> list[str]:
    """What axe-core calls serious or critical inside our part of the page: what the selector ``context`` finds."""
    results = Axe().run(page, context=context)
    return [
        f"{finding['id']}: {node['html']}"
        for finding in results.response["violations"]
        if finding["impact"] in ("serious", "critical")
        for node in finding["nodes"]
    ]


def open_nodes(page: Page) -> None:
    """Open the list of the nodes below the table, which is folded itself on a phone."""
    cluster = page.locator("#resource-form-cluster")
    if cluster.get_attribute("open") is None:
        cluster.locator("summary").first.click()
    page.click(".resource-form-nodes summary")


def choose(page: Page, name: str, value: str) -> None:
    """Choose partition, account or reservation: the line that names them is opened first, where it is closed."""
    line = page.locator("#resource-form-where")
    if line.get_attribute("open") is None:
        line.locator("summary").click()
    page.select_option(f"[name={name}]", value)


def press_stop(place: Locator) -> None:
    """Press Stop on a session's card or row, and say yes to the question."""
    place.locator("[data-action=stop]").click()
    place.page.locator(".sessions-dialog [data-action=yes]").click()


def press_more(card: Locator, action: str) -> None:
    """Press what stands behind the dots of a session's card."""
    card.locator(".sessions-menu summary").click()
    card.locator(f".sessions-menu [data-action={action}]").click()
