"""What one account may ask of a partition: QOS, limits, reservations and the shapes of nodes together."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from spawner.accounting.entitlement import shapes_of
from spawner.accounting.limits import Limit
from spawner.accounting.partition_limits import NO_RULES, JobRules, NodeKind, PartitionLimits, kinds_of, limits_of, most_by_type, widest
from spawner.availability.demand import Demand, MemoryRule
from spawner.slurm.grammar import parse_gres
from spawner.slurm.model import AccountingLimits, Association, Holdings, Node, Qos, SlurmConfig, Use
from tests.support.builders import (
    ADA_LINE,
    HOUR,
    MEMORY_MB,
    NOW,
    choices,
    config,
    cpu_partition,
    demo_nodes,
    entitled,
    node,
    partition,
    reservation,
)

NORMAL = Qos("normal")


def qos(name: str, flags: str = "", **limits: Any) -> Qos:
    """A QOS with these limits."""
    return Qos(name, frozenset(flags.split()), AccountingLimits(**limits))


def line(*, own: str = "normal", default: str = "", **limits: Any) -> tuple[Association, ...]:
    """The accounts of ada's; ``cin_ada`` with these QOS and limits."""
    return (*ADA_LINE, Association("cin_ada", "ada", "", tuple(own.split()), default, limits=AccountingLimits(**limits)))


def there(name: str = "g100_int", **changes: Any) -> PartitionLimits:
    """What ada may ask of the partition."""
    found = entitled(**changes).partition(name)
    assert found is not None
    return found


# --- which QOS ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "partitions", "why"),
    [
        pytest.param({}, {}, "", id="normal"),
        pytest.param({"associations": line(own="x y")}, {}, "the account may not use QOS normal", id="several-without-default"),
        pytest.param({"job_qos": "gone"}, {}, "there is no QOS gone", id="unknown"),
        pytest.param({"job_qos": "x"}, {}, "the account may not use QOS x", id="not-the-accounts"),
        pytest.param({"job_qos": "x", "config": config(AccountingStorageEnforce="limits")}, {}, "", id="lists-not-enforced"),
        pytest.param({}, {"allow_qos": ("normal",)}, "", id="allowed"),
        pytest.param({}, {"allow_qos": ("x",)}, "QOS normal may not be used there", id="not-allowed"),
        pytest.param({}, {"deny_qos": ("normal",)}, "QOS normal may not be used there", id="denied"),
        pytest.param({}, {"allow_qos": ("normal",), "deny_qos": ("normal",)}, "", id="allow-over-deny"),
        pytest.param({}, {"min_nodes": 2}, "its jobs have 2 nodes at least", id="min-nodes"),
        pytest.param({}, {"min_nodes": 1, "max_nodes": 1}, "", id="one-node"),
        pytest.param({}, {"max_nodes": 0}, "it takes no jobs", id="max-nodes-0"),
        pytest.param({"associations": line(default="free", own="free")}, {"min_nodes": 2, "max_nodes": 0}, "", id="qos-beyond-the-partitions-nodes"),
        pytest.param({"associations": line(max_jobs=0)}, {}, "account cin_ada allows no jobs", id="max-jobs-0"),
        pytest.param({"associations": line(max_jobs=0), "config": config(AccountingStorageEnforce="qos")}, {}, "", id="limits-not-enforced"),
    ],
)  # fmt: skip
def test_why_an_account_may_not_run_there(changes: dict[str, Any], partitions: dict[str, Any], why: str) -> None:
    """The account is left out of the partition and the sentence says why; another partition is as it was."""
    known = (NORMAL, qos("x"), qos("y"), qos("free", "PartitionMinNodes PartitionMaxNodes"))
    values = {"associations": line(), "qos": known, **changes}
    own = entitled(partitions=(partition(**partitions), cpu_partition()), **values)
    limits = own.partition("g100_int")
    other = own.partition("g100_cpu")
    if not why:
        assert limits is not None
        assert limits.accounts == ("cin_ada",)
    else:
        assert limits is None
        elsewhere = (*values["associations"], Association("cin_extra", "ada", "", ("normal",), limits=AccountingLimits()))
        second = entitled(
            partitions=(partition(**partitions),), **{**values, "associations": elsewhere, "job_qos": changes.get("job_qos", "")}
        )
        for each in second.partitions:
            assert each.refused["cin_ada"] == why
    if partitions:
        assert other is not None


