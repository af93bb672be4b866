"""Releases on a real Hub: what is in each, who may have which, a file that is edited, broken and mended, marks of administrators."""

from __future__ import annotations

import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, expect
from private_slurm.cluster import PrivateCluster

from tests.support.browsing import log_in, serious_findings
from tests.support.real_hub import CHECKOUT, Environments, needs_users, open_site
from tests.support.site_under_test import Site, Visitor, run_in_kernel, wait_for

PAGE = "hub/resource-form/releases"
API = "/resource-form/releases"
EXAMPLE = yaml.load((CHECKOUT / "share" / "resource_form" / "releases.example.yaml").read_text(), yaml.BaseLoader)
"""As it is written: versions are text."""


class File:
    """The catalogue's file of the Hub under test."""

    def __init__(self, path: Path, first: dict[str, Any]) -> None:
        self.path = path
        self.first = first
        self.write()

    def write(self, **changes: dict[str, Any] | None) -> None:
        """Write the first releases, some of them with other values, or (None) without them."""
        releases = [{**entry, **(changes.get(entry["tag"], {}) or {})} for entry in self.first["releases"]]
        kept = [entry for entry in releases if changes.get(entry["tag"], {}) is not None]
        self.path.write_text(yaml.safe_dump({"releases": kept}, sort_keys=False))


@pytest.fixture(scope="module")
def file(environments: Environments) -> File:
    """The two releases of the environments, and the example's."""
    real = yaml.load(environments.catalogue.read_text(), yaml.BaseLoader)["releases"]
    for entry in real:
        entry["tested"] = True
    cineca = next(dict(entry) for entry in EXAMPLE["releases"] if entry["tag"] == "2024.04")
    for gone in ("modules", "first_login"):
        cineca.pop(gone)
    cineca |= {"path": real[1]["path"], "interfaces": ["lab"], "apps": []}
    path = real[0]["path"]
    more = [
        {"tag": "untested", "label": "To be tried", "date": "2026-11-01", "tested": False, "path": path, "interfaces": ["lab"]},
        {"tag": "ended", "date": "2020-01-01", "end_of_life": "2022-01-01", "path": path, "interfaces": ["lab"]},
        {"tag": "gpus", "date": "2021-01-01", "gpu": "required", "minimum": {"cores": 4}, "path": path, "interfaces": ["lab"]},
    ]
    return File(environments.folder / "releases-under-test.yaml", {"releases": [*real, cineca, *more]})


