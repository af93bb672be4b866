"""Users whose names are no plain words, or who have several: form, start, list, log and Stop, on a real Hub and Slurm."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from private_slurm.cluster import PrivateCluster
from private_slurm.packages import changing_the_system
from private_slurm.spec import demo_spec
from private_slurm.users import user_exists

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, run_in_kernel, wait_for
from tests.support.terminal import Terminal

NAMES = ("user@campus.it", "Mixed.Case-X", "h2-jürgen", "a+b")
ALIAS, OF = "grace.hopper", "demo-grace"
"""Two names for one uid: the system, and so Slurm, gives the second."""

NO_PLAIN_NAMES = """
from jupyterhub.authenticators.shared import SharedPasswordAuthenticator

class AsTyped(SharedPasswordAuthenticator):
    def normalize_username(self, username):
        return username

c.JupyterHub.authenticator_class = AsTyped
c.SlurmCluster.jobs_interval = 2
c.Spawner.poll_interval = 3
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: makes users of such names")


@pytest.fixture(scope="module")
def odd_users(users: tuple[str, ...]) -> tuple[str, ...]:
    """Users of these names, made where they are missing, and a second name for one of the others; they stay, as the others do."""
    assert OF in users
    with changing_the_system():
        for name in NAMES:
            if not user_exists(name):
                subprocess.run(["useradd", "--badname", "--create-home", "--shell", "/bin/bash", name], check=True)
        if not user_exists(ALIAS):
            known = pwd.getpwnam(OF)
            ids = ["--non-unique", "--uid", str(known.pw_uid), "--gid", str(known.pw_gid)]
            subprocess.run(["useradd", "--badname", *ids, "--home-dir", known.pw_dir, "--shell", "/bin/bash", ALIAS], check=True)
    assert pwd.getpwuid(pwd.getpwnam(ALIAS).pw_uid).pw_name == OF
    return (*NAMES, ALIAS)


@pytest.fixture(scope="module")
def running_site(environments: Environments, odd_users: tuple[str, ...]) -> Iterator[Site]:
    """A cluster whose accounts these users have, the one of two names by the name that the system gives."""
    demo = demo_spec((*NAMES, OF), name="names", slurm=environments.slurm)
    spec = replace(demo, slurmdbd_conf={"Parameters": "PreserveCaseUser"}, reservations=())
    with (
        PrivateCluster(spec, environments.folder / "slurm-names") as cluster,
        open_site("hub-names", environments, cluster, (), NO_PLAIN_NAMES + f"c.Authenticator.allowed_users = {set(odd_users)!r}\n") as site,
    ):
        for name in odd_users:
            status, answer = site.call("POST", f"/users/{in_address(name)}")
            assert status in (201, 409), answer
        yield site


def in_address(name: str) -> str:
    """The name as JupyterHub writes it into addresses."""
    return quote(name, safe="@~")


def of_system(name: str) -> str:
    """The name that the system gives for this user."""
    return OF if name == ALIAS else name


def jobs_of(site: Site, name: str) -> list[int]:
    """The jobs of the user that wait or run, by uid."""
    uid = pwd.getpwnam(name).pw_uid
    jobs = {number: site.cluster.job(number) for number in site.cluster.active_jobs()}
    return [number for number, job in jobs.items() if job["UserId"].endswith(f"({uid})") and job["JobState"] != "COMPLETING"]


@pytest.mark.parametrize("name", [*NAMES, ALIAS])
def test_a_session(site: Site, name: str) -> None:
    """From the form to Stop."""
    visitor, path = site.visitor(name), in_address(name)
    page = visitor.form()
    assert "cin_t" in "".join(page.choices("account")) or "cin_s" in "".join(page.choices("account")), page.text
    assert visitor.start({"gpus": "0"}, page=page).status == 302
    wait_for(lambda: site.server(path).get("ready"), f"the session of {name} to be ready\n{site.logs()}", 90)
    (job,) = jobs_of(site, name)
    assert run_in_kernel(site, "import os; print(os.environ['USER'], os.getuid())", user=path)[0].split() == [
        of_system(name),
        str(pwd.getpwnam(name).pw_uid),
    ]
    listed = visitor.api("GET", "resource-form/sessions").json()["sessions"]
    assert [(entry["state"], entry["job_id"]) for entry in listed if entry["state"] != "ended"] == [("running", job)]
    log = visitor.api("GET", f"resource-form/log?job={job}")
    assert log.status_code == 200
    assert "the server listens on port" in log.text
    site.stop(user=path)
    assert jobs_of(site, name) == []
    assert visitor.api("GET", "resource-form/sessions").json()["sessions"][0]["slurm_state"] == "STOPPED"


def test_from_a_terminal(site: Site, tmp_path: Path) -> None:
    """A name with an @ in it: launched, listed, led to, its log read, stopped."""
    name = NAMES[0]
    terminal = Terminal.of(site, tmp_path, name)
    launched = terminal.run("launch", "-g", "0", "-c", "1", "-N", "mine", "--quiet")
    assert (launched.returncode, launched.stderr) == (0, "")
    address = launched.stdout.split()[-1]
    assert address == f"{site.hub.url}user/{in_address(name)}/mine/"
    (job,) = jobs_of(site, name)
    assert terminal.run("list").stdout.splitlines()[1].split()[:3] == ["mine", "Running", str(job)]
    forward = terminal.run("forward", "8000", "mine", "--login-host", "login.example.org").stdout.splitlines()
    assert forward[0].endswith(f" {name}@login.example.org")
    assert forward[1] == f"{address}proxy/8000/"
    assert "the server listens on port" in terminal.run("logs", "mine", "-a").stdout
    assert terminal.run("why", "mine").returncode == 0
    assert terminal.run("stop", "mine").returncode == 0
    assert jobs_of(site, name) == []


@pytest.mark.parametrize("name", [NAMES[0], ALIAS])
def test_a_session_is_kept_by_the_next_hub(site: Site, name: str) -> None:
    """Killed or restarted, the Hub knows it again; Stop ends it."""
    path = in_address(name)
    site.start({"gpus": 0}, user=path)
    (job,) = jobs_of(site, name)
    site.hub.restart(kill=True)
    wait_for(lambda: site.server(path).get("ready"), f"the session of {name} to be ready\n{site.logs()}", 60)
    looks = site.hub.log().count("is no longer known")
    site.start({"gpus": 0}, user=in_address(NAMES[2]))
    assert (jobs_of(site, name), site.hub.log().count("is no longer known")) == ([job], looks)
    site.stop(user=path)
    assert jobs_of(site, name) == []


def test_a_user_of_the_hub_is_renamed(site: Site) -> None:
    """The session goes on as the same job, also for the next Hub, and Stop ends it: whose it is says the record."""
    before, after = NAMES[3], "renamed"
    site.start({"gpus": 0}, user=in_address(before))
    (job,) = jobs_of(site, before)
    status, answer = site.call("PATCH", f"/users/{in_address(before)}", {"name": after})
    assert status == 200, answer
    try:
        site.hub.restart()
        assert jobs_of(site, before) == [job]
        status, answer = site.call("DELETE", f"/users/{after}/server")
        assert status in (202, 204), answer
        wait_for(lambda: not jobs_of(site, before), f"the job to be gone\n{site.logs()}", 60)
        wait_for(lambda: not site.server(after), "the server to be gone", 60)
    finally:
        site.call("PATCH", f"/users/{after}", {"name": before})