def test_qos_are_not_judged_where_nobody_knows_them() -> None:
    """An answer of Slurm that is missing forbids nothing."""
    assert there(associations=line(own="x y"), qos=()).accounts == ("cin_ada",)


# --- numbers ------------------------------------------------------------------------------------------------------------------


def test_numbers_of_one_account_and_the_widest() -> None:
    """The partition shows what the best of the accounts may have; narrowed, what each may."""
    rows = (*line(per_job=(("cpu", 4), ("mem", 8192), ("gres/gpu", 1)), max_minutes=60), Association("cin_extra", "ada", "", ("normal",), limits=AccountingLimits(max_minutes=120)))  # fmt: skip
    found = there(associations=rows, qos=(NORMAL,))
    assert (found.max_cores, found.max_memory_mb, found.gpus, found.max_minutes) == (48, 375300, (("v100", 2),), 120)
    own = found.narrowed("cin_ada")
    assert (own.max_cores, own.max_memory_mb, own.gpus, own.gpus_of(""), own.max_minutes) == (4, 8192, (("v100", 1),), 1, 60)
    assert {name: limit.source for name, limit in own.binding.items()} == dict.fromkeys(
        ("cores", "memory", "gpus", "minutes"), "account cin_ada"
    )
    other = found.narrowed("cin_extra")
    assert (other.max_cores, other.gpus_of("v100"), other.max_minutes) == (48, 2, 120)


def test_limits_above_the_nodes_bind_nothing() -> None:
    """A limit larger than the largest node is not named."""
    own = there(associations=line(per_job=(("cpu", 99), ("mem", 10**6)), max_minutes=9999), qos=(NORMAL,)).narrowed("cin_ada")
    assert (own.max_cores, own.max_memory_mb, own.max_minutes) == (48, 375300, 480)
    assert not {"cores", "memory", "minutes"} & set(own.binding)


@pytest.mark.parametrize(
    ("flags", "minutes"),
    [pytest.param("", 480, id="capped-by-the-partition"), pytest.param("PartitionTimeLimit", 6000, id="beyond-the-partition")],
)
def test_max_wall_of_a_qos_and_the_partition(flags: str, minutes: int) -> None:
    """Of the times the shorter counts, unless the QOS has PartitionTimeLimit (sacctmgr(1))."""
    found = there(associations=line(own="long"), qos=(qos("long", flags, max_minutes=6000),))
    assert found.max_minutes == found.narrowed("cin_ada").max_minutes == minutes


def test_typed_limit_binds_only_who_names_the_type() -> None:
    """Measured on 22.05.8."""
    own = there(associations=line(own="t"), qos=(qos("t", per_job=(("gres/gpu:v100", 1),)),)).narrowed("cin_ada")
    assert (own.gpus_of("v100"), own.gpus_of("")) == (1, 2)


def test_gpus_of_several_types_count_together_without_a_type() -> None:
    """Slurm mixes them for a job that names none."""
    found = there(nodes=(node("g001", gres="gpu:v100:1,gpu:a100:1"),), partitions=(partition(nodes=("g001",)),))
    assert (found.gpus_of(""), found.gpus_of("a100")) == (2, 1)
    assert found.fits_one_node(Demand(1, 1, "", 2))
    assert not found.fits_one_node(Demand(1, 1, "a100", 2))


