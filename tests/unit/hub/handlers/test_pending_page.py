"""The waiting page and the page of a session that does not run, as HTML: made by the Hub's own templates around ours."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from bs4 import BeautifulSoup
from jupyterhub._data import DATA_FILES_PATH

from spawner.hub.common import page_templates, static_version
from spawner.session.progress import StartProgress

HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"


def spawner(name: str = "", **values: Any) -> SimpleNamespace:
    """What the templates use of a spawner."""
    default = SimpleNamespace(options_form=True, gettext=str)
    user = SimpleNamespace(name="ada", escaped_name="ada", json_escaped_name="ada", spawner=default)
    own = {"orm_spawner": SimpleNamespace(display_name=""), "session": None, "last_end": None, "user_options": {}, **values}
    ours = {"gettext": str, "page_language": "en", "static_version": static_version, "request_in_words": "1 core, 2 GB", "again_url": str}
    made = SimpleNamespace(name=name, user=user, **ours, **own)
    user.spawners = {name: made}
    return made


def render(template: str, made: SimpleNamespace, **values: Any) -> BeautifulSoup:
    """The page as the Hub makes it."""
    hubs = str(Path(DATA_FILES_PATH) / "templates")
    by_name, of_the_hub = (
        jinja2.FileSystemLoader([page_templates(), hubs]),
        jinja2.PrefixLoader({"templates": jinja2.FileSystemLoader(hubs)}),
    )
    environment = jinja2.Environment(loader=jinja2.ChoiceLoader([by_name, of_the_hub]), autoescape=True)
    given = {
        "base_url": "/base/hub/",
        "user": made.user,
        "parsed_scopes": {},
        "static_url": lambda path, include_version=True: f"/base/hub/static/{path}",
        "xsrf_token": "a-token",
        **values,
    }
    return BeautifulSoup(environment.get_template(template).render(**given), "html.parser")


def waiting(made: SimpleNamespace) -> BeautifulSoup:
    """The waiting page."""
    return render("spawn_pending.html", made, spawner=made, progress_url="/base/hub/api/users/ada/server/progress?_xsrf=a-token")


def test_the_page_knows_which_server_it_cancels() -> None:
    """User, server and token are in the page; none of it in a script."""
    page = waiting(spawner("gpu & co"))
    root = page.select_one("#resource-form-pending")
    assert root is not None
    assert (root["data-user"], root["data-server"], root["data-xsrf"], root["data-api-url"]) == (
        "ada",
        "gpu & co",
        "a-token",
        "/base/hub/api/",
    )
    assert page.select_one("#pending-change")["href"] == "/base/hub/spawn/ada/gpu%20%26%20co"  # type: ignore[index]
    assert root.select("script, style, [onclick], [style]") == []
    assert page.select_one("script[src*='pending.js']") is not None
    assert not page.find_all("script", string=lambda text: bool(text and "EventSource" in text))


def test_the_default_server_has_a_name_and_its_own_address() -> None:
    """Without a name of its own it is called the default server; its form is that of no named one."""
    page = waiting(spawner())
    assert page.h1 is not None
    assert page.h1.get_text(strip=True) == "Default server"
    assert page.select_one("#pending-change")["href"] == "/base/hub/spawn/ada"  # type: ignore[index]


def test_what_users_and_slurm_write_is_text() -> None:
    """Names and messages never become HTML; the page's texts for its script are JSON that can be read back."""
    progress = StartProgress()
    progress.say(25, f"Job 7 waits. {HOSTILE}")
    page = waiting(spawner("gpu", orm_spawner=SimpleNamespace(display_name=HOSTILE), session=SimpleNamespace(progress=progress)))
    assert page.h1 is not None
    assert page.h1.get_text(strip=True) == HOSTILE
    assert page.select_one("#pending-sentence").get_text() == f"Job 7 waits. {HOSTILE}"  # type: ignore[union-attr]
    assert page.select("img[onerror]") == []
    texts = json.loads(page.select_one("#resource-form-pending")["data-texts"])  # type: ignore[index,arg-type]
    assert texts["cancelled"] == "Cancelled. Nothing is held any more."


def test_what_the_hub_knows_stands_in_the_page() -> None:
    """The stage that was reached is marked before any script runs, in words as well."""
    progress = StartProgress()
    progress.say(5, "Handing the job to Slurm", stage="submitting")
    progress.say(25, "Job 7 waits.", stage="queue")
    page = waiting(spawner("gpu", session=SimpleNamespace(progress=progress)))
    steps = [" ".join(step.get_text().split()) for step in page.select("#pending-steps li")]
    assert steps[:3] == ["Submitted (done)", "In the queue (now)", "Node being made ready (not yet)"]
    assert [step["data-stage"] for step in page.select("[aria-current=step]")] == ["queue"]
    assert page.select_one("#progress-bar")["aria-valuenow"] == "25"  # type: ignore[index]
    assert page.select_one("#pending-sentence").get_text() == "Job 7 waits."  # type: ignore[union-attr]


def test_without_a_script_the_page_is_loaded_again() -> None:
    """What only the script can do is hidden until it runs."""
    page = waiting(spawner("gpu"))
    assert page.select_one("head noscript meta[http-equiv=refresh]")["content"] == "10"  # type: ignore[index]
    assert page.select_one("#pending-cancel").has_attr("hidden")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("end", "failed", "expected"),
    [
        (SimpleNamespace(sentence=f"Out of memory. {HOSTILE}", at=1.0), False, ("The session has ended.", f"Out of memory. {HOSTILE}")),
        (None, True, ("The session could not start.", f"It asks for too much. {HOSTILE}")),
        (None, False, ("The session is not running.", "")),
    ],
)
def test_not_running_says_why(end: SimpleNamespace | None, failed: bool, expected: tuple[str, str]) -> None:
    """How the last session ended, or why the start failed; always as text, always with the way to the form."""
    made = spawner("gpu", last_end=end)
    message = f"It asks for too much. {HOSTILE}" if failed else None
    page = render(
        "not_running.html", made, server_name="gpu", spawn_url="/base/hub/spawn/ada/gpu?next=%2F", failed=failed, failed_message=message
    )
    sentence, why = page.select_one(".pending-sentence"), page.select_one(".pending-why")
    assert sentence is not None
    assert sentence.get_text(strip=True) == expected[0]
    assert (" ".join(why.get_text().split()) if why else "") == expected[1]
    assert page.select_one("#start")["href"] == "/base/hub/spawn/ada/gpu?next=%2F"  # type: ignore[index]
    assert page.select("img[onerror]") == []


def test_a_start_by_itself_stays_one() -> None:
    """The Hub's implicit_spawn_seconds: with a script or without; never after a start that failed."""
    made = spawner("gpu")
    given = {"server_name": "gpu", "spawn_url": "/base/hub/spawn/ada/gpu", "implicit_spawn_seconds": 3}
    page = render("not_running.html", made, **given)
    assert page.select_one("#resource-form-ended")["data-implicit-seconds"] == "3"  # type: ignore[index]
    assert page.select_one("noscript meta[http-equiv=refresh]")["content"] == "3;url=/base/hub/spawn/ada/gpu"  # type: ignore[index]
    page = render("not_running.html", made, **given, failed=True, failed_message="no")
    assert not page.select_one("#resource-form-ended").has_attr("data-implicit-seconds")  # type: ignore[union-attr]
    assert page.select_one("noscript meta[http-equiv=refresh]") is None
