"""The waiting page in a real browser on the real cluster: why it waits, Cancel of this server and no other, a start that fails."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect
from private_slurm.cluster import PrivateCluster

from spawner.slurm.reasons import advice_for
from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

SENTENCE, ANNOUNCEMENT, CANCEL, HISTORY = "#pending-sentence", "#pending-announcement", "#pending-cancel", "#progress-log li > span"
WHY = re.compile("|".join(re.escape(advice_for(reason).sentence) for reason in ("Resources", "Priority")))
ADMIN_PASSWORD = "a password of the test suite's administrator"
CANCELLED = "Nothing is held any more."
REASON_MS = 5_000
SLURM_PLANS_SECONDS = 90.0
"""Backfill looks every half minute."""

LISTEN = """
document.addEventListener("DOMContentLoaded", () => {
  const region = document.getElementById("pending-announcement");
  window.spoken = [];
  const everything = {childList: true, characterData: true, subtree: true};
  if (region) new MutationObserver(() => window.spoken.push(region.textContent)).observe(region, everything);
});
"""


def take_a_gpu_of_each(site: Site) -> list[int]:
    """No node has two free GPUs: g001 to g003 have one each, g004 is reserved."""
    jobs = []
    for node in ("g001", "g002", "g003"):
        options = (f"--nodelist={node}", "--gres=gpu:1", "--mem=1G", "--time=40", "--partition=g100_int")
        jobs.append(site.cluster.submit(*options, user=site.users[0]))
    for job in jobs:
        site.cluster.wait_for_job_state(job, "RUNNING")
    return jobs


def ask_for_two_gpus(site: Site, browser: Browser, server: str, **options: object) -> Page:
    """The first user fills the form of a named server and presses Start; the waiting page."""
    user = site.users[0]
    page = log_in(site, browser, user, path=f"hub/spawn/{user}/{server}", **options)  # type: ignore[arg-type]
    page.context.add_init_script(LISTEN)
    page.check("[name=gpus][value='2']")
    page.click("button.resource-form-start")
    page.wait_for_url(re.compile(f"/hub/spawn-pending/{user}/{server}"))
    return page


def job_of(site: Site, page: Page) -> int:
    """The job that the page names, as Slurm has it."""
    expect(page.locator("#pending-job")).to_have_text(re.compile(r"^\d+$"))
    number = int(page.locator("#pending-job").inner_text())
    assert number in site.cluster.active_jobs()
    return number


def seconds_waited(page: Page) -> int:
    """How long the page says that the session has waited."""
    said = re.fullmatch(r"(?:(\d+) min )?(\d+) s", page.locator("#pending-waited").inner_text())
    assert said is not None, page.locator("#pending-waited").inner_text()
    return 60 * int(said[1] or 0) + int(said[2])


def submitted_at(site: Site, job: int) -> int:
    """When Slurm got the job."""
    return int(site.cluster.run("squeue", "--noheader", f"--jobs={job}", "--format=%V", env={"SLURM_TIME_FORMAT": "%s"}).stdout)


@pytest.fixture
def busy(site: Site) -> Site:
    """No node has two free GPUs."""
    take_a_gpu_of_each(site)
    return site


def test_why_it_waits_and_until_when(busy: Site, browser: Browser, screenshots: Path) -> None:
    """The reason within 5 s, said once and politely; the estimate in the user's own time zone; place, time and price; nothing repeated."""
    page = ask_for_two_gpus(busy, browser, "two", timezone_id="Asia/Tokyo")
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
    starts = page.locator("#pending-headline")
    expect(starts).to_contain_text("Starts about", timeout=REASON_MS)
    expect(page.locator("#pending-in")).to_contain_text("in ")
    expect(page.locator("#pending-steps [aria-current=step]")).to_contain_text("In the queue (now)")
    assert page.locator("#pending-steps [aria-current=step]").count() == 1
    job = job_of(busy, page)
    assert busy.cluster.job_state(job) == "PENDING"
    expect(page.locator("#pending-place")).to_have_text("1st of 1")
    expect(page.locator("#pending-summary")).to_contain_text("2 GPUs")
    expect(page.locator("#pending-held")).to_be_hidden()
    expect(page.locator("#pending-leave")).to_contain_text("You may close this page")
    expect(page.locator("#pending-cost")).to_contain_text("units an hour, once it runs")

    def planned() -> int:
        said = busy.cluster.run("squeue", "--noheader", f"--jobs={job}", "--format=%S", env={"SLURM_TIME_FORMAT": "%s"}).stdout.strip()
        return int(said) if said.isdigit() else 0

    start = wait_for(planned, "Slurm to plan the job", SLURM_PLANS_SECONDS)
    clock = re.findall(r"\d\d:\d\d", starts.inner_text())[-1]
    near = {datetime.datetime.fromtimestamp(start + late, ZoneInfo("Asia/Tokyo")).strftime("%H:%M") for late in (-60, 0, 60)}
    assert clock in near
    submitted = submitted_at(busy, job)

    def counts_as_slurm_does() -> int:
        before, waited = time.time(), seconds_waited(page)
        # Slurm has whole seconds, the page guesses half of one, and writes once a second.
        return waited if before - submitted - 3 <= waited <= time.time() - submitted + 1 else 0

    waited = wait_for(counts_as_slurm_does, "the page to say how long it has waited", 10)
    wait_for(lambda: seconds_waited(page) > waited, "the page to count on", 10)
    page.screenshot(path=screenshots / "pending-wide.png")
    spoken = page.evaluate("window.spoken")
    assert spoken, "nothing was announced"
    assert all(one != other for one, other in pairwise(spoken)), spoken
    assert len(spoken) <= 5, spoken
    assert WHY.search(spoken[-1])


