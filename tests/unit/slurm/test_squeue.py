"""Tests for spawner.slurm.squeue: captured and derived answers of each Slurm version, and hostile ones."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spawner.errors import SlurmOutputError
from spawner.slurm import sacctmgr, sbatch, scontrol, squeue
from spawner.slurm.model import UNREAD, AccountingLimits, Association, Gres, Holdings, Job, Node, Qos, Reservation, Use, UserDefaults
from spawner.slurm.reading import Reading

settings.register_profile("unit", deadline=None)  # a loaded machine is no failure
settings.load_profile("unit")

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "slurm"
CAPTURED = ("22.05.8", "24.11.5")
NODES_ONLY = ("26.05.5",)
DERIVED = ("21.08", "23.02", "23.11", "24.05", "25.05", "25.11")
MARK = "0123456789abcdef"


def fixture(version: str, name: str) -> str:
    """The text of one captured or derived answer."""
    return (FIXTURES / version / f"{name}.txt").read_text(encoding="utf-8")


def nodes_of(version: str, name: str = "nodes") -> dict[str, Node]:
    """The nodes of one answer by name."""
    return {node.name: node for node in scontrol.parse_nodes(fixture(version, name))}


def gpus(node: Node) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], int]]:
    """Totals and used of every GRES of a node."""
    return {(g.name, g.type): g.count for g in node.gres}, {(g.name, g.type): g.count for g in node.gres_used}


def test_every_fixture_is_read() -> None:
    """Each node list of each version gives at least two nodes, none of an unknown state."""
    paths = sorted(FIXTURES.glob("*/nodes*.txt"))
    assert {path.parent.name for path in paths} == {*CAPTURED, *NODES_ONLY, *DERIVED}
    for path in paths:
        nodes = scontrol.parse_nodes(path.read_text(encoding="utf-8"))
        assert len(nodes) >= 2, path
        assert all(node.state in {"idle", "mixed", "allocated", "down"} for node in nodes), path
        assert all(node.address and node.arch == "x86_64" and node.cores_total > 0 and node.memory_mb > 1 for node in nodes), path


def test_exclusive_partitions_of_26_05() -> None:
    """Whole nodes and nodes of one user are printed as Exclusive= from 26.05 on, whatever slurm.conf calls them."""
    read = {entry.name: entry for entry in scontrol.parse_partitions(fixture("26.05.5", "partitions"))}
    assert {name: (entry.oversubscribe, entry.exclusive_user) for name, entry in read.items()} == {
        "g100_int": ("FORCE", False),
        "g100_cpu": ("NO", False),
        "whole": ("EXCLUSIVE", False),
        "node": ("EXCLUSIVE", False),
        "mine": ("NO", True),
        "topo": ("EXCLUSIVE", False),
    }


# --- nodes, captured ---


@pytest.mark.parametrize("version", CAPTURED)
def test_an_idle_cluster_is_read(version: str) -> None:
    """Fresh from the start: every size as configured, nothing allocated."""
    nodes = nodes_of(version, "nodes_idle")
    assert list(nodes) == ["c001", "c002", "g001", "g002", "g003", "m001", "s001"]
    g001 = nodes["g001"]
    assert (g001.state, g001.flags, g001.reason) == ("idle", frozenset(), "")
    assert (g001.cores_total, g001.cores_allocated, g001.cores_schedulable) == (48, 0, 48)
    assert (g001.memory_mb, g001.memory_mb_allocated, g001.memory_mb_system, g001.memory_mb_schedulable) == (375300, 0, 8192, 367108)
    assert g001.partitions == ("g100_int",)
    assert g001.features == ("v100", "skylake")
    assert g001.address == "127.0.1.1"
    assert nodes["c002"].partitions == ("g100_cpu", "hidden")
    assert nodes["c001"].features == ()
    assert nodes["c001"].gres == ()
    assert nodes["g003"].flags == frozenset()  # reserved seconds ago: Slurm sets the flag when it next looks, so join by name
    assert (nodes["m001"].cores_total, nodes["m001"].cores_system, nodes["m001"].cores_schedulable) == (64, 2, 62)
    assert nodes["s001"].threads_per_core == 2


@pytest.mark.parametrize("version", CAPTURED)
def test_a_busy_cluster_is_read(version: str) -> None:
    """With jobs running: allocated GPUs of every kind, and a suspended job that still holds its GPUs and memory."""
    nodes = nodes_of(version, "nodes_busy")
    assert gpus(nodes["g001"])[0] == {("gpu", "v100"): 2}
    assert gpus(nodes["g001"])[1]["gpu", "v100"] == 1
    assert (nodes["g001"].state, nodes["g001"].cores_allocated, nodes["g001"].memory_mb_allocated) == ("mixed", 2, 10240)
    assert gpus(nodes["g002"])[1]["gpu", "v100"] == 2
    assert (nodes["g002"].cores_allocated, nodes["g002"].memory_mb_allocated) == (0, 10240)
    totals, used = gpus(nodes["m001"])
    assert totals == {("gpu", "a100"): 2, ("gpu", "a100_3g.20gb"): 4}
    assert (used["gpu", "a100"], used["gpu", "a100_3g.20gb"]) == (1, 3)
    assert (nodes["c001"].cores_total, nodes["c001"].cores_allocated) == (48, 40)
    assert nodes["s001"].flags == {"reserved"}


@pytest.mark.parametrize(
    ("version", "expected"),
    [("22.05.8", Gres("shard", "t4", 1, "IDX:0")), ("24.11.5", Gres("shard", "t4", 3, "3/4,0/4"))],
)
def test_shards_in_use_are_printed_otherwise_since_23_11(version: str, expected: Gres) -> None:
    """Three shards of one card: 22.05 counts the card, 24.11 the shards, with those of each card in the parentheses."""
    s001 = nodes_of(version, "nodes_busy")["s001"]
    assert Gres("shard", "t4", 8) in s001.gres
    assert expected in s001.gres_used


@pytest.mark.parametrize("version", CAPTURED)
def test_nodes_out_of_service_say_so(version: str) -> None:
    """A drained node looks idle but for its flag; the reason comes without the stamp that names who gave it."""
    nodes = nodes_of(version, "nodes_drained")
    assert (nodes["g001"].state, nodes["g001"].flags) == ("idle", frozenset({"drain"}))
    assert nodes["s001"].flags == {"drain", "reserved"}
    assert nodes["s001"].reason == "shards"
    assert nodes["c002"].flags == {"maintenance", "reserved"}
    assert all("root@" not in node.reason and "[" not in node.reason for node in nodes.values())


@pytest.mark.parametrize("version", CAPTURED)
def test_free_text_forges_no_key(version: str) -> None:
    """Reason, Comment and Extra that hold ``State=``, ``CPUTot=``, ``Gres=``, ``MemSpecLimit=`` change none of them."""
    text = fixture(version, "nodes_drained")
    assert "Reason=bad fan State=IDLE CPUTot=9" in text
    assert "Comment=note Gres=gpu:99 State=DOWN MemSpecLimit=5" in text
    nodes = nodes_of(version, "nodes_drained")
    assert nodes["g001"].reason == "bad fan State=IDLE CPUTot=9"
    assert (nodes["g001"].cores_total, nodes["g001"].memory_mb_system) == (48, 8192)
    c002 = nodes["c002"]
    assert (c002.state, c002.gres, c002.memory_mb_system, c002.partitions, c002.reason) == ("mixed", (), 0, ("g100_cpu", "hidden"), "")


@pytest.mark.parametrize("version", CAPTURED)
def test_a_newline_in_a_comment_makes_no_node(version: str) -> None:
    """A line that does not start as scontrol starts a record continues the text before it, ``NodeName=`` or not."""
    assert "\nNodeName=ghost State=IDLE Gres=gpu:8" in fixture(version, "nodes_drained")
    nodes = nodes_of(version, "nodes_drained")
    assert "ghost" not in nodes
    assert len(nodes) == 7


# --- nodes, derived ---

_NONE: frozenset[str] = frozenset()

DERIVED_NODES = [
    pytest.param(
        "21.08", "g001", "mixed", _NONE, (Gres("gpu", "v100", 4, "S:0-1"),), (Gres("gpu", "v100", 3, "IDX:0,2-3"),), "", id="21.08-used"
    ),
    pytest.param(
        "21.08",
        "g002",
        "idle",
        {"drain", "not_responding"},
        (Gres("gpu", "v100", 4, "S:0,2"),),
        (Gres("gpu", "v100", 0, "IDX:N/A"),),
        "Not responding",
        id="21.08-suffix-and-drain",
    ),
    pytest.param(
        "21.08",
        "g003",
        "idle",
        {"powered_down", "cloud"},
        (Gres("gpu", "", 4),),
        (Gres("gpu", "", 2, "IDX:0-1"),),
        "",
        id="21.08-null-type",
    ),
    pytest.param("21.08", "c001", "allocated", {"completing"}, (), (Gres("gpu", "", 0),), "", id="21.08-plus-suffix-and-comment"),
    pytest.param(
        "21.08",
        "m001",
        "idle",
        {"maintenance"},
        (Gres("gpu", "v100", 4),),
        (Gres("gpu", "v100", 0, "IDX:N/A"),),
        "",
        id="21.08-maintenance",
    ),
    pytest.param(
        "23.02",
        "g001",
        "mixed",
        {"planned"},
        (Gres("gpu", "a100", 2, "S:0"), Gres("gpu", "v100", 2, "S:1")),
        (Gres("gpu", "a100", 2, "IDX:0-1"), Gres("gpu", "v100", 1, "IDX:2")),
        "",
        id="23.02-two-types",
    ),
    pytest.param(
        "23.02",
        "s001",
        "mixed",
        _NONE,
        (Gres("gpu", "t4", 2, "S:0"), Gres("shard", "t4", 16, "S:0")),
        (Gres("gpu", "t4", 1, "IDX:0"), Gres("shard", "t4", 1, "IDX:1")),
        "",
        id="23.02-shards-by-card",
    ),
    pytest.param(
        "23.02",
        "g002",
        "idle",
        {"maintenance", "reserved"},
        (Gres("gpu", "a100", 4),),
        (Gres("gpu", "a100", 0, "IDX:N/A"),),
        "",
        id="23.02-maintenance",
    ),
    pytest.param(
        "23.11",
        "s001",
        "mixed",
        _NONE,
        (Gres("gpu", "a100", 2, "S:0-1"), Gres("shard", "a100", 16, "S:0-1")),
        (Gres("gpu", "a100", 0, "IDX:N/A"), Gres("shard", "a100", 5, "2/8,3/8")),
        "",
        id="23.11-shards",
    ),
    pytest.param(
        "23.11",
        "s002",
        "mixed",
        _NONE,
        (Gres("gpu", "", 4), Gres("shard", "", 20)),
        (Gres("gpu", "", 1, "IDX:0"), Gres("shard", "", 8, "-/5,5/5,3/5,0/5")),
        "",
        id="23.11-whole-and-shards",
    ),
    pytest.param(
        "23.11",
        "g003",
        "down",
        {"cloud", "not_responding"},
        (Gres("gpu", "h100", 4),),
        (Gres("gpu", "", 0),),
        "Power Comment= budget [x]",
        id="23.11-never-registered",
    ),
    pytest.param(
        "24.05",
        "g001",
        "idle",
        {"reboot_requested"},
        (Gres("gpu", "h100", 4),),
        (Gres("gpu", "h100", 0, "IDX:N/A"),),
        "",
        id="24.05-reboot",
    ),
    pytest.param(
        "24.05",
        "g002",
        "allocated",
        {"blocked"},
        (Gres("gpu", "h100", 2), Gres("gpu", "h100_1g.10gb+me", 7)),
        (Gres("gpu", "h100", 2, "IDX:0-1"),),
        "",
        id="24.05-type-without-use-is-omitted",
    ),
    pytest.param(
        "24.05",
        "g003",
        "down",
        {"invalid_reg"},
        (Gres("gpu", "h100", 4),),
        (),
        "gres/gpu count reported lower than configured (3 < 4)",
        id="24.05-invalid",
    ),
    pytest.param(
        "25.05", "g001", "mixed", _NONE, (Gres("gpu", "h200", 8, "S:0-1"),), (Gres("gpu", "h200", 5, "IDX:0-3,5"),), "", id="25.05-used"
    ),
    pytest.param("25.05", "x002", "idle", {"external"}, (), (), "", id="25.05-external"),
    pytest.param(
        "25.05",
        "d003",
        "idle",
        {"dynamic_norm", "powered_down"},
        (Gres("gpu", "l40s", 1),),
        (Gres("gpu", "l40s", 0, "IDX:N/A"),),
        "",
        id="25.05-off",
    ),
    pytest.param(
        "25.11", "g001", "idle", {"reserved"}, (Gres("gpu", "b200", 8),), (Gres("gpu", "b200", 0, "IDX:N/A"),), "", id="25.11-reserved"
    ),
    pytest.param(
        "25.11", "g002", "mixed", {"drain"}, (Gres("gpu", "b200", 8),), (Gres("gpu", "b200", 8, "IDX:0-7"),), "xid 79", id="25.11-draining"
    ),
]


@pytest.mark.parametrize(("version", "name", "state", "flags", "gres", "used", "reason"), DERIVED_NODES)
def test_nodes_of_every_version_are_read(
    version: str, name: str, state: str, flags: frozenset[str] | set[str], gres: tuple[Gres, ...], used: tuple[Gres, ...], reason: str
) -> None:
    """State, flags, GRES and reason in the shapes that each release prints."""
    node = nodes_of(version)[name]
    assert (node.state, node.flags, node.gres, node.gres_used, node.reason) == (state, frozenset(flags), gres, used, reason)


def test_cores_of_the_system_come_from_the_effective_count() -> None:
    """CPUTot less CPUEfctv; 21.08 prints no CPUEfctv, so none there."""
    assert nodes_of("25.05")["g001"].cores_system == 4
    assert nodes_of("23.02")["g001"].cores_schedulable == 62
    assert nodes_of("21.08")["g001"].cores_system == 0


def test_a_node_in_no_partition_has_none() -> None:
    """scontrol leaves ``Partitions=`` out."""
    assert nodes_of("25.05")["d003"].partitions == ()
    assert nodes_of("25.05")["d003"].memory_mb_system == 0


# --- nodes, by hand ---


def node_line(**changes: str) -> str:
    """One record as 22.05 prints it; a key set to ``None``'s text ``""`` is left out."""
    values = {
        "NodeName": "n1",
        "Arch": "x86_64",
        "CoresPerSocket": "4",
        "CPUAlloc": "0",
        "CPUEfctv": "8",
        "CPUTot": "8",
        "ActiveFeatures": "(null)",
        "Gres": "(null)",
        "GresUsed": "gpu:0",
        "NodeAddr": "n1",
        "OS": "Linux 5.1 #1 SMP",
        "RealMemory": "1000",
        "AllocMem": "0",
        "State": "IDLE",
        "ThreadsPerCore": "1",
        "Partitions": "p",
        "AllocTRES": "",
    }
    values.update(changes)
    return " ".join(f"{key}={value}" for key, value in values.items()) + "\n"


