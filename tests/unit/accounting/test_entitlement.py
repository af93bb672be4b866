"""What a user may ask for: the rules of slurm.conf(5) for partitions and of scontrol(1) for reservations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from spawner.accounting.entitlement import (
    accounts_of,
    ancestors_of,
    default_account_of,
    may_use_reservation,
    partition_accounts,
    reservation_accounts,
)
from spawner.accounting.partition_limits import kinds_of, limits_of
from spawner.availability.demand import Demand
from spawner.slurm.model import AccountingLimits, Association, Node, Partition, Qos, Reservation, UserDefaults
from tests.support.builders import (
    DEFAULTS,
    HOUR,
    MEMORY_MB,
    NOW,
    config,
    cpu_partition,
    demo_associations,
    demo_nodes,
    entitled,
    node,
    partition,
    reservation,
)

ADAS = ("cin_ada", "cin_extra")


# --- accounts -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "accounts"),
    [
        pytest.param("ada", ("cin_ada", "cin_extra"), id="two"),
        pytest.param("grace", ("cin_grace",), id="one"),
        pytest.param("nobody", (), id="none"),
        pytest.param("", ("cin_ada", "cin_extra", "cin_grace", "cin_other", "cin_staff", "root"), id="the-accounts-own-rows"),
    ],
)
def test_accounts_of(user: str, accounts: tuple[str, ...]) -> None:
    """A user's accounts are those of their own associations, each once, in order."""
    assert accounts_of(user, (*demo_associations(), Association("cin_ada", "ada", partition="g100_int"))) == accounts


@pytest.mark.parametrize("user", ["ada", "grace", "nobody"])
def test_two_users_see_their_own_accounts_only(user: str) -> None:
    """Nobody is offered an account of somebody else's, in the list or in a partition."""
    own = entitled(user)
    others = {entry.account for entry in demo_associations() if entry.user not in ("", user)} - set(accounts_of(user, demo_associations()))
    assert others
    assert not others & set(own.accounts or ())
    assert not others & {account for limits in own.partitions for account in limits.accounts}


@pytest.mark.parametrize(
    ("user", "accounts", "defaults", "expected"),
    [
        pytest.param("ada", ADAS, DEFAULTS, "cin_ada", id="slurms-default"),
        pytest.param("ada", ADAS, (UserDefaults("ada", "cin_extra"),), "cin_extra", id="not-the-first"),
        pytest.param("ada", ADAS, (UserDefaults("ada", "gone"),), "cin_ada", id="default-not-theirs"),
        pytest.param("ada", ADAS, (UserDefaults("grace", "cin_extra"),), "cin_ada", id="somebody-elses-default"),
        pytest.param("ada", ADAS, (), "cin_ada", id="no-default"),
        pytest.param("ada", (), DEFAULTS, "", id="no-account"),
    ],
)
def test_default_account(user: str, accounts: tuple[str, ...], defaults: tuple[UserDefaults, ...], expected: str) -> None:
    """Slurm's default account counts where it is one of the user's, else the first does."""
    assert default_account_of(user, accounts, defaults) == expected


@pytest.mark.parametrize(
    ("account", "line"),
    [
        pytest.param("cin_ada", ("cin_ada", "cin_staff", "root"), id="two-levels"),
        pytest.param("root", ("root",), id="root"),
        pytest.param("unknown", ("unknown",), id="unknown"),
        pytest.param("a", ("a", "b"), id="circle"),
    ],
)
def test_ancestors(account: str, line: tuple[str, ...]) -> None:
    """An account, its parent, and so on up; a circle ends where it closes."""
    assert ancestors_of(account, (*demo_associations(), Association("a", parent="b"), Association("b", parent="a"))) == line


