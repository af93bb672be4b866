"""What a session is billed: against jobs that Slurm billed (captured), against numbers made by hand, and for any request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spawner.accounting.billing import Cost, billing_of, cost_of
from spawner.accounting.billing_rule import BillingRule, Shape, billing_rule, parse_weight
from spawner.accounting.budgets import Budget, budgets_of, tightest
from spawner.availability.demand import Demand, MemoryRule
from spawner.slurm import scontrol
from spawner.slurm.grammar import parse_gres
from spawner.slurm.model import AccountingLimits, Association, Gres, Holdings, Node, Qos, SlurmConfig, Use
from spawner.units import parse_memory_mb
from tests.support.builders import cpu_partition, demo_nodes, node, partition

settings.register_profile("unit", deadline=None)  # a loaded machine is no failure
settings.load_profile("unit")

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "slurm"
CAPTURED = ("22.05.8", "24.11.5")

DEMO = (("cpu", "1.0"), ("mem", "0.25G"), ("gres/gpu", "16"))
TYPED = (("cpu", "1"), ("gres/gpu", "2"), ("gres/gpu:a100", "20"), ("gres/gpu:v100", "5"))
TRACKED = "cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu,gres/gpu:a100,gres/gpu:v100,gres/shard"
GB = 1024

THREADS: dict[str, Any] = {"cores_total": 16, "sockets": 2, "cores_per_socket": 4, "threads_per_core": 2}
NO_THREADS: dict[str, Any] = {"cores_total": 8, "sockets": 2, "cores_per_socket": 4, "threads_per_core": 2}


def config(*, version: tuple[int, ...] = (24, 11, 5), **changes: str | None) -> SlurmConfig:
    """Cores and memory are consumable and amounts are added; a change to None leaves the key out."""
    values = {
        "AccountingStorageTRES": TRACKED,
        "PriorityFlags": "",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_CORE_MEMORY",
        "MaxMemPerNode": "UNLIMITED",
    }
    kept = {key: value for key, value in {**values, **changes}.items() if value is not None}
    return SlurmConfig(version, "demo", tuple(kept.items()))


def rule(*nodes: Node, conf: SlurmConfig | None = None, weights: Any = DEMO, **changes: Any) -> BillingRule | None:
    """The rule of a partition of these nodes, four of the demo's unless they are given."""
    one = partition(billing_weights=weights, **changes)
    return billing_rule(one, nodes or demo_nodes()[:4], conf or config())


def demand(cores: int, memory_mb: int, gres: Gres | None, minutes: int = 60) -> Demand:
    """What a job asks for, its GPUs as Slurm writes them."""
    return Demand(cores, memory_mb, gres.type, gres.count, minutes, gres.name) if gres else Demand(cores, memory_mb, minutes=minutes)


def cost(
    rules: BillingRule | None, cores: int = 1, memory_mb: int = 1, gpus: str = "", minutes: int = 60, factor: float = 1.0
) -> Cost | None:
    """What such a session costs; GPUs as in ``gpu:v100:2``."""
    (gres,) = parse_gres(gpus) or (None,)
    return cost_of(rules, demand(cores, memory_mb, gres, minutes), usage_factor=factor)


def billing(rules: BillingRule | None, cores: int = 1, memory_mb: int = 1, gpus: str = "") -> tuple[int, bool] | None:
    """The number, and whether it is exact."""
    found = cost(rules, cores, memory_mb, gpus)
    return None if found is None else (found.billing, found.exact)


# --- what Slurm billed ---------------------------------------------------------------------------------------------------------