@pytest.mark.parametrize(
    ("printed", "state", "flags"),
    [
        ("IDLE", "idle", set()),
        ("IDLE+DRAIN", "idle", {"drain"}),
        ("MIXED+CLOUD*", "mixed", {"cloud", "not_responding"}),
        ("DOWN*+CLOUD", "down", {"cloud", "not_responding"}),
        ("DOWN+NOT_RESPONDING", "down", {"not_responding"}),
        ("ALLOCATED+", "allocated", {"completing"}),
        ("IDLE+COMPLETING+DRAIN", "idle", {"completing", "drain"}),
        ("IDLE#", "idle", {"powering_up"}),
        ("IDLE!", "idle", {"power_down"}),
        ("IDLE%", "idle", {"powering_down"}),
        ("IDLE~", "idle", {"powered_down"}),
        ("IDLE$", "idle", {"maintenance"}),
        ("MIXED@", "mixed", {"reboot_requested"}),
        ("IDLE^", "idle", {"reboot_issued"}),
        ("MIXED-", "mixed", {"planned"}),
        ("DRAINED*", "idle", {"drain", "not_responding"}),
        ("DRAINING", "allocated", {"drain"}),
        ("MAINT", "idle", {"maintenance"}),
        ("MAINT*+DRAIN", "idle", {"maintenance", "drain", "not_responding"}),
        ("RESERVED", "idle", {"reserved"}),
        ("RESV", "idle", {"reserved"}),
        ("PLANNED", "idle", {"planned"}),
        ("INVAL", "idle", {"invalid_reg"}),
        ("IDLE+POWER_DOWN+POWERED_DOWN", "idle", {"power_down", "powered_down"}),
        ("FUTURE", "future", set()),
        ("UNKNOWN+NOT_RESPONDING", "unknown", {"not_responding"}),
        ("ERROR", "error", set()),
        ("SHINY", "unknown", {"shiny"}),
        ("IDLE+SHINY", "idle", {"shiny"}),
        ("?", "unknown", {"?"}),
    ],
)
def test_states_are_split_into_base_and_flags(printed: str, state: str, flags: set[str]) -> None:
    """Each form of scontrol(1) and of sinfo(1) NODE STATE CODES; a word we do not know makes the state unknown, never usable."""
    (node,) = scontrol.parse_nodes(node_line(State=printed))
    assert (node.state, node.flags) == (state, frozenset(flags))


