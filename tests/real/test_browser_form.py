"""The form that knows, in a real browser on the real cluster: it answers while the user chooses."""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import choose, log_in, serious_findings
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")


def verdict(page: Page) -> str:
    """The line that says whether it starts now."""
    return page.locator(".resource-form-sentence").inner_text()


def take_gpus(site: Site, *nodes: str) -> None:
    """One of the two GPUs of each of these nodes is taken."""
    for node in nodes:
        job = site.cluster.submit(
            f"--nodelist={node}", "--gres=gpu:1", "--mem=1G", "--account=cin_train", "--partition=g100_int", user=site.users[0]
        )
        site.cluster.wait_for_job_state(job, "RUNNING")
    site.hub.restart()


def test_what_would_start_now_is_one_press_away(site: Site, browser: Browser, screenshots: Path) -> None:
    """Two GPUs where each node has one: it says so at once, offers one, takes it with one press, and says that it starts."""
    take_gpus(site, "g001", "g002", "g003")
    page = log_in(site, browser, site.users[0])
    expect(page.locator(".resource-form-sentence")).to_have_text("Starts now: 3 nodes have all of it free.")
    page.check("[name=gpus][value='2']")
    expect(page.locator(".resource-form-sentence")).to_have_text("Will wait: no node has 2 free GPUs; 3 have one.")
    expect(page.locator(".resource-form-estimate")).to_contain_text("Slurm's estimate")
    expect(page.locator("#resource-form-announcement")).to_contain_text("Will wait: no node has 2 free GPUs")
    page.screenshot(path=screenshots / "form-wait.png")
    assert serious_findings(page) == []
    page.click(".resource-form-alternatives button:has-text('1 GPU instead of 2')")
    expect(page.locator(".resource-form-sentence")).to_have_text("Starts now: 3 nodes have all of it free.")
    assert page.is_checked("[name=gpus][value='1']")
    assert page.evaluate("document.activeElement.classList.contains('resource-form-start')"), "the focus is lost"


def marked(page: Page) -> list[str]:
    """The nodes of the picture that are said to have room for the request, to everybody."""
    shown = page.locator(".resource-form-strip button.resource-form-fits")
    expect(shown.locator(".resource-form-fits-words:not([hidden])")).to_have_count(shown.count())
    return [str(node.get_attribute("data-node")) for node in shown.all()]


def test_the_picture_of_the_nodes(site: Site, browser: Browser, screenshots: Path) -> None:
    """A square for each GPU; framed is which node has room; a press asks for what is free there, but on a reserved one."""
    take_gpus(site, "g001")
    page = log_in(site, browser, site.users[0])
    strip = page.locator(".resource-form-strip")
    expect(strip.locator("button.resource-form-fits")).to_have_count(3)
    assert marked(page) == ["g001", "g002", "g003"]
    assert strip.locator("[data-node=g001] .resource-form-squares i").count() == 2
    assert strip.locator("[data-node=g001] .resource-form-squares i.resource-form-free").count() == 1
    expect(strip.locator("[data-node=g001]")).to_contain_text("1 of 2 GPUs free")
    expect(strip.locator("[data-node=g004]")).to_be_disabled()
    expect(strip.locator("[data-node=g004]")).to_contain_text("reserved")
    page.check("[name=gpus][value='2']")
    expect(strip.locator("button.resource-form-fits")).to_have_count(2)
    assert marked(page) == ["g002", "g003"]
    page.screenshot(path=screenshots / "form-strip.png")
    assert serious_findings(page) == []
    strip.locator("[data-node=g001]").press("Enter")
    expect(page.locator("[name=gpus][value='1']")).to_be_checked()
    expect(strip.locator("button.resource-form-fits")).to_have_count(3)
    choose(page, "partition", "g100_cpu")
    expect(strip.locator("button.resource-form-fits")).to_have_count(0)
    strip.locator("[data-node=g002]").click()
    expect(page.locator("[name=gpus][value='2']")).to_be_checked()
    assert page.input_value("[name=partition]") == "g100_int"