@pytest.mark.parametrize(
    ("changes", "asked", "cores", "gpus"),
    [
        pytest.param({}, (3, 100, "", 1), 3, 1, id="as-asked"),
        pytest.param({"nodes": (node("g001", threads_per_core=2),)}, (3, 100, "", 0), 4, 0, id="whole-cores"),
        pytest.param({"nodes": (node("g001", threads_per_core=2), node("g002"))}, (3, 100, "", 0), 3, 0, id="unless-some-node-has-none"),
        pytest.param({"nodes": (node("g001"),), "partition": {"oversubscribe": "EXCLUSIVE"}}, (3, 100, "", 0), 48, 2, id="whole-nodes"),
        pytest.param({"nodes": (node("g001"), node("g002", gres="", cores_total=8)), "partition": {"oversubscribe": "EXCLUSIVE"}}, (3, 100, "", 0), 8, 0, id="the-smallest-whole-node"),
        pytest.param({"nodes": (node("g001"), node("g002", gres="", cores_total=8)), "partition": {"oversubscribe": "EXCLUSIVE"}}, (3, 100, "v100", 1), 48, 2, id="the-smallest-that-holds-it"),
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}}, (1, 4000, "", 0), 4, 0, id="cores-for-memory"),
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}, "version": (22, 5, 8)}, (3, 4000, "", 0), 3, 0, id="cores-for-memory-rounded-down-to-those-asked-for"),
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}, "version": (22, 5, 8)}, (3, 6000, "v100", 1), 3, 1, id="none-for-memory-with-gpus"),
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}, "version": (24, 11, 5)}, (3, 4000, "", 0), 4, 0, id="cores-for-memory-from-24.11-on"),
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}}, (3, 6000, "", 0), 6, 0, id="twice-those-asked-for"),
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}}, (8, 100, "", 0), 8, 0, id="cores-enough"),
    ],
)  # fmt: skip
def test_as_slurm_counts(changes: dict[str, Any], asked: tuple[int, int, str, int], cores: int, gpus: int) -> None:
    """What a job is counted for may be more than it asked for. Measured on 22.05.8, and where a version is named on that."""
    nodes = changes.get("nodes", demo_nodes())
    conf = SlurmConfig(version=changes.get("version", ()))
    found = there(
        nodes=nodes, config=conf, partitions=(partition(**{"nodes": tuple(entry.name for entry in nodes), **changes.get("partition", {})}),)
    )
    amounts = found.amounts(Demand(*asked, 30))
    assert (amounts["cores"], amounts["gpus"], amounts["minutes"]) == (cores, gpus, 30)


def test_cores_that_threads_leave_of_a_limit() -> None:
    """With two threads a core, a limit of 3 leaves 2: a job of 3 would be counted as 4."""
    nodes = (node("g001", threads_per_core=2),)
    own = there(nodes=nodes, partitions=(partition(nodes=("g001",)),), associations=line(per_job=(("cpu", 3),)), qos=(NORMAL,)).narrowed(
        "cin_ada"
    )
    assert own.max_cores == 2  # fmt: skip


def test_exclusive_partition_and_a_small_qos() -> None:
    """A partition that gives whole nodes is closed to who may not have one, and offers those that are small enough."""
    nodes = (node("g001"), node("g002", gres="", cores_total=4))
    small = {"associations": line(per_job=(("cpu", 4),)), "qos": (NORMAL,), "nodes": nodes}
    both = there(partitions=(partition(nodes=("g001", "g002"), oversubscribe="EXCLUSIVE"),), **small)
    assert [kind.cores_total for kind in both.narrowed("cin_ada").kinds] == [4]
    assert entitled(partitions=(partition(nodes=("g001",), oversubscribe="EXCLUSIVE"),), **small).partitions == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param({}, (375300, None), id="neither"),
        pytest.param({"MaxMemPerNode": "UNLIMITED"}, (375300, None), id="unlimited"),
        pytest.param({"MaxMemPerNode": "1000"}, (1000, None), id="node"),
        pytest.param({"MaxMemPerCPU": "1000"}, (48000, 1000), id="cpu"),
    ],
)
def test_memory_limits_of_the_cluster(values: dict[str, str], expected: tuple[int, int | None]) -> None:
    """MaxMemPerNode and MaxMemPerCPU of slurm.conf hold where the partition has neither."""
    found = there(config=config(**values))
    assert (found.max_memory_mb, found.memory_mb_per_core) == expected
    assert there(partitions=(partition(max_memory_mb_per_node=2000),), config=config(**values)).max_memory_mb == 2000


def test_shapes_worked_out_before_are_the_same() -> None:
    """What is shared by all users changes nothing for one."""
    partitions = (partition(max_cores_per_node=24), cpu_partition())
    shapes = shapes_of(partitions, {entry.name: entry for entry in demo_nodes()}, SlurmConfig())
    assert entitled(partitions=partitions, shapes=shapes) == entitled(partitions=partitions)


# --- reservations -------------------------------------------------------------------------------------------------------------