@pytest.mark.parametrize(
    "os",
    [
        "Linux 5.1 #1 SMP",
        "Linux 4.18.0-553.el8.x86_64 #1 SMP Fri May 24 13:05:10 UTC 2024",
        "Linux State=DOWN Gres=gpu:9 MemSpecLimit=9 Reason=x",
        "",
    ],
    ids=["short", "rhel", "hostile", "empty"],
)
def test_the_operating_systems_words_are_skipped(os: str) -> None:
    """``OS=`` has blanks and comes from the node itself: its words set no key."""
    (node,) = scontrol.parse_nodes(node_line(OS=os))
    assert (node.state, node.gres, node.memory_mb_system, node.reason, node.memory_mb) == ("idle", (), 0, "", 1000)


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("Reason=disk [root@1795221306]", "disk"),
        ("Reason=disk [root@2026-11-21T00:00:00]", "disk"),
        ("Reason=disk", "disk"),
        ("Reason=disk Comment=rack 4", "disk"),
        ("Reason=see [ticket 7] now [root@1795221306]        second line Comment=x", "see [ticket 7] now"),
        ("Reason=a Comment=b [root@1] Comment=c", "a Comment=b"),
        ("Comment=Reason=x", ""),
        ("Comment=x Reason=y", ""),
        ("Extra=Reason=x", ""),
    ],
)
def test_the_reason_is_the_admins_text_without_the_stamp(tail: str, reason: str) -> None:
    """``[who@when]`` names a person and is cut off; what stands in Comment is no reason."""
    (node,) = scontrol.parse_nodes(node_line().rstrip("\n") + f" {tail}\n")
    assert node.reason == reason


def test_a_node_without_an_address_is_reached_by_its_name() -> None:
    """NodeAddr is the NodeName where slurm.conf gives none (slurm.conf(5))."""
    line = node_line().replace(" NodeAddr=n1", "")
    assert scontrol.parse_nodes(line)[0].address == "n1"


@pytest.mark.parametrize("key", ["State", "CPUTot", "CPUAlloc", "RealMemory", "AllocMem"])
def test_a_node_without_a_key_is_unreadable(key: str) -> None:
    """A missing number is not 0: an answer without another node is refused, and the log names the key."""
    line = re.sub(rf" {key}=\S*", "", node_line())
    with pytest.raises(SlurmOutputError) as caught:
        scontrol.parse_nodes(line)
    assert key in caught.value.log


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("CPUTot", "8x"),
        ("CPUTot", "-8"),
        ("RealMemory", ""),
        ("AllocMem", "N/A"),
        ("CPUAlloc", "٣"),
        ("Gres", "gpu:a:b:c:1"),
        ("MemSpecLimit", "x"),
    ],
)
def test_a_value_that_is_no_number_is_unreadable(key: str, value: str) -> None:
    """The sentence is plain, the log has the value."""
    with pytest.raises(SlurmOutputError) as caught:
        scontrol.parse_nodes(node_line(**{key: value}))
    assert caught.value.sentence == "Slurm gave an answer that we cannot read."
    assert key in caught.value.log


def test_a_node_listed_twice_is_unreadable() -> None:
    """Nothing tells which of the two is true."""
    with pytest.raises(SlurmOutputError, match="two records"):
        scontrol.parse_nodes(node_line() + node_line(State="DOWN"))


@pytest.mark.parametrize(
    "text", ["", "\n", "Welcome to the cluster\n", "NodeName=n1 State=IDLE\n"], ids=["empty", "newline", "banner", "cut"]
)
def test_an_answer_without_nodes_is_unreadable(text: str) -> None:
    """scontrol says so in words if there are none; silence is not "no nodes"."""
    with pytest.raises(SlurmOutputError):
        scontrol.parse_nodes(text)


def test_a_cluster_without_nodes_has_none() -> None:
    """scontrol's own words for it."""
    assert scontrol.parse_nodes("No nodes in the system\n") == ()


@given(text=st.text(st.characters(exclude_characters="\n"), max_size=60))
def test_no_reason_forges_a_key(text: str) -> None:
    """Whatever an admin writes, all but the reason stays as it was."""
    (plain,) = scontrol.parse_nodes(node_line())
    (node,) = scontrol.parse_nodes(node_line().rstrip("\n") + f" Reason={text} [root@1795221306] Comment={text} Extra={text}\n")
    assert {**_dict(node), "reason": ""} == {**_dict(plain), "reason": ""}


