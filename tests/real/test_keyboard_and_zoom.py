"""Our pages with the keyboard alone, and at 200 % (WCAG 2.1, 2.1.1, 2.4.7, 1.4.4): all is reached, operated and seen, nothing cut off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect
from private_slurm.cluster import PrivateCluster

from tests.real.test_pending_page import take_a_gpu_of_each
from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

SMALL = {"cores": 1, "memory": "1G", "gpus": 0, "walltime": "30m"}
LIST = "#resource-form-sessions"
MOST_STOPS = 120

STOP = """() => {
    const at = document.activeElement;
    if (at === document.body) return null;
    const { node, preset, action, number } = at.dataset;
    const row = at.closest("[data-for]")?.dataset.for, head = at.closest("th[data-column]")?.dataset.column;
    const name = node || preset || action || (row && `${row} ${number}`) || (head && `sort ${head}`)
        || (at.closest("#spawn_form") && at.name) || at.id
        || (at.closest(".sessions-menu") && "menu") || (at.closest("form[action*=switch]") && "switch")
        || at.closest("details")?.id || at.textContent.trim();
    const drawn = getComputedStyle(at.matches(".btn-check") ? at.nextElementSibling : at);
    const box = (at.matches(".btn-check") ? at.nextElementSibling : at).getBoundingClientRect();
    const isSeen = (drawn.outlineStyle !== "none" || drawn.boxShadow !== "none") && box.width > 0 && box.height > 0;
    return [name, isSeen];
}"""
"""Where the keyboard is, by a name of the tests' own, and whether that can be seen; null at the end of the page."""

CUT_OFF = """(top) => {
    const found = [], wide = document.documentElement.clientWidth;
    const scrolls = (element) => element && element !== document.body
        && (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    for (const element of document.querySelectorAll(`${top} *`)) {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        if (!box.width || !box.height || style.visibility === "hidden" || element.closest(".visually-hidden")) continue;
        const isOut = (box.right > wide + 1 || box.left < -1) && !scrolls(element);
        const isClipped = ["hidden", "clip"].includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1
            || ["hidden", "clip"].includes(style.overflowY) && element.scrollHeight > element.clientHeight + 1;
        if (isOut || (isClipped && element.textContent.trim())) found.push(`${element.tagName}.${element.className}#${element.id}`);
    }
    return found;
}"""
"""What of a page's part runs out of the window, unless it can be scrolled to, or is cut off where text stands."""


@pytest.fixture(scope="module")
def keyboard_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub with presets and named servers; the second user looks after everybody's sessions and teaches."""
    needs_users(users, 2)
    role = {"name": "overseer", "users": [users[1]], "scopes": ["admin:servers", "list:users", "read:servers"]}
    presets = [
        {"name": "small", "label": "Small", "description": "A look at data", "values": {"cores": 2, "memory": "4G", "gpus": 0}},
        {"name": "gpu", "label": "One GPU", "description": "Training", "values": {"cores": 8, "memory": "32G", "gpus": "v100:1"}},
    ]
    more = f"c.ResourceFormSpawner.presets = {presets!r}\nc.JupyterHub.load_roles.append({role!r})\n"
    with open_site("hub-keyboard", environments, cluster, users, more) as site:
        yield site


@pytest.fixture
def site(keyboard_site: Site) -> Site:
    """The site without any session."""
    keyboard_site.clean()
    return keyboard_site


def walk(page: Page, top: str, on_the_way: dict[str, Callable[[], None]], until: str = "") -> list[str]:
    """Press Tab from the beginning of a part of the page on; at some stops do something.

    The stops, to ``until`` or the end. Each can be seen.
    """
    page.locator(top).evaluate("(part) => { part.tabIndex = -1; part.focus(); part.removeAttribute('tabindex'); }")
    stops: list[str] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        found = page.evaluate(STOP)
        if found is None:
            break
        name, is_seen = found
        assert is_seen, f"the focus on {name!r} cannot be seen, after {stops}"
        first = name not in stops
        stops.append(name)
        if first and name in on_the_way:
            on_the_way[name]()
        if name == until:
            break
    assert set(on_the_way) <= set(stops), stops
    return stops


def stays(page: Page, name: str) -> None:
    """The keyboard is still there after what it has done."""
    found = page.evaluate(STOP)
    assert found is not None
    assert found[0] == name, "the focus is lost"


# --- the keyboard alone ----------------------------------------------------------------------------------------------------------------


