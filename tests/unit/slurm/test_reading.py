"""One odd row hides no other, in any list; an answer that is none stays an error; and a list has a bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from spawner.bounds import DEFAULTS
from spawner.errors import SlurmOutputError
from spawner.slurm import sacct, sacctmgr, scontrol, squeue, sstat
from spawner.slurm.model import Node
from spawner.slurm.reading import Reading
from tests.support.finished_jobs import row

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "slurm"
VERSIONS = ("22.05.8", "24.11.5")
MARK = "0123456789abcdef"

Parser = Callable[[str, Reading], Any]


def jobs(text: str, reading: Reading) -> Any:
    return squeue.parse_jobs(text, MARK, reading)


def tagged_jobs(text: str, reading: Reading) -> Any:
    return squeue.parse_tagged_jobs(text, MARK, reading)


LISTS: list[tuple[str, Parser]] = [
    ("nodes_busy", scontrol.parse_nodes),
    ("partitions", scontrol.parse_partitions),
    ("reservations", scontrol.parse_reservations),
    ("config", scontrol.parse_config),
    ("associations", sacctmgr.parse_associations),
    ("users", sacctmgr.parse_user_defaults),
    ("limits", sacctmgr.parse_associations),
    ("qos", sacctmgr.parse_qos),
    ("holdings", sacctmgr.parse_holdings),
    ("jobs_busy", jobs),
    ("jobs_tagged", tagged_jobs),
]


def fixture(version: str, name: str) -> str:
    path = FIXTURES / version / f"{name}.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("name", "parse"), LISTS, ids=[name for name, _parse in LISTS])
def test_what_slurm_printed_is_read_whole(version: str, name: str, parse: Parser) -> None:
    """Nothing of it is left out or unknown."""
    text, reading = fixture(version, name), Reading()
    if text:
        parse(text, reading)
    assert (reading.rows_left_out, reading.values_unknown, reading.first) == (0, 0, "")


@pytest.mark.parametrize(("name", "parse"), LISTS, ids=[name for name, _parse in LISTS])
def test_an_answer_that_was_cut_short_is_none(name: str, parse: Parser) -> None:
    """What comes after it would count as not there."""
    text = fixture("22.05.8", name)
    for kept in (text[:-1], text[: len(text) // 2].rstrip("\n")):
        with pytest.raises(SlurmOutputError):
            parse(kept, Reading())


@pytest.mark.parametrize(("name", "parse"), LISTS, ids=[name for name, _parse in LISTS])
def test_a_list_has_a_bound(name: str, parse: Parser) -> None:
    """A longer one is none: what would be cut off would count as not there."""
    text = fixture("22.05.8", name)
    rows = text.count("\n")
    parse(text, Reading(replace(DEFAULTS, list_rows=rows)))
    with pytest.raises(SlurmOutputError, match=f"more than the bound of {rows - 1}"):
        parse(text, Reading(replace(DEFAULTS, list_rows=rows - 1)))


@pytest.mark.parametrize("text", ["Welcome to the cluster\n", "{}\n", "<html>\n<body>Bad gateway</body>\n</html>\n", "x|y\nz|w\n"])
@pytest.mark.parametrize(
    ("name", "parse"), [*LISTS, ("sacct", sacct.parse_finished), ("sstat", sstat.parse_usage)], ids=lambda value: str(value)[:20]
)
def test_another_answer_is_none(name: str, parse: Parser, text: str) -> None:
    """A banner alone, another format: not "nothing"."""
    if (name, text) != ("sstat", "x|y\nz|w\n"):  # it has as many columns, and no id of ours
        with pytest.raises(SlurmOutputError):
            parse(text, Reading())


@pytest.mark.parametrize(
    ("name", "parse", "whole", "odd", "counts"),
    [
        ("partitions", scontrol.parse_partitions, " Nodes=", " Nodes=n[", (1, 0)),
        ("partitions", scontrol.parse_partitions, "MaxTime=", "MaxTime=soon,", (0, 1)),
        ("partitions", scontrol.parse_partitions, "OverSubscribe=FORCE:", "OverSubscribe=FORCE:x", (0, 1)),
        ("partitions", scontrol.parse_partitions, "MaxTime=", "MaximumTime=", (1, 0)),
        ("reservations", scontrol.parse_reservations, "StartTime=", "StartTime=at-", (1, 0)),
        ("reservations", scontrol.parse_reservations, "CoreCnt=", "CoreCnt=x", (0, 1)),
        ("holdings", sacctmgr.parse_holdings, "GrpSubmitJobs=", "GrpSubmit=", (1, 0)),
        ("associations", sacctmgr.parse_associations, "|", "||", (1, 0)),
        ("users", sacctmgr.parse_user_defaults, "|", "||", (1, 0)),
        ("qos", sacctmgr.parse_qos, "|", "||", (1, 0)),
    ],
)
def test_one_odd_row(name: str, parse: Parser, whole: str, odd: str, counts: tuple[int, int]) -> None:
    """It is left out, or what cannot be read of it is unknown; all others are as before."""
    text, reading = fixture("22.05.8", name), Reading()
    spoilt = text.replace(whole, odd, 1)
    assert spoilt != text
    before, after = parse(text, Reading()), parse(spoilt, reading)
    assert (reading.rows_left_out, reading.values_unknown) == counts
    assert reading.first
    if name == "holdings":
        before, after = before.associations, after.associations
        assert [key for key in before if key not in after] == [next(iter(before))]
        return
    assert len(after) == len(before) - counts[0]
    same = [entry for entry in after if entry in before]
    assert len(same) == len(before) - 1


@pytest.mark.parametrize(
    ("key", "value"), [("CPUTot", "8x"), ("RealMemory", ""), ("AllocMem", "N/A"), ("Gres", "gpu:a:b:c:1"), ("GresUsed", "gpu:((")]
)
def test_one_odd_node(key: str, value: str) -> None:
    """Of it only the name and the address are known: it is used for nothing, a session on it is reached all the same, and the others are
    as before.
    """
    text, reading = fixture("22.05.8", "nodes_busy"), Reading()
    line = next(line for line in text.split("\n") if line.startswith("NodeName=g001 "))
    start = line.index(f" {key}=") + len(key) + 2
    spoilt = line[:start] + value + line[line.index(" ", start) :]
    before, after = scontrol.parse_nodes(text), scontrol.parse_nodes(text.replace(line, spoilt), reading)
    g001 = next(node for node in before if node.name == "g001")
    assert [node for node in after if node not in before] == [Node("g001", g001.address, "unknown")]
    assert [node.name for node in after] == [node.name for node in before]
    assert (reading.rows_left_out, reading.values_unknown) == (1, 0)


def test_a_value_has_a_bound() -> None:
    """A longer one is as one that cannot be read."""
    reading = Reading(replace(DEFAULTS, value_characters=20))
    jobs = sacct.parse_finished(row(NodeList="g" * 21) + row(JobIDRaw="8", ReqMem="1" * 21), reading)
    assert (jobs[7].nodes, jobs[8].memory_mb, reading.values_unknown) == ((), None, 2)