def _dict(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


@pytest.mark.no_cover  # tracing would be in the time that it takes
def test_ten_thousand_nodes_are_read_in_time() -> None:
    """5 MB of nodes, as a large cluster prints, within a second of work: the table must not lag behind the cluster."""
    template = next(line for line in fixture("22.05.8", "nodes_busy").split("\n") if line.startswith("NodeName=g001 "))
    text = "".join(
        template.replace("g001", f"g{number:05d}").replace("CPUAlloc=2", f"CPUAlloc={number % 48}") + "\n" for number in range(10_000)
    )
    assert len(text) > 5_000_000
    # The thread's own work: a clock on the wall would tell how busy the machine is.
    begun = time.thread_time()
    nodes = scontrol.parse_nodes(text)
    assert time.thread_time() - begun < 1
    assert len(nodes) == 10_000


# --- partitions ---


@pytest.mark.parametrize("version", CAPTURED)
def test_partitions_are_read(version: str) -> None:
    """Limits, access and sharing of each; ALL and UNLIMITED are None, and a denied list is not an allowed one."""
    partitions = {partition.name: partition for partition in scontrol.parse_partitions(fixture(version, "partitions"))}
    assert list(partitions) == ["g100_int", "g100_cpu", "g100_mig", "hidden"]
    main = partitions["g100_int"]
    assert (main.state, main.is_default, main.nodes, main.total_nodes) == ("UP", True, ("g001", "g002", "g003"), 3)
    assert (main.max_minutes, main.default_minutes) == (480, 60)
    assert (main.allow_accounts, main.deny_accounts, main.allow_groups, main.allow_qos, main.deny_qos, main.qos) == (
        None,
        None,
        None,
        None,
        None,
        "",
    )
    assert (main.oversubscribe, main.oversubscribe_count) == ("FORCE", 5)
    assert main.billing_weights == (("cpu", "1.0"), ("mem", "0.25G"), ("gres/gpu", "16"))
    assert (main.max_cores_per_node, main.max_memory_mb_per_node, main.max_memory_mb_per_cpu) == (None, None, None)
    cpu = partitions["g100_cpu"]
    assert (cpu.deny_accounts, cpu.allow_accounts) == (("cin_other",), None)
    assert (cpu.max_minutes, cpu.default_minutes) == (1440, None)
    assert (cpu.max_cores_per_node, cpu.max_memory_mb_per_cpu, cpu.max_memory_mb_per_node) == (40, 8000, None)
    assert (cpu.oversubscribe, cpu.oversubscribe_count, cpu.billing_weights, cpu.is_default) == ("NO", 1, (), False)
    mig = partitions["g100_mig"]
    assert (mig.allow_accounts, mig.allow_qos, mig.qos, mig.max_minutes) == (("cineca", "cin_staff"), ("normal", "long"), "long", None)
    assert len(mig.allow_groups or ()) == 2
    assert (mig.reservation_required, mig.hidden, mig.root_only) == (True, False, False)
    hidden = partitions["hidden"]
    assert (hidden.hidden, hidden.root_only, hidden.oversubscribe, hidden.oversubscribe_count) == (True, True, "EXCLUSIVE", 1)
    assert (hidden.max_memory_mb_per_node, hidden.reservation_required) == (100000, False)


@pytest.mark.parametrize(
    ("version", "weights"),
    [("21.08", ()), ("23.02", (("cpu", "0.5"), ("mem", "0.1G"), ("gres/gpu:a100", "20"))), ("25.05", ())],
)
def test_partitions_of_other_versions_are_read(version: str, weights: tuple[tuple[str, str], ...]) -> None:
    """Keys that come and go with the releases change nothing of those that are read."""
    (partition,) = scontrol.parse_partitions(fixture(version, "partitions"))
    assert (partition.name, partition.max_minutes, partition.deny_accounts) == ("gpu", 2880, ("closed",))
    assert partition.nodes == ("g001", "g002", "g003", "s001", "s002")
    assert (partition.oversubscribe, partition.oversubscribe_count, partition.billing_weights) == ("YES", 4, weights)


def partition_line(**changes: str) -> str:
    """One partition as scontrol prints it, with some keys changed."""
    values = {"PartitionName": "p", "AllowGroups": "ALL", "MaxTime": "1:00:00", "Nodes": "n1", "OverSubscribe": "NO", "State": "UP"}
    values.update(changes)
    return " ".join(f"{key}={value}" for key, value in values.items()) + "\n"


@pytest.mark.parametrize(
    ("printed", "expected"),
    [("FORCE", ("FORCE", 4)), ("YES", ("YES", 4)), ("FORCE:1", ("FORCE", 1)), ("EXCLUSIVE", ("EXCLUSIVE", 1)), ("NO", ("NO", 1))],
)
def test_sharing_without_a_number_is_by_four(printed: str, expected: tuple[str, int]) -> None:
    """slurm.conf(5), OverSubscribe: the default number of jobs is four."""
    (partition,) = scontrol.parse_partitions(partition_line(OverSubscribe=printed))
    assert (partition.oversubscribe, partition.oversubscribe_count) == expected


def test_a_groups_name_may_hold_a_blank() -> None:
    """Directory services have groups such as "domain users"."""
    (partition,) = scontrol.parse_partitions(partition_line(AllowGroups="domain users,staff"))
    assert partition.allow_groups == ("domain users", "staff")


def test_a_partition_without_nodes_has_none() -> None:
    """scontrol prints ``(null)``."""
    (partition,) = scontrol.parse_partitions(partition_line(Nodes="(null)"))
    assert partition.nodes == ()


@pytest.mark.parametrize("nodes", ["n[1-", "n[1-9999999]"])
def test_a_partition_whose_nodes_cannot_be_read_is_none(nodes: str) -> None:
    """Without them nothing can be said of it."""
    with pytest.raises(SlurmOutputError):
        scontrol.parse_partitions(partition_line(Nodes=nodes))


@pytest.mark.parametrize("text", ["", "slurm_load_partitions error\n", "PartitionName=p AllowGroups=ALL\n"], ids=["empty", "error", "cut"])
def test_an_answer_without_partitions_is_unreadable(text: str) -> None:
    """Silence is not "no partitions", and a record that was cut is none."""
    with pytest.raises(SlurmOutputError):
        scontrol.parse_partitions(text)


# --- reservations ---


@pytest.mark.parametrize("version", CAPTURED)
def test_reservations_are_read(version: str) -> None:
    """Who, when and what, of active and future ones; a reservation of some cores says how many."""
    reservations = {reservation.name: reservation for reservation in scontrol.parse_reservations(fixture(version, "reservations"))}
    assert list(reservations) == ["s_tra_school", "maint", "cores", "mig", "now_maint"]
    school = reservations["s_tra_school"]
    assert (school.end - school.start, school.nodes, school.node_count, school.core_count) == (30 * 86400, ("g003",), 1, 48)
    assert len(school.users) == 2
    assert (school.accounts, school.groups, school.partition, school.flags, school.state) == (
        (),
        (),
        "",
        frozenset({"SPEC_NODES"}),
        "ACTIVE",
    )
    assert reservations["maint"].accounts == ("-cin_other",)
    assert reservations["maint"].flags == {"MAINT", "IGNORE_JOBS", "SPEC_NODES"}
    assert reservations["maint"].state == "INACTIVE"
    cores = reservations["cores"]
    assert (cores.core_count, cores.nodes, cores.flags, cores.accounts, cores.partition) == (
        4,
        ("c001",),
        frozenset(),
        ("cin_staff",),
        "g100_cpu",
    )


@pytest.mark.parametrize("version", ["21.08", "24.05", "25.11"])
def test_reservations_of_other_versions_are_read(version: str) -> None:
    """Watts goes, QOS and Comment come; a Comment that holds ``State=`` and ``Users=`` sets neither."""
    (course,) = scontrol.parse_reservations(fixture(version, "reservations"))
    assert (course.name, course.groups, course.users, course.accounts) == ("course", ("students",), (), ("teach", "-old"))
    assert (course.state, course.flags) == ("ACTIVE", frozenset({"FLEX", "MAGNETIC", "SPEC_NODES"}))
    by_lists = (course.partition, course.allowed_partitions, course.qos)
    assert by_lists == (("", ("gpu", "all"), ("normal",)) if version == "25.11" else ("gpu", (), ()))


@pytest.mark.parametrize(
    ("listing", "admitted"),
    [((), True), (("gpu", "all"), True), (("all",), False), (("-gpu", "-all"), False), (("-all",), True)],
)
def test_whom_a_reservation_takes(listing: tuple[str, ...], admitted: bool) -> None:
    """Those on its list, all but those on it, or everybody."""
    assert Reservation("r", allowed_partitions=listing).takes_partition("gpu") is admitted
    assert Reservation("r", qos=listing).takes_qos("gpu") is admitted
    assert Reservation("r", qos=listing).takes_qos("")


@pytest.mark.parametrize("version", CAPTURED)
def test_no_reservation_is_none(version: str) -> None:
    """scontrol's words for it give no reservation, and no failure."""
    assert scontrol.parse_reservations(fixture(version, "reservations_none")) == ()


@pytest.mark.parametrize("count", ["4294967294", "18446744073709551614", "(null)"])
def test_a_core_count_that_slurm_does_not_say_is_unknown(count: str) -> None:
    """NO_VAL of slurm.h is no number of cores."""
    text = f"ReservationName=r StartTime=1 EndTime=2 Duration=00:00:01 Nodes=(null) NodeCnt=0 CoreCnt={count} Users=a State=ACTIVE\n"
    (reservation,) = scontrol.parse_reservations(text)
    assert reservation.core_count is None
    assert reservation.nodes == ()


def test_times_that_are_not_in_seconds_are_unreadable() -> None:
    """A clock time means that SLURM_TIME_FORMAT did not reach the command: guessing a time zone would be worse."""
    with pytest.raises(SlurmOutputError, match="StartTime"):
        scontrol.parse_reservations("ReservationName=r StartTime=2026-11-21T00:00:00 EndTime=2026-11-22T00:00:00 Nodes=n1\n")


@pytest.mark.parametrize("text", ["", "ReservationName=r StartTime=1\n"], ids=["empty", "cut"])
def test_an_answer_without_reservations_is_unreadable(text: str) -> None:
    """Silence is not "no reservations"."""
    with pytest.raises(SlurmOutputError):
        scontrol.parse_reservations(text)


# --- accounting ---


def test_associations_are_read() -> None:
    """Accounts' own rows have a parent and no user, users' rows a user and no parent."""
    rows = sacctmgr.parse_associations(fixture("22.05.8", "associations"))
    assert Association("cin_staff", "ada", "", ("normal",), "", "", "demo") in rows
    assert Association("cin_train", "", "", ("normal",), "", "cineca", "demo") in rows
    assert {row.account for row in rows if row.user == "ada"} == {"cin_staff", "cin_train"}
    assert {row.account for row in rows if row.user == "grace"} == {"cin_train"}
    assert not [row for row in rows if row.user and row.parent]


def test_an_association_may_have_a_partition_and_several_qos() -> None:
    """Every column in its place."""
    (row,) = sacctmgr.parse_associations("g100|acct|ada|gpu|normal,long,+x|long|" + "|" * 11 + "\n")
    assert row == Association("acct", "ada", "gpu", ("normal", "long", "+x"), "long", "", "g100")


def test_user_defaults_are_read() -> None:
    """Each user's default account; empty where there is none."""
    assert UserDefaults("ada", "cin_staff") in sacctmgr.parse_user_defaults(fixture("22.05.8", "users"))
    assert sacctmgr.parse_user_defaults("ada||None\n") == (UserDefaults("ada", ""),)
    levels = {entry.user: entry.is_operator for entry in sacctmgr.parse_user_defaults(fixture("22.05.8", "users"))}
    assert levels == {"ada": False, "grace": True, "root": True}


@pytest.mark.parametrize("parser", [sacctmgr.parse_associations, sacctmgr.parse_user_defaults, sacctmgr.parse_qos])
def test_a_database_without_rows_has_none(parser: Any) -> None:
    """sacctmgr prints nothing then, and exits 0."""
    assert parser("") == ()
    assert parser("\n") == ()


@pytest.mark.parametrize("row", ["demo|acct|ada", "demo|acct|ada|||||||", "sacctmgr|Access denied"])
def test_a_row_with_other_columns_is_unreadable(row: str) -> None:
    """A row that is shifted by a column would give somebody another account."""
    with pytest.raises(SlurmOutputError, match="18 columns"):
        sacctmgr.parse_associations(f"{row}\n")
    reading = Reading()
    (root,) = sacctmgr.parse_associations(f"demo|root|||normal||{'|' * 11}\n{row}\n", reading)
    assert (root.account, reading.rows_left_out) == ("root", 1)


def test_limits_of_associations_are_read() -> None:
    """Each limit in its place; what a user's row has no limit of is the account's, as Slurm prints it."""
    for version in ("22.05.8", "24.11.5"):
        rows = {(row.account, row.user): row for row in sacctmgr.parse_associations(fixture(version, "limits"))}
        assert rows["root", ""].limits == AccountingLimits()
        assert rows["cin_train", ""].limits == AccountingLimits(
            per_job=(("cpu", 32),),
            per_node=(("mem", 65536),),
            per_job_minutes=(("cpu", 20000),),
            group=(("cpu", 64),),
            group_minutes=(("billing", 100000),),
            group_run_minutes=(("cpu", 100000),),
            max_minutes=1440,
            max_jobs=20,
            max_submit=30,
            group_jobs=50,
            group_submit=60,
        )
        ada = rows["cin_train", "ada"]
        assert (ada.qos, ada.default_qos) == (("normal", "interactive", "shared"), "shared")
        assert ada.limits.per_job == (("cpu", 32), ("gres/gpu", 1), ("mem", 30000))
        assert (ada.limits.group, ada.limits.max_jobs, ada.limits.group_jobs) == ((("gres/gpu", 2),), 20, None)


def test_qos_are_read() -> None:
    """Each limit in its place."""
    for version in ("22.05.8", "24.11.5"):
        rows = {row.name: row for row in sacctmgr.parse_qos(fixture(version, "qos"))}
        assert rows["normal"] == Qos("normal")
        assert rows["partition"].limits == AccountingLimits(per_job=(("mem", 100000),), max_minutes=120)
        assert rows["interactive"] == Qos(
            "interactive",
            frozenset({"DenyOnLimit", "OverPartQOS"}),
            AccountingLimits(
                per_job=(("cpu", 4), ("gres/gpu:v100", 1)),
                per_node=(("cpu", 4),),
                per_job_minutes=(("cpu", 600),),
                least_per_job=(("gres/gpu", 1),),
                group_run_minutes=(("cpu", 9000),),
                max_jobs_per_account=7,
                max_submit=9,
                max_submit_per_account=30,
                group_jobs=40,
                group_submit=50,
            ),
            0.5,
        )
        assert rows["shared"].limits == AccountingLimits(
            per_user=(("cpu", 5), ("mem", 20000)),
            per_account=(("cpu", 20),),
            group=(("cpu", 30),),
            group_minutes=(("cpu", 9000),),
            max_jobs=4,
        )


@pytest.mark.parametrize(
    ("text", "tres"),
    [
        pytest.param("cpu=4", (("cpu", 4),), id="number"),
        pytest.param("mem=5", (("mem", 5),), id="memory-is-mb"),
        pytest.param("mem=100000M,mem=2G", (("mem", 100000), ("mem", 2048)), id="units-of-memory"),
        pytest.param("mem=3T", (("mem", 3 * 1024 * 1024),), id="terabytes"),
        pytest.param("mem=1500K", (("mem", 2),), id="less-than-a-megabyte"),
        pytest.param("GRES/gpu:V100=2,billing=2K", (("gres/gpu:v100", 2), ("billing", 2048)), id="names-in-lower-case"),
    ],
)
def test_tres_are_read(text: str, tres: tuple[tuple[str, int], ...]) -> None:
    """Names in lower case, memory in MB."""
    assert sacctmgr.parse_qos(f"x||1.0||cluster|||{text}" + "|" * 15 + "\n")[0].limits.per_job == tres


@pytest.mark.parametrize(
    ("columns", "preempts", "mode", "exempt", "grace"),
    [
        ("||cluster||00:00:00", frozenset(), "", None, 0),
        ("|low,scavenge|cancel|00:10:00|00:02:30", frozenset({"low", "scavenge"}), "CANCEL", 600, 150),
        ("|low|gang,suspend|00:00:00|", frozenset({"low"}), "GANG,SUSPEND", 0, 0),
    ],
)
def test_whom_a_qos_preempts(columns: str, preempts: frozenset[str], mode: str, exempt: int | None, grace: int) -> None:
    """Whose jobs make room for its own, what becomes of its own that do, and after how long; empty where the cluster's settings hold."""
    (qos,) = sacctmgr.parse_qos(f"high||1.0{columns}" + "|" * 16 + "\n")
    assert (qos.preempts, qos.preempt_mode, qos.exempt_seconds, qos.grace_seconds) == (preempts, mode, exempt, grace)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param("x||1.0||cluster|||cpu|cpu=7" + "|" * 14, id="tres-without-number"),
        pytest.param("x||1.0||cluster|||cpu=-1|cpu=7" + "|" * 14, id="negative"),
        pytest.param("x||1.0||cluster|||mem=1.5G|cpu=7" + "|" * 14, id="part-of-a-unit"),
        pytest.param("x||many||cluster||||cpu=7" + "|" * 14, id="factor"),
        pytest.param("x||1.0||cluster||||cpu=7" + "|" * 8 + "soon" + "|" * 6, id="time"),
        pytest.param("x||1.0||cluster||||cpu=7" + "|" * 9 + "few" + "|" * 5, id="jobs"),
        pytest.param("x||1.0||cluster||soon||cpu=7" + "|" * 14, id="grace"),
        pytest.param("x||1.0||cluster|soon|||cpu=7" + "|" * 14, id="exempt"),
    ],
)
def test_a_qos_with_an_odd_value(row: str) -> None:
    """That one is not known, and not judged by us; the others count."""
    reading = Reading()
    (qos,) = sacctmgr.parse_qos(f"{row}\n", reading)
    assert qos.limits == AccountingLimits(per_node=(("cpu", 7),))
    assert qos.usage_factor == (None if "many" in row else 1.0)
    assert (reading.values_unknown, reading.rows_left_out) == (1, 0)