def captured(version: str, name: str) -> str:
    """The text of one captured answer."""
    return (FIXTURES / version / f"cost_{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("flags", ["", "_max"])
@pytest.mark.parametrize("version", CAPTURED)
def test_jobs_that_slurm_billed(version: str, flags: str) -> None:
    """Each of the jobs that ran on the cluster of tests/real/test_cost.py: the rules say its ``billing=`` and all its other TRES."""
    text = captured(version, "config")
    configuration = scontrol.parse_config(text.replace("= ACCRUE_ALWAYS", "= MAX_TRES") if flags else text)
    nodes = {entry.name: entry for entry in scontrol.parse_nodes(captured(version, "nodes"))}
    partitions = {entry.name: entry for entry in scontrol.parse_partitions(captured(version, "partitions"))}
    exact = 0
    lines = captured(version, f"jobs{flags}").splitlines()
    for line in lines:
        job = dict(word.split("=", 1) for word in line.split())
        amounts = dict(word.split("=") for word in (job.get("AllocTRES") or job["TRES"]).split(","))
        there = partitions[job["Partition"]]
        (gres,) = parse_gres(job.get("TresPerNode", "").replace("gres:", "").replace("gres/", "")) or (None,)
        found = cost_of(
            billing_rule(there, [nodes[name] for name in there.nodes], configuration),
            demand(
                int(job.get("TresPerTask", f"cpu={job['CPUs/Task']}").removeprefix("cpu=")), parse_memory_mb(job["MinMemoryNode"]), gres
            ),
        )
        assert found is not None, line
        billed = int(amounts.pop("billing", "0"))
        if not found.exact:
            assert billed <= found.billing, line
            continue
        exact += 1
        memory = {"mem": parse_memory_mb(amounts.pop("mem"))} if "mem" in amounts else {}
        assert dict(found.tres) == {**{name: int(count) for name, count in amounts.items()}, **memory, "billing": billed}, line
    assert (len(lines), exact) == (39, 37)


@pytest.mark.parametrize("version", CAPTURED)
def test_what_is_read_for_it(version: str) -> None:
    """Sockets and cores of the nodes, weights and SelectTypeParameters of the partitions, from the captured text."""
    nodes = {entry.name: entry for entry in scontrol.parse_nodes(captured(version, "nodes"))}
    found = {name: (entry.cores_total, entry.sockets, entry.cores_per_socket, entry.threads_per_core) for name, entry in nodes.items()}
    assert found["g1"] == (48, 48, 1, 1)
    assert (found["t1"], found["c1"], found["s1"]) == ((64, 1, 32, 2), (16, 1, 16, 2), (16, 2, 4, 2))
    partitions = {entry.name: entry for entry in scontrol.parse_partitions(captured(version, "partitions"))}
    assert (partitions["demo"].select_parameters, partitions["sockets"].select_parameters) == ("", "CR_SOCKET_MEMORY")
    assert dict(partitions["parts"].billing_weights)["gres/gpu"] == "1.5e0"
    assert dict(partitions["typed"].billing_weights)["gres/gpu:a100_3g.20gb"] == "5"
    configuration = scontrol.parse_config(captured(version, "config"))
    assert configuration.get("PriorityFlags") == "ACCRUE_ALWAYS"
    assert configuration.get("AccountingStorageTRES").startswith("cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu,gres/gpu:a100,")


def test_the_demo() -> None:
    """Issue 5: 4 cores, 32 GB and a GPU on the demo's partition are 28 an hour; the demo's other partition bills its cores."""
    found = cost(rule(), 4, 32 * GB, "gpu:1", minutes=8 * 60)
    assert found is not None
    assert (found.billing, found.exact, found.per_hour, found.total) == (28, True, 28, 224)
    assert found.minutes_of("billing") == 28 * 480
    assert found.minutes_of("cpu") == 4 * 480
    assert found.minutes_of("mem") == 32 * GB * 480
    assert (found.minutes_of("gres/gpu"), found.minutes_of("gres/gpu:v100"), found.minutes_of("gres/gpu:a100")) == (480, 480, 0)
    assert (found.minutes_of("energy"), found.minutes_of("license/matlab"), found.minutes_of("vmem")) == (None, None, 0)
    plain = billing_rule(cpu_partition(), demo_nodes()[4:], config())
    assert billing(plain, 24, 300 * GB) == (24, True)


# --- the rule ------------------------------------------------------------------------------------------------------------------


def test_all_of_a_rule() -> None:
    """What of the answers of Slurm it is made of; nodes alike are one shape, and GRES of one kind are added up."""
    nodes = (
        node("a", gres="gpu:v100:1,gpu:v100:1,nic:0", cores_system=4, memory_mb_system=300, **THREADS),
        node("b", gres="gpu:v100:1,gpu:v100:1,nic:0", cores_system=4, memory_mb_system=300, **THREADS),
        node("c", gres="", memory_mb=1000),
    )
    conf = config(AccountingStorageTRES="CPU,Mem,GRES/gpu", SelectTypeParameters="cr_core_memory", MaxMemPerCPU="4000")
    assert rule(*nodes, conf=conf) == BillingRule(
        weights=(("cpu", 1.0), ("mem", 0.25 / 1024), ("gres/gpu", 16.0)),
        combinings=("sum",),
        tracked=("cpu", "mem", "gres/gpu"),
        counts_memory=True,
        whole_nodes=False,
        whole_gres=False,
        memory_rule=MemoryRule(most_per_cpu=4000),
        shapes=(Shape(12, 12, 2, 375000, (("gpu", "v100", 2),)), Shape(48, 48, 1, 1000)),
    )


@pytest.mark.parametrize(
    ("changes", "sharing", "whole"),
    [
        pytest.param({}, "NO", (False, False), id="parts-of-a-node"),
        pytest.param({}, "EXCLUSIVE", (True, True), id="exclusive"),
        pytest.param({"SelectType": "select/linear"}, "NO", (True, False), id="linear"),
        pytest.param({"SelectType": "select/linear"}, "EXCLUSIVE", (True, False), id="linear-and-exclusive"),
        pytest.param({"SelectType": "select/linear", "SelectTypeParameters": None}, "NO", (True, False), id="linear-needs-no-parameters"),
    ],
)
def test_who_gets_whole_nodes(changes: dict[str, str | None], sharing: str, whole: tuple[bool, bool]) -> None:
    """EXCLUSIVE gives all GPUs of the node as well, select/linear only those asked for."""
    found = rule(conf=config(**changes), oversubscribe=sharing)
    assert found is not None
    assert (found.whole_nodes, found.whole_gres) == whole


@pytest.mark.parametrize(
    ("version", "grows_by"),
    [
        ((22, 5), "task"),
        ((22, 5, 8), "task"),
        ((20, 11, 9), "task"),
        ((24, 5, 8), "task"),
        ((24, 10, 9), "task"),
        ((24, 11), "cpu"),
        ((25, 5), "cpu"),
        ((), "cpu"),
    ],
)
def test_what_grows_with_the_memory(version: tuple[int, ...], grows_by: str) -> None:
    """Tasks before 24.11, cores from then on; what is not known is new."""
    found = rule(conf=config(version=version), max_memory_mb_per_cpu=4000)
    assert found is not None
    assert ("task" if found.memory_rule.adds_tasks else "cpu") == grows_by


@pytest.mark.parametrize(
    ("text", "memory_mb"),
    [("4000", 4000), ("1", 1), ("0", None), ("UNLIMITED", None), ("", None), ("٣", None), ("²", None), ("-1", None)],
)
def test_memory_per_cpu_of_the_cluster(text: str, memory_mb: int | None) -> None:
    """A number of MB; 0 and all else is no limit."""
    found = rule(conf=config(MaxMemPerCPU=text))
    assert found is not None
    assert found.memory_rule.most_per_cpu == memory_mb


@pytest.mark.parametrize(
    ("parameters", "changes", "step"),
    [
        pytest.param("CR_CPU", {}, 1, id="cpu"),
        pytest.param("CR_CORE", {}, 2, id="core"),
        pytest.param("CR_SOCKET", {}, 8, id="socket"),
        pytest.param("CR_SOCKET", {"sockets": 0}, 2, id="socket-and-none-is-said"),
        pytest.param("CR_SOCKET", {"cores_total": 1}, 1, id="socket-with-less-than-one-cpu"),
        pytest.param("CR_CORE", {"sockets": 0}, 2, id="core-and-no-socket-is-said"),
        pytest.param("CR_CORE", {"cores_total": 4}, 1, id="core-with-less-than-one-cpu"),
        pytest.param("CR_CORE", {"cores_per_socket": 0, "threads_per_core": 0}, 1, id="core-and-nothing-is-said"),
    ],
)
def test_cpus_given_out_together(parameters: str, changes: dict[str, int], step: int) -> None:
    """Those of a core or of a socket, one at least."""
    found = rule(node(**{**THREADS, **changes}), conf=config(SelectTypeParameters=parameters))
    assert found is not None
    assert [shape.step for shape in found.shapes] == [step]


@pytest.mark.parametrize(
    ("most", "sharing", "shapes"),
    [
        pytest.param(None, "NO", [(46, 46)], id="no-limit"),
        pytest.param(45, "NO", [(45, 46)], id="below"),
        pytest.param(47, "NO", [(46, 46)], id="above"),
        pytest.param(45, "EXCLUSIVE", [], id="below-the-whole-node"),
        pytest.param(46, "EXCLUSIVE", [(46, 46)], id="the-whole-node"),
    ],
)
def test_cpus_of_a_partition(most: int | None, sharing: str, shapes: list[tuple[int, int]]) -> None:
    """MaxCPUsPerNode; below the whole node no job of an EXCLUSIVE partition is accepted (measured)."""
    found = rule(node(cores_system=2), node("n2", cores_system=2, memory_mb=9), max_cores_per_node=most, oversubscribe=sharing)
    assert found is not None
    assert [(shape.cpus, shape.whole) for shape in found.shapes] == shapes * 2


def test_a_node_that_is_too_small_for_the_partition_hides_no_other() -> None:
    """Repeated shapes and those that are no job's are passed over."""
    small, large = node("s", cores_total=4), node("l")
    found = rule(large, small, large, small, node("m", cores_total=2), max_cores_per_node=4, oversubscribe="EXCLUSIVE")
    assert found is not None
    assert [shape.whole for shape in found.shapes] == [4, 2]


# --- weights -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tres", "text", "weight"),
    [
        ("cpu", "1.0", 1.0),
        ("cpu", "2", 2.0),
        ("cpu", ".5", 0.5),
        ("cpu", "2.", 2.0),
        ("cpu", "1e3", 1000.0),
        ("cpu", "2K", 2 / 1024),
        ("gres/gpu", "1m", 1 / 1024**2),
        ("mem", "0.25G", 0.25 / 1024),
        ("mem", "0.25gb", 0.25 / 1024),
        ("mem", "3T", 3 / 1024**2),
        ("mem", "0.1", 0.1),
        ("mem", "0.1M", 0.1),
        ("mem", "0.1K", 0.1),
        ("cpu", "0", 0.0),
        ("cpu", "-1", None),
        ("cpu", "nan", None),
        ("cpu", "inf", None),
        ("cpu", "0x10", None),
        ("cpu", "", None),
        ("cpu", "1,5", None),
        ("cpu", "1e9999", None),
        ("cpu", "٣", None),
    ],
)
def test_a_weight(tres: str, text: str, weight: float | None) -> None:
    """Of one unit, of one MB for memory; a suffix that is smaller than the unit does nothing; what has no sense is not known."""
    assert parse_weight(tres, text) == weight