# --- partitions ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "accounts"),
    [
        pytest.param({}, ADAS, id="all"),
        pytest.param({"allow_accounts": ("cin_ada", "cin_other")}, ("cin_ada",), id="allowed"),
        pytest.param({"allow_accounts": ("cin_other",)}, (), id="allowed-others"),
        pytest.param({"allow_accounts": ("cin_staff",)}, ADAS, id="below-the-one-allowed"),
        pytest.param({"allow_accounts": ("root",)}, ADAS, id="below-the-root"),
        pytest.param({"allow_accounts": ("nosuch",)}, ADAS, id="none-that-there-is"),
        pytest.param({"allow_accounts": ("nosuch", "cin_other")}, (), id="one-that-there-is"),
        pytest.param({"deny_accounts": ("cin_staff",)}, (), id="below-the-one-denied"),
        pytest.param({"deny_accounts": ("nosuch",)}, ADAS, id="none-denied-that-there-is"),
        pytest.param({"allow_accounts": ("nosuch",), "deny_accounts": ("cin_ada",)}, ("cin_extra",), id="denied-where-none-is-allowed"),
        pytest.param({"deny_accounts": ("cin_ada",)}, ("cin_extra",), id="denied"),
        pytest.param({"deny_accounts": ADAS}, (), id="all-denied"),
        pytest.param({"allow_accounts": ("cin_ada",), "deny_accounts": ("cin_ada",)}, ("cin_ada",), id="allow-wins-over-deny"),
    ],
)
def test_partition_accounts(changes: dict[str, Any], accounts: tuple[str, ...]) -> None:
    """AllowAccounts names who may; DenyAccounts counts only without it (slurm.conf(5))."""
    assert partition_accounts(partition(**changes), "ada", demo_associations()) == accounts


@pytest.mark.parametrize(
    ("version", "changes", "accounts"),
    [
        pytest.param((22, 5, 8), {"allow_accounts": ("cin_staff",)}, (), id="22.05-allowed-above"),
        pytest.param((22, 5, 8), {"deny_accounts": ("cin_staff",)}, ADAS, id="22.05-denied-above"),
        pytest.param((22, 5, 8), {"allow_accounts": ("nosuch",)}, (), id="22.05-none-that-there-is"),
        pytest.param((23, 2, 0), {"allow_accounts": ("cin_staff",)}, ADAS, id="23.02-allowed-above"),
        pytest.param((23, 2, 0), {"allow_accounts": ("nosuch",)}, ADAS, id="23.02-none-that-there-is"),
        pytest.param((26, 5, 3), {"deny_accounts": ("cin_staff",)}, (), id="26.05-denied-above"),
    ],
)
def test_partition_accounts_by_version(version: tuple[int, ...], changes: dict[str, Any], accounts: tuple[str, ...]) -> None:
    """Until 22.05 the names were compared as they are; from 23.02 on they are accounts with those below them (slurm.conf(5))."""
    assert partition_accounts(partition(**changes), "ada", demo_associations(), version=version) == accounts


def test_association_for_one_partition() -> None:
    """An association that names a partition holds there and nowhere else."""
    associations = (Association("cin_ada", "ada", partition="g100_cpu"), Association("cin_extra", "ada"))
    assert partition_accounts(partition(), "ada", associations) == ("cin_extra",)
    assert partition_accounts(cpu_partition(), "ada", associations) == ("cin_ada", "cin_extra")


@pytest.mark.parametrize(
    ("changes", "groups", "admitted"),
    [
        pytest.param({}, (), True, id="open-to-all"),
        pytest.param({"allow_groups": ("hpc", "staff")}, ("users", "staff"), True, id="one-group-is-enough"),
        pytest.param({"allow_groups": ("hpc",)}, ("users",), False, id="none-of-the-groups"),
        pytest.param({"allow_groups": ()}, ("users",), False, id="no-group-at-all"),
        pytest.param({"state": "DOWN"}, (), False, id="down"),
        pytest.param({"state": "DRAIN"}, (), False, id="drain"),
        pytest.param({"state": "INACTIVE"}, (), False, id="inactive"),
        pytest.param({"root_only": True}, (), False, id="root-only"),
        pytest.param({"allow_accounts": ("cin_other",)}, (), False, id="no-account-may"),
        pytest.param({"nodes": ()}, (), False, id="no-nodes"),
        pytest.param({"nodes": ("gone",)}, (), False, id="nodes-that-slurm-does-not-list"),
    ],
)
def test_partition_is_offered(changes: dict[str, Any], groups: tuple[str, ...], admitted: bool) -> None:
    """Offered are partitions that take jobs, admit the user's group and one of the accounts, and have a node."""
    own = entitled(partitions=(partition(**changes), cpu_partition()), groups=groups)
    assert [limits.name for limits in own.partitions] == (["g100_int", "g100_cpu"] if admitted else ["g100_cpu"])
    assert (own.partition("g100_int") is not None) is admitted