def test_a_reservation_narrows_to_its_nodes() -> None:
    """Inside, only its own nodes count; of some cores of them, so many a node; a flexible one narrows nothing."""
    nodes = (node("g001"), node("g002", gres="", cores_total=8))
    shared = partition(nodes=("g001", "g002"))
    entries = (
        reservation("small", nodes=("g002",), core_count=8),
        reservation("part", nodes=("g001", "g002"), core_count=6),
        reservation("flex", nodes=("g002",), flags=frozenset({"FLEX"})),
        reservation("elsewhere", nodes=("c001",)),
    )
    found = there(nodes=nodes, partitions=(shared,), reservations=entries)
    most = {name: found.narrowed("cin_ada", name) for name in ("", "small", "part", "flex", "elsewhere")}
    assert {name: each.max_cores for name, each in most.items()} == {"": 48, "small": 8, "part": 3, "flex": 48, "elsewhere": 0}
    assert {name: each.gpus_of("") for name, each in most.items()} == {"": 2, "small": 0, "part": 2, "flex": 2, "elsewhere": 0}


def test_reservations_to_come() -> None:
    """Those of the user's that have not begun are kept apart, the first in front; a flexible one may be used before it begins."""
    entries = (
        reservation("now"),
        reservation("later", start=NOW + 3 * HOUR, end=NOW + 9 * HOUR),
        reservation("soon", start=NOW + HOUR, end=NOW + 9 * HOUR),
        reservation("flex", start=NOW + HOUR, end=NOW + 9 * HOUR, flags=frozenset({"FLEX"})),
        reservation("theirs", start=NOW + HOUR, end=NOW + 9 * HOUR, users=("grace",)),
        reservation("maintenance", start=NOW + HOUR, end=NOW + 9 * HOUR, flags=frozenset({"MAINT"})),
    )
    own = entitled(reservations=entries)
    assert [entry.name for entry in own.reservations] == ["now", "flex"]
    assert [entry.name for entry in own.upcoming] == ["soon", "later"]
    narrowed = choices(reservations=entries, fields={"reservation": {"choices": ["now", "later"]}})
    assert [entry.name for entry in narrowed.upcoming_reservations] == ["later"]


# --- what is not enforced, what is held ---------------------------------------------------------------------------------------


def test_without_enforcement_nobody_needs_an_association() -> None:
    """AccountingStorageEnforce=none: who has none is asked for no account; who has some may name them, and no list keeps them out."""
    off = config(AccountingStorageEnforce="none")
    stranger = entitled("nobody", config=off)
    assert stranger.accounts is None
    assert [each.name for each in stranger.partitions] == ["g100_int", "g100_cpu"]
    own = entitled(config=off, partitions=(partition(allow_accounts=("cin_other",)),))
    assert own.partitions[0].accounts == own.accounts == ("cin_ada", "cin_extra")


def test_without_enforcement_no_limit_binds() -> None:
    """Neither the partition's QOS nor the association's limits."""
    changes = {
        "partitions": (partition(qos="part"),),
        "qos": (NORMAL, qos("part", per_job=(("cpu", 2),))),
        "associations": line(max_minutes=5),
    }
    assert there(**changes).max_cores == 2
    off = there(**changes, config=config(AccountingStorageEnforce="none"))
    assert (off.max_cores, off.max_minutes) == (48, 480)


def test_what_is_held_by_this_user() -> None:
    """By the numeric id, under the QOS that the job has."""
    known = (qos("q", per_user=(("cpu", 8),)),)
    held = Holdings(qos_users={("q", 7): Use(tres=(("cpu", 5),)), ("q", 8): Use(tres=(("cpu", 8),))})
    own = there(associations=line(own="q"), qos=known, holdings=held, uid=7)
    assert own.rules_for("cin_ada").limits == (Limit("cores", 8, "QOS q", "user", held=5),)
    assert own.max_cores == 8


def test_association_of_the_partition_comes_first() -> None:
    """Slurm takes the association that names the partition before the one for any."""
    rows = (
        *line(per_job=(("cpu", 4),)),
        Association("cin_ada", "ada", "g100_int", ("normal",), limits=AccountingLimits(per_job=(("cpu", 9),))),
    )
    own = entitled(associations=rows, qos=(NORMAL,))
    assert {each.name: each.max_cores for each in own.partitions} == {"g100_int": 9, "g100_cpu": 4}


# --- shapes of nodes ----------------------------------------------------------------------------------------------------------


