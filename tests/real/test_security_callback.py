"""The address that a job calls: with plain batchspawner a job makes the Hub run commands; with us only a port comes through."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.demo_setup import SERVICE_SCOPES
from private_slurm.hub import PrivateHub, service_config, shared_password_config
from private_slurm.releases import DEMO_RELEASES, JUPYTERHUB_VERSION, catalogue_text
from private_slurm.users import current_user

from tests.support.attacks import (
    CALLBACK_PROGRAM,
    WEAK_TOKEN,
    Witness,
    json_text,
    lines_with,
    nothing_submitted,
    only_reads,
    own_token,
    watched,
)
from tests.support.real_hub import Environments, bin_dir_of, needs_users, running
from tests.support.site_under_test import PASSWORD, Site, run_in_kernel, wait_for

PORTS = range(2000, 61000)

COMMANDS = ("exec_prefix", "batch_query_cmd", "batch_cancel_cmd", "batch_submit_cmd")
"""Attributes of batchspawner's that the Hub hands to a shell."""


@pytest.fixture(scope="module")
def arsenal(environments: Environments) -> Path:
    """A folder that jobs can read, with the program that they run and a place for what it found."""
    folder = environments.folder / "attack"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "program.py").write_text(CALLBACK_PROGRAM)
    server = environments.installed / "releases" / DEMO_RELEASES[0].tag / "bin" / "jupyterhub-singleuser"
    instead = folder / "bin" / "jupyterhub-singleuser"
    instead.write_text(f'#!/bin/sh\nexec /usr/bin/python3 -I {folder / "program.py"} {server} "$@"\n')
    instead.chmod(0o755)
    (folder / "results").mkdir()
    (folder / "results").chmod(0o1777)
    (folder / "marks").mkdir(mode=0o700)
    return folder