def test_nodes_that_give_nothing_to_jobs_do_not_count() -> None:
    """Memory of a node without cores for jobs, or cores of one without memory, can be had by nobody."""
    nodes = (node("g001", cores_total=2, cores_system=2, memory_mb=900_000), node("g002", cores_total=99, memory_mb=0), node("g003"))
    own = entitled(partitions=(partition(), partition("none", nodes=("g001", "g002"))), nodes=nodes)
    assert [(entry.name, entry.max_cores, entry.max_memory_mb) for entry in own.partitions] == [("g100_int", 48, 375300)]


def test_default_partition() -> None:
    """Slurm's default where the user may use it, else the first; none where there is none."""
    assert entitled(partitions=(cpu_partition(), partition())).default_partition == "g100_int"
    assert entitled(partitions=(cpu_partition(), partition(allow_accounts=("cin_other",)))).default_partition == "g100_cpu"
    assert entitled(partitions=()).default_partition == ""


def test_gpu_types() -> None:
    """Every type in the user's partitions, and none of a partition that is not theirs."""
    nodes = (*demo_nodes(), node("x001", gres="gpu:a100:4"))
    theirs = (partition(), partition("x", nodes=("x001",), is_default=False))
    assert entitled(nodes=nodes, partitions=theirs).gpu_types == ("a100", "v100")
    closed = partition("x", nodes=("x001",), is_default=False, root_only=True)
    assert entitled(nodes=nodes, partitions=(partition(), closed)).gpu_types == ("v100",)


# --- limits -------------------------------------------------------------------------------------------------------------------


def limits(*nodes: Node, **changes: Any) -> Any:
    """The limits of a partition of these nodes."""
    return limits_of(partition(**{"nodes": tuple(entry.name for entry in nodes), **changes}), ADAS, {entry.name: entry for entry in nodes})


def test_limits_of_the_demo() -> None:
    """One node's cores, memory and GPUs; times and shares as the partition has them."""
    found = limits(*demo_nodes()[:4], default_minutes=30)
    assert (found.max_cores, found.max_memory_mb, found.gpus) == (48, 375300, (("v100", 2),))
    assert (found.max_minutes, found.default_minutes, found.users_per_core) == (480, 30, 5)
    assert len(found.kinds) == 1


@pytest.mark.parametrize(
    ("nodes", "changes", "expected"),
    [
        pytest.param((node(),), {"max_cores_per_node": 24}, (24, 375300), id="max-cpus-per-node"),
        pytest.param((node(),), {"max_memory_mb_per_node": 1000}, (48, 1000), id="max-mem-per-node"),
        pytest.param((node(),), {"max_cores_per_node": 96, "max_memory_mb_per_node": 10**9}, (48, 375300), id="limit-above-the-node"),
        pytest.param((node(memory_mb_system=8192),), {}, (48, 367108), id="memory-of-the-system"),
        pytest.param((node(cores_system=2),), {}, (46, 375300), id="cores-of-the-system"),
        pytest.param((node(cores_total=16), node("g002", memory_mb=1000)), {}, (48, 375300), id="largest-of-each"),
        pytest.param((node(state="down", flags="drain"),), {}, (48, 375300), id="a-node-that-is-out-comes-back"),
    ],
)
def test_limits(nodes: tuple[Node, ...], changes: dict[str, Any], expected: tuple[int, int]) -> None:
    """What one job may have is what the largest node gives to jobs, less the partition's own limits."""
    found = limits(*nodes, **changes)
    assert (found.max_cores, found.max_memory_mb) == expected


@pytest.mark.parametrize(
    ("oversubscribe", "count", "users"),
    [("NO", 1, 1), ("EXCLUSIVE", 1, 1), ("YES", 4, 4), ("FORCE", 5, 5)],
    ids=["no", "exclusive", "yes", "force"],
)
def test_users_per_core(oversubscribe: str, count: int, users: int) -> None:
    """Only FORCE and YES let jobs share a core."""
    assert limits(node(), oversubscribe=oversubscribe, oversubscribe_count=count).users_per_core == users