@pytest.mark.parametrize(
    ("weights", "changes", "expected"),
    [
        pytest.param((("cpu", "-1"),), {}, None, id="negative"),
        pytest.param((("cpu", "1"), ("mem", "lots")), {}, None, id="no-number"),
        pytest.param((("cpu", "1"), ("energy", "3")), {}, None, id="energy"),
        pytest.param((("cpu", "1"), ("energy", "0")), {}, (4, True), id="energy-for-nothing"),
        pytest.param((("cpu", "1"), ("billing", "7"), ("vmem", "9"), ("license/x", "2")), {}, (4, True), id="what-no-job-has"),
        pytest.param((("cpu", "0"),), {}, (0, True), id="nothing-is-charged"),
        pytest.param((("node", "10.9"),), {}, (10, True), id="a-node"),
        pytest.param((("cpu", "0.3"),), {}, (1, True), id="cut-off-not-rounded"),
        pytest.param((), {}, (4, True), id="no-weights"),
        pytest.param(DEMO, {"AccountingStorageTRES": None}, None, id="no-tres"),
        pytest.param(DEMO, {"SelectTypeParameters": "CR_BOARD"}, None, id="whole-boards"),
        pytest.param(DEMO, {"SelectTypeParameters": None}, None, id="nobody-knows-what-is-consumable"),
        pytest.param(DEMO, {"AccountingStorageTRES": "cpu,mem,node,billing"}, (12, True), id="gpus-are-not-tracked"),
        pytest.param(DEMO, {"SelectTypeParameters": "CR_CORE"}, (20, True), id="memory-is-not-consumable"),
        pytest.param(DEMO, {"PriorityFlags": "ACCRUE_ALWAYS,MAX_TRES"}, (16, True), id="the-largest"),
        pytest.param(DEMO, {"PriorityFlags": "MAX_TRES_GRES"}, (24, True), id="the-largest-and-the-gpus"),
        pytest.param(DEMO, {"PriorityFlags": "ACCRUE_ALWAYS"}, (28, True), id="another-flag"),
        pytest.param(DEMO, {"PriorityFlags": None}, (28, False), id="flags-are-not-printed"),
        pytest.param((("cpu", "3"),), {"PriorityFlags": None}, (12, True), id="flags-make-no-difference"),
    ],
)
def test_a_session_of_the_demo_elsewhere(weights: Any, changes: dict[str, str | None], expected: tuple[int, bool] | None) -> None:
    """4 cores, 32 GB, 1 GPU where the site's configuration is another; unknown is None, and 0 is only what is free of charge."""
    assert billing(rule(weights=weights, conf=config(**changes)), 4, 32 * GB, "gpu:v100:1") == expected


