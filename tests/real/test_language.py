"""A browser that asks for Italian is answered in Italian: the form, a refusal, the waiting page, the end of a session."""

from __future__ import annotations

import json
import re

from tests.support.site_under_test import Page, Site, Visitor, wait_for

ITALIAN = "it-IT,it;q=0.9,en;q=0.5"
ENGLISH_WORDS = re.compile(
    r"\b(the|is|are|of|and|or|has|have|at|for|with|that|this|your|you|choose|more|than|now|instead)\b", re.IGNORECASE
)


def reader(site: Site, accepted: str = ITALIAN) -> Visitor:
    """A visitor whose browser asks for a language."""
    user = site.visitor()
    user.session.headers["Accept-Language"] = accepted
    return user


def english_in(page: Page) -> list[str]:
    """The pieces of text of our part of the page with an English word in them."""
    ours = page.soup.select_one(".resource-form")
    assert ours is not None, page.text
    return [text for text in ours.stripped_strings if ENGLISH_WORDS.search(text)]


def messages_of(site: Site, user: Visitor) -> list[str]:
    """What the waiting page is told until the session is ready."""
    url = f"{site.hub.url}hub/api/users/{user.name}/server/progress"
    answer = user.session.get(url, headers={"Referer": f"{site.hub.url}hub/home"}, timeout=90, stream=True)
    assert answer.status_code == 200, answer.text
    said = []
    for line in answer.iter_lines(decode_unicode=True):
        if line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            said.append(event.get("message", ""))
            if event.get("ready") or event.get("failed"):
                break
    return said


def test_the_form_is_in_the_browsers_language(site: Site) -> None:
    """All of it, and the heading that is the Hub's page; the next visitor's is in theirs."""
    page = reader(site).form()
    assert english_in(page) == []
    assert "Avvia una sessione" in page.text
    assert "Prenotazione Slurm" in page.text
    assert "GPU libere" in page.text
    page = reader(site, "de, en;q=0.8").form()
    assert "Start a session" in page.text
    assert "Slurm reservation" in page.text


def test_a_refusal_and_the_form_after_it(site: Site) -> None:
    """JupyterHub shows that form without the request; the Hub's log is English."""
    page = reader(site).start({"cores": "4711"})
    assert page.status == 400
    assert "La sessione non è stata avviata: Numero di core: 4711 supera il massimo" in page.alert
    assert english_in(page) == []
    assert "Avvia una sessione" in page.text
    assert "request rejected: Number of cores: 4711 is more than" in site.logs()


def test_pieces_that_the_open_page_fetches(site: Site) -> None:
    """The table, and what becomes of a request."""
    user = reader(site)
    assert "GPU libere" in user.get("hub/resource-form/availability").text
    answer = user.api("POST", "resource-form/check", data=json.dumps({"cores": 4711}))
    assert answer.status_code == 200, answer.text
    assert answer.json()["errors"]["cores"].startswith("Numero di core: 4711 supera")


def test_a_session(site: Site) -> None:
    """What the waiting page says, and how the session ended, in the language of whoever started it; a restart does not change it."""
    user = reader(site)
    name = site.users[0]
    assert user.start().status == 302
    said = messages_of(site, user)
    assert any("è stato inviato" in message for message in said), said
    wait_for(lambda: site.server(name).get("ready"), "the session", 90)
    site.hub.restart()
    site.cluster.run("scancel", site.job_of()["JobId"])
    wait_for(lambda: not site.server(name).get("ready"), "the Hub to notice", 90, every=1)
    assert "Il job è stato annullato." in reader(site).form().text
