"""``resource-form doctor`` on a real cluster: it finds nothing on the demo, and each of the faults that are planted one by one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from private_slurm import packages
from private_slurm.cluster import PrivateCluster
from private_slurm.demo_setup import PRESETS
from private_slurm.operations import COMMANDS
from private_slurm.releases import JUPYTERHUB_VERSION
from private_slurm.users import ensure_system_users

from spawner.cli.main import main
from spawner.session.log_reader import INSTALLED_READER
from spawner.slurm.sudo import INSTALLED_SUBMITTER
from tests.support.real_hub import CHECKOUT, Environments, make_hub, needs_users, open_site
from tests.support.site_under_test import Site, wait_for
from tests.support.sudo_rules import HUB_USER, SHARED, Rules

LEVELS = ("note", "warning", "error")


@pytest.fixture(scope="module")
def running_site(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...]) -> Iterator[Site]:
    """A Hub as the demo has it, which runs."""
    with open_site("hub-doctor", environments, cluster, users, PRESETS) as site:
        yield site


def printed(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """What the command prints, as an admin calls it."""
    command = [str(Path(sys.prefix) / "bin" / "resource-form"), "doctor", *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment, **options)


def troubles(findings: list[dict[str, Any]]) -> dict[str, str]:
    """The checks that have found something, with how grave it is."""
    found: dict[str, str] = {}
    for finding in findings:
        if finding["level"] in LEVELS:
            found[finding["check"]] = max(finding["level"], found.get(finding["check"], ""), key=("", *LEVELS).index)
    return found


def test_nothing_on_the_demo(site: Site) -> None:
    """One line a check, all of them well, exit status 0; the job has looked around on its node and is gone."""
    said = printed("-f", site.hub.config_file, "--user", site.users[0], "--job")
    assert (said.returncode, said.stdout) == (0, said.stdout), said.stderr
    *lines, blank, summary = said.stdout.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    assert (blank, summary) == ("", "Nothing is wrong with what was looked at.")
    assert len(lines) == 45
    assert "\x1b" not in said.stdout
    wait_for(lambda: site.cluster.active_jobs() == [], "the job to be gone", 20)


def test_nothing_is_changed(site: Site) -> None:
    """The Hub's folder is as it was, and so is its database."""
    before = {path: path.stat().st_mtime_ns for path in site.hub.folder.glob("*") if path.suffix != ".log"}
    said = printed("-f", site.hub.config_file, "--user", site.users[0], "--json")
    assert troubles(json.loads(said.stdout)["findings"]) == {}
    assert {path: path.stat().st_mtime_ns for path in site.hub.folder.glob("*") if path.suffix != ".log"} == before


SED = '"$REAL" "$@" | sed -E \'{0}\'\nexit ${{PIPESTATUS[0]}}'
REFUSES = 'case "$*" in *--mem=*) echo "sbatch: error: Batch job submission failed: Memory is asked for by core here" >&2; exit 1;; esac\n'
VERSION = 'case "$1" in --version) exec "$REAL" "$@";; esac\n'
OTHER_PORT = 'RESOURCE_FORM_DOCTOR=$(sed "s|://127.0.0.1:[0-9]*|://127.0.0.1:9|" <<<"$RESOURCE_FORM_DOCTOR")\nexec "$REAL" "$@"'
NO_CONTROLLER = """
sed "s/^SlurmctldPort=.*/SlurmctldPort=1/; s/^MessageTimeout=.*/MessageTimeout=1/" "$SLURM_CONF" >{folder}/slurm.conf
SLURM_CONF={folder}/slurm.conf exec "$REAL" "$@"
"""
GONE = 'c.ResourceFormSpawner.template_paths = ["{folder}"]\n'