def test_nothing_is_known_without_the_configuration() -> None:
    """An empty configuration is what is there while Slurm has not answered."""
    assert rule(conf=SlurmConfig()) is None
    assert cost(None, 4) is None
    assert billing(billing_rule(partition(), (), config()), 1) is None


# --- what a job is given -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "parameters", "cores", "given_cores"),
    [
        pytest.param(THREADS, "CR_CORE_MEMORY", 3, 4, id="whole-cores"),
        pytest.param(THREADS, "CR_CORE_MEMORY", 4, 4, id="already-whole"),
        pytest.param(THREADS, "CR_CORE_MEMORY,CR_ONE_TASK_PER_CORE", 3, 4, id="one-task-a-core"),
        pytest.param(THREADS, "CR_CPU_MEMORY", 3, 3, id="threads-by-themselves"),
        pytest.param(THREADS, "CR_SOCKET_MEMORY", 3, 8, id="whole-sockets"),
        pytest.param(THREADS, "CR_SOCKET", 9, 16, id="two-sockets"),
        pytest.param(NO_THREADS, "CR_CORE_MEMORY", 3, 3, id="cpus-are-cores"),
        pytest.param({"cores_total": 16, "threads_per_core": 2}, "CR_CORE_MEMORY", 3, 4, id="sockets-are-not-said"),
        pytest.param({**THREADS, "cores_system": 2}, "CR_CORE_MEMORY", 13, 14, id="less-what-is-the-systems"),
        pytest.param({**THREADS, "cores_system": 2}, "CR_CORE_MEMORY", 15, None, id="more-than-there-is"),
    ],
)
def test_cores_are_rounded(shape: dict[str, Any], parameters: str, cores: int, given_cores: int | None) -> None:
    """Measured on 22.05.8 and 24.11.5: whole cores, or sockets, and only where CPUs are threads."""
    found = cost(rule(node(**shape), conf=config(SelectTypeParameters=parameters), weights=()), cores)
    assert (found and found.billing) == given_cores


def test_a_partition_may_have_its_own_parameters() -> None:
    """SelectTypeParameters of the partition take the place of the cluster's, memory's being consumable among them."""
    there = rule(node(**THREADS), select_parameters="CR_SOCKET")
    found = cost(there, 3, 8 * GB)
    assert found is not None
    assert dict(found.tres) == {"cpu": 8, "node": 1, "billing": 8}


@pytest.mark.parametrize(
    ("version", "cores", "memory_mb", "gpus", "expected"),
    [
        pytest.param((24, 11, 5), 1, 4000, "", (1, True), id="just-enough"),
        pytest.param((24, 11, 5), 1, 4001, "", (2, True), id="one-more"),
        pytest.param((24, 11, 5), 2, 9000, "", (3, True), id="24.11"),
        pytest.param((24, 11, 5), 2, 9000, "gpu:1", (3, True), id="24.11-gpu"),
        pytest.param((22, 5, 8), 1, 9000, "", (3, True), id="22.05-one-core"),
        pytest.param((22, 5, 8), 2, 9000, "", (2, True), id="22.05-no-multiple"),
        pytest.param((22, 5, 8), 2, 17000, "", (4, True), id="22.05-a-multiple"),
        pytest.param((22, 5, 8), 1, 9000, "gpu:1", (1, True), id="22.05-gpu"),
        pytest.param((23, 11, 1), 2, 9000, "", (2, True), id="23.11-as-before"),
        pytest.param((), 1, 9000, "gpu:1", (3, True), id="version-unknown"),
        pytest.param((24, 11, 5), 1, 200000, "", None, id="more-cores-than-there-are"),
    ],
)
def test_much_memory_takes_more_cores(
    version: tuple[int, ...], cores: int, memory_mb: int, gpus: str, expected: tuple[int, bool] | None
) -> None:
    """MaxMemPerCPU of 4000 MB, as each version was measured to take it."""
    assert billing(rule(conf=config(version=version), weights=(), max_memory_mb_per_cpu=4000), cores, memory_mb, gpus) == expected


def test_the_clusters_limit_of_memory() -> None:
    """MaxMemPerCPU of the cluster counts where the partition has no limit of memory, not where it has one of either kind."""
    conf = config(MaxMemPerCPU="4000", MaxMemPerNode=None)
    assert billing(rule(conf=conf, weights=()), 1, 9000) == (3, True)
    assert billing(rule(conf=conf, weights=(), max_memory_mb_per_node=50000), 1, 9000) == (1, True)
    assert billing(rule(conf=conf, weights=(), max_memory_mb_per_cpu=9000), 1, 9000) == (1, True)
    assert billing(rule(conf=config(MaxMemPerCPU="UNLIMITED"), weights=()), 1, 9000) == (1, True)


def test_a_whole_node() -> None:
    """EXCLUSIVE: all cores but the system's and all GPUs, memory as asked; the shards of these GPUs are nobody's."""
    gpus = node(gres="gpu:a100:2,gpu:v100:4,shard:a100:8,nic:1", cores_system=2)
    found = cost(rule(gpus, oversubscribe="EXCLUSIVE", weights=TYPED), 3, 8 * GB, "gpu:a100:1")
    assert found is not None
    assert (found.billing, found.exact) == (46 + 6 * 2 + 2 * 20 + 4 * 5, True)
    amounts = {"cpu": 46, "mem": 8 * GB, "node": 1, "gres/gpu": 6, "gres/gpu:a100": 2, "gres/gpu:v100": 4}
    assert dict(found.tres) == {**amounts, "billing": found.billing}
    assert billing(rule(gpus, oversubscribe="EXCLUSIVE"), 3, GB, "shard:1") is None
    assert billing(rule(gpus, oversubscribe="EXCLUSIVE"), 47) is None
    assert billing(rule(gpus, oversubscribe="EXCLUSIVE", max_cores_per_node=40), 3) is None
    assert billing(rule(gpus, oversubscribe="EXCLUSIVE", max_cores_per_node=46, weights=()), 3) == (46, True)