@contextmanager
def hub_with(name: str, spawner: str, environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub whose configuration says of the spawner what ``spawner`` says, and not a word more."""
    folder = environments.folder / name
    shutil.rmtree(folder, ignore_errors=True)
    token = secrets.token_hex(16)
    config = shared_password_config(list(users), PASSWORD) + service_config("tests", token, SERVICE_SCOPES) + spawner
    hub = PrivateHub(folder, bin_dir=environments.hub, proxy=environments.proxy, config=config)
    with running(hub, cluster, users, token) as site:
        yield site


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], arsenal: Path) -> Iterator[Site]:
    """A Hub whose configuration imports batchspawner's handler itself and names our spawner by its entry point only."""
    catalogue = arsenal / "releases.yaml"
    attacking = f'  - {{tag: "attack", label: "Attack", date: "2020-01-01", path: "{arsenal / "bin"}", interfaces: ["lab"]}}\n'
    catalogue.write_text(catalogue_text(DEMO_RELEASES, environments.installed / "releases") + attacking)
    spawner = f"""
import batchspawner
import batchspawner.api

c.JupyterHub.spawner_class = "resource-form"
c.JupyterHub.allow_named_servers = True
c.SlurmCluster.slurm_conf = {str(cluster.slurm_conf)!r}
c.SlurmCluster.bin_dir = {bin_dir_of(cluster)!r}
c.ResourceFormSpawner.catalogue_file = {str(catalogue)!r}
c.ResourceFormSpawner.port_range = "{PORTS[0]}-{PORTS[-1]}"
"""
    spawner += watched(environments.folder / "hub-callback")
    with hub_with("hub-callback", spawner, environments, cluster, users) as site:
        yield site


def plain_hub(arsenal: Path, cluster: PrivateCluster, user: str) -> str:
    """Configuration text for batchspawner's own spawner on the cluster; its jobs send what the file plain.json lists."""
    become = "" if user == current_user() else "setpriv --reuid={username} --regid={username} --init-groups "
    script = f"""#!/bin/bash
#SBATCH --output=/dev/null
#SBATCH --chdir=/tmp
export ATTACK_BODIES={arsenal / "plain.json"} ATTACK_RESULTS={arsenal / "results" / "plain.json"}
exec /usr/bin/python3 -I {arsenal / "program.py"} /bin/true
"""
    return f"""
import batchspawner

c.JupyterHub.spawner_class = "batchspawner.SlurmSpawner"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}
c.SlurmSpawner.exec_prefix = {f"{become}env SLURM_CONF={cluster.slurm_conf}"!r}
c.SlurmSpawner.batch_submit_cmd = "{cluster.bin_dir}/sbatch --parsable"
c.SlurmSpawner.batch_query_cmd = "{cluster.bin_dir}/squeue -h -j {{job_id}} -o '%T %B'"
c.SlurmSpawner.batch_cancel_cmd = "{cluster.bin_dir}/scancel {{job_id}}"
c.SlurmSpawner.batch_script = {script!r}
"""


def exploit(arsenal: Path, cluster: PrivateCluster, users: tuple[str, ...], environments: Environments) -> tuple[int, dict[str, int]]:
    """Let a job of batchspawner's own spawner set three commands of the Hub's: the status it got, and who ran which of them."""
    marks, results = arsenal / "marks", arsenal / "results" / "plain.json"
    for path in (results, *marks.iterdir()):
        path.unlink(missing_ok=True)
    sent = {
        "exec_prefix": f"touch {marks}/exec_prefix;",
        "batch_query_cmd": f"touch {marks}/batch_query_cmd; test -e {marks}/batch_cancel_cmd || echo RUNNING here",
        "batch_cancel_cmd": f"touch {marks}/batch_cancel_cmd",
    }
    (arsenal / "plain.json").write_text(json.dumps([["POST", "/batchspawner", json.dumps(sent)]]))
    with hub_with("hub-plain", plain_hub(arsenal, cluster, users[0]), environments, cluster, users) as site:
        status, answer = site.call("POST", f"/users/{users[0]}/server", {})
        assert status == 202, answer
        wait_for(results.exists, f"the job to have its answer\n{site.logs()}", 30)
        status = json.loads(results.read_text())[0][0]
        # To stop it, the Hub asks for the job's state and cancels it, with the commands that it has by now.
        site.call("DELETE", f"/users/{users[0]}/server")
        wait_for(lambda: not site.server(users[0]), f"the Hub to let go of the session\n{site.logs()}", 60)
    ran = {path.name: path.stat().st_uid for path in marks.iterdir()}
    for path in marks.iterdir():
        path.unlink()
    return status, ran


def test_plain_batchspawner_runs_what_a_job_sends(
    environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], arsenal: Path
) -> None:
    """The control: batchspawner's own handler lets a job set what the Hub runs in a shell, and the Hub's user does as the job says."""
    bin_dir = packages.ensure_venv(environments.installed / "batchspawner", [f"jupyterhub=={JUPYTERHUB_VERSION}", "batchspawner==1.3.*"])
    status, ran = exploit(arsenal, cluster, users, replace(environments, hub=bin_dir))
    assert status == 200, "batchspawner says that all is well"
    assert ran == dict.fromkeys(("exec_prefix", "batch_query_cmd", "batch_cancel_cmd"), os.geteuid()), "the Hub's user ran them"


def test_our_package_beside_batchspawner_is_enough(
    environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], arsenal: Path
) -> None:
    """The same Hub, the same job, and our package installed but not even named in the configuration: refused, and nothing runs."""
    status, ran = exploit(arsenal, cluster, users, environments)
    assert 400 <= status < 500
    assert ran == {}


