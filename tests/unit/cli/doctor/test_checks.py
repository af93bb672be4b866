"""The checks of the doctor, each in both directions: on recorded answers of real clusters nothing is found, and each fault by its check."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spawner.accounting.qos import AccountingRecords
from spawner.cli.doctor.checks import judged
from spawner.cli.doctor.facts import ConfigFacts, Facts, HubFacts, JobFacts, Place, SiteFacts, SlurmFacts, SudoFacts, UserFacts
from spawner.cli.doctor.findings import Finding, Level, exit_status
from spawner.request.model import parse_request
from spawner.slurm.model import SlurmConfig
from spawner.slurm.sacctmgr import parse_associations, parse_user_defaults
from spawner.slurm.scontrol import parse_config, parse_nodes, parse_partitions

FIXTURES = Path(__file__).parents[3] / "fixtures" / "slurm"
REPOSITORY = Path(__file__).parents[4]
HERE = Place("127.0.0.1", is_here=True, is_loopback=True)
ELSEWHERE = Place("192.0.2.7")
REQUEST = parse_request(
    {"cores": 1, "memory": "1G", "gpus": 0, "walltime": 10, "partition": "g100_int", "release": "a", "interface": "lab"}
)


def slurm(version: str = "22.05.8") -> SlurmFacts:
    """What the demo's cluster has answered, in a version of Slurm."""
    folder = FIXTURES / version
    # One of the recorded partitions allows an account with others below it, which means the one or the other by version.
    partitions = tuple(replace(entry, allow_accounts=None) for entry in parse_partitions((folder / "partitions.txt").read_text()))
    records = AccountingRecords(
        parse_associations((folder / "associations.txt").read_text()), parse_user_defaults((folder / "users.txt").read_text())
    )
    return SlurmFacts(
        versions=dict.fromkeys(("sbatch", "squeue"), f"slurm-wlm {version}\n"),
        configuration=parse_config((folder / "config.txt").read_text()),
        ahead=0.0,
        nodes=parse_nodes((folder / "nodes_idle.txt").read_text()),
        partitions=partitions,
        offered=tuple(partition.name for partition in partitions),
        accounting=records,
        places={"g001": HERE},
    )


def facts(version: str = "22.05.8") -> Facts:
    """A site where all is well."""
    tried = (("submit a job", True, True), ("run any program", False, False))
    return Facts(
        ConfigFacts("jupyterhub_config.py", spawner_class="ResourceFormSpawner"),
        SiteFacts(releases=(2, 1)),
        HubFacts("http://127.0.0.1:8081/hub/api", HERE, HERE, "jupyterhub", answers="6.1.1", hub_name="jupyterhub"),
        slurm(version),
        SudoFacts(is_needed=True, tried=tried),
        UserFacts("ada", request=REQUEST),
        JobFacts("g001", "127.0.0.1", port=20001, tried=(20001,), ahead=0.1, same_home=True),
    )


def found(of: Facts) -> list[Finding]:
    """What is not well."""
    return [finding for finding in judged(of) if finding.level is not Level.OK]


@pytest.mark.parametrize("version", ["22.05.8", "24.11.5"])
def test_nothing_where_all_is_well(version: str) -> None:
    """One line a check."""
    told = list(judged(facts(version)))
    assert [finding for finding in told if finding.level is not Level.OK] == []
    assert exit_status(told) == 0
    names = [finding.check for finding in told]
    assert len(names) == len(set(names)) == 45


def test_each_check_has_its_place_in_the_docs() -> None:
    """And the docs speak of no other."""
    text = (REPOSITORY / "docs" / "doctor.md").read_text()
    headings = set(re.findall(r"^## ([a-z-]+)$", text, re.MULTILINE))
    assert headings == {finding.check for finding in judged(facts())}


def configured(config: SlurmConfig, **values: str) -> SlurmConfig:
    """The configuration with other values."""
    kept = tuple((name, value) for name, value in config.values if name not in values)
    version = tuple(map(int, values.pop("version").split("."))) if "version" in values else config.version
    return SlurmConfig(version, config.cluster_name, (*kept, *values.items()))