def test_select_linear_gives_whole_nodes() -> None:
    """All CPUs, the system's too, but GPUs as asked; whether these are counted is not sure (measured)."""
    conf = config(SelectType="select/linear", SelectTypeParameters="CR_MEMORY")
    there = rule(node(cores_system=2), conf=conf)
    assert billing(there, 3, 4 * GB) == (49, True)
    assert billing(there, 3, 4 * GB, "gpu:1") == (65, False)
    assert billing(rule(node(), conf=conf, weights=()), 3, GB, "gpu:1") == (48, True)


def test_nodes_that_differ() -> None:
    """Where it matters which node the job gets, the most is told, and that it is the most; nodes that cannot hold it do not count."""
    small, large = node("s", cores_total=8, gres="gpu:v100:1"), node("l", cores_total=48, gres="gpu:v100:4")
    whole = rule(small, large, oversubscribe="EXCLUSIVE")
    assert billing(whole, 2, 4 * GB) == (48 + 1 + 64, False)
    assert billing(whole, 9, 4 * GB) == (48 + 1 + 64, True)
    assert billing(rule(small, large), 2, 4 * GB) == (3, True)
    assert billing(whole, 49) is None
    assert billing(whole, 1, 10**6) is None
    assert billing(rule(small, large, max_cores_per_node=6), 7) is None


@pytest.mark.parametrize(
    ("gpus", "flags", "expected"),
    [
        pytest.param("gpu:a100:2", "", (1 + 4 + 40, True), id="typed-is-charged-twice"),
        pytest.param("gpu:v100:1", "", (1 + 2 + 5, True), id="the-other-type"),
        pytest.param("gpu:3", "", (1 + 6 + 45, False), id="the-dearest-first"),
        pytest.param("gpu:6", "", (1 + 12 + 60, True), id="all-there-are"),
        pytest.param("gpu:3", "MAX_TRES", (40, False), id="the-largest-amount"),
        pytest.param("gpu:3", "MAX_TRES_GRES", (1 + 6 + 45, False), id="all-gpus-count"),
        pytest.param("gpu:7", "", None, id="too-many"),
        pytest.param("gpu:a100:3", "", None, id="too-many-of-a-type"),
        pytest.param("gpu:t4:1", "", None, id="no-such-type"),
        pytest.param("gpu:0", "", (1, True), id="none"),
    ],
)
def test_types_of_gpus(gpus: str, flags: str, expected: tuple[int, bool] | None) -> None:
    """A node with 2 A100 and 4 V100: Slurm chooses the type for a job that names none, so what it costs is not sure."""
    assert billing(rule(node(gres="gpu:a100:2,gpu:v100:4"), weights=TYPED, conf=config(PriorityFlags=flags)), 1, 1, gpus) == expected


@pytest.mark.parametrize("gres", ["gpu:t4:1,gpu:v100:1,gpu:a100:1", "gpu:a100:1,gpu:t4:1,gpu:v100:1"])
def test_the_dearest_of_three_types(gres: str) -> None:
    """Whatever the order in which Slurm tells them, the dearest are taken first; without a weight, last."""
    weights = (("gres/gpu:v100", "5"), ("gres/gpu:a100", "10"), ("gres/gpu:t4", "1"))
    assert billing(rule(node(gres=gres), weights=weights), 1, 1, "gpu:2") == (15, False)
    halves = (("gres/gpu:v100", "0.4"), ("gres/gpu:a100", "0.5"))
    assert billing(rule(node(gres=gres.replace(":1", ":4")), weights=halves), 1, 1, "gpu:8") == (3, False)


def test_a_node_with_too_little_memory_hides_no_other() -> None:
    """Whatever the order in which Slurm tells them."""
    small, large = node("s", memory_mb=8 * GB), node("l")
    assert billing(rule(small, large), 2, 16 * GB) == billing(rule(large, small), 2, 16 * GB) == (2 + 4, True)


def test_many_of_a_cheap_type_may_be_the_largest_amount() -> None:
    """MAX_TRES: four cheap GPUs are a larger amount than one dear one and three cheap ones."""
    weights = (("gres/gpu:a100", "8"), ("gres/gpu:v100", "5"))
    there = rule(node(gres="gpu:a100:1,gpu:v100:4"), weights=weights, conf=config(PriorityFlags="MAX_TRES"))
    assert billing(there, 1, 1, "gpu:4") == (20, False)


def test_the_usage_factor() -> None:
    """It multiplies what is charged, and not Slurm's ``billing=``; 0 is a service that is not charged for."""
    for factor, total in ((0.5, 28.0), (2.0, 112.0), (0.0, 0.0)):
        found = cost(rule(), 4, 32 * GB, "gpu:1", 120, factor)
        assert found is not None
        assert (found.billing, found.per_hour, found.total) == (28, 28 * factor, total)
        assert found.minutes_of("gres/gpu") == 120 * factor


def test_what_a_session_is_given() -> None:
    """A node in itself is one of what is counted; memory and GPUs as asked, by type where one is named; nothing of which there is none."""
    found = cost(rule(), 4, 1000, "gpu:v100:1", minutes=90)
    assert found == Cost(
        20, True, 90, 1.0, (("cpu", 4), ("mem", 1000), ("node", 1), ("gres/gpu", 1), ("gres/gpu:v100", 1), ("billing", 20))
    )
    assert found.minutes_of("node") == 90
    assert found.minutes_of("gres/shard") == 0
    plain = cost(rule(node(gres="gpu:2")), 4, 1000, "gpu:1")
    assert plain is not None
    assert dict(plain.tres) == {"cpu": 4, "mem": 1000, "node": 1, "gres/gpu": 1, "billing": 20}
    assert cost_of(rule(), Demand(1, 1)) == Cost(1, True, 1, 1.0, (("cpu", 1), ("mem", 1), ("node", 1), ("billing", 1)))