def test_unreadable_qos() -> None:
    """Of a row without its columns not even the name is known."""
    with pytest.raises(SlurmOutputError, match="23 columns"):
        sacctmgr.parse_qos("x||1.0\n")


def test_holdings_are_read() -> None:
    """What runs is held, what waits is only submitted; users by their numeric id, with or without the name in front."""
    for version in ("22.05.8", "24.11.5"):
        held = sacctmgr.parse_holdings(fixture(version, "holdings"))
        assert set(held.associations) == {
            ("root", "", ""),
            ("root", "root", ""),
            ("cineca", "", ""),
            ("cin_train", "", ""),
            ("cin_train", "ada", ""),
            ("cin_train", "grace", ""),
        }
        ada = held.associations["cin_train", "ada", ""]
        assert (ada.jobs, ada.submitted) == (4, 5)
        assert dict(ada.tres) == {"cpu": 8, "mem": 400, "node": 1, "billing": 8, "gres/gpu": 2, "gres/gpu:v100": 2}
        assert held.associations["cin_train", "", ""].tres == ada.tres
        assert held.associations["cin_train", "grace", ""] == Use()
        assert set(held.qos) == {"normal", "partition", "interactive", "shared"}
        shared = held.qos_users["shared", 1001]
        assert (shared.jobs, shared.submitted, dict(shared.tres)["cpu"]) == (2, 3, 4)
        assert held.qos_accounts["shared", "cin_train"].tres == shared.tres
        assert held.qos["shared"].tres == shared.tres
        assert dict(held.qos["interactive"].run_minutes)["cpu"] > 0
    assert dict(sacctmgr.parse_holdings(fixture("22.05.8", "holdings")).qos["shared"].minutes)["cpu"] == 9


