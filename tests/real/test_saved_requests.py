"""A request as a file, through the form, REST and a browser: saved, opened again, started; the same on every way (T68)."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import yaml
from playwright.sync_api import Browser, expect

from spawner.request.variables import MASK
from tests.support.browsing import log_in, serious_findings
from tests.support.site_under_test import Page, Site, Visitor, run_in_kernel, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

ASKED = {"cores": 2, "memory": "3G", "gpus": "1", "walltime": "0:45:00", "environment": {"A": "one\ntwo", "B": " yes "}}


def saved_by_form(user: Visitor, page: Page, **changes: str) -> str:
    """Press "Save as a file"."""
    button = page.soup.select_one("button[formaction]")
    assert button is not None, page.text
    answer = user.session.post(
        urljoin(page.url, str(button["formaction"])),
        files=[(name, (None, value)) for name, value in {**page.values(), **changes}.items()],
        timeout=60,
        allow_redirects=False,
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"] == 'attachment; filename="session.yaml"'
    return answer.content.decode()


def opened_by_page(user: Visitor, text: str) -> Page:
    """Choose the file on the page that opens one, and press its button."""
    page = user.get("hub/resource-form/request")
    form = page.soup.select_one("#resource-form-saved form")
    assert form is not None, page.text
    token = form.select_one("input[name=_xsrf]")
    assert token is not None
    files = [("_xsrf", (None, str(token["value"]))), ("text", (None, "")), ("file", ("session.yaml", text.encode()))]
    return user._page(user.session.post(urljoin(page.url, str(form["action"])), files=files, timeout=60))


def job_of(user: Visitor, request: Any) -> dict[str, Any]:
    """What Slurm would get for it."""
    answer = user.api("POST", "resource-form/check", json=request).json()
    assert answer["errors"] == {}
    return {name: answer[name] for name in ("command", "script", "environment")}


def posted(site: Site, text: str, query: str = "") -> Any:
    """What the API makes of a file."""
    user, token = site.visitor(), site.token
    path = f"hub/api/resource-form/request?user={site.users[0]}{query}"
    headers = {"Authorization": f"token {token}", "Content-Type": "application/yaml"}
    return user.session.post(urljoin(site.hub.url, path), data=text.encode(), headers=headers, timeout=60)


def test_the_same_on_every_way(site: Site) -> None:
    """What the form saves is what REST saves; opened on the form or sent to REST it is the same job, down to the variables in a kernel."""
    user = site.visitor()
    as_typed = {**ASKED, "environment": 'A="one\\ntwo"\nB=" yes "'}
    form = user.form()
    text = saved_by_form(user, form, **{name: str(value) for name, value in as_typed.items()})
    assert yaml.safe_load(text)["environment"] == ASKED["environment"]
    wanted = job_of(user, ASKED)

    request = posted(site, text).json()["request"]
    assert job_of(user, request) == wanted
    assert posted(site, json.dumps(ASKED), "&format=yaml").text == text, "JSON is read as well, and completed as the form does"

    page = opened_by_page(user, text)
    assert page.url.endswith(f"/hub/spawn/{site.users[0]}")
    assert job_of(user, page.values() | {"walltime": "45"}) == wanted
    assert "Variables of the environment came along: A, B" in page.text
    assert user.start(page=page).status == 302
    wait_for(lambda: site.server(site.users[0]).get("ready"), "the session to be ready", 90)
    printed, _ = run_in_kernel(site, "import json, os; print(json.dumps([os.environ['A'], os.environ['B']]))")
    assert json.loads(printed) == ["one\ntwo", " yes "]
    assert user.api("GET", "resource-form/request").text == text


def test_a_secret_is_not_in_the_file(site: Site) -> None:
    """The form says that it is to be typed; its owner, on the same server, has it still."""
    site.start({"environment": {"HF_TOKEN": "canary-91b0"}})
    site.stop()
    user, other = site.visitor(), site.visitor(site.users[1])
    text = saved_by_form(user, user.form())
    assert "canary-91b0" not in text
    assert f"HF_TOKEN: {MASK}" in text
    assert opened_by_page(user, text).values()["environment"] == f"HF_TOKEN={MASK}"
    theirs = opened_by_page(other, text)
    assert theirs.values()["environment"] == "HF_TOKEN="
    assert "No value came along for HF_TOKEN" in theirs.text
    answer = other.api("GET", f"resource-form/request?user={site.users[0]}")
    assert (answer.status_code, "HF_TOKEN" in answer.text) == (404, False)


def test_a_file_that_is_none(site: Site) -> None:
    """The page says what is wrong in which line, and has the text to be mended; REST says the same; nothing is a 500."""
    text = "cores: 4\nmemory: much\nbogus: 1\n"
    page = opened_by_page(site.visitor(), text)
    assert page.status == 400
    assert "Line 2: Memory: “much” is not an amount of memory" in page.text
    assert "Line 3: “bogus” is not a field of a request" in page.text
    box = page.soup.select_one("textarea")
    assert box is not None
    assert box.get_text() == f"\n{text}"
    answer = posted(site, text)
    assert answer.status_code == 400
    assert "Line 2: Memory" in answer.json()["message"]
    assert posted(site, "\x00\xff").status_code == 400
    assert posted(site, text, "&format=xml").status_code == 400


def test_in_a_browser(site: Site, browser: Browser, screenshots: Path, tmp_path: Path) -> None:
    """Saved with one press, which starts nothing and leaves Start as it is; opened again, and Start starts it."""
    page = log_in(site, browser, site.users[0], accept_downloads=True)
    page.fill("#resource-form-cores", "3")
    page.check("[name=gpus][value='1']")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert yaml.safe_load(file.read_text())["cores"] == 3
    expect(page.locator(".resource-form-start")).to_be_enabled()
    expect(page.locator(".resource-form-start")).to_have_text("Start")
    page.get_by_role("link", name="Open a file").click()
    page.set_input_files("#saved-file", file)
    page.screenshot(path=screenshots / "saved-request.png")
    assert serious_findings(page, "#resource-form-saved") == []
    page.get_by_role("button", name="Fill in the form").click()
    page.wait_for_selector("#resource-form")
    assert page.input_value("#resource-form-cores") == "3"
    assert page.is_checked("[name=gpus][value='1']")
    page.click(".resource-form-start")
    wait_for(lambda: site.server(site.users[0]).get("ready"), "the session to be ready", 90)
    assert site.server(site.users[0])["user_options"]["cores"] == 3


def called(site: Site, tmp_path: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """``resource-form request`` of the first user, with a token in a file."""
    answer = site.visitor().api("POST", f"users/{site.users[0]}/tokens", json={"note": "for the terminal"})
    assert answer.status_code == 201, answer.text
    token = tmp_path / "token"
    token.write_text(answer.json()["token"])
    program = "import sys; from spawner.cli.main import main; sys.exit(main())"
    options = ["--hub-api-url", f"{site.hub.url}hub/api", "--token-file", str(token)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB", "RESOURCE_FORM"))}
    command = [sys.executable, "-c", program, "request", arguments[0], *options, *arguments[1:]]
    return subprocess.run(command, env=kept, input=given, capture_output=True, text=True, timeout=60)


def test_the_same_from_a_terminal(site: Site, tmp_path: Path) -> None:
    """What the terminal saves is what the form and REST save; it is asked about before it is started, and what is wrong has its line."""
    site.start(ASKED)
    site.stop()
    user = site.visitor()
    saved = called(site, tmp_path, "save")
    assert (saved.returncode, saved.stderr) == (0, "")
    assert saved.stdout == user.api("GET", "resource-form/request").text == saved_by_form(user, user.form())
    file = tmp_path / "mine.yaml"
    assert called(site, tmp_path, "save", "-o", str(file)).returncode == 0
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (saved.stdout, 0o600)
    again = called(site, tmp_path, "save", "-o", str(file))
    assert (again.returncode, again.stderr) == (2, f"resource-form request: {file} cannot be written: File exists.\n")

    checked = called(site, tmp_path, "check", str(file))
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "2 cores, 3 GB, 45 min on g100_int" in checked.stdout
    assert json.loads(called(site, tmp_path, "check", "-", "--json", given=saved.stdout).stdout)["request"]["cores"] == 2
    much = called(site, tmp_path, "check", "-", given=saved.stdout.replace("cores: 2", "cores: 4000"))
    assert (much.returncode, much.stderr) == (4, "")
    assert "Number of cores" in much.stdout
    wrong = called(site, tmp_path, "check", "-", given="cores: 2\nmemory: much\n")
    assert wrong.returncode == 4
    assert "Line 2: Memory: “much” is not an amount of memory" in wrong.stderr
    none = called(site, tmp_path, "save", "never")
    assert (none.returncode, none.stdout) == (1, "")
    assert called(site, tmp_path, "check", str(tmp_path / "missing")).returncode == 2
