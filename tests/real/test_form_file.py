"""Fields and presets in a file: a course is added, and a limit changed, while the Hub runs (T09)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in
from tests.support.real_hub import Environments, needs_users, open_site
from tests.support.site_under_test import Site, Visitor, run_in_kernel

ADMIN_PASSWORD = "a password of the test suite's administrator"
PLAIN = "fields:\n  cores: {maximum: 8}\n"
COURSE = """\
presets:
  - name: course
    label: The course
    values: {cores: 2, memory: 2G, walltime: 30m, gpus: 0}
"""
REQUEST = {"cores": 2, "memory": "2G", "walltime": "30m", "gpus": 0}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, broken before the Hub starts."""
    path = tmp_path_factory.mktemp("form") / "form.yaml"
    path.write_text("fields:\n  cores: {maximun: 8}\n")
    return path


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], file: Path) -> Iterator[Site]:
    """A Hub with the file, and a preset in its configuration; the second user is an administrator."""
    needs_users(users, 2)
    more = f"""
c.ResourceFormSpawner.form_file = "{file}"
c.ResourceFormSpawner.presets = [{{"name": "small", "values": {{"cores": 1}}}}]
c.Authenticator.admin_users = {{{users[1]!r}}}
c.SharedPasswordAuthenticator.admin_password = {ADMIN_PASSWORD!r}
"""
    with open_site("hub-form-file", environments, cluster, users, more) as site:
        yield site


def test_a_course_is_added_without_a_restart(site: Site, file: Path) -> None:
    """Nothing is started before the file ever was in order; then each change counts at once, and a mistake changes nothing."""
    user = site.visitor()
    refused = user.api("POST", f"users/{user.name}/server", json=REQUEST)
    assert refused.status_code == 503, refused.text
    assert "The rules of the form cannot be read" in refused.json()["message"]
    assert "line 2: fields['cores']: maximun" in site.hub.log()

    file.write_text(PLAIN)
    form = user.form()
    assert [card["data-preset"] for card in form.soup.select("[data-preset]")] == ["small"]
    assert user.api("POST", f"users/{user.name}/server", json={**REQUEST, "cores": 9}).status_code == 400

    file.write_text(PLAIN + COURSE)
    form = user.form()
    assert [card["data-preset"] for card in form.soup.select("[data-preset]")] == ["small", "course"]
    checked = user.api("POST", "resource-form/check?script=0", json={"preset": "course"}).json()
    assert (checked["ok"], checked["request"]["cores"]) == (True, 2)

    file.write_text(PLAIN + COURSE + "courses: []\n")
    form = Visitor(site.hub, site.users[1]).log_in(ADMIN_PASSWORD).form()
    assert [card["data-preset"] for card in form.soup.select("[data-preset]")] == ["small", "course"]
    assert "courses" not in user.form().soup.get_text()
    assert "The file of fields and presets is broken; the last good one counts." in form.soup.get_text(" ", strip=True)
    assert "line 7: there is no key 'courses'" in form.soup.get_text(" ", strip=True)
    assert site.hub.log().count("there is no key 'courses'") == 1

    file.write_text(PLAIN)
    assert [card["data-preset"] for card in user.form().soup.select("[data-preset]")] == ["small"]
    assert user.api("POST", "resource-form/check?script=0", json={"preset": "course"}).json()["errors"].keys() == {"preset"}


def test_a_session_on_two_nodes(site: Site, file: Path) -> None:
    """Where the file lets sessions have several nodes: the server runs on the first, and srun reaches both, with its tasks."""
    user = site.visitor()
    file.write_text(PLAIN)
    two = {"cores": 2, "memory": "1G", "walltime": "30m", "gpus": 0, "partition": "g100_cpu", "nodes": 2, "tasks": 2}
    refused = user.api("POST", f"users/{user.name}/server", json=two)
    assert refused.status_code == 400
    assert "2 is more than the 1 that one session can have here" in refused.json()["message"]
    file.write_text("fields:\n  nodes: {maximum: 2}\n  tasks: {}\n")
    site.start(two)
    job = site.job_of()
    assert (job["NumNodes"], job["NumTasks"], job["CPUs/Task"]) == ("2", "4", "1")
    code = "import subprocess; print(subprocess.run(['srun', 'printenv', 'SLURMD_NODENAME'], capture_output=True, text=True).stdout)"
    printed, _kernel = run_in_kernel(site, code)
    assert sorted(printed.split()) == ["c001", "c001", "c002", "c002"]
    session = next(entry for entry in user.api("GET", "resource-form/sessions").json()["sessions"] if entry["state"] == "running")
    assert session["summary"].startswith("2 nodes with no GPU, 2 cores, 1 GB each")
    site.stop()


@pytest.mark.usefixtures("pages_are_closed")
def test_the_line_that_names_folded_numbers(site: Site, file: Path, browser: Browser) -> None:
    """As the Hub writes it, and as the page does once somebody types: with their units, and nothing of one node and one task."""
    file.write_text("fields:\n  nodes: {maximum: 2}\n  tasks: {}\n  memory: {folded: true}\n")
    query = "opt-nodes=2&opt-tasks=2&opt-cores=4&opt-memory=3"
    written = site.visitor().form(query=query).soup.select_one("#resource-form-where-line")
    assert written is not None
    assert written.get_text(strip=True).endswith("2 nodes · 2 tasks")
    page = log_in(site, browser, site.users[0], path=f"hub/spawn?{query}")
    line = page.locator("#resource-form-where-line")
    page.locator("#resource-form-where").evaluate("details => { details.open = true; }")
    expect(page.locator("[name=tasks]")).not_to_have_attribute("max", "None")
    page.fill("[name=tasks]", "4")
    expect(line).to_contain_text("2 nodes · 4 tasks")
    expect(line).to_contain_text("3 GB")
    page.fill("[name=nodes]", "1")
    page.fill("[name=tasks]", "1")
    expect(line).not_to_contain_text("node")
    expect(line).not_to_contain_text("task")