@dataclass(frozen=True)
class Fault:
    """A change of a site that is well, and what is to be found.

    ``config`` is put behind the configuration and ``files`` are written, both with ``{folder}`` for their place; ``wrappers`` stand in the
    place of Slurm's commands. ``until`` is the first version of Slurm in which it is no fault any more, ``since`` the first in which it is.
    """

    found: Mapping[str, str]
    config: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    wrappers: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    until: tuple[int, int] = (99, 0)
    since: tuple[int, int] = (0, 0)
    line: str = ""


def slurm_says(pattern: str, *, found: dict[str, str], command: str = "scontrol", **more: Any) -> Fault:
    """A Slurm that answers otherwise: what it really says, changed by sed."""
    return Fault(found, wrappers={command: SED.format(pattern)}, **more)


FAULTS = {
    "a line that fails": Fault({"config": "error"}, "c.JupyterHub.port = 1 / 0\n"),
    "a value that cannot be": Fault({"settings-values": "error"}, "c.SlurmCluster.nodes_interval = -1\n"),
    "a misspelt setting": Fault({"settings-unknown": "warning"}, "c.SlurmCluster.node_interval = 20\n"),
    "a misspelt section": Fault({"settings-unknown": "warning"}, "c.ResourceFormSpawners.language = 'it'\n"),
    "a setting of batchspawner": Fault({"settings-without-effect": "warning"}, "c.SlurmSpawner.req_partition = 'g100_int'\n"),
    "a section of another spawner": Fault({"settings-without-effect": "warning"}, "c.SbatchForm.memory = {'max': 1000}\n"),
    "another spawner": Fault(
        {"spawner-class": "warning", "settings-without-effect": "warning"},
        "c.JupyterHub.spawner_class = 'simple'\n",
        line='c.JupyterHub.spawner_class = "resource-form"',
    ),
    "sessions that end with the Hub": Fault(
        {"hub-settings": "warning"}, "c.JupyterHub.cleanup_servers = True\n", line="c.JupyterHub.cleanup_servers = False"
    ),
    "a page without our link": Fault(
        {"templates": "error"}, "c.JupyterHub.template_paths = ['{folder}']\n", {"page.html": "{% block main %}{% endblock %}"}
    ),
    "a folder that is not there": Fault({"folders": "error"}, "c.JupyterHub.template_paths = ['{folder}/nowhere']\n"),
    "a job script that cannot be made": Fault({"job-script": "error"}, GONE, {"resource_form/job_script.sh": "{{ nowhere }}"}),
    "a broken catalogue": Fault(
        {"catalogue": "error", "user": "error"},
        "c.ResourceFormSpawner.catalogue_file = '{folder}/r.yaml'\n",
        {"r.yaml": "releases:\n  - tag: a b\n"},
    ),
    "broken notices": Fault(
        {"notices": "warning"}, "c.ResourceFormSpawner.notices_file = '{folder}/n.yaml'\n", {"n.yaml": "notices: [{textt: x}]\n"}
    ),
    "a command that is not there": Fault({"commands": "warning"}, "c.ResourceFormSpawner.budget_command = ['/nowhere/budget']\n"),
    "a database that is none": Fault(
        {"database": "error"}, "c.JupyterHub.db_url = 'sqlite:///{folder}/db'\n", {"db": "no database at all, whatever its name" * 100}
    ),
    "no proxy": Fault({"proxy": "error"}, "c.ConfigurableHTTPProxy.command = ['no-such-proxy']\n"),
    "a Hub on the loopback": slurm_says("s/NodeAddr=[0-9.]+/NodeAddr=192.0.2.7/", found={"hub-url": "error"}),
    "an empty folder of commands": Fault({"slurm-commands": "error"}, "c.SlurmCluster.bin_dir = '{folder}'\n"),
    "no controller": Fault({"slurm": "error"}, wrappers={"scontrol": NO_CONTROLLER}),
    "a notice before each answer": Fault({"wrappers": "warning"}, wrappers={"squeue": 'echo "Maintenance on Monday"\nexec "$REAL" "$@"'}),
    "commands newer than the controller": slurm_says(
        "s/^(slurm[^ ]*) .*/\\1 99.5.1/", found={"slurm-version": "warning"}, command="sbatch"
    ),
    "a controller whose clock is behind": slurm_says("s/^(Configuration data as of )[0-9]{6}/\\1179999/", found={"clock": "error"}),
    "no slurmdbd": Fault(
        {"accounting": "warning"},
        wrappers={"sacctmgr": VERSION + 'echo "sacctmgr: error: Problem talking to the database" >&2; exit 1'},
    ),
    "a preset of a partition that is not there": Fault(
        {"partitions": "warning"},
        "c.ResourceFormSpawner.presets = [{'name': 'a', 'label': 'A', 'values': {'partition': 'G100_int'}}]\n",
    ),
    "partitions in capitals": Fault({"partitions": "error", "user": "error"}, "c.SlurmCluster.partitions = ['G100_INT']\n"),
    "no node in service": slurm_says("/^NodeName=/s/ State=[^ ]*/ State=DOWN/", found={"nodes": "warning"}),
    "an account with accounts below it": slurm_says(
        "/^PartitionName=g100_cpu/s/AllowAccounts=ALL/AllowAccounts=Cineca/", found={"allow-accounts": "note"}, until=(23, 2)
    ),
    "accounts that there are not": slurm_says(
        "/^PartitionName=g100_cpu/s/AllowAccounts=ALL/AllowAccounts=nobody/", found={"allow-accounts": "warning"}, since=(23, 2)
    ),
    "limits that nobody judges": slurm_says(
        "/^PartitionName=g100_cpu/{s/ExclusiveTopo=NO//; s/$/ ExclusiveTopo=YES/}",
        found={"part-limits": "note"},
        line="EnforcePartLimits=ALL",
    ),
    "whole nodes": slurm_says("s|^(SelectType +=) .*|\\1 select/linear|", found={"select-type": "warning"}),
    "memory that is not counted": slurm_says("s/^(SelectTypeParameters +=) .*/\\1 CR_CORE/", found={"select-type": "note"}),
    "no RealMemory": slurm_says("/^NodeName=c001/s/RealMemory=[0-9]+/RealMemory=1/", found={"memory": "warning"}),
    "too much for the system": slurm_says(
        "/^NodeName=c001/s/RealMemory=[0-9]+/& MemSpecLimit=300000/", found={"memory-spec-limit": "warning"}
    ),
    "kept environments": slurm_says(
        "s/^(AccountingStoreFlags +=) .*/\\1 job_comment,job_env/",
        found={"kept-environments": "warning"},
        line="AccountingStoreFlags=job_comment",
    ),
    "GPUs that are not counted": slurm_says(
        "s/^(AccountingStorageTRES +=) .*/\\1 cpu,mem/", found={"gpu-accounting": "warning"}, line="AccountingStorageTRES=cpu,mem,gres/gpu"
    ),
    "hidden nodes of a cloud": slurm_says(
        "s|^(ResumeProgram +=) .*|\\1 /sbin/resume|", found={"cloud-nodes": "warning"}, line="PrivateData=cloud", until=(23, 2)
    ),
    "a plugin that wants memory by core": Fault(
        {"submit": "error"}, wrappers={"sbatch": REFUSES + 'exec "$REAL" "$@"'}, line='c.SlurmCluster.memory_option = "mem-per-cpu"'
    ),
    "a wrapper that swallows what sbatch says": Fault({"submit": "warning"}, wrappers={"sbatch": VERSION + '"$REAL" "$@" 2>/dev/null'}),
    "a user who is none": Fault({"user": "error"}, arguments=("--user", "nobody-of-this-name")),
    "a port that is taken": Fault({"job-port": "error"}, "c.ResourceFormSpawner.port_range = '{port}-{port}'\n", arguments=("--job",)),
    "a node that does not reach the Hub": Fault(
        {"job-hub": "error"},
        wrappers={"sbatch": OTHER_PORT},
        arguments=("--job",),
    ),
    "a node without Python": Fault(
        {"job": "error"}, wrappers={"sbatch": 'sed "s/command -v python3/command -v no-python/" | "$REAL" "$@"'}, arguments=("--job",)
    ),
}


