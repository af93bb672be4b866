"""A request that is far larger than any can be is refused at once, at every door, and costs the others no more than a moment."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests

from tests.support.site_under_test import Site, wait_for

MOMENT_SECONDS = 2.5
"""Much more than a form takes on a busy machine, and a small part of what a hundred thousand sentences took (15 to 30 s)."""

KEYS = 100_000


def memory_mb(site: Site) -> float:
    """Megabytes of memory of the Hub's process."""
    lines = Path(f"/proc/{site.hub.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@contextmanager
def others_are_served(site: Site) -> Iterator[Callable[[], float]]:
    """Somebody else asks the Hub again and again meanwhile; the longest wait, in seconds."""
    waits = [0.0]
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(0.02):
            begun = time.monotonic()
            assert requests.get(f"{site.hub.url}hub/api/", timeout=60).ok
            waits.append(time.monotonic() - begun)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    try:
        wait_for(lambda: len(waits) > 1, "the first answer")
        yield lambda: max(waits)
    finally:
        is_over.set()
        asking.join()


def test_a_form_of_many_keys(site: Site) -> None:
    """One sentence, a page of an ordinary size, no job, and the next form has its values as if nothing had been."""
    visitor = site.visitor()
    before = visitor.form().values()
    form = visitor.form()
    # As many as reach the Hub's own code: tornado reads no more than a hundred parts, or a thousand fields, of a form.
    address = urljoin(form.url, str(form.soup.select("#spawn_form")[0]["action"]))
    body = {**before, **{f"key{number}": "x" for number in range(900)}}
    with others_are_served(site) as longest:
        answer = visitor.session.post(address, data=body, timeout=60, allow_redirects=False)
    assert answer.status_code == 413
    assert "keys, and at most 100 are read." in answer.text
    assert len(answer.content) < 200_000
    assert longest() < MOMENT_SECONDS
    assert site.cluster.active_jobs() == []
    assert visitor.form().values() == before


def test_a_form_with_a_long_name(site: Site) -> None:
    """What was not typed by a person does not come back on the page."""
    visitor = site.visitor()
    page = visitor.start({"name": "n" * 500_000})
    assert page.status == 413
    assert "a value of 500000 characters" in page.alert
    assert "n" * 1001 not in str(page.soup)
    assert len(str(page.soup)) < 500_000


def test_a_form_of_many_megabytes(site: Site) -> None:
    """Not even read; the page says so, and the Hub has not grown."""
    visitor = site.visitor()
    form = visitor.form()
    before = memory_mb(site)
    visitor.session.headers["Accept"] = "text/html"
    with others_are_served(site) as longest:
        page = visitor.start({"name": "n" * 20_000_000}, page=form)
    assert page.status == 413
    assert "Too large That is more than the service reads of one request." in page.text
    assert longest() < MOMENT_SECONDS
    assert memory_mb(site) - before < 20


def test_a_password_of_many_megabytes(site: Site) -> None:
    """The same for who is not logged in."""
    before = memory_mb(site)
    for _turn in range(5):
        answer = requests.post(f"{site.hub.url}hub/login", data={"username": "x", "password": "p" * 20_000_000}, timeout=60)
        assert answer.status_code == 413
    assert memory_mb(site) - before < 20


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({f"key{number}": "x" for number in range(KEYS)}, id="many-keys"),
        pytest.param({"name": "n" * 5_000_000}, id="long-name"),
        pytest.param({f"k{number}": 1 for number in range(60_000)}, id="many-keys-in-a-body-that-is-read"),
        pytest.param({"name": "n" * 900_000}, id="long-name-in-a-body-that-is-read"),
    ],
)
def test_a_start_by_a_program(site: Site, options: dict[str, object]) -> None:
    """The API's door leads through the same check; what was refused is not kept with the server."""
    user = site.users[0]
    with others_are_served(site) as longest:
        status, answer = site.call("POST", f"/users/{user}/server", options)
    assert status == 413
    assert len(json.dumps(answer)) < 2000
    assert longest() < MOMENT_SECONDS
    assert site.cluster.active_jobs() == []
    _, model = site.call("GET", f"/users/{user}?include_stopped_servers=1")
    assert len(json.dumps(model)) < 5000


def test_a_question_of_many_keys(site: Site) -> None:
    """The answer while the user chooses is as short: a body that is small enough to be read may hold keys enough to be refused."""
    body = json.dumps({f"k{number}": 1 for number in range(60_000)}).encode()
    assert len(body) < 1_000_000
    visitor = site.visitor()
    with others_are_served(site) as longest:
        begun = time.monotonic()
        answer = visitor.api("POST", "resource-form/check", data=body)
        took = time.monotonic() - begun
    assert answer.status_code == 413
    assert len(answer.content) < 2000
    assert "at most 100 are read" in answer.text
    assert took < MOMENT_SECONDS
    assert longest() < MOMENT_SECONDS


def test_refused_starts_leave_nothing_in_the_database(site: Site) -> None:
    """JupyterHub stores the options of a start before it asks us. What is refused is taken out again, and its room is used again.

    Ten starts of almost as much as the Hub reads make the file larger by two of them, and leave no long text in it.
    """
    user, database = site.users[0], site.hub.folder / "jupyterhub.sqlite"
    options = {f"key{number}": "x" * 90_000 for number in range(10)}
    before = database.stat().st_size
    for number in range(10):
        server = f"big-{number % 2}"
        status, answer = site.call("POST", f"/users/{user}/servers/{server}", options)
        assert status == 400, answer
        wait_for(lambda server=server: not site.server(user, server).get("pending"), "the refused start to be over", 30)
    assert database.stat().st_size - before < 3 * len(json.dumps(options))
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        ((longest,),) = connection.execute("select max(length(user_options) + length(state)) from spawners")
    assert longest < 10_000
