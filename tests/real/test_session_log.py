"""The log of a session: read as its owner, followed in a real browser, and quoted where a start fails or is slow."""

from __future__ import annotations

import json
import os
import pwd
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, Visitor, wait_for
from tests.support.strict_policy import under_a_strict_policy

ATTACK = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
# The system's users are the same for all runs on a machine: nobody takes away another run's logs.
MADE_UP = 900_000_000 + os.getpid() % 9_000_000 * 10
"""Ids that no job of the test's cluster has."""


def folder_of(user: str) -> Path:
    """Where the logs of the user's sessions are."""
    return Path(pwd.getpwnam(user).pw_dir) / ".local" / "state" / "jupyterhub-resource-form"


def as_user(site: Site, user: str, script: str) -> None:
    """A command line of the user's own, in the folder of their logs."""
    folder = folder_of(user)
    site.cluster.run("sh", "-c", f'umask 077; mkdir -p "{folder}" && cd "{folder}" && {script}', user=user)


def ask(visitor: Visitor, job: int | str, **more: Any) -> tuple[int, dict[str, Any]]:
    """The log as JSON, as a page's script asks for it."""
    query = "&".join(f"{name}={value}" for name, value in {"job": job, **more}.items())
    answer = visitor.api("GET", f"resource-form/log?{query}")
    return answer.status_code, answer.json()


@pytest.fixture
def odd(site: Site) -> Iterator[str]:
    """The first user, whose made-up logs are removed afterwards."""
    user = site.users[0]
    yield user
    for path in folder_of(user).glob(f"{str(MADE_UP)[:-1]}*.log"):
        path.unlink()


# --- as JSON, and as a file ------------------------------------------------------------------------------------------------------


def test_the_log_of_a_session(site: Site) -> None:
    """While it runs and after its end, by its owner, an admin's token, and nobody else."""
    ada = site.users[0]
    site.start()
    job = site.job_of()["JobId"]
    visitor = site.visitor()
    status, answer = ask(visitor, job)
    assert (status, answer["live"], answer["job"]) == (200, True, int(job))
    assert "resource-form launcher: the server listens on port" in answer["text"]
    content = (folder_of(ada) / f"{job}.log").read_bytes()
    assert answer["to"] <= answer["size"] <= len(content)

    as_user(site, ada, f"printf 'a new line\\nand a half' >>{job}.log")
    found: dict[str, Any] = {}

    def is_there() -> bool:
        found.update(ask(visitor, job, offset=answer["to"])[1])
        return "a new line\n" in found["text"]

    wait_for(is_there, "the new line", 10)
    assert found["from"] == answer["to"]
    assert (ask(visitor, job, search="NEW line")[1]["number"], ask(visitor, job, search="no such words")[1]["number"]) == (1, 0)

    status, theirs = site.call("GET", f"/resource-form/log?job={job}&user={ada}")
    assert (status, "a new line" in theirs["text"]) == (200, True)
    if len(site.users) > 1:
        grace = site.visitor(site.users[1])
        assert ask(grace, job, user=ada)[0] == 404
        # Under her own name it is her own job of this number, should there have been one.
        assert "a new line" not in str(ask(grace, job))
        for path in (f"hub/resource-form/log?job={job}&user={ada}", f"hub/resource-form/log/download?job={job}&user={ada}"):
            page = grace.get(path)
            assert (page.status, "a new line" in page.text) == (404, False)
        assert grace.api("GET", f"resource-form/log/download?job={job}&user={ada}").status_code == 404

    site.stop()
    status, answer = ask(visitor, job)
    assert (status, answer["live"], "a new line" in answer["text"]) == (200, False, True)
    file = visitor.session.get(f"{site.hub.url}hub/resource-form/log/download?job={job}", timeout=60)
    assert file.content == (folder_of(ada) / f"{job}.log").read_bytes()
    assert file.headers["Content-Disposition"] == f'attachment; filename="session-{job}.log"'
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Type"].startswith("text/plain")