@pytest.fixture(scope="module")
def version(cluster: PrivateCluster) -> tuple[int, int]:
    """The version of the cluster's Slurm."""
    said = cluster.run("scontrol", "--version").stdout.split()[1].split(".")
    return int(said[0]), int(said[1])


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault(running_site: Site, version: tuple[int, int], test_folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """It is found by its check, with its level, with the line that mends it; and nothing else is."""
    fault, site = FAULTS[name], running_site
    if not fault.since <= version < fault.until:
        pytest.skip(f"no fault in Slurm {version[0]}.{version[1]:02}")
    # Where users can run what stands in the place of Slurm's commands.
    folder = test_folder / "doctor-fault"
    shutil.rmtree(folder, ignore_errors=True)
    commands = folder / "commands"
    commands.mkdir(parents=True)
    for command in COMMANDS:
        if command in fault.wrappers:
            (commands / command).write_text(
                f"#!/bin/bash\nREAL={site.cluster.bin_dir / command}\n{fault.wrappers[command]}\n".replace("{folder}", str(folder))
            )
            (commands / command).chmod(0o755)
        else:
            (commands / command).symlink_to(site.cluster.bin_dir / command)
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        port = taken.getsockname()[1]
        for path, text in fault.files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
        config = folder / "jupyterhub_config.py"
        more = fault.config.replace("{folder}", str(folder)).replace("{port}", str(port))
        config.write_text(f"{site.hub.config_file.read_text()}\nc.SlurmCluster.bin_dir = {str(commands)!r}\n{more}")
        user = () if "--user" in fault.arguments else ("--user", site.users[0])
        status = main(["doctor", "-f", str(config), "--json", *user, *fault.arguments])
    answer = json.loads(capsys.readouterr().out)
    assert troubles(answer["findings"]) == fault.found, answer["findings"]
    assert status == answer["exit_status"] == max({"note": 0, "warning": 1, "error": 3}[level] for level in fault.found.values())
    told = [finding for finding in answer["findings"] if finding["level"] in LEVELS]
    assert all(finding["why"] and finding["what_to_do"] and finding["docs"].startswith("docs/doctor.md#") for finding in told), told
    assert not fault.line or fault.line in [line for finding in told for line in finding["lines"]], told


def test_what_a_hub_says_at_its_start(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], tmp_path: Path) -> None:
    """No catalogue, a folder that is none, a Slurm that does not answer, an address that nodes do not reach: a line each; else nothing."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for command in COMMANDS:
        (commands / command).symlink_to(cluster.bin_dir / command)
    scontrol = commands / "scontrol"
    scontrol.unlink()
    elsewhere = SED.format(r"s/NodeAddr=[0-9.]+/NodeAddr=192.0.2.7/")
    real = f"#!/bin/bash\nREAL={cluster.bin_dir / 'scontrol'}\n"
    scontrol.write_text(real + elsewhere)
    scontrol.chmod(0o755)
    more = f"""
