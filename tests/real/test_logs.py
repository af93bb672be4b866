"""The Hub's log as lines of JSON: one line for each event of a session's life, and what the page of a failure calls it by (T12)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from private_slurm.cluster import PrivateCluster

from tests.support.real_hub import Environments, open_site
from tests.support.site_under_test import Site, wait_for

MORE = """
spawner.configure(c, json_log=True)
c.Spawner.poll_interval = 1
c.SlurmCluster.jobs_interval = 1
"""
SMALL = {"gpus": 0, "cores": 1, "memory": "2G", "walltime": "30m", "partition": "g100_cpu"}


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose log is JSON, and which looks at its sessions every second."""
    with open_site("hub-logs", environments, cluster, users, MORE) as site:
        yield site


def lines(site: Site) -> list[dict[str, Any]]:
    """The Hub's own lines; the proxy's are not its."""
    return [json.loads(line) for line in site.hub.log().splitlines() if line.startswith("{")]


def events(site: Site, server: str) -> list[dict[str, Any]]:
    """The events of the sessions of a named server of the first user's."""
    return [line for line in lines(site) if "event" in line and (line["user"], line.get("server", "")) == (site.users[0], server)]


def looks(site: Site) -> float:
    """How often the Hub has asked Slurm about jobs so far."""
    answer = requests.get(f"{site.hub.url}hub/metrics", timeout=30)
    found = [
        line for line in answer.text.splitlines() if line.startswith("jupyterhub_resource_form_commands_total{") and '"squeue"' in line
    ]
    return sum(float(line.rpartition(" ")[2]) for line in found)


def test_a_session_from_start_to_stop(site: Site) -> None:
    """Each step is one line with user, server, job and reference; a session that runs says nothing, however often it is looked at."""
    site.start(SMALL, server="life")
    job = int(site.job_of()["JobId"])
    known = len(events(site, "life"))
    before = looks(site)
    wait_for(lambda: looks(site) >= before + 3, "three more looks at the jobs")
    assert len(events(site, "life")) == known
    site.stop(server="life")
    found = events(site, "life")
    names = [line["event"] for line in found if line["event"] != "stage"]
    assert names == ["submitted", "ready", "stopping", "cancelled", "ended"], found
    stages = [line["stage"] for line in found if line["event"] == "stage"]
    assert stages, found
    assert len(stages) == len(set(stages)), stages
    assert {line["job_id"] for line in found} == {job}
    assert len({line["reference"] for line in found}) == 1
    submitted, ready, end = found[0], next(line for line in found if line["event"] == "ready"), found[-1]
    assert submitted["text"].startswith("no GPU, 1 core, 2 GB, 30 min on g100_cpu")
    assert ready["node"].startswith("c"), ready
    assert (end["category"], end["state"], end["text"]) == ("stopped", "STOPPED", "The session was stopped from JupyterHub.")
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines(site))
    session = next(entry for entry in site.visitor().api("GET", "resource-form/sessions").json()["sessions"] if entry["name"] == "life")
    assert session["reference"] == end["reference"]


def test_a_mistake_of_the_users(site: Site) -> None:
    """It is one warning with what the user read, and needs no reference."""
    page = site.visitor().start({**{name: str(value) for name, value in SMALL.items()}, "cores": "4000"}, server="wrong")
    assert page.status == 400
    (line,) = [line for line in lines(site) if line["level"] == "WARNING" and "4000" in line["message"]]
    assert (line["event"], line["category"], line["level"]) == ("refused", "request", "WARNING")
    assert line["text"] in page.alert
    assert line["reference"] not in page.text


def test_a_start_that_fails(site: Site) -> None:
    """Its page, its entry in the list and the log call it by the same reference, and the log has the sentence of the page."""
    site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=DOWN")
    try:
        site.call("POST", f"/users/{site.users[0]}/servers/lost", SMALL)
        wait_for(lambda: [line for line in events(site, "lost") if line.get("stage") == "queue"], f"it to wait\n{site.logs()}")
        site.cluster.run("scancel", str(events(site, "lost")[0]["job_id"]))
        (end,) = wait_for(lambda: [line for line in events(site, "lost") if line["event"] == "ended"], f"its end\n{site.logs()}")
    finally:
        site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=UP")
    visitor = site.visitor()
    assert f"Reference: {end['reference']}" in visitor.get(f"hub/user/{visitor.name}/lost/").text
    assert end["category"] in ("cancelled", "never_started")
    (session,) = [entry for entry in visitor.api("GET", "resource-form/sessions").json()["sessions"] if entry["name"] == "lost"]
    assert (session["reference"], session["kind"]) == (end["reference"], "others")
    assert session["sentence"] in [line.get("text", "")[: len(session["sentence"])] for line in events(site, "lost")]


def test_what_slurm_refuses(site: Site) -> None:
    """The answer of a start without a job has the reference of its line."""
    site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=INACTIVE")
    try:
        status, answer = site.call("POST", f"/users/{site.users[0]}/servers/no", {**SMALL, "partition": "g100_cpu"})
    finally:
        site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=UP")
    assert status >= 400, answer
    (line,) = events(site, "no")
    assert line["event"] in ("refused", "failed")
    assert (f"Reference: {line['reference']}" in answer["message"]) is (line["category"] != "request")
