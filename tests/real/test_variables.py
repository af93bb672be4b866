"""Variables of the environment from the form, a link and a program: byte for byte, and no secret comes back (T39)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from spawner.request.variables import MASK, as_text
from tests.support.browsing import log_in, serious_findings
from tests.support.site_under_test import Site, Visitor, run_in_kernel, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

ODD = {
    "COMMAS": 'a,b "c" $HOME `id` $(id)\\ end=',
    "LINES": "one\ntwo\r\nthree\r\tfour",
    "BLANKS": "  around  ",
    "QUOTED": '"as JSON"',
    "LETTERS": "è 😀 \u2028 \u00a0",
    "CONTROLS": "\x01\x1b[31m\x7f",
    "EMPTY": "",
    "COMMENT": "# none",
    "OPTIONS": "--wrap=id; #SBATCH --uid=0",
}
CANARY = "canary-3f6b1c"


def in_session(site: Site, names: Mapping[str, Any], server: str = "") -> dict[str, str]:
    """What the variables are in a kernel of the session."""
    code = f"import json, os; print(json.dumps({{name: os.environ.get(name) for name in {sorted(names)!r}}}))"
    printed, _ = run_in_kernel(site, code, server=server)
    found: dict[str, str] = json.loads(printed)
    return found


def start_from_form(site: Site, user: Visitor, page: Any = None, **changes: str) -> None:
    """Press Start on the form, and wait until the session is ready."""
    answer = user.start(changes, page=page)
    assert answer.status == 302, answer.alert
    wait_for(lambda: site.server(site.users[0]).get("ready"), "the session to be ready", 90)


def test_odd_bytes_through_the_form(site: Site) -> None:
    """As a browser posts text: with its own ends of lines. The form of the next session has them, and starts it with them."""
    user = site.visitor()
    start_from_form(site, user, environment=as_text(ODD).replace("\n", "\r\n") + "\r\n")
    assert in_session(site, ODD) == ODD
    site.stop()
    page = user.form()
    assert page.values()["environment"] == as_text(ODD)
    start_from_form(site, user, page)
    assert in_session(site, ODD) == ODD


def test_odd_bytes_through_a_program_and_a_link(site: Site) -> None:
    """What a program sets stands in the form afterwards; a link fills the form with it, says so, and starts nothing."""
    site.start({"environment": ODD})
    assert in_session(site, ODD) == ODD
    site.stop()
    user = site.visitor()
    assert user.form().values()["environment"] == as_text(ODD), "what a program has set is lost"
    start_from_form(site, user, environment="")
    assert set(in_session(site, ODD).values()) == {None}, "the form was cleared"
    site.stop()
    page = user.form(query=f"opt-environment={quote(as_text(ODD))}")
    assert site.cluster.active_jobs() == []
    assert "Variables of the environment came along: COMMAS, LINES, BLANKS" in page.text
    start_from_form(site, user, page)
    assert in_session(site, ODD) == ODD


def newest(user: Visitor) -> dict[str, Any]:
    """The user's session that was submitted last."""
    sessions = user.api("GET", "resource-form/sessions").json()["sessions"]
    found: dict[str, Any] = max(sessions, key=lambda session: str(session["submitted"]))
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hunter2", "Line 1 has no “=”"),
        ("A=1\nA=2", "The variable A is there twice"),
        ("LD_PRELOAD=/tmp/x.so", "LD_PRELOAD is reserved"),
        ("A B=1", "“A B” is not a name"),
        ('A="1', "begins with a quotation mark"),
    ],
)
def test_text_that_is_refused(site: Site, text: str, words: str) -> None:
    """The sentence stands at the field, which has what was typed; nothing was submitted."""
    page = site.visitor().start({"environment": f"{text}\nMY_TOKEN={CANARY}"})
    assert page.status == 400
    assert words in page.alert
    assert page.values()["environment"] == f"{text}\nMY_TOKEN={MASK}"
    assert site.cluster.active_jobs() == []