@pytest.mark.parametrize(
    ("gpu_type", "most"),
    [("", 4), ("a100", 4), ("v100", 2), ("h100", 0)],
    ids=["any-one-type", "a100", "v100", "unknown"],
)
def test_gpus_of_a_partition(gpu_type: str, most: int) -> None:
    """The most of one type on one node; without a type, of the type that has most."""
    assert limits(node(), node("x001", gres="gpu:a100:4")).gpus_of(gpu_type) == most
    assert limits(node(gres="")).gpus_of(gpu_type) == 0


@pytest.mark.parametrize(
    ("wish", "fits"),
    [
        pytest.param((48, 1000, "", 2), True, id="the-small-nodes-all"),
        pytest.param((8, 500_000, "", 0), True, id="the-fat-nodes-all"),
        pytest.param((48, 500_000, "", 0), False, id="cores-of-one-memory-of-the-other"),
        pytest.param((1, 500_000, "", 1), False, id="gpus-of-one-memory-of-the-other"),
        pytest.param((1, 1000, "v100", 2), True, id="typed"),
        pytest.param((1, 1000, "a100", 1), False, id="type-of-no-node"),
    ],
)
def test_fits_one_node(wish: tuple[int, int, str, int], fits: bool) -> None:
    """Cores, memory and GPUs have to be on one and the same node."""
    fat = node("f001", gres="", cores_total=8, memory_mb=500_000)
    assert limits(node(memory_mb=1000), fat).fits_one_node(Demand(*wish)) is fits


# --- reservations -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "accounts"),
    [
        pytest.param({"users": ("ada",)}, ADAS, id="user"),
        pytest.param({"users": ("grace",)}, (), id="another-user"),
        pytest.param({"users": ("-grace",)}, ADAS, id="everybody-but-another"),
        pytest.param({"users": ("-ada",)}, (), id="everybody-but-me"),
        pytest.param({"users": (), "groups": ("hpc",)}, ADAS, id="group"),
        pytest.param({"users": (), "groups": ("staff",)}, (), id="another-group"),
        pytest.param({"users": (), "groups": ("-hpc",)}, (), id="everybody-but-my-group"),
        pytest.param({"users": (), "groups": ("-staff",)}, ADAS, id="everybody-but-another-group"),
        pytest.param({"users": (), "accounts": ("cin_extra",)}, ("cin_extra",), id="account"),
        pytest.param({"users": (), "accounts": ("cin_staff",)}, ADAS, id="a-parent-of-both-accounts"),
        pytest.param({"users": (), "accounts": ("root",)}, ADAS, id="the-root-of-all"),
        pytest.param({"users": (), "accounts": ("cin_grace",)}, (), id="another-account"),
        pytest.param({"users": (), "accounts": ("-cin_ada",)}, ("cin_extra",), id="every-account-but-one"),
        pytest.param({"users": (), "accounts": ("-cin_staff",)}, (), id="every-account-but-a-parent"),
        pytest.param({"users": (), "accounts": ("-cin_other",)}, ADAS, id="every-account-but-another"),
        pytest.param({"users": ("ada",), "accounts": ("cin_extra",)}, ("cin_extra",), id="user-and-account"),
        pytest.param({"users": ("ada",), "accounts": ("cin_grace",)}, (), id="right-user-wrong-account"),
        pytest.param({"users": ("grace",), "accounts": ("cin_ada",)}, (), id="wrong-user-right-account"),
        pytest.param({"users": ()}, (), id="nobody-named"),
    ],
)
def test_reservation_accounts(changes: dict[str, Any], accounts: tuple[str, ...]) -> None:
    """Users or groups, and accounts: all that is given must match; a leading - is everyone except (scontrol(1))."""
    entry = reservation(**changes)
    assert reservation_accounts(entry, "ada", ("users", "hpc"), ADAS, demo_associations()) == accounts
    assert may_use_reservation(entry, "ada", ("users", "hpc"), ADAS, demo_associations()) is bool(accounts)