c.SlurmCluster.bin_dir = {str(commands)!r}
c.ResourceFormSpawner.catalogue_file = ""
c.JupyterHub.template_paths = ["/nowhere"]
"""
    hub = make_hub(environments.folder / "hub-doctor-start", environments, cluster, users, "x" * 32, more)

    def said(number: int) -> list[str]:
        """What the Hub's log has of the doctor's, once there are so many lines."""

        def lines() -> list[str]:
            return [line for line in hub.log().splitlines() if "docs/doctor.md#" in line]

        return wait_for(
            lambda: len(lines()) >= number and sorted(line.partition("docs/doctor.md#")[2] for line in lines()), hub.log_tail(), 40
        )

    try:
        hub.start()
        assert said(3) == ["catalogue.", "folders.", "hub-url."]
        log = hub.log()
        assert "There is no catalogue of releases. List the software that users are to have." in log
        assert "c.JupyterHub.template_paths names /nowhere, which is no folder that the Hub can read." in log
        assert 'c.JupyterHub.hub_ip = "0.0.0.0"' in log
        scontrol.write_text(real + NO_CONTROLLER.replace("{folder}", str(tmp_path)))
        hub.restart()
        assert said(6) == ["catalogue.", "catalogue.", "folders.", "folders.", "hub-url.", "slurm."]
    finally:
        hub.close()


def test_two_hubs_of_one_name(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A session's own job is not taken for another Hub's; one that carries this Hub's name and was submitted by another is told of."""
    site.start({"gpus": "0"})
    arguments = ["doctor", "-f", str(site.hub.config_file), "--json"]
    assert main(arguments) == 0
    assert troubles(json.loads(capsys.readouterr().out)["findings"]) == {}
    number = site.cluster.submit("--comment=jupyterhub:jupyterhub:ada::1.2.3.4.5", user=site.users[0])
    assert main(arguments) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert troubles(findings) == {"hub-name": "warning"}
    assert str(number) in next(finding["sentence"] for finding in findings if finding["check"] == "hub-name")