def test_the_form(site: Site, browser: Browser) -> None:
    """Presets, rows of values, the folded line, Start, the picture of the nodes: in this order, each with Enter."""
    page = log_in(site, browser, site.users[0])

    def preset() -> None:
        page.keyboard.press("Enter")
        expect(page.locator("[name=cores]")).to_have_value("8")
        expect(page.locator("[data-preset=gpu]")).to_have_attribute("aria-current", "true")
        stays(page, "gpu")

    def value() -> None:
        page.keyboard.press("Enter")
        expect(page.locator("[name=cores]")).to_have_value("4")
        expect(page.locator("[data-for=cores] [data-number='4']")).to_have_attribute("aria-pressed", "true")
        stays(page, "cores 4")

    def fold() -> None:
        page.keyboard.press("Enter")
        expect(page.locator("[name=partition]")).to_be_visible()
        stays(page, "resource-form-where")

    def node() -> None:
        page.keyboard.press("Enter")
        expect(page.locator("[name=gpus][value$='2']")).to_be_checked()
        stays(page, "g002")

    doings = {"gpu": preset, "cores 4": value, "resource-form-where": fold, "g002": node}
    stops = walk(page, "#resource-form", doings)
    start = page.locator(".resource-form-start").inner_text()
    expected = ["small", "gpu", "gpus", "cores 4", "cores", "memory", "walltime", "resource-form-where", "account", start, "g002"]
    assert [stop for stop in dict.fromkeys(stops) if stop in expected] == expected
    assert "partition" in stops, "what was opened is reached"


def test_what_a_unit_is(site: Site, browser: Browser) -> None:
    """The help beside the price appears as the keyboard comes to it, and goes with it."""
    page = log_in(site, browser, site.users[0])
    hint = page.locator(".resource-form-hint").first
    button = hint.locator("button, [tabindex='0']").first
    words = hint.locator("[role=tooltip]")
    expect(words).to_be_hidden()
    button.focus()
    expect(words).to_be_visible()
    page.keyboard.press("Tab")
    expect(words).to_be_hidden()


def test_what_a_unit_is_stays_on_a_phone(site: Site, browser: Browser) -> None:
    """The help is within the page, also where the price stands far to the right: behind an end that is tomorrow's."""
    page = log_in(site, browser, site.users[0], path="hub/home", shows="#start", width=390, height=844)
    page.clock.set_fixed_time(datetime.now(timezone.utc) - timedelta(days=1))
    page.goto(f"{site.hub.url}hub/spawn")
    expect(page.locator(".resource-form-ends")).to_contain_text(" on ")
    words = page.locator(".resource-form-hint > [role=tooltip]")
    page.locator(".resource-form-hint > button").focus()
    expect(words).to_be_visible()
    # In one step: the page may have a new answer of the Hub's between two.
    left, right = words.evaluate("words => [words.getBoundingClientRect().left, words.getBoundingClientRect().right]")
    assert 0 <= left < right <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_a_unit_is_is_closed_by_escape(site: Site, browser: Browser) -> None:
    """The help stays while keyboard or pointer is on it, also through a new answer of the Hub; Escape closes it until they have left.

    WCAG 2.1, 1.4.13.
    """
    page = log_in(site, browser, site.users[0])
    price = page.locator(".resource-form-hint > button")
    words = page.locator(".resource-form-hint > [role=tooltip]")

    def answered() -> None:
        old = page.locator(".resource-form-decision").element_handle()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the page looks again
        page.wait_for_function("old => !old.isConnected", arg=old)

    price.focus()
    answered()
    expect(price).to_be_focused()
    expect(words).to_be_visible()
    page.keyboard.press("Escape")
    expect(words).to_be_hidden()
    expect(price).to_be_focused()
    answered()
    expect(words).to_be_hidden()
    page.locator("[name=cores]").focus()
    price.focus()
    expect(words).to_be_visible()
    page.locator("[name=cores]").focus()
    expect(words).to_be_hidden()

    price.hover()
    expect(words).to_be_visible()
    at, help_at = price.bounding_box(), words.bounding_box()
    assert at is not None
    assert help_at is not None
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.move(help_at["x"] + help_at["width"] / 2, help_at["y"] + help_at["height"] / 2, steps=40)  # over any gap between
    expect(words).to_be_visible()
    page.keyboard.press("Escape")
    expect(words).to_be_hidden()
    page.mouse.move(0, 0)
    price.hover()
    expect(words).to_be_visible()


def test_cards_and_tabs(site: Site, browser: Browser) -> None:
    """Open, Stop, what is behind the dots, and the lists; a dialog gives the keyboard back."""
    site.start({**SMALL, "name": "By hand"}, server="by-hand")
    page = log_in(site, browser, site.users[0], path="hub/home", shows=".sessions-card[data-server='by-hand']")
    dialog = page.locator(".sessions-dialog")

    def menu() -> None:
        page.keyboard.press("Enter")
        expect(page.locator(".sessions-menu-list")).to_be_visible()
        stays(page, "menu")

    def several() -> None:
        page.keyboard.press("Enter")
        expect(dialog.locator("input[type=number]")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        found = page.evaluate(STOP)
        assert found is not None
        assert found[0] == "menu", "the keyboard is where the dialog was opened from"
        page.keyboard.press("Enter")  # the menu has closed
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")

    stops = walk(page, LIST, {"menu": menu, "several": several})
    for name in ("open", "stop", "menu", "log", "several", "sessions-new-name"):
        assert name in stops, stops
    page.locator(".sessions-tabs a").nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("list=finished"))
    expect(page.locator(".sessions-tabs [aria-current=page]")).to_contain_text("Finished")