@pytest.mark.parametrize("flags", [("MAINT",), ("MAINT", "SPEC_NODES"), ("maint",)], ids=str)
def test_maintenance_is_nobodys(flags: tuple[str, ...]) -> None:
    """A maintenance is never a choice, whoever it names."""
    assert not may_use_reservation(reservation(flags=frozenset(flags)), "ada", (), ADAS, demo_associations())
    assert may_use_reservation(reservation(flags=frozenset({"SPEC_NODES"})), "ada", (), ADAS, demo_associations())


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        pytest.param({}, True, id="now"),
        pytest.param({"start": NOW}, True, id="begins-now"),
        pytest.param({"end": NOW}, False, id="ends-now"),
        pytest.param({"start": NOW - 2 * HOUR, "end": NOW - HOUR}, False, id="over"),
        pytest.param({"start": NOW + HOUR}, False, id="not-begun"),
        pytest.param({"users": ("grace",)}, False, id="somebody-elses"),
        pytest.param({"flags": frozenset({"MAINT"})}, False, id="maintenance"),
    ],
)
def test_reservation_is_offered(changes: dict[str, Any], offered: bool) -> None:
    """Offered are those that run now and admit the user; with each, the accounts that may use it."""
    own = entitled(reservations=(reservation(**changes),))
    assert [entry.name for entry in own.reservations] == (["course"] if offered else [])
    assert own.reservation_accounts == ({"course": ADAS} if offered else {})


def test_reservation_of_an_account() -> None:
    """A reservation of one account goes with that account only."""
    own = entitled(reservations=(reservation(users=(), accounts=("cin_extra",)),))
    assert own.reservation_accounts == {"course": ("cin_extra",)}


# --- without accounting -------------------------------------------------------------------------------------------------------


def test_cluster_without_accounts() -> None:
    """Where no slurmdbd is, every partition is open, no account is named, and reservations of users and groups still work."""
    entries: Sequence[Reservation] = (
        reservation(),
        reservation("theirs", users=("grace",)),
        reservation("acct", users=(), accounts=("x",)),
    )
    partitions: Sequence[Partition] = (partition(allow_accounts=("cin_other",)), cpu_partition())
    own = entitled(associations=None, partitions=partitions, reservations=entries)
    assert own.accounts is None
    assert own.default_account == ""
    assert [entry.name for entry in own.partitions] == ["g100_int", "g100_cpu"]
    assert [entry.name for entry in own.reservations] == ["course"]


def test_user_without_association() -> None:
    """Somebody without an association has no account and no partition."""
    own = entitled("nobody")
    assert (own.accounts, own.default_account, own.partitions) == ((), "", ())


# --- all of it together -------------------------------------------------------------------------------------------------------


def test_everything_of_one_user() -> None:
    """Accounts, the default one, the accounts of each partition and the reasons of the others, as one record."""
    rows = (*demo_associations()[:-4], Association("cin_ada", "ada", qos=("normal",)), Association("cin_extra", "ada", qos=("x",)))
    small = reservation("small", core_count=None)
    own = entitled(
        associations=rows,
        qos=(Qos("normal"), Qos("x")),
        reservations=(small, reservation("none", nodes=())),
        partitions=(partition(deny_qos=("x",)), cpu_partition()),
    )
    assert (own.user, own.accounts, own.default_account) == ("ada", ADAS, "cin_ada")
    here, there = own.partitions
    assert (here.accounts, dict(here.refused), {account: rules.qos for account, rules in here.rules.items()}) == (
        ("cin_ada",),
        {"cin_extra": "QOS x may not be used there"},
        {"cin_ada": "normal", "cin_extra": "x"},
    )
    assert (there.accounts, dict(there.refused)) == (ADAS, {})
    assert set(here.inside) == {"small"}
    assert (own.upcoming, own.accounts_as_of, own.accounts_stale) == ((), 0.0, False)


def test_an_account_that_may_not_have_a_whole_node() -> None:
    """In an exclusive partition the reason names the QOS where there is one; an earlier reason stays the reason."""
    limited = AccountingLimits(per_job=(("cpu", 47),))
    rows = (
        Association("free", "ada", qos=("normal",)),
        Association("small", "ada", qos=("normal",), limits=limited),
        Association("barred", "ada", qos=("x",), limits=limited),
    )
    whole = partition(oversubscribe="EXCLUSIVE", deny_qos=("x",))
    (found,) = entitled(associations=rows, qos=(Qos("normal"), Qos("x")), partitions=(whole,)).partitions
    assert found.accounts == ("free",)
    assert dict(found.refused) == {
        "small": "it gives whole nodes, which are more than QOS normal or the account allows",
        "barred": "QOS x may not be used there",
    }
    (unknown,) = entitled(associations=rows, partitions=(whole,)).partitions
    assert dict(unknown.refused) == {"small": "it gives whole nodes", "barred": "it gives whole nodes"}
    assert dict(entitled(associations=rows, partitions=(partition(),)).partitions[0].refused) == {}


