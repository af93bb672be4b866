"""The home page and the list of all sessions, in a real browser on the real cluster: several sessions at once, each its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from private_slurm.cluster import PrivateCluster

from spawner.request.field_values import COLORS
from tests.support.browsing import log_in, press_more, press_stop, serious_findings
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

LIMIT = 3
SMALL = {"cores": 1, "memory": "1G", "gpus": 0, "walltime": "30m"}
STARTED_MS = 90_000
ROOT = "#resource-form-sessions"


@pytest.fixture(scope="module")
def limited_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub where everybody may have three named servers; the second user looks after everybody's."""
    needs_users(users, 2)
    role = {"name": "overseer", "users": [users[1]], "scopes": ["admin:servers", "list:users"]}
    more = f"c.JupyterHub.named_server_limit_per_user = {LIMIT}\nc.JupyterHub.load_roles.append({role!r})\n"
    with open_site("hub-home", environments, cluster, users, more) as site:
        yield site


@pytest.fixture
def at_home(limited_site: Site) -> Site:
    """The site without any session, and without named servers."""
    site = limited_site
    site.clean()
    for user in site.users:
        _, model = site.call("GET", f"/users/{user}?include_stopped_servers=1")
        for name in model.get("servers", {}):
            if name:
                site.call("DELETE", f"/users/{user}/servers/{name}", {"remove": True})
    return site


def home(site: Site, browser: Browser, user: str = "", **options: object) -> Page:
    """The user's home page, once it has heard of the sessions."""
    return log_in(site, browser, user or site.users[0], path="hub/home", shows=ROOT, **options)  # type: ignore[arg-type]


def card(page: Page, server: str) -> Locator:
    """The card of a server."""
    return page.locator(f'.sessions-card[data-server="{server}"]')


def fact(place: Locator, label: str) -> Locator:
    """What stands beside a label on a card."""
    return place.locator("dl > div", has=place.page.locator("dt", has_text=re.compile(f"^{label}$"))).locator("dd")


def test_two_named_sessions_at_once(at_home: Site, browser: Browser, screenshots: Path) -> None:
    """One made on the page with a name and a colour, one by a program: each its own job and card; Stop ends the one it stands on."""
    site, user = at_home, at_home.users[0]
    page = home(site, browser, timezone_id="Asia/Tokyo")
    page.fill("#sessions-new-name", "Protein folding, run 3")
    page.click("#start")
    page.wait_for_url(re.compile(rf"/hub/spawn/{user}/protein-folding-run-3"))
    page.click("#resource-form-look summary")
    assert page.input_value("[name=name]") == "Protein folding, run 3"
    page.check(f"[name=color][value='{COLORS['blue']}']")
    page.fill("[name=walltime]", "30m")
    page.click("button.resource-form-start")
    page.wait_for_url(re.compile("/hub/spawn-pending/|/user/"))
    page.goto(f"{site.hub.url}hub/home")  # before the waiting page leads into the session
    site.start({**SMALL, "name": "Other work", "color": "red", "gpus": 1}, server="other")
    first, second = card(page, "protein-folding-run-3"), card(page, "other")
    for place, name, color in ((first, "Protein folding, run 3", "blue"), (second, "Other work", "red")):
        expect(place.locator(".sessions-state")).to_have_text("Running", timeout=STARTED_MS)
        expect(place.locator("h2")).to_have_text(name)
        assert place.evaluate("card => card.style.getPropertyValue('--session-color')") == COLORS[color]
        expect(place.locator(".sessions-left")).to_contain_text("min left")
    jobs = site.cluster.active_jobs()
    assert len(jobs) == 2
    shown = {int(fact(place, "Job").inner_text()) for place in (first, second)}
    assert shown == set(jobs)
    doomed = int(fact(second, "Job").inner_text())
    job = site.cluster.job(doomed)
    expect(second.locator(".sessions-has")).to_have_text(re.compile(rf"^1 × V100 · 1 core · 1 GB · {job['BatchHost']}$"))
    assert second.inner_text().count("1 core") == 1, "what it has is said once"
    ends = page.evaluate(
        "text => new Date(text).toLocaleTimeString('en', {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'})",
        second.locator(".sessions-until time").get_attribute("datetime"),
    )
    assert second.locator(".sessions-until").inner_text().endswith(ends)
    expect(second.locator("[data-action=open]")).to_have_attribute("href", re.compile(rf"/user/{user}/other/"))
    page.screenshot(path=screenshots / "home-two.png")
    second.locator("[data-action=stop]").click()
    expect(page.locator(".sessions-dialog")).to_contain_text("Given back: 1 × V100, 1 core, 1 GB.")
    page.click(".sessions-dialog [data-action=yes]")
    expect(second.locator(".sessions-state")).to_have_text("Ended", timeout=30_000)
    expect(page.locator("#sessions-announcement")).to_contain_text("Other work: Ended")
    assert site.cluster.active_jobs() == [number for number in jobs if number != doomed]
    expect(first.locator(".sessions-state")).to_have_text("Running")