def on(*nodes: Node, **changes: Any) -> PartitionLimits:
    """What may be asked of a partition of these nodes before accounting is looked at."""
    return limits_of(partition(nodes=tuple(entry.name for entry in nodes), **changes), (), {entry.name: entry for entry in nodes})


@pytest.mark.parametrize(
    ("changes", "cores", "memory_mb"),
    [
        pytest.param({}, 48, MEMORY_MB, id="no-limit"),
        pytest.param({"max_cores_per_node": 47}, 47, MEMORY_MB, id="cores-below-the-node"),
        pytest.param({"max_cores_per_node": 49}, 48, MEMORY_MB, id="cores-above-the-node"),
        pytest.param({"max_memory_mb_per_node": MEMORY_MB - 1}, 48, MEMORY_MB - 1, id="memory-below-the-node"),
        pytest.param({"max_memory_mb_per_node": MEMORY_MB + 1}, 48, MEMORY_MB, id="memory-above-the-node"),
        pytest.param({"max_memory_mb_per_cpu": 7818}, 48, 48 * 7818, id="memory-of-all-cores-below-the-node"),
        pytest.param({"max_memory_mb_per_cpu": 7819}, 48, MEMORY_MB, id="memory-of-all-cores-above-the-node"),
        pytest.param({"max_cores_per_node": 4, "max_memory_mb_per_cpu": 1000}, 4, 4000, id="memory-of-the-cores-one-may-have"),
        pytest.param({"max_memory_mb_per_node": 3000, "max_memory_mb_per_cpu": 1000}, 48, 3000, id="the-smaller-of-both"),
    ],
)  # fmt: skip
def test_limits_of_the_partition_and_its_nodes(changes: dict[str, Any], cores: int, memory_mb: int) -> None:
    """MaxCPUsPerNode, MaxMemPerNode and MaxMemPerCPU take from what a node has, and add nothing to it."""
    found = on(node(), **changes)
    assert (found.max_cores, found.max_memory_mb) == (cores, memory_mb)
    assert [(kind.cores_total, kind.memory_mb_total) for kind in found.kinds] == [(cores, memory_mb)]
    assert found.fits_one_node(Demand(cores, memory_mb))
    assert not found.fits_one_node(Demand(cores + 1, 1))
    assert not found.fits_one_node(Demand(1, memory_mb + 1))


def test_each_shape_once_and_nodes_that_nobody_knows_left_out() -> None:
    """Alike nodes are one shape; those after an unknown or a repeated one count as well."""
    nodes = {entry.name: entry for entry in (node("g001"), node("g002"), node("g003", cores_total=8, gres=""))}
    kinds = kinds_of(partition(), ("gone", "g001", "g002", "g003"), nodes)
    assert kinds == (NodeKind(48, MEMORY_MB, 1, (("v100", 2),)), NodeKind(8, MEMORY_MB, 1, ()))


def test_single_threads_may_be_asked_for() -> None:
    """Where a job may have 3 CPUs of a node with two threads a core, 3 are offered: with CR_CPU such a job runs."""
    found = on(node(threads_per_core=2), max_cores_per_node=3)
    assert found.fits_one_node(Demand(3, 1))
    assert not found.fits_one_node(Demand(4, 1))


def test_a_partition_without_nodes_holds_nothing() -> None:
    """Nothing can be asked of it; what a job would be counted for is what it asks for."""
    found = on()
    assert (found.max_cores, found.max_memory_mb, found.gpus, found.gpus_of(""), found.parts) == (0, 0, (), 0, ())
    assert found.card_in_parts("shard", "") == 0
    assert not found.fits_one_node(Demand(1, 1))
    assert found.amounts(Demand(3, 100))["cores"] == 3
    narrowed = replace(found, rules={"a": JobRules(limits=(Limit("cores", 4, "QOS q"), Limit("memory", 5, "QOS q")))}).narrowed("a")
    assert (narrowed.max_cores, narrowed.max_memory_mb, dict(narrowed.binding)) == (0, 0, {})