NOTIFIED = """
window.Notification = class {
  static permission = "PERMISSION";
  static requestPermission = async () => "PERMISSION";
  constructor(title, { body }) { localStorage.setItem("told", `${title}: ${body}`); }
};
document.hasFocus = () => false;
"""


def test_the_browser_tells_when_it_starts(busy: Site, browser: Browser) -> None:
    """Asked for on the page: what stands in JupyterLab's place was told; a browser that refuses is said to."""
    page = ask_for_two_gpus(busy, browser, "two")
    page.add_init_script(NOTIFIED.replace("PERMISSION", "denied"))
    page.reload()
    page.click("#pending-notify")
    expect(page.locator("#pending-error")).to_contain_text("Your browser does not let this page notify you.")
    page.add_init_script(NOTIFIED.replace("PERMISSION", "granted"))
    page.reload()
    page.click("#pending-notify")
    expect(page.locator("#pending-notify")).to_have_text("You will be notified")
    expect(page.locator("#pending-notify")).to_have_attribute("aria-pressed", "true")
    busy.cluster.run("scancel", *(str(number) for number in busy.cluster.active_jobs()[:3]))
    page.wait_for_url(re.compile(f"/user/{busy.users[0]}/two/"), timeout=90_000)
    assert page.evaluate("localStorage.getItem('told')") == "two: Your session is ready."