def test_before_the_job_runs(site: Site) -> None:
    """A session that waits in the queue has no log yet, and the answer says so; one that there never was has none."""
    ada = site.users[0]
    site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=DOWN")
    try:
        assert site.call("POST", f"/users/{ada}/server", {"partition": "g100_cpu"})[0] in (201, 202)
        job = wait_for(site.cluster.active_jobs, "the job")[0]
        (folder_of(ada) / f"{job}.log").unlink(missing_ok=True)
        status, answer = ask(site.visitor(), job)
        assert (status, answer["live"], answer["reason"]) == (200, True, "no_log_yet")
        assert answer["message"] == "There is no log yet. It begins when the job runs."
        assert answer["place"] == f"~/.local/state/jupyterhub-resource-form/{job}.log"
    finally:
        site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=UP")
    status, answer = ask(site.visitor(), MADE_UP)
    assert (status, answer["live"], answer["reason"]) == (404, False, "log_gone")


@pytest.mark.parametrize("job", ["", "0", "-1", "1;id", "../1", "1.log", "99999999999", "٣"])
def test_what_is_no_job(site: Site, job: str) -> None:
    """Refused before anything is started."""
    assert site.visitor().api("GET", f"resource-form/log?job={job}").status_code == 400


def test_nothing_but_a_log_is_read(site: Site, odd: str) -> None:
    """A link to /etc/shadow, to another user's log or to one's own, a pipe and a device: refused, at once, by page, search and download."""
    needs_users(site.users, 2)
    grace, before = site.users[1], len(site.hub.log())
    as_user(site, grace, f"echo of grace >{MADE_UP}.log")
    script = "; ".join(
        [
            f"ln -sf /etc/shadow {MADE_UP + 1}.log",
            f"ln -sf {folder_of(grace)}/{MADE_UP}.log {MADE_UP + 2}.log",
            f"echo one >{MADE_UP}.log",
            f"ln -sf {MADE_UP}.log {MADE_UP + 3}.log",
            f"mkfifo {MADE_UP + 4}.log",
            f"ln -sf /dev/zero {MADE_UP + 5}.log",
        ]
    )
    try:
        as_user(site, odd, script)
        visitor = site.visitor()
        assert ask(visitor, MADE_UP)[1]["text"] == "one\n"
        for number in range(1, 6):
            begun = time.monotonic()
            for more in ({}, {"offset": 0}, {"search": "root"}):
                status, answer = ask(visitor, MADE_UP + number, **more)
                assert (status, answer["reason"], "text" in answer) == (403, "log_refused", False), number
                assert "not a file of its owner's" in answer["message"]
            answer = visitor.session.get(f"{site.hub.url}hub/resource-form/log/download?job={MADE_UP + number}", timeout=30)
            assert (answer.status_code, "root:" in answer.text) == (403, False)
            assert time.monotonic() - begun < 10
        assert "Traceback" not in site.hub.log()[before:]
    finally:
        (folder_of(grace) / f"{MADE_UP}.log").unlink()