def test_a_session_that_no_node_can_hold_costs_nothing_known() -> None:
    """To the MB, the core, the GPU and the shard."""
    there = rule(node(gres="gpu:v100:2,shard:v100:8"))
    for cores, memory_mb, gpus in ((48, 375300, "gpu:2"), (1, 1, "shard:8")):
        assert billing(there, cores, memory_mb, gpus) is not None
    for cores, memory_mb, gpus in ((49, 1, ""), (1, 375301, ""), (1, 1, "gpu:3"), (1, 1, "shard:9"), (1, 1, "mps:1")):
        assert billing(there, cores, memory_mb, gpus) is None
    whole = rule(node(cores_system=2), oversubscribe="EXCLUSIVE", weights=())
    assert (billing(whole, 46), billing(whole, 47)) == ((46, True), None)


def test_the_most_of_each_resource_over_nodes_that_differ() -> None:
    """Against budgets counts the most that the job may get of each; what only some nodes have, too."""
    nodes = (node("a", cores_total=8, gres="gpu:v100:4"), node("b", cores_total=64, gres=""), node("c", cores_total=4, gres="gpu:v100:1"))
    found = cost(rule(*nodes, oversubscribe="EXCLUSIVE", weights=()), 2)
    assert found is not None
    assert (found.billing, found.exact) == (64, False)
    assert dict(found.tres) == {"cpu": 64, "mem": 1, "node": 1, "gres/gpu": 4, "gres/gpu:v100": 4, "billing": 64}


def test_names_of_gres_in_capitals() -> None:
    """Slurm's TRES are in small letters whatever gres.conf has."""
    conf = config(AccountingStorageTRES="cpu,gres/gpu,gres/gpu:a100,gres/gpu:v100")
    there = rule(node(gres="gpu:A100:1,gpu:V100:4"), weights=TYPED, conf=conf)
    found = cost(there, 1, 1, "gpu:A100:1")
    assert found is not None
    assert (found.billing, dict(found.tres)["gres/gpu:a100"]) == (1 + 2 + 20, 1)
    assert billing(there, 1, 1, "gpu:2") == (1 + 4 + 25, False)


@pytest.mark.parametrize(
    ("weights", "gres", "gpus", "exact"),
    [
        pytest.param((("gres/gpu:v100", "1"),), "gpu:v100:2,gpu:a100:2", "gpu:3", False, id="which-type-is-not-sure"),
        pytest.param((("gres/gpu:v100", "0"),), "gpu:v100:2,gpu:a100:2", "gpu:3", True, id="types-for-nothing"),
        pytest.param((("gres/shard:v100", "1"),), "gpu:v100:2,gpu:a100:2", "gpu:3", True, id="weights-of-something-else"),
        pytest.param((("gres/gpu", "1"),), "gpu:v100:2,gpu:a100:2", "gpu:3", True, id="any-type-alike"),
        pytest.param((("gres/gpu:v100", "1"),), "gpu:v100:2", "gpu:1", True, id="one-type-only"),
        pytest.param((("gres/gpu:v100", "1"),), "gpu:v100:2,shard:v100:8", "gpu:1", True, id="shards-are-no-type-of-gpu"),
    ],
)
def test_whether_the_type_makes_the_price(weights: Any, gres: str, gpus: str, exact: bool) -> None:
    """Slurm chooses the type for a job that names none, so types with weights of their own make the price unsure."""
    found = billing(rule(node(gres=gres), weights=weights), 1, 1, gpus)
    assert found is not None
    assert found[1] is exact


@pytest.mark.parametrize(
    ("weights", "gpus", "exact"),
    [
        pytest.param((("gres/gpu", "1"),), "gpu:1", False, id="gpus"),
        pytest.param((("gres/gpu:v100", "1"),), "gpu:1", False, id="gpus-of-a-type"),
        pytest.param((("gres/gpu:v100", "1"),), "gpu:v100:1", False, id="the-type-named"),
        pytest.param((("gres/gpu", "1"),), "", True, id="none-asked-for"),
        pytest.param((("gres/gpu", "0"), ("gres/shard", "3")), "gpu:1", True, id="for-nothing"),
    ],
)
def test_gpus_with_select_linear(weights: Any, gpus: str, exact: bool) -> None:
    """It may count no GRES at all (measured), so what they cost is not sure."""
    conf = config(SelectType="select/linear", SelectTypeParameters="CR_MEMORY")
    found = billing(rule(node(), conf=conf, weights=weights), 1, 1, gpus)
    assert found is not None
    assert found[1] is exact


# --- budgets -------------------------------------------------------------------------------------------------------------------


def limits(**tres: int) -> AccountingLimits:
    """GrpTRESMins."""
    return AccountingLimits(group_minutes=tuple(tres.items()))


LINE = (
    Association("physics", "ada", limits=limits(billing=500)),
    Association("physics", limits=limits(billing=1000, cpu=9000)),
    Association("science", limits=limits(mem=10**9)),
    Association("root"),
)


def a_cost(minutes: int = 60, factor: float = 1.0) -> Cost:
    """A session of 28 units an hour."""
    found = cost(rule(), 4, 32 * GB, "gpu:1", minutes, factor)
    assert found is not None
    return found


def test_budgets_of_a_job() -> None:
    """The user's own, the account's, those of the accounts above it; what is used and what running jobs may still use."""
    holdings = Holdings(
        associations={
            ("physics", "ada", ""): Use(minutes=(("billing", 100),), run_minutes=(("billing", 28),)),
            ("physics", "", ""): Use(minutes=(("billing", 700), ("cpu", 80))),
            ("science", "", ""): Use(),
        }
    )
    found = budgets_of(qos=(), line=LINE, holdings=holdings)
    assert found == (
        Budget("account physics", "billing", 500, 100, 28, own=True),
        Budget("account physics", "billing", 1000, 700, 0),
        Budget("account physics", "cpu", 9000, 80, 0),
        Budget("account science", "mem", 10**9, 0, 0),
    )
    assert [budget.left for budget in found] == [372, 300, 8920, 10**9]