def test_everybodys_table(site: Site, browser: Browser) -> None:
    """Sorted, chosen and stopped with the keyboard; Escape leaves all as it was, and the keyboard where it was."""
    site.start({**SMALL, "name": "Theirs"})
    path = "hub/resource-form/sessions?all=1"
    page = log_in(site, browser, site.users[1], path=path, shows="#sessions-table tbody [data-action=stop]")
    dialog = page.locator(".sessions-dialog")

    def sort() -> None:
        for order in ("ascending", "descending"):
            page.keyboard.press("Enter")
            expect(page.locator("th[data-column=user]")).to_have_attribute("aria-sort", order)
            stays(page, "sort user")

    def choose() -> None:
        page.keyboard.press("Space")
        expect(page.locator("#sessions-stop-chosen")).to_be_visible()
        stays(page, "sessions-choose-all")

    stops = walk(page, LIST, {"sessions-choose-all": choose, "sort user": sort}, until="stop")
    assert "sessions-filter-text" in stops
    page.locator("#sessions-stop-chosen").focus()
    page.keyboard.press("Enter")
    expect(dialog.locator("input")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator("#sessions-stop-chosen")).to_be_focused()
    assert len(site.cluster.active_jobs()) == 1


def test_the_waiting_page(site: Site, browser: Browser) -> None:
    """Cancel comes before what would start now, and Switch is reached as well."""
    take_a_gpu_of_each(site)
    assert site.visitor().start({"gpus": "2", "walltime": "30m"}, server="waits").status == 302
    page = log_in(site, browser, site.users[0], path=f"hub/spawn-pending/{site.users[0]}/waits", shows="#pending-offers-list li")
    stops = walk(page, "#resource-form-pending", {})
    assert [stop for stop in dict.fromkeys(stops) if stop in ("pending-cancel", "switch", "progress-details")] == [
        "pending-cancel",
        "switch",
        "progress-details",
    ]


def test_the_class(site: Site, browser: Browser) -> None:
    """The link is copied by Enter, which is said, and the form opened."""
    permissions = {"permissions": ["clipboard-read", "clipboard-write"]}
    path = "hub/resource-form/class?preset=small"
    page = log_in(site, browser, site.users[1], path=path, shows="#class-copy:not([hidden])", **permissions)

    def copy() -> None:
        page.keyboard.press("Enter")
        expect(page.locator("#class-said")).to_have_text("Copied.")
        stays(page, "class-copy")

    stops = walk(page, "#resource-form-class", {"class-copy": copy})
    assert stops[-3:] == ["class-link", "class-copy", "Open the form"]
    page.locator("#resource-form-class .btn-jupyter").press("Enter")
    page.wait_for_selector("#resource-form")


# --- 200 % -----------------------------------------------------------------------------------------------------------------------------


def test_at_twice_the_size(site: Site, browser: Browser) -> None:
    """On 1280 pixels, which are 640 then: no page is wider than the window, and no text of ours is cut off."""
    user, overseer = site.users[:2]
    take_a_gpu_of_each(site)
    site.start({**SMALL, "name": "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerk"}, server="runs")
    job = max(site.cluster.active_jobs())
    assert site.visitor().start({"gpus": "2", "walltime": "30m"}, server="waits").status == 302
    wait_for(lambda: site.server(user, "waits").get("pending"), "the second session to wait", 20)
    pages = (
        (user, f"hub/spawn/{user}/another", "#resource-form", "#resource-form-where > summary"),
        (
            user,
            "hub/home",
            ".sessions-card[data-server=runs] [data-action=stop]",
            ".sessions-card[data-server=runs] .sessions-menu summary",
        ),
        (user, "hub/resource-form/sessions?list=others", LIST, ""),
        (user, f"hub/spawn-pending/{user}/waits", "#pending-offers-list li", "#progress-details > summary"),
        (user, f"hub/resource-form/log?job={job}&user={user}", "#session-log-text", ""),
        (user, f"hub/resource-form/stop?server=runs&user={user}", "#stop", ""),
        (overseer, "hub/resource-form/sessions?all=1", "#sessions-table tbody [data-action=stop]", ""),
        (overseer, "hub/resource-form/class?preset=gpu", "#class-copy:not([hidden])", ""),
    )
    contexts = {
        name: log_in(site, browser, name, path="hub/home", shows=LIST, width=640, height=450, device_scale_factor=2)
        for name in (user, overseer)
    }
    found: dict[str, object] = {}
    for who, path, shows, opens in pages:
        page = contexts[who]
        page.goto(urljoin(site.hub.url, path))
        page.locator(shows).first.wait_for(timeout=40_000)
        if opens:
            page.locator(opens).first.click()
        top = "#resource-form" if "hub/spawn/" in path else "main"
        too_wide = int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
        found[path] = (too_wide, page.evaluate(CUT_OFF, top), serious_findings(page, top))
    assert found == dict.fromkeys(found, (0, [], []))