def test_limits_of_memory_where_none_is_counted() -> None:
    """No job is held back by them."""
    rows = (Association("a", "ada", qos=("normal",), limits=AccountingLimits(per_job=(("mem", 4096), ("cpu", 3)))),)
    for parameters, resources in (("CR_CORE", ["cores"]), ("CR_CORE_MEMORY", ["cores", "memory"])):
        (found,) = entitled(associations=rows, qos=(Qos("normal"),), partitions=(partition(select_parameters=parameters),)).partitions
        assert sorted(limit.resource for limit in found.rules["a"].limits) == resources


def test_a_whole_node_beyond_what_is_left() -> None:
    """Of an exclusive partition's nodes those are too much that have more cores or GPUs than the account may have now."""
    rows = (Association("a", "ada", qos=("normal",), limits=AccountingLimits(per_job=(("gres/gpu:v100", 2), ("cpu", 48)))),)
    for sharing, gres, cores, too_much in (
        ("EXCLUSIVE", "gpu:v100:2", 48, False),
        ("EXCLUSIVE", "gpu:v100:3", 48, True),
        ("EXCLUSIVE", "gpu:t4:3", 48, False),
        ("EXCLUSIVE", "gpu:v100:2", 64, True),
        ("NO", "gpu:v100:3", 64, False),
    ):
        nodes = (node("g001"), node("g009", gres=gres, cores_total=cores))
        whole = partition(oversubscribe=sharing, nodes=("g001", "g009"))
        (found,) = entitled(associations=rows, qos=(Qos("normal"),), partitions=(whole,), nodes=nodes).partitions
        (kind,) = kinds_of(whole, ("g009",), {entry.name: entry for entry in nodes})
        assert found.takes_too_much(kind, Demand(1, 1024), "a") is too_much, (sharing, gres, cores)


def test_an_account_that_must_have_memory_where_none_is_counted() -> None:
    """Its jobs would be given none, and could never start."""
    rows = (Association("a", "ada", qos=("normal",)), Association("b", "ada", qos=("large",)))
    least = Qos("large", limits=AccountingLimits(least_per_job=(("mem", 4096),)))
    for parameters, refused in (
        ("CR_CORE", {"b": "QOS large asks for memory, and Slurm counts none there"}),
        ("CR_CORE_MEMORY", {}),
        ("", {}),
    ):
        (found,) = entitled(associations=rows, qos=(Qos("normal"), least), partitions=(partition(select_parameters=parameters),)).partitions
        assert dict(found.refused) == refused, parameters


@pytest.mark.parametrize(
    ("core_count", "nodes", "threads", "cores"),
    [
        pytest.param(None, ("g001", "g002"), 1, 48, id="not-said"),
        pytest.param(7, ("g001", "g002"), 1, 4, id="an-equal-share-rounded-up"),
        pytest.param(8, ("g001", "g002"), 1, 4, id="an-equal-share"),
        pytest.param(8, ("g001", "gone"), 1, 4, id="of-a-node-elsewhere-too"),
        pytest.param(8, ("g001",), 2, 16, id="cores-are-two-threads"),
        pytest.param(24, ("g001",), 2, 48, id="all-of-the-node"),
        pytest.param(100, ("g001",), 1, 48, id="never-more-than-the-node"),
    ],
)
def test_cores_of_a_reservation(core_count: int | None, nodes: tuple[str, ...], threads: int, cores: int) -> None:
    """Where a reservation has some cores only, a job has an equal share of them on each node, and all of its memory and GPUs."""
    there = tuple(node(name, threads_per_core=threads) for name in ("g001", "g002"))
    own = entitled(nodes=there, reservations=(reservation(nodes=nodes, core_count=core_count),)).partitions[0]
    found = own.narrowed("cin_ada", "course")
    assert (found.max_cores, found.max_memory_mb, found.gpus) == (cores, MEMORY_MB, (("v100", 2),))