def test_holdings_of_nobody() -> None:
    """A cluster without associations has the heading only; anything else is no answer."""
    assert sacctmgr.parse_holdings("Current Association Manager state\n\nNo users currently cached in Slurm.\n\n") == Holdings()
    with pytest.raises(SlurmOutputError):
        sacctmgr.parse_holdings("")
    with pytest.raises(SlurmOutputError):
        sacctmgr.parse_holdings("Current Association Manager state\nClusterName=x Account=a UserName= Partition= Priority=0\n")


# --- jobs ---


def job_row(job_id: object = 7, *, mark: str = MARK, **changes: str) -> str:
    """One row of the bulk squeue."""
    values = {
        "user": "ada",
        "state": "RUNNING",
        "host": "g001",
        "partition": "p",
        "submit": "1",
        "start": "2",
        "end": "3",
        "exit": "0",
        "cores": "1",
        "nodes": "g001",
        "planned": "(null)",
        "priority": "4294901754",
        "tres": "cpu=1,mem=4G,node=1,billing=1",
        "array": "N/A",
        "component": "N/A",
        "qos": "normal",
        "reason": "None",
    }
    values.update(changes)
    return f"{job_id}|{mark}|" + "|".join(values.values()) + "\n"


def test_where_jobs_run_and_are_to_run() -> None:
    """Cores and nodes of a job that runs, the plan of one that waits; what cannot be read there hides no job."""
    text = job_row(1, cores="96", nodes="g[001-002]") + job_row(2, state="PENDING", cores="2K", nodes="", planned="g003")
    text += job_row(3, cores="?", nodes="g[", planned="N/A")
    found = [(job.cores, job.nodes, job.planned_nodes) for job in squeue.parse_jobs(text, MARK)]
    assert found == [(96, ("g001", "g002"), ()), (2048, (), ("g003",)), (0, (), ())]


@pytest.mark.parametrize(("printed", "expected"), [("4294901754", 4294901754), ("0", 0), ("", 0), ("N/A", 0), ("0.99998", 0), ("-1", 0)])
def test_a_priority_is_a_number_or_not_known(printed: str, expected: int) -> None:
    """It orders the jobs that wait and is for advice only: what cannot be read hides no job."""
    assert squeue.parse_jobs(job_row(priority=printed), MARK)[0].priority == expected


def test_what_a_job_has_is_kept_as_printed() -> None:
    """It is read of one user's jobs at a time; equal texts of a list are one object, for there may be 100,000 of them."""
    tres = "cpu=4,mem=375300M,gres/gpu=2"
    first, second = squeue.parse_jobs(job_row(1, tres=tres) + job_row(2, tres=tres), MARK)
    assert first.tres == tres
    assert first.tres is second.tres
    assert squeue.parse_jobs(job_row(3, tres="N/A"), MARK)[0].tres == "N/A"