def hostile_calls(marks: Path) -> list[tuple[str, str, str | None]]:
    """Method, path and body of what a job might send: each must be refused, at a time when a proper report would be taken."""
    run = f"touch {marks}/ran;"
    bodies: list[object] = [{name: run} for name in COMMANDS]
    bodies += [{"port": 8888, name: run} for name in COMMANDS]
    bodies += [
        {"port": 8888, "ip": "169.254.169.254"},
        {"port": 8888, "cmd": ["sh", "-c", run]},
        {"user_options": {"cores": 48}},
        {"sbatch_options": ["--uid=0"]},
        {"port_range": "1-1"},
        {"hub_name": "another"},
        {"template_paths": [str(marks)]},
        {"session": None},
        {"record": {"job_id": 1}},
        {"_member": None},
        {"_token_digest": "0" * 64},
        {"api_token": "x"},
        {"admin_access": True},
        {"__class__": "object"},
        {"log": None},
        {"port": 8888, "port ": 1},
        {"PORT": 8888},
        {},
        [],
        ["port", 8888],
        [{"port": 8888}],
        8888,
        "8888",
        None,
        True,
    ]
    bodies += [{"port": port} for port in (0, -1, 65536, 2**64, 1.0, 8888.0, "8888", True, False, None, [8888], {"a": 1}, "", "8888;id")]
    bodies += [{"port": port} for port in (22, PORTS[0] - 1, PORTS[-1] + 1)]  # ports, but none of those that the admin allows
    raw = ["", "{", "port=8888", "{'port': 8888}", "\0", '{"port": NaN}', '{"port": 1e999}', '{"port": ' + "9" * 10_000 + "}"]
    raw += ["[" * 50_000, '{"port": 8888' + " " * 100, '{"port": 8888} {"port": 8889}', '{"port": 8888, "port": "x"}']
    calls: list[tuple[str, str, str | None]] = [("POST", "/batchspawner", json_text(body)) for body in bodies]
    calls += [("POST", "/batchspawner", text) for text in raw]
    calls += [(method, "/batchspawner", json_text({"port": 8888})) for method in ("PUT", "PATCH", "DELETE")]
    calls += [("GET", "/batchspawner", None), ("HEAD", "/batchspawner", None)]
    calls += [("POST", path, json_text({"exec_prefix": run})) for path in ("/batchspawner/", "//batchspawner", "/batchspawner/x")]
    return calls


def test_a_job_sets_nothing_but_its_port(site: Site, arsenal: Path) -> None:
    """The same exploit and all its relatives, sent by a job with its own token while the Hub waits for its port: refused and logged,
    nothing runs, and the proper report that follows is taken.
    """
    marks, results = arsenal / "marks", arsenal / "results" / "ours.json"
    calls = hostile_calls(marks)
    (arsenal / "ours.json").write_text(json.dumps(calls))
    mark, log = Witness.of(site).mark(), len(site.hub.log())
    variables = {"ATTACK_BODIES": str(arsenal / "ours.json"), "ATTACK_RESULTS": str(results)}
    site.start({"release": "attack", "environment": variables})
    job = site.job_of()
    answers = json.loads(results.read_text())
    assert len(answers) == len(calls)
    for call, (status, text) in zip(calls, answers, strict=True):
        assert 400 <= status < 500, (call, status, text)
        assert "Traceback" not in text
    written = site.hub.log()[log:]
    assert len(lines_with(written, "/hub/api", "batchspawner")) >= len(calls), "each is in the log, as a warning"
    assert "Traceback" not in written.replace("Couldn't parse JSON\n    Traceback", "")
    site.stop()
    assert site.cluster.job_state(int(job["JobId"])) == "CANCELLED"
    assert list(marks.iterdir()) == [], "nothing that was sent has run"
    changing = only_reads(Witness.of(site).commands(mark))
    assert [Path(words[1]).name for words in changing] == ["sbatch", "scancel"]
    assert all(words[0] == "subprocess.Popen" for words in changing), "no shell"