def test_limits_of_the_partition_hold_in_a_reservation() -> None:
    """MaxMemPerNode of the cluster as well."""
    own = entitled(reservations=(reservation(),), config=config(MaxMemPerNode="1000"), partitions=(partition(max_cores_per_node=6),))
    found = own.partitions[0].narrowed("cin_ada", "course")
    assert (found.max_cores, found.max_memory_mb) == (6, 1000)


@pytest.mark.parametrize(
    ("values", "changes", "memory_mb"),
    [
        pytest.param({"MaxMemPerNode": "0"}, {}, MEMORY_MB, id="0-is-no-limit"),
        pytest.param({"MaxMemPerNode": "1"}, {}, 1, id="the-least-limit"),
        pytest.param({"MaxMemPerNode": "٣"}, {}, MEMORY_MB, id="other-digits"),
        pytest.param({"MaxMemPerNode": "10M"}, {}, MEMORY_MB, id="no-number"),
        pytest.param({"MaxMemPerNode": "²"}, {}, MEMORY_MB, id="no-decimal"),
        pytest.param({"MaxMemPerCPU": "10"}, {}, 480, id="each-core"),
        pytest.param({"MaxMemPerNode": "900", "MaxMemPerCPU": "10"}, {}, 480, id="both"),
        pytest.param({"MaxMemPerNode": "100"}, {"max_memory_mb_per_cpu": 20}, 960, id="the-partitions-of-the-other-kind"),
        pytest.param({"MaxMemPerCPU": "10"}, {"max_memory_mb_per_node": 2000}, 2000, id="the-partitions-of-a-node"),
    ],
)
def test_memory_limits_that_the_cluster_has(values: dict[str, str], changes: dict[str, Any], memory_mb: int) -> None:
    """MaxMemPerNode and MaxMemPerCPU hold where the partition has neither; what is no number of MB is no limit."""
    assert entitled(config=config(**values), partitions=(partition(**changes),)).partitions[0].max_memory_mb == memory_mb


def test_users_and_groups_of_a_reservation() -> None:
    """Where both are given, both must match; one group of several is enough."""
    both = reservation(users=("ada",), groups=("hpc", "other"))
    assert reservation_accounts(both, "ada", ("users", "hpc"), ADAS, ()) == ADAS
    assert reservation_accounts(both, "ada", ("users",), ADAS, ()) == ()
    assert reservation_accounts(both, "eve", ("hpc",), ADAS, ()) == ()


def test_lists_of_accounts_without_enforcement() -> None:
    """slurmctld looks at neither list; associations of another partition or another user still do not count."""
    rows = (Association("b", "ada"), Association("a", "ada", "g100_int"), Association("c", "ada", "other"), Association("d", "eve"))
    assert partition_accounts(partition(allow_accounts=("b",)), "ada", rows, enforced=False) == ("a", "b")
    assert partition_accounts(partition(deny_accounts=("b",)), "ada", rows, enforced=False) == ("a", "b")
    assert partition_accounts(partition(deny_accounts=("b",)), "ada", rows) == ("a",)


def test_groups_open_partitions_and_reservations() -> None:
    """One of the user's groups is enough for each of them."""
    changes = {"partitions": (partition(allow_groups=("hpc",)), cpu_partition()), "reservations": (reservation(users=(), groups=("hpc",)),)}
    member, other = entitled(groups=("users", "hpc"), **changes), entitled(groups=("users",), **changes)
    assert [entry.name for entry in member.partitions] == ["g100_int", "g100_cpu"]
    assert dict(member.reservation_accounts) == {"course": ADAS}
    assert [entry.name for entry in other.partitions] == ["g100_cpu"]
    assert (other.reservations, dict(other.reservation_accounts)) == ((), {})


def test_a_reservation_of_a_parent_is_for_the_accounts_below_it() -> None:
    """The user's own rows do not name the parents; the accounts' own do."""
    own = entitled(reservations=(reservation(users=(), accounts=("cin_staff",)), reservation("extra", users=(), accounts=("cin_extra",))))
    assert dict(own.reservation_accounts) == {"course": ADAS, "extra": ("cin_extra",)}


def test_a_default_account_that_is_not_the_first() -> None:
    """Slurm's own default is kept, whatever the alphabet says."""
    own = entitled(associations=(Association("a_first", "ada"), Association("cin_ada", "ada")))
    assert (own.accounts, own.default_account) == (("a_first", "cin_ada"), "cin_ada")