@pytest.mark.parametrize("holdings", [None, Holdings()])
def test_what_nobody_knows_is_not_zero(holdings: Holdings | None) -> None:
    """Without an answer of slurmctld, or where it hides others' use (PrivateData), nothing is said to be used or left."""
    found = budgets_of(qos=(Qos("long", limits=limits(node=9)),), line=LINE, holdings=holdings)
    assert len(found) == 5
    for budget in found:
        assert (budget.used, budget.running, budget.left) == (None, None, None)
        assert (budget.covers(a_cost()), budget.time_left(a_cost())) == (None, None)
    assert tightest(found, a_cost()) is None


def test_a_qos_takes_the_place_of_the_accounts() -> None:
    """For the same TRES only; of two QOS the first counts (measured)."""
    first, second = Qos("first", limits=limits(billing=10)), Qos("second", limits=limits(billing=20, cpu=30))
    holdings = Holdings(qos={"first": Use(minutes=(("billing", 4),)), "second": Use()})
    found = budgets_of(qos=(first, second), line=LINE, holdings=holdings)
    assert [(budget.source, budget.tres, budget.left) for budget in found] == [
        ("QOS first", "billing", 6),
        ("QOS second", "cpu", 30),
        ("account science", "mem", None),
    ]


@pytest.mark.parametrize(
    ("budget", "covers", "time_left"),
    [
        pytest.param(Budget("a", "billing", 1680, 0), True, 60, id="to-the-minute"),
        pytest.param(Budget("a", "billing", 1679, 0, 0), False, 59, id="one-short"),
        pytest.param(Budget("a", "billing", 2000, 320, 0), True, 60, id="less-what-is-used"),
        pytest.param(Budget("a", "billing", 2000, 320, 28), False, 59, id="less-what-runs"),
        pytest.param(Budget("a", "billing", 100, 200, 0), False, 0, id="overdrawn"),
        pytest.param(Budget("a", "gres/gpu", 0, 0, 0), False, 0, id="no-gpus"),
        pytest.param(Budget("a", "gres/gpu:a100", 0, 0, 0), True, None, id="not-of-this-type"),
        pytest.param(Budget("a", "energy", 5, 0, 0), None, None, id="cannot-be-known"),
    ],
)
def test_a_budget_covers_a_session(budget: Budget, covers: bool | None, time_left: int | None) -> None:
    """28 units for an hour are 1680 billing minutes."""
    assert (budget.covers(a_cost()), budget.time_left(a_cost())) == (covers, time_left)


def test_a_spent_budget_covers_nothing() -> None:
    """Measured: where all is used no job starts that has anything of the TRES, even one that is charged nothing for it."""
    free = a_cost(factor=0.0)
    assert Budget("a", "billing", 0, 0, 0).covers(free) is False
    assert Budget("a", "billing", 1, 0, 0).covers(free) is True
    assert Budget("a", "billing", 1, 0, 0).time_left(free) is None


def test_the_tightest_budget() -> None:
    """The one that ends the session first, whatever it counts; those that it does not touch, or that nobody knows, are left out."""
    wide, cpu, unknown = Budget("a", "billing", 9000, 0, 0), Budget("b", "cpu", 100, 0, 0), Budget("c", "billing", 1)
    other = Budget("d", "gres/shard", 0, 0, 0)
    assert tightest((wide, cpu, unknown, other), a_cost()) is cpu
    assert tightest((wide, unknown, other), a_cost()) is wide
    assert tightest((other,), a_cost()) is None
    assert tightest((), a_cost()) is None
    same = Budget("e", "cpu", 100, 0, 0)
    assert tightest((same, cpu), a_cost()) is same


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        pytest.param(Budget("a", "cpu", 10), None, id="not-known"),
        pytest.param(Budget("a", "cpu", 10, None, 3), None, id="only-what-runs-is-known"),
        pytest.param(Budget("a", "cpu", 10, 4), 6, id="what-runs-is-not-known"),
        pytest.param(Budget("a", "cpu", 10, 4, 5), 1, id="one"),
        pytest.param(Budget("a", "cpu", 10, 4, 6), 0, id="none"),
        pytest.param(Budget("a", "cpu", 10, 4, 7), 0, id="never-less-than-none"),
    ],
)
def test_what_is_left(budget: Budget, left: int | None) -> None:
    """The limit, less what is used and what running jobs may still use."""
    assert budget.left == left


def test_time_left_is_whole_minutes() -> None:
    """Of 4 cores, 11 core-minutes are two minutes; the length of the session that asks changes nothing."""
    for minutes in (60, 600):
        time = Budget("a", "cpu", 11, 0, 0).time_left(a_cost(minutes))
        assert (time, type(time)) == (2, int)
    assert Budget("a", "cpu", 11, 0, 0).time_left(a_cost(factor=2.0)) == 1


def test_a_spent_budget_of_what_the_session_has_none_of() -> None:
    """It stops no session; one that is not spent, but promised to running jobs, stops those that are charged for it only."""
    assert Budget("a", "gres/gpu:a100", 10, 10, 0).covers(a_cost()) is True
    assert Budget("a", "cpu", 10, 10, 0).covers(a_cost(factor=0.0)) is False
    assert Budget("a", "cpu", 10, 9, 1).covers(a_cost(factor=0.0)) is True
    assert Budget("a", "cpu", 10, 9, 1).covers(a_cost()) is False


def test_budgets_come_by_what_they_count() -> None:
    """All of one TRES together, as they are compared, of these the nearest association first."""
    line = (Association("physics", "ada", limits=limits(billing=500, cpu=60)), *LINE[1:])
    assert [(budget.tres, budget.limit) for budget in budgets_of(qos=(), line=line, holdings=None)] == [
        ("billing", 500),
        ("billing", 1000),
        ("cpu", 60),
        ("cpu", 9000),
        ("mem", 10**9),
    ]


