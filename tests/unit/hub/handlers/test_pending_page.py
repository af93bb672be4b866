"""The waiting page and the page of a session that does not run, as HTML: made by the Hub's own templates around ours."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup
from jupyterhub.scopes import Scope

from spawner.errors import SlurmUnavailable
from spawner.hub.start_page import starts_about
from spawner.session.progress import StartProgress
from spawner.session.record import End
from spawner.site.notices import Announcement
from tests.support.hub_pages import page

HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"


def spawner(name: str = "", **values: Any) -> SimpleNamespace:
    """What the templates use of a spawner."""
    user = SimpleNamespace(
        name="ada", escaped_name="ada", json_escaped_name="ada", settings={}, orm_user=SimpleNamespace(groups=[], orm_spawners={})
    )
    user.spawner = SimpleNamespace(options_form=True, user=user)
    options = {"cores": 1, "memory": "2G"}
    own: dict[str, Any] = {
        "message_kinds": [],
        "orm_spawner": SimpleNamespace(display_name=""),
        "session": None,
        "last_end": None,
        "user_options": options,
    }
    said = values.pop("notices", ())
    own |= values

    async def choices(*, patience: float) -> None:
        assert patience == 0, "no page waits for Slurm because of notices"
        raise SlurmUnavailable("Slurm has not answered yet.", log="no answer yet")

    async def announcements(_choices: None) -> tuple[Announcement, ...]:
        return tuple(said)

    made = SimpleNamespace(name=name, user=user, language="", again_url=str, choices=choices, announcements=announcements, **own)
    user.spawners = {name: made}
    return made


def render(template: str, made: SimpleNamespace, **values: Any) -> BeautifulSoup:
    """The page as the Hub makes it."""
    return BeautifulSoup(page(template, user=made.user, **{"parsed_scopes": {"servers": Scope.ALL}, **values}), "html.parser")


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
    assert page.select_one("script[type=module][src$='/pending/main.js']") is not None
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
    assert texts["cancelled"] == "Nothing is held any more."


def test_what_the_hub_knows_stands_in_the_page() -> None:
    """The stage that was reached is marked before any script runs, in words as well."""
    progress = StartProgress()
    progress.say(5, "Handing the job to Slurm", stage="submitting")
    progress.say(25, "Job 7 waits.", stage="queue", sentence="It waits for GPUs.")
    page = waiting(spawner("gpu", session=SimpleNamespace(progress=progress)))
    steps = [" ".join(step.get_text().split()) for step in page.select("#pending-steps li")]
    assert steps == ["Asked (done)", "In the queue (now)", "Starting (not yet)", "Ready (not yet)"]
    assert len(page.select("[aria-current=step]")) == 1
    assert page.select_one("#pending-steps")["data-stage"] == "queue"  # type: ignore[index]
    assert page.select_one("#pending-headline").get_text(strip=True) == "In the queue"  # type: ignore[union-attr]
    assert page.select_one("#progress-bar")["aria-valuenow"] == "25"  # type: ignore[index]
    assert page.select_one("#pending-sentence").get_text() == "It waits for GPUs."  # type: ignore[union-attr]


def test_without_a_script_the_page_is_loaded_again() -> None:
    """What only the script can do is hidden until it runs."""
    page = waiting(spawner("gpu"))
    assert page.select_one("head noscript meta[http-equiv=refresh]")["content"] == "10"  # type: ignore[index]
    assert page.select_one("#pending-cancel").has_attr("hidden")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("end", "failed", "expected"),
    [
        (End("OUT_OF_MEMORY", f"Out of memory. {HOSTILE}", 1.0), False, ("The session has ended.", f"Out of memory. {HOSTILE}")),
        (None, True, ("The session could not start.", f"It asks for too much. {HOSTILE}")),
        (None, False, ("The session is not running.", "")),
    ],
)
def test_not_running_says_why(end: End | None, failed: bool, expected: tuple[str, str]) -> None:
    """How the last session ended, or why the start failed; always as text, always with the way to the form."""
    made = spawner("gpu", last_end=end)
    message = f"It asks for too much. {HOSTILE}" if failed else None
    page = render(
        "not_running.html", made, server_name="gpu", spawn_url="/base/hub/spawn/ada/gpu?next=%2F", failed=failed, failed_message=message
    )
    sentence, why = page.select_one(".pending-headline"), page.select_one(".pending-why")
    assert sentence is not None
    assert sentence.get_text(strip=True) == expected[0]
    assert (" ".join(why.get_text().split()) if why else "") == expected[1]
    assert page.select_one("#start")["href"] == "/base/hub/spawn/ada/gpu?next=%2F"  # type: ignore[index]
    assert page.select("img[onerror]") == []


@pytest.mark.parametrize(
    ("end", "stopped_at"),
    [
        (None, "Asked"),
        (End("NOT_SUBMITTED", "No.", 1.0), "Asked"),
        (End("NEVER_STARTS", "No.", 1.0, job_id=7), "In the queue"),
        (End("CANCELLED", "No.", 1.0, job_id=7), "In the queue"),
        (End("FAILED", "No.", 1.0, job_id=7, node="g001"), "Starting"),
        (End("LISTEN_TIMEOUT", "No.", 1.0, job_id=7, started=0.5), "Starting"),
    ],
)
def test_a_failed_start_marks_the_step_it_came_to(end: End | None, stopped_at: str) -> None:
    """The steps before are done, those after it not yet; the mark is in words as well."""
    page = render(
        "not_running.html", spawner(last_end=end), server_name="", spawn_url="/base/hub/spawn/ada", failed=True, failed_message=""
    )
    found = [" ".join(step.get_text().split()) for step in page.select("#pending-steps li")]
    assert f"{stopped_at} (stopped here)" in found
    assert [step for step in found if "now" in step] == []
    assert found[-1] == "Ready (not yet)"


@pytest.mark.parametrize(
    ("end", "offered"),
    [
        (End("LISTEN_TIMEOUT", "It took too long.", 1.0, job_id=7, node="g001"), True),
        (End("NEVER_STARTS", "Never.", 1.0, job_id=7), False),
        (End("NOT_SUBMITTED", "Slurm says no.", 1.0), False),
        (None, False),
    ],
)
def test_the_same_again_in_one_press(end: End | None, offered: bool) -> None:
    """Every value of the last request is posted to the form's address, with the page's token; not what would be refused again."""
    options = {"cores": 1, "memory": "2G", "gpus": "v100:1", "reservation": "", "environment": {"PASSWORD": "a canary"}, "color": "#00ff00"}
    made = spawner("gpu", last_end=end, user_options=options)
    page = render("not_running.html", made, server_name="gpu", spawn_url="/base/hub/spawn/ada/gpu?next=%2F", failed=bool(end))
    form = page.select_one("form#again")
    assert (form is not None) is offered
    if form is not None:
        assert form["action"] == "/base/hub/spawn/ada/gpu?next=%2F"
        posted = {field["name"]: field["value"] for field in form.select("input")}
        assert posted.pop("_xsrf") == "a-token"
        assert posted.pop("environment") == "PASSWORD=••••••••"  # which the Hub knows
        assert posted == {"cores": "1", "memory": "2G", "gpus": "v100:1", "reservation": "", "color": "#00ff00"}
        assert "a canary" not in str(page)


def test_until_when_it_waits() -> None:
    """The estimate in words, as the largest of the page before any script runs; one that is past is none."""
    five_past_noon = 1_795_953_900
    assert starts_about("2026-11-29T12:00:00Z", five_past_noon) == ""
    assert re.fullmatch(r"Starts about \d\d:30", starts_about("2026-11-29T12:30:00Z", five_past_noon))


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


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        ({"servers": Scope.ALL}, True),
        ({"servers": {"user": {"ada"}}}, True),
        ({"servers": {"server": {"ada/two"}}}, True),
        ({"servers": {"server": {"ada/"}}}, False),
        ({"servers": {"group": {"physics"}}}, True),
        ({"servers": {"group": {"biology"}, "user": {"grace"}}, "access:servers": Scope.ALL}, False),
        ({}, False),
    ],
)
def test_a_guest_is_not_sent_where_there_is_nothing(scopes: dict[str, Any], may: bool) -> None:
    """Who may not start somebody's session gets no Start, no start by itself, and no link to its log."""
    made = spawner("two", last_end=End("FAILED", "It failed.", 1.0, what_to_do="Try again.", job_id=7))
    made.user.orm_user.groups = [SimpleNamespace(name="physics")]
    values = {"server_name": "two", "spawn_url": "/base/hub/spawn/ada/two", "implicit_spawn_seconds": 3}
    found = render("not_running.html", made, parsed_scopes=scopes, **values)
    assert (found.select_one("#start") is not None) is may
    assert (found.select_one("[data-implicit-seconds]") is not None) is may
    assert ("resource-form/log" in str(found)) is may
    assert "It failed." in found.get_text()
    assert ("Try again." in found.get_text()) is may


@pytest.mark.parametrize("template", ["home.html", "spawn_pending.html"])
def test_notices(template: str) -> None:
    """What the admin has to say stands there in its order, each in one line and as text; also while Slurm does not answer."""
    said = (Announcement(HOSTILE, "danger"), Announcement("Maintenance.", "warning", "https://hub.example/more"))
    made = spawner(notices=said)
    made.user.all_spawners, made.user.spawner.active = list, False
    page = render(template, made, spawner=made, default_server=made, progress_url="")
    lines = page.select("main .resource-form-notice")
    assert [line.get_text().strip() for line in lines] == [HOSTILE, "Maintenance. More"]
    assert [line["class"][1] for line in lines] == ["alert-danger", "alert-warning"]
    assert [link["href"] for link in page.select(".resource-form-notice a")] == ["https://hub.example/more"]
    assert page.select(".resource-form-notice img") == []
