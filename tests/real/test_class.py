"""A class, with groups and roles of JupyterHub: a leader sees how much room there is and who has a session, stops one, opens none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, wait_for

CLASS = "hub/resource-form/class?preset=school"


@pytest.fixture(scope="module")
def site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A pupil, a leader, and the recipe of docs/teaching.md."""
    needs_users(users, 3)
    pupil, leader = users[:2]
    more = f"""
c.ResourceFormSpawner.presets = [
    {{"name": "school", "label": "The <b>school</b>", "description": "One GPU each", "groups": ["school", "leaders"],
      "values": {{"partition": "g100_int", "gpus": "v100:1", "cores": 2, "memory": "2G", "walltime": "1h"}}}},
]
c.JupyterHub.load_groups = {{"school": {{"users": [{pupil!r}]}}, "leaders": {{"users": [{leader!r}]}}}}
c.JupyterHub.load_roles.append({{
    "name": "school-leader",
    "groups": ["leaders"],
    "scopes": ["list:users!group=school", "read:servers!group=school", "delete:servers!group=school"],
}})
"""
    with open_site("hub-class", environments, cluster, users, more) as site:
        yield site


def test_there_is_room_for_as_many_as_slurm_starts(site: Site) -> None:
    """Slurm is the oracle: it starts just so many, and the next one waits; the page follows."""
    leader = site.visitor(site.users[1])
    site.clean()
    options = ("--gres=gpu:v100:1", "--cpus-per-task=2", "--mem=2G", "--time=60", "--partition=g100_int", "--account=cin_train")

    def room() -> int:
        return int(leader.session.get(f"{site.hub.url}{CLASS}&as=json", timeout=30).json()["room"])

    wait_for(lambda: room() == 6, "room on the three nodes with two GPUs each that are not reserved", 20)
    jobs = [site.cluster.submit(*options, user=site.users[0]) for _number in range(5)]
    for job in jobs:
        site.cluster.wait_for_job_state(job, "RUNNING")
    wait_for(lambda: room() == 1, "room for one more", 20)
    last = site.cluster.submit(*options, user=site.users[0])
    site.cluster.wait_for_job_state(last, "RUNNING")
    wait_for(lambda: room() == 0, "no room any more", 20)
    assert "There is no room for another one now" in leader.get(CLASS).text
    beyond = site.cluster.submit(*options, user=site.users[0])
    site.cluster.wait_for_job_state(beyond, "PENDING")
    site.clean()


def test_a_leader_sees_and_stops_and_opens_nothing(site: Site) -> None:
    """What the group's scopes allow, and no more; a pupil sees neither others nor how many they are."""
    pupil, leader = site.visitor(site.users[0]), site.visitor(site.users[1])
    site.clean()
    assert leader.form().soup.select_one("a[href='/hub/resource-form/class?preset=school']") is not None
    assert pupil.form().soup.select_one("a[href*='resource-form/class']") is None
    page = leader.get(CLASS)
    assert page.soup.select_one("h1 b") is None, "the preset's name is text"
    link = str(page.soup.select_one("#class-link")["value"])  # type: ignore[index]
    assert link == f"{site.hub.url}hub/spawn?opt-preset=school"
    assert "1 person whose sessions you see has none." in page.text
    assert pupil.start(page=pupil.form(query="opt-preset=school")).status == 302
    wait_for(lambda: site.server(pupil.name).get("ready"), f"the pupil's session\n{site.logs()}", 90)
    assert "1 runs, 0 are starting or waiting." in leader.get(CLASS).text
    assert [entry["user"] for entry in leader.api("GET", "resource-form/sessions?all=1&limit=0").json()["sessions"]] == [pupil.name]
    assert leader.get(f"user/{pupil.name}/").status == 403
    assert leader.get(f"hub/resource-form/log?user={pupil.name}").status in (403, 404)
    assert leader.api("POST", f"users/{pupil.name}/servers/other").status_code in (403, 404)
    own = pupil.get(CLASS)
    assert (own.status, own.soup.select_one("#class-sessions")) == (200, None)
    assert pupil.api("GET", "resource-form/sessions?all=1").status_code == 403
    assert leader.api("DELETE", f"users/{pupil.name}/server").status_code in (202, 204)
    wait_for(lambda: not site.server(pupil.name), "the session to be stopped", 30)
    assert site.cluster.active_jobs() == []


def test_a_class_of_others_is_none(site: Site) -> None:
    """Whoever may not choose the preset hears of no class; no more than of one that there is not."""
    leader = site.visitor(site.users[1])
    assert leader.get("hub/resource-form/class?preset=none").status == 404
    assert site.visitor(site.users[2]).get(CLASS).status == 404


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (320, "dark")])
def test_the_page_in_a_browser(site: Site, browser: Browser, screenshots: Path, width: int, scheme: str) -> None:
    """It fits, nothing is wrong with it, and it follows what happens."""
    site.clean()
    page = log_in(site, browser, site.users[1], path=CLASS, shows="#resource-form-class", width=width, scheme=scheme)
    expect(page.locator("#class-room")).to_have_text("Room for 6 more like this now.", timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=screenshots / f"class-{width}-{scheme}.png")
    assert serious_findings(page, "#resource-form-class") == []
    expect(page.locator("#class-copy")).to_be_visible()