def test_a_hub_that_is_not_root(environments: Environments, cluster: PrivateCluster, users: tuple[str, ...], test_folder: Path) -> None:
    """With the rule that we ship all is well; a rule for everything is told of, and no rule, and that Slurm hides jobs."""
    needs_users(users, 2)
    packages.ensure_debian_packages(["sudo"])
    ensure_system_users([HUB_USER])
    environment = packages.ensure_venv(environments.installed / "hub-environment", [f"jupyterhub=={JUPYTERHUB_VERSION}"])
    packages.ensure_checkout(environment, CHECKOUT)
    folder = test_folder / "doctor"
    shutil.rmtree(folder, ignore_errors=True)
    commands = folder / "commands"
    commands.mkdir(parents=True)
    scontrol = commands / "scontrol"
    hides = SED.format(r"s/^(PrivateData +=) .*/\1 jobs/")
    scontrol.write_text(f"#!/bin/bash\nREAL={cluster.bin_dir / 'scontrol'}\n{hides}\n")
    scontrol.chmod(0o755)
    hub = make_hub(folder / "hub", environments, cluster, users, "x" * 32, "c.SlurmCluster.bin_dir = ''\n" + PRESETS)
    hub.folder.mkdir()
    hub.config_file.write_text(hub._base_config() + hub.config)
    shutil.chown(hub.folder, HUB_USER)
    rules = Rules(test_folder / "sudo-doctor", users, cluster.bin_dir)
    rules.folder.mkdir(exist_ok=True)
    (rules.folder / "environment").write_text(f"SLURM_CONF={cluster.slurm_conf}\n")

    def found(rule: str, path: str = "/usr/bin:/bin") -> dict[str, str]:
        rules.write(rule)
        argv = [*rules.wrapper(INSTALLED_SUBMITTER, INSTALLED_READER), environment / "resource-form", "doctor", "-f", hub.config_file]
        environ = {"PATH": path, "LANG": "C.UTF-8"}
        done = subprocess.run(
            [*argv, "--json", "--user", users[0]], capture_output=True, text=True, check=False, env=environ, timeout=90, cwd="/"
        )
        assert done.stdout, done.stderr
        return troubles(json.loads(done.stdout)["findings"])

    shipped = (SHARED / "sudoers").read_text()
    assert found(shipped) == {}
    everything = "Defaults env_file=/etc/jupyterhub-resource-form.env\njupyterhub ALL = (ALL) NOPASSWD: ALL\n"
    assert found(everything, f"{commands}:/usr/bin:/bin") == {"sudo": "error", "private-data": "warning"}
    assert found("# nothing\n") == {"sudo": "error", "submit": "error"}
    hub.close()
