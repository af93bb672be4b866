"""``POST /hub/api/resource-form/check`` against the real cluster: what it says is what Slurm then does, and it submits nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.real_hub import needs_users
from tests.support.site_under_test import Site, Visitor, wait_for

ASKED = {"account": "cin_staff", "partition": "g100_int", "cores": 4, "memory": "32G", "gpus": "v100:1", "walltime": "2h"}


def check(user: Visitor, request: Mapping[str, Any], query: str = "") -> dict[str, Any]:
    """What the Hub says of a request of this user's."""
    answer = user.api("POST", f"resource-form/check?{query}", json=dict(request))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def take_gpus(site: Site, node: str, number: int) -> None:
    """Somebody's job takes GPUs of a node."""
    job = site.cluster.submit(
        f"--nodelist={node}", f"--gres=gpu:{number}", "--mem=1G", "--account=cin_train", "--partition=g100_int", user=site.users[0]
    )
    site.cluster.wait_for_job_state(job, "RUNNING")


@pytest.fixture
def one_gpu_free_on_each(site: Site) -> Site:
    """On the three nodes that are not reserved, one of the two GPUs is taken."""
    for node in ("g001", "g002", "g003"):
        take_gpus(site, node, 1)
    return site


def test_a_request_that_can_start(site: Site) -> None:
    """The contract's keys; the price of the founding document's example; nothing is submitted."""
    found = check(site.visitor(), ASKED)
    wanted = ["ok", "errors", "verdict", "sentence", "nodes_that_fit", "estimate", "alternatives", "cost", "script"]
    assert [key for key in wanted if key not in found] == []
    assert (found["ok"], found["errors"], found["verdict"]) == (True, {}, "now")
    assert found["sentence"].startswith("Starts now: 3 nodes have all of it free")
    assert (found["nodes_that_fit"], found["alternatives"]) == (3, [])
    assert (found["cost"]["per_hour"], found["cost"]["total"], found["cost"]["exact"]) == (28, 56, True)
    assert found["review"] == "1 × V100, 4 cores, 32 GB for 2 h on g100_int as cin_staff: 28 units an hour; starts now."
    assert site.cluster.active_jobs() == []


def test_three_nodes_with_one_free_gpu_each_are_not_two_gpus(one_gpu_free_on_each: Site) -> None:
    """Two GPUs have to wait, and one press asks for what starts: Slurm agrees on both."""
    site, user = one_gpu_free_on_each, one_gpu_free_on_each.visitor()
    two = {**ASKED, "gpus": "2"}
    found = wait_for(lambda: (answer := check(user, two))["verdict"] == "wait" and answer, "the Hub to know of the jobs", 60)
    assert found["sentence"] == "Will wait: no node has 2 free GPUs; 3 have one."
    assert (found["ok"], found["nodes_that_fit"]) == (True, 0)
    by_change = {tuple(entry["change"].items()): entry["sentence"] for entry in found["alternatives"]}
    assert by_change[("gpus", "1"),] == "1 GPU instead of 2: starts now."
    assert by_change[("reservation", "s_tra_school"),] == "In reservation s_tra_school: starts now."
    site.start({**two, "gpus": "1"})


def test_a_request_that_never_can(site: Site) -> None:
    """Refused by name, with what would start; nothing that was not understood is moved."""
    found = check(site.visitor(), {**ASKED, "gpus": "3", "memory": "a lot"})
    assert (found["ok"], found["verdict"], sorted(found["errors"])) == (False, "never", ["gpus", "memory"])
    assert "a lot" in found["errors"]["memory"]
    assert found["script"] == ""
    assert [entry["change"]["gpus"] for entry in found["alternatives"]][:1] == ["2"]


def test_fields_follow_the_one_that_was_changed(site: Site) -> None:
    """A partition without GPUs takes them off and says so; what still goes stays; the ranges are those of the new partition."""
    user = site.visitor()
    found = check(user, {**ASKED, "partition": "g100_cpu"}, "changed=partition")
    assert (found["ok"], sorted(found["moved"])) == (True, ["gpus"])
    assert found["moved"]["gpus"]["value"] == "0"
    assert "GPU configuration is now no GPU instead of 1 × V100" in found["moved"]["gpus"]["sentence"]
    assert found["fields"]["gpus"]["values"] == ["0"]
    assert found["fields"]["walltime"]["range"] == "At most 1 day."
    back = check(user, {**ASKED, "partition": "g100_int", "walltime": "20h"}, "changed=partition")
    assert back["moved"]["walltime"]["value"] == "08:00:00"
    typed = check(user, {**ASKED, "cores": 99}, "changed=cores")
    assert (typed["moved"], list(typed["errors"])) == ({}, ["cores"])