def test_budgets_of_the_association_with_a_partition() -> None:
    """What is used of it is kept under its partition; a QOS may have several budgets."""
    own = Association("physics", "ada", "gpu", limits=limits(cpu=50))
    holdings = Holdings(
        associations={
            ("physics", "ada", "gpu"): Use(minutes=(("cpu", 1),), run_minutes=(("mem", 9),)),
            ("physics", "ada", ""): Use(minutes=(("cpu", 2),)),
        }
    )
    assert budgets_of(qos=(Qos("q", limits=limits(billing=7, node=8)),), line=(own, *LINE[1:]), holdings=holdings) == (
        Budget("QOS q", "billing", 7),
        Budget("QOS q", "node", 8),
        Budget("account physics", "cpu", 50, 1, 0, own=True),
        Budget("account physics", "cpu", 9000),
        Budget("account science", "mem", 10**9),
    )


# --- for any request -----------------------------------------------------------------------------------------------------------

weight = st.one_of(st.just("0"), st.floats(0, 100, allow_nan=False).map(lambda value: f"{value:.3f}"), st.just("0.25G"), st.just("1K"))
some_weights = st.dictionaries(st.sampled_from(["cpu", "mem", "node", "gres/gpu", "gres/gpu:a100", "gres/gpu:v100"]), weight).map(
    lambda found: tuple(found.items())
)
some_nodes = st.builds(
    lambda cores, threads, gres: node(gres=gres, cores_total=cores * threads, sockets=1, cores_per_socket=cores, threads_per_core=threads),
    st.integers(1, 32),
    st.sampled_from([1, 2, 4]),
    st.sampled_from(["", "gpu:v100:4", "gpu:a100:2,gpu:v100:4", "gpu:3", "gpu:v100:4,shard:v100:16"]),
)
flags = st.sampled_from(["", "MAX_TRES", "MAX_TRES_GRES", None])
some_parameters = st.sampled_from(["CR_CORE_MEMORY", "CR_CPU_MEMORY", "CR_SOCKET_MEMORY", "CR_CORE"])


@st.composite
def requests(draw: st.DrawFn) -> tuple[int, int, Gres | None]:
    """Cores, MB, GPUs; more than there are, too."""
    gres = draw(st.one_of(st.none(), st.builds(Gres, st.just("gpu"), st.sampled_from(["", "v100", "a100"]), st.integers(0, 7))))
    return draw(st.integers(1, 140)), draw(st.integers(1, 400_000)), gres


@given(some_nodes, some_weights, flags, some_parameters, st.one_of(st.none(), st.integers(1, 50_000)), requests(), st.data())
def test_more_never_costs_less(
    one: Node,
    weights: Any,
    flag: str | None,
    parameters: str,
    per_cpu: int | None,
    request: tuple[int, int, Gres | None],
    data: st.DataObject,
) -> None:
    """On one kind of node, one more core, MB or GPU costs as much at least; nothing costs less than 0."""
    conf = config(PriorityFlags=flag, SelectTypeParameters=parameters)
    there = rule(one, weights=weights, conf=conf, max_memory_mb_per_cpu=per_cpu)
    cores, memory_mb, gres = request
    first = cost_of(there, demand(cores, memory_mb, gres))
    more = data.draw(st.sampled_from(["cores", "memory", "gpus"]))
    count = data.draw(st.integers(1, 50))
    larger = replace(gres, count=gres.count + count) if gres and more == "gpus" else gres
    second = cost_of(there, demand(cores + count * (more == "cores"), memory_mb + count * 500 * (more == "memory"), larger))
    if first is None:
        assert second is None
    if first is not None and second is not None:
        assert 0 <= first.billing <= second.billing
        assert 0 <= first.total <= second.total


@given(some_nodes, some_weights, flags, requests())
def test_a_whole_node_never_costs_less(one: Node, weights: Any, flag: str | None, request: tuple[int, int, Gres | None]) -> None:
    """EXCLUSIVE costs as much as the same request without it, at least."""
    cores, memory_mb, gres = request
    conf = config(PriorityFlags=flag)
    part, whole = (
        cost_of(rule(one, weights=weights, conf=conf, oversubscribe=sharing), demand(cores, memory_mb, gres))
        for sharing in ("NO", "EXCLUSIVE")
    )
    assert (part is None) == (whole is None)
    if part is not None and whole is not None:
        assert part.billing <= whole.billing


@given(some_weights, st.dictionaries(st.sampled_from(["cpu", "mem", "node", "gres/gpu", "gres/gpu:a100"]), st.integers(0, 10**6)))
def test_the_ways_to_combine_are_in_order(weights: Any, tres: dict[str, int]) -> None:
    """The largest amount is at most that with the other GRES added, which is at most the sum: so an unknown way costs the sum at most."""
    there = rule(weights=weights)
    assert there is not None
    assert billing_of(tres, there, "max") <= billing_of(tres, there, "max and gres") <= billing_of(tres, there, "sum")


@given(st.lists(some_nodes, min_size=1, max_size=4), some_weights, flags, requests())
def test_the_cost_is_the_most_of_any_node(nodes: list[Node], weights: Any, flag: str | None, request: tuple[int, int, Gres | None]) -> None:
    """Over several nodes the cost is the largest of theirs; exact only if all that could hold the session agree."""
    cores, memory_mb, gres = request
    asked = demand(cores, memory_mb, gres)
    conf = config(PriorityFlags=flag)
    each = [found for one in nodes if (found := cost_of(rule(one, weights=weights, conf=conf), asked)) is not None]
    every = cost_of(rule(*nodes, weights=weights, conf=conf), asked)
    assert (every is None) == (not each)
    if every is not None:
        assert every.billing == max(found.billing for found in each)
        if every.exact:
            assert {found.billing for found in each} == {every.billing}
            assert all(found.exact for found in each)


def test_thousands_of_nodes_are_few_shapes() -> None:
    """10,000 equal nodes are one shape, so that a price is worked out as fast as for one."""
    gres = parse_gres("gpu:v100:2")
    many = [Node(f"n{number}", "a", "idle", cores_total=48, memory_mb=375300, gres=gres) for number in range(10_000)]
    there = rule(*many)
    assert there is not None
    assert len(there.shapes) == 1
