"""Each Hub of a site (:mod:`.set_ups`) started for real: every page of ours is looked at, with a session started, logged and stopped."""

from __future__ import annotations

import shutil
from pathlib import Path

import batchspawner
import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.releases import DEMO_RELEASES, ensure_release

from tests.real.hubs.set_ups import SET_UPS, SetUp
from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Page, Site, Visitor, wait_for

SMALL = {"cores": "1", "memory": "1", "gpus": "0", "walltime": "20m"}


def looked_at(set_up: SetUp, pages: dict[str, Page]) -> None:
    """Every page is there, says what it has to, and no more."""
    for name, page in pages.items():
        html = str(page.soup)
        assert page.status == (424 if name == "not running" else 200), f"{name}: HTTP {page.status}\n{page.text[:2000]}"
        for text in (*set_up.everywhere, *([set_up.shows[name]] if name in set_up.shows else ())):
            assert text in html, f"{name} lacks {text!r}:\n{html}"
        for text in set_up.hides:
            assert text not in html, f"{name} has {text!r}"


def walk(site: Site, visitor: Visitor, set_up: SetUp) -> dict[str, Page]:
    """All pages, on the way of one session from the form to its end."""
    name = visitor.name
    pages = {"home before": visitor.get("hub/home"), "form": visitor.form()}
    is_ours = pages["form"].soup.select_one("#resource-form") is not None
    assert pages["form"].soup.select_one("#spawn_form button[type=submit]") is not None
    answer = visitor.start({**SMALL, **set_up.options} if is_ours else set_up.options, page=pages["form"])
    assert answer.status == 302, f"{answer.status}: {answer.alert or answer.text[:2000]}"
    waiting = visitor.get(f"hub/spawn-pending/{name}")
    wait_for(lambda: site.server(name).get("ready"), "the session to be ready", 90)
    if "spawn-pending" in waiting.url:
        pages["waiting"] = waiting
    pages["home"] = visitor.get("hub/home")
    pages["sessions"] = visitor.get("hub/resource-form/sessions?list=finished")
    found = visitor.api("GET", "resource-form/sessions").json()["sessions"]
    going_on = [session for session in found if session["state"] == "running"]
    assert len(going_on) == 1, found
    assert bool(going_on[0]["job_id"]) == set_up.follows_jobs, going_on
    if going_on[0]["job_id"]:
        pages["log"] = visitor.get(f"hub/resource-form/log?job={going_on[0]['job_id']}")
        log = visitor.api("GET", f"resource-form/log?job={going_on[0]['job_id']}")
        assert log.status_code == 200
        assert log.json()["live"] is True
    pages["stop"] = visitor.get("hub/resource-form/stop?server=")
    form = pages["stop"].soup.select_one("#resource-form-stop form")
    assert form is not None, pages["stop"].text
    given = {str(field["name"]): str(field["value"]) for field in form.select("input[name]")}
    assert visitor.session.post(f"{site.hub.url.rstrip('/')}{form['action']}", data=given, timeout=60).status_code == 200
    wait_for(lambda: not site.server(name), "the session to be stopped")
    pages["not running"] = visitor.get(f"user/{name}/")
    pages["stopped"] = visitor.get("hub/resource-form/stop?server=&stopped=1")
    return pages


def copy_of_batchspawner(environments: Environments) -> Path:
    """A folder that every user may read, with batchspawner and nothing else: its jobs start the server by one of its modules."""
    folder = environments.folder / "batchspawner"
    shutil.copytree(Path(batchspawner.__file__).parent, folder / "batchspawner", dirs_exist_ok=True)
    return folder


@pytest.mark.parametrize("set_up", SET_UPS, ids=lambda set_up: set_up.name)
def test_every_page_of_a_hub(
    request: pytest.FixtureRequest,
    environments: Environments,
    cluster: PrivateCluster,
    users: tuple[str, ...],
    tmp_path: Path,
    set_up: SetUp,
) -> None:
    """No page is an error, each shows what the site has put there, and the log says what cannot work."""
    for name, text in set_up.templates.items():
        (tmp_path / name).write_text(text)
    used = request.getfixturevalue("older_environments") if set_up.is_older else environments
    program = ensure_release(DEMO_RELEASES[0], environments.installed / "releases") / "jupyterhub-singleuser"
    names = {
        "SITE": tmp_path,
        "RELEASE": program,
        "PYTHON": program.with_name("python"),
        "SLURM_CONF": cluster.slurm_conf,
        "BATCHSPAWNER": copy_of_batchspawner(environments),
    }
    config = "import os\n" + "".join(f"{name} = {str(value)!r}\n" for name, value in names.items()) + set_up.config
    with open_site(f"hub-{set_up.name}", used, cluster, users, config) as site:
        visitor = site.visitor()
        for walked in (set_up, *set_up.also):
            looked_at(walked, walk(site, visitor, walked))
        for path, text in set_up.answers.items():
            assert text in visitor.session.get(f"{site.hub.url}hub/{path}", headers={"Referer": site.hub.url}, timeout=60).text
        log = site.hub.log()
        for text in set_up.said:
            assert text in log
        for text in set_up.not_said:
            assert text not in log
        assert "Traceback" not in log, log