@pytest.mark.parametrize(
    ("oversubscribe", "users_per_core", "exclusive"),
    [("NO", 1, False), ("EXCLUSIVE", 1, True), ("YES", 3, False), ("FORCE", 3, False)],
)
def test_who_shares_cores(oversubscribe: str, users_per_core: int, exclusive: bool) -> None:
    """Only with YES and FORCE several jobs have one core (slurm.conf(5), OverSubscribe)."""
    found = on(node(), oversubscribe=oversubscribe, oversubscribe_count=3)
    assert (found.users_per_core, found.exclusive) == (users_per_core, exclusive)


def test_what_a_partition_says_of_itself() -> None:
    """Name, accounts, times and whether a reservation is required are the partition's own."""
    found = limits_of(partition(default_minutes=30, reservation_required=True), ("cin_ada",), {})
    assert (found.name, found.is_default, found.accounts, found.max_minutes, found.partition_minutes, found.default_minutes) == ("g100_int", True, ("cin_ada",), 480, 480, 30)  # fmt: skip
    assert found.reservation_required
    assert not limits_of(partition(is_default=False), (), {}).reservation_required


def test_most_of_each_type() -> None:
    """Types in alphabetical order, whichever node has more; a type of which there is none stays none."""
    assert most_by_type((("v100", 2), ("a100", 0), ("v100", 1))) == {"a100": 0, "v100": 2}
    assert list(most_by_type((("v100", 2), ("a100", 0)))) == ["a100", "v100"]


# --- parts of GPUs ------------------------------------------------------------------------------------------------------------


def test_parts_of_one_card() -> None:
    """A part is less than the whole card, and of one card only; the largest card counts, by type where one is named."""
    found = on(
        node("g001", gres="gpu:v100:2,shard:v100:8"), node("g002", gres="gpu:a100:1,shard:a100:7"), node("g003", gres="gpu:v100:2,mps:v100:200")
    )  # fmt: skip
    assert found.parts == (("mps", "v100", 100), ("shard", "a100", 7), ("shard", "v100", 4))
    asked = [("shard", "v100"), ("shard", "a100"), ("shard", ""), ("mps", "v100"), ("mps", "a100"), ("mps", ""), ("gpu", "v100")]
    assert [found.card_in_parts(*kind) for kind in asked] == [4, 7, 7, 100, 0, 100, 0]
    assert [found.has_part("shard", "v100", count) for count in (0, 1, 3, 4)] == [False, True, True, False]
    assert [found.has_part("shard", "", count) for count in (6, 7)] == [True, False]
    assert not found.has_part("mps", "a100", 1)
    assert found.fits_one_node(Demand(1, 1, "v100", 4, gres="shard"))
    assert not found.fits_one_node(Demand(1, 1, "v100", 5, gres="shard"))


def test_no_parts_where_a_job_gets_the_whole_node() -> None:
    """A job that asks an exclusive partition for a part would wait for ever."""
    found = on(node(gres="gpu:v100:2,shard:v100:8"), oversubscribe="EXCLUSIVE")
    assert (found.parts, found.card_in_parts("shard", "v100"), found.has_part("shard", "v100", 1)) == ((), 0, False)


def test_parts_are_each_nodes_own() -> None:
    """Equal GRES may be cut differently, as GresUsed has it; equal GresUsed says nothing of nodes with other GRES."""
    cut = "gpu:v100:2,shard:v100:8"
    nodes = [
        node("g001", gres=cut),
        node("g002", gres="gpu:v100:2,shard:v100:4"),
        node("g003", gres=cut, used="gpu:v100:0,shard:v100:0(0/2,0/6)"),
        node("g004", gres="gpu:v100:2"),
    ]
    assert nodes[0].gres is nodes[2].gres is parse_gres(cut)
    assert nodes[0].gres_used is nodes[1].gres_used
    assert [kind.parts for kind in on(*nodes).kinds] == [(("shard", "v100", 4),), (("shard", "v100", 2),), ()]
    found = on(*reversed(nodes))
    assert [kind.parts for kind in found.kinds] == [(), (("shard", "v100", 2),), (("shard", "v100", 4),)]


# --- one account's rules ------------------------------------------------------------------------------------------------------


def under(*limits: Limit, nodes: tuple[Node, ...] = (), rules: dict[str, Any] | None = None, **changes: Any) -> PartitionLimits:
    """What account ``a`` may ask of a partition, of one of the demo's nodes if no other are given, with these limits."""
    return replace(on(*(nodes or (node(),)), **changes), rules={"a": JobRules(limits=limits, **(rules or {}))}).narrowed("a")