def test_what_is_shown_belongs_to_what_is_typed(site: Site, browser: Browser) -> None:
    """While the Hub does not answer nothing is said any more of a request that has changed since: not known, and no node is framed."""
    page = log_in(site, browser, site.users[0])
    expect(page.locator(".resource-form-sentence")).to_have_text("Starts now: 3 nodes have all of it free.")
    page.wait_for_load_state("networkidle")
    waiting: list[Route] = []
    page.route("**/api/resource-form/check*", lambda route: waiting.append(route))
    page.check("[name=gpus][value='2']")
    expect(page.locator("[data-verdict=unknown] .resource-form-sentence")).to_have_text("Not known yet: the Hub has not answered.")
    expect(page.locator(".resource-form-line, .resource-form-alternatives")).to_have_count(0)
    expect(page.locator(".resource-form-strip button.resource-form-fits")).to_have_count(0)
    page.unroute("**/api/resource-form/check*")
    for route in waiting:
        route.fallback()
    expect(page.locator("[data-verdict=now] .resource-form-sentence")).to_have_text("Starts now: 3 nodes have all of it free.")
    expect(page.locator(".resource-form-strip button.resource-form-fits")).to_have_count(3)


def test_limits_follow_each_other(site: Site, browser: Browser, screenshots: Path) -> None:
    """Another partition has other limits: what cannot be had any more moves and is named, to screen readers as well; the rest stays."""
    page = log_in(site, browser, site.users[0])
    page.check("[name=gpus][value='2']")
    page.fill("[name=cores]", "8")
    choose(page, "partition", "g100_cpu")
    moved = "GPU configuration is now no GPU instead of 2 GPUs"
    expect(page.locator("#resource-form-moved")).to_contain_text(moved)
    expect(page.locator("#resource-form-announcement")).to_contain_text(moved)
    assert page.is_checked("[name=gpus][value='0']")
    assert page.is_disabled("[name=gpus][value='2']")
    assert page.input_value("[name=cores]") == "8"
    expect(page.locator("#resource-form-walltime-range")).to_have_text("At most 1 day.")
    page.screenshot(path=screenshots / "form-moved.png")
    page.fill("[name=walltime]", "20h")
    expect(page.locator(".resource-form-sentence")).to_contain_text("Starts now")
    choose(page, "partition", "g100_int")
    expect(page.locator("#resource-form-moved")).to_contain_text("Time is now 8 h instead of 20 h")
    assert page.input_value("[name=walltime]") == "08:00:00"


def test_a_wrong_value_is_told_where_it_is_typed(site: Site, browser: Browser) -> None:
    """A number that cannot be had is marked while it stands there, and is never moved by itself."""
    page = log_in(site, browser, site.users[0])
    page.fill("[name=cores]", "99")
    error = page.locator("#resource-form-cores-error")
    expect(error).to_have_text(re.compile("99 is more than the 48"))
    assert page.get_attribute("[name=cores]", "aria-invalid") == "true"
    assert page.input_value("[name=cores]") == "99"
    assert serious_findings(page) == []
    page.fill("[name=cores]", "9")
    expect(error).to_be_hidden()
    assert page.get_attribute("[name=cores]", "aria-invalid") is None


def test_what_it_costs_and_when_it_ends(site: Site, browser: Browser) -> None:
    """The founding document's example: 28 units an hour; the end in the user's own time zone, not the Hub's."""
    page = log_in(site, browser, site.users[0], timezone_id="Asia/Tokyo")
    page.fill("[name=cores]", "4")
    page.fill("[name=memory]", "32")
    page.check("[name=gpus][value='1']")
    page.fill("[name=walltime]", "2")  # hours, as the page says
    price = page.locator(".resource-form-hint button")
    expect(price).to_have_text("28 units an hour, 56 in all")
    meaning = page.locator(".resource-form-hint [role=tooltip]")
    expect(meaning).to_be_hidden()
    price.focus()
    expect(meaning).to_be_visible()
    expect(meaning).to_contain_text("for each hour: 1 for each core, 0.25 for each GB and 16 for each GPU")
    moment = page.locator(".resource-form-ends time")
    shown = page.evaluate(
        "element => new Date(element.dateTime).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit', timeZone: 'Asia/Tokyo'})",
        moment.element_handle(),
    )
    assert re.search(rf"(^|\s){shown}(\s|$)", moment.inner_text()), "of another day, the day stands beside it"