def test_whose_token_counts(site: Site) -> None:
    """Only the token of a session that waits for its port is heard: nobody's, a service's, a user's own, another session's, one of a
    session that runs already or is over, are all refused, and change nothing for anybody.
    """
    needs_users(site.users, 2)
    ada, grace = site.users[:2]
    for user in (ada, grace):
        site.start(user=user)
    urls = [site.server(user)["url"] for user in (ada, grace)]
    tokens = [run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", user=user)[0].strip() for user in (ada, grace)]
    log = len(site.hub.log())
    report = {"port": 54321}
    assert site.hub.api("POST", "/batchspawner", "", report)[0] == 403
    assert site.hub.api("POST", "/batchspawner", "0" * 32, report)[0] == 403
    assert site.hub.api("POST", "/batchspawner", WEAK_TOKEN, report)[0] == 404
    assert site.hub.api("POST", "/batchspawner", site.token, report)[0] == 404, "an admin's is no session's either"
    visitor = site.visitor(ada)
    assert site.hub.api("POST", "/batchspawner", own_token(visitor), report)[0] == 404
    assert visitor.api("POST", "batchspawner", json=report).status_code == 404, "a browser's cookie is no token"
    assert visitor.session.post(f"{site.hub.api_url}/batchspawner", json=report, timeout=30).status_code == 403
    for token in tokens:
        assert site.hub.api("POST", "/batchspawner", token, report)[0] == 409
    assert len(lines_with(site.hub.log()[log:], "/hub/api/batchspawner")) >= 9
    assert [site.server(user)["url"] for user in (ada, grace)] == urls
    assert all(run_in_kernel(site, "print(1)", user=user)[0].strip() == "1" for user in (ada, grace)), "the routes lead where they led"
    site.stop(user=ada)
    assert site.hub.api("POST", "/batchspawner", tokens[0], report)[0] == 403
    routes = requests.get(f"{site.hub.api_url}/proxy", headers={"Authorization": f"token {site.token}"}, timeout=30)
    assert "54321" not in routes.text


def test_no_port_before_the_job_runs(site: Site) -> None:
    """While the job waits in the queue nothing can listen: neither its own token nor that of the user's other session sets a port."""
    ada = site.users[0]
    site.start(user=ada)
    other = run_in_kernel(site, "import os; print(os.environ['JUPYTERHUB_API_TOKEN'])", user=ada)[0].strip()
    site.visitor(ada).form()
    site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=DOWN")
    try:
        running = set(site.cluster.active_jobs())
        assert site.call("POST", f"/users/{ada}/servers/second", {"partition": "g100_cpu"})[0] == 202
        wait_for(lambda: set(site.cluster.active_jobs()) - running, "the second job to be submitted", 30)
        (job,) = set(site.cluster.active_jobs()) - running
        wait_for(lambda: re.search(rf"session submitted .*\bjob_id={job} ", site.hub.log()), "the Hub to have its id", 30)
        assert site.cluster.job_state(job) == "PENDING"
        (kept,) = (site.cluster.folder / "state").glob(f"hash.*/job.{job}/environment")
        own = next(entry for entry in kept.read_bytes().split(b"\0") if b"JUPYTERHUB_API_TOKEN=" in entry).split(b"=", 1)[1].decode()
        assert own != other
        assert site.hub.api("POST", "/batchspawner", other, {"port": 2222})[0] == 409
        assert site.hub.api("POST", "/batchspawner", own, {"port": 2222})[0] == 409, "a job that waits in the queue listens nowhere"
    finally:
        site.cluster.run("scontrol", "update", "PartitionName=g100_cpu", "State=UP")


def test_nothing_is_submitted_by_a_callback(site: Site) -> None:
    """Whoever calls without a session, whatever they send: Slurm hears nothing of it."""
    with nothing_submitted(site):
        for token in ("", WEAK_TOKEN, site.token):
            for _, path, body in hostile_calls(Path("/nonexistent")):
                answer = requests.post(
                    f"{site.hub.api_url}{path}", data=body, headers={"Authorization": f"token {token}"} if token else {}, timeout=30
                )
                assert 400 <= answer.status_code < 500, (path, body, answer.status_code)
