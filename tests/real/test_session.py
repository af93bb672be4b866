"""One session from the form to Stop, without a browser's engine: what Slurm was asked for, what the session sees, what is left."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site, memory_of, run_in_kernel, wait_for

SESSION_VARIABLES = (
    "SLURM_JOB_ID",
    "SLURMD_NODENAME",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "RESOURCE_FORM_RELEASE",
    "USER",
    "HOME",
)


def variables_of(site: Site, **where: str) -> dict[str, str | None]:
    """Environment variables as a kernel of the session has them."""
    printed, _ = run_in_kernel(
        site, f"import json, os; print(json.dumps({{n: os.environ.get(n) for n in {SESSION_VARIABLES!r}}}))", **where
    )
    found: dict[str, str | None] = json.loads(printed)
    return found


def test_the_job_is_exactly_what_the_form_asked_for(site: Site) -> None:
    """Account, reservation, partition, cores, memory, GPUs and time of the job are the form's; Stop gives all of it back."""
    user = site.visitor()
    idle = {"no free GPU": 0, "1 free GPU": 0, "2 free GPUs": 3}
    wait_for(lambda: user.form().table() == idle, "the table of an idle cluster", 15, every=0.5)
    answer = user.start(
        {
            "reservation": "s_tra_school",
            "account": "cin_train",
            "partition": "g100_int",
            "cores": "6",
            "memory": "24",
            "gpus": "2",
            "walltime": "90m",
            "release": "2025.10",
            "interface": "notebook",
        }
    )
    assert answer.status == 302, answer.alert
    wait_for(lambda: site.server(site.users[0]).get("ready"), "the session to be ready", 90)
    job = site.job_of()
    assert job["Account"] == "cin_train"
    assert job["Reservation"] == "s_tra_school"
    assert job["Partition"] == "g100_int"
    assert job["NumNodes"] == "1"
    assert job["NumTasks"] == "1"
    assert job["CPUs/Task"] == "6"
    assert memory_of(job) == "24G"
    assert "gpu:2" in job["TresPerNode"]
    assert job["TimeLimit"] == "01:30:00"
    assert job["Requeue"] == "0"
    assert job["BatchHost"] == "g004", "the reservation's only node"
    assert job["JobName"] == "jupyterhub"
    comment = job["Comment"].split(":")
    assert comment[:4] == ["jupyterhub", "jupyterhub", site.users[0], ""]
    assert re.fullmatch(r"[0-9a-f]{8}\.[0-9a-f]{16}(\.[0-9a-f]{32}){3}", comment[4]), "the nonce of this start"
    seen = variables_of(site)
    assert seen["SLURM_JOB_ID"] == job["JobId"]
    assert seen["SLURMD_NODENAME"] == "g004"
    assert seen["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert seen["OMP_NUM_THREADS"] == "6"
    assert seen["RESOURCE_FORM_RELEASE"] == "2025.10"
    assert seen["USER"] == site.users[0]
    site.stop()
    assert site.cluster.active_jobs() == []
    page = user.form()
    assert page.table() == {**idle, "2 free GPUs": 1}, "the form opens with the last choices, and one node is reserved for them"
    kept = {name: page.values()[name] for name in ("reservation", "account", "cores", "memory", "gpus", "release", "interface")}
    assert kept == {
        "reservation": "s_tra_school",
        "account": "cin_train",
        "cores": "6",
        "memory": "24",
        "gpus": "2",
        "release": "2025.10",
        "interface": "notebook",
    }


def test_start_with_nothing_touched(site: Site) -> None:
    """The form's values are valid as they stand: Start at once gives a session without GPUs, and none is visible in it."""
    user = site.visitor(site.users[-1] if len(site.users) == 1 else site.users[1])
    assert user.start().status == 302
    wait_for(lambda: site.server(user.name).get("ready"), "the session to be ready", 90)
    job = site.job_of(user.name)
    assert "gpu" not in job.get("TresPerNode", "")
    seen = variables_of(site, user=user.name)
    assert seen["CUDA_VISIBLE_DEVICES"] == ""
    assert seen["OMP_NUM_THREADS"] == "1"
    home = Path(str(seen["HOME"]))
    log = home / ".local/state/jupyterhub-resource-form" / f"{job['JobId']}.log"
    assert log.stat().st_mode & 0o077 == 0, "the session's log is its owner's alone"


def test_releases_differ(site: Site) -> None:
    """A release chooses what runs: the two of the demo have different versions of JupyterLab."""
    versions = {}
    for release in ("2026.10", "2025.10"):
        site.start({"release": release})
        printed, _ = run_in_kernel(site, "import jupyterlab; print(jupyterlab.__version__)")
        versions[release] = printed.strip()
        site.stop()
    assert versions["2026.10"].startswith("4.6.")
    assert versions["2025.10"].startswith("4.4.")


@pytest.mark.parametrize(("interface", "path"), [("lab", "/lab"), ("notebook", "/tree"), ("terminal", "/terminals/1")])
def test_interface_is_where_the_user_lands(site: Site, interface: str, path: str) -> None:
    """The interface decides which page of the server opens."""
    site.start({"interface": interface})
    base = f"{site.hub.url}user/{site.users[0]}"
    answer = requests.get(f"{base}/", headers={"Authorization": f"token {site.token}"}, timeout=60)
    assert answer.status_code == 200
    assert answer.url.split("?")[0] == f"{base}{path}"


def test_two_users_at_once(site: Site) -> None:
    """Two users have sessions at the same time; each is offered, and can use, only their own accounts."""
    needs_users(site.users, 2)
    first, second = site.visitor(site.users[0]), site.visitor(site.users[1])
    first_form, second_form = first.form(), second.form()
    assert first_form.choices("account") == ["cin_staff", "cin_train"]
    assert second_form.choices("account") == ["cin_train"]
    assert first_form.values()["account"] == "cin_staff", "the default account is preselected"
    assert first_form.choices("reservation") == ["", "s_tra_school"]
    assert second_form.choices("reservation") == [""]
    assert first.start({"gpus": "1"}, page=first_form).status == 302
    assert second.start({"gpus": "1"}, page=second_form).status == 302
    for visitor in (first, second):
        wait_for(lambda name=visitor.name: site.server(name).get("ready"), f"the session of {visitor.name}", 90)
    assert site.job_of(first.name)["Account"] == "cin_staff"
    assert site.job_of(second.name)["Account"] == "cin_train"
    assert variables_of(site, user=first.name)["USER"] == first.name
    assert variables_of(site, user=second.name)["USER"] == second.name
    foreign = second.get(f"user/{first.name}/lab")
    assert foreign.status in (403, 404)


def test_coming_back_finds_the_same_session(site: Site) -> None:
    """Leaving stops nothing: another log-in leads to the same job and the same kernel, without a form and without a second job."""
    site.start()
    job = site.job_of()["JobId"]
    _, kernel = run_in_kernel(site, "kept = 42")
    again = site.visitor()
    page = again.get("hub/spawn")
    assert f"/user/{site.users[0]}/" in page.url
    assert not page.soup.select("#spawn_form")
    printed, _ = run_in_kernel(site, "print(kept)", kernel=kernel)
    assert printed.strip() == "42"
    assert site.job_of()["JobId"] == job


def test_two_presses_of_start_are_one_job(site: Site) -> None:
    """Start in two tabs at the same moment makes one session."""
    user = site.visitor()
    tabs = [user.form(), user.form()]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda page: user.start(page=page), tabs))
    assert 302 in [answer.status for answer in answers]
    wait_for(lambda: site.server(user.name).get("ready"), "the session to be ready", 90)
    assert len(site.cluster.active_jobs()) == 1