def test_an_account_that_accounting_says_nothing_of() -> None:
    """It has no rules, and the partition is for it as it is."""
    found = on(node())
    assert found.rules_for("a") is NO_RULES
    assert found.narrowed("a") == found


@pytest.mark.parametrize(
    ("resource", "own"),
    [pytest.param("cores", 48, id="cores"), pytest.param("memory", MEMORY_MB, id="memory"), pytest.param("minutes", 480, id="minutes")],
)
@pytest.mark.parametrize(("more", "binds"), [(-1, True), (0, False), (1, False)], ids=["below", "equal", "above"])
def test_a_limit_binds_only_below_what_the_nodes_have(resource: str, own: int, more: int, binds: bool) -> None:
    """One that takes nothing away is not named as the reason of a number."""
    limit = Limit(resource, own + more, "QOS q")
    found = under(limit)
    numbers = {"cores": found.max_cores, "memory": found.max_memory_mb, "minutes": found.max_minutes}
    assert numbers == {"cores": 48, "memory": MEMORY_MB, "minutes": 480, resource: min(own, own + more)}
    assert found.binding == ({resource: limit} if binds else {})


@pytest.mark.parametrize("resource", ["cores", "memory", "minutes", "gpus"])
def test_the_tightest_of_several_limits_binds(resource: str) -> None:
    """MaxTRES of one job and of one node, a user's and a group's limits: the smallest counts, wherever it stands."""
    limits = [Limit(resource, most, f"QOS q{most}") for most in (3, 1, 2)]
    assert under(*limits).binding[resource] == limits[1]


def test_what_is_no_limit_of_an_amount_narrows_nothing() -> None:
    """Neither a lower bound nor a product with the time is the most that a job may have."""
    found = under(
        Limit("cores", 3, "QOS q", least=True), Limit("memory", 9, "QOS q", measure="minutes"), Limit("gpus", 1, "QOS q", least=True)
    )
    assert (found.max_cores, found.max_memory_mb, found.gpus_of("v100"), dict(found.binding)) == (48, MEMORY_MB, 2, {})
    assert [found.at_least(resource) for resource in ("cores", "memory", "gpus")] == [3, 0, 1]


@pytest.mark.parametrize(
    ("most", "changes", "cores"),
    [
        pytest.param(47, {}, 46, id="a-thread-short-of-the-node"),
        pytest.param(96, {}, 48, id="above-the-node"),
        pytest.param(48, {}, 48, id="the-node"),
        pytest.param(3, {"max_cores_per_node": 3}, 2, id="as-the-partition-with-half-a-core"),
    ],
)
def test_whole_cores_of_a_limit(most: int, changes: dict[str, Any], cores: int) -> None:
    """With two threads a core a limit is worth the whole cores in it, never more than the node."""
    assert under(Limit("cores", most, "QOS q"), nodes=(node(threads_per_core=2),), **changes).max_cores == cores


@pytest.mark.parametrize(
    ("limit", "nodes"),
    [
        pytest.param(Limit("gpus", 2, "QOS q"), ["g001", "g002"], id="as-many-gpus"),
        pytest.param(Limit("gpus", 1, "QOS q"), ["g002"], id="fewer-gpus"),
        pytest.param(Limit("cores", 48, "QOS q"), ["g001", "g002"], id="as-many-cores"),
        pytest.param(Limit("cores", 47, "QOS q"), ["g002"], id="fewer-cores"),
        pytest.param(Limit("cores", 7, "QOS q"), [], id="too-few-cores-for-any"),
        pytest.param(Limit("cores", 99, "QOS q", least=True), ["g001", "g002"], id="a-lower-bound"),
        pytest.param(Limit("memory", 1, "QOS q"), ["g001", "g002"], id="memory-is-asked-for"),
    ],
)
def test_whole_nodes_within_a_limit(limit: Limit, nodes: list[str]) -> None:
    """An exclusive partition gives all cores and GPUs of a node, so those that have more than the limit are not offered."""
    both = (node("g001"), node("g002", gres="", cores_total=8))
    found = under(limit, nodes=both, oversubscribe="EXCLUSIVE")
    assert [{48: "g001", 8: "g002"}[kind.cores_total] for kind in found.kinds] == nodes
    assert set(found.binding) <= {"memory"}