def test_moments_in_the_hubs_sentences(site: Site, browser: Browser) -> None:
    """Why a request waits, Slurm's estimate and a reservation that begins later are in the zone of the browser, as the end is."""
    zone = ZoneInfo("Asia/Tokyo")
    begin = int(time.time()) // 60 * 60 + 5400  # Slurm's reservations begin with a minute
    begins = datetime.datetime.fromtimestamp(begin, zone)
    start = f"StartTime={datetime.datetime.fromtimestamp(begin).astimezone():%Y-%m-%dT%H:%M:%S}"
    site.cluster.create_reservation("upkeep", f"Nodes=ALL Users=root Flags=MAINT,IGNORE_JOBS Duration=60 {start}")
    site.cluster.create_reservation("lesson", f"Nodes=g003 Users={site.users[0]} Flags=OVERLAP Duration=60 {start}")
    site.cluster.create_reservation("today", f"Nodes=g003 Users={site.users[0]} Duration=60")  # without one to choose there is no field
    try:
        site.hub.restart()
        page = log_in(site, browser, site.users[0], timezone_id=str(zone))
        shown = day_and_time_in(page, begins)
        with page.expect_response(lambda answer: "when=html" in answer.url) as answered:
            page.fill("[name=walltime]", "4")
            expect(page.locator(".resource-form-sentence")).to_contain_text(f"it runs into the maintenance at {shown}: choose at most")
        expect(page.locator("#resource-form-announcement")).to_contain_text(f"at {shown}: choose at most")
        lesson = page.locator("[name=reservation] option[value=lesson]")
        expect(lesson).to_have_text(f"lesson (begins at {shown})")
        estimate = datetime.datetime.fromisoformat(answered.value.json()["estimate"].replace("Z", "+00:00"))
        told = day_and_time_in(page, estimate.astimezone(zone))
        expect(page.locator(".resource-form-estimate")).to_contain_text(f"Slurm's estimate: about {told} (in")
    finally:
        for name in ("upkeep", "lesson", "today"):
            site.cluster.delete_reservation(name)
        site.hub.restart()  # which knows them for a while


def day_and_time_in(page: Page, moment: datetime.datetime) -> str:
    """A moment in its own zone as the pages write it, by the browser's clock of today."""
    today = page.evaluate("new Date().toDateString()")
    return f"{moment:%H:%M}" if f"{moment:%a %b %d %Y}" == today else f"{moment:%H:%M on %a} {moment.day} {moment:%b}"


def test_what_i_have(site: Site, browser: Browser) -> None:
    """A session that runs is on the bars: of the partition, and overall."""
    needs_users(site.users, 2)
    site.start({"gpus": 1, "cores": 4, "memory": "8G"}, user=site.users[1], server="one")
    page = log_in(site, browser, site.users[1], path="hub/spawn")
    gpus = page.locator(".resource-form-holding[data-resource=gpus]")
    expect(gpus).to_contain_text("1 of 6 GPUs")
    expect(page.locator(".resource-form-holding[data-resource=memory]")).to_contain_text("8 GB of")
    assert gpus.locator("progress").first.get_attribute("value") == "17"


def test_script_on_demand(site: Site, browser: Browser, screenshots: Path) -> None:
    """The script with its command; nothing is submitted by looking."""
    page = log_in(site, browser, site.users[0])
    page.click("#resource-form-script summary")
    expect(page.locator("#resource-form-script-command")).to_contain_text("sbatch --parsable --nodes=1")
    expect(page.locator("#resource-form-script-text")).to_contain_text("#!/bin/bash")
    expect(page.locator("#resource-form-script-environment")).to_contain_text("JUPYTERHUB_API_TOKEN=••••••••")
    page.screenshot(path=screenshots / "form-script.png")
    assert serious_findings(page) == []
    page.fill("[name=cores]", "5")
    expect(page.locator("#resource-form-script-command")).to_contain_text("--cpus-per-task=5")
    assert site.cluster.active_jobs() == []