def test_several_of_one_kind(at_home: Site, browser: Browser) -> None:
    """Three more where two are allowed: each is reported by its name, the third with the limit; nothing that was started is taken back."""
    site, user = at_home, at_home.users[0]
    site.start({**SMALL, "name": "Fit", "color": "green"}, server="fit")
    page = home(site, browser)
    fit = card(page, "fit")
    expect(fit.locator(".sessions-state")).to_have_text("Running")
    press_more(fit, "several")
    page.fill(".sessions-copies input", "3")
    page.click(".sessions-copies [type=submit]")
    results = page.locator(".sessions-results li")
    expect(page.locator(".sessions-results-sum")).to_have_text("2 of 3 started.", timeout=STARTED_MS)
    said = results.all_inner_texts()
    assert sorted(words.split(":")[0] for words in said) == ["Fit-2", "Fit-3", "Fit-4"]
    refused = [words for words in said if "not started" in words]
    assert len(refused) == 1
    assert "3 of 3 named sessions" in refused[0]
    expect(page.locator("#sessions-limit")).to_contain_text("3 of 3")
    wait_for(lambda: len(site.cluster.active_jobs()) == 3, "three jobs")
    _, model = site.call("GET", f"/users/{user}?include_stopped_servers=1")
    copies = {name: server["user_options"] for name, server in model["servers"].items() if name not in ("", "fit")}
    assert len(copies) == 2
    for options in copies.values():
        assert re.fullmatch(r"Fit-[234]", options["name"])
        assert (options["cores"], options["color"]) == (1, COLORS["green"])


def test_after_it_has_ended(at_home: Site, browser: Browser) -> None:
    """Why it ended; edit fills the form with the same request; start again starts it; Delete takes a stopped one away for good."""
    site, user = at_home, at_home.users[0]
    site.start({**SMALL, "cores": 2, "name": "Fit", "color": "pink"}, server="fit")
    site.stop(server="fit")
    page = home(site, browser)
    fit = card(page, "fit")
    expect(fit.locator(".sessions-state")).to_have_text("Ended")
    expect(fit.locator(".sessions-sentence")).not_to_be_empty()
    press_more(fit, "edit")
    page.wait_for_selector("#resource-form")
    assert f"/hub/spawn/{user}/fit" in page.url
    assert page.input_value("[name=cores]") == "2"
    assert page.input_value("[name=walltime]") == "00:30:00"
    assert page.input_value("[name=name]") == "Fit"
    assert page.is_checked(f"[name=color][value='{COLORS['pink']}']")
    assert site.cluster.active_jobs() == []
    page.goto(f"{site.hub.url}hub/home")
    fit.locator("[data-action=again]").click()
    expect(fit.locator(".sessions-state")).to_have_text("Running", timeout=STARTED_MS)
    assert site.server(user, "fit")["user_options"]["cores"] == 2
    press_stop(fit)
    expect(fit.locator(".sessions-state")).to_have_text("Ended", timeout=30_000)
    press_more(fit, "delete")
    expect(fit).to_have_count(0)
    _, model = site.call("GET", f"/users/{user}?include_stopped_servers=1")
    assert "fit" not in model["servers"]
    expect(page.locator("#sessions-none")).to_be_visible()