def test_of_whole_nodes_alike_in_cores_the_one_with_fewest_gpus_is_counted() -> None:
    """A job is not refused for GPUs that it need not get."""
    found = on(node("g001"), node("g002", gres=""), oversubscribe="EXCLUSIVE")
    assert found.amounts(Demand(1, 100))["gpus"] == 0


@pytest.mark.parametrize(("memory_mb", "cores"), [(4000, 4), (4001, 5), (999, 1)])
def test_cores_for_memory_are_rounded_up(memory_mb: int, cores: int) -> None:
    """A MB more than MaxMemPerCPU gives to the cores is one core more."""
    there_is = partition(nodes=("g001",), max_memory_mb_per_cpu=1000)
    kinds = kinds_of(there_is, there_is.nodes, {"g001": node("g001")}, MemoryRule(most_per_cpu=1000))
    counted = limits_of(there_is, (), {}, kinds).amounts(Demand(1, memory_mb))["cores"]
    assert (counted, type(counted)) == (cores, int)


@pytest.mark.parametrize(
    ("partitions_own", "of_the_qos", "required"), [(False, False, False), (True, False, True), (False, True, True), (True, True, True)]
)
def test_a_reservation_is_required_by_the_partition_or_by_the_qos(partitions_own: bool, of_the_qos: bool, required: bool) -> None:
    """ReqResv of the partition, RequiresReservation of the QOS (sacctmgr(1))."""
    assert under(rules={"needs_reservation": of_the_qos}, reservation_required=partitions_own).reservation_required is required


# --- the widest of several accounts -------------------------------------------------------------------------------------------


def best_of(*rules: JobRules, nodes: tuple[Node, ...] = (), **changes: Any) -> PartitionLimits:
    """The partition with the widest numbers of accounts with these rules, named a, b and so on."""
    named = dict(zip("abc", rules, strict=False))
    return widest(replace(on(*(nodes or (node(),)), **changes), accounts=tuple(named), rules=named))


def test_the_widest_of_each_resource() -> None:
    """Each number is that of the account that may have most of the resource, not that of one account."""
    found = best_of(
        JobRules(limits=(Limit("cores", 4, "x"), Limit("memory", 900, "x"), Limit("gpus", 1, "x"), Limit("minutes", 60, "x"))),
        JobRules(limits=(Limit("cores", 2, "x"), Limit("memory", 1000, "x"), Limit("gpus", 0, "x"), Limit("minutes", 30, "x"))),
    )
    assert (found.max_cores, found.max_memory_mb, found.gpus, found.max_minutes) == (4, 1000, (("v100", 1),), 60)


def test_gpus_of_each_type_for_the_widest() -> None:
    """A type counts for itself, and one that no account may have is not there."""
    nodes = (node(gres="gpu:v100:2,gpu:a100:1,gpu:t4:4"),)
    assert best_of(JobRules(limits=(Limit("gpus:v100", 1, "x"), Limit("gpus:t4", 0, "x"))), nodes=nodes).gpus == (("a100", 1), ("v100", 1))


def test_without_accounts_the_user_has_the_rules_of_nobody() -> None:
    """Where none is named, the partition is narrowed by the rules without an account."""
    limits = replace(on(node()), rules={"": JobRules(limits=(Limit("cores", 4, "QOS q"),))})
    assert widest(limits).max_cores == 4


@pytest.mark.parametrize("limits", [(), (Limit("minutes", 60, "x"),)], ids=["no-limit", "the-other-is-limited"])
def test_time_without_end_for_one_account(limits: tuple[Limit, ...]) -> None:
    """Where nothing bounds the time of one of the accounts, nothing bounds the widest."""
    free = JobRules(beyond_partition_time=True)
    assert best_of(JobRules(limits=limits), free).max_minutes is None
    assert best_of(JobRules(limits=limits)).max_minutes == (60 if limits else 480)


@pytest.mark.parametrize(
    ("needs", "required"), [((True,), True), ((True, True), True), ((True, False), False), ((False, False), False)]
)  # fmt: skip
def test_a_reservation_is_required_if_every_account_needs_one(needs: tuple[bool, ...], required: bool) -> None:
    """One account that may do without is enough."""
    assert best_of(*(JobRules(needs_reservation=each) for each in needs)).reservation_required is required