@pytest.mark.parametrize("version", CAPTURED)
def test_jobs_are_read(version: str) -> None:
    """Pending, running, suspended and ended jobs of two users, with the raw wait status in every version's notation."""
    jobs = {job.job_id: job for job in squeue.parse_jobs(fixture(version, "jobs_busy"), MARK)}
    assert len(jobs) == 19
    running = jobs[1]
    assert (running.state, running.batch_host, running.partition, running.exit_code) == ("RUNNING", "g001", "g100_int", 0)
    assert running.submit is not None
    assert running.start is not None
    assert running.end == running.start + 30 * 60
    assert (jobs[2].state, jobs[3].state) == ("SUSPENDED", "CANCELLED")
    assert (jobs[4].state, jobs[4].reason, jobs[4].batch_host) == ("PENDING", "Resources", "")
    assert (jobs[6].reason, jobs[6].start, jobs[6].end) == ("PartitionTimeLimit", None, None)
    assert jobs[8].reason == "JobHeldUser"
    assert jobs[11].partition == "g100_cpu,g100_int"
    assert (jobs[12].state, jobs[12].exit_code, jobs[12].reason) == ("FAILED", 768, "NonZeroExitCode")
    assert (jobs[13].state, jobs[13].exit_code) == ("COMPLETED", 0)
    assert (jobs[14].state, jobs[14].exit_code) == ("FAILED", 9)
    assert jobs[15].end is None
    assert not any(job.comment for job in jobs.values())


@pytest.mark.parametrize("version", CAPTURED)
def test_an_empty_queue_is_empty(version: str) -> None:
    """squeue prints nothing then: this is "no jobs"."""
    assert squeue.parse_jobs(fixture(version, "jobs_idle"), MARK) == ()


def test_users_are_told_apart() -> None:
    """The owner of each job is in the list: an id alone proves nothing."""
    jobs = {job.job_id: job.user for job in squeue.parse_jobs(fixture("22.05.8", "jobs_busy"), MARK)}
    assert (jobs[1], jobs[5]) == ("ada", "grace")


def test_a_reason_may_hold_anything_but_the_mark() -> None:
    """The reason is the rest of the line, bars included; a row after a newline in it is no row."""
    text = job_row(7, reason="burst buffer: a|b\n999|RUNNING\n8|ada|RUNNING|g001|p|1|2|3|0|None") + job_row(9)
    jobs = squeue.parse_jobs(text, MARK)
    assert [(job.job_id, job.reason) for job in jobs] == [(7, "burst buffer: a|b"), (9, "None")]


@given(reason=st.text(max_size=80))
def test_no_reason_forges_a_job(reason: str) -> None:
    """Without the mark no text becomes a row, whatever newlines and bars it holds."""
    jobs = squeue.parse_jobs(job_row(7, reason=reason) + job_row(9), MARK)
    assert [(job.job_id, job.user, job.state) for job in jobs] == [(7, "ada", "RUNNING"), (9, "ada", "RUNNING")]


def test_a_row_with_another_mark_is_none() -> None:
    """A mark that somebody guessed, or that another process uses, is not ours."""
    assert [job.job_id for job in squeue.parse_jobs(job_row(7) + job_row(8, mark="guess"), MARK)] == [7]
    with pytest.raises(SlurmOutputError, match="no row"):
        squeue.parse_jobs(job_row(8, mark="guess"), MARK)


def test_our_own_mark_is_the_default() -> None:
    """commands and parse agree without being told."""
    assert [job.job_id for job in squeue.parse_jobs(job_row(7, mark=squeue.MARK))] == [7]


@pytest.mark.parametrize("job_id", ["12_3", "12_[1-5%2]", "12+0"], ids=["array-task", "array-rest", "het"])
def test_array_tasks_and_het_components_are_left_out(job_id: str) -> None:
    """Sessions are plain jobs; the others are nobody's session."""
    assert [job.job_id for job in squeue.parse_jobs(job_row(job_id) + job_row(7), MARK)] == [7]
    assert squeue.parse_jobs(job_row(job_id), MARK) == ()


@pytest.mark.parametrize(
    ("row", "known"),
    [
        pytest.param(job_row("x7"), 0, id="id"),
        pytest.param(job_row(""), 0, id="no-id"),
        pytest.param(job_row("9" * 30), 0, id="long-id"),
        pytest.param(job_row(state=""), 7, id="no-state"),
        pytest.param(job_row(submit="2026-11-21T00:00:00"), 7, id="clock-time"),
        pytest.param(f"7|{MARK}|ada|RUNNING\n", 7, id="columns"),
    ],
)
def test_a_marked_row_that_cannot_be_read_is_a_job(row: str, known: int) -> None:
    """It is squeue's own row: to skip it would be to say that the job is gone. The others are there as before."""
    reading = Reading()
    assert squeue.parse_jobs(job_row(1) + row, MARK, reading)[1:] == (Job(known, "", UNREAD),)
    assert (reading.rows_left_out, reading.values_unknown) == (1, 0)
    with pytest.raises(SlurmOutputError):
        squeue.parse_jobs(row, MARK)


def test_a_tagged_row_that_cannot_be_read_is_a_job() -> None:
    """As in the other list; rows without an id are no job twice."""
    rows = f"1|{MARK}|ada|RUNNING|5|x\nx|{MARK}|ada|RUNNING|5|x\ny|{MARK}|ada|RUNNING|5|x\n2|{MARK}|ada|RUNNING|soon|x\n"
    unread = [Job(0, "", UNREAD), Job(0, "", UNREAD), Job(2, "", UNREAD)]
    assert list(squeue.parse_tagged_jobs(rows, MARK)) == [Job(1, "ada", "RUNNING", submit=5, comment="x"), *unread]


@pytest.mark.parametrize("changes", [{"start": "2026-11-21T00:00:00"}, {"end": "soon"}, {"exit": "x"}])
def test_a_value_of_a_job_that_cannot_be_read_is_unknown(changes: dict[str, str]) -> None:
    """The job is what it was without it."""
    reading = Reading()
    (job,) = squeue.parse_jobs(job_row(**changes), MARK, reading)
    assert (job.job_id, job.user, job.state, job.submit) == (7, "ada", "RUNNING", 1)
    (name,) = changes
    assert getattr(job, {"exit": "exit_code"}.get(name, name)) is None
    assert (reading.rows_left_out, reading.values_unknown) == (0, 1)


@pytest.mark.parametrize("kept", [-1, -20])
def test_a_list_of_jobs_that_was_cut_short_is_none(kept: int) -> None:
    """Wherever it was cut: the jobs after that are not gone."""
    for rows, parse in ((job_row(1) + job_row(2), squeue.parse_jobs), (f"1|{MARK}|ada|RUNNING|5|x\n" * 1, squeue.parse_tagged_jobs)):
        with pytest.raises(SlurmOutputError, match="cut short"):
            parse(rows[:kept], MARK)


@pytest.mark.parametrize("text", ["slurm_load_partitions: Access/permission denied\n", "JOBID PARTITION NAME\n", "7|ada|RUNNING\n"])
def test_an_answer_without_a_row_is_unreadable(text: str) -> None:
    """Text that is no row is an answer to another question, not an empty queue."""
    with pytest.raises(SlurmOutputError):
        squeue.parse_jobs(text, MARK)


def test_a_banner_before_the_rows_is_ignored() -> None:
    """Some sites wrap the commands."""
    assert [job.job_id for job in squeue.parse_jobs("Welcome!\n" + job_row(7), MARK)] == [7]


@pytest.mark.parametrize(
    ("printed", "expected"),
    [("0", 0), ("768", 768), ("9", 9), ("0:0", 0), ("3:0", 768), ("0:9", 9), ("1:15", 271), ("N/A", None), ("4294967294", None)],
)
def test_both_notations_of_an_exit_code_are_the_wait_status(printed: str, expected: int | None) -> None:
    """22.05 prints the number, 24.11 ``status:signal``."""
    assert squeue.parse_jobs(job_row(exit=printed), MARK)[0].exit_code == expected


@pytest.mark.parametrize("printed", ["N/A", "Unknown", "NONE", ""])
def test_a_moment_that_is_not_set_is_none(printed: str) -> None:
    """Not 1970."""
    job = squeue.parse_jobs(job_row(start=printed, end=printed), MARK)[0]
    assert (job.start, job.end) == (None, None)