def test_a_secret_is_never_sent_back(site: Site) -> None:
    """Not in the form, the lists, the check, a link, the record of past sessions or the log; and yet the next session has it."""
    user = site.visitor()
    variables = f"HF_TOKEN={CANARY}\nDATABASE=postgres://me:{CANARY}@db/x\nPLAIN=seen"
    refused = user.start({"environment": variables, "cores": "9999"})
    assert refused.status == 400
    assert refused.values()["environment"] == f"HF_TOKEN={MASK}\nDATABASE={MASK}\nPLAIN=seen"
    start_from_form(site, user, refused, cores="1")
    wanted = {"HF_TOKEN": CANARY, "DATABASE": f"postgres://me:{CANARY}@db/x", "PLAIN": "seen"}
    assert in_session(site, wanted) == wanted
    told = {"HF_TOKEN": MASK, "DATABASE": MASK, "PLAIN": "seen"}
    running = newest(user)
    assert running["state"] == "running"
    assert running["request"]["environment"] == told
    site.stop()
    ended = newest(user)
    assert ended["job_id"] == running["job_id"]
    assert ended["state"] == "ended"
    assert ended["request"]["environment"] == told
    checked = user.api("POST", "resource-form/check", json={"environment": {"HF_TOKEN": MASK, "PLAIN": "seen"}}).json()
    assert checked["errors"] == {}
    assert checked["environment"]["RESOURCE_FORM_SET_HF_TOKEN"] == MASK
    _, everybodys = site.call("GET", "/resource-form/sessions?all=1")
    theirs = [session["request"]["environment"] for session in everybodys["sessions"] if session["job_id"] == running["job_id"]]
    assert theirs == [dict.fromkeys(told, MASK)], "others are told the names only"
    form, home = user.form(), user.get("hub/home")
    lists = user.get("hub/resource-form/sessions?list=finished")
    for seen in (str(refused.soup), str(form.soup), str(home.soup), str(lists.soup), json.dumps([running, ended, checked]), site.logs()):
        assert CANARY not in seen
    start_from_form(site, user, form)
    assert in_session(site, wanted) == wanted
    # A second one like it, as from the card's "Duplicate": the Hub knows what its own lists leave out.
    site.start({"environment": told}, server="second")
    assert in_session(site, wanted, "second") == wanted


def test_a_link_does_not_lend_a_secret(site: Site) -> None:
    """A mask in a link that brings something new stands for nothing: the token would go where the link says."""
    site.start({"environment": {"HF_TOKEN": CANARY, "PLAIN": "1"}})
    site.stop()
    user = site.visitor()
    foreign = user.form(query=f"opt-environment={quote(f'HF_TOKEN={MASK}') + '%0AHF_ENDPOINT=http://evil'}")
    assert foreign.values()["environment"] == "HF_TOKEN=\nHF_ENDPOINT=http://evil"
    assert "Variables of the environment came along: HF_ENDPOINT. Start only if you know who set them." in foreign.text
    assert "No value came along for HF_TOKEN" in foreign.text
    assert foreign.soup.select_one("#resource-form-variables[open]") is not None, "what came along is to be seen"
    full = user.form(query="opt-environment=HF_TOKEN=canary-of-a-link%0APLAIN=1")
    assert full.values()["environment"] == "HF_TOKEN=\nPLAIN=1"
    assert "No value came along for HF_TOKEN" in full.text
    own = user.form(query=f"opt-environment={quote(f'HF_TOKEN={MASK}') + '%0APLAIN=1'}")
    assert own.values()["environment"] == f"HF_TOKEN={MASK}\nPLAIN=1"
    assert "came along" not in own.text
    status, answer = site.call("POST", f"/users/{site.users[1]}/server", {"environment": {"HF_TOKEN": MASK}})
    assert status == 400
    assert "The value of HF_TOKEN is not known here any more" in answer["message"]


def rows(page: Page) -> list[tuple[str, str]]:
    """The rows of variables: name and value."""
    found = page.locator(".resource-form-variable")
    return [(row.locator("input").input_value(), row.locator("textarea").input_value()) for row in found.all()]