def of_config(**changes: Any) -> Callable[[Facts], Facts]:
    """A fault of the configuration."""
    return lambda well: replace(well, config=replace(well.config, **changes))


def of_site(**changes: Any) -> Callable[[Facts], Facts]:
    """A fault of what the admin has written besides."""
    return lambda well: replace(well, site=replace(well.site, **changes))


def of_hub(**changes: Any) -> Callable[[Facts], Facts]:
    """A fault around the Hub."""
    return lambda well: replace(well, hub=replace(well.hub, **changes))


def of_slurm(**changes: Any) -> Callable[[Facts], Facts]:
    """A fault of Slurm's."""
    return lambda well: replace(well, slurm=replace(well.slurm, **changes))


def slurm_conf(**values: str) -> Callable[[Facts], Facts]:
    """Another slurm.conf."""
    return lambda well: of_slurm(configuration=configured(well.slurm.configuration, **values))(well)  # type: ignore[union-attr]


def all_nodes(**changes: Any) -> Callable[[Facts], Facts]:
    """Other nodes."""
    return lambda well: of_slurm(nodes=tuple(replace(node, **changes) for node in well.slurm.nodes))(well)  # type: ignore[union-attr]


def all_partitions(**changes: Any) -> Callable[[Facts], Facts]:
    """Other partitions."""

    def change(well: Facts) -> Facts:
        assert well.slurm is not None
        return of_slurm(partitions=tuple(replace(entry, **changes) for entry in well.slurm.partitions))(well)

    return change


def of_sudo(**changes: Any) -> Callable[[Facts], Facts]:
    """Another rule for sudo."""
    return lambda well: replace(well, sudo=replace(well.sudo, **changes))


def of_user(**changes: Any) -> Callable[[Facts], Facts]:
    """Another user."""
    return lambda well: replace(well, user=replace(well.user, **changes))


def of_job(**changes: Any) -> Callable[[Facts], Facts]:
    """Another job."""
    return lambda well: replace(well, job=replace(well.job, **changes))


def both(*faults: Callable[[Facts], Facts]) -> Callable[[Facts], Facts]:
    """Several at once."""

    def change(well: Facts) -> Facts:
        for fault in faults:
            well = fault(well)
        return well

    return change


SUBSTITUTE = AccountingRecords((), (), from_controller=True)
HIDING = "Slurm's PrivateData hides from the Hub's user hub: jobs. Give the user AdminLevel=Operator."