@pytest.mark.parametrize("version", CAPTURED)
def test_jobs_are_found_by_their_tag(version: str) -> None:
    """The comment is there, and the one that was written to look like another user's job is only the comment of its own."""
    text = fixture(version, "jobs_tagged")
    assert "\n999|guess|" in text
    jobs = squeue.parse_tagged_jobs(text, MARK)
    assert [job.job_id for job in jobs if job.comment == "jh:hub:nonce1"] == [1]
    assert 999 not in {job.job_id for job in jobs}
    assert len({job.user for job in jobs}) == 1
    assert [job.comment for job in jobs if job.job_id == 10] == ["two"]
    assert {job.comment for job in jobs if job.job_id not in (1, 10)} == {""}
    first = next(job for job in jobs if job.job_id == 1)
    assert first.submit is not None
    assert first == Job(1, first.user, "RUNNING", submit=first.submit, comment="jh:hub:nonce1")


# --- single values ---


@pytest.mark.parametrize(("version", "numbers", "keys"), [("22.05.8", (22, 5, 8), 200), ("24.11.5", (24, 11, 5), 200)])
def test_the_configuration_is_read(version: str, numbers: tuple[int, ...], keys: int) -> None:
    """The controller's version and every key as printed; the lines around them are no keys."""
    config = scontrol.parse_config(fixture(version, "config"))
    assert (config.version, config.cluster_name) == (numbers, "demo")
    assert len(config.values) > keys
    assert config.get("MessageTimeout") == "10 sec"
    assert config.get("GresTypes") == "gpu,shard"
    assert config.get("SelectType") == "select/cons_tres"
    assert config.get("AccountingStorageEnforce") == "associations,limits,qos"
    assert config.get("PrivateData") == "none"
    assert config.get("NoSuchKey", "x") == "x"
    assert not [name for name, _ in config.values if name.startswith(("Configuration", "Slurmctld(primary)"))]


def test_a_configuration_without_a_version_has_none() -> None:
    """Unknown is empty, not a guess."""
    config = scontrol.parse_config("Configuration data as of 1\nClusterName             = demo\nEpilog                  = (null)\nX =\n")
    assert (config.version, config.cluster_name, config.get("Epilog"), config.get("X", "none")) == ((), "demo", "(null)", "")


@pytest.mark.parametrize("text", ["", "slurm_load_ctl_conf error: Unable to contact slurm controller\n", "a = b\n"])
def test_what_is_no_configuration_is_unreadable(text: str) -> None:
    """Neither a name nor a version."""
    with pytest.raises(SlurmOutputError):
        scontrol.parse_config(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4711\n", 4711),
        ("4711;galileo\n", 4711),
        ("Your budget: 5 h\n4711\n\n", 4711),
        ("1", 1),
        ("4711\nThank you for computing with us.\n", 4711),
        ("*****\n  4711;galileo \r\n*****\n", 4711),
        ("4711\n4711\n", 4711),
        ("Submitted batch job 4711\n", 4711),
        ("Submitted batch job 4711 on cluster galileo\n", 4711),
    ],
)
def test_the_id_of_a_new_job_is_read(text: str, expected: int) -> None:
    """``--parsable`` prints ``id`` or ``id;cluster``; a site's plugins and scripts may print before it and after it."""
    assert sbatch.parse_job_id(text) == expected


@pytest.mark.parametrize("version", CAPTURED)
def test_the_id_of_a_captured_job_is_read(version: str) -> None:
    """What sbatch printed on the private cluster."""
    assert sbatch.parse_job_id(fixture(version, "sbatch")) > 0


@pytest.mark.parametrize(
    "text", ["", "0\n", "4711\n4712\n", "Job 4711 has been submitted\n", "bye\n", "-1\n", "٤\n", "4711;a;b\n", "99999999999999\n"]
)
def test_what_is_no_id_is_unreadable(text: str) -> None:
    """The job may exist all the same: this is no refusal."""
    with pytest.raises(SlurmOutputError):
        sbatch.parse_job_id(text)


# --- arbitrary text ---

_PIECES = st.sampled_from(
    [
        "NodeName=n1 ",
        "CoresPerSocket=4 ",
        "CPUTot=8 ",
        "CPUAlloc=0 ",
        "RealMemory=1 ",
        "AllocMem=0 ",
        "State=IDLE ",
        " OS=",
        " Reason=",
        "[a@1]",
        "\n",
        "|",
        f"|{MARK}|",
        "7",
        "PartitionName=p ",
        "MaxTime=1:00:00 ",
        "Nodes=n[1-",
        "ReservationName=r ",
        "StartTime=1 ",
        "EndTime=2 ",
        " = ",
        "slurm 2",
        ".",
        "Gres=gpu:",
    ]
)


@pytest.mark.parametrize(
    "parser",
    [
        scontrol.parse_nodes,
        scontrol.parse_partitions,
        scontrol.parse_reservations,
        sacctmgr.parse_associations,
        sacctmgr.parse_user_defaults,
        sacctmgr.parse_qos,
        sacctmgr.parse_holdings,
        scontrol.parse_config,
        sbatch.parse_job_id,
        lambda text: squeue.parse_jobs(text, MARK),
        lambda text: squeue.parse_tagged_jobs(text, MARK),
    ],
    ids=[
        "nodes",
        "partitions",
        "reservations",
        "associations",
        "users",
        "qos",
        "holdings",
        "config",
        "job-id",
        "jobs",
        "tagged-jobs",
    ],
)
@given(text=st.one_of(st.text(max_size=80), st.lists(st.one_of(_PIECES, st.text(max_size=3)), max_size=25).map("".join)))
def test_arbitrary_text_raises_nothing_but_slurmoutputerror(parser: Any, text: str) -> None:
    """No answer makes a parser fail in another way: the poller knows one failure."""
    with contextlib.suppress(SlurmOutputError):
        parser(text)


@pytest.mark.parametrize("state", ["?", "running", "RUNNING+"])
def test_a_state_that_is_no_word_hides_nothing(state: str) -> None:
    """One job of anybody's in a state that Slurm has no word for is unknown; the others are there as before."""
    jobs = squeue.parse_jobs(f"{job_row(job_id=1, state=state)}\n{job_row(job_id=2)}\n", MARK)
    assert [(job.job_id, job.state) for job in jobs] == [(1, "UNKNOWN"), (2, "RUNNING")]


@pytest.mark.parametrize(
    ("written", "tasks"),
    [
        *[
            ("N/A", 1),
            ("7", 1),
            ("0-49%3", 3),
            ("0-49", 50),
            ("0-1%3", 2),
            ("0-4%x", 5),
            ("0-4%0", 5),
            ("1,3,5", 3),
            ("0-20:5", 5),
            ("1-2,8-9:1%9", 4),
        ],
        *[("57,60,6...", 2), ("", 1), ("x", 1), ("9-1", 1), ("0-4:0", 5)],
    ],
)
def test_tasks_of_an_array_that_wait(written: str, tasks: int) -> None:
    """They stand in one row; a list that squeue has cut off tells of the ones before."""
    (job,) = squeue.parse_jobs(job_row(7, array=written, qos="HighMem"), MARK)
    assert (job.tasks, job.qos) == (tasks, "highmem")


def test_components_of_a_heterogeneous_job() -> None:
    """All of them are one job in line."""
    text = "".join(job_row(number, component=offset) for number, offset in enumerate(("0", "1", "2", "N/A", ""), 1))
    assert [job.tasks for job in squeue.parse_jobs(text, MARK)] == [1, 0, 0, 1, 1]