def test_a_large_log(site: Site, odd: str) -> None:
    """Of a gigabyte the end, the beginning and what is searched for come quickly, and the Hub grows by next to nothing."""
    as_user(site, odd, f"echo the first line >{MADE_UP}.log; truncate -s 1G {MADE_UP}.log; printf '\\nthe last line\\n' >>{MADE_UP}.log")
    visitor = site.visitor()
    ask(visitor, MADE_UP)

    def memory_kb() -> int:
        status = Path(f"/proc/{site.hub.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1])

    before, begun = memory_kb(), time.monotonic()
    answer = ask(visitor, MADE_UP)[1]
    assert answer["text"].endswith("the last line\n")
    assert answer["size"] > 1 << 30
    assert ask(visitor, MADE_UP, offset=0)[1]["text"] == "the first line\n"
    assert ask(visitor, MADE_UP, search="last")[1]["matches"][0]["line"] == "the last line"
    assert time.monotonic() - begun < 10
    with visitor.session.get(f"{site.hub.url}hub/resource-form/log/download?job={MADE_UP}", timeout=30, stream=True) as download:
        assert download.raw.read(15) == b"the first line\n"
    assert memory_kb() - before < 100_000


# --- a start that fails, or is slow ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broken_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose releases are broken, each in its own way."""
    folder = environments.folder / "broken-release"
    folder.mkdir(exist_ok=True)
    server = folder / "jupyterhub-singleuser"
    server.write_text("#!/usr/bin/python3 -I\nimport jupyterhub_that_is_not_here\n")
    server.chmod(0o755)
    slow = environments.folder / "slow-release"
    slow.mkdir(exist_ok=True)
    server = slow / "jupyterhub-singleuser"
    server.write_text("#!/bin/sh\necho 'RuntimeError: the licence server does not answer, token=abc123'\nexec sleep 600\n")
    server.chmod(0o755)
    releases = [
        {"tag": "empty", "label": "Empty", "date": "2026-01-03", "interfaces": ["lab"], "modules": ["nothing/1.0"]},
        {"tag": "broken", "label": "Broken", "date": "2026-01-02", "interfaces": ["lab"], "path": str(folder)},
        {"tag": "slow", "label": "Slow", "date": "2026-01-01", "interfaces": ["lab"], "path": str(slow)},
    ]
    more = f'c.ResourceFormSpawner.catalogue_file = ""\nc.ResourceFormSpawner.catalogue = {{"releases": {releases!r}}}\n'
    with open_site("hub-broken-releases", environments, cluster, users, more) as site:
        yield site


def events_of(site: Site, user: str) -> Iterator[dict[str, Any]]:
    """The progress of the user's start, as JupyterHub streams it to the waiting page."""
    visitor = site.visitor(user)
    url = f"{site.hub.url}hub/api/users/{user}/server/progress?_xsrf={visitor.session.cookies.get('_xsrf', path='/hub/') or ''}"
    with visitor.session.get(url, stream=True, timeout=120) as answer:
        for line in answer.iter_lines(decode_unicode=True):
            if line.startswith("data:"):
                yield json.loads(line.removeprefix("data:"))


@pytest.mark.parametrize(
    ("release", "lines"),
    [
        # What is said of a module depends on whether the node has modules at all.
        ("empty", [("module: command not found", "nothing/1.0"), ("Is JupyterHub part of this release?",)]),
        ("broken", [("ModuleNotFoundError: No module named 'jupyterhub_that_is_not_here'",)]),
    ],
)
def test_a_broken_release_is_shown(broken_site: Site, release: str, lines: list[tuple[str, ...]]) -> None:
    """The message has the log's own line, long before any time limit; JSON and page alike."""
    broken_site.clean()
    user = broken_site.users[0]
    begun = time.monotonic()
    page = broken_site.visitor().start({"release": release})
    if page.status == 302:
        (failed,) = (event for event in events_of(broken_site, user) if event.get("failed"))
        told = f"{failed['message']} {failed.get('html_message', '')}"
        plain = broken_site.visitor().get(f"hub/spawn-pending/{user}").text
    else:
        told = plain = page.alert
    assert time.monotonic() - begun < 40
    for words in lines:
        assert any(line in plain for line in words), plain
        assert any(line.replace("'", "&#39;") in told or line in told for line in words), told


def test_a_slow_start_tells_of_its_log(broken_site: Site) -> None:
    """While the server does not listen, the waiting page is told the telling lines of the log, without what is secret in them."""
    broken_site.clean()
    user = broken_site.users[0]
    page = broken_site.visitor().start({"release": "slow"})
    assert page.status == 302
    begun = time.monotonic()
    event = next(event for event in events_of(broken_site, user) if event.get("log") or event.get("ready") or event.get("failed"))
    assert 15 < time.monotonic() - begun < 60
    assert event["log"] == ["RuntimeError: the licence server does not answer, token=…"]
    broken_site.clean()


# --- in the browser --------------------------------------------------------------------------------------------------------------


def open_log(site: Site, browser: Browser, job: int | str, **options: Any) -> tuple[Page, list[str]]:
    """The page of a log, under a strict policy; what violates that."""
    page = log_in(site, browser, site.users[0], path=f"hub/spawn/{site.users[0]}/another", **options)
    violations = under_a_strict_policy(page)
    page.goto(f"{site.hub.url}hub/resource-form/log?job={job}")
    return page, violations


@pytest.mark.usefixtures("pages_are_closed")
def test_the_page_follows_the_log(site: Site, browser: Browser, screenshots: Path) -> None:
    """New lines appear, markup is text, what is searched for is marked; Pause holds it; at the end of the session it says so and stops."""
    ada = site.users[0]
    site.start()
    job = site.job_of()["JobId"]
    page, violations = open_log(site, browser, job)
    text = page.locator("#session-log-text")
    expect(text).to_contain_text("the server listens on port")
    expect(page.locator("#session-log-state")).to_contain_text("new lines appear by themselves")
    with (folder_of(ada) / f"{job}.log").open("a") as log:
        log.write(f"\x1b[31m{ATTACK}\x1b[0m needle\n")
    expect(text).to_contain_text(f"{ATTACK} needle", timeout=15_000)
    assert page.title() != "owned"
    assert text.locator("script, img").count() == 0
    page.fill("#session-log-query", "NEEDLE")
    page.press("#session-log-query", "Enter")
    expect(page.locator("#session-log-number")).to_have_text("Lines found: 1.", timeout=15_000)
    expect(text.locator("mark")).to_have_text(["needle"])
    expect(page.locator("#session-log-matches button")).to_contain_text(ATTACK)
    page.screenshot(path=screenshots / "session-log.png")
    page.click("#session-log-clear")
    expect(text.locator("mark")).to_have_count(0)

    page.click("#session-log-pause")
    expect(page.locator("#session-log-state")).to_contain_text("Paused")
    with (folder_of(ada) / f"{job}.log").open("a") as log:
        log.write("while it was paused\n")
    page.wait_for_timeout(5000)
    expect(text).not_to_contain_text("while it was paused")
    page.click("#session-log-pause")
    expect(text).to_contain_text("while it was paused", timeout=15_000)

    with page.expect_download() as download:
        page.click("#session-log-download")
    assert download.value.suggested_filename == f"session-{job}.log"
    assert "while it was paused" in Path(download.value.path()).read_text()
    site.stop()
    expect(page.locator("#session-log-state")).to_contain_text("The session is over", timeout=15_000)
    assert [entry for entry in violations if "session_log" in entry] == []


@pytest.mark.usefixtures("pages_are_closed")
@pytest.mark.parametrize(("width", "height", "scheme"), [(1200, 900, "light"), (390, 844, "dark")])
def test_a_long_log_in_the_page(site: Site, browser: Browser, odd: str, width: int, height: int, scheme: str) -> None:
    """It keeps 5,000 lines; older ones are loaded on demand, a line that was found is shown where it stands, and there is a way back."""
    as_user(site, odd, f"seq -f 'line %.0f of the log' 200000 >{MADE_UP}.log")
    page, _violations = open_log(site, browser, MADE_UP, width=width, height=height, scheme=scheme)
    text = page.locator("#session-log-text")
    expect(text).to_contain_text("line 200000 of the log")

    def lines() -> list[str]:
        return [line for line in text.inner_text().splitlines() if line]

    assert lines()[-1] == "line 200000 of the log"
    first = lines()[0]
    for _ in range(3):
        page.click("#session-log-older")
        page.wait_for_function("before => !document.querySelector('#session-log-text').innerText.startsWith(before)", arg=first)
        expect(page.locator("#session-log-older")).to_be_enabled()
        shown = [int(line.split()[1]) for line in lines()]
        assert shown == list(range(shown[0], shown[-1] + 1))
        assert len(shown) <= 5000
        first = lines()[0]
    expect(page.locator("#session-log-state")).to_contain_text("an earlier part")
    page.click("#session-log-end")
    expect(text).to_contain_text("line 200000 of the log")
    page.fill("#session-log-query", "line 12345 of")
    page.press("#session-log-query", "Enter")
    page.locator("#session-log-matches button").click()
    expect(text).to_contain_text("line 12345 of the log")
    expect(text.locator("mark")).to_have_text(["line 12345 of"])
    expect(text.locator("mark")).to_be_in_viewport()
    page.click("#session-log-later")
    expect(page.locator("#session-log-later")).to_be_enabled()
    shown = [int(line.split()[1]) for line in lines()]
    assert shown == list(range(shown[0], shown[-1] + 1))
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert serious(page) == []


def serious(page: Page) -> list[str]:
    """What axe-core calls serious or critical on the page of a log."""
    results = Axe().run(page, context="#session-log")
    return [finding["id"] for finding in results.response["violations"] if finding["impact"] in ("serious", "critical")]


@pytest.mark.usefixtures("pages_are_closed")
def test_the_page_without_a_log(site: Site, browser: Browser) -> None:
    """It says that there is none, and where it would be."""
    page, _violations = open_log(site, browser, MADE_UP)
    expect(page.locator("#session-log-state")).to_contain_text("There is no log of job")
    expect(page.locator(".session-log-place code")).to_have_text(f"~/.local/state/jupyterhub-resource-form/{MADE_UP}.log")