@pytest.fixture(scope="module")
def site(file: File, environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """The first user is nobody in particular, the second one is an administrator; releases to be tried are for administrators."""
    needs_users(users, 2)
    more = f"""
c.ResourceFormSpawner.catalogue_file = {str(file.path)!r}
c.ResourceFormSpawner.advanced_releases = {{"untested": "admins"}}
c.ResourceFormSpawner.home_links = {{"work": "$AREAS/{{account}}", "work_{{account}}": "$AREAS/{{account}}", "scratch": "$AREAS"}}
c.Authenticator.post_auth_hook = lambda authenticator, handler, found: {{**found, "admin": found["name"] == {users[1]!r}}}
"""
    with open_site("hub-releases", environments, cluster, users, more) as site:
        yield site


@pytest.fixture
def user(site: Site, file: File) -> Visitor:
    """Nobody in particular, with the file as it was first."""
    file.write()
    return site.visitor(site.users[0])


@pytest.fixture
def admin(site: Site) -> Visitor:
    """An administrator."""
    return site.visitor(site.users[1])


def told(visitor: Visitor) -> dict[str, dict[str, Any]]:
    """What the API tells of each release, by tag, in its order; right after a start of the Hub, once Slurm has answered."""
    answer = wait_for(lambda: found if (found := visitor.api("GET", API[1:])).status_code == 200 else None, "the releases", 30)
    return {entry["tag"]: entry for entry in answer.json()["releases"]}


# --- what is in it ------------------------------------------------------------------------------------------------------------


def test_kernels_and_pins_of_the_chosen_release(user: Visitor) -> None:
    """T16: who chooses CINECA's release reads its eleven kernels with their versions, without JavaScript; programs read the same."""
    page = user.form(query="opt-release=2024.04")
    assert page.values()["release"] == "2024.04"
    panel = page.soup.select_one("#resource-form-release-is")
    assert panel is not None
    rows = {
        row.dt.get_text(strip=True): row.dd.get_text(" ", strip=True).replace("\xa0", " ")
        for row in panel.select("dl > div")
        if row.dt and row.dd
    }
    assert len(rows) == 11
    assert rows["Transformers"] == "python 3.11, huggingface_hub 0.24.0, transformers 4.40.2"
    assert rows["R"] == "r 4.3.3, rlang 1.1.4"
    found = {kernel["label"]: kernel["packages"] for kernel in told(user)["2024.04"]["kernels"]}
    assert found["Pytorch"] == {"python": "3.11", "pytorch": "2.3.0"}
    assert [len(found), found["Dask"]["dask"]] == [11, "2024.04"]


def test_two_releases_differ(site: Site, user: Visitor) -> None:
    """The same notebook in both: each has the JupyterLab that its label says."""
    code = "from importlib.metadata import version\nprint(version('jupyterlab'))"
    versions = {}
    for tag, label in (("2026.10", "JupyterLab 4.6"), ("2025.10", "JupyterLab 4.4")):
        assert label in str(told(user)[tag]["label"])
        site.start({"release": tag, "account": "cin_staff"}, user=user.name)
        versions[tag] = run_in_kernel(site, code, user=user.name)[0].strip()
        site.stop(user=user.name)
    assert {tag: text.rsplit(".", 1)[0] for tag, text in versions.items()} == {"2026.10": "4.6", "2025.10": "4.4"}


# --- who may have which -------------------------------------------------------------------------------------------------------


def test_advanced_without_javascript(user: Visitor, admin: Visitor) -> None:
    """T26: what is not for everybody stands in a fold of its own, marked, for whom it may be; for others it is not there."""
    folds = {
        name: [label.get_text(strip=True) for label in page.soup.select("#resource-form-release details label")]
        for name, page in (("user", user.form()), ("admin", admin.form()))
    }
    assert "To be tried (not tested)" in folds["admin"]
    assert "To be tried (not tested)" not in folds["user"]
    assert "ended (no longer supported)" in folds["user"]
    assert list(told(user)) == ["2026.10", "2025.10", "2024.04", "gpus", "ended"]
    assert list(told(admin))[:2] == ["untested", "2026.10"]


def test_every_door_is_shut(site: Site, user: Visitor) -> None:
    """T25, T26: by form, REST, check and link the release is none; nor is a label a tag."""
    for value, words in (("untested", "is not a release of this service"), ("2026.10 (JupyterLab 4.6)", "is not a name")):
        answer = user.start({"release": value})
        assert (answer.status, words in answer.text) == (400, True)
        status, body = site.call("POST", f"/users/{user.name}/server", {"release": value})
        assert (status, words in str(body)) == (400, True)
        checked = user.api("POST", "resource-form/check", json={"release": value}).json()
        assert words in checked["errors"]["release"]
    page = user.form(query="opt-release=untested")
    assert page.values()["release"] == "2026.10"
    assert "is not a release of this service" in page.text
    assert site.server(user.name) == {} or not site.server(user.name).get("url")


def test_a_release_that_needs_a_gpu(user: Visitor) -> None:
    """T50: the form's numbers rise with the choice, with a word; without a GPU it is not started."""
    checked = user.api("POST", "resource-form/check?changed=release", json={**user.form().values(), "release": "gpus"}).json()
    assert (checked["request"]["cores"], checked["request"]["gpus"]) == (4, "1")
    assert set(checked["moved"]) >= {"cores", "gpus"}
    answer = user.start({"release": "gpus", "gpus": "0", "cores": "4"})
    assert (answer.status, "needs a GPU" in answer.text) == (400, True)


# --- a file that changes ------------------------------------------------------------------------------------------------------


def test_the_file_is_edited_broken_and_mended(site: Site, file: File, user: Visitor, admin: Visitor) -> None:
    """T23, T24: a change is there at the next look; a broken file leaves the last good one, and administrators read what is wrong."""
    file.write(**{"2024.04": {"label": "CINECA's own"}})
    assert "CINECA's own" in user.form().text
    file.path.write_text(file.path.read_text().replace("date: '2024-04-15'", "date: April").replace("date: 2024-04-15", "date: April"))
    line = next(number for number, text in enumerate(file.path.read_text().splitlines(), 1) if text.strip() == "date: April")
    wrong = f"line {line}: releases.[2024.04].date: "
    for page in (admin.form(), admin.get(PAGE)):
        assert wrong in page.text
        assert "the last good one counts" in page.text
    for page in (user.form(), user.get(PAGE)):
        assert "CINECA's own" in page.text
        assert "broken" not in page.text
    assert wrong in site.hub.log()
    status, answer = site.call("POST", API, {"reload": True})
    assert (status, wrong in answer["problem"]) == (200, True)
    file.write()
    assert site.call("POST", API, {"reload": True}) == (200, {"problem": ""})
    assert "broken" not in admin.get(PAGE).text


def test_who_may_reload_and_mark(site: Site, user: Visitor, admin: Visitor) -> None:
    """T23, T57: administrators only; what is no mark, and no release, is said to be none."""
    assert user.api("POST", API[1:], json={"reload": True}).status_code == 403
    assert user.api("POST", API[1:], json={"tag": "untested", "mark": "tested"}).status_code == 403
    assert user.get(PAGE).soup.select("form[action$=releases]") == []
    for body in ({"tag": "untested", "mark": "fine"}, {"tag": "none", "mark": "tested"}, {"tag": 1}, {"mark": "tested"}, ["tested"]):
        assert admin.api("POST", API[1:], json=body).status_code == 400, body
    assert admin.api("POST", API[1:], json={"reload": True}).status_code == 200
    assert site.call("POST", API, {"tag": "2026.10", "mark": "back"})[0] == 200


def test_a_running_session_keeps_its_release(site: Site, file: File, user: Visitor) -> None:
    """T23: a release that is taken off the list stays under those who have it, over a restart of the Hub too."""
    site.start({"release": "2025.10", "account": "cin_staff"}, user=user.name)
    try:
        job = site.job_of(user.name)["JobId"]
        file.write(**{"2025.10": None})
        assert "2025.10" not in told(user)
        assert site.call("POST", API, {"reload": True})[0] == 200
        site.hub.restart()
        again = site.visitor(user.name)
        wait_for(lambda: site.server(user.name).get("ready"), "the session after the restart")
        assert site.job_of(user.name)["JobId"] == job
        assert run_in_kernel(site, "print(6 * 7)", user=user.name)[0].strip() == "42"
        sessions = again.api("GET", "resource-form/sessions").json()["sessions"]
        assert [entry["request"]["release"] for entry in sessions if entry["job_id"] == int(job)] == ["2025.10"]
    finally:
        site.stop(user=user.name)
        file.write()


# --- marks --------------------------------------------------------------------------------------------------------------------


def test_a_release_is_marked_from_the_page(site: Site, file: File, user: Visitor, admin: Visitor, browser: Browser) -> None:
    """T57: an administrator presses; everybody has it at once, the file stays as it is, the log says who; it lasts, and is taken back."""
    before = file.path.read_bytes()
    page = log_in(site, browser, admin.name, path=PAGE, shows="#release-untested")
    release = page.locator("#release-untested")
    expect(release).to_contain_text("To be tried (not tested)")
    assert serious_findings(page, "#resource-form-releases") == []
    release.get_by_role("button", name="Mark as tested").click()
    expect(page.get_by_role("status")).to_contain_text("To be tried is as it stands here from now on")
    assert next(iter(told(user))) == "untested"
    preselected = user.api("POST", "resource-form/check", json={}).json()["request"]["release"]
    assert preselected == "untested", "the newest tested one is preselected"
    assert f"Release untested: tested, by {admin.name}" in site.hub.log()
    site.hub.restart()
    assert next(iter(told(site.visitor(user.name)))) == "untested"
    page.reload()
    expect(release).to_contain_text(f"Marked by {admin.name}")
    release.get_by_role("button", name="Take the mark back").click()
    expect(release).to_contain_text("(not tested)")
    assert "untested" not in told(site.visitor(user.name))
    assert file.path.read_bytes() == before
    page.context.close()


def test_a_disabled_release_takes_no_new_session(site: Site, user: Visitor, admin: Visitor) -> None:
    """T57: who has it in a link or a script is told; the others go on with the next one."""
    assert admin.api("POST", API[1:], json={"tag": "2026.10", "mark": "disabled"}).json() == {"tag": "2026.10", "mark": "disabled"}
    try:
        assert "2026.10" not in told(user)
        assert told(admin)["2026.10"]["state"] == "disabled"
        assert user.form().values()["release"] == "2025.10"
        assert user.start({"release": "2026.10"}).status == 400
    finally:
        assert site.call("POST", API, {"tag": "2026.10", "mark": "back"}) == (200, {"tag": "2026.10", "mark": ""})
    assert told(user)["2026.10"]["state"] == "tested"


# --- the open form ------------------------------------------------------------------------------------------------------------


def test_the_open_form_follows_the_choice(site: Site, user: Visitor, browser: Browser) -> None:
    """In Chromium: another release shows what is in it at once; one that is folded away opens its fold; numbers rise with a word."""
    page = log_in(site, browser, user.name, path="hub/spawn?opt-release=2026.10")
    panel = page.locator("#resource-form-release-is")
    expect(panel.locator("[data-tag]")).to_have_attribute("data-tag", "2026.10")
    page.check("input[name=release][value='2024.04']")
    expect(panel).to_contain_text("11 kernels: Python 3.11, Ray, Dask and 8 more")
    panel.locator("summary").click()
    expect(panel).to_contain_text("transformers 4.40.2")
    page.get_by_text("Older releases", exact=True).click()
    page.check("input[name=release][value=gpus]")
    expect(page.locator("#resource-form-moved")).to_contain_text("GPU configuration is now 1 GPU instead of no GPU")
    expect(page.locator("input[name=cores]")).to_have_value("4")
    page.get_by_text("Advanced", exact=True).click()
    page.check("input[name=release][value=ended]")
    expect(panel).to_contain_text("no longer supported since 1 January 2022")
    assert serious_findings(page) == []
    page.context.close()


# --- the first session, and links to storage ------------------------------------------------------------------------------------


@pytest.fixture
def home(user: Visitor) -> Iterator[Path]:
    """The user's home on the nodes, without what the tests leave there."""
    place = Path(pwd.getpwnam(user.name).pw_dir)

    def clean() -> None:
        for name in ("go", "first", "work", "work_cin_staff", "work_cin_train", "scratch"):
            (place / name).unlink(missing_ok=True)
        shutil.rmtree(place / ".local" / "state" / "jupyterhub-resource-form" / "first-login", ignore_errors=True)
        (place / ".local" / "state" / "jupyterhub-resource-form" / "links.json").unlink(missing_ok=True)

    clean()
    yield place
    clean()


def setup_of(visitor: Visitor) -> dict[str, str] | None:
    """What is said of the set-up of the one session that runs."""
    sessions = visitor.api("GET", "resource-form/sessions").json()["sessions"]
    found: dict[str, str] | None = next(entry["setup"] for entry in sessions if entry["state"] == "running")
    return found


def test_what_is_run_once(site: Site, file: File, user: Visitor, home: Path) -> None:
    """T65: the first session is ready at once, its card says what goes on, and then no more; the next one runs nothing."""
    script = 'echo "from the first log-in"; until [ -e go ]; do sleep 0.1; done; echo "$RESOURCE_FORM_RELEASE$MINE" >> first'
    file.write(**{"2026.10": {"first_login": {"label": "Julia is being installed", "script": script}, "environment": {"MINE": "mine"}}})
    site.start({"release": "2026.10", "account": "cin_staff"}, user=user.name)
    try:
        wait_for(lambda: (setup_of(user) or {}).get("state") == "running", "the set-up to go on")
        # What the catalogue calls things is looked at every ten seconds.
        words = "Julia is being installed, in the background"
        wait_for(lambda: (setup_of(user) or {})["sentence"].startswith(words), "the label of a file that has just changed", 30)
        assert not (home / "first").exists()
        (home / "go").touch()
        wait_for(lambda: (setup_of(user) or {}).get("state") == "done", "the set-up to be done")
        assert (setup_of(user) or {})["sentence"] == ""
        assert (home / "first").read_text() == "mine\n"
        assert (home / "first").owner() == user.name
        job = site.job_of(user.name)["JobId"]
        assert "from the first log-in" in user.api("GET", f"resource-form/log?job={job}").text
    finally:
        site.stop(user=user.name)
    site.start({"release": "2026.10", "account": "cin_staff"}, user=user.name)
    try:
        assert run_in_kernel(site, "print(open('first').read())", user=user.name)[0].strip() == "mine"
        assert setup_of(user) is None
    finally:
        site.stop(user=user.name)


def test_one_that_fails_breaks_nothing(site: Site, file: File, user: Visitor, home: Path) -> None:
    """T65: the session is there, and the card says where to look."""
    file.write(**{"2026.10": {"first_login": {"script": "echo no room for it >&2; exit 3"}}})
    site.start({"release": "2026.10", "account": "cin_staff"}, user=user.name)
    try:
        wait_for(lambda: (setup_of(user) or {}).get("state") == "failed", "the set-up to have failed")
        assert "the log of the session says why" in (setup_of(user) or {})["sentence"]
        assert run_in_kernel(site, "print(6 * 7)", user=user.name)[0].strip() == "42"
        assert not (home / "first").exists()
    finally:
        site.stop(user=user.name)


def test_links_to_storage(site: Site, file: File, user: Visitor, home: Path, tmp_path: Path) -> None:
    """T35: links are made as the user where the area is, follow the account, and leave what is the user's own."""
    for account in ("cin_staff", "cin_train"):
        (tmp_path / account).mkdir(parents=True)
    for folder in (*tmp_path.parents, tmp_path):
        folder.chmod(folder.stat().st_mode | 0o755)
    file.write(**{"2026.10": {"environment": {"AREAS": str(tmp_path)}}})
    (home / "scratch").write_text("a file of the user's")
    for account in ("cin_staff", "cin_train"):
        site.start({"release": "2026.10", "account": account}, user=user.name)
        try:
            for name in ("work", f"work_{account}"):
                assert str((home / name).readlink()) == f"{tmp_path}/{account}"
                assert (home / name).lstat().st_uid == pwd.getpwnam(user.name).pw_uid
            assert run_in_kernel(site, "import os; print(os.path.isdir('work'))", user=user.name)[0].strip() == "True"
        finally:
            site.stop(user=user.name)
    assert (home / "scratch").read_text() == "a file of the user's"
    assert str((home / "work_cin_staff").readlink()) == f"{tmp_path}/cin_staff"
