"""What one account may ask of a partition: QOS, limits, reservations and the shapes of nodes together."""

# ruff: noqa: E501 - a row of a table is one line

from __future__ import annotations

from typing import Any

import pytest

from spawner.accounting.entitlement import shapes_of
from spawner.accounting.limits import Limit
from spawner.accounting.partition_limits import PartitionLimits
from spawner.availability.demand import Demand
from spawner.slurm.model import AccountingLimits, Association, Holdings, Qos, SlurmConfig, Use
from tests.support.builders import ADA_LINE, HOUR, NOW, choices, config, cpu_partition, demo_nodes, entitled, node, partition, reservation

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
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}}, (3, 4000, "", 0), 3, 0, id="cores-for-memory-rounded-down-to-those-asked-for"),
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}}, (3, 6000, "", 0), 6, 0, id="twice-those-asked-for"),
        pytest.param({"partition": {"max_memory_mb_per_cpu": 1000}}, (8, 100, "", 0), 8, 0, id="cores-enough"),
    ],
)  # fmt: skip
def test_as_slurm_counts(changes: dict[str, Any], asked: tuple[int, int, str, int], cores: int, gpus: int) -> None:
    """What a job is counted for may be more than it asked for. Measured on 22.05.8."""
    nodes = changes.get("nodes", demo_nodes())
    found = there(nodes=nodes, partitions=(partition(**{"nodes": tuple(entry.name for entry in nodes), **changes.get("partition", {})}),))
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
