"""The session bar in the real JupyterLab and Notebook of the releases, and the page that its Stop leads to."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

BAR, NOTICE = "#jupyterhub-resource-form-bar", ".rf-notice"
SESSION = {"cores": 2, "memory": "2G", "gpus": 1, "walltime": "2h", "name": "Protein <b>folding</b>", "color": "teal"}
SMALL = {"cores": 1, "memory": "1G", "gpus": 0, "walltime": "1h", "name": "A small one"}
STOPPED = "Stopped. The resources are free."


def open_lab(site: Site, browser: Browser, *, server: str = "", path: str = "lab", **options: object) -> Page:
    """The first user logs in and opens a running session."""
    user = site.users[0]
    page = log_in(site, browser, user, path=f"hub/spawn/{user}/another", **options)  # type: ignore[arg-type]
    page.goto(f"{site.hub.url}user/{user}/{server + '/' if server else ''}{path}?reset")
    page.wait_for_selector("#jp-MainMenu")
    return page


def facts_of(job: int, name: object = SMALL["name"]) -> list[Path]:
    """The files on the node that the bar of this session may read."""
    facts = {path: json.loads(path.read_text()) for path in Path("/tmp").glob("jupyterhub-lab-*/labextensions/*/data.json")}
    return [path for path, said in facts.items() if (said["job_id"], said["name"]) == (str(job), name)]


def choose_theme(page: Page, name: str) -> None:
    """In the menu, as a person does; JupyterLab remembers it."""
    page.click('#jp-MainMenu >> text="Settings"')
    page.hover('.lm-Menu-item >> text="Theme"')
    page.click(f'.lm-Menu-item >> text="{name}"')
    page.wait_for_selector(f'body[data-jp-theme-name="{name}"]', state="attached")


@pytest.mark.parametrize("release", ["2026.10", "2025.10"])
def test_the_bar_says_which_session_this_is(site: Site, browser: Browser, screenshots: Path, release: str) -> None:
    """Name as text, colour, job, node, GPUs, time left: in JupyterLab light and dark, on a phone, and in Notebook."""
    site.start({**SESSION, "release": release})
    job = site.job_of()
    page = open_lab(site, browser)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text) if "resource-form" in message.text else None)
    bar = page.locator(BAR)
    expect(bar.locator(".rf-name")).to_have_text("Protein <b>folding</b>")
    expect(bar.locator(".rf-job")).to_have_text(f"Job {job['JobId']}")
    expect(bar.locator(".rf-node")).to_have_text(job["BatchHost"])
    expect(bar.locator(".rf-gpus")).to_have_text("1 GPU")
    expect(bar.locator(".rf-left")).to_have_text(re.compile(r"^1 h 5\d min left$"))
    assert bar.locator(".rf-color").evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(22, 143, 163)"
    page.wait_for_selector(".jp-Launcher")
    choose_theme(page, "JupyterLab Light")
    page.screenshot(path=screenshots / f"lab-bar-light-{release}.png")
    assert serious_findings(page, BAR) == []
    box = bar.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 1200
    choose_theme(page, "JupyterLab Dark")
    page.screenshot(path=screenshots / f"lab-bar-dark-{release}.png")
    assert serious_findings(page, BAR) == []
    choose_theme(page, "JupyterLab Light")
    for width in (800, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.screenshot(path=screenshots / f"lab-bar-{width}-{release}.png")
        stop = bar.locator(".rf-stop").bounding_box()
        assert stop is not None
        assert stop["x"] + stop["width"] <= width, "Stop is out of view"
    page.goto(f"{site.hub.url}user/{site.users[0]}/tree")
    page.wait_for_selector("#jp-MainMenu")
    page.set_viewport_size({"width": 1200, "height": 900})
    expect(bar.locator(".rf-job")).to_have_text(f"Job {job['JobId']}")
    page.screenshot(path=screenshots / f"notebook-bar-{release}.png")
    assert trouble == []


def test_stop_in_the_bar_ends_the_job(site: Site, browser: Browser, screenshots: Path) -> None:
    """The bar of a named session leads to a page that says what is given back; there Stop ends this job, and no other."""
    site.start(SMALL)
    others = site.cluster.active_jobs()
    site.start(SESSION, server="two")
    (job,) = set(site.cluster.active_jobs()) - set(others)
    (facts,) = facts_of(job, SESSION["name"])
    folder = facts.parents[2]
    page = open_lab(site, browser, server="two")
    page.click(f"{BAR} .rf-stop")
    main = page.locator("#resource-form-stop")
    expect(main).to_contain_text("Protein <b>folding</b>")
    expect(page.locator("#stop-job")).to_have_text(str(job))
    expect(page.locator("#stop-held")).to_contain_text("1 × V100")
    page.screenshot(path=screenshots / "stop.png")
    assert serious_findings(page, "main") == []
    assert job in site.cluster.active_jobs(), "asking has stopped it"
    page.click("#stop")
    expect(main).to_contain_text(STOPPED)
    assert job not in site.cluster.active_jobs()
    assert set(others) <= set(site.cluster.active_jobs())
    assert serious_findings(page, "main") == []
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=screenshots / "stop-done.png")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), "the page scrolls sideways"
    wait_for(lambda: not folder.exists(), "what the launcher wrote to be gone", 15)


def test_the_end_is_near(site: Site, browser: Browser, screenshots: Path) -> None:
    """Five minutes before the end the bar says so, once: what is closed stays closed."""
    site.start({**SMALL, "walltime": "4"})
    page = open_lab(site, browser)
    expect(page.locator(NOTICE)).to_have_text(re.compile(r"This session ends in [1-4] min\. Save your work\."))
    expect(page.locator(f"{BAR} .rf-near")).to_have_text(re.compile(r"⚠ [0-4] min left"))
    page.screenshot(path=screenshots / "lab-bar-near.png")
    assert serious_findings(page, f"{BAR}, .rf-notices") == []
    page.click(f"{NOTICE} .rf-close")
    page.reload()
    page.wait_for_selector("#jp-MainMenu")
    expect(page.locator(f"{BAR} .rf-near")).to_be_visible()
    expect(page.locator(NOTICE)).to_have_count(0)


def test_an_administrator_moves_the_end(site: Site, browser: Browser) -> None:
    """``scontrol update TimeLimit``: card, API and the bar of the open page follow, and the warning of the end before goes."""
    site.start({**SMALL, "walltime": "4"})
    (job,) = site.cluster.active_jobs()
    page = open_lab(site, browser)
    expect(page.locator(NOTICE)).to_have_text(re.compile("This session ends in [1-4] min"))
    home = page.context.new_page()
    home.goto(f"{site.hub.url}hub/home")
    site.cluster.run("scontrol", "update", f"JobId={job}", "TimeLimit=2:00:00")
    planned = datetime.fromisoformat(site.job_of()["EndTime"]).timestamp()
    expect(home.locator(".sessions-left").first).to_contain_text("1 h", timeout=60_000)
    (told,) = [
        session for session in site.visitor().api("GET", "resource-form/sessions").json()["sessions"] if session["kind"] == "running"
    ]
    assert datetime.fromisoformat(told["ends"].replace("Z", "+00:00")).timestamp() == planned
    home.close()
    page.bring_to_front()
    expect(page.locator(f"{BAR} .rf-left")).to_have_text(re.compile(r"^1 h 5\d min left$"), timeout=120_000)
    expect(page.locator(NOTICE)).to_have_count(0)


def test_the_time_is_up(site: Site, browser: Browser, screenshots: Path) -> None:
    """The open page says so, and leads to why it is over and to a new session; from there one press leads back into JupyterLab."""
    site.start({**SMALL, "walltime": "1"})
    page = open_lab(site, browser)
    over = page.locator(NOTICE).filter(has_text="its time was up")
    expect(over).to_be_visible(timeout=240_000)
    expect(page.locator(f"{BAR} .rf-left")).to_have_text("⚠ Time is up")
    expect(page.locator(f"{BAR} .rf-stop")).to_have_count(0)
    assert over.get_by_text("New session").get_attribute("href").endswith(f"/hub/spawn/{site.users[0]}")  # type: ignore[union-attr]
    assert serious_findings(page, f"{BAR}, .rf-notices") == []
    page.screenshot(path=screenshots / "lab-bar-over.png")
    over.get_by_text("Why?").click()
    expect(page.locator("#resource-form-ended")).to_contain_text("The session has ended.")
    expect(page.locator(".pending-why")).to_contain_text("time")
    page.click("#again button")
    page.wait_for_url(re.compile(f"/user/{site.users[0]}/lab"), timeout=90_000)
    expect(page.locator(f"{BAR} .rf-stop")).to_be_visible(timeout=60_000)


def test_a_session_that_goes_on_is_not_over(site: Site) -> None:
    """Whoever asks why it is over is led into it; of another's session not even that it is there is said."""
    needs_users(site.users, 2)
    site.start(SMALL)
    answer = site.visitor().session.get(urljoin(site.hub.url, "hub/resource-form/over"), timeout=60, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/user/{site.users[0]}/")
    stranger = site.visitor(site.users[1])
    assert [stranger.get(f"hub/resource-form/over?user={name}").status for name in (site.users[0], "nobody-at-all")] == [404, 404]
    site.cluster.run("scancel", str(site.cluster.active_jobs()[0]))
    wait_for(lambda: not site.cluster.active_jobs(), "the job to be over", 40)
    owner = site.visitor()
    wait_for(lambda: "The session has ended." in owner.get("hub/resource-form/over").text, "the Hub to look for itself", 12)


SHELL, SIDE = ".jp-LabShell", "#jp-left-stack"
PHONE = {"width": 390, "height": 844}


def mode_of(page: Page) -> str | None:
    """JupyterLab's interface mode."""
    return page.locator(SHELL).get_attribute("data-shell-mode")


@pytest.mark.parametrize("release", ["2026.10", "2025.10"])
def test_on_a_phone(site: Site, browser: Browser, screenshots: Path, release: str) -> None:
    """One document at a time and no file browser; nothing of that is remembered for a wider screen, and what the user chooses stays."""
    site.start({**SMALL, "release": release})
    page = open_lab(site, browser, **PHONE)
    expect(page.locator(SIDE)).to_be_hidden()
    expect(page.locator(SHELL)).to_have_attribute("data-shell-mode", "single-document")
    page.wait_for_selector(".jp-Launcher")
    box = page.locator(f"{BAR} .rf-stop").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= PHONE["width"], "Stop is out of view"
    page.screenshot(path=screenshots / f"lab-phone-{release}.png")
    page.keyboard.press("Control+Shift+l")  # a new launcher: JupyterLab remembers the layout
    page.wait_for_timeout(2_000)  # it is stored some time after, and nothing tells when
    page.set_viewport_size({"width": 1200, "height": 900})
    page.goto(f"{site.hub.url}user/{site.users[0]}/lab")
    expect(page.locator(SIDE)).to_be_visible()
    assert mode_of(page) == "multiple-document"
    page.set_viewport_size(PHONE)
    page.reload()
    expect(page.locator(SHELL)).to_have_attribute("data-shell-mode", "single-document")
    page.keyboard.press("Control+Shift+d")  # the user's own switch of the mode
    expect(page.locator(SHELL)).to_have_attribute("data-shell-mode", "multiple-document")
    page.reload()
    expect(page.locator(BAR)).to_be_visible()
    expect(page.locator(SIDE)).to_be_hidden()
    assert mode_of(page) == "multiple-document"


def test_a_killed_kernel_is_told(site: Site, browser: Browser) -> None:
    """What the launcher has written down stands on the open page soon after; closed, it comes back only for another one."""
    site.start(SMALL)
    (facts,) = facts_of(site.cluster.active_jobs()[0])
    page = open_lab(site, browser)
    expect(page.locator(BAR)).to_be_visible()
    told = page.locator(f"{NOTICE} .rf-text")
    for number in (1, 2):
        facts.write_text(json.dumps({**json.loads(facts.read_text()), "killed": number}))
        expect(told).to_have_text(re.compile("killed, because the memory of 1 GB was used up"), timeout=20_000)
        page.click(f"{NOTICE} .rf-close")
        page.reload()
        page.wait_for_selector("#jp-MainMenu")
        expect(page.locator(BAR)).to_be_visible()
        expect(page.locator(NOTICE)).to_have_count(0)


def test_a_page_that_nobody_looks_at_asks_nothing(site: Site, browser: Browser) -> None:
    """Else an open tab in the background would keep an idle session from being culled."""
    site.start(SMALL)
    page = open_lab(site, browser)
    expect(page.locator(BAR)).to_be_visible()
    asked: list[float] = []
    page.on("request", lambda request: asked.append(time.monotonic()) if request.url.endswith("/data.json") else None)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(17_000)
    assert asked == []
    page.evaluate("Object.defineProperty(document, 'hidden', {value: false}); document.dispatchEvent(new Event('visibilitychange'))")
    wait_for(lambda: page.evaluate("1") and asked, "the page to ask again", 5)


def test_a_stranger_reads_nothing(site: Site) -> None:
    """JupyterLab serves extensions without a log-in; ours lies where only its page leads."""
    site.start(SMALL)
    (facts,) = facts_of(site.cluster.active_jobs()[0])
    folder = facts.parent
    base = f"{site.hub.url}user/{site.users[0]}/lab/extensions/"
    known = ("", "package.json", "data.json", "static/data.json", "remoteEntry.js")
    for name in ("jupyterhub-resource-form", "", "jupyterhub-resource-form/..", folder.name[:8]):
        for file in known:
            answer = requests.get(f"{base}{name}/{file}", timeout=30, allow_redirects=False)
            assert answer.status_code in (301, 302, 403, 404), answer.url
            assert folder.name not in answer.text
    # The way is right: whoever has the name, as the user's own page does, is answered.
    assert requests.get(f"{base}{folder.name}/data.json", timeout=30).json()["name"]


def test_without_the_bar(site: Site, browser: Browser) -> None:
    """Switched off by the admin, there is nothing of it, and JupyterLab works."""
    before = site.hub.config
    site.hub.restart(config=f"{before}c.ResourceFormSpawner.lab_extension = False\n")
    try:
        site.start(SMALL)
        page = open_lab(site, browser)
        page.wait_for_selector(".jp-Launcher")
        assert page.locator(BAR).count() == 0
        assert facts_of(site.cluster.active_jobs()[0]) == []
    finally:
        site.clean()
        site.hub.restart(config=before)


# --- the page that stops ---------------------------------------------------------------------------------------------------------


def test_without_javascript(site: Site) -> None:
    """A plain form does it; asking twice stops nothing twice."""
    site.start(SMALL)
    visitor = site.visitor()
    path = f"hub/resource-form/stop?user={visitor.name}&server="
    page = visitor.get(path)
    form = page.soup.select_one("#resource-form-stop form")
    assert form is not None
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    address = urljoin(page.url, str(form["action"]))
    first = visitor.session.post(address, data=fields, timeout=60)
    assert STOPPED in first.text
    assert site.cluster.active_jobs() == []
    assert STOPPED in visitor.session.post(address, data=fields, timeout=60).text
    assert "Stop this session?" not in visitor.get(path).text
    assert "Stop this session?" not in visitor.get("hub/resource-form/stop").text


def test_only_what_was_asked_about_is_stopped(site: Site) -> None:
    """Without the Hub's token, with another job's number, or by a link: nothing stops; the page asks about the session that is there."""
    site.start(SMALL)
    jobs = site.cluster.active_jobs()
    visitor = site.visitor()
    page = visitor.get("hub/resource-form/stop")
    form = page.soup.select_one("#resource-form-stop form")
    assert form is not None
    fields = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    address = urljoin(page.url, str(form["action"]))
    assert visitor.session.post(address, data={**fields, "_xsrf": ""}, timeout=60).status_code == 403
    assert visitor.session.post(address, data={**fields, "_xsrf": "x"}, timeout=60).status_code == 403
    other = visitor.session.post(address, data={**fields, "job": str(jobs[0] - 1)}, timeout=60)
    assert "This is another session than the one that you were asked about." in other.text
    assert visitor.get("hub/resource-form/stop?stopped=1&job=1").text.count("Stop this session?") == 1
    assert site.cluster.active_jobs() == jobs


def test_whose_sessions_may_be_stopped(site: Site) -> None:
    """One's own; of others not even whether they are there is said."""
    needs_users(site.users, 2)
    site.start(SMALL)
    jobs = site.cluster.active_jobs()
    stranger = site.visitor(site.users[1])
    asked = [f"hub/resource-form/stop?user={name}&server={server}" for name in (site.users[0], "nobody-at-all") for server in ("", "none")]
    answers = [stranger.get(path) for path in asked]
    assert [answer.status for answer in answers] == [404] * 4
    token = stranger.session.cookies.get("_xsrf", path="/hub/")
    answer = stranger.session.post(urljoin(site.hub.url, asked[0]), data={"_xsrf": token, "job": str(jobs[0])}, timeout=60)
    assert answer.status_code == 404
    assert site.cluster.active_jobs() == jobs
    assert stranger.get("hub/resource-form/stop?server=none").status == 404
    nobody = requests.get(urljoin(site.hub.url, "hub/resource-form/stop"), timeout=30, allow_redirects=False)
    assert nobody.status_code == 302
    assert "/hub/login" in nobody.headers["Location"]