def test_the_script_is_what_is_submitted(site: Site) -> None:
    """Byte for byte, and the command but for the number used once; the environment without its secrets."""
    user, options = site.visitor(), {**ASKED, "environment": {"MY_TOKEN": "abc-secret-def", "COLOUR": "blue"}}
    shown = check(user, options)
    site.start(options)
    job = int(site.job_of()["JobId"])
    written = site.cluster.run("scontrol", "write", "batch_script", str(job), "-", user=site.users[0]).stdout
    assert shown["script"].rstrip("\n") == written.rstrip("\n")
    line = submit_line(site, job)
    submitted, command = line.split()[1:], shown["command"].split()[1:]
    assert [text for text in submitted if not text.startswith("--comment=")] == [text for text in command if "--comment=" not in text]
    assert len(submitted) == len(command)
    assert shown["environment"]["RESOURCE_FORM_SET_COLOUR"] == "blue"
    assert shown["environment"]["JUPYTERHUB_API_TOKEN"] == "••••••••"
    assert "abc-secret-def" not in f"{shown['environment']} {shown['script']} {shown['command']}"


def submit_line(site: Site, job: int) -> str:
    """The command line of a job, as scontrol shows it from 25.11 on, and as slurmdbd keeps it before."""
    shown = re.search(r"^ *SubmitLine=(.+)$", site.cluster.run("scontrol", "show", "job", str(job)).stdout, re.MULTILINE)
    if shown is not None:
        return shown[1]
    sacct = ("sacct", "-j", str(job), "--noheader", "--allocations", "--parsable2", "--format=SubmitLine")
    return wait_for(lambda: site.cluster.run(*sacct, user=site.users[0]).stdout.strip(), "slurmdbd to know the job")


def test_when(site: Site) -> None:
    """Slurm's own estimate, on demand only; an estimate is no job."""
    user = site.visitor()
    assert check(user, ASKED)["estimate"] is None
    found = check(user, ASKED, "when=1&script=0")
    assert found["estimate"]
    assert "Slurm's estimate" in found["estimate_sentence"]
    assert found["script"] == ""
    assert site.cluster.active_jobs() == []


def test_whose_request(site: Site) -> None:
    """Nobody is asked to log in; another's user name is no user, unless the caller may start their servers."""
    needs_users(site.users, 2)
    ada, grace = site.users[:2]
    assert site.hub.api("POST", "/resource-form/check", "no-such-token", {})[0] == 403
    visitor = site.visitor(grace)
    assert visitor.api("POST", f"resource-form/check?user={ada}", json=ASKED).status_code == 404
    assert visitor.api("POST", "resource-form/check?user=no-such-user", json=ASKED).status_code == 404
    status, found = site.call("POST", f"/resource-form/check?user={ada}", ASKED)
    assert (status, found["ok"]) == (200, True)
    assert check(visitor, ASKED)["errors"] == {
        "account": "Slurm account: “cin_staff” is not one of your accounts. Choose one of: cin_train."
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("[]", 400, id="a-list"),
        pytest.param('"text"', 400, id="text"),
        pytest.param("{", 400, id="no-json"),
        pytest.param('{"cores": ' + "9" * 5000 + "}", 400, id="a-number-of-5000-digits"),
        pytest.param('{"memory": "' + "9" * 10_000 + 'G"}', 200, id="ten-kilobytes-of-digits"),
        pytest.param('{"partition": "a\\u0000b", "account": "--x", "cores": null}', 200, id="nul-dash-null"),
        pytest.param('{"nonsense": {"deep": [1, 2]}}', 200, id="unknown-key"),
        pytest.param('{"walltime": "' + "x" * 1_100_000 + '"}', 413, id="a-megabyte"),
    ],
)
def test_hostile_bodies(site: Site, body: str, status: int) -> None:
    """Whatever is sent: a sentence, never an error of the Hub's."""
    answer = site.visitor().api("POST", "resource-form/check", data=body.encode())
    assert answer.status_code == status, answer.text[:500]
    if status == 200:
        assert answer.json()["ok"] is False
        assert answer.json()["errors"]


def test_a_foreign_page_cannot_ask(site: Site) -> None:
    """Without the Hub's form token a cookie is not enough: a question costs Slurm something."""
    visitor = site.visitor()
    answer = visitor.session.post(f"{site.hub.url}hub/api/resource-form/check", json=ASKED, timeout=30)
    assert answer.status_code == 403
