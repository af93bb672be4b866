"""What Slurm answers, without names: what is replaced, what stays, and that the product reads the same from it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spawner.cli.main import main
from spawner.slurm import commands, sacctmgr, scontrol, squeue
from spawner.slurm.capture.answers import CONFIG_KEYS
from spawner.slurm.capture.document import Answer, Capture, capture_of, questions
from spawner.slurm.capture.pseudonyms import candidates, like, outline
from spawner.slurm.runner import Result
from spawner.slurm.squeue import MARK, SEPARATOR
from tests.support.captured_site import CapturedSite

NOW = 1795221800
FIXTURES = Path(__file__).parents[2] / "fixtures" / "slurm"
FILES = {
    "version": "version",
    "configuration": "config",
    "nodes": "nodes_drained",
    "partitions": "partitions",
    "reservations": "reservations",
    "associations": "limits",
    "users": "users",
    "QOS": "qos",
    "holdings": "holdings",
    "jobs": "jobs_busy",
}
VERSIONS = ("22.05.8", "24.11.5")


def texts_of(version: str) -> dict[str, str]:
    """What a real Slurm of this version has answered."""
    texts = {name: (FIXTURES / version / f"{file}.txt").read_text().replace("0123456789abcdef", MARK) for name, file in FILES.items()}
    return {**texts, "jobs": texts["jobs"].replace("|", SEPARATOR)}


def captured(texts: Mapping[str, str], stderr: str = "", **options: Any) -> Capture:
    """The file of these answers."""
    answers = {
        name: Answer(argv, Result(argv, 0, texts.get(name, ""), stderr if name == "users" else "", 0.01))
        for name, argv in questions().items()
    }
    return capture_of(answers, now=NOW, product="1.0", **options)


def said_by(site: CapturedSite, argv: tuple[str, ...]) -> str:
    return asyncio.run(site.run(argv)).stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_no_name_is_left(version: str) -> None:
    """Users, accounts, partitions, hosts, reservations, addresses and folders of the cluster stand nowhere in the file."""
    texts = texts_of(version)
    names = {"cineca", "cin_staff", "cin_train", "cin_other", "g100_int", "g100_cpu", "g100_mig", "hidden", "s_tra_school", "now_maint"}
    names |= {"grace", "daemon", "/srv/slurm", "127.0.", "g001", "c002", "m001", "s001", "ghost"} | {"demo"}
    document = captured(texts).document
    written = json.dumps({key: value for key, value in document.items() if key != "about"})
    written = re.sub(" (Hidden|GraceTime)=|,GraceTime,", " ", written).lower()  # keys of Slurm's, that two of the names are part of
    assert [name for name in names if name in " ".join(texts.values()).lower() and name in written] == []


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_mistake_hangs_on_stays(version: str) -> None:
    """Read again, all but the names is what it was: states, numbers, GRES, TRES, limits, and moments, those of jobs to the minute."""
    texts = texts_of(version)
    site = CapturedSite(captured(texts).document, NOW)

    def same(parse: Callable[[str], tuple[Any, ...]], name: str, argv: tuple[str, ...], hidden: str) -> None:
        blank = dict.fromkeys(hidden.split())
        before, after = parse(texts[name]), parse(said_by(site, argv))
        assert [replace(row, **blank) for row in after] == [replace(row, **blank) for row in before]

    same(scontrol.parse_nodes, "nodes", commands.show_nodes(), "name address partitions reason")
    hidden = "name nodes allow_accounts deny_accounts allow_groups allow_qos deny_qos qos"
    same(scontrol.parse_partitions, "partitions", commands.show_partitions(), hidden)
    same(scontrol.parse_reservations, "reservations", commands.show_reservations(), "name nodes users groups accounts partition")
    same(sacctmgr.parse_associations, "associations", commands.show_associations(), "account user partition qos default_qos parent cluster")
    same(sacctmgr.parse_qos, "QOS", commands.show_qos(), "name")
    same(squeue.parse_jobs, "jobs", commands.list_jobs(), "job_id user batch_host partition nodes planned_nodes submit start end reason")
    before, after = sacctmgr.parse_holdings(texts["holdings"]), sacctmgr.parse_holdings(said_by(site, commands.show_holdings()))
    for part in ("associations", "qos", "qos_users", "qos_accounts"):
        assert list(getattr(before, part).values()) == list(getattr(after, part).values()), part


def test_one_name_is_the_same_everywhere() -> None:
    """A partition has one other name among nodes, partitions and jobs; two spellings stay two; ranges of hosts keep their numbers."""
    texts = {
        "nodes": "NodeName=rack1n001 CoresPerSocket=1 CPUAlloc=0 CPUTot=1 RealMemory=1 AllocMem=0 State=IDLE Partitions=HighMem\n",
        "partitions": "PartitionName=HighMem Nodes=rack1n[001-004] MaxTime=1:00 QoS=highmem\n"
        "PartitionName=highmem Nodes= MaxTime=1:00:00\n",
    }
    answers = captured(texts).document["answers"]
    first, second = (re.match(r"PartitionName=(\S+)", line)[1] for line in answers["partitions"]["stdout"][:2])  # type: ignore[index]
    assert first != "HighMem"
    assert first != second == first.lower()
    assert re.fullmatch("[A-Z][a-z]{3}[A-Z][a-z]{2}", first)
    assert answers["nodes"]["stdout"][0].endswith(f"Partitions={first}")
    hosts = re.search(r"Nodes=(\S+)", answers["partitions"]["stdout"][0])
    assert hosts is not None
    node = re.match(r"NodeName=(\S+)", answers["nodes"]["stdout"][0])
    assert node is not None
    assert hosts[1] == f"{node[1][:-3]}[001-004]"
    assert re.fullmatch("[a-z]{4}1[a-z]001", node[1])


def test_a_name_that_is_kept() -> None:
    """``keep`` leaves a name as it is everywhere."""
    assert "Partitions=g100_cpu" in json.dumps(captured(texts_of("22.05.8"), keep=["g100_cpu"]).document)


def test_words_of_a_failure() -> None:
    """Of an error message Slurm's own sentence stays; hosts, paths, addresses of mail, and names in it do not."""
    texts = texts_of("22.05.8")
    stderr = "sacctmgr: error: Unable to contact slurm controller (connect failure): adm.site.org:6817 /srv/secret/key grace bob@site.org\n"
    said = captured(texts, stderr).document["answers"]["users"]["stderr"][0]
    assert said.startswith("sacctmgr: error: Unable to contact slurm controller (connect failure): ")
    assert not re.search("adm|site|org|srv|secret|key|grace|bob", said)


