"""A person in a real browser: log in, fill the form, work in JupyterLab inside the job, stop, and see the table change."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browsing import choose, log_in, open_nodes, press_stop, serious_findings, table
from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site, wait_for

REFRESH_MS = 45_000

pytestmark = pytest.mark.usefixtures("pages_are_closed")

CELL = (
    "import json, os, socket\n"
    "print(json.dumps({'host': socket.gethostname(), 'gpus': os.environ['CUDA_VISIBLE_DEVICES'],\n"
    "'node': os.environ['SLURMD_NODENAME'], 'job': os.environ['SLURM_JOB_ID']}))"
)


def test_from_log_in_to_stop(site: Site, browser: Browser, screenshots: Path) -> None:
    """The whole path of a person, and the job's record in Slurm beside it."""
    page = log_in(site, browser, site.users[0])
    page.screenshot(path=screenshots / "form.png")
    assert table(page) == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}
    choose(page, "account", "cin_train")
    page.fill("[name=cores]", "4")
    page.fill("[name=memory]", "8G")
    page.check("[name=gpus][value='2']")
    page.fill("[name=walltime]", "1:30:00")
    page.click("button.resource-form-start")
    page.wait_for_url(re.compile(r"/user/[^/]+/lab"), timeout=90_000)
    # JupyterLab opens what an earlier session of this user left open; a new workspace begins with the launcher.
    page.goto(f"{site.hub.url}user/{site.users[0]}/lab?reset")
    page.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    page.wait_for_selector(".jp-Notebook .cm-content")
    cell = page.locator(".jp-Notebook .cm-content").first
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    cell.click()
    page.keyboard.insert_text(CELL)
    expect(cell).to_contain_text("json.dumps")
    page.get_by_role("button", name="Run this cell and advance").first.click()
    output = page.locator(".jp-OutputArea-output pre").first
    expect(output).to_contain_text("job", timeout=60_000)
    seen = json.loads(output.inner_text())
    job = site.job_of()
    assert seen["job"] == job["JobId"]
    assert seen["node"] == job["BatchHost"]
    assert seen["gpus"] == "0,1"
    assert job["Account"] == "cin_train"
    assert job["TimeLimit"] == "01:30:00"
    page.screenshot(path=screenshots / "lab.png")

    with page.context.expect_page() as opened:
        page.click('#jp-MainMenu >> text="File"')
        page.click('.lm-Menu-item >> text="Hub Control Panel"')
    panel = opened.value
    panel.wait_for_load_state()
    other = log_in(site, browser, site.users[1]) if len(site.users) > 1 else None
    if other is not None:
        assert table(other) == {"no free GPU": 1, "1 free GPU": 0, "2 free GPUs": 2}
    press_stop(panel.locator(".sessions-card"))
    expect(panel.locator('.sessions-card[data-state="ended"]')).to_be_visible(timeout=30_000)
    assert site.cluster.active_jobs() == [], "the page says that it is stopped, and the job holds what it had"
    assert site.cluster.job_state(int(job["JobId"])) == "CANCELLED"
    panel.goto(f"{site.hub.url}hub/spawn")
    panel.wait_for_selector("#resource-form")
    assert table(panel) == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}
    assert panel.input_value("[name=cores]") == "4"
    assert panel.input_value("[name=account]") == "cin_train"
    assert panel.locator("[name=gpus]:checked").get_attribute("value") == "2"
    columns = ("sacct", "--noheader", "--parsable2", "--allocations", "-j", job["JobId"], "-o", "Account,ReqTRES,Timelimit,State,End")

    def ended() -> list[str]:
        record = site.cluster.run(*columns, check=False).stdout.strip().split("|")
        return record if record[-1] not in ("", "Unknown") else []

    # slurmdbd hears of a job's end later than slurmctld.
    account, requested, time_limit, state, _ = wait_for(ended, "slurmdbd to know of the end", 30)
    assert account == "cin_train"
    assert "cpu=4" in requested
    assert "mem=8G" in requested
    assert "gres/gpu=2" in requested
    assert time_limit == "01:30:00"
    assert state.split()[0] == "CANCELLED"