def test_named_server_beside_the_default_one(site: Site) -> None:
    """Each server of a user is a job of its own; stopping one leaves the other alone."""
    site.start()
    site.start({"cores": 2}, server="second")
    jobs = {site.cluster.job(number)["JobName"]: number for number in site.cluster.active_jobs()}
    assert set(jobs) == {"jupyterhub", "jupyterhub-second"}
    site.stop(server="second")
    assert site.cluster.active_jobs() == [jobs["jupyterhub"]]


def test_environment_variables_arrive_byte_for_byte(site: Site) -> None:
    """A value with commas, quotes, a dollar and a line break reaches the kernel as it was given."""
    value = 'a,b "c" $HOME `id` $(id)\n\\ end='
    site.start({"environment": {"MY_VALUE": value}})
    printed, _ = run_in_kernel(site, "import json, os; print(json.dumps(os.environ['MY_VALUE']))")
    assert json.loads(printed) == value


def test_a_session_that_ends_by_itself_is_noticed(site: Site) -> None:
    """A job that an admin cancels is gone from the Hub, and its route with it."""
    site.start()
    site.cluster.run("scancel", site.job_of()["JobId"])
    wait_for(lambda: not site.server(site.users[0]).get("ready"), "the Hub to notice", 90, every=1)
    user = site.visitor()
    assert "/hub/" in user.get(f"user/{site.users[0]}/lab").url
    assert "Your last session ended" in user.form().text
    assert "The job was cancelled." in user.form().text


def test_the_running_session_outlives_a_restart_of_the_hub(site: Site) -> None:
    """The Hub comes back and finds the session as it was: same job, same kernel."""
    site.start()
    job = site.job_of()["JobId"]
    _, kernel = run_in_kernel(site, "kept = 'still here'")
    site.hub.restart()
    assert site.server(site.users[0]).get("ready")
    printed, _ = run_in_kernel(site, "print(kept)", kernel=kernel)
    assert printed.strip() == "still here"
    assert site.job_of()["JobId"] == job
    site.stop()
    assert site.cluster.active_jobs() == []


@pytest.mark.parametrize("server", ["", "second"])
def test_the_token_ends_with_the_session(site: Site, server: str) -> None:
    """The session's token is worth nothing after Stop, also where the Hub was restarted in between; one the user has made is kept."""
    site.start(server=server)
    token = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", server=server)[0].strip()
    answer = site.visitor().api("POST", f"users/{site.users[0]}/tokens", json={"note": "mine"})
    assert answer.status_code == 201, answer.text
    own = answer.json()["token"]
    assert site.hub.api("GET", "/user", token)[0] == 200
    site.hub.restart(kill=True)
    wait_for(lambda: site.server(site.users[0], server).get("ready"), "the session to be ready again", 60)
    assert site.hub.api("GET", "/user", token)[0] == 200
    site.stop(server=server)
    assert site.hub.api("GET", "/user", token)[0] in (401, 403)
    assert site.hub.api("GET", "/user", own)[0] == 200