def test_of_the_configuration_only_what_is_listed() -> None:
    """No line of slurm.conf is written but those on the list."""
    lines = captured(texts_of("22.05.8")).document["answers"]["configuration"]["stdout"]
    assert {line.split(" ")[0] for line in lines if line} - {"Configuration"} <= CONFIG_KEYS


# Neither x nor é, which stand for letters that nobody is to read: a name of these, zeros and signs alone is what is written in its place.
NAME = st.text("bdfhkpqwz0123456789._-łß", min_size=4, max_size=14).filter(lambda name: name[0].isalpha() and len(set(name)) > 3)


@given(st.lists(NAME, min_size=6, max_size=6, unique_by=str.lower))
@settings(max_examples=60, deadline=None)
def test_drawn_names_never_survive(names: list[str]) -> None:
    """Whatever people and places are called, and wherever their names stand, the file holds none of them."""
    user, account, partition, host, group, unknown = names
    host = re.sub("[^a-z0-9]", "x", host)
    node = (
        f"NodeName={host} Arch=x86_64 CoresPerSocket=1 CPUAlloc=0 CPUTot=4 NodeAddr={host} NodeHostName={host} OS={unknown} "
        f"RealMemory=1 AllocMem=0 ActiveFeatures=f_{partition} State=IDLE Owner={user}(1007) MCS_label={group} Partitions={partition} "
        f"Reason={unknown} of {user} [{user}@1795221000]\n{unknown} of {account}\n"
    )
    texts = {
        "nodes": node,
        "partitions": f"PartitionName={partition} AllowGroups={group} AllowAccounts={account} MaxTime=1:00 Nodes={host} New={unknown}\n",
        "reservations": f"ReservationName={unknown}x StartTime=1 EndTime=2 Users=-{user} Accounts={account} Nodes={host}\n",
        "associations": f"c|{account}|{user}|{partition}|normal|" + "|" * (len(sacctmgr.ASSOCIATION_COLUMNS) - 6) + "\n",
        "users": f"{user}|{account}|None\nhello {unknown}\n",
        "configuration": f"ClusterName = {group}\nSlurmctldHost[0] = {unknown}({host})\nEpilog = /{unknown}\nSlurmUser = {user}(1007)\n",
        "jobs": SEPARATOR.join(f"7 {MARK} {user} RUNNING {host} {partition} 1795221000 1795221000 N/A 0 1 {host}".split(" "))
        + f"{SEPARATOR * 2}5{SEPARATOR}cpu=1{SEPARATOR}{unknown}:{user}\n{unknown}\n",
        "holdings": "Current Association Manager state\n"
        f"ClusterName=c Account={account} UserName={user}(1007) Partition= Lineage=/{account}/\n",
    }
    document = captured(texts, f"error: {user}: {unknown} at /home/{user}/{unknown} ({host})\n").document
    written = json.dumps(document, ensure_ascii=False).lower()
    assert [name for name in (*names, host) if name.lower() in written] == []


def test_shapes() -> None:
    """Capitals, digits, signs and length stay; no two words are alike."""
    words = candidates("mixed.case-x")
    assert like("Mixed.Case-X", next(words)) == "Abcde.Fghi-J"
    assert len({next(words) for _ in range(3000)}) == 3000
    assert outline("Ab-9 é") == "Xx-0 é"


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is its owner's alone and never written over one that is there; what fails is in it, and what is done is said."""
    output = tmp_path / "capture.json"
    arguments = ["capture", "--bin-dir", str(tmp_path / "nothing"), "--output", str(output)]
    assert main(arguments) == 0
    assert stat.S_IMODE(os.stat(output).st_mode) == 0o600  # noqa: PTH116
    document = json.loads(output.read_text())
    assert {answer["failed"] for answer in document["answers"].values()} == {"SlurmNotStarted"}
    assert str(tmp_path) not in output.read_text()
    assert "without an answer" in capsys.readouterr().err
    assert main(arguments) == 1
    assert "cannot be written" in capsys.readouterr().err