def come_back_to(page: Page) -> None:
    """What the browser tells a page whose tab is looked at again; the page then refreshes at once."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_open_page_refreshes_without_touching_what_was_typed(site: Site, browser: Browser) -> None:
    """The table of an open form follows the cluster by itself; values that are being typed, and an opened list, stay."""
    needs_users(site.users, 2)
    page = log_in(site, browser, site.users[1])
    before = page.locator(".resource-form-age time").get_attribute("datetime")
    page.fill("[name=cores]", "7")
    page.fill("[name=memory]", "3.5")
    open_nodes(page)
    site.start({"gpus": 1})
    page.wait_for_function(
        "() => document.querySelectorAll('.resource-form-table tbody tr')[1].innerText.trim().endsWith('1')", timeout=REFRESH_MS
    )
    assert table(page) == {"no free GPU": 0, "1 free GPU": 1, "2 free GPUs": 2}
    assert page.input_value("[name=cores]") == "7"
    assert page.input_value("[name=memory]") == "3.5"
    assert page.locator(".resource-form-nodes").get_attribute("open") is not None
    assert page.locator(".resource-form-age time").get_attribute("datetime") != before


def test_open_page_says_when_it_is_out_of_date(site: Site, browser: Browser) -> None:
    """With the Hub out of reach the table stays, marked, and says so; what was typed stays."""
    page = log_in(site, browser, site.users[0])
    page.fill("[name=cores]", "7")
    page.context.set_offline(True)
    come_back_to(page)
    note = page.locator("text=The table could not be refreshed")
    note.wait_for(timeout=REFRESH_MS)
    assert table(page) == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}
    assert page.input_value("[name=cores]") == "7"
    page.context.set_offline(False)
    come_back_to(page)
    note.wait_for(state="hidden", timeout=REFRESH_MS)


def test_choosing_a_reservation_shows_its_nodes(site: Site, browser: Browser) -> None:
    """With one's reservation chosen the table counts its nodes, at once."""
    page = log_in(site, browser, site.users[0])
    choose(page, "reservation", "s_tra_school")
    page.wait_for_function("() => document.querySelectorAll('.resource-form-table tbody tr')[2].innerText.trim().endsWith('1')")
    assert table(page) == {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 1}


def test_refused_form_in_the_browser(site: Site, browser: Browser, screenshots: Path) -> None:
    """After a refusal the message has the focus, its links lead to the fields, and the page is as accessible as before."""
    page = log_in(site, browser, site.users[0])
    page.fill("[name=memory]", "12 bananas")
    page.fill("[name=walltime]", "9h")
    page.click("button.resource-form-start")
    page.wait_for_selector(".spawn-error-msg li")
    assert page.evaluate("document.activeElement.classList.contains('spawn-error-msg')")
    page.screenshot(path=screenshots / "form-refused.png")
    page.click(".spawn-error-msg a >> nth=0")
    assert page.url.endswith("#resource-form-memory")
    assert page.input_value("[name=memory]") == "12 bananas"
    assert serious_findings(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "width", "height"), [("wide", 1200, 900), ("phone", 390, 844), ("narrow", 320, 640)])
def test_layout_and_accessibility(site: Site, browser: Browser, screenshots: Path, name: str, width: int, height: int, scheme: str) -> None:
    """Nothing runs out of the page, Start is in view on a desktop, and axe-core finds nothing serious, in light and dark."""
    page = log_in(site, browser, site.users[0], width=width, height=height, scheme=scheme)
    page.evaluate("scheme => document.documentElement.setAttribute('data-bs-theme', scheme)", scheme)
    open_nodes(page)
    page.screenshot(path=screenshots / f"form-{name}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), "the page scrolls sideways"
    assert page.locator("button[type=submit]:visible", has_text="Start").count() == 1
    if name == "wide":
        box = page.locator(".resource-form-start").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height, "Start is out of view"
    assert serious_findings(page) == []