def test_rows_in_a_browser(site: Site, browser: Browser, screenshots: Path) -> None:
    """Add, change, remove, clear, paste; what is wrong is said at once; a secret is not readable, and not in the page that comes back."""
    may = ["clipboard-read", "clipboard-write"]
    page = log_in(site, browser, site.users[0], path=f"hub/spawn/{site.users[0]}/rows", permissions=may)
    page.click("#resource-form-variables summary")
    expect(page.locator("[name=environment]")).to_be_hidden()
    page.get_by_role("button", name="Add a variable").click()
    page.keyboard.type("ALPHA")
    page.keyboard.press("Tab")
    page.keyboard.type("one")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    page.get_by_role("button", name="Add a variable").click()
    page.keyboard.type("LD_PRELOAD")
    expect(page.locator("#resource-form-environment-error")).to_contain_text("LD_PRELOAD is reserved")
    assert serious_findings(page) == []
    page.get_by_role("button", name="Remove LD_PRELOAD").click()
    expect(page.locator("#resource-form-environment-error")).to_be_hidden()
    page.get_by_role("button", name="Add a variable").click()
    page.locator(".resource-form-variable input").last.evaluate(
        """(field, text) => {
          const data = new DataTransfer();
          data.setData("text", text);
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        f"MY_TOKEN={CANARY}\nBETA=2",
    )
    assert rows(page) == [("ALPHA", "one\ntwo"), ("MY_TOKEN", CANARY), ("BETA", "2")]
    secret = page.get_by_label("Value of MY_TOKEN")
    assert secret.evaluate("field => getComputedStyle(field).webkitTextSecurity") == "disc"
    expect(page.locator("#resource-form-environment-names")).to_have_text("ALPHA, MY_TOKEN, BETA")
    page.get_by_role("button", name="Copy link to this form").click()
    expect(page.locator("#resource-form-said")).to_have_text("Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    assert parse_qs(urlsplit(link).query)["opt-environment"] == [f'ALPHA="one\\ntwo"\nMY_TOKEN={MASK}\nBETA=2']
    page.screenshot(path=screenshots / "variables.png")
    page.click(".resource-form-start")
    wait_for(lambda: site.server(site.users[0], "rows").get("ready"), "the session to be ready", 90)
    assert in_session(site, {"ALPHA": 0, "MY_TOKEN": 0, "BETA": 0}, "rows") == {"ALPHA": "one\ntwo", "MY_TOKEN": CANARY, "BETA": "2"}
    site.stop(server="rows")

    page.goto(f"{site.hub.url}hub/spawn/{site.users[0]}/rows")
    assert CANARY not in page.content()
    page.click("#resource-form-variables summary")
    assert rows(page) == [("ALPHA", "one\ntwo"), ("MY_TOKEN", ""), ("BETA", "2")]
    page.get_by_label("Value of MY_TOKEN").fill("another")
    page.get_by_role("button", name="Remove BETA").click()
    page.get_by_label("Value of ALPHA").fill("three")
    assert page.locator("[name=environment]").input_value() == "ALPHA=three\nMY_TOKEN=another"
    page.get_by_role("button", name="Remove all").click()
    assert rows(page) == []
    assert page.locator("[name=environment]").input_value() == ""
    page.click(".resource-form-start")
    wait_for(lambda: site.server(site.users[0], "rows").get("ready"), "the session to be ready", 90)
    assert in_session(site, {"ALPHA": 0, "MY_TOKEN": 0}, "rows") == {"ALPHA": None, "MY_TOKEN": None}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_rows_on_a_phone(site: Site, browser: Browser, screenshots: Path, scheme: str) -> None:
    """Readable in light and dark; the page scrolls down only."""
    path = f"hub/spawn/{site.users[0]}/phone?opt-environment={quote('A=1')}%0A{quote('B=two')}"
    page = log_in(site, browser, site.users[0], path="hub/home", shows="#start", width=390, height=844, scheme=scheme)
    page.goto(f"{site.hub.url}{path}")
    expect(page.locator(".resource-form-variable")).to_have_count(2)
    assert serious_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#resource-form-variables").screenshot(path=screenshots / f"variables-phone-{scheme}.png")