def test_a_link_to_the_form_fills_it_for_somebody_else(site: Site, browser: Browser) -> None:
    """A teacher's link: it fills the student's form, names what the student cannot have, and starts nothing."""
    needs_users(site.users, 2)
    page = log_in(site, browser, site.users[0])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("[name=cores]", "6")
    page.fill("[name=walltime]", "90m")
    choose(page, "reservation", "s_tra_school")
    page.wait_for_load_state("networkidle")
    page.click("#resource-form-link")
    expect(page.locator("#resource-form-said")).to_have_text("Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert site.users[0] not in link
    student = log_in(site, browser, site.users[1])
    student.goto(link)
    student.wait_for_selector("#resource-form")
    assert (student.input_value("[name=cores]"), student.input_value("[name=walltime]")) == ("6", "01:30:00")
    assert student.input_value("[name=account]") == "cin_train", "the student's own, not the teacher's"
    expect(student.locator(".alert-info", has_text="What was asked for cannot be had. Slurm reservation")).to_contain_text("s_tra_school")
    assert site.cluster.active_jobs() == []


def test_keyboard_alone(site: Site, browser: Browser) -> None:
    """From the first field to Start with Tab, arrows and Enter; every stop shows where it is."""
    page = log_in(site, browser, site.users[0])
    page.focus("[name=gpus]:checked")
    stops = []
    for _ in range(60):
        stops.append(page.evaluate("document.activeElement.name || document.activeElement.className"))
        visible = page.evaluate(
            "(() => { const e = document.activeElement; const o = e.matches('.btn-check') ? e.nextElementSibling : e;"
            " const s = getComputedStyle(o); return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; })()"
        )
        assert visible, f"the focus on {stops[-1]} cannot be seen"
        if stops[-1] == "gpus":
            before = page.evaluate("document.activeElement.value")
            page.keyboard.press("ArrowRight")
            after = {"0": "1", "1": "2", "2": "0"}[before]
            assert page.is_checked(f"[name=gpus][value='{after}']")
        if "resource-form-start" in stops[-1]:
            break
        page.keyboard.press("Tab")
    fields = ["gpus", "cores", "memory", "walltime", "release", "interface"]
    assert [stop for stop in stops if stop in fields] == fields, "partition, account and reservation are folded"
    assert "resource-form-start" in stops[-1]
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/spawn-pending/|/user/"))


@pytest.mark.parametrize("language", ["it-IT", "de-DE"])
def test_languages(site: Site, browser: Browser, screenshots: Path, language: str) -> None:
    """A browser that asks for Italian gets it, verdict and all; one that asks for what there is not gets English."""
    page = log_in(site, browser, site.users[0], locale=language)
    start = page.locator(".resource-form-start")
    expect(start).to_have_text("Avvia" if language == "it-IT" else "Start")
    page.fill("[name=cores]", "99")
    expect(page.locator("#resource-form-cores-error")).to_contain_text("supera il massimo di 48" if language == "it-IT" else "is more than")
    page.fill("[name=cores]", "2")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=screenshots / f"form-{language[:2]}.png")
    assert page.locator("#resource-form").get_attribute("lang") == language[:2].replace("de", "en")


def test_without_javascript(site: Site, browser: Browser) -> None:
    """The form, the verdict on its first values, the table and Start are there; only what needs a script is not shown."""
    page = log_in(site, browser, site.users[0], java_script_enabled=False)
    assert verdict(page) == "Starts now: 3 nodes have all of it free."
    assert page.locator(".resource-form-table").count() >= 1
    expect(page.locator(".resource-form-tools")).to_be_hidden()
    page.fill("[name=walltime]", "9h")
    page.click(".resource-form-start")
    page.wait_for_selector(".spawn-error-msg li")
    assert "Choose at most 8 h." in page.locator(".spawn-error-msg").inner_text()
    page.fill("[name=walltime]", "1h")
    page.click(".resource-form-start")
    page.wait_for_url(re.compile("/spawn-pending/|/user/"))