def test_reload_and_a_second_tab_show_the_history(busy: Site, browser: Browser) -> None:
    """Each message once, the same in a reloaded page and in a second tab; progress never goes back."""
    page = ask_for_two_gpus(busy, browser, "two")
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
    expect(page.locator(HISTORY).last).to_have_text(WHY)
    said = page.locator(HISTORY).all_text_contents()
    assert len(said) == len(set(said)) >= 2
    progress = int(page.get_attribute("#progress-bar", "aria-valuenow") or 0)
    second = page.context.new_page()
    second.goto(page.url)
    page.reload()
    for tab in (page, second):
        expect(tab.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
        expect(tab.locator(HISTORY).nth(len(said) - 1)).to_be_attached()
        assert tab.locator(HISTORY).all_text_contents()[: len(said)] == said
        assert int(tab.get_attribute("#progress-bar", "aria-valuenow") or 0) >= progress
    page.click(CANCEL)
    for tab in (page, second):
        expect(tab.locator(SENTENCE)).to_have_text(CANCELLED)


def test_cancel_ends_this_server_and_no_other(site: Site, browser: Browser, screenshots: Path) -> None:
    """A named server is cancelled in the queue; another named one and the default server go on running, each in its own job."""
    user = site.users[0]
    site.start({"cores": 1, "memory": "1G", "gpus": 0})
    site.start({"cores": 1, "memory": "1G", "gpus": 0}, server="other")
    others = site.cluster.active_jobs()
    assert len(others) == 2
    take_a_gpu_of_each(site)
    page = ask_for_two_gpus(site, browser, "two")
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
    job = job_of(site, page)
    page.clock.install()
    page.reload()
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
    page.focus(CANCEL)
    page.keyboard.press("Enter")
    expect(page.locator(SENTENCE)).to_have_text(CANCELLED)
    assert job not in site.cluster.active_jobs(), "the page says that nothing is held, but the job is there"
    assert set(others) <= set(site.cluster.active_jobs())
    assert all(site.server(user, name)["ready"] for name in ("", "other"))
    expect(page.locator(CANCEL)).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "pending-change", "the focus is lost"
    page.screenshot(path=screenshots / "pending-cancelled.png")
    waited = seconds_waited(page)
    page.clock.fast_forward(60_000)
    assert seconds_waited(page) == waited, "what is cancelled waits no longer"
    page.click("#pending-change")
    page.wait_for_url(re.compile(f"/hub/spawn/{user}/two$"))
    assert page.is_checked("[name=gpus][value='2']")


def test_cancel_that_the_hub_refuses_is_shown(busy: Site, browser: Browser) -> None:
    """An error is said in the Hub's words, as text; the session goes on waiting and can be cancelled again."""
    page = ask_for_two_gpus(busy, browser, "two")
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
    job = job_of(busy, page)
    refused = {"status": 500, "content_type": "application/json", "body": '{"message": "<b>no</b>"}'}
    page.route(re.compile("/hub/api/users/.*/servers/two"), lambda route: route.fulfill(**refused))
    page.click(CANCEL)
    expect(page.locator("#pending-error")).to_have_text("The session was not cancelled. <b>no</b>")
    assert busy.cluster.job_state(job) == "PENDING"
    page.unroute_all()
    page.click(CANCEL)
    expect(page.locator(SENTENCE)).to_have_text(CANCELLED)
    expect(page.locator("#pending-error")).to_be_hidden()


def test_the_page_goes_on_after_a_restart_of_the_hub(busy: Site, browser: Browser) -> None:
    """The Hub goes and comes back: the page says so, follows the same job again, and Cancel ends it."""
    page = ask_for_two_gpus(busy, browser, "two")
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
    job = job_of(busy, page)
    busy.hub.stop()
    try:
        expect(page.locator("#pending-lost")).to_contain_text("The Hub has not answered since", timeout=30_000)
    finally:
        busy.hub.start()
    expect(page.locator("#pending-lost")).to_be_hidden(timeout=30_000)
    assert job_of(busy, page) == job
    page.click(CANCEL)
    expect(page.locator(SENTENCE)).to_have_text(CANCELLED)
    assert job not in busy.cluster.active_jobs()


def test_a_failed_start_says_why(busy: Site, browser: Browser, screenshots: Path) -> None:
    """A job that an administrator holds never starts: the page says so, stops counting, and leads to the form; so does a reload."""
    page = ask_for_two_gpus(busy, browser, "two")
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
    job = job_of(busy, page)
    busy.cluster.run("scontrol", "hold", str(job))
    expect(page.locator(".pending-panel")).to_have_attribute("data-tone", "failed", timeout=30_000)
    expect(page.locator("#pending-outcome")).to_be_focused()
    sentence = page.locator(".pending-why").inner_text().split(".")[0]
    assert "never start" in sentence
    assert page.locator("main").inner_text().count(sentence) == 1, "it is said once"
    assert page.locator("#pending-steps .is-stopped").inner_text().startswith("In the queue")
    expect(page.locator(CANCEL)).to_have_count(0)
    expect(page.locator("#again")).to_have_count(0)  # the same again would never start either
    assert serious_findings(page, "main") == []
    page.screenshot(path=screenshots / "pending-failed.png")
    wait_for(lambda: job not in busy.cluster.active_jobs(), "the held job to be gone", 15)
    page.reload()
    expect(page.locator("#resource-form-ended")).to_contain_text(sentence)
    assert serious_findings(page, "main") == []
    page.screenshot(path=screenshots / "not-running.png")
    page.click("#start")
    page.wait_for_url(re.compile(f"/hub/spawn/{busy.users[0]}/two"))


def test_an_ended_session_says_why_and_starts_again(site: Site, browser: Browser) -> None:
    """The address of a server whose job an administrator has cancelled: why it ended, and the way to the form and back here."""
    user = site.users[0]
    site.start({"cores": 1, "memory": "1G", "gpus": 0})
    page = log_in(site, browser, user, path=f"hub/spawn/{user}/elsewhere")
    site.cluster.run("scancel", str(site.cluster.active_jobs()[0]))
    wait_for(lambda: not site.server(user).get("ready"), "the Hub to notice", 60)
    page.goto(f"{site.hub.url}user/{user}/lab/tree/notes")
    expect(page.locator("#resource-form-ended")).to_contain_text("The session has ended.")
    assert "cancelled" in page.locator(".pending-why").inner_text()
    assert serious_findings(page, "main") == []
    page.click("#start")
    page.wait_for_selector("#resource-form")
    assert "notes" in page.url
    page.go_back()
    page.click("#again button")
    page.wait_for_url(re.compile(f"/user/{user}/lab/tree/notes"), timeout=90_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_layout_and_accessibility(busy: Site, browser: Browser, screenshots: Path, scheme: str) -> None:
    """Nothing runs out of the page, Cancel is in view on a desktop, and axe-core finds nothing serious, wide and on a phone."""
    page = ask_for_two_gpus(busy, browser, "two", scheme=scheme)
    for name, width, height in (("wide", 1200, 900), ("phone", 390, 844), ("narrow", 320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        page.reload()
        page.evaluate("scheme => document.documentElement.setAttribute('data-bs-theme', scheme)", scheme)
        expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
        if name == "wide":
            box = page.locator(CANCEL).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= height, "Cancel is out of view"
        page.click("#progress-details summary")
        page.screenshot(path=screenshots / f"pending-{name}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), "the page scrolls sideways"
        assert serious_findings(page, "main") == []


def test_without_javascript(busy: Site) -> None:
    """The page says what is going on, and is loaded again by itself."""
    visitor = busy.visitor()
    assert visitor.start({"gpus": "2"}, server="two").status == 302
    path = f"hub/spawn-pending/{visitor.name}/two"

    def says_why() -> bool:
        place = visitor.get(path).soup.select_one(SENTENCE)
        return place is not None and WHY.search(place.get_text()) is not None

    wait_for(says_why, "the reason on the page", 10)
    page = visitor.get(path)
    refresh = page.soup.select_one("noscript meta[http-equiv=refresh]")
    assert refresh is not None
    assert refresh["content"] == "10"
    assert "Without JavaScript" in page.text


# --- an administrator looks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def site_with_admin(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose second user is an administrator."""
    needs_users(users, 2)
    more = f"c.Authenticator.admin_users = {{{users[1]!r}}}\nc.SharedPasswordAuthenticator.admin_password = {ADMIN_PASSWORD!r}\n"
    with open_site("hub-admin", environments, cluster, users, more) as site:
        site.clean()
        yield site


def test_an_administrator_cancels_for_somebody_else(site_with_admin: Site, browser: Browser) -> None:
    """The administrator's Cancel on a user's page ends that user's server; the administrator's own of the same name goes on."""
    site = site_with_admin
    user, admin = site.users[:2]
    site.start({"cores": 1, "memory": "1G", "gpus": 0}, user=admin, server="two")
    own = site.cluster.active_jobs()
    take_a_gpu_of_each(site)
    assert site.visitor(user).start({"gpus": "2"}, server="two").status == 302
    page = browser.new_context().new_page()
    path = f"hub/spawn-pending/{user}/two"
    page.goto(f"{site.hub.url}hub/login?next={urlsplit(site.hub.url).path}{path}")
    page.fill("input[name=username]", admin)
    page.fill("input[name=password]", ADMIN_PASSWORD)
    page.click("#login_submit")
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=15_000)
    job = job_of(site, page)
    began = time.monotonic()
    page.click(CANCEL)
    expect(page.locator(SENTENCE)).to_have_text(CANCELLED, timeout=15_000)
    assert time.monotonic() - began < 15
    assert job not in site.cluster.active_jobs()
    assert set(own) <= set(site.cluster.active_jobs())
    assert site.server(admin, "two")["ready"]


# --- the oldest JupyterHub that we support ------------------------------------------------------------------------------------------


def test_cancel_with_an_older_hub(site_5: Site, browser: Browser) -> None:
    """The same page, the same Cancel: a named server in the queue ends, the default server goes on."""
    site = site_5
    site.clean()
    site.start({"cores": 1, "memory": "1G", "gpus": 0})
    others = site.cluster.active_jobs()
    take_a_gpu_of_each(site)
    page = ask_for_two_gpus(site, browser, "two")
    expect(page.locator(SENTENCE)).to_have_text(WHY, timeout=REASON_MS)
    job = job_of(site, page)
    page.click(CANCEL)
    expect(page.locator(SENTENCE)).to_have_text(CANCELLED)
    assert job not in site.cluster.active_jobs()
    assert set(others) <= set(site.cluster.active_jobs())
    assert site.server(site.users[0])["ready"]