FAULTS: list[tuple[str, str, Callable[[Facts], Facts]]] = [
    ("config", "error", of_config(error="line 7: NameError: name 'x' is not defined")),
    ("settings-values", "error", of_config(wrong=("SlurmCluster.nodes_interval must be a number of seconds above 0",))),
    ("settings-unknown", "warning", of_config(unknown=(("c.SlurmCluster.node_interval", "c.SlurmCluster.nodes_interval"),))),
    ("settings-unknown", "warning", of_config(unknown=(("c.SlurmCluster.anything", ""),))),
    ("settings-without-effect", "warning", of_config(without_effect=(("c.Spawner.req_qos", "ResourceFormSpawner.sbatch_options"),))),
    ("settings-without-effect", "note", of_config(renamed=("c.Cluster.bin_dir",))),
    ("spawner-class", "warning", of_config(spawner_class="SimpleLocalProcessSpawner", is_ours=False)),
    ("hub-settings", "warning", of_config(cleanup_servers=True)),
    ("hub-settings", "warning", of_config(concurrent_spawn_limit=100)),
    ("templates", "error", of_site(pages=((True, "The pages have no link to the list of sessions"),))),
    ("folders", "error", of_site(folders=(("c.SlurmCluster.bin_dir", "/nowhere"),))),
    ("templates", "warning", of_site(pages=((False, "home.html takes the place of our page"),))),
    ("job-script", "error", of_site(job_script="job_script.sh: 'x' is undefined")),
    ("assets", "error", of_site(assets="share/resource_form/launcher.py")),
    ("catalogue", "error", of_site(catalogue="releases.yaml: line 3", releases=None)),
    ("catalogue", "note", of_site(has_catalogue=False, releases=(1, 0))),
    ("catalogue", "warning", of_site(releases=(2, 0))),
    ("notices", "warning", of_site(notices="notices.yaml: line 3")),
    ("commands", "warning", of_site(commands=(("c.ResourceFormSpawner.budget_command", "/x: there is no such file"),))),
    ("hub-user", "note", of_hub(runs_as="root", owner="jupyterhub")),
    ("database", "error", of_hub(database="connection refused")),
    ("database", "error", of_hub(database="jupyterhub upgrade-db: 1 -> 2")),
    ("proxy", "error", of_hub(proxy="configurable-http-proxy")),
    ("hub-url", "error", of_slurm(places={"g001": ELSEWHERE, "g002": HERE})),
    ("hub-url", "error", of_hub(place=Place("hub", is_known=False))),
    ("hub-url", "error", both(of_hub(place=Place("hub", is_here=True)), of_slurm(places={"g001": ELSEWHERE}))),
    ("hub-answers", "skipped", of_hub(answers=None)),
    ("hub-name", "warning", of_hub(strangers=((812, "ada"),))),
    ("hub-name", "skipped", of_hub(strangers=None, why_strangers_unknown="hidden")),
    ("slurm-commands", "error", of_slurm(missing=("sacctmgr",))),
    ("slurm", "error", of_slurm(error="scontrol exited with 1")),
    ("sudo", "error", of_sudo(is_there=False)),
    ("sudo", "error", of_sudo(tried=(("submit a job", True, False),))),
    ("sudo", "error", of_sudo(tried=(("run a shell", False, True),))),
    ("sudo", "warning", of_sudo(precaution="The rule for sudo lets the Hub's user set any variable (SETENV)")),
    ("sudo", "note", of_sudo(reads_logs=False)),
    ("sudo", "skipped", of_sudo(tried=())),
    ("wrappers", "warning", of_slurm(versions={"squeue": "Maintenance on Monday\nslurm 22.05.8\n"})),
    ("wrappers", "warning", of_slurm(unread=("jobs",))),
    ("slurm-version", "warning", slurm_conf(version="20.11.9")),
    ("slurm-version", "warning", of_slurm(versions={"sbatch": "slurm 24.11.5\n"})),
    ("clock", "warning", of_slurm(ahead=-40.0)),
    ("clock", "error", of_slurm(ahead=400.0)),
    ("clock", "skipped", of_slurm(ahead=None)),
    ("accounting", "error", of_slurm(accounting_error="sacctmgr exited with 1")),
    ("accounting", "note", of_slurm(accounting=None)),
    ("accounting", "warning", of_slurm(accounting=SUBSTITUTE)),
    ("private-data", "warning", of_slurm(hidden=HIDING)),
    ("cloud-nodes", "warning", slurm_conf(ResumeProgram="/usr/sbin/resume")),
    ("partitions", "warning", of_slurm(named=(("c.ResourceFormSpawner.presets: gpu", "G100_int"),))),
    ("partitions", "error", of_slurm(offered=())),
    ("nodes", "warning", all_nodes(state="down", reason="power")),
    ("nodes", "warning", all_nodes(flags=frozenset({"drain"}))),
    ("allow-accounts", "note", all_partitions(allow_accounts=("cineca",))),
    ("allow-accounts", "note", all_partitions(deny_accounts=("cineca",))),
    ("allow-accounts", "warning", both(slurm_conf(version="24.11.5"), all_partitions(allow_accounts=("nobody",)))),
    ("part-limits", "note", all_partitions(not_judged="ExclusiveTopo")),
    ("select-type", "warning", slurm_conf(SelectType="select/linear", SelectTypeParameters="CR_MEMORY")),
    ("select-type", "note", both(all_nodes(memory_mb_system=0), slurm_conf(SelectTypeParameters="CR_CORE"))),
    ("memory", "warning", all_nodes(memory_mb=1)),
    ("memory-spec-limit", "warning", all_nodes(memory_mb_system=300000)),
    ("kept-environments", "warning", slurm_conf(AccountingStoreFlags="job_comment,job_env")),
    ("gpu-accounting", "warning", slurm_conf(AccountingStorageTRES="cpu,mem,node")),
    ("user", "error", of_user(error="You have no account.", request=None)),
    ("submit", "error", of_user(refusal="Memory is asked for by core here", passes_with='c.SlurmCluster.memory_option = "mem-per-cpu"')),
    ("submit", "error", of_user(refusal="Invalid qos specification")),
    ("submit", "warning", of_user(unreadable=True)),
    ("job", "error", of_job(error="FAILED 127 python3?")),
    ("job", "warning", of_job(waited="Resources")),
    ("job-port", "error", of_job(port=None)),
    ("job-hub", "error", of_job(hub="timed out")),
    ("job-clock", "warning", of_job(ahead=12.0)),
    ("job-clock", "skipped", of_job(ahead=None)),
    ("job-home", "error", of_job(home="/home/ada is not there")),
    ("job-home", "note", of_job(same_home=False)),
]