def test_stop_asks(at_home: Site, browser: Browser) -> None:
    """What is given back and what is lost; Escape and Enter say no, and the keyboard is where it was; the menu closes by Escape as well."""
    site = at_home
    site.start(SMALL)
    page = home(site, browser)
    stop, dialog = page.locator("#stop"), page.locator(".sessions-dialog")
    expect(stop).to_be_visible()
    for key in ("Escape", "Enter"):
        stop.press("Enter")
        expect(dialog).to_contain_text("what is not saved is lost")
        expect(dialog).to_contain_text("Given back: 1 core, 1 GB.")
        expect(dialog).to_contain_text("min of its time are left")
        assert serious_findings(page, ".sessions-dialog") == []
        page.keyboard.press(key)
        expect(dialog).to_have_count(0)
        expect(stop).to_be_focused()
    dots = card(page, "").locator(".sessions-menu summary")
    dots.press("Enter")
    expect(card(page, "").locator("[data-action=log]")).to_be_visible()
    page.keyboard.press("Tab")
    # What the release offers besides stands first.
    expect(card(page, "").locator("[data-action=app-notebook]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(card(page, "").locator("[data-action=log]")).to_be_hidden()
    expect(dots).to_be_focused()
    assert len(site.cluster.active_jobs()) == 1


def test_open_is_in_view(at_home: Site, browser: Browser) -> None:
    """On a phone with one session, without scrolling; the menu is not cut off where the page is narrowest."""
    site = at_home
    site.start(SMALL)
    page = home(site, browser, width=390, height=844)
    expect(page.locator("[data-action=open]")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 320, "height": 700})
    card(page, "").locator(".sessions-menu summary").click()
    box = page.locator(".sessions-menu-list").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 320
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_the_end_comes_nearer(at_home: Site, browser: Browser) -> None:
    """Less than a quarter of an hour: it says so, once to screen readers, and as a notification where the user wants one."""
    site = at_home
    site.start({**SMALL, "walltime": "10m"})
    page = home(site, browser, permissions=["notifications"])
    place = card(page, "")
    expect(place.locator(".sessions-left")).to_have_text(re.compile(r"Ends in \d+ min\. Save your work\."))
    expect(page.locator("#sessions-announcement")).to_contain_text("Ends in")
    button = page.locator("#sessions-notify")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.add_init_script(
        "window.told = []; const granted = Notification.permission;"
        "window.Notification = class { static permission = granted;"
        " constructor(title, options) { window.told.push([title, options.body]); } }"
    )
    page.reload()
    expect(place.locator(".sessions-left")).to_contain_text("Ends in")
    told = page.evaluate("window.told")
    assert len(told) == 1
    assert "ends soon" in told[0][0]
    page.reload()
    expect(place.locator(".sessions-left")).to_contain_text("Ends in")
    assert page.evaluate("window.told") == [], "a reload tells the same again"


def test_the_lists(at_home: Site, browser: Browser, screenshots: Path) -> None:
    """Tabs with their numbers: what goes on on the home page, what is over by days; an administrator finds another's, and ends it."""
    site, (user, overseer) = at_home, at_home.users[:2]
    site.start({**SMALL, "name": "Over and done"}, server="done")
    site.stop(server="done")
    site.start({**SMALL, "name": "Still here"}, server="here")
    page = log_in(site, browser, user, path="hub/resource-form/sessions", shows=ROOT)
    assert page.url.endswith("/hub/home")
    tabs = page.locator(".sessions-tabs a")
    expect(page.locator("#sessions-cards .sessions-card")).to_have_count(1)
    expect(page.locator('#sessions-rest .sessions-card[data-server="done"]')).to_contain_text("Over and done")
    expect(page.locator(".sessions-tabs [aria-current=page]")).to_have_text(re.compile(r"^Running\s+1$"))
    finished = int(tabs.nth(1).locator(".sessions-number").inner_text())
    press_stop(card(page, "here"))
    expect(tabs.nth(1).locator(".sessions-number")).to_have_text(str(finished + 1), timeout=30_000)
    expect(tabs.nth(0).locator(".sessions-number")).to_have_text("0")
    site.start({**SMALL, "name": "Still here"}, server="here")
    tabs.nth(1).click()
    expect(page.locator(".sessions-tabs [aria-current=page]")).to_have_text(re.compile(rf"^Finished\s+{finished + 1}$"))
    today = page.locator(".sessions-day").first
    expect(today.locator("h2")).to_have_text("Today")
    row = today.locator(".sessions-row", has_text="Over and done").first
    expect(row.locator(".sessions-row-has")).to_have_text("1 core · 1 GB")
    expect(row.locator(".sessions-row-ran")).to_have_text(re.compile(r"^\d+ (s|min)$"))
    expect(row.locator(".sessions-sentence")).to_have_text("The session was stopped from JupyterHub.")
    expect(row.locator("[data-action=log]")).to_be_visible()
    page.screenshot(path=screenshots / "sessions-finished.png")
    row.locator("[data-action=again]").click()
    wait_for(lambda: site.server(user, "done").get("ready"), "the session to be started again")
    assert page.locator("a", has_text="Everybody's").count() == 0
    assert page.goto(f"{site.hub.url}hub/resource-form/sessions?all=1").status == 403  # type: ignore[union-attr]
    assert page.goto(f"{site.hub.url}hub/resource-form/sessions?list=none").status == 400  # type: ignore[union-attr]
    site.stop(server="done")
    page = log_in(site, browser, overseer, path="hub/home", shows=ROOT)
    page.click("text=Everybody's")
    rows = page.locator("#sessions-running tbody tr")
    row = rows.filter(has_text="Still here")
    expect(row).to_contain_text(user)
    page.select_option("#sessions-filter-account", index=1)
    page.fill("#sessions-filter-user", "nobody")
    expect(row).to_have_count(0)
    expect(page.locator("#sessions-empty")).to_have_text("No session here matches the filter.")
    page.fill("#sessions-filter-user", user)
    page.fill("#sessions-filter-text", "still")
    page.select_option("#sessions-filter-state", "running")
    expect(row).to_have_count(1)
    name = page.locator("th", has_text="Name")
    name.locator("button").click()
    expect(name).to_have_attribute("aria-sort", "ascending")
    name.locator("button").click()
    expect(name).to_have_attribute("aria-sort", "descending")
    assert serious_findings(page, ROOT) == []
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1200, "height": 900})
    page.screenshot(path=screenshots / "sessions-everybodys.png")
    assert row.locator("[data-action=open], [data-action=again]").count() == 0
    row.locator("[data-action=stop]").click()
    expect(page.get_by_label(f"Why? {user} reads this.")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_label("Choose all").check()
    page.click("#sessions-stop-chosen")
    expect(page.locator(".sessions-dialog")).to_contain_text(f"Still here ({user})")
    page.get_by_label("Why? Their users read this.").fill("<b>The node</b> is needed.")
    page.click(".sessions-dialog [data-action=yes]")
    wait_for(lambda: site.cluster.active_jobs() == [], "the session to be ended")
    expect(row).to_have_count(0)
    sentence = "An administrator stopped this session: <b>The node</b> is needed."
    page = log_in(site, browser, user, path="hub/home", shows=ROOT)
    expect(card(page, "here").locator(".sessions-sentence")).to_have_text(sentence)
    page.goto(f"{site.hub.url}hub/resource-form/sessions?list=others")
    expect(page.locator(".sessions-row .sessions-sentence").first).to_have_text(sentence)
    (told,) = (one for one in site.visitor(user).api("GET", "resource-form/sessions?limit=0").json()["sessions"] if one["name"] == "here")
    assert (told["sentence"], told["kind"], told["category"]) == (sentence, "others", "cancelled")


def test_an_administrators_word_without_javascript(at_home: Site) -> None:
    """On the page that asks, and for programs; a word that cannot be shown stops nothing."""
    site, (user, overseer) = at_home, at_home.users[:2]
    visitor, ada = site.visitor(overseer), site.visitor(user)

    def sentence() -> str:
        return str(next(one["sentence"] for one in ada.api("GET", "resource-form/sessions?limit=0").json()["sessions"] if not one["name"]))

    site.start(SMALL, user=user)
    form = visitor.get(f"hub/resource-form/stop?user={user}&server=").soup.select_one("#resource-form-stop form")
    assert form is not None
    given = {str(field["name"]): str(field.get("value", "")) for field in form.select("input[name]")}
    address = f"{site.hub.url.rstrip('/')}{form['action']}"
    refused = visitor.session.post(address, data={**given, "why": "\u202egnorw"}, timeout=60)
    assert "only plain text" in refused.text
    assert len(site.cluster.active_jobs()) == 1
    visitor.session.post(address, data={**given, "why": "Maintenance."}, timeout=60)
    wait_for(lambda: site.cluster.active_jobs() == [], "the session to be ended")
    assert sentence() == "An administrator stopped this session: Maintenance."
    wait_for(lambda: not site.server(user), "the server to be stopped")
    site.start(SMALL, user=user)
    for body in ({"user": user, "why": "x" * 201}, {"user": user, "else": "x"}, {"user": user, "why": 5}):
        assert site.call("POST", "/resource-form/stop", body)[0] == 400
    assert site.call("POST", "/resource-form/stop", {"user": "nobody-at-all"})[0] == 404
    assert len(site.cluster.active_jobs()) == 1
    assert site.call("POST", "/resource-form/stop", {"user": user, "why": "By a program."})[0] in (202, 204)
    wait_for(lambda: site.cluster.active_jobs() == [], "the session to be ended")
    wait_for(lambda: sentence() == "An administrator stopped this session: By a program.", "the sentence")


def test_without_javascript(at_home: Site) -> None:
    """The sessions with links to open them, the way to a new one, and the list of all."""
    site, visitor = at_home, at_home.visitor()
    site.start({**SMALL, "name": "<b>Fit</b>"}, server="fit")
    page = visitor.get("hub/home")
    plain = page.soup.select_one(".sessions-plain")
    assert plain is not None
    assert "<b>Fit</b>" in plain.get_text()
    assert [link["href"] for link in plain.select("a")] == [
        f"/user/{visitor.name}/fit/",
        f"/hub/resource-form/stop?user={visitor.name}&server=fit",
    ]
    assert "/hub/resource-form/sessions" in [link.get("href") for link in page.soup.select("nav a")]
    tabs = [link["href"] for link in page.soup.select(".sessions-tabs a")]
    assert tabs == ["/hub/home", "/hub/resource-form/sessions?list=finished", "/hub/resource-form/sessions?list=others"]
    assert visitor.get("hub/resource-form/sessions").url.endswith("/hub/home")
    site.stop(server="fit")
    listed = visitor.get("hub/resource-form/sessions?list=finished")
    row = listed.soup.select_one("#sessions-finished .sessions-row")
    assert row is not None
    assert "<b>Fit</b>" in row.get_text()
    assert "1 core · 1 GB" in row.get_text()
    assert listed.soup.select(".sessions-day h2")[0].get_text() == "Today"
    form = visitor.get("hub/resource-form/new?name=My+words")
    assert form.url.split("?")[0].endswith(f"/hub/spawn/{visitor.name}/my-words")
    assert form.values()["name"] == "My words"


@pytest.mark.parametrize(
    ("scheme", "width", "height"),
    [pytest.param("light", 1200, 900, id="light"), pytest.param("dark", 1200, 900, id="dark"), pytest.param("light", 390, 844, id="phone")],
)
def test_nothing_serious(at_home: Site, browser: Browser, screenshots: Path, scheme: str, width: int, height: int) -> None:
    """axe-core finds nothing serious on either page; a phone scrolls down only; the fold of the form as well."""
    site, user = at_home, at_home.users[0]
    site.start({**SMALL, "name": "Running one", "color": "orange"}, server="one")
    site.start({**SMALL, "name": "Two", "color": "purple"}, server="two")
    site.stop(server="two")
    page = home(site, browser, scheme=scheme, width=width, height=height)
    expect(card(page, "one").locator(".sessions-state")).to_have_text("Running")
    card(page, "one").locator(".sessions-menu summary").click()
    page.screenshot(path=screenshots / f"home-{scheme}-{width}.png")
    for path, shown in (
        ("home", ".sessions-card"),
        ("resource-form/sessions?list=finished", ".sessions-row"),
        (f"spawn/{user}/two", "#resource-form"),
    ):
        page.goto(f"{site.hub.url}hub/{path}")
        page.wait_for_selector(shown)
        if path.startswith("spawn/"):
            page.click("#resource-form-look summary")
        assert serious_findings(page, "#spawn_form" if path.startswith("spawn/") else ROOT) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
