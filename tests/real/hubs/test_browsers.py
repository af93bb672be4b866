"""What a browser with several pages of a Hub runs into, in real Chromium: its few connections, and a log-in in another tab."""

from __future__ import annotations

import time
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browsing import log_in, press_stop
from tests.support.site_under_test import PASSWORD, Site, Visitor

pytestmark = pytest.mark.usefixtures("pages_are_closed")

TABS = 7
"""One more than a browser has connections to a host."""

SMALL = {"cores": 1, "memory": "1G", "gpus": 0, "walltime": "20m"}
ROOT = "#resource-form-sessions"


def tabs(context: BrowserContext, address: str, shows: str, number: int = TABS - 1) -> list[Page]:
    """Tabs with a page of the Hub, one after the other, each loaded within the time of a page."""
    opened = []
    for _number in range(number):
        page = context.new_page()
        began = time.monotonic()
        page.goto(address, timeout=15_000)
        page.wait_for_selector(shows, timeout=15_000)
        assert time.monotonic() - began < 15
        opened.append(page)
    return opened


def test_seven_tabs_of_the_home_page(site: Site, browser: Browser) -> None:
    """All of them load, and all of them hear of a session that starts; the streams are three, whatever the number of tabs."""
    first = log_in(site, browser, site.users[0], path="hub/home", shows=ROOT)
    opened = [first, *tabs(first.context, f"{site.hub.url}hub/home", ROOT)]
    site.start(SMALL)
    for page in opened:
        expect(page.locator('.sessions-card[data-state="running"]')).to_be_visible(timeout=15_000)
    locks = first.evaluate("navigator.locks.query().then((found) => [found.held.length, found.pending.length])")
    assert locks == [3, TABS - 3]
    opened[0].close()
    for page in opened[1:]:
        page.close()


def test_seven_tabs_of_waiting_pages(site: Site, browser: Browser) -> None:
    """A start is followed to its end by every tab, with a stream or without."""
    user = site.users[0]
    site.cluster.run("scontrol", "update", "PartitionName=g100_int", "State=DOWN")
    try:
        first = log_in(site, browser, user)
        assert site.visitor().start({"cores": "1", "memory": "1", "gpus": "0"}).status == 302
        opened = tabs(first.context, f"{site.hub.url}hub/spawn-pending/{user}", "#resource-form-pending", TABS)
        for page in opened:
            expect(page.locator("#pending-job")).not_to_be_empty(timeout=15_000)
    finally:
        site.cluster.run("scontrol", "update", "PartitionName=g100_int", "State=UP")
    for page in opened:
        page.wait_for_url("**/user/**", timeout=60_000)


def log_in_again(page: Page, site: Site, user: str) -> None:
    """Log out and in, as in another tab."""
    page.goto(f"{site.hub.url}hub/logout")
    page.goto(f"{site.hub.url}hub/login?next=%2Fhub%2Fhome")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("#login_submit")
    page.wait_for_selector(ROOT)


def test_start_and_stop_after_a_log_in_in_another_tab(site: Site, browser: Browser) -> None:
    """The form's Start, and Stop on the home page, go on with the token that the browser has by then."""
    user = site.users[0]
    form = log_in(site, browser, user)
    form.fill("[name=walltime]", "25m")
    other = form.context.new_page()
    log_in_again(other, site, user)
    form.click("button.resource-form-start")
    form.wait_for_url("**/user/**", timeout=60_000)
    assert site.job_of()["TimeLimit"] == "00:25:00"
    other.goto(f"{site.hub.url}hub/home")
    expect(other.locator('[data-action="stop"]')).to_be_visible(timeout=15_000)
    log_in_again(form, site, user)
    press_stop(other.locator(".sessions-card"))
    expect(other.locator('.sessions-card[data-state="ended"]')).to_be_visible(timeout=30_000)


def logged_in_again(visitor: Visitor) -> None:
    """The same browser without JavaScript, after another log-in."""
    visitor.session.get(f"{visitor.hub.url}hub/logout", timeout=30)
    visitor.log_in()
    visitor.session.headers["Origin"] = visitor.hub.url.rstrip("/")


def test_without_javascript(site: Site) -> None:
    """The form comes again with what was typed and what to do, and starts nothing until it is pressed; Stop asks again."""
    visitor = site.visitor()
    page = visitor.form()
    logged_in_again(visitor)
    again = visitor.start({"cores": "3", "gpus": "0", "walltime": "25m"}, page=page)
    assert again.status == 403
    assert "Press Start once more." in again.alert
    assert (again.values()["cores"], again.values()["walltime"]) == ("3", "00:25:00")
    assert site.cluster.active_jobs() == []
    assert visitor.start(page=again).status == 302
    site_job = site.job_of()
    assert site_job["CPUs/Task"] == "3"