@pytest.mark.parametrize(
    ("check", "level", "fault"), [pytest.param(*entry, id=f"{entry[0]}-{number}") for number, entry in enumerate(FAULTS)]
)
def test_each_fault(check: str, level: str, fault: Callable[[Facts], Facts]) -> None:
    """It is found by its check alone, with its level, a reason and something to do."""
    told = [finding for finding in found(fault(facts())) if finding.level is not Level.SKIPPED or level == "skipped"]
    assert {(finding.check, finding.level.value) for finding in told} == {(check, level)}
    for finding in told:
        assert finding.sentence
        assert level == "skipped" or (finding.why and finding.advice)
    assert exit_status(told) == {"warning": 1, "error": 3}.get(level, 0)


def test_what_is_meant_elsewhere() -> None:
    """What is a fault at one site is none at another: an older Slurm, a list of accounts that means what it says."""
    well = facts("24.11.5")
    assert found(slurm_conf(ResumeProgram="/usr/sbin/resume")(well)) == [], "since 23.02 nodes that are off are shown"
    assert found(slurm_conf(ResumeProgram="/usr/sbin/resume", PrivateData="cloud")(facts())) == []
    assert found(all_partitions(allow_accounts=("cineca",))(well)) == [], "since 23.02 the accounts below are meant"
    assert found(all_partitions(allow_accounts=("cin_staff",))(facts())) == []
    assert found(all_nodes(memory_mb_system=4000)(facts())) == []
    assert found(of_slurm(versions={"sbatch": "slurm 21.08.8-2\n"})(facts())) == [], "older commands are understood"
    assert found(both(of_hub(place=ELSEWHERE), of_slurm(places={"g001": ELSEWHERE}))(facts())) == [], "another machine passes it on"
    assert found(both(of_job(hub="refused"), of_hub(answers=None))(facts()))[-1].level is Level.SKIPPED, "there is no Hub to be reached"
    assert found(both(all_partitions(not_judged="ExclusiveTopo"), slurm_conf(EnforcePartLimits="ALL"))(facts())) == []
    assert found(both(of_slurm(accounting=None), slurm_conf(AccountingStorageTRES="cpu"))(facts()))[0].check == "accounting"


def test_memory_that_is_kept_and_not_counted() -> None:
    """MemSpecLimit needs memory that is counted (slurm.conf(5))."""
    told = found(both(all_nodes(memory_mb_system=4000), slurm_conf(SelectTypeParameters="CR_CORE"))(facts()))
    assert [(finding.check, finding.level.value) for finding in told] == [("select-type", "note"), ("memory-spec-limit", "warning")]


def test_nothing_follows_from_what_is_not_known() -> None:
    """Without a Slurm that answers nothing is said of it; without a configuration nothing at all."""
    silent = replace(facts(), slurm=replace(slurm(), error="no answer"), user=None, job=None)
    assert [finding.check for finding in found(silent)] == ["slurm", "job"]
    assert [finding.check for finding in judged(Facts(ConfigFacts("x", error="there is no such file")))] == ["config"]
    assert [finding.check for finding in found(replace(facts(), user=None, sudo=SudoFacts()))] == ["user", "submit"]
