"""What would start now in the place of a session that waits, on the real cluster: offered on its page, and had in one press."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.real.test_pending_page import REASON_MS, WHY, ask_for_two_gpus, busy, job_of, take_a_gpu_of_each  # noqa: F401 - busy is a fixture
from tests.support.browsing import serious_findings
from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site, Visitor, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

OFFERS = "#pending-offers-list li"
ONE_GPU = f'{OFFERS}:has([name=gpus][value$="1"])'
OFFERED_MS = 30_000
SERVER = "two"


def gpus_of(site: Site, job: int) -> str:
    """What Slurm has given the job, or what it asks for."""
    found = re.search(r"gres/gpu=(\d+)", site.cluster.run("scontrol", "show", "job", str(job)).stdout)
    return found[1] if found else "0"


def offered(visitor: Visitor) -> tuple[str, dict[str, str]]:
    """The form of one GPU that the page offers without JavaScript: its address and its fields."""
    path = f"hub/spawn-pending/{visitor.name}/{SERVER}"

    def found() -> tuple[str, dict[str, str]] | None:
        page = visitor.get(path)
        forms = [form for form in page.soup.select(f"{OFFERS} form") if form.select_one('[name=gpus][value$="1"]')]
        if not forms:
            return None
        return urljoin(page.url, str(forms[0]["action"])), {str(field["name"]): str(field["value"]) for field in forms[0].select("input")}

    return wait_for(found, "one GPU to be offered", 40)


def waiting(site: Site) -> tuple[Visitor, int]:
    """The first user's session that waits for two GPUs, and its job."""
    visitor = site.visitor()
    before = set(site.cluster.active_jobs())
    assert visitor.start({"gpus": "2", "walltime": "30m"}, server=SERVER).status == 302
    (job,) = wait_for(lambda: set(site.cluster.active_jobs()) - before, "the job", 20)
    wait_for(lambda: site.cluster.job_state(job) == "PENDING", "the job to wait", 20)
    return visitor, job


def test_one_press_starts_the_other(busy: Site, browser: Browser) -> None:  # noqa: F811
    """What would start now stands there with its price; Switch gives the job up and leads into JupyterLab on the other."""
    page: Page = ask_for_two_gpus(busy, browser, SERVER)
    expect(page.locator(".pending-sentence")).to_contain_text(WHY, timeout=REASON_MS)
    expect(page.locator(ONE_GPU)).to_have_count(1, timeout=OFFERED_MS)
    expect(page.locator(ONE_GPU)).to_contain_text("units")
    assert serious_findings(page, "main") == []
    cancel, offers = page.locator("#pending-cancel").bounding_box(), page.locator("#pending-offers").bounding_box()
    assert cancel is not None
    assert offers is not None
    assert cancel["y"] < offers["y"], "what appears pushes Cancel away"
    job, before = job_of(busy, page), set(busy.cluster.active_jobs())
    page.locator(f"{ONE_GPU} button").press("Enter")
    page.wait_for_url(re.compile(f"/user/{busy.users[0]}/{SERVER}/"), timeout=90_000)
    assert busy.cluster.job_state(job) == "CANCELLED"
    (other,) = set(busy.cluster.active_jobs()) - before
    assert gpus_of(busy, other) == "1"


def test_another_tab_follows(busy: Site, browser: Browser) -> None:  # noqa: F811
    """It does not stay with what was given up: it leads into JupyterLab as well."""
    page = ask_for_two_gpus(busy, browser, SERVER)
    expect(page.locator(ONE_GPU)).to_have_count(1, timeout=OFFERED_MS)
    second = page.context.new_page()
    second.goto(page.url)
    expect(second.locator(ONE_GPU)).to_have_count(1, timeout=OFFERED_MS)
    page.locator(f"{ONE_GPU} button").click()
    for tab in (page, second):
        tab.wait_for_url(re.compile(f"/user/{busy.users[0]}/{SERVER}/"), timeout=90_000)


def test_with_an_older_hub(site_5: Site) -> None:
    """JupyterHub 5 gives a start up, and begins another, in the same way."""
    site_5.clean()
    take_a_gpu_of_each(site_5)
    test_without_javascript(site_5)


def test_without_javascript(busy: Site) -> None:  # noqa: F811
    """The same by a plain form, and a second press of it changes nothing more."""
    visitor, job = waiting(busy)
    address, fields = offered(visitor)
    assert fields["job"] == str(job)
    first = visitor.session.post(address, data=fields, timeout=60, allow_redirects=False)
    assert first.status_code == 302
    assert f"/hub/spawn-pending/{visitor.name}/{SERVER}" in first.headers["Location"]
    wait_for(lambda: busy.server(visitor.name, SERVER).get("ready"), "the other to run", 60)
    jobs = busy.cluster.active_jobs()
    assert job not in jobs
    assert visitor.session.post(address, data=fields, timeout=60, allow_redirects=False).status_code == 302
    assert busy.cluster.active_jobs() == jobs


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"gpus": "2"}, "Somebody was faster"),
        ({"cores": "100000"}, "cores"),
        ({"job": "1"}, "not the session any more"),
    ],
)
def test_what_cannot_be_had_costs_nothing(busy: Site, change: dict[str, str], why: str) -> None:  # noqa: F811
    """The page says why, once; the job that waits is not given up."""
    visitor, job = waiting(busy)
    address, fields = offered(visitor)
    assert visitor.session.post(address, data={**fields, **change}, timeout=60, allow_redirects=False).status_code == 302
    said = [visitor.get(f"hub/spawn-pending/{visitor.name}/{SERVER}").soup.select_one("#pending-error") for _look in range(2)]
    assert why in said[0].get_text()  # type: ignore[union-attr]
    assert said[1].get_text() == ""  # type: ignore[union-attr]
    assert busy.cluster.job_state(job) == "PENDING"


def test_who_may_switch(busy: Site) -> None:  # noqa: F811
    """Only with the page's token, and only a session that the visitor may start: of another's not even that it is there is said."""
    needs_users(busy.users, 2)
    visitor, job = waiting(busy)
    address, fields = offered(visitor)
    for token in ("", "x"):
        assert visitor.session.post(address, data={**fields, "_xsrf": token}, timeout=60).status_code == 403
    stranger = busy.visitor(busy.users[1])
    own = stranger.session.cookies.get("_xsrf", path="/hub/")
    statuses: Callable[[str], int] = lambda url: stranger.session.post(url, data={**fields, "_xsrf": own}, timeout=60).status_code  # noqa: E731
    assert statuses(address) == statuses(address.replace(SERVER, "none")) == 404
    assert busy.cluster.job_state(job) == "PENDING"