def test_a_stale_stop_asks_again(two_running: Site) -> None:
    """Nothing is stopped by a page that was made before the log-in."""
    site, visitor = two_running, two_running.visitor()
    form = visitor.get("hub/resource-form/stop?server=").soup.select_one("#resource-form-stop form")
    assert form is not None
    given = {str(field["name"]): str(field["value"]) for field in form.select("input[name]")}
    logged_in_again(visitor)
    answer = visitor.session.post(f"{site.hub.url.rstrip('/')}{form['action']}", data=given, timeout=60)
    assert "You have logged in again" in answer.text
    assert site.server(visitor.name)["ready"]


def checked(visitor: Visitor, token: str, **headers: str) -> tuple[int, str]:
    """What a check with this token is answered: status and words."""
    answer = visitor.session.post(
        f"{visitor.hub.url}hub/api/resource-form/check",
        params={"_xsrf": token, "script": "0"},
        headers={"Content-Type": "application/json", **headers},
        json={"cores": 1},
        timeout=30,
    )
    return answer.status_code, str(answer.json().get("message", ""))


def test_a_check_says_why_it_is_refused(site: Site) -> None:
    """To a page of the Hub's own: that its user has logged in again, or out; with the token of now it is answered."""
    visitor = site.visitor()
    cookie = {"name": "_xsrf", "path": "/hub/"}
    old = visitor.session.cookies.get(**cookie) or ""
    logged_in_again(visitor)
    own = {"Sec-Fetch-Site": "same-origin"}
    assert checked(visitor, old, **own) == (403, "You have logged in again since this page was made. Load the page again.")
    italian = checked(visitor, old, **own, **{"Accept-Language": "it"})[1]
    assert italian.startswith("Dopo la creazione")
    assert "logged in" not in checked(visitor, old, **{"Sec-Fetch-Site": "cross-site"})[1]
    assert checked(visitor, visitor.session.cookies.get(**cookie) or "", **own)[0] == 200
    visitor.session.get(f"{visitor.hub.url}hub/logout", timeout=30)
    assert checked(visitor, old, **own) == (403, "You are not logged in any more. Log in again in another tab, and go on here.")


def test_start_of_somebody_who_was_logged_out(site: Site) -> None:
    """The log-in comes first, and leads back to the form as it was filled; nothing starts before Start is pressed there."""
    visitor = site.visitor()
    page = visitor.form()
    visitor.session.get(f"{visitor.hub.url}hub/logout", timeout=30)
    visitor.session.headers["Origin"] = visitor.hub.url.rstrip("/")
    given = {**page.values(), "cores": "3", "gpus": "0", "walltime": "25m", "name": "Täglich"}
    action = page.soup.select("#spawn_form")[0]["action"]
    fields = {name: (None, value) for name, value in given.items()}
    answer = visitor.session.post(urljoin(page.url, str(action)), files=fields, timeout=60, allow_redirects=False)
    assert answer.status_code == 302
    (leads_to,) = parse_qs(urlsplit(answer.headers["Location"]).query)["next"]
    visitor.log_in()
    again = visitor.get(leads_to.removeprefix("/"))
    assert {name: again.values()[name] for name in ("cores", "gpus", "walltime", "name")} == {
        "cores": "3",
        "gpus": "0",
        "walltime": "00:25:00",
        "name": "Täglich",
    }
    said = "nothing was started. Press Start once more."
    assert said in again.text
    assert said not in visitor.form(query="opt-cores=3").text
    assert site.cluster.active_jobs() == []


def test_a_stop_of_somebody_who_was_logged_out(two_running: Site) -> None:
    """The log-in comes first, and leads back to the question."""
    site, visitor = two_running, two_running.visitor()
    path = "hub/resource-form/stop?server="
    form = visitor.get(path).soup.select_one("#resource-form-stop form")
    assert form is not None
    given = {str(field["name"]): str(field["value"]) for field in form.select("input[name]")}
    visitor.session.get(f"{visitor.hub.url}hub/logout", timeout=30)
    address, own = f"{site.hub.url}{path}", {"Origin": site.hub.url.rstrip("/")}
    assert visitor.session.post(address, data=given, timeout=60, allow_redirects=False).status_code == 403
    answer = visitor.session.post(address, data=given, headers=own, timeout=60, allow_redirects=False)
    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["next"] == [f"/{path}"]
    assert site.server(visitor.name)["ready"]
