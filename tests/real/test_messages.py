"""Messages of sessions at a real Hub, through a real mail server: started, ends soon, ended; in the user's language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in, serious_findings
from tests.support.mailbox import MailBox, Taken, open_mailbox
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Page, Site, Visitor, wait_for

pytestmark = pytest.mark.usefixtures("pages_are_closed")

SMALL = {"gpus": 0, "cores": 1, "memory": "1G"}


@pytest.fixture(scope="module")
def mailbox() -> Iterator[MailBox]:
    """Where the letters go."""
    with open_mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], mailbox: MailBox) -> Iterator[Site]:
    """A Hub that looks each second, and takes any start for one that was waited for."""
    more = f"""
c.JupyterHub.public_url = c.JupyterHub.bind_url
c.SlurmCluster.jobs_interval = 3
c.ResourceFormSpawner.message_end_minutes = 2.9
c.ResourceFormSpawner.message_mail_server = {mailbox.server!r}
c.ResourceFormSpawner.message_mail_from = "jupyter@example.org"
c.ResourceFormSpawner.message_mail_to = "{{username}}@example.org"
import spawner.hub.background.ends_soon, spawner.hub.sessions.tell, spawner.session.message
spawner.hub.background.ends_soon.LOOK_SECONDS = 1.0
spawner.hub.sessions.tell.STARTED_AFTER_SECONDS = 0.0
"""
    with open_site("hub-messages", environments, cluster, users, more) as site:
        yield site


def subjects(mailbox: MailBox) -> list[str]:
    """The subjects of all letters so far."""
    return [taken.letter["Subject"] for taken in mailbox.taken]


def letter(mailbox: MailBox, number: int) -> Taken:
    """The letter of this number, once it is there."""
    return wait_for(lambda: len(mailbox.taken) > number and mailbox.taken[number], f"letter {number}", 45)


def test_a_session_from_its_start_to_its_end(site: Site, mailbox: MailBox) -> None:
    """It has started; its time is up soon, also by an administrator's word; somebody else ended it. Its own user's Stop is no news."""
    user = site.users[0]
    site.start({**SMALL, "walltime": "2h", "name": "Fit of July"})
    job = site.job_of()
    started = letter(mailbox, 0)
    assert (started.sender, started.receivers) == ("jupyter@example.org", [f"{user}@example.org"])
    assert started.letter["Subject"] == "Fit of July has started"
    assert started.letter.get_content().splitlines() == [
        f"Your session Fit of July has started on {job['BatchHost']}.",
        "",
        f"{site.hub.url}hub/home",
    ]

    site.cluster.run("scontrol", "update", f"JobId={job['JobId']}", "TimeLimit=3")
    near = letter(mailbox, 1).letter
    assert near["Subject"].startswith("Fit of July ends at ")
    assert "The time of your session Fit of July is up in 3 min, at " in near.get_content()

    site.cluster.run("scancel", job["JobId"])
    over = letter(mailbox, 2).letter
    assert over["Subject"] == "Fit of July has ended"
    assert over.get_content().startswith("Your session Fit of July has ended. An administrator cancelled the job.")

    wait_for(lambda: not site.server(user).get("ready"), "the Hub to let go of the server", 60)
    site.start({**SMALL, "name": "Again"})
    site.stop()
    wait_for(lambda: "is not told (started): too often" in site.hub.log(), "the second start to be left out", 30)
    assert subjects(mailbox) == [started.letter["Subject"], near["Subject"], over["Subject"]]


def choose(visitor: Visitor, page: Page, *kinds: str) -> None:
    """Press Save with these boxes checked, and be told that it is saved."""
    token = page.soup.select_one("input[name=_xsrf]")
    assert token is not None
    saved = visitor.session.post(page.url, data={"_xsrf": token["value"], "kind": list(kinds)}, timeout=30)
    assert (saved.status_code, "Salvato." in saved.text) == (200, True)


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
def test_the_page(site: Site, browser: Browser, screenshots: Path, width: int, scheme: Any) -> None:
    """Each kind that is sent has its box and no more; it is read and pressed by anybody."""
    page = log_in(site, browser, site.users[0], path="hub/resource-form/messages", shows="#save", width=width, scheme=scheme)
    expect(page.get_by_role("checkbox")).to_have_count(3)
    assert serious_findings(page, "#resource-form-messages") == []
    page.screenshot(path=screenshots / f"messages-{width}-{scheme}.png")
    page.get_by_label("the time of a session is up in 3 min").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.get_by_label("the time of a session is up in 3 min")).not_to_be_checked()
    page.get_by_label("the time of a session is up in 3 min").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("the time of a session is up in 3 min")).to_be_checked()


def test_in_the_users_language(site: Site, mailbox: MailBox) -> None:
    """That of their latest form; and only what they have chosen on the page of their messages, to which home and form lead."""
    needs_users(site.users, 2)
    before, user = len(mailbox.taken), site.users[1]
    visitor = site.visitor(user)
    visitor.session.headers["Accept-Language"] = "it"
    for address in ("hub/home", "hub/spawn"):
        assert visitor.get(address).soup.select_one("a[href$='/resource-form/messages']") is not None
    page = visitor.get("hub/resource-form/messages")
    assert [box["value"] for box in page.soup.select("input[name=kind][checked]")] == ["started", "ends_soon", "ended"]
    assert f"{user}@example.org" in page.text
    choose(visitor, page)
    assert visitor.start({"name": "Niente", "gpus": "0", "walltime": "2h"}).status == 302
    wait_for(lambda: site.server(user).get("ready"), "the session to be ready", 60)
    site.stop(user=user)
    choose(visitor, visitor.get("hub/resource-form/messages"), "started", "idle")
    page = visitor.get("hub/resource-form/messages")
    assert [box["value"] for box in page.soup.select("input[name=kind][checked]")] == ["started"]
    assert visitor.start({"name": "Prova", "gpus": "0", "walltime": "2h"}).status == 302
    taken = letter(mailbox, before)
    assert taken.receivers == [f"{user}@example.org"]
    assert taken.letter["Subject"] == "Prova è iniziata"