def test_nothing_of_ours_is_inline(site: Site) -> None:
    """A Hub whose policy is ``script-src 'self'`` runs all of our page: no script, style or handler stands in it."""
    soup = site.visitor().form().soup.select_one("#spawn_form")
    assert soup is not None
    assert [script for script in soup.select("script") if script.string] == []
    assert soup.select("style, [style]") == []
    assert [name for element in soup.select("*") for name in element.attrs if name.startswith("on")] == []


def test_zoomed_to_twice_its_size(site: Site, browser: Browser) -> None:
    """At 200 % of 1280 pixels nothing is cut off and nothing scrolls sideways (WCAG 1.4.4, 1.4.10)."""
    page = log_in(site, browser, site.users[0], width=640, height=450, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert serious_findings(page) == []


def test_start_and_verdict_are_in_view(site: Site, browser: Browser) -> None:
    """Without scrolling at 1200 x 900 and on a phone, where the verdict stands above Start at the bottom edge."""
    page = log_in(site, browser, site.users[0])
    page.wait_for_load_state("networkidle")
    for name in (".resource-form-verdict", ".resource-form-start"):
        box = page.locator(name).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900, f"{name} is out of view"
    phone = log_in(site, browser, site.users[0], width=390, height=844)
    phone.wait_for_load_state("networkidle")

    def edges(name: str) -> tuple[float, float]:
        box = phone.locator(name).bounding_box()
        assert box is not None
        return box["y"], box["y"] + box["height"]

    verdict_edges, start_edges = edges(".resource-form-verdict"), edges(".resource-form-start")
    assert 0 < verdict_edges[0] < verdict_edges[1] <= start_edges[0] < start_edges[1] <= 844, "without scrolling, the verdict above Start"
    ends_above = """([one, other]) => document.querySelector(one).getBoundingClientRect().bottom
        <= document.querySelector(other).getBoundingClientRect().top"""
    # The page scrolls smoothly. What has the focus is not hidden by them, and they have their own place in the page.
    assert not phone.evaluate(ends_above, ["[name=interface]", ".resource-form-verdict"])
    on_top = """() => {
        const field = document.querySelector("[name=walltime]"), verdict = document.querySelector(".resource-form-verdict");
        field.focus({ preventScroll: true });
        const down = field.getBoundingClientRect().top - verdict.getBoundingClientRect().top;
        window.scrollTo({ top: window.scrollY + down, behavior: "instant" });
        const box = field.getBoundingClientRect();
        return verdict.contains(document.elementFromPoint(box.left + 20, box.top + 20));
    }"""
    phone.set_viewport_size({"width": 390, "height": 600})  # in a higher one nothing of the form is below them
    assert phone.evaluate(on_top), "a field that has the focus does not cover them"
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.locator("[name=interface]:checked").focus()
    phone.wait_for_function(ends_above, arg=["[name=interface]", ".resource-form-verdict"])
    phone.click("#resource-form-cluster summary")
    phone.locator("#resource-form-availability").scroll_into_view_if_needed()
    phone.wait_for_function(ends_above, arg=[".resource-form-start", "#resource-form-availability"])


PRESETS = """
c.ResourceFormSpawner.presets = [
    {"name": "gpu", "label": "One GPU", "description": "8 cores, 64 GB, 4 h",
     "values": {"gpus": "v100:1", "cores": 8, "memory": "64G", "walltime": "4h"}},
    {"name": "course", "label": "The course", "values": {"reservation": "s_tra_school", "cores": 4}},
    {"name": "notebook", "label": "A notebook", "groups": ["school"], "values": {"partition": "g100_int", "cores": 2, "walltime": "1h"}},
    {"name": "huge", "label": "Two nodes' worth", "values": {"cores": 96}},
]
"""
NOTICES = """
notices:
  - {text: "Maintenance on <b>Monday</b>", level: warning, link: "https://www.example.org/maintenance"}
  - {text: "It was last year", until: "2020-01-01"}
  - {text: "For somebody else", groups: [no-such-group]}
health:
  g100_cpu: {state: closed, text: "its cooling is being repaired."}
"""


@pytest.fixture(scope="module")
def adorned(
    environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A Hub whose admin has presets, notices, a closed partition and budgets that refuse, below another address than ``/``."""
    folder = tmp_path_factory.mktemp("adorned")
    (folder / "notices.yaml").write_text(NOTICES)
    script = folder / "budgets"
    script.write_text('#!/bin/sh\necho \'[{"account": "cin_staff", "unit": "billing", "limit": 1000, "used": 900}]\'\n')
    script.chmod(0o755)
    more = f"""{PRESETS}
c.ResourceFormSpawner.notices_file = "{folder}/notices.yaml"
c.ResourceFormSpawner.budget_command = ["{script}"]
c.ResourceFormSpawner.over_budget = "refuse"
c.ResourceFormSpawner.not_charged = ["cin_train"]
c.ResourceFormSpawner.only_presets = {{"groups": ["school"]}}
c.JupyterHub.load_groups = {{"school": {{"users": {list(users[1:2])}}}}}
"""
    with open_site("hub-adorned", environments, cluster, users, more, base_url="/jupyter/") as site:
        yield site


def test_presets_notices_and_last_requests(adorned: Site, browser: Browser, screenshots: Path) -> None:
    """A preset fills the form with one press, an edited value wins; the last requests are one press away."""
    adorned.clean()
    page = log_in(adorned, browser, adorned.users[0], path="hub/spawn")
    assert page.locator(".resource-form-notice").all_inner_texts() == [
        "Partition g100_cpu is closed: its cooling is being repaired.",
        "Maintenance on <b>Monday</b> More",
    ]
    page.wait_for_load_state("networkidle")
    assert page.locator(".resource-form-partition").count() > 0
    assert page.locator("[data-partition=g100_cpu]").count() == 0, "nothing is free in a closed partition"
    page.screenshot(path=screenshots / "form-presets.png")
    assert serious_findings(page) == []
    assert "96 is more than the 48" in page.locator(".resource-form-presets .disabled").inner_text()
    page.click("[data-preset=gpu]")
    assert {name: page.input_value(f"[name={name}]") for name in ("cores", "memory", "walltime")} == {
        "cores": "8",
        "memory": "64",
        "walltime": "04:00:00",
    }
    assert page.is_checked("[name=gpus][value='1']")
    expect(page.locator("[data-preset=gpu]")).to_have_attribute("aria-current", "true")
    expect(page.locator(".resource-form-sentence")).to_contain_text("Look at: Slurm account")
    expect(page.locator("#resource-form-account-error")).to_be_visible()
    expect(page.locator("#resource-form-account-error")).to_contain_text("cin_staff has")
    page.fill("[name=walltime]", "1")
    expect(page.locator("[data-preset][aria-current]")).to_have_count(0)
    expect(page.locator(".resource-form-sentence")).to_contain_text("Starts now")
    page.click(".resource-form-start")
    page.wait_for_url("**/user/**", timeout=90_000)
    options = adorned.server(adorned.users[0])["user_options"]
    assert (options["cores"], options["walltime"], options.get("preset", "")) == (8, "01:00:00", "")
    adorned.clean()
    page.goto(f"{adorned.hub.url}hub/spawn")
    page.fill("[name=cores]", "2")
    page.click(".resource-form-recent summary")
    page.click(".resource-form-recent a")
    assert page.input_value("[name=cores]") == "8"


@pytest.mark.parametrize("width", [390, 320])
def test_on_a_phone_all_that_most_people_need_is_one_screen(adorned: Site, browser: Browser, screenshots: Path, width: int) -> None:
    """Presets, verdict and Start; the fields and the table are one press away, and what is wrong with a field is never hidden."""
    adorned.clean()
    page = log_in(adorned, browser, adorned.users[0], path="hub/spawn", width=width, height=844)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("[name=cores]")).to_be_hidden()
    expect(page.locator("#resource-form-availability")).to_be_hidden()
    for needed in (".resource-form-presets", ".resource-form-verdict", ".resource-form-start"):
        box = page.locator(needed).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, (needed, box, page.locator("#resource-form").inner_text()[:400])
    page.click("[data-preset=course]")
    expect(page.locator("#resource-form-own-line")).to_have_text(re.compile(r"4 cores, .* on g100_int"))
    assert serious_findings(page) == []
    page.screenshot(path=screenshots / f"form-phone-{width}.png")
    page.click("#resource-form-own summary")
    page.fill("[name=cores]", "99")
    page.click("#resource-form-own summary")
    expect(page.locator("[name=cores]")).to_be_hidden()
    page.click("[data-preset=course]")
    expect(page.locator("[data-verdict=now]")).to_be_visible()
    page.goto(f"{adorned.hub.url}hub/spawn?opt-cores=99")
    expect(page.locator("#resource-form-cores-error")).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False], ids=["scripts", "no-scripts"])
def test_a_class_sees_presets_and_start(adorned: Site, browser: Browser, screenshots: Path, *, scripted: bool) -> None:
    """For a group of JupyterHub's own: no field to fill in. A card and Start are enough, without JavaScript too."""
    needs_users(adorned.users, 2)
    user = adorned.users[1]
    adorned.clean()
    page = log_in(adorned, browser, user, path="hub/spawn", java_script_enabled=scripted)
    expect(page.locator(".resource-form-presets a")).to_have_count(2)
    expect(page.locator(".resource-form-field:visible, #resource-form-where, .resource-form-recent")).to_have_count(0)
    expect(page.locator("[data-preset][aria-current]")).to_have_count(1)
    page.click("[data-preset=notebook]")
    expect(page.locator("[data-preset=notebook]")).to_have_attribute("aria-current", "true")
    expect(page.locator("[data-verdict=now]")).to_be_visible()
    if scripted:
        page.screenshot(path=screenshots / "form-presets-only.png")
        assert serious_findings(page) == []
    page.click(".resource-form-start")
    wait_for(lambda: adorned.server(user).get("ready"), f"the session of the class\n{adorned.logs()}", 90)
    job = adorned.job_of(user)
    assert (job["CPUs/Task"], job["TimeLimit"]) == ("2", "01:00:00")


def test_budget_and_closed_partition_hold_for_every_door(adorned: Site) -> None:
    """Beyond the budget, and in a closed partition, nothing starts: form, check and REST say the same; what is not charged does."""
    adorned.clean()
    user = adorned.visitor()
    dear = {"account": "cin_staff", "partition": "g100_int", "gpus": "2", "cores": "48", "memory": "300G", "walltime": "8h"}
    page = user.form()
    assert "Cost" not in page.alert
    answer = user.start(dear, page=page)
    assert (answer.status, "100 of 1000 units" in answer.alert) == (400, True), answer.alert
    status, said = adorned.call("POST", f"/users/{adorned.users[0]}/server", dear)
    assert status == 400, said
    assert adorned.cluster.active_jobs() == []
    closed = user.start({"partition": "g100_cpu", "gpus": "0"})
    assert (closed.status, "at the moment. Its cooling is being repaired." in closed.alert) == (400, True), closed.alert
    assert "g100_cpu" not in user.api("GET", "resource-form/cluster").json()["partitions"]
    found = user.api("POST", "resource-form/check", json={**dear, "account": "cin_train"}).json()
    assert (found["ok"], found["cost"]["charged"]) == (True, False)
    assert "not charged" in found["review"]


def test_preset_through_rest(adorned: Site) -> None:
    """A preset's name alone is a whole request; keys beside it win; one that is none is named with those that there are."""
    adorned.clean()
    user = adorned.visitor()
    found = user.api("POST", "resource-form/check", json={"preset": "gpu", "walltime": "1h"}).json()
    assert (found["request"]["cores"], found["request"]["gpus"], found["request"]["walltime"]) == (8, "v100:1", "01:00:00")
    wrong = user.api("POST", "resource-form/check", json={"preset": "tiny"}).json()
    assert "course" in wrong["errors"]["preset"]
